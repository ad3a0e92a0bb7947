// SPDX-License-Identifier: GPL-2.0-only
/* DEV_QUERY: facts about the device, with the size of the answer negotiated. */

#include <linux/ktime.h>
#include <linux/uaccess.h>

#include "queue.h"

/*
 * Writes as much of the answer as the caller has room for, zeroes what is left of the room, and
 * says how much there is.
 */
static int halyard_query_answer(struct drm_halyard_dev_query *args, const void *answer, u32 size)
{
	void __user *user = u64_to_user_ptr(args->pointer);
	u32 room = args->size, copied = min(room, size);

	args->size = size;
	if (!args->pointer)
		return 0;
	if (copy_to_user(user, answer, copied))
		return -EFAULT;
	if (room > copied && clear_user(user + copied, room - copied))
		return -EFAULT;
	return 0;
}

static int halyard_query_time(struct halyard_device *hdev, struct drm_halyard_query_device *device)
{
	u64 before;
	int ret;

	ret = halyard_power_get(hdev);
	if (ret)
		return ret;
	/* Of a card that the bus does not reach all bits would be set. */
	halyard_hardware_lock(hdev);
	before = ktime_get_ns();
	device->timestamp = hdev->chip->ops->timestamp(hdev);
	device->cpu_time = before + (ktime_get_ns() - before) / 2;
	halyard_hardware_unlock(hdev);
	halyard_power_put(hdev);
	return 0;
}

static int halyard_query_device(struct halyard_file *file, struct drm_halyard_dev_query *args)
{
	struct halyard_device *hdev = file->hdev;
	const struct halyard_limits *limits = &hdev->limits;
	struct drm_halyard_query_device device = {
		.revision = hdev->revision,
		.flags = halyard_has_mmu(hdev) ? DRM_HALYARD_DEVICE_HAS_MMU : 0,
		.va_start = limits->va_start,
		.va_end = limits->va_end,
		.page_size = PAGE_SIZE,
		.large_page_size = limits->large_page_size,
		.timestamp_hz = limits->timestamp_hz,
	};
	int ret;

	/* Who does not ask for the time does not wake the device up. */
	if (args->pointer && args->size > offsetof(typeof(device), timestamp)) {
		ret = halyard_query_time(hdev, &device);
		if (ret)
			return ret;
	}
	strscpy(device.chip, hdev->chip->name, sizeof(device.chip));
	strscpy(device.name, hdev->chip->description, sizeof(device.name));
	return halyard_query_answer(args, &device, sizeof(device));
}

static int halyard_query_engines(struct halyard_file *file, struct drm_halyard_dev_query *args)
{
	const struct halyard_chip *chip = file->hdev->chip;
	struct drm_halyard_query_engine engines[HALYARD_MAX_ENGINE_CLASSES] = {};
	unsigned int i;

	for (i = 0; i < chip->num_classes; i++) {
		strscpy(engines[i].name, chip->classes[i].name, sizeof(engines[i].name));
		engines[i].engine_class = i;
		engines[i].count = chip->classes[i].count;
		engines[i].priorities = chip->classes[i].priorities;
	}
	return halyard_query_answer(args, engines, chip->num_classes * sizeof(engines[0]));
}

static int halyard_query_memory(struct halyard_file *file, struct drm_halyard_dev_query *args)
{
	struct drm_halyard_query_memory memory[HALYARD_MAX_REGIONS] = {};
	struct halyard_device *hdev = file->hdev;
	unsigned int i;

	for (i = 0; i < hdev->chip->num_regions; i++) {
		strscpy(memory[i].name, hdev->chip->regions[i].name, sizeof(memory[i].name));
		memory[i].region = i;
		memory[i].flags = DRM_HALYARD_MEMORY_MAPPABLE;
		if (hdev->chip->regions[i].memory != HALYARD_MEMORY_CARD)
			memory[i].flags |= DRM_HALYARD_MEMORY_HOST;
		memory[i].size = halyard_bo_region_size(hdev, i);
		memory[i].used = atomic64_read(&hdev->core->region_used[i]);
	}
	return halyard_query_answer(args, memory, hdev->chip->num_regions * sizeof(memory[0]));
}

static int halyard_query_limits(struct halyard_file *file, struct drm_halyard_dev_query *args)
{
	struct halyard_device *hdev = file->hdev;
	struct halyard_core *core = hdev->core;
	struct drm_halyard_query_limits limits = {
		.queues_max = halyard_resource_total(hdev, HALYARD_RES_QUEUE),
		.queues_user_max = halyard_resource_share(file, HALYARD_RES_QUEUE),
		.vms_max = halyard_resource_total(hdev, HALYARD_RES_VM),
		.vms_user_max = halyard_resource_share(file, HALYARD_RES_VM),
		.queue_depth = hdev->limits.queue_depth,
		.submit_jobs_max = HALYARD_SUBMIT_JOBS_MAX,
		.job_buffers_max = halyard_job_buffers_max(hdev),
		.job_syncs_max = HALYARD_JOB_SYNCS_MAX,
		.payload_max = hdev->limits.payload_size,
		.bind_ops_max = halyard_has_mmu(hdev) ? HALYARD_BIND_OPS_MAX : 0,
		.bo_size_max = halyard_bo_size_max(hdev),
		.timeout_ns = (u64)READ_ONCE(core->sched->timeout_ms) * NSEC_PER_MSEC,
		.job_limit_ns = (u64)READ_ONCE(core->sched->job_limit_ms) * NSEC_PER_MSEC,
	};

	spin_lock(&core->users_lock);
	limits.queues_used = core->used[HALYARD_RES_QUEUE];
	limits.queues_user_used = file->user->used[HALYARD_RES_QUEUE];
	limits.vms_used = core->used[HALYARD_RES_VM];
	limits.vms_user_used = file->user->used[HALYARD_RES_VM];
	spin_unlock(&core->users_lock);

	return halyard_query_answer(args, &limits, sizeof(limits));
}

static int halyard_query_firmware(struct halyard_file *file, struct drm_halyard_dev_query *args)
{
	struct drm_halyard_query_firmware firmware = {};

	halyard_firmware_query(file->hdev, &firmware);
	return halyard_query_answer(args, &firmware, sizeof(firmware));
}

static int halyard_query_chip(struct halyard_file *file, struct drm_halyard_dev_query *args)
{
	struct halyard_device *hdev = file->hdev;

	if (!hdev->blob)
		return -EOPNOTSUPP;
	return halyard_query_answer(args, hdev->blob, hdev->chip->blob_size);
}

/**
 * halyard_ioctl_dev_query() - DRM_IOCTL_HALYARD_DEV_QUERY
 * @drm: the device
 * @data: &struct drm_halyard_dev_query
 * @drm_file: the caller's file
 *
 * Return: 0, -EINVAL for an unknown type, -EFAULT, -ENOMEM, -EOPNOTSUPP
 */
int halyard_ioctl_dev_query(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;
	struct drm_halyard_dev_query *args = data;

	switch (args->type) {
	case DRM_HALYARD_QUERY_DEVICE:
		return halyard_query_device(file, args);
	case DRM_HALYARD_QUERY_ENGINES:
		return halyard_query_engines(file, args);
	case DRM_HALYARD_QUERY_MEMORY:
		return halyard_query_memory(file, args);
	case DRM_HALYARD_QUERY_LIMITS:
		return halyard_query_limits(file, args);
	case DRM_HALYARD_QUERY_FIRMWARE:
		return halyard_query_firmware(file, args);
	case DRM_HALYARD_QUERY_CHIP:
		return halyard_query_chip(file, args);
	default:
		return -EINVAL;
	}
}
