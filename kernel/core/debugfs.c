// SPDX-License-Identifier: GPL-2.0-only
/* Files in debugfs, for people: bos, vms, queues, limits; and the chip's own. */

#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_gem.h>

#include "core.h"
#include "vram.h"

static struct halyard_device *halyard_debugfs_device(struct seq_file *m)
{
	struct drm_debugfs_entry *entry = m->private;

	return to_halyard_device(entry->dev);
}

static int halyard_debugfs_bos(struct seq_file *m, void *data)
{
	struct halyard_device *hdev = halyard_debugfs_device(m);
	struct halyard_bo *bo;
	unsigned int i;

	seq_puts(m, "     pid         bytes  handles  refs  pins  region  kind\n");
	mutex_lock(&hdev->core->bos_lock);
	list_for_each_entry(bo, &hdev->core->bos, link) {
		struct drm_gem_object *obj = &bo->gem;

		seq_printf(m, "%8d  %12zu  %7u  %4u  %4u  %6s  %s%s%s\n", bo->creator, obj->size,
			   READ_ONCE(obj->handle_count), kref_read(&obj->refcount),
			   READ_ONCE(bo->pins), hdev->chip->regions[bo->region].name,
			   bo->kind->name, bo->readonly ? ", read-only" : "",
			   READ_ONCE(obj->dma_buf) ? ", shared" : "");
	}
	mutex_unlock(&hdev->core->bos_lock);
	for (i = 0; i < hdev->chip->num_regions; i++)
		seq_printf(m, "%s: %lld of %llu bytes\n", hdev->chip->regions[i].name,
			   atomic64_read(&hdev->core->region_used[i]),
			   halyard_bo_region_size(hdev, i));
	return 0;
}

static int halyard_debugfs_vms(struct seq_file *m, void *data)
{
	struct halyard_device *hdev = halyard_debugfs_device(m);
	struct halyard_vm_core *core;

	mutex_lock(&hdev->core->vms_lock);
	list_for_each_entry(core, &hdev->core->vms, link) {
		struct halyard_vm *vm = core->vm;

		mutex_lock(&vm->lock);
		seq_printf(m, "address space %u, pid %d%s\n", vm->hw_id, core->creator,
			   core->dead ? ", dead" : "");
		drm_debugfs_gpuva_info(m, &vm->gpuvm);
		mutex_unlock(&vm->lock);
	}
	mutex_unlock(&hdev->core->vms_lock);
	return 0;
}

static int halyard_debugfs_queues(struct seq_file *m, void *data)
{
	halyard_sched_debugfs(halyard_debugfs_device(m), m);
	return 0;
}

static int halyard_debugfs_limits(struct seq_file *m, void *data)
{
	struct halyard_device *hdev = halyard_debugfs_device(m);
	struct halyard_core *core = hdev->core;
	struct halyard_user *user;

	seq_puts(m, "     uid   files  queues  address spaces\n");
	spin_lock(&core->users_lock);
	list_for_each_entry(user, &core->users, link)
		seq_printf(m, "%8u  %6u  %6u  %14u\n", from_kuid_munged(&init_user_ns, user->uid),
			   user->refs, user->used[HALYARD_RES_QUEUE], user->used[HALYARD_RES_VM]);
	seq_printf(m, "     all          %6u  %14u\n", core->used[HALYARD_RES_QUEUE],
		   core->used[HALYARD_RES_VM]);
	spin_unlock(&core->users_lock);
	seq_printf(m, "      of          %6u  %14u\n", hdev->limits.queues, hdev->limits.vms);
	return 0;
}

static int halyard_debugfs_memory(struct seq_file *m, void *data)
{
	struct halyard_device *hdev = halyard_debugfs_device(m);
	struct drm_printer p = drm_seq_file_printer(m);

	if (hdev->core->vram)
		halyard_vram_show(hdev, &p);
	return 0;
}

/* Writing anything loads the firmware's image anew. */
static ssize_t halyard_debugfs_reload(struct file *file, const char __user *buffer, size_t size,
				      loff_t *offset)
{
	struct halyard_device *hdev = file_inode(file)->i_private;
	int idx, ret;

	if (!drm_dev_enter(&hdev->drm, &idx))
		return -ENODEV;
	ret = halyard_power_get(hdev);
	if (!ret) {
		ret = halyard_firmware_reload(hdev);
		halyard_power_put(hdev);
	}
	drm_dev_exit(idx);
	return ret ?: size;
}

static const struct file_operations halyard_debugfs_reload_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = halyard_debugfs_reload,
	.llseek = noop_llseek,
};

static const struct drm_debugfs_info halyard_debugfs_files[] = {
	{ "bos", halyard_debugfs_bos },
	{ "vms", halyard_debugfs_vms },
	{ "queues", halyard_debugfs_queues },
	{ "limits", halyard_debugfs_limits },
	{ "memory", halyard_debugfs_memory },
};

/*
 * accel/<bus address> is the DRM core's; other kinds of nodes get a link by number from it, too. It
 * removes the link with the minor.
 */
static void halyard_debugfs_link(struct drm_device *drm)
{
	struct drm_minor *minor = drm->accel;
	char number[12];

	snprintf(number, sizeof(number), "%d", minor->index);
	minor->debugfs_symlink = debugfs_create_symlink(number, drm->debugfs_root->d_parent,
							drm->unique);
}

/**
 * halyard_debugfs_init() - adds a device's files; the DRM core removes them at unplug
 * @hdev: the device, about to be registered
 */
void halyard_debugfs_init(struct halyard_device *hdev)
{
	struct dentry *root = hdev->drm.debugfs_root;

	if (IS_ERR_OR_NULL(root))
		return;
	drm_debugfs_add_files(&hdev->drm, halyard_debugfs_files, ARRAY_SIZE(halyard_debugfs_files));
	halyard_debugfs_link(&hdev->drm);
	halyard_sched_debugfs_init(hdev, root);
	if (hdev->chip->firmware)
		debugfs_create_file("firmware_reload", 0200, root, hdev,
				    &halyard_debugfs_reload_fops);
}

/**
 * halyard_debugfs_fini() - removes what the DRM core leaves when it does not register the device
 * @hdev: the device
 */
void halyard_debugfs_fini(struct halyard_device *hdev)
{
	debugfs_remove(hdev->drm.accel->debugfs_symlink);
	hdev->drm.accel->debugfs_symlink = NULL;
}
