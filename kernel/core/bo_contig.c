// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects in host memory, contiguous for the device, for chips that reach a buffer by one
 * address and a size. The memory is the device's until it is unplugged; then what it held is moved
 * to ordinary memory, so that processes that have it mapped do not notice.
 */

#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/iosys-map.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

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

static struct dma_buf *halyard_contig_export(struct drm_gem_object *obj, int flags)
{
	struct halyard_contig *contig = &to_halyard_bo(obj)->contig;

	if (cmpxchg(&contig->state, HALYARD_CONTIG_OWN, HALYARD_CONTIG_SHARED) ==
	    HALYARD_CONTIG_GONE)
		return ERR_PTR(-ENODEV);
	return halyard_gem_export(obj, flags);
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
	struct halyard_contig *contig = &to_halyard_bo(obj)->contig;

	if (!contig->vaddr)
		return -ENODEV;
	iosys_map_set_vaddr(map, contig->vaddr);
	return 0;
}

static int halyard_contig_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (halyard_compat_is_cow_mapping(vma))
		return -EINVAL;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}

static unsigned long halyard_contig_pfn(struct halyard_contig *contig, unsigned long index)
{
	void *address = contig->vaddr + index * PAGE_SIZE;

	if (is_vmalloc_addr(address))
		return vmalloc_to_pfn(address);
	return page_to_pfn(virt_to_page(address));
}

/* All of it at once: there is nothing to be gained by waiting. */
static vm_fault_t halyard_contig_map_locked(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct halyard_contig *contig = &to_halyard_bo(obj)->contig;
	/* Whoever maps, the DRM core has added the node's start. */
	unsigned long index = vma->vm_pgoff - drm_vma_node_start(&obj->vma_node);
	vm_fault_t ret = VM_FAULT_SIGBUS;
	unsigned long address;

	dma_resv_assert_held(obj->resv);

	if (!contig->vaddr || index + vma_pages(vma) > obj->size >> PAGE_SHIFT)
		return ret;
	for (address = vma->vm_start; address < vma->vm_end; address += PAGE_SIZE) {
		ret = vmf_insert_pfn(vma, address, halyard_contig_pfn(contig, index++));
		if (ret & VM_FAULT_ERROR)
			break;
	}
	return ret;
}

static vm_fault_t halyard_contig_fault(struct vm_fault *vmf)
{
	struct drm_gem_object *obj = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (dma_resv_lock_interruptible(obj->resv, NULL))
		return VM_FAULT_NOPAGE;
	ret = halyard_contig_map_locked(obj, vmf->vma);
	dma_resv_unlock(obj->resv);
	return ret;
}

static enum drm_gem_object_status halyard_contig_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

static const struct vm_operations_struct halyard_contig_vm_ops = {
	.fault = halyard_contig_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
};

static const struct drm_gem_object_funcs halyard_contig_funcs = {
	.free = halyard_gem_free,
	.export = halyard_contig_export,
	.get_sg_table = halyard_contig_get_sg_table,
	.vmap = halyard_contig_vmap,
	.mmap = halyard_contig_mmap,
	.status = halyard_contig_status,
	.vm_ops = &halyard_contig_vm_ops,
};

static void halyard_contig_release(struct halyard_device *hdev, struct halyard_contig *contig,
				   u64 size)
{
	dma_free_coherent(hdev->dev, size, contig->vaddr, contig->dma);
	sg_free_table(&contig->sgt);
}

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
	if (dma_need_sync(hdev->dev, contig->dma)) {
		dev_err_ratelimited(hdev->dev, "memory is not coherent with the device\n");
		halyard_contig_release(hdev, contig, size);
		return -EIO;
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

/*
 * Not of memory that others may have in use: it is the device's as long as they have. Without
 * memory to move it to, what it held is lost, and who looks at it gets SIGBUS.
 */
static void halyard_contig_revoke(struct halyard_bo *bo)
{
	struct halyard_contig *contig = &bo->contig;
	struct drm_device *drm = bo->gem.dev;
	void *remains;

	dma_resv_assert_held(bo->gem.resv);

	if (cmpxchg(&contig->state, HALYARD_CONTIG_OWN, HALYARD_CONTIG_GONE) != HALYARD_CONTIG_OWN)
		return;
	/* Who is interrupted in a write goes on with it after a fault, which waits for the lock. */
	drm_vma_node_unmap(&bo->gem.vma_node, drm->anon_inode->i_mapping);
	remains = vmalloc(bo->gem.size);
	if (remains)
		memcpy(remains, contig->vaddr, bo->gem.size);
	halyard_contig_release(to_halyard_device(drm), contig, bo->gem.size);
	contig->vaddr = remains;
}

static void halyard_contig_free(struct halyard_bo *bo)
{
	struct halyard_contig *contig = &bo->contig;

	if (contig->state == HALYARD_CONTIG_GONE)
		vfree(contig->vaddr);
	else
		halyard_contig_release(to_halyard_device(bo->gem.dev), contig, bo->gem.size);
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
	.revoke = halyard_contig_revoke,
};
