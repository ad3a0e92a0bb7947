// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sync operations of a SUBMIT. They mean what they would mean if each job came in a call of its
 * own: a job may await what an earlier one of the call signals. That job's fence does not exist
 * before the point of no return, so such waits are kept as numbers of jobs.
 */

#include <linux/dma-fence-chain.h>
#include <linux/slab.h>

#include "queue.h"

#define HALYARD_SYNC_FLAGS	(DRM_HALYARD_SYNC_SIGNAL | DRM_HALYARD_SYNC_TIMELINE)

static int halyard_sync_init(struct halyard_submit *submit, struct halyard_sync *sync,
			     const struct drm_halyard_sync_op *op, u32 job)
{
	bool timeline = op->flags & DRM_HALYARD_SYNC_TIMELINE;

	/* Point 0 of a timeline is what the kernel's functions take for a binary one. */
	if (op->flags & ~HALYARD_SYNC_FLAGS || timeline != !!op->timeline_value)
		return -EINVAL;

	sync->syncobj = drm_syncobj_find(submit->drm_file, op->handle);
	if (!sync->syncobj)
		return -ENOENT;
	sync->point = op->timeline_value;
	sync->signal = op->flags & DRM_HALYARD_SYNC_SIGNAL;
	sync->job = job;

	if (timeline && sync->signal) {
		sync->chain = dma_fence_chain_alloc();
		if (!sync->chain)
			return -ENOMEM;
	}

	return 0;
}

static int halyard_syncs_get_job(struct halyard_submit *submit, u32 job)
{
	const struct drm_halyard_obj_array *array = &submit->args[job].syncs;
	struct drm_halyard_sync_op *ops;
	int ret = 0;
	u32 i;

	ops = halyard_uobj_get_array(array, sizeof(*ops), sizeof(*ops), HALYARD_JOB_SYNCS_MAX);
	if (IS_ERR(ops))
		return PTR_ERR(ops);

	for (i = 0; !ret && i < array->count; i++)
		ret = halyard_sync_init(submit, &submit->syncs[submit->num_syncs++], &ops[i], job);
	kvfree(ops);

	return ret;
}

/**
 * halyard_syncs_get - read the sync operations of all jobs
 * @submit: what has been gathered; halyard_syncs_put() in any case
 *
 * Return: 0 or a negative error.
 */
int halyard_syncs_get(struct halyard_submit *submit)
{
	size_t total = 0;
	int ret = 0;
	u32 i;

	for (i = 0; i < submit->num_jobs; i++) {
		if (submit->args[i].syncs.count > HALYARD_JOB_SYNCS_MAX)
			return -E2BIG;
		total += submit->args[i].syncs.count;
	}
	if (!total)
		return 0;

	submit->syncs = kvcalloc(total, sizeof(*submit->syncs), GFP_KERNEL_ACCOUNT);
	if (!submit->syncs)
		return -ENOMEM;

	for (i = 0; !ret && i < submit->num_jobs; i++)
		ret = halyard_syncs_get_job(submit, i);

	return ret;
}

/*
 * The fence of a point as it is now; -EINVAL when there is none. Point 0: all that the syncobj
 * has.
 */
static int halyard_sync_fence(struct halyard_sync *sync, u64 point, struct dma_fence **fence)
{
	int ret;

	*fence = drm_syncobj_fence_get(sync->syncobj);
	if (!*fence)
		return -EINVAL;

	ret = dma_fence_chain_find_seqno(fence, point);
	if (ret)
		dma_fence_put(*fence);
	else if (!*fence)
		*fence = dma_fence_get_stub(); /* signalled and forgotten */

	return ret;
}

/**
 * struct halyard_sync_outlook - what a syncobj will hold for a job after the earlier ones of the
 * call
 * @jobs: that signal it
 * @replaced: a binary signal makes its present content irrelevant
 * @found: the awaited point is among what they signal
 */
struct halyard_sync_outlook {
	u64 jobs;
	bool replaced;
	bool found;
};

/*
 * A binary signal replaces all, a point of a timeline comes on top of what is there; signalled
 * are all below, too.
 */
static struct halyard_sync_outlook halyard_sync_foresee(struct halyard_submit *submit,
							struct halyard_sync *wait)
{
	struct halyard_sync_outlook outlook = {};
	struct halyard_sync *sync;

	for (sync = submit->syncs; sync < submit->syncs + submit->num_syncs; sync++) {
		if (sync->job >= wait->job)
			break;
		if (!sync->signal || sync->syncobj != wait->syncobj)
			continue;
		if (sync->point && outlook.found && wait->point)
			continue; /* later than what is awaited */
		if (!sync->point) {
			outlook.jobs = 0;
			outlook.replaced = true;
		}
		outlook.jobs |= BIT_ULL(sync->job);
		outlook.found = wait->point <= sync->point;
	}

	return outlook;
}

static int halyard_sync_await(struct halyard_submit *submit, struct halyard_sync *wait)
{
	struct halyard_sync_outlook outlook = halyard_sync_foresee(submit, wait);
	struct drm_sched_job *base = &submit->jobs[wait->job]->base;
	struct dma_fence *fence;
	int ret;

	/* A point that is there already is not replaced by adding others. */
	if (!outlook.replaced && (wait->point || !outlook.found)) {
		ret = halyard_sync_fence(wait, wait->point, &fence);
		if (!ret)
			return drm_sched_job_add_dependency(base, fence);
	}
	if (!outlook.found)
		return -EINVAL;

	submit->jobs[wait->job]->siblings |= outlook.jobs;
	if (!outlook.replaced && !halyard_sync_fence(wait, 0, &fence))
		return drm_sched_job_add_dependency(base, fence);

	return 0;
}

/**
 * halyard_syncs_await - make dependencies of all waits
 * @submit: with sync operations and jobs
 *
 * Return: 0, -EINVAL when a point has no fence and no earlier job gives it one, or another error.
 */
int halyard_syncs_await(struct halyard_submit *submit)
{
	int ret = 0;
	u32 i;

	for (i = 0; !ret && i < submit->num_syncs; i++)
		if (!submit->syncs[i].signal)
			ret = halyard_sync_await(submit, &submit->syncs[i]);

	return ret;
}

/**
 * halyard_syncs_signal - let the syncobjs have the fences of the jobs, in order
 * @submit: with jobs armed; past the point of no return
 */
void halyard_syncs_signal(struct halyard_submit *submit)
{
	struct dma_fence *fence;
	struct halyard_sync *sync;

	for (sync = submit->syncs; sync < submit->syncs + submit->num_syncs; sync++) {
		if (!sync->signal)
			continue;

		fence = &submit->jobs[sync->job]->base.s_fence->finished;
		if (sync->point) {
			drm_syncobj_add_point(sync->syncobj, sync->chain, fence, sync->point);
			sync->chain = NULL;
		} else {
			drm_syncobj_replace_fence(sync->syncobj, fence);
		}
	}
}

/**
 * halyard_syncs_put - undo halyard_syncs_get()
 * @submit: what has been gathered
 */
void halyard_syncs_put(struct halyard_submit *submit)
{
	struct halyard_sync *sync;

	for (sync = submit->syncs; sync < submit->syncs + submit->num_syncs; sync++) {
		dma_fence_chain_free(sync->chain);
		if (sync->syncobj)
			drm_syncobj_put(sync->syncobj);
	}
	kvfree(submit->syncs);
}
