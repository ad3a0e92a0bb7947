// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts and the fault queue. */

#include <linux/dma-mapping.h>

#include "clipper.h"

#define CLIPPER_ALL_VECTORS	GENMASK(CLP_NUM_VECTORS - 1, 0)

/**
 * struct clipper_cause - what a CLP_FAULT_* means to user space
 * @cause: for QUEUE_QUERY
 * @error: of the fence
 * @name: for the log
 */
struct clipper_cause {
	enum drm_halyard_fault_cause cause;
	int error;
	const char *name;
};

static const struct clipper_cause clipper_causes[] = {
	[0] = { DRM_HALYARD_FAULT_DEVICE, -EIO, "unknown fault" },
	[CLP_FAULT_ILLEGAL_COMMAND] = { DRM_HALYARD_FAULT_ILLEGAL_COMMAND, -EILSEQ,
					"illegal command" },
	[CLP_FAULT_OUT_OF_BOUNDS] = { DRM_HALYARD_FAULT_OUT_OF_BOUNDS, -EFAULT,
				      "operand out of bounds" },
	[CLP_FAULT_UNMAPPED] = { DRM_HALYARD_FAULT_UNMAPPED, -EFAULT, "address not mapped" },
	[CLP_FAULT_PERMISSION] = { DRM_HALYARD_FAULT_PERMISSION, -EFAULT, "access not permitted" },
	[CLP_FAULT_PTE_MALFORMED] = { DRM_HALYARD_FAULT_DEVICE, -EIO,
				      "malformed page-table entry" },
	[CLP_FAULT_BUS] = { DRM_HALYARD_FAULT_DEVICE, -EIO, "bus error" },
	[CLP_FAULT_ECC_UNCORRECTABLE] = { DRM_HALYARD_FAULT_MEMORY_ERROR, -EBADMSG,
					  "uncorrectable memory error" },
	[CLP_FAULT_RING] = { DRM_HALYARD_FAULT_DEVICE, -EIO, "malformed ring" },
};

/**
 * clipper_irq_start - start the fault queue and enable interrupts
 * @hdev: the card, just reset
 *
 * Return: 0, or -ENOMEM.
 */
int clipper_irq_start(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	size_t size = CLIPPER_FAULTQ_ENTRIES * sizeof(*cdev->faults);

	if (!cdev->faults)
		cdev->faults = dmam_alloc_coherent(hdev->dev, size, &cdev->faults_dma, GFP_KERNEL);
	if (!cdev->faults)
		return -ENOMEM;

	mutex_lock(&cdev->fault_lock);
	/* Records of before the reset would be taken for new ones: numbers start again. */
	memset(cdev->faults, 0, size);
	cdev->fault_head = 0;
	halyard_write64(hdev, CLP_FAULTQ_BASE_LO, cdev->faults_dma);
	halyard_write(hdev, CLP_FAULTQ_ORDER, CLIPPER_FAULTQ_ORDER); /* HEAD = TAIL = 0 */
	mutex_unlock(&cdev->fault_lock);

	halyard_write(hdev, CLP_IRQ_ENABLE, CLIPPER_ALL_VECTORS);

	return 0;
}

static void clipper_fault_report(struct halyard_device *hdev, const struct clp_fault *record)
{
	struct clipper_device *cdev = to_clipper(hdev);
	u32 index = record->cause < ARRAY_SIZE(clipper_causes) ? record->cause : 0;
	const struct clipper_cause *cause = &clipper_causes[index];
	const struct halyard_fault fault = {
		.cause = cause->cause,
		.error = cause->error,
		.address = record->address,
		.write = record->access,
		.command = record->command,
		.tag = record->tag,
	};
	struct halyard_queue *queue = NULL;

	cdev->fault_count[index]++;
	dev_dbg(hdev->dev, "%s: queue %d job %llu command %u tag %#x, %s of %#llx in context %u\n",
		cause->name, (int)record->queue, record->fence, record->command, record->tag,
		record->access ? "write" : "read", record->address, record->ctx);

	if (record->queue == CLP_NO_QUEUE) {
		halyard_device_fault(hdev, cause->name);
		return;
	}

	if (record->queue < CLP_NUM_QUEUES)
		queue = halyard_queue_get_by_hw_id(hdev, record->queue);
	if (!queue)
		return; /* it was destroyed meanwhile */

	halyard_queue_fault(queue, record->fence, &fault);
	halyard_queue_put(queue);
}

/* A reset empties the queue by itself. */
static void clipper_faults_consumed(struct halyard_device *hdev, u32 head)
{
	struct clipper_device *cdev = to_clipper(hdev);

	lockdep_assert_held(&cdev->fault_lock);

	mutex_lock(&cdev->state_lock);
	if (cdev->ready)
		halyard_write(hdev, CLP_FAULTQ_HEAD, head);
	mutex_unlock(&cdev->state_lock);
}

/**
 * clipper_faults_drain - report all that is in the fault queue
 * @hdev: the card
 *
 * The records are in memory: no register is read.
 *
 * Return: number of records.
 */
unsigned int clipper_faults_drain(struct halyard_device *hdev)
{
	struct clipper_device *cdev = to_clipper(hdev);
	unsigned int count = 0;

	mutex_lock(&cdev->fault_lock);
	for (;;) {
		const struct clp_fault *slot =
			&cdev->faults[cdev->fault_head % CLIPPER_FAULTQ_ENTRIES];
		struct clp_fault record;

		if (READ_ONCE(slot->sequence) != cdev->fault_head + 1)
			break;
		dma_rmb(); /* the rest of the record was written before its sequence */
		record = *slot;

		cdev->fault_head++;
		count++;
		clipper_fault_report(hdev, &record);
	}
	if (count)
		clipper_faults_consumed(hdev, cdev->fault_head);
	mutex_unlock(&cdev->fault_lock);

	return count;
}

/**
 * clipper_irq - &halyard_chip_ops.irq
 * @hdev: the card
 * @vector: CLP_VECTOR_*
 *
 * Each event sends its message, whatever IRQ_STATUS holds: there is nothing to acknowledge, and
 * no register is accessed on a job's way back.
 *
 * Return: IRQ_WAKE_THREAD for events, IRQ_HANDLED for engines.
 */
irqreturn_t clipper_irq(struct halyard_device *hdev, unsigned int vector)
{
	if (vector == CLP_VECTOR_EVENT)
		return IRQ_WAKE_THREAD;

	halyard_complete_jobs(hdev);

	return IRQ_HANDLED;
}

/**
 * clipper_irq_thread - &halyard_chip_ops.irq_thread
 * @hdev: the card
 * @vector: CLP_VECTOR_*
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t clipper_irq_thread(struct halyard_device *hdev, unsigned int vector)
{
	u32 status;

	if (vector != CLP_VECTOR_EVENT)
		return IRQ_NONE;
	if (clipper_faults_drain(hdev))
		return IRQ_HANDLED;

	/* No record: a spurious interrupt, or the card can't write any more. */
	status = halyard_read(hdev, CLP_STATUS);
	if (status == U32_MAX)
		halyard_device_fault(hdev, "card does not answer");
	else if (status & CLP_STATUS_FATAL)
		halyard_device_fault(hdev, "card reports a fatal error");

	return IRQ_HANDLED;
}

/**
 * clipper_events_work - &clipper_device.events
 * @work: of a card with a queue that is found to be faulted
 */
void clipper_events_work(struct work_struct *work)
{
	struct clipper_device *cdev = container_of(work, struct clipper_device, events);
	int idx;

	if (!drm_dev_enter(&cdev->hdev->drm, &idx))
		return;

	clipper_faults_drain(cdev->hdev);
	drm_dev_exit(idx);
}
