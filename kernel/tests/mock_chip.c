// SPDX-License-Identifier: GPL-2.0-only
/* The chip of the tests: no hardware, but a good memory. */

#include <linux/module.h>
#include <linux/pfn.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include <drm/drm_managed.h>

#include <halyard/regs.h>

#include "mock.h"
#include "mock_chip.h"

/* The register that says whether the hardware has done what it was asked for. */
#define MOCK_STATUS		0x0
#define MOCK_STATUS_DONE	BIT(0)

/* More than a snapshot has room for. */
#define MOCK_MANY	10000

static struct mock_device *to_mock_device(struct halyard_device *hdev)
{
	return hdev->priv;
}

/* With @lock held. The first one counts: what follows may be its consequence. */
static void mock_wrong(struct mock_device *dev, const char *what)
{
	if (!dev->wrong)
		dev->wrong = what;
}

static int mock_call(struct halyard_device *hdev, enum mock_op op)
{
	struct mock_device *dev = to_mock_device(hdev);
	unsigned long flags;
	bool silent;
	int ret = 0;

	spin_lock_irqsave(&dev->lock, flags);
	dev->calls[op]++;
	if (dev->silent_ns) {
		dev->after_silence = op;
		dev->waited_ns = ktime_get_ns() - dev->silent_ns;
		dev->silent_ns = 0;
	}
	if (dev->fail[op]) {
		dev->fail[op]--;
		ret = -ETIMEDOUT;
	}
	silent = dev->silent[op];
	if (silent) {
		dev->silent[op]--;
		dev->silent_ns = ktime_get_ns();
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	if (silent)
		ret = halyard_poll(hdev, MOCK_STATUS, MOCK_STATUS_DONE, MOCK_STATUS_DONE,
				   MOCK_ANSWER_MS);

	return ret;
}

static void mock_event(struct mock_device *dev, u32 queue, u64 seqno, bool done)
{
	lockdep_assert_held(&dev->lock);

	if (dev->num_events < MOCK_EVENTS)
		dev->events[dev->num_events++] = (struct mock_event) { queue, seqno, done };
}

static void mock_complete_locked(struct mock_device *dev, struct mock_queue *mq, u64 seqno)
{
	mock_event(dev, mq->queue->hw_id, seqno, true);
	mq->completed = seqno;
}

/**
 * mock_chip_complete - complete a job
 * @hdev: the device
 * @hw_id: its queue
 * @seqno: its number
 */
void mock_chip_complete(struct halyard_device *hdev, u32 hw_id, u64 seqno)
{
	struct mock_device *dev = to_mock_device(hdev);
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	mock_complete_locked(dev, dev->queues[hw_id], seqno);
	spin_unlock_irqrestore(&dev->lock, flags);
}

static const struct halyard_limits mock_bare_limits = {
	.queues = MOCK_QUEUES,
	.vms = MOCK_VMS,
	.queue_depth = 1,
	.one_job = true,
	.job_buffers = MOCK_BUFFERS,
	.payload_size = sizeof(struct mock_payload),
	.dma_bits = 32,
	.timestamp_hz = NSEC_PER_SEC,
};

static int mock_chip_init(struct halyard_device *hdev)
{
	struct mock_device *dev = to_mock_device(hdev);

	spin_lock_init(&dev->lock);
	init_waitqueue_head(&dev->wait);
	dev->stopped = true;
	hdev->regs = (__force void __iomem *)dev->registers;
	memset(dev->blob, 0x5a, sizeof(dev->blob));
	hdev->revision = 1 << 16;
	if (hdev->chip->blob_size)
		hdev->blob = dev->blob;
	if (hdev->chip == &mock_bare_chip) {
		hdev->limits = mock_bare_limits;
		return 0;
	}
	hdev->limits = (struct halyard_limits) {
		.queues = MOCK_QUEUES,
		.vms = MOCK_VMS,
		.queue_depth = MOCK_DEPTH,
		.payload_size = sizeof(struct mock_payload),
		.va_start = MOCK_VA_START,
		.va_end = MOCK_VA_END,
		.kernel_va_end = MOCK_KERNEL_VA_END,
		.large_page_size = MOCK_LARGE_PAGE,
		.dma_bits = 64,
		.timestamp_hz = NSEC_PER_SEC,
	};

	return 0;
}

static void mock_free_memory(struct drm_device *drm, void *data)
{
	vfree(data);
}

/* Its memory is not clean: that is the core's to see to. */
static int mock_card_init(struct halyard_device *hdev)
{
	struct mock_device *dev = to_mock_device(hdev);

	mock_chip_init(hdev);
	hdev->limits.memory_start = MOCK_MEMORY_START;
	hdev->limits.memory_size = MOCK_MEMORY_SIZE;
	dev->memory = vmalloc(MOCK_MEMORY_SIZE);
	if (!dev->memory)
		return -ENOMEM;
	memset(dev->memory, 0xa5, MOCK_MEMORY_SIZE);

	return drmm_add_action_or_reset(&hdev->drm, mock_free_memory, dev->memory);
}

static void mock_set_stopped(struct halyard_device *hdev, bool stopped)
{
	struct mock_device *dev = to_mock_device(hdev);
	unsigned long flags;
	u32 i;

	spin_lock_irqsave(&dev->lock, flags);
	dev->stopped = stopped;
	for (i = 0; stopped && i < MOCK_QUEUES; i++)
		if (dev->queues[i])
			dev->queues[i]->live = false;
	spin_unlock_irqrestore(&dev->lock, flags);
}

static int mock_start(struct halyard_device *hdev)
{
	int ret = mock_call(hdev, MOCK_START);

	if (!ret)
		mock_set_stopped(hdev, false);

	return ret;
}

static int mock_firmware_start(struct halyard_device *hdev)
{
	mock_call(hdev, MOCK_START);

	return halyard_firmware_image(hdev) ? 0 : -ENOENT;
}

static void mock_stop(struct halyard_device *hdev)
{
	mock_call(hdev, MOCK_STOP);
	mock_set_stopped(hdev, true);
}

static int mock_vm_init(struct halyard_vm *vm)
{
	struct mock_vm *mvm = vm->priv;

	xa_init(&mvm->pages);
	to_mock_device(vm->hdev)->vms[vm->hw_id] = mvm;

	return 0;
}

static void mock_vm_fini(struct halyard_vm *vm)
{
	struct mock_device *dev = to_mock_device(vm->hdev);
	struct mock_vm *mvm = vm->priv;
	unsigned long index;
	void *entry;

	xa_for_each(&mvm->pages, index, entry) {
		spin_lock_irq(&dev->lock);
		mock_wrong(dev, "vm_fini with something mapped");
		spin_unlock_irq(&dev->lock);
	}
	xa_destroy(&mvm->pages);
	dev->vms[vm->hw_id] = NULL;
}

static int mock_vm_prepare(struct halyard_vm *vm, u64 va, u64 size)
{
	struct mock_vm *mvm = vm->priv;
	u64 page;
	int ret;

	lockdep_assert_held(&vm->lock);

	ret = mock_call(vm->hdev, MOCK_VM_PREPARE);
	if (ret)
		return -ENOMEM;

	for (page = PHYS_PFN(va); page < PHYS_PFN(va + size); page++) {
		ret = xa_reserve(&mvm->pages, page, GFP_KERNEL);
		if (ret)
			return ret;
	}

	return 0;
}

static void mock_vm_map(struct halyard_vm *vm, u64 va, dma_addr_t dma, u64 size, u32 prot)
{
	struct mock_device *dev = to_mock_device(vm->hdev);
	struct mock_vm *mvm = vm->priv;
	u64 page;
	void *old;

	lockdep_assert_held(&vm->lock);

	for (page = 0; page < PHYS_PFN(size); page++) {
		/* Reserved by vm_prepare: no allocation. */
		old = xa_store(&mvm->pages, PHYS_PFN(va) + page,
			       xa_mk_value((PHYS_PFN(dma) + page) << 3 | prot), GFP_NOWAIT);
		if (!old)
			continue;
		spin_lock_irq(&dev->lock);
		mock_wrong(dev, xa_is_err(old) ? "vm_map without vm_prepare" :
			   "vm_map over a mapping");
		spin_unlock_irq(&dev->lock);
	}
}

static void mock_vm_unmap(struct halyard_vm *vm, u64 va, u64 size)
{
	struct mock_vm *mvm = vm->priv;
	u64 page;

	lockdep_assert_held(&vm->lock);

	for (page = PHYS_PFN(va); page < PHYS_PFN(va + size); page++)
		xa_erase(&mvm->pages, page);
}

static int mock_vm_flush(struct halyard_vm *vm)
{
	struct mock_vm *mvm = vm->priv;

	lockdep_assert_held(&vm->lock);

	mvm->flushes++;

	return mock_call(vm->hdev, MOCK_VM_FLUSH);
}

static int mock_queue_init(struct halyard_queue *queue)
{
	struct mock_device *dev = to_mock_device(queue->hdev);
	struct mock_queue *mq = queue->priv;
	int ret = mock_call(queue->hdev, MOCK_QUEUE_INIT);

	if (ret)
		return ret;

	spin_lock_irq(&dev->lock);
	if (mq->live)
		mock_wrong(dev, "queue_init of a queue that is live");
	if (dev->stopped)
		mock_wrong(dev, "queue_init on a stopped device");
	if (!!queue->mem[0].vaddr != !!queue->hdev->chip->queue_mem[0].size ||
	    queue->mem[1].vaddr)
		mock_wrong(dev, "queue_init without the memory that the chip asked for");
	mq->queue = queue;
	mq->live = true;
	mq->submitted = queue->first_seqno - 1;
	mq->completed = queue->first_seqno - 1;
	mq->spent = 0;
	dev->queues[queue->hw_id] = mq;
	spin_unlock_irq(&dev->lock);

	return 0;
}

static int mock_queue_fini(struct halyard_queue *queue)
{
	struct mock_device *dev = to_mock_device(queue->hdev);
	struct mock_queue *mq = queue->priv;
	int ret = 0;

	if (mq->live)
		ret = mock_call(queue->hdev, MOCK_QUEUE_FINI);
	if (ret)
		return ret;

	spin_lock_irq(&dev->lock);
	mq->live = false;
	dev->queues[queue->hw_id] = NULL;
	spin_unlock_irq(&dev->lock);

	return 0;
}

static void mock_queue_progress(struct halyard_queue *queue,
				struct halyard_queue_progress *progress)
{
	struct mock_device *dev = to_mock_device(queue->hdev);
	struct mock_queue *mq = queue->priv;
	unsigned long flags;

	spin_lock_irqsave(&dev->lock, flags);
	if (progress->ask_waiting) {
		mq->polls++;
		progress->waiting = mq->waiting;
	}
	if (!mq->hung && !mq->waiting)
		mq->stamp++;
	progress->seqno = mq->completed;
	progress->busy_ns = mq->completed * NSEC_PER_USEC + mq->spent;
	progress->stamp = mq->stamp;
	wake_up_all(&dev->wait);
	spin_unlock_irqrestore(&dev->lock, flags);
}

/* Memory of its own for the payload, and for a word of a buffer. */
static int mock_job_copy(struct halyard_job *job)
{
	const struct mock_device *dev = to_mock_device(job->queue->hdev);
	struct mock_job_mem *mem;
	int ret;

	ret = halyard_job_alloc(job, sizeof(*mem));
	if (ret)
		return ret;
	mem = job->mem.vaddr;
	memcpy(&mem->payload, job->payload, sizeof(mem->payload));

	return job->num_buffers ? halyard_job_read(job, dev->word_buffer, dev->word_at, &mem->word,
						   sizeof(mem->word)) : 0;
}

static int mock_job_check(struct halyard_job *job)
{
	const struct mock_payload *payload = job->payload;

	if (job->payload_size != sizeof(*payload) || payload->flags)
		return -EINVAL;

	return job->queue->hdev->chip == &mock_bare_chip ? mock_job_copy(job) : 0;
}

/* With @lock held. */
static void mock_note_buffers(struct mock_device *dev, const struct halyard_job *job)
{
	dev->num_buffers = job->num_buffers;
	memcpy(dev->buffers, job->buffers, job->num_buffers * sizeof(*job->buffers));
}

/* Only one job at a time, with its memory as it was checked. */
static void mock_bare_run_locked(struct mock_device *dev, struct halyard_job *job)
{
	const struct mock_job_mem *mem = job->mem.vaddr;
	u32 i;

	lockdep_assert_held(&dev->lock);

	for (i = 0; i < MOCK_QUEUES; i++)
		if (dev->queues[i] && dev->queues[i]->submitted != dev->queues[i]->completed)
			mock_wrong(dev, "job_run while another job runs");
	if (!mem || memcmp(&mem->payload, job->payload, sizeof(mem->payload)))
		mock_wrong(dev, "job_run without the job's memory");

	dev->word = mem ? mem->word : 0;
	mock_note_buffers(dev, job);
}

static void mock_card_copy(const struct halyard_job *job, void *payload)
{
	*(struct mock_payload *)payload = (struct mock_payload) { .cookie = MOCK_COPY };
}

static void mock_copy(struct mock_device *dev, const struct halyard_job *job)
{
	const struct halyard_job_buffer *card = &job->buffers[0], *host = &job->buffers[1];
	u8 *memory = dev->memory + (card->address - MOCK_MEMORY_START);
	struct scatterlist *sg;
	unsigned int i;

	dev->copies++;
	if (job->num_buffers == 1) {
		memset(memory, 0, card->size);
		return;
	}
	for_each_sgtable_sg(host->sgt, sg, i) {
		if (card->write)
			memcpy(memory, sg_virt(sg), sg->length);
		else
			memcpy(sg_virt(sg), memory, sg->length);
		memory += sg->length;
	}
}

static void mock_job_run(struct halyard_job *job)
{
	struct mock_device *dev = to_mock_device(job->queue->hdev);
	const struct mock_payload *payload = job->payload;
	struct mock_queue *mq = job->queue->priv;
	unsigned long flags;
	bool autorun;

	if (payload->cookie == MOCK_COPY)
		mock_copy(dev, job);
	else
		mock_note_buffers(dev, job);

	spin_lock_irqsave(&dev->lock, flags);
	if (!mq->live || dev->stopped)
		mock_wrong(dev, "job_run in a queue that is not live");
	if (job->seqno != mq->submitted + 1)
		mock_wrong(dev, "job_run out of order");
	if (job->seqno > mq->completed + MOCK_DEPTH)
		mock_wrong(dev, "job_run beyond the queue's depth");
	if (job->queue->hdev->chip == &mock_bare_chip)
		mock_bare_run_locked(dev, job);
	mq->submitted = job->seqno;
	mq->cookie = payload->cookie;
	mock_event(dev, job->queue->hw_id, job->seqno, false);
	autorun = dev->autorun;
	if (autorun)
		mock_complete_locked(dev, mq, job->seqno);
	wake_up_all(&dev->wait);
	spin_unlock_irqrestore(&dev->lock, flags);

	if (autorun)
		halyard_complete_jobs(job->queue->hdev);
}

static int mock_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		      struct halyard_queue *queue)
{
	int ret;

	if (level == HALYARD_RESET_ENGINE)
		return mock_call(hdev, MOCK_RESET_ENGINE);

	ret = mock_call(hdev, MOCK_RESET_DEVICE);
	if (!ret)
		mock_set_stopped(hdev, true);

	return ret;
}

static u64 mock_timestamp(struct halyard_device *hdev)
{
	return ktime_get_ns();
}

/* Of a page that is mapped the entry, of another one zero. */
static void mock_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
		      u64 address)
{
	struct mock_device *dev = to_mock_device(hdev);
	struct mock_vm *mvm;
	void *entry;
	u32 i;

	halyard_dump_section(dump, "registers");
	halyard_dump_value(dump, dev->stopped, "STOPPED");
	halyard_dump_value(dump, dev->num_events, "EVENTS");
	for (i = 0; dev->talkative && i < MOCK_MANY; i++)
		halyard_dump_value(dump, i, "EVENT%u", i);
	if (!vm)
		return;

	lockdep_assert_held(&vm->lock);
	mvm = vm->priv;
	entry = xa_load(&mvm->pages, PHYS_PFN(address));
	halyard_dump_section(dump, "page walk");
	halyard_dump_value(dump, address, "address");
	halyard_dump_value(dump, entry ? xa_to_value(entry) : 0, "entry");
}

static const struct halyard_chip_ops mock_ops = {
	.init = mock_chip_init,
	.start = mock_start,
	.stop = mock_stop,
	.vm_init = mock_vm_init,
	.vm_fini = mock_vm_fini,
	.vm_prepare = mock_vm_prepare,
	.vm_map = mock_vm_map,
	.vm_unmap = mock_vm_unmap,
	.vm_flush = mock_vm_flush,
	.queue_init = mock_queue_init,
	.queue_fini = mock_queue_fini,
	.queue_progress = mock_queue_progress,
	.job_check = mock_job_check,
	.job_run = mock_job_run,
	.reset = mock_reset,
	.timestamp = mock_timestamp,
	.dump = mock_dump,
};

static const struct halyard_chip_ops mock_card_ops = {
	.init = mock_card_init,
	.start = mock_start,
	.stop = mock_stop,
	.queue_init = mock_queue_init,
	.queue_fini = mock_queue_fini,
	.queue_progress = mock_queue_progress,
	.job_check = mock_job_check,
	.job_copy = mock_card_copy,
	.job_run = mock_job_run,
	.reset = mock_reset,
	.timestamp = mock_timestamp,
	.dump = mock_dump,
};

static const struct halyard_chip_ops mock_firmware_ops = {
	.init = mock_chip_init,
	.start = mock_firmware_start,
	.stop = mock_stop,
	.queue_init = mock_queue_init,
	.queue_fini = mock_queue_fini,
	.queue_progress = mock_queue_progress,
	.job_check = mock_job_check,
	.job_run = mock_job_run,
	.reset = mock_reset,
	.timestamp = mock_timestamp,
};

static const struct halyard_engine_class mock_classes[] = {
	{
		.name = "mock",
		.count = 1,
		.priorities = BIT(DRM_HALYARD_PRIORITY_NORMAL) | BIT(DRM_HALYARD_PRIORITY_HIGH),
	},
};

/*
 * The timeout is short so that tests of hangs are; queues make progress unless they are told to
 * hang, so it hits no other.
 */
const struct halyard_chip mock_chip = {
	.name = "mock",
	.description = "Halyard mock",
	.ops = &mock_ops,
	.classes = mock_classes,
	.num_classes = ARRAY_SIZE(mock_classes),
	.regions = { { "memory", HALYARD_MEMORY_PAGES } },
	.num_regions = 1,
	.priv_size = sizeof(struct mock_device),
	.vm_priv_size = sizeof(struct mock_vm),
	.queue_priv_size = sizeof(struct mock_queue),
	.queue_mem = { { PAGE_SIZE, HALYARD_PROT_WRITE, "ring" } },
	.blob_size = MOCK_BLOB_SIZE,
	.timeout_ms = 100,
};

static const struct halyard_chip_ops mock_bare_ops = {
	.init = mock_chip_init,
	.start = mock_start,
	.stop = mock_stop,
	.queue_init = mock_queue_init,
	.queue_fini = mock_queue_fini,
	.queue_progress = mock_queue_progress,
	.job_check = mock_job_check,
	.job_run = mock_job_run,
	.reset = mock_reset,
	.timestamp = mock_timestamp,
	.dump = mock_dump,
};

/* Without MMU and memory of its queues, and one job at a time. */
const struct halyard_chip mock_bare_chip = {
	.name = "mock-bare",
	.description = "Halyard mock without MMU",
	.ops = &mock_bare_ops,
	.classes = mock_classes,
	.num_classes = ARRAY_SIZE(mock_classes),
	.regions = { { "host", HALYARD_MEMORY_CONTIGUOUS } },
	.num_regions = 1,
	.priv_size = sizeof(struct mock_device),
	.queue_priv_size = sizeof(struct mock_queue),
	.blob_size = MOCK_BLOB_SIZE,
	.timeout_ms = 100,
};

const struct halyard_chip mock_card_chip = {
	.name = "mock-card",
	.description = "Halyard mock with memory",
	.ops = &mock_card_ops,
	.classes = mock_classes,
	.num_classes = ARRAY_SIZE(mock_classes),
	.regions = { { "vram", HALYARD_MEMORY_CARD }, { "host", HALYARD_MEMORY_PAGES } },
	.num_regions = 2,
	.priv_size = sizeof(struct mock_device),
	.vm_priv_size = sizeof(struct mock_vm),
	.queue_priv_size = sizeof(struct mock_queue),
	.queue_mem = { { PAGE_SIZE, HALYARD_PROT_WRITE, "ring" } },
	.timeout_ms = 100,
};

const struct halyard_chip mock_firmware_chip = {
	.name = "mock-firmware",
	.description = "Halyard mock without firmware",
	.ops = &mock_firmware_ops,
	.classes = mock_classes,
	.num_classes = ARRAY_SIZE(mock_classes),
	.regions = { { "memory", HALYARD_MEMORY_PAGES } },
	.num_regions = 1,
	.firmware = "halyard/no-such-firmware.fw",
	.priv_size = sizeof(struct mock_device),
	.vm_priv_size = sizeof(struct mock_vm),
	.queue_priv_size = sizeof(struct mock_queue),
	.queue_mem = { { PAGE_SIZE, HALYARD_PROT_WRITE, "ring" } },
	.timeout_ms = 100,
};
