// SPDX-License-Identifier: GPL-2.0-only
/* Attributes in /sys/class/accel/accelN: what an administrator may set for all clients. */

#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "queue.h"

static struct halyard_device *halyard_sysfs_device(struct device *dev)
{
	struct drm_minor *minor = dev_get_drvdata(dev);

	return to_halyard_device(minor->dev);
}

static ssize_t job_limit_ms_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct halyard_sched *sched = halyard_sysfs_device(dev)->core->sched;

	return sysfs_emit(buf, "%u\n", READ_ONCE(sched->job_limit_ms));
}

static ssize_t job_limit_ms_store(struct device *dev, struct device_attribute *attr,
				  const char *buf, size_t count)
{
	struct halyard_sched *sched = halyard_sysfs_device(dev)->core->sched;
	unsigned int ms;
	int ret;

	ret = kstrtouint(buf, 0, &ms);
	if (ret)
		return ret;
	WRITE_ONCE(sched->job_limit_ms, ms);
	return count;
}
static DEVICE_ATTR_RW(job_limit_ms);

static struct attribute *halyard_attrs[] = {
	&dev_attr_job_limit_ms.attr,
	NULL
};
ATTRIBUTE_GROUPS(halyard);

/**
 * halyard_sysfs_init() - gives a device its attributes
 * @hdev: the device, not yet registered; they come and go with its node
 */
void halyard_sysfs_init(struct halyard_device *hdev)
{
	hdev->drm.accel->kdev->groups = halyard_groups;
}
