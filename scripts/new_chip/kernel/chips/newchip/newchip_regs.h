/* SPDX-License-Identifier: (GPL-2.0-only OR MIT) */
/*
 * Newchip's registers and its job descriptor: the one place where they stand. The kernel driver and
 * the emulated card include this file; Documentation/hardware/newchip.rst explains it.
 */
#ifndef HALYARD_NEWCHIP_REGS_H
#define HALYARD_NEWCHIP_REGS_H

#include <drm/halyard_newchip.h>

#define NEWCHIP_REVISION_MAJOR		1
#define NEWCHIP_REVISION_MINOR		0

/* BAR 0: registers of 32 bits; MSI-X table and pending bits behind them. */
#define NEWCHIP_REGS_BAR			0
#define NEWCHIP_REGS_SIZE		0x4000
#define NEWCHIP_MSIX_TABLE		0x2000
#define NEWCHIP_MSIX_PBA			0x3000
#define NEWCHIP_NUM_VECTORS		1

#define NEWCHIP_ID			0x000 /* RO: NEWCHIP_ID_VALUE */
#define NEWCHIP_ID_VALUE			0x4e57494d
#define NEWCHIP_REVISION			0x004 /* RO: major 31:16, minor 15:0 */
#define NEWCHIP_CONTROL			0x008
#define NEWCHIP_CONTROL_RESET		0x1 /* WO: stops the job; reads 0 when the reset is over */
#define NEWCHIP_IRQ_STATUS		0x00c /* RW1C */
#define NEWCHIP_IRQ_ENABLE		0x010 /* RW */
#define NEWCHIP_IRQ_DONE			0x1 /* the job ended */
#define NEWCHIP_JOB_LO			0x014 /* RW: bus address of the job descriptor */
#define NEWCHIP_JOB_HI			0x018
#define NEWCHIP_RUN			0x01c /* WO: 1 runs the job at JOB; not while BUSY */
#define NEWCHIP_STATUS			0x020 /* RO */
#define NEWCHIP_STATUS_IDLE		0
#define NEWCHIP_STATUS_BUSY		1
#define NEWCHIP_STATUS_DONE		2 /* until the next RUN or reset */
#define NEWCHIP_STATUS_ERROR		3 /* the same */
#define NEWCHIP_PROGRESS			0x024 /* RO: commands of the job that are done */
#define NEWCHIP_ERROR			0x028 /* RO: NEWCHIP_ERROR_* of the last job */
#define NEWCHIP_ERROR_NONE		0
#define NEWCHIP_ERROR_COMMAND		1 /* a command or the descriptor is malformed */
#define NEWCHIP_ERROR_BOUNDS		2 /* outside of a buffer, or a write that it forbids */
#define NEWCHIP_ERROR_BUS		3 /* the host refused an access */
#define NEWCHIP_TIME_LO			0x02c /* RO: ns since power-on; reading latches TIME_HI */
#define NEWCHIP_TIME_HI			0x030

/* The job descriptor, in host memory, read once at RUN. Little-endian. */
struct newchip_buffer {
	__u64 address;	/* bus address */
	__u64 size;	/* bytes */
	__u32 flags;
#define NEWCHIP_BUFFER_WRITE		0x1
	__u32 reserved;	/* zero */
};

struct newchip_job {
	__u32 num_buffers;
	__u32 num_commands;
	struct newchip_buffer buffers[DRM_HALYARD_NEWCHIP_BUFFERS_MAX];
	struct drm_halyard_newchip_command commands[DRM_HALYARD_NEWCHIP_COMMANDS_MAX];
};

#endif
