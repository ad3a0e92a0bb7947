// SPDX-License-Identifier: GPL-2.0-only
/* Newchip: probe, start, stop and reset of the card, and what it tells of itself. */

#include <linux/module.h>
#include <linux/pci.h>

#include <pci_ids.h>

#include "newchip.h"

static const struct halyard_engine_class newchip_classes[] = {
	[DRM_HALYARD_NEWCHIP_ENGINE_NPU] = {
		.name = "npu",
		.count = 1,
		.priorities = BIT(DRM_HALYARD_PRIORITY_LOW) | BIT(DRM_HALYARD_PRIORITY_NORMAL) |
			      BIT(DRM_HALYARD_PRIORITY_HIGH) | BIT(DRM_HALYARD_PRIORITY_REALTIME),
	},
};

static int newchip_init(struct halyard_device *hdev)
{
	u32 id = halyard_read(hdev, NEWCHIP_ID);

	spin_lock_init(&to_newchip(hdev)->lock);

	hdev->revision = halyard_read(hdev, NEWCHIP_REVISION);
	if (id != NEWCHIP_ID_VALUE || hdev->revision >> 16 != NEWCHIP_REVISION_MAJOR) {
		dev_err(hdev->dev, "unknown card %#x revision %u.%u\n", id, hdev->revision >> 16,
			hdev->revision & 0xffff);
		return -ENODEV;
	}

	to_newchip(hdev)->info = (struct drm_halyard_newchip_info) {
		.revision = hdev->revision,
		.opcodes = BIT(DRM_HALYARD_NEWCHIP_NUM_OPCODES) - 1,
	};
	hdev->blob = &to_newchip(hdev)->info;
	hdev->limits = (struct halyard_limits) {
		.queues = NEWCHIP_NUM_QUEUES,
		.vms = NEWCHIP_NUM_CONTEXTS,
		.queue_depth = 1,
		.one_job = true,
		.job_buffers = DRM_HALYARD_NEWCHIP_BUFFERS_MAX,
		.payload_size = sizeof(struct drm_halyard_newchip_payload),
		.dma_bits = 64,
		.timestamp_hz = NSEC_PER_SEC,
	};

	return 0;
}

/**
 * newchip_reset_card - stop what runs
 * @hdev: the card
 *
 * Return: 0, or -ETIMEDOUT when the card does not answer.
 */
int newchip_reset_card(struct halyard_device *hdev)
{
	halyard_write(hdev, NEWCHIP_CONTROL, NEWCHIP_CONTROL_RESET);

	return halyard_poll(hdev, NEWCHIP_CONTROL, U32_MAX, 0, NEWCHIP_RESET_MS) ? -ETIMEDOUT : 0;
}

static int newchip_start(struct halyard_device *hdev)
{
	halyard_write(hdev, NEWCHIP_IRQ_ENABLE, NEWCHIP_IRQ_DONE);

	return 0;
}

static void newchip_stop(struct halyard_device *hdev)
{
	halyard_write(hdev, NEWCHIP_IRQ_ENABLE, 0);
	if (newchip_reset_card(hdev))
		dev_err(hdev->dev, "the card does not stop\n");
}

static int reset_at(struct halyard_device *hdev, enum halyard_reset_level level,
		    struct halyard_queue *queue)
{
	return newchip_reset_card(hdev);
}

static u64 newchip_timestamp(struct halyard_device *hdev)
{
	struct newchip_device *mdev = to_newchip(hdev);
	unsigned long flags;
	u32 lo, hi;

	/* Reading the low half latches the high one. */
	spin_lock_irqsave(&mdev->lock, flags);
	lo = halyard_read(hdev, NEWCHIP_TIME_LO);
	hi = halyard_read(hdev, NEWCHIP_TIME_HI);
	spin_unlock_irqrestore(&mdev->lock, flags);

	return (u64)hi << 32 | lo;
}

static const struct debugfs_reg32 newchip_registers[] = {
	{ "CONTROL", NEWCHIP_CONTROL },
	{ "IRQ_ENABLE", NEWCHIP_IRQ_ENABLE },
};

static void newchip_dump(struct halyard_device *hdev, struct halyard_dump *dump,
			 struct halyard_vm *vm, u64 address)
{
	halyard_dump_section(dump, "registers");
	halyard_dump_registers(dump, newchip_registers, ARRAY_SIZE(newchip_registers));
}

static const struct halyard_chip_ops newchip_ops = {
	.init = newchip_init,
	.start = newchip_start,
	.stop = newchip_stop,
	.irq = newchip_irq,
	.irq_thread = newchip_irq_thread,
	.queue_init = newchip_queue_init,
	.queue_fini = newchip_queue_fini,
	.queue_progress = newchip_queue_progress,
	.job_check = newchip_job_check,
	.job_run = newchip_job_run,
	.reset = reset_at,
	.timestamp = newchip_timestamp,
	.dump = newchip_dump,
};

static const struct halyard_chip newchip_chip = {
	.name = "newchip",
	.description = "Halyard Newchip",
	.ops = &newchip_ops,
	.classes = newchip_classes,
	.num_classes = ARRAY_SIZE(newchip_classes),
	.regions = { { "host", HALYARD_MEMORY_CONTIGUOUS } },
	.num_regions = 1,
	.num_vectors = NEWCHIP_NUM_VECTORS,
	.regs_bar = NEWCHIP_REGS_BAR,
	.regs_size = NEWCHIP_REGS_SIZE,
	.priv_size = sizeof(struct newchip_device),
	.queue_priv_size = sizeof(struct newchip_queue),
	.blob_size = sizeof(struct drm_halyard_newchip_info),
	.timeout_ms = NEWCHIP_TIMEOUT_MS,
};

static int newchip_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return halyard_pci_probe(pdev, &newchip_chip);
}

static const struct pci_device_id newchip_ids[] = {
	{ PCI_DEVICE(HALYARD_PCI_VENDOR, HALYARD_PCI_DEVICE_NEWCHIP) },
	{ }
};
MODULE_DEVICE_TABLE(pci, newchip_ids);

static struct pci_driver newchip_pci_driver = {
	.name = "halyard_newchip",
	.id_table = newchip_ids,
	.probe = newchip_probe,
	.remove = halyard_pci_remove,
	.shutdown = halyard_pci_shutdown,
	.err_handler = &halyard_pci_err_handlers,
	.driver.pm = pm_ptr(&halyard_pm_ops),
};
module_pci_driver(newchip_pci_driver);

MODULE_DESCRIPTION("Halyard driver of the chip newchip");
MODULE_AUTHOR("The Halyard authors");
MODULE_LICENSE("GPL");
