// SPDX-License-Identifier: GPL-2.0-only
/*
 * The job side while the system sleeps: what is in flight ends before, if it does in time, and runs
 * again after.
 */

#include <linux/delay.h>

#include "queue.h"

static bool halyard_sched_idle(struct halyard_sched *sched)
{
	struct halyard_slot *slot;
	bool idle = true;
	u32 i;

	for (i = 0; i < sched->num_slots && idle; i++) {
		slot = sched->slots[i];
		spin_lock_irq(&slot->fence_lock);
		idle = !slot->queue || list_empty(&slot->queue->in_flight);
		spin_unlock_irq(&slot->fence_lock);
	}

	return idle;
}

/**
 * halyard_sched_suspend - let what is in flight end, start nothing more, and stop the chip
 * @hdev: the device
 *
 * What has not ended when a hung job would have been found runs again after halyard_sched_resume().
 */
void halyard_sched_suspend(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;
	unsigned long deadline = jiffies + 2 * halyard_timeout(hdev);
	u32 i;

	for (i = 0; i < sched->num_slots; i++)
		if (halyard_slot_leads(sched->slots[i]))
			drm_sched_wqueue_stop(&sched->slots[i]->sched);

	while (!halyard_sched_idle(sched) && time_before(jiffies, deadline))
		msleep(20);

	mutex_lock(&hdev->core->reset_lock);
	sched->suspended = true;
	halyard_queues_shut(sched);
	hdev->chip->ops->stop(hdev);
	mutex_unlock(&hdev->core->reset_lock);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_sched_suspend);

/**
 * halyard_sched_resume - start the chip, and go on after halyard_sched_suspend()
 * @hdev: the device
 *
 * When it does not start, recovery does what it can. One that is out of use stays so, and one that
 * is frozen until it thaws.
 *
 * Return: 0, or -EIO when the device is lost.
 */
int halyard_sched_resume(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	sched->suspended = false;
	if (!hdev->core->lost && !hdev->core->down && !sched->frozen &&
	    halyard_start_and_restore(hdev))
		halyard_reset_device(hdev, "it does not come back from sleep");
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);

	halyard_scheds_start(sched);
	if (READ_ONCE(sched->device_reason))
		queue_work(sched->recovery_wq, &sched->device_work);

	return hdev->core->lost ? -EIO : 0;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_sched_resume);
