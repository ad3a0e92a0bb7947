/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The core's own structures, which no chip sees. One section per file of the core.
 */
#ifndef HALYARD_CORE_H
#define HALYARD_CORE_H

#include <linux/cred.h>
#include <linux/refcount.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_print.h>

#include <halyard/chip.h>

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
 * @refs: open files, protected by &halyard_core.users_lock
 * @used: of each resource, protected by &halyard_core.users_lock
 */
struct halyard_user {
	struct list_head link;
	kuid_t uid;
	unsigned int refs;
	u32 used[HALYARD_NUM_RES];
};

/**
 * struct halyard_file - an open file
 * @hdev: the device
 * @user: who opened it
 * @lock: protects @vms and @queues against changes; lookups take it to get a reference
 * @vms: by id
 * @queues: by id
 * @engine_ns: device time of queues already destroyed, per class; protected by @lock
 */
struct halyard_file {
	struct halyard_device *hdev;
	struct halyard_user *user;
	struct mutex lock;
	struct xarray vms;
	struct xarray queues;
	u64 engine_ns[HALYARD_MAX_ENGINE_CLASSES];
};

int halyard_client_open(struct drm_device *drm, struct drm_file *drm_file);
void halyard_client_close(struct drm_device *drm, struct drm_file *drm_file);
/* -EMFILE: the user's share is used up, -ENOSPC: the device's; a line in the log says which limit. */
int halyard_resource_get(struct halyard_file *file, enum halyard_resource res);
void halyard_resource_put(struct halyard_device *hdev, struct halyard_user *user,
			  enum halyard_resource res);

/* ---- device.c, pci.c: lifetime ---- */

/**
 * struct halyard_core - the core's part of a device
 * @users_lock: protects @users, &halyard_user.refs, &halyard_user.used and @used
 * @users: of the device, &halyard_user.link
 * @used: of each resource by all users
 * @vm_ids: hardware numbers of address spaces
 * @queue_ids: hardware numbers of queues to &struct halyard_queue; its xa_lock is taken with interrupts off
 * @num_vectors: interrupt vectors granted
 * @reset_lock: one recovery at a time; also held while queues are made and destroyed in hardware
 * @bo_bytes: held by buffer objects, in host memory
 * @sched: state of the job side, see queue.h
 * @lost: the device is lost: why, or NULL
 */
struct halyard_core {
	spinlock_t users_lock;
	struct list_head users;
	u32 used[HALYARD_NUM_RES];
	struct ida vm_ids;
	struct xarray queue_ids;
	unsigned int num_vectors;
	struct mutex reset_lock;
	atomic64_t bo_bytes;
	struct halyard_sched *sched;
	const char *lost;
};

extern const struct drm_driver halyard_drm_driver;

/* Allocation and registration apart from any bus, so that the mock chip of the tests can use them. */
struct halyard_device *halyard_device_alloc(struct device *parent, const struct halyard_chip *chip);
int halyard_device_register(struct halyard_device *hdev);
void halyard_device_unplug(struct halyard_device *hdev);
/* Function-level reset by the bus; -EOPNOTSUPP when there is none. */
int halyard_pci_function_reset(struct halyard_device *hdev);

/* ---- uobj.c: arguments from user space ---- */

/* A copy of an array with our own stride; ERR_PTR(-E2BIG/-EINVAL/-EFAULT/-ENOMEM); NULL when it is empty. kvfree() it. */
void *halyard_uobj_get_array(const struct drm_halyard_obj_array *in, u32 min_stride,
			     u32 obj_size, u32 max_count);

/* ---- bo.c, userptr.c ---- */

/**
 * struct halyard_bo - a buffer object
 * @base: GEM object with its pages
 * @flags: DRM_HALYARD_BO_*
 * @readonly: the device may only read it
 * @userptr: pinned pages of a process, or NULL
 */
struct halyard_bo {
	struct drm_gem_shmem_object base;
	u32 flags;
	bool readonly;
	struct halyard_userptr *userptr;
};

static inline struct halyard_bo *to_halyard_bo(struct drm_gem_object *obj)
{
	return container_of(to_drm_gem_shmem_obj(obj), struct halyard_bo, base);
}

struct drm_gem_object *halyard_gem_create_object(struct drm_device *drm, size_t size);
struct drm_gem_object *halyard_gem_prime_import_sg_table(struct drm_device *drm,
							 struct dma_buf_attachment *attach,
							 struct sg_table *sgt);
/* Pages mapped for the device, pinned until the last put; for mappings and for chips without MMU. */
struct sg_table *halyard_bo_pin(struct halyard_bo *bo);
void halyard_bo_unpin(struct halyard_bo *bo);

/* ---- vm.c, kmem.c ---- */

struct halyard_vm *halyard_vm_get_by_id(struct halyard_file *file, u32 id);
struct halyard_vm *halyard_vm_get(struct halyard_vm *vm);
void halyard_vm_put(struct halyard_vm *vm);
void halyard_vms_release(struct halyard_file *file);
/* For the tests and for the mock chip: an address space outside of any file. */
struct halyard_vm *halyard_vm_create(struct halyard_device *hdev);

/* ---- ioctls, by the file that has them ---- */

int halyard_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *drm_file);	/* query.c */
int halyard_ioctl_bo_create(struct drm_device *drm, void *data, struct drm_file *drm_file);	/* bo.c */
int halyard_ioctl_bo_mmap_offset(struct drm_device *drm, void *data, struct drm_file *drm_file);
int halyard_ioctl_bo_info(struct drm_device *drm, void *data, struct drm_file *drm_file);
int halyard_ioctl_bo_from_userptr(struct drm_device *drm, void *data, struct drm_file *drm_file); /* userptr.c */
int halyard_ioctl_vm_create(struct drm_device *drm, void *data, struct drm_file *drm_file);	/* vm.c */
int halyard_ioctl_vm_destroy(struct drm_device *drm, void *data, struct drm_file *drm_file);
int halyard_ioctl_vm_bind(struct drm_device *drm, void *data, struct drm_file *drm_file);
int halyard_ioctl_queue_create(struct drm_device *drm, void *data, struct drm_file *drm_file);	/* queue.c */
int halyard_ioctl_queue_destroy(struct drm_device *drm, void *data, struct drm_file *drm_file);
int halyard_ioctl_queue_query(struct drm_device *drm, void *data, struct drm_file *drm_file);
int halyard_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *drm_file);	/* submit.c */

/* ---- queue.c, job.c, submit.c, recovery.c: the job side ---- */

int halyard_sched_init(struct halyard_device *hdev);	/* at registration, after limits are known */
void halyard_sched_fini(struct halyard_device *hdev);	/* at the device's release */
void halyard_sched_unplug(struct halyard_device *hdev);	/* device is gone: signal everything with an error */
void halyard_sched_suspend(struct halyard_device *hdev); /* quiesce: nothing is in flight afterwards */
int halyard_sched_resume(struct halyard_device *hdev);
void halyard_queues_release(struct halyard_file *file);	/* at close */
/* Counters for fdinfo, QUEUE_QUERY and debugfs. */
void halyard_file_engine_ns(struct halyard_file *file, u64 *ns);
void halyard_sched_debugfs(struct halyard_device *hdev, struct seq_file *m);
/* Starts recovery of the whole device, from any context. @reason is a string constant. */
void halyard_recover_device(struct halyard_device *hdev, const char *reason);

#endif
