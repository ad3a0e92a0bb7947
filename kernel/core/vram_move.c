// SPDX-License-Identifier: GPL-2.0-only
/*
 * What TTM asks of the core: host memory for objects of the device's memory, and that their
 * contents follow when their place changes.
 */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>
#include <drm/ttm/ttm_tt.h>

#include <compat.h>

#include "vram_bo.h"

/**
 * struct halyard_tt - host memory of a buffer object
 * @base: its pages
 * @bo: the object, which lives longer, also when it is not its memory any more
 * @sgt: the pages mapped for the device, or NULL; protected by the object's reservation lock
 */
struct halyard_tt {
	struct ttm_tt base;
	struct halyard_bo *bo;
	struct sg_table *sgt;
};

static struct halyard_tt *to_halyard_tt(struct ttm_tt *tt)
{
	return container_of(tt, struct halyard_tt, base);
}

/* ---- host memory ---- */

static void halyard_tt_unmap(struct halyard_tt *tt)
{
	if (!tt->sgt)
		return;
	dma_unmap_sgtable(tt->bo->gem.dev->dev, tt->sgt, DMA_BIDIRECTIONAL, 0);
	sg_free_table(tt->sgt);
	kfree(tt->sgt);
	tt->sgt = NULL;
}

/* It stays mapped as long as there are pages, or until the device is unplugged. */
static int halyard_tt_map(struct halyard_tt *tt)
{
	struct halyard_device *hdev = to_halyard_device(tt->bo->gem.dev);
	struct sg_table *sgt;
	int ret;

	if (tt->sgt)
		return 0;

	sgt = drm_prime_pages_to_sg(&hdev->drm, tt->base.pages, tt->base.num_pages);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	ret = dma_map_sgtable(hdev->dev, sgt, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		sg_free_table(sgt);
		kfree(sgt);
		return ret;
	}
	tt->sgt = sgt;
	ret = halyard_bo_check_shared(hdev, sgt);
	if (ret)
		halyard_tt_unmap(tt);
	return ret;
}

/*
 * Always zeroed: when the copy to it fails, the pages are seen as they were.
 */
static struct ttm_tt *halyard_tt_create(struct ttm_buffer_object *tbo, u32 page_flags)
{
	struct halyard_tt *tt;

	tt = kzalloc(sizeof(*tt), GFP_KERNEL_ACCOUNT);
	if (!tt)
		return NULL;
	tt->bo = to_halyard_vram_bo(tbo);
	if (ttm_tt_init(&tt->base, tbo, page_flags | TTM_TT_FLAG_ZERO_ALLOC, ttm_cached, 0)) {
		kfree(tt);
		return NULL;
	}
	return &tt->base;
}

static void halyard_tt_destroy(struct ttm_device *ttm, struct ttm_tt *base)
{
	ttm_tt_fini(base);
	kfree(to_halyard_tt(base));
}

static int halyard_tt_populate(struct ttm_device *ttm, struct ttm_tt *base,
			       struct ttm_operation_ctx *ctx)
{
	int ret;

	ret = ttm_pool_alloc(&ttm->pool, base, ctx);
	if (ret)
		return ret;
	atomic64_add((u64)base->num_pages << PAGE_SHIFT, &to_halyard_vram(ttm)->host_bytes);
	atomic_inc(&to_halyard_tt(base)->bo->pages);
	return 0;
}

static void halyard_tt_unpopulate(struct ttm_device *ttm, struct ttm_tt *base)
{
	halyard_tt_unmap(to_halyard_tt(base));
	ttm_pool_free(&ttm->pool, base);
	atomic64_sub((u64)base->num_pages << PAGE_SHIFT, &to_halyard_vram(ttm)->host_bytes);
	atomic_dec(&to_halyard_tt(base)->bo->pages);
}

/**
 * halyard_vram_unmap_bo() - leaves no host memory of an object mapped for the device
 * @bo: an object of a device that is stopped
 */
void halyard_vram_unmap_bo(struct halyard_bo *bo)
{
	dma_resv_lock(bo->gem.resv, NULL);
	if (bo->ttm.ttm)
		halyard_tt_unmap(to_halyard_tt(bo->ttm.ttm));
	dma_resv_unlock(bo->gem.resv);
}

/* ---- moves ---- */

static void halyard_evict_flags(struct ttm_buffer_object *tbo, struct ttm_placement *placement)
{
	placement->num_placement = 1;
	placement->placement = &halyard_host_place;
}

/* NULL: nothing was ever written to it, so TTM has no pages for it, and none in swap. */
static struct sg_table *halyard_move_sgt(struct halyard_bo *bo, struct ttm_operation_ctx *ctx,
					 bool to_host)
{
	struct halyard_tt *tt = to_halyard_tt(bo->ttm.ttm);
	int ret;

	if (!to_host && !ttm_tt_is_populated(&tt->base) &&
	    !(tt->base.page_flags & TTM_TT_FLAG_SWAPPED))
		return NULL;
	ret = halyard_compat_ttm_bo_populate(&bo->ttm, ctx);
	if (!ret)
		ret = halyard_tt_map(tt);
	return ret ? ERR_PTR(ret) : tt->sgt;
}

/*
 * Gives @bo's old place up when the copy is done. Who gets it next waits for the last eviction: so
 * one of another queue than that, which a restart of the copies has brought, is awaited here.
 */
static int halyard_move_cleanup(struct halyard_bo *bo, struct dma_fence *fence, bool evict,
				struct ttm_resource *to)
{
	struct halyard_vram *vram = halyard_vram_of(bo);
	struct ttm_resource_manager *from;
	bool takes;
	int ret;

	if (!evict)
		return ttm_bo_move_accel_cleanup(&bo->ttm, fence, false, true, to);

	from = ttm_manager_type(bo->ttm.bdev, bo->ttm.resource->mem_type);
	mutex_lock(&vram->evict_lock);
	takes = halyard_compat_ttm_takes_fence(from, fence);
	if (takes)
		ret = ttm_bo_move_accel_cleanup(&bo->ttm, fence, true, true, to);
	mutex_unlock(&vram->evict_lock);
	if (!takes)
		ret = ttm_bo_move_accel_cleanup(&bo->ttm, fence, true, false, to);
	return ret;
}

/* By the device. -ENODEV when it copies nothing, now or ever again. */
static int halyard_move_by_device(struct halyard_bo *bo, bool evict, struct ttm_operation_ctx *ctx,
				  struct ttm_resource *to)
{
	struct halyard_vram *vram = halyard_vram_of(bo);
	bool to_host = to->mem_type == TTM_PL_SYSTEM;
	struct ttm_resource *card = to_host ? bo->ttm.resource : to;
	struct dma_fence *fence;
	struct sg_table *sgt;
	int ret;

	sgt = halyard_move_sgt(bo, ctx, to_host);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	fence = halyard_copy_submit(bo, halyard_resource_address(vram, card), sgt, to_host);
	if (IS_ERR(fence))
		return PTR_ERR(fence);

	ret = halyard_move_cleanup(bo, fence, evict, to);
	if (ret)
		dma_fence_wait(fence, false); /* the caller gives one of the two places up */
	else
		atomic64_add(bo->gem.size, to_host ? &vram->moved_out : &vram->moved_in);
	dma_fence_put(fence);
	return ret;
}

/* By the CPU, through the window: what a device that is beyond help still lets us save. */
static int halyard_move_by_cpu(struct halyard_bo *bo, struct ttm_operation_ctx *ctx,
			       struct ttm_resource *to)
{
	struct halyard_vram *vram = halyard_vram_of(bo);
	int ret;

	if (to->mem_type != TTM_PL_SYSTEM || !halyard_resource_visible(vram, bo->ttm.resource))
		return -ENODEV;
	ret = halyard_power_get(vram->hdev);
	if (ret)
		return ret;
	ret = ttm_bo_wait_ctx(&bo->ttm, ctx);
	if (!ret)
		ret = ttm_bo_move_memcpy(&bo->ttm, ctx, to);
	halyard_power_put(vram->hdev);
	return ret;
}

static int halyard_move(struct ttm_buffer_object *tbo, bool evict, struct ttm_operation_ctx *ctx,
			struct ttm_resource *to, struct ttm_place *hop)
{
	struct halyard_bo *bo = to_halyard_vram_bo(tbo);
	int ret, idx;

	if (!tbo->resource || tbo->resource->mem_type == to->mem_type) {
		if (halyard_bo_in_vram(bo)) {
			/* The device copies between its memory and the host's only. */
			*hop = halyard_host_place;
			return -EMULTIHOP;
		}
		ttm_bo_move_null(tbo, to);
		return 0;
	}

	if (!drm_dev_enter(tbo->base.dev, &idx))
		return -ENODEV;
	ret = halyard_move_by_device(bo, evict, ctx, to);
	if (ret == -ENODEV)
		ret = halyard_move_by_cpu(bo, ctx, to);
	drm_dev_exit(idx);
	return ret;
}

static int halyard_io_mem_reserve(struct ttm_device *ttm, struct ttm_resource *res)
{
	struct halyard_vram *vram = to_halyard_vram(ttm);

	if (res->mem_type != TTM_PL_VRAM)
		return 0;
	if (!halyard_resource_visible(vram, res))
		return -EINVAL;
	res->bus.offset = vram->hdev->limits.window_start + ((u64)res->start << PAGE_SHIFT);
	res->bus.is_iomem = true;
	res->bus.caching = ttm_write_combined;
	return 0;
}

struct ttm_device_funcs halyard_ttm_funcs = {
	.ttm_tt_create = halyard_tt_create,
	.ttm_tt_populate = halyard_tt_populate,
	.ttm_tt_unpopulate = halyard_tt_unpopulate,
	.ttm_tt_destroy = halyard_tt_destroy,
	.eviction_valuable = ttm_bo_eviction_valuable,
	.evict_flags = halyard_evict_flags,
	.move = halyard_move,
	.io_mem_reserve = halyard_io_mem_reserve,
};
