// SPDX-License-Identifier: GPL-2.0-only
/*
 * Processes' access to objects in the device's memory: through its window, in host memory when
 * there is no room, and to nothing of worth when the device is gone.
 */

#include <linux/delay.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>

#include <compat.h>

#include "vram_bo.h"

/* For a process's access: where it is, or in the window, or in host memory. */
static int halyard_bo_place_seen(struct halyard_bo *bo)
{
	struct halyard_vram *vram = halyard_vram_of(bo);
	const struct ttm_place places[] = {
		{ .mem_type = TTM_PL_VRAM, .lpfn = vram->visible },
		{ .mem_type = TTM_PL_SYSTEM },
	};

	bo->seen = true;
	if (!halyard_bo_in_vram(bo) || halyard_resource_visible(vram, bo->ttm.resource))
		return 0;
	return halyard_bo_place(bo, places + !vram->visible, ARRAY_SIZE(places) - !vram->visible);
}

/*
 * What shows the window goes when the device falls asleep, and when its bus does not reach it:
 * halyard_vram_hide().
 */
static vm_fault_t halyard_vram_fault_window(struct halyard_bo *bo, struct vm_fault *vmf)
{
	struct halyard_device *hdev = to_halyard_device(bo->gem.dev);
	vm_fault_t ret = VM_FAULT_NOPAGE;

	if (halyard_power_get(hdev))
		return VM_FAULT_NOPAGE; /* it is lost, and soon unplugged: once more */
	if (halyard_is_frozen(hdev)) {
		usleep_range(1000, 2000); /* once more */
	} else {
		ret = ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot,
					       TTM_BO_VM_NUM_PREFAULT);
		smp_mb(); /* Pairs with the one in halyard_freeze(), which hides what is mapped. */
		if (halyard_is_frozen(hdev))
			ttm_bo_unmap_virtual(&bo->ttm);
	}
	halyard_power_put(hdev);
	return ret;
}

/* Copies fail then, and a mapping is to stay valid: once more, until it is that of no device. */
static bool halyard_vram_is_going(struct halyard_bo *bo)
{
	return READ_ONCE(to_halyard_device(bo->gem.dev)->core->lost) ||
	       drm_dev_is_unplugged(bo->gem.dev);
}

static vm_fault_t halyard_vram_fault_reserved(struct halyard_bo *bo, struct vm_fault *vmf)
{
	int ret = halyard_bo_place_seen(bo);

	/* TTM waits for moves, but does not see how they ended when it can't begin anew. */
	if (!ret && (!fault_flag_allow_retry_first(vmf->flags) ||
		     dma_resv_test_signaled(bo->gem.resv, DMA_RESV_USAGE_KERNEL)))
		ret = halyard_vram_settle(bo);

	switch (ret) {
	case 0:
		if (halyard_bo_in_vram(bo))
			return halyard_vram_fault_window(bo, vmf);
		return ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot,
						TTM_BO_VM_NUM_PREFAULT);
	case -EINTR:
	case -ERESTARTSYS:
	case -EAGAIN:
	case -EBUSY:
		return VM_FAULT_NOPAGE; /* once more */
	case -ENOMEM:
		return VM_FAULT_OOM;
	default:
		return halyard_vram_is_going(bo) ? VM_FAULT_NOPAGE : VM_FAULT_SIGBUS;
	}
}

static vm_fault_t halyard_vram_fault(struct vm_fault *vmf)
{
	struct halyard_bo *bo = to_halyard_vram_bo(vmf->vma->vm_private_data);
	vm_fault_t ret;
	int idx;

	ret = ttm_bo_vm_reserve(&bo->ttm, vmf);
	if (ret)
		return ret;

	if (drm_dev_enter(bo->gem.dev, &idx)) {
		ret = halyard_vram_fault_reserved(bo, vmf);
		drm_dev_exit(idx);
	} else if (halyard_bo_in_vram(bo)) {
		/* What it held is gone with the device. */
		ret = ttm_bo_vm_dummy_page(vmf, vmf->vma->vm_page_prot);
	} else {
		ret = ttm_bo_vm_fault_reserved(vmf, vmf->vma->vm_page_prot,
					       TTM_BO_VM_NUM_PREFAULT);
	}
	/* TTM has waited without the lock of the address space, and let go of the object, too. */
	if (ret == VM_FAULT_RETRY && !(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		return ret;
	dma_resv_unlock(bo->gem.resv);
	return ret;
}

/* TTM's would count references of its own, which the object must not outlive. */
const struct vm_operations_struct halyard_vram_vm_ops = {
	.fault = halyard_vram_fault,
	.open = drm_gem_vm_open,
	.close = drm_gem_vm_close,
	.access = ttm_bo_vm_access,
};

/**
 * halyard_vram_mmap() - &drm_gem_object_funcs.mmap
 * @obj: the object
 * @vma: the mapping
 *
 * Return: 0, -EINVAL for a private mapping
 */
int halyard_vram_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	if (halyard_compat_is_cow_mapping(vma))
		return -EINVAL;

	/* The object's address is TTM's, too. */
	vma->vm_private_data = obj;
	vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTEXPAND | VM_DONTDUMP);
	return 0;
}
