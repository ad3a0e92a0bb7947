// SPDX-License-Identifier: GPL-2.0-only
/* Ids, and what a user may have of a device. */

#include <linux/cred.h>

#include "mock.h"

/* What the test does from here on, it does as a user without privileges. */
static const struct cred *limits_become(struct kunit *test, uid_t uid)
{
	struct cred *cred = prepare_creds();

	KUNIT_ASSERT_NOT_NULL(test, cred);
	cred->uid = make_kuid(&init_user_ns, uid);
	cred->euid = cred->uid;
	cap_clear(cred->cap_effective);

	return override_creds(cred);
}

static void limits_return(const struct cred *old)
{
	const struct cred *cred = current_cred();

	revert_creds(old);
	put_cred(cred);
}

static int limits_queue(struct mock *mock, struct file *file,
			struct drm_halyard_queue_create args)
{
	return mock_ioctl(mock, file, DRM_IOCTL_HALYARD_QUEUE_CREATE, &args);
}

static struct drm_halyard_query_limits limits_query(struct mock *mock, struct file *file)
{
	struct drm_halyard_query_limits limits = {};
	struct drm_halyard_dev_query args = {
		.type = DRM_HALYARD_QUERY_LIMITS,
		.size = sizeof(limits),
		.pointer = mock_user(mock, &limits, sizeof(limits)),
	};

	KUNIT_ASSERT_EQ(mock->test, mock_ioctl(mock, file, DRM_IOCTL_HALYARD_DEV_QUERY, &args), 0);
	mock_read_user(mock, &limits, args.pointer, sizeof(limits));

	return limits;
}

static void limits_ids(struct kunit *test)
{
	struct mock *mock = test->priv;
	u32 vm = mock_vm_create(mock, mock->file);
	u32 first = mock_queue_create(mock, mock->file, vm);
	u32 second = mock_queue_create(mock, mock->file, vm);

	/* 0 is never an id, so that what was forgotten to be filled in is refused. */
	KUNIT_EXPECT_NE(test, vm, 0U);
	KUNIT_EXPECT_NE(test, first, 0U);
	KUNIT_EXPECT_NE(test, first, second);

	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, mock->file, first), 0);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, mock->file, first), -ENOENT);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, mock->file, 0), -ENOENT);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, mock->file, U32_MAX), -ENOENT);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, second).submitted, 0ULL);
}

static void limits_foreign_ids(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_query query = {};
	struct file *other = mock_open(mock);
	u32 vm = mock_vm_create(mock, mock->file);

	query.queue_id = mock_queue_create(mock, mock->file, vm);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, other, DRM_IOCTL_HALYARD_QUEUE_QUERY, &query),
			-ENOENT);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, other, query.queue_id), -ENOENT);
	KUNIT_EXPECT_EQ(test, limits_queue(mock, other, (struct drm_halyard_queue_create) {
		.vm_id = vm, .priority = DRM_HALYARD_PRIORITY_NORMAL }), -ENOENT);
	mock_close(other);
}

static void limits_queue_create_refuses(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_create good = {
		.vm_id = mock_vm_create(mock, mock->file),
		.priority = DRM_HALYARD_PRIORITY_NORMAL,
	};
	struct drm_halyard_queue_destroy destroy = { .pad = 1 };
	struct drm_halyard_queue_create bad;

#define REFUSED(member, value, error) do {					\
	bad = good;								\
	bad.member = (value);							\
	KUNIT_EXPECT_EQ(test, limits_queue(mock, mock->file, bad), (error));	\
} while (0)

	REFUSED(vm_id, 0, -ENOENT);
	REFUSED(vm_id, 99, -ENOENT);
	REFUSED(engine_class, 1, -EINVAL);
	REFUSED(engine_class, U32_MAX, -EINVAL);
	REFUSED(priority, DRM_HALYARD_PRIORITY_REALTIME + 1, -EINVAL);
	REFUSED(priority, U32_MAX, -EINVAL);
	/* Known, but not to this chip. */
	REFUSED(priority, DRM_HALYARD_PRIORITY_LOW, -EOPNOTSUPP);
	REFUSED(flags, 1, -EINVAL);
	REFUSED(pad, 1, -EINVAL);
#undef REFUSED

	destroy.queue_id = mock_queue_create(mock, mock->file, good.vm_id);
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_QUEUE_DESTROY,
					 &destroy), -EINVAL);
	KUNIT_EXPECT_EQ(test, limits_query(mock, mock->file).queues_used, 1U);
}

static void limits_priority_needs_privilege(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_create args = {
		.vm_id = mock_vm_create(mock, mock->file),
		.priority = DRM_HALYARD_PRIORITY_HIGH,
	};
	const struct cred *old = limits_become(test, 1000);
	int ret = limits_queue(mock, mock->file, args);

	limits_return(old);
	KUNIT_EXPECT_EQ(test, ret, -EACCES);
	KUNIT_EXPECT_EQ(test, limits_queue(mock, mock->file, args), 0);
}

/* Root may have all there is, and then there is none. */
static void limits_device(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_create args = {
		.vm_id = mock_vm_create(mock, mock->file),
		.priority = DRM_HALYARD_PRIORITY_NORMAL,
	};
	u32 i, last = 0;

	for (i = 0; i < MOCK_QUEUES; i++)
		last = mock_queue_create(mock, mock->file, args.vm_id);
	KUNIT_EXPECT_EQ(test, limits_queue(mock, mock->file, args), -ENOSPC);
	KUNIT_EXPECT_EQ(test, limits_query(mock, mock->file).queues_used, (u32)MOCK_QUEUES);

	/* What is given back can be had again at once. */
	for (i = 0; i < 10; i++) {
		KUNIT_ASSERT_EQ(test, mock_queue_destroy(mock, mock->file, last), 0);
		last = mock_queue_create(mock, mock->file, args.vm_id);
	}
}

/* Others may have half of it, in however many files. */
static void limits_user(struct kunit *test)
{
	struct mock *mock = test->priv;
	const struct cred *old = limits_become(test, 1000);
	struct file *files[2] = { mock_open(mock), mock_open(mock) };
	struct drm_halyard_queue_create args[2] = {};
	struct drm_halyard_query_limits limits;
	u32 i;

	for (i = 0; i < 2; i++) {
		args[i].vm_id = mock_vm_create(mock, files[i]);
		args[i].priority = DRM_HALYARD_PRIORITY_NORMAL;
	}
	for (i = 0; i < MOCK_QUEUES / 2; i++)
		KUNIT_EXPECT_EQ(test, limits_queue(mock, files[0], args[0]), 0);
	KUNIT_EXPECT_EQ(test, limits_queue(mock, files[0], args[0]), -EMFILE);
	KUNIT_EXPECT_EQ(test, limits_queue(mock, files[1], args[1]), -EMFILE);
	limits = limits_query(mock, files[1]);
	KUNIT_EXPECT_EQ(test, limits.queues_max, (u32)MOCK_QUEUES);
	KUNIT_EXPECT_EQ(test, limits.queues_user_max, (u32)MOCK_QUEUES / 2);
	KUNIT_EXPECT_EQ(test, limits.queues_user_used, (u32)MOCK_QUEUES / 2);
	KUNIT_EXPECT_EQ(test, limits.vms_user_used, 2U);

	/* A file that is closed gives all back. */
	mock_close(files[0]);
	KUNIT_EXPECT_EQ(test, limits_queue(mock, files[1], args[1]), 0);
	mock_close(files[1]);
	limits_return(old);

	KUNIT_EXPECT_EQ(test, limits_query(mock, mock->file).queues_used, 0U);
}

/* Nothing remains of a creation that fails half-way. */
static void limits_failed_creation(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_queue_create args = {
		.vm_id = mock_vm_create(mock, mock->file),
		.priority = DRM_HALYARD_PRIORITY_NORMAL,
	};
	u32 i;

	for (i = 0; i < 2 * MOCK_QUEUES; i++) {
		mock_fail(mock, i % 2 ? MOCK_QUEUE_INIT : MOCK_VM_PREPARE, 1);
		KUNIT_EXPECT_EQ(test, limits_queue(mock, mock->file, args),
				i % 2 ? -ETIMEDOUT : -ENOMEM);
	}
	KUNIT_EXPECT_EQ(test, limits_query(mock, mock->file).queues_used, 0U);
	for (i = 0; i < MOCK_QUEUES; i++)
		KUNIT_EXPECT_EQ(test, limits_queue(mock, mock->file, args), 0);
}

/* A queue keeps its address space, which is given back with it. */
static void limits_vm_of_queue(struct kunit *test)
{
	struct mock *mock = test->priv;
	struct drm_halyard_vm_destroy destroy = {};
	u32 queue, i;

	for (i = 0; i < 3 * MOCK_VMS; i++) {
		destroy.vm_id = mock_vm_create(mock, mock->file);
		queue = mock_queue_create(mock, mock->file, destroy.vm_id);
		KUNIT_ASSERT_EQ(test, mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_VM_DESTROY,
						 &destroy), 0);
		KUNIT_EXPECT_EQ(test, limits_query(mock, mock->file).vms_used, 1U);

		mock->dev->autorun = true;
		KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file,
						  mock_submit_signalling(mock, queue)), 0);
		KUNIT_ASSERT_EQ(test, mock_queue_destroy(mock, mock->file, queue), 0);
		halyard_sched_flush(mock->hdev);
		KUNIT_EXPECT_EQ(test, limits_query(mock, mock->file).vms_used, 0U);
	}
}

static struct kunit_case limits_cases[] = {
	KUNIT_CASE(limits_ids),
	KUNIT_CASE(limits_foreign_ids),
	KUNIT_CASE(limits_queue_create_refuses),
	KUNIT_CASE(limits_priority_needs_privilege),
	KUNIT_CASE(limits_device),
	KUNIT_CASE(limits_user),
	KUNIT_CASE(limits_failed_creation),
	KUNIT_CASE(limits_vm_of_queue),
	{}
};

struct kunit_suite halyard_limits_suite = {
	.name = "halyard-limits",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = limits_cases,
};
