// SPDX-License-Identifier: GPL-2.0-only
/* dma-bufs to other devices, and buffer objects of those from them. */

#include <linux/dma-buf.h>
#include <linux/slab.h>

#include <drm/drm_prime.h>

#include "core.h"
#include "vram.h"

/* ---- to others ---- */

/* Of kinds whose memory stays where it is. */
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

/**
 * halyard_gem_export() - &drm_gem_object_funcs.export of kinds that can be shared
 * @obj: BO
 * @flags: of the new file
 *
 * Return: the dma-buf or an ERR_PTR
 */
struct dma_buf *halyard_gem_export(struct drm_gem_object *obj, int flags)
{
	struct dma_buf_export_info info = {
		.exp_name = KBUILD_MODNAME,
		.owner = obj->dev->driver->fops->owner,
		.ops = to_halyard_bo(obj)->kind->dma_buf_ops ?: &halyard_dma_buf_ops,
		.size = obj->size,
		.flags = flags,
		.priv = obj,
		.resv = obj->resv,
	};

	return drm_gem_dmabuf_export(obj->dev, &info);
}

/* ---- from others ---- */

/* Others' memory is of use to a region of contiguous memory only when it is in one piece. */
static int halyard_import_check(struct halyard_bo *bo, struct sg_table *sgt)
{
	struct halyard_device *hdev = to_halyard_device(bo->gem.dev);
	dma_addr_t next = sg_dma_address(sgt->sgl);
	struct scatterlist *sg;
	unsigned int i;

	if (hdev->chip->regions[bo->region].memory != HALYARD_MEMORY_CONTIGUOUS)
		return 0;

	for_each_sgtable_dma_sg(sgt, sg, i) {
		if (sg_dma_address(sg) != next || dma_need_sync(hdev->dev, next)) {
			dev_notice_ratelimited(hdev->dev,
					       "memory of another device is not in one piece within %u bits of address\n",
					       hdev->limits.dma_bits);
			return -EINVAL;
		}
		next += sg_dma_len(sg);
	}
	return next - sg_dma_address(sgt->sgl) < bo->gem.size ? -EINVAL : 0;
}

static struct sg_table *halyard_import_pin(struct halyard_bo *bo)
{
	struct dma_buf_attachment *attach = bo->gem.import_attach;
	struct sg_table *sgt;
	int ret;

	sgt = dma_buf_map_attachment(attach, halyard_bo_direction(bo));
	if (IS_ERR(sgt))
		return sgt;
	ret = halyard_import_check(bo, sgt);
	if (ret) {
		dma_buf_unmap_attachment(attach, sgt, halyard_bo_direction(bo));
		return ERR_PTR(ret);
	}
	return sgt;
}

static void halyard_import_unpin(struct halyard_bo *bo)
{
	dma_buf_unmap_attachment(bo->gem.import_attach, bo->sgt, halyard_bo_direction(bo));
}

static void halyard_import_free(struct halyard_bo *bo)
{
	drm_prime_gem_destroy(&bo->gem, NULL);
	drm_gem_object_release(&bo->gem);
	kfree(bo);
}

static const struct halyard_bo_kind halyard_bo_import = {
	.name = "imported",
	.flags = DRM_HALYARD_BO_IMPORTED,
	.free = halyard_import_free,
	.pin = halyard_import_pin,
	.unpin = halyard_import_unpin,
};

/* Not by &drm_gem_object.dma_buf, which is gone with the last handle; the attachment's stays. */
static int halyard_import_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret;

	if (to_halyard_bo(obj)->readonly) {
		if (vma->vm_flags & VM_WRITE)
			return -EACCES;
		vm_flags_clear(vma, VM_MAYWRITE);
	}
	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;
	ret = dma_buf_mmap(obj->import_attach->dmabuf, vma, 0);
	/* Of drm_gem_mmap_obj(); the mapping holds the dma-buf now. */
	if (!ret)
		drm_gem_object_put(obj);
	return ret;
}

static const struct drm_gem_object_funcs halyard_import_funcs = {
	.free = halyard_gem_free,
	.mmap = halyard_import_mmap,
	.status = halyard_gem_status,
};

/*
 * Whoever got a file that a process can't write to is not to write by the device either, nor by a
 * mapping of the device's own file.
 */
static bool halyard_dma_buf_writable(struct dma_buf *dma_buf)
{
	return dma_buf->file->f_mode & FMODE_WRITE;
}

static struct drm_gem_object *halyard_import(struct halyard_device *hdev,
					     struct dma_buf_attachment *attach)
{
	struct halyard_bo *bo;
	int region;

	region = halyard_find_region(hdev, HALYARD_MEMORY_PAGES);
	if (region < 0)
		region = halyard_find_region(hdev, HALYARD_MEMORY_CONTIGUOUS);
	if (region < 0)
		return ERR_PTR(region);
	bo = halyard_bo_alloc(hdev, PAGE_ALIGN(attach->dmabuf->size), &halyard_import_funcs);
	if (!bo)
		return ERR_PTR(-ENOMEM);
	bo->gem.import_attach = attach;
	bo->gem.resv = attach->dmabuf->resv;
	bo->readonly = !halyard_dma_buf_writable(attach->dmabuf);
	halyard_bo_init(bo, &halyard_bo_import, region);
	return &bo->gem;
}

/* So that it is refused now, and not when a job uses it. */
static struct drm_gem_object *halyard_import_try(struct drm_gem_object *obj)
{
	struct halyard_bo *bo = to_halyard_bo(obj);
	struct sg_table *sgt;

	if (to_halyard_device(obj->dev)->chip->regions[bo->region].memory !=
	    HALYARD_MEMORY_CONTIGUOUS)
		return obj;

	sgt = halyard_bo_pin(bo);
	if (IS_ERR(sgt)) {
		drm_gem_object_put(obj);
		return ERR_CAST(sgt);
	}
	halyard_bo_unpin(bo);
	return obj;
}

static bool halyard_dma_buf_is_ours(struct dma_buf *dma_buf)
{
#if IS_ENABLED(CONFIG_DRM_TTM)
	if (dma_buf->ops == &halyard_vram_dma_buf_ops)
		return true;
#endif
	return dma_buf->ops == &halyard_dma_buf_ops;
}

/**
 * halyard_gem_prime_import() - &drm_driver.gem_prime_import
 * @drm: the device
 * @dma_buf: of whatever device
 *
 * The default would map the memory for the device for as long as the object lives; see bo.c.
 *
 * Return: the object, a new one unless the memory is our own and may be written to;
 *	ERR_PTR(-EINVAL) when the device reaches contiguous memory only and this is not,
 *	-EOPNOTSUPP, -ENOMEM or what the exporter says
 */
struct drm_gem_object *halyard_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf)
{
	struct dma_buf_attachment *attach;
	struct drm_gem_object *obj;

	if (halyard_dma_buf_is_ours(dma_buf)) {
		obj = dma_buf->priv;
		if (obj->dev == drm && halyard_dma_buf_writable(dma_buf)) {
			drm_gem_object_get(obj);
			return obj;
		}
	}

	attach = dma_buf_attach(dma_buf, drm->dev);
	if (IS_ERR(attach))
		return ERR_CAST(attach);
	get_dma_buf(dma_buf);

	obj = halyard_import(to_halyard_device(drm), attach);
	if (IS_ERR(obj)) {
		dma_buf_detach(dma_buf, attach);
		dma_buf_put(dma_buf);
		return obj;
	}
	return halyard_import_try(obj);
}
