// SPDX-License-Identifier: GPL-2.0-only
/*
 * Hangs, faults, resets: what is done about them; watchdog.c finds them. The guilty queue is
 * stopped by the gentlest means that works, and what that costs others is given to the device
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

/**
 * halyard_reset_note - count a reset, and tell of it
 * @hdev: the device
 * @level: of what
 * @ret: how it ended: 0 or a negative error
 */
void halyard_reset_note(struct halyard_device *hdev, enum halyard_reset_level level, int ret)
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

/* ---- the device ---- */

/**
 * halyard_queues_shut - halyard_queue_shut() of every queue
 * @sched: the job side, &halyard_core.reset_lock held
 */
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

/**
 * halyard_scheds_start - let the schedulers go on after drm_sched_wqueue_stop()
 * @sched: the job side
 */
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

/**
 * halyard_start_and_restore - start the chip, from reset or after a stop, and go on where it was
 * @hdev: the device, &halyard_core.reset_lock held
 *
 * Return: 0 or a negative error: it does not work.
 */
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

/* Stops the device for good and ends all that is under way. */
static void halyard_device_end_locked(struct halyard_device *hdev, const char *reason, int error)
{
	lockdep_assert_held(&hdev->core->reset_lock);

	WRITE_ONCE(hdev->core->lost, reason);
	halyard_thaw_locked(hdev);
	halyard_queues_shut(hdev->core->sched);
	/* No DMA before fences tell user space that its memory is its own again. */
	hdev->chip->ops->stop(hdev);
	halyard_queues_lose(hdev->core->sched, error);
}

/* halyard_lost_work() takes the device away. */
static void halyard_device_lose(struct halyard_device *hdev, const char *reason)
{
	struct halyard_sched *sched = hdev->core->sched;

	dev_err(hdev->dev, "the device is lost: %s\n", reason);
	halyard_dump_take(hdev, NULL, reason);
	halyard_device_end_locked(hdev, reason, -EIO);

	drm_dev_get(&hdev->drm);
	__module_get(THIS_MODULE);
	queue_work(halyard_release_wq, &sched->lost_work);
}

/**
 * halyard_device_end - end what is under way on a device that is about to be unplugged
 * @hdev: the device
 *
 * A call may be waiting for a fence, and drm_dev_unplug() waits for calls, while interrupts are not
 * heeded any more and no watchdog looks: all fences must be signalled before. Nothing is given to
 * the device afterwards.
 */
void halyard_device_end(struct halyard_device *hdev)
{
	bool cookie;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	if (!hdev->core->lost)
		halyard_device_end_locked(hdev, "unplugged", -ENODEV);
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);
}

/* It tells why its firmware does not run, and may be given another one. */
static void halyard_device_put_down(struct halyard_device *hdev)
{
	dev_err(hdev->dev, "the device is out of use until its firmware is replaced\n");
	WRITE_ONCE(hdev->core->down, true);
	hdev->chip->ops->stop(hdev);
	halyard_queues_lose(hdev->core->sched, -EIO);
}

/**
 * halyard_reset_device - go up the ladder from the device
 * @hdev: the device, &halyard_core.reset_lock held
 * @reason: for the log, a string constant
 *
 * Afterwards it works, without the queues that were faulted or destroyed, or it is lost, or out of
 * use for want of firmware.
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

/* ---- works ---- */

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

/**
 * halyard_recover_queue - stop a queue whose job was found guilty, or the device when that fails
 * @q: the queue
 */
void halyard_recover_queue(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	int ret = 0;

	mutex_lock(&hdev->core->reset_lock);
	if (hdev->core->sched->suspended || hdev->core->sched->frozen)
		goto unlock; /* halyard_sched_resume() or halyard_thaw_work() does it */

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
 * halyard_recover_locked - have the whole device recover from what no queue caused
 * @hdev: the device, &halyard_core.reset_lock held
 * @reason: for the log, a string constant
 */
void halyard_recover_locked(struct halyard_device *hdev, const char *reason)
{
	if (atomic_inc_return(&hdev->core->sched->fruitless) > HALYARD_MAX_FRUITLESS)
		halyard_device_lose(hdev, reason);
	else
		halyard_reset_device(hdev, reason);
}

/**
 * halyard_device_work - &halyard_sched.device_work
 * @work: of the device
 */
void halyard_device_work(struct work_struct *work)
{
	struct halyard_sched *sched = container_of(work, struct halyard_sched, device_work);
	struct halyard_device *hdev = sched->hdev;
	const char *reason = NULL;
	bool cookie;
	int idx;

	if (!drm_dev_enter(&hdev->drm, &idx))
		return;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	if (!sched->suspended && !sched->frozen && !hdev->core->lost)
		reason = xchg(&sched->device_reason, NULL);
	if (reason)
		halyard_recover_locked(hdev, reason);
	sched->restarting = false;
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);

	drm_dev_exit(idx);
}

/*
 * drm_dev_wedged_event() does the same for devices with a primary node, which this class has not.
 * When user space hears this, what the device had has ended, and nothing is accepted any more. Jobs
 * that were still waiting for others end when those do.
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

/* ---- the end ---- */

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

/* ---- error injection ---- */

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
