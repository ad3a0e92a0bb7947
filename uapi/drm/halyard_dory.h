/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_DRM_HALYARD_DORY_H_
#define _UAPI_DRM_HALYARD_DORY_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Dory's job payload and command stream
 *
 * The payload of a job (&struct drm_halyard_job.payload) is one &struct drm_halyard_dory_payload.
 * It says where in the job's buffers the command stream stands. The job's buffers are the card's
 * regions: the buffer at position n of the job's list is region n.
 *
 * A command stream is a sequence of little-endian 32-bit words. SET loads state registers with the
 * words that follow it; every other opcode executes an operation on the operands and parameters
 * that the state registers describe. State registers keep their values from operation to operation
 * and are zero when the job begins. What an operation does not use it does not look at.
 *
 * An operand addresses memory as an offset in a region, never directly. The kernel copies the
 * stream when the job is submitted and checks the copy word by word: whoever writes to the stream
 * later changes nothing. SUBMIT fails with EINVAL when a command is malformed, or when an operand
 * leaves its region or would write to one that the job may only read. Whether the shapes of an
 * operation's operands fit together is checked by the card, before it touches memory: the job fails
 * with EILSEQ then.
 *
 * Operations of one job run in order, each seeing the results of those before.
 */

/** enum drm_halyard_dory_engine - engine classes */
enum drm_halyard_dory_engine {
	/** @DRM_HALYARD_DORY_ENGINE_NPU: executes every command */
	DRM_HALYARD_DORY_ENGINE_NPU = 0,
};

/** DRM_HALYARD_DORY_REGIONS - most buffers of a job */
#define DRM_HALYARD_DORY_REGIONS	8
/** DRM_HALYARD_DORY_STREAM_MAX - most bytes of a command stream */
#define DRM_HALYARD_DORY_STREAM_MAX	0x100000
/** DRM_HALYARD_DORY_MAX_RANK - most dimensions of an operand */
#define DRM_HALYARD_DORY_MAX_RANK	4

/** struct drm_halyard_dory_payload - what a job of this chip consists of */
struct drm_halyard_dory_payload {
	/** @slot: position of the stream's buffer in the job's list */
	__u32 slot;
	/** @flags: must be zero */
	__u32 flags;
	/** @offset: bytes from the buffer's start to the stream, a multiple of 4 */
	__u32 offset;
	/**
	 * @size: bytes of the stream, a multiple of 4, from 4 to %DRM_HALYARD_DORY_STREAM_MAX
	 */
	__u32 size;
};

/**
 * enum drm_halyard_dory_opcode - bits 31:24 of a command's first word; operands of operations by
 * the names of &enum drm_halyard_dory_operand, [x] may be absent
 *
 * In all but SET, bits 23:0 are zero.
 */
enum drm_halyard_dory_opcode {
	/**
	 * @DRM_HALYARD_DORY_OP_SET: bits 23:16 words follow, at least 1, which are the values of
	 * the state registers from number 15:0 on
	 */
	DRM_HALYARD_DORY_OP_SET = 1,
	/** @DRM_HALYARD_DORY_OP_END: ends the stream, which has nothing behind it */
	DRM_HALYARD_DORY_OP_END = 2,
	/** @DRM_HALYARD_DORY_OP_MATMUL: IN0, IN1, [BIAS], [SCALE], OUT; epilogue */
	DRM_HALYARD_DORY_OP_MATMUL = 3,
	/**
	 * @DRM_HALYARD_DORY_OP_CONV2D: IN0, IN1 (the weight), [BIAS], [SCALE], OUT; epilogue,
	 * STRIDES, DILATION, PAD_BEFORE, PAD_AFTER, GROUPS
	 */
	DRM_HALYARD_DORY_OP_CONV2D = 4,
	/** @DRM_HALYARD_DORY_OP_BINARY: IN0, IN1, OUT; BINARY, ACTIVATION */
	DRM_HALYARD_DORY_OP_BINARY = 5,
	/** @DRM_HALYARD_DORY_OP_ACTIVATE: IN0, OUT; ACTIVATION */
	DRM_HALYARD_DORY_OP_ACTIVATE = 6,
	/**
	 * @DRM_HALYARD_DORY_OP_POOL2D: IN0, OUT; POOL, KERNEL, STRIDES, PAD_BEFORE, PAD_AFTER
	 */
	DRM_HALYARD_DORY_OP_POOL2D = 7,
	/** @DRM_HALYARD_DORY_OP_SOFTMAX: IN0, OUT; along the last dimension */
	DRM_HALYARD_DORY_OP_SOFTMAX = 8,
	/** @DRM_HALYARD_DORY_OP_NORM: IN0, [BIAS], [SCALE] (the gain), OUT; NORM, EPSILON */
	DRM_HALYARD_DORY_OP_NORM = 9,
	/**
	 * @DRM_HALYARD_DORY_OP_COPY: IN0, OUT of equal dims; strides transpose, types convert
	 */
	DRM_HALYARD_DORY_OP_COPY = 10,
	/** @DRM_HALYARD_DORY_OP_QUANTIZE: IN0, SCALE, OUT; AXIS, ZERO_POINT */
	DRM_HALYARD_DORY_OP_QUANTIZE = 11,
	/** @DRM_HALYARD_DORY_OP_DEQUANTIZE: IN0, SCALE, OUT; AXIS, ZERO_POINT */
	DRM_HALYARD_DORY_OP_DEQUANTIZE = 12,
	/** @DRM_HALYARD_DORY_OP_REQUANTIZE: IN0, SCALE, OUT; AXIS, ZERO_POINT */
	DRM_HALYARD_DORY_OP_REQUANTIZE = 13,
	/** @DRM_HALYARD_DORY_OP_FILL: OUT; PATTERN */
	DRM_HALYARD_DORY_OP_FILL = 14,
	/**
	 * @DRM_HALYARD_DORY_OP_TIMESTAMP: OUT of rank 1, two I32 elements of stride 1, 8-byte
	 * aligned; stores the device's time in ns
	 */
	DRM_HALYARD_DORY_OP_TIMESTAMP = 15,
	/** @DRM_HALYARD_DORY_NUM_OPCODES: one more than the last */
	DRM_HALYARD_DORY_NUM_OPCODES
};

#define DRM_HALYARD_DORY_OPCODE_SHIFT	24
#define DRM_HALYARD_DORY_SET_COUNT_SHIFT 16
#define DRM_HALYARD_DORY_SET_COUNT_MASK	0x00ff0000
#define DRM_HALYARD_DORY_SET_FIRST_MASK	0x0000ffff

/** enum drm_halyard_dory_operand - operands that the state registers hold */
enum drm_halyard_dory_operand {
	/** @DRM_HALYARD_DORY_IN0: first input */
	DRM_HALYARD_DORY_IN0 = 0,
	/** @DRM_HALYARD_DORY_IN1: second input, or weight */
	DRM_HALYARD_DORY_IN1 = 1,
	/** @DRM_HALYARD_DORY_BIAS: added to results */
	DRM_HALYARD_DORY_BIAS = 2,
	/** @DRM_HALYARD_DORY_SCALE: multiplies results */
	DRM_HALYARD_DORY_SCALE = 3,
	/** @DRM_HALYARD_DORY_OUT: the output: the only operand that is written */
	DRM_HALYARD_DORY_OUT = 4,
	/** @DRM_HALYARD_DORY_NUM_OPERANDS: one more than the last */
	DRM_HALYARD_DORY_NUM_OPERANDS
};

/* State registers of operand n: DRM_HALYARD_DORY_OPERAND(n) plus one of the following */
#define DRM_HALYARD_DORY_OPERAND_WORDS	10
#define DRM_HALYARD_DORY_OPERAND(n)	((n) * DRM_HALYARD_DORY_OPERAND_WORDS)
/* DTYPE 0: the operand is absent, and its other registers are not looked at */
#define DRM_HALYARD_DORY_FORMAT		0
#define   DRM_HALYARD_DORY_FORMAT_DTYPE	0x000000ff /* enum drm_halyard_dory_dtype */
#define   DRM_HALYARD_DORY_FORMAT_RANK	0x0000ff00 /* 1 to 4 */
#define   DRM_HALYARD_DORY_FORMAT_REGION 0x00ff0000
#define   DRM_HALYARD_DORY_FORMAT_ZERO	0xff000000 /* must be zero */
/* bytes from the region's start to element (0, ..., 0), aligned to the element's size */
#define DRM_HALYARD_DORY_OFFSET		1
/* elements along dimension d, at least 1; beyond the rank not looked at */
#define DRM_HALYARD_DORY_DIM(d)		(2 + (d))
/*
 * elements between neighbours along dimension d, signed; beyond the rank not looked at. OUT: no two
 * elements may share memory
 */
#define DRM_HALYARD_DORY_STRIDE(d)	(6 + (d))

/* State registers: parameters */
#define DRM_HALYARD_DORY_TAG		50 /* user space's own; errors report it */
#define DRM_HALYARD_DORY_ACTIVATION	51 /* enum drm_halyard_dory_activation */
#define DRM_HALYARD_DORY_ZERO_POINT	52 /* signed */
#define DRM_HALYARD_DORY_STRIDES	53 /* of windows: rows 15:0, columns 31:16 */
#define DRM_HALYARD_DORY_DILATION	54 /* of taps: rows 15:0, columns 31:16 */
#define DRM_HALYARD_DORY_PAD_BEFORE	55 /* rows above 15:0, columns to the left 31:16 */
#define DRM_HALYARD_DORY_PAD_AFTER	56 /* rows below 15:0, columns to the right 31:16 */
#define DRM_HALYARD_DORY_GROUPS		57
#define DRM_HALYARD_DORY_KERNEL		58 /* of pools: rows 15:0, columns 31:16 */
#define DRM_HALYARD_DORY_BINARY		59 /* enum drm_halyard_dory_binary */
#define DRM_HALYARD_DORY_POOL		60 /* enum drm_halyard_dory_pool */
#define DRM_HALYARD_DORY_NORM		61 /* enum drm_halyard_dory_norm */
#define DRM_HALYARD_DORY_EPSILON	62 /* float32 bits */
#define DRM_HALYARD_DORY_AXIS		63 /* dimension that scales run along */
#define DRM_HALYARD_DORY_PATTERN	64 /* the element's bits in its low bytes, others zero */
#define DRM_HALYARD_DORY_NUM_STATE	65 /* one more than the last */

/** enum drm_halyard_dory_dtype - storage type of an element */
enum drm_halyard_dory_dtype {
	/** @DRM_HALYARD_DORY_F32: IEEE binary32 */
	DRM_HALYARD_DORY_F32 = 1,
	/** @DRM_HALYARD_DORY_I8: two's complement, 8 bits */
	DRM_HALYARD_DORY_I8 = 2,
	/** @DRM_HALYARD_DORY_U8: unsigned, 8 bits */
	DRM_HALYARD_DORY_U8 = 3,
	/** @DRM_HALYARD_DORY_I32: two's complement, 32 bits */
	DRM_HALYARD_DORY_I32 = 4,
};

/** enum drm_halyard_dory_activation - applied to a result before it is stored */
enum drm_halyard_dory_activation {
	/** @DRM_HALYARD_DORY_ACT_NONE: as it is */
	DRM_HALYARD_DORY_ACT_NONE = 0,
	/** @DRM_HALYARD_DORY_ACT_RELU: max(x, 0) */
	DRM_HALYARD_DORY_ACT_RELU = 1,
	/** @DRM_HALYARD_DORY_ACT_GELU: x / 2 * (1 + erf(x / sqrt(2))) */
	DRM_HALYARD_DORY_ACT_GELU = 2,
	/** @DRM_HALYARD_DORY_ACT_SILU: x / (1 + exp(-x)) */
	DRM_HALYARD_DORY_ACT_SILU = 3,
	/** @DRM_HALYARD_DORY_ACT_SIGMOID: 1 / (1 + exp(-x)) */
	DRM_HALYARD_DORY_ACT_SIGMOID = 4,
	/** @DRM_HALYARD_DORY_ACT_TANH: tanh(x) */
	DRM_HALYARD_DORY_ACT_TANH = 5,
};

/** enum drm_halyard_dory_binary - the operation of BINARY */
enum drm_halyard_dory_binary {
	/** @DRM_HALYARD_DORY_ADD: a + b */
	DRM_HALYARD_DORY_ADD = 0,
	/** @DRM_HALYARD_DORY_SUB: a - b */
	DRM_HALYARD_DORY_SUB = 1,
	/** @DRM_HALYARD_DORY_MUL: a * b */
	DRM_HALYARD_DORY_MUL = 2,
	/** @DRM_HALYARD_DORY_DIV: a / b */
	DRM_HALYARD_DORY_DIV = 3,
	/** @DRM_HALYARD_DORY_MAX: the larger */
	DRM_HALYARD_DORY_MAX = 4,
	/** @DRM_HALYARD_DORY_MIN: the smaller */
	DRM_HALYARD_DORY_MIN = 5,
};

/** enum drm_halyard_dory_pool - the operation of POOL2D */
enum drm_halyard_dory_pool {
	/** @DRM_HALYARD_DORY_POOL_MAX: maximum; ignores the padding */
	DRM_HALYARD_DORY_POOL_MAX = 0,
	/** @DRM_HALYARD_DORY_POOL_AVERAGE: average of what is not padding */
	DRM_HALYARD_DORY_POOL_AVERAGE = 1,
	/** @DRM_HALYARD_DORY_POOL_AVERAGE_PADDED: average; padding counts in the divisor */
	DRM_HALYARD_DORY_POOL_AVERAGE_PADDED = 2,
};

/** enum drm_halyard_dory_norm - the operation of NORM */
enum drm_halyard_dory_norm {
	/** @DRM_HALYARD_DORY_NORM_LAYER: layer norm */
	DRM_HALYARD_DORY_NORM_LAYER = 0,
	/** @DRM_HALYARD_DORY_NORM_RMS: RMS norm; takes no BIAS */
	DRM_HALYARD_DORY_NORM_RMS = 1,
};

/** struct drm_halyard_dory_info - DEV_QUERY's chip blob */
struct drm_halyard_dory_info {
	/** @revision: major 31:16, minor 15:0 */
	__u32 revision;
	/** @regions: most buffers of a job */
	__u32 regions;
	/** @opcodes: bit n: opcode n is implemented */
	__u32 opcodes;
	/** @stream_max: most bytes of a command stream */
	__u32 stream_max;
	/** @clock_khz: of the cost model's cycles */
	__u32 clock_khz;
	/** @pad: zero */
	__u32 pad;
};

#if defined(__cplusplus)
}
#endif

#endif
