// SPDX-License-Identifier: GPL-2.0-only
/*
 * Buffer objects: what all kinds of them have in common. Each kind, a struct halyard_bo_kind, has a
 * file of its own.
 *
 * A BO is mapped for its device's DMA only while somebody has it pinned: an address space that maps
 * it, or a job on a chip without MMU. So nothing is mapped for a device that was unplugged, and
 * what nobody uses can be swapped.
 */

#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include <compat.h>

#include "core.h"
#include "vram.h"

static_assert(offsetof(struct halyard_bo, gem) == 0, "the DRM core frees what it allocated");

/* What BO_CREATE makes in a region. */
static const struct halyard_bo_kind *const halyard_memory_kinds[HALYARD_NUM_MEMORIES] = {
	[HALYARD_MEMORY_PAGES] = &halyard_bo_shmem,
	[HALYARD_MEMORY_CONTIGUOUS] = &halyard_bo_contig,
#if IS_ENABLED(CONFIG_DRM_TTM)
	[HALYARD_MEMORY_CARD] = &halyard_bo_vram,
#endif
};

static const struct halyard_bo_kind *halyard_region_kind(struct halyard_device *hdev, u32 region)
{
	return halyard_memory_kinds[hdev->chip->regions[region].memory];
}

/* ---- memory in use ---- */

/**
 * halyard_bo_region_size() - bytes that BOs in a region may hold
 * @hdev: the device
 * @region: index into &halyard_chip.regions
 *
 * Of host memory half, as with other drivers: BOs are not charged to who makes them until they are
 * used. Of contiguous memory not more than half of what the device can address.
 *
 * Return: bytes
 */
u64 halyard_bo_region_size(struct halyard_device *hdev, u32 region)
{
	u64 size = (u64)totalram_pages() << PAGE_SHIFT;

	if (hdev->chip->regions[region].memory == HALYARD_MEMORY_CARD)
		return hdev->limits.memory_size;
	if (hdev->chip->regions[region].memory == HALYARD_MEMORY_CONTIGUOUS)
		size = min(size, DMA_BIT_MASK(hdev->limits.dma_bits));
	return PAGE_ALIGN_DOWN(size / 2);
}

/**
 * halyard_bo_size_max() - bytes that one BO can have where jobs work
 * @hdev: the device
 *
 * Return: bytes
 */
u64 halyard_bo_size_max(struct halyard_device *hdev)
{
	const struct halyard_bo_kind *kind = halyard_region_kind(hdev, 0);
	u64 size = halyard_bo_region_size(hdev, 0);

	return kind->size_max ? min(size, kind->size_max(hdev)) : size;
}

/**
 * halyard_find_region() - finds a region by what it is made of
 * @hdev: the device
 * @memory: kind of memory
 *
 * Return: index of the first such region, or -EOPNOTSUPP
 */
int halyard_find_region(struct halyard_device *hdev, enum halyard_memory memory)
{
	unsigned int i;

	for (i = 0; i < hdev->chip->num_regions; i++)
		if (hdev->chip->regions[i].memory == memory)
			return i;
	return -EOPNOTSUPP;
}

/**
 * halyard_bo_host_region() - the region of memory that is not of this device's making
 * @hdev: the device
 *
 * Return: the first behind the device's own memory, index into &halyard_chip.regions
 */
u32 halyard_bo_host_region(struct halyard_device *hdev)
{
	return hdev->chip->regions[0].memory == HALYARD_MEMORY_CARD ? 1 : 0;
}

/* All BOs of a region may be larger than the device's memory: the rest is in the host's. */
static u64 halyard_bo_region_room(struct halyard_device *hdev, u32 region)
{
	u64 room = halyard_bo_region_size(hdev, region);

	if (hdev->chip->regions[region].memory == HALYARD_MEMORY_CARD)
		room += halyard_bo_region_size(hdev, halyard_bo_host_region(hdev));
	return room;
}

static int halyard_bo_account(struct halyard_device *hdev, u32 region, u64 size)
{
	atomic64_t *used = &hdev->core->region_used[region];
	u64 room = halyard_bo_region_room(hdev, region);

	if (atomic64_add_return(size, used) <= room)
		return 0;

	atomic64_sub(size, used);
	dev_notice_ratelimited(hdev->dev, "a BO of %llu KiB does not fit in the %llu KiB of %s\n",
			       size / SZ_1K, room / SZ_1K, hdev->chip->regions[region].name);
	return -ENOSPC;
}

static void halyard_bo_unaccount(struct halyard_device *hdev, u32 region, u64 size)
{
	atomic64_sub(size, &hdev->core->region_used[region]);
}

/* ---- pages for the device ---- */

/**
 * halyard_bo_check_shared() - whether the device and others see the same memory
 * @hdev: the device
 * @sgt: mapped for it
 *
 * Memory that would have to be copied to where the device reaches it can't be shared with it.
 *
 * Return: 0 or -EIO
 */
int halyard_bo_check_shared(struct halyard_device *hdev, struct sg_table *sgt)
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

/**
 * halyard_bo_direction() - how the device uses a BO's pages
 * @bo: the BO
 *
 * Return: for the mapping of the pages
 */
enum dma_data_direction halyard_bo_direction(const struct halyard_bo *bo)
{
	return bo->readonly ? DMA_TO_DEVICE : DMA_BIDIRECTIONAL;
}

/**
 * halyard_bo_map_sgt() - maps a BO's own pages for its device; for &halyard_bo_kind.pin
 * @bo: the BO
 * @sgt: its pages, or an ERR_PTR, which is returned; freed when they can't be mapped
 *
 * Return: @sgt, or an ERR_PTR
 */
struct sg_table *halyard_bo_map_sgt(struct halyard_bo *bo, struct sg_table *sgt)
{
	struct halyard_device *hdev = to_halyard_device(bo->gem.dev);
	int ret;

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
	return ERR_PTR(ret);
}

/**
 * halyard_bo_unmap_sgt() - undoes halyard_bo_map_sgt()
 * @bo: the BO
 * @sgt: its pages; freed
 */
void halyard_bo_unmap_sgt(struct halyard_bo *bo, struct sg_table *sgt)
{
	dma_unmap_sgtable(bo->gem.dev->dev, sgt, halyard_bo_direction(bo), 0);
	sg_free_table(sgt);
	kfree(sgt);
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

	dma_resv_lock(bo->gem.resv, NULL);
	sgt = bo->pins ? bo->sgt : bo->kind->pin(bo);
	if (!IS_ERR(sgt)) {
		bo->sgt = sgt;
		bo->pins++;
	}
	dma_resv_unlock(bo->gem.resv);
	return sgt;
}

static void halyard_bo_unmap_locked(struct halyard_bo *bo)
{
	dma_resv_assert_held(bo->gem.resv);

	if (bo->sgt)
		bo->kind->unpin(bo);
	bo->sgt = NULL;
}

/**
 * halyard_bo_unpin() - undoes one halyard_bo_pin()
 * @bo: the BO
 */
void halyard_bo_unpin(struct halyard_bo *bo)
{
	dma_resv_lock(bo->gem.resv, NULL);
	if (!--bo->pins)
		halyard_bo_unmap_locked(bo);
	dma_resv_unlock(bo->gem.resv);
}

/**
 * halyard_bos_unplug() - takes all BOs from a device that was stopped
 * @hdev: the device, unplugged
 *
 * A job that waits for others' fences can have BOs pinned for long.
 */
void halyard_bos_unplug(struct halyard_device *hdev)
{
	struct halyard_bo *bo;

	mutex_lock(&hdev->core->bos_lock);
	list_for_each_entry(bo, &hdev->core->bos, link) {
		dma_resv_lock(bo->gem.resv, NULL);
		halyard_bo_unmap_locked(bo);
		if (bo->kind->revoke)
			bo->kind->revoke(bo);
		dma_resv_unlock(bo->gem.resv);
	}
	mutex_unlock(&hdev->core->bos_lock);
}

/* ---- the GEM object ---- */

/**
 * halyard_gem_free() - &drm_gem_object_funcs.free of all kinds
 * @obj: BO without references
 */
void halyard_gem_free(struct drm_gem_object *obj)
{
	struct halyard_device *hdev = to_halyard_device(obj->dev);
	struct halyard_bo *bo = to_halyard_bo(obj);

	drm_WARN_ON(obj->dev, bo->pins);

	mutex_lock(&hdev->core->bos_lock);
	list_del_init(&bo->link);
	mutex_unlock(&hdev->core->bos_lock);
	halyard_bo_unaccount(hdev, bo->region, bo->accounted);

	bo->kind->free(bo);
}

/**
 * halyard_gem_status() - &drm_gem_object_funcs.status of kinds that are resident while pinned
 * @obj: BO
 *
 * Return: DRM_GEM_OBJECT_RESIDENT or 0
 */
enum drm_gem_object_status halyard_gem_status(struct drm_gem_object *obj)
{
	return READ_ONCE(to_halyard_bo(obj)->sgt) ? DRM_GEM_OBJECT_RESIDENT : 0;
}

/**
 * halyard_bo_alloc() - allocates a BO whose memory is no helper's; for the kinds
 * @hdev: the device
 * @size: bytes
 * @funcs: of its GEM object
 *
 * Return: a BO to be given to halyard_bo_init(), or NULL
 */
struct halyard_bo *halyard_bo_alloc(struct halyard_device *hdev, u64 size,
				    const struct drm_gem_object_funcs *funcs)
{
	struct halyard_bo *bo;

	bo = kzalloc(sizeof(*bo), GFP_KERNEL_ACCOUNT);
	if (!bo)
		return NULL;
	bo->gem.funcs = funcs;
	drm_gem_private_object_init(&hdev->drm, &bo->gem, size);
	return bo;
}

/**
 * halyard_bo_init() - makes a BO known, once its GEM object is complete
 * @bo: the BO
 * @kind: its kind
 * @region: its region
 */
void halyard_bo_init(struct halyard_bo *bo, const struct halyard_bo_kind *kind, u32 region)
{
	struct halyard_core *core = to_halyard_device(bo->gem.dev)->core;

	bo->kind = kind;
	bo->region = region;
	bo->creator = task_tgid_nr(current);

	mutex_lock(&core->bos_lock);
	list_add_tail(&bo->link, &core->bos);
	mutex_unlock(&core->bos_lock);
}

static struct halyard_bo *halyard_bo_create(struct halyard_device *hdev, u32 region, u64 size)
{
	const struct halyard_bo_kind *kind = halyard_region_kind(hdev, region);
	struct halyard_bo *bo;
	int ret;

	ret = halyard_bo_account(hdev, region, size);
	if (ret)
		return ERR_PTR(ret);

	bo = kind->create(hdev, size);
	if (IS_ERR(bo)) {
		halyard_bo_unaccount(hdev, region, size);
		return bo;
	}
	bo->accounted = size;
	halyard_bo_init(bo, kind, region);
	return bo;
}

/* ---- fdinfo ---- */

/* Where it is counts apart from where it was made: what has no place there is in the host's. */
static void halyard_bo_add_stats(struct halyard_device *hdev, struct halyard_bo *bo,
				 struct drm_memory_stats *stats)
{
	bool resident = bo->gem.funcs->status(&bo->gem) & DRM_GEM_OBJECT_RESIDENT;
	bool elsewhere = !resident && atomic_read(&bo->pages);
	u32 region = elsewhere ? halyard_bo_host_region(hdev) : bo->region;

	if (bo->gem.handle_count > 1 || bo->gem.dma_buf)
		stats[bo->region].shared += bo->gem.size;
	else
		stats[bo->region].private += bo->gem.size;
	if (resident || elsewhere)
		stats[region].resident += bo->gem.size;
	if (!dma_resv_test_signaled(bo->gem.resv, dma_resv_usage_rw(true)))
		stats[region].active += bo->gem.size;
}

/**
 * halyard_bo_show_fdinfo() - the memory keys of fdinfo, by region
 * @p: where to
 * @drm_file: an open file
 */
void halyard_bo_show_fdinfo(struct drm_printer *p, struct drm_file *drm_file)
{
	struct halyard_device *hdev = to_halyard_device(drm_file->minor->dev);
	struct drm_memory_stats stats[HALYARD_MAX_REGIONS] = {};
	struct drm_gem_object *obj;
	unsigned int i;
	int id;

	spin_lock(&drm_file->table_lock);
	idr_for_each_entry(&drm_file->object_idr, obj, id)
		halyard_bo_add_stats(hdev, to_halyard_bo(obj), stats);
	spin_unlock(&drm_file->table_lock);

	for (i = 0; i < hdev->chip->num_regions; i++)
		drm_print_memory_stats(p, &stats[i],
				       DRM_GEM_OBJECT_RESIDENT | HALYARD_GEM_OBJECT_ACTIVE,
				       hdev->chip->regions[i].name);
}

/* ---- ioctls ---- */

/**
 * halyard_ioctl_bo_create() - DRM_IOCTL_HALYARD_BO_CREATE
 * @drm: the device
 * @data: &struct drm_halyard_bo_create
 * @drm_file: the caller's file
 *
 * Return: 0, -EINVAL, -ENOSPC when the region is full, -ENOMEM, which can mean that there is no
 *	contiguous memory; the log says so then
 */
int halyard_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_device *hdev = to_halyard_device(drm);
	struct drm_halyard_bo_create *args = data;
	struct halyard_bo *bo;
	u64 size;
	int ret;

	/* Before it is rounded up, which may overflow. */
	if (args->region >= hdev->chip->num_regions || !args->size ||
	    args->size > halyard_bo_region_size(hdev, args->region))
		return -EINVAL;
	size = PAGE_ALIGN(args->size);

	bo = halyard_bo_create(hdev, args->region, size);
	if (IS_ERR(bo))
		return PTR_ERR(bo);

	ret = drm_gem_handle_create(drm_file, &bo->gem, &args->handle);
	drm_gem_object_put(&bo->gem);
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

	ret = obj->funcs->mmap ? drm_gem_create_mmap_offset(obj) : -EOPNOTSUPP;
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

	args->region = to_halyard_bo(obj)->region;
	args->flags = to_halyard_bo(obj)->kind->flags;
	args->size = obj->size;
	drm_gem_object_put(obj);
	return 0;
}
