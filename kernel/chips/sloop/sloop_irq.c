// SPDX-License-Identifier: GPL-2.0-only
/* Interrupts, events, and what is to be done about jobs that failed. */

#include "sloop.h"

/**
 * struct sloop_cause - what a SLP_STATUS_* means to user space
 * @cause: for QUEUE_QUERY
 * @error: of the fence
 */
struct sloop_cause {
	enum drm_halyard_fault_cause cause;
	int error;
};

static const struct sloop_cause sloop_causes[] = {
	[SLP_STATUS_OK] = { DRM_HALYARD_FAULT_DEVICE, -EIO }, /* of no job that was asked for */
	[SLP_STATUS_ILLEGAL_COMMAND] = { DRM_HALYARD_FAULT_ILLEGAL_COMMAND, -EILSEQ },
	[SLP_STATUS_OUT_OF_BOUNDS] = { DRM_HALYARD_FAULT_OUT_OF_BOUNDS, -EFAULT },
	[SLP_STATUS_SEGMENT] = { DRM_HALYARD_FAULT_UNMAPPED, -EFAULT },
	[SLP_STATUS_PERMISSION] = { DRM_HALYARD_FAULT_PERMISSION, -EFAULT },
	[SLP_STATUS_BUS] = { DRM_HALYARD_FAULT_DEVICE, -EIO },
	[SLP_STATUS_ECC_UNCORRECTABLE] = { DRM_HALYARD_FAULT_MEMORY_ERROR, -EBADMSG },
	[SLP_STATUS_BAD_REQUEST] = { DRM_HALYARD_FAULT_DEVICE, -EIO },
};

/* ---- jobs that failed ---- */

static void sloop_fault_report(struct halyard_queue *queue)
{
	struct sloop_queue *sq = queue->priv;
	const struct slp_response *response = &sq->response;
	struct halyard_fault fault = {};
	u32 status;

	if (!smp_load_acquire(&sq->failed)) /* pairs with sloop_queue_fails() */
		return;
	status = response->status < ARRAY_SIZE(sloop_causes) ? response->status : SLP_STATUS_OK;
	fault.cause = sloop_causes[status].cause;
	fault.error = sloop_causes[status].error;
	fault.address = response->address;
	fault.write = response->write;
	fault.command = response->command;
	fault.tag = response->tag;
	dev_dbg(queue->hdev->dev, "queue %u: response %llu with status %u, command %u, %s of %#llx\n",
		queue->hw_id, response->id, response->status, response->command,
		response->write ? "write" : "read", response->address);
	/* The oldest: a card that answers with another number has done nobody knows what. */
	halyard_queue_fault(queue, 0, &fault);
}

/**
 * sloop_faults_work - &sloop_device.faults
 * @work: of a card with a queue that has failed
 */
void sloop_faults_work(struct work_struct *work)
{
	struct sloop_device *sdev = container_of(work, struct sloop_device, faults);
	struct halyard_queue *queue;
	int idx;
	u32 i;

	if (!drm_dev_enter(&sdev->hdev->drm, &idx))
		return;
	for (i = 0; i < sdev->hdev->limits.queues; i++) {
		queue = halyard_queue_get_by_hw_id(sdev->hdev, i);
		if (!queue)
			continue;
		sloop_fault_report(queue);
		halyard_queue_put(queue);
	}
	drm_dev_exit(idx);
}

/* ---- events ---- */

static void sloop_event_of_queue(struct halyard_device *hdev, const struct slp_event *event,
				 const struct halyard_fault *fault)
{
	struct halyard_queue *queue = NULL;

	if (event->queue < SLP_NUM_QUEUES)
		queue = halyard_queue_get_by_hw_id(hdev, event->queue);
	if (!queue)
		return; /* it was destroyed meanwhile */
	halyard_queue_fault(queue, 0, fault);
	halyard_queue_put(queue);
}

static void sloop_event(struct halyard_device *hdev, const struct slp_event *event)
{
	static const struct halyard_fault broken = {
		.cause = DRM_HALYARD_FAULT_DEVICE,
		.error = -EIO,
	};
	static const struct halyard_fault hung = {
		.cause = DRM_HALYARD_FAULT_TIMEOUT,
		.error = -ETIME,
	};
	struct sloop_device *sdev = to_sloop(hdev);

	if (event->type >= ARRAY_SIZE(sdev->event_count)) {
		dev_warn_ratelimited(hdev->dev, "unknown event %u\n", event->type);
		return;
	}
	sdev->event_count[event->type] += max(event->count, 1U);

	switch (event->type) {
	case SLP_EVENT_ECC_UNCORRECTABLE:
		dev_warn_ratelimited(hdev->dev, "uncorrectable memory error at %#llx\n",
				     event->address);
		break;
	case SLP_EVENT_QUEUE_ERROR:
		sloop_event_of_queue(hdev, event, &broken);
		break;
	case SLP_EVENT_ENGINE_HUNG:
		sloop_event_of_queue(hdev, event, &hung);
		break;
	default:
		break;
	}
}

static void sloop_events_drain(struct halyard_device *hdev)
{
	struct sloop_device *sdev = to_sloop(hdev);
	u32 head = sdev->event_head;

	lockdep_assert_held(&sdev->event_lock);

	for (;;) {
		const struct slp_event *slot =
			&sdev->rings->events[sdev->event_head % SLOOP_EVENTS_ENTRIES];
		struct slp_event event;

		if (READ_ONCE(slot->sequence) != sdev->event_head + 1)
			break;
		dma_rmb(); /* the rest of the event was written before its sequence */
		event = *slot;
		sdev->event_head++;
		sloop_event(hdev, &event);
	}
	if (head != sdev->event_head)
		halyard_write(hdev, SLP_EVENT_HEAD, sdev->event_head);
}

static void sloop_check_firmware(struct halyard_device *hdev)
{
	u32 state = halyard_read(hdev, SLP_BOOT_STATE);

	if (state == U32_MAX)
		halyard_device_fault(hdev, "card does not answer");
	else if (state == SLP_BOOT_STATE_CRASHED)
		halyard_device_fault(hdev, "firmware has crashed");
	else if (state != SLP_BOOT_STATE_RUNNING)
		halyard_device_fault(hdev, "firmware does not run any more");
}

/**
 * sloop_irq - &halyard_chip_ops.irq
 * @hdev: the card
 * @vector: SLP_VECTOR_*
 *
 * Each event sends its message, whatever IRQ_STATUS holds: there is nothing to acknowledge, and
 * no register is accessed on a job's way back.
 *
 * Return: IRQ_WAKE_THREAD for events, else IRQ_HANDLED.
 */
irqreturn_t sloop_irq(struct halyard_device *hdev, unsigned int vector)
{
	switch (vector) {
	case SLP_VECTOR_EVENT:
		return IRQ_WAKE_THREAD;
	case SLP_VECTOR_ADMIN:
		complete(&to_sloop(hdev)->admin_answered);
		return IRQ_HANDLED;
	default:
		halyard_complete_jobs(hdev);
		return IRQ_HANDLED;
	}
}

/**
 * sloop_irq_thread - &halyard_chip_ops.irq_thread
 * @hdev: the card
 * @vector: SLP_VECTOR_EVENT
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t sloop_irq_thread(struct halyard_device *hdev, unsigned int vector)
{
	struct sloop_device *sdev = to_sloop(hdev);

	mutex_lock(&sdev->event_lock);
	if (sdev->ready) {
		sloop_events_drain(hdev);
		sloop_check_firmware(hdev);
	}
	mutex_unlock(&sdev->event_lock);

	return IRQ_HANDLED;
}
