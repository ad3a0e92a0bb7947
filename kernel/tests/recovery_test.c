// SPDX-License-Identifier: GPL-2.0-only
/* Hangs, faults, the ladder, and who pays for it. */

#include <linux/delay.h>

#include "../core/queue.h"
#include "mock.h"

static const struct halyard_fault recovery_fault = {
	.cause = DRM_HALYARD_FAULT_UNMAPPED,
	.error = -EFAULT,
	.address = 0x123456789000,
	.write = true,
	.command = 7,
	.tag = 0xabcd,
};

/* Waits until the watchdog has looked at a queue so often. */
static bool recovery_wait_polls(struct mock *mock, u32 hw_id, u32 more)
{
	struct mock_queue *mq = mock->dev->queues[hw_id];
	u32 polls = READ_ONCE(mq->polls);

	return wait_event_timeout(mock->dev->wait, READ_ONCE(mq->polls) >= polls + more,
				  MOCK_PATIENCE);
}

static void recovery_expect_banned(struct kunit *test, struct mock_pair *fix, u32 queue,
				   enum drm_halyard_fault_cause cause, u64 job)
{
	struct drm_halyard_queue_query query =
		mock_queue_query(fix->mock, fix->file, fix->queues[queue]);
	struct drm_halyard_job refused = mock_job(fix->mock, fix->queues[queue]);

	KUNIT_EXPECT_EQ(test, query.state, DRM_HALYARD_QUEUE_BANNED);
	KUNIT_EXPECT_EQ(test, query.fault_cause, cause);
	KUNIT_EXPECT_EQ(test, query.fault_job, job);
	KUNIT_EXPECT_EQ(test, mock_submit(fix->mock, fix->file, &refused, 1), -ECANCELED);
}

/* A queue in which a job runs to its end. */
static void recovery_expect_works(struct kunit *test, struct mock_pair *fix, u32 queue,
				  u64 seqno)
{
	struct drm_halyard_queue_query query;
	u32 done = mock_submit_signalling(fix->mock, fix->queues[queue]);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(fix->mock, queue, seqno));
	mock_complete(fix->mock, queue, seqno);
	KUNIT_EXPECT_EQ(test, mock_result(fix->mock, fix->file, done), 0);
	query = mock_queue_query(fix->mock, fix->file, fix->queues[queue]);
	KUNIT_EXPECT_EQ(test, query.state, DRM_HALYARD_QUEUE_ACTIVE);
	KUNIT_EXPECT_EQ(test, query.failed, 0ULL);
	KUNIT_EXPECT_EQ(test, query.completed, seqno);
}

static void recovery_hang(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_queue_query query;
	u32 done[3], i;

	for (i = 0; i < 3; i++)
		done[i] = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 3));
	mock_complete(mock, 0, 1);
	mock_hang(mock, 0, true);

	/* Done, guilty, and after it. */
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -ETIME);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[2]), -ECANCELED);
	recovery_expect_banned(test, fix, 0, DRM_HALYARD_FAULT_TIMEOUT, 2);
	query = mock_queue_query(mock, fix->file, fix->queues[0]);
	KUNIT_EXPECT_EQ(test, query.submitted, 3ULL);
	KUNIT_EXPECT_EQ(test, query.completed, 1ULL);
	KUNIT_EXPECT_EQ(test, query.failed, 2ULL);

	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_QUEUE_FINI), 1U);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_ENGINE), 0U);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 0U);
	recovery_expect_works(test, fix, 1, 1);
}

/* Jobs of the guilty queue that the device did not have yet. */
static void recovery_hang_cancels_pending(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2 * MOCK_DEPTH], i;

	for (i = 0; i < ARRAY_SIZE(done); i++)
		done[i] = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, MOCK_DEPTH));
	mock_hang(mock, 0, true);

	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ETIME);
	for (i = 1; i < ARRAY_SIZE(done); i++)
		KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[i]), -ECANCELED);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 0, MOCK_DEPTH + 1, false), -1);
}

/* However long it takes: the watchdog looks eight times in the time after which it would act. */
static void recovery_progress_is_no_hang(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = mock_submit_signalling(mock, fix->queues[0]);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_TRUE(test, recovery_wait_polls(mock, 0, 30));
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), 0);
	recovery_expect_works(test, fix, 0, 2);
}

/* A job of queue 0, which may have so much of the device's time. */
static u32 recovery_submit_limited(struct kunit *test, struct mock_pair *fix, u32 limit_ms)
{
	u32 done;

	fix->mock->hdev->core->sched->job_limit_ms = limit_ms;
	done = mock_submit_signalling(fix->mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(fix->mock, 0, 1));

	return done;
}

/* The watchdog sees queue 0 spend time, and does nothing about it. */
static void recovery_expect_spends(struct kunit *test, struct mock_pair *fix, u64 ns, u32 done)
{
	mock_spend(fix->mock, 0, ns);
	KUNIT_EXPECT_TRUE(test, recovery_wait_polls(fix->mock, 0, 10));
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));
}

static void recovery_expect_ends(struct kunit *test, struct mock_pair *fix, u32 done)
{
	mock_complete(fix->mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(fix->mock, fix->file, done), 0);
}

/* It moves, and is stopped all the same: others want the device, too. */
static void recovery_job_limit(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[3], i;

	done[0] = recovery_submit_limited(test, fix, 1000);
	for (i = 1; i < 3; i++)
		done[i] = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 3));

	/* The time of jobs before it is not its own. */
	mock_spend(mock, 0, 999 * NSEC_PER_MSEC);
	recovery_expect_ends(test, fix, done[0]);
	recovery_expect_spends(test, fix, 999 * NSEC_PER_MSEC, done[1]);

	mock_spend(mock, 0, NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -ETIME);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[2]), -ECANCELED);
	recovery_expect_banned(test, fix, 0, DRM_HALYARD_FAULT_TIMEOUT, 2);
	recovery_expect_works(test, fix, 1, 1);
}

static void recovery_no_job_limit(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	u32 done = recovery_submit_limited(test, fix, 0);

	recovery_expect_spends(test, fix, 24ULL * 3600 * NSEC_PER_SEC, done);
	recovery_expect_ends(test, fix, done);
}

/* What a reset undoes does not count. */
static void recovery_job_limit_of_a_run(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = recovery_submit_limited(test, fix, 1000);

	recovery_expect_spends(test, fix, 600 * NSEC_PER_MSEC, done);
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	recovery_expect_spends(test, fix, 600 * NSEC_PER_MSEC, done);
	recovery_expect_ends(test, fix, done);
}

/* The engine is busy with others' jobs. */
static void recovery_waiting_is_no_hang(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done;

	mock->dev->queues[0]->waiting = true;
	done = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_EXPECT_TRUE(test, recovery_wait_polls(mock, 0, 30));
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));

	/* Its turn has come, and it does nothing with it. */
	spin_lock_irq(&mock->dev->lock);
	mock->dev->queues[0]->hung = true;
	mock->dev->queues[0]->waiting = false;
	spin_unlock_irq(&mock->dev->lock);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), -ETIME);
}

static void recovery_busy_neighbour_hides_nothing(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 hung = mock_submit_signalling(mock, fix->queues[0]);
	u64 seqno = 0;

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_hang(mock, 0, true);
	while (mock_pending(fix->file, hung) && seqno < 100000) {
		recovery_expect_works(test, fix, 1, ++seqno);
		cond_resched();
	}
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, hung), -ETIME);
	recovery_expect_works(test, fix, 1, ++seqno);
}

static void recovery_lost_interrupt(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = mock_submit_signalling(mock, fix->queues[0]);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_hang(mock, 0, true);
	mock_complete_silently(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), 0);
	mock_hang(mock, 0, false);
	recovery_expect_works(test, fix, 0, 2);
}

static void recovery_spurious_interrupt(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done;

	halyard_complete_jobs(mock->hdev);
	done = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	halyard_complete_jobs(mock->hdev);
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));
	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), 0);
}

/*
 * A device that claims more than it was given has said nothing: of what it was given it may still
 * be at work.
 */
static void recovery_absurd_progress(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = mock_submit_signalling(mock, fix->queues[0]);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_complete(mock, 0, 1000);
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));
	KUNIT_EXPECT_EQ(test, mock_queue_query(mock, fix->file, fix->queues[0]).completed, 0ULL);
	recovery_expect_ends(test, fix, done);
	recovery_expect_works(test, fix, 0, 2);
}

/* What is over stays over, and the job after it is not done for that. */
static void recovery_undone_progress(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct halyard_slot *slot = mock->hdev->core->sched->slots[0];
	u32 done;

	recovery_expect_works(test, fix, 0, 1);
	recovery_expect_works(test, fix, 0, 2);
	done = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 3));

	mock_complete(mock, 0, 1);
	KUNIT_EXPECT_EQ(test, slot->queue->progress.seqno, 2ULL);
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));
	mock_complete(mock, 0, 3);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), 0);
}

static void recovery_fault_of_job(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct drm_halyard_queue_query query;
	u32 done[3], i;

	for (i = 0; i < 3; i++)
		done[i] = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 3));
	/* Its predecessor is done, though no interrupt said so. */
	mock_complete_silently(mock, 0, 1);
	mock_fault(mock, 0, 2, &recovery_fault);

	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -EFAULT);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[2]), -ECANCELED);
	recovery_expect_banned(test, fix, 0, DRM_HALYARD_FAULT_UNMAPPED, 2);
	query = mock_queue_query(mock, fix->file, fix->queues[0]);
	KUNIT_EXPECT_EQ(test, query.fault_address, recovery_fault.address);
	KUNIT_EXPECT_EQ(test, query.fault_access, 1U);
	KUNIT_EXPECT_EQ(test, query.fault_command, recovery_fault.command);
	KUNIT_EXPECT_EQ(test, query.fault_tag, recovery_fault.tag);
	recovery_expect_works(test, fix, 1, 1);
}

static void recovery_fault_of_oldest_job(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2] = {
		mock_submit_signalling(mock, fix->queues[0]),
		mock_submit_signalling(mock, fix->queues[0]),
	};

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 2));
	mock_fault(mock, 0, 0, &recovery_fault);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -EFAULT);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -ECANCELED);
	recovery_expect_banned(test, fix, 0, DRM_HALYARD_FAULT_UNMAPPED, 1);
}

/* Late, early, or of a queue without jobs. */
static void recovery_fault_of_no_job(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;

	mock_fault(mock, 0, 0, &recovery_fault);
	recovery_expect_works(test, fix, 0, 1);
	mock_fault(mock, 0, 1, &recovery_fault);
	mock_fault(mock, 0, 2, &recovery_fault);
	recovery_expect_works(test, fix, 0, 2);
	KUNIT_EXPECT_NULL(test, halyard_queue_get_by_hw_id(mock->hdev, 2));
	KUNIT_EXPECT_NULL(test, halyard_queue_get_by_hw_id(mock->hdev, MOCK_QUEUES));
	KUNIT_EXPECT_NULL(test, halyard_queue_get_by_hw_id(mock->hdev, U32_MAX));
}

/* What bounds the time until anything is done at all. */
static void recovery_standstill_is_bounded(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 *timeout_ms = &mock->hdev->core->sched->timeout_ms;
	u32 done;

	WRITE_ONCE(*timeout_ms, 3600 * MSEC_PER_SEC);
	done = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_hang(mock, 0, true);
	KUNIT_EXPECT_TRUE(test, recovery_wait_polls(mock, 0, 3));
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done));

	WRITE_ONCE(*timeout_ms, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), -ETIME);
}

static void recovery_expect_lost(struct kunit *test, struct mock_pair *fix)
{
	struct drm_halyard_vm_create args = {};
	struct mock *mock = fix->mock;

	/* It is taken away by a work. */
	halyard_device_unplug(mock->hdev);
	KUNIT_EXPECT_TRUE(test, drm_dev_is_unplugged(&mock->hdev->drm));
	KUNIT_EXPECT_EQ(test, mock_ioctl(mock, fix->file, DRM_IOCTL_HALYARD_VM_CREATE, &args),
			-ENODEV);
}

/**
 * struct recovery_rung - a hang, and a device that does not answer when it is to be recovered
 * @name: the rung that is reached
 * @silent: how many calls of each kind get no answer
 * @next: what the core does when the last of them has given up
 * @lost: that was the last rung
 */
struct recovery_rung {
	const char *name;
	u32 silent[MOCK_NUM_OPS];
	enum mock_op next;
	bool lost;
};

static const struct recovery_rung recovery_rungs[] = {
	{ "engine", { [MOCK_QUEUE_FINI] = 1 }, MOCK_RESET_ENGINE },
	{ "engine in vain", { [MOCK_QUEUE_FINI] = 2 }, MOCK_RESET_DEVICE },
	{ "device", { [MOCK_QUEUE_FINI] = 1, [MOCK_RESET_ENGINE] = 1 }, MOCK_RESET_DEVICE },
	/* A platform device has no function reset, so that is the end. */
	{
		"device in vain",
		{ [MOCK_QUEUE_FINI] = 1, [MOCK_RESET_ENGINE] = 1, [MOCK_RESET_DEVICE] = 1 },
		MOCK_STOP, true
	},
	{
		"start in vain",
		{ [MOCK_QUEUE_FINI] = 1, [MOCK_RESET_ENGINE] = 1, [MOCK_START] = 1 },
		MOCK_STOP, true
	},
	{
		"queues in vain",
		{ [MOCK_QUEUE_FINI] = 1, [MOCK_RESET_ENGINE] = 1, [MOCK_QUEUE_INIT] = 1 },
		MOCK_STOP, true
	},
};

KUNIT_ARRAY_PARAM_DESC(recovery_rung, recovery_rungs, name);

/* Each rung has its time to answer; then, and not before, the next one is taken. */
static void recovery_rung_is_bounded(struct kunit *test)
{
	const struct recovery_rung *rung = test->param_value;
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	enum mock_op op;
	u32 done[2];
	u64 waited;

	mock_submit_both(fix, done);
	for (op = 0; op < MOCK_NUM_OPS; op++)
		mock_silence(mock, op, rung->silent[op]);
	mock_hang(mock, 0, true);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ETIME);
	mock_settle(mock);

	KUNIT_EXPECT_EQ(test, mock_after_silence(mock, &waited), rung->next);
	KUNIT_EXPECT_GE(test, waited, MOCK_ANSWER_MS * NSEC_PER_MSEC);
	if (rung->lost) {
		KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -EIO);
		recovery_expect_lost(test, fix);
		return;
	}
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), 0);
}

static void recovery_engine(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2];

	mock_submit_both(fix, done);
	mock_fail(mock, MOCK_QUEUE_FINI, 1);
	mock_hang(mock, 0, true);

	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ETIME);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_ENGINE), 1U);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 0U);
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, done[1]));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), 0);
}

/* What an innocent queue had done is not done again; what it had not done is, in order. */
static void recovery_device_spares_innocents(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 hung = mock_submit_signalling(mock, fix->queues[0]);
	u32 done[4], i;

	for (i = 0; i < 4; i++)
		done[i] = mock_submit_signalling(mock, fix->queues[1]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 4));
	mock_complete(mock, 1, 1);
	/* Nobody has noticed yet that the second is done. */
	mock_complete_silently(mock, 1, 2);
	mock_fail(mock, MOCK_QUEUE_FINI, 1);
	mock_fail(mock, MOCK_RESET_ENGINE, 1);
	mock_hang(mock, 0, true);

	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, hung), -ETIME);
	mock_settle(mock);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 2U);
	recovery_expect_banned(test, fix, 0, DRM_HALYARD_FAULT_TIMEOUT, 1);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 4));
	KUNIT_EXPECT_LT(test, mock_event_index(mock, 1, 2, false),
			mock_event_index(mock, 1, 2, true));
	KUNIT_EXPECT_GT(test, mock_event_index(mock, 1, 3, false),
			mock_event_index(mock, 1, 2, true));
	KUNIT_EXPECT_GT(test, mock_event_index(mock, 1, 4, false),
			mock_event_index(mock, 1, 3, false));
	mock_complete(mock, 1, 4);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[i]), 0);
	recovery_expect_works(test, fix, 1, 5);
}

/* Both have failed, but only one was acted upon when the device was reset. */
static void recovery_device_condemns_all_guilty(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2];

	mock_submit_both(fix, done);
	mock_fail(mock, MOCK_QUEUE_FINI, 2);
	mock_fail(mock, MOCK_RESET_ENGINE, 2);
	mock_fault(mock, 0, 1, &recovery_fault);
	mock_fault(mock, 1, 1, &recovery_fault);

	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -EFAULT);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -EFAULT);
	recovery_expect_banned(test, fix, 0, DRM_HALYARD_FAULT_UNMAPPED, 1);
	recovery_expect_banned(test, fix, 1, DRM_HALYARD_FAULT_UNMAPPED, 1);
}

static void recovery_device_fault_blames_nobody(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2], i;

	mock_submit_both(fix, done);
	halyard_device_fault(mock->hdev, "test");
	halyard_recover_wait(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);

	for (i = 0; i < 2; i++) {
		KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, i, 1));
		mock_complete(mock, i, 1);
		KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[i]), 0);
		recovery_expect_works(test, fix, i, 2);
	}
}

static void recovery_lost(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2];

	mock_submit_both(fix, done);
	mock_fail(mock, MOCK_QUEUE_FINI, 1);
	mock_fail(mock, MOCK_RESET_ENGINE, 1);
	mock_fail(mock, MOCK_RESET_DEVICE, 1);
	mock_hang(mock, 0, true);

	/* A platform device has no function reset, so that was the last rung. */
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ETIME);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), -EIO);
	recovery_expect_lost(test, fix);
}

static void recovery_lost_because_start_fails(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = mock_submit_signalling(mock, fix->queues[0]);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	mock_fail(mock, MOCK_START, U32_MAX);
	halyard_device_fault(mock->hdev, "test");
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), -EIO);
	recovery_expect_lost(test, fix);
}

static void recovery_lost_because_queue_is_not_made(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done = mock_submit_signalling(mock, fix->queues[1]);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_fail(mock, MOCK_QUEUE_INIT, U32_MAX);
	halyard_device_fault(mock->hdev, "test");
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), -EIO);
	recovery_expect_lost(test, fix);
}

/* A device that only ever fails is given up; one that works in between is not. */
static void recovery_fruitless(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done, i;

	for (i = 0; i < 10; i++) {
		halyard_device_fault(mock->hdev, "test");
		halyard_recover_wait(mock->hdev);
		recovery_expect_works(test, fix, 0, i + 1);
	}
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 10U);

	done = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 11));
	for (i = 0; i < 10; i++) {
		halyard_device_fault(mock->hdev, "test");
		halyard_recover_wait(mock->hdev);
	}
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done), -EIO);
	recovery_expect_lost(test, fix);
}

static void recovery_destroy_cancels(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2 * MOCK_DEPTH], i;

	for (i = 0; i < ARRAY_SIZE(done); i++)
		done[i] = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, MOCK_DEPTH));
	mock_hang(mock, 0, true);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, fix->file, fix->queues[0]), 0);

	/* Those that the device had are over when the call returns. */
	for (i = 0; i < MOCK_DEPTH; i++)
		KUNIT_EXPECT_FALSE(test, mock_pending(fix->file, done[i]));
	for (i = 0; i < ARRAY_SIZE(done); i++)
		KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[i]), -ECANCELED);
	recovery_expect_works(test, fix, 1, 1);
}

/* A queue that can't be stopped is destroyed all the same, by way of the device. */
static void recovery_destroy_resets(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 done[2];

	mock_submit_both(fix, done);
	mock_fail(mock, MOCK_QUEUE_FINI, 1);
	mock_fail(mock, MOCK_RESET_ENGINE, 1);
	KUNIT_EXPECT_EQ(test, mock_queue_destroy(mock, fix->file, fix->queues[0]), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_RESET_DEVICE), 1U);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[0]), -ECANCELED);

	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, done[1]), 0);
}

/* The process ends with a hung job and others behind it. */
static void recovery_close_with_jobs(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	struct dma_fence *fence;
	u32 i, done = 0;

	for (i = 0; i < 2 * MOCK_DEPTH; i++)
		done = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, MOCK_DEPTH));
	mock_hang(mock, 0, true);
	fence = mock_fence(fix->file, done, 0);
	KUNIT_ASSERT_NOT_NULL(test, fence);

	mock_close(mock->file);
	mock->file = NULL;
	KUNIT_EXPECT_GT(test, dma_fence_wait_timeout(fence, false, MOCK_PATIENCE), 0L);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(fence), -ECANCELED);
	/* Outlives the queue; its names still can be asked for. */
	halyard_sched_flush(mock->hdev);
	KUNIT_EXPECT_NOT_NULL(test, fence->ops->get_timeline_name(fence));
	dma_fence_put(fence);
}

static void recovery_suspend(struct kunit *test)
{
	struct mock_pair *fix = mock_pair(test);
	struct mock *mock = fix->mock;
	u32 running, during;

	running = mock_submit_signalling(mock, fix->queues[0]);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	/* It does not end in time: nobody completes it. */
	halyard_sched_suspend(mock->hdev);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_STOP), 1U);
	during = mock_submit_signalling(mock, fix->queues[1]);
	msleep(20);
	KUNIT_EXPECT_EQ(test, mock_event_index(mock, 1, 1, false), -1);
	KUNIT_EXPECT_TRUE(test, mock_pending(fix->file, running));

	KUNIT_EXPECT_EQ(test, halyard_sched_resume(mock->hdev), 0);
	KUNIT_EXPECT_EQ(test, mock_calls(mock, MOCK_START), 2U);
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 0, 1));
	KUNIT_ASSERT_TRUE(test, mock_wait_submitted(mock, 1, 1));
	mock_complete(mock, 0, 1);
	mock_complete(mock, 1, 1);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, running), 0);
	KUNIT_EXPECT_EQ(test, mock_result(mock, fix->file, during), 0);
	recovery_expect_works(test, fix, 0, 2);
}

static struct kunit_case recovery_cases[] = {
	KUNIT_CASE(recovery_hang),
	KUNIT_CASE(recovery_hang_cancels_pending),
	KUNIT_CASE(recovery_progress_is_no_hang),
	KUNIT_CASE(recovery_job_limit),
	KUNIT_CASE(recovery_no_job_limit),
	KUNIT_CASE(recovery_job_limit_of_a_run),
	KUNIT_CASE(recovery_waiting_is_no_hang),
	KUNIT_CASE(recovery_busy_neighbour_hides_nothing),
	KUNIT_CASE(recovery_lost_interrupt),
	KUNIT_CASE(recovery_spurious_interrupt),
	KUNIT_CASE(recovery_absurd_progress),
	KUNIT_CASE(recovery_undone_progress),
	KUNIT_CASE(recovery_fault_of_job),
	KUNIT_CASE(recovery_fault_of_oldest_job),
	KUNIT_CASE(recovery_fault_of_no_job),
	KUNIT_CASE(recovery_standstill_is_bounded),
	KUNIT_CASE_PARAM(recovery_rung_is_bounded, recovery_rung_gen_params),
	KUNIT_CASE(recovery_engine),
	KUNIT_CASE(recovery_device_spares_innocents),
	KUNIT_CASE(recovery_device_condemns_all_guilty),
	KUNIT_CASE(recovery_device_fault_blames_nobody),
	KUNIT_CASE(recovery_lost),
	KUNIT_CASE(recovery_lost_because_start_fails),
	KUNIT_CASE(recovery_lost_because_queue_is_not_made),
	KUNIT_CASE(recovery_fruitless),
	KUNIT_CASE(recovery_destroy_cancels),
	KUNIT_CASE(recovery_destroy_resets),
	KUNIT_CASE(recovery_close_with_jobs),
	KUNIT_CASE(recovery_suspend),
	{}
};

struct kunit_suite halyard_recovery_suite = {
	.name = "halyard-recovery",
	.suite_init = mock_suite_init,
	.suite_exit = mock_suite_exit,
	.init = mock_init,
	.exit = mock_exit,
	.test_cases = recovery_cases,
};
