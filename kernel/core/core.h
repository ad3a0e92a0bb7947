/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's own structures, which no chip sees. One section per file of the core.
 */
#ifndef HALYARD_CORE_H
#define HALYARD_CORE_H

#include <linux/bitmap.h>
#include <linux/completion.h>
#include <linux/cred.h>
#include <linux/idr.h>
#include <linux/refcount.h>
#include <linux/sizes.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_mm.h>
#include <drm/drm_print.h>
#include <drm/ttm/ttm_bo.h>

#include <halyard/chip.h>

/*
 * Exported only where the tests' module is built. EXPORT_SYMBOL_IF_KUNIT() would ask the kernel,
 * which need not have KUnit.
 */
#if IS_ENABLED(CONFIG_HALYARD_KUNIT)
#define EXPORT_SYMBOL_HALYARD_TESTS(symbol) EXPORT_SYMBOL_GPL(symbol)
#else
#define EXPORT_SYMBOL_HALYARD_TESTS(symbol) struct symbol##_is_not_exported
#endif

/* ---- client.c: files, users and their limits ---- */

/** enum halyard_resource - what is limited per user */
enum halyard_resource {
	/** @HALYARD_RES_QUEUE: queues */
	HALYARD_RES_QUEUE,
	/** @HALYARD_RES_VM: address spaces */
	HALYARD_RES_VM,
	/** @HALYARD_NUM_RES: how many there are */
	HALYARD_NUM_RES
};

/**
 * struct halyard_user - one user's share of a device
 * @link: in &halyard_core.users
 * @uid: who
 * @refs: open files, protected by &halyard_core.users_lock. Resources in use keep the struct, too.
 * @used: of each resource, protected by &halyard_core.users_lock
 * @share: &halyard_queue.share of the user's queues; the user's while there are any
 */
struct halyard_user {
	struct list_head link;
	kuid_t uid;
	unsigned int refs;
	u32 used[HALYARD_NUM_RES];
	u32 share;
};

/**
 * struct halyard_file - an open file
 * @hdev: the device
 * @user: who opened it
 * @vms: by id
 * @queues: by id
 * @engine_ns: device time of queues already destroyed, per class; protected by @lock
 */
struct halyard_file {
	struct halyard_device *hdev;
	struct halyard_user *user;
	/**
	 * @lock: protects @vms and @queues against changes; lookups take it to get a reference
	 */
	struct mutex lock;
	struct xarray vms;
	struct xarray queues;
	u64 engine_ns[HALYARD_MAX_ENGINE_CLASSES];
};

int halyard_client_open(struct drm_device *drm, struct drm_file *drm_file);
void halyard_client_close(struct drm_device *drm, struct drm_file *drm_file);
/*
 * -EMFILE: the user's share is used up, -ENOSPC: the device's; a line in the log says which limit.
 */
int halyard_resource_get(struct halyard_file *file, enum halyard_resource res);
/* @user may be that of a file already closed. */
void halyard_resource_put(struct halyard_device *hdev, struct halyard_user *user,
			  enum halyard_resource res);
/* How many of @res one file's user may have. */
u32 halyard_resource_share(struct halyard_file *file, enum halyard_resource res);
u32 halyard_resource_total(struct halyard_device *hdev, enum halyard_resource res);

/* ---- device.c, pci.c: lifetime ---- */

struct halyard_dump;
struct halyard_firmware;
struct halyard_irq;
struct halyard_vram;

/**
 * struct halyard_core - the core's part of a device
 * @hdev: the device
 * @owner: module of the chip; address spaces hold a reference, so that it outlives the calls on
 *	them
 * @users: of the device, &halyard_user.link
 * @used: of each resource by all users
 * @shares: numbers of users that have queues; 0 is never given away
 * @vm_ids: hardware numbers of address spaces
 * @irqs: what was requested, @num_vectors of them
 * @num_vectors: interrupt vectors granted
 * @suspects: memory that the device may still reach, &halyard_quarantined.link
 * @released: of @suspects, what a reset has made free to release
 * @quiet: the device never reaches anything again
 * @quarantine_work: releases @released
 * @vms: address spaces, &halyard_vm_core.link
 * @bos: buffer objects, &halyard_bo.link
 * @region_used: bytes held by buffer objects made in each region
 * @job_mems: memory of jobs, &halyard_job_core.mem_link
 * @unplug_done: the device is unplugged: no job, no DMA, no interrupt any more
 * @vram: the device's own memory, or NULL
 * @firmware: what the device runs, &halyard_chip.firmware
 * @sched: state of the job side, see queue.h
 * @dump: snapshots for devcoredump
 * @down: started in vain, because of its firmware: no queue works; protected by @reset_lock
 * @lost: the device is lost, or about to be unplugged: why, or NULL
 * @injector: for debugfs, or NULL
 */
struct halyard_core {
	struct halyard_device *hdev;
	struct module *owner;
	/**
	 * @users_lock: protects @users, &halyard_user.refs, &halyard_user.used, @used and @shares
	 */
	spinlock_t users_lock;
	struct list_head users;
	u32 used[HALYARD_NUM_RES];
	DECLARE_BITMAP(shares, HALYARD_MAX_QUEUES + 1);
	struct ida vm_ids;
	struct halyard_irq *irqs;
	unsigned int num_vectors;
	/**
	 * @reset_lock: one change of the hardware's set-up at a time: recovery, a queue made or
	 * destroyed in hardware, vm_flush and vm_fini, suspend and resume. Who does not expect the
	 * card to be out of reach takes it by halyard_hardware_lock(). Fences are signalled under
	 * it: no allocation, no waiting for fences.
	 */
	struct mutex reset_lock;
	/** @quarantine_lock: protects @suspects, @released and @quiet */
	spinlock_t quarantine_lock;
	struct list_head suspects;
	struct list_head released;
	bool quiet;
	struct work_struct quarantine_work;
	/** @vms_lock: protects @vms */
	struct mutex vms_lock;
	struct list_head vms;
	/** @bos_lock: protects @bos */
	struct mutex bos_lock;
	struct list_head bos;
	atomic64_t region_used[HALYARD_MAX_REGIONS];
	/** @job_mems_lock: protects @job_mems */
	spinlock_t job_mems_lock;
	struct list_head job_mems;
	/** @unplug_lock: decides who unplugs the device */
	struct mutex unplug_lock;
	struct completion unplug_done;
	struct halyard_vram *vram;
	struct halyard_firmware *firmware;
	struct halyard_sched *sched;
	struct halyard_dump *dump;
	bool down;
	const char *lost;
	const struct halyard_injector *injector;
};

extern const struct drm_driver halyard_drm_driver;

/*
 * Allocation and registration apart from any bus, so that the mock chip of the tests can use them.
 * The device goes with @parent's devres and the last reference to its drm_device. Registration
 * calls the chip's init and start; when it fails nothing runs any more.
 */
struct halyard_device *halyard_device_alloc(struct device *parent, const struct halyard_chip *chip);
int halyard_device_register(struct halyard_device *hdev);
/*
 * Ends a device: from its bus, or when recovery has failed. Any number of callers; all return when
 * it is done. Not under a lock and not between drm_dev_enter() and drm_dev_exit().
 */
void halyard_device_unplug(struct halyard_device *hdev);
/* Interrupts by the bus; 0 when the parent has no bus of ours. */
int halyard_pci_request_irqs(struct halyard_device *hdev);
void halyard_pci_synchronize_irqs(struct halyard_device *hdev);
/* Function-level reset by the bus; -EOPNOTSUPP when there is none. Under reset_lock. */
int halyard_pci_function_reset(struct halyard_device *hdev);

/* ---- power.c: sleep ---- */

/* From here on the device sleeps when nobody needs it, until it is unplugged. */
void halyard_power_start(struct halyard_device *hdev);
void halyard_power_stop(struct halyard_device *hdev);
/* Keeps the device awake: 0 or -ENODEV. Any context for the second. */
int halyard_power_get(struct halyard_device *hdev);
void halyard_power_put(struct halyard_device *hdev);
bool halyard_power_is_down(struct halyard_device *hdev);
/* Around whatever takes the device's power or its state. */
void halyard_power_down(struct halyard_device *hdev);
int halyard_power_up(struct halyard_device *hdev);

/* ---- quarantine.c: memory that the device may still reach ---- */

/**
 * struct halyard_quarantined - part of what can't be released before the device was reset
 * @link: in &halyard_core.suspects or &halyard_core.released
 * @release: in process context, on a quiet device, under no lock
 */
struct halyard_quarantined {
	struct list_head link;
	void (*release)(struct halyard_quarantined *item);
};

void halyard_quarantine_init(struct halyard_device *hdev);
/* Any context in which @release may be called: on an unplugged device it is called at once. */
void halyard_quarantine_add(struct halyard_device *hdev, struct halyard_quarantined *item,
			    void (*release)(struct halyard_quarantined *item));
/*
 * For recovery, after a successful device or function reset: what was added before is released
 * soon, by a work.
 */
void halyard_quarantine_after_reset(struct halyard_device *hdev);
/*
 * At unplug, after the chip was stopped: all is released now, and whatever is added later at once.
 */
void halyard_quarantine_drain(struct halyard_device *hdev);

/* ---- uobj.c: arguments from user space ---- */

/*
 * A copy of an array with our own stride; ERR_PTR(-E2BIG/-EINVAL/-EFAULT/-ENOMEM); NULL when it is
 * empty. kvfree() it.
 */
void *halyard_uobj_get_array(const struct drm_halyard_obj_array *in, u32 min_stride,
			     u32 obj_size, u32 max_count);

/* ---- bo.c: buffer objects; a file for each kind of them ---- */

struct halyard_bo;

/**
 * struct halyard_bo_kind - what one kind of buffer objects has of its own; constant
 * @name: for debugfs
 * @flags: DRM_HALYARD_BO_*
 * @size_max: bytes that one BO may have where memory is no limit, or NULL
 * @dma_buf_ops: of what halyard_gem_export() makes of it, when its memory moves; else NULL
 * @create: makes a BO of so many bytes, whole pages, for BO_CREATE; or ERR_PTR. The caller counts
 *	the bytes and calls halyard_bo_init().
 * @free: frees a BO that nobody has a reference to
 * @pin: maps the BO's pages for the device and keeps them so; a table or ERR_PTR. Only when
 *	&halyard_bo.pins is 0, under the object's reservation lock. NULL: it has its place in the
 *	device's memory for each job anew, by halyard_vram_validate().
 * @unpin: undoes @pin; &halyard_bo.sgt is the table. Under the object's reservation lock.
 * @revoke: gives back what memory the BO has of a device that was stopped and unplugged, or NULL.
 *	Under the object's reservation lock.
 */
struct halyard_bo_kind {
	const char *name;
	u32 flags;
	u64 (*size_max)(struct halyard_device *hdev);
	const struct dma_buf_ops *dma_buf_ops;
	struct halyard_bo *(*create)(struct halyard_device *hdev, u64 size);
	void (*free)(struct halyard_bo *bo);
	struct sg_table *(*pin)(struct halyard_bo *bo);
	void (*unpin)(struct halyard_bo *bo);
	void (*revoke)(struct halyard_bo *bo);
};

/** enum halyard_contig_state - whose the memory of a contiguous buffer object is */
enum halyard_contig_state {
	/** @HALYARD_CONTIG_OWN: the object's alone */
	HALYARD_CONTIG_OWN,
	/** @HALYARD_CONTIG_SHARED: it has been exported, so that others may use its pages */
	HALYARD_CONTIG_SHARED,
	/** @HALYARD_CONTIG_GONE: none of the device's, which is gone */
	HALYARD_CONTIG_GONE,
};

/**
 * struct halyard_contig - a contiguous buffer object
 * @gem: GEM object
 * @state: changed by cmpxchg()
 * @vaddr: for the CPU; when the device is gone, ordinary memory or NULL. Changed under the object's
 *	reservation lock.
 * @dma: for the device
 * @sgt: of one entry, for the device
 */
struct halyard_contig {
	struct drm_gem_object gem;
	enum halyard_contig_state state;
	void *vaddr;
	dma_addr_t dma;
	struct sg_table sgt;
};

/**
 * struct halyard_bo - a buffer object
 * @gem: GEM object, the first member of what each kind has
 * @shmem: of &halyard_bo_shmem
 * @contig: of &halyard_bo_contig
 * @ttm: of &halyard_bo_vram
 * @kind: its kind
 * @link: in &halyard_core.bos
 * @creator: process that made it, for debugfs
 * @region: in which it is, index into &halyard_chip.regions
 * @readonly: the device may only read it
 * @accounted: bytes of it that count in &halyard_core.region_used
 * @pins: users of @sgt; protected by the object's reservation lock
 * @sgt: pages mapped for the device while @pins is not 0; protected like @pins
 * @userptr: pinned pages of a process, or NULL
 * @pages: of &halyard_bo_vram: sets of pages in host memory, with copies under way maybe two
 * @seen: of &halyard_bo_vram: a process has looked at it; protected by the object's reservation
 *	lock, as is all below
 * @in_window: it is pinned in the window, else in host memory; while it is pinned
 * @damaged: a copy failed: its contents are lost; set once
 */
struct halyard_bo {
	union {
		struct drm_gem_object gem;
		struct drm_gem_shmem_object shmem;
		struct halyard_contig contig;
		struct ttm_buffer_object ttm;
	};
	const struct halyard_bo_kind *kind;
	struct list_head link;
	pid_t creator;
	u32 region;
	bool readonly;
	u64 accounted;
	unsigned int pins;
	struct sg_table *sgt;
	struct halyard_userptr *userptr;
	atomic_t pages;
	bool seen;
	bool in_window;
	bool damaged;
};

static inline struct halyard_bo *to_halyard_bo(struct drm_gem_object *obj)
{
	return container_of(obj, struct halyard_bo, gem);
}

/*
 * Pages mapped for the device until the last unpin, or ERR_PTR; for mappings and for chips without
 * MMU. Both take the object's reservation lock. A pinned object is pinned again without fail.
 */
struct sg_table *halyard_bo_pin(struct halyard_bo *bo);
void halyard_bo_unpin(struct halyard_bo *bo);
/* Bytes that buffer objects of the device may hold in a region. */
u64 halyard_bo_region_size(struct halyard_device *hdev, u32 region);
/* Bytes that one buffer object can have where jobs work. */
u64 halyard_bo_size_max(struct halyard_device *hdev);
/* The first region of this kind of memory, or -EOPNOTSUPP. */
int halyard_find_region(struct halyard_device *hdev, enum halyard_memory memory);
/* At unplug: nothing is mapped for the device any more. Who has something pinned still unpins. */
void halyard_bos_unplug(struct halyard_device *hdev);
/* The region of memory that is not of this device's making. */
u32 halyard_bo_host_region(struct halyard_device *hdev);
/* fdinfo's memory keys. */
void halyard_bo_show_fdinfo(struct drm_printer *p, struct drm_file *drm_file);

/* For the kinds. */
struct halyard_bo *halyard_bo_alloc(struct halyard_device *hdev, u64 size,
				    const struct drm_gem_object_funcs *funcs);
void halyard_bo_init(struct halyard_bo *bo, const struct halyard_bo_kind *kind, u32 region);
enum dma_data_direction halyard_bo_direction(const struct halyard_bo *bo);
struct sg_table *halyard_bo_map_sgt(struct halyard_bo *bo, struct sg_table *sgt);
void halyard_bo_unmap_sgt(struct halyard_bo *bo, struct sg_table *sgt);
int halyard_bo_check_shared(struct halyard_device *hdev, struct sg_table *sgt);
void halyard_gem_free(struct drm_gem_object *obj);
enum drm_gem_object_status halyard_gem_status(struct drm_gem_object *obj);

/* bo_shmem.c */
extern const struct halyard_bo_kind halyard_bo_shmem;
struct drm_gem_object *halyard_gem_create_object(struct drm_device *drm, size_t size);

/* bo_contig.c */
extern const struct halyard_bo_kind halyard_bo_contig;

/* prime.c */
struct dma_buf *halyard_gem_export(struct drm_gem_object *obj, int flags);
struct drm_gem_object *halyard_gem_prime_import(struct drm_device *drm, struct dma_buf *dma_buf);

/* ---- dump.c ---- */

int halyard_dump_init(struct halyard_device *hdev);

/* ---- firmware.c ---- */

int halyard_firmware_init(struct halyard_device *hdev);
bool halyard_firmware_failed(struct halyard_device *hdev);
void halyard_firmware_query(struct halyard_device *hdev, struct drm_halyard_query_firmware *answer);
/* Asks for the image anew and starts the device with it; not under a lock. */
int halyard_firmware_reload(struct halyard_device *hdev);

/* ---- vm.c, bind.c, kmem.c ---- */

/* Operations of one VM_BIND, as DEV_QUERY tells it. */
#define HALYARD_BIND_OPS_MAX		1024

/**
 * struct halyard_vm_core - the core's part of an address space
 * @vm: the address space
 * @ref: halyard_vm_get(), halyard_vm_put()
 * @link: in &halyard_core.vms
 * @user: whose share it counts in, or NULL outside of any file
 * @creator: process that made it, for debugfs
 * @pins: holds the module of the chip's driver
 * @spent_ns: device time, see turns.c; protected by &halyard_turns.lock
 * @dead: torn down; nothing is mapped and no chip call is made any more; protected by
 *	&halyard_vm.lock
 * @kernel_mm: the driver's own range; protected by &halyard_vm.lock
 * @kmems: memory in @kernel_mm; protected by &halyard_vm.lock
 * @quarantined: used when the last reference goes while the device may still reach what is mapped
 */
struct halyard_vm_core {
	struct halyard_vm *vm;
	struct kref ref;
	struct list_head link;
	struct halyard_user *user;
	pid_t creator;
	bool pins;
	u64 spent_ns;
	bool dead;
	struct drm_mm kernel_mm;
	struct list_head kmems;
	struct halyard_quarantined quarantined;
};

/* ERR_PTR(-ENOENT); a reference is given. */
struct halyard_vm *halyard_vm_get_by_id(struct halyard_file *file, u32 id);
struct halyard_vm *halyard_vm_get(struct halyard_vm *vm);
/* May sleep, talks to the device. Not under halyard_vm.lock, vms_lock or a reservation lock. */
void halyard_vm_put(struct halyard_vm *vm);
void halyard_vms_release(struct halyard_file *file);
/* False: an address space is but a context for queues. */
static inline bool halyard_has_mmu(struct halyard_device *hdev)
{
	return hdev->chip->ops->vm_map;
}

/* For the tests and for the mock chip: an address space outside of any file. */
struct halyard_vm *halyard_vm_create(struct halyard_device *hdev);
/* The operations of VM_BIND, on objects. They return its errors. */
int halyard_vm_map(struct halyard_vm *vm, struct halyard_bo *bo, u64 bo_offset, u64 va, u64 size,
		   u32 flags);
int halyard_vm_unmap(struct halyard_vm *vm, u64 va, u64 size);
/* The chip's vm_flush, under the lock; when it fails recovery is started: -EIO. */
int halyard_vm_flush(struct halyard_vm *vm);
int halyard_vm_clear(struct halyard_vm *vm, u64 va, u64 size);
/*
 * Every address space is gone from the device, which is quiet; nothing of it is mapped for DMA
 * afterwards.
 */
void halyard_vms_unplug(struct halyard_device *hdev);
/* kmem.c, at unplug: under the lock, no DMA memory is left; the users free the rest as ever. */
void halyard_kmems_revoke(struct halyard_vm *vm);
/* All locks of one kind are of one class for lockdep, which the two functions give them. */
void halyard_vm_lock_init(struct mutex *lock);
void halyard_file_lock_init(struct mutex *lock);

/* sysfs.c */
void halyard_sysfs_init(struct halyard_device *hdev);

/* debugfs.c */
#if IS_ENABLED(CONFIG_DEBUG_FS) && defined(CONFIG_HALYARD_DEBUGFS)
void halyard_debugfs_init(struct halyard_device *hdev);
void halyard_debugfs_fini(struct halyard_device *hdev);
#else
static inline void halyard_debugfs_init(struct halyard_device *hdev)
{
}

static inline void halyard_debugfs_fini(struct halyard_device *hdev)
{
}
#endif

/* ---- ioctls, by the file that has them ---- */

/* query.c */
int halyard_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *file);
/* bo.c */
int halyard_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *file);
int halyard_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *file);
int halyard_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *file);
/* userptr.c */
int halyard_ioctl_bo_from_userptr(struct drm_device *drm, void *data, struct drm_file *file);
/* vm.c */
int halyard_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *file);
int halyard_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *file);
/* bind.c */
int halyard_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *file);
/* queue.c */
int halyard_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *file);
int halyard_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *file);
int halyard_ioctl_queue_query(struct drm_device *drm, void *data, struct drm_file *file);
/* submit.c */
int halyard_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *file);

/* ---- sched.c, queue.c, submit.c, recovery.c, suspend.c: the job side ---- */

/* Device time that one run of a job may take, unless an administrator sets another limit. */
#define HALYARD_JOB_LIMIT_MS		(10 * 60 * MSEC_PER_SEC)

/* Limits of one SUBMIT, as DEV_QUERY tells them. Jobs of one call are bits of a u64. */
#define HALYARD_SUBMIT_JOBS_MAX		64
#define HALYARD_JOB_BUFFERS_MAX		1024
#define HALYARD_JOB_SYNCS_MAX		64

static inline u32 halyard_job_buffers_max(struct halyard_device *hdev)
{
	return hdev->limits.job_buffers ?: HALYARD_JOB_BUFFERS_MAX;
}

/* When the module is loaded. */
int halyard_jobs_init(void);
/* When it is unloaded: waits for what is being released, and for RCU. */
void halyard_jobs_exit(void);

/* At registration, after limits are known. */
int halyard_sched_init(struct halyard_device *hdev);
/* At the device's release. */
void halyard_sched_fini(struct halyard_device *hdev);
/* Before drm_dev_unplug(): stops the chip and signals everything with an error. */
void halyard_device_end(struct halyard_device *hdev);
/* After it: undoes all queues. */
void halyard_sched_unplug(struct halyard_device *hdev);
/* Lets what is in flight end, and stops the chip. */
void halyard_sched_suspend(struct halyard_device *hdev);
/* Starts it, makes queues anew and runs again what did not end before suspend. */
int halyard_sched_resume(struct halyard_device *hdev);
/* After halyard_sched_unplug(): no memory of a job is mapped for the device any more. */
void halyard_job_mems_revoke(struct halyard_device *hdev);
/* At close. */
void halyard_queues_release(struct halyard_file *file);
/* Counters for fdinfo, QUEUE_QUERY and debugfs. */
void halyard_file_engine_ns(struct halyard_file *file, u64 *ns);
void halyard_sched_debugfs(struct halyard_device *hdev, struct seq_file *m);
/* Error injection: the rung at which the recovery of a queue begins. */
void halyard_sched_debugfs_init(struct halyard_device *hdev, struct dentry *root);
/* Nothing reaches the card; it does again and is restarted, from any context. */
void halyard_freeze(struct halyard_device *hdev);
void halyard_thaw(struct halyard_device *hdev);
bool halyard_is_frozen(struct halyard_device *hdev);
/* reset_lock, once the card can be reached. */
void halyard_hardware_lock(struct halyard_device *hdev);
void halyard_hardware_unlock(struct halyard_device *hdev);
/* Starts recovery of the whole device, from any context. @reason is a string constant. */
void halyard_recover_device(struct halyard_device *hdev, const char *reason);
/* The same for a device that works, when it is to begin anew; not under a lock. */
void halyard_restart_device(struct halyard_device *hdev, const char *reason);
/*
 * Waits until recovery that was started is over: the device works, or is lost. Not under
 * reset_lock.
 */
void halyard_recover_wait(struct halyard_device *hdev);
/* Waits for releases under way: before a limit is reported as used up. */
void halyard_sched_flush(struct halyard_device *hdev);

#endif
