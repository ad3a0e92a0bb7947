// SPDX-License-Identifier: GPL-2.0-only
/*
 * Turns on a device that runs one job at a time. When all that a job waits for is over it asks for
 * its turn, a fence that the scheduler awaits like any other; one job has its turn until it is
 * over.
 *
 * The scheduler alone would go by the time of submission, so that whoever submits most has the
 * device. Here the more urgent queue goes first; of equally urgent ones that of the user who had
 * the least of the device's time, of one user's that of the address space which had the least, of
 * one address space's that which has asked first. Who had nothing to do saves nothing up: he begins
 * where the others are.
 */

#include <linux/ktime.h>
#include <linux/slab.h>

#include "compat.h"
#include "queue.h"

static const char *halyard_turn_driver_name(struct dma_fence *fence)
{
	return "halyard";
}

static const char *halyard_turn_timeline_name(struct dma_fence *fence)
{
	return "turns";
}

/* It is part of the job, which lives as long as the job's own fence. */
static void halyard_turn_release(struct dma_fence *turn)
{
	dma_fence_put(&container_of(turn, struct halyard_job_core, turn)->fence);
}

static const struct dma_fence_ops halyard_turn_ops = {
	.get_driver_name = halyard_turn_driver_name,
	.get_timeline_name = halyard_turn_timeline_name,
	.release = halyard_turn_release,
	HALYARD_FENCE_OPS_64BIT
};

/**
 * halyard_turns_init - no job has its turn
 * @turns: of a device
 * @num_shares: numbers of users, 0 included
 *
 * Return: 0 or -ENOMEM.
 */
int halyard_turns_init(struct halyard_turns *turns, u32 num_shares)
{
	spin_lock_init(&turns->lock);
	INIT_LIST_HEAD(&turns->waiting);
	turns->shares = kcalloc(num_shares, sizeof(*turns->shares), GFP_KERNEL);

	return turns->shares ? 0 : -ENOMEM;
}

/**
 * halyard_turns_fini - undo halyard_turns_init()
 * @turns: of a device without jobs
 */
void halyard_turns_fini(struct halyard_turns *turns)
{
	kfree(turns->shares);
}

static struct halyard_share *halyard_turn_share(struct halyard_turns *turns,
						struct halyard_job_core *job)
{
	return &turns->shares[job->job.queue->share];
}

/* Puts the job behind those that wait. */
static void halyard_turn_wait_locked(struct halyard_turns *turns, struct halyard_job_core *job)
{
	struct halyard_share *share = halyard_turn_share(turns, job);
	struct halyard_vm_core *vm = job->job.queue->vm->core;

	lockdep_assert_held(&turns->lock);

	share->spent_ns = max(share->spent_ns, turns->least_ns);
	vm->spent_ns = max(vm->spent_ns, share->least_ns);
	list_add_tail(&job->turn_link, &turns->waiting);
}

static bool halyard_turn_before(struct halyard_turns *turns, struct halyard_job_core *a,
				struct halyard_job_core *b)
{
	const struct halyard_queue *x = a->job.queue, *y = b->job.queue;
	u64 spent_x = halyard_turn_share(turns, a)->spent_ns;
	u64 spent_y = halyard_turn_share(turns, b)->spent_ns;

	if (x->priority != y->priority)
		return x->priority > y->priority;
	if (x->share != y->share && spent_x != spent_y)
		return spent_x < spent_y;
	if (x->share == y->share)
		return x->vm->core->spent_ns < y->vm->core->spent_ns;

	return false;
}

/* Whose turn it is next, taken from those that wait; NULL when nobody does. */
static struct halyard_job_core *halyard_turn_take_locked(struct halyard_turns *turns)
{
	struct halyard_job_core *job, *best;
	struct halyard_share *share;

	lockdep_assert_held(&turns->lock);

	best = list_first_entry_or_null(&turns->waiting, struct halyard_job_core, turn_link);
	if (!best)
		return NULL;
	list_for_each_entry(job, &turns->waiting, turn_link)
		if (halyard_turn_before(turns, job, best))
			best = job;

	list_del_init(&best->turn_link);
	share = halyard_turn_share(turns, best);
	turns->least_ns = max(turns->least_ns, share->spent_ns);
	share->least_ns = max(share->least_ns, best->job.queue->vm->core->spent_ns);
	turns->holder = best;
	turns->since_ns = ktime_get_ns();

	return best;
}

/**
 * halyard_turn_ask - a job has nothing more to wait for but its turn
 * @job: of a device that runs one job at a time; armed
 *
 * From the scheduler, as often as it asks.
 *
 * Return: a fence, or NULL when it is the job's turn. A job of a queue that is not in order, which
 * will not reach the device, has no need of one.
 */
struct dma_fence *halyard_turn_ask(struct halyard_job_core *job)
{
	struct halyard_turns *turns = &job->job.queue->hdev->core->sched->turns;
	struct dma_fence *turn = NULL;
	unsigned long flags;

	if (job->turn_asked || READ_ONCE(halyard_job_queue(job)->error))
		return NULL;
	job->turn_asked = true;

	/* The job holds itself by its fence; this fence is held by the device and the scheduler. */
	dma_fence_get(&job->fence);
	halyard_compat_fence_init64(&job->turn, &halyard_turn_ops, &turns->lock,
				    dma_fence_context_alloc(1), 1);

	spin_lock_irqsave(&turns->lock, flags);
	halyard_turn_wait_locked(turns, job);
	if (turns->holder)
		turn = dma_fence_get(&job->turn);
	else
		halyard_turn_take_locked(turns);
	spin_unlock_irqrestore(&turns->lock, flags);

	return turn;
}

/**
 * halyard_turn_over - a job is over
 * @job: a job, with or without a turn; its fence is signalled
 */
void halyard_turn_over(struct halyard_job_core *job)
{
	struct halyard_turns *turns = &job->job.queue->hdev->core->sched->turns;
	struct halyard_job_core *next = NULL;
	unsigned long flags;
	u64 ns;

	spin_lock_irqsave(&turns->lock, flags);
	if (turns->holder == job) {
		ns = ktime_get_ns() - turns->since_ns;
		halyard_turn_share(turns, job)->spent_ns += ns;
		job->job.queue->vm->core->spent_ns += ns;
		turns->holder = NULL;
		dma_fence_put(&job->turn);
		next = halyard_turn_take_locked(turns);
	}
	if (next)
		dma_fence_signal_locked(&next->turn);
	spin_unlock_irqrestore(&turns->lock, flags);
}
