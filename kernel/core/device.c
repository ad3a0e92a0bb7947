// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a device: allocation, registration, unplug. Knows no bus; pci.c calls it, and so does
 * the mock chip of the tests.
 */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/sched/mm.h>

#include <drm/drm_managed.h>

#include "core.h"
#include "vram.h"

/*
 * Teaches lockdep the order of our locks at the first probe, before any rare path takes two of
 * them, and that memory is allocated under them.
 */
static void halyard_lockdep_prime(struct halyard_core *core)
{
	struct mutex file_lock, vm_lock;
	struct dma_resv resv;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;

	halyard_file_lock_init(&file_lock);
	halyard_vm_lock_init(&vm_lock);
	dma_resv_init(&resv);

	mutex_lock(&file_lock);
	mutex_lock(&core->vms_lock);
	mutex_lock(&vm_lock);
	fs_reclaim_acquire(GFP_KERNEL);
	fs_reclaim_release(GFP_KERNEL);
	dma_resv_lock(&resv, NULL);
	might_lock(&core->reset_lock);
	dma_resv_unlock(&resv);
	might_lock(&core->reset_lock);
	mutex_unlock(&vm_lock);
	mutex_unlock(&core->vms_lock);
	might_lock(&core->users_lock);
	mutex_unlock(&file_lock);

	dma_resv_fini(&resv);
	mutex_destroy(&vm_lock);
	mutex_destroy(&file_lock);
}

static void halyard_core_fini(struct drm_device *drm, void *data)
{
	struct halyard_core *core = data;

	drm_WARN_ON(drm, !list_empty(&core->users));
	drm_WARN_ON(drm, !list_empty(&core->vms));
	drm_WARN_ON(drm, !list_empty(&core->suspects));
	cancel_work_sync(&core->quarantine_work);
	ida_destroy(&core->vm_ids);
}

static int halyard_core_init(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	struct drm_device *drm = &hdev->drm;
	int ret;

	core->hdev = hdev;
	core->owner = hdev->dev->driver ? hdev->dev->driver->owner : NULL;
	spin_lock_init(&core->users_lock);
	INIT_LIST_HEAD(&core->users);
	ida_init(&core->vm_ids);
	INIT_LIST_HEAD(&core->vms);
	INIT_LIST_HEAD(&core->bos);
	spin_lock_init(&core->job_mems_lock);
	INIT_LIST_HEAD(&core->job_mems);
	init_completion(&core->unplug_done);
	halyard_quarantine_init(hdev);

	ret = drmm_mutex_init(drm, &core->reset_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &core->vms_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &core->bos_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &core->unplug_lock);
	if (ret)
		return ret;

	halyard_lockdep_prime(core);
	return drmm_add_action_or_reset(drm, halyard_core_fini, core);
}

/**
 * halyard_device_alloc() - allocates a device and what the core keeps of it
 * @parent: device that does the DMA; the new device goes with it
 * @chip: kind of chip
 *
 * Return: the device, not yet visible to anybody, or an ERR_PTR
 */
struct halyard_device *halyard_device_alloc(struct device *parent, const struct halyard_chip *chip)
{
	struct halyard_device *hdev;
	int ret;

	hdev = devm_drm_dev_alloc(parent, &halyard_drm_driver, struct halyard_device, drm);
	if (IS_ERR(hdev))
		return hdev;

	hdev->chip = chip;
	hdev->dev = parent;
	hdev->core = drmm_kzalloc(&hdev->drm, sizeof(*hdev->core), GFP_KERNEL);
	hdev->priv = drmm_kzalloc(&hdev->drm, chip->priv_size, GFP_KERNEL);
	if (!hdev->core || !hdev->priv)
		return ERR_PTR(-ENOMEM);

	ret = halyard_core_init(hdev);
	if (ret)
		return ERR_PTR(ret);
	return hdev;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_device_alloc);

/* Its own memory begins the list of regions, and page tables do not map it. */
static bool halyard_memory_check(struct halyard_device *hdev)
{
	const struct halyard_limits *limits = &hdev->limits;
	const struct halyard_chip *chip = hdev->chip;

	if (chip->regions[0].memory != HALYARD_MEMORY_CARD)
		return !limits->memory_size;

	return limits->memory_size && chip->num_regions > 1 && chip->ops->job_copy &&
	       !chip->ops->vm_map && chip->copy_class < chip->num_classes &&
	       PAGE_ALIGNED(limits->memory_start | limits->memory_size | limits->window_start |
			    limits->window_size);
}

/* What the chip says of itself is used in arithmetic without another look. */
static int halyard_limits_check(struct halyard_device *hdev)
{
	const struct halyard_limits *limits = &hdev->limits;
	const struct halyard_chip *chip = hdev->chip;
	bool mmu = halyard_has_mmu(hdev);
	unsigned int i;

	if (!limits->queues || limits->queues > HALYARD_MAX_QUEUES ||
	    !limits->vms || !limits->queue_depth ||
	    limits->payload_size > HALYARD_MAX_PAYLOAD ||
	    !chip->num_classes || chip->num_classes > HALYARD_MAX_ENGINE_CLASSES ||
	    limits->dma_bits < 32 || limits->dma_bits > 64)
		goto refuse;
	if (limits->job_buffers > HALYARD_JOB_BUFFERS_MAX ||
	    (limits->one_job && limits->queue_depth != 1))
		goto refuse;
	if (!chip->num_regions || chip->num_regions > HALYARD_MAX_REGIONS)
		goto refuse;
	for (i = 0; i < chip->num_regions; i++)
		if (chip->regions[i].memory >= HALYARD_NUM_MEMORIES ||
		    (chip->regions[i].memory == HALYARD_MEMORY_CARD && i))
			goto refuse;
	if (!halyard_memory_check(hdev))
		goto refuse;
	if (limits->large_page_size && !is_power_of_2(limits->large_page_size))
		goto refuse;
	if (mmu && (limits->va_start >= limits->va_end || limits->va_end >= limits->kernel_va_end))
		goto refuse;
	if (!PAGE_ALIGNED(limits->va_start | limits->va_end | limits->kernel_va_end))
		goto refuse;
	return 0;

refuse:
	dev_err(hdev->dev, "the driver of %s states impossible limits\n", chip->name);
	return -EINVAL;
}

static int halyard_dma_init(struct halyard_device *hdev)
{
	int ret;

	ret = dma_set_mask_and_coherent(hdev->dev, DMA_BIT_MASK(hdev->limits.dma_bits));
	if (ret) {
		dev_err(hdev->dev, "no DMA with addresses of %u bits\n", hdev->limits.dma_bits);
		return ret;
	}
	/* A contiguous run of pages stays one entry of a table, whatever its length. */
	if (hdev->dev->dma_parms)
		dma_set_max_seg_size(hdev->dev, UINT_MAX);
	return 0;
}

static void halyard_sched_release(struct drm_device *drm, void *data)
{
	halyard_sched_fini(data);
}

/* A device whose firmware does not run is registered all the same, so that it can tell why. */
static int halyard_device_start(struct halyard_device *hdev)
{
	int ret;

	ret = hdev->chip->ops->start(hdev);
	if (ret && halyard_firmware_failed(hdev)) {
		hdev->chip->ops->stop(hdev);
		hdev->core->down = true;
		return 0;
	}
	return ret ?: halyard_copies_start(hdev);
}

/**
 * halyard_device_register() - brings a device up and makes it visible
 * @hdev: of halyard_device_alloc(), with registers mapped
 *
 * Return: 0, or a negative error; the chip is then stopped
 */
int halyard_device_register(struct halyard_device *hdev)
{
	const struct halyard_chip_ops *ops = hdev->chip->ops;
	int ret;

	ret = ops->init(hdev);
	if (ret)
		return ret;
	ret = halyard_limits_check(hdev);
	if (ret)
		return ret;
	ret = halyard_dma_init(hdev);
	if (ret)
		return ret;
	ret = halyard_vram_init(hdev);
	if (ret)
		return ret;
	ret = halyard_firmware_init(hdev);
	if (ret)
		return ret;
	ret = halyard_dump_init(hdev);
	if (ret)
		return ret;
	ret = halyard_sched_init(hdev);
	if (ret)
		return ret;
	ret = drmm_add_action_or_reset(&hdev->drm, halyard_sched_release, hdev);
	if (ret)
		return ret;
	ret = halyard_pci_request_irqs(hdev);
	if (ret)
		return ret;

	ret = halyard_device_start(hdev);
	if (ret)
		goto stop;

	halyard_debugfs_init(hdev);
	halyard_sysfs_init(hdev);
	ret = drm_dev_register(&hdev->drm, 0);
	if (ret)
		goto debugfs_fini;

	drm_info(&hdev->drm, "%s, revision %u.%u, %u queues, %u address spaces\n",
		 hdev->chip->description, hdev->revision >> 16, hdev->revision & 0xffff,
		 hdev->limits.queues, hdev->limits.vms);
	return 0;

debugfs_fini:
	halyard_debugfs_fini(hdev);
	halyard_copies_stop(hdev);
stop:
	ops->stop(hdev);
	return ret;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_device_register);

/**
 * halyard_device_unplug() - ends a device, once
 * @hdev: the device, registered
 *
 * For the bus when the driver or the card goes, and for recovery when nothing else helped.
 * Afterwards calls fail with ENODEV, all fences are signalled, nothing is mapped for the device,
 * and the chip is called no more.
 *
 * Context: process, any number of callers at once, all of which return when it is done. Not under a
 *	lock that an ioctl takes, and not between drm_dev_enter() and drm_dev_exit().
 */
void halyard_device_unplug(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;

	mutex_lock(&core->unplug_lock);
	if (drm_dev_is_unplugged(&hdev->drm)) {
		/* Somebody else is at it. */
		mutex_unlock(&core->unplug_lock);
		wait_for_completion(&core->unplug_done);
		return;
	}
	halyard_power_stop(hdev);
	halyard_device_end(hdev);
	drm_dev_unplug(&hdev->drm);
	mutex_unlock(&core->unplug_lock);

	halyard_sched_unplug(hdev);
	halyard_vram_unplug(hdev);
	halyard_job_mems_revoke(hdev);
	halyard_vms_unplug(hdev);
	halyard_bos_unplug(hdev);

	complete_all(&core->unplug_done);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_device_unplug);
