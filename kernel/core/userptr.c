// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects of a process's own memory: pinned as long as they live, and charged to its limit.
 */

#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/resource.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>

#include "core.h"

/* Pages pinned at a time, so that a signal is seen in between. */
#define HALYARD_PIN_BATCH	SZ_16K

/**
 * struct halyard_userptr - pinned pages of a process
 * @mm: whose limit they count against
 * @readonly: pinned for reading only
 * @num_pages: pages that count
 * @pinned: of them, how many are pinned
 * @pages: the pages
 */
struct halyard_userptr {
	struct mm_struct *mm;
	bool readonly;
	unsigned long num_pages;
	unsigned long pinned;
	struct page *pages[] __counted_by(num_pages);
};

/* As VmPin in /proc/<pid>/status. */
static int halyard_userptr_account(struct halyard_device *hdev, struct halyard_userptr *userptr)
{
	unsigned long limit = rlimit(RLIMIT_MEMLOCK);
	u64 pinned;

	pinned = atomic64_add_return(userptr->num_pages, &userptr->mm->pinned_vm);
	if (pinned <= limit >> PAGE_SHIFT || capable(CAP_IPC_LOCK))
		return 0;

	atomic64_sub(userptr->num_pages, &userptr->mm->pinned_vm);
	dev_notice_ratelimited(hdev->dev, "%s[%d]: %lu KiB to pin exceed RLIMIT_MEMLOCK, %lu KiB\n",
			       current->comm, task_tgid_nr(current),
			       userptr->num_pages * (PAGE_SIZE / SZ_1K), limit / SZ_1K);
	return -ENOMEM;
}

static int halyard_userptr_pin(struct halyard_userptr *userptr, unsigned long address)
{
	unsigned int flags = FOLL_LONGTERM | (userptr->readonly ? 0 : FOLL_WRITE);
	long n;

	while (userptr->pinned < userptr->num_pages) {
		if (signal_pending(current))
			return -EINTR;
		n = min(userptr->num_pages - userptr->pinned, (unsigned long)HALYARD_PIN_BATCH);
		n = pin_user_pages_fast(address + (userptr->pinned << PAGE_SHIFT), n, flags,
					&userptr->pages[userptr->pinned]);
		if (n <= 0)
			return n ?: -EFAULT;
		userptr->pinned += n;
		cond_resched();
	}
	return 0;
}

/* Gives the pages back, which nobody uses any more. */
static void halyard_userptr_destroy(struct halyard_userptr *userptr)
{
	unpin_user_pages_dirty_lock(userptr->pages, userptr->pinned, !userptr->readonly);
	atomic64_sub(userptr->num_pages, &userptr->mm->pinned_vm);
	mmdrop(userptr->mm);
	kvfree(userptr);
}

static struct halyard_userptr *
halyard_userptr_create(struct halyard_device *hdev, const struct drm_halyard_bo_from_userptr *args)
{
	unsigned long num_pages = args->size >> PAGE_SHIFT;
	struct halyard_userptr *userptr;
	int ret;

	userptr = kvzalloc(struct_size(userptr, pages, num_pages), GFP_KERNEL_ACCOUNT);
	if (!userptr)
		return ERR_PTR(-ENOMEM);
	userptr->num_pages = num_pages;
	userptr->readonly = args->flags & DRM_HALYARD_USERPTR_READONLY;
	userptr->mm = current->mm;

	ret = halyard_userptr_account(hdev, userptr);
	if (ret) {
		kvfree(userptr);
		return ERR_PTR(ret);
	}
	mmgrab(userptr->mm);

	ret = halyard_userptr_pin(userptr, args->address);
	if (ret) {
		halyard_userptr_destroy(userptr);
		return ERR_PTR(ret);
	}
	return userptr;
}

/* ---- the buffer object ---- */

static struct sg_table *halyard_userptr_pin_bo(struct halyard_bo *bo)
{
	return halyard_bo_map_sgt(bo, drm_prime_pages_to_sg(bo->gem.dev, bo->userptr->pages,
							    bo->userptr->num_pages));
}

static void halyard_userptr_unpin_bo(struct halyard_bo *bo)
{
	halyard_bo_unmap_sgt(bo, bo->sgt);
}

static void halyard_userptr_free(struct halyard_bo *bo)
{
	halyard_userptr_destroy(bo->userptr);
	drm_gem_object_release(&bo->gem);
	kfree(bo);
}

/*
 * A process's memory goes where the process wants, not where a holder of a file descriptor wants.
 */
static struct dma_buf *halyard_userptr_export(struct drm_gem_object *obj, int flags)
{
	return ERR_PTR(-EOPNOTSUPP);
}

static enum drm_gem_object_status halyard_userptr_status(struct drm_gem_object *obj)
{
	return DRM_GEM_OBJECT_RESIDENT;
}

static const struct drm_gem_object_funcs halyard_userptr_funcs = {
	.free = halyard_gem_free,
	.export = halyard_userptr_export,
	.status = halyard_userptr_status,
};

static const struct halyard_bo_kind halyard_bo_userptr = {
	.name = "userptr",
	.flags = DRM_HALYARD_BO_USERPTR,
	.free = halyard_userptr_free,
	.pin = halyard_userptr_pin_bo,
	.unpin = halyard_userptr_unpin_bo,
};

static struct halyard_bo *halyard_userptr_bo_create(struct halyard_device *hdev, u32 region,
						    struct halyard_userptr *userptr, size_t size)
{
	struct halyard_bo *bo;

	bo = halyard_bo_alloc(hdev, size, &halyard_userptr_funcs);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->readonly = userptr->readonly;
	bo->userptr = userptr;
	halyard_bo_init(bo, &halyard_bo_userptr, region);
	return bo;
}

static int halyard_userptr_check(struct halyard_device *hdev, u32 region,
				 const struct drm_halyard_bo_from_userptr *args)
{
	if (!args->size || !PAGE_ALIGNED(args->address | args->size) ||
	    args->size > halyard_bo_region_size(hdev, region))
		return -EINVAL;
	if (args->address + args->size < args->address)
		return -EINVAL;
	if (!access_ok(u64_to_user_ptr(args->address), args->size))
		return -EFAULT;
	return 0;
}

/**
 * halyard_ioctl_bo_from_userptr() - DRM_IOCTL_HALYARD_BO_FROM_USERPTR
 * @drm: the device
 * @data: &struct drm_halyard_bo_from_userptr
 * @drm_file: the caller's file
 *
 * Return: 0, -EOPNOTSUPP when the device reaches contiguous memory only, -EINVAL, -EFAULT when the
 *	memory is not there, is not writable or can't be pinned, -EINTR, -ENOMEM, which can mean
 *	RLIMIT_MEMLOCK; the log says so then
 */
int halyard_ioctl_bo_from_userptr(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_device *hdev = to_halyard_device(drm);
	struct drm_halyard_bo_from_userptr *args = data;
	struct halyard_userptr *userptr;
	struct halyard_bo *bo;
	int ret, region;

	/* A process's pages are anywhere. */
	region = halyard_find_region(hdev, HALYARD_MEMORY_PAGES);
	if (region < 0)
		return region;
	ret = halyard_userptr_check(hdev, region, args);
	if (ret)
		return ret;

	userptr = halyard_userptr_create(hdev, args);
	if (IS_ERR(userptr))
		return PTR_ERR(userptr);

	bo = halyard_userptr_bo_create(hdev, region, userptr, args->size);
	if (IS_ERR(bo)) {
		halyard_userptr_destroy(userptr);
		return PTR_ERR(bo);
	}

	ret = drm_gem_handle_create(drm_file, &bo->gem, &args->handle);
	drm_gem_object_put(&bo->gem);
	return ret;
}
