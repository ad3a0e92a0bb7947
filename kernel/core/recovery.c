// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs, faults, resets. A watchdog per queue blames a job only after a time without progress of
 * its own queue, or when it has had more of the device's time than any job may. The guilty queue
 * is stopped by the gentlest means that works, and what that costs others is given to the device
 * again:
 *
 *	queue -> engine -> device -> PCI function -> the device is lost and unplugged
 *
 * All of it is in the way of fences, so nothing here allocates memory or waits for a fence.
 */

#include <linux/debugfs.h>
#include <linux/kobject.h>

#include <drm/drm_accel.h>

#include "queue.h"
#include "trace.h"

/*
 * Recoveries of the whole device that no queue caused, without a job completed in between, before
 * it is given up.
 */
#define HALYARD_MAX_FRUITLESS	5

static const char *const halyard_reset_names[] = {
	[HALYARD_RESET_QUEUE] = "queue",
	[HALYARD_RESET_ENGINE] = "engine",
	[HALYARD_RESET_DEVICE] = "device",
	[HALYARD_RESET_FUNCTION] = "function",
};

static void halyard_reset_note(struct halyard_device *hdev, enum halyard_reset_level level, int ret)
{
	trace_halyard_reset(hdev, level, ret);
	atomic64_inc(&hdev->core->sched->resets[level]);
	if (ret)
		dev_notice_ratelimited(hdev->dev, "reset of the %s failed: %d\n",
				       halyard_reset_names[level], ret);
}

/* The owner of a slot comes and goes under reset_lock. */
static struct halyard_queue_core *halyard_slot_owner(struct halyard_sched *sched, u32 i)
{
	lockdep_assert_held(&sched->hdev->core->reset_lock);

	return READ_ONCE(sched->slots[i]->queue);
}

/* ---- one queue ---- */

/* Jobs that come now wait for halyard_queue_launch(), or for their end. */
static void halyard_queue_shut(struct halyard_queue_core *q)
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

/* Stops the queue by the means that disturb no other one. */
static int halyard_queue_quiesce(struct halyard_queue_core *q)
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

/*
 * Makes the queue known to the device, and gives it what it is to run: all jobs that it did not
 * complete before a reset.
 */
static int halyard_queue_launch(struct halyard_queue_core *q)
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

/*
 * The device has stopped working on the queue: its guilty job gets the error it earned, the jobs
 * after it are cancelled.
 */
static void halyard_queue_condemn(struct halyard_queue_core *q)
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

/* The device is gone or going, and reaches nothing any more. */
static void halyard_queue_lose(struct halyard_queue_core *q, int error)
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

/* After a reset: who is in order goes on, all others end. */
static int halyard_queue_restore(struct halyard_queue_core *q)
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

/* ---- the device ---- */

void halyard_queues_shut(struct halyard_sched *sched)
{
	struct halyard_queue_core *q;
	u32 i;

	for (i = 0; i < sched->num_slots; i++) {
		q = halyard_slot_owner(sched, i);
		if (!q)
			continue;
		mutex_lock(&q->slot->run_lock);
		halyard_queue_shut(q);
		mutex_unlock(&q->slot->run_lock);
	}
}

void halyard_scheds_start(struct halyard_sched *sched)
{
	u32 i;

	for (i = 0; i < sched->num_slots; i++)
		if (halyard_slot_leads(sched->slots[i]))
			drm_sched_wqueue_start(&sched->slots[i]->sched);
}

static int halyard_queues_restore(struct halyard_sched *sched)
{
	struct halyard_queue_core *q;
	int ret;
	u32 i;

	for (i = 0; i < sched->num_slots; i++) {
		q = halyard_slot_owner(sched, i);
		ret = q ? halyard_queue_restore(q) : 0;
		if (ret)
			return ret;
	}

	return 0;
}

static void halyard_queues_lose(struct halyard_sched *sched, int error)
{
	struct halyard_queue_core *q;
	u32 i;

	for (i = 0; i < sched->num_slots; i++) {
		q = halyard_slot_owner(sched, i);
		if (q)
			halyard_queue_lose(q, error);
	}
}

/* From reset, or after a stop, to where it was. */
int halyard_start_and_restore(struct halyard_device *hdev)
{
	int ret;

	ret = hdev->chip->ops->start(hdev);
	if (ret)
		return ret;
	halyard_quarantine_after_reset(hdev);
	return halyard_queues_restore(hdev->core->sched);
}

static int halyard_reset_and_restore(struct halyard_device *hdev, enum halyard_reset_level level)
{
	int ret;

	if (level == HALYARD_RESET_FUNCTION)
		ret = halyard_pci_function_reset(hdev);
	else
		ret = hdev->chip->ops->reset(hdev, level, NULL);
	if (!ret)
		ret = halyard_start_and_restore(hdev);
	halyard_reset_note(hdev, level, ret);

	return ret;
}

/* Ends all that is under way with an error; halyard_lost_work() takes the device away. */
static void halyard_device_lose(struct halyard_device *hdev, const char *reason)
{
	struct halyard_sched *sched = hdev->core->sched;

	dev_err(hdev->dev, "the device is lost: %s\n", reason);
	halyard_dump_take(hdev, NULL, reason);
	WRITE_ONCE(hdev->core->lost, reason);
	hdev->chip->ops->stop(hdev);
	halyard_queues_lose(sched, -EIO);

	drm_dev_get(&hdev->drm);
	__module_get(THIS_MODULE);
	queue_work(halyard_release_wq, &sched->lost_work);
}

/* It tells why its firmware does not run, and may be given another one. */
static void halyard_device_put_down(struct halyard_device *hdev)
{
	dev_err(hdev->dev, "the device is out of use until its firmware is replaced\n");
	WRITE_ONCE(hdev->core->down, true);
	hdev->chip->ops->stop(hdev);
	halyard_queues_lose(hdev->core->sched, -EIO);
}

/*
 * Up the ladder from the device. Afterwards it works, without the queues that were faulted or
 * destroyed, or it is lost, or out of use for want of firmware.
 */
void halyard_reset_device(struct halyard_device *hdev, const char *reason)
{
	struct halyard_sched *sched = hdev->core->sched;
	u32 level = max_t(u32, READ_ONCE(sched->first_level), HALYARD_RESET_DEVICE);
	int ret = -ETIMEDOUT;

	lockdep_assert_held(&hdev->core->reset_lock);

	if (hdev->core->lost)
		return;

	dev_warn(hdev->dev, "resetting: %s\n", reason);
	if (!sched->restarting)
		halyard_dump_take(hdev, NULL, reason);
	halyard_queues_shut(sched);
	for (; ret && level <= HALYARD_RESET_FUNCTION; level++)
		ret = halyard_reset_and_restore(hdev, level);
	if (ret && halyard_firmware_failed(hdev))
		halyard_device_put_down(hdev);
	else if (ret)
		halyard_device_lose(hdev, reason);
	else
		WRITE_ONCE(hdev->core->down, false);
}

/* ---- what is done about it ---- */

/*
 * Looks once more, now that nobody else recovers anything: the job may have been completed, or
 * its queue condemned.
 */
static bool halyard_queue_is_guilty(struct halyard_queue_core *q)
{
	unsigned long flags;
	bool guilty;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	halyard_queue_complete_locked(q, false);
	guilty = q->faulted && !q->error && halyard_job_find_locked(q, q->fault_seqno);
	if (!guilty && q->faulted) {
		q->faulted = false;
		if (!list_empty(&q->in_flight))
			halyard_watch_locked(q);
	}
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	return guilty;
}

void halyard_recover_queue(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	int ret = 0;

	mutex_lock(&hdev->core->reset_lock);
	if (hdev->core->sched->suspended)
		goto unlock; /* halyard_sched_resume() does it */

	mutex_lock(&q->slot->run_lock);
	if (halyard_queue_is_guilty(q)) {
		halyard_dump_take(hdev, q, "a job failed");
		ret = halyard_queue_quiesce(q);
		if (!ret)
			halyard_queue_condemn(q);
		if (!ret && !q->error)
			ret = halyard_queue_launch(q);
	}
	mutex_unlock(&q->slot->run_lock);

	if (ret)
		halyard_reset_device(hdev, "a queue is not recovered");
unlock:
	mutex_unlock(&hdev->core->reset_lock);
}

/**
 * halyard_device_work - &halyard_sched.device_work
 * @work: of the device
 */
void halyard_device_work(struct work_struct *work)
{
	struct halyard_sched *sched = container_of(work, struct halyard_sched, device_work);
	struct halyard_device *hdev = sched->hdev;
	const char *reason;
	bool cookie;
	int idx;

	if (!drm_dev_enter(&hdev->drm, &idx))
		return;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	reason = sched->suspended || hdev->core->lost ? NULL : xchg(&sched->device_reason, NULL);
	if (reason && atomic_inc_return(&sched->fruitless) > HALYARD_MAX_FRUITLESS)
		halyard_device_lose(hdev, reason);
	else if (reason)
		halyard_reset_device(hdev, reason);
	sched->restarting = false;
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);

	drm_dev_exit(idx);
}

/*
 * drm_dev_wedged_event() does the same for devices with a primary node, which this class has not.
 * All fences are signalled and nothing is accepted any more, as user space may rely on when it
 * hears this.
 */
static void halyard_wedged_event(struct halyard_device *hdev)
{
	char *envp[2] = { "WEDGED=rebind,bus-reset" };

	kobject_uevent_env(&hdev->drm.accel->kdev->kobj, KOBJ_CHANGE, envp);
}

/**
 * halyard_lost_work - &halyard_sched.lost_work
 * @work: of a device that is lost
 */
void halyard_lost_work(struct work_struct *work)
{
	struct halyard_sched *sched = container_of(work, struct halyard_sched, lost_work);
	struct halyard_device *hdev = sched->hdev;

	/* A device that is lost before it was registered fails its probe. */
	if (hdev->drm.registered) {
		halyard_wedged_event(hdev);
		halyard_device_unplug(hdev);
	}
	drm_dev_put(&hdev->drm);
	module_put(THIS_MODULE);
}

/* ---- the life of a queue in hardware ---- */

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

	mutex_lock(&core->reset_lock);
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
	mutex_unlock(&core->reset_lock);

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
	mutex_lock(&hdev->core->reset_lock);

	mutex_lock(&slot->run_lock);
	ret = halyard_queue_quiesce(q);
	mutex_unlock(&slot->run_lock);
	if (ret)
		halyard_reset_device(hdev, "a destroyed queue does not stop");

	spin_lock_irq(&slot->fence_lock);
	halyard_queue_end_jobs_locked(q, 0, 0, -ECANCELED);
	WRITE_ONCE(slot->queue, NULL);
	spin_unlock_irq(&slot->fence_lock);

	mutex_unlock(&hdev->core->reset_lock);
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

/**
 * halyard_sched_unplug - end the job side of a device
 * @hdev: the device, unplugged and stopped
 */
void halyard_sched_unplug(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;
	bool cookie;
	u32 i;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	halyard_queues_lose(sched, -ENODEV);
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);

	/* Nobody makes or destroys queues now: calls have ended, and who closes a file waits. */
	for (i = 0; i < sched->num_slots; i++)
		if (sched->slots[i]->queue)
			halyard_queue_mem_free(sched->slots[i]->queue);

	/*
	 * A device that did not come back from suspend has them stopped, and jobs must come to
	 * their end.
	 */
	halyard_scheds_start(sched);
	complete_all(&sched->unplugged);
}

/**
 * halyard_sched_debugfs_init - files that change recovery: where it begins, and when
 * @hdev: the device
 * @root: its folder
 */
void halyard_sched_debugfs_init(struct halyard_device *hdev, struct dentry *root)
{
	struct halyard_sched *sched = hdev->core->sched;

	if (!IS_ENABLED(CONFIG_HALYARD_ERROR_INJECTION))
		return;
	debugfs_create_u32("recovery_from", 0600, root, &sched->first_level);
	debugfs_create_u32("timeout_ms", 0600, root, &sched->timeout_ms);
}
