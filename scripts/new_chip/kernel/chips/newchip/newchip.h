/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files of this driver share. The card runs one job at a time: the core gives it the next
 * one when the one before is over.
 */
#ifndef HALYARD_NEWCHIP_H
#define HALYARD_NEWCHIP_H

#include <linux/spinlock.h>

#include <halyard/chip.h>
#include <halyard/regs.h>

#include "newchip_regs.h"

/* The card answers a reset when the command under way is over. */
#define NEWCHIP_RESET_MS		2000
/* A job without progress is stopped after this. */
#define NEWCHIP_TIMEOUT_MS	2000
#define NEWCHIP_NUM_QUEUES	16
#define NEWCHIP_NUM_CONTEXTS	64

/**
 * struct newchip_queue - a queue, which the card does not know
 * @done: number of the newest completed job
 * @busy_ns: time that jobs were on the card
 */
struct newchip_queue {
	u64 done;
	u64 busy_ns;
};

/**
 * struct newchip_device - the driver's own of a card
 * @running: queue whose job is on the card, or NULL; protected by @lock
 * @seqno: the job's number; protected by @lock
 * @since: when it was started, ktime_get_ns(); protected by @lock
 * @info: &halyard_device.blob
 */
struct newchip_device {
	/** @lock: protects what runs, in any context */
	spinlock_t lock;
	struct halyard_queue *running;
	u64 seqno;
	u64 since;
	struct drm_halyard_newchip_info info;
};

static inline struct newchip_device *to_newchip(struct halyard_device *hdev)
{
	return hdev->priv;
}

/* newchip_drv.c */
int newchip_reset_card(struct halyard_device *hdev);

/* newchip_job.c */
irqreturn_t newchip_irq(struct halyard_device *hdev, unsigned int vector);
irqreturn_t newchip_irq_thread(struct halyard_device *hdev, unsigned int vector);
int newchip_queue_init(struct halyard_queue *queue);
int newchip_queue_fini(struct halyard_queue *queue);
void newchip_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress);
int newchip_job_check(struct halyard_job *job);
void newchip_job_run(struct halyard_job *job);

#endif
