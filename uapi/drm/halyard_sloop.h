/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_DRM_HALYARD_SLOOP_H_
#define _UAPI_DRM_HALYARD_SLOOP_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Sloop's job payload and command stream
 *
 * The payload of a job (&struct drm_halyard_job.payload) is one &struct
 * drm_halyard_sloop_payload: a command stream for the compute engines, or a transfer for the DMA
 * engines. Jobs bring their buffers: buffer number n of the job, counted from 0, is *segment* n,
 * and an address is n shifted left by DRM_HALYARD_SLOOP_SEGMENT_SHIFT plus an offset in bytes. A
 * job has at most DRM_HALYARD_SLOOP_MAX_SEGMENTS buffers. An access outside a segment, or a write
 * to one that the job does not list as written, is a fault. Compute jobs use card memory only; a
 * transfer may also read or write buffers in host memory.
 *
 * A command stream is an array of &struct drm_halyard_sloop_task, all of one size. Its operands
 * refer to memory by an index in the job's table of &struct drm_halyard_sloop_binding and an
 * offset, so one stream runs with any buffers. All numbers are little-endian; reserved fields, and
 * those that an opcode does not use, must be zero. The card checks every field, shape and address
 * before it executes a task. Stream and bindings lie in card memory; each task is read once, the
 * bindings are read once with the first.
 *
 * Tasks of one job run in order, each seeing the results of those before.
 */

/** enum drm_halyard_sloop_engine - engine classes */
enum drm_halyard_sloop_engine {
	/** @DRM_HALYARD_SLOOP_ENGINE_COMPUTE: runs DRM_HALYARD_SLOOP_JOB_COMPUTE */
	DRM_HALYARD_SLOOP_ENGINE_COMPUTE = 0,
	/** @DRM_HALYARD_SLOOP_ENGINE_DMA: runs the other jobs */
	DRM_HALYARD_SLOOP_ENGINE_DMA = 1,
};

#define DRM_HALYARD_SLOOP_SEGMENT_SHIFT	48
#define DRM_HALYARD_SLOOP_MAX_SEGMENTS	32
#define DRM_HALYARD_SLOOP_MAX_BINDINGS	256

/** enum drm_halyard_sloop_job - what a job does */
enum drm_halyard_sloop_job {
	/** @DRM_HALYARD_SLOOP_JOB_COMPUTE: executes a command stream */
	DRM_HALYARD_SLOOP_JOB_COMPUTE = 0,
	/** @DRM_HALYARD_SLOOP_JOB_COPY: copies bytes; the ranges must not overlap */
	DRM_HALYARD_SLOOP_JOB_COPY = 1,
	/** @DRM_HALYARD_SLOOP_JOB_FILL: repeats a 32-bit pattern */
	DRM_HALYARD_SLOOP_JOB_FILL = 2,
};

/**
 * struct drm_halyard_sloop_payload - what a job of this chip consists of
 *
 * Fields that @job does not use must be zero.
 */
struct drm_halyard_sloop_payload {
	/** @job: &enum drm_halyard_sloop_job, one that the queue's engine class runs */
	__u32 job;
	/** @flags: must be zero */
	__u32 flags;
	/** @source: COMPUTE: address of the stream, a multiple of 64; COPY: first byte read */
	__u64 source;
	/** @target: COPY: first byte written; FILL: likewise, a multiple of 4 */
	__u64 target;
	/**
	 * @size: bytes; COMPUTE: of the stream, a multiple of the size of &struct
	 * drm_halyard_sloop_task, below 4 GiB; FILL: a multiple of 4. 0 is an empty job.
	 */
	__u64 size;
	/**
	 * @bindings: COMPUTE: address of @binding_count &struct drm_halyard_sloop_binding, a
	 * multiple of 8; 0 when there are none
	 */
	__u64 bindings;
	/** @binding_count: COMPUTE: at most DRM_HALYARD_SLOOP_MAX_BINDINGS */
	__u32 binding_count;
	/** @pattern: FILL: four bytes */
	__u32 pattern;
};

/** struct drm_halyard_sloop_binding - a range of memory that operands refer to by its index */
struct drm_halyard_sloop_binding {
	/** @address: segment and offset */
	__u64 address;
	/** @size: bytes; an operand that reaches past it is a fault */
	__u64 size;
};

/** enum drm_halyard_sloop_dtype - storage type of an element */
enum drm_halyard_sloop_dtype {
	/** @DRM_HALYARD_SLOOP_F32: IEEE binary32 */
	DRM_HALYARD_SLOOP_F32 = 1,
	/** @DRM_HALYARD_SLOOP_F16: IEEE binary16 */
	DRM_HALYARD_SLOOP_F16 = 2,
	/** @DRM_HALYARD_SLOOP_BF16: bfloat16 */
	DRM_HALYARD_SLOOP_BF16 = 3,
	/** @DRM_HALYARD_SLOOP_I8: two's complement, 8 bits */
	DRM_HALYARD_SLOOP_I8 = 4,
	/** @DRM_HALYARD_SLOOP_U8: unsigned, 8 bits */
	DRM_HALYARD_SLOOP_U8 = 5,
	/** @DRM_HALYARD_SLOOP_I32: two's complement, 32 bits */
	DRM_HALYARD_SLOOP_I32 = 6,
};

#define DRM_HALYARD_SLOOP_MAX_RANK 6

/** struct drm_halyard_sloop_operand - a strided tensor in a binding */
struct drm_halyard_sloop_operand {
	/**
	 * @offset: bytes from the binding's start to element (0, ..., 0), so that the element's
	 * address is a multiple of its size
	 */
	__u64 offset;
	/** @binding: index into the job's bindings */
	__u16 binding;
	/** @dtype: &enum drm_halyard_sloop_dtype; 0: the operand is absent, all else in it zero */
	__u8 dtype;
	/** @rank: 1 to 6 */
	__u8 rank;
	/** @pad: must be zero */
	__u32 pad;
	/** @dims: elements along each dimension, at least 1; beyond @rank zero */
	__u32 dims[DRM_HALYARD_SLOOP_MAX_RANK];
	/**
	 * @strides: elements between neighbours along each dimension; beyond @rank zero. Output:
	 * no two elements may share memory
	 */
	__s32 strides[DRM_HALYARD_SLOOP_MAX_RANK];
};

/**
 * enum drm_halyard_sloop_opcode - what a task does
 *
 * Operands are named as in &struct drm_halyard_sloop_task; those not named are absent, those in
 * brackets may be. After the semicolon: the fields used besides @opcode and @tag.
 */
enum drm_halyard_sloop_opcode {
	/** @DRM_HALYARD_SLOOP_NOP: nothing */
	DRM_HALYARD_SLOOP_NOP = 0,
	/** @DRM_HALYARD_SLOOP_MATMUL: out, a, b, [bias], [scale]; activation, zero_point */
	DRM_HALYARD_SLOOP_MATMUL = 1,
	/**
	 * @DRM_HALYARD_SLOOP_CONV2D: NCHW; out, a, b: the weights, [bias], [scale]; activation,
	 * zero_point, stride, dilation, padding, groups
	 */
	DRM_HALYARD_SLOOP_CONV2D = 2,
	/**
	 * @DRM_HALYARD_SLOOP_BINARY: out, a, b; function: &enum drm_halyard_sloop_binary;
	 * activation
	 */
	DRM_HALYARD_SLOOP_BINARY = 3,
	/** @DRM_HALYARD_SLOOP_ACTIVATE: out, a; activation */
	DRM_HALYARD_SLOOP_ACTIVATE = 4,
	/**
	 * @DRM_HALYARD_SLOOP_POOL2D: NCHW; out, a; function: &enum drm_halyard_sloop_pool; kernel,
	 * stride, padding
	 */
	DRM_HALYARD_SLOOP_POOL2D = 5,
	/** @DRM_HALYARD_SLOOP_SOFTMAX: along the last dimension; out, a */
	DRM_HALYARD_SLOOP_SOFTMAX = 6,
	/**
	 * @DRM_HALYARD_SLOOP_NORM: along the last dimension; out, a, [scale]: the gain, [bias];
	 * function: &enum drm_halyard_sloop_norm; epsilon
	 */
	DRM_HALYARD_SLOOP_NORM = 7,
	/** @DRM_HALYARD_SLOOP_COPY: strides transpose, types convert; out, a of equal dims */
	DRM_HALYARD_SLOOP_COPY = 8,
	/**
	 * @DRM_HALYARD_SLOOP_GATHER: rows of a by the indices b; out, a, b; an index is an I32
	 * element or two, the low word of 64 bits first
	 */
	DRM_HALYARD_SLOOP_GATHER = 9,
	/** @DRM_HALYARD_SLOOP_QUANTIZE: out, a, scale; axis, zero_point */
	DRM_HALYARD_SLOOP_QUANTIZE = 10,
	/** @DRM_HALYARD_SLOOP_DEQUANTIZE: out, a, scale; axis, zero_point */
	DRM_HALYARD_SLOOP_DEQUANTIZE = 11,
	/** @DRM_HALYARD_SLOOP_REQUANTIZE: out, a, scale; axis, zero_point */
	DRM_HALYARD_SLOOP_REQUANTIZE = 12,
	/** @DRM_HALYARD_SLOOP_FILL: every element alike; out; pattern */
	DRM_HALYARD_SLOOP_FILL = 13,
	/**
	 * @DRM_HALYARD_SLOOP_TIMESTAMP: stores the device's time in ns; out: two adjacent I32
	 * elements at an address that is a multiple of 8
	 */
	DRM_HALYARD_SLOOP_TIMESTAMP = 14,
	/** @DRM_HALYARD_SLOOP_ROTATE: turns pairs of elements; out, a, b (the angles); pattern */
	DRM_HALYARD_SLOOP_ROTATE = 15,
	/**
	 * @DRM_HALYARD_SLOOP_SCATTER: writes the rows of out that the indices name, types convert;
	 * out, a, b (the indices, as GATHER's)
	 */
	DRM_HALYARD_SLOOP_SCATTER = 16,
	/**
	 * @DRM_HALYARD_SLOOP_UNPACK: the elements of blocks; out, a; function: &enum
	 * drm_halyard_sloop_format
	 */
	DRM_HALYARD_SLOOP_UNPACK = 17,
	/**
	 * @DRM_HALYARD_SLOOP_FUNCTION: out, a; function: &enum drm_halyard_sloop_function
	 */
	DRM_HALYARD_SLOOP_FUNCTION = 18,
	/**
	 * @DRM_HALYARD_SLOOP_ORDER: indices of the first elements of each row in order; out, a;
	 * function: 0 the smallest first, 1 the largest first
	 */
	DRM_HALYARD_SLOOP_ORDER = 19,
	/**
	 * @DRM_HALYARD_SLOOP_LINEAR: a product with the elements of b's blocks; out, a, b;
	 * function: &enum drm_halyard_sloop_format
	 */
	DRM_HALYARD_SLOOP_LINEAR = 20,
	/** @DRM_HALYARD_SLOOP_NUM_OPCODES: one more than the last */
	DRM_HALYARD_SLOOP_NUM_OPCODES
};

/** enum drm_halyard_sloop_activation - applied to a result before it is stored */
enum drm_halyard_sloop_activation {
	/** @DRM_HALYARD_SLOOP_ACT_NONE: as it is */
	DRM_HALYARD_SLOOP_ACT_NONE = 0,
	/** @DRM_HALYARD_SLOOP_ACT_RELU: max(x, 0) */
	DRM_HALYARD_SLOOP_ACT_RELU = 1,
	/** @DRM_HALYARD_SLOOP_ACT_GELU: x / 2 * (1 + erf(x / sqrt(2))) */
	DRM_HALYARD_SLOOP_ACT_GELU = 2,
	/** @DRM_HALYARD_SLOOP_ACT_SILU: x / (1 + exp(-x)) */
	DRM_HALYARD_SLOOP_ACT_SILU = 3,
	/** @DRM_HALYARD_SLOOP_ACT_SIGMOID: 1 / (1 + exp(-x)) */
	DRM_HALYARD_SLOOP_ACT_SIGMOID = 4,
	/** @DRM_HALYARD_SLOOP_ACT_TANH: tanh(x) */
	DRM_HALYARD_SLOOP_ACT_TANH = 5,
};

/** enum drm_halyard_sloop_binary - function of BINARY */
enum drm_halyard_sloop_binary {
	/** @DRM_HALYARD_SLOOP_ADD: a + b */
	DRM_HALYARD_SLOOP_ADD = 0,
	/** @DRM_HALYARD_SLOOP_SUB: a - b */
	DRM_HALYARD_SLOOP_SUB = 1,
	/** @DRM_HALYARD_SLOOP_MUL: a * b */
	DRM_HALYARD_SLOOP_MUL = 2,
	/** @DRM_HALYARD_SLOOP_DIV: a / b */
	DRM_HALYARD_SLOOP_DIV = 3,
	/** @DRM_HALYARD_SLOOP_MAX: the larger */
	DRM_HALYARD_SLOOP_MAX = 4,
	/** @DRM_HALYARD_SLOOP_MIN: the smaller */
	DRM_HALYARD_SLOOP_MIN = 5,
};

/** enum drm_halyard_sloop_function - function of FUNCTION */
enum drm_halyard_sloop_function {
	/** @DRM_HALYARD_SLOOP_EXP: exp(x) */
	DRM_HALYARD_SLOOP_EXP = 0,
	/** @DRM_HALYARD_SLOOP_EXPM1: exp(x) - 1 */
	DRM_HALYARD_SLOOP_EXPM1 = 1,
	/** @DRM_HALYARD_SLOOP_LOG: natural logarithm */
	DRM_HALYARD_SLOOP_LOG = 2,
	/** @DRM_HALYARD_SLOOP_SQRT: square root */
	DRM_HALYARD_SLOOP_SQRT = 3,
	/** @DRM_HALYARD_SLOOP_SIN: of radians */
	DRM_HALYARD_SLOOP_SIN = 4,
	/** @DRM_HALYARD_SLOOP_COS: of radians */
	DRM_HALYARD_SLOOP_COS = 5,
	/** @DRM_HALYARD_SLOOP_FLOOR: the next integer below */
	DRM_HALYARD_SLOOP_FLOOR = 6,
	/** @DRM_HALYARD_SLOOP_CEIL: the next integer above */
	DRM_HALYARD_SLOOP_CEIL = 7,
	/** @DRM_HALYARD_SLOOP_ROUND: to the nearest integer, half away from zero */
	DRM_HALYARD_SLOOP_ROUND = 8,
	/** @DRM_HALYARD_SLOOP_TRUNC: without the fraction */
	DRM_HALYARD_SLOOP_TRUNC = 9,
	/** @DRM_HALYARD_SLOOP_SIGN: -1, 0 or 1 */
	DRM_HALYARD_SLOOP_SIGN = 10,
};

/** enum drm_halyard_sloop_pool - function of POOL2D */
enum drm_halyard_sloop_pool {
	/** @DRM_HALYARD_SLOOP_POOL_MAX: the largest */
	DRM_HALYARD_SLOOP_POOL_MAX = 0,
	/** @DRM_HALYARD_SLOOP_POOL_AVERAGE: of the elements inside */
	DRM_HALYARD_SLOOP_POOL_AVERAGE = 1,
	/** @DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED: the divisor counts padding, too */
	DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED = 2,
};

/** enum drm_halyard_sloop_norm - function of NORM */
enum drm_halyard_sloop_norm {
	/** @DRM_HALYARD_SLOOP_NORM_LAYER: mean 0, variance 1 */
	DRM_HALYARD_SLOOP_NORM_LAYER = 0,
	/** @DRM_HALYARD_SLOOP_NORM_RMS: mean square 1; takes no bias */
	DRM_HALYARD_SLOOP_NORM_RMS = 1,
};

/**
 * enum drm_halyard_sloop_format - how blocks of quantised elements lie in bytes; function of UNPACK
 * and LINEAR
 *
 * The chip's manual has the layouts; in brackets elements and bytes of a block.
 */
enum drm_halyard_sloop_format {
	/** @DRM_HALYARD_SLOOP_Q4_0: a scale, four bits each (32, 18) */
	DRM_HALYARD_SLOOP_Q4_0 = 1,
	/** @DRM_HALYARD_SLOOP_Q4_1: a scale, a minimum, four bits each (32, 20) */
	DRM_HALYARD_SLOOP_Q4_1 = 2,
	/** @DRM_HALYARD_SLOOP_Q5_0: a scale, five bits each (32, 22) */
	DRM_HALYARD_SLOOP_Q5_0 = 3,
	/** @DRM_HALYARD_SLOOP_Q5_1: a scale, a minimum, five bits each (32, 24) */
	DRM_HALYARD_SLOOP_Q5_1 = 4,
	/** @DRM_HALYARD_SLOOP_Q8_0: a scale, eight bits each (32, 34) */
	DRM_HALYARD_SLOOP_Q8_0 = 5,
	/** @DRM_HALYARD_SLOOP_Q2_K: sixteen 4-bit scales and minima, two bits each (256, 84) */
	DRM_HALYARD_SLOOP_Q2_K = 6,
	/** @DRM_HALYARD_SLOOP_Q3_K: sixteen 6-bit scales, three bits each (256, 110) */
	DRM_HALYARD_SLOOP_Q3_K = 7,
	/** @DRM_HALYARD_SLOOP_Q4_K: eight 6-bit scales and minima, four bits each (256, 144) */
	DRM_HALYARD_SLOOP_Q4_K = 8,
	/** @DRM_HALYARD_SLOOP_Q5_K: eight 6-bit scales and minima, five bits each (256, 176) */
	DRM_HALYARD_SLOOP_Q5_K = 9,
	/** @DRM_HALYARD_SLOOP_Q6_K: sixteen 8-bit scales, six bits each (256, 210) */
	DRM_HALYARD_SLOOP_Q6_K = 10,
	/** @DRM_HALYARD_SLOOP_IQ4_NL: a scale, four bits each for one of sixteen steps (32, 18) */
	DRM_HALYARD_SLOOP_IQ4_NL = 11,
	/** @DRM_HALYARD_SLOOP_IQ4_XS: eight 6-bit scales, else as IQ4_NL (256, 136) */
	DRM_HALYARD_SLOOP_IQ4_XS = 12,
	/** @DRM_HALYARD_SLOOP_MXFP4: a scale in E8M0, E2M1 each (32, 17) */
	DRM_HALYARD_SLOOP_MXFP4 = 13,
	/** @DRM_HALYARD_SLOOP_NVFP4: four scales in E4M3, E2M1 each (64, 36) */
	DRM_HALYARD_SLOOP_NVFP4 = 14,
	/** @DRM_HALYARD_SLOOP_Q1_0: a scale, one bit each (128, 18) */
	DRM_HALYARD_SLOOP_Q1_0 = 15,
	/** @DRM_HALYARD_SLOOP_Q2_0: a scale, two bits each (64, 18) */
	DRM_HALYARD_SLOOP_Q2_0 = 16,
	/** @DRM_HALYARD_SLOOP_TQ1_0: a scale, a ternary digit each (256, 54) */
	DRM_HALYARD_SLOOP_TQ1_0 = 17,
	/** @DRM_HALYARD_SLOOP_TQ2_0: a scale, two bits each for a ternary digit (256, 66) */
	DRM_HALYARD_SLOOP_TQ2_0 = 18,
};

/** struct drm_halyard_sloop_task - one command, 384 bytes */
struct drm_halyard_sloop_task {
	/** @opcode: &enum drm_halyard_sloop_opcode */
	__u16 opcode;
	/** @function: as the opcode says */
	__u8 function;
	/** @activation: &enum drm_halyard_sloop_activation */
	__u8 activation;
	/** @tag: user space's own; faults report it */
	__u32 tag;
	/** @zero_point: the integer that stands for 0 */
	__s32 zero_point;
	/** @axis: dimension that the scales run along when there is more than one */
	__u32 axis;
	/** @epsilon: float32 bits, added to the variance or mean square */
	__u32 epsilon;
	/**
	 * @pattern: FILL: the element's bits in its low bytes, the others zero; ROTATE: float32
	 * bits, finite, that the results are multiplied by
	 */
	__u32 pattern;
	/** @kernel_h: rows of a window, at least 1 */
	__u16 kernel_h;
	/** @kernel_w: columns of a window, at least 1 */
	__u16 kernel_w;
	/** @stride_h: rows between windows, at least 1 */
	__u16 stride_h;
	/** @stride_w: columns between windows, at least 1 */
	__u16 stride_w;
	/** @dilation_h: rows between taps, at least 1 */
	__u16 dilation_h;
	/** @dilation_w: columns between taps, at least 1 */
	__u16 dilation_w;
	/** @pad_top: rows of padding above, fewer than the window has */
	__u16 pad_top;
	/** @pad_left: columns to the left */
	__u16 pad_left;
	/** @pad_bottom: rows below */
	__u16 pad_bottom;
	/** @pad_right: columns to the right */
	__u16 pad_right;
	/** @groups: divides input and output channels, at least 1 */
	__u32 groups;
	/** @reserved: must be zero */
	__u32 reserved[4];
	/** @out: what is written */
	struct drm_halyard_sloop_operand out;
	/** @a: first input */
	struct drm_halyard_sloop_operand a;
	/** @b: second input */
	struct drm_halyard_sloop_operand b;
	/** @bias: added */
	struct drm_halyard_sloop_operand bias;
	/** @scale: multiplied */
	struct drm_halyard_sloop_operand scale;
};

/** struct drm_halyard_sloop_info - DEV_QUERY's chip blob */
struct drm_halyard_sloop_info {
	/** @revision: major 31:16, minor 15:0 */
	__u32 revision;
	/** @segments_max: buffers of a job */
	__u32 segments_max;
	/** @bindings_max: entries in a job's binding table */
	__u32 bindings_max;
	/** @clock_khz: of the cost model's cycles */
	__u32 clock_khz;
	/** @opcodes: bit n: opcode n is implemented */
	__u64 opcodes;
};

#if defined(__cplusplus)
}
#endif

#endif
