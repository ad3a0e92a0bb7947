// SPDX-License-Identifier: GPL-2.0-only
/* The device sleeps when nobody needs it: who wakes it up, who does not, what it finds again. */

#include <linux/delay.h>
#include <linux/pm_runtime.h>

#include "mock.h"

/* A queue that has run one job before the device fell asleep. */
static u32 slept_queue(struct mock *mock)
{
	u32 queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	u32 done = mock_submit_signalling(mock, queue);

	KUNIT_ASSERT_TRUE(mock->test, mock_wait_submitted(mock, 0, 1));
	mock_complete(mock, 0, 1);
	KUNIT_ASSERT_EQ(mock->test, mock_result(mock, mock->file, done), 0);
	mock_sleep(mock);

	return queue;
}

static void power_sleeps_when_idle(struct kunit *test)
{
	struct mock *mock = test->priv;

	slept_queue(mock);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 1U);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 1U);
}

static void power_job_wakes(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = slept_queue(mock);
	u32 done = mock_submit_signalling(mock, queue);

	KUNIT_EXPECT_FALSE(test, mock_sleeps(mock));
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 2U);
	/* The queue goes on where it was. */
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	mock_complete(mock, 0, 2);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, queue).completed, 2ULL);
	mock_sleep(mock);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 2U);
}

static void power_job_keeps_awake(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = slept_queue(mock);
	u32 done = mock_submit_signalling(mock, queue);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	KUNIT_EXPECT_EQ(test, pm_runtime_suspend(&mock->pdev->dev), -EAGAIN);
	msleep(50);
	KUNIT_EXPECT_FALSE(test, mock_sleeps(mock));
	mock_complete(mock, 0, 2);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
	mock_sleep(mock);
}

static void power_refused_submit_lets_sleep(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = slept_queue(mock);
	struct mock_payload payload = { .flags = 1 };
	struct drm_halyard_job job = mock_job(mock, queue);

	job.payload = mock_user(mock, &payload, sizeof(payload));
	KUNIT_EXPECT_EQ(test, mock_submit(mock, mock->file, &job, 1), -EINVAL);
	mock_sleep(mock);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, queue).submitted, 1ULL);
}

static int query(struct mock *mock, u32 type, u32 size)
{
	static const u8 zeros[512];
	struct drm_halyard_dev_query args = {
		.type = type,
		.size = size,
		.pointer = mock_user(mock, zeros, sizeof(zeros)),
	};

	return mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_DEV_QUERY, &args);
}

static void power_looking_does_not_wake(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = slept_queue(mock), type;

	for (type = DRM_HALYARD_QUERY_ENGINES; type <= DRM_HALYARD_QUERY_CHIP; type++)
		KUNIT_EXPECT_EQ(test, query(mock, type, 512), 0);
	KUNIT_EXPECT_EQ(test, query(mock, DRM_HALYARD_QUERY_DEVICE,
				    offsetof(struct drm_halyard_query_device, timestamp)), 0);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, queue).completed, 1ULL);
	KUNIT_EXPECT_TRUE(test, mock_sleeps(mock));
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 1U);
}

static void power_time_wakes(struct kunit *test)
{
	struct mock *mock = test->priv;

	slept_queue(mock);
	KUNIT_EXPECT_EQ(test, query(mock, DRM_HALYARD_QUERY_DEVICE,
				    sizeof(struct drm_halyard_query_device)), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 2U);
	mock_sleep(mock);
}

/* The device knows no page tables and queues while it sleeps; the mock complains when told. */
static void power_set_up_changes_asleep(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 first = mock_vm_create(mock, mock->file), bo = mock_bo_create(mock, mock->file, SZ_64K);
	u32 queue = mock_queue_create(mock, mock->file, first), done, flushes;
	struct drm_halyard_vm_destroy gone = { .vm_id = first };
	struct drm_halyard_bind_op op = {
		.type = DRM_HALYARD_BIND_MAP,
		.handle = bo,
		.va = MOCK_VA_START,
		.size = SZ_64K,
	};
	struct drm_halyard_vm_bind bind = { .vm_id = first };

	mock_sleep(mock);
	flushes = mock_calls(mock, MOCK_VM_FLUSH);
	bind.ops.stride = sizeof(op);
	bind.ops.count = 1;
	bind.ops.array = mock_user(mock, &op, sizeof(op));
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_VM_BIND, &bind), 0);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, mock->file, queue), 0);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_VM_DESTROY, &gone),
			0);
	halyard_sched_flush(mock->hdev);
	KUNIT_EXPECT_TRUE(test, mock_sleeps(mock));
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_VM_FLUSH), flushes);

	queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	done = mock_submit_signalling(mock, queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
}

static void power_wakes_with_a_reset(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = slept_queue(mock), done;

	mock_fail(mock, MOCK_START, 1);
	done = mock_submit_signalling(mock, queue);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	mock_complete(mock, 0, 2);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
}

/* The call says so before anything is accepted. */
static void power_does_not_wake(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_job job = mock_job(mock, slept_queue(mock));

	mock_fail(mock, MOCK_START, U32_MAX);
	KUNIT_EXPECT_EQ(test, mock_submit(mock, mock->file, &job, 1), -ENODEV);
	wait_for_completion(&mock->hdev->core->unplug_done);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(&mock->hdev->drm));
}

static void power_unplugged_asleep(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_job job = mock_job(mock, slept_queue(mock));

	halyard_device_unplug(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_submit(mock, mock->file, &job, 1), -ENODEV);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 1U);
}

/* Trouble that is reported late is seen to when somebody needs the device. */
static void power_fault_asleep(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 queue = slept_queue(mock), done;

	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_TRUE(test, mock_sleeps(mock));
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 0U);
	done = mock_submit_signalling(mock, queue);
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	mock_complete(mock, 0, 2);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, done), 0);
}

static struct kunit_case power_cases[] = {
	KUNIT_CASE(power_sleeps_when_idle),
	KUNIT_CASE(power_job_wakes),
	KUNIT_CASE(power_job_keeps_awake),
	KUNIT_CASE(power_refused_submit_lets_sleep),
	KUNIT_CASE(power_looking_does_not_wake),
	KUNIT_CASE(power_time_wakes),
	KUNIT_CASE(power_set_up_changes_asleep),
	KUNIT_CASE(power_wakes_with_a_reset),
	KUNIT_CASE(power_does_not_wake),
	KUNIT_CASE(power_unplugged_asleep),
	KUNIT_CASE(power_fault_asleep),
	{}
};

struct kunit_suite halyard_power_suite = {
	.name = "halyard-power",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = power_cases,
};
