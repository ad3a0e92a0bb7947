// SPDX-License-Identifier: GPL-2.0-only
/* Who waits for whom: syncobjs, points of timelines, buffers; between calls and within one. */

#include <linux/delay.h>

#include "mock.h"

#define WAIT		0
#define SIGNAL		DRM_HALYARD_SYNC_SIGNAL
#define WAIT_POINT	DRM_HALYARD_SYNC_TIMELINE
#define SIGNAL_POINT	(DRM_HALYARD_SYNC_SIGNAL | DRM_HALYARD_SYNC_TIMELINE)

/* A job of a queue with one operation on the fixture's syncobj. */
static struct drm_halyard_job sync_job(struct mock_pair *fix, u32 queue, u32 flags, u64 point)
{
	struct drm_halyard_job job = mock_job(fix->mock, fix->queues[queue]);
	struct drm_halyard_sync_op op = {
		.flags = flags,
		.handle = fix->syncobj,
		.timeline_value = point,
	};

	mock_job_syncs(fix->mock, &job, &op, 1);

	return job;
}

static int sync_submit_one(struct mock_pair *fix, u32 queue, u32 flags, u64 point)
{
	struct drm_halyard_job job = sync_job(fix, queue, flags, point);

	return mock_submit(fix->mock, fix->file, &job, 1);
}

static u64 sync_submitted(struct mock_pair *fix, u32 queue)
{
	return mock_queue_query(fix->mock, fix->file, fix->queues[queue]).submitted;
}

static struct drm_halyard_job sync_buffer_job(struct mock_pair *fix, u32 queue, u32 bo,
					      u32 flags)
{
	struct drm_halyard_job job = mock_job(fix->mock, fix->queues[queue]);
	struct drm_halyard_buffer_ref ref = { .handle = bo, .flags = flags };

	mock_job_buffers(fix->mock, &job, &ref, 1);

	return job;
}

/*
 * Both jobs are submitted; the one in queue 1 comes to the device only after job @seqno of queue
 * 0 was completed.
 */
static void sync_expect_order(struct kunit *test, struct mock_pair *fix, u64 seqno)
{
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, seqno));
	/* Time to do it wrong; it does right whatever the time. */
	msleep(20);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 1, 1, false), -1);

	mock_complete(mock, 0, seqno);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	KUNIT_EXPECT_GT(test, mock_event_index(mock, 1, 1, false),
			mock_event_index(mock, 0, seqno, true));
	mock_complete(mock, 1, 1);
}

/* The job in queue 1 comes to the device while job 1 of queue 0 is under way. */
static void sync_expect_no_order(struct kunit *test, struct mock_pair *fix)
{
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	mock_complete(mock, 0, 1);
}

static void sync_binary(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);

	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL, 0), 0);
	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 1, WAIT, 0), 0);
	sync_expect_order(test, fix, 1);
}

static void sync_timeline(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);

	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL_POINT, 10), 0);
	/* A point between two is reached with the higher one. */
	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 1, WAIT_POINT, 7), 0);
	sync_expect_order(test, fix, 1);
	KUNIT_EXPECT_EQ(test, mock_result(fix->mock, fix->file, fix->syncobj), 0);
}

static void sync_signals_at_once(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;

	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL, 0), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, fix->syncobj));
	/* In the interrupt, not some time later. */
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_FALSE(test, mock_pending(fix->file, fix->syncobj));
}

/*
 * Points that nobody has given a fence to are refused: a job never waits for what may never come.
 */
static void sync_refuses_empty(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);

	KUNIT_EXPECT_EQ(test, sync_submit_one(fix, 1, WAIT, 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, sync_submit_one(fix, 1, WAIT_POINT, 1), -EINVAL);

	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL_POINT, 10), 0);
	KUNIT_EXPECT_EQ(test, sync_submit_one(fix, 1, WAIT_POINT, 11), -EINVAL);
	KUNIT_EXPECT_EQ(test, sync_submitted(fix, 1), 0ULL);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(fix->mock, 0, 1));
	mock_complete(fix->mock, 0, 1);
}

static void sync_waits_for_past(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;

	mock->dev->autorun = true;
	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL_POINT, 10), 0);
	KUNIT_ASSERT_EQ(test, mock_result(mock, fix->file, fix->syncobj), 0);
	KUNIT_EXPECT_EQ(test, sync_submit_one(fix, 1, WAIT_POINT, 3), 0);
	KUNIT_EXPECT_EQ(test, sync_submit_one(fix, 1, WAIT, 0), 0);
	KUNIT_EXPECT_TRUE(test, mock_wait_submitted(mock, 1, 2));
}

static void sync_within_call_binary(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct drm_halyard_job jobs[] = {
		sync_job(fix, 0, SIGNAL, 0),
		sync_job(fix, 1, WAIT, 0),
	};

	KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 2), 0);
	sync_expect_order(test, fix, 1);
}

static void sync_within_call_timeline(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct drm_halyard_job jobs[] = {
		sync_job(fix, 0, SIGNAL_POINT, 10),
		sync_job(fix, 1, WAIT_POINT, 7),
	};

	KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 2), 0);
	sync_expect_order(test, fix, 1);
}

/* The second point is not awaited, and the first is not forgotten. */
static void sync_within_call_first_point(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct drm_halyard_job jobs[] = {
		sync_job(fix, 0, SIGNAL_POINT, 10),
		sync_job(fix, 0, SIGNAL_POINT, 20),
		sync_job(fix, 1, WAIT_POINT, 10),
	};

	KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 3), 0);
	sync_expect_order(test, fix, 1);
	mock_complete(fix->mock, 0, 2);
}

static void sync_within_call_later_point(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct drm_halyard_job jobs[] = {
		sync_job(fix, 0, SIGNAL_POINT, 10),
		sync_job(fix, 0, SIGNAL_POINT, 20),
		sync_job(fix, 1, WAIT_POINT, 11),
	};

	KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 3), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(fix->mock, 0, 2));
	mock_complete(fix->mock, 0, 1);
	sync_expect_order(test, fix, 2);
}

/* A binary signal in the call replaces what the syncobj had before it. */
static void sync_within_call_replaces(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_job jobs[] = {
		sync_job(fix, 0, SIGNAL, 0),
		sync_job(fix, 1, WAIT, 0),
	};

	mock->dev->autorun = true;
	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL, 0), 0);
	KUNIT_ASSERT_EQ(test, mock_result(mock, fix->file, fix->syncobj), 0);
	mock->dev->autorun = false;

	KUNIT_ASSERT_EQ(test, mock_submit(mock, fix->file, jobs, 2), 0);
	sync_expect_order(test, fix, 2);
}

static void sync_within_call_refuses(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct drm_halyard_job backwards[] = {
		sync_job(fix, 1, WAIT, 0),
		sync_job(fix, 0, SIGNAL, 0),
	};
	struct drm_halyard_job beyond[] = {
		sync_job(fix, 0, SIGNAL_POINT, 10),
		sync_job(fix, 1, WAIT_POINT, 11),
	};
	struct drm_halyard_job replaced[] = {
		sync_job(fix, 0, SIGNAL_POINT, 10),
		sync_job(fix, 0, SIGNAL, 0),
		sync_job(fix, 1, WAIT_POINT, 10),
	};
	struct drm_halyard_job own = mock_job(fix->mock, fix->queues[0]);
	struct drm_halyard_sync_op ops[] = {
		{ .flags = SIGNAL, .handle = fix->syncobj },
		{ .flags = WAIT, .handle = fix->syncobj },
	};

	KUNIT_EXPECT_EQ(test, mock_submit(fix->mock, fix->file, backwards, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_submit(fix->mock, fix->file, beyond, 2), -EINVAL);
	KUNIT_EXPECT_EQ(test, mock_submit(fix->mock, fix->file, replaced, 3), -EINVAL);
	mock_job_syncs(fix->mock, &own, ops, 2);
	KUNIT_EXPECT_EQ(test, mock_submit(fix->mock, fix->file, &own, 1), -EINVAL);

	/* All or nothing: nothing. */
	KUNIT_EXPECT_EQ(test, sync_submitted(fix, 0), 0ULL);
	KUNIT_EXPECT_PTR_EQ(test, mock_fence(fix->file, fix->syncobj, 0), NULL);
}

/* An import of a syncobj is the same one under another handle. */
static void sync_within_call_two_handles(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct drm_syncobj *syncobj = drm_syncobj_find(fix->file->private_data, fix->syncobj);
	struct drm_halyard_job jobs[2];
	int ret;

	jobs[0] = sync_job(fix, 0, SIGNAL, 0);
	KUNIT_ASSERT_NOT_NULL(test, syncobj);
	ret = drm_syncobj_get_handle(fix->file->private_data, syncobj, &fix->syncobj);
	drm_syncobj_put(syncobj);
	KUNIT_ASSERT_EQ(test, ret, 0);
	jobs[1] = sync_job(fix, 1, WAIT, 0);

	KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 2), 0);
	sync_expect_order(test, fix, 1);
}

/**
 * struct sync_implicit - two jobs that use one buffer
 * @name: of the case
 * @flags: of each job's reference
 * @ordered: the second waits for the first
 */
struct sync_implicit {
	const char *name;
	u32 flags[2];
	bool ordered;
};

static const struct sync_implicit sync_implicits[] = {
	{ "read after read", { 0, 0 }, false },
	{ "read after write", { DRM_HALYARD_BUFFER_WRITE, 0 }, true },
	{ "write after read", { 0, DRM_HALYARD_BUFFER_WRITE }, true },
	{ "write after write", { DRM_HALYARD_BUFFER_WRITE, DRM_HALYARD_BUFFER_WRITE }, true },
	{ "read after write, not implicit",
	  { DRM_HALYARD_BUFFER_WRITE, DRM_HALYARD_BUFFER_NO_IMPLICIT }, false },
	{ "write after write, not implicit",
	  { DRM_HALYARD_BUFFER_WRITE,
	    DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT }, false },
	{ "read after a write that was not implicit",
	  { DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT, 0 }, true },
};

static void sync_implicit_name(const struct sync_implicit *implicit, char *name)
{
	strscpy(name, implicit->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(sync_implicit, sync_implicits, sync_implicit_name);

static void sync_expect_implicit(struct kunit *test, struct mock_pair *fix)
{
	const struct sync_implicit *implicit = test->param_value;

	if (implicit->ordered)
		sync_expect_order(test, fix, 1);
	else
		sync_expect_no_order(test, fix);
}

static void sync_buffers(struct kunit *test)
{
	const struct sync_implicit *implicit = test->param_value;
	struct mock_pair *fix = mock_pair(test);
	u32 bo = mock_bo_create(fix->mock, fix->file, PAGE_SIZE);
	unsigned int i;

	for (i = 0; i < 2; i++) {
		struct drm_halyard_job job = sync_buffer_job(fix, i, bo, implicit->flags[i]);

		KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, &job, 1), 0);
	}
	sync_expect_implicit(test, fix);
}

static void sync_buffers_within_call(struct kunit *test)
{
	const struct sync_implicit *implicit = test->param_value;
	struct mock_pair *fix = mock_pair(test);
	u32 bo = mock_bo_create(fix->mock, fix->file, PAGE_SIZE);
	struct drm_halyard_job jobs[] = {
		sync_buffer_job(fix, 0, bo, implicit->flags[0]),
		sync_buffer_job(fix, 1, bo, implicit->flags[1]),
	};

	KUNIT_ASSERT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 2), 0);
	sync_expect_implicit(test, fix);
}

/*
 * The second job is refused, so the first, which was right, has left no fence on its buffer
 * either.
 */
static void sync_all_or_nothing(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	u32 bo = mock_bo_create(fix->mock, fix->file, PAGE_SIZE);
	struct drm_gem_object *obj = drm_gem_object_lookup(fix->file->private_data, bo);
	struct drm_halyard_job jobs[] = {
		sync_buffer_job(fix, 0, bo, DRM_HALYARD_BUFFER_WRITE),
		sync_job(fix, 1, WAIT, 0),
	};

	KUNIT_EXPECT_EQ(test, mock_submit(fix->mock, fix->file, jobs, 2), -EINVAL);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_EXPECT_TRUE(test, dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP));
	drm_gem_object_put(obj);
	KUNIT_EXPECT_EQ(test, sync_submitted(fix, 0), 0ULL);
}

/*
 * A destroyed queue's job that has not run yet ends, with an error, only when what it waits for
 * has.
 */
static void sync_destroyed_while_waiting(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_job job = mock_job(mock, fix->queues[1]);
	struct drm_halyard_sync_op ops[] = {
		{ .flags = WAIT, .handle = fix->syncobj },
		{ .flags = SIGNAL, .handle = mock_syncobj_create(mock, fix->file) },
	};

	KUNIT_ASSERT_EQ(test, sync_submit_one(fix, 0, SIGNAL, 0), 0);
	mock_job_syncs(mock, &job, ops, 2);
	KUNIT_ASSERT_EQ(test, mock_submit(mock, fix->file, &job, 1), 0);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));

	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, fix->file, fix->queues[1]), 0);
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, ops[1].handle));

	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, ops[1].handle), -ECANCELED);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 1, 1, false), -1);
}

static struct kunit_case sync_cases[] = {
	KUNIT_CASE(sync_binary),
	KUNIT_CASE(sync_timeline),
	KUNIT_CASE(sync_signals_at_once),
	KUNIT_CASE(sync_refuses_empty),
	KUNIT_CASE(sync_waits_for_past),
	KUNIT_CASE(sync_within_call_binary),
	KUNIT_CASE(sync_within_call_timeline),
	KUNIT_CASE(sync_within_call_first_point),
	KUNIT_CASE(sync_within_call_later_point),
	KUNIT_CASE(sync_within_call_replaces),
	KUNIT_CASE(sync_within_call_refuses),
	KUNIT_CASE(sync_within_call_two_handles),
	KUNIT_CASE_PARAM(sync_buffers, sync_implicit_gen_params),
	KUNIT_CASE_PARAM(sync_buffers_within_call, sync_implicit_gen_params),
	KUNIT_CASE(sync_all_or_nothing),
	KUNIT_CASE(sync_destroyed_while_waiting),
	{}
};

struct kunit_suite halyard_sync_suite = {
	.name = "halyard-sync",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = sync_cases,
};
