// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is mapped where in an address space, kept by drm_gpuvm, and VM_BIND.
 *
 * Each mapping has its BO pinned. A mapping that was removed is let go only when the device has
 * confirmed that it does not use the old entries any more; if it does not answer, the mapping waits
 * in quarantine for a reset.
 */

#include <linux/dma-resv.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#include <compat.h>

#include "bind.h"

/**
 * struct halyard_unmapping - an unmap under way
 * @spare: mappings for what remains before and behind the range
 * @gone: mappings removed, &halyard_mapping.link
 */
struct halyard_unmapping {
	struct halyard_mapping *spare[2];
	struct list_head gone;
};

/* ---- mappings ---- */

static struct halyard_mapping *halyard_mapping_alloc(void)
{
	struct halyard_mapping *mapping;

	mapping = kzalloc(sizeof(*mapping), GFP_KERNEL_ACCOUNT);
	if (mapping)
		INIT_LIST_HEAD(&mapping->link);
	return mapping;
}

/* A mapping that is not in an address space any more, and that the device does not use. */
static void halyard_mapping_free(struct halyard_mapping *mapping)
{
	struct drm_gem_object *obj = mapping->va.gem.obj;

	halyard_bo_unpin(to_halyard_bo(obj));
	drm_gem_object_put(obj);
	kfree(mapping);
}

static void halyard_mapping_release(struct halyard_quarantined *item)
{
	halyard_mapping_free(container_of(item, struct halyard_mapping, quarantined));
}

/**
 * halyard_mappings_put() - lets removed mappings go
 * @vm: their address space, not locked
 * @gone: the mappings
 * @flushed: at once, as the device does not use them any more; else after its reset
 */
void halyard_mappings_put(struct halyard_vm *vm, struct list_head *gone, bool flushed)
{
	struct halyard_mapping *mapping, *next;

	list_for_each_entry_safe(mapping, next, gone, link) {
		list_del(&mapping->link);
		if (flushed)
			halyard_mapping_free(mapping);
		else
			halyard_quarantine_add(vm->hdev, &mapping->quarantined,
					       halyard_mapping_release);
	}
}

/**
 * halyard_mapping_unlink() - takes a mapping, already out of the tree, from its BO's list
 * @mapping: the mapping; it holds a reference to the BO itself from now on, which keeps the lock in
 *	existence that protects the list
 * @gone: where to put it, for halyard_mappings_put()
 */
void halyard_mapping_unlink(struct halyard_mapping *mapping, struct list_head *gone)
{
	struct drm_gem_object *obj = mapping->va.gem.obj;

	drm_gem_object_get(obj);
	dma_resv_lock(obj->resv, NULL);
	drm_gpuva_unlink(&mapping->va);
	dma_resv_unlock(obj->resv);
	list_add_tail(&mapping->link, gone);
}

/* Enters a mapping of a BO that is pinned for it. */
static int halyard_mapping_insert(struct halyard_vm *vm, struct halyard_mapping *mapping)
{
	struct drm_gem_object *obj = mapping->va.gem.obj;
	struct drm_gpuvm_bo *vm_bo;
	int ret;

	lockdep_assert_held(&vm->lock);

	dma_resv_lock(obj->resv, NULL);
	vm_bo = halyard_compat_gpuvm_bo_obtain(&vm->gpuvm, obj);
	ret = PTR_ERR_OR_ZERO(vm_bo);
	if (!ret) {
		ret = drm_gpuva_insert(&vm->gpuvm, &mapping->va);
		if (!ret)
			drm_gpuva_link(&mapping->va, vm_bo);
		drm_gpuvm_bo_put(vm_bo);
	}
	dma_resv_unlock(obj->resv);
	return ret;
}

/* ---- map ---- */

/* The part of a table from @offset on, @size bytes, at @va. */
static void halyard_vm_enter(struct halyard_vm *vm, struct sg_table *sgt, u64 offset, u64 va,
			     u64 size, u32 prot)
{
	struct scatterlist *sg;
	unsigned int i;

	lockdep_assert_held(&vm->lock);

	for_each_sgtable_dma_sg(sgt, sg, i) {
		u64 length = sg_dma_len(sg), piece;

		if (offset >= length) {
			offset -= length;
			continue;
		}
		piece = min(length - offset, size);
		vm->hdev->chip->ops->vm_map(vm, va, sg_dma_address(sg) + offset, piece, prot);
		offset = 0;
		va += piece;
		size -= piece;
		if (!size)
			break;
	}
}

/* Others' tables can be anything. */
static int halyard_vm_check_sgt(struct sg_table *sgt, u64 end)
{
	struct scatterlist *sg;
	unsigned int i;
	u64 sum = 0;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (!PAGE_ALIGNED(sg_dma_address(sg)) || !PAGE_ALIGNED(sg_dma_len(sg)))
			return -EINVAL;
		sum += sg_dma_len(sg);
	}
	return sum < end ? -EINVAL : 0;
}

static int halyard_vm_check_range(struct halyard_vm *vm, u64 va, u64 size)
{
	const struct halyard_limits *limits = &vm->hdev->limits;

	if (!size || !PAGE_ALIGNED(va | size))
		return -EINVAL;
	if (va < limits->va_start || va >= limits->va_end || size > limits->va_end - va)
		return -EINVAL;
	return 0;
}

/* With the BO pinned for the mapping. Puts nothing in effect when it fails. */
static int halyard_vm_map_locked(struct halyard_vm *vm, struct halyard_mapping *mapping,
				 struct sg_table *sgt)
{
	u64 va = mapping->va.va.addr, size = mapping->va.va.range;
	int ret;

	lockdep_assert_held(&vm->lock);

	if (vm->core->dead)
		return -ENODEV;
	if (!drm_gpuvm_interval_empty(&vm->gpuvm, va, size))
		return -EBUSY;
	ret = vm->hdev->chip->ops->vm_prepare(vm, va, size);
	if (ret)
		return ret;
	ret = halyard_mapping_insert(vm, mapping);
	if (ret)
		return ret;

	/*
	 * Nothing can fail after this point. A device that does not answer the flush is reset, and
	 * the reset makes it use the new entries, too.
	 */
	halyard_vm_enter(vm, sgt, mapping->va.gem.offset, va, size, mapping->prot);
	halyard_vm_flush(vm);
	return 0;
}

/**
 * halyard_vm_map() - maps part of a BO
 * @vm: address space
 * @bo: BO
 * @bo_offset: bytes into it
 * @va: device address
 * @size: bytes
 * @flags: DRM_HALYARD_BIND_READONLY or 0
 *
 * Return: 0, -EINVAL for a range that is empty, not aligned or outside of the BO or of user space's
 *	addresses, -EACCES for write access to what may only be read, -EBUSY when some of it is
 *	mapped, -EOPNOTSUPP without MMU, -ENOMEM, -EIO
 */
int halyard_vm_map(struct halyard_vm *vm, struct halyard_bo *bo, u64 bo_offset, u64 va, u64 size,
		   u32 flags)
{
	struct drm_gem_object *obj = &bo->gem;
	struct halyard_mapping *mapping;
	struct sg_table *sgt;
	int ret;

	if (!halyard_has_mmu(vm->hdev))
		return -EOPNOTSUPP;
	ret = halyard_vm_check_range(vm, va, size);
	if (ret)
		return ret;
	if (!PAGE_ALIGNED(bo_offset) || size > obj->size || bo_offset > obj->size - size)
		return -EINVAL;
	if (bo->readonly && !(flags & DRM_HALYARD_BIND_READONLY))
		return -EACCES;

	mapping = halyard_mapping_alloc();
	if (!mapping)
		return -ENOMEM;
	mapping->prot = HALYARD_PROT_USER;
	if (!(flags & DRM_HALYARD_BIND_READONLY))
		mapping->prot |= HALYARD_PROT_WRITE;
	mapping->va.va.addr = va;
	mapping->va.va.range = size;
	mapping->va.gem.obj = obj;
	mapping->va.gem.offset = bo_offset;

	sgt = halyard_bo_pin(bo);
	ret = PTR_ERR_OR_ZERO(sgt);
	if (ret)
		goto free;
	ret = halyard_vm_check_sgt(sgt, bo_offset + size);
	if (ret)
		goto unpin;

	mutex_lock(&vm->lock);
	ret = halyard_vm_map_locked(vm, mapping, sgt);
	mutex_unlock(&vm->lock);
	if (ret)
		goto unpin;
	return 0;

unpin:
	halyard_bo_unpin(bo);
free:
	kfree(mapping);
	return ret;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vm_map);

/* ---- unmap ---- */

/**
 * halyard_step_unmap() - &drm_gpuvm_ops.sm_step_unmap
 * @op: a mapping that goes
 * @priv: &struct halyard_unmapping
 *
 * Return: 0
 */
int halyard_step_unmap(struct drm_gpuva_op *op, void *priv)
{
	struct halyard_mapping *mapping = to_halyard_mapping(op->unmap.va);
	struct halyard_unmapping *unmapping = priv;

	drm_gpuva_unmap(&op->unmap);
	halyard_mapping_unlink(mapping, &unmapping->gone);
	return 0;
}

/* What remains of a mapping that reaches out of the range, with a pin of its own. */
static struct halyard_mapping *halyard_mapping_remain(struct halyard_unmapping *unmapping,
						      unsigned int side,
						      struct halyard_mapping *mapping)
{
	struct halyard_mapping *rest = unmapping->spare[side];

	unmapping->spare[side] = NULL;
	rest->prot = mapping->prot;
	/* Pinned already, so this can't fail. */
	halyard_bo_pin(to_halyard_bo(mapping->va.gem.obj));
	return rest;
}

/**
 * halyard_step_remap() - &drm_gpuvm_ops.sm_step_remap
 * @op: a mapping of which a part goes
 * @priv: &struct halyard_unmapping
 *
 * Return: 0
 */
int halyard_step_remap(struct drm_gpuva_op *op, void *priv)
{
	struct halyard_mapping *mapping = to_halyard_mapping(op->remap.unmap->va);
	struct drm_gem_object *obj = mapping->va.gem.obj;
	struct drm_gpuvm_bo *vm_bo = mapping->va.vm_bo;
	struct halyard_unmapping *unmapping = priv;
	struct drm_gpuva *prev = NULL, *next = NULL;

	if (op->remap.prev)
		prev = &halyard_mapping_remain(unmapping, 0, mapping)->va;
	if (op->remap.next)
		next = &halyard_mapping_remain(unmapping, 1, mapping)->va;

	drm_gpuva_remap(prev, next, &op->remap);

	dma_resv_lock(obj->resv, NULL);
	if (prev)
		drm_gpuva_link(prev, vm_bo);
	if (next)
		drm_gpuva_link(next, vm_bo);
	dma_resv_unlock(obj->resv);

	halyard_mapping_unlink(mapping, &unmapping->gone);
	return 0;
}

/* Only where an edge of the range may cut a large page has the chip to be ready to split it. */
static int halyard_vm_prepare_edges(struct halyard_vm *vm, u64 va, u64 size)
{
	int (*prepare)(struct halyard_vm *vm, u64 va, u64 size) = vm->hdev->chip->ops->vm_prepare;
	u64 large = vm->hdev->limits.large_page_size, end = va + size;
	int ret = 0;

	if (!large)
		return 0;
	if (!IS_ALIGNED(va, large))
		ret = prepare(vm, va, PAGE_SIZE);
	if (!ret && !IS_ALIGNED(end, large))
		ret = prepare(vm, end - PAGE_SIZE, PAGE_SIZE);
	return ret;
}

/* *flushed: the device does not use any more what was removed. */
static int halyard_vm_unmap_locked(struct halyard_vm *vm, u64 va, u64 size,
				   struct halyard_unmapping *unmapping, bool *flushed)
{
	int ret;

	lockdep_assert_held(&vm->lock);

	if (vm->core->dead)
		return -ENODEV;
	if (drm_gpuvm_interval_empty(&vm->gpuvm, va, size))
		return 0;
	ret = halyard_vm_prepare_edges(vm, va, size);
	if (ret)
		return ret;
	/* The steps do not fail, and the range is not the driver's own. */
	ret = drm_gpuvm_sm_unmap(&vm->gpuvm, unmapping, va, size);
	if (drm_WARN_ON_ONCE(&vm->hdev->drm, ret))
		return ret;

	*flushed = !halyard_vm_clear(vm, va, size);
	return 0;
}

/**
 * halyard_vm_unmap() - unmaps a range, whatever is in it
 * @vm: address space
 * @va: device address
 * @size: bytes
 *
 * Return: 0 when the device does not reach any more what was unmapped, -EINVAL for a malformed
 *	range, -EOPNOTSUPP without MMU, -ENOMEM, -ENODEV when the device did not answer and could
 *	not be reset; the memory is kept then
 */
int halyard_vm_unmap(struct halyard_vm *vm, u64 va, u64 size)
{
	struct halyard_unmapping unmapping = { .gone = LIST_HEAD_INIT(unmapping.gone) };
	bool flushed = true;
	int ret;

	if (!halyard_has_mmu(vm->hdev))
		return -EOPNOTSUPP;
	ret = halyard_vm_check_range(vm, va, size);
	if (ret)
		return ret;

	unmapping.spare[0] = halyard_mapping_alloc();
	unmapping.spare[1] = halyard_mapping_alloc();
	if (!unmapping.spare[0] || !unmapping.spare[1]) {
		ret = -ENOMEM;
		goto free;
	}

	mutex_lock(&vm->lock);
	ret = halyard_vm_unmap_locked(vm, va, size, &unmapping, &flushed);
	mutex_unlock(&vm->lock);

	halyard_mappings_put(vm, &unmapping.gone, flushed);
	if (!flushed) {
		halyard_recover_wait(vm->hdev);
		ret = READ_ONCE(vm->hdev->core->lost) ? -ENODEV : 0;
	}
free:
	kfree(unmapping.spare[0]);
	kfree(unmapping.spare[1]);
	return ret;
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vm_unmap);

/* ---- the ioctl ---- */

static int halyard_bind_map(struct halyard_vm *vm, struct drm_file *drm_file,
			    const struct drm_halyard_bind_op *op)
{
	struct drm_gem_object *obj;
	int ret;

	if (op->flags & ~DRM_HALYARD_BIND_READONLY)
		return -EINVAL;

	obj = drm_gem_object_lookup(drm_file, op->handle);
	if (!obj)
		return -ENOENT;
	ret = halyard_vm_map(vm, to_halyard_bo(obj), op->bo_offset, op->va, op->size, op->flags);
	drm_gem_object_put(obj);
	return ret;
}

static int halyard_bind_unmap(struct halyard_vm *vm, const struct drm_halyard_bind_op *op)
{
	if (op->flags || op->handle || op->bo_offset)
		return -EINVAL;
	return halyard_vm_unmap(vm, op->va, op->size);
}

static int halyard_bind(struct halyard_vm *vm, struct drm_file *drm_file,
			const struct drm_halyard_bind_op *op)
{
	if (op->pad)
		return -EINVAL;

	switch (op->type) {
	case DRM_HALYARD_BIND_MAP:
		return halyard_bind_map(vm, drm_file, op);
	case DRM_HALYARD_BIND_UNMAP:
		return halyard_bind_unmap(vm, op);
	default:
		return -EINVAL;
	}
}

/**
 * halyard_ioctl_vm_bind() - DRM_IOCTL_HALYARD_VM_BIND
 * @drm: the device
 * @data: &struct drm_halyard_vm_bind
 * @drm_file: the caller's file
 *
 * Return: 0, -EOPNOTSUPP without MMU, -ENOENT, what halyard_uobj_get_array() returns, -EINTR, or
 *	that of the first operation that failed
 */
int halyard_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	struct drm_halyard_vm_bind *args = data;
	struct drm_halyard_bind_op *ops;
	struct halyard_vm *vm;
	int ret = 0;

	if (!halyard_has_mmu(file->hdev))
		return -EOPNOTSUPP;
	args->done = 0;
	ops = halyard_uobj_get_array(&args->ops, sizeof(*ops), sizeof(*ops),
				     HALYARD_BIND_OPS_MAX);
	if (IS_ERR(ops))
		return PTR_ERR(ops);
	vm = halyard_vm_get_by_id(file, args->vm_id);
	if (IS_ERR(vm)) {
		ret = PTR_ERR(vm);
		goto free;
	}

	while (args->done < args->ops.count) {
		ret = halyard_bind(vm, drm_file, &ops[args->done]);
		if (ret)
			break;
		args->done++;
	}

	halyard_vm_put(vm);
free:
	kvfree(ops);
	return ret;
}
