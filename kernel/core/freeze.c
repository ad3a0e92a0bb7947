// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device while its bus is in trouble: from the report of a fatal error until the bus has reset
 * the card and the card was started anew, what is read from it means nothing, and what it is told
 * is lost or meets a card that knows nothing yet. Meanwhile jobs wait in their queues, who changes
 * the hardware's set-up waits, and so do processes before they look into the card's memory.
 */

#include <linux/pm_runtime.h>

#include <drm/drm_drv.h>

#include "queue.h"
#include "vram.h"

/*
 * The bus gives a card a minute to come back from a reset, and does not say so when it gives up.
 * What recovery can do by itself is tried then.
 */
#define HALYARD_FROZEN_MS	90000

/**
 * halyard_is_frozen - whether the card can't be reached for now
 * @hdev: the device
 *
 * In any context. Certain only under &halyard_core.reset_lock.
 *
 * Return: true between halyard_freeze() and the end of the restart that halyard_thaw() asks for
 */
bool halyard_is_frozen(struct halyard_device *hdev)
{
	return READ_ONCE(hdev->core->sched->frozen);
}

/**
 * halyard_hardware_lock - wait until the card can be reached, and lock its set-up
 * @hdev: the device
 *
 * Takes &halyard_core.reset_lock. Not in the way of the work that thaws the device. A device that
 * ends is not frozen any more.
 */
void halyard_hardware_lock(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;

	mutex_lock(&hdev->core->reset_lock);
	while (sched && sched->frozen) {
		mutex_unlock(&hdev->core->reset_lock);
		wait_event(sched->thawed, !halyard_is_frozen(hdev));
		mutex_lock(&hdev->core->reset_lock);
	}
}

/**
 * halyard_hardware_unlock - undo halyard_hardware_lock()
 * @hdev: the device
 */
void halyard_hardware_unlock(struct halyard_device *hdev)
{
	mutex_unlock(&hdev->core->reset_lock);
}

/**
 * halyard_freeze - from now on the card is not reached, until halyard_thaw()
 * @hdev: the device
 *
 * Process context, not under reservation locks. Runtime PM leaves it as it is meanwhile.
 */
void halyard_freeze(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;
	bool cookie;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	if (!hdev->core->lost && !sched->frozen) {
		WRITE_ONCE(sched->frozen, true);
		pm_runtime_get_noresume(hdev->dev);
		halyard_queues_shut(sched);
		queue_delayed_work(sched->recovery_wq, &sched->thaw_work,
				   msecs_to_jiffies(HALYARD_FROZEN_MS));
	}
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);

	/* Pairs with the one of a fault, which maps the window and then looks once more. */
	smp_mb();
	halyard_vram_hide(hdev);
}

/**
 * halyard_thaw - the card can be reached again: restart it
 * @hdev: the device
 *
 * In any context, and in vain for one that is not frozen.
 */
void halyard_thaw(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;

	if (halyard_is_frozen(hdev))
		mod_delayed_work(sched->recovery_wq, &sched->thaw_work, 0);
}

/**
 * halyard_thaw_locked - let those go on who wait for the card
 * @hdev: the device, &halyard_core.reset_lock held; restarted, asleep, or at its end
 */
void halyard_thaw_locked(struct halyard_device *hdev)
{
	struct halyard_sched *sched = hdev->core->sched;

	lockdep_assert_held(&hdev->core->reset_lock);

	if (!sched->frozen)
		return;
	WRITE_ONCE(sched->frozen, false);
	wake_up_all(&sched->thawed);
	halyard_power_put(hdev);
}

/**
 * halyard_thaw_work - &halyard_sched.thaw_work
 * @work: of the device
 */
void halyard_thaw_work(struct work_struct *work)
{
	struct halyard_sched *sched =
		container_of(to_delayed_work(work), struct halyard_sched, thaw_work);
	struct halyard_device *hdev = sched->hdev;
	bool cookie;
	int idx;

	if (!drm_dev_enter(&hdev->drm, &idx))
		return;

	cookie = dma_fence_begin_signalling();
	mutex_lock(&hdev->core->reset_lock);
	if (sched->frozen) {
		/* Whatever else a reset was asked for. */
		WRITE_ONCE(sched->device_reason, NULL);
		if (!sched->suspended)
			halyard_recover_locked(hdev, "PCI error");
		halyard_thaw_locked(hdev);
	}
	mutex_unlock(&hdev->core->reset_lock);
	dma_fence_end_signalling(cookie);

	drm_dev_exit(idx);
}
