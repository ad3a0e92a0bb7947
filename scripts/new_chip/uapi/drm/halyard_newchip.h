/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_DRM_HALYARD_NEWCHIP_H_
#define _UAPI_DRM_HALYARD_NEWCHIP_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Newchip's job payload
 *
 * The payload of a job (&struct drm_halyard_job.payload) is one
 * &struct drm_halyard_newchip_payload, which holds the commands themselves. A command addresses
 * memory as an offset in one of the job's buffers, by the buffer's position in the job's list. The
 * kernel checks every command before the job is accepted: one that leaves its buffer, or writes to
 * one that the job may only read, fails SUBMIT with EINVAL.
 */

/** enum drm_halyard_newchip_engine - engine classes */
enum drm_halyard_newchip_engine {
	/** @DRM_HALYARD_NEWCHIP_ENGINE_NPU: executes every command */
	DRM_HALYARD_NEWCHIP_ENGINE_NPU = 0,
};

/** DRM_HALYARD_NEWCHIP_BUFFERS_MAX - most buffers of a job */
#define DRM_HALYARD_NEWCHIP_BUFFERS_MAX	8
/** DRM_HALYARD_NEWCHIP_COMMANDS_MAX - most commands of a job */
#define DRM_HALYARD_NEWCHIP_COMMANDS_MAX	16

/** enum drm_halyard_newchip_opcode - what a command does */
enum drm_halyard_newchip_opcode {
	/** @DRM_HALYARD_NEWCHIP_NOP: nothing */
	DRM_HALYARD_NEWCHIP_NOP = 0,
	/** @DRM_HALYARD_NEWCHIP_COPY: out = a; elements are bytes */
	DRM_HALYARD_NEWCHIP_COPY = 1,
	/** @DRM_HALYARD_NEWCHIP_FILL: out = pattern; elements are 32-bit words */
	DRM_HALYARD_NEWCHIP_FILL = 2,
	/** @DRM_HALYARD_NEWCHIP_ADD: out = a + b; elements are float32 */
	DRM_HALYARD_NEWCHIP_ADD = 3,
	/** @DRM_HALYARD_NEWCHIP_MUL: out = a * b; elements are float32 */
	DRM_HALYARD_NEWCHIP_MUL = 4,
	/** @DRM_HALYARD_NEWCHIP_RELU: out = max(a, 0); elements are float32 */
	DRM_HALYARD_NEWCHIP_RELU = 5,
	/** @DRM_HALYARD_NEWCHIP_TIMESTAMP: out = the card's time in ns; one element of 64 bits */
	DRM_HALYARD_NEWCHIP_TIMESTAMP = 6,
	/** @DRM_HALYARD_NEWCHIP_NUM_OPCODES: one more than the last */
	DRM_HALYARD_NEWCHIP_NUM_OPCODES
};

/** struct drm_halyard_newchip_place - where the elements of an operand begin */
struct drm_halyard_newchip_place {
	/** @offset: bytes from the buffer's start, a multiple of the element's size */
	__u64 offset;
	/** @slot: position of the buffer in the job's list */
	__u32 slot;
	/** @pad: must be zero */
	__u32 pad;
};

/** struct drm_halyard_newchip_command - one command */
struct drm_halyard_newchip_command {
	/** @opcode: &enum drm_halyard_newchip_opcode */
	__u32 opcode;
	/** @tag: user space's own; faults report it */
	__u32 tag;
	/** @count: elements, at least 1, of less than 2^31 bytes together; NOP: zero */
	__u32 count;
	/** @pattern: of FILL; else zero */
	__u32 pattern;
	/** @out: what is written; NOP: zero */
	struct drm_halyard_newchip_place out;
	/** @a: first input; of commands without: zero */
	struct drm_halyard_newchip_place a;
	/** @b: second input; of commands without: zero */
	struct drm_halyard_newchip_place b;
};

/** struct drm_halyard_newchip_payload - what a job of this chip consists of */
struct drm_halyard_newchip_payload {
	/** @count: commands, at most %DRM_HALYARD_NEWCHIP_COMMANDS_MAX; 0 is an empty job */
	__u32 count;
	/** @flags: must be zero */
	__u32 flags;
	/** @commands: @count of them, the rest zero */
	struct drm_halyard_newchip_command commands[DRM_HALYARD_NEWCHIP_COMMANDS_MAX];
};

/** struct drm_halyard_newchip_info - DEV_QUERY's chip blob */
struct drm_halyard_newchip_info {
	/** @revision: major 31:16, minor 15:0 */
	__u32 revision;
	/** @opcodes: bit n: opcode n is implemented */
	__u32 opcodes;
};

#if defined(__cplusplus)
}
#endif

#endif
