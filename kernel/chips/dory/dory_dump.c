// SPDX-License-Identifier: GPL-2.0-only
/* What a failure looked like to the card. */

#include "dory.h"

const struct debugfs_reg32 dory_registers[DORY_NUM_REGISTERS] = {
	{ "STATUS", DORY_STATUS },
	{ "IRQ_STATUS", DORY_IRQ_STATUS },
	{ "IRQ_ENABLE", DORY_IRQ_ENABLE },
	{ "STREAM", DORY_STREAM },
	{ "STREAM_SIZE", DORY_STREAM_SIZE },
	{ "JOB", DORY_JOB },
	{ "COMPLETED", DORY_COMPLETED },
	{ "COMMANDS", DORY_COMMANDS },
	{ "TAG", DORY_TAG },
	{ "ERROR_CAUSE", DORY_ERROR_CAUSE },
	{ "ERROR_OFFSET", DORY_ERROR_OFFSET },
	{ "INJECT_KIND", DORY_INJECT_KIND },
	{ "INJECT_FIRED", DORY_INJECT_FIRED },
};

/**
 * dory_dump - &halyard_chip_ops.dump
 * @hdev: the card
 * @dump: to be added to
 * @vm: NULL
 * @address: 0
 */
void dory_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
	       u64 address)
{
	unsigned int i;

	if (!to_dory(hdev)->ready)
		return;

	halyard_dump_section(dump, "registers");
	halyard_dump_registers(dump, dory_registers, DORY_NUM_REGISTERS);
	for (i = 0; i < DORY_NUM_REGIONS; i++) {
		halyard_dump_value(dump, halyard_read(hdev, DORY_REGION(i) + DORY_REGION_BASE),
				   "region%u BASE", i);
		halyard_dump_value(dump, halyard_read(hdev, DORY_REGION(i) + DORY_REGION_LIMIT),
				   "region%u LIMIT", i);
		halyard_dump_value(dump, halyard_read(hdev, DORY_REGION(i) + DORY_REGION_FLAGS),
				   "region%u FLAGS", i);
	}
}
