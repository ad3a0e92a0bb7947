// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects in host memory, contiguous for the device, for chips that reach a buffer by one
 * address and a size. The memory is the device's from the beginning to the end of the object.
 */

#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <compat.h>

#include "core.h"

/* Where nothing joins pages for the device, this is what the page allocator has in one piece. */
static u64 halyard_contig_size_max(struct halyard_device *hdev)
{
	if (IS_ENABLED(CONFIG_DMA_CMA) || device_iommu_mapped(hdev->dev))
		return U64_MAX;
	return PAGE_SIZE << MAX_PAGE_ORDER;
}

static void halyard_contig_explain(struct halyard_device *hdev, u64 size)
{
	if (IS_ENABLED(CONFIG_DMA_CMA))
		dev_notice_ratelimited(hdev->dev,
				       "no %llu KiB of contiguous memory: CMA is too small or in use (kernel parameter cma=)\n",
				       size / SZ_1K);
	else
		dev_notice_ratelimited(hdev->dev,
				       "no %llu KiB of contiguous memory: this kernel has no CMA, without which there are %llu KiB at most\n",
				       size / SZ_1K, halyard_contig_size_max(hdev) / SZ_1K);
}

static struct sg_table *halyard_contig_pin(struct halyard_bo *bo)
{
	return &bo->contig.sgt;
}

static void halyard_contig_unpin(struct halyard_bo *bo)
{
}

static struct sg_table *halyard_contig_get_sg_table(struct drm_gem_object *obj)
{
	struct halyard_contig *contig = &to_halyard_bo(obj)->contig;
	struct sg_table *sgt;
	int ret;

	sgt = kzalloc(sizeof(*sgt), GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	ret = dma_get_sgtable(obj->dev->dev, sgt, contig->vaddr, contig->dma, obj->size);
	if (ret) {
		kfree(sgt);
		return ERR_PTR(ret);
	}
	return sgt;
}

static int halyard_contig_vmap(struct drm_gem_object *obj, struct iosys_map *map)
{
	iosys_map_set_vaddr(map, to_halyard_bo(obj)->contig.vaddr);
	return 0;
}

static int halyard_contig_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct halyard_contig *contig = &to_halyard_bo(obj)->contig;

	if (halyard_compat_is_cow_mapping(vma))
		return -EINVAL;
	/* Whoever maps, the DRM core has added this. */
	vma->vm_pgoff -= drm_vma_node_start(&obj->vma_node);
	vm_flags_set(vma, VM_DONTEXPAND | VM_DONTDUMP);
	return dma_mmap_coherent(obj->dev->dev, vma, contig->vaddr, contig->dma,
				 vma->vm_end - vma->vm_start);
}

static enum drm_gem_object_status halyard_contig_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

static const struct vm_operations_struct halyard_contig_vm_ops = {
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static const struct drm_gem_object_funcs halyard_contig_funcs = {
	.free = halyard_gem_free,
	.export = halyard_gem_export,
	.get_sg_table = halyard_contig_get_sg_table,
	.vmap = halyard_contig_vmap,
	.mmap = halyard_contig_mmap,
	.status = halyard_contig_status,
	.vm_ops = &halyard_contig_vm_ops,
};

static int halyard_contig_alloc(struct halyard_device *hdev, struct halyard_contig *contig,
				u64 size)
{
	int ret;

	ret = sg_alloc_table(&contig->sgt, 1, GFP_KERNEL);
	if (ret)
		return ret;
	contig->vaddr = dma_alloc_coherent(hdev->dev, size, &contig->dma,
					   GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!contig->vaddr) {
		halyard_contig_explain(hdev, size);
		sg_free_table(&contig->sgt);
		return -ENOMEM;
	}
	sg_dma_address(contig->sgt.sgl) = contig->dma;
	sg_dma_len(contig->sgt.sgl) = size;
	return 0;
}

static struct halyard_bo *halyard_contig_create(struct halyard_device *hdev, u64 size)
{
	struct halyard_bo *bo;
	int ret;

	bo = halyard_bo_alloc(hdev, size, &halyard_contig_funcs);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	ret = halyard_contig_alloc(hdev, &bo->contig, size);
	if (ret) {
		drm_gem_object_release(&bo->gem);
		kfree(bo);
		return ERR_PTR(ret);
	}
	return bo;
}

static void halyard_contig_free(struct halyard_bo *bo)
{
	dma_free_coherent(bo->gem.dev->dev, bo->gem.size, bo->contig.vaddr, bo->contig.dma);
	sg_free_table(&bo->contig.sgt);
	drm_gem_object_release(&bo->gem);
	kfree(bo);
}

const struct halyard_bo_kind halyard_bo_contig = {
	.name = "contiguous",
	.size_max = halyard_contig_size_max,
	.create = halyard_contig_create,
	.free = halyard_contig_free,
	.pin = halyard_contig_pin,
	.unpin = halyard_contig_unpin,
};
