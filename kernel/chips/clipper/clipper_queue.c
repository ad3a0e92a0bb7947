// SPDX-License-Identifier: GPL-2.0-only
/* Queues and jobs: a ring in the client's address space, a doorbell, a status block in memory. */

#include <linux/bitfield.h>
#include <linux/math.h>

#include <drm/halyard_clipper.h>

#include "clipper.h"

static void clipper_queue_enable(struct halyard_queue *queue)
{
	struct halyard_device *hdev = queue->hdev;
	u32 base = CLP_QUEUE(queue->hw_id);
	u32 priority = DRM_HALYARD_PRIORITY_REALTIME - queue->priority; /* 0 runs first */

	halyard_write64(hdev, base + CLP_QUEUE_RING_LO, queue->mem[CLIPPER_MEM_RING].va);
	halyard_write(hdev, base + CLP_QUEUE_RING_ORDER, CLIPPER_RING_ORDER);
	halyard_write(hdev, base + CLP_QUEUE_CONFIG,
		      FIELD_PREP(CLP_QUEUE_CONFIG_CTX, queue->vm->hw_id) |
		      FIELD_PREP(CLP_QUEUE_CONFIG_CLASS, queue->engine_class) |
		      FIELD_PREP(CLP_QUEUE_CONFIG_PRIORITY, priority) |
		      FIELD_PREP(CLP_QUEUE_CONFIG_SHARE, queue->share));
	halyard_write64(hdev, base + CLP_QUEUE_STATUS_BLOCK_LO, queue->mem[CLIPPER_MEM_STATUS].va);
	halyard_write(hdev, base + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_ENABLE);
	set_bit(queue->hw_id, to_clipper(hdev)->enabled);
}

/**
 * clipper_queue_init - &halyard_chip_ops.queue_init
 * @queue: new, or one that outlived a reset of the card
 *
 * Return: 0.
 */
int clipper_queue_init(struct halyard_queue *queue)
{
	struct clp_queue_status *status = queue->mem[CLIPPER_MEM_STATUS].vaddr;
	struct clipper_queue *cq = queue->priv;

	*status = (struct clp_queue_status) { .fence = queue->first_seqno - 1 };
	cq->tail = 0;

	clipper_vm_load(queue->vm);
	clipper_queue_enable(queue);

	return 0;
}

/* Stops the queue in hardware: 0, or -ETIMEDOUT when it may still access memory. */
static int clipper_queue_stop(struct halyard_queue *queue)
{
	struct halyard_device *hdev = queue->hdev;
	u32 base = CLP_QUEUE(queue->hw_id);
	int ret;

	if (!test_bit(queue->hw_id, to_clipper(hdev)->enabled))
		return 0;
	if (!to_clipper(hdev)->ready)
		return -ETIMEDOUT; /* a reset of the whole card has failed */

	/* A record that waits in the fault queue is consumed before its queue is reset. */
	clipper_faults_drain(hdev);
	halyard_write(hdev, base + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
	ret = clipper_await(hdev, base + CLP_QUEUE_STATE, U32_MAX, CLP_QUEUE_STATE_DISABLED,
			    queue->hw_id);
	if (ret)
		return -ETIMEDOUT;

	clear_bit(queue->hw_id, to_clipper(hdev)->enabled);
	/* One that came meanwhile would be taken for the number's next owner's. */
	clipper_faults_drain(hdev);

	return 0;
}

/**
 * clipper_queue_fini - &halyard_chip_ops.queue_fini
 * @queue: a queue; there is nothing to do when the card was reset meanwhile
 *
 * Return: 0, or -ETIMEDOUT when the queue does not stop.
 */
int clipper_queue_fini(struct halyard_queue *queue)
{
	int idx, ret;

	if (!drm_dev_enter(&queue->hdev->drm, &idx))
		return 0; /* an unplugged card reaches no memory */

	ret = clipper_queue_stop(queue);
	drm_dev_exit(idx);

	return ret;
}

/* Whether the queue has jobs that the engines have no time for. */
static bool clipper_queue_waits(struct halyard_queue *queue)
{
	struct clipper_device *cdev = to_clipper(queue->hdev);
	unsigned long flags;
	u32 state = 0;

	spin_lock_irqsave(&cdev->counter_lock, flags);
	if (cdev->ready)
		state = halyard_read(queue->hdev, CLP_QUEUE(queue->hw_id) + CLP_QUEUE_STATE);
	/* If the interrupt got lost the job would be taken for one that hangs. */
	if (state == CLP_QUEUE_STATE_FAULTED)
		schedule_work(&cdev->events);
	spin_unlock_irqrestore(&cdev->counter_lock, flags);

	return state == CLP_QUEUE_STATE_PENDING;
}

/**
 * clipper_queue_progress - &halyard_chip_ops.queue_progress
 * @queue: a queue
 * @progress: where it is
 */
void clipper_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress)
{
	const struct clp_queue_status *status = queue->mem[CLIPPER_MEM_STATUS].vaddr;

	progress->seqno = READ_ONCE(status->fence);
	dma_rmb(); /* counters and results were written before the fence */
	progress->busy_ns = READ_ONCE(status->busy_ns);
	progress->stamp = READ_ONCE(status->commands);
	progress->waiting = progress->ask_waiting && clipper_queue_waits(queue);
}

/* Whether user space may name the range; nothing of an empty range is looked at. */
static bool clipper_user_range(struct halyard_device *hdev, u64 address, u64 size)
{
	const struct halyard_limits *limits = &hdev->limits;

	return !size || (address >= limits->va_start && address < limits->va_end &&
			 size <= limits->va_end - address);
}

/**
 * clipper_job_check - &halyard_chip_ops.job_check
 * @job: a job; its payload is a struct drm_halyard_clipper_payload
 *
 * What the stream holds is the card's to check.
 *
 * Return: 0, or -EINVAL.
 */
int clipper_job_check(struct halyard_job *job)
{
	const struct drm_halyard_clipper_payload *payload = job->payload;
	struct halyard_device *hdev = job->queue->hdev;
	u64 bindings_size;

	if (payload->flags || payload->pad)
		return -EINVAL;
	if (!IS_ALIGNED(payload->stream, 64) || !IS_ALIGNED(payload->stream_size, 64) ||
	    !IS_ALIGNED(payload->bindings, 8))
		return -EINVAL;
	if (payload->binding_count > FIELD_GET(CLP_CAPS1_BINDINGS_MAX, to_clipper(hdev)->caps1))
		return -EINVAL;

	bindings_size = payload->binding_count * sizeof(struct drm_halyard_clipper_binding);
	if (!clipper_user_range(hdev, payload->stream, payload->stream_size) ||
	    !clipper_user_range(hdev, payload->bindings, bindings_size))
		return -EINVAL;

	return 0;
}

/**
 * clipper_job_run - &halyard_chip_ops.job_run
 * @job: a job
 */
void clipper_job_run(struct halyard_job *job)
{
	const struct drm_halyard_clipper_payload *payload = job->payload;
	struct halyard_queue *queue = job->queue;
	struct clipper_queue *cq = queue->priv;
	struct clp_job *ring = queue->mem[CLIPPER_MEM_RING].vaddr;

	ring[cq->tail % CLIPPER_QUEUE_DEPTH] = (struct clp_job) {
		.stream = payload->stream,
		.bindings = payload->bindings,
		.stream_size = payload->stream_size,
		.binding_count = payload->binding_count,
		.fence = job->seqno,
		.flags = CLP_JOB_IRQ,
	};
	cq->tail++;

	/* The entry is in memory before the card learns of it: halyard_write() is ordered. */
	halyard_write(queue->hdev, CLP_DOORBELL(queue->hw_id), cq->tail);
}
