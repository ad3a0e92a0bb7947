// SPDX-License-Identifier: GPL-2.0-only
/*
 * Firmware that a device can't work without. The image is kept, so that recovery can load it again
 * without reading files. A device whose firmware does not run stays registered, so that it can say
 * why; it takes no queue, and works when it was given a better image and told to reload it.
 */

#include <linux/firmware.h>

#include <drm/drm_managed.h>

#include "core.h"
#include "vram.h"

/**
 * struct halyard_firmware - &halyard_core.firmware
 * @lock: protects @version and @error
 * @image: a copy of the file, as the loader shares what it has loaded with whoever asks while it
 *	is in use; empty without a file; changed under &halyard_core.reset_lock
 * @version: of what runs, as its maker prints it, or empty
 * @error: why nothing runs, a sentence, or empty
 */
struct halyard_firmware {
	spinlock_t lock; /* version, error */
	struct firmware image;
	char version[sizeof_field(struct drm_halyard_query_firmware, version)];
	char error[sizeof_field(struct drm_halyard_query_firmware, error)];
};

/**
 * halyard_firmware_image() - the image to be loaded
 * @hdev: the device
 *
 * For chips, from &halyard_chip_ops.start.
 *
 * Return: the image, or NULL when there is none, of which users have been told
 */
const struct firmware *halyard_firmware_image(struct halyard_device *hdev)
{
	const struct firmware *image = &hdev->core->firmware->image;

	return image->data ? image : NULL;
}
EXPORT_SYMBOL_GPL(halyard_firmware_image);

/**
 * halyard_firmware_runs() - says that the device runs its firmware
 * @hdev: the device
 * @format: of the version, for people
 *
 * For chips, from &halyard_chip_ops.start.
 */
void halyard_firmware_runs(struct halyard_device *hdev, const char *format, ...)
{
	struct halyard_firmware *firmware = hdev->core->firmware;
	char version[sizeof(firmware->version)];
	va_list arguments;
	bool news;

	va_start(arguments, format);
	vscnprintf(version, sizeof(version), format, arguments);
	va_end(arguments);

	spin_lock(&firmware->lock);
	news = strcmp(firmware->version, version);
	strscpy(firmware->version, version, sizeof(firmware->version));
	firmware->error[0] = '\0';
	spin_unlock(&firmware->lock);
	if (news)
		dev_info(hdev->dev, "firmware %s\n", version);
}
EXPORT_SYMBOL_GPL(halyard_firmware_runs);

/**
 * halyard_firmware_fails() - says why the device does not run its firmware
 * @hdev: the device
 * @format: of the reason, a sentence without full stop, for the log and for user space
 *
 * For chips, from &halyard_chip_ops.start.
 *
 * Return: -ENOEXEC
 */
int halyard_firmware_fails(struct halyard_device *hdev, const char *format, ...)
{
	struct halyard_firmware *firmware = hdev->core->firmware;
	char error[sizeof(firmware->error)];
	va_list arguments;

	va_start(arguments, format);
	vscnprintf(error, sizeof(error), format, arguments);
	va_end(arguments);

	spin_lock(&firmware->lock);
	strscpy(firmware->error, error, sizeof(firmware->error));
	firmware->version[0] = '\0';
	spin_unlock(&firmware->lock);
	dev_err(hdev->dev, "firmware %s: %s\n", hdev->chip->firmware, error);
	return -ENOEXEC;
}
EXPORT_SYMBOL_GPL(halyard_firmware_fails);

/**
 * halyard_firmware_failed() - whether the device does not run because of its firmware
 * @hdev: the device
 *
 * Return: true after halyard_firmware_fails(), until halyard_firmware_runs()
 */
bool halyard_firmware_failed(struct halyard_device *hdev)
{
	struct halyard_firmware *firmware = hdev->core->firmware;

	return firmware && READ_ONCE(firmware->error[0]);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_firmware_failed);

/**
 * halyard_firmware_query() - for DEV_QUERY
 * @hdev: the device
 * @answer: out
 */
void halyard_firmware_query(struct halyard_device *hdev, struct drm_halyard_query_firmware *answer)
{
	struct halyard_firmware *firmware = hdev->core->firmware;

	if (!firmware)
		return;
	spin_lock(&firmware->lock);
	strscpy(answer->version, firmware->version, sizeof(answer->version));
	strscpy(answer->error, firmware->error, sizeof(answer->error));
	spin_unlock(&firmware->lock);
}

static int halyard_firmware_read(struct halyard_device *hdev, struct firmware *image)
{
	const struct firmware *file;
	int ret;

	ret = firmware_request_nowarn(&file, hdev->chip->firmware, hdev->dev);
	if (ret)
		return ret;
	image->data = kvmemdup(file->data, file->size, GFP_KERNEL);
	image->size = file->size;
	release_firmware(file);
	return image->data ? 0 : -ENOMEM;
}

static void halyard_firmware_release(struct drm_device *drm, void *data)
{
	struct halyard_firmware *firmware = data;

	kvfree(firmware->image.data);
}

/**
 * halyard_firmware_init() - gets the image for a device that needs one, before it is started
 * @hdev: the device
 *
 * Return: 0, also when there is no image, or -ENOMEM
 */
int halyard_firmware_init(struct halyard_device *hdev)
{
	struct halyard_firmware *firmware;
	int ret;

	if (!hdev->chip->firmware)
		return 0;
	firmware = drmm_kzalloc(&hdev->drm, sizeof(*firmware), GFP_KERNEL);
	if (!firmware)
		return -ENOMEM;
	spin_lock_init(&firmware->lock);
	hdev->core->firmware = firmware;

	ret = halyard_firmware_read(hdev, &firmware->image);
	if (ret == -ENOENT)
		halyard_firmware_fails(hdev, "there is no such file in /lib/firmware");
	else if (ret)
		halyard_firmware_fails(hdev, "the file can't be read: %d", ret);
	return drmm_add_action_or_reset(&hdev->drm, halyard_firmware_release, firmware);
}

/**
 * halyard_firmware_reload() - starts the device anew, with the image that is there now
 * @hdev: the device, which runs or does not
 *
 * Queues survive when it ran before. Not under a lock; between drm_dev_enter() and drm_dev_exit().
 *
 * Return: 0; what the firmware loader says, and nothing has changed; -ENOEXEC when the image does
 *	not run; -EOPNOTSUPP, -EIO
 */
int halyard_firmware_reload(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	struct firmware image = {}, old;
	int ret;

	if (!core->firmware)
		return -EOPNOTSUPP;
	ret = halyard_firmware_read(hdev, &image);
	if (ret)
		return ret;

	mutex_lock(&core->reset_lock);
	old = core->firmware->image;
	core->firmware->image = image;
	mutex_unlock(&core->reset_lock);

	halyard_restart_device(hdev, "its firmware is loaded anew");
	halyard_recover_wait(hdev);
	kvfree(old.data);
	if (READ_ONCE(core->lost))
		return -EIO;
	if (READ_ONCE(core->down))
		return -ENOEXEC;
	return halyard_copies_start(hdev);
}
EXPORT_SYMBOL_HALYARD_TESTS(halyard_firmware_reload);
