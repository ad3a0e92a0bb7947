// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copies between the device's memory and the host's, by the device: jobs of the core's own, in a
 * queue of its own. The queue outlives a copy that fails, as others wait for those behind it; what
 * it was to fill is marked as damaged before anybody can see it.
 */

#include <linux/dma-resv.h>
#include <linux/slab.h>

#include "queue.h"
#include "vram.h"

/* ---- the queue ---- */

/* Counted like everybody's, so that limits stay true. */
static void halyard_copies_count(struct halyard_core *core, int change)
{
	spin_lock(&core->users_lock);
	core->used[HALYARD_RES_QUEUE] += change;
	core->used[HALYARD_RES_VM] += change;
	spin_unlock(&core->users_lock);
}

/**
 * halyard_copies_start() - makes the queue for copies
 * @hdev: a device that was started; nothing is done when it has no memory, or a queue that works
 *
 * Return: 0 or a negative error
 */
int halyard_copies_start(struct halyard_device *hdev)
{
	struct halyard_vram *vram = hdev->core->vram;
	struct halyard_queue_core *q;
	struct halyard_vm *vm;

	if (!vram || hdev->core->down)
		return 0;
	if (vram->queue && !READ_ONCE(vram->queue->error))
		return 0;
	halyard_copies_stop(hdev);

	vm = halyard_vm_create(hdev);
	if (IS_ERR(vm))
		return PTR_ERR(vm);
	q = halyard_queue_create_own(vm, hdev->chip->copy_class);
	if (IS_ERR(q)) {
		halyard_vm_put(vm);
		return PTR_ERR(q);
	}
	halyard_copies_count(hdev->core, 1);
	mutex_lock(&vram->order_lock);
	vram->queue = q;
	mutex_unlock(&vram->order_lock);
	return 0;
}

/**
 * halyard_copies_stop() - undoes halyard_copies_start()
 * @hdev: a device with a queue that takes no more copies, or without any
 */
void halyard_copies_stop(struct halyard_device *hdev)
{
	struct halyard_vram *vram = hdev->core->vram;
	struct halyard_queue_core *q;

	if (!vram)
		return;
	mutex_lock(&vram->order_lock);
	q = vram->queue;
	vram->queue = NULL;
	mutex_unlock(&vram->order_lock);
	if (!q)
		return;
	halyard_copies_count(hdev->core, -1);
	halyard_queue_destroy(q);
}

static struct halyard_queue_core *halyard_copies_get(struct halyard_vram *vram)
{
	struct halyard_queue_core *q;

	mutex_lock(&vram->order_lock);
	q = vram->queue;
	if (q && !READ_ONCE(q->error))
		kref_get(&q->refs);
	else
		q = NULL;
	mutex_unlock(&vram->order_lock);
	return q;
}

/* ---- a copy ---- */

/* Buffer 0 is the device's memory, buffer 1 the host's; the target may be written. */
static int halyard_copy_set_buffers(struct halyard_job_core *job, struct halyard_bo *bo,
				    u64 address, struct sg_table *sgt, bool to_host)
{
	struct halyard_device *hdev = job->job.queue->hdev;

	job->buffers = kcalloc(2, sizeof(*job->buffers), GFP_KERNEL);
	if (!job->buffers)
		return -ENOMEM;
	job->job.buffers = job->buffers;

	job->buffers[0] = (struct halyard_job_buffer) {
		.size = bo->gem.size,
		.address = address,
		.write = !to_host,
	};
	job->buffers[1] = (struct halyard_job_buffer) {
		.size = bo->gem.size,
		.sgt = sgt,
		.region = halyard_bo_host_region(hdev),
		.write = to_host,
	};
	job->job.num_buffers = sgt ? 2 : 1;
	return 0;
}

static int halyard_copy_prepare(struct halyard_job_core *job, struct halyard_bo *bo, u64 address,
				struct sg_table *sgt, bool to_host)
{
	const struct halyard_chip_ops *ops = job->job.queue->hdev->chip->ops;
	int ret;

	ret = halyard_copy_set_buffers(job, bo, address, sgt, to_host);
	if (ret)
		return ret;
	ops->job_copy(&job->job, job->payload);
	ret = ops->job_check(&job->job);
	if (ret)
		return ret;
	/* All that use the object, and all that use the place that it moves to. */
	return drm_sched_job_add_resv_dependencies(&job->base, bo->gem.resv,
						   DMA_RESV_USAGE_BOOKKEEP);
}

/**
 * halyard_copy_submit() - has the device copy an object's contents
 * @bo: the object, its reservation lock held; its fences are awaited before
 * @address: where it is, or will be, in the device's memory
 * @sgt: its pages in host memory, mapped for the device; NULL: zeros are copied to the device
 * @to_host: the direction
 *
 * Between drm_dev_enter() and drm_dev_exit().
 *
 * Return: the fence; ERR_PTR(-ENODEV) when the device does not copy any more, -ENOMEM
 */
struct dma_fence *halyard_copy_submit(struct halyard_bo *bo, u64 address, struct sg_table *sgt,
				      bool to_host)
{
	struct halyard_vram *vram = to_halyard_device(bo->gem.dev)->core->vram;
	struct halyard_queue_core *q = halyard_copies_get(vram);
	struct halyard_job_core *job;
	struct dma_fence *fence;
	bool cookie;
	int ret;

	dma_resv_assert_held(bo->gem.resv);

	if (!q)
		return ERR_PTR(-ENODEV);
	job = halyard_job_create(q);
	if (IS_ERR(job)) {
		halyard_queue_put(&q->queue);
		return ERR_CAST(job);
	}
	ret = halyard_copy_prepare(job, bo, address, sgt, to_host);
	if (ret) {
		halyard_job_discard(job);
		return ERR_PTR(ret);
	}

	/* Without references it is about to be freed, and nobody will miss its contents. */
	if (kref_get_unless_zero(&bo->gem.refcount))
		job->buffers[0].bo = bo;
	mutex_lock(&vram->order_lock);
	cookie = dma_fence_begin_signalling();
	halyard_job_arm(job, NULL);
	fence = dma_fence_get(&job->base.s_fence->finished);
	drm_sched_entity_push_job(&job->base);
	dma_fence_end_signalling(cookie);
	mutex_unlock(&vram->order_lock);
	return fence;
}
