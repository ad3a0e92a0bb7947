// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a job brings along and the device reaches without page tables: buffer objects, which stay
 * where they are until the job is over, and memory that the chip asks for.
 */

#include <linux/dma-mapping.h>
#include <linux/iosys-map.h>
#include <linux/slab.h>

#include "queue.h"
#include "vram.h"

static int halyard_job_add_buffer(struct halyard_job_core *job,
				  const struct halyard_submit_buffer *ref)
{
	struct halyard_job_buffer *buffer = &job->buffers[job->job.num_buffers];
	struct halyard_bo *bo = to_halyard_bo(ref->obj);
	enum halyard_memory memory =
		job->job.queue->hdev->chip->regions[bo->region].memory;
	bool write = ref->flags & DRM_HALYARD_BUFFER_WRITE;
	struct sg_table *sgt = NULL;

	if (write && bo->readonly)
		return -EACCES;
	if (bo->kind->pin)
		sgt = halyard_bo_pin(bo);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	drm_gem_object_get(ref->obj);

	*buffer = (struct halyard_job_buffer) {
		.bo = bo,
		.size = ref->obj->size,
		.address = memory == HALYARD_MEMORY_CONTIGUOUS ? sg_dma_address(sgt->sgl) : 0,
		.sgt = sgt,
		.region = bo->region,
		.write = write,
	};
	job->job.num_buffers++;
	return 0;
}

/**
 * halyard_job_set_buffers - give a job the buffer objects that it uses
 * @job: a job that has none; what it got is freed with it, also after a failure
 * @refs: references in user space's order
 * @count: how many
 *
 * Return: 0, -EACCES for write access to what may only be read, -ENOMEM, or what halyard_bo_pin()
 * says.
 */
int halyard_job_set_buffers(struct halyard_job_core *job,
			    const struct halyard_submit_buffer *refs, u32 count)
{
	int ret = 0;
	u32 i;

	if (!count)
		return 0;
	job->buffers = kcalloc(count, sizeof(*job->buffers), GFP_KERNEL_ACCOUNT);
	if (!job->buffers)
		return -ENOMEM;
	job->job.buffers = job->buffers;

	for (i = 0; i < count && !ret; i++)
		ret = halyard_job_add_buffer(job, &refs[i]);

	return ret;
}

/**
 * halyard_job_place_buffers - bring what a job uses into the device's memory
 * @job: a job whose buffers are locked together, with room for its fences
 *
 * Return: 0, or as halyard_vram_validate().
 */
int halyard_job_place_buffers(struct halyard_job_core *job)
{
	int ret = 0;
	u32 i;

	for (i = 0; i < job->job.num_buffers && !ret; i++)
		if (!job->buffers[i].bo->kind->pin)
			ret = halyard_vram_validate(job->buffers[i].bo, &job->buffers[i].address);

	return ret;
}

/**
 * halyard_job_damaged - whether a copy has failed of what a job uses
 * @job: a job whose dependencies are signalled
 *
 * Return: true when the contents of a buffer are lost.
 */
bool halyard_job_damaged(const struct halyard_job_core *job)
{
	u32 i;

	if (halyard_job_queue(job)->own)
		return false;
	for (i = 0; i < job->job.num_buffers; i++)
		if (READ_ONCE(job->buffers[i].bo->damaged))
			return true;

	return false;
}

/**
 * halyard_job_alloc - allocate memory that lives as long as the job
 * @job: job without such memory
 * @size: bytes
 *
 * For chips, from &halyard_chip_ops.job_check.
 *
 * Return: 0, and &halyard_job.mem is zeroed, coherent memory; or -ENOMEM.
 */
int halyard_job_alloc(struct halyard_job *job, size_t size)
{
	struct halyard_device *hdev = job->queue->hdev;
	struct halyard_kmem *mem = &job->mem;

	mem->vaddr = dma_alloc_coherent(hdev->dev, size, &mem->dma, GFP_KERNEL_ACCOUNT);
	if (!mem->vaddr)
		return -ENOMEM;
	mem->va = mem->dma;
	mem->size = size;

	spin_lock(&hdev->core->job_mems_lock);
	list_add_tail(&job->core->mem_link, &hdev->core->job_mems);
	spin_unlock(&hdev->core->job_mems_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(halyard_job_alloc);

/**
 * halyard_job_read - copy what a buffer of a job holds now
 * @job: the job
 * @buffer: which
 * @offset: bytes into it
 * @to: where to
 * @size: bytes
 *
 * For chips, from &halyard_chip_ops.job_check. A chip may pass what the user said.
 *
 * Return: 0, -EINVAL when the job has no such buffer or the buffer no such bytes, -EOPNOTSUPP when
 * the driver does not reach what the buffer holds, or -ENOMEM.
 */
int halyard_job_read(struct halyard_job *job, u32 buffer, u64 offset, void *to, size_t size)
{
	struct drm_gem_object *obj;
	struct iosys_map map;
	int ret;

	if (buffer >= job->num_buffers || offset > job->buffers[buffer].size ||
	    size > job->buffers[buffer].size - offset)
		return -EINVAL;
	obj = &job->buffers[buffer].bo->gem;
	if (!obj->funcs->vmap)
		return -EOPNOTSUPP;

	dma_resv_lock(obj->resv, NULL);
	ret = obj->funcs->vmap(obj, &map);
	if (!ret) {
		iosys_map_memcpy_from(to, &map, offset, size);
		if (obj->funcs->vunmap)
			obj->funcs->vunmap(obj, &map);
	}
	dma_resv_unlock(obj->resv);
	return ret;
}
EXPORT_SYMBOL_GPL(halyard_job_read);

/* Unless it was freed already when the device went. */
static void halyard_job_free_mem(struct halyard_job_core *job)
{
	struct halyard_device *hdev = job->job.queue->hdev;
	struct halyard_kmem *mem = &job->job.mem;
	bool mine;

	if (!mem->vaddr)
		return;

	spin_lock(&hdev->core->job_mems_lock);
	mine = !list_empty(&job->mem_link);
	list_del_init(&job->mem_link);
	spin_unlock(&hdev->core->job_mems_lock);

	if (mine)
		dma_free_coherent(hdev->dev, mem->size, mem->vaddr, mem->dma);
}

/**
 * halyard_job_put_buffers - undo halyard_job_set_buffers() and halyard_job_alloc()
 * @job: a job that the device is done with
 *
 * In process context, and not in the way of a fence.
 */
void halyard_job_put_buffers(struct halyard_job_core *job)
{
	u32 i;

	for (i = job->job.num_buffers; i--; ) {
		struct halyard_bo *bo = job->buffers[i].bo;

		if (!bo)
			continue;
		if (bo->kind->pin)
			halyard_bo_unpin(bo);
		drm_gem_object_put(&bo->gem);
	}
	kfree(job->buffers);
	halyard_job_free_mem(job);
}

/**
 * halyard_job_mems_revoke - free the memory of all jobs
 * @hdev: a device that was unplugged and stopped
 *
 * A device without driver must not have DMA memory, but a job can wait long for others' fences.
 */
void halyard_job_mems_revoke(struct halyard_device *hdev)
{
	struct halyard_core *core = hdev->core;
	struct halyard_job_core *job;
	struct halyard_kmem mem;

	for (;;) {
		spin_lock(&core->job_mems_lock);
		job = list_first_entry_or_null(&core->job_mems, struct halyard_job_core, mem_link);
		if (job) {
			mem = job->job.mem;
			list_del_init(&job->mem_link);
		}
		spin_unlock(&core->job_mems_lock);
		if (!job)
			return;
		dma_free_coherent(hdev->dev, mem.size, mem.vaddr, mem.dma);
	}
}
