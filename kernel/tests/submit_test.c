// SPDX-License-Identifier: GPL-2.0-only
/* SUBMIT takes what is right, and refuses the rest, field by field, without a trace. */

#include "mock.h"

/**
 * struct submit_fixture - a SUBMIT of two jobs that is right, to be spoilt
 * @mock: the device
 * @queue: id
 * @bo: handle
 * @syncobj: that the first job signals
 * @payload: of both
 * @buffers: of the second job
 * @syncs: of the first job
 * @jobs: as user space has them
 * @args: of the call
 */
struct submit_fixture {
	struct mock *mock;
	u32 queue;
	u32 bo;
	u32 syncobj;
	struct mock_payload payload;
	struct drm_halyard_buffer_ref buffers[2];
	struct drm_halyard_sync_op syncs[2];
	struct drm_halyard_job jobs[2];
	struct drm_halyard_submit args;
};

/* Everything but the pointers, which follow what they point at. */
static struct submit_fixture *submit_fixture(struct kunit *test)
{
	struct submit_fixture *fix = kunit_kzalloc(test, sizeof(*fix), GFP_KERNEL);
	struct mock *mock = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, fix);
	fix->mock = mock;
	fix->queue = mock_queue_create(mock, mock->file, mock_vm_create(mock, mock->file));
	fix->bo = mock_bo_create(mock, mock->file, PAGE_SIZE);
	fix->syncobj = mock_syncobj_create(mock, mock->file);
	mock->dev->autorun = true;

	fix->buffers[0].handle = fix->bo;
	fix->buffers[0].flags = DRM_HALYARD_BUFFER_WRITE;
	fix->buffers[1].handle = mock_bo_create(mock, mock->file, PAGE_SIZE);
	fix->syncs[0].handle = fix->syncobj;
	fix->syncs[0].flags = DRM_HALYARD_SYNC_SIGNAL;
	fix->syncs[1].handle = mock_syncobj_create(mock, mock->file);
	fix->syncs[1].flags = DRM_HALYARD_SYNC_SIGNAL | DRM_HALYARD_SYNC_TIMELINE;
	fix->syncs[1].timeline_value = 1;
	fix->jobs[0].queue_id = fix->queue;
	fix->jobs[0].payload_size = sizeof(fix->payload);
	fix->jobs[0].syncs.stride = sizeof(fix->syncs[0]);
	fix->jobs[0].syncs.count = ARRAY_SIZE(fix->syncs);
	fix->jobs[1].queue_id = fix->queue;
	fix->jobs[1].payload_size = sizeof(fix->payload);
	fix->jobs[1].buffers.stride = sizeof(fix->buffers[0]);
	fix->jobs[1].buffers.count = ARRAY_SIZE(fix->buffers);
	fix->args.jobs.stride = sizeof(fix->jobs[0]);
	fix->args.jobs.count = ARRAY_SIZE(fix->jobs);

	return fix;
}

/* Pointers that a test has set stay. */
static int submit_call(struct submit_fixture *fix)
{
	struct mock *mock = fix->mock;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fix->jobs); i++)
		if (!fix->jobs[i].payload)
			fix->jobs[i].payload = mock_user(mock, &fix->payload,
							 sizeof(fix->payload));
	if (!fix->jobs[0].syncs.array)
		fix->jobs[0].syncs.array = mock_user(mock, fix->syncs, sizeof(fix->syncs));
	if (!fix->jobs[1].buffers.array)
		fix->jobs[1].buffers.array = mock_user(mock, fix->buffers, sizeof(fix->buffers));
	if (!fix->args.jobs.array)
		fix->args.jobs.array = mock_user(mock, fix->jobs, sizeof(fix->jobs));

	return mock_ioctl(mock, mock->file, DRM_IOCTL_HALYARD_SUBMIT, &fix->args);
}

/*
 * Nothing was accepted and nothing signalled, and what was refused does not stand in the way of
 * what is right.
 */
static void submit_expect_untouched(struct kunit *test, struct submit_fixture *fix)
{
	struct mock *mock = fix->mock;
	struct dma_fence *fence = mock_fence(mock->file, fix->syncobj, 0);
	u32 next;

	KUNIT_EXPECT_PTR_EQ(test, fence, NULL);
	dma_fence_put(fence);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, fix->queue).submitted, 0ULL);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, 1, false), -1);

	next = mock_submit_signalling(mock, fix->queue);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, next), 0);
}

static void submit_accepts(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);
	struct drm_halyard_queue_query query;
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_EQ(test, submit_call(fix), 0);
	KUNIT_EXPECT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, fix->syncobj), 0);

	query = mock_queue_query(mock, mock->file, fix->queue);
	KUNIT_EXPECT_EQ(test, query.state, DRM_HALYARD_QUEUE_ACTIVE);
	KUNIT_EXPECT_EQ(test, query.submitted, 2ULL);
	KUNIT_EXPECT_EQ(test, query.completed, 2ULL);
	KUNIT_EXPECT_EQ(test, query.failed, 0ULL);
	KUNIT_EXPECT_EQ(test, query.busy_ns, 2ULL * NSEC_PER_USEC);
	KUNIT_EXPECT_EQ(test, query.fault_cause, DRM_HALYARD_FAULT_NONE);
}

/**
 * struct submit_poke - one field made wrong
 * @name: of the case
 * @offset: of the field in struct submit_fixture
 * @size: of the field
 * @value: what it is made
 * @error: what SUBMIT says then
 */
struct submit_poke {
	const char *name;
	size_t offset;
	size_t size;
	u64 value;
	int error;
};

#define POKE(member, bad, expected) \
	{ #member " = " #bad, offsetof(struct submit_fixture, member), 4, bad, expected }
#define POKE64(member, bad, expected) \
	{ #member " = " #bad, offsetof(struct submit_fixture, member), 8, bad, expected }
#define NOWHERE	0x1000 /* user space has nothing there */

static const struct submit_poke submit_pokes[] = {
	POKE(args.flags, 1, -EINVAL),
	POKE(args.pad, 1, -EINVAL),
	POKE(args.jobs.count, 0, -EINVAL),
	POKE(args.jobs.count, HALYARD_SUBMIT_JOBS_MAX + 1, -E2BIG),
	POKE(args.jobs.count, U32_MAX, -E2BIG),
	POKE(args.jobs.stride, 0, -EINVAL),
	POKE(args.jobs.stride, sizeof(struct drm_halyard_job) - 8, -EINVAL),
	POKE(args.jobs.stride, sizeof(struct drm_halyard_job) + 4, -EINVAL),
	POKE(args.jobs.stride, U32_MAX - 7, -EINVAL),
	POKE64(args.jobs.array, NOWHERE, -EFAULT),
	POKE(jobs[0].queue_id, 0, -ENOENT),
	POKE(jobs[1].queue_id, 99, -ENOENT),
	POKE(jobs[1].payload_size, 0, -EINVAL),
	POKE(jobs[1].payload_size, sizeof(struct mock_payload) - 1, -EINVAL),
	POKE(jobs[1].payload_size, sizeof(struct mock_payload) + 8, -EINVAL),
	POKE(jobs[1].payload_size, U32_MAX, -EINVAL),
	POKE64(jobs[1].payload, NOWHERE, -EFAULT),
	POKE(jobs[1].flags, 1, -EINVAL),
	POKE(jobs[1].pad, 1, -EINVAL),
	POKE64(payload.flags, 1, -EINVAL),
	POKE(jobs[1].buffers.stride, 4, -EINVAL),
	POKE(jobs[1].buffers.stride, 12, -EINVAL),
	POKE(jobs[1].buffers.count, HALYARD_JOB_BUFFERS_MAX + 1, -E2BIG),
	POKE(jobs[1].buffers.count, U32_MAX, -E2BIG),
	POKE64(jobs[1].buffers.array, NOWHERE, -EFAULT),
	POKE(buffers[1].handle, 0, -ENOENT),
	POKE(buffers[1].handle, 99, -ENOENT),
	POKE(buffers[1].flags, 4, -EINVAL),
	POKE(buffers[1].flags, BIT(31), -EINVAL),
	POKE(jobs[0].syncs.stride, 8, -EINVAL),
	POKE(jobs[0].syncs.stride, 20, -EINVAL),
	POKE(jobs[0].syncs.count, HALYARD_JOB_SYNCS_MAX + 1, -E2BIG),
	POKE(jobs[0].syncs.count, U32_MAX, -E2BIG),
	POKE64(jobs[0].syncs.array, NOWHERE, -EFAULT),
	POKE(syncs[1].handle, 0, -ENOENT),
	POKE(syncs[1].handle, 99, -ENOENT),
	POKE(syncs[1].flags, 4 | DRM_HALYARD_SYNC_SIGNAL | DRM_HALYARD_SYNC_TIMELINE, -EINVAL),
	POKE(syncs[1].flags, DRM_HALYARD_SYNC_SIGNAL, -EINVAL), /* binary, with a point */
	POKE64(syncs[1].timeline_value, 0, -EINVAL),
	POKE(syncs[1].flags, DRM_HALYARD_SYNC_TIMELINE, -EINVAL), /* nobody signals that */
};

static void submit_poke_name(const struct submit_poke *poke, char *name)
{
	strscpy(name, poke->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(submit_poke, submit_pokes, submit_poke_name);

static void submit_refuses(struct kunit *test)
{
	const struct submit_poke *poke = test->param_value;
	struct submit_fixture *fix = submit_fixture(test);
	u32 value32 = poke->value;

	if (poke->size == sizeof(value32))
		memcpy((void *)fix + poke->offset, &value32, sizeof(value32));
	else
		memcpy((void *)fix + poke->offset, &poke->value, sizeof(poke->value));

	KUNIT_EXPECT_EQ(test, submit_call(fix), poke->error);
	submit_expect_untouched(test, fix);
}

static void submit_refuses_duplicate_buffer(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);

	fix->buffers[1].handle = fix->bo;
	KUNIT_EXPECT_EQ(test, submit_call(fix), -EINVAL);
	submit_expect_untouched(test, fix);
}

/* Two handles can be one object. */
static void submit_takes_one_buffer_in_two_jobs(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);

	fix->jobs[0].buffers = fix->jobs[1].buffers;
	fix->jobs[0].buffers.array = mock_user(fix->mock, fix->buffers, sizeof(fix->buffers));
	KUNIT_EXPECT_EQ(test, submit_call(fix), 0);
	KUNIT_EXPECT_TRUE(test, mock_wait_submitted(fix->mock, 0, 2));
}

/* As many of everything as there may be. */
static void submit_accepts_limits(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);
	struct drm_halyard_buffer_ref *buffers;
	struct drm_halyard_sync_op *syncs;
	struct drm_halyard_job *jobs;
	struct mock *mock = fix->mock;
	u32 i;

	buffers = kunit_kcalloc(test, HALYARD_JOB_BUFFERS_MAX, sizeof(*buffers), GFP_KERNEL);
	syncs = kunit_kcalloc(test, HALYARD_JOB_SYNCS_MAX, sizeof(*syncs), GFP_KERNEL);
	jobs = kunit_kcalloc(test, HALYARD_SUBMIT_JOBS_MAX, sizeof(*jobs), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, buffers && syncs && jobs);

	for (i = 0; i < HALYARD_JOB_BUFFERS_MAX; i++)
		buffers[i].handle = mock_bo_create(mock, mock->file, PAGE_SIZE);
	for (i = 0; i < HALYARD_JOB_SYNCS_MAX; i++)
		syncs[i] = fix->syncs[0];
	for (i = 0; i < HALYARD_SUBMIT_JOBS_MAX; i++)
		jobs[i] = mock_job(mock, fix->queue);
	mock_job_buffers(mock, &jobs[0], buffers, HALYARD_JOB_BUFFERS_MAX);
	mock_job_syncs(mock, &jobs[HALYARD_SUBMIT_JOBS_MAX - 1], syncs, HALYARD_JOB_SYNCS_MAX);

	KUNIT_ASSERT_EQ(test, mock_submit(mock, mock->file, jobs, HALYARD_SUBMIT_JOBS_MAX), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, fix->syncobj), 0);
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, mock->file, fix->queue).completed,
			(u64)HALYARD_SUBMIT_JOBS_MAX);
}

/* A newer caller's elements are longer: that is well as long as what we do not know is zero. */
static void submit_stride_of_newer_user(struct kunit *test)
{
	struct {
		struct drm_halyard_job job;
		u64 unknown;
	} newer[1] = {};
	struct submit_fixture *fix = submit_fixture(test);
	struct mock *mock = fix->mock;

	newer[0].job = mock_job(mock, fix->queue);
	newer[0].unknown = 1;
	fix->args.jobs.stride = sizeof(newer[0]);
	fix->args.jobs.count = 1;
	fix->args.jobs.array = mock_user(mock, newer, sizeof(newer));
	KUNIT_EXPECT_EQ(test, submit_call(fix), -E2BIG);
	submit_expect_untouched(test, fix);

	newer[0].unknown = 0;
	fix->args.jobs.array = mock_user(mock, newer, sizeof(newer));
	KUNIT_EXPECT_EQ(test, submit_call(fix), 0);
	KUNIT_EXPECT_TRUE(test, mock_wait_submitted(mock, 0, 2));
}

static void submit_refuses_destroyed_queue(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_EQ(test, mock_queue_destroy(mock, mock->file, fix->queue), 0);
	KUNIT_EXPECT_EQ(test, submit_call(fix), -ENOENT);
}

static void submit_refuses_foreign_objects(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);
	struct mock *mock = fix->mock;
	struct file *other = mock_open(mock);
	struct drm_halyard_job job = mock_job(mock, fix->queue);

	/* The other file has nothing yet, so no id of the first is one of its own. */
	KUNIT_EXPECT_EQ(test, mock_submit(mock, other, &job, 1), -ENOENT);

	job.queue_id = mock_queue_create(mock, other, mock_vm_create(mock, other));
	mock_job_buffers(mock, &job, fix->buffers, 1);
	KUNIT_EXPECT_EQ(test, mock_submit(mock, other, &job, 1), -ENOENT);

	job.buffers.count = 0;
	mock_job_syncs(mock, &job, fix->syncs, 1);
	KUNIT_EXPECT_EQ(test, mock_submit(mock, other, &job, 1), -ENOENT);

	job.syncs.count = 0;
	KUNIT_EXPECT_EQ(test, mock_submit(mock, other, &job, 1), 0);
	mock_close(other);
}

/*
 * The payload that reaches the chip is the one that was checked, whatever user space does to its
 * memory meanwhile.
 */
static void submit_copies_payload(struct kunit *test)
{
	struct mock_payload payload = { .cookie = 0x1122334455667788 }, other = { .flags = 1 };
	struct submit_fixture *fix = submit_fixture(test);
	struct drm_halyard_job job = mock_job(fix->mock, fix->queue);
	struct mock *mock = fix->mock;
	size_t used = mock->used;

	job.payload = mock_user(mock, &payload, sizeof(payload));
	KUNIT_ASSERT_EQ(test, mock_submit(mock, mock->file, &job, 1), 0);
	mock->used = used;
	mock_user(mock, &other, sizeof(other));

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_EQ(test, mock->dev->queues[0]->cookie, payload.cookie);
}

/* The queue holds no more than the chip's depth, which the chip itself checks; the rest follows. */
static void submit_keeps_depth(struct kunit *test)
{
	struct submit_fixture *fix = submit_fixture(test);
	struct mock *mock = fix->mock;
	u32 i, last = 0;

	mock->dev->autorun = false;
	for (i = 0; i < 2 * MOCK_DEPTH; i++)
		last = mock_submit_signalling(mock, fix->queue);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, MOCK_DEPTH));
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, MOCK_DEPTH + 1, false), -1);

	for (i = 1; i <= 2 * MOCK_DEPTH; i++) {
		KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, i));
		mock_complete(mock, 0, i);
	}
	KUNIT_EXPECT_EQ(test, mock_result(mock, mock->file, last), 0);
}

static struct kunit_case submit_cases[] = {
	KUNIT_CASE(submit_accepts),
	KUNIT_CASE_PARAM(submit_refuses, submit_poke_gen_params),
	KUNIT_CASE(submit_refuses_duplicate_buffer),
	KUNIT_CASE(submit_takes_one_buffer_in_two_jobs),
	KUNIT_CASE(submit_accepts_limits),
	KUNIT_CASE(submit_stride_of_newer_user),
	KUNIT_CASE(submit_refuses_destroyed_queue),
	KUNIT_CASE(submit_refuses_foreign_objects),
	KUNIT_CASE(submit_copies_payload),
	KUNIT_CASE(submit_keeps_depth),
	{}
};

struct kunit_suite halyard_submit_suite = {
	.name = "halyard-submit",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = submit_cases,
};
