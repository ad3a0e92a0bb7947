/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a chip driver includes: the one interface between the core and a chip.
 *
 * A chip driver is a module that registers a PCI driver made of the functions at the end. The core
 * does everything that is the same for every chip; it calls the chip through struct
 * halyard_chip_ops, and a chip calls back the few functions declared at the end of this file.
 *
 * Lock order, outermost first: halyard_file.lock, halyard_core.vms_lock, halyard_vm.lock,
 * halyard_vram.crowd, dma_resv (GEM, VM), halyard_vram.order_lock and evict_lock,
 * halyard_core.reset_lock, the chip's own, halyard_slot.fence_lock, spin locks of the chip's that
 * &halyard_chip_ops.queue_progress takes. Recovery signals fences under reset_lock: nobody
 * allocates memory or waits for a fence while he holds it.
 *
 * Recovery is bounded in time because calls are: one that waits for the hardware gives up, with an
 * error, after a time of the chip's choice, as halyard_poll() does. Only then can the core take the
 * next rung.
 */
#ifndef HALYARD_CHIP_H
#define HALYARD_CHIP_H

#include <linux/debugfs.h>
#include <linux/dma-fence.h>
#include <linux/io.h>
#include <linux/irqreturn.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_device.h>
#include <drm/drm_gem_shmem_helper.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

#include <drm/halyard_accel.h>

struct firmware;
struct halyard_bo;
struct halyard_device;
struct halyard_dump;
struct halyard_job;
struct halyard_queue;
struct halyard_vm;
struct seq_file;

/** HALYARD_MAX_ENGINE_CLASSES - engine classes that a chip may have */
#define HALYARD_MAX_ENGINE_CLASSES	8
/** HALYARD_MAX_VECTORS - interrupt vectors that a chip may have */
#define HALYARD_MAX_VECTORS		32
/** HALYARD_MAX_PAYLOAD - bytes of a job's payload that a chip may ask for */
#define HALYARD_MAX_PAYLOAD		4096
/** HALYARD_MAX_QUEUES - queues that a chip may have */
#define HALYARD_MAX_QUEUES		255
/** HALYARD_MAX_QUEUE_MEM - pieces of memory that a chip may ask for with each queue */
#define HALYARD_MAX_QUEUE_MEM		4
/** HALYARD_MAX_REGIONS - regions of memory that a chip may have */
#define HALYARD_MAX_REGIONS		4

/**
 * struct halyard_engine_class - a kind of engine
 * @name: as in fdinfo's drm-engine-* keys
 * @count: engines of this kind
 * @priorities: bit n: enum drm_halyard_priority n is supported
 */
struct halyard_engine_class {
	const char *name;
	u32 count;
	u32 priorities;
};

/** enum halyard_memory - kinds of memory, as the device needs it for its jobs */
enum halyard_memory {
	/** @HALYARD_MEMORY_PAGES: the host's, page by page from anywhere */
	HALYARD_MEMORY_PAGES,
	/** @HALYARD_MEMORY_CONTIGUOUS: the host's, each buffer in one piece for the device */
	HALYARD_MEMORY_CONTIGUOUS,
	/**
	 * @HALYARD_MEMORY_CARD: the device's own, as &struct halyard_limits says. The first region,
	 * if any, of a chip without MMU; another one is the host's, where others' memory counts.
	 */
	HALYARD_MEMORY_CARD,
	/** @HALYARD_NUM_MEMORIES: how many there are */
	HALYARD_NUM_MEMORIES
};

/**
 * struct halyard_region - a region of memory, in which buffer objects can be made
 * @name: for user space
 * @memory: what it is made of
 */
struct halyard_region {
	const char *name;
	enum halyard_memory memory;
};

/**
 * struct halyard_limits - what a chip can hold; constant after &halyard_chip_ops.init
 * @queues: hardware queues
 * @vms: address spaces
 * @queue_depth: jobs of one queue that the device holds
 * @one_job: the device holds one job at a time, of whatever queue: the core gives it the next one
 *	when the one before is over: of the most urgent queues that of the user who had the least of
 *	the device's time. @queue_depth is 1 then.
 * @job_buffers: buffer objects of one job, or 0 when the device does not count them
 * @payload_size: exact size of a job's payload in bytes
 * @va_start: first address for user space
 * @va_end: one past the last address for user space; what lies behind it up to @kernel_va_end is
 *	the driver's
 * @kernel_va_end: one past the last address of the driver's own range
 * @large_page_size: bytes, or 0
 * @memory_start: device address of its own memory
 * @memory_size: bytes of it that the driver does not keep for itself; 0 without
 *	HALYARD_MEMORY_CARD
 * @window_start: of it for the CPU: physical address, of a BAR
 * @window_size: bytes of it that the CPU reaches there, from the beginning; or 0
 * @dma_bits: width of bus addresses
 * @timestamp_hz: frequency of &halyard_chip_ops.timestamp
 */
struct halyard_limits {
	u32 queues;
	u32 vms;
	u32 queue_depth;
	bool one_job;
	u32 job_buffers;
	u32 payload_size;
	u64 va_start;
	u64 va_end;
	u64 kernel_va_end;
	u32 large_page_size;
	u64 memory_start;
	u64 memory_size;
	u64 window_start;
	u64 window_size;
	u32 dma_bits;
	u64 timestamp_hz;
};

/**
 * struct halyard_fault - why a job failed, as the chip found it
 * @cause: enum drm_halyard_fault_cause
 * @error: of the fence: -EFAULT, -EILSEQ, -EBADMSG, -ETIME, -EIO
 * @address: device address, 0 when none is concerned
 * @write: access was a write
 * @command: index of the command in the job
 * @tag: the command's tag
 */
struct halyard_fault {
	enum drm_halyard_fault_cause cause;
	int error;
	u64 address;
	bool write;
	u32 command;
	u32 tag;
};

/**
 * struct halyard_queue_progress - how far a queue is
 * @seqno: of the newest completed job, 0 when none. What can't be, as it is less than before or of
 *	a job that was not run yet, is not heeded: the device may be in the midst of writing it.
 * @busy_ns: device time spent on the queue's jobs since &halyard_chip_ops.queue_init; also while
 *	a job runs, or it would never be found to take too long
 * @stamp: any number that changes while a job makes progress
 * @ask_waiting: in: fill in @waiting, too, at the cost of a register access; never set in hard
 *	interrupt context
 * @waiting: jobs wait for their turn on an engine, so that @stamp stands still by nobody's fault:
 *	such time does not count towards the timeout
 */
struct halyard_queue_progress {
	u64 seqno;
	u64 busy_ns;
	u64 stamp;
	bool ask_waiting;
	bool waiting;
};

/** enum halyard_reset_level - how much is reset; each is tried when the one before failed */
enum halyard_reset_level {
	/** @HALYARD_RESET_QUEUE: one queue, by &halyard_chip_ops.queue_fini */
	HALYARD_RESET_QUEUE,
	/** @HALYARD_RESET_ENGINE: the engine that the queue's job is on */
	HALYARD_RESET_ENGINE,
	/** @HALYARD_RESET_DEVICE: the device, by its own register */
	HALYARD_RESET_DEVICE,
	/** @HALYARD_RESET_FUNCTION: the PCI function; by the core, not passed to chips */
	HALYARD_RESET_FUNCTION,
};

#define HALYARD_PROT_WRITE	BIT(0) /* the device may write */
#define HALYARD_PROT_USER	BIT(1) /* for jobs; without it only the device's own accesses */

/**
 * struct halyard_chip_ops - what a chip driver supplies
 *
 * Unless said otherwise a call may sleep, is made between drm_dev_enter() and drm_dev_exit(), and
 * returns 0 or a negative error. Calls on one object never run at the same time. The core has
 * checked all that is not about the chip.
 */
struct halyard_chip_ops {
	/**
	 * @init: once, at probe, after the BARs are mapped and before anything else. Checks the
	 * identity, fills in &halyard_device.limits, &halyard_device.revision and
	 * &halyard_device.blob, and adds the chip's own files to &drm_device.debugfs_root. The
	 * hardware is not to be started.
	 */
	int (*init)(struct halyard_device *hdev);

	/**
	 * @start: brings the hardware from reset to work: at probe, after a device reset, at
	 * resume. Interrupts are requested but the chip has not raised one since its reset. A chip
	 * with &halyard_chip.firmware loads halyard_firmware_image(); what it says with
	 * halyard_firmware_fails() does not cost it its registration, but it is not used. No
	 * allocation but in the first call. Any error after a reset, and the core takes the next
	 * step of recovery.
	 */
	int (*start)(struct halyard_device *hdev);

	/**
	 * @stop: quiesces the hardware, no interrupt or DMA afterwards: before unbind, suspend, and
	 * the last step of a failed start. Must also work on a dead device, in bounded time.
	 */
	void (*stop)(struct halyard_device *hdev);

	/**
	 * @irq: in hard interrupt context, with @vector counted from 0. Acknowledges. Calls
	 * halyard_complete_jobs() when jobs may have completed. IRQ_WAKE_THREAD calls @irq_thread.
	 * IRQ_NONE when the interrupt was not the chip's.
	 */
	irqreturn_t (*irq)(struct halyard_device *hdev, unsigned int vector);

	/**
	 * @irq_thread: in the interrupt's thread: events and faults; reports them with
	 * halyard_queue_fault().
	 */
	irqreturn_t (*irq_thread)(struct halyard_device *hdev, unsigned int vector);

	/**
	 * @vm_init: makes an address space; &halyard_vm.hw_id is one of the chip's, not in use. On
	 * a chip without MMU all the vm_* calls are NULL.
	 */
	int (*vm_init)(struct halyard_vm *vm);

	/**
	 * @vm_fini: undoes @vm_init. Nothing is mapped and no queue uses it. Called on a dead
	 * device, too. Under &halyard_vm.lock and &halyard_core.reset_lock.
	 */
	void (*vm_fini)(struct halyard_vm *vm);

	/**
	 * @vm_prepare: allocates what @vm_map of this range will need, so that it can't fail; and
	 * what @vm_unmap will need that splits a large page at the border of this range. Good until
	 * the next @vm_flush. Under &halyard_vm.lock.
	 */
	int (*vm_prepare)(struct halyard_vm *vm, u64 va, u64 size);

	/**
	 * @vm_map: enters pages, @size bytes contiguous at bus address @dma; the range is not
	 * mapped. @prot: HALYARD_PROT_*. Under &halyard_vm.lock; must not allocate or fail.
	 */
	void (*vm_map)(struct halyard_vm *vm, u64 va, dma_addr_t dma, u64 size, u32 prot);

	/**
	 * @vm_unmap: removes the entries of the range, mapped or not. Splits large pages that reach
	 * out of it; @vm_prepare was called for the pages at its ends then. Under
	 * &halyard_vm.lock; must not allocate or fail.
	 */
	void (*vm_unmap)(struct halyard_vm *vm, u64 va, u64 size);

	/**
	 * @vm_flush: after a series of @vm_map and @vm_unmap: when it returns 0 the device uses the
	 * new entries only and has ended all accesses by old ones. -ETIMEDOUT starts a device
	 * reset. Under &halyard_vm.lock and &halyard_core.reset_lock.
	 */
	int (*vm_flush)(struct halyard_vm *vm);

	/**
	 * @queue_init: makes hardware queue &halyard_queue.hw_id ready for @job_run in
	 * &halyard_queue.vm: at creation, and again for each surviving queue after a device reset,
	 * which forgot queues and address spaces: @queue_fini was not called then. Must not
	 * allocate memory: what the queue shares with the device is in &halyard_queue.mem.
	 */
	int (*queue_init)(struct halyard_queue *queue);

	/**
	 * @queue_fini: undoes @queue_init, stopping what runs; afterwards the device does not reach
	 * &halyard_queue.mem. -ETIMEDOUT when the hardware does not answer: the core takes the next
	 * step of recovery, after which it calls again. After a device reset or @stop there is
	 * nothing left to stop, and 0 is returned, also when drm_dev_enter() fails already.
	 */
	int (*queue_fini)(struct halyard_queue *queue);

	/**
	 * @queue_progress: reads how far the queue is, without sleeping, in any context, between
	 * @queue_init and @queue_fini, maybe at the same time as other calls on the queue.
	 * @progress is zeroed but for &halyard_queue_progress.ask_waiting. After the device is gone
	 * it returns what it last knew.
	 */
	void (*queue_progress)(struct halyard_queue *queue,
			       struct halyard_queue_progress *progress);

	/**
	 * @job_check: refuses a malformed payload with -EINVAL. From SUBMIT, under no lock:
	 * &halyard_job.payload is a copy, &halyard_job.buffers are resident. May call
	 * halyard_job_alloc() and halyard_job_read().
	 */
	int (*job_check)(struct halyard_job *job);

	/**
	 * @job_copy: makes a job of the core's own a copy between the device's memory and the
	 * host's, by writing @payload, as large as any job's; @job_check is called for it next.
	 * Buffer 0 is in the device's memory, buffer 1 in the host's; the one that may be written
	 * is the target. Without buffer 1 buffer 0 is to be filled with zeros. In a queue of class
	 * &halyard_chip.copy_class; NULL without HALYARD_MEMORY_CARD.
	 */
	void (*job_copy)(const struct halyard_job *job, void *payload);

	/**
	 * @job_run: gives &halyard_job.payload to the device, which is to report &halyard_job.seqno
	 * when it is done. There is room: at most &halyard_limits.queue_depth are under way. Must
	 * not allocate or wait for fences; no failure.
	 */
	void (*job_run)(struct halyard_job *job);

	/**
	 * @reset: recovery. HALYARD_RESET_ENGINE resets the engine that @queue is on,
	 * HALYARD_RESET_DEVICE the whole device including all queues; afterwards the core calls
	 * @start and @queue_init. 0, or -ETIMEDOUT and the core takes the next step.
	 */
	int (*reset)(struct halyard_device *hdev, enum halyard_reset_level level,
		     struct halyard_queue *queue);

	/** @timestamp: the device's time now. May not sleep. */
	u64 (*timestamp)(struct halyard_device *hdev);

	/**
	 * @dump: adds to the snapshot of a failure what the chip alone can tell: registers with
	 * halyard_dump_registers(), and, unless @vm is NULL, the entries of its page tables that
	 * lead to @address, which a job was refused. Before anything is stopped, under
	 * &halyard_core.reset_lock and the &halyard_vm.lock of @vm, on a device in whatever state.
	 * No allocation, no waiting. May be NULL.
	 */
	void (*dump)(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
		     u64 address);
};

/**
 * struct halyard_queue_mem - memory that each queue of a chip shares with the device
 * @size: bytes
 * @prot: HALYARD_PROT_*
 * @name: in the snapshot of a failure
 */
struct halyard_queue_mem {
	size_t size;
	u32 prot;
	const char *name;
};

/**
 * struct halyard_chip - a kind of chip; constant
 * @name: word that names the chip, its plug-in and its folders
 * @description: for people
 * @ops: the chip's calls
 * @classes: engine classes, by number
 * @num_classes: entries of @classes
 * @regions: regions of memory, by number; jobs work in the first
 * @num_regions: entries of @regions
 * @copy_class: engine class for &halyard_chip_ops.job_copy
 * @firmware: name for the kernel's firmware loader, or NULL
 * @num_vectors: interrupt vectors; with fewer granted the core calls &halyard_chip_ops.irq for each
 *	in turn
 * @regs_bar: BAR with the registers, mapped by the core to &halyard_device.regs
 * @regs_size: bytes that the BAR must have at least
 * @priv_size: bytes of &halyard_device.priv
 * @vm_priv_size: bytes of &halyard_vm.priv
 * @queue_priv_size: bytes of &halyard_queue.priv
 * @queue_mem: what the core allocates as &halyard_queue.mem; the first of size 0 ends it
 * @blob_size: bytes of &halyard_device.blob
 * @timeout_ms: a job without progress is stopped after this
 */
struct halyard_chip {
	const char *name;
	const char *description;
	const struct halyard_chip_ops *ops;
	const struct halyard_engine_class *classes;
	unsigned int num_classes;
	struct halyard_region regions[HALYARD_MAX_REGIONS];
	unsigned int num_regions;
	unsigned int copy_class;
	const char *firmware;
	unsigned int num_vectors;
	unsigned int regs_bar;
	resource_size_t regs_size;
	size_t priv_size;
	size_t vm_priv_size;
	size_t queue_priv_size;
	struct halyard_queue_mem queue_mem[HALYARD_MAX_QUEUE_MEM];
	size_t blob_size;
	unsigned int timeout_ms;
};

/**
 * struct halyard_device - a card
 * @drm: the DRM device; its lifetime is the struct's
 * @chip: kind of chip
 * @dev: the parent device, for DMA and messages
 * @regs: registers; access them only between drm_dev_enter() and drm_dev_exit()
 * @limits: filled in by &halyard_chip_ops.init
 * @revision: of the chip, major 31:16, minor 15:0; filled in by &halyard_chip_ops.init
 * @blob: what DEV_QUERY tells of the chip, constant, or NULL; filled in by &halyard_chip_ops.init
 * @priv: the chip's own
 * @core: the core's own, opaque to chips
 */
struct halyard_device {
	struct drm_device drm;
	const struct halyard_chip *chip;
	struct device *dev;
	void __iomem *regs;
	struct halyard_limits limits;
	u32 revision;
	const void *blob;
	void *priv;
	struct halyard_core *core;
};

/**
 * struct halyard_vm - an address space
 * @gpuvm: what is mapped where
 * @hdev: the device
 * @hw_id: the chip's number, below &halyard_limits.vms
 * @priv: the chip's own
 * @core: the core's own, opaque to chips
 */
struct halyard_vm {
	struct drm_gpuvm gpuvm;
	struct halyard_device *hdev;
	/** @lock: protects @gpuvm and the chip's page tables against changes */
	struct mutex lock;
	u32 hw_id;
	void *priv;
	struct halyard_vm_core *core;
};

/**
 * struct halyard_kmem - memory of the driver that the device reaches through an address space
 * @vaddr: for the CPU, coherent
 * @dma: bus address
 * @va: device address, in the driver's own range
 * @size: bytes
 */
struct halyard_kmem {
	void *vaddr;
	dma_addr_t dma;
	u64 va;
	size_t size;
};

/**
 * struct halyard_queue - a queue
 * @hdev: the device
 * @vm: address space of its jobs; a reference is held
 * @hw_id: the chip's number, below &halyard_limits.queues
 * @engine_class: index into &halyard_chip.classes
 * @priority: of the queue
 * @share: number of the user, from 1 to &halyard_limits.queues, or 0 when it is the core's own: a
 *	device that schedules itself gives each number an equal part of its time, however many
 *	queues have it
 * @first_seqno: &halyard_chip_ops.queue_init: number that the next job will have; what comes before
 *	it counts as done
 * @mem: as &halyard_chip.queue_mem asks for, mapped in @vm; zeroed at creation
 * @priv: the chip's own
 * @core: the core's own, opaque to chips
 */
struct halyard_queue {
	struct halyard_device *hdev;
	struct halyard_vm *vm;
	u32 hw_id;
	u32 engine_class;
	enum drm_halyard_priority priority;
	u32 share;
	u64 first_seqno;
	struct halyard_kmem mem[HALYARD_MAX_QUEUE_MEM];
	void *priv;
	struct halyard_queue_core *core;
};

/**
 * struct halyard_job_buffer - a buffer object of a job on a chip without MMU
 * @bo: the buffer object, opaque to chips
 * @size: bytes
 * @address: where the device finds it, or 0 when it is scattered; in the device's own memory not
 *	known before &halyard_chip_ops.job_run
 * @sgt: where the device finds it in host memory, or NULL
 * @region: in which it is, index into &halyard_chip.regions
 * @write: the device may write to it
 */
struct halyard_job_buffer {
	struct halyard_bo *bo;
	u64 size;
	u64 address;
	struct sg_table *sgt;
	u32 region;
	bool write;
};

/**
 * struct halyard_job - a job that the device is to run
 * @queue: its queue
 * @seqno: its number in the queue, from 1; not known to &halyard_chip_ops.job_check
 * @payload: checked by &halyard_chip_ops.job_check
 * @payload_size: bytes
 * @buffers: all that the job uses, in user space's order; none on a chip with MMU, where a job uses
 *	its address space. They stay as they are until the device is done with the job.
 * @num_buffers: entries of @buffers
 * @mem: memory of halyard_job_alloc()
 * @core: the core's own, opaque to chips
 */
struct halyard_job {
	struct halyard_queue *queue;
	u64 seqno;
	const void *payload;
	size_t payload_size;
	const struct halyard_job_buffer *buffers;
	u32 num_buffers;
	struct halyard_kmem mem;
	struct halyard_job_core *core;
};

static inline struct halyard_device *to_halyard_device(struct drm_device *drm)
{
	return container_of(drm, struct halyard_device, drm);
}

/* What a chip may call */
int halyard_pci_probe(struct pci_dev *pdev, const struct halyard_chip *chip);
void halyard_pci_remove(struct pci_dev *pdev);
void halyard_pci_shutdown(struct pci_dev *pdev);

void halyard_complete_jobs(struct halyard_device *hdev);
struct halyard_queue *halyard_queue_get_by_hw_id(struct halyard_device *hdev, u32 hw_id);
void halyard_queue_put(struct halyard_queue *queue);
void halyard_queue_fault(struct halyard_queue *queue, u64 seqno,
			 const struct halyard_fault *fault);
void halyard_device_fault(struct halyard_device *hdev, const char *reason);

int halyard_job_alloc(struct halyard_job *job, size_t size);
int halyard_job_read(struct halyard_job *job, u32 buffer, u64 offset, void *to, size_t size);

void halyard_dump_section(struct halyard_dump *dump, const char *name);
void halyard_dump_value(struct halyard_dump *dump, u64 value, const char *format, ...)
	__printf(3, 4);
void halyard_dump_registers(struct halyard_dump *dump, const struct debugfs_reg32 *registers,
			    unsigned int count);

const struct firmware *halyard_firmware_image(struct halyard_device *hdev);
void halyard_firmware_runs(struct halyard_device *hdev, const char *format, ...) __printf(2, 3);
int halyard_firmware_fails(struct halyard_device *hdev, const char *format, ...) __printf(2, 3);

int halyard_kmem_alloc(struct halyard_vm *vm, size_t size, u32 prot, struct halyard_kmem *kmem);
void halyard_kmem_free(struct halyard_vm *vm, struct halyard_kmem *kmem);

extern const struct dev_pm_ops halyard_pm_ops;
extern const struct pci_error_handlers halyard_pci_err_handlers;

#endif
