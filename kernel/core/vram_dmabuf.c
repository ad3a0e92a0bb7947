// SPDX-License-Identifier: GPL-2.0-only
/*
 * Other devices' access to objects in the device's memory: through its window, where they reach it
 * there, or in host memory. Who looks has the object pinned.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/pci.h>
#include <linux/pci-p2pdma.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>

#include <compat.h>

#include "vram_bo.h"

static int halyard_vram_place_pinned(struct halyard_bo *bo, bool window)
{
	const struct ttm_place place = {
		.mem_type = window ? TTM_PL_VRAM : TTM_PL_SYSTEM,
		.lpfn = window ? halyard_vram_of(bo)->visible : 0,
	};
	struct ttm_operation_ctx ctx = { .interruptible = true };
	int ret;

	ret = halyard_bo_place(bo, &place, 1);
	if (!ret && !window)
		ret = halyard_compat_ttm_bo_populate(&bo->ttm, &ctx);
	return ret ?: halyard_vram_settle(bo);
}

/*
 * Under the reservation lock, until halyard_vram_unpin(). In the window other devices may look at
 * the object at any time.
 */
static int halyard_vram_pin(struct halyard_bo *bo, bool window)
{
	struct halyard_device *hdev = to_halyard_device(bo->gem.dev);
	int ret;

	if (bo->ttm.pin_count && bo->in_window != window)
		return -EBUSY;
	ret = window ? halyard_power_get(hdev) : 0;
	if (ret)
		return ret;
	ret = halyard_vram_place_pinned(bo, window);
	if (ret) {
		if (window)
			halyard_power_put(hdev);
		return ret;
	}

	ttm_bo_pin(&bo->ttm);
	WRITE_ONCE(bo->in_window, window);
	return 0;
}

static void halyard_vram_unpin(struct halyard_bo *bo)
{
	ttm_bo_unpin(&bo->ttm);
	/* TTM of 6.12 leaves it where evictions do not look. */
	ttm_bo_move_to_lru_tail_unlocked(&bo->ttm);
	if (bo->in_window)
		halyard_power_put(to_halyard_device(bo->gem.dev));
}

static int halyard_vram_attach(struct dma_buf *dma_buf, struct dma_buf_attachment *attach)
{
	struct drm_gem_object *obj = dma_buf->priv;
	struct halyard_device *hdev = to_halyard_device(obj->dev);

	if (!dev_is_pci(hdev->dev) || PFN_UP(obj->size) > hdev->core->vram->visible ||
	    pci_p2pdma_distance(to_pci_dev(hdev->dev), attach->dev, false) < 0)
		attach->peer2peer = false;
	return 0;
}

/* The object in the window, for a device that reaches it there. */
static struct sg_table *halyard_vram_map_window(struct halyard_bo *bo, struct device *dev,
						enum dma_data_direction dir)
{
	phys_addr_t start = halyard_vram_of(bo)->hdev->limits.window_start +
			    ((u64)bo->ttm.resource->start << PAGE_SHIFT);
	size_t size = bo->gem.size;
	struct sg_table *sgt;
	dma_addr_t dma;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, 1, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}
	dma = dma_map_resource(dev, start, size, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (dma_mapping_error(dev, dma)) {
		sg_free_table(sgt);
		kfree(sgt);
		return ERR_PTR(-EIO);
	}
	sg_set_page(sgt->sgl, NULL, size, 0);
	sg_dma_address(sgt->sgl) = dma;
	sg_dma_len(sgt->sgl) = size;
	return sgt;
}

static struct sg_table *halyard_vram_map_host(struct halyard_bo *bo, struct device *dev,
					      enum dma_data_direction dir)
{
	struct ttm_tt *tt = bo->ttm.ttm;
	struct sg_table *sgt;
	int ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	/* In pieces as the other device can take them. */
	ret = sg_alloc_table_from_pages_segment(sgt, tt->pages, tt->num_pages, 0, bo->gem.size,
						dma_get_max_seg_size(dev), GFP_KERNEL);
	if (ret)
		goto free;
	ret = dma_map_sgtable(dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	if (ret)
		goto free_table;
	return sgt;

free_table:
	sg_free_table(sgt);
free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static struct sg_table *halyard_vram_map_dma_buf(struct dma_buf_attachment *attach,
						 enum dma_data_direction dir)
{
	struct halyard_bo *bo = to_halyard_bo(attach->dmabuf->priv);
	struct sg_table *sgt;
	int ret;

	ret = halyard_vram_pin(bo, attach->peer2peer);
	if (ret)
		return ERR_PTR(ret);
	if (attach->peer2peer)
		sgt = halyard_vram_map_window(bo, attach->dev, dir);
	else
		sgt = halyard_vram_map_host(bo, attach->dev, dir);
	if (IS_ERR(sgt))
		halyard_vram_unpin(bo);
	return sgt;
}

static void halyard_vram_unmap_dma_buf(struct dma_buf_attachment *attach, struct sg_table *sgt,
				       enum dma_data_direction dir)
{
	if (attach->peer2peer)
		dma_unmap_resource(attach->dev, sg_dma_address(sgt->sgl), sg_dma_len(sgt->sgl),
				   dir, DMA_ATTR_SKIP_CPU_SYNC);
	else
		dma_unmap_sgtable(attach->dev, sgt, dir, DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
	halyard_vram_unpin(to_halyard_bo(attach->dmabuf->priv));
}

/* See halyard_gem_export(). An object is pinned while it is mapped, not while it is attached. */
const struct dma_buf_ops halyard_vram_dma_buf_ops = {
	.attach = halyard_vram_attach,
	.map_dma_buf = halyard_vram_map_dma_buf,
	.unmap_dma_buf = halyard_vram_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

/**
 * halyard_vram_vmap() - &drm_gem_object_funcs.vmap
 * @obj: the object, its reservation lock held
 * @map: out: where the kernel sees it
 *
 * Return: 0 or a negative error
 */
int halyard_vram_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct halyard_bo *bo = to_halyard_bo(obj);
	int ret;

	ret = halyard_vram_pin(bo, false);
	if (ret)
		return ret;
	ret = ttm_bo_vmap(&bo->ttm, map);
	if (ret)
		halyard_vram_unpin(bo);
	return ret;
}

/**
 * halyard_vram_vunmap() - &drm_gem_object_funcs.vunmap
 * @obj: the object, its reservation lock held
 * @map: of halyard_vram_vmap()
 */
void halyard_vram_vunmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct halyard_bo *bo = to_halyard_bo(obj);

	ttm_bo_vunmap(&bo->ttm, map);
	halyard_vram_unpin(bo);
}
