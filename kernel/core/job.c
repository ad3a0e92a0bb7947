// SPDX-License-Identifier: GPL-2.0-only
/*
 * A job from arming to its fence. The scheduler sees to its dependencies and to the order within
 * a queue; the device signals nothing but a number, from which halyard_complete_jobs() signals
 * fences.
 */

#include <linux/bitops.h>
#include <linux/dma-resv.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat.h"
#include "queue.h"
#include "trace.h"
#include "vram.h"

static const char *halyard_fence_driver_name(struct dma_fence *fence)
{
	return "halyard";
}

static const char *halyard_fence_timeline_name(struct dma_fence *fence)
{
	return container_of(fence, struct halyard_job_core, fence)->slot->name;
}

/*
 * halyard_jobs_exit() waits for this, so that nothing of the module runs after its last
 * reference.
 */
static void halyard_fence_free(struct rcu_head *rcu)
{
	struct dma_fence *fence = container_of(rcu, struct dma_fence, rcu);
	struct halyard_job_core *job = container_of(fence, struct halyard_job_core, fence);

	halyard_slot_put(job->slot);
	kfree(job);
	module_put(THIS_MODULE);
}

static void halyard_fence_release(struct dma_fence *fence)
{
	call_rcu(&fence->rcu, halyard_fence_free);
}

static const struct dma_fence_ops halyard_fence_ops = {
	.get_driver_name = halyard_fence_driver_name,
	.get_timeline_name = halyard_fence_timeline_name,
	.release = halyard_fence_release,
	HALYARD_FENCE_OPS_64BIT
};

/* What a job has beside its fence; nobody looks at its queue any more. */
static void halyard_job_cleanup(struct halyard_job_core *job)
{
	drm_sched_job_cleanup(&job->base);

	for (; job->next_after < job->num_after; job->next_after++)
		dma_fence_put(job->after[job->next_after]);
	kfree(job->after);
	halyard_job_put_buffers(job);
	halyard_queue_put(job->job.queue);
}

static void halyard_job_free(struct halyard_job_core *job)
{
	halyard_job_cleanup(job);
	dma_fence_put(&job->fence);
}

static void halyard_job_release_work(struct work_struct *work)
{
	halyard_job_free(container_of(work, struct halyard_job_core, release_work));
}

/**
 * halyard_job_create - make a job
 * @q: its queue; the job takes the caller's reference over, unless it can't be made
 *
 * From here to its end the job keeps the device awake: when it is to run nothing may fail any more.
 *
 * Return: the job, to be armed or discarded, or ERR_PTR().
 */
struct halyard_job_core *halyard_job_create(struct halyard_queue_core *q)
{
	struct halyard_device *hdev = q->queue.hdev;
	size_t payload_size = hdev->limits.payload_size;
	struct halyard_job_core *job;
	int ret;

	job = kzalloc(struct_size(job, payload, payload_size), GFP_KERNEL_ACCOUNT);
	if (!job)
		return ERR_PTR(-ENOMEM);

	ret = halyard_power_get(hdev);
	if (ret)
		goto free_job;
	ret = halyard_compat_sched_job_init(&job->base, &q->entity, 1, q, q->client_id);
	if (ret)
		goto put_power;

	INIT_LIST_HEAD(&job->link);
	INIT_LIST_HEAD(&job->mem_link);
	INIT_LIST_HEAD(&job->turn_link);
	INIT_WORK(&job->release_work, halyard_job_release_work);
	job->slot = q->slot;
	job->job.queue = &q->queue;
	job->job.payload = job->payload;
	job->job.payload_size = payload_size;
	job->job.core = job;

	return job;

put_power:
	halyard_power_put(hdev);
free_job:
	kfree(job);
	return ERR_PTR(ret);
}

/**
 * halyard_job_discard - drop a job that was not armed
 * @job: the job
 */
void halyard_job_discard(struct halyard_job_core *job)
{
	halyard_power_put(job->job.queue->hdev);
	halyard_job_cleanup(job);
	kfree(job);
}

/**
 * halyard_job_arm - give a job its number and its fences
 * @job: the job; drm_sched_entity_push_job() is a must afterwards
 * @siblings: jobs of the same SUBMIT, those before this one armed
 *
 * Under the VM's reservation lock up to pushing, so that a queue's numbers are in the order of
 * its jobs.
 */
void halyard_job_arm(struct halyard_job_core *job, struct halyard_job_core **siblings)
{
	struct halyard_queue_core *q = halyard_job_queue(job);
	u64 after;

	if (q->own)
		lockdep_assert_held(&q->queue.hdev->core->vram->order_lock);
	else
		dma_resv_assert_held(drm_gpuvm_resv(&q->queue.vm->gpuvm));

	kref_get(&job->slot->refs);
	__module_get(THIS_MODULE);
	job->job.seqno = ++q->submitted;
	halyard_compat_fence_init64(&job->fence, &halyard_fence_ops, &job->slot->fence_lock,
				    q->fence_context, job->job.seqno);
	drm_sched_job_arm(&job->base);

	for (after = job->siblings; after; after &= after - 1)
		job->after[job->num_after++] =
			dma_fence_get(&siblings[__ffs64(after)]->base.s_fence->finished);

	trace_halyard_job_submit(job);
}

/*
 * Fences of jobs of the same SUBMIT could not be dependencies before they were armed, when adding
 * them might have failed.
 */
static struct dma_fence *halyard_sched_prepare_job(struct drm_sched_job *base,
						   struct drm_sched_entity *entity)
{
	struct halyard_job_core *job = to_job_core(base);

	if (job->next_after < job->num_after)
		return job->after[job->next_after++];

	return job->job.queue->hdev->limits.one_job ? halyard_turn_ask(job) : NULL;
}

static void halyard_job_signal_locked(struct halyard_job_core *job, int error)
{
	struct halyard_queue_core *q = halyard_job_queue(job);

	lockdep_assert_held(&job->slot->fence_lock);

	if (error) {
		dma_fence_set_error(&job->fence, error);
		q->failed++;
		/* Before anybody who waits for the copy looks at what it was to make. */
		if (q->own && job->buffers[0].bo)
			WRITE_ONCE(job->buffers[0].bo->damaged, true);
	} else {
		q->completed++;
	}
	trace_halyard_job_done(job);
	dma_fence_signal_locked(&job->fence);
	if (q->queue.hdev->limits.one_job)
		halyard_turn_over(job);
	halyard_power_put(q->queue.hdev);
}

/*
 * What the job was to work on is lost. As after any job that fails, those behind it in the queue do
 * not run.
 */
static int halyard_job_refuse_locked(struct halyard_job_core *job)
{
	struct halyard_queue_core *q = halyard_job_queue(job);

	lockdep_assert_held(&job->slot->fence_lock);

	q->state = DRM_HALYARD_QUEUE_BANNED;
	q->error = -ECANCELED;
	q->fault = (struct halyard_fault) {
		.cause = DRM_HALYARD_FAULT_MEMORY_ERROR,
		.error = -EIO,
	};
	q->fault_seqno = job->job.seqno;
	return -EIO;
}

/*
 * From here completion and recovery find the job, unless its queue takes none any more: then it
 * is over. Returns whether the job is to be given to the device now.
 */
static bool halyard_job_start(struct halyard_job_core *job, int error)
{
	struct halyard_queue_core *q = halyard_job_queue(job);
	unsigned long flags;
	bool run;

	lockdep_assert_held(&job->slot->run_lock);

	spin_lock_irqsave(&job->slot->fence_lock, flags);
	error = q->error ?: error;
	/* Copies end with the device, and are not to be blamed for that. */
	if (!error && READ_ONCE(q->queue.hdev->core->lost))
		error = -ENODEV;
	if (!error && halyard_job_damaged(job))
		error = halyard_job_refuse_locked(job);
	run = !error && q->open;
	if (error) {
		halyard_job_signal_locked(job, error);
	} else {
		if (list_empty(&q->in_flight)) {
			q->progress_at = jiffies;
			q->job_base = q->busy_ns;
		}
		dma_fence_get(&job->fence);
		list_add_tail(&job->link, &q->in_flight);
		q->started = job->job.seqno;
		halyard_watch_locked(q);
		trace_halyard_job_run(job);
	}
	spin_unlock_irqrestore(&job->slot->fence_lock, flags);

	return run;
}

/*
 * The fence is returned even when it is signalled already: as its parent it keeps what the
 * scheduler's own fence points at.
 */
static struct dma_fence *halyard_sched_run_job(struct drm_sched_job *base)
{
	struct halyard_job_core *job = to_job_core(base);
	struct halyard_device *hdev = job->job.queue->hdev;
	struct dma_fence *fence = dma_fence_get(&job->fence);
	bool cookie = dma_fence_begin_signalling();
	bool entered;
	int idx;

	entered = drm_dev_enter(&hdev->drm, &idx);
	mutex_lock(&job->slot->run_lock);
	if (halyard_job_start(job, entered ? 0 : -ENODEV))
		hdev->chip->ops->job_run(&job->job);
	mutex_unlock(&job->slot->run_lock);
	if (entered)
		drm_dev_exit(idx);
	dma_fence_end_signalling(cookie);

	return fence;
}

/*
 * Buffers are unpinned under locks whose holders wait for memory, hence maybe for fences that the
 * scheduler's own works are in the way of.
 */
static void halyard_sched_free_job(struct drm_sched_job *base)
{
	struct halyard_job_core *job = to_job_core(base);

	if (job->buffers)
		queue_work(halyard_release_wq, &job->release_work);
	else
		halyard_job_free(job);
}

/*
 * There is no timedout_job: the watchdog knows a hang from a long job, and the scheduler's
 * timeout never expires. There is no cancel_job: a scheduler ends when no queue, hence no job, is
 * left.
 */
const struct drm_sched_backend_ops halyard_sched_ops = {
	.prepare_job = halyard_sched_prepare_job,
	.run_job = halyard_sched_run_job,
	.free_job = halyard_sched_free_job,
};

/*
 * Takes a job out of the list and signals it. The queue's handle, still open as the slot has an
 * owner, keeps the queue.
 */
static void halyard_job_end_locked(struct halyard_job_core *job, int error)
{
	list_del_init(&job->link);
	halyard_job_signal_locked(job, error);
	dma_fence_put(&job->fence);
}

static void halyard_queue_progress_locked(struct halyard_queue_core *q,
					  struct halyard_queue_progress *progress)
{
	q->queue.hdev->chip->ops->queue_progress(&q->queue, progress);

	/*
	 * No job can be over that was not given to the device, and none that was over is not: who
	 * says so has said nothing. A device may be in the midst of writing it, too.
	 */
	if (progress->seqno - q->progress.seqno > q->started - q->progress.seqno)
		progress->seqno = q->progress.seqno;
	if (progress->seqno != q->progress.seqno || progress->stamp != q->progress.stamp ||
	    progress->waiting)
		q->progress_at = jiffies;
	q->busy_ns = max(q->busy_ns, q->busy_base + progress->busy_ns);
	q->progress = *progress;
}

/**
 * halyard_queue_complete_locked - signal what the device has completed
 * @q: a queue, &halyard_slot.fence_lock held
 * @thorough: also find out whether the queue waits for its turn, which may take a register access
 *
 * Return: number of jobs signalled.
 */
unsigned int halyard_queue_complete_locked(struct halyard_queue_core *q, bool thorough)
{
	struct halyard_queue_progress progress = { .ask_waiting = thorough };
	struct halyard_sched *sched = q->queue.hdev->core->sched;
	struct halyard_job_core *job, *next;
	unsigned int count = 0;

	lockdep_assert_held(&q->slot->fence_lock);

	if (!q->live || list_empty(&q->in_flight))
		return 0;

	halyard_queue_progress_locked(q, &progress);
	list_for_each_entry_safe(job, next, &q->in_flight, link) {
		if (job->job.seqno > progress.seqno)
			break;
		halyard_job_end_locked(job, 0);
		count++;
	}
	if (count) {
		q->job_base = q->busy_ns;
		atomic_set(&sched->fruitless, 0);
	}

	return count;
}

/**
 * halyard_queue_end_job_locked - signal one job in flight, which the device no longer works on
 * @q: its queue, &halyard_slot.fence_lock held
 * @seqno: the job
 * @error: of its fence
 */
void halyard_queue_end_job_locked(struct halyard_queue_core *q, u64 seqno, int error)
{
	struct halyard_job_core *job;

	lockdep_assert_held(&q->slot->fence_lock);

	list_for_each_entry(job, &q->in_flight, link) {
		if (job->job.seqno == seqno) {
			halyard_job_end_locked(job, error);
			return;
		}
	}
}

/**
 * halyard_queue_end_jobs_locked - signal all jobs in flight, which the device no longer works on
 * @q: their queue, &halyard_slot.fence_lock held
 * @seqno: the guilty one, or 0
 * @error: of the guilty one
 * @others: error of the others
 */
void halyard_queue_end_jobs_locked(struct halyard_queue_core *q, u64 seqno, int error, int others)
{
	struct halyard_job_core *job, *next;

	lockdep_assert_held(&q->slot->fence_lock);

	list_for_each_entry_safe(job, next, &q->in_flight, link)
		halyard_job_end_locked(job, job->job.seqno == seqno ? error : others);
}

/**
 * halyard_complete_jobs - signal the fences of all jobs that have completed
 * @hdev: the device
 *
 * For chips, from &halyard_chip_ops.irq, or any other context.
 */
void halyard_complete_jobs(struct halyard_device *hdev)
{
	struct halyard_sched *sched = READ_ONCE(hdev->core->sched);
	bool cookie = dma_fence_begin_signalling();
	unsigned long flags;
	u32 i;

	for (i = 0; sched && i < sched->num_slots; i++) {
		struct halyard_slot *slot = sched->slots[i];

		if (!READ_ONCE(slot->queue))
			continue;

		spin_lock_irqsave(&slot->fence_lock, flags);
		if (slot->queue)
			halyard_queue_complete_locked(slot->queue, false);
		spin_unlock_irqrestore(&slot->fence_lock, flags);
	}
	dma_fence_end_signalling(cookie);
}
EXPORT_SYMBOL_GPL(halyard_complete_jobs);
