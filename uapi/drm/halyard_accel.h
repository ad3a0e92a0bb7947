/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_DRM_HALYARD_ACCEL_H_
#define _UAPI_DRM_HALYARD_ACCEL_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Halyard's user interface
 *
 * One interface for every chip, on ``/dev/accel/accelN``. What is alike on all chips, memory,
 * address spaces, queues, synchronisation, errors, is defined here; what a job consists of is
 * opaque here and defined by each chip's own header.
 *
 * Rules that this header keeps:
 *
 * - Structs are naturally aligned, padded explicitly, have no unions, and are laid out alike for
 *   32-bit and 64-bit callers.
 * - Fields and structs are only appended to; zero in a new field means the behaviour before it.
 *   Ioctl numbers, enum values and flags are never reused.
 * - Every pad, reserved field and unknown flag must be zero, or the call fails with EINVAL and has
 *   no effect.
 * - Arrays are &struct drm_halyard_obj_array: the caller's element size is the stride, so that old
 *   user space runs on a new kernel, and new user space on an old one as long as what the old one
 *   does not know is zero.
 * - Pointers are __u64. Times are absolute nanoseconds of CLOCK_MONOTONIC.
 * - Waiting is done with the DRM core's ``DRM_IOCTL_SYNCOBJ_*``.
 * - A call that fails has changed nothing, unless it says otherwise. One exception is common to
 *   all: with EFAULT because the call's own struct can't be written to any more, what was made is
 *   there until its file is closed.
 * - Each addition raises the driver's minor version; the list of changes stands in
 *   kernel/core/drv.c.
 *
 * Errors common to all calls: EINVAL (malformed), E2BIG (array too long, or not zero in what this
 * kernel does not know), EFAULT (bad pointer), ENOENT (no such handle or id), ENOMEM, EINTR (call
 * again), ENODEV (device gone or lost), EOPNOTSUPP (this chip cannot).
 *
 * Errors of jobs arrive with the job's fence, in the syncobjs that it signals: ETIME (the job hung
 * and was stopped), EFAULT (its access faulted), EILSEQ (illegal command), EBADMSG (uncorrectable
 * memory error), ECANCELED (cancelled without guilt or because a job before it in the same queue
 * failed), ENODEV (device gone), EIO (device lost, when its queue is DRM_HALYARD_QUEUE_LOST; else
 * the device failed this job alone and works on: an error of its own, or the contents of a buffer
 * were lost when they were moved). &DRM_IOCTL_HALYARD_QUEUE_QUERY has the details.
 *
 * A syncobj's point keeps such an error only until it is reached: the DRM core drops the fences of
 * points that are past, so a wait for a point that was reached long ago succeeds although its job
 * failed, and a sync file exported then has no error. Who needs the error takes it when the point
 * is reached, keeps a sync file from before, or asks QUEUE_QUERY.
 *
 * A job is stopped when it makes no progress for &drm_halyard_query_limits.timeout_ns while it is
 * on the device, and, so that one whose commands never end does not keep others waiting for ever,
 * when it has had &drm_halyard_query_limits.job_limit_ns of the device's time. Both end with ETIME.
 * A command that waits makes no progress: if what it waits for takes longer than timeout_ns, its
 * job ends. Time that a job waits for its dependencies or for its turn does not count. A job that
 * runs again after a reset, for which others are to blame, has all of its time again.
 *
 * Objects are shared as dma-bufs. Of one whose file can't be written to, the object is not either,
 * by jobs or by mappings, also when the memory is the same device's: EACCES. The DRM core makes one
 * file of an object however often it is exported: whether it can be written to is what the first
 * export asked for. Global names (``DRM_IOCTL_GEM_FLINK``) are EOPNOTSUPP.
 *
 * Chips without MMU (no DRM_HALYARD_DEVICE_HAS_MMU) have no addresses to bind: VM_CREATE makes a
 * context for queues, VM_BIND fails with EOPNOTSUPP, and a job reaches what
 * &drm_halyard_job.buffers lists, by position. What a chip's memory must be like is its own: where
 * it must be contiguous, BO_CREATE fails with ENOMEM, and a line in the kernel log that tells of
 * CMA, when there is none in one piece, memory of a process is EOPNOTSUPP, and memory of another
 * device can be imported when it is contiguous, else EINVAL.
 */

/* Driver version; see kernel/core/drv.c for what each minor added. */
#define DRM_HALYARD_VERSION_MAJOR 1
#define DRM_HALYARD_VERSION_MINOR 1

/** enum drm_halyard_ioctl_id - numbers of the calls, from DRM_COMMAND_BASE; append only */
enum drm_halyard_ioctl_id {
	/** @DRM_HALYARD_DEV_QUERY: facts about the device */
	DRM_HALYARD_DEV_QUERY = 0,
	/** @DRM_HALYARD_BO_CREATE: allocate a buffer object */
	DRM_HALYARD_BO_CREATE,
	/** @DRM_HALYARD_BO_MMAP_OFFSET: offset for mmap() */
	DRM_HALYARD_BO_MMAP_OFFSET,
	/** @DRM_HALYARD_BO_INFO: size and kind of a buffer object */
	DRM_HALYARD_BO_INFO,
	/** @DRM_HALYARD_BO_FROM_USERPTR: make the caller's memory a buffer object */
	DRM_HALYARD_BO_FROM_USERPTR,
	/** @DRM_HALYARD_VM_CREATE: make an address space */
	DRM_HALYARD_VM_CREATE,
	/** @DRM_HALYARD_VM_DESTROY: drop an address space */
	DRM_HALYARD_VM_DESTROY,
	/** @DRM_HALYARD_VM_BIND: map and unmap buffer objects */
	DRM_HALYARD_VM_BIND,
	/** @DRM_HALYARD_QUEUE_CREATE: make a queue */
	DRM_HALYARD_QUEUE_CREATE,
	/** @DRM_HALYARD_QUEUE_DESTROY: drop a queue, cancelling its jobs */
	DRM_HALYARD_QUEUE_DESTROY,
	/** @DRM_HALYARD_QUEUE_QUERY: state, counters and fault of a queue */
	DRM_HALYARD_QUEUE_QUERY,
	/** @DRM_HALYARD_SUBMIT: submit jobs */
	DRM_HALYARD_SUBMIT,
};

/** struct drm_halyard_obj_array - an array of the caller's */
struct drm_halyard_obj_array {
	/** @stride: bytes of one element as the caller knows it, a multiple of 8 */
	__u32 stride;
	/** @count: elements */
	__u32 count;
	/** @array: pointer to the elements; ignored when @count is 0 */
	__u64 array;
};

/** enum drm_halyard_query_type - what DEV_QUERY can tell */
enum drm_halyard_query_type {
	/** @DRM_HALYARD_QUERY_DEVICE: &struct drm_halyard_query_device */
	DRM_HALYARD_QUERY_DEVICE = 0,
	/**
	 * @DRM_HALYARD_QUERY_ENGINES: array of &struct drm_halyard_query_engine, one per engine
	 * class
	 */
	DRM_HALYARD_QUERY_ENGINES,
	/** @DRM_HALYARD_QUERY_MEMORY: array of &struct drm_halyard_query_memory, one per region */
	DRM_HALYARD_QUERY_MEMORY,
	/** @DRM_HALYARD_QUERY_LIMITS: &struct drm_halyard_query_limits */
	DRM_HALYARD_QUERY_LIMITS,
	/** @DRM_HALYARD_QUERY_FIRMWARE: &struct drm_halyard_query_firmware */
	DRM_HALYARD_QUERY_FIRMWARE,
	/** @DRM_HALYARD_QUERY_CHIP: the chip's own struct, from its header */
	DRM_HALYARD_QUERY_CHIP,
};

/**
 * struct drm_halyard_dev_query - argument of DEV_QUERY
 *
 * With @pointer 0 the kernel writes to @size what it has. Else it writes at most @size bytes: a
 * smaller @size truncates, bytes that the kernel does not know are zeroed. @size returns the bytes
 * that the kernel has.
 */
struct drm_halyard_dev_query {
	/** @type: &enum drm_halyard_query_type */
	__u32 type;
	/** @size: in: bytes at @pointer; out: bytes that the answer has */
	__u32 size;
	/** @pointer: where to write the answer, or 0 */
	__u64 pointer;
};

/** struct drm_halyard_query_device - identity and addresses */
struct drm_halyard_query_device {
	/** @chip: word that names the chip and its plug-in, NUL-terminated */
	char chip[32];
	/** @name: for people, NUL-terminated */
	char name[64];
	/** @revision: of the chip; major 31:16, minor 15:0 */
	__u32 revision;
	/** @flags: DRM_HALYARD_DEVICE_* */
	__u32 flags;
#define DRM_HALYARD_DEVICE_HAS_MMU	0x1 /* page tables per address space */
	/** @va_start: first address that VM_BIND accepts */
	__u64 va_start;
	/** @va_end: one past the last */
	__u64 va_end;
	/** @page_size: granularity of VM_BIND in bytes */
	__u32 page_size;
	/** @large_page_size: bytes of the page that is worth aligning to, or 0 */
	__u32 large_page_size;
	/** @timestamp_hz: frequency of the device's timestamps */
	__u64 timestamp_hz;
	/**
	 * @timestamp: device time now, in the unit of @timestamp_hz. Who has room for it wakes up a
	 * device that sleeps, and waits for one that is being reset or that its bus does not reach;
	 * with a &drm_halyard_dev_query.size that ends before it nobody does.
	 */
	__u64 timestamp;
	/** @cpu_time: CLOCK_MONOTONIC, ns, when @timestamp was read */
	__u64 cpu_time;
};

/** struct drm_halyard_query_engine - one class of engines */
struct drm_halyard_query_engine {
	/** @name: as in fdinfo's drm-engine-*, NUL-terminated */
	char name[16];
	/** @engine_class: for QUEUE_CREATE */
	__u32 engine_class;
	/** @count: engines of this class */
	__u32 count;
	/** @priorities: bit n: enum drm_halyard_priority n is supported */
	__u32 priorities;
	/** @pad: zero */
	__u32 pad;
};

/** struct drm_halyard_query_memory - one region of memory */
struct drm_halyard_query_memory {
	/** @name: as in fdinfo's memory keys, NUL-terminated */
	char name[16];
	/** @region: for BO_CREATE */
	__u32 region;
	/** @flags: DRM_HALYARD_MEMORY_* */
	__u32 flags;
#define DRM_HALYARD_MEMORY_HOST		0x1 /* the host's own memory */
#define DRM_HALYARD_MEMORY_MAPPABLE	0x2 /* mmap works */
	/** @size: bytes; of host memory, what the device may use */
	__u64 size;
	/**
	 * @used: bytes held by buffer objects of this device; of its own memory maybe more than
	 * @size: fdinfo tells what of them has its place there, the rest is in host memory
	 */
	__u64 used;
};

/** struct drm_halyard_query_limits - limits, and how much of each is in use */
struct drm_halyard_query_limits {
	/** @queues_max: queues of the device */
	__u32 queues_max;
	/** @queues_used: of them in use by anybody */
	__u32 queues_used;
	/** @queues_user_max: that one user may have */
	__u32 queues_user_max;
	/** @queues_user_used: of them in use by this user */
	__u32 queues_user_used;
	/** @vms_max: address spaces of the device */
	__u32 vms_max;
	/** @vms_used: in use by anybody */
	__u32 vms_used;
	/** @vms_user_max: that one user may have */
	__u32 vms_user_max;
	/** @vms_user_used: in use by this user */
	__u32 vms_user_used;
	/** @queue_depth: jobs of a queue that the device holds; more wait in the kernel */
	__u32 queue_depth;
	/** @submit_jobs_max: jobs in one SUBMIT */
	__u32 submit_jobs_max;
	/** @job_buffers_max: buffer references in one job */
	__u32 job_buffers_max;
	/** @job_syncs_max: sync operations in one job */
	__u32 job_syncs_max;
	/** @payload_max: bytes of a job's payload */
	__u32 payload_max;
	/** @bind_ops_max: operations in one VM_BIND; 0 without MMU */
	__u32 bind_ops_max;
	/** @bo_size_max: bytes of one buffer object in region 0, if there is room */
	__u64 bo_size_max;
	/** @timeout_ns: a job without progress is stopped after this */
	__u64 timeout_ns;
	/**
	 * @job_limit_ns: a job is stopped when it has had so much of the device's time; 0: no limit
	 */
	__u64 job_limit_ns;
};

/** struct drm_halyard_query_firmware - of a chip that runs one */
struct drm_halyard_query_firmware {
	/**
	 * @version: as printed by its maker, NUL-terminated; empty when the chip has no firmware
	 */
	char version[64];
	/** @error: why it does not run, one sentence; empty when it does */
	char error[128];
};

/**
 * struct drm_halyard_bo_create - argument of BO_CREATE. ENOSPC: the region is full; ENOMEM: there
 * is no memory, or none in one piece where it must be contiguous.
 */
struct drm_halyard_bo_create {
	/** @size: bytes; out: rounded up to pages */
	__u64 size;
	/** @region: of DRM_HALYARD_QUERY_MEMORY */
	__u32 region;
	/** @flags: must be zero */
	__u32 flags;
	/** @handle: out: GEM handle */
	__u32 handle;
	/** @pad: must be zero */
	__u32 pad;
};

/** struct drm_halyard_bo_mmap_offset - argument of BO_MMAP_OFFSET */
struct drm_halyard_bo_mmap_offset {
	/** @handle: GEM handle */
	__u32 handle;
	/** @pad: must be zero */
	__u32 pad;
	/** @offset: out: for mmap() on the device's file */
	__u64 offset;
};

/** struct drm_halyard_bo_info - argument of BO_INFO */
struct drm_halyard_bo_info {
	/** @handle: GEM handle */
	__u32 handle;
	/** @region: out: region that it is in */
	__u32 region;
	/** @flags: in: must be zero; out: DRM_HALYARD_BO_* */
	__u32 flags;
#define DRM_HALYARD_BO_IMPORTED		0x1 /* made by another device */
#define DRM_HALYARD_BO_USERPTR		0x2 /* memory of a process */
	/** @pad: must be zero */
	__u32 pad;
	/** @size: out: bytes */
	__u64 size;
};

/**
 * struct drm_halyard_bo_from_userptr - argument of BO_FROM_USERPTR
 *
 * The pages stay pinned as long as the buffer object lives and count against RLIMIT_MEMLOCK (ENOMEM
 * and a line in the kernel log when it is exceeded). Such an object cannot be exported or mapped
 * again. EOPNOTSUPP: the device reaches contiguous memory only.
 */
struct drm_halyard_bo_from_userptr {
	/** @address: page-aligned */
	__u64 address;
	/** @size: bytes, a multiple of the page size */
	__u64 size;
	/** @flags: DRM_HALYARD_USERPTR_* */
	__u32 flags;
#define DRM_HALYARD_USERPTR_READONLY	0x1 /* the device only reads; read-only memory will do */
	/** @handle: out: GEM handle */
	__u32 handle;
};

/**
 * struct drm_halyard_vm_create - argument of VM_CREATE. EMFILE: this user's share is used up;
 * ENOSPC: the device's.
 */
struct drm_halyard_vm_create {
	/** @flags: must be zero */
	__u32 flags;
	/** @vm_id: out */
	__u32 vm_id;
};

/** struct drm_halyard_vm_destroy - argument of VM_DESTROY. Queues made in it keep it alive. */
struct drm_halyard_vm_destroy {
	/** @vm_id: of VM_CREATE */
	__u32 vm_id;
	/** @pad: must be zero */
	__u32 pad;
};

/** enum drm_halyard_bind_type - what a bind operation does */
enum drm_halyard_bind_type {
	/** @DRM_HALYARD_BIND_MAP: map; EBUSY when any of the range is mapped already */
	DRM_HALYARD_BIND_MAP = 0,
	/**
	 * @DRM_HALYARD_BIND_UNMAP: unmap what is mapped in the range; mappings that reach out of it
	 * are split
	 */
	DRM_HALYARD_BIND_UNMAP,
};

/** struct drm_halyard_bind_op - one operation of VM_BIND */
struct drm_halyard_bind_op {
	/** @type: &enum drm_halyard_bind_type */
	__u32 type;
	/** @flags: DRM_HALYARD_BIND_*; MAP only */
	__u32 flags;
#define DRM_HALYARD_BIND_READONLY	0x1 /* the device may only read */
	/** @handle: GEM handle; UNMAP: must be zero */
	__u32 handle;
	/** @pad: must be zero */
	__u32 pad;
	/** @bo_offset: bytes, page-aligned; UNMAP: must be zero */
	__u64 bo_offset;
	/** @va: device address, page-aligned */
	__u64 va;
	/** @size: bytes, page-aligned, not 0 */
	__u64 size;
};

/**
 * struct drm_halyard_vm_bind - argument of VM_BIND
 *
 * Operations are done in order, at once. When one fails those before it stay done and @done says
 * how many. When the call returns, the device no longer reaches what was unmapped.
 */
struct drm_halyard_vm_bind {
	/** @vm_id: of VM_CREATE */
	__u32 vm_id;
	/** @flags: must be zero */
	__u32 flags;
	/** @ops: of &struct drm_halyard_bind_op */
	struct drm_halyard_obj_array ops;
	/** @done: out: operations done */
	__u32 done;
	/** @pad: must be zero */
	__u32 pad;
};

/** enum drm_halyard_priority - of a queue */
enum drm_halyard_priority {
	/** @DRM_HALYARD_PRIORITY_LOW: runs when nothing else does */
	DRM_HALYARD_PRIORITY_LOW = 0,
	/** @DRM_HALYARD_PRIORITY_NORMAL: the default */
	DRM_HALYARD_PRIORITY_NORMAL,
	/** @DRM_HALYARD_PRIORITY_HIGH: CAP_SYS_NICE, else EACCES */
	DRM_HALYARD_PRIORITY_HIGH,
	/** @DRM_HALYARD_PRIORITY_REALTIME: CAP_SYS_NICE, else EACCES */
	DRM_HALYARD_PRIORITY_REALTIME,
};

/**
 * struct drm_halyard_queue_create - argument of QUEUE_CREATE. EMFILE: this user's share is used up;
 * ENOSPC: the device's. EHOSTDOWN: its firmware does not run, &DRM_HALYARD_QUERY_FIRMWARE says why.
 */
struct drm_halyard_queue_create {
	/** @vm_id: address space of its jobs */
	__u32 vm_id;
	/** @engine_class: of DRM_HALYARD_QUERY_ENGINES */
	__u32 engine_class;
	/** @priority: &enum drm_halyard_priority */
	__u32 priority;
	/** @flags: must be zero */
	__u32 flags;
	/** @queue_id: out */
	__u32 queue_id;
	/** @pad: must be zero */
	__u32 pad;
};

/**
 * struct drm_halyard_queue_destroy - argument of QUEUE_DESTROY. Jobs not done end with ECANCELED.
 */
struct drm_halyard_queue_destroy {
	/** @queue_id: of QUEUE_CREATE */
	__u32 queue_id;
	/** @pad: must be zero */
	__u32 pad;
};

/** enum drm_halyard_queue_state - whether a queue takes jobs */
enum drm_halyard_queue_state {
	/** @DRM_HALYARD_QUEUE_ACTIVE: it does */
	DRM_HALYARD_QUEUE_ACTIVE = 0,
	/** @DRM_HALYARD_QUEUE_BANNED: a job of it failed; SUBMIT fails with ECANCELED */
	DRM_HALYARD_QUEUE_BANNED,
	/** @DRM_HALYARD_QUEUE_LOST: the device is lost */
	DRM_HALYARD_QUEUE_LOST,
};

/** enum drm_halyard_fault_cause - why a job failed */
enum drm_halyard_fault_cause {
	/** @DRM_HALYARD_FAULT_NONE: it did not */
	DRM_HALYARD_FAULT_NONE = 0,
	/** @DRM_HALYARD_FAULT_TIMEOUT: no progress for timeout_ns, or job_limit_ns used up */
	DRM_HALYARD_FAULT_TIMEOUT,
	/** @DRM_HALYARD_FAULT_ILLEGAL_COMMAND: malformed or unknown */
	DRM_HALYARD_FAULT_ILLEGAL_COMMAND,
	/** @DRM_HALYARD_FAULT_OUT_OF_BOUNDS: outside of the buffer that it names */
	DRM_HALYARD_FAULT_OUT_OF_BOUNDS,
	/** @DRM_HALYARD_FAULT_UNMAPPED: address not bound */
	DRM_HALYARD_FAULT_UNMAPPED,
	/** @DRM_HALYARD_FAULT_PERMISSION: access that the binding forbids */
	DRM_HALYARD_FAULT_PERMISSION,
	/** @DRM_HALYARD_FAULT_MEMORY_ERROR: uncorrectable */
	DRM_HALYARD_FAULT_MEMORY_ERROR,
	/** @DRM_HALYARD_FAULT_DEVICE: the device's own, of the bus for one */
	DRM_HALYARD_FAULT_DEVICE,
};

/** struct drm_halyard_queue_query - argument of QUEUE_QUERY */
struct drm_halyard_queue_query {
	/** @queue_id: of QUEUE_CREATE */
	__u32 queue_id;
	/** @state: out: &enum drm_halyard_queue_state */
	__u32 state;
	/** @submitted: out: jobs accepted by SUBMIT */
	__u64 submitted;
	/** @completed: out: jobs that the device completed without error */
	__u64 completed;
	/** @failed: out: jobs that ended with an error */
	__u64 failed;
	/** @busy_ns: out: device time spent */
	__u64 busy_ns;
	/** @fault_cause: out: &enum drm_halyard_fault_cause of the first failed job */
	__u32 fault_cause;
	/** @fault_access: out: 0 read, 1 write */
	__u32 fault_access;
	/** @fault_address: out: device address, 0 when none is concerned */
	__u64 fault_address;
	/** @fault_command: out: index of the command in the job */
	__u32 fault_command;
	/** @fault_tag: out: the command's tag, where the chip has such */
	__u32 fault_tag;
	/** @fault_job: out: number of the job in its queue, from 1 */
	__u64 fault_job;
};

/**
 * struct drm_halyard_sync_op - awaits or signals a syncobj
 *
 * A wait needs a fence: EINVAL when the syncobj, or the point, has none yet and no earlier job of
 * the call signals it. To submit before the fence is there, let user space wait for it with
 * ``DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT`` and WAIT_AVAILABLE.
 */
struct drm_halyard_sync_op {
	/** @flags: DRM_HALYARD_SYNC_* */
	__u32 flags;
#define DRM_HALYARD_SYNC_SIGNAL		0x1 /* signal, else wait */
#define DRM_HALYARD_SYNC_TIMELINE	0x2 /* @handle is used as a timeline */
	/** @handle: syncobj */
	__u32 handle;
	/** @timeline_value: point, not zero; binary: must be zero */
	__u64 timeline_value;
};

/** struct drm_halyard_buffer_ref - a buffer object that a job uses */
struct drm_halyard_buffer_ref {
	/** @handle: GEM handle */
	__u32 handle;
	/** @flags: DRM_HALYARD_BUFFER_* */
	__u32 flags;
#define DRM_HALYARD_BUFFER_WRITE	0x1 /* the job writes to it; EACCES: it may only read */
#define DRM_HALYARD_BUFFER_NO_IMPLICIT	0x2 /* do not await the fences of others */
};

/** struct drm_halyard_job - one job */
struct drm_halyard_job {
	/** @queue_id: of QUEUE_CREATE */
	__u32 queue_id;
	/** @payload_size: bytes at @payload, as &drm_halyard_query_limits.payload_max says */
	__u32 payload_size;
	/** @payload: pointer to the chip's own struct */
	__u64 payload;
	/**
	 * @buffers: of &struct drm_halyard_buffer_ref: objects shared with others, for implicit
	 * fences; on a chip without MMU every object that the job uses, and its commands name an
	 * object by its position in the list. Each at most once. E2BIG: more than
	 * &drm_halyard_query_limits.job_buffers_max
	 */
	struct drm_halyard_obj_array buffers;
	/** @syncs: of &struct drm_halyard_sync_op */
	struct drm_halyard_obj_array syncs;
	/** @flags: must be zero */
	__u32 flags;
	/** @pad: must be zero */
	__u32 pad;
};

/**
 * struct drm_halyard_submit - argument of SUBMIT
 *
 * All jobs are accepted or none. A job may await what an earlier one of the same call signals.
 * ECANCELED: a queue is banned. ENOSPC: what all jobs use of the device's own memory does not fit
 * there at a time; the log says who has pinned the rest, if somebody has. EBUSY: another device
 * uses one of the buffers in host memory. EIO: the contents of one were lost when they were moved.
 */
struct drm_halyard_submit {
	/** @flags: must be zero */
	__u32 flags;
	/** @pad: must be zero */
	__u32 pad;
	/** @jobs: of &struct drm_halyard_job */
	struct drm_halyard_obj_array jobs;
};

#define DRM_IOCTL_HALYARD(access, id, type) \
	DRM_IO ## access(DRM_COMMAND_BASE + DRM_HALYARD_ ## id, struct drm_halyard_ ## type)

#define DRM_IOCTL_HALYARD_DEV_QUERY		DRM_IOCTL_HALYARD(WR, DEV_QUERY, dev_query)
#define DRM_IOCTL_HALYARD_BO_CREATE		DRM_IOCTL_HALYARD(WR, BO_CREATE, bo_create)
#define DRM_IOCTL_HALYARD_BO_MMAP_OFFSET \
	DRM_IOCTL_HALYARD(WR, BO_MMAP_OFFSET, bo_mmap_offset)
#define DRM_IOCTL_HALYARD_BO_INFO		DRM_IOCTL_HALYARD(WR, BO_INFO, bo_info)
#define DRM_IOCTL_HALYARD_BO_FROM_USERPTR \
	DRM_IOCTL_HALYARD(WR, BO_FROM_USERPTR, bo_from_userptr)
#define DRM_IOCTL_HALYARD_VM_CREATE		DRM_IOCTL_HALYARD(WR, VM_CREATE, vm_create)
#define DRM_IOCTL_HALYARD_VM_DESTROY		DRM_IOCTL_HALYARD(WR, VM_DESTROY, vm_destroy)
#define DRM_IOCTL_HALYARD_VM_BIND		DRM_IOCTL_HALYARD(WR, VM_BIND, vm_bind)
#define DRM_IOCTL_HALYARD_QUEUE_CREATE		DRM_IOCTL_HALYARD(WR, QUEUE_CREATE, queue_create)
#define DRM_IOCTL_HALYARD_QUEUE_DESTROY		DRM_IOCTL_HALYARD(WR, QUEUE_DESTROY, queue_destroy)
#define DRM_IOCTL_HALYARD_QUEUE_QUERY		DRM_IOCTL_HALYARD(WR, QUEUE_QUERY, queue_query)
#define DRM_IOCTL_HALYARD_SUBMIT		DRM_IOCTL_HALYARD(WR, SUBMIT, submit)

#if defined(__cplusplus)
}
#endif

#endif
