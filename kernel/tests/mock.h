/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A chip without hardware, and what tests need around it. Tests go the way of user space: files,
 * ioctls, pointers into a process's memory; the other end is held by this chip, which completes
 * jobs when it is told to, fails when it is told to, and notes what the core does wrong.
 */
#ifndef HALYARD_MOCK_H
#define HALYARD_MOCK_H

#include <kunit/test.h>

#include <linux/platform_device.h>
#include <linux/wait.h>

#include <drm/drm_syncobj.h>

#include "../core/core.h"

#define MOCK_QUEUES		4
#define MOCK_VMS		4
#define MOCK_DEPTH		4
#define MOCK_BUFFERS		4
#define MOCK_VA_START		0x100000ULL
#define MOCK_VA_END		0x100000000ULL
#define MOCK_KERNEL_VA_END	0x200000000ULL
#define MOCK_LARGE_PAGE		0x200000ULL
#define MOCK_EVENTS		256
#define MOCK_BLOB_SIZE		16
/* Memory of the card with some */
#define MOCK_MEMORY_START	0x10000ULL
#define MOCK_MEMORY_SIZE	SZ_4M
/* How long the chip waits for an answer of its hardware */
#define MOCK_ANSWER_MS		10
/* Cookie of a copy that the core has asked for */
#define MOCK_COPY		0xc0b1e5ULL
/* For what is to come soon; it takes long only when the test fails. */
#define MOCK_PATIENCE		(20 * HZ)

/** enum mock_op - calls of the chip that are counted and that can fail */
enum mock_op {
	MOCK_START,
	MOCK_STOP,
	MOCK_VM_PREPARE,
	MOCK_VM_FLUSH,
	MOCK_QUEUE_INIT,
	MOCK_QUEUE_FINI,
	MOCK_RESET_ENGINE,
	MOCK_RESET_DEVICE,
	MOCK_NUM_OPS
};

/**
 * struct mock_event - something that happened to a job
 * @queue: hardware number
 * @seqno: of the job
 * @done: completed, else given to the device
 */
struct mock_event {
	u32 queue;
	u64 seqno;
	bool done;
};

/**
 * struct mock_payload - payload of a job
 * @flags: anything but 0 is malformed
 * @cookie: anything
 */
struct mock_payload {
	u64 flags;
	u64 cookie;
};

/**
 * struct mock_job_mem - &halyard_job.mem of the chip without MMU
 * @payload: of the job
 * @word: that &mock_device.word_buffer has at &mock_device.word_at
 */
struct mock_job_mem {
	struct mock_payload payload;
	u64 word;
};

/**
 * struct mock_queue - &halyard_queue.priv
 * @queue: the queue
 * @live: between queue_init and its end
 * @submitted: newest job given to the device
 * @completed: newest job completed
 * @cookie: of the newest job given to the device
 * @stamp: progress
 * @spent: device time, beside what each completed job takes, ns
 * @polls: how often progress was asked for
 * @hung: makes no progress
 * @waiting: for its turn
 */
struct mock_queue {
	struct halyard_queue *queue;
	bool live;
	u64 submitted;
	u64 completed;
	u64 cookie;
	u64 stamp;
	u64 spent;
	u32 polls;
	bool hung;
	bool waiting;
};

/**
 * struct mock_vm - &halyard_vm.priv
 * @pages: what is mapped, by page: bus page number << 3 | HALYARD_PROT_*
 * @flushes: calls of vm_flush
 */
struct mock_vm {
	struct xarray pages;
	u32 flushes;
};

/**
 * struct mock_device - &halyard_device.priv
 * @lock: protects all of it, and all &struct mock_queue
 * @wait: woken at each event
 * @calls: of each kind
 * @fail: how many of the next calls fail
 * @silent: how many of the next calls get no answer from the hardware
 * @silent_ns: since when one has waited for an answer; 0 when a call came after it
 * @after_silence: that call
 * @waited_ns: how long after the beginning of the one without answer
 * @registers: of the hardware, which changes none of them
 * @autorun: complete jobs when they are given
 * @stopped: between stop, or a reset, and start
 * @queues: by hardware number
 * @vms: by hardware number
 * @memory: of the card with some, from MOCK_MEMORY_START on
 * @copies: given to the device
 * @events: what happened
 * @num_events: entries of @events
 * @word_buffer: of a job of the chip without MMU; the driver reads a word there
 * @word_at: bytes into it
 * @word: &mock_job_mem.word of the newest job, of the chip without MMU
 * @num_buffers: entries of @buffers
 * @buffers: of the newest job that is no copy, of chips without MMU
 * @talkative: it adds to a snapshot more than there is room for
 * @blob: &halyard_device.blob
 * @wrong: what the core did wrong, or NULL
 */
struct mock_device {
	spinlock_t lock; /* all of it */
	wait_queue_head_t wait;
	u32 calls[MOCK_NUM_OPS];
	u32 fail[MOCK_NUM_OPS];
	u32 silent[MOCK_NUM_OPS];
	u64 silent_ns;
	enum mock_op after_silence;
	u64 waited_ns;
	u32 registers[1];
	bool autorun;
	bool stopped;
	struct mock_queue *queues[MOCK_QUEUES];
	struct mock_vm *vms[MOCK_VMS];
	u8 *memory;
	u32 copies;
	struct mock_event events[MOCK_EVENTS];
	u32 num_events;
	u32 word_buffer;
	u64 word_at;
	u64 word;
	u32 num_buffers;
	struct halyard_job_buffer buffers[MOCK_BUFFERS];
	bool talkative;
	u8 blob[MOCK_BLOB_SIZE];
	const char *wrong;
};

/**
 * struct mock - a test's device, and a process that uses it
 * @test: the test
 * @next: one more device of the test, or NULL
 * @pdev: parent device
 * @hdev: the device
 * @dev: its chip
 * @file: open from the start
 * @released: the device's last reference is gone
 * @used: bytes of user memory given out
 */
struct mock {
	struct kunit *test;
	struct mock *next;
	struct platform_device *pdev;
	struct halyard_device *hdev;
	struct mock_device *dev;
	struct file *file;
	struct completion released;
	size_t used;
};

/**
 * struct mock_pair - two queues of one address space, with the hardware numbers 0 and 1
 * @mock: the device
 * @file: its first file
 * @queues: ids
 * @syncobj: handle, without a fence
 */
struct mock_pair {
	struct mock *mock;
	struct file *file;
	u32 queues[2];
	u32 syncobj;
};

/* Of all suites: a process's memory; a device for each test. */
int mock_suite_init(struct kunit_suite *suite);
void mock_suite_exit(struct kunit_suite *suite);
int mock_init(struct kunit *test);
int mock_init_bare(struct kunit *test);
struct mock_pair *mock_pair(struct kunit *test);
struct mock *mock_another(struct kunit *test, const struct halyard_chip *chip);
/* With memory of its own and no page tables: queue 0 and address space 0 are the core's. */
int mock_init_card(struct kunit *test);
/* Its firmware is not to be found. */
int mock_init_firmware(struct kunit *test);
void mock_exit(struct kunit *test);

/* The user's side. Pointers are good until the test ends. */
struct file *mock_open(struct mock *mock);
void mock_close(struct file *file);
int mock_ioctl(struct mock *mock, struct file *file, unsigned int cmd, void *arg);
u64 mock_user(struct mock *mock, const void *data, size_t size);
void mock_read_user(struct mock *mock, void *data, u64 address, size_t size);
u32 mock_vm_create(struct mock *mock, struct file *file);
u32 mock_queue_create(struct mock *mock, struct file *file, u32 vm_id);
u32 mock_queue_create_urgent(struct mock *mock, struct file *file, u32 vm_id);
int mock_queue_destroy(struct mock *mock, struct file *file, u32 queue_id);
struct drm_halyard_queue_query mock_queue_query(struct mock *mock, struct file *file, u32 queue_id);
u32 mock_bo_create(struct mock *mock, struct file *file, u64 size);
u32 mock_syncobj_create(struct mock *mock, struct file *file);
struct drm_halyard_job mock_job(struct mock *mock, u32 queue_id);
void mock_job_syncs(struct mock *mock, struct drm_halyard_job *job,
		    const struct drm_halyard_sync_op *ops, u32 count);
void mock_job_buffers(struct mock *mock, struct drm_halyard_job *job,
		      const struct drm_halyard_buffer_ref *refs, u32 count);
int mock_submit(struct mock *mock, struct file *file, const struct drm_halyard_job *jobs,
		u32 count);
u32 mock_submit_signalling(struct mock *mock, u32 queue_id);
void mock_submit_both(struct mock_pair *pair, u32 *done);
struct dma_fence *mock_fence(struct file *file, u32 handle, u64 point);
int mock_result(struct mock *mock, struct file *file, u32 handle);
bool mock_pending(struct file *file, u32 handle);

/* The chip's side. */
bool mock_wait_submitted(struct mock *mock, u32 hw_id, u64 seqno);
bool mock_wait_asked(struct mock *mock, unsigned int count);
void mock_complete(struct mock *mock, u32 hw_id, u64 seqno);
void mock_complete_silently(struct mock *mock, u32 hw_id, u64 seqno);
void mock_hang(struct mock *mock, u32 hw_id, bool hung);
void mock_spend(struct mock *mock, u32 hw_id, u64 ns);
void mock_fault(struct mock *mock, u32 hw_id, u64 seqno, const struct halyard_fault *fault);
void mock_fail(struct mock *mock, enum mock_op op, u32 times);
void mock_silence(struct mock *mock, enum mock_op op, u32 times);
enum mock_op mock_after_silence(struct mock *mock, u64 *waited_ns);
void mock_settle(struct mock *mock);
void mock_sleep(struct mock *mock);
bool mock_sleeps(struct mock *mock);
u32 mock_calls(struct mock *mock, enum mock_op op);
int mock_event_index(struct mock *mock, u32 hw_id, u64 seqno, bool done);

extern struct kunit_suite halyard_submit_suite;
extern struct kunit_suite halyard_sync_suite;
extern struct kunit_suite halyard_limits_suite;
extern struct kunit_suite halyard_recovery_suite;
extern struct kunit_suite halyard_dump_suite;
extern struct kunit_suite halyard_bind_suite;
extern struct kunit_suite halyard_unplug_suite;
extern struct kunit_suite halyard_bare_suite;
extern struct kunit_suite halyard_pci_suite;
extern struct kunit_suite halyard_memory_suite;
extern struct kunit_suite halyard_firmware_suite;
extern struct kunit_suite halyard_power_suite;

#endif
