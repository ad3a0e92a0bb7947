// SPDX-License-Identifier: GPL-2.0-only
/* Buffer objects in host memory, cached, page by page from anywhere, on GEM shmem. */

#include <linux/dma-mapping.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>

#include "core.h"

static struct sg_table *halyard_shmem_pin(struct halyard_bo *bo)
{
	struct sg_table *sgt;
	int ret;

	ret = drm_gem_shmem_pin_locked(&bo->shmem);
	if (ret)
		return ERR_PTR(ret);
	sgt = drm_prime_pages_to_sg(bo->gem.dev, bo->shmem.pages, bo->gem.size >> PAGE_SHIFT);
	sgt = halyard_bo_map_sgt(bo, sgt);
	if (IS_ERR(sgt))
		drm_gem_shmem_unpin_locked(&bo->shmem);
	return sgt;
}

static void halyard_shmem_unpin(struct halyard_bo *bo)
{
	halyard_bo_unmap_sgt(bo, bo->sgt);
	drm_gem_shmem_unpin_locked(&bo->shmem);
}

static enum drm_gem_object_status halyard_shmem_status(struct drm_gem_object *obj)
{
	return READ_ONCE(to_halyard_bo(obj)->shmem.pages) ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs halyard_shmem_funcs = {
	.free = halyard_gem_free,
	.export = halyard_gem_export,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = drm_gem_shmem_object_mmap,
	.status = halyard_shmem_status,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/**
 * halyard_gem_create_object() - &drm_driver.gem_create_object: memory for what the helper makes
 * @drm: the device
 * @size: of the BO
 *
 * Return: what the shmem helper initialises, or an ERR_PTR
 */
struct drm_gem_object *halyard_gem_create_object(struct drm_device *drm, size_t size)
{
	struct halyard_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->gem.funcs = &halyard_shmem_funcs;
	return &bo->gem;
}

static struct halyard_bo *halyard_shmem_create(struct halyard_device *hdev, u64 size)
{
	struct drm_gem_shmem_object *shmem;

	shmem = drm_gem_shmem_create(&hdev->drm, size);
	if (IS_ERR(shmem))
		return ERR_CAST(shmem);
	/* Without an IOMMU the pages themselves have to be where the device reaches them. */
	if (dma_addressing_limited(hdev->dev))
		mapping_set_gfp_mask(shmem->base.filp->f_mapping,
				     GFP_USER | __GFP_DMA32 | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);

	/* What the device writes no page table tells of. */
	shmem->pages_mark_dirty_on_put = true;
	shmem->pages_mark_accessed_on_put = true;
	return to_halyard_bo(&shmem->base);
}

static void halyard_shmem_free(struct halyard_bo *bo)
{
	drm_gem_shmem_free(&bo->shmem);
}

const struct halyard_bo_kind halyard_bo_shmem = {
	.name = "own",
	.create = halyard_shmem_create,
	.free = halyard_shmem_free,
	.pin = halyard_shmem_pin,
	.unpin = halyard_shmem_unpin,
};
