// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a failure looked like, for the kernel's devcoredump. The snapshot is taken in the way of
 * fences: into memory that is there from the start. A work hands it over later. The format is that
 * of <drm/halyard_dump.h>.
 *
 * devcoredump keeps one dump of a device until it was read, or for some minutes, and drops what
 * comes meanwhile: the first failure says more than those that follow from it.
 */

#include <linux/devcoredump.h>
#include <linux/utsname.h>
#include <linux/vmalloc.h>

#include <drm/drm_managed.h>
#include <drm/halyard_dump.h>

#include "queue.h"

/* A snapshot is being taken or handed over. */
#define HALYARD_DUMP_BUSY	0

/* Of the memory of the guilty job, this much is kept: it is copied with interrupts disabled. */
#define HALYARD_DUMP_JOB_MEM	SZ_64K
/* For text, and for what the chip adds. */
#define HALYARD_DUMP_TEXT	SZ_16K
#define HALYARD_DUMP_QUEUE_LINE	160

/**
 * struct halyard_dump - &halyard_core.dump
 * @hdev: the device
 * @work: hands the snapshot to devcoredump
 * @state: HALYARD_DUMP_BUSY: who sets it has all below
 * @data: the snapshot
 * @capacity: bytes of room
 * @size: bytes used
 * @section: the one that is being written, an offset in @data; 0 when there is none
 * @sections: begun
 */
struct halyard_dump {
	struct halyard_device *hdev;
	struct work_struct work;
	unsigned long state;
	u8 *data;
	size_t capacity;
	size_t size;
	size_t section;
	u32 sections;
};

/* ---- sections ---- */

/* Bytes of room; a multiple of DRM_HALYARD_DUMP_ALIGN between sections. */
static size_t halyard_dump_room(struct halyard_dump *dump)
{
	return dump->capacity - dump->size;
}

/* Ends the section, if one was begun. */
static void halyard_dump_end(struct halyard_dump *dump)
{
	size_t end = ALIGN(dump->size, DRM_HALYARD_DUMP_ALIGN);

	memset(dump->data + dump->size, 0, end - dump->size);
	dump->size = end;
	dump->section = 0;
}

/* Also ends the section before. What finds no room at all is left out. */
static void halyard_dump_begin(struct halyard_dump *dump, enum drm_halyard_dump_type type,
			       const char *name, u64 address)
{
	struct drm_halyard_dump_section *section;

	halyard_dump_end(dump);
	if (halyard_dump_room(dump) < sizeof(*section))
		return;

	dump->section = dump->size;
	dump->size += sizeof(*section);
	dump->sections++;
	section = (struct drm_halyard_dump_section *)(dump->data + dump->section);
	*section = (struct drm_halyard_dump_section) {
		.type = cpu_to_le32(type),
		.address = cpu_to_le64(address),
	};
	strscpy(section->name, name, sizeof(section->name));
}

/* @size bytes were written to the section; there would have been @more. */
static void halyard_dump_add(struct halyard_dump *dump, size_t size, size_t more)
{
	struct drm_halyard_dump_section *section =
		(struct drm_halyard_dump_section *)(dump->data + dump->section);

	if (!dump->section)
		return; /* no room for it */

	dump->size += size;
	le64_add_cpu(&section->size, size);
	if (more)
		section->flags |= cpu_to_le32(DRM_HALYARD_DUMP_TRUNCATED);
}

static void halyard_dump_write(struct halyard_dump *dump, const void *data, size_t size)
{
	size_t fits = dump->section ? min(size, halyard_dump_room(dump)) : 0;

	memcpy(dump->data + dump->size, data, fits);
	halyard_dump_add(dump, fits, size - fits);
}

static __printf(2, 3) void halyard_dump_print(struct halyard_dump *dump, const char *format, ...)
{
	size_t room = dump->section ? halyard_dump_room(dump) : 0, size;
	va_list arguments;

	/* There is a byte behind the room, for NUL. */
	va_start(arguments, format);
	size = vsnprintf(dump->data + dump->size, room + 1, format, arguments);
	va_end(arguments);
	halyard_dump_add(dump, min(size, room), size - min(size, room));
}

/**
 * halyard_dump_section - begin a section of numbers with names
 * @dump: of &halyard_chip_ops.dump
 * @name: of the section, at most 23 characters
 *
 * For chips; halyard_dump_value() and halyard_dump_registers() fill it.
 */
void halyard_dump_section(struct halyard_dump *dump, const char *name)
{
	halyard_dump_begin(dump, DRM_HALYARD_DUMP_VALUES, name, 0);
}
EXPORT_SYMBOL_GPL(halyard_dump_section);

/**
 * halyard_dump_value - add a number to a section
 * @dump: of &halyard_chip_ops.dump
 * @value: the number
 * @format: of its name, at most 23 characters
 *
 * For chips.
 */
void halyard_dump_value(struct halyard_dump *dump, u64 value, const char *format, ...)
{
	struct drm_halyard_dump_value entry = { .value = cpu_to_le64(value) };
	va_list arguments;

	va_start(arguments, format);
	vscnprintf(entry.name, sizeof(entry.name), format, arguments);
	va_end(arguments);

	if (halyard_dump_room(dump) >= sizeof(entry))
		halyard_dump_write(dump, &entry, sizeof(entry));
	else
		halyard_dump_add(dump, 0, sizeof(entry));
}
EXPORT_SYMBOL_GPL(halyard_dump_value);

/**
 * halyard_dump_registers - add registers to a section
 * @dump: of &halyard_chip_ops.dump
 * @registers: which
 * @count: of them
 *
 * For chips. They are read now.
 */
void halyard_dump_registers(struct halyard_dump *dump, const struct debugfs_reg32 *registers,
			    unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		halyard_dump_value(dump, ioread32(dump->hdev->regs + registers[i].offset), "%s",
				   registers[i].name);
}
EXPORT_SYMBOL_GPL(halyard_dump_registers);

/* ---- what is the same for every chip ---- */

static void halyard_dump_device(struct halyard_dump *dump, const char *reason)
{
	struct halyard_device *hdev = dump->hdev;
	struct timespec64 now;

	ktime_get_real_ts64(&now);
	halyard_dump_begin(dump, DRM_HALYARD_DUMP_TEXT, "device", 0);
	halyard_dump_print(dump, "reason: %s\n", reason);
	halyard_dump_print(dump, "time: %ptTs UTC\n", &now.tv_sec);
	halyard_dump_print(dump, "uptime: %llu ns\n", ktime_get_ns());
	halyard_dump_print(dump, "chip: %s\n", hdev->chip->name);
	halyard_dump_print(dump, "name: %s\n", hdev->chip->description);
	halyard_dump_print(dump, "revision: %u.%u\n", hdev->revision >> 16,
			   hdev->revision & 0xffff);
	halyard_dump_print(dump, "device: %s\n", dev_name(hdev->dev));
	halyard_dump_print(dump, "driver: %s %u.%u\n", hdev->drm.driver->name,
			   hdev->drm.driver->major, hdev->drm.driver->minor);
	halyard_dump_print(dump, "kernel: %s\n", init_utsname()->release);
}

static void halyard_dump_firmware(struct halyard_dump *dump)
{
	struct drm_halyard_query_firmware firmware = {};
	struct halyard_device *hdev = dump->hdev;

	if (!hdev->core->firmware)
		return;

	halyard_firmware_query(hdev, &firmware);
	halyard_dump_begin(dump, DRM_HALYARD_DUMP_TEXT, "firmware", 0);
	halyard_dump_print(dump, "file: %s\n", hdev->chip->firmware);
	halyard_dump_print(dump, "version: %s\n", firmware.version);
	halyard_dump_print(dump, "state: %s\n", firmware.error[0] ? firmware.error : "running");
}

/* Who made it; any byte may be in a process's name. */
static void halyard_dump_owner(struct halyard_dump *dump, const struct halyard_queue_core *q)
{
	if (q->own)
		halyard_dump_print(dump, "the driver's own");
	else
		halyard_dump_print(dump, "%d %*pE", q->pid, (int)strlen(q->comm), q->comm);
}

static void halyard_dump_job_locked(struct halyard_dump *dump, struct halyard_queue_core *q)
{
	struct halyard_job_core *job;

	lockdep_assert_held(&q->slot->fence_lock);

	list_for_each_entry(job, &q->in_flight, link) {
		const struct halyard_kmem *mem = &job->job.mem;
		size_t size = min_t(size_t, mem->size, HALYARD_DUMP_JOB_MEM);

		if (job->job.seqno != q->fault_seqno)
			continue;
		halyard_dump_begin(dump, DRM_HALYARD_DUMP_BYTES, "payload", 0);
		halyard_dump_write(dump, job->job.payload, job->job.payload_size);
		if (!mem->vaddr)
			return;
		halyard_dump_begin(dump, DRM_HALYARD_DUMP_BYTES, "job memory", mem->dma);
		halyard_dump_write(dump, mem->vaddr, size);
		halyard_dump_add(dump, 0, mem->size - size);
		return;
	}
}

static const char *halyard_dump_cause(const struct halyard_fault *fault)
{
	static const char *const names[] = {
		[DRM_HALYARD_FAULT_TIMEOUT] = "timeout",
		[DRM_HALYARD_FAULT_ILLEGAL_COMMAND] = "illegal command",
		[DRM_HALYARD_FAULT_OUT_OF_BOUNDS] = "out of bounds",
		[DRM_HALYARD_FAULT_UNMAPPED] = "unmapped",
		[DRM_HALYARD_FAULT_PERMISSION] = "permission",
		[DRM_HALYARD_FAULT_MEMORY_ERROR] = "memory error",
		[DRM_HALYARD_FAULT_DEVICE] = "device",
	};

	return fault->cause < ARRAY_SIZE(names) && names[fault->cause] ? names[fault->cause] :
									 "unknown";
}

static void halyard_dump_guilty_locked(struct halyard_dump *dump, struct halyard_queue_core *q)
{
	const struct halyard_fault *fault = &q->fault;

	lockdep_assert_held(&q->slot->fence_lock);

	halyard_dump_begin(dump, DRM_HALYARD_DUMP_TEXT, "queue", 0);
	halyard_dump_print(dump, "number: %u\n", q->queue.hw_id);
	halyard_dump_print(dump, "class: %s\n",
			   q->queue.hdev->chip->classes[q->queue.engine_class].name);
	halyard_dump_print(dump, "priority: %u\n", q->queue.priority);
	halyard_dump_print(dump, "address space: %u\n", q->queue.vm->hw_id);
	halyard_dump_print(dump, "process: ");
	halyard_dump_owner(dump, q);
	halyard_dump_print(dump, "\ncause: %s\n", halyard_dump_cause(fault));
	halyard_dump_print(dump, "error: %d\n", fault->error);
	halyard_dump_print(dump, "address: %#llx\n", fault->address);
	halyard_dump_print(dump, "access: %s\n", fault->write ? "write" : "read");
	halyard_dump_print(dump, "command: %u\n", fault->command);
	halyard_dump_print(dump, "tag: %#x\n", fault->tag);
	halyard_dump_print(dump, "job: %llu\n", q->fault_seqno);
	halyard_dump_print(dump, "started: %llu\n", q->started);
	halyard_dump_print(dump, "done: %llu\n", q->progress.seqno);
	halyard_dump_print(dump, "progress: %#llx\n", q->progress.stamp);
	halyard_dump_print(dump, "busy: %llu ns\n", q->busy_ns);
	halyard_dump_job_locked(dump, q);
}

static void halyard_dump_queue_mem(struct halyard_dump *dump, struct halyard_queue_core *q)
{
	const struct halyard_queue_mem *want = q->queue.hdev->chip->queue_mem;
	const struct halyard_kmem *mem;
	unsigned int i;

	for (i = 0; i < HALYARD_MAX_QUEUE_MEM && want[i].size; i++) {
		mem = &q->queue.mem[i];
		halyard_dump_begin(dump, DRM_HALYARD_DUMP_BYTES, want[i].name, mem->va ?: mem->dma);
		halyard_dump_write(dump, mem->vaddr, want[i].size);
	}
}

static void halyard_dump_queues(struct halyard_dump *dump)
{
	struct halyard_sched *sched = dump->hdev->core->sched;
	struct halyard_queue_core *q;
	unsigned long flags;
	u32 i;

	halyard_dump_begin(dump, DRM_HALYARD_DUMP_TEXT, "queues", 0);
	for (i = 0; i < sched->num_slots; i++) {
		spin_lock_irqsave(&sched->slots[i]->fence_lock, flags);
		q = sched->slots[i]->queue;
		if (q) {
			halyard_dump_print(dump, "%u: %s, started %llu, done %llu, failed %llu, ",
					   i, q->error || q->faulted ? "failed" : "in order",
					   q->started, q->progress.seqno, q->failed);
			halyard_dump_owner(dump, q);
			halyard_dump_print(dump, "\n");
		}
		spin_unlock_irqrestore(&sched->slots[i]->fence_lock, flags);
	}
}

/*
 * The chip's part. Who changes an address space may hold its lock and wait for reset_lock, which we
 * have: its tables are read only when nobody is at it.
 */
static void halyard_dump_chip(struct halyard_dump *dump, struct halyard_queue_core *q)
{
	struct halyard_device *hdev = dump->hdev;
	struct halyard_vm *vm = NULL;

	if (!hdev->chip->ops->dump)
		return;

	if (q && q->fault.address && halyard_has_mmu(hdev)) {
		if (mutex_trylock(&q->queue.vm->lock)) {
			vm = q->queue.vm;
		} else {
			halyard_dump_begin(dump, DRM_HALYARD_DUMP_TEXT, "page walk", 0);
			halyard_dump_print(dump, "none: the address space was being changed\n");
		}
	}
	hdev->chip->ops->dump(hdev, dump, vm, vm ? q->fault.address : 0);
	if (vm)
		mutex_unlock(&vm->lock);
}

/* ---- taking one, and handing it over ---- */

static void halyard_dump_fill(struct halyard_dump *dump, struct halyard_queue_core *q,
			      const char *reason)
{
	unsigned long flags;

	dump->size = sizeof(struct drm_halyard_dump_header);
	dump->section = 0;
	dump->sections = 0;
	halyard_dump_device(dump, reason);
	halyard_dump_firmware(dump);
	if (q) {
		spin_lock_irqsave(&q->slot->fence_lock, flags);
		halyard_dump_guilty_locked(dump, q);
		spin_unlock_irqrestore(&q->slot->fence_lock, flags);
		halyard_dump_queue_mem(dump, q);
	}
	halyard_dump_chip(dump, q);
	halyard_dump_queues(dump);
	halyard_dump_end(dump);

	*(struct drm_halyard_dump_header *)dump->data = (struct drm_halyard_dump_header) {
		.magic = cpu_to_le64(DRM_HALYARD_DUMP_MAGIC),
		.version = cpu_to_le32(DRM_HALYARD_DUMP_VERSION),
		.header_size = cpu_to_le32(sizeof(struct drm_halyard_dump_header)),
		.size = cpu_to_le64(dump->size),
		.sections = cpu_to_le32(dump->sections),
	};
}

/**
 * halyard_dump_take - take a snapshot for devcoredump
 * @hdev: the device, nothing of it stopped yet
 * @q: the queue that is guilty, its &halyard_queue_core.fault known, or NULL
 * @reason: for people
 *
 * Under &halyard_core.reset_lock, and with @q under its &halyard_slot.run_lock, too. Does nothing
 * while another one is being handed over.
 */
void halyard_dump_take(struct halyard_device *hdev, struct halyard_queue_core *q,
		       const char *reason)
{
	struct halyard_dump *dump = hdev->core->dump;

	lockdep_assert_held(&hdev->core->reset_lock);
	if (q)
		lockdep_assert_held(&q->slot->run_lock);

	if (test_and_set_bit_lock(HALYARD_DUMP_BUSY, &dump->state))
		return;

	halyard_dump_fill(dump, q, reason);
	drm_dev_get(&hdev->drm);
	__module_get(THIS_MODULE);
	queue_work(halyard_release_wq, &dump->work);
}

static void halyard_dump_work(struct work_struct *work)
{
	struct halyard_dump *dump = container_of(work, struct halyard_dump, work);
	struct halyard_device *hdev = dump->hdev;
	void *copy;

	/*
	 * devcoredump frees what it gets, and the buffer is for the next failure. The copy counts
	 * as nobody's memory; jobs that fail on purpose can't make many of them, as devcoredump
	 * keeps one per device, until it is deleted or old, and drops those that come meanwhile.
	 */
	copy = vmalloc(dump->size);
	if (copy) {
		memcpy(copy, dump->data, dump->size);
		dev_coredumpv(hdev->dev, copy, dump->size, GFP_KERNEL);
	}
	clear_bit_unlock(HALYARD_DUMP_BUSY, &dump->state);

	drm_dev_put(&hdev->drm);
	module_put(THIS_MODULE);
}

static void halyard_dump_free(struct drm_device *drm, void *data)
{
	vfree(data);
}

/**
 * halyard_dump_init - get the memory for snapshots
 * @hdev: the device, its limits known
 *
 * Return: 0 or -ENOMEM.
 */
int halyard_dump_init(struct halyard_device *hdev)
{
	const struct halyard_queue_mem *want = hdev->chip->queue_mem;
	struct halyard_dump *dump;
	unsigned int i;

	dump = drmm_kzalloc(&hdev->drm, sizeof(*dump), GFP_KERNEL);
	if (!dump)
		return -ENOMEM;

	dump->hdev = hdev;
	INIT_WORK(&dump->work, halyard_dump_work);
	dump->capacity = HALYARD_DUMP_TEXT + HALYARD_DUMP_JOB_MEM + hdev->limits.payload_size +
			 hdev->limits.queues * HALYARD_DUMP_QUEUE_LINE;
	for (i = 0; i < HALYARD_MAX_QUEUE_MEM && want[i].size; i++)
		dump->capacity += sizeof(struct drm_halyard_dump_section) + want[i].size;
	dump->capacity = ALIGN(dump->capacity, DRM_HALYARD_DUMP_ALIGN);
	dump->data = vzalloc(dump->capacity + 1);
	if (!dump->data)
		return -ENOMEM;
	hdev->core->dump = dump;

	return drmm_add_action_or_reset(&hdev->drm, halyard_dump_free, dump->data);
}
