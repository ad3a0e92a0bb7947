// SPDX-License-Identifier: GPL-2.0-only
/* The driver's front: identity, capabilities, tables, and the small calls. */

#include <linux/bitfield.h>
#include <linux/module.h>
#include <linux/sizes.h>

#include <drm/halyard_clipper.h>

#include "../pci_ids.h"
#include "clipper.h"

#define CLIPPER_ALL_PRIORITIES \
	GENMASK(DRM_HALYARD_PRIORITY_REALTIME, DRM_HALYARD_PRIORITY_LOW)

/* The first large page stays free, so that a null address with an offset faults. */
#define CLIPPER_VA_START	SZ_2M
#define CLIPPER_VA_END		BIT_ULL(CLP_VA_BITS - 1)
#define CLIPPER_KERNEL_VA_END	BIT_ULL(CLP_VA_BITS)

/* Progress is seen command by command, and a command can be a large product on a busy machine. */
#define CLIPPER_TIMEOUT_MS	5000

static const struct halyard_engine_class clipper_classes[] = {
	[DRM_HALYARD_CLIPPER_ENGINE_TENSOR] = {
		.name = "tensor",
		.count = CLP_NUM_TENSOR_ENGINES,
		.priorities = CLIPPER_ALL_PRIORITIES,
	},
	[DRM_HALYARD_CLIPPER_ENGINE_COPY] = {
		.name = "copy",
		.count = CLP_NUM_COPY_ENGINES,
		.priorities = CLIPPER_ALL_PRIORITIES,
	},
};

/**
 * clipper_read_counter - read a 64-bit counter
 * @hdev: the card
 * @reg_lo: its low half
 *
 * Reading the low half latches the high one. Does not sleep.
 *
 * Return: the counter, 0 while the card is being reset.
 */
u64 clipper_read_counter(struct halyard_device *hdev, u32 reg_lo)
{
	struct clipper_device *cdev = to_clipper(hdev);
	unsigned long flags;
	u32 lo = 0, hi = 0;

	spin_lock_irqsave(&cdev->counter_lock, flags);
	if (cdev->ready) {
		lo = halyard_read(hdev, reg_lo);
		hi = halyard_read(hdev, reg_lo + 4);
	}
	spin_unlock_irqrestore(&cdev->counter_lock, flags);

	return (u64)hi << 32 | lo;
}

/**
 * clipper_works - whether an engine is in the midst of a command
 * @hdev: the card, ready
 * @queue: whose command, CLP_NO_QUEUE: anybody's
 *
 * Return: true when one is.
 */
bool clipper_works(struct halyard_device *hdev, u32 queue)
{
	unsigned int e;
	u32 status;

	for (e = 0; e < CLP_NUM_ENGINES; e++) {
		status = halyard_read(hdev, CLP_ENGINE(e) + CLP_ENGINE_STATUS);
		if (status == U32_MAX)
			return false;
		if (!(status & CLP_ENGINE_STATUS_BUSY) || status & CLP_ENGINE_STATUS_HUNG)
			continue;
		if (queue == CLP_NO_QUEUE ||
		    halyard_read(hdev, CLP_ENGINE(e) + CLP_ENGINE_QUEUE) == queue)
			return true;
	}

	return false;
}

/**
 * clipper_await - wait for what comes at the end of a command
 * @hdev: the card
 * @reg: register, as for halyard_poll()
 * @mask: bits that matter
 * @value: of these bits
 * @queue: whose command it is, CLP_NO_QUEUE: anybody's
 *
 * A command is never interrupted, and may be long on a busy machine: while one is executed the
 * card is not blamed for keeping others waiting.
 *
 * Return: as halyard_poll().
 */
int clipper_await(struct halyard_device *hdev, u32 reg, u32 mask, u32 value, u32 queue)
{
	unsigned int ms = 0;
	bool works;
	int ret;

	do {
		works = clipper_works(hdev, queue);
		ret = halyard_poll(hdev, reg, mask, value, CLIPPER_ANSWER_MS);
		ms += CLIPPER_ANSWER_MS;
	} while (ret == -ETIMEDOUT && works && ms < CLIPPER_COMMAND_MS);

	return ret;
}

/* What the driver was written for; a card that has less or other engines would be misreported. */
static int clipper_check_caps(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);

	if (FIELD_GET(CLP_CAPS0_TENSOR_ENGINES, cdev->caps0) != CLP_NUM_TENSOR_ENGINES ||
	    FIELD_GET(CLP_CAPS0_COPY_ENGINES, cdev->caps0) != CLP_NUM_COPY_ENGINES ||
	    FIELD_GET(CLP_CAPS0_QUEUES, cdev->caps0) > CLP_NUM_QUEUES ||
	    FIELD_GET(CLP_CAPS0_CONTEXTS, cdev->caps0) > CLP_NUM_CONTEXTS ||
	    FIELD_GET(CLP_CAPS0_RING_ORDER_MAX, cdev->caps0) < CLIPPER_RING_ORDER ||
	    FIELD_GET(CLP_CAPS1_VA_BITS, cdev->caps1) != CLP_VA_BITS) {
		dev_err(hdev->dev, "unsupported capabilities %#x %#x\n", cdev->caps0, cdev->caps1);
		return -ENODEV;
	}

	return 0;
}

static int clipper_identify(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	u32 id;
	int ret;

	ret = clipper_wait_ready(hdev, CLIPPER_ANSWER_MS);
	if (ret) {
		dev_err(hdev->dev, "card does not become ready: %d\n", ret);
		return ret;
	}

	id = halyard_read(hdev, CLP_ID);
	hdev->revision = halyard_read(hdev, CLP_REVISION);
	if (id != CLP_ID_VALUE || hdev->revision >> 16 != CLP_REVISION_MAJOR) {
		dev_err(hdev->dev, "unknown card %#x revision %u.%u\n", id, hdev->revision >> 16,
			hdev->revision & 0xffff);
		return -ENODEV;
	}

	cdev->caps0 = halyard_read(hdev, CLP_CAPS0);
	cdev->caps1 = halyard_read(hdev, CLP_CAPS1);
	cdev->info = (struct drm_halyard_clipper_info) {
		.revision = hdev->revision,
		.bindings_max = FIELD_GET(CLP_CAPS1_BINDINGS_MAX, cdev->caps1),
		.opcodes = halyard_read(hdev, CLP_OPCODES_LO) |
			   (u64)halyard_read(hdev, CLP_OPCODES_HI) << 32,
		.clock_khz = halyard_read(hdev, CLP_CLOCK_KHZ),
	};
	hdev->blob = &cdev->info;

	return clipper_check_caps(hdev);
}

static int clipper_init(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	int ret;

	spin_lock_init(&cdev->counter_lock);
	INIT_LIST_HEAD(&cdev->orphans);
	INIT_WORK(&cdev->events, clipper_events_work);
	cdev->hdev = hdev;
	ret = drmm_mutex_init(&hdev->drm, &cdev->state_lock);
	if (!ret)
		ret = drmm_mutex_init(&hdev->drm, &cdev->fault_lock);
	if (!ret)
		ret = clipper_identify(hdev);
	if (ret)
		return ret;

	hdev->limits = (struct halyard_limits) {
		.queues = FIELD_GET(CLP_CAPS0_QUEUES, cdev->caps0),
		.vms = FIELD_GET(CLP_CAPS0_CONTEXTS, cdev->caps0),
		.queue_depth = CLIPPER_QUEUE_DEPTH,
		.payload_size = sizeof(struct drm_halyard_clipper_payload),
		.va_start = CLIPPER_VA_START,
		.va_end = CLIPPER_VA_END,
		.kernel_va_end = CLIPPER_KERNEL_VA_END,
		.large_page_size = BIT(CLP_LARGE_PAGE_SHIFT),
		.dma_bits = FIELD_GET(CLP_CAPS1_DMA_BITS, cdev->caps1),
		.timestamp_hz = NSEC_PER_SEC,
	};
	if (IS_ENABLED(CONFIG_HALYARD_DEBUGFS))
		clipper_debugfs_init(hdev);

	return 0;
}

static u64 clipper_timestamp(struct halyard_device *hdev)
{
	return clipper_read_counter(hdev, CLP_TIMESTAMP_LO);
}

static const struct halyard_chip_ops clipper_ops = {
	.init = clipper_init,
	.start = clipper_start,
	.stop = clipper_stop,
	.irq = clipper_irq,
	.irq_thread = clipper_irq_thread,
	.vm_init = clipper_vm_init,
	.vm_fini = clipper_vm_fini,
	.vm_prepare = clipper_vm_prepare,
	.vm_map = clipper_vm_map,
	.vm_unmap = clipper_vm_unmap,
	.vm_flush = clipper_vm_flush,
	.queue_init = clipper_queue_init,
	.queue_fini = clipper_queue_fini,
	.queue_progress = clipper_queue_progress,
	.job_check = clipper_job_check,
	.job_run = clipper_job_run,
	.reset = clipper_reset,
	.timestamp = clipper_timestamp,
	.dump = clipper_dump,
};

static const struct halyard_chip clipper_chip = {
	.name = "clipper",
	.description = "Halyard Clipper tensor accelerator",
	.ops = &clipper_ops,
	.classes = clipper_classes,
	.num_classes = ARRAY_SIZE(clipper_classes),
	.regions = { { "memory", HALYARD_MEMORY_PAGES } },
	.num_regions = 1,
	.num_vectors = CLP_NUM_VECTORS,
	.regs_bar = CLP_BAR,
	.regs_size = CLP_BAR_SIZE,
	.priv_size = sizeof(struct clipper_device),
	.vm_priv_size = sizeof(struct clipper_vm),
	.queue_priv_size = sizeof(struct clipper_queue),
	.blob_size = sizeof(struct drm_halyard_clipper_info),
	.queue_mem = {
		[CLIPPER_MEM_RING] = { CLIPPER_QUEUE_DEPTH * sizeof(struct clp_job), 0, "ring" },
		[CLIPPER_MEM_STATUS] = { sizeof(struct clp_queue_status), HALYARD_PROT_WRITE,
					 "status" },
	},
	.timeout_ms = CLIPPER_TIMEOUT_MS,
};

static int clipper_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return halyard_pci_probe(pdev, &clipper_chip);
}

static const struct pci_device_id clipper_ids[] = {
	{ PCI_DEVICE(HALYARD_PCI_VENDOR, HALYARD_PCI_DEVICE_CLIPPER) },
	{ }
};
MODULE_DEVICE_TABLE(pci, clipper_ids);

static struct pci_driver clipper_pci_driver = {
	.name = "halyard_clipper",
	.id_table = clipper_ids,
	.probe = clipper_probe,
	.remove = halyard_pci_remove,
	.shutdown = halyard_pci_shutdown,
	.err_handler = &halyard_pci_err_handlers,
	.driver.pm = pm_ptr(&halyard_pm_ops),
};
module_pci_driver(clipper_pci_driver);

MODULE_DESCRIPTION("Halyard driver of the tensor accelerator Clipper");
MODULE_AUTHOR("The Halyard authors");
MODULE_LICENSE("GPL");
