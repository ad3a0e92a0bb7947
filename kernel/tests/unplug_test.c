// SPDX-License-Identifier: GPL-2.0-only
/* The device goes while it is used. */

#include <drm/drm_ioctl.h>

#include "mock.h"

static void unplug_with_jobs(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	u32 done[2 * MOCK_DEPTH], i;

	for (i = 0; i < ARRAY_SIZE(done); i++)
		done[i] = mock_submit_signalling(mock, queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, MOCK_DEPTH));
	halyard_device_unplug(mock->hdev);

	for (i = 0; i < MOCK_DEPTH; i++)
		KUNIT_EXPECT_FALSE(test, mock_pending(mock->file, done[i]));
	for (i = 0; i < ARRAY_SIZE(done); i++)
		KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done[i]), -ENODEV);
	KUNIT_EXPECT_GE(test, mock_calls(mock, MOCK_STOP), 1U);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, MOCK_DEPTH + 1, false), -1);
}

/**
 * struct unplug_waiter - a call in the midst of which the device goes
 * @work: of it
 * @hdev: the device
 * @fence: what it waits for, of a job that does not end
 * @entered: it is a call that unplugging waits for
 * @left: what the wait came to
 */
struct unplug_waiter {
	struct work_struct work;
	struct halyard_device *hdev;
	struct dma_fence *fence;
	struct completion entered;
	long left;
};

static void unplug_wait_for_fence(struct work_struct *work)
{
	struct unplug_waiter *waiter = container_of(work, struct unplug_waiter, work);
	int idx;

	if (!drm_dev_enter(&waiter->hdev->drm, &idx))
		return;
	complete(&waiter->entered);
	waiter->left = dma_fence_wait_timeout(waiter->fence, false, MOCK_PATIENCE);
	drm_dev_exit(idx);
}

static void unplug_ends_what_calls_wait_for(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	struct unplug_waiter waiter = { .hdev = mock->hdev };

	waiter.fence = mock_fence(mock->file, mock_submit_signalling(mock, queue), 0);
	KUNIT_ASSERT_NOT_NULL(test, waiter.fence);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	init_completion(&waiter.entered);
	INIT_WORK_ONSTACK(&waiter.work, unplug_wait_for_fence);
	schedule_work(&waiter.work);
	wait_for_completion(&waiter.entered);

	halyard_device_unplug(mock->hdev);
	flush_work(&waiter.work);
	destroy_work_on_stack(&waiter.work);
	KUNIT_EXPECT_GT(test, waiter.left, 0L);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(waiter.fence), -ENODEV);
	dma_fence_put(waiter.fence);
}

static void unplug_refuses_calls(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_query query = {};
	struct drm_halyard_queue_create create = {};
	struct drm_halyard_bo_create bo = { .size = PAGE_SIZE };
	struct drm_halyard_job job;
	u32 queue;

	create.vm_id = mock_vm_create(mock, mock->file);
	create.priority = DRM_HALYARD_PRIORITY_NORMAL;
	queue = mock_queue_create(mock, mock->file, create.vm_id);
	query.queue_id = queue;
	job = mock_job(mock, queue);
	halyard_device_unplug(mock->hdev);

	KUNIT_EXPECT_EQ(test, mock_submit(mock, mock->file, &job, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_QUEUE_CREATE, &create),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_QUEUE_QUERY, &query),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_BO_CREATE, &bo),
			-ENODEV);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, mock->file, queue), -ENODEV);
}

/* The DRM core looks first, but the device may go between its look and the call. */
static void unplug_refuses_late_calls(struct kunit *test)
{
	struct mock *mock = test->priv;
	const struct drm_driver *driver = mock->hdev->drm.driver;
	size_t size = 0;
	void *data;
	int i;

	for (i = 0; i < driver->num_ioctls; i++)
		size = max_t(size_t, size, _IOC_SIZE(driver->ioctls[i].cmd));
	data = kunit_kzalloc(test, size, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, data);
	halyard_device_unplug(mock->hdev);

	for (i = 0; i < driver->num_ioctls; i++) {
		const struct drm_ioctl_desc *call = &driver->ioctls[i];

		memset(data, 0, size);
		KUNIT_EXPECT_EQ_MSG(test, call->func(&mock->hdev->drm, data,
						     mock->file->private_data),
				    -ENODEV, "%s", call->name);
	}
}

static void unplug_twice(struct kunit *test)
{
	struct mock *mock = test->priv;

	halyard_device_unplug(mock->hdev);
	halyard_device_unplug(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 1U);
}

/* A fence may be in anybody's hands, and has names, after all else is gone. */
static void unplug_fence_outlives_device(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	struct dma_fence *fence;

	fence = mock_fence(mock->file, mock_submit_signalling(mock, queue), 0);
	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	halyard_device_unplug(mock->hdev);
	mock_close(mock->file);
	mock->file = NULL;
	platform_device_unregister(mock->pdev);
	mock->pdev = NULL;
	KUNIT_ASSERT_TRUE(test, wait_for_completion_timeout(&mock->released, MOCK_PATIENCE));

	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ENODEV);
	KUNIT_EXPECT_GT(test, strlen(fence->ops->get_timeline_name(fence)), 0UL);
	dma_fence_put(fence);
}

/* The chip is in the midst of a recovery that does not come to an end. */
static void unplug_during_hang(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	u32 done = mock_submit_signalling(mock, queue);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_fail(mock, MOCK_QUEUE_FINI, U32_MAX);
	mock_hang(mock, 0, true);
	halyard_device_fault(mock->hdev, "test");
	halyard_device_unplug(mock->hdev);
	KUNIT_EXPECT_LT(test, mock_result(mock, mock->file, done), 0);
}

/* It does not come back from sleep: what waits for that must not wait for ever. */
static void unplug_while_suspended(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	u32 done;

	halyard_sched_suspend(mock->hdev);
	done = mock_submit_signalling(mock, queue);
	halyard_device_unplug(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), -ENODEV);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, 1, false), -1);
}

static struct kunit_case unplug_cases[] = {
	KUNIT_CASE(unplug_with_jobs),
	KUNIT_CASE(unplug_ends_what_calls_wait_for),
	KUNIT_CASE(unplug_refuses_calls),
	KUNIT_CASE(unplug_refuses_late_calls),
	KUNIT_CASE(unplug_twice),
	KUNIT_CASE(unplug_fence_outlives_device),
	KUNIT_CASE(unplug_during_hang),
	KUNIT_CASE(unplug_while_suspended),
	{}
};

struct kunit_suite halyard_unplug_suite = {
	.name = "halyard-unplug",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = unplug_cases,
};
