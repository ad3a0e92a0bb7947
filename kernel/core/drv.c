// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver towards the DRM core: ioctl table, file operations, fdinfo, module.
 *
 * Versions of the uAPI:
 * - 1.0: the first
 * - 1.1: drm_halyard_query_limits.job_limit_ns
 */

#include <linux/module.h>
#include <linux/nospec.h>
#include <linux/uaccess.h>

#include <drm/drm_accel.h>
#include <drm/drm_gem.h>
#include <drm/drm_ioctl.h>

#include <compat.h>

#include "core.h"

/* A call that stumbled over what a lost device had left says that the device is lost. */
static int halyard_call_result(struct drm_device *drm, int ret)
{
	return ret == -EIO && READ_ONCE(to_halyard_device(drm)->core->lost) ? -ENODEV : ret;
}

/*
 * What every call has in common stands here once: what must be zero is, and the device stays while
 * the call runs.
 * @must_be_zero is an expression on @args.
 */
#define HALYARD_IOCTL(name, must_be_zero)							\
	static int halyard_call_##name(struct drm_device *drm, void *data,			\
				       struct drm_file *drm_file)				\
	{											\
		const struct drm_halyard_##name *args = data;					\
		int idx, ret;									\
												\
		(void)args;									\
		if (must_be_zero)								\
			return -EINVAL;								\
		if (!drm_dev_enter(drm, &idx))							\
			return -ENODEV;								\
		ret = halyard_ioctl_##name(drm, data, drm_file);				\
		drm_dev_exit(idx);								\
		return halyard_call_result(drm, ret);						\
	}

HALYARD_IOCTL(dev_query, 0)
HALYARD_IOCTL(bo_create, args->flags | args->pad)
HALYARD_IOCTL(bo_mmap_offset, args->pad)
HALYARD_IOCTL(bo_info, args->flags | args->pad)
HALYARD_IOCTL(bo_from_userptr, args->flags & ~DRM_HALYARD_USERPTR_READONLY)
HALYARD_IOCTL(vm_create, args->flags)
HALYARD_IOCTL(vm_destroy, args->pad)
HALYARD_IOCTL(vm_bind, args->flags | args->pad)
HALYARD_IOCTL(queue_create, args->flags | args->pad)
HALYARD_IOCTL(queue_destroy, args->pad)
HALYARD_IOCTL(queue_query, 0)
HALYARD_IOCTL(submit, args->flags | args->pad)

static const struct drm_ioctl_desc halyard_ioctls[] = {
	DRM_IOCTL_DEF_DRV(HALYARD_DEV_QUERY, halyard_call_dev_query, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_BO_CREATE, halyard_call_bo_create, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_BO_MMAP_OFFSET, halyard_call_bo_mmap_offset, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_BO_INFO, halyard_call_bo_info, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_BO_FROM_USERPTR, halyard_call_bo_from_userptr, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_VM_CREATE, halyard_call_vm_create, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_VM_DESTROY, halyard_call_vm_destroy, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_VM_BIND, halyard_call_vm_bind, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_QUEUE_CREATE, halyard_call_queue_create, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_QUEUE_DESTROY, halyard_call_queue_destroy, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_QUEUE_QUERY, halyard_call_queue_query, 0),
	DRM_IOCTL_DEF_DRV(HALYARD_SUBMIT, halyard_call_submit, 0),
};

/*
 * A newer user's struct may be longer than ours. The DRM core drops what is behind; we accept that
 * only when it says nothing.
 */
static int halyard_check_longer_struct(unsigned int cmd, unsigned long arg)
{
	unsigned int nr = DRM_IOCTL_NR(cmd) - DRM_COMMAND_BASE;
	unsigned int size = _IOC_SIZE(cmd), known;
	int ret;

	if (DRM_IOCTL_NR(cmd) < DRM_COMMAND_BASE || nr >= ARRAY_SIZE(halyard_ioctls))
		return 0;

	known = _IOC_SIZE(halyard_ioctls[array_index_nospec(nr, ARRAY_SIZE(halyard_ioctls))].cmd);
	if (size <= known || !(cmd & IOC_IN))
		return 0;

	ret = check_zeroed_user((void __user *)arg + known, size - known);
	if (ret < 0)
		return ret;
	return ret ? 0 : -E2BIG;
}

static int halyard_check_ioctl(unsigned int cmd, unsigned long arg)
{
	switch (DRM_IOCTL_NR(cmd)) {
	case DRM_IOCTL_NR(DRM_IOCTL_GET_UNIQUE):
	case DRM_IOCTL_NR(DRM_IOCTL_GET_MAGIC):
		/* The DRM core takes a master for granted in them, and an accel node has none. */
		return -EOPNOTSUPP;
	case DRM_IOCTL_NR(DRM_IOCTL_GEM_FLINK):
	case DRM_IOCTL_NR(DRM_IOCTL_GEM_OPEN):
		/*
		 * Names that anybody can guess. There is no way round what may be shared, by a
		 * dma-buf, which has a permission of its own.
		 */
		return -EOPNOTSUPP;
	default:
		return halyard_check_longer_struct(cmd, arg);
	}
}

static long halyard_unlocked_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	int ret = halyard_check_ioctl(cmd, arg);

	return ret ?: drm_ioctl(filp, cmd, arg);
}

static long __maybe_unused halyard_compat_ioctl(struct file *filp, unsigned int cmd,
						unsigned long arg)
{
	int ret = halyard_check_ioctl(cmd, (unsigned long)compat_ptr(arg));

	return ret ?: drm_compat_ioctl(filp, cmd, arg);
}

/* DRM_ACCEL_FOPS with what differs. */
static const struct file_operations halyard_fops = {
	.owner = THIS_MODULE,
	.open = accel_open,
	.release = drm_release,
	.unlocked_ioctl = halyard_unlocked_ioctl,
	.compat_ioctl = IS_ENABLED(CONFIG_COMPAT) ? halyard_compat_ioctl : NULL,
	.poll = drm_poll,
	.read = drm_read,
	.llseek = noop_llseek,
	.mmap = drm_gem_mmap,
	.show_fdinfo = drm_show_fdinfo,
	.fop_flags = FOP_UNSIGNED_OFFSET,
};

static void halyard_show_fdinfo(struct drm_printer *p, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	const struct halyard_chip *chip = file->hdev->chip;
	u64 ns[HALYARD_MAX_ENGINE_CLASSES] = {};
	unsigned int i;

	halyard_file_engine_ns(file, ns);
	for (i = 0; i < chip->num_classes; i++) {
		drm_printf(p, "drm-engine-%s:\t%llu ns\n", chip->classes[i].name, ns[i]);
		drm_printf(p, "drm-engine-capacity-%s:\t%u\n", chip->classes[i].name,
			   chip->classes[i].count);
	}
	halyard_bo_show_fdinfo(p, drm_file);
}

const struct drm_driver halyard_drm_driver = {
	.driver_features = DRIVER_COMPUTE_ACCEL | DRIVER_GEM | DRIVER_SYNCOBJ |
			   DRIVER_SYNCOBJ_TIMELINE | HALYARD_DRIVER_GEM_GPUVA,
	.open = halyard_client_open,
	.postclose = halyard_client_close,
	.show_fdinfo = halyard_show_fdinfo,
	.gem_create_object = halyard_gem_create_object,
	.gem_prime_import = halyard_gem_prime_import,
	.ioctls = halyard_ioctls,
	.num_ioctls = ARRAY_SIZE(halyard_ioctls),
	.fops = &halyard_fops,
	.name = "halyard",
	.desc = "Halyard accelerators",
	.major = DRM_HALYARD_VERSION_MAJOR,
	.minor = DRM_HALYARD_VERSION_MINOR,
};

static int __init halyard_module_init(void)
{
	return halyard_jobs_init();
}
module_init(halyard_module_init);

static void __exit halyard_module_exit(void)
{
	halyard_jobs_exit();
}
module_exit(halyard_module_exit);

MODULE_DESCRIPTION("Framework for accelerators");
MODULE_AUTHOR("The Halyard maintainers");
MODULE_LICENSE("GPL");
HALYARD_IMPORT_NS(DMA_BUF);
