// SPDX-License-Identifier: GPL-2.0-only
/*
 * Open files, and what each user may have of a device. Shares are by user and not by file, because
 * a file is had for the asking: root may take all there is, anybody else half, so that nobody alone
 * can keep others out.
 */

#include <linux/slab.h>

#include "core.h"

/* One place, so that all files' locks are of one class. */
void halyard_file_lock_init(struct mutex *lock)
{
	mutex_init(lock);
}

static const char *const halyard_resource_names[HALYARD_NUM_RES] = {
	[HALYARD_RES_QUEUE] = "queues",
	[HALYARD_RES_VM] = "address spaces",
};

/* With users_lock held. */
static bool halyard_user_idle(const struct halyard_user *user)
{
	unsigned int i;

	if (user->refs)
		return false;
	for (i = 0; i < HALYARD_NUM_RES; i++) {
		if (user->used[i])
			return false;
	}
	return true;
}

static struct halyard_user *halyard_user_get(struct halyard_device *hdev, kuid_t uid)
{
	struct halyard_core *core = hdev->core;
	struct halyard_user *fresh, *user;

	fresh = kzalloc(sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return NULL;
	fresh->uid = uid;

	spin_lock(&core->users_lock);
	list_for_each_entry(user, &core->users, link) {
		if (uid_eq(user->uid, uid))
			goto found;
	}
	user = fresh;
	fresh = NULL;
	list_add_tail(&user->link, &core->users);
found:
	user->refs++;
	spin_unlock(&core->users_lock);

	kfree(fresh);
	return user;
}

static void halyard_user_put(struct halyard_device *hdev, struct halyard_user *user)
{
	struct halyard_core *core = hdev->core;
	bool idle;

	spin_lock(&core->users_lock);
	user->refs--;
	idle = halyard_user_idle(user);
	if (idle)
		list_del(&user->link);
	spin_unlock(&core->users_lock);

	if (idle)
		kfree(user);
}

/**
 * halyard_resource_total() - what a device has of a resource
 * @hdev: the device
 * @res: the resource
 *
 * Return: how many
 */
u32 halyard_resource_total(struct halyard_device *hdev, enum halyard_resource res)
{
	return res == HALYARD_RES_QUEUE ? hdev->limits.queues : hdev->limits.vms;
}

/**
 * halyard_resource_share() - what a file's user may have of a resource
 * @file: the file
 * @res: the resource
 *
 * Return: how many
 */
u32 halyard_resource_share(struct halyard_file *file, enum halyard_resource res)
{
	u32 total = halyard_resource_total(file->hdev, res);

	if (uid_eq(file->user->uid, GLOBAL_ROOT_UID))
		return total;
	return max(total / 2, 1U);
}

/* With the first queue comes a number, of which there are enough for one queue per user. */
static void halyard_share_get(struct halyard_core *core, struct halyard_user *user,
			      enum halyard_resource res)
{
	lockdep_assert_held(&core->users_lock);

	if (res != HALYARD_RES_QUEUE || user->used[res])
		return;
	user->share = find_next_zero_bit(core->shares, HALYARD_MAX_QUEUES + 1, 1);
	__set_bit(user->share, core->shares);
}

static void halyard_share_put(struct halyard_core *core, struct halyard_user *user,
			      enum halyard_resource res)
{
	lockdep_assert_held(&core->users_lock);

	if (res == HALYARD_RES_QUEUE && !user->used[res])
		__clear_bit(user->share, core->shares);
}

static int halyard_resource_try_get(struct halyard_file *file, enum halyard_resource res,
				    u32 share, u32 total)
{
	struct halyard_core *core = file->hdev->core;
	struct halyard_user *user = file->user;
	int ret = 0;

	spin_lock(&core->users_lock);
	if (user->used[res] >= share && share < total)
		ret = -EMFILE;
	else if (core->used[res] >= total)
		ret = -ENOSPC;
	if (!ret) {
		halyard_share_get(core, user, res);
		user->used[res]++;
		core->used[res]++;
	}
	spin_unlock(&core->users_lock);
	return ret;
}

/**
 * halyard_resource_get() - counts one more of a resource
 * @file: whose user is to have it
 * @res: the resource
 *
 * Return: 0, -EMFILE when the user's share is used up, -ENOSPC when the device's is
 */
int halyard_resource_get(struct halyard_file *file, enum halyard_resource res)
{
	u32 total = halyard_resource_total(file->hdev, res);
	u32 share = halyard_resource_share(file, res);
	int ret;

	ret = halyard_resource_try_get(file, res, share, total);
	if (!ret)
		return 0;

	/* What was destroyed just now may be counted still. */
	halyard_sched_flush(file->hdev);
	ret = halyard_resource_try_get(file, res, share, total);
	if (ret == -EMFILE)
		dev_notice_ratelimited(file->hdev->dev,
				       "user %u has all %u %s that one user may have\n",
				       from_kuid_munged(&init_user_ns, file->user->uid), share,
				       halyard_resource_names[res]);
	else if (ret)
		dev_notice_ratelimited(file->hdev->dev, "all %u %s of the device are in use\n",
				       total, halyard_resource_names[res]);
	return ret;
}

/**
 * halyard_resource_put() - gives one of a resource back
 * @hdev: the device
 * @user: &halyard_file.user of the file that got it, which may be closed
 * @res: the resource
 */
void halyard_resource_put(struct halyard_device *hdev, struct halyard_user *user,
			  enum halyard_resource res)
{
	struct halyard_core *core = hdev->core;
	bool idle;

	spin_lock(&core->users_lock);
	user->used[res]--;
	core->used[res]--;
	halyard_share_put(core, user, res);
	idle = halyard_user_idle(user);
	if (idle)
		list_del(&user->link);
	spin_unlock(&core->users_lock);

	if (idle)
		kfree(user);
}

/**
 * halyard_client_open() - &drm_driver.open
 * @drm: the device
 * @drm_file: the new file
 *
 * Return: 0 or -ENOMEM
 */
int halyard_client_open(struct drm_device *drm, struct drm_file *drm_file)
{
	struct halyard_device *hdev = to_halyard_device(drm);
	struct halyard_file *file;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return -ENOMEM;

	file->user = halyard_user_get(hdev, current_uid());
	if (!file->user) {
		kfree(file);
		return -ENOMEM;
	}
	file->hdev = hdev;
	halyard_file_lock_init(&file->lock);
	xa_init_flags(&file->vms, XA_FLAGS_ALLOC1);
	xa_init_flags(&file->queues, XA_FLAGS_ALLOC1);
	drm_file->driver_priv = file;
	return 0;
}

/**
 * halyard_client_close() - &drm_driver.postclose: queues first, they use address spaces
 * @drm: the device
 * @drm_file: the file, whose handles are gone
 */
void halyard_client_close(struct drm_device *drm, struct drm_file *drm_file)
{
	struct halyard_file *file = drm_file->driver_priv;

	halyard_queues_release(file);
	halyard_vms_release(file);
	halyard_user_put(file->hdev, file->user);
	xa_destroy(&file->queues);
	xa_destroy(&file->vms);
	mutex_destroy(&file->lock);
	kfree(file);
}
