// SPDX-License-Identifier: GPL-2.0-only
/* Files in debugfs: registers, telemetry, the firmware's log, and the error-injection block. */

#include <linux/debugfs.h>
#include <linux/dma-mapping.h>
#include <linux/seq_file.h>

#include <halyard/inject.h>

#include "sloop.h"

#define SLOOP_LOG_SIZE	SZ_16K

/* Registers may be accessed between these. */
static int sloop_debugfs_enter(struct halyard_device *hdev, int *idx)
{
	struct sloop_device *sdev = to_sloop(hdev);

	if (!drm_dev_enter(&hdev->drm, idx))
		return -ENODEV;

	mutex_lock(&sdev->event_lock);
	if (sdev->ready)
		return 0;

	mutex_unlock(&sdev->event_lock);
	drm_dev_exit(*idx);

	return -EBUSY;
}

static void sloop_debugfs_exit(struct halyard_device *hdev, int idx)
{
	mutex_unlock(&to_sloop(hdev)->event_lock);
	drm_dev_exit(idx);
}

/* ---- what the firmware tells ---- */

static void sloop_telemetry_print(struct seq_file *m, const struct slp_telemetry *t)
{
	unsigned int i;

	seq_printf(m, "uptime_ns %llu\nbytes_to_card %llu\nbytes_to_host %llu\n", t->uptime_ns,
		   t->bytes_to_card, t->bytes_to_host);
	seq_printf(m, "ecc_corrected %llu\necc_uncorrectable %llu\n", t->ecc_corrected,
		   t->ecc_uncorrectable);
	seq_printf(m, "preemptions %llu\ninterrupts %llu\n", t->preemptions, t->interrupts);
	seq_printf(m, "temperature_mc %u\npower_mw %u\ncontexts %u\nqueues %u\n",
		   t->temperature_mc, t->power_mw, t->contexts, t->queues);
	for (i = 0; i < SLP_NUM_ENGINES; i++)
		seq_printf(m, "engine%u busy_ns %llu commands %llu jobs %llu\n", i,
			   t->engines[i].busy_ns, t->engines[i].commands, t->engines[i].jobs);
}

/* Has the firmware write to @size bytes of memory. What it was is the caller's to free. */
static int sloop_tell(struct halyard_device *hdev, enum slp_admin_op op, void **data,
		      dma_addr_t *dma, u32 *size)
{
	struct slp_admin_request request = { .op = op, .buffer.size = *size };
	int ret, idx;

	*data = dma_alloc_coherent(hdev->dev, *size, dma, GFP_KERNEL);
	if (!*data)
		return -ENOMEM;
	request.buffer.address = *dma;
	if (!drm_dev_enter(&hdev->drm, &idx)) {
		ret = -ENODEV;
	} else {
		ret = sloop_admin(hdev, &request, size);
		drm_dev_exit(idx);
	}

	return ret;
}

static int sloop_telemetry_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	u32 size = sizeof(struct slp_telemetry);
	dma_addr_t dma;
	void *data;
	int ret;

	ret = sloop_tell(hdev, SLP_ADMIN_TELEMETRY, &data, &dma, &size);
	if (!ret && size == sizeof(struct slp_telemetry))
		sloop_telemetry_print(m, data);
	if (data)
		dma_free_coherent(hdev->dev, sizeof(struct slp_telemetry), data, dma);

	return ret;
}
DEFINE_SHOW_ATTRIBUTE(sloop_telemetry);

static int sloop_log_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	u32 size = SLOOP_LOG_SIZE;
	dma_addr_t dma;
	void *data;
	int ret;

	ret = sloop_tell(hdev, SLP_ADMIN_LOG, &data, &dma, &size);
	if (!ret)
		seq_write(m, data, size);
	if (data)
		dma_free_coherent(hdev->dev, SLOOP_LOG_SIZE, data, dma);

	return ret;
}
DEFINE_SHOW_ATTRIBUTE(sloop_log);

static int sloop_events_show(struct seq_file *m, void *unused)
{
	struct sloop_device *sdev = to_sloop(m->private);

	mutex_lock(&sdev->event_lock);
	seq_printf(m, "ecc_corrected %llu\necc_uncorrectable %llu\n",
		   sdev->event_count[SLP_EVENT_ECC_CORRECTED],
		   sdev->event_count[SLP_EVENT_ECC_UNCORRECTABLE]);
	seq_printf(m, "queue_error %llu\nengine_hung %llu\n",
		   sdev->event_count[SLP_EVENT_QUEUE_ERROR],
		   sdev->event_count[SLP_EVENT_ENGINE_HUNG]);
	mutex_unlock(&sdev->event_lock);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sloop_events);

/* ---- registers ---- */

static int sloop_registers_show(struct seq_file *m, void *unused)
{
	struct halyard_device *hdev = m->private;
	unsigned int i;
	int idx, ret;

	ret = sloop_debugfs_enter(hdev, &idx);
	if (ret)
		return ret;

	debugfs_print_regs32(m, sloop_registers, ARRAY_SIZE(sloop_registers), hdev->regs, "");
	for (i = 0; i < SLP_NUM_ENGINES; i++)
		seq_printf(m, "engine%u status %#x queue %d\n", i,
			   halyard_read(hdev, SLP_ENGINE(i) + SLP_ENGINE_STATUS),
			   (int)halyard_read(hdev, SLP_ENGINE(i) + SLP_ENGINE_QUEUE));
	sloop_debugfs_exit(hdev, idx);

	return 0;
}
DEFINE_SHOW_ATTRIBUTE(sloop_registers);

/* ---- error injection ---- */

static const char *const sloop_inject_names[SLP_NUM_INJECT] = {
	[SLP_INJECT_NONE] = "none",
	[SLP_INJECT_HANG] = "hang",
	[SLP_INJECT_SEGMENT] = "segment",
	[SLP_INJECT_ILLEGAL] = "illegal",
	[SLP_INJECT_ECC] = "ecc",
	[SLP_INJECT_SLOW] = "slow",
	[SLP_INJECT_IRQ_LOST] = "irq_lost",
	[SLP_INJECT_IRQ_LATE] = "irq_late",
	[SLP_INJECT_IRQ_SPURIOUS] = "irq_spurious",
	[SLP_INJECT_RESPONSE_LATE] = "response_late",
	[SLP_INJECT_RESPONSE_BAD_ID] = "response_bad_id",
	[SLP_INJECT_ADMIN_LOST] = "admin_lost",
	[SLP_INJECT_ADMIN_BAD_ID] = "admin_bad_id",
	[SLP_INJECT_ADMIN_BAD_SIZE] = "admin_bad_size",
	[SLP_INJECT_ADMIN_FAILS] = "admin_fails",
	[SLP_INJECT_ENGINE_RESET_FAILS] = "engine_reset_fails",
	[SLP_INJECT_FIRMWARE_CRASH] = "firmware_crash",
	[SLP_INJECT_BOOT_SILENT] = "boot_silent",
	[SLP_INJECT_RESET_FAILS] = "reset_fails",
	[SLP_INJECT_LINK_LOSS] = "link_loss",
};

static void sloop_inject_arm(struct halyard_device *hdev, const struct halyard_injection *injection)
{
	lockdep_assert_held(&to_sloop(hdev)->event_lock);

	halyard_write(hdev, SLP_INJECT_KIND, injection->kind);
	halyard_write(hdev, SLP_INJECT_TARGET, injection->target);
	halyard_write(hdev, SLP_INJECT_SKIP, injection->skip);
	halyard_write(hdev, SLP_INJECT_COUNT, injection->count);
	halyard_write(hdev, SLP_INJECT_ARG, injection->arg);
	halyard_write(hdev, SLP_INJECT_ARM, 1);
}

static u32 sloop_inject_fired(struct halyard_device *hdev)
{
	return halyard_read(hdev, SLP_INJECT_FIRED);
}

static const struct halyard_injector sloop_injector = {
	.names = sloop_inject_names,
	.num_names = ARRAY_SIZE(sloop_inject_names),
	.enter = sloop_debugfs_enter,
	.exit = sloop_debugfs_exit,
	.arm = sloop_inject_arm,
	.fired = sloop_inject_fired,
};

/**
 * sloop_debugfs_init - add files to the card's folder; the DRM core removes them
 * @hdev: the card
 */
void sloop_debugfs_init(struct halyard_device *hdev)
{
	struct dentry *root = hdev->drm.debugfs_root;

	debugfs_create_file("telemetry", 0400, root, hdev, &sloop_telemetry_fops);
	debugfs_create_file("firmware_log", 0400, root, hdev, &sloop_log_fops);
	debugfs_create_file("events", 0400, root, hdev, &sloop_events_fops);
	debugfs_create_file("registers", 0400, root, hdev, &sloop_registers_fops);
	halyard_inject_init(hdev, &sloop_injector);
}
