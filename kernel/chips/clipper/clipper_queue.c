// SPDX-License-Identifier: GPL-2.0-only
/* Queues and jobs: a ring in the client's address space, a doorbell, a status block in memory. */

#include <linux/bitfield.h>
#include <linux/math.h>

#include <drm/halyard_clipper.h>

#include "clipper.h"

/* A reset ends the command that is running, which may be long on a busy machine. */
#define CLIPPER_QUEUE_RESET_MS	1000

/* The ring and what the card may write are on pages of their own: it can't spoil its orders. */
static int clipper_queue_alloc(struct halyard_queue *queue)
{
	struct clipper_queue *cq = queue->priv;
	int ret;

	ret = halyard_kmem_alloc(queue->vm, CLIPPER_QUEUE_DEPTH * sizeof(struct clp_job), 0,
				 &cq->ring);
	if (ret)
		return ret;

	ret = halyard_kmem_alloc(queue->vm, sizeof(struct clp_queue_status), HALYARD_PROT_WRITE,
				 &cq->status_mem);
	if (ret)
		halyard_kmem_free(queue->vm, &cq->ring);

	return ret;
}

/* From here queue_progress() looks at the status block. */
static void clipper_queue_publish(struct halyard_queue *queue)
{
	struct clipper_queue *cq = queue->priv;
	struct clp_queue_status *status = cq->status_mem.vaddr;
	unsigned long flags;

	*status = (struct clp_queue_status) { .fence = queue->first_seqno - 1 };

	spin_lock_irqsave(&cq->lock, flags);
	cq->status = status;
	cq->tail = 0;
	cq->submitted = queue->first_seqno - 1;
	cq->last = (struct halyard_queue_progress) { .seqno = queue->first_seqno - 1 };
	spin_unlock_irqrestore(&cq->lock, flags);
}

static void clipper_queue_enable(struct halyard_queue *queue)
{
	struct halyard_device *hdev = queue->hdev;
	struct clipper_queue *cq = queue->priv;
	u32 base = CLP_QUEUE(queue->hw_id);
	u32 priority = DRM_HALYARD_PRIORITY_REALTIME - queue->priority; /* 0 runs first */

	clipper_write64(hdev, base + CLP_QUEUE_RING_LO, cq->ring.va);
	clipper_write(hdev, base + CLP_QUEUE_RING_ORDER, CLIPPER_RING_ORDER);
	clipper_write(hdev, base + CLP_QUEUE_CONFIG,
		      FIELD_PREP(CLP_QUEUE_CONFIG_CTX, queue->vm->hw_id) |
		      FIELD_PREP(CLP_QUEUE_CONFIG_CLASS, queue->engine_class) |
		      FIELD_PREP(CLP_QUEUE_CONFIG_PRIORITY, priority));
	clipper_write64(hdev, base + CLP_QUEUE_STATUS_BLOCK_LO, cq->status_mem.va);
	clipper_write(hdev, base + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_ENABLE);
	set_bit(queue->hw_id, to_clipper(hdev)->enabled);
}

/**
 * clipper_queue_init - &halyard_chip_ops.queue_init
 * @queue: new, or one that outlived a reset of the card and has its memory still
 */
int clipper_queue_init(struct halyard_queue *queue)
{
	struct clipper_queue *cq = queue->priv;
	int ret;

	if (!cq->ring.vaddr) {
		spin_lock_init(&cq->lock);
		ret = clipper_queue_alloc(queue);
		if (ret)
			return ret;
	}

	clipper_vm_load(queue->vm);
	clipper_queue_publish(queue);
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

	clipper_write(hdev, base + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
	ret = clipper_poll(hdev, base + CLP_QUEUE_STATE, U32_MAX, CLP_QUEUE_STATE_DISABLED,
			   CLIPPER_QUEUE_RESET_MS);
	if (ret)
		return -ETIMEDOUT;

	clear_bit(queue->hw_id, to_clipper(hdev)->enabled);
	/* Its records precede DISABLED; left for later they would meet the number's next owner. */
	clipper_faults_drain(hdev);

	return 0;
}

/**
 * clipper_queue_fini - &halyard_chip_ops.queue_fini
 * @queue: a queue; nothing happens when it is not made
 */
int clipper_queue_fini(struct halyard_queue *queue)
{
	struct clipper_queue *cq = queue->priv;
	struct halyard_queue_progress last;
	unsigned long flags;
	int idx, ret = 0;

	if (!cq->ring.vaddr)
		return 0;

	/* An unplugged card reaches no memory. */
	if (drm_dev_enter(&queue->hdev->drm, &idx)) {
		ret = clipper_queue_stop(queue);
		drm_dev_exit(idx);
	}
	if (ret)
		return ret;

	clipper_queue_progress(queue, &last);
	spin_lock_irqsave(&cq->lock, flags);
	cq->status = NULL;
	spin_unlock_irqrestore(&cq->lock, flags);

	halyard_kmem_free(queue->vm, &cq->status_mem);
	halyard_kmem_free(queue->vm, &cq->ring);
	cq->ring.vaddr = NULL;

	return 0;
}

/**
 * clipper_queue_progress - &halyard_chip_ops.queue_progress
 * @queue: a queue
 * @progress: where it is
 *
 * A fence value that is not between the newest seen and the newest submitted is one
 * that the card is in the midst of writing; it is seen whole the next time.
 */
void clipper_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress)
{
	struct clipper_queue *cq = queue->priv;
	unsigned long flags;
	u64 fence;

	spin_lock_irqsave(&cq->lock, flags);
	if (cq->status) {
		fence = READ_ONCE(cq->status->fence);
		dma_rmb(); /* counters and results were written before the fence */
		if (fence >= cq->last.seqno && fence <= cq->submitted)
			cq->last.seqno = fence;
		cq->last.busy_ns = READ_ONCE(cq->status->busy_ns);
		cq->last.stamp = READ_ONCE(cq->status->commands);
	}
	*progress = cq->last;
	spin_unlock_irqrestore(&cq->lock, flags);
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
 * @queue: of the job
 * @payload: struct drm_halyard_clipper_payload
 * @size: of it
 *
 * What the stream holds is the card's to check.
 */
int clipper_job_check(struct halyard_queue *queue, const void *payload, size_t size)
{
	const struct drm_halyard_clipper_payload *job = payload;
	struct clipper_device *cdev = to_clipper(queue->hdev);
	u64 bindings_size;

	if (job->flags || job->pad)
		return -EINVAL;
	if (!IS_ALIGNED(job->stream, 64) || !IS_ALIGNED(job->stream_size, 64) ||
	    !IS_ALIGNED(job->bindings, 8))
		return -EINVAL;
	if (job->binding_count > FIELD_GET(CLP_CAPS1_BINDINGS_MAX, cdev->caps1))
		return -EINVAL;

	bindings_size = job->binding_count * sizeof(struct drm_halyard_clipper_binding);
	if (!clipper_user_range(queue->hdev, job->stream, job->stream_size) ||
	    !clipper_user_range(queue->hdev, job->bindings, bindings_size))
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
	struct clp_job *ring = cq->ring.vaddr;
	unsigned long flags;

	ring[cq->tail % CLIPPER_QUEUE_DEPTH] = (struct clp_job) {
		.stream = payload->stream,
		.bindings = payload->bindings,
		.stream_size = payload->stream_size,
		.binding_count = payload->binding_count,
		.fence = job->seqno,
		.flags = CLP_JOB_IRQ,
	};
	cq->tail++;

	/* Before the doorbell: the interrupt may come before this function ends. */
	spin_lock_irqsave(&cq->lock, flags);
	cq->submitted = job->seqno;
	spin_unlock_irqrestore(&cq->lock, flags);

	/* The entry is in memory before the card learns of it: clipper_write() is ordered. */
	clipper_write(queue->hdev, CLP_DOORBELL(queue->hw_id), cq->tail);
}
