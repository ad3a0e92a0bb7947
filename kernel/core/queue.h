/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The job side's own structures: slots, queues, jobs, and what a SUBMIT gathers.
 *
 * Who keeps whom alive: a job holds its queue until the scheduler frees it, a queue holds its VM,
 * the device and this module. A job's fence may outlive all of them in somebody's hands; it holds
 * its slot, whose scheduler and lock it uses, and this module.
 */
#ifndef HALYARD_QUEUE_H
#define HALYARD_QUEUE_H

#include <linux/dma-fence-chain.h>

#include <drm/drm_exec.h>
#include <drm/drm_syncobj.h>

#include "core.h"

/**
 * struct halyard_slot - a hardware queue of the device, with or without an owner
 * @refs: held by the device, by each fence, and by slots that this one leads
 * @rcu: the last reference may be dropped in any context
 * @lead: the slot whose @sched is this one's, too: itself, or the first of a device that runs one
 *	job at a time
 * @sched: takes care of the order and dependencies of jobs; may outlive the device, but is not
 *	used then. Only of slots that lead.
 * @run_lock: one job at a time is given to the hardware queue, and none while its owner is being
 *	changed or recovered; inside &halyard_core.reset_lock. No allocation, no waiting for
 *	fences.
 * @fence_lock: lock of the fences of the slot's owners; protects @queue and what struct
 *	halyard_queue_core says
 * @queue: owner, or NULL
 * @name: of the fences' timeline
 */
struct halyard_slot {
	struct kref refs;
	struct rcu_head rcu;
	struct halyard_slot *lead;
	struct drm_gpu_scheduler sched;
	struct mutex run_lock; /* what is given to the hardware queue */
	spinlock_t fence_lock; /* fences, @queue and most of its members */
	struct halyard_queue_core *queue;
	char name[32];
};

/**
 * struct halyard_share - a user's part of a device that runs one job at a time
 * @spent_ns: device time; not less than the others had when the user last began anew
 * @least_ns: &halyard_vm_core.spent_ns of the address space that had the newest turn
 */
struct halyard_share {
	u64 spent_ns;
	u64 least_ns;
};

/**
 * struct halyard_turns - who is next on a device that runs one job at a time
 * @lock: of the turns' fences; protects all members, &halyard_job_core.turn_link and
 *	&halyard_vm_core.spent_ns; inside &halyard_slot.fence_lock
 * @waiting: jobs that have asked, &halyard_job_core.turn_link
 * @holder: the job whose turn it is, or NULL; it has a reference to &halyard_job_core.turn
 * @since_ns: since when
 * @least_ns: &halyard_share.spent_ns of the user who had the newest turn
 * @shares: by &halyard_queue.share
 */
struct halyard_turns {
	spinlock_t lock; /* turns, and what they cost */
	struct list_head waiting;
	struct halyard_job_core *holder;
	u64 since_ns;
	u64 least_ns;
	struct halyard_share *shares;
};

/**
 * struct halyard_sched - &halyard_core.sched: the job side of a device
 * @hdev: the device
 * @submit_wq: where the slots' schedulers work
 * @recovery_wq: watchdogs and recovery, one after the other
 * @device_work: recovery of the whole device
 * @device_reason: why, when it was asked for; a string constant
 * @lost_work: takes a lost device away; holds a reference to the device while it is queued
 * @unplugged: no queue is left in hardware and no more will be
 * @restarting: @device_reason is no failure; protected by &halyard_core.reset_lock
 * @suspended: the hardware is not to be touched; protected by &halyard_core.reset_lock
 * @frozen: the bus does not reach the hardware; changed under &halyard_core.reset_lock
 * @thawed: woken when @frozen becomes false
 * @thaw_work: ends @frozen, at the latest
 * @first_level: enum halyard_reset_level at which the recovery of a queue begins; error injection
 *	sets it
 * @job_limit_ms: device time that a job may take, or 0: no limit; sysfs sets it
 * @timeout_ms: &halyard_chip.timeout_ms, unless error injection sets another
 * @leaving: queues that are destroyed and not yet released
 * @left: woken when @leaving becomes 0
 * @fruitless: recoveries of the whole device without a job completed in between
 * @lost_interrupts: completions that a watchdog found before an interrupt told of them
 * @resets: by level
 * @turns: of a device that runs one job at a time
 * @slot_ids: numbers of the slots that have an owner
 * @num_slots: entries of @slots
 * @slots: by hardware number
 */
struct halyard_sched {
	struct halyard_device *hdev;
	struct workqueue_struct *submit_wq;
	struct workqueue_struct *recovery_wq;
	struct work_struct device_work;
	const char *device_reason;
	struct work_struct lost_work;
	struct completion unplugged;
	bool restarting;
	bool suspended;
	bool frozen;
	wait_queue_head_t thawed;
	struct delayed_work thaw_work;
	u32 first_level;
	u32 job_limit_ms;
	u32 timeout_ms;
	atomic_t leaving;
	wait_queue_head_t left;
	atomic_t fruitless;
	atomic64_t lost_interrupts;
	atomic64_t resets[HALYARD_RESET_FUNCTION + 1];
	struct halyard_turns turns;
	struct ida slot_ids;
	u32 num_slots;
	struct halyard_slot *slots[] __counted_by(num_slots);
};

/**
 * struct halyard_queue_core - a queue and the core's part of it
 * @queue: what the chip sees
 * @refs: held by its handle until it is destroyed, by jobs, and by who looked it up
 * @slot: its hardware queue
 * @user: whose share it counts against
 * @entity: jobs on their way to the device
 * @watchdog: looks after @in_flight while it is not empty; also carries out what a fault asks for
 * @release_work: last steps, which may sleep
 * @fence_context: of the jobs' fences
 * @client_id: of the file, for trace events
 * @pid: of the process that made it
 * @comm: name of that process
 * @own: the core's own: it has no user, and goes on after a job that failed
 * @closed: no longer to be found by its id; protected by &halyard_file.lock
 * @submitted: jobs accepted; protected by the VM's reservation lock, as is the order of arming
 *	and pushing; of an @own queue by &halyard_vram.order_lock
 * @in_flight: jobs that the device has or is about to get, oldest first; a reference to the fence
 *	goes with each. This and all below is protected by &halyard_slot.fence_lock.
 * @live: the chip has the queue: between &halyard_chip_ops.queue_init and
 *	&halyard_chip_ops.queue_fini; changed under &halyard_core.reset_lock, too
 * @open: the device takes jobs; else they wait in @in_flight for halyard_queue_launch(); changed
 *	under &halyard_slot.run_lock, too
 * @destroyed: the watchdog is not to be started again
 * @faulted: @fault was reported and is to be acted upon
 * @error: with which jobs end that have not run yet; 0 while the queue is in order
 * @state: for user space
 * @started: seqno of the newest job given to the device
 * @completed: jobs without error
 * @failed: jobs with one
 * @busy_ns: device time spent
 * @busy_base: of it, before the newest &halyard_chip_ops.queue_init
 * @job_base: of it, before the oldest job in flight
 * @progress: newest seen
 * @progress_at: when the oldest job in flight last made progress, in jiffies
 * @fault: of the first failed job, or the one that @faulted tells of
 * @fault_seqno: that job, 0 when there is none or it is the oldest in flight
 */
struct halyard_queue_core {
	struct halyard_queue queue;
	struct kref refs;
	struct halyard_slot *slot;
	struct halyard_user *user;
	struct drm_sched_entity entity;
	struct delayed_work watchdog;
	struct work_struct release_work;
	u64 fence_context;
	u64 client_id;
	pid_t pid;
	char comm[TASK_COMM_LEN];
	bool own;
	bool closed;
	u64 submitted;

	struct list_head in_flight;
	bool live;
	bool open;
	bool destroyed;
	bool faulted;
	int error;
	enum drm_halyard_queue_state state;
	u64 started;
	u64 completed;
	u64 failed;
	u64 busy_ns;
	u64 busy_base;
	u64 job_base;
	struct halyard_queue_progress progress;
	unsigned long progress_at;
	struct halyard_fault fault;
	u64 fault_seqno;
};

/* A copy of the core's own that fails is tried so often: it may be others' memory that it moves. */
#define HALYARD_COPY_TRIES	3

/**
 * struct halyard_job_core - a job and the core's part of it; lives as long as its fence
 * @job: what the chip sees
 * @base: the scheduler's
 * @fence: signalled when the device is done with the job, or the job with the device. Initialised
 *	when the job is armed.
 * @slot: of the queue; the fence holds a reference from arming
 * @link: in &halyard_queue_core.in_flight
 * @siblings: jobs of the same SUBMIT to await: bit n is job n of the call
 * @num_after: entries of @after
 * @next_after: the first of @after that has not been awaited yet
 * @after: finished fences of @siblings, from arming
 * @turn: on a device that runs one job at a time, from asking; it has a reference to @fence
 * @turn_asked: @turn is initialised
 * @turn_link: in &halyard_turns.waiting
 * @failures: of a job of the core's own, so far; protected by &halyard_slot.fence_lock
 * @buffers: &halyard_job.buffers
 * @mem_link: in &halyard_core.job_mems while &halyard_job.mem is the job's to free
 * @release_work: frees the job when that may have to wait for memory
 * @payload: of &halyard_job.payload
 */
struct halyard_job_core {
	struct halyard_job job;
	struct drm_sched_job base;
	struct dma_fence fence;
	struct halyard_slot *slot;
	struct list_head link;
	u64 siblings;
	u32 num_after;
	u32 next_after;
	struct dma_fence **after;
	struct dma_fence turn;
	bool turn_asked;
	struct list_head turn_link;
	u32 failures;
	struct halyard_job_buffer *buffers;
	struct list_head mem_link;
	struct work_struct release_work;
	u8 payload[] __aligned(8);
};

/**
 * struct halyard_sync - a sync operation of a SUBMIT
 * @syncobj: reference
 * @chain: for the point that is signalled, or NULL
 * @point: of a timeline, 0 of a binary one
 * @job: number of the job in the call
 * @signal: else wait
 */
struct halyard_sync {
	struct drm_syncobj *syncobj;
	struct dma_fence_chain *chain;
	u64 point;
	u32 job;
	bool signal;
};

/**
 * struct halyard_submit_buffer - a buffer reference of a SUBMIT
 * @obj: reference
 * @job: number of the job in the call
 * @flags: DRM_HALYARD_BUFFER_*
 */
struct halyard_submit_buffer {
	struct drm_gem_object *obj;
	u32 job;
	u32 flags;
};

/**
 * struct halyard_submit - what a SUBMIT gathers before its point of no return
 * @hdev: the device
 * @drm_file: of the caller
 * @args: the caller's jobs
 * @num_jobs: entries of @args and @jobs
 * @jobs: by number in the call; owned until they are pushed
 * @num_buffers: entries of @buffers
 * @buffers: of all jobs, sorted by object, then by job
 * @num_syncs: entries of @syncs
 * @syncs: of all jobs, sorted by job
 * @exec: locks of VMs and buffer objects
 */
struct halyard_submit {
	struct halyard_device *hdev;
	struct drm_file *drm_file;
	struct drm_halyard_job *args;
	u32 num_jobs;
	struct halyard_job_core *jobs[HALYARD_SUBMIT_JOBS_MAX];
	u32 num_buffers;
	struct halyard_submit_buffer *buffers;
	u32 num_syncs;
	struct halyard_sync *syncs;
	struct drm_exec exec;
};

/* Among others, it uses the scheduler of the one that does. */
static inline bool halyard_slot_leads(const struct halyard_slot *slot)
{
	return slot->lead == slot;
}

static inline struct halyard_queue_core *to_queue_core(struct halyard_queue *queue)
{
	return container_of(queue, struct halyard_queue_core, queue);
}

static inline struct halyard_job_core *to_job_core(struct drm_sched_job *base)
{
	return container_of(base, struct halyard_job_core, base);
}

static inline struct halyard_queue_core *halyard_job_queue(const struct halyard_job_core *job)
{
	return to_queue_core(job->job.queue);
}

/* sched.c */
extern struct workqueue_struct *halyard_release_wq;

void halyard_slot_put(struct halyard_slot *slot);

/* queue.c */
struct halyard_queue_core *halyard_queue_create_own(struct halyard_vm *vm, u32 engine_class);
void halyard_queue_destroy(struct halyard_queue_core *q);
struct halyard_queue_core *halyard_queue_get_by_id(struct halyard_file *file, u32 id);
void halyard_queue_mem_free(struct halyard_queue_core *q);

/* turns.c */
int halyard_turns_init(struct halyard_turns *turns, u32 num_shares);
void halyard_turns_fini(struct halyard_turns *turns);
struct dma_fence *halyard_turn_ask(struct halyard_job_core *job);
void halyard_turn_over(struct halyard_job_core *job);

/* job.c */
extern const struct drm_sched_backend_ops halyard_sched_ops;

struct halyard_job_core *halyard_job_create(struct halyard_queue_core *q);
void halyard_job_discard(struct halyard_job_core *job);
void halyard_job_arm(struct halyard_job_core *job, struct halyard_job_core **siblings);
unsigned int halyard_queue_complete_locked(struct halyard_queue_core *q, bool thorough);
void halyard_queue_end_job_locked(struct halyard_queue_core *q, u64 seqno, int error);
void halyard_queue_end_jobs_locked(struct halyard_queue_core *q, u64 seqno, int error, int others);

/* job_buffers.c */
int halyard_job_set_buffers(struct halyard_job_core *job,
			    const struct halyard_submit_buffer *refs, u32 count);
int halyard_job_place_buffers(struct halyard_job_core *job);
bool halyard_job_damaged(const struct halyard_job_core *job);
void halyard_job_put_buffers(struct halyard_job_core *job);

/* sync.c */
int halyard_syncs_get(struct halyard_submit *submit);
int halyard_syncs_await(struct halyard_submit *submit);
void halyard_syncs_signal(struct halyard_submit *submit);
void halyard_syncs_put(struct halyard_submit *submit);

/* dump.c */
void halyard_dump_take(struct halyard_device *hdev, struct halyard_queue_core *q,
		       const char *reason);

/* queue_hw.c */
int halyard_queue_start(struct halyard_queue_core *q);
void halyard_queue_stop(struct halyard_queue_core *q);
void halyard_queue_shut(struct halyard_queue_core *q);
int halyard_queue_quiesce(struct halyard_queue_core *q);
int halyard_queue_launch(struct halyard_queue_core *q);
void halyard_queue_condemn(struct halyard_queue_core *q);
void halyard_queue_lose(struct halyard_queue_core *q, int error);
int halyard_queue_restore(struct halyard_queue_core *q);
struct halyard_job_core *halyard_job_find_locked(struct halyard_queue_core *q, u64 seqno);

/* watchdog.c */
unsigned long halyard_timeout(struct halyard_device *hdev);
void halyard_watchdog(struct work_struct *work);
void halyard_watch_locked(struct halyard_queue_core *q);

/* recovery.c */
void halyard_reset_note(struct halyard_device *hdev, enum halyard_reset_level level, int ret);
void halyard_queues_shut(struct halyard_sched *sched);
void halyard_scheds_start(struct halyard_sched *sched);
int halyard_start_and_restore(struct halyard_device *hdev);
void halyard_reset_device(struct halyard_device *hdev, const char *reason);
void halyard_recover_queue(struct halyard_queue_core *q);
void halyard_recover_locked(struct halyard_device *hdev, const char *reason);
void halyard_device_work(struct work_struct *work);
void halyard_lost_work(struct work_struct *work);

/* freeze.c */
void halyard_thaw_locked(struct halyard_device *hdev);
void halyard_thaw_work(struct work_struct *work);

#endif
