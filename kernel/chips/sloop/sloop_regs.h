/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Sloop: registers, rings, messages, firmware header. The kernel driver and the emulated card
 * include this one file; Documentation/hardware/sloop.rst says what each of it means.
 *
 * All registers are 32 bits wide, little-endian, in BAR 0; only aligned 4-byte accesses are
 * defined. A pair _LO/_HI is one 64-bit value; of TIMESTAMP, reading _LO latches _HI.
 */
#ifndef SLOOP_REGS_H
#define SLOOP_REGS_H

#include <drm/halyard_sloop.h>

#define SLP_BAR				0
#define SLP_BAR_SIZE			0x10000
#define SLP_WINDOW_BAR			2 /* 64 bits, prefetchable: card memory */
#define SLP_MSIX_BAR			4
#define SLP_MSIX_BAR_SIZE		0x1000
#define SLP_MSIX_TABLE			0x000
#define SLP_MSIX_PBA			0x800

/* Interrupt vectors. With plain MSI all share vector 0. */
#define SLP_VECTOR_EVENT		0 /* boot state changed, event ring */
#define SLP_VECTOR_ADMIN		1
#define SLP_VECTOR_CLASS(c)		(2 + (c)) /* responses of queues of an engine class */
#define SLP_NUM_VECTORS			4

#define SLP_NUM_CONTEXTS		32
#define SLP_NUM_QUEUES			32
#define SLP_NUM_SHARES			64
#define SLP_NUM_COMPUTE_ENGINES		2
#define SLP_NUM_DMA_ENGINES		2
#define SLP_NUM_ENGINES			(SLP_NUM_COMPUTE_ENGINES + SLP_NUM_DMA_ENGINES)
#define SLP_NUM_PRIORITIES		4 /* 0 runs first */
#define SLP_DMA_BITS			48
#define SLP_RING_ORDER_MIN		2
#define SLP_RING_ORDER_MAX		10

/* The protocol between driver and firmware that this file describes */
#define SLP_PROTOCOL			3

/* Identification, capabilities */
#define SLP_ID				0x0000
#define   SLP_ID_VALUE			0x534c5031 /* "SLP1" */
#define SLP_REVISION			0x0004 /* major 31:16, minor 15:0 */
#define   SLP_REVISION_MAJOR		1
#define   SLP_REVISION_MINOR		0
#define SLP_CAPS0			0x0008
#define   SLP_CAPS0_QUEUES		0x000000ff
#define   SLP_CAPS0_CONTEXTS		0x0000ff00
#define   SLP_CAPS0_COMPUTE_ENGINES	0x000f0000
#define   SLP_CAPS0_DMA_ENGINES		0x00f00000
#define   SLP_CAPS0_RING_ORDER_MAX	0x0f000000
#define SLP_CAPS1			0x000c
#define   SLP_CAPS1_DMA_BITS		0x000000ff
#define   SLP_CAPS1_SEGMENTS		0x0000ff00
#define   SLP_CAPS1_BINDINGS		0xffff0000
#define SLP_OPCODES			0x0010 /* bit n: opcode n is implemented */
#define SLP_CLOCK_KHZ			0x0014 /* of the cycles in the cost model */
#define   SLP_CLOCK_KHZ_VALUE		800000
#define SLP_DRAM_SIZE_LO		0x0018 /* bytes of card memory */
#define SLP_DRAM_SIZE_HI		0x001c
#define SLP_DRAM_RESERVED		0x0020 /* bytes at its start that belong to the firmware */
#define SLP_SCRATCH			0x0024
#define SLP_TIMESTAMP_LO		0x0028 /* ns since power-on, monotonic */
#define SLP_TIMESTAMP_HI		0x002c
#define SLP_CONTROL			0x0030
#define   SLP_CONTROL_RESET		0x00000001 /* back to the boot ROM; reads as 0 */

/* Interrupts: a bit per vector */
#define SLP_IRQ_STATUS			0x0040 /* write 1 to clear */
#define SLP_IRQ_ENABLE			0x0044

/* Boot mailbox */
#define SLP_BOOT_STATE			0x0080
#define   SLP_BOOT_STATE_RESET		0 /* registers are not valid yet */
#define   SLP_BOOT_STATE_ROM		1 /* waits for an image */
#define   SLP_BOOT_STATE_VERIFYING	2
#define   SLP_BOOT_STATE_REFUSED	3 /* BOOT_STATUS says why; another image may be tried */
#define   SLP_BOOT_STATE_VERIFIED	4
#define   SLP_BOOT_STATE_STARTING	5
#define   SLP_BOOT_STATE_RUNNING	6
#define   SLP_BOOT_STATE_HALTING	7
#define   SLP_BOOT_STATE_HALTED		8 /* only a reset helps */
#define   SLP_BOOT_STATE_CRASHED	9 /* only a reset helps; CRASH_CODE says why */
#define SLP_BOOT_STATUS			0x0084 /* of the last VERIFY or START */
#define   SLP_BOOT_OK			0
#define   SLP_BOOT_TRUNCATED		1 /* shorter than the header, or than the header says */
#define   SLP_BOOT_BAD_MAGIC		2
#define   SLP_BOOT_BAD_HEADER		3 /* header size or reserved fields */
#define   SLP_BOOT_WRONG_CHIP		4
#define   SLP_BOOT_WRONG_SIZE		5 /* longer than the header says */
#define   SLP_BOOT_BAD_HASH		6
#define   SLP_BOOT_BAD_SIGNATURE	7
#define   SLP_BOOT_ROLLBACK		8 /* security number below the card's */
#define   SLP_BOOT_TOO_OLD		9 /* protocol_max below BOOT_PROTOCOL */
#define   SLP_BOOT_TOO_NEW		10 /* protocol_min above BOOT_PROTOCOL */
#define   SLP_BOOT_BAD_PAYLOAD		11 /* signed, but not a program for this controller */
#define   SLP_BOOT_BAD_RINGS		12 /* START: a ring's address or order, or not reachable */
#define   SLP_NUM_BOOT_STATUS		13
#define SLP_BOOT_COMMAND		0x0088
#define   SLP_BOOT_COMMAND_VERIFY	1 /* in ROM, REFUSED, VERIFIED */
#define   SLP_BOOT_COMMAND_START	2 /* in VERIFIED */
#define   SLP_BOOT_COMMAND_HALT		3 /* in RUNNING: end all DMA, drop all jobs */
#define SLP_BOOT_WINDOW			0x008c /* offset in BAR 2 where the image is put */
#define SLP_BOOT_WINDOW_SIZE		0x0090 /* bytes there */
#define SLP_BOOT_IMAGE_SIZE		0x0094 /* bytes of the image */
#define SLP_BOOT_PROTOCOL		0x0098 /* that the driver speaks */
#define SLP_BOOT_SECURITY		0x009c /* lowest security number that the card accepts */
#define SLP_FW_VERSION			0x00a0 /* of the verified image, as in its header */
#define SLP_FW_HEARTBEAT		0x00a4 /* grows at least every 100 ms while RUNNING */
#define SLP_CRASH_CODE			0x00a8
#define   SLP_CRASH_ASSERTION		1
#define   SLP_CRASH_WATCHDOG		2
#define   SLP_CRASH_RINGS		3 /* admin or event ring not reachable any more */

/* Admin and event rings, at bus addresses; to be changed only before START */
#define SLP_ADMIN_REQUESTS_LO		0x0100
#define SLP_ADMIN_REQUESTS_HI		0x0104
#define SLP_ADMIN_RESPONSES_LO		0x0108
#define SLP_ADMIN_RESPONSES_HI		0x010c
#define SLP_ADMIN_ORDER			0x0110 /* log2 of the entries of each of both */
#define SLP_EVENTS_LO			0x0114
#define SLP_EVENTS_HI			0x0118
#define SLP_EVENTS_ORDER		0x011c /* log2 of the entries */

/* All heads and tails are free-running and start at 0 */
#define SLP_ADMIN_REQUEST_TAIL		0x0120 /* driver: requests written; rings the doorbell */
#define SLP_ADMIN_REQUEST_HEAD		0x0124 /* card: requests read */
#define SLP_ADMIN_RESPONSE_TAIL		0x0128 /* card: responses written */
#define SLP_ADMIN_RESPONSE_HEAD		0x012c /* driver: responses read */
#define SLP_EVENT_TAIL			0x0130 /* card: events written */
#define SLP_EVENT_HEAD			0x0134 /* driver: events read */
#define SLP_EVENT_LOST			0x0138 /* events dropped because the ring was full */

/* Engines: compute engines first, then DMA engines */
#define SLP_ENGINE(e)			(0x1000 + (e) * 0x20)
#define SLP_ENGINE_STATUS		0x00
#define   SLP_ENGINE_STATUS_BUSY	0x00000001
#define   SLP_ENGINE_STATUS_HUNG	0x00000002
#define   SLP_ENGINE_STATUS_RESETTING	0x00000004
#define SLP_ENGINE_QUEUE		0x04 /* queue whose job it runs, or SLP_NONE */
#define   SLP_NONE			0xffffffff

/* Queues: valid between the answers to QUEUE_CREATE and QUEUE_DESTROY */
#define SLP_QUEUE(q)			(0x2000 + (q) * 0x20)
#define SLP_QUEUE_REQUEST_TAIL		0x00 /* driver: requests written; rings the doorbell */
#define SLP_QUEUE_REQUEST_HEAD		0x04 /* card: requests begun */
#define SLP_QUEUE_RESPONSE_TAIL		0x08 /* card: responses written */
#define SLP_QUEUE_RESPONSE_HEAD		0x0c /* driver: responses read */

/* Error injection: fill in KIND, TARGET, SKIP, COUNT, ARG, then write 1 to ARM */
#define SLP_INJECT_KIND			0xa000
#define   SLP_INJECT_NONE		0 /* disarms all */
#define   SLP_INJECT_HANG		1 /* the engine stops in the command */
#define   SLP_INJECT_SEGMENT		2 /* the command's first access finds no segment */
#define   SLP_INJECT_ILLEGAL		3 /* the command is taken as illegal */
#define   SLP_INJECT_ECC		4 /* ARG 0: corrected, 1: uncorrectable */
#define   SLP_INJECT_SLOW		5 /* the command takes ARG microseconds longer */
#define   SLP_INJECT_IRQ_LOST		6
#define   SLP_INJECT_IRQ_LATE		7 /* by ARG microseconds */
#define   SLP_INJECT_IRQ_SPURIOUS	8 /* at once, on vector ARG */
/* the response comes ARG microseconds late: after those of queues that finished later */
#define   SLP_INJECT_RESPONSE_LATE	9
#define   SLP_INJECT_RESPONSE_BAD_ID	10 /* the response carries the id ARG */
#define   SLP_INJECT_ADMIN_LOST		11 /* no answer to a request */
#define   SLP_INJECT_ADMIN_BAD_ID	12 /* the answer carries the id ARG */
#define   SLP_INJECT_ADMIN_BAD_SIZE	13 /* the answer says that ARG bytes were written */
#define   SLP_INJECT_ADMIN_FAILS	14 /* the request is answered with status ARG */
#define   SLP_INJECT_ENGINE_RESET_FAILS	15 /* the engine stays RESETTING, no answer */
#define   SLP_INJECT_FIRMWARE_CRASH	16 /* at once with SKIP 0, else in a command */
#define   SLP_INJECT_BOOT_SILENT	17 /* the controller does not react to BOOT_COMMAND */
#define   SLP_INJECT_RESET_FAILS	18 /* CONTROL.RESET: stays in RESET until FLR */
#define   SLP_INJECT_LINK_LOSS		19 /* every read gives all ones, writes and DMA are lost */
#define   SLP_NUM_INJECT		20
/* queue number; admin opcode for ADMIN_*; engine number for ENGINE_RESET_FAILS */
#define SLP_INJECT_TARGET		0xa004
#define   SLP_INJECT_ANY		0xffffffff
#define SLP_INJECT_SKIP			0xa008 /* matching events to let pass first */
#define SLP_INJECT_COUNT		0xa00c /* events to spoil */
#define SLP_INJECT_ARG			0xa010
#define SLP_INJECT_ARM			0xa014
#define SLP_INJECT_FIRED		0xa018 /* events spoilt since the last ARM */

#ifdef __KERNEL__
#include <linux/types.h>
#define slp_u8 __u8
#define slp_u16 __u16
#define slp_u32 __u32
#define slp_u64 __u64
#else
#define slp_u8 __UINT8_TYPE__
#define slp_u16 __UINT16_TYPE__
#define slp_u32 __UINT32_TYPE__
#define slp_u64 __UINT64_TYPE__
#endif

/**
 * struct slp_firmware_header - begins a firmware image; the payload follows at once
 * @magic: SLP_FW_MAGIC
 * @header_size: of this struct
 * @chip: SLP_ID_VALUE
 * @version: major 31:24, minor 23:16, patch 15:0
 * @protocol_min: oldest protocol that it speaks
 * @protocol_max: newest protocol that it speaks
 * @security: security number: grows when a flaw is mended; the card refuses older images
 * @payload_size: bytes behind the header, at least 1
 * @reserved: zero
 * @name: for people, NUL-terminated
 * @sha256: of the payload
 * @reserved2: zero
 * @signature: Ed25519, of all bytes of the header before it
 */
struct slp_firmware_header {
	slp_u32 magic;
#define SLP_FW_MAGIC	0x57464c53 /* "SLFW" */
	slp_u32 header_size;
	slp_u32 chip;
	slp_u32 version;
	slp_u16 protocol_min;
	slp_u16 protocol_max;
	slp_u32 security;
	slp_u32 payload_size;
	slp_u32 reserved;
	char name[32];
	slp_u8 sha256[32];
	slp_u8 reserved2[32];
	slp_u8 signature[64];
};

/** enum slp_admin_op - what an admin request asks for */
enum slp_admin_op {
	/** @SLP_ADMIN_NOP: an answer */
	SLP_ADMIN_NOP = 0,
	/** @SLP_ADMIN_CONTEXT_CREATE: @target becomes a context */
	SLP_ADMIN_CONTEXT_CREATE = 1,
	/** @SLP_ADMIN_CONTEXT_DESTROY: of context @target; no queue may use it */
	SLP_ADMIN_CONTEXT_DESTROY = 2,
	/** @SLP_ADMIN_QUEUE_CREATE: @target becomes a queue as &struct slp_queue_config says */
	SLP_ADMIN_QUEUE_CREATE = 3,
	/**
	 * @SLP_ADMIN_QUEUE_DESTROY: of queue @target, in whatever state it is. Its jobs are
	 * dropped; nothing of its memory is used after the answer.
	 */
	SLP_ADMIN_QUEUE_DESTROY = 4,
	/** @SLP_ADMIN_ENGINE_RESET: of engine @target; the job that it runs is dropped */
	SLP_ADMIN_ENGINE_RESET = 5,
	/** @SLP_ADMIN_TELEMETRY: writes &struct slp_telemetry to the buffer */
	SLP_ADMIN_TELEMETRY = 6,
	/** @SLP_ADMIN_LOG: writes the firmware's log to the buffer, from byte @offset on */
	SLP_ADMIN_LOG = 7,
	/** @SLP_NUM_ADMIN_OPS: one more than the last */
	SLP_NUM_ADMIN_OPS
};

/**
 * struct slp_queue_config - a queue to be made
 * @requests: bus address of the ring of &struct slp_request, a multiple of 64
 * @responses: bus address of the ring of &struct slp_response, a multiple of 64
 * @status: bus address of &struct slp_queue_status, a multiple of 64
 * @context: that its jobs belong to
 * @engine_class: enum drm_halyard_sloop_engine
 * @priority: below SLP_NUM_PRIORITIES
 * @ring_order: log2 of the entries of each ring, from SLP_RING_ORDER_MIN to SLP_RING_ORDER_MAX
 * @share: below SLP_NUM_SHARES; queues with the same number have one part of the engines' time
 * @reserved: zero
 */
struct slp_queue_config {
	slp_u64 requests;
	slp_u64 responses;
	slp_u64 status;
	slp_u32 context;
	slp_u32 engine_class;
	slp_u32 priority;
	slp_u32 ring_order;
	slp_u32 share;
	slp_u32 reserved;
};

/**
 * struct slp_buffer - host memory for an answer
 * @address: bus address, a multiple of 8
 * @offset: of the first byte wanted, counted from the firmware's start
 * @size: bytes
 * @reserved: zero
 */
struct slp_buffer {
	slp_u64 address;
	slp_u64 offset;
	slp_u32 size;
	slp_u32 reserved[7];
};

/**
 * struct slp_admin_request - an entry of the admin request ring
 * @id: the driver's own; the response carries it
 * @op: enum slp_admin_op
 * @target: context, queue or engine
 * @reserved: zero
 * @queue: of SLP_ADMIN_QUEUE_CREATE
 * @buffer: of SLP_ADMIN_TELEMETRY and SLP_ADMIN_LOG
 * @none: of the others: zero
 */
struct slp_admin_request {
	slp_u32 id;
	slp_u32 op;
	slp_u32 target;
	slp_u32 reserved;
	union {
		struct slp_queue_config queue;
		struct slp_buffer buffer;
		slp_u64 none[6];
	};
};

/**
 * struct slp_admin_response - an entry of the admin response ring
 * @sequence: free-running number of the response plus 1, written last: valid when it equals
 *	head + 1
 * @id: of the request; responses come in the order of their requests, but QUEUE_DESTROY's and
 *	ENGINE_RESET's may come later
 * @status: SLP_ADMIN_*
 * @size: bytes written to the buffer
 * @offset: of the first byte written to the buffer, counted from the firmware's start
 * @reserved: zero
 */
struct slp_admin_response {
	slp_u32 sequence;
	slp_u32 id;
	slp_u32 status;
#define SLP_ADMIN_OK		0
#define SLP_ADMIN_BAD_OP	1
#define SLP_ADMIN_BAD_TARGET	2 /* no such context, queue or engine, or it exists already */
#define SLP_ADMIN_BAD_FIELD	3
#define SLP_ADMIN_IN_USE	4
#define SLP_ADMIN_BUS		5 /* the memory named is not reachable */
	slp_u32 size;
	slp_u64 offset;
	slp_u32 reserved[2];
};

/**
 * struct slp_event - an entry of the event ring
 * @sequence: free-running number of the event plus 1, written last: valid when it equals head + 1
 * @type: SLP_EVENT_*
 * @queue: concerned, or SLP_NONE
 * @engine: concerned, or SLP_NONE
 * @address: in card memory, of an ECC event
 * @count: events of this kind since the last one in the ring
 * @reserved: zero
 * @timestamp: as SLP_TIMESTAMP
 * @reserved2: zero
 */
struct slp_event {
	slp_u32 sequence;
	slp_u32 type;
#define SLP_EVENT_ECC_CORRECTED		1
#define SLP_EVENT_ECC_UNCORRECTABLE	2 /* the job that met it has failed, too */
#define SLP_EVENT_QUEUE_ERROR		3 /* request or ring malformed: the queue stands still */
#define SLP_EVENT_ENGINE_HUNG		4 /* the watchdog saw no progress */
	slp_u32 queue;
	slp_u32 engine;
	slp_u64 address;
	slp_u32 count;
	slp_u32 reserved;
	slp_u64 timestamp;
	slp_u64 reserved2[3];
};

/**
 * struct slp_request - an entry of a queue's request ring
 * @id: the driver's own; the response carries it
 * @job: bus address of a &struct slp_job, a multiple of 64
 * @job_size: bytes of the &struct slp_job with its segments
 * @flags: zero
 * @reserved: zero
 */
struct slp_request {
	slp_u64 id;
	slp_u64 job;
	slp_u32 job_size;
	slp_u32 flags;
	slp_u64 reserved;
};

/**
 * struct slp_segment - memory that a job may use
 * @base: card address of the first byte, a multiple of 4096, not below SLP_DRAM_RESERVED;
 *	SLP_SEGMENT_HOST: bus address of an array of &struct slp_scatter, a multiple of 16
 * @size: bytes
 * @flags: SLP_SEGMENT_*
 * @entries: of the array; else 0
 */
struct slp_segment {
	slp_u64 base;
	slp_u64 size;
	slp_u32 flags;
#define SLP_SEGMENT_WRITE	0x00000001
#define SLP_SEGMENT_HOST	0x00000002 /* DMA engines only */
	slp_u32 entries;
};

/**
 * struct slp_scatter - a piece of host memory
 * @address: bus address
 * @size: bytes, at least 1; the sum of a segment's pieces is at least its size
 * @reserved: zero
 */
struct slp_scatter {
	slp_u64 address;
	slp_u32 size;
	slp_u32 reserved;
};

/**
 * struct slp_job - what a request asks for; the card's from the doorbell to the response
 * @payload: as user space submitted it
 * @segment_count: number of &struct slp_segment that follow at once, at most
 *	DRM_HALYARD_SLOOP_MAX_SEGMENTS; loaded into the engine's segment registers for this job
 * @reserved: zero
 */
struct slp_job {
	struct drm_halyard_sloop_payload payload;
	slp_u32 segment_count;
	slp_u32 reserved[3];
};

/**
 * struct slp_response - an entry of a queue's response ring
 * @sequence: free-running number of the response plus 1, written last: valid when it equals
 *	head + 1
 * @status: SLP_STATUS_*; when it is not SLP_STATUS_OK the queue stands still until it is destroyed
 * @id: of the request
 * @busy_ns: device time spent on the job
 * @address: that faulted (segment and offset), 0 when none is concerned
 * @write: the access was a write
 * @command: index of the task in its stream
 * @tag: the task's own tag
 * @engine: that ran the job
 * @timestamp: as SLP_TIMESTAMP
 * @reserved: zero
 */
struct slp_response {
	slp_u32 sequence;
	slp_u32 status;
#define SLP_STATUS_OK			0
#define SLP_STATUS_ILLEGAL_COMMAND	1
#define SLP_STATUS_OUT_OF_BOUNDS	2 /* an operand leaves its binding, or an index its table */
#define SLP_STATUS_SEGMENT		3 /* no such segment, or past its end */
#define SLP_STATUS_PERMISSION		4 /* read-only segment, or compute on host memory */
#define SLP_STATUS_BUS			5 /* a scatter list or a piece of it is not reachable */
#define SLP_STATUS_ECC_UNCORRECTABLE	6
#define SLP_STATUS_BAD_REQUEST		7 /* request, job or segment malformed */
	slp_u64 id;
	slp_u64 busy_ns;
	slp_u64 address;
	slp_u32 write;
	slp_u32 command;
	slp_u32 tag;
	slp_u32 engine;
	slp_u64 timestamp;
	slp_u64 reserved;
};

/**
 * struct slp_queue_status - how far a queue is; written by the card after each command
 * @busy_ns: device time spent on the queue's jobs
 * @commands: commands completed: grows while a job makes progress
 * @state: SLP_QUEUE_STATE_*
 * @engine: that runs its job, or SLP_NONE
 * @reserved: zero
 */
struct slp_queue_status {
	slp_u64 busy_ns;
	slp_u64 commands;
	slp_u32 state;
#define SLP_QUEUE_STATE_IDLE	0
#define SLP_QUEUE_STATE_PENDING	1 /* has jobs, no engine */
#define SLP_QUEUE_STATE_RUNNING	2
#define SLP_QUEUE_STATE_STOPPED	3 /* after a job that failed: destroy it */
	slp_u32 engine;
	slp_u64 reserved[5];
};

/**
 * struct slp_telemetry - what SLP_ADMIN_TELEMETRY writes; counters count since START
 * @timestamp: as SLP_TIMESTAMP
 * @uptime_ns: since START
 * @bytes_to_card: by DMA engines
 * @bytes_to_host: by DMA engines
 * @ecc_corrected: memory errors corrected
 * @ecc_uncorrectable: memory errors not corrected
 * @preemptions: jobs that made room for another queue
 * @interrupts: messages sent
 * @temperature_mc: thousandths of a degree Celsius
 * @power_mw: thousandths of a watt
 * @contexts: that exist
 * @queues: that exist
 * @engines: per engine: device time spent on commands, commands, jobs
 */
struct slp_telemetry {
	slp_u64 timestamp;
	slp_u64 uptime_ns;
	slp_u64 bytes_to_card;
	slp_u64 bytes_to_host;
	slp_u64 ecc_corrected;
	slp_u64 ecc_uncorrectable;
	slp_u64 preemptions;
	slp_u64 interrupts;
	slp_u32 temperature_mc;
	slp_u32 power_mw;
	slp_u32 contexts;
	slp_u32 queues;
	struct {
		slp_u64 busy_ns;
		slp_u64 commands;
		slp_u64 jobs;
	} engines[SLP_NUM_ENGINES];
};

#endif
