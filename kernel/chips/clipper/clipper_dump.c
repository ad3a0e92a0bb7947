// SPDX-License-Identifier: GPL-2.0-only
/* What a failure looked like to the card. */

#include "clipper.h"

const struct debugfs_reg32 clipper_registers[CLIPPER_NUM_REGISTERS] = {
	{ "STATUS", CLP_STATUS },
	{ "CONTROL", CLP_CONTROL },
	{ "IRQ_STATUS", CLP_IRQ_STATUS },
	{ "IRQ_ENABLE", CLP_IRQ_ENABLE },
	{ "FAULTQ_ORDER", CLP_FAULTQ_ORDER },
	{ "FAULTQ_HEAD", CLP_FAULTQ_HEAD },
	{ "FAULTQ_TAIL", CLP_FAULTQ_TAIL },
	{ "FAULTQ_LOST", CLP_FAULTQ_LOST },
	{ "TLB_STATUS", CLP_TLB_STATUS },
	{ "INJECT_KIND", CLP_INJECT_KIND },
	{ "INJECT_FIRED", CLP_INJECT_FIRED },
};

static void clipper_dump_engines(struct halyard_device *hdev, struct halyard_dump *dump)
{
	unsigned int e;

	for (e = 0; e < CLP_NUM_ENGINES; e++) {
		halyard_dump_value(dump, halyard_read(hdev, CLP_ENGINE(e) + CLP_ENGINE_STATUS),
				   "engine%u STATUS", e);
		halyard_dump_value(dump, halyard_read(hdev, CLP_ENGINE(e) + CLP_ENGINE_QUEUE),
				   "engine%u QUEUE", e);
	}
}

static void clipper_dump_queues(struct halyard_device *hdev, struct halyard_dump *dump)
{
	unsigned int i;

	for_each_set_bit(i, to_clipper(hdev)->enabled, CLP_NUM_QUEUES) {
		halyard_dump_value(dump, halyard_read(hdev, CLP_QUEUE(i) + CLP_QUEUE_STATE),
				   "queue%u STATE", i);
		halyard_dump_value(dump, halyard_read(hdev, CLP_QUEUE(i) + CLP_QUEUE_HEAD),
				   "queue%u HEAD", i);
		halyard_dump_value(dump, halyard_read(hdev, CLP_QUEUE(i) + CLP_QUEUE_TAIL),
				   "queue%u TAIL", i);
	}
}

/**
 * clipper_dump - &halyard_chip_ops.dump
 * @hdev: the card
 * @dump: to be added to
 * @vm: address space of the access that failed, or NULL
 * @address: of the access
 */
void clipper_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
		  u64 address)
{
	if (to_clipper(hdev)->ready) {
		halyard_dump_section(dump, "registers");
		halyard_dump_registers(dump, clipper_registers, CLIPPER_NUM_REGISTERS);
		clipper_dump_engines(hdev, dump);
		clipper_dump_queues(hdev, dump);
	}
	if (vm)
		clipper_mmu_dump(vm, address, dump);
}
