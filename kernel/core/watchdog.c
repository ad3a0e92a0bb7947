// SPDX-License-Identifier: GPL-2.0-only
/*
 * What starts recovery: a watchdog per queue, and what chips report. A watchdog blames a job only
 * after a time without progress of its own queue, or when it has had more of the device's time than
 * any job may. Nothing here allocates memory or waits for a fence.
 */

#include "queue.h"
#include "trace.h"

/* ---- queues ---- */

/**
 * halyard_timeout - how long a queue may stand still
 * @hdev: the device
 *
 * Return: jiffies.
 */
unsigned long halyard_timeout(struct halyard_device *hdev)
{
	return msecs_to_jiffies(READ_ONCE(hdev->core->sched->timeout_ms));
}

/**
 * halyard_watch_locked - have the watchdog look at a queue in a while
 * @q: a queue with jobs in flight, &halyard_slot.fence_lock held
 *
 * More often than the timeout asks for, since it also finds what an interrupt got lost for.
 */
void halyard_watch_locked(struct halyard_queue_core *q)
{
	unsigned long period = clamp(halyard_timeout(q->queue.hdev) / 8, 1UL, HZ / 4UL);

	lockdep_assert_held(&q->slot->fence_lock);

	if (!q->destroyed)
		queue_delayed_work(q->queue.hdev->core->sched->recovery_wq, &q->watchdog, period);
}

static void halyard_queue_accuse_locked(struct halyard_queue_core *q, u64 seqno,
					const struct halyard_fault *fault)
{
	q->faulted = true;
	q->fault = *fault;
	q->fault_seqno = seqno;
	trace_halyard_queue_fault(&q->queue, seqno, fault);
}

/* Whether the oldest job in flight is to be stopped: it stands still, or never comes to an end. */
static bool halyard_queue_is_overdue_locked(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	u64 limit_ms = READ_ONCE(hdev->core->sched->job_limit_ms);

	lockdep_assert_held(&q->slot->fence_lock);

	return time_after_eq(jiffies, q->progress_at + halyard_timeout(hdev)) ||
	       (limit_ms && q->busy_ns - q->job_base >= limit_ms * NSEC_PER_MSEC);
}

/* Whether something is to be done about the queue. */
static bool halyard_queue_inspect(struct halyard_queue_core *q)
{
	static const struct halyard_fault timeout = {
		.cause = DRM_HALYARD_FAULT_TIMEOUT,
		.error = -ETIME,
	};
	struct halyard_device *hdev = q->queue.hdev;
	struct halyard_job_core *job;
	unsigned int completed;
	unsigned long flags;
	bool guilty = false;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	completed = halyard_queue_complete_locked(q, q->open);
	if (!q->faulted)
		atomic64_add(completed, &hdev->core->sched->lost_interrupts);

	job = list_first_entry_or_null(&q->in_flight, struct halyard_job_core, link);
	if (job && !q->error) {
		if (!q->faulted && q->open && halyard_queue_is_overdue_locked(q))
			halyard_queue_accuse_locked(q, job->job.seqno, &timeout);
		guilty = q->faulted;
		if (!guilty)
			halyard_watch_locked(q);
	}
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);

	return guilty;
}

/**
 * halyard_watchdog - &halyard_queue_core.watchdog
 * @work: of a queue, which halyard_queue_stop() keeps until the work is over
 */
void halyard_watchdog(struct work_struct *work)
{
	struct halyard_queue_core *q =
		container_of(to_delayed_work(work), struct halyard_queue_core, watchdog);
	bool cookie;
	int idx;

	if (!drm_dev_enter(&q->queue.hdev->drm, &idx))
		return;

	cookie = dma_fence_begin_signalling();
	if (halyard_queue_inspect(q))
		halyard_recover_queue(q);
	dma_fence_end_signalling(cookie);

	drm_dev_exit(idx);
}

/**
 * halyard_queue_fault - report that a job failed
 * @queue: its queue
 * @seqno: its number; 0: the oldest that the device has
 * @fault: why
 *
 * For chips, in any context. The job's fence is signalled when the queue has been stopped, which
 * is done later. What concerns a job that is over, or a queue that has failed before, is ignored.
 */
void halyard_queue_fault(struct halyard_queue *queue, u64 seqno, const struct halyard_fault *fault)
{
	struct halyard_queue_core *q = to_queue_core(queue);
	struct halyard_job_core *job;
	unsigned long flags;

	spin_lock_irqsave(&q->slot->fence_lock, flags);
	job = halyard_job_find_locked(q, seqno);
	if (job && !q->faulted && !q->error && !q->destroyed) {
		halyard_queue_accuse_locked(q, job->job.seqno, fault);
		mod_delayed_work(queue->hdev->core->sched->recovery_wq, &q->watchdog, 0);
	}
	spin_unlock_irqrestore(&q->slot->fence_lock, flags);
}
EXPORT_SYMBOL_GPL(halyard_queue_fault);

/* ---- the device ---- */

/**
 * halyard_recover_device - start recovery of the whole device
 * @hdev: the device
 * @reason: for the log, a string constant
 *
 * In any context. Nobody is blamed: all queues survive, and what they had in flight runs again.
 */
void halyard_recover_device(struct halyard_device *hdev, const char *reason)
{
	struct halyard_sched *sched = hdev->core->sched;

	cmpxchg(&sched->device_reason, NULL, reason);
	queue_work(sched->recovery_wq, &sched->device_work);
}

/**
 * halyard_restart_device - as halyard_recover_device(), of a device that works
 * @hdev: the device
 * @reason: for the log, a string constant
 *
 * Nothing has failed, so there is nothing to keep a snapshot of. Not under a lock.
 */
void halyard_restart_device(struct halyard_device *hdev, const char *reason)
{
	mutex_lock(&hdev->core->reset_lock);
	hdev->core->sched->restarting = true;
	mutex_unlock(&hdev->core->reset_lock);
	halyard_recover_device(hdev, reason);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_restart_device);

/**
 * halyard_device_fault - report that the device itself is in trouble
 * @hdev: the device
 * @reason: for the log, a string constant
 *
 * For chips, in any context, for what no queue can be blamed for.
 */
void halyard_device_fault(struct halyard_device *hdev, const char *reason)
{
	halyard_recover_device(hdev, reason);
}
EXPORT_SYMBOL_GPL(halyard_device_fault);

/**
 * halyard_recover_wait - wait until recovery that was started is over
 * @hdev: the device: afterwards it works or is lost
 *
 * Not under &halyard_core.reset_lock, and not in the way of a fence.
 */
void halyard_recover_wait(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;

	wait_event(sched->thawed, !halyard_is_frozen(hdev));
	flush_work(&sched->device_work);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_recover_wait);
