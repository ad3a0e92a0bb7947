// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleep: with the system, around resets that others ask the bus for, and by itself when nobody
 * has needed the device for a while (runtime PM). In each case the chip is stopped and forgets
 * all; at the end it is started anew, and queues go on where they were.
 *
 * Asleep by itself, the device keeps its memory, as every card's D3hot does here; nobody may look
 * at it meanwhile. What the system's sleep leaves of it is not known: it is evicted before, and
 * while another device sees a part of it in the window the system does not sleep.
 *
 * Who needs the device holds a reference by halyard_power_get(): a job from SUBMIT to its fence, a
 * copy of the core's own, who makes a queue, reads the device's time, or lends its memory. Page
 * tables may change, and queues and address spaces go, while it sleeps: it knows none of them.
 */

#include <linux/pm_runtime.h>
#include <linux/sizes.h>

#include "queue.h"
#include "vram.h"

/*
 * Waking up takes some milliseconds, with firmware some more: who submits as fast as a person types
 * is not to notice. The user has power/autosuspend_delay_ms.
 */
#define HALYARD_AUTOSUSPEND_MS	1000

/**
 * halyard_power_get() - wakes the device up, and keeps it awake until halyard_power_put()
 * @hdev: the device
 *
 * Context: process, also under reservation locks, but not under &halyard_core.reset_lock, locks
 *	that are taken under it, &halyard_core.bos_lock, or in the way of a fence
 *
 * Return: 0, or -ENODEV when it does not wake up: it is lost then
 */
int halyard_power_get(struct halyard_device *hdev)
{
	might_sleep();

	return pm_runtime_resume_and_get(hdev->dev) ? -ENODEV : 0;
}
EXPORT_SYMBOL_GPL(halyard_power_get);

/**
 * halyard_power_put() - undoes halyard_power_get()
 * @hdev: the device, which goes to sleep some time after the last call
 *
 * Context: any
 */
void halyard_power_put(struct halyard_device *hdev)
{
	pm_runtime_mark_last_busy(hdev->dev);
	pm_runtime_put_autosuspend(hdev->dev);
}
EXPORT_SYMBOL_GPL(halyard_power_put);

/**
 * halyard_power_start() - lets the device go to sleep from now on when nobody needs it
 * @hdev: the device, registered. Its bus has enabled runtime PM and holds a reference, which is
 *	given up here.
 */
void halyard_power_start(struct halyard_device *hdev)
{
	struct device *dev = hdev->dev;

	/* Asleep through the system's sleep it would not save its memory. */
	dev_pm_set_driver_flags(dev, DPM_FLAG_NO_DIRECT_COMPLETE);
	pm_runtime_set_autosuspend_delay(dev, HALYARD_AUTOSUSPEND_MS);
	pm_runtime_use_autosuspend(dev);
	pm_runtime_allow(dev);
	halyard_power_put(hdev);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_power_start);

/**
 * halyard_power_stop() - undoes halyard_power_start()
 * @hdev: the device, about to be unplugged
 *
 * It is left as it is, awake or asleep, with a reference for its bus.
 */
void halyard_power_stop(struct halyard_device *hdev)
{
	pm_runtime_get_noresume(hdev->dev);
	pm_runtime_dont_use_autosuspend(hdev->dev);
}

/**
 * halyard_power_is_down() - whether the chip was stopped for sleep and knows nothing
 * @hdev: the device, under &halyard_core.reset_lock
 *
 * Return: true between stop and start: there is nothing to tell it
 */
bool halyard_power_is_down(struct halyard_device *hdev)
{
	lockdep_assert_held(&hdev->core->reset_lock);

	return hdev->core->sched && hdev->core->sched->suspended;
}

/* ---- down and up ---- */

static void halyard_quiesce(struct halyard_device *hdev)
{
	halyard_sched_suspend(hdev);
	/* What they were called for is over, and they must not meet a device without power. */
	halyard_pci_synchronize_irqs(hdev);
}

/**
 * halyard_power_down() - stops the device for somebody who takes its power, or resets it
 * @hdev: the device; also one that is unplugged, to which nothing is done
 */
void halyard_power_down(struct halyard_device *hdev)
{
	pid_t holder;
	int idx;

	if (!drm_dev_enter(&hdev->drm, &idx))
		return;
	/* The device's memory is not expected to keep anything. */
	if (halyard_vram_evict_all(hdev) || halyard_vram_lent(hdev, &holder))
		dev_err(hdev->dev, "not all of the device's memory could be saved\n");
	halyard_quiesce(hdev);
	drm_dev_exit(idx);
}

/**
 * halyard_power_up() - starts the device after halyard_power_down()
 * @hdev: the device
 *
 * Return: 0, also when it is unplugged: others are not to be kept from sleep by it; -EIO when it
 *	does not come back: it is lost
 */
int halyard_power_up(struct halyard_device *hdev)
{
	int idx, ret;

	if (!drm_dev_enter(&hdev->drm, &idx))
		return 0;
	ret = halyard_sched_resume(hdev);
	drm_dev_exit(idx);

	return ret;
}

/* Processes are frozen. The bus has woken the device up; it saves and restores its own state. */
static int halyard_suspend(struct device *dev)
{
	struct halyard_device *hdev = dev_get_drvdata(dev);
	pid_t holder;
	u64 lent = halyard_vram_lent(hdev, &holder);

	/* It would be lost, under the eyes of a device that we can't ask to look elsewhere. */
	if (lent && !READ_ONCE(hdev->core->lost)) {
		dev_notice(dev, "no sleep: %llu KiB are pinned for other devices, the largest object by process %d\n",
			   lent / SZ_1K, holder);
		return -EBUSY;
	}
	halyard_power_down(hdev);
	return 0;
}

static int halyard_resume(struct device *dev)
{
	return halyard_power_up(dev_get_drvdata(dev));
}

/* Nobody has a reference, so no job is in flight, and no other device uses its memory. */
static int halyard_runtime_suspend(struct device *dev)
{
	struct halyard_device *hdev = dev_get_drvdata(dev);
	int idx;

	/* It is being unplugged, and stopped. */
	if (!drm_dev_enter(&hdev->drm, &idx))
		return -EBUSY;
	halyard_vram_hide(hdev);
	halyard_quiesce(hdev);
	drm_dev_exit(idx);
	return 0;
}

static int halyard_runtime_resume(struct device *dev)
{
	return halyard_power_up(dev_get_drvdata(dev));
}

/* For &device_driver.pm. */
EXPORT_GPL_DEV_PM_OPS(halyard_pm_ops) = {
	SYSTEM_SLEEP_PM_OPS(halyard_suspend, halyard_resume)
	RUNTIME_PM_OPS(halyard_runtime_suspend, halyard_runtime_resume, NULL)
};
