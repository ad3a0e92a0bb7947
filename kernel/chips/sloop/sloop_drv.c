// SPDX-License-Identifier: GPL-2.0-only
/* The driver's front: identity, capabilities, tables, and the small calls. */

#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/pci.h>

#include "../pci_ids.h"
#include "sloop.h"

#define SLOOP_ALL_PRIORITIES \
	GENMASK(DRM_HALYARD_PRIORITY_REALTIME, DRM_HALYARD_PRIORITY_LOW)

/* Progress is seen command by command, and a command can be a large product on a busy machine. */
#define SLOOP_TIMEOUT_MS	5000

static const struct halyard_engine_class sloop_classes[] = {
	[DRM_HALYARD_SLOOP_ENGINE_COMPUTE] = {
		.name = "compute",
		.count = SLP_NUM_COMPUTE_ENGINES,
		.priorities = SLOOP_ALL_PRIORITIES,
	},
	[DRM_HALYARD_SLOOP_ENGINE_DMA] = {
		.name = "dma",
		.count = SLP_NUM_DMA_ENGINES,
		.priorities = SLOOP_ALL_PRIORITIES,
	},
};

/* What the driver was written for; a card that has less or other engines would be misreported. */
static int sloop_check_caps(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);

	if (FIELD_GET(SLP_CAPS0_COMPUTE_ENGINES, sdev->caps0) != SLP_NUM_COMPUTE_ENGINES ||
	    FIELD_GET(SLP_CAPS0_DMA_ENGINES, sdev->caps0) != SLP_NUM_DMA_ENGINES ||
	    FIELD_GET(SLP_CAPS0_QUEUES, sdev->caps0) > SLP_NUM_QUEUES ||
	    FIELD_GET(SLP_CAPS0_CONTEXTS, sdev->caps0) > SLP_NUM_CONTEXTS ||
	    FIELD_GET(SLP_CAPS0_RING_ORDER_MAX, sdev->caps0) < SLOOP_RING_ORDER ||
	    FIELD_GET(SLP_CAPS1_SEGMENTS, sdev->caps1) != DRM_HALYARD_SLOOP_MAX_SEGMENTS) {
		dev_err(hdev->dev, "unsupported capabilities %#x %#x\n", sdev->caps0, sdev->caps1);
		return -ENODEV;
	}

	return 0;
}

static int sloop_identify(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);
	u32 id;
	int ret;

	ret = sloop_enter_rom(hdev);
	if (ret) {
		dev_err(hdev->dev, "card does not come out of reset: %d\n", ret);
		return ret;
	}

	id = halyard_read(hdev, SLP_ID);
	hdev->revision = halyard_read(hdev, SLP_REVISION);
	if (id != SLP_ID_VALUE || hdev->revision >> 16 != SLP_REVISION_MAJOR) {
		dev_err(hdev->dev, "unknown card %#x revision %u.%u\n", id, hdev->revision >> 16,
			hdev->revision & 0xffff);
		return -ENODEV;
	}

	sdev->caps0 = halyard_read(hdev, SLP_CAPS0);
	sdev->caps1 = halyard_read(hdev, SLP_CAPS1);
	sdev->info = (struct drm_halyard_sloop_info) {
		.revision = hdev->revision,
		.segments_max = FIELD_GET(SLP_CAPS1_SEGMENTS, sdev->caps1),
		.bindings_max = FIELD_GET(SLP_CAPS1_BINDINGS, sdev->caps1),
		.clock_khz = halyard_read(hdev, SLP_CLOCK_KHZ),
		.opcodes = halyard_read(hdev, SLP_OPCODES),
	};
	hdev->blob = &sdev->info;

	return sloop_check_caps(hdev);
}

/* Card memory behind what the firmware has of it, as far as the window shows it. */
static int sloop_find_memory(struct halyard_device *hdev)
{
	struct pci_dev *pdev = to_pci_dev(hdev->dev);
	u64 window = pci_resource_start(pdev, SLP_WINDOW_BAR);
	u64 window_size = pci_resource_len(pdev, SLP_WINDOW_BAR);
	u64 size = halyard_read(hdev, SLP_DRAM_SIZE_LO) |
		   (u64)halyard_read(hdev, SLP_DRAM_SIZE_HI) << 32;
	u32 reserved = halyard_read(hdev, SLP_DRAM_RESERVED);
	struct sloop_device *sdev = to_sloop(hdev);
	u32 boot = halyard_read(hdev, SLP_BOOT_WINDOW);

	sdev->boot_window_size = halyard_read(hdev, SLP_BOOT_WINDOW_SIZE);
	if (size <= reserved || window_size <= reserved ||
	    !PAGE_ALIGNED(reserved | boot | size) ||
	    (u64)boot + sdev->boot_window_size > reserved) {
		dev_err(hdev->dev, "card memory of %llu bytes, %u reserved, window of %llu bytes\n",
			size, reserved, window_size);
		return -ENODEV;
	}

	sdev->boot_window = devm_ioremap_wc(hdev->dev, window + boot, sdev->boot_window_size);
	if (!sdev->boot_window)
		return -ENOMEM;
	hdev->limits.memory_start = reserved;
	hdev->limits.memory_size = size - reserved;
	hdev->limits.window_start = window + reserved;
	hdev->limits.window_size = window_size - reserved;

	return 0;
}

static int sloop_init(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);
	int ret;

	sdev->hdev = hdev;
	sdev->generation = 1;
	spin_lock_init(&sdev->state_lock);
	init_completion(&sdev->admin_answered);
	INIT_WORK(&sdev->faults, sloop_faults_work);
	ret = drmm_mutex_init(&hdev->drm, &sdev->admin_lock);
	if (!ret)
		ret = drmm_mutex_init(&hdev->drm, &sdev->event_lock);
	if (!ret)
		ret = sloop_identify(hdev);
	if (ret)
		return ret;

	hdev->limits = (struct halyard_limits) {
		.queues = FIELD_GET(SLP_CAPS0_QUEUES, sdev->caps0),
		.vms = FIELD_GET(SLP_CAPS0_CONTEXTS, sdev->caps0),
		.queue_depth = SLOOP_QUEUE_DEPTH,
		.payload_size = sizeof(struct drm_halyard_sloop_payload),
		.job_buffers = DRM_HALYARD_SLOOP_MAX_SEGMENTS,
		.dma_bits = FIELD_GET(SLP_CAPS1_DMA_BITS, sdev->caps1),
		.timestamp_hz = NSEC_PER_SEC,
	};
	sloop_debugfs_init(hdev);

	return sloop_find_memory(hdev);
}

static u64 sloop_timestamp(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);
	unsigned long flags;
	u32 lo = 0, hi = 0;

	spin_lock_irqsave(&sdev->state_lock, flags);
	if (sdev->ready) {
		lo = halyard_read(hdev, SLP_TIMESTAMP_LO);
		hi = halyard_read(hdev, SLP_TIMESTAMP_HI);
	}
	spin_unlock_irqrestore(&sdev->state_lock, flags);

	return (u64)hi << 32 | lo;
}

static const struct halyard_chip_ops sloop_ops = {
	.init = sloop_init,
	.start = sloop_start,
	.stop = sloop_stop,
	.irq = sloop_irq,
	.irq_thread = sloop_irq_thread,
	.vm_init = sloop_vm_init,
	.vm_fini = sloop_vm_fini,
	.queue_init = sloop_queue_init,
	.queue_fini = sloop_queue_fini,
	.queue_progress = sloop_queue_progress,
	.job_check = sloop_job_check,
	.job_copy = sloop_job_copy,
	.job_run = sloop_job_run,
	.reset = sloop_reset,
	.timestamp = sloop_timestamp,
	.dump = sloop_dump,
};

static const struct halyard_chip sloop_chip = {
	.name = "sloop",
	.description = "Halyard Sloop inference card",
	.ops = &sloop_ops,
	.classes = sloop_classes,
	.num_classes = ARRAY_SIZE(sloop_classes),
	.copy_class = DRM_HALYARD_SLOOP_ENGINE_DMA,
	.regions = {
		{ "vram", HALYARD_MEMORY_CARD },
		{ "host", HALYARD_MEMORY_PAGES },
	},
	.num_regions = 2,
	.firmware = "halyard/sloop.fw",
	.num_vectors = SLP_NUM_VECTORS,
	.regs_bar = SLP_BAR,
	.regs_size = SLP_BAR_SIZE,
	.priv_size = sizeof(struct sloop_device),
	.vm_priv_size = sizeof(struct sloop_vm),
	.queue_priv_size = sizeof(struct sloop_queue),
	.blob_size = sizeof(struct drm_halyard_sloop_info),
	.queue_mem = {
		[SLOOP_MEM_REQUESTS] = { SLOOP_QUEUE_DEPTH * sizeof(struct slp_request), 0,
					 "requests" },
		[SLOOP_MEM_SLOTS] = { SLOOP_QUEUE_DEPTH * sizeof(struct sloop_slot), 0, "jobs" },
		[SLOOP_MEM_ANSWERS] = { sizeof(struct sloop_answers), HALYARD_PROT_WRITE,
					"answers" },
	},
	.timeout_ms = SLOOP_TIMEOUT_MS,
};

static int sloop_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return halyard_pci_probe(pdev, &sloop_chip);
}

static const struct pci_device_id sloop_ids[] = {
	{ PCI_DEVICE(HALYARD_PCI_VENDOR, HALYARD_PCI_DEVICE_SLOOP) },
	{ }
};
MODULE_DEVICE_TABLE(pci, sloop_ids);

static struct pci_driver sloop_pci_driver = {
	.name = "halyard_sloop",
	.id_table = sloop_ids,
	.probe = sloop_probe,
	.remove = halyard_pci_remove,
	.shutdown = halyard_pci_shutdown,
	.err_handler = &halyard_pci_err_handlers,
	.driver.pm = pm_ptr(&halyard_pm_ops),
};
module_pci_driver(sloop_pci_driver);

MODULE_DESCRIPTION("Halyard driver of the inference card Sloop");
MODULE_AUTHOR("The Halyard authors");
MODULE_LICENSE("GPL");
MODULE_FIRMWARE("halyard/sloop.fw");
