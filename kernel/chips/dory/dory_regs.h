/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Dory: registers. The kernel driver and the emulated card include this one file;
 * Documentation/hardware/dory.rst says what each of it means.
 *
 * All registers are 32 bits wide, little-endian, in BAR 0; only aligned 4-byte accesses are
 * defined. A pair _LO/_HI is one 64-bit value, of which reading _LO latches _HI.
 */
#ifndef DORY_REGS_H
#define DORY_REGS_H

#define DORY_BAR			0
#define DORY_BAR_SIZE			0x1000
#define DORY_MSIX_BAR			2
#define DORY_MSIX_BAR_SIZE		0x1000
#define DORY_MSIX_TABLE			0x000
#define DORY_MSIX_PBA			0x800

#define DORY_NUM_VECTORS		1
#define DORY_NUM_REGIONS		8
#define DORY_DMA_BITS			32
#define DORY_STREAM_ORDER_MAX		20 /* log2 of the bytes of a command stream */
#define DORY_ALIGN			64 /* of the stream's and the regions' addresses */

/* Identification, capabilities */
#define DORY_ID				0x000
#define   DORY_ID_VALUE			0x444f5259 /* "DORY" */
#define DORY_REVISION			0x004 /* major 31:16, minor 15:0 */
#define   DORY_REVISION_MAJOR		1
#define   DORY_REVISION_MINOR		0
#define DORY_CAPS			0x008
#define   DORY_CAPS_REGIONS		0x000000ff
#define   DORY_CAPS_DMA_BITS		0x0000ff00
#define   DORY_CAPS_STREAM_ORDER_MAX	0x00ff0000
#define DORY_OPCODES			0x00c /* bit n: opcode n is implemented */
#define DORY_CLOCK_KHZ			0x010 /* of the cycles in the cost model */
#define   DORY_CLOCK_KHZ_VALUE		500000

/* Control and status */
#define DORY_CTRL			0x014
/* stops the job, sets every register but TIMESTAMP and the injections back; reads as 0 */
#define   DORY_CTRL_RESET		0x00000001
#define DORY_STATUS			0x018
#define   DORY_STATUS_BUSY		0x00000001 /* a job runs */
#define   DORY_STATUS_RESETTING		0x00000002 /* only ID, REVISION and STATUS are valid */
#define   DORY_STATUS_DONE		0x00000004 /* the newest job has ended without error */
#define   DORY_STATUS_ERROR		0x00000008 /* the newest job has ended with an error */
#define DORY_SCRATCH			0x01c

/*
 * Interrupt: a message is sent when an enabled bit becomes set while no other enabled one was, and
 * after a write to ACK or ENABLE that leaves an enabled bit set.
 */
#define DORY_IRQ_STATUS			0x020
#define   DORY_IRQ_DONE			0x00000001
#define   DORY_IRQ_ERROR		0x00000002
#define DORY_IRQ_ACK			0x024 /* write 1 to clear the bit in IRQ_STATUS */
#define DORY_IRQ_ENABLE			0x028

/* The job: to be changed only while STATUS.BUSY is 0 */
#define DORY_STREAM			0x030 /* bus address of the command stream */
#define DORY_STREAM_SIZE		0x034 /* bytes, a multiple of 4 */
#define DORY_JOB			0x038 /* the driver's number for the job, latched by RUN */
#define DORY_RUN			0x03c /* writing 1 starts the job */

/* Progress of the running job, else of the newest */
#define DORY_COMPLETED			0x040 /* JOB of the newest job that ended without error */
#define DORY_COMMANDS			0x044 /* operations completed */
#define DORY_TAG			0x048 /* the state register TAG */
#define DORY_CYCLES_LO			0x050 /* by the cost model */
#define DORY_CYCLES_HI			0x054
#define DORY_TIMESTAMP_LO		0x058 /* ns since power-on, monotonic */
#define DORY_TIMESTAMP_HI		0x05c

/* Why the newest job ended with an error; COMMANDS and TAG say where */
#define DORY_ERROR_CAUSE		0x060
#define   DORY_ERROR_NONE		0
#define   DORY_ERROR_STREAM		1 /* command malformed: rule DORY-J5 */
#define   DORY_ERROR_OPERANDS		2 /* shapes, types, parameters do not fit together */
#define   DORY_ERROR_BOUNDS		3 /* an operand leaves its region: rule DORY-J6 */
#define   DORY_ERROR_PERMISSION		4 /* region is not to be written: rule DORY-J6 */
#define   DORY_ERROR_BUS		5 /* no memory at the address */
#define   DORY_ERROR_ECC		6 /* uncorrectable memory error */
#define DORY_ERROR_ADDRESS		0x064 /* bus address, 0 when none is concerned */
#define DORY_ERROR_ACCESS		0x068
#define   DORY_ERROR_ACCESS_REGION	0x000000ff
/* in ERROR_ACCESS_REGION: none is concerned, or it is the command stream */
#define   DORY_NO_REGION		0xff
#define   DORY_ERROR_ACCESS_WRITE	0x00000100
#define DORY_ERROR_OFFSET		0x06c /* bytes from the stream's start to the command */

/* Counters since reset, free-running */
#define DORY_PERF(n)			(0x080 + (n) * 4)
#define DORY_PERF_JOBS			0
#define DORY_PERF_COMMANDS		1
#define DORY_PERF_KIB_READ		2
#define DORY_PERF_KIB_WRITTEN		3
#define DORY_PERF_INTERRUPTS		4
#define DORY_PERF_ERRORS		5
#define DORY_PERF_ECC_CORRECTED		6
#define DORY_NUM_PERF			7

/* Regions: what operands may reach. To be changed only while STATUS.BUSY is 0. */
#define DORY_REGION(n)			(0x100 + (n) * 0x10)
#define DORY_REGION_BASE		0x0 /* bus address */
#define DORY_REGION_LIMIT		0x4 /* bytes; 0: nothing of it may be reached */
#define DORY_REGION_FLAGS		0x8
#define   DORY_REGION_FLAGS_WRITE	0x00000001 /* may be written */

/* Error injection: fill in KIND, SKIP, COUNT, ARG, then write 1 to ARM */
#define DORY_INJECT_KIND		0x200
#define   DORY_INJECT_NONE		0 /* disarms all */
#define   DORY_INJECT_HANG		1 /* the card stops before the operation */
#define   DORY_INJECT_OPERANDS		2 /* the operation is taken as one that does not fit */
#define   DORY_INJECT_BUS		3 /* the operation's first access meets no memory */
#define   DORY_INJECT_ECC		4 /* ARG 0: corrected, 1: uncorrectable */
#define   DORY_INJECT_IRQ_LOST		5
#define   DORY_INJECT_IRQ_LATE		6 /* by ARG microseconds */
#define   DORY_INJECT_IRQ_SPURIOUS	7 /* at once */
/* the interrupt comes ARG microseconds before the job is done */
#define   DORY_INJECT_IRQ_EARLY		8
#define   DORY_INJECT_RESET_FAILS	9 /* STATUS stays RESETTING; FLR still works */
#define   DORY_INJECT_LINK_LOSS		10 /* reads give all ones, writes and DMA are lost */
/* the operation takes ARG microseconds longer */
#define   DORY_INJECT_SLOW		11
#define   DORY_NUM_INJECT		12
#define DORY_INJECT_SKIP		0x204 /* matching events to let pass first */
#define DORY_INJECT_COUNT		0x208 /* events to spoil */
#define DORY_INJECT_ARG			0x20c
#define DORY_INJECT_ARM			0x210
#define DORY_INJECT_FIRED		0x214 /* events spoilt since the last ARM */

#endif
