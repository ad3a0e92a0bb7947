// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects in host memory, cached, on GEM shmem; and dma-bufs to and from other devices.
 *
 * A BO is mapped for its device's DMA only while somebody has it pinned: an address space that maps
 * it, or a job on a chip without MMU. So nothing is mapped for a device that was unplugged, and
 * what nobody uses can be swapped.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>

#include <compat.h>

#include "core.h"

static_assert(offsetof(struct halyard_bo, base.base) == 0, "the DRM core frees what it allocated");

static struct halyard_device *halyard_bo_device(struct halyard_bo *bo)
{
	return to_halyard_device(bo->base.base.dev);
}

/* ---- memory in use ---- */

/**
 * halyard_bo_region_size() - bytes of host memory that BOs of a device may hold
 * @hdev: the device
 *
 * Half of the memory, as with other drivers: BOs are not charged to who makes them until they are
 * used.
 *
 * Return: bytes
 */
u64 halyard_bo_region_size(struct halyard_device *hdev)
{
	return PAGE_ALIGN_DOWN(((u64)totalram_pages() << PAGE_SHIFT) / 2);
}

static int halyard_bo_account(struct halyard_device *hdev, u64 size)
{
	if (atomic64_add_return(size, &hdev->core->bo_bytes) <= halyard_bo_region_size(hdev))
		return 0;

	atomic64_sub(size, &hdev->core->bo_bytes);
	dev_notice_ratelimited(hdev->dev, "a BO of %llu KiB does not fit in the %llu KiB for BOs\n",
			       size / SZ_1K, halyard_bo_region_size(hdev) / SZ_1K);
	return -ENOSPC;
}

static void halyard_bo_unaccount(struct halyard_device *hdev, u64 size)
{
	atomic64_sub(size, &hdev->core->bo_bytes);
}

/* ---- pages for the device ---- */

/* Memory that would have to be copied to where the device reaches it can't be shared with it. */
static int halyard_bo_check_shared(struct halyard_device *hdev, struct sg_table *sgt)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (dma_need_sync(hdev->dev, sg_dma_address(sg))) {
			dev_err_ratelimited(hdev->dev, "memory is not coherent with the device\n");
			return -EIO;
		}
	}
	return 0;
}

static enum dma_data_direction halyard_bo_direction(struct halyard_bo *bo)
{
	return bo->readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

static struct sg_table *halyard_bo_get_sgt(struct halyard_bo *bo)
{
	struct drm_gem_object *obj = &bo->base.base;
	struct sg_table *sgt;
	int ret;

	if (bo->userptr)
		return halyard_userptr_get_sgt(bo);

	ret = drm_gem_shmem_pin_locked(&bo->base);
	if (ret)
		return ERR_PTR(ret);
	sgt = drm_prime_pages_to_sg(obj->dev, bo->base.pages, obj->size >> PAGE_SHIFT);
	if (IS_ERR(sgt))
		drm_gem_shmem_unpin_locked(&bo->base);
	return sgt;
}

static void halyard_bo_put_pages(struct halyard_bo *bo)
{
	if (!bo->userptr)
		drm_gem_shmem_unpin_locked(&bo->base);
}

static struct sg_table *halyard_bo_map_own(struct halyard_bo *bo)
{
	struct halyard_device *hdev = halyard_bo_device(bo);
	struct sg_table *sgt;
	int ret;

	sgt = halyard_bo_get_sgt(bo);
	if (IS_ERR(sgt))
		return sgt;
	ret = dma_map_sgtable(hdev->dev, sgt, halyard_bo_direction(bo), 0);
	if (ret)
		goto free;
	ret = halyard_bo_check_shared(hdev, sgt);
	if (ret)
		goto unmap;
	return sgt;

unmap:
	dma_unmap_sgtable(hdev->dev, sgt, halyard_bo_direction(bo), 0);
free:
	sg_free_table(sgt);
	kfree(sgt);
	halyard_bo_put_pages(bo);
	return ERR_PTR(ret);
}

static struct sg_table *halyard_bo_map(struct halyard_bo *bo)
{
	if (halyard_compat_gem_is_imported(&bo->base.base))
		return dma_buf_map_attachment(bo->base.base.import_attach, DMA_BIDIRECTIONAL);
	return halyard_bo_map_own(bo);
}

static void halyard_bo_unmap(struct halyard_bo *bo, struct sg_table *sgt)
{
	struct drm_gem_object *obj = &bo->base.base;

	if (halyard_compat_gem_is_imported(obj)) {
		dma_buf_unmap_attachment(obj->import_attach, sgt, DMA_BIDIRECTIONAL);
		return;
	}
	dma_unmap_sgtable(obj->dev->dev, sgt, halyard_bo_direction(bo), 0);
	sg_free_table(sgt);
	kfree(sgt);
	halyard_bo_put_pages(bo);
}

/**
 * halyard_bo_pin() - maps a BO's pages for its device and keeps them so
 * @bo: the BO
 *
 * Return: where they are, until the last halyard_bo_unpin(); -ENOMEM, -EIO or what the exporter of
 *	an imported BO says. A BO that is pinned already is pinned again without fail.
 */
struct sg_table *halyard_bo_pin(struct halyard_bo *bo)
{
	struct sg_table *sgt;

	dma_resv_lock(bo->base.base.resv, NULL);
	sgt = bo->pins ? bo->sgt : halyard_bo_map(bo);
	if (!IS_ERR(sgt)) {
		bo->sgt = sgt;
		bo->pins++;
	}
	dma_resv_unlock(bo->base.base.resv);
	return sgt;
}

/**
 * halyard_bo_unpin() - undoes one halyard_bo_pin()
 * @bo: the BO
 */
void halyard_bo_unpin(struct halyard_bo *bo)
{
	dma_resv_lock(bo->base.base.resv, NULL);
	if (!--bo->pins) {
		halyard_bo_unmap(bo, bo->sgt);
		bo->sgt = NULL;
	}
	dma_resv_unlock(bo->base.base.resv);
}

/* ---- dma-buf ---- */

static const struct dma_buf_ops halyard_dma_buf_ops = {
	.attach = drm_gem_map_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = drm_gem_map_dma_buf,
	.unmap_dma_buf = drm_gem_unmap_dma_buf,
	.release = drm_gem_dmabuf_release,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
};

static struct dma_buf *halyard_gem_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = obj->dev->driver->fops->owner,
		.ops = &halyard_dma_buf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};

	/*
	 * A process's memory goes where the process wants, not where a holder of a file descriptor
	 * wants.
	 */
	if (to_halyard_bo(obj)->userptr)
		return ERR_PTR(-EOPNOTSUPP);
	return drm_gem_dmabuf_export(obj->dev, &info);
}

/**
 * halyard_gem_prime_import() - &drm_driver.gem_prime_import
 * @drm: the device
 * @dma_buf: of whatever device
 *
 * The default would map the memory for the device for as long as the object lives; see at the top.
 *
 * Return: the object, a new one unless the memory is our own, or an ERR_PTR
 */
struct drm_gem_object *halyard_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach;
	struct drm_gem_object *obj;

	if (dma_buf->ops == &halyard_dma_buf_ops) {
		obj = dma_buf->priv;
		if (obj->dev == drm) {
			drm_gem_object_get(obj);
			return obj;
		}
	}

	attach = dma_buf_attach(dma_buf, drm->dev);
	if (IS_ERR(attach))
		return ERR_CAST(attach);
	get_dma_buf(dma_buf);

	obj = drm_gem_shmem_prime_import_sg_table(drm, attach, NULL);
	if (IS_ERR(obj)) {
		dma_buf_detach(dma_buf, attach);
		dma_buf_put(dma_buf);
		return obj;
	}
	obj->import_attach = attach;
	obj->resv = dma_buf->resv;
	to_halyard_bo(obj)->flags |= DRM_HALYARD_BO_IMPORTED;
	halyard_bo_init(to_halyard_bo(obj), to_halyard_device(drm));
	return obj;
}

/* ---- the GEM object ---- */

static void halyard_gem_free(struct drm_gem_object *obj)
{
	struct halyard_device *hdev = to_halyard_device(obj->dev);
	struct halyard_bo *bo = to_halyard_bo(obj);

	drm_WARN_ON(obj->dev, bo->pins);

	mutex_lock(&hdev->core->bos_lock);
	list_del_init(&bo->link);
	mutex_unlock(&hdev->core->bos_lock);
	halyard_bo_unaccount(hdev, bo->accounted);

	if (bo->userptr) {
		halyard_userptr_free(bo->userptr);
		drm_gem_object_release(obj);
		kfree(bo);
	} else {
		drm_gem_shmem_free(&bo->base);
	}
}

/*
 * The helper asks the object for its dma-buf, which is gone as soon as the last handle is closed;
 * the attachment's stays.
 */
static int halyard_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret;

	if (!halyard_compat_gem_is_imported(obj))
		return drm_gem_shmem_object_mmap(obj, vma);

	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(obj->import_attach->dmabuf, vma, 0);
	/* Of drm_gem_mmap_obj(); the mapping holds the dma-buf now. */
	if (!ret)
		drm_gem_object_put(obj);
	return ret;
}

static enum drm_gem_object_status halyard_gem_status(struct drm_gem_object *obj)
{
	struct halyard_bo *bo = to_halyard_bo(obj);
	bool resident = bo->userptr || READ_ONCE(bo->base.pages) || READ_ONCE(bo->sgt);

	return resident ? DRM_GEM_OBJECT_RESIDENT : 0;
}

static const struct drm_gem_object_funcs halyard_gem_funcs = {
	.free = halyard_gem_free,
	.export = halyard_gem_export,
	.pin = drm_gem_shmem_object_pin,
	.unpin = drm_gem_shmem_object_unpin,
	.get_sg_table = drm_gem_shmem_object_get_sg_table,
	.vmap = drm_gem_shmem_object_vmap,
	.vunmap = drm_gem_shmem_object_vunmap,
	.mmap = halyard_gem_mmap,
	.status = halyard_gem_status,
	.vm_ops = &drm_gem_shmem_vm_ops,
};

/**
 * halyard_gem_create_object() - &drm_driver.gem_create_object: memory for a BO
 * @drm: the device
 * @size: of the BO
 *
 * Return: what the shmem helper initialises, or an ERR_PTR
 */
struct drm_gem_object *halyard_gem_create_object(struct drm_device *drm, size_t size)
{
	struct halyard_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	INIT_LIST_HEAD(&bo->link);
	bo->base.base.funcs = &halyard_gem_funcs;
	return &bo->base.base;
}

/**
 * halyard_bo_init() - makes a BO known, once its GEM object is complete
 * @bo: the BO
 * @hdev: its device
 */
void halyard_bo_init(struct halyard_bo *bo, struct halyard_device *hdev)
{
	bo->creator = task_tgid_nr(current);

	mutex_lock(&hdev->core->bos_lock);
	list_add_tail(&bo->link, &hdev->core->bos);
	mutex_unlock(&hdev->core->bos_lock);
}

static struct halyard_bo *halyard_bo_create(struct halyard_device *hdev, u64 size)
{
	struct drm_gem_shmem_object *shmem;
	struct halyard_bo *bo;
	int ret;

	ret = halyard_bo_account(hdev, size);
	if (ret)
		return ERR_PTR(ret);

	shmem = drm_gem_shmem_create(&hdev->drm, size);
	if (IS_ERR(shmem)) {
		halyard_bo_unaccount(hdev, size);
		return ERR_CAST(shmem);
	}
	/* Without an IOMMU the pages themselves have to be where the device reaches them. */
	if (dma_addressing_limited(hdev->dev))
		mapping_set_gfp_mask(shmem->base.filp->f_mapping,
				     GFP_USER | __GFP_DMA32 | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);

	/* What the device writes no page table tells of. */
	shmem->pages_mark_dirty_on_put = true;
	shmem->pages_mark_accessed_on_put = true;

	bo = container_of(shmem, struct halyard_bo, base);
	bo->accounted = size;
	halyard_bo_init(bo, hdev);
	return bo;
}

/* ---- ioctls ---- */

/**
 * halyard_ioctl_bo_create() - DRM_IOCTL_HALYARD_BO_CREATE
 * @drm: the device
 * @data: &struct drm_halyard_bo_create
 * @drm_file: the caller's file
 *
 * Return: 0, -EINVAL, -ENOSPC when the region is full, -ENOMEM
 */
int halyard_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_device *hdev = to_halyard_device(drm);
	struct drm_halyard_bo_create *args = data;
	struct halyard_bo *bo;
	u64 size;
	int ret;

	/* Before it is rounded up, which may overflow. */
	if (!args->size || args->size > halyard_bo_region_size(hdev) || args->region)
		return -EINVAL;
	size = PAGE_ALIGN(args->size);

	bo = halyard_bo_create(hdev, size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(drm_file, &bo->base.base, &args->handle);
	drm_gem_object_put(&bo->base.base);
	if (!ret)
		args->size = size;
	return ret;
}

/**
 * halyard_ioctl_bo_mmap_offset() - DRM_IOCTL_HALYARD_BO_MMAP_OFFSET
 * @drm: the device
 * @data: &struct drm_halyard_bo_mmap_offset
 * @drm_file: the caller's file
 *
 * Return: 0, -ENOENT, -EOPNOTSUPP for memory of a process, -ENOMEM
 */
int halyard_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct drm_halyard_bo_mmap_offset *args = data;
	struct drm_gem_object *obj;
	int ret;

	obj = drm_gem_object_lookup(drm_file, args->handle);
	if (!obj)
		return -ENOENT;

	ret = to_halyard_bo(obj)->userptr ? -EOPNOTSUPP : drm_gem_create_mmap_offset(obj);
	if (!ret)
		args->offset = drm_vma_node_offset_addr(&obj->vma_node);
	drm_gem_object_put(obj);
	return ret;
}

/**
 * halyard_ioctl_bo_info() - DRM_IOCTL_HALYARD_BO_INFO
 * @drm: the device
 * @data: &struct drm_halyard_bo_info
 * @drm_file: the caller's file
 *
 * Return: 0 or -ENOENT
 */
int halyard_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct drm_halyard_bo_info *args = data;
	struct drm_gem_object *obj;

	obj = drm_gem_object_lookup(drm_file, args->handle);
	if (!obj)
		return -ENOENT;

	args->region = 0;
	args->flags = to_halyard_bo(obj)->flags;
	args->size = obj->size;
	drm_gem_object_put(obj);
	return 0;
}
