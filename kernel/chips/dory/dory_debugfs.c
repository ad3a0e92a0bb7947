// SPDX-License-Identifier: GPL-2.0-only
/* Files in debugfs: registers, counters, and the card's error-injection block. */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <halyard/inject.h>

#include "dory.h"

/* Registers may be accessed between these. */
static int dory_debugfs_enter(struct halyard_device *hdev, int *idx)
{
	struct dory_device *ddev = to_dory(hdev);

	if (!drm_dev_enter(&hdev->drm, idx))
		return -ENODEV;

	mutex_lock(&ddev->state_lock);
	if (ddev->ready)
		return 0;

	mutex_unlock(&ddev->state_lock);
	drm_dev_exit(*idx);

	return -EBUSY;
}

static void dory_debugfs_exit(struct halyard_device *hdev, int idx)
{
	mutex_unlock(&to_dory(hdev)->state_lock);
	drm_dev_exit(idx);
}

static int dory_registers_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	unsigned int i;
	int idx, ret;

	ret = dory_debugfs_enter(hdev, &idx);
	if (ret)
		return ret;

	debugfs_print_regs32(m, dory_registers, ARRAY_SIZE(dory_registers), hdev->regs, "");
	for (i = 0; i < DORY_NUM_REGIONS; i++)
		seq_printf(m, "region%u base %#x limit %#x flags %#x\n", i,
			   halyard_read(hdev, DORY_REGION(i) + DORY_REGION_BASE),
			   halyard_read(hdev, DORY_REGION(i) + DORY_REGION_LIMIT),
			   halyard_read(hdev, DORY_REGION(i) + DORY_REGION_FLAGS));
	dory_debugfs_exit(hdev, idx);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dory_registers);

static const char *const dory_perf_names[DORY_NUM_PERF] = {
	[DORY_PERF_JOBS] = "jobs",
	[DORY_PERF_COMMANDS] = "commands",
	[DORY_PERF_KIB_READ] = "kib_read",
	[DORY_PERF_KIB_WRITTEN] = "kib_written",
	[DORY_PERF_INTERRUPTS] = "interrupts",
	[DORY_PERF_ERRORS] = "errors",
	[DORY_PERF_ECC_CORRECTED] = "ecc_corrected",
};

static int dory_perf_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	unsigned int i;
	int idx, ret;

	ret = dory_debugfs_enter(hdev, &idx);
	if (ret)
		return ret;

	for (i = 0; i < DORY_NUM_PERF; i++)
		seq_printf(m, "%s %u\n", dory_perf_names[i], halyard_read(hdev, DORY_PERF(i)));
	dory_debugfs_exit(hdev, idx);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(dory_perf);

static const char *const dory_inject_names[DORY_NUM_INJECT] = {
	[DORY_INJECT_NONE] = "none",
	[DORY_INJECT_HANG] = "hang",
	[DORY_INJECT_OPERANDS] = "operands",
	[DORY_INJECT_BUS] = "bus",
	[DORY_INJECT_ECC] = "ecc",
	[DORY_INJECT_IRQ_LOST] = "irq_lost",
	[DORY_INJECT_IRQ_LATE] = "irq_late",
	[DORY_INJECT_IRQ_SPURIOUS] = "irq_spurious",
	[DORY_INJECT_IRQ_EARLY] = "irq_early",
	[DORY_INJECT_RESET_FAILS] = "reset_fails",
	[DORY_INJECT_LINK_LOSS] = "link_loss",
	[DORY_INJECT_SLOW] = "slow",
};

static void dory_inject_arm(struct halyard_device *hdev, const struct halyard_injection *injection)
{
	lockdep_assert_held(&to_dory(hdev)->state_lock);

	halyard_write(hdev, DORY_INJECT_KIND, injection->kind);
	halyard_write(hdev, DORY_INJECT_SKIP, injection->skip);
	halyard_write(hdev, DORY_INJECT_COUNT, injection->count);
	halyard_write(hdev, DORY_INJECT_ARG, injection->arg);
	halyard_write(hdev, DORY_INJECT_ARM, 1);
}

static u32 dory_inject_fired(struct halyard_device *hdev)
{
	return halyard_read(hdev, DORY_INJECT_FIRED);
}

static const struct halyard_injector dory_injector = {
	.names = dory_inject_names,
	.num_names = ARRAY_SIZE(dory_inject_names),
	.enter = dory_debugfs_enter,
	.exit = dory_debugfs_exit,
	.arm = dory_inject_arm,
	.fired = dory_inject_fired,
};

/**
 * dory_debugfs_init - add files to the card's folder; the DRM core removes them
 * @hdev: the card
 */
void dory_debugfs_init(struct halyard_device *hdev)
{
	struct dentry *root = hdev->drm.debugfs_root;

	debugfs_create_file("registers", 0400, root, hdev, &dory_registers_fops);
	debugfs_create_file("perf", 0400, root, hdev, &dory_perf_fops);
	halyard_inject_init(hdev, &dory_injector);
}
