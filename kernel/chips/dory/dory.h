/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own structures and what its files offer each other. The chip's manual is
 * Documentation/hardware/dory.rst.
 */
#ifndef DORY_H
#define DORY_H

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include <halyard/chip.h>
#include <halyard/regs.h>

#include <drm/halyard_dory.h>

#include "dory_regs.h"
#include "dory_validate.h"

/* An operation is never interrupted, and may be long on a busy machine. */
#define DORY_RESET_MS		5000

/**
 * struct dory_device - &halyard_device.priv
 * @hdev: the card
 * @events: does what an interrupt would have done that got lost
 * @caps: register CAPS
 * @info: &halyard_device.blob
 * @state_lock: held over accesses to registers that may take long
 * @lock: orders accesses to registers with resets; protects all below, and all &struct dory_queue.
 *	Taken in hard interrupt context.
 * @ready: registers may be accessed; changed under both locks
 * @owner: queue whose job the card has, or NULL
 * @seqno: &halyard_job.seqno of that job
 * @started: when it was started, ns
 * @number: of the newest job, for the card
 * @regions: what the card's registers hold
 */
struct dory_device {
	struct halyard_device *hdev;
	struct work_struct events;
	u32 caps;
	struct drm_halyard_dory_info info;
	struct mutex state_lock; /* registers against resets */
	spinlock_t lock; /* registers against resets */
	bool ready;
	struct halyard_queue *owner;
	u64 seqno;
	u64 started;
	u32 number;
	struct {
		u32 base;
		u32 limit;
		u32 flags;
	} regions[DORY_NUM_REGIONS];
};

/**
 * struct dory_queue - &halyard_queue.priv
 * @completed: newest job that is done
 * @busy_ns: time that the card has spent on jobs that are over
 * @stamp: newest progress seen
 */
struct dory_queue {
	u64 completed;
	u64 busy_ns;
	u64 stamp;
};

static inline struct dory_device *to_dory(struct halyard_device *hdev)
{
	return hdev->priv;
}

/* dory_drv.c */
int dory_reset_block(struct halyard_device *hdev);

/* dory_job.c */
int dory_queue_init(struct halyard_queue *queue);
int dory_queue_fini(struct halyard_queue *queue);
void dory_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress);
int dory_job_check(struct halyard_job *job);
void dory_job_run(struct halyard_job *job);
void dory_events_work(struct work_struct *work);
irqreturn_t dory_irq(struct halyard_device *hdev, unsigned int vector);

/* dory_dump.c */
#define DORY_NUM_REGISTERS	13
extern const struct debugfs_reg32 dory_registers[DORY_NUM_REGISTERS];
void dory_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
	       u64 address);

/* dory_debugfs.c */
void dory_debugfs_init(struct halyard_device *hdev);

#endif
