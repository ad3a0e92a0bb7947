/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's own structures and what its files offer each other. The chip's manual is
 * Documentation/hardware/sloop.rst.
 */
#ifndef SLOOP_H
#define SLOOP_H

#include <linux/completion.h>

#include <drm/drm_drv.h>
#include <drm/drm_managed.h>

#include <halyard/chip.h>
#include <halyard/regs.h>

#include "sloop_regs.h"

/* Registers and firmware answer in this time, unless they wait for a command to end. */
#define SLOOP_ANSWER_MS		1000
/* The longest that a command under way is waited for. */
#define SLOOP_COMMAND_MS	(30 * MSEC_PER_SEC)

/* Jobs that a queue holds in hardware: one entry of each of its rings each. */
#define SLOOP_RING_ORDER	6
#define SLOOP_QUEUE_DEPTH	BIT(SLOOP_RING_ORDER)
#define SLOOP_ADMIN_ORDER	4
#define SLOOP_ADMIN_ENTRIES	BIT(SLOOP_ADMIN_ORDER)
#define SLOOP_EVENTS_ORDER	6
#define SLOOP_EVENTS_ENTRIES	BIT(SLOOP_EVENTS_ORDER)

/**
 * struct sloop_slot - a job's descriptor, as the card reads it; one per entry of the ring
 * @job: the job
 * @segments: its segments
 */
struct sloop_slot {
	struct slp_job job;
	struct slp_segment segments[DRM_HALYARD_SLOOP_MAX_SEGMENTS];
} __aligned(64);

/** enum sloop_queue_mem - what &halyard_queue.mem is */
enum sloop_queue_mem {
	/** @SLOOP_MEM_REQUESTS: the ring of requests */
	SLOOP_MEM_REQUESTS,
	/** @SLOOP_MEM_SLOTS: descriptors of the ring's jobs */
	SLOOP_MEM_SLOTS,
	/** @SLOOP_MEM_ANSWERS: what the card writes: &struct sloop_answers */
	SLOOP_MEM_ANSWERS,
};

/**
 * struct sloop_answers - what the card writes to a queue's memory, on pages of its own
 * @status: how far the queue is
 * @responses: the ring of responses
 */
struct sloop_answers {
	struct slp_queue_status status;
	struct slp_response responses[SLOOP_QUEUE_DEPTH];
};

/**
 * struct sloop_rings - rings of the card, in host memory
 * @requests: to the firmware
 * @responses: its answers
 * @events: its events
 */
struct sloop_rings {
	struct slp_admin_request requests[SLOOP_ADMIN_ENTRIES];
	struct slp_admin_response responses[SLOOP_ADMIN_ENTRIES];
	struct slp_event events[SLOOP_EVENTS_ENTRIES];
};

/**
 * struct sloop_device - &halyard_device.priv
 * @hdev: the card
 * @caps0: register CAPS0
 * @caps1: register CAPS1
 * @info: &halyard_device.blob
 * @boot_window: where firmware images are put
 * @boot_window_size: bytes there
 * @generation: counts resets of the card, each of which forgets contexts and queues; protected by
 *	the core's reset_lock
 * @rings: shared with the firmware
 * @rings_dma: bus address of @rings
 * @state_lock: held over accesses to registers that the core does not order with resets
 * @ready: registers may be accessed and the firmware runs; changed under @state_lock, to be read
 *	under it or under the core's reset_lock
 * @admin_lock: one request to the firmware at a time; protects the counters below
 * @admin_answered: by the interrupt
 * @admin_id: of the newest request
 * @admin_tail: requests written
 * @admin_head: answers read
 * @event_lock: protects @event_head and orders reports
 * @event_head: events read
 * @event_count: by kind, for debugfs
 * @faults: reports what queues have met, which their own calls can't
 */
struct sloop_device {
	struct halyard_device *hdev;
	u32 caps0;
	u32 caps1;
	struct drm_halyard_sloop_info info;
	void __iomem *boot_window;
	u32 boot_window_size;
	u32 generation;
	struct sloop_rings *rings;
	dma_addr_t rings_dma;
	spinlock_t state_lock; /* ready, registers against resets */
	bool ready;
	struct mutex admin_lock; /* admin_* */
	struct completion admin_answered;
	u32 admin_id;
	u32 admin_tail;
	u32 admin_head;
	struct mutex event_lock; /* event_* */
	u32 event_head;
	u64 event_count[SLP_EVENT_ENGINE_HUNG + 1];
	struct work_struct faults;
};

/**
 * struct sloop_vm - &halyard_vm.priv
 * @generation: &sloop_device.generation in which the firmware has the context; protected by the
 *	core's reset_lock
 */
struct sloop_vm {
	u32 generation;
};

/**
 * struct sloop_queue - &halyard_queue.priv
 * @generation: &sloop_device.generation in which the firmware has the queue, or 0
 * @tail: requests written
 * @head: responses read; written by queue_progress alone
 * @acknowledged: of them, how many the card knows of
 * @seqno: newest job that is done
 * @response: of the job that failed
 * @failed: @response is to be reported; set last
 */
struct sloop_queue {
	u32 generation;
	u32 tail;
	u32 head;
	u32 acknowledged;
	u64 seqno;
	struct slp_response response;
	bool failed;
};

static inline struct sloop_device *to_sloop(struct halyard_device *hdev)
{
	return hdev->priv;
}

/* sloop_boot.c */
int sloop_start(struct halyard_device *hdev);
void sloop_stop(struct halyard_device *hdev);
int sloop_reset(struct halyard_device *hdev, enum halyard_reset_level level,
		struct halyard_queue *queue);
int sloop_enter_rom(struct halyard_device *hdev);

/* sloop_admin.c */
int sloop_admin(struct halyard_device *hdev, struct slp_admin_request *request, u32 *size);
int sloop_admin_target(struct halyard_device *hdev, enum slp_admin_op op, u32 target);
void sloop_admin_start(struct halyard_device *hdev);

/* sloop_queue.c */
void sloop_vm_fini(struct halyard_vm *vm);
int sloop_vm_init(struct halyard_vm *vm);
int sloop_queue_init(struct halyard_queue *queue);
int sloop_queue_fini(struct halyard_queue *queue);
void sloop_queue_progress(struct halyard_queue *queue, struct halyard_queue_progress *progress);
int sloop_engine_of(struct halyard_device *hdev, u32 hw_id);

/* sloop_job.c */
int sloop_job_check(struct halyard_job *job);
void sloop_job_copy(const struct halyard_job *job, void *payload);
void sloop_job_run(struct halyard_job *job);

/* sloop_irq.c */
irqreturn_t sloop_irq(struct halyard_device *hdev, unsigned int vector);
irqreturn_t sloop_irq_thread(struct halyard_device *hdev, unsigned int vector);
void sloop_faults_work(struct work_struct *work);

/* sloop_dump.c */
#define SLOOP_NUM_REGISTERS	12
extern const struct debugfs_reg32 sloop_registers[SLOOP_NUM_REGISTERS];
void sloop_dump(struct halyard_device *hdev, struct halyard_dump *dump, struct halyard_vm *vm,
		u64 address);

/* sloop_debugfs.c */
#if IS_ENABLED(CONFIG_HALYARD_DEBUGFS)
void sloop_debugfs_init(struct halyard_device *hdev);
#else
static inline void sloop_debugfs_init(struct halyard_device *hdev)
{
}
#endif

#endif
