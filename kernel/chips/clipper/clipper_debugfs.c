// SPDX-License-Identifier: GPL-2.0-only
/* Files in debugfs: registers, counters, and the card's error-injection block. */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <halyard/inject.h>

#include "clipper.h"

/* Registers may be accessed between these. */
static int clipper_debugfs_enter(struct halyard_device *hdev, int *idx)
{
	struct clipper_device *cdev = to_clipper(hdev);

	if (!drm_dev_enter(&hdev->drm, idx))
		return -ENODEV;

	mutex_lock(&cdev->state_lock);
	if (cdev->ready)
		return 0;

	mutex_unlock(&cdev->state_lock);
	drm_dev_exit(*idx);

	return -EBUSY;
}

static void clipper_debugfs_exit(struct halyard_device *hdev, int idx)
{
	mutex_unlock(&to_clipper(hdev)->state_lock);
	drm_dev_exit(idx);
}

static const char *const clipper_perf_names[CLP_NUM_PERF] = {
	[CLP_PERF_BYTES_READ] = "bytes_read",
	[CLP_PERF_BYTES_WRITTEN] = "bytes_written",
	[CLP_PERF_TLB_HITS] = "tlb_hits",
	[CLP_PERF_TLB_MISSES] = "tlb_misses",
	[CLP_PERF_DOORBELLS] = "doorbells",
	[CLP_PERF_INTERRUPTS] = "interrupts",
	[CLP_PERF_FAULTS] = "faults",
	[CLP_PERF_PREEMPTIONS] = "preemptions",
	[CLP_PERF_ECC_CORRECTED] = "ecc_corrected",
};

static int clipper_perf_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	unsigned int i;
	int idx, ret;

	ret = clipper_debugfs_enter(hdev, &idx);
	if (ret)
		return ret;

	for (i = 0; i < CLP_NUM_PERF; i++)
		seq_printf(m, "%s %llu\n", clipper_perf_names[i],
			   clipper_read_counter(hdev, CLP_PERF(i)));
	for (i = 0; i < CLP_NUM_ENGINES; i++)
		seq_printf(m, "engine%u busy_ns %llu commands %llu jobs %llu\n", i,
			   clipper_read_counter(hdev, CLP_ENGINE(i) + CLP_ENGINE_BUSY_NS_LO),
			   clipper_read_counter(hdev, CLP_ENGINE(i) + CLP_ENGINE_COMMANDS_LO),
			   clipper_read_counter(hdev, CLP_ENGINE(i) + CLP_ENGINE_JOBS_LO));
	clipper_debugfs_exit(hdev, idx);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(clipper_perf);

static int clipper_registers_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	unsigned int i;
	int idx, ret;

	ret = clipper_debugfs_enter(hdev, &idx);
	if (ret)
		return ret;

	debugfs_print_regs32(m, clipper_registers, ARRAY_SIZE(clipper_registers), hdev->regs, "");
	for (i = 0; i < CLP_NUM_ENGINES; i++)
		seq_printf(m, "engine%u status %#x queue %d\n", i,
			   halyard_read(hdev, CLP_ENGINE(i) + CLP_ENGINE_STATUS),
			   (int)halyard_read(hdev, CLP_ENGINE(i) + CLP_ENGINE_QUEUE));
	for_each_set_bit(i, to_clipper(hdev)->enabled, CLP_NUM_QUEUES)
		seq_printf(m, "queue%u state %u head %u tail %u\n", i,
			   halyard_read(hdev, CLP_QUEUE(i) + CLP_QUEUE_STATE),
			   halyard_read(hdev, CLP_QUEUE(i) + CLP_QUEUE_HEAD),
			   halyard_read(hdev, CLP_QUEUE(i) + CLP_QUEUE_TAIL));
	clipper_debugfs_exit(hdev, idx);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(clipper_registers);

static const char *const clipper_inject_names[CLP_NUM_INJECT] = {
	[CLP_INJECT_NONE] = "none",
	[CLP_INJECT_HANG] = "hang",
	[CLP_INJECT_PAGE_FAULT] = "page_fault",
	[CLP_INJECT_ILLEGAL] = "illegal",
	[CLP_INJECT_ECC] = "ecc",
	[CLP_INJECT_IRQ_LOST] = "irq_lost",
	[CLP_INJECT_IRQ_LATE] = "irq_late",
	[CLP_INJECT_IRQ_SPURIOUS] = "irq_spurious",
	[CLP_INJECT_COMPLETION_TORN] = "completion_torn",
	[CLP_INJECT_COMPLETION_EARLY] = "completion_early",
	[CLP_INJECT_QUEUE_RESET_FAILS] = "queue_reset_fails",
	[CLP_INJECT_ENGINE_RESET_FAILS] = "engine_reset_fails",
	[CLP_INJECT_FUNCTION_RESET_FAILS] = "function_reset_fails",
	[CLP_INJECT_LINK_LOSS] = "link_loss",
	[CLP_INJECT_SLOW] = "slow",
};

static void clipper_inject_arm(struct halyard_device *hdev,
			       const struct halyard_injection *injection)
{
	lockdep_assert_held(&to_clipper(hdev)->state_lock);

	halyard_write(hdev, CLP_INJECT_KIND, injection->kind);
	halyard_write(hdev, CLP_INJECT_TARGET, injection->target);
	halyard_write(hdev, CLP_INJECT_SKIP, injection->skip);
	halyard_write(hdev, CLP_INJECT_COUNT, injection->count);
	halyard_write(hdev, CLP_INJECT_ARG, injection->arg);
	halyard_write(hdev, CLP_INJECT_ARM, 1);
}

static u32 clipper_inject_fired(struct halyard_device *hdev)
{
	return halyard_read(hdev, CLP_INJECT_FIRED);
}

static const struct halyard_injector clipper_injector = {
	.names = clipper_inject_names,
	.num_names = ARRAY_SIZE(clipper_inject_names),
	.enter = clipper_debugfs_enter,
	.exit = clipper_debugfs_exit,
	.arm = clipper_inject_arm,
	.fired = clipper_inject_fired,
};

/**
 * clipper_debugfs_init - add files to the card's folder; the DRM core removes them
 * @hdev: the card
 */
void clipper_debugfs_init(struct halyard_device *hdev)
{
	struct dentry *root = hdev->drm.debugfs_root;

	debugfs_create_file("perf", 0400, root, hdev, &clipper_perf_fops);
	debugfs_create_file("registers", 0400, root, hdev, &clipper_registers_fops);
	halyard_inject_init(hdev, &clipper_injector);
}
