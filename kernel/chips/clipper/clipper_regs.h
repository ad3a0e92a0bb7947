/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Clipper: registers, memory formats. The kernel driver and the emulated card include this one
 * file; Documentation/hardware/clipper.rst says what each of it means.
 *
 * All registers are 32 bits wide, little-endian, in BAR 0; only aligned 4-byte accesses are
 * defined. A pair _LO/_HI is one 64-bit value; of counters, reading _LO latches _HI.
 */
#ifndef CLIPPER_REGS_H
#define CLIPPER_REGS_H

#define CLP_BAR				0
#define CLP_BAR_SIZE			0x10000
#define CLP_MSIX_BAR			2
#define CLP_MSIX_BAR_SIZE		0x1000
#define CLP_MSIX_TABLE			0x000
#define CLP_MSIX_PBA			0x800

/*
 * Interrupt vectors: one for faults and events, one per engine. With plain MSI all share
 * vector 0.
 */
#define CLP_VECTOR_EVENT		0
#define CLP_VECTOR_ENGINE(e)		(1 + (e))
#define CLP_NUM_VECTORS			4

#define CLP_NUM_CONTEXTS		64
#define CLP_NUM_QUEUES			64
#define CLP_NUM_TENSOR_ENGINES		2
#define CLP_NUM_COPY_ENGINES		1
#define CLP_NUM_ENGINES			(CLP_NUM_TENSOR_ENGINES + CLP_NUM_COPY_ENGINES)
#define CLP_NUM_PRIORITIES		4 /* 0 runs first */

/* Identification, capabilities, status */
#define CLP_ID				0x0000
#define   CLP_ID_VALUE			0x434c5031 /* "CLP1" */
#define CLP_REVISION			0x0004 /* major 31:16, minor 15:0 */
#define   CLP_REVISION_MAJOR		1
#define   CLP_REVISION_MINOR		0
#define CLP_CAPS0			0x0008
#define   CLP_CAPS0_QUEUES		0x000000ff
#define   CLP_CAPS0_CONTEXTS		0x0000ff00
#define   CLP_CAPS0_TENSOR_ENGINES	0x000f0000
#define   CLP_CAPS0_COPY_ENGINES	0x00f00000
#define   CLP_CAPS0_RING_ORDER_MAX	0x0f000000
#define CLP_CAPS1			0x000c
#define   CLP_CAPS1_DMA_BITS		0x000000ff
#define   CLP_CAPS1_VA_BITS		0x0000ff00
#define   CLP_CAPS1_BINDINGS_MAX	0xffff0000
#define CLP_OPCODES_LO			0x0010 /* bit n: opcode n is implemented */
#define CLP_OPCODES_HI			0x0014
#define CLP_STATUS			0x0018
#define   CLP_STATUS_READY		0x00000001 /* registers are valid, CONTROL may be written */
#define   CLP_STATUS_RESETTING		0x00000002
#define   CLP_STATUS_FATAL		0x00000004 /* only a function reset helps */
#define CLP_CONTROL			0x001c
#define   CLP_CONTROL_ENABLE		0x00000001 /* engines take work */
#define   CLP_CONTROL_RESET		0x00000002 /* reset of the function; reads as 0 */
#define CLP_SCRATCH			0x0020
#define CLP_TIMESTAMP_LO		0x0028 /* ns since power-on, monotonic */
#define CLP_TIMESTAMP_HI		0x002c
#define CLP_CLOCK_KHZ			0x0030 /* of the cycles in the cost model */
#define   CLP_CLOCK_KHZ_VALUE		1000000

/* Interrupts: a bit per vector */
#define CLP_IRQ_STATUS			0x0040 /* write 1 to clear */
#define CLP_IRQ_ENABLE			0x0044

/* Fault queue: a ring of struct clp_fault at a bus address */
#define CLP_FAULTQ_BASE_LO		0x0060
#define CLP_FAULTQ_BASE_HI		0x0064
#define CLP_FAULTQ_ORDER		0x0068 /* log2 of entries, 0 disables; at most 10 */
#define CLP_FAULTQ_HEAD			0x006c /* driver: entries consumed, free-running */
#define CLP_FAULTQ_TAIL			0x0070 /* card: entries written, free-running */
#define CLP_FAULTQ_LOST			0x0074 /* records dropped because the ring was full */

/* TLB: a write flushes; translations are gone and accesses by them have ended when BUSY is 0 */
#define CLP_TLB_FLUSH			0x0080
#define   CLP_TLB_FLUSH_CTX		0x000000ff
#define   CLP_TLB_FLUSH_ALL		0x80000000
#define CLP_TLB_STATUS			0x0084
#define   CLP_TLB_STATUS_BUSY		0x00000001

/* Contexts: an address space each. To be changed only while CONTROL.ENABLE of the context is 0. */
#define CLP_CTX(n)			(0x1000 + (n) * 0x20)
#define CLP_CTX_PGD_LO			0x00 /* bus address of the root table */
#define CLP_CTX_PGD_HI			0x04
#define CLP_CTX_CONTROL			0x08
#define   CLP_CTX_CONTROL_ENABLE	0x00000001

/* Engines: tensor engines first, then copy engines */
#define CLP_ENGINE(e)			(0x2000 + (e) * 0x40)
#define CLP_ENGINE_INFO			0x00
#define   CLP_ENGINE_INFO_CLASS		0x000000ff /* DRM_HALYARD_CLIPPER_ENGINE_* */
#define CLP_ENGINE_STATUS		0x04
#define   CLP_ENGINE_STATUS_BUSY	0x00000001
#define   CLP_ENGINE_STATUS_HUNG	0x00000002
#define   CLP_ENGINE_STATUS_RESETTING	0x00000004
#define CLP_ENGINE_QUEUE		0x08 /* queue whose job it runs, or CLP_NO_QUEUE */
#define   CLP_NO_QUEUE			0xffffffff
#define CLP_ENGINE_CONTROL		0x0c
/* the running job is dropped, its queue stops; reads as 0 */
#define   CLP_ENGINE_CONTROL_RESET	0x00000001
#define CLP_ENGINE_BUSY_NS_LO		0x10
#define CLP_ENGINE_BUSY_NS_HI		0x14
#define CLP_ENGINE_COMMANDS_LO		0x18
#define CLP_ENGINE_COMMANDS_HI		0x1c
#define CLP_ENGINE_JOBS_LO		0x20
#define CLP_ENGINE_JOBS_HI		0x24

/* Performance counters, 64 bits each */
#define CLP_PERF(n)			(0x3000 + (n) * 8)
#define CLP_PERF_BYTES_READ		0
#define CLP_PERF_BYTES_WRITTEN		1
#define CLP_PERF_TLB_HITS		2
#define CLP_PERF_TLB_MISSES		3
#define CLP_PERF_DOORBELLS		4
#define CLP_PERF_INTERRUPTS		5
#define CLP_PERF_FAULTS			6
#define CLP_PERF_PREEMPTIONS		7
#define CLP_PERF_ECC_CORRECTED		8
#define CLP_NUM_PERF			9

/* Queues. Configuration may be changed only while the queue is disabled. */
#define CLP_QUEUE(q)			(0x4000 + (q) * 0x40)
/* virtual address of the ring in the queue's context */
#define CLP_QUEUE_RING_LO		0x00
#define CLP_QUEUE_RING_HI		0x04
#define CLP_QUEUE_RING_ORDER		0x08 /* log2 of entries, 2 to CAPS0.RING_ORDER_MAX */
#define CLP_QUEUE_CONFIG		0x0c
#define   CLP_QUEUE_CONFIG_CTX		0x000000ff
#define   CLP_QUEUE_CONFIG_CLASS	0x0000ff00
#define   CLP_QUEUE_CONFIG_PRIORITY	0x000f0000
#define   CLP_QUEUE_CONFIG_SHARE	0xff000000 /* queues with the same number have one part */
#define CLP_QUEUE_STATUS_BLOCK_LO	0x10 /* virtual address of struct clp_queue_status */
#define CLP_QUEUE_STATUS_BLOCK_HI	0x14
#define CLP_QUEUE_CONTROL		0x18
#define   CLP_QUEUE_CONTROL_ENABLE	0x00000001 /* 0 -> 1 starts at HEAD = TAIL = 0 */
#define   CLP_QUEUE_CONTROL_RESET	0x00000002 /* drop all jobs, then disabled; reads as 0 */
#define CLP_QUEUE_HEAD			0x1c /* card: entries completed, free-running */
#define CLP_QUEUE_TAIL			0x20 /* as last rung */
#define CLP_QUEUE_STATE			0x24 /* CLP_QUEUE_STATE_* */
#define   CLP_QUEUE_STATE_DISABLED	0
#define   CLP_QUEUE_STATE_IDLE		1
#define   CLP_QUEUE_STATE_PENDING	2 /* has jobs, no engine */
#define   CLP_QUEUE_STATE_RUNNING	3
#define   CLP_QUEUE_STATE_WAITING	4 /* at a fence wait */
#define   CLP_QUEUE_STATE_FAULTED	5 /* stopped at a fault: reset it */
#define   CLP_QUEUE_STATE_RESETTING	6

/* Doorbells: the new tail, free-running */
#define CLP_DOORBELL(q)			(0x8000 + (q) * 4)

/* Error injection: fill in KIND, TARGET, SKIP, COUNT, ARG, then write 1 to ARM */
#define CLP_INJECT_KIND			0xa000
#define   CLP_INJECT_NONE		0 /* disarms all */
#define   CLP_INJECT_HANG		1 /* the engine stops in the command */
#define   CLP_INJECT_PAGE_FAULT		2 /* the command's first access finds no translation */
#define   CLP_INJECT_ILLEGAL		3 /* the command is taken as illegal */
#define   CLP_INJECT_ECC		4 /* ARG 0: corrected, 1: uncorrectable */
#define   CLP_INJECT_IRQ_LOST		5
#define   CLP_INJECT_IRQ_LATE		6 /* by ARG microseconds */
#define   CLP_INJECT_IRQ_SPURIOUS	7 /* at once, on vector ARG */
/* the two halves of the fence value ARG microseconds apart */
#define   CLP_INJECT_COMPLETION_TORN	8
/* out of order: the interrupt comes ARG microseconds before the value */
#define   CLP_INJECT_COMPLETION_EARLY	9
#define   CLP_INJECT_QUEUE_RESET_FAILS	10 /* the queue stays RESETTING */
#define   CLP_INJECT_ENGINE_RESET_FAILS	11
/* STATUS stays RESETTING after CONTROL.RESET; FLR still works */
#define   CLP_INJECT_FUNCTION_RESET_FAILS 12
#define   CLP_INJECT_LINK_LOSS		13 /* every read gives all ones, writes and DMA are lost */
/* the command takes ARG microseconds longer, and progresses */
#define   CLP_INJECT_SLOW		14
#define   CLP_NUM_INJECT		15
/* queue number; engine number for ENGINE_RESET_FAILS */
#define CLP_INJECT_TARGET		0xa004
#define   CLP_INJECT_ANY		0xffffffff
#define CLP_INJECT_SKIP			0xa008 /* matching events to let pass first */
#define CLP_INJECT_COUNT		0xa00c /* events to spoil */
#define CLP_INJECT_ARG			0xa010
#define CLP_INJECT_ARM			0xa014
#define CLP_INJECT_FIRED		0xa018 /* events spoilt since the last ARM */

/*
 * Page tables: four levels of 512 entries of 64 bits, 48-bit virtual and bus addresses. Level 3 is
 * the root; a level 1 entry may be a 2 MiB leaf; level 0 entries are 4 KiB leaves. Reserved bits
 * must be zero.
 */
#define CLP_VA_BITS			48
#define CLP_DMA_BITS			48
#define CLP_PT_LEVELS			4
#define CLP_PT_ENTRIES			512
#define CLP_PAGE_SHIFT			12
#define CLP_LARGE_PAGE_SHIFT		21
#define CLP_PTE_VALID			0x0000000000000001ULL
#define CLP_PTE_WRITE			0x0000000000000002ULL /* leaf: may be written */
#define CLP_PTE_USER			0x0000000000000004ULL /* leaf: command streams may use it */
#define CLP_PTE_LARGE			0x0000000000000008ULL /* level 1: 2 MiB leaf */
#define CLP_PTE_ADDR			0x0000fffffffff000ULL

#define CLP_RING_ORDER_MIN		2
#define CLP_RING_ORDER_MAX		10
#define CLP_FAULTQ_ORDER_MAX		10
#define CLP_BINDINGS_MAX		256

#ifdef __KERNEL__
#include <linux/types.h>
#define clp_u32 __u32
#define clp_u64 __u64
#else
#define clp_u32 __UINT32_TYPE__
#define clp_u64 __UINT64_TYPE__
#endif

/**
 * struct clp_job - an entry of a queue's ring, read by the card through the queue's context as
 * privileged access
 * @stream: virtual address of the command stream, 8-byte aligned
 * @bindings: virtual address of an array of struct drm_halyard_clipper_binding
 * @stream_size: bytes of the command stream, a multiple of 64
 * @binding_count: entries at @bindings, at most CLP_BINDINGS_MAX
 * @fence: value for struct clp_queue_status.fence when the job is done; grows from job to job
 * @flags: CLP_JOB_*
 * @reserved: zero
 */
struct clp_job {
	clp_u64 stream;
	clp_u64 bindings;
	clp_u32 stream_size;
	clp_u32 binding_count;
	clp_u64 fence;
	clp_u32 flags;
#define CLP_JOB_IRQ	0x00000001 /* raise the engine's vector when done */
	clp_u32 reserved[7];
};

/**
 * struct clp_queue_status - written by the card through the queue's context as privileged access
 * @fence: of the newest completed job; written last, as one 64-bit store
 * @busy_ns: device time spent on the queue's jobs; updated before @fence
 * @commands: commands completed: grows while a job makes progress
 * @jobs: jobs completed
 * @reserved: zero
 */
struct clp_queue_status {
	clp_u64 fence;
	clp_u64 busy_ns;
	clp_u64 commands;
	clp_u64 jobs;
	clp_u64 reserved[4];
};

/**
 * struct clp_fault - a record of the fault queue
 * @sequence: free-running number of the record plus 1, written last: valid when it equals head + 1
 * @cause: CLP_FAULT_*
 * @address: virtual address that faulted, 0 when none is concerned
 * @access: 0 read, 1 write
 * @ctx: context
 * @queue: queue, CLP_NO_QUEUE when none is concerned
 * @engine: engine, CLP_NO_QUEUE when none is concerned
 * @fence: of the job
 * @command: index of the command in its stream
 * @tag: the command's own tag
 * @timestamp: as CLP_TIMESTAMP
 * @reserved: zero
 */
struct clp_fault {
	clp_u32 sequence;
	clp_u32 cause;
#define CLP_FAULT_ILLEGAL_COMMAND	1
#define CLP_FAULT_OUT_OF_BOUNDS		2 /* an operand leaves its binding */
#define CLP_FAULT_UNMAPPED		3
#define CLP_FAULT_PERMISSION		4
#define CLP_FAULT_PTE_MALFORMED		5
#define CLP_FAULT_BUS			6 /* table or leaf points to no memory */
#define CLP_FAULT_ECC_UNCORRECTABLE	7
#define CLP_FAULT_RING			8 /* ring entry malformed, or tail past the ring */
	clp_u64 address;
	clp_u32 access;
	clp_u32 ctx;
	clp_u32 queue;
	clp_u32 engine;
	clp_u64 fence;
	clp_u32 command;
	clp_u32 tag;
	clp_u64 timestamp;
	clp_u32 reserved[2];
};

#endif
