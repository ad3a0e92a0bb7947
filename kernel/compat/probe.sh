#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# usage: probe.sh KDIR OUTFILE
# Finds out by compiling what the kernel in KDIR offers and writes one HALYARD_HAVE_* per answer to
# OUTFILE. Versions say nothing: stable releases change signatures. compat.h turns the answers into
# one interface for the drivers.
set -euo pipefail

(($# == 2)) || {
  sed -n '3,6p' "$0" >&2
  exit 2
}
kdir=$(cd "$1" && pwd -P)
outfile=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

names=()
declare -A meaning

# probe NAME MEANING: a translation unit on standard input; NAME is defined when it compiles.
probe() {
  names+=("$1")
  meaning[$1]=$2
  cat >"$work/$1.c"
}

# Each probe names what is new, never what is old: old names live on in headers with another
# meaning.

probe CONTROL 'always: the probes work' <<'C'
#include <linux/module.h>
#include <drm/drm_drv.h>
int f(void);
int f(void) { return 0; }
C

probe REFUSAL 'never: the probes can fail' <<'C'
#include <linux/module.h>
int f(void);
int f(void) { return halyard_no_such_function(); }
C

probe SCHED_INIT_ARGS 'drm_sched_init() takes a struct' <<'C'
#include <drm/gpu_scheduler.h>
int f(struct drm_gpu_scheduler *s);
int f(struct drm_gpu_scheduler *s)
{
	struct drm_sched_init_args args = { .credit_limit = 1 };

	return drm_sched_init(s, &args);
}
C

probe SCHED_INIT_NUM_RQS 'struct drm_sched_init_args has num_rqs' <<'C'
#include <drm/gpu_scheduler.h>
u32 f(struct drm_sched_init_args *args);
u32 f(struct drm_sched_init_args *args) { return args->num_rqs; }
C

probe SCHED_JOB_CLIENT_ID 'drm_sched_job_init() takes the client id' <<'C'
#include <drm/gpu_scheduler.h>
int f(struct drm_sched_job *job, struct drm_sched_entity *entity);
int f(struct drm_sched_job *job, struct drm_sched_entity *entity)
{
	return drm_sched_job_init(job, entity, 1, NULL, 0ull);
}
C

probe SCHED_STAT_NO_HANG 'timedout_job may return NO_HANG, and NOMINAL is called RESET' <<'C'
#include <drm/gpu_scheduler.h>
enum drm_gpu_sched_stat f(int i);
enum drm_gpu_sched_stat f(int i)
{
	return i ? DRM_GPU_SCHED_STAT_NO_HANG : DRM_GPU_SCHED_STAT_RESET;
}
C

probe GPUVM_BO_OBTAIN_LOCKED 'drm_gpuvm_bo_obtain_locked()' <<'C'
#include <drm/drm_gpuvm.h>
struct drm_gpuvm_bo *f(struct drm_gpuvm *vm, struct drm_gem_object *obj);
struct drm_gpuvm_bo *f(struct drm_gpuvm *vm, struct drm_gem_object *obj)
{
	return drm_gpuvm_bo_obtain_locked(vm, obj);
}
C

probe GEM_IS_IMPORTED 'drm_gem_is_imported()' <<'C'
#include <drm/drm_gem.h>
bool f(struct drm_gem_object *obj);
bool f(struct drm_gem_object *obj) { return drm_gem_is_imported(obj); }
C

probe VMA_IS_COW_MAPPING 'vma_is_cow_mapping()' <<'C'
#include <linux/mm.h>
bool f(struct vm_area_struct *vma);
bool f(struct vm_area_struct *vma) { return vma_is_cow_mapping(vma); }
C

probe GEM_OBJECT_ACTIVE 'DRM_GEM_OBJECT_ACTIVE' <<'C'
#include <drm/drm_gem.h>
int f(void);
int f(void) { return DRM_GEM_OBJECT_ACTIVE; }
C

probe DRIVER_GEM_GPUVA 'feature bit DRIVER_GEM_GPUVA' <<'C'
#include <drm/drm_drv.h>
u32 f(void);
u32 f(void) { return DRIVER_GEM_GPUVA; }
C

probe TTM_ALLOCATION_FLAGS 'ttm_device_init() takes flags' <<'C'
#include <drm/ttm/ttm_device.h>
unsigned int f(struct ttm_device *ttm);
unsigned int f(struct ttm_device *ttm)
{
	return ttm->alloc_flags & TTM_ALLOCATION_POOL_USE_DMA32;
}
C

probe TTM_BO_POPULATE 'ttm_bo_populate()' <<'C'
#include <drm/ttm/ttm_bo.h>
int f(struct ttm_buffer_object *bo, struct ttm_operation_ctx *ctx);
int f(struct ttm_buffer_object *bo, struct ttm_operation_ctx *ctx)
{
	return ttm_bo_populate(bo, ctx);
}
C

probe TTM_BO_FINI 'ttm_bo_fini(), and no ttm_bo_put()' <<'C'
#include <drm/ttm/ttm_bo.h>
void f(struct ttm_buffer_object *bo);
void f(struct ttm_buffer_object *bo) { ttm_bo_fini(bo); }
C

probe TTM_DMEM 'a TTM manager charges the dmem cgroup, of a region with a size' <<'C'
#include <drm/drm_drv.h>
#include <drm/ttm/ttm_resource.h>
void f(struct drm_device *drm, struct ttm_resource_manager *man, u64 size);
void f(struct drm_device *drm, struct ttm_resource_manager *man, u64 size)
{
	man->cg = drmm_cgroup_register_region(drm, "m", size);
}
C

probe TTM_DMEM_INIT 'a TTM manager charges the dmem cgroup, and gives memory back when asked' <<'C'
#include <linux/cgroup_dmem.h>
#include <drm/drm_drv.h>
#include <drm/ttm/ttm_resource.h>
void f(struct drm_device *drm, struct ttm_resource_manager *man);
void f(struct drm_device *drm, struct ttm_resource_manager *man)
{
	static const struct dmem_cgroup_ops ops = { .reclaim = ttm_resource_manager_dmem_reclaim };
	const struct dmem_cgroup_init init = { .ops = &ops, .reclaim_priv = man };

	ttm_resource_manager_set_dmem_region(man, drmm_cgroup_register_region(drm, "m", &init));
}
C

probe TTM_EVICTION_FENCES 'TTM keeps eviction fences of several contexts' <<'C'
#include <drm/ttm/ttm_resource.h>
struct dma_fence *f(struct ttm_resource_manager *man);
struct dma_fence *f(struct ttm_resource_manager *man) { return man->eviction_fences[0]; }
C

probe DMA_FENCE_INIT64 'dma_fence_init64(), and no use_64bit_seqno' <<'C'
#include <linux/dma-fence.h>
void f(struct dma_fence *fence, const struct dma_fence_ops *ops, spinlock_t *lock);
void f(struct dma_fence *fence, const struct dma_fence_ops *ops, spinlock_t *lock)
{
	dma_fence_init64(fence, ops, lock, 1, 1);
}
C

probe DMA_FENCE_ENABLE_SIGNALING 'dma_fence_enable_signaling()' <<'C'
#include <linux/dma-fence.h>
void f(struct dma_fence *fence);
void f(struct dma_fence *fence) { dma_fence_enable_signaling(fence); }
C

probe DMA_BUF_INVALIDATE_MAPPINGS 'dma_buf_attach_ops.invalidate_mappings' <<'C'
#include <linux/dma-buf.h>
void *f(struct dma_buf_attach_ops *ops);
void *f(struct dma_buf_attach_ops *ops) { return ops->invalidate_mappings; }
C

probe IMPORT_NS_STRING 'MODULE_IMPORT_NS() takes a string' <<'C'
#include <linux/module.h>
#undef MODULE_INFO
#define MODULE_INFO(tag, info) static const char probe_##tag[] __attribute__((unused)) = info
MODULE_IMPORT_NS("AB");
static_assert(sizeof(probe_import_ns) == sizeof("AB"));
C

probe WORKQUEUE_PERCPU 'WQ_PERCPU, and system_percpu_wq' <<'C'
#include <linux/workqueue.h>
struct workqueue_struct *f(void);
struct workqueue_struct *f(void) { return WQ_PERCPU ? system_percpu_wq : NULL; }
C

{
  # Every unit is a target of its own, so that one that fails stops no other.
  printf 'obj-m :='
  printf ' %s.o' "${names[@]}"
  printf '\n'
  # Errors are the warnings that tell of another signature.
  printf 'ccflags-y :='
  printf ' -Werror=%s' incompatible-pointer-types implicit-function-declaration int-conversion
  printf '\n'
} >"$work/Kbuild"

make -k -s -C "$kdir" M="$work" W=0 "${names[@]/%/.o}" >"$work/log" 2>&1 || true

answer() { [[ -e $work/$1.o ]]; }

if ! answer CONTROL || answer REFUSAL; then
  cat "$work/log" >&2
  echo "probe.sh: $kdir cannot compile a module, or compiles anything" >&2
  exit 1
fi

{
  echo '/* SPDX-License-Identifier: GPL-2.0-only */'
  echo "/* Written by kernel/compat/probe.sh. */"
  for name in "${names[@]}"; do
    [[ $name != CONTROL && $name != REFUSAL ]] || continue
    if answer "$name"; then
      echo "#define HALYARD_HAVE_$name 1 /* ${meaning[$name]} */"
    else
      echo "/* HALYARD_HAVE_$name: no: ${meaning[$name]} */"
    fi
  done
} >"$outfile.tmp"
mv "$outfile.tmp" "$outfile"
