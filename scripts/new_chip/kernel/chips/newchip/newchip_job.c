// SPDX-License-Identifier: GPL-2.0-only
/* Newchip's jobs: checked on a copy, described to the card in memory of the driver's, run. */

#include <linux/ktime.h>
#include <linux/string.h>

#include <drm/drm_drv.h>

#include "newchip.h"

/* ---- checking ---- */

/* Bytes of an element, and which operands there are, by opcode. */
static const struct newchip_opcode {
	u32 size;
	bool a, b;
} newchip_opcodes[] = {
	[DRM_HALYARD_NEWCHIP_COPY] = { 1, true },
	[DRM_HALYARD_NEWCHIP_FILL] = { 4 },
	[DRM_HALYARD_NEWCHIP_ADD] = { 4, true, true },
	[DRM_HALYARD_NEWCHIP_MUL] = { 4, true, true },
	[DRM_HALYARD_NEWCHIP_RELU] = { 4, true },
	[DRM_HALYARD_NEWCHIP_TIMESTAMP] = { 8 },
};

static bool place_is_zero(const struct drm_halyard_newchip_place *place)
{
	return !place->offset && !place->slot && !place->pad;
}

/* Whether @count elements of @size bytes at @place lie in a buffer that the job may use so. */
static bool place_is_good(struct halyard_job *job, const struct drm_halyard_newchip_place *place,
			  u32 count, u32 size, bool write)
{
	const struct halyard_job_buffer *buffer;
	u64 bytes = (u64)count * size;

	if (place->pad || place->slot >= job->num_buffers || !IS_ALIGNED(place->offset, size))
		return false;

	buffer = &job->buffers[place->slot];
	if (write && !buffer->write)
		return false;

	return bytes <= buffer->size && place->offset <= buffer->size - bytes;
}

static bool input_is_good(struct halyard_job *job, const struct drm_halyard_newchip_place *place,
			  u32 count, u32 size, bool present)
{
	return present ? place_is_good(job, place, count, size, false) : place_is_zero(place);
}

static bool command_is_good(struct halyard_job *job,
			    const struct drm_halyard_newchip_command *command)
{
	const struct newchip_opcode *opcode;
	u32 count = command->count;

	if (command->opcode >= ARRAY_SIZE(newchip_opcodes))
		return false;
	if (command->pattern && command->opcode != DRM_HALYARD_NEWCHIP_FILL)
		return false;

	opcode = &newchip_opcodes[command->opcode];
	if (!opcode->size) /* NOP */
		return !count && place_is_zero(&command->out) && place_is_zero(&command->a) &&
		       place_is_zero(&command->b);

	if (!count || count > (u32)S32_MAX / opcode->size)
		return false;
	if (command->opcode == DRM_HALYARD_NEWCHIP_TIMESTAMP && count != 1)
		return false;

	return place_is_good(job, &command->out, count, opcode->size, true) &&
	       input_is_good(job, &command->a, count, opcode->size, opcode->a) &&
	       input_is_good(job, &command->b, count, opcode->size, opcode->b);
}

/* The descriptor is the driver's own: nobody changes it while the card reads it. */
static void newchip_describe(struct halyard_job *job)
{
	const struct drm_halyard_newchip_payload *payload = job->payload;
	struct newchip_job *desc = job->mem.vaddr;
	u32 i;

	desc->num_buffers = job->num_buffers;
	for (i = 0; i < job->num_buffers; i++)
		desc->buffers[i] = (struct newchip_buffer) {
			.address = job->buffers[i].address,
			.size = job->buffers[i].size,
			.flags = job->buffers[i].write ? NEWCHIP_BUFFER_WRITE : 0,
		};
	desc->num_commands = payload->count;
	memcpy(desc->commands, payload->commands, payload->count * sizeof(*payload->commands));
}

/**
 * newchip_job_check - &halyard_chip_ops.job_check
 * @job: a job; its payload is a struct drm_halyard_newchip_payload
 *
 * The card has no page tables: what a job can reach is decided here.
 *
 * Return: 0, -EINVAL, or -ENOMEM.
 */
int newchip_job_check(struct halyard_job *job)
{
	const struct drm_halyard_newchip_payload *payload = job->payload;
	int ret;
	u32 i;

	if (payload->flags || payload->count > DRM_HALYARD_NEWCHIP_COMMANDS_MAX)
		return -EINVAL;
	for (i = 0; i < payload->count; i++)
		if (!command_is_good(job, &payload->commands[i]))
			return -EINVAL;
	if (memchr_inv(&payload->commands[payload->count], 0,
		       (DRM_HALYARD_NEWCHIP_COMMANDS_MAX - payload->count) *
		       sizeof(*payload->commands)))
		return -EINVAL;

	ret = halyard_job_alloc(job, sizeof(struct newchip_job));
	if (ret)
		return ret;
	newchip_describe(job);

	return 0;
}

/* ---- running ---- */

/**
 * newchip_queue_init - &halyard_chip_ops.queue_init
 * @queue: new, or one that outlived a reset of the card
 *
 * Return: 0.
 */
int newchip_queue_init(struct halyard_queue *queue)
{
	struct newchip_queue *mq = queue->priv;

	mq->done = queue->first_seqno - 1;

	return 0;
}

/**
 * newchip_job_run - &halyard_chip_ops.job_run
 * @job: a job; the card is idle
 */
void newchip_job_run(struct halyard_job *job)
{
	struct halyard_device *hdev = job->queue->hdev;
	struct newchip_device *mdev = to_newchip(hdev);
	unsigned long flags;

	spin_lock_irqsave(&mdev->lock, flags);
	mdev->running = job->queue;
	mdev->seqno = job->seqno;
	mdev->since = ktime_get_ns();
	halyard_write64(hdev, NEWCHIP_JOB_LO, job->mem.dma);
	/* The descriptor is in memory before the card learns of it: the write is ordered. */
	halyard_write(hdev, NEWCHIP_RUN, 1);
	spin_unlock_irqrestore(&mdev->lock, flags);
}

/* What runs is on the card no more. */
static void newchip_ended(struct newchip_device *mdev)
{
	struct newchip_queue *mq = mdev->running->priv;

	lockdep_assert_held(&mdev->lock);

	mq->busy_ns += ktime_get_ns() - mdev->since;
	mdev->running = NULL;
}

/* Looks whether the job on the card is over; an interrupt that got lost is not missed. */
static void newchip_poll(struct halyard_device *hdev)
{
	struct newchip_device *mdev = to_newchip(hdev);
	struct newchip_queue *mq;

	lockdep_assert_held(&mdev->lock);

	if (!mdev->running || halyard_read(hdev, NEWCHIP_STATUS) != NEWCHIP_STATUS_DONE)
		return;

	mq = mdev->running->priv;
	mq->done = mdev->seqno;
	newchip_ended(mdev);
}

/**
 * newchip_queue_progress - &halyard_chip_ops.queue_progress
 * @queue: a queue
 * @progress: where it is
 */
void newchip_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress)
{
	struct newchip_device *mdev = to_newchip(queue->hdev);
	struct newchip_queue *mq = queue->priv;
	unsigned long flags;

	spin_lock_irqsave(&mdev->lock, flags);
	newchip_poll(queue->hdev);
	progress->seqno = mq->done;
	progress->busy_ns = mq->busy_ns;
	if (mdev->running == queue)
		progress->stamp = halyard_read(queue->hdev, NEWCHIP_PROGRESS);
	spin_unlock_irqrestore(&mdev->lock, flags);
}

/**
 * newchip_queue_fini - &halyard_chip_ops.queue_fini
 * @queue: a queue
 *
 * Return: 0, or -ETIMEDOUT when its job does not stop.
 */
int newchip_queue_fini(struct halyard_queue *queue)
{
	struct halyard_device *hdev = queue->hdev;
	struct newchip_device *mdev = to_newchip(hdev);
	unsigned long flags;
	bool ours;
	int idx, ret = 0;

	spin_lock_irqsave(&mdev->lock, flags);
	ours = mdev->running == queue;
	if (ours)
		newchip_ended(mdev);
	spin_unlock_irqrestore(&mdev->lock, flags);

	/* The card has no other job. */
	if (ours && drm_dev_enter(&hdev->drm, &idx)) {
		ret = newchip_reset_card(hdev);
		drm_dev_exit(idx);
	}

	return ret;
}

/* ---- interrupts ---- */

/**
 * newchip_irq - &halyard_chip_ops.irq
 * @hdev: the card
 * @vector: 0
 *
 * Return: as of a handler.
 */
irqreturn_t newchip_irq(struct halyard_device *hdev, unsigned int vector)
{
	u32 status = halyard_read(hdev, NEWCHIP_IRQ_STATUS);

	if (status == U32_MAX || !(status & NEWCHIP_IRQ_DONE))
		return IRQ_NONE;

	halyard_write(hdev, NEWCHIP_IRQ_STATUS, NEWCHIP_IRQ_DONE);
	halyard_complete_jobs(hdev);

	return halyard_read(hdev, NEWCHIP_STATUS) == NEWCHIP_STATUS_ERROR ? IRQ_WAKE_THREAD
								      : IRQ_HANDLED;
}

static void newchip_read_fault(struct halyard_device *hdev, struct halyard_fault *fault)
{
	fault->command = halyard_read(hdev, NEWCHIP_PROGRESS);
	switch (halyard_read(hdev, NEWCHIP_ERROR)) {
	case NEWCHIP_ERROR_BOUNDS:
		fault->cause = DRM_HALYARD_FAULT_OUT_OF_BOUNDS;
		fault->error = -EFAULT;
		break;
	case NEWCHIP_ERROR_BUS:
		fault->cause = DRM_HALYARD_FAULT_DEVICE;
		fault->error = -EIO;
		break;
	default:
		fault->cause = DRM_HALYARD_FAULT_ILLEGAL_COMMAND;
		fault->error = -EILSEQ;
		break;
	}
}

/* The queue whose job has failed, with a reference, or NULL. */
static struct halyard_queue *newchip_failed_queue(struct halyard_device *hdev)
{
	struct newchip_device *mdev = to_newchip(hdev);
	bool failed;
	u32 hw_id;

	spin_lock_irq(&mdev->lock);
	failed = mdev->running && halyard_read(hdev, NEWCHIP_STATUS) == NEWCHIP_STATUS_ERROR;
	hw_id = failed ? mdev->running->hw_id : 0;
	spin_unlock_irq(&mdev->lock);

	/* Not under our lock, which is taken under the core's when it asks for progress. */
	return failed ? halyard_queue_get_by_hw_id(hdev, hw_id) : NULL;
}

/**
 * newchip_irq_thread - &halyard_chip_ops.irq_thread
 * @hdev: the card
 * @vector: 0
 *
 * Return: IRQ_HANDLED.
 */
irqreturn_t newchip_irq_thread(struct halyard_device *hdev, unsigned int vector)
{
	struct halyard_queue *queue = newchip_failed_queue(hdev);
	struct newchip_device *mdev = to_newchip(hdev);
	struct halyard_fault fault = {};
	u64 seqno = 0;

	if (!queue)
		return IRQ_HANDLED;

	spin_lock_irq(&mdev->lock);
	/* Unless the queue was destroyed meanwhile, and its number is another's. */
	if (mdev->running == queue) {
		seqno = mdev->seqno;
		newchip_read_fault(hdev, &fault);
		newchip_ended(mdev);
	}
	spin_unlock_irq(&mdev->lock);

	if (seqno)
		halyard_queue_fault(queue, seqno, &fault);
	halyard_queue_put(queue);

	return IRQ_HANDLED;
}
