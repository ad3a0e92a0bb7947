// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: checked on a copy of their own when they are submitted, given to the card one at a time,
 * completed by what the STATUS register says. Interrupts are hints.
 */

#include <linux/bitfield.h>
#include <linux/ktime.h>

#include <drm/halyard_dory.h>

#include "dory.h"

/* User space knows addresses as a buffer's place in the job's list and an offset. */
#define DORY_SLOT_SHIFT		48

/**
 * struct dory_cause - what a DORY_ERROR_* means to user space
 * @cause: for QUEUE_QUERY
 * @error: of the fence
 * @name: for the log
 */
struct dory_cause {
	enum drm_halyard_fault_cause cause;
	int error;
	const char *name;
};

static const struct dory_cause dory_causes[] = {
	[DORY_ERROR_NONE] = { DRM_HALYARD_FAULT_DEVICE, -EIO, "unknown error" },
	[DORY_ERROR_STREAM] = { DRM_HALYARD_FAULT_ILLEGAL_COMMAND, -EILSEQ, "malformed command" },
	[DORY_ERROR_OPERANDS] = { DRM_HALYARD_FAULT_ILLEGAL_COMMAND, -EILSEQ,
				  "operands do not fit together" },
	[DORY_ERROR_BOUNDS] = { DRM_HALYARD_FAULT_OUT_OF_BOUNDS, -EFAULT,
				"operand out of bounds" },
	[DORY_ERROR_PERMISSION] = { DRM_HALYARD_FAULT_PERMISSION, -EFAULT,
				    "region is not to be written" },
	[DORY_ERROR_BUS] = { DRM_HALYARD_FAULT_DEVICE, -EIO, "bus error" },
	[DORY_ERROR_ECC] = { DRM_HALYARD_FAULT_MEMORY_ERROR, -EBADMSG,
			     "uncorrectable memory error" },
};

/* ---- queues, which the card knows nothing of ---- */

/**
 * dory_queue_init - &halyard_chip_ops.queue_init
 * @queue: new, or one that outlived a reset of the card
 *
 * Return: 0.
 */
int dory_queue_init(struct halyard_queue *queue)
{
	struct dory_device *ddev = to_dory(queue->hdev);
	struct dory_queue *dq = queue->priv;

	spin_lock_irq(&ddev->lock);
	*dq = (struct dory_queue) { .completed = queue->first_seqno - 1 };
	spin_unlock_irq(&ddev->lock);

	return 0;
}

/* Takes the queue's job from the card: 0, or -ETIMEDOUT when it may still access memory. */
static int dory_queue_stop(struct halyard_queue *queue)
{
	struct dory_device *ddev = to_dory(queue->hdev);
	bool running = false, mine, ready;

	spin_lock_irq(&ddev->lock);
	mine = ddev->owner == queue;
	ready = ddev->ready;
	if (mine && ready)
		running = halyard_read(queue->hdev, DORY_STATUS) & DORY_STATUS_BUSY;
	if (mine && ready && !running)
		ddev->owner = NULL;
	spin_unlock_irq(&ddev->lock);

	if (mine && !ready)
		return -ETIMEDOUT; /* a reset has failed */

	/* Nothing of other queues is on the card. */
	return running ? dory_reset_block(queue->hdev) : 0;
}

/**
 * dory_queue_fini - &halyard_chip_ops.queue_fini
 * @queue: a queue
 *
 * Return: 0, or -ETIMEDOUT when its job does not stop.
 */
int dory_queue_fini(struct halyard_queue *queue)
{
	int idx, ret;

	if (!drm_dev_enter(&queue->hdev->drm, &idx))
		return 0; /* an unplugged card reaches no memory */

	ret = dory_queue_stop(queue);
	drm_dev_exit(idx);

	return ret;
}

/*
 * Takes note of what has become of the card's job. Errors are for dory_report(): they can't be
 * reported from where completion is asked for.
 */
static void dory_settle_locked(struct dory_device *ddev)
{
	struct dory_queue *dq;
	u32 status;

	lockdep_assert_held(&ddev->lock);

	if (!ddev->owner || !ddev->ready)
		return;

	status = halyard_read(ddev->hdev, DORY_STATUS);
	if (status == U32_MAX || status & DORY_STATUS_ERROR) {
		schedule_work(&ddev->events);
	} else if (status & DORY_STATUS_DONE) {
		dq = ddev->owner->priv;
		dq->completed = ddev->seqno;
		dq->busy_ns += ktime_get_ns() - ddev->started;
		ddev->owner = NULL;
	}
}

/**
 * dory_queue_progress - &halyard_chip_ops.queue_progress
 * @queue: a queue
 * @progress: where it is
 */
void dory_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress)
{
	struct dory_device *ddev = to_dory(queue->hdev);
	struct dory_queue *dq = queue->priv;
	unsigned long flags;

	spin_lock_irqsave(&ddev->lock, flags);
	if (ddev->owner == queue)
		dory_settle_locked(ddev);
	progress->busy_ns = dq->busy_ns;
	if (ddev->owner == queue) {
		progress->busy_ns += ktime_get_ns() - ddev->started;
		if (progress->ask_waiting && ddev->ready)
			dq->stamp = halyard_read(queue->hdev, DORY_COMMANDS);
	}
	progress->seqno = dq->completed;
	progress->stamp = dq->stamp;
	spin_unlock_irqrestore(&ddev->lock, flags);
}

/* ---- jobs ---- */

static int dory_validate_job(struct halyard_job *job)
{
	const struct drm_halyard_dory_payload *payload = job->payload;
	struct halyard_device *hdev = job->queue->hdev;
	struct dory_region regions[DORY_NUM_REGIONS];
	struct dory_refusal refusal;
	int ret;
	u32 i;

	for (i = 0; i < job->num_buffers; i++)
		regions[i] = (struct dory_region) { job->buffers[i].size, job->buffers[i].write };

	ret = dory_validate(job->mem.vaddr, payload->size, regions, job->num_buffers,
			    to_dory(hdev)->info.opcodes, &refusal);
	if (ret)
		dev_dbg(hdev->dev, "command at byte %u: %s\n", refusal.offset, refusal.reason);

	return ret;
}

/**
 * dory_job_check - &halyard_chip_ops.job_check
 * @job: a job; its payload is a struct drm_halyard_dory_payload
 *
 * The stream is copied first: what was checked is what runs.
 *
 * Return: 0, -EINVAL or -ENOMEM.
 */
int dory_job_check(struct halyard_job *job)
{
	const struct drm_halyard_dory_payload *payload = job->payload;
	int ret;

	if (payload->flags || !payload->size || payload->size > DRM_HALYARD_DORY_STREAM_MAX ||
	    !IS_ALIGNED(payload->offset | payload->size, sizeof(u32)))
		return -EINVAL;

	ret = halyard_job_alloc(job, payload->size);
	if (!ret)
		ret = halyard_job_read(job, payload->slot, payload->offset, job->mem.vaddr,
				       payload->size);

	return ret ?: dory_validate_job(job);
}

/* The card's registers keep their values, and jobs often have the buffers of those before. */
static void dory_load_region(struct dory_device *ddev, u32 n, u32 base, u32 limit, u32 flags)
{
	struct halyard_device *hdev = ddev->hdev;

	lockdep_assert_held(&ddev->lock);

	if (ddev->regions[n].base != base)
		halyard_write(hdev, DORY_REGION(n) + DORY_REGION_BASE, base);
	if (ddev->regions[n].limit != limit)
		halyard_write(hdev, DORY_REGION(n) + DORY_REGION_LIMIT, limit);
	if (ddev->regions[n].flags != flags)
		halyard_write(hdev, DORY_REGION(n) + DORY_REGION_FLAGS, flags);
	ddev->regions[n].base = base;
	ddev->regions[n].limit = limit;
	ddev->regions[n].flags = flags;
}

static void dory_load_locked(struct dory_device *ddev, struct halyard_job *job)
{
	const struct drm_halyard_dory_payload *payload = job->payload;
	struct halyard_device *hdev = ddev->hdev;
	u32 i;

	for (i = 0; i < DORY_NUM_REGIONS; i++) {
		const struct halyard_job_buffer *buffer = &job->buffers[i];

		if (i < job->num_buffers)
			dory_load_region(ddev, i, buffer->address, buffer->size,
					 buffer->write ? DORY_REGION_FLAGS_WRITE : 0);
		else
			dory_load_region(ddev, i, 0, 0, 0);
	}
	halyard_write(hdev, DORY_STREAM, job->mem.dma);
	halyard_write(hdev, DORY_STREAM_SIZE, payload->size);
	halyard_write(hdev, DORY_JOB, ++ddev->number);
	/* The stream is in memory before the card learns of it: halyard_write() is ordered. */
	halyard_write(hdev, DORY_RUN, 1);
}

/**
 * dory_job_run - &halyard_chip_ops.job_run
 * @job: a job; the card has none
 */
void dory_job_run(struct halyard_job *job)
{
	struct dory_device *ddev = to_dory(job->queue->hdev);
	unsigned long flags;

	spin_lock_irqsave(&ddev->lock, flags);
	if (ddev->ready) {
		dory_load_locked(ddev, job);
		ddev->owner = job->queue;
		ddev->seqno = job->seqno;
		ddev->started = ktime_get_ns();
	}
	spin_unlock_irqrestore(&ddev->lock, flags);
}

/* ---- interrupts ---- */

/* The address in terms of the job, which is what its owner knows. */
static u64 dory_error_address(struct dory_device *ddev, u32 region, u32 address)
{
	if (region >= DORY_NUM_REGIONS)
		return 0;

	return (u64)region << DORY_SLOT_SHIFT | (address - ddev->regions[region].base);
}

static const struct dory_cause *dory_read_error(struct dory_device *ddev,
						struct halyard_fault *fault)
{
	struct halyard_device *hdev = ddev->hdev;
	u32 cause = halyard_read(hdev, DORY_ERROR_CAUSE);
	u32 access = halyard_read(hdev, DORY_ERROR_ACCESS);
	const struct dory_cause *known =
		&dory_causes[cause < ARRAY_SIZE(dory_causes) ? cause : DORY_ERROR_NONE];

	lockdep_assert_held(&ddev->lock);

	*fault = (struct halyard_fault) {
		.cause = known->cause,
		.error = known->error,
		.address = dory_error_address(ddev, FIELD_GET(DORY_ERROR_ACCESS_REGION, access),
					      halyard_read(hdev, DORY_ERROR_ADDRESS)),
		.write = access & DORY_ERROR_ACCESS_WRITE,
		.command = halyard_read(hdev, DORY_COMMANDS),
		.tag = halyard_read(hdev, DORY_TAG),
	};

	return known;
}

/* Reports an error of the card's job, if there is one, or that the card does not answer. */
static void dory_report(struct halyard_device *hdev)
{
	struct dory_device *ddev = to_dory(hdev);
	const struct dory_cause *cause = NULL;
	struct halyard_queue *queue = NULL;
	struct halyard_fault fault;
	u32 status = 0, hw_id = 0;
	u64 seqno = 0;

	spin_lock_irq(&ddev->lock);
	if (ddev->owner && ddev->ready) {
		status = halyard_read(hdev, DORY_STATUS);
		seqno = ddev->seqno;
		hw_id = ddev->owner->hw_id;
	}
	if (status != U32_MAX && status & DORY_STATUS_ERROR)
		cause = dory_read_error(ddev, &fault);
	spin_unlock_irq(&ddev->lock);

	if (status == U32_MAX)
		halyard_device_fault(hdev, "card does not answer");
	if (cause)
		queue = halyard_queue_get_by_hw_id(hdev, hw_id);
	if (!queue)
		return;

	dev_dbg(hdev->dev, "%s: queue %u job %llu command %u tag %#x, %s of %#llx\n", cause->name,
		hw_id, seqno, fault.command, fault.tag, fault.write ? "write" : "read",
		fault.address);
	halyard_queue_fault(queue, seqno, &fault);
	halyard_queue_put(queue);
}

/**
 * dory_events_work - &dory_device.events
 * @work: of a card whose job is found to have failed
 */
void dory_events_work(struct work_struct *work)
{
	struct dory_device *ddev = container_of(work, struct dory_device, events);
	int idx;

	if (!drm_dev_enter(&ddev->hdev->drm, &idx))
		return;

	dory_report(ddev->hdev);
	drm_dev_exit(idx);
}

/**
 * dory_irq - &halyard_chip_ops.irq
 * @hdev: the card
 * @vector: 0
 *
 * What IRQ_STATUS holds is not looked at: STATUS, which is read afterwards, says more.
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t dory_irq(struct halyard_device *hdev, unsigned int vector)
{
	struct dory_device *ddev = to_dory(hdev);

	spin_lock(&ddev->lock);
	if (ddev->ready)
		halyard_write(hdev, DORY_IRQ_ACK, DORY_IRQ_DONE | DORY_IRQ_ERROR);
	spin_unlock(&ddev->lock);

	halyard_complete_jobs(hdev);

	return IRQ_HANDLED;
}
