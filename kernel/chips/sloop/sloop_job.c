// SPDX-License-Identifier: GPL-2.0-only
/* Jobs: payload and segments as the card reads them. */

#include "sloop.h"

#define SLOOP_OFFSET_MASK	(BIT_ULL(DRM_HALYARD_SLOOP_SEGMENT_SHIFT) - 1)

static bool sloop_buffer_is_host(const struct halyard_job_buffer *buffer)
{
	return buffer->sgt;
}

/* The card checks this, too; here the caller learns of it at once. */
static bool sloop_range_valid(const struct halyard_job *job, u64 address, u64 size, bool write)
{
	u64 segment = address >> DRM_HALYARD_SLOOP_SEGMENT_SHIFT;
	u64 offset = address & SLOOP_OFFSET_MASK;
	const struct halyard_job_buffer *buffer;

	if (!size)
		return true;
	if (segment >= job->num_buffers)
		return false;
	buffer = &job->buffers[segment];

	return offset < buffer->size && size <= buffer->size - offset && (buffer->write || !write);
}

static bool sloop_compute_valid(const struct halyard_job *job)
{
	const struct drm_halyard_sloop_payload *payload = job->payload;
	u64 bindings = payload->binding_count * sizeof(struct drm_halyard_sloop_binding);
	u32 i;

	for (i = 0; i < job->num_buffers; i++)
		if (sloop_buffer_is_host(&job->buffers[i]))
			return false;

	return !payload->target && !payload->pattern && IS_ALIGNED(payload->source, 64) &&
	       payload->size <= U32_MAX &&
	       !(payload->size % sizeof(struct drm_halyard_sloop_task)) &&
	       IS_ALIGNED(payload->bindings, 8) &&
	       payload->binding_count <= DRM_HALYARD_SLOOP_MAX_BINDINGS &&
	       (payload->binding_count || !payload->bindings) &&
	       sloop_range_valid(job, payload->source, payload->size, false) &&
	       sloop_range_valid(job, payload->bindings, bindings, false);
}

static bool sloop_copy_valid(const struct halyard_job *job)
{
	const struct drm_halyard_sloop_payload *payload = job->payload;

	return !payload->bindings && !payload->binding_count && !payload->pattern &&
	       sloop_range_valid(job, payload->source, payload->size, false) &&
	       sloop_range_valid(job, payload->target, payload->size, true);
}

static bool sloop_fill_valid(const struct halyard_job *job)
{
	const struct drm_halyard_sloop_payload *payload = job->payload;

	return !payload->bindings && !payload->binding_count && !payload->source &&
	       IS_ALIGNED(payload->target | payload->size, 4) &&
	       sloop_range_valid(job, payload->target, payload->size, true);
}

static bool sloop_payload_valid(const struct halyard_job *job)
{
	const struct drm_halyard_sloop_payload *payload = job->payload;
	bool dma = job->queue->engine_class == DRM_HALYARD_SLOOP_ENGINE_DMA;

	if (payload->flags)
		return false;
	switch (payload->job) {
	case DRM_HALYARD_SLOOP_JOB_COMPUTE:
		return !dma && sloop_compute_valid(job);
	case DRM_HALYARD_SLOOP_JOB_COPY:
		return dma && sloop_copy_valid(job);
	case DRM_HALYARD_SLOOP_JOB_FILL:
		return dma && sloop_fill_valid(job);
	default:
		return false;
	}
}

/* Where host memory is, for all segments that have some, in their order. */
static int sloop_job_scatter(struct halyard_job *job)
{
	struct slp_scatter *entry;
	struct scatterlist *sg;
	size_t count = 0;
	unsigned int n;
	int ret;
	u32 i;

	for (i = 0; i < job->num_buffers; i++)
		if (sloop_buffer_is_host(&job->buffers[i]))
			count += job->buffers[i].sgt->nents;
	if (!count)
		return 0;
	ret = halyard_job_alloc(job, count * sizeof(*entry));
	if (ret)
		return ret;

	entry = job->mem.vaddr;
	for (i = 0; i < job->num_buffers; i++) {
		if (!sloop_buffer_is_host(&job->buffers[i]))
			continue;
		for_each_sgtable_dma_sg(job->buffers[i].sgt, sg, n) {
			entry->address = sg_dma_address(sg);
			entry->size = sg_dma_len(sg);
			entry++;
		}
	}

	return 0;
}

/**
 * sloop_job_check - &halyard_chip_ops.job_check
 * @job: a job; its payload is a struct drm_halyard_sloop_payload
 *
 * What a stream holds is the card's to check.
 *
 * Return: 0, -EINVAL, or -ENOMEM.
 */
int sloop_job_check(struct halyard_job *job)
{
	if (!sloop_payload_valid(job))
		return -EINVAL;

	return sloop_job_scatter(job);
}

/**
 * sloop_job_copy - &halyard_chip_ops.job_copy
 * @job: of the core's own
 * @payload: out: struct drm_halyard_sloop_payload
 */
void sloop_job_copy(const struct halyard_job *job, void *payload)
{
	u64 second = BIT_ULL(DRM_HALYARD_SLOOP_SEGMENT_SHIFT);
	bool to_card = job->buffers[0].write;
	bool fill = job->num_buffers == 1;

	*(struct drm_halyard_sloop_payload *)payload = (struct drm_halyard_sloop_payload) {
		.job = fill ? DRM_HALYARD_SLOOP_JOB_FILL : DRM_HALYARD_SLOOP_JOB_COPY,
		.source = to_card && !fill ? second : 0,
		.target = to_card ? 0 : second,
		.size = job->buffers[0].size,
	};
}

static void sloop_job_describe(const struct halyard_job *job, struct sloop_slot *slot)
{
	dma_addr_t scatter = job->mem.dma;
	u32 i;

	slot->job = (struct slp_job) {
		.payload = *(const struct drm_halyard_sloop_payload *)job->payload,
		.segment_count = job->num_buffers,
	};
	for (i = 0; i < job->num_buffers; i++) {
		const struct halyard_job_buffer *buffer = &job->buffers[i];
		struct slp_segment *segment = &slot->segments[i];

		*segment = (struct slp_segment) {
			.base = buffer->address,
			.size = buffer->size,
			.flags = buffer->write ? SLP_SEGMENT_WRITE : 0,
		};
		if (!sloop_buffer_is_host(buffer))
			continue;
		segment->base = scatter;
		segment->flags |= SLP_SEGMENT_HOST;
		segment->entries = buffer->sgt->nents;
		scatter += segment->entries * sizeof(struct slp_scatter);
	}
}

/**
 * sloop_job_run - &halyard_chip_ops.job_run
 * @job: a job
 */
void sloop_job_run(struct halyard_job *job)
{
	struct halyard_queue *queue = job->queue;
	struct sloop_slot *slots = queue->mem[SLOOP_MEM_SLOTS].vaddr;
	struct slp_request *requests = queue->mem[SLOOP_MEM_REQUESTS].vaddr;
	struct sloop_queue *sq = queue->priv;
	u32 index = sq->tail % SLOOP_QUEUE_DEPTH;
	u32 head = READ_ONCE(sq->head);

	sloop_job_describe(job, &slots[index]);
	requests[index] = (struct slp_request) {
		.id = job->seqno,
		.job = queue->mem[SLOOP_MEM_SLOTS].dma + index * sizeof(*slots),
		.job_size = sizeof(struct slp_job) + job->num_buffers * sizeof(struct slp_segment),
	};
	sq->tail++;

	/* Responses have room when the card knows of those that were read. */
	if (sq->acknowledged != head)
		halyard_write(queue->hdev, SLP_QUEUE(queue->hw_id) + SLP_QUEUE_RESPONSE_HEAD, head);
	sq->acknowledged = head;
	/* All is in memory before the card learns of it: halyard_write() is ordered. */
	halyard_write(queue->hdev, SLP_QUEUE(queue->hw_id) + SLP_QUEUE_REQUEST_TAIL, sq->tail);
}
