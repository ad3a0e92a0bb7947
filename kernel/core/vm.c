// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address spaces: their life, and their page tables, which the chip writes. What is mapped where
 * bind.c knows.
 */

#include <linux/dma-resv.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#include <compat.h>

#include "bind.h"

static struct halyard_vm *to_halyard_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct halyard_vm, gpuvm);
}

/* One place, so that all address spaces' locks are of one class. */
void halyard_vm_lock_init(struct mutex *lock)
{
	mutex_init(lock);
}

/* ---- hardware ---- */

static int halyard_vm_flush_locked(struct halyard_vm *vm)
{
	struct halyard_device *hdev = vm->hdev;

	lockdep_assert_held(&vm->lock);
	lockdep_assert_held(&hdev->core->reset_lock);

	if (halyard_power_is_down(hdev) || !hdev->chip->ops->vm_flush(vm))
		return 0;

	halyard_recover_device(hdev, "address translations are not flushed");
	return -EIO;
}

/**
 * halyard_vm_flush() - makes the device use the page tables as they are
 * @vm: the address space, locked
 *
 * Return: 0, or -EIO when the device does not answer; it is then being reset, and what was unmapped
 *	goes to quarantine
 */
int halyard_vm_flush(struct halyard_vm *vm)
{
	struct halyard_device *hdev = vm->hdev;
	int ret;

	halyard_hardware_lock(hdev);
	ret = halyard_vm_flush_locked(vm);
	halyard_hardware_unlock(hdev);

	return ret;
}

/**
 * halyard_vm_clear() - takes entries out of the page tables and makes the device forget them
 * @vm: the address space, locked
 * @va: device address
 * @size: bytes
 *
 * The device may have to be waited for before it can be asked to flush, for as long as a command or
 * a recovery lasts. Nothing is changed until then, so that its translations are right meanwhile.
 *
 * Return: as halyard_vm_flush()
 */
int halyard_vm_clear(struct halyard_vm *vm, u64 va, u64 size)
{
	struct halyard_device *hdev = vm->hdev;
	int ret;

	lockdep_assert_held(&vm->lock);

	halyard_hardware_lock(hdev);
	hdev->chip->ops->vm_unmap(vm, va, size);
	ret = halyard_vm_flush_locked(vm);
	halyard_hardware_unlock(hdev);

	return ret;
}

/* ---- life ---- */

/* The caller, drm_gpuvm_put(), still holds the device. */
static void halyard_gpuvm_free(struct drm_gpuvm *gpuvm)
{
	struct halyard_vm *vm = to_halyard_vm(gpuvm);
	struct halyard_device *hdev = vm->hdev;
	struct halyard_core *core = hdev->core;
	bool pins = vm->core->pins;

	if (drm_mm_initialized(&vm->core->kernel_mm))
		drm_mm_takedown(&vm->core->kernel_mm);
	ida_free(&core->vm_ids, vm->hw_id);
	if (vm->core->user)
		halyard_resource_put(hdev, vm->core->user, HALYARD_RES_VM);
	mutex_destroy(&vm->lock);
	kfree(vm->priv);
	kfree(vm->core);
	kfree(vm);
	if (pins)
		module_put(core->owner);
}

static const struct drm_gpuvm_ops halyard_gpuvm_ops = {
	.vm_free = halyard_gpuvm_free,
	.sm_step_unmap = halyard_step_unmap,
	.sm_step_remap = halyard_step_remap,
};

/*
 * Takes an address space from the hardware, with all that is mapped. @quiet: the device was reset
 * or stopped and does not reach anything. False when it did not answer: to be tried again when it
 * is quiet.
 */
static bool halyard_vm_teardown(struct halyard_vm *vm, bool quiet)
{
	const struct halyard_chip_ops *ops = vm->hdev->chip->ops;
	struct drm_gpuva *va, *next;
	bool flushed = true;
	LIST_HEAD(gone);

	mutex_lock(&vm->lock);
	if (vm->core->dead) {
		mutex_unlock(&vm->lock);
		return true;
	}

	/* All at once, as in halyard_vm_clear(). */
	halyard_hardware_lock(vm->hdev);
	drm_gpuvm_for_each_va(va, &vm->gpuvm)
		if (va != &vm->gpuvm.kernel_alloc_node)
			ops->vm_unmap(vm, va->va.addr, va->va.range);
	if (ops->vm_flush && !quiet)
		flushed = !halyard_vm_flush_locked(vm);
	if (flushed && ops->vm_fini)
		ops->vm_fini(vm);
	halyard_hardware_unlock(vm->hdev);

	drm_gpuvm_for_each_va_safe(va, next, &vm->gpuvm) {
		if (va == &vm->gpuvm.kernel_alloc_node)
			continue;
		drm_gpuva_remove(va);
		halyard_mapping_unlink(to_halyard_mapping(va), &gone);
	}
	if (flushed)
		vm->core->dead = true;
	mutex_unlock(&vm->lock);

	halyard_mappings_put(vm, &gone, flushed);
	return flushed;
}

static void halyard_vm_free(struct halyard_vm *vm)
{
	struct halyard_core *core = vm->hdev->core;

	mutex_lock(&core->vms_lock);
	list_del(&vm->core->link);
	mutex_unlock(&core->vms_lock);
	drm_gpuvm_put(&vm->gpuvm);
}

static void halyard_vm_release_quarantined(struct halyard_quarantined *item)
{
	struct halyard_vm *vm =
		container_of(item, struct halyard_vm_core, quarantined)->vm;

	halyard_vm_teardown(vm, true);
	halyard_vm_free(vm);
}

static void halyard_vm_release(struct kref *ref)
{
	struct halyard_vm *vm = container_of(ref, struct halyard_vm_core, ref)->vm;
	struct halyard_device *hdev = vm->hdev;
	bool done = false;
	int idx;

	/*
	 * While the device is being unplugged it may not be stopped yet: whoever unplugs it has the
	 * last word.
	 */
	if (drm_dev_enter(&hdev->drm, &idx)) {
		done = halyard_vm_teardown(vm, false);
		drm_dev_exit(idx);
	}
	if (done)
		halyard_vm_free(vm);
	else
		halyard_quarantine_add(hdev, &vm->core->quarantined,
				       halyard_vm_release_quarantined);
}

static int halyard_vm_init_hw(struct halyard_vm *vm)
{
	struct halyard_device *hdev = vm->hdev;
	int id;

	id = ida_alloc_max(&hdev->core->vm_ids, hdev->limits.vms - 1, GFP_KERNEL);
	if (id < 0)
		return id;
	vm->hw_id = id;

	if (hdev->chip->ops->vm_init) {
		int ret = hdev->chip->ops->vm_init(vm);

		if (ret) {
			ida_free(&hdev->core->vm_ids, id);
			return ret;
		}
	}
	return 0;
}

static struct halyard_vm *halyard_vm_alloc(struct halyard_device *hdev)
{
	struct halyard_vm *vm;

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm)
		return NULL;
	vm->core = kzalloc(sizeof(*vm->core), GFP_KERNEL_ACCOUNT);
	vm->priv = kzalloc(hdev->chip->vm_priv_size, GFP_KERNEL_ACCOUNT);
	if (!vm->core || !vm->priv) {
		kfree(vm->priv);
		kfree(vm->core);
		kfree(vm);
		return NULL;
	}

	vm->hdev = hdev;
	vm->core->vm = vm;
	vm->core->creator = task_tgid_nr(current);
	kref_init(&vm->core->ref);
	INIT_LIST_HEAD(&vm->core->kmems);
	halyard_vm_lock_init(&vm->lock);
	return vm;
}

static void halyard_vm_init_ranges(struct halyard_vm *vm, struct drm_gem_object *resv_obj)
{
	const struct halyard_limits *limits = &vm->hdev->limits;
	u64 own = limits->kernel_va_end - limits->va_end;

	drm_gpuvm_init(&vm->gpuvm, "halyard", 0, &vm->hdev->drm, resv_obj, limits->va_start,
		       limits->kernel_va_end - limits->va_start, limits->va_end, own,
		       &halyard_gpuvm_ops);
	if (own)
		drm_mm_init(&vm->core->kernel_mm, limits->va_end, own);
}

/**
 * halyard_vm_create() - makes an address space
 * @hdev: the device
 *
 * Return: the address space with one reference, in nobody's share; -ENOSPC when the device has no
 *	more, -ENOMEM
 */
struct halyard_vm *halyard_vm_create(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	struct drm_gem_object *resv_obj;
	struct halyard_vm *vm;
	int ret = -ENOMEM;

	vm = halyard_vm_alloc(hdev);
	if (!vm)
		return ERR_PTR(-ENOMEM);
	resv_obj = drm_gpuvm_resv_object_alloc(&hdev->drm);
	if (!resv_obj)
		goto free;
	ret = halyard_vm_init_hw(vm);
	if (ret)
		goto put_resv_obj;

	halyard_vm_init_ranges(vm, resv_obj);
	drm_gem_object_put(resv_obj);

	mutex_lock(&core->vms_lock);
	list_add_tail(&vm->core->link, &core->vms);
	mutex_unlock(&core->vms_lock);
	return vm;

put_resv_obj:
	drm_gem_object_put(resv_obj);
free:
	mutex_destroy(&vm->lock);
	kfree(vm->priv);
	kfree(vm->core);
	kfree(vm);
	return ERR_PTR(ret);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vm_create);

/**
 * halyard_vm_get() - takes a reference
 * @vm: address space to which a reference is held
 *
 * Return: @vm
 */
struct halyard_vm *halyard_vm_get(struct halyard_vm *vm)
{
	kref_get(&vm->core->ref);
	return vm;
}

/**
 * halyard_vm_put() - drops a reference; the last one takes the address space from the device
 * @vm: address space
 *
 * Context: process; not under &halyard_vm.lock, &halyard_core.vms_lock, &halyard_core.reset_lock or
 *	a reservation lock
 */
void halyard_vm_put(struct halyard_vm *vm)
{
	kref_put(&vm->core->ref, halyard_vm_release);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_vm_put);

/**
 * halyard_vm_get_by_id() - finds a file's address space
 * @file: the file
 * @id: of VM_CREATE
 *
 * Return: the address space with a reference, or ERR_PTR(-ENOENT)
 */
struct halyard_vm *halyard_vm_get_by_id(struct halyard_file *file, u32 id)
{
	struct halyard_vm *vm;

	mutex_lock(&file->lock);
	vm = xa_load(&file->vms, id);
	if (vm)
		halyard_vm_get(vm);
	mutex_unlock(&file->lock);
	return vm ?: ERR_PTR(-ENOENT);
}

/**
 * halyard_vms_release() - drops a file's address spaces when it is closed
 * @file: the file
 */
void halyard_vms_release(struct halyard_file *file)
{
	struct halyard_vm *vm;
	unsigned long id;

	xa_for_each(&file->vms, id, vm) {
		xa_erase(&file->vms, id);
		halyard_vm_put(vm);
	}
}

/**
 * halyard_vms_unplug() - takes all address spaces from a device that was stopped
 * @hdev: the device, unplugged
 *
 * They live on until their files are closed, but nothing of them is mapped and the chip is not
 * called for them.
 */
void halyard_vms_unplug(struct halyard_device *hdev)
{
	struct halyard_vm_core *core;

	mutex_lock(&hdev->core->vms_lock);
	list_for_each_entry(core, &hdev->core->vms, link) {
		halyard_vm_teardown(core->vm, true);
		mutex_lock(&core->vm->lock);
		halyard_kmems_revoke(core->vm);
		mutex_unlock(&core->vm->lock);
	}
	mutex_unlock(&hdev->core->vms_lock);

	halyard_quarantine_drain(hdev);
}

/* ---- ioctls ---- */

/**
 * halyard_ioctl_vm_create() - DRM_IOCTL_HALYARD_VM_CREATE
 * @drm: the device
 * @data: &struct drm_halyard_vm_create
 * @drm_file: the caller's file
 *
 * Return: 0, -EMFILE, -ENODEV, -ENOSPC, -ENOMEM
 */
int halyard_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	struct drm_halyard_vm_create *args = data;
	struct halyard_vm *vm;
	int ret;

	ret = halyard_resource_get(file, HALYARD_RES_VM);
	if (ret)
		return ret;

	vm = halyard_vm_create(file->hdev);
	if (IS_ERR(vm)) {
		halyard_resource_put(file->hdev, file->user, HALYARD_RES_VM);
		return PTR_ERR(vm);
	}
	vm->core->user = file->user;
	/* The core's own go with the device; these may stay after it, and the chip's driver too. */
	vm->core->pins = try_module_get(file->hdev->core->owner);
	if (!vm->core->pins) {
		halyard_vm_put(vm);
		return -ENODEV;
	}

	mutex_lock(&file->lock);
	ret = xa_alloc(&file->vms, &args->vm_id, vm, xa_limit_31b, GFP_KERNEL_ACCOUNT);
	mutex_unlock(&file->lock);
	if (ret)
		halyard_vm_put(vm);
	return ret;
}

/**
 * halyard_ioctl_vm_destroy() - DRM_IOCTL_HALYARD_VM_DESTROY
 * @drm: the device
 * @data: &struct drm_halyard_vm_destroy
 * @drm_file: the caller's file
 *
 * Return: 0 or -ENOENT
 */
int halyard_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	struct drm_halyard_vm_destroy *args = data;
	struct halyard_vm *vm;

	mutex_lock(&file->lock);
	vm = xa_erase(&file->vms, args->vm_id);
	mutex_unlock(&file->lock);
	if (!vm)
		return -ENOENT;

	halyard_vm_put(vm);
	return 0;
}
