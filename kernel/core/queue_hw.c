// SPDX-License-Identifier: GPL-2.0-only
/*
 * A queue in hardware: it is made known to the device, given its jobs, stopped, blamed for a job,
 * restored after a reset. All of it is in the way of fences, so nothing here allocates memory or
 * waits for a fence.
 */

#include "queue.h"

/**
 * halyard_queue_shut - have jobs that come now wait for halyard_queue_launch(), or for their end
 * @q: the queue, &halyard_slot.run_lock held
 */
void halyard_queue_shut(struct halyard_queue_core *q)
{
	unsigned long flags;

	lockdep_assert_held(&q->slot->run_lock);

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	q->open = false;
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);
}

/* The device ends its work on the queue and forgets it. Nothing to do when it has already. */
static int halyard_queue_fini(struct halyard_queue_core *q)
{
	unsigned long flags;
	int ret;

	lockdep_assert_held(&q->queue.hdev->core->reset_lock);

	if (!q->live)
		return 0;

	ret = q->queue.hdev->chip->ops->queue_fini(&q->queue);
	if (ret)
		return ret;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	q->live = false;
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	return 0;
}

/**
 * halyard_queue_quiesce - stop a queue by the means that disturb no other one
 * @q: the queue, &halyard_core.reset_lock and &halyard_slot.run_lock held
 *
 * Return: 0, or a negative error: only a reset of the device is left.
 */
int halyard_queue_quiesce(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	u32 first = READ_ONCE(hdev->core->sched->first_level);
	int ret = -ETIMEDOUT;

	lockdep_assert_held(&q->slot->run_lock);

	halyard_queue_shut(q);
	if (!q->live)
		return 0;

	if (first <= HALYARD_RESET_QUEUE) {
		ret = halyard_queue_fini(q);
		/* A queue that is destroyed in order is no reset. */
		if (ret || q->faulted)
			halyard_reset_note(hdev, HALYARD_RESET_QUEUE, ret);
	}
	if (ret && first <= HALYARD_RESET_ENGINE) {
		ret = hdev->chip->ops->reset(hdev, HALYARD_RESET_ENGINE, &q->queue);
		if (!ret)
			ret = halyard_queue_fini(q);
		halyard_reset_note(hdev, HALYARD_RESET_ENGINE, ret);
	}

	return ret;
}

/*
 * The oldest job in flight with at least this number, with a reference to its fence, which keeps
 * the job; or NULL.
 */
static struct halyard_job_core *halyard_job_from(struct halyard_queue_core *q, u64 seqno)
{
	struct halyard_job_core *job;
	unsigned long flags;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	list_for_each_entry(job, &q->in_flight, link) {
		if (job->job.seqno >= seqno) {
			dma_fence_get(&job->fence);
			goto found;
		}
	}
	job = NULL;
found:
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	return job;
}

/**
 * halyard_queue_launch - make a queue known to the device, and give it what it is to run
 * @q: the queue, &halyard_core.reset_lock and &halyard_slot.run_lock held
 *
 * That is all jobs that the device did not complete before a reset.
 *
 * Return: 0, or what the chip says.
 */
int halyard_queue_launch(struct halyard_queue_core *q)
{
	const struct halyard_chip_ops *ops = q->queue.hdev->chip->ops;
	struct halyard_job_core *job;
	unsigned long flags;
	u64 seqno;
	int ret;

	lockdep_assert_held(&q->queue.hdev->core->reset_lock);
	lockdep_assert_held(&q->slot->run_lock);

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	q->live = false;
	job = list_first_entry_or_null(&q->in_flight, struct halyard_job_core, link);
	seqno = job ? job->job.seqno : q->started + 1;
	q->queue.first_seqno = seqno;
	q->busy_base = q->busy_ns;
	q->job_base = q->busy_ns;
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	ret = ops->queue_init(&q->queue);
	if (ret)
		return ret;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	q->live = true;
	q->open = true;
	q->progress = (struct halyard_queue_progress) { .seqno = seqno - 1 };
	q->progress_at = jiffies;
	if (!list_empty(&q->in_flight))
		halyard_watch_locked(q);
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	while ((job = halyard_job_from(q, seqno))) {
		ops->job_run(&job->job);
		seqno = job->job.seqno + 1;
		dma_fence_put(&job->fence);
	}

	return 0;
}

/**
 * halyard_job_find_locked - find a job that the device has
 * @q: its queue, &halyard_slot.fence_lock held
 * @seqno: its number; 0: the oldest
 *
 * Return: the job, or NULL when it is over.
 */
struct halyard_job_core *halyard_job_find_locked(struct halyard_queue_core *q, u64 seqno)
{
	struct halyard_job_core *job;

	list_for_each_entry(job, &q->in_flight, link)
		if (!seqno || job->job.seqno == seqno)
			return job;

	return NULL;
}

/*
 * A job of the core's own failed. It only writes what nobody uses yet, so it may run once more,
 * when the queue is launched; the last time it ends. Who put the others in the queue did not cause
 * the failure.
 */
static void halyard_queue_forgive_locked(struct halyard_queue_core *q)
{
	struct halyard_job_core *job = halyard_job_find_locked(q, q->fault_seqno);

	lockdep_assert_held(&q->slot->fence_lock);

	if (job && ++job->failures >= HALYARD_COPY_TRIES)
		halyard_queue_end_job_locked(q, q->fault_seqno, q->fault.error);
}

/**
 * halyard_queue_condemn - give the guilty job the error it earned, and cancel those after it
 * @q: the queue, on which the device has stopped working
 */
void halyard_queue_condemn(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	unsigned long flags;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	q->faulted = false;
	if (q->own) {
		halyard_queue_forgive_locked(q);
	} else {
		q->state = DRM_HALYARD_QUEUE_BANNED;
		q->error = -ECANCELED;
		halyard_queue_end_jobs_locked(q, q->fault_seqno, q->fault.error, -ECANCELED);
	}
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	if (q->own) {
		dev_err_ratelimited(hdev->dev,
				    "a copy of memory failed with %d, cause %d, address %#llx\n",
				    q->fault.error, q->fault.cause, q->fault.address);
		return;
	}
	dev_notice_ratelimited(hdev->dev,
			       "queue %u of %s[%d] is banned: job %llu failed with %d, cause %d, address %#llx, command %u\n",
			       q->queue.hw_id, q->comm, q->pid, q->fault_seqno, q->fault.error,
			       q->fault.cause, q->fault.address, q->fault.command);
}

/**
 * halyard_queue_lose - end a queue of a device that is gone or going, and reaches nothing any more
 * @q: the queue, &halyard_core.reset_lock held
 * @error: of its jobs
 */
void halyard_queue_lose(struct halyard_queue_core *q, int error)
{
	unsigned long flags;
	int ret;

	mutex_lock(&q->slot->run_lock);
	halyard_queue_shut(q);
	ret = halyard_queue_fini(q);
	if (ret)
		dev_err(q->queue.hdev->dev, "queue %u does not end on a stopped device: %d\n",
			q->queue.hw_id, ret);

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	q->live = false;
	if (q->faulted)
		halyard_queue_end_jobs_locked(q, q->fault_seqno, q->fault.error, error);
	else
		halyard_queue_end_jobs_locked(q, 0, 0, error);
	if (!q->faulted && q->state == DRM_HALYARD_QUEUE_ACTIVE)
		q->fault.cause = DRM_HALYARD_FAULT_DEVICE;
	q->faulted = false;
	q->state = DRM_HALYARD_QUEUE_LOST;
	q->error = error;
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);
	mutex_unlock(&q->slot->run_lock);
}

/**
 * halyard_queue_restore - after a reset, have a queue go on that is in order, and end all others
 * @q: the queue, &halyard_core.reset_lock held
 *
 * Return: 0, or what the chip says.
 */
int halyard_queue_restore(struct halyard_queue_core *q)
{
	unsigned long flags;
	bool survives;
	int ret;

	mutex_lock(&q->slot->run_lock);

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	/* What was done before the reset is not done twice. */
	halyard_queue_complete_locked(q, false);
	survives = !q->error && !q->faulted;
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	if (survives) {
		ret = halyard_queue_launch(q);
	} else {
		ret = halyard_queue_fini(q);
		if (!ret && q->faulted)
			halyard_queue_condemn(q);
		if (!ret && !q->error)
			ret = halyard_queue_launch(q);
	}

	mutex_unlock(&q->slot->run_lock);

	return ret;
}

/* ---- its life ---- */

/**
 * halyard_queue_start - make a queue in hardware
 * @q: a new queue
 *
 * Return: 0, -ENODEV when the device is lost, -EHOSTDOWN when its firmware does not run, or what
 * the chip says.
 */
int halyard_queue_start(struct halyard_queue_core *q)
{
	struct halyard_core *core = q->queue.hdev->core;
	struct halyard_slot *slot = q->slot;
	int ret;

	halyard_hardware_lock(q->queue.hdev);
	if (core->lost || core->sched->suspended) {
		ret = -ENODEV;
		goto unlock;
	}
	if (core->down) {
		ret = -EHOSTDOWN;
		goto unlock;
	}

	mutex_lock(&slot->run_lock);
	ret = halyard_queue_launch(q);
	mutex_unlock(&slot->run_lock);
	if (ret)
		goto unlock;

	spin_lock_irq(&slot->fence_lock);
	WRITE_ONCE(slot->queue, q);
	spin_unlock_irq(&slot->fence_lock);
unlock:
	halyard_hardware_unlock(q->queue.hdev);

	return ret;
}

/*
 * The device forgets the queue, by whatever means that takes, and its slot is free for another.
 * Jobs in flight are cancelled; those that have not run yet are when their dependencies are
 * signalled.
 */
static void halyard_queue_remove(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	struct halyard_slot *slot = q->slot;
	bool cookie;
	int ret;

	cookie = dma_fence_begin_signalling();
	halyard_hardware_lock(hdev);

	mutex_lock(&slot->run_lock);
	ret = halyard_queue_quiesce(q);
	mutex_unlock(&slot->run_lock);
	if (ret)
		halyard_reset_device(hdev, "a destroyed queue does not stop");

	spin_lock_irq(&slot->fence_lock);
	halyard_queue_end_jobs_locked(q, 0, 0, -ECANCELED);
	WRITE_ONCE(slot->queue, NULL);
	spin_unlock_irq(&slot->fence_lock);

	halyard_hardware_unlock(hdev);
	dma_fence_end_signalling(cookie);
}

/**
 * halyard_queue_stop - undo halyard_queue_start()
 * @q: a queue, whose handle is still held
 *
 * Afterwards the device does not reach &halyard_queue.mem, and no watchdog is at work. Between
 * drm_dev_enter() and drm_dev_exit(), or after halyard_sched_unplug().
 */
void halyard_queue_stop(struct halyard_queue_core *q)
{
	spin_lock_irq(&q->slot->fence_lock);
	q->destroyed = true;
	q->error = q->error ?: -ECANCELED;
	spin_unlock_irq(&q->slot->fence_lock);

	/* It can't be queued again, and what it does now may need reset_lock. */
	cancel_delayed_work_sync(&q->watchdog);
	halyard_queue_remove(q);
}
