// SPDX-License-Identifier: GPL-2.0-only
/*
 * SUBMIT: all that can fail is gathered in a struct halyard_submit; then jobs are armed, their
 * fences shown to the world, and the jobs pushed, by functions that return nothing.
 */

#include <linux/bitops.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>
#include <linux/sort.h>

#include <drm/drm_gem.h>

#include "queue.h"
#include "vram.h"

#define HALYARD_BUFFER_FLAGS	(DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT)

/* ---- jobs ---- */

static int halyard_submit_read_args(struct halyard_submit *submit, struct drm_halyard_submit *args)
{
	if (!args->jobs.count)
		return -EINVAL;

	submit->args = halyard_uobj_get_array(&args->jobs, sizeof(*submit->args),
					      sizeof(*submit->args), HALYARD_SUBMIT_JOBS_MAX);
	if (IS_ERR(submit->args)) {
		int ret = PTR_ERR(submit->args);

		submit->args = NULL;
		return ret;
	}
	submit->num_jobs = args->jobs.count;

	return 0;
}

static int halyard_submit_read_payload(struct halyard_job_core *job,
				       const struct drm_halyard_job *args)
{
	if (args->flags || args->pad || args->payload_size != job->job.payload_size)
		return -EINVAL;
	if (copy_from_user(job->payload, u64_to_user_ptr(args->payload), args->payload_size))
		return -EFAULT;

	return 0;
}

static int halyard_submit_get_jobs(struct halyard_submit *submit)
{
	struct halyard_queue_core *q;
	struct halyard_job_core *job;
	int ret;
	u32 i;

	for (i = 0; i < submit->num_jobs; i++) {
		q = halyard_queue_get_by_id(submit->drm_file->driver_priv,
					    submit->args[i].queue_id);
		if (!q)
			return -ENOENT;

		job = halyard_job_create(q);
		if (IS_ERR(job)) {
			halyard_queue_put(&q->queue);
			return PTR_ERR(job);
		}
		submit->jobs[i] = job;

		ret = halyard_submit_read_payload(job, &submit->args[i]);
		if (ret)
			return ret;
	}

	return 0;
}

static int halyard_submit_check_jobs(struct halyard_submit *submit)
{
	int ret;
	u32 i;

	for (i = 0; i < submit->num_jobs; i++) {
		ret = submit->hdev->chip->ops->job_check(&submit->jobs[i]->job);
		if (ret)
			return ret;
	}

	return 0;
}

/* ---- buffers ---- */

static int halyard_submit_get_job_buffers(struct halyard_submit *submit, u32 job)
{
	const struct drm_halyard_obj_array *array = &submit->args[job].buffers;
	struct drm_halyard_buffer_ref *refs;
	u32 i, first = submit->num_buffers;
	int ret = 0;

	refs = halyard_uobj_get_array(array, sizeof(*refs), sizeof(*refs), HALYARD_JOB_BUFFERS_MAX);
	if (IS_ERR(refs))
		return PTR_ERR(refs);

	for (i = 0; i < array->count; i++) {
		struct halyard_submit_buffer *buffer = &submit->buffers[submit->num_buffers];

		ret = -EINVAL;
		if (refs[i].flags & ~HALYARD_BUFFER_FLAGS)
			break;

		ret = -ENOENT;
		buffer->obj = drm_gem_object_lookup(submit->drm_file, refs[i].handle);
		if (!buffer->obj)
			break;

		buffer->job = job;
		buffer->flags = refs[i].flags;
		submit->num_buffers++;
		ret = 0;
	}
	kvfree(refs);

	/* With page tables they are but for implicit fences. */
	if (!ret && !halyard_has_mmu(submit->hdev))
		ret = halyard_job_set_buffers(submit->jobs[job], &submit->buffers[first],
					      array->count);

	return ret;
}

static int halyard_submit_buffer_cmp(const void *a, const void *b)
{
	const struct halyard_submit_buffer *x = a, *y = b;

	if (x->obj != y->obj)
		return x->obj < y->obj ? -1 : 1;

	return x->job < y->job ? -1 : x->job > y->job;
}

/*
 * Sorted, what belongs to one object is together: it is locked once, and a second reference of
 * one job is its neighbour.
 */
static int halyard_submit_sort_buffers(struct halyard_submit *submit)
{
	struct halyard_submit_buffer *buffers = submit->buffers;
	u32 i;

	sort(buffers, submit->num_buffers, sizeof(*buffers), halyard_submit_buffer_cmp, NULL);
	for (i = 1; i < submit->num_buffers; i++)
		if (!halyard_submit_buffer_cmp(&buffers[i - 1], &buffers[i]))
			return -EINVAL;

	return 0;
}

static int halyard_submit_get_buffers(struct halyard_submit *submit)
{
	size_t total = 0;
	int ret;
	u32 i;

	for (i = 0; i < submit->num_jobs; i++) {
		if (submit->args[i].buffers.count > halyard_job_buffers_max(submit->hdev))
			return -E2BIG;
		total += submit->args[i].buffers.count;
	}
	if (!total)
		return 0;

	submit->buffers = kvcalloc(total, sizeof(*submit->buffers), GFP_KERNEL_ACCOUNT);
	if (!submit->buffers)
		return -ENOMEM;

	for (i = 0; i < submit->num_jobs; i++) {
		ret = halyard_submit_get_job_buffers(submit, i);
		if (ret)
			return ret;
	}

	return halyard_submit_sort_buffers(submit);
}

/* ---- locks and dependencies ---- */

/*
 * Into the device's memory with all of them. Their own fences need room again: moves have used
 * some.
 */
static int halyard_submit_place_buffers(struct halyard_submit *submit)
{
	int ret = 0;
	u32 i;

	if (!submit->hdev->core->vram)
		return 0;

	for (i = 0; i < submit->num_jobs && !ret; i++)
		ret = halyard_job_place_buffers(submit->jobs[i]);
	for (i = 0; i < submit->num_buffers && !ret; i++)
		ret = dma_resv_reserve_fences(submit->buffers[i].obj->resv, submit->num_jobs);

	return ret;
}

/*
 * A VM's reservation lock makes the order of its queues' jobs; each object's gets a fence of each
 * job at most. The jobs of one call may share both.
 */
static int halyard_submit_lock(struct halyard_submit *submit)
{
	int ret;
	u32 i;

	drm_exec_until_all_locked(&submit->exec) {
		for (i = 0; i < submit->num_jobs; i++) {
			struct halyard_vm *vm = submit->jobs[i]->job.queue->vm;

			ret = drm_exec_lock_obj(&submit->exec, drm_gpuvm_resv_obj(&vm->gpuvm));
			drm_exec_retry_on_contention(&submit->exec);
			if (ret)
				return ret;
		}
		for (i = 0; i < submit->num_buffers; i++) {
			if (i && submit->buffers[i].obj == submit->buffers[i - 1].obj)
				continue;

			ret = drm_exec_prepare_obj(&submit->exec, submit->buffers[i].obj,
						   submit->num_jobs);
			drm_exec_retry_on_contention(&submit->exec);
			if (ret)
				return ret;
		}
		/* As long as more may be locked: what is in the way of them. */
		ret = halyard_submit_place_buffers(submit);
		if (ret)
			return ret;
	}

	return 0;
}

/*
 * Of others' fences: all when the job writes, only writers' when it reads, only moves of the
 * memory itself when the caller takes care of the rest. Of earlier jobs of the call likewise.
 */
static int halyard_submit_await_buffers(struct halyard_submit *submit)
{
	u64 readers = 0, writers = 0;
	int ret;
	u32 i;

	for (i = 0; i < submit->num_buffers; i++) {
		struct halyard_submit_buffer *buffer = &submit->buffers[i];
		struct halyard_job_core *job = submit->jobs[buffer->job];
		bool write = buffer->flags & DRM_HALYARD_BUFFER_WRITE;
		bool implicit = !(buffer->flags & DRM_HALYARD_BUFFER_NO_IMPLICIT);

		if (!i || buffer[-1].obj != buffer->obj) {
			readers = 0;
			writers = 0;
		}

		ret = drm_sched_job_add_resv_dependencies(&job->base, buffer->obj->resv,
							  implicit ? dma_resv_usage_rw(write) :
							  DMA_RESV_USAGE_KERNEL);
		if (ret)
			return ret;

		if (implicit)
			job->siblings |= write ? readers | writers : writers;
		if (write)
			writers |= BIT_ULL(buffer->job);
		else
			readers |= BIT_ULL(buffer->job);
	}

	return 0;
}

/* Room for fences of siblings. Those in the same queue are over before the job runs in any case. */
static int halyard_submit_await_siblings(struct halyard_submit *submit)
{
	u32 i, n;

	for (i = 0; i < submit->num_jobs; i++) {
		struct halyard_job_core *job = submit->jobs[i];

		for (n = 0; n < i; n++)
			if (submit->jobs[n]->job.queue == job->job.queue)
				job->siblings &= ~BIT_ULL(n);
		if (!job->siblings)
			continue;

		job->after = kcalloc(hweight64(job->siblings), sizeof(*job->after),
				     GFP_KERNEL_ACCOUNT);
		if (!job->after)
			return -ENOMEM;
	}

	return 0;
}

/* A queue may fail at any time, so this only spares user space a job that is known to be lost. */
static int halyard_submit_check_queues(struct halyard_submit *submit)
{
	u32 i;

	for (i = 0; i < submit->num_jobs; i++) {
		struct halyard_queue_core *q = halyard_job_queue(submit->jobs[i]);

		if (READ_ONCE(q->destroyed))
			return -ENOENT;
		if (READ_ONCE(q->state) == DRM_HALYARD_QUEUE_LOST)
			return -ENODEV;
		if (READ_ONCE(q->error))
			return -ECANCELED;
	}

	return 0;
}

/* ---- the point of no return ---- */

static void halyard_submit_commit(struct halyard_submit *submit)
{
	bool cookie = dma_fence_begin_signalling();
	u32 i;

	for (i = 0; i < submit->num_jobs; i++)
		halyard_job_arm(submit->jobs[i], submit->jobs);

	for (i = 0; i < submit->num_buffers; i++) {
		struct halyard_submit_buffer *buffer = &submit->buffers[i];
		bool write = buffer->flags & DRM_HALYARD_BUFFER_WRITE;

		dma_resv_add_fence(buffer->obj->resv,
				   &submit->jobs[buffer->job]->base.s_fence->finished,
				   write ? DMA_RESV_USAGE_WRITE : DMA_RESV_USAGE_READ);
	}
	halyard_syncs_signal(submit);

	for (i = 0; i < submit->num_jobs; i++) {
		struct halyard_job_core *job = submit->jobs[i];

		/* From here the job is the scheduler's, and may be over and freed at once. */
		submit->jobs[i] = NULL;
		drm_sched_entity_push_job(&job->base);
	}
	dma_fence_end_signalling(cookie);
}

static int halyard_submit_lock_and_commit(struct halyard_submit *submit)
{
	int ret;

	drm_exec_init(&submit->exec, DRM_EXEC_INTERRUPTIBLE_WAIT | DRM_EXEC_IGNORE_DUPLICATES,
		      submit->num_jobs + submit->num_buffers);

	ret = halyard_submit_lock(submit);
	if (!ret)
		ret = halyard_submit_await_buffers(submit);
	if (!ret)
		ret = halyard_submit_await_siblings(submit);
	if (!ret)
		ret = halyard_submit_check_queues(submit);

	/* Nothing can fail after this point. */
	if (!ret)
		halyard_submit_commit(submit);

	drm_exec_fini(&submit->exec);

	return ret;
}

/* Bytes in the device's memory that all jobs need at a time. */
static u64 halyard_submit_card_size(struct halyard_submit *submit)
{
	u64 size = 0;
	u32 i;

	for (i = 0; i < submit->num_buffers; i++) {
		if (i && submit->buffers[i].obj == submit->buffers[i - 1].obj)
			continue;
		if (!to_halyard_bo(submit->buffers[i].obj)->kind->pin)
			size += submit->buffers[i].obj->size;
	}

	return size;
}

/*
 * Who finds the device's memory taken by others tries again without them. Nothing of the failed
 * attempts is left: only placing fails with -ENOSPC, before the jobs get dependencies.
 */
static int halyard_submit_make_room(struct halyard_submit *submit)
{
	u64 size = halyard_submit_card_size(submit);
	unsigned int attempt = 0;
	int ret;

	if (size > submit->hdev->limits.memory_size) {
		halyard_vram_complain(submit->hdev, size);
		return -ENOSPC;
	}
	do {
		ret = halyard_vram_enter(submit->hdev, attempt);
		if (ret)
			return ret;
		ret = halyard_submit_lock_and_commit(submit);
		halyard_vram_leave(submit->hdev, attempt);
	} while (ret == -ENOSPC && size && attempt++ < 2);

	if (ret == -ENOSPC)
		halyard_vram_complain(submit->hdev, size);
	return ret;
}

static void halyard_submit_release(struct halyard_submit *submit)
{
	u32 i;

	halyard_syncs_put(submit);
	for (i = 0; i < submit->num_buffers; i++)
		drm_gem_object_put(submit->buffers[i].obj);
	kvfree(submit->buffers);
	for (i = 0; i < submit->num_jobs; i++)
		if (submit->jobs[i])
			halyard_job_discard(submit->jobs[i]);
	kvfree(submit->args);
	kfree(submit);
}

/**
 * halyard_ioctl_submit - SUBMIT
 * @drm: the device
 * @data: struct drm_halyard_submit
 * @drm_file: of the caller
 *
 * Return: 0, and all jobs are accepted; or a negative error, and nothing has changed.
 */
int halyard_ioctl_submit(struct drm_device *drm, void *data, struct drm_file *drm_file)
{
	struct halyard_submit *submit;
	int ret;

	submit = kzalloc(sizeof(*submit), GFP_KERNEL);
	if (!submit)
		return -ENOMEM;
	submit->hdev = to_halyard_device(drm);
	submit->drm_file = drm_file;

	ret = halyard_submit_read_args(submit, data);
	if (!ret)
		ret = halyard_submit_get_jobs(submit);
	if (!ret)
		ret = halyard_submit_get_buffers(submit);
	if (!ret)
		ret = halyard_submit_check_jobs(submit);
	if (!ret)
		ret = halyard_syncs_get(submit);
	if (!ret)
		ret = halyard_syncs_await(submit);
	if (!ret)
		ret = halyard_submit_make_room(submit);

	halyard_submit_release(submit);

	return ret;
}
