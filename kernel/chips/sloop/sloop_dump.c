// SPDX-License-Identifier: GPL-2.0-only
/* What a failure looked like to the card. */

#include "sloop.h"

const struct debugfs_reg32 sloop_registers[SLOOP_NUM_REGISTERS] = {
	{ "BOOT_STATE", SLP_BOOT_STATE },
	{ "BOOT_STATUS", SLP_BOOT_STATUS },
	{ "FW_VERSION", SLP_FW_VERSION },
	{ "FW_HEARTBEAT", SLP_FW_HEARTBEAT },
	{ "CRASH_CODE", SLP_CRASH_CODE },
	{ "IRQ_STATUS", SLP_IRQ_STATUS },
	{ "ADMIN_REQUEST_TAIL", SLP_ADMIN_REQUEST_TAIL },
	{ "ADMIN_RESPONSE_TAIL", SLP_ADMIN_RESPONSE_TAIL },
	{ "EVENT_TAIL", SLP_EVENT_TAIL },
	{ "EVENT_LOST", SLP_EVENT_LOST },
	{ "INJECT_KIND", SLP_INJECT_KIND },
	{ "INJECT_FIRED", SLP_INJECT_FIRED },
};

/**
 * sloop_dump - &halyard_chip_ops.dump
 * @hdev: the card
 * @dump: to be added to
 * @vm: NULL
 * @address: 0
 */
void sloop_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
		u64 address)
{
	unsigned int e;

	if (!to_sloop(hdev)->ready)
		return;

	halyard_dump_section(dump, "registers");
	halyard_dump_registers(dump, sloop_registers, SLOOP_NUM_REGISTERS);
	for (e = 0; e < SLP_NUM_ENGINES; e++) {
		halyard_dump_value(dump, halyard_read(hdev, SLP_ENGINE(e) + SLP_ENGINE_STATUS),
				   "engine%u STATUS", e);
		halyard_dump_value(dump, halyard_read(hdev, SLP_ENGINE(e) + SLP_ENGINE_QUEUE),
				   "engine%u QUEUE", e);
	}
}
