/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files have in common that implement objects in the device's memory; nobody else's
 * concern.
 */
#ifndef HALYARD_VRAM_BO_H
#define HALYARD_VRAM_BO_H

#include <drm/ttm/ttm_placement.h>

#include "vram.h"

static_assert(offsetof(struct ttm_buffer_object, base) == 0, "TTM has the GEM object");

static inline struct halyard_vram *to_halyard_vram(struct ttm_device *ttm)
{
	return container_of(ttm, struct halyard_vram, ttm);
}

static inline struct halyard_bo *to_halyard_vram_bo(struct ttm_buffer_object *tbo)
{
	return container_of(tbo, struct halyard_bo, ttm);
}

static inline struct halyard_vram *halyard_vram_of(struct halyard_bo *bo)
{
	return to_halyard_vram(bo->ttm.bdev);
}

static inline bool halyard_bo_in_vram(struct halyard_bo *bo)
{
	return bo->ttm.resource && bo->ttm.resource->mem_type == TTM_PL_VRAM;
}

static inline bool halyard_resource_visible(struct halyard_vram *vram, struct ttm_resource *res)
{
	return res->start + PFN_UP(res->size) <= vram->visible;
}

static inline u64 halyard_resource_address(struct halyard_vram *vram, struct ttm_resource *res)
{
	return vram->hdev->limits.memory_start + ((u64)res->start << PAGE_SHIFT);
}

/* vram.c */
extern const struct ttm_place halyard_host_place;

int halyard_bo_place(struct halyard_bo *bo, const struct ttm_place *places, u32 num);
int halyard_vram_settle(struct halyard_bo *bo);

/* vram_dmabuf.c */
int halyard_vram_vmap(struct drm_gem_object *obj, struct iosys_map *map);
void halyard_vram_vunmap(struct drm_gem_object *obj, struct iosys_map *map);

/* vram_mmap.c */
extern const struct vm_operations_struct halyard_vram_vm_ops;

int halyard_vram_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma);

/* vram_move.c */
extern struct ttm_device_funcs halyard_ttm_funcs;

void halyard_vram_unmap_bo(struct halyard_bo *bo);

#endif
