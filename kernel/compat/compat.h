/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One interface over kernels from 6.12 on. What differs is found by probe.sh; this file is the only
 * one with an #ifdef about it. Where a kernel function's new form can express the old one, the new
 * form is the interface.
 */
#ifndef HALYARD_COMPAT_H
#define HALYARD_COMPAT_H

#include <linux/dma-fence.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/workqueue.h>

#ifdef HALYARD_HAVE_TTM_DMEM_INIT
#include <linux/cgroup_dmem.h>
#endif

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_device.h>
#include <drm/ttm/ttm_tt.h>

/* ---- modules, workqueues ---- */

#ifdef HALYARD_HAVE_IMPORT_NS_STRING
#define HALYARD_IMPORT_NS(ns)	MODULE_IMPORT_NS(#ns)
#else
#define HALYARD_IMPORT_NS(ns)	MODULE_IMPORT_NS(ns)
#endif

/* Flags of a workqueue that is not WQ_UNBOUND. */
#ifdef HALYARD_HAVE_WORKQUEUE_PERCPU
#define HALYARD_WQ_PERCPU	WQ_PERCPU
#else
#define HALYARD_WQ_PERCPU	0
#endif

/* ---- memory ---- */

/* The member of &dma_buf_attach_ops that is called when the memory moves. */
#ifdef HALYARD_HAVE_DMA_BUF_INVALIDATE_MAPPINGS
#define halyard_compat_invalidate_mappings	invalidate_mappings
#else
#define halyard_compat_invalidate_mappings	move_notify
#endif

static inline bool halyard_compat_is_cow_mapping(const struct vm_area_struct *vma)
{
#ifdef HALYARD_HAVE_VMA_IS_COW_MAPPING
	return vma_is_cow_mapping(vma);
#else
	return is_cow_mapping(vma->vm_flags);
#endif
}

/* ---- DRM: features, GEM, gpuvm ---- */

#ifdef HALYARD_HAVE_DRIVER_GEM_GPUVA
#define HALYARD_DRIVER_GEM_GPUVA	DRIVER_GEM_GPUVA
#else
#define HALYARD_DRIVER_GEM_GPUVA	0
#endif

/* In the status that drm_print_memory_stats() is asked to tell of; older ones always tell of it. */
#ifdef HALYARD_HAVE_GEM_OBJECT_ACTIVE
#define HALYARD_GEM_OBJECT_ACTIVE	DRM_GEM_OBJECT_ACTIVE
#else
#define HALYARD_GEM_OBJECT_ACTIVE	0
#endif

static inline bool halyard_compat_gem_is_imported(const struct drm_gem_object *obj)
{
#ifdef HALYARD_HAVE_GEM_IS_IMPORTED
	return drm_gem_is_imported(obj);
#else
	return obj->import_attach;
#endif
}

/* With the object's reservation lock held. */
static inline struct drm_gpuvm_bo *
halyard_compat_gpuvm_bo_obtain(struct drm_gpuvm *gpuvm, struct drm_gem_object *obj)
{
#ifdef HALYARD_HAVE_GPUVM_BO_OBTAIN_LOCKED
	return drm_gpuvm_bo_obtain_locked(gpuvm, obj);
#else
	return drm_gpuvm_bo_obtain(gpuvm, obj);
#endif
}

/* ---- TTM ---- */

static inline int halyard_compat_ttm_device_init(struct ttm_device *ttm,
						 const struct ttm_device_funcs *funcs,
						 struct device *dev, struct address_space *mapping,
						 struct drm_vma_offset_manager *vma_manager,
						 bool dma32)
{
#ifdef HALYARD_HAVE_TTM_ALLOCATION_FLAGS
	return ttm_device_init(ttm, funcs, dev, mapping, vma_manager,
			       dma32 ? TTM_ALLOCATION_POOL_USE_DMA32 : 0);
#else
	return ttm_device_init(ttm, funcs, dev, mapping, vma_manager, false, dma32);
#endif
}

/* With the object's reservation lock held; it has a struct ttm_tt. */
static inline int halyard_compat_ttm_bo_populate(struct ttm_buffer_object *bo,
						 struct ttm_operation_ctx *ctx)
{
#ifdef HALYARD_HAVE_TTM_BO_POPULATE
	return ttm_bo_populate(bo, ctx);
#else
	return ttm_tt_populate(bo->bdev, bo->ttm, ctx);
#endif
}

/*
 * Has objects in @man count in the dmem cgroups of those that place them there, as
 * "drm/<device>/<name>", where the kernel has that, for as long as the device lives.
 */
static inline int halyard_compat_ttm_charge(struct drm_device *drm,
					    struct ttm_resource_manager *man, const char *name,
					    u64 size)
{
#if defined(HALYARD_HAVE_TTM_DMEM_INIT)
	static const struct dmem_cgroup_ops ops = {
		.reclaim = ttm_resource_manager_dmem_reclaim,
	};
	const struct dmem_cgroup_init init = { .size = size, .ops = &ops, .reclaim_priv = man };
	struct dmem_cgroup_region *region = drmm_cgroup_register_region(drm, name, &init);

	if (!IS_ERR_OR_NULL(region))
		ttm_resource_manager_set_dmem_region(man, region);
	return PTR_ERR_OR_ZERO(region);
#elif defined(HALYARD_HAVE_TTM_DMEM)
	struct dmem_cgroup_region *region = drmm_cgroup_register_region(drm, name, size);

	if (!IS_ERR(region))
		man->cg = region;
	return PTR_ERR_OR_ZERO(region);
#else
	return 0;
#endif
}

/* The last reference of a GEM object is gone. */
static inline void halyard_compat_ttm_bo_fini(struct ttm_buffer_object *bo)
{
#ifdef HALYARD_HAVE_TTM_BO_FINI
	ttm_bo_fini(bo);
#else
	ttm_bo_put(bo);
#endif
}

/*
 * Whether TTM can keep @fence for an eviction from @man, of which it may have to tell the later of
 * two: some kernels can compare only fences of one context. The caller keeps others from evicting.
 */
static inline bool halyard_compat_ttm_takes_fence(struct ttm_resource_manager *man,
						  struct dma_fence *fence)
{
#ifdef HALYARD_HAVE_TTM_EVICTION_FENCES
	return true;
#else
	struct dma_fence *last;
	bool takes;

	spin_lock(&man->move_lock);
	last = dma_fence_get(man->move);
	spin_unlock(&man->move_lock);
	if (!last)
		return true;

	takes = last->context == fence->context;
	if (!takes && dma_fence_is_signaled(last)) {
		takes = true;
		spin_lock(&man->move_lock);
		if (man->move == last) {
			man->move = NULL;
			dma_fence_put(last);
		}
		spin_unlock(&man->move_lock);
	}
	dma_fence_put(last);
	return takes;
#endif
}

/* ---- DRM scheduler ---- */

/*
 * A scheduler without a timeout of its own: the core has its own recovery. @submit_wq may be NULL.
 */
static inline int halyard_compat_sched_init(struct drm_gpu_scheduler *sched,
					    const struct drm_sched_backend_ops *ops,
					    struct workqueue_struct *submit_wq, u32 credit_limit,
					    const char *name, struct device *dev)
{
#ifdef HALYARD_HAVE_SCHED_INIT_ARGS
	const struct drm_sched_init_args args = {
		.ops = ops,
		.submit_wq = submit_wq,
#ifdef HALYARD_HAVE_SCHED_INIT_NUM_RQS
		.num_rqs = DRM_SCHED_PRIORITY_COUNT,
#endif
		.credit_limit = credit_limit,
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = name,
		.dev = dev,
	};

	return drm_sched_init(sched, &args);
#else
	return drm_sched_init(sched, ops, submit_wq, DRM_SCHED_PRIORITY_COUNT, credit_limit, 0,
			      MAX_SCHEDULE_TIMEOUT, NULL, NULL, name, dev);
#endif
}

static inline int halyard_compat_sched_job_init(struct drm_sched_job *job,
						struct drm_sched_entity *entity, u32 credits,
						void *owner, u64 client_id)
{
#ifdef HALYARD_HAVE_SCHED_JOB_CLIENT_ID
	return drm_sched_job_init(job, entity, credits, owner, client_id);
#else
	return drm_sched_job_init(job, entity, credits, owner);
#endif
}

/* What timedout_job returns when the job was dealt with. */
#ifdef HALYARD_HAVE_SCHED_STAT_NO_HANG
#define HALYARD_SCHED_STAT_DONE	DRM_GPU_SCHED_STAT_RESET
#else
#define HALYARD_SCHED_STAT_DONE	DRM_GPU_SCHED_STAT_NOMINAL
#endif

/* ---- fences ---- */

/*
 * In the initialiser of struct dma_fence_ops whose fences come from halyard_compat_fence_init64().
 */
#ifdef HALYARD_HAVE_DMA_FENCE_INIT64
#define HALYARD_FENCE_OPS_64BIT
#else
#define HALYARD_FENCE_OPS_64BIT	.use_64bit_seqno = true,
#endif

static inline void halyard_compat_fence_init64(struct dma_fence *fence,
					       const struct dma_fence_ops *ops, spinlock_t *lock,
					       u64 context, u64 seqno)
{
#ifdef HALYARD_HAVE_DMA_FENCE_INIT64
	dma_fence_init64(fence, ops, lock, context, seqno);
#else
	dma_fence_init(fence, ops, lock, context, seqno);
#endif
}

static inline void halyard_compat_fence_enable_signaling(struct dma_fence *fence)
{
#ifdef HALYARD_HAVE_DMA_FENCE_ENABLE_SIGNALING
	dma_fence_enable_signaling(fence);
#else
	dma_fence_enable_sw_signaling(fence);
#endif
}

#endif
