/* SPDX-License-Identifier: GPL-2.0-only */
/* The device's own memory: what the rest of the core knows of it. */
#ifndef HALYARD_VRAM_H
#define HALYARD_VRAM_H

#include "core.h"

/**
 * struct halyard_vram - the device's own memory
 * @hdev: the device
 * @ttm: TTM's part
 * @pages: of all of it
 * @visible: of them, from the first on, in the window
 * @crowd: held for reading while a SUBMIT has objects locked, for writing by one that did not get
 *	what it needs while others had it; outside of reservation locks
 * @host_bytes: that objects of the region have in host memory
 * @moved_in: bytes, since the device was registered
 * @moved_out: bytes
 * @queue: for copies, or NULL before the device was started
 */
struct halyard_vram {
	struct halyard_device *hdev;
	struct ttm_device ttm;
	u64 pages;
	u64 visible;
	struct rw_semaphore crowd;
	atomic64_t host_bytes;
	atomic64_t moved_in;
	atomic64_t moved_out;
	/**
	 * @order_lock: orders arming and pushing in @queue, as a VM's reservation lock does
	 * elsewhere; inside of the objects' reservation locks
	 */
	struct mutex order_lock;
	/**
	 * @evict_lock: orders the ends of evictions, of which TTM keeps the last; inside of the
	 * objects' reservation locks
	 */
	struct mutex evict_lock;
	struct halyard_queue_core *queue;
};

/* A kernel without TTM builds none of it, and takes no chip with memory of its own. */
#if IS_ENABLED(CONFIG_DRM_TTM)
extern const struct halyard_bo_kind halyard_bo_vram;
extern const struct dma_buf_ops halyard_vram_dma_buf_ops;

int halyard_vram_init(struct halyard_device *hdev);
void halyard_vram_unplug(struct halyard_device *hdev);
int halyard_vram_evict_all(struct halyard_device *hdev);
void halyard_vram_hide(struct halyard_device *hdev);
u64 halyard_vram_used(struct halyard_device *hdev);
u64 halyard_vram_host_used(struct halyard_device *hdev);
void halyard_vram_show(struct halyard_device *hdev, struct drm_printer *p);

int halyard_vram_enter(struct halyard_device *hdev, unsigned int attempt);
void halyard_vram_leave(struct halyard_device *hdev, unsigned int attempt);
int halyard_vram_validate(struct halyard_bo *bo, u64 *address);
u64 halyard_vram_lent(struct halyard_device *hdev, pid_t *holder);
void halyard_vram_complain(struct halyard_device *hdev, u64 size);

int halyard_copies_start(struct halyard_device *hdev);
void halyard_copies_stop(struct halyard_device *hdev);
struct dma_fence *halyard_copy_submit(struct halyard_bo *bo, u64 address, struct sg_table *sgt,
				      bool to_host);
#else
static inline int halyard_vram_init(struct halyard_device *hdev)
{
	return hdev->limits.memory_size ? -EOPNOTSUPP : 0;
}

static inline void halyard_vram_unplug(struct halyard_device *hdev)
{
}

static inline int halyard_vram_evict_all(struct halyard_device *hdev)
{
	return 0;
}

static inline void halyard_vram_hide(struct halyard_device *hdev)
{
}

static inline u64 halyard_vram_used(struct halyard_device *hdev)
{
	return 0;
}

static inline u64 halyard_vram_host_used(struct halyard_device *hdev)
{
	return 0;
}

static inline void halyard_vram_show(struct halyard_device *hdev, struct drm_printer *p)
{
}

static inline int halyard_vram_enter(struct halyard_device *hdev, unsigned int attempt)
{
	return 0;
}

static inline void halyard_vram_leave(struct halyard_device *hdev, unsigned int attempt)
{
}

static inline int halyard_vram_validate(struct halyard_bo *bo, u64 *address)
{
	return -EOPNOTSUPP;
}

static inline u64 halyard_vram_lent(struct halyard_device *hdev, pid_t *holder)
{
	return 0;
}

static inline void halyard_vram_complain(struct halyard_device *hdev, u64 size)
{
}

static inline int halyard_copies_start(struct halyard_device *hdev)
{
	return 0;
}

static inline void halyard_copies_stop(struct halyard_device *hdev)
{
}
#endif

#endif
