// SPDX-License-Identifier: GPL-2.0-only
/* The driver's front: identity, start and stop, tables, and the small calls. */

#include <linux/bitfield.h>
#include <linux/module.h>

#include <drm/halyard_dory.h>

#include "../pci_ids.h"
#include "dory.h"

/* The card knows neither: they are the kernel's, and these are enough for a small system. */
#define DORY_QUEUES		16
#define DORY_VMS		64

/* Progress is seen operation by operation, and one can be a large product on a busy machine. */
#define DORY_TIMEOUT_MS		5000

static const struct halyard_engine_class dory_classes[] = {
	[DRM_HALYARD_DORY_ENGINE_NPU] = {
		.name = "npu",
		.count = 1,
		.priorities = GENMASK(DRM_HALYARD_PRIORITY_REALTIME, DRM_HALYARD_PRIORITY_LOW),
	},
};

static int dory_wait_ready(struct halyard_device *hdev)
{
	return halyard_poll(hdev, DORY_STATUS, DORY_STATUS_RESETTING, 0, DORY_RESET_MS);
}

/* What the driver was written for. */
static int dory_check_caps(struct halyard_device *hdev)
{
	u32 caps = to_dory(hdev)->caps;

	if (FIELD_GET(DORY_CAPS_REGIONS, caps) == DORY_NUM_REGIONS &&
	    FIELD_GET(DORY_CAPS_DMA_BITS, caps) == DORY_DMA_BITS &&
	    FIELD_GET(DORY_CAPS_STREAM_ORDER_MAX, caps) == DORY_STREAM_ORDER_MAX)
		return 0;

	dev_err(hdev->dev, "unsupported capabilities %#x\n", caps);
	return -ENODEV;
}

static int dory_identify(struct halyard_device *hdev)
{
	struct dory_device *ddev = to_dory(hdev);
	u32 id;
	int ret;

	ret = dory_wait_ready(hdev);
	if (ret) {
		dev_err(hdev->dev, "card does not become ready: %d\n", ret);
		return ret;
	}

	id = halyard_read(hdev, DORY_ID);
	hdev->revision = halyard_read(hdev, DORY_REVISION);
	if (id != DORY_ID_VALUE || hdev->revision >> 16 != DORY_REVISION_MAJOR) {
		dev_err(hdev->dev, "unknown card %#x revision %u.%u\n", id, hdev->revision >> 16,
			hdev->revision & 0xffff);
		return -ENODEV;
	}

	ddev->caps = halyard_read(hdev, DORY_CAPS);
	ddev->info = (struct drm_halyard_dory_info) {
		.revision = hdev->revision,
		.regions = DORY_NUM_REGIONS,
		.opcodes = halyard_read(hdev, DORY_OPCODES),
		.stream_max = DRM_HALYARD_DORY_STREAM_MAX,
		.clock_khz = halyard_read(hdev, DORY_CLOCK_KHZ),
	};
	hdev->blob = &ddev->info;

	return dory_check_caps(hdev);
}

static int dory_init(struct halyard_device *hdev)
{
	struct dory_device *ddev = to_dory(hdev);
	int ret;

	spin_lock_init(&ddev->lock);
	INIT_WORK(&ddev->events, dory_events_work);
	ddev->hdev = hdev;
	ret = drmm_mutex_init(&hdev->drm, &ddev->state_lock);
	if (!ret)
		ret = dory_identify(hdev);
	if (ret)
		return ret;

	hdev->limits = (struct halyard_limits) {
		.queues = DORY_QUEUES,
		.vms = DORY_VMS,
		.queue_depth = 1,
		.one_job = true,
		.job_buffers = DORY_NUM_REGIONS,
		.payload_size = sizeof(struct drm_halyard_dory_payload),
		.dma_bits = DORY_DMA_BITS,
		.timestamp_hz = NSEC_PER_SEC,
	};
	if (IS_ENABLED(CONFIG_HALYARD_DEBUGFS))
		dory_debugfs_init(hdev);

	return 0;
}

static void dory_set_ready(struct dory_device *ddev, bool ready)
{
	mutex_lock(&ddev->state_lock);
	spin_lock_irq(&ddev->lock);
	ddev->ready = ready;
	spin_unlock_irq(&ddev->lock);
	mutex_unlock(&ddev->state_lock);
}

/**
 * dory_reset_block - stop what runs and set all registers back
 * @hdev: the card, ready
 *
 * Under the core's reset_lock, or before the device is registered.
 *
 * Return: 0, and the card takes jobs; or -ETIMEDOUT, and its registers are not to be accessed.
 */
int dory_reset_block(struct halyard_device *hdev)
{
	struct dory_device *ddev = to_dory(hdev);

	dory_set_ready(ddev, false);
	halyard_write(hdev, DORY_CTRL, DORY_CTRL_RESET);
	if (dory_wait_ready(hdev))
		return -ETIMEDOUT;

	memset(ddev->regions, 0, sizeof(ddev->regions));
	ddev->owner = NULL;
	halyard_write(hdev, DORY_IRQ_ENABLE, DORY_IRQ_DONE | DORY_IRQ_ERROR);
	dory_set_ready(ddev, true);

	return 0;
}

static int dory_start(struct halyard_device *hdev)
{
	int ret;

	ret = dory_wait_ready(hdev);

	return ret ?: dory_reset_block(hdev);
}

/* A card that could not be reset is taken from the bus by the core. */
static void dory_stop(struct halyard_device *hdev)
{
	struct dory_device *ddev = to_dory(hdev);

	if (ddev->ready && dory_reset_block(hdev))
		dev_err(hdev->dev, "card does not stop\n");
	dory_set_ready(ddev, false);
	ddev->owner = NULL;
	cancel_work_sync(&ddev->events);
}

static int dory_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		      struct halyard_queue *queue)
{
	/* There are no engines, and after a reset that has failed only the bus helps. */
	if (level != HALYARD_RESET_DEVICE || !to_dory(hdev)->ready)
		return -ETIMEDOUT;

	return dory_reset_block(hdev);
}

static u64 dory_timestamp(struct halyard_device *hdev)
{
	struct dory_device *ddev = to_dory(hdev);
	unsigned long flags;
	u32 lo = 0, hi = 0;

	spin_lock_irqsave(&ddev->lock, flags);
	if (ddev->ready) {
		lo = halyard_read(hdev, DORY_TIMESTAMP_LO);
		hi = halyard_read(hdev, DORY_TIMESTAMP_HI);
	}
	spin_unlock_irqrestore(&ddev->lock, flags);

	return (u64)hi << 32 | lo;
}

static const struct halyard_chip_ops dory_ops = {
	.init = dory_init,
	.start = dory_start,
	.stop = dory_stop,
	.irq = dory_irq,
	.queue_init = dory_queue_init,
	.queue_fini = dory_queue_fini,
	.queue_progress = dory_queue_progress,
	.job_check = dory_job_check,
	.job_run = dory_job_run,
	.reset = dory_reset,
	.timestamp = dory_timestamp,
	.dump = dory_dump,
};

static const struct halyard_chip dory_chip = {
	.name = "dory",
	.description = "Halyard Dory edge accelerator",
	.ops = &dory_ops,
	.classes = dory_classes,
	.num_classes = ARRAY_SIZE(dory_classes),
	.regions = { { "host", HALYARD_MEMORY_CONTIGUOUS } },
	.num_regions = 1,
	.num_vectors = DORY_NUM_VECTORS,
	.regs_bar = DORY_BAR,
	.regs_size = DORY_BAR_SIZE,
	.priv_size = sizeof(struct dory_device),
	.queue_priv_size = sizeof(struct dory_queue),
	.blob_size = sizeof(struct drm_halyard_dory_info),
	.timeout_ms = DORY_TIMEOUT_MS,
};

static int dory_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return halyard_pci_probe(pdev, &dory_chip);
}

static const struct pci_device_id dory_ids[] = {
	{ PCI_DEVICE(HALYARD_PCI_VENDOR, HALYARD_PCI_DEVICE_DORY) },
	{ }
};
MODULE_DEVICE_TABLE(pci, dory_ids);

static struct pci_driver dory_pci_driver = {
	.name = "halyard_dory",
	.id_table = dory_ids,
	.probe = dory_probe,
	.remove = halyard_pci_remove,
	.shutdown = halyard_pci_shutdown,
	.err_handler = &halyard_pci_err_handlers,
	.driver.pm = pm_ptr(&halyard_pm_ops),
};
module_pci_driver(dory_pci_driver);

MODULE_DESCRIPTION("Halyard driver of the edge accelerator Dory");
MODULE_AUTHOR("The Halyard authors");
MODULE_LICENSE("GPL");
