/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own structures and what its files offer each other. The chip's manual is
 * Documentation/hardware/clipper.rst.
 */
#ifndef CLIPPER_H
#define CLIPPER_H

#include <linux/bitmap.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include <halyard/chip.h>
#include <halyard/regs.h>

#include <drm/halyard_clipper.h>

#include "clipper_regs.h"

/* The card answers in this time, once the commands under way have ended. */
#define CLIPPER_ANSWER_MS	1000
/* The longest that commands under way are waited for. */
#define CLIPPER_COMMAND_MS	(30 * MSEC_PER_SEC)

/* Jobs that a queue holds in hardware: one entry of its ring each. */
#define CLIPPER_RING_ORDER	7
#define CLIPPER_QUEUE_DEPTH	BIT(CLIPPER_RING_ORDER)

/*
 * What &halyard_queue.mem is. The ring and what the card may write are on pages of their own: it
 * can't spoil its orders.
 */
enum clipper_queue_mem {
	CLIPPER_MEM_RING,
	CLIPPER_MEM_STATUS,
};

/* A queue stops at its first fault, so at most one record per queue is outstanding. */
#define CLIPPER_FAULTQ_ORDER	7
#define CLIPPER_FAULTQ_ENTRIES	BIT(CLIPPER_FAULTQ_ORDER)

/**
 * struct clipper_device - &halyard_device.priv
 * @hdev: the card
 * @events: does what an event's interrupt would have done that got lost
 * @caps0: register CAPS0
 * @caps1: register CAPS1
 * @info: &halyard_device.blob
 * @generation: counts resets of the hardware, each of which forgets contexts and queues; protected
 *	by the core's reset_lock, as are @enabled and @orphans
 * @enabled: queues that are enabled in hardware
 * @orphans: page tables of contexts whose flush timed out; the card may read them until it is reset
 * @state_lock: held over accesses to registers that the core does not order with resets
 * @counter_lock: makes reading the two halves of a 64-bit counter one access; taken anywhere
 * @ready: registers may be accessed; changed under both locks, to be read under either or under the
 *	core's reset_lock
 * @fault_lock: protects @fault_head and @fault_count, orders the reports; outside of @state_lock
 * @faults: ring that the card writes
 * @faults_dma: bus address of @faults
 * @fault_head: records consumed since the last start
 * @fault_count: records by cause, for debugfs
 */
struct clipper_device {
	struct halyard_device *hdev;
	struct work_struct events;
	u32 caps0;
	u32 caps1;
	struct drm_halyard_clipper_info info;
	u32 generation;
	DECLARE_BITMAP(enabled, CLP_NUM_QUEUES);
	struct list_head orphans;
	struct mutex state_lock; /* registers against resets */
	spinlock_t counter_lock; /* ready, two halves of a counter */
	bool ready;
	struct mutex fault_lock; /* fault_head, fault_count */
	struct clp_fault *faults;
	dma_addr_t faults_dma;
	u32 fault_head;
	u64 fault_count[CLP_FAULT_RING + 1];
};

/**
 * struct clipper_pt - a page table
 * @link: in &clipper_vm.empty of its level while @live is 0; a root's: in &clipper_device.orphans
 * @parent: table one level up, NULL of a root
 * @entries: what the card reads
 * @dma: bus address of @entries
 * @level: CLP_PT_LEVELS - 1 is a root's, 0 has pages only
 * @index: this table's entry in @parent
 * @live: entries that are not zero. The entry in @parent points here exactly while it is not 0.
 * @children: of levels above 0: tables by entry, also those with nothing live
 */
struct clipper_pt {
	struct list_head link;
	struct clipper_pt *parent;
	__le64 *entries;
	dma_addr_t dma;
	u8 level;
	u16 index;
	u16 live;
	struct clipper_pt *children[];
};

/**
 * struct clipper_vm - &halyard_vm.priv; its tables are protected by &halyard_vm.lock
 * @root: of the page tables
 * @empty: tables without a live entry, by level. Made by vm_prepare or emptied by vm_unmap; those
 *	still empty at vm_flush are freed there.
 * @generation: &clipper_device.generation in which the context was loaded, protected by the core's
 *	reset_lock
 */
struct clipper_vm {
	struct clipper_pt *root;
	struct list_head empty[CLP_PT_LEVELS - 1];
	u32 generation;
};

/**
 * struct clipper_queue - &halyard_queue.priv
 * @tail: jobs put into the ring since the queue was enabled
 */
struct clipper_queue {
	u32 tail;
};

static inline struct clipper_device *to_clipper(struct halyard_device *hdev)
{
	return hdev->priv;
}

/* clipper_drv.c */
u64 clipper_read_counter(struct halyard_device *hdev, u32 reg_lo);
bool clipper_works(struct halyard_device *hdev, u32 queue);
int clipper_await(struct halyard_device *hdev, u32 reg, u32 mask, u32 value, u32 queue);

/* clipper_irq.c */
int clipper_irq_start(struct halyard_device *hdev);
void clipper_events_work(struct work_struct *work);
unsigned int clipper_faults_drain(struct halyard_device *hdev);
irqreturn_t clipper_irq(struct halyard_device *hdev, unsigned int vector);
irqreturn_t clipper_irq_thread(struct halyard_device *hdev, unsigned int vector);

/* clipper_mmu.c */
int clipper_vm_init(struct halyard_vm *vm);
void clipper_vm_fini(struct halyard_vm *vm);
int clipper_vm_prepare(struct halyard_vm *vm, u64 va, u64 size);
void clipper_vm_map(struct halyard_vm *vm, u64 va, dma_addr_t dma, u64 size, u32 prot);
void clipper_vm_unmap(struct halyard_vm *vm, u64 va, u64 size);
int clipper_vm_flush(struct halyard_vm *vm);
void clipper_vm_load(struct halyard_vm *vm);
void clipper_mmu_release_orphans(struct halyard_device *hdev);
void clipper_mmu_dump(struct halyard_vm *vm, u64 address, struct halyard_dump *dump);

/* clipper_queue.c */
int clipper_queue_init(struct halyard_queue *queue);
int clipper_queue_fini(struct halyard_queue *queue);
void clipper_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress);
int clipper_job_check(struct halyard_job *job);
void clipper_job_run(struct halyard_job *job);

/* clipper_reset.c */
int clipper_start(struct halyard_device *hdev);
void clipper_stop(struct halyard_device *hdev);
int clipper_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		  struct halyard_queue *queue);
int clipper_wait_ready(struct halyard_device *hdev, unsigned int ms);

/* clipper_dump.c */
#define CLIPPER_NUM_REGISTERS	11
extern const struct debugfs_reg32 clipper_registers[CLIPPER_NUM_REGISTERS];
void clipper_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
		  u64 address);

/* clipper_debugfs.c */
void clipper_debugfs_init(struct halyard_device *hdev);

#endif
