// SPDX-License-Identifier: GPL-2.0-only
/* Contexts and queues: made by the firmware, known to it until the card's next reset. */

#include "sloop.h"

/* ---- contexts ---- */

/**
 * sloop_vm_init - &halyard_chip_ops.vm_init
 * @vm: of a client; the firmware hears of it with its first queue
 *
 * Return: 0.
 */
int sloop_vm_init(struct halyard_vm *vm)
{
	return 0;
}

/* The firmware forgets contexts at each reset of the card. */
static int sloop_context_load(struct halyard_vm *vm)
{
	struct sloop_device *sdev = to_sloop(vm->hdev);
	struct sloop_vm *svm = vm->priv;
	int ret;

	if (svm->generation == sdev->generation)
		return 0;
	ret = sloop_admin_target(vm->hdev, SLP_ADMIN_CONTEXT_CREATE, vm->hw_id);
	if (!ret)
		svm->generation = sdev->generation;

	return ret;
}

/**
 * sloop_vm_fini - &halyard_chip_ops.vm_fini
 * @vm: a context that no queue uses
 */
void sloop_vm_fini(struct halyard_vm *vm)
{
	struct sloop_device *sdev = to_sloop(vm->hdev);
	struct sloop_vm *svm = vm->priv;

	if (svm->generation != sdev->generation)
		return;
	svm->generation = 0;
	/* Its number will be used again. */
	if (sloop_admin_target(vm->hdev, SLP_ADMIN_CONTEXT_DESTROY, vm->hw_id))
		halyard_device_fault(vm->hdev, "a context is not destroyed");
}

/* ---- queues ---- */

/**
 * sloop_engine_of - find the engine that runs a queue's job
 * @hdev: the card, its registers accessible
 * @hw_id: of the queue
 *
 * Return: its number, or -ENOENT.
 */
int sloop_engine_of(struct halyard_device *hdev, u32 hw_id)
{
	unsigned int e;

	for (e = 0; e < SLP_NUM_ENGINES; e++)
		if (halyard_read(hdev, SLP_ENGINE(e) + SLP_ENGINE_QUEUE) == hw_id)
			return e;

	return -ENOENT;
}

static int sloop_queue_create(struct halyard_queue *queue)
{
	dma_addr_t answers = queue->mem[SLOOP_MEM_ANSWERS].dma;
	struct slp_admin_request request = {
		.op = SLP_ADMIN_QUEUE_CREATE,
		.target = queue->hw_id,
		.queue = {
			.requests = queue->mem[SLOOP_MEM_REQUESTS].dma,
			.responses = answers + offsetof(struct sloop_answers, responses),
			.status = answers + offsetof(struct sloop_answers, status),
			.context = queue->vm->hw_id,
			.engine_class = queue->engine_class,
			.priority = SLP_NUM_PRIORITIES - 1 - queue->priority,
			.ring_order = SLOOP_RING_ORDER,
			.share = queue->share,
		},
	};

	return sloop_admin(queue->hdev, &request, NULL);
}

/**
 * sloop_queue_init - &halyard_chip_ops.queue_init
 * @queue: new, or surviving a reset of the card
 *
 * Return: 0, or as sloop_admin().
 */
int sloop_queue_init(struct halyard_queue *queue)
{
	struct sloop_device *sdev = to_sloop(queue->hdev);
	struct sloop_queue *sq = queue->priv;
	int ret;

	ret = sloop_context_load(queue->vm);
	if (ret)
		return ret;

	/* Responses of before would be taken for new ones: numbers start again. */
	memset(queue->mem[SLOOP_MEM_ANSWERS].vaddr, 0, sizeof(struct sloop_answers));
	*sq = (struct sloop_queue) { .seqno = queue->first_seqno - 1 };
	ret = sloop_queue_create(queue);
	if (!ret)
		sq->generation = sdev->generation;

	return ret;
}

/**
 * sloop_queue_fini - &halyard_chip_ops.queue_fini
 * @queue: in whatever state
 *
 * Return: 0, or -ETIMEDOUT.
 */
int sloop_queue_fini(struct halyard_queue *queue)
{
	struct sloop_device *sdev = to_sloop(queue->hdev);
	struct sloop_queue *sq = queue->priv;

	if (sq->generation != sdev->generation)
		return 0; /* the card has been reset since */
	if (sloop_admin_target(queue->hdev, SLP_ADMIN_QUEUE_DESTROY, queue->hw_id))
		return -ETIMEDOUT;
	sq->generation = 0;

	return 0;
}

/* ---- progress ---- */

/* Not by the caller, who holds the lock that the report takes. */
static void sloop_queue_fails(struct halyard_queue *queue, const struct slp_response *response)
{
	struct sloop_device *sdev = to_sloop(queue->hdev);
	struct sloop_queue *sq = queue->priv;
	unsigned long flags;

	sq->response = *response;
	smp_store_release(&sq->failed, true); /* pairs with sloop_fault_report() */

	spin_lock_irqsave(&sdev->state_lock, flags);
	if (sdev->ready)
		schedule_work(&sdev->faults);
	spin_unlock_irqrestore(&sdev->state_lock, flags);
}

static bool sloop_queue_take(struct halyard_queue *queue)
{
	const struct sloop_answers *answers = queue->mem[SLOOP_MEM_ANSWERS].vaddr;
	struct sloop_queue *sq = queue->priv;
	const struct slp_response *slot = &answers->responses[sq->head % SLOOP_QUEUE_DEPTH];
	struct slp_response response;

	if (sq->failed || READ_ONCE(slot->sequence) != sq->head + 1)
		return false;
	dma_rmb(); /* the rest of the response was written before its sequence */
	response = *slot;

	/* A queue stands still after the first job that fails. */
	if (response.status != SLP_STATUS_OK || response.id != sq->seqno + 1) {
		sloop_queue_fails(queue, &response);
		return false;
	}
	WRITE_ONCE(sq->head, sq->head + 1);
	sq->seqno = response.id;

	return true;
}

/**
 * sloop_queue_progress - &halyard_chip_ops.queue_progress
 * @queue: a queue
 * @progress: out
 *
 * All is in memory; no register is accessed.
 */
void sloop_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress)
{
	const struct sloop_answers *answers = queue->mem[SLOOP_MEM_ANSWERS].vaddr;
	struct sloop_queue *sq = queue->priv;

	while (sloop_queue_take(queue))
		;
	progress->seqno = sq->seqno;
	progress->busy_ns = READ_ONCE(answers->status.busy_ns);
	progress->stamp = READ_ONCE(answers->status.commands);
	progress->waiting = READ_ONCE(answers->status.state) == SLP_QUEUE_STATE_PENDING;
}
