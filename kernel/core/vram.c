// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of the device's own, for chips that have some. Buffer objects in it are TTM's: they begin
 * without memory, get host memory when a process writes to them first, device memory when a job
 * uses them, and go back to host memory when the device's is full. So all buffer objects together
 * may be larger than the device's memory; those of one SUBMIT may not.
 *
 * What is where changes under an object's reservation lock, at once; its contents follow by a copy
 * of the device (copy.c), whose fence everybody awaits who uses the object or the place that it
 * left. So nobody waits here for jobs of others.
 */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/io.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <drm/drm_managed.h>
#include <drm/ttm/ttm_range_manager.h>

#include <compat.h>

#include "vram_bo.h"

/* ---- placement ---- */

const struct ttm_place halyard_host_place = { .mem_type = TTM_PL_SYSTEM };

/**
 * halyard_bo_place() - gives an object one of some places
 * @bo: the object, its reservation lock held
 * @places: the best first
 * @num: entries of @places
 *
 * Return: 0, -ENOMEM when all are taken, -ERESTARTSYS, or what a move returns
 */
int halyard_bo_place(struct halyard_bo *bo, const struct ttm_place *places, u32 num)
{
	struct ttm_placement placement = { .num_placement = num, .placement = places };
	struct ttm_operation_ctx ctx = { .interruptible = true };

	dma_resv_assert_held(bo->gem.resv);

	return ttm_bo_validate(&bo->ttm, &placement, &ctx);
}

/* The window is left to those that processes look at, as long as there is room elsewhere. */
static int halyard_bo_place_vram(struct halyard_bo *bo)
{
	struct halyard_vram *vram = halyard_vram_of(bo);
	const struct ttm_place places[] = {
		{
			.mem_type = TTM_PL_VRAM,
			.fpfn = bo->seen ? 0 : vram->visible,
			.lpfn = bo->seen ? vram->visible : 0,
			.flags = TTM_PL_FLAG_DESIRED,
		},
		{ .mem_type = TTM_PL_VRAM },
	};
	bool all = !vram->visible || vram->visible == vram->pages;

	return halyard_bo_place(bo, places + all, ARRAY_SIZE(places) - all);
}

/**
 * halyard_vram_settle() - waits for moves, which not everybody who is to see the object knows of
 * @bo: the object, its reservation lock held
 *
 * Return: 0, -EIO when its contents are lost, -ERESTARTSYS
 */
int halyard_vram_settle(struct halyard_bo *bo)
{
	long ret;

	ret = dma_resv_wait_timeout(bo->gem.resv, DMA_RESV_USAGE_KERNEL, true,
				    MAX_SCHEDULE_TIMEOUT);
	if (ret < 0)
		return ret;
	return READ_ONCE(bo->damaged) ? -EIO : 0;
}

/* ---- for SUBMIT ---- */

/**
 * halyard_vram_validate() - brings a job's buffer object into the device's memory
 * @bo: the object, its reservation lock held with the ticket of all objects of the SUBMIT
 * @address: out: where it is for the device until the fences are signalled that it has when the
 *	lock is given back
 *
 * Return: 0; -ENOSPC when there is no room besides objects that are locked; -EBUSY when another
 *	device uses it in host memory; -EIO when its contents are lost; -ERESTARTSYS; -ENODEV
 */
int halyard_vram_validate(struct halyard_bo *bo, u64 *address)
{
	int ret;

	dma_resv_assert_held(bo->gem.resv);

	if (READ_ONCE(bo->damaged))
		return -EIO;
	if (bo->ttm.pin_count && !halyard_bo_in_vram(bo))
		return -EBUSY;
	ret = halyard_bo_place_vram(bo);
	if (ret == -ENOMEM)
		return -ENOSPC; /* TTM says this for that */
	if (ret)
		return ret;
	ttm_bo_move_to_lru_tail_unlocked(&bo->ttm);
	*address = halyard_resource_address(halyard_vram_of(bo), bo->ttm.resource);
	return 0;
}

/**
 * halyard_vram_enter() - before objects of a SUBMIT are locked
 * @hdev: the device
 * @attempt: 0: among others; 1, after -ENOSPC: alone, as two that hold half of the memory each
 *	would never get the other half; 2: alone, and with all of the memory empty, as what remains
 *	of it may be in pieces
 *
 * Return: 0, -EINTR
 */
int halyard_vram_enter(struct halyard_device *hdev, unsigned int attempt)
{
	struct halyard_vram *vram = hdev->core->vram;

	if (!vram)
		return 0;
	if (!attempt)
		return down_read_interruptible(&vram->crowd);
	if (down_write_killable(&vram->crowd))
		return -EINTR;
	if (attempt > 1)
		halyard_vram_evict_all(hdev);
	return 0;
}

/**
 * halyard_vram_leave() - undoes halyard_vram_enter()
 * @hdev: the device
 * @attempt: as there
 */
void halyard_vram_leave(struct halyard_device *hdev, unsigned int attempt)
{
	struct halyard_vram *vram = hdev->core->vram;

	if (!vram)
		return;
	if (attempt)
		up_write(&vram->crowd);
	else
		up_read(&vram->crowd);
}

/**
 * halyard_vram_lent() - what other devices see in the window, and can't be moved
 * @hdev: a device, also one without such memory
 * @holder: out: the process that has made the largest object of it
 *
 * Return: bytes
 */
u64 halyard_vram_lent(struct halyard_device *hdev, pid_t *holder)
{
	u64 lent = 0, most = 0;
	struct halyard_bo *bo;

	*holder = 0;
	mutex_lock(&hdev->core->bos_lock);
	list_for_each_entry(bo, &hdev->core->bos, link) {
		if (bo->kind != &halyard_bo_vram || !READ_ONCE(bo->ttm.pin_count) ||
		    !READ_ONCE(bo->in_window))
			continue;
		lent += bo->gem.size;
		if (bo->gem.size > most) {
			most = bo->gem.size;
			*holder = bo->creator;
		}
	}
	mutex_unlock(&hdev->core->bos_lock);
	return lent;
}

/**
 * halyard_vram_complain() - says why objects do not fit, for the log
 * @hdev: the device
 * @size: bytes that all objects of the SUBMIT have
 */
void halyard_vram_complain(struct halyard_device *hdev, u64 size)
{
	pid_t holder;
	u64 lent = halyard_vram_lent(hdev, &holder);

	if (lent)
		dev_notice_ratelimited(hdev->dev,
				       "region %s: a job of %s[%d] needs %llu of %llu KiB, but %llu KiB are pinned for other devices, the largest object by process %d\n",
				       hdev->chip->regions[0].name, current->comm,
				       task_tgid_nr(current), size / SZ_1K,
				       hdev->limits.memory_size / SZ_1K, lent / SZ_1K, holder);
	else
		dev_notice_ratelimited(hdev->dev,
				       "region %s: a job of %s[%d] needs %llu of %llu KiB at a time\n",
				       hdev->chip->regions[0].name, current->comm,
				       task_tgid_nr(current), size / SZ_1K,
				       hdev->limits.memory_size / SZ_1K);
}

/* ---- the object ---- */

/* In the device's memory; what else is in host memory halyard_bo_show_fdinfo() sees itself. */
static enum drm_gem_object_status halyard_vram_status(struct drm_gem_object *obj)
{
	return halyard_bo_in_vram(to_halyard_bo(obj)) ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs halyard_vram_gem_funcs = {
	.free = halyard_gem_free,
	.export = halyard_gem_export,
	.vmap = halyard_vram_vmap,
	.vunmap = halyard_vram_vunmap,
	.mmap = halyard_vram_mmap,
	.status = halyard_vram_status,
	.vm_ops = &halyard_vram_vm_ops,
};

static void halyard_vram_destroy(struct ttm_buffer_object *tbo)
{
	drm_gem_object_release(&tbo->base);
	kfree(to_halyard_vram_bo(tbo));
}

static struct halyard_bo *halyard_vram_create(struct halyard_device *hdev, u64 size)
{
	struct ttm_placement placement = {
		.num_placement = 1,
		.placement = &halyard_host_place,
	};
	struct halyard_bo *bo;
	int ret;

	bo = halyard_bo_alloc(hdev, size, &halyard_vram_gem_funcs);
	if (!bo)
		return ERR_PTR(-ENOMEM);

	/* When it fails it destroys the object. */
	ret = ttm_bo_init_validate(&hdev->core->vram->ttm, &bo->ttm, ttm_bo_type_device,
				   &placement, 0, true, NULL, NULL, halyard_vram_destroy);
	return ret ? ERR_PTR(ret) : bo;
}

static void halyard_vram_free(struct halyard_bo *bo)
{
	halyard_compat_ttm_bo_fini(&bo->ttm);
}

const struct halyard_bo_kind halyard_bo_vram = {
	.name = "card",
	.dma_buf_ops = &halyard_vram_dma_buf_ops,
	.create = halyard_vram_create,
	.free = halyard_vram_free,
};

/* ---- the device ---- */

/**
 * halyard_vram_used() - bytes of the device's memory that are in use now
 * @hdev: a device that has some
 *
 * Return: bytes, the rest of what objects in the region have is in host memory
 */
u64 halyard_vram_used(struct halyard_device *hdev)
{
	return ttm_resource_manager_usage(ttm_manager_type(&hdev->core->vram->ttm, TTM_PL_VRAM));
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vram_used);

/**
 * halyard_vram_host_used() - bytes of host memory that objects in the device's region have
 * @hdev: a device
 *
 * Return: bytes
 */
u64 halyard_vram_host_used(struct halyard_device *hdev)
{
	return hdev->core->vram ? atomic64_read(&hdev->core->vram->host_bytes) : 0;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vram_host_used);

/**
 * halyard_vram_evict_all() - moves all that is in the device's memory to the host's
 * @hdev: a device, also one without such memory
 *
 * What is locked or pinned stays. Waits for the jobs that use it, and for the copies.
 *
 * Return: 0, or what kept it from moving the rest
 */
int halyard_vram_evict_all(struct halyard_device *hdev)
{
	struct halyard_vram *vram = hdev->core->vram;

	if (!vram)
		return 0;
	return ttm_resource_manager_evict_all(&vram->ttm,
					      ttm_manager_type(&vram->ttm, TTM_PL_VRAM));
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vram_evict_all);

/**
 * halyard_vram_hide() - has processes fault before they look at objects in the window again
 * @hdev: a device, also one without such memory, that is about to fall asleep, or out of reach
 */
void halyard_vram_hide(struct halyard_device *hdev)
{
	struct address_space *mapping = hdev->drm.anon_inode->i_mapping;
	struct halyard_core *core = hdev->core;
	struct halyard_bo *bo;

	if (!core->vram)
		return;
	mutex_lock(&core->bos_lock);
	list_for_each_entry(bo, &core->bos, link)
		if (bo->kind == &halyard_bo_vram)
			drm_vma_node_unmap(&bo->gem.vma_node, mapping);
	mutex_unlock(&core->bos_lock);
}

/* The first object from @bo on that is not being freed, with a reference; bos_lock is held. */
static struct halyard_bo *halyard_vram_next(struct halyard_core *core, struct halyard_bo *bo)
{
	lockdep_assert_held(&core->bos_lock);

	list_for_each_entry_from(bo, &core->bos, link) {
		if (bo->kind == &halyard_bo_vram && kref_get_unless_zero(&bo->gem.refcount))
			return bo;
	}
	return NULL;
}

/**
 * halyard_vram_unplug() - leaves nothing mapped for the device
 * @hdev: a device that is unplugged and stopped, its fences signalled
 *
 * What was in its memory is lost.
 */
void halyard_vram_unplug(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	struct halyard_bo *bo, *next;

	if (!core->vram)
		return;
	halyard_copies_stop(hdev);

	/* New objects are not mapped any more: those behind the end of the list do not matter. */
	mutex_lock(&core->bos_lock);
	bo = halyard_vram_next(core, list_first_entry(&core->bos, struct halyard_bo, link));
	while (bo) {
		mutex_unlock(&core->bos_lock);
		halyard_vram_unmap_bo(bo);
		mutex_lock(&core->bos_lock);
		next = halyard_vram_next(core, list_next_entry(bo, link));
		mutex_unlock(&core->bos_lock);
		drm_gem_object_put(&bo->gem);
		mutex_lock(&core->bos_lock);
		bo = next;
	}
	mutex_unlock(&core->bos_lock);
	/* Pages that copies have left behind. */
	flush_workqueue(core->vram->ttm.wq);
}

/**
 * halyard_vram_show() - tells people about the device's memory
 * @hdev: a device that has some
 * @p: where to
 */
void halyard_vram_show(struct halyard_device *hdev, struct drm_printer *p)
{
	struct halyard_vram *vram = hdev->core->vram;

	drm_printf(p, "%s: %llu of %llu bytes in use, %llu bytes of its objects in host memory\n",
		   hdev->chip->regions[0].name, halyard_vram_used(hdev), hdev->limits.memory_size,
		   halyard_vram_host_used(hdev));
	drm_printf(p, "moved in: %lld bytes, moved out: %lld bytes, window: %llu bytes\n",
		   atomic64_read(&vram->moved_in), atomic64_read(&vram->moved_out),
		   vram->visible << PAGE_SHIFT);
	ttm_resource_manager_debug(ttm_manager_type(&vram->ttm, TTM_PL_VRAM), p);
}

static void halyard_vram_fini(struct drm_device *drm, void *data)
{
	struct halyard_vram *vram = data;

	ttm_range_man_fini(&vram->ttm, TTM_PL_VRAM);
	ttm_device_fini(&vram->ttm);
}

/* The window is ours alone, and writes through it may be combined. */
static int halyard_vram_claim_window(struct halyard_device *hdev, u64 size)
{
	u64 start = hdev->limits.window_start;

	if (!dev_is_pci(hdev->dev) || !size)
		return 0;
	if (!devm_request_mem_region(hdev->dev, start, size, hdev->chip->name)) {
		dev_err(hdev->dev, "the window to the card's memory is in use\n");
		return -EBUSY;
	}
	return devm_arch_io_reserve_memtype_wc(hdev->dev, start, size);
}

/**
 * halyard_vram_init() - prepares the device's memory, once its limits are known
 * @hdev: the device
 *
 * Return: 0, also when it has no such memory, or a negative error
 */
int halyard_vram_init(struct halyard_device *hdev)
{
	const struct halyard_limits *limits = &hdev->limits;
	struct drm_device *drm = &hdev->drm;
	struct halyard_vram *vram;
	int ret;

	if (!limits->memory_size)
		return 0;
	ret = halyard_vram_claim_window(hdev, limits->window_size);
	if (ret)
		return ret;

	vram = drmm_kzalloc(drm, sizeof(*vram), GFP_KERNEL);
	if (!vram)
		return -ENOMEM;
	vram->hdev = hdev;
	vram->pages = limits->memory_size >> PAGE_SHIFT;
	vram->visible = min(limits->window_size, limits->memory_size) >> PAGE_SHIFT;
	init_rwsem(&vram->crowd);
	ret = drmm_mutex_init(drm, &vram->order_lock);
	if (!ret)
		ret = drmm_mutex_init(drm, &vram->evict_lock);
	if (ret)
		return ret;

	ret = halyard_compat_ttm_device_init(&vram->ttm, &halyard_ttm_funcs, hdev->dev,
					     drm->anon_inode->i_mapping, drm->vma_offset_manager,
					     dma_addressing_limited(hdev->dev));
	if (ret)
		return ret;
	ret = ttm_range_man_init(&vram->ttm, TTM_PL_VRAM, false, vram->pages);
	if (ret) {
		ttm_device_fini(&vram->ttm);
		return ret;
	}
	ret = halyard_compat_ttm_charge(drm, ttm_manager_type(&vram->ttm, TTM_PL_VRAM),
					hdev->chip->regions[0].name, limits->memory_size);
	if (ret) {
		halyard_vram_fini(drm, vram);
		return ret;
	}
	hdev->core->vram = vram;
	return drmm_add_action_or_reset(drm, halyard_vram_fini, vram);
}
