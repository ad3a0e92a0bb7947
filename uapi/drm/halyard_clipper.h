/* SPDX-License-Identifier: MIT */
#ifndef _UAPI_DRM_HALYARD_CLIPPER_H_
#define _UAPI_DRM_HALYARD_CLIPPER_H_

#include "drm.h"

#if defined(__cplusplus)
extern "C" {
#endif

/**
 * DOC: Clipper's job payload and command stream
 *
 * The payload of a job (&struct drm_halyard_job.payload) is one &struct
 * drm_halyard_clipper_payload. It names a command stream and a table of bindings, both in the job's
 * address space.
 *
 * A command stream is a sequence of commands. Each begins with a 64-byte &struct
 * drm_halyard_clipper_command, whose parameters depend on the opcode, followed by its operands, 64
 * bytes each. An operand addresses memory as an offset in a binding, never directly: one stream
 * runs with any buffers. All numbers are little-endian; all reserved fields must be zero. The card
 * checks every field, shape and address before it executes the command. The stream is read once,
 * command by command.
 *
 * A job is executed on the engines of its queue's class. Commands of one job run in order, each
 * seeing the results of those before.
 */

/** enum drm_halyard_clipper_engine - engine classes */
enum drm_halyard_clipper_engine {
	/** @DRM_HALYARD_CLIPPER_ENGINE_TENSOR: executes every command */
	DRM_HALYARD_CLIPPER_ENGINE_TENSOR = 0,
	/**
	 * @DRM_HALYARD_CLIPPER_ENGINE_COPY: executes NOP, COPY, FILL, FENCE_WAIT, FENCE_SIGNAL and
	 * TIMESTAMP; COPY without a change of type
	 */
	DRM_HALYARD_CLIPPER_ENGINE_COPY = 1,
};

/** struct drm_halyard_clipper_payload - what a job of this chip consists of */
struct drm_halyard_clipper_payload {
	/** @stream: virtual address of the command stream, a multiple of 64 */
	__u64 stream;
	/**
	 * @bindings: virtual address of @binding_count &struct drm_halyard_clipper_binding, a
	 * multiple of 8
	 */
	__u64 bindings;
	/** @stream_size: bytes, a multiple of 64; 0 is an empty job */
	__u32 stream_size;
	/** @binding_count: at most 256 */
	__u32 binding_count;
	/** @flags: must be zero */
	__u32 flags;
	/** @pad: must be zero */
	__u32 pad;
};

/** struct drm_halyard_clipper_binding - a range of memory that operands refer to by its index */
struct drm_halyard_clipper_binding {
	/** @address: virtual address */
	__u64 address;
	/** @size: bytes; an operand that reaches past it is a fault */
	__u64 size;
};

/** enum drm_halyard_clipper_dtype - storage type of an element */
enum drm_halyard_clipper_dtype {
	/** @DRM_HALYARD_CLIPPER_F32: IEEE binary32 */
	DRM_HALYARD_CLIPPER_F32 = 1,
	/** @DRM_HALYARD_CLIPPER_F16: IEEE binary16 */
	DRM_HALYARD_CLIPPER_F16 = 2,
	/** @DRM_HALYARD_CLIPPER_BF16: bfloat16 */
	DRM_HALYARD_CLIPPER_BF16 = 3,
	/** @DRM_HALYARD_CLIPPER_I8: two's complement, 8 bits */
	DRM_HALYARD_CLIPPER_I8 = 4,
	/** @DRM_HALYARD_CLIPPER_U8: unsigned, 8 bits */
	DRM_HALYARD_CLIPPER_U8 = 5,
	/** @DRM_HALYARD_CLIPPER_I32: two's complement, 32 bits */
	DRM_HALYARD_CLIPPER_I32 = 6,
};

#define DRM_HALYARD_CLIPPER_MAX_RANK 6

/** struct drm_halyard_clipper_operand - a strided tensor in a binding */
struct drm_halyard_clipper_operand {
	/**
	 * @offset: bytes from the binding's start to element (0, ..., 0), aligned to the element's
	 * size
	 */
	__u64 offset;
	/** @binding: index into the job's bindings */
	__u32 binding;
	/**
	 * @dtype: &enum drm_halyard_clipper_dtype; 0: the operand is absent, all else in it zero
	 */
	__u16 dtype;
	/** @rank: 1 to 6 */
	__u16 rank;
	/** @dims: elements along each dimension, at least 1; beyond @rank zero */
	__u32 dims[DRM_HALYARD_CLIPPER_MAX_RANK];
	/**
	 * @strides: elements between neighbours along each dimension; beyond @rank zero. Outputs:
	 * no two elements may share memory
	 */
	__s32 strides[DRM_HALYARD_CLIPPER_MAX_RANK];
};

/**
 * enum drm_halyard_clipper_opcode - what a command does; operands in this order, [x] may be absent
 */
enum drm_halyard_clipper_opcode {
	/** @DRM_HALYARD_CLIPPER_NOP: no operands, no parameters */
	DRM_HALYARD_CLIPPER_NOP = 0,
	/**
	 * @DRM_HALYARD_CLIPPER_MATMUL: a, b, [bias], [scale], out; &struct
	 * drm_halyard_clipper_epilogue
	 */
	DRM_HALYARD_CLIPPER_MATMUL = 1,
	/**
	 * @DRM_HALYARD_CLIPPER_CONV2D: in, weight, [bias], [scale], out; &struct
	 * drm_halyard_clipper_conv2d
	 */
	DRM_HALYARD_CLIPPER_CONV2D = 2,
	/** @DRM_HALYARD_CLIPPER_BINARY: a, b, out; &struct drm_halyard_clipper_binary */
	DRM_HALYARD_CLIPPER_BINARY = 3,
	/** @DRM_HALYARD_CLIPPER_ACTIVATE: in, out; &struct drm_halyard_clipper_activate */
	DRM_HALYARD_CLIPPER_ACTIVATE = 4,
	/** @DRM_HALYARD_CLIPPER_POOL2D: in, out; &struct drm_halyard_clipper_pool2d */
	DRM_HALYARD_CLIPPER_POOL2D = 5,
	/** @DRM_HALYARD_CLIPPER_SOFTMAX: in, out; along the last dimension; no parameters */
	DRM_HALYARD_CLIPPER_SOFTMAX = 6,
	/** @DRM_HALYARD_CLIPPER_NORM: in, [gain], [bias], out; &struct drm_halyard_clipper_norm */
	DRM_HALYARD_CLIPPER_NORM = 7,
	/**
	 * @DRM_HALYARD_CLIPPER_COPY: in, out of equal dims; strides transpose, types convert; no
	 * parameters
	 */
	DRM_HALYARD_CLIPPER_COPY = 8,
	/**
	 * @DRM_HALYARD_CLIPPER_GATHER: in, index, out; an index is an I32 element or two, the low
	 * word of 64 bits first; no parameters
	 */
	DRM_HALYARD_CLIPPER_GATHER = 9,
	/** @DRM_HALYARD_CLIPPER_QUANTIZE: in, scale, out; &struct drm_halyard_clipper_quantize */
	DRM_HALYARD_CLIPPER_QUANTIZE = 10,
	/** @DRM_HALYARD_CLIPPER_DEQUANTIZE: in, scale, out; &struct drm_halyard_clipper_quantize */
	DRM_HALYARD_CLIPPER_DEQUANTIZE = 11,
	/** @DRM_HALYARD_CLIPPER_REQUANTIZE: in, scale, out; &struct drm_halyard_clipper_quantize */
	DRM_HALYARD_CLIPPER_REQUANTIZE = 12,
	/** @DRM_HALYARD_CLIPPER_FILL: out; &struct drm_halyard_clipper_fill */
	DRM_HALYARD_CLIPPER_FILL = 13,
	/**
	 * @DRM_HALYARD_CLIPPER_FENCE_WAIT: one operand, two I32 elements that hold a 64-bit value,
	 * 8-byte aligned; waits until it is at least &struct drm_halyard_clipper_fence.value. The
	 * engine runs other queues meanwhile.
	 */
	DRM_HALYARD_CLIPPER_FENCE_WAIT = 14,
	/**
	 * @DRM_HALYARD_CLIPPER_FENCE_SIGNAL: operand as FENCE_WAIT's; stores &struct
	 * drm_halyard_clipper_fence.value, after all results before it
	 */
	DRM_HALYARD_CLIPPER_FENCE_SIGNAL = 15,
	/**
	 * @DRM_HALYARD_CLIPPER_TIMESTAMP: one operand, two I32 elements, 8-byte aligned; stores the
	 * device's time in ns; no parameters
	 */
	DRM_HALYARD_CLIPPER_TIMESTAMP = 16,
	/**
	 * @DRM_HALYARD_CLIPPER_ROTATE: in, angle, out; turns pairs of elements; &struct
	 * drm_halyard_clipper_rotate
	 */
	DRM_HALYARD_CLIPPER_ROTATE = 17,
	/**
	 * @DRM_HALYARD_CLIPPER_SCATTER: in, index as GATHER's, out; writes the rows of out that the
	 * indices name, types convert; no parameters
	 */
	DRM_HALYARD_CLIPPER_SCATTER = 18,
	/**
	 * @DRM_HALYARD_CLIPPER_UNPACK: in, out; the elements of blocks; &struct
	 * drm_halyard_clipper_blocks
	 */
	DRM_HALYARD_CLIPPER_UNPACK = 19,
	/** @DRM_HALYARD_CLIPPER_FUNCTION: in, out; &struct drm_halyard_clipper_function */
	DRM_HALYARD_CLIPPER_FUNCTION = 20,
	/**
	 * @DRM_HALYARD_CLIPPER_ORDER: in, out; indices of the first elements of each row in order;
	 * &struct drm_halyard_clipper_order
	 */
	DRM_HALYARD_CLIPPER_ORDER = 21,
	/**
	 * @DRM_HALYARD_CLIPPER_LINEAR: a, b, out; a product with the elements of b's blocks;
	 * &struct drm_halyard_clipper_blocks
	 */
	DRM_HALYARD_CLIPPER_LINEAR = 22,
	/** @DRM_HALYARD_CLIPPER_NUM_OPCODES: one more than the last */
	DRM_HALYARD_CLIPPER_NUM_OPCODES
};

/** enum drm_halyard_clipper_activation - applied to a result before it is stored */
enum drm_halyard_clipper_activation {
	/** @DRM_HALYARD_CLIPPER_ACT_NONE: as it is */
	DRM_HALYARD_CLIPPER_ACT_NONE = 0,
	/** @DRM_HALYARD_CLIPPER_ACT_RELU: max(x, 0) */
	DRM_HALYARD_CLIPPER_ACT_RELU = 1,
	/** @DRM_HALYARD_CLIPPER_ACT_GELU: x / 2 * (1 + erf(x / sqrt(2))) */
	DRM_HALYARD_CLIPPER_ACT_GELU = 2,
	/** @DRM_HALYARD_CLIPPER_ACT_SILU: x / (1 + exp(-x)) */
	DRM_HALYARD_CLIPPER_ACT_SILU = 3,
	/** @DRM_HALYARD_CLIPPER_ACT_SIGMOID: 1 / (1 + exp(-x)) */
	DRM_HALYARD_CLIPPER_ACT_SIGMOID = 4,
	/** @DRM_HALYARD_CLIPPER_ACT_TANH: tanh(x) */
	DRM_HALYARD_CLIPPER_ACT_TANH = 5,
};

/** enum drm_halyard_clipper_binary_op - the operation of BINARY */
enum drm_halyard_clipper_binary_op {
	/** @DRM_HALYARD_CLIPPER_ADD: a + b */
	DRM_HALYARD_CLIPPER_ADD = 0,
	/** @DRM_HALYARD_CLIPPER_SUB: a - b */
	DRM_HALYARD_CLIPPER_SUB = 1,
	/** @DRM_HALYARD_CLIPPER_MUL: a * b */
	DRM_HALYARD_CLIPPER_MUL = 2,
	/** @DRM_HALYARD_CLIPPER_DIV: a / b */
	DRM_HALYARD_CLIPPER_DIV = 3,
	/** @DRM_HALYARD_CLIPPER_MAX: the larger */
	DRM_HALYARD_CLIPPER_MAX = 4,
	/** @DRM_HALYARD_CLIPPER_MIN: the smaller */
	DRM_HALYARD_CLIPPER_MIN = 5,
};

/** enum drm_halyard_clipper_function_kind - the function of FUNCTION */
enum drm_halyard_clipper_function_kind {
	/** @DRM_HALYARD_CLIPPER_EXP: exp(x) */
	DRM_HALYARD_CLIPPER_EXP = 0,
	/** @DRM_HALYARD_CLIPPER_EXPM1: exp(x) - 1 */
	DRM_HALYARD_CLIPPER_EXPM1 = 1,
	/** @DRM_HALYARD_CLIPPER_LOG: natural logarithm */
	DRM_HALYARD_CLIPPER_LOG = 2,
	/** @DRM_HALYARD_CLIPPER_SQRT: square root */
	DRM_HALYARD_CLIPPER_SQRT = 3,
	/** @DRM_HALYARD_CLIPPER_SIN: of radians */
	DRM_HALYARD_CLIPPER_SIN = 4,
	/** @DRM_HALYARD_CLIPPER_COS: of radians */
	DRM_HALYARD_CLIPPER_COS = 5,
	/** @DRM_HALYARD_CLIPPER_FLOOR: the next integer below */
	DRM_HALYARD_CLIPPER_FLOOR = 6,
	/** @DRM_HALYARD_CLIPPER_CEIL: the next integer above */
	DRM_HALYARD_CLIPPER_CEIL = 7,
	/** @DRM_HALYARD_CLIPPER_ROUND: to the nearest integer, half away from zero */
	DRM_HALYARD_CLIPPER_ROUND = 8,
	/** @DRM_HALYARD_CLIPPER_TRUNC: without the fraction */
	DRM_HALYARD_CLIPPER_TRUNC = 9,
	/** @DRM_HALYARD_CLIPPER_SIGN: -1, 0 or 1 */
	DRM_HALYARD_CLIPPER_SIGN = 10,
};

/**
 * enum drm_halyard_clipper_format - how blocks of quantised elements lie in bytes
 *
 * The chip's manual has the layouts; in brackets elements and bytes of a block.
 */
enum drm_halyard_clipper_format {
	/** @DRM_HALYARD_CLIPPER_Q4_0: a scale, four bits each (32, 18) */
	DRM_HALYARD_CLIPPER_Q4_0 = 1,
	/** @DRM_HALYARD_CLIPPER_Q4_1: a scale, a minimum, four bits each (32, 20) */
	DRM_HALYARD_CLIPPER_Q4_1 = 2,
	/** @DRM_HALYARD_CLIPPER_Q5_0: a scale, five bits each (32, 22) */
	DRM_HALYARD_CLIPPER_Q5_0 = 3,
	/** @DRM_HALYARD_CLIPPER_Q5_1: a scale, a minimum, five bits each (32, 24) */
	DRM_HALYARD_CLIPPER_Q5_1 = 4,
	/** @DRM_HALYARD_CLIPPER_Q8_0: a scale, eight bits each (32, 34) */
	DRM_HALYARD_CLIPPER_Q8_0 = 5,
	/** @DRM_HALYARD_CLIPPER_Q2_K: sixteen 4-bit scales and minima, two bits each (256, 84) */
	DRM_HALYARD_CLIPPER_Q2_K = 6,
	/** @DRM_HALYARD_CLIPPER_Q3_K: sixteen 6-bit scales, three bits each (256, 110) */
	DRM_HALYARD_CLIPPER_Q3_K = 7,
	/** @DRM_HALYARD_CLIPPER_Q4_K: eight 6-bit scales and minima, four bits each (256, 144) */
	DRM_HALYARD_CLIPPER_Q4_K = 8,
	/** @DRM_HALYARD_CLIPPER_Q5_K: eight 6-bit scales and minima, five bits each (256, 176) */
	DRM_HALYARD_CLIPPER_Q5_K = 9,
	/** @DRM_HALYARD_CLIPPER_Q6_K: sixteen 8-bit scales, six bits each (256, 210) */
	DRM_HALYARD_CLIPPER_Q6_K = 10,
	/** @DRM_HALYARD_CLIPPER_IQ4_NL: a scale, four bits for one of 16 steps each (32, 18) */
	DRM_HALYARD_CLIPPER_IQ4_NL = 11,
	/** @DRM_HALYARD_CLIPPER_IQ4_XS: eight 6-bit scales, else as IQ4_NL (256, 136) */
	DRM_HALYARD_CLIPPER_IQ4_XS = 12,
	/** @DRM_HALYARD_CLIPPER_MXFP4: a scale in E8M0, E2M1 each (32, 17) */
	DRM_HALYARD_CLIPPER_MXFP4 = 13,
	/** @DRM_HALYARD_CLIPPER_NVFP4: four scales in E4M3, E2M1 each (64, 36) */
	DRM_HALYARD_CLIPPER_NVFP4 = 14,
	/** @DRM_HALYARD_CLIPPER_Q1_0: a scale, one bit each (128, 18) */
	DRM_HALYARD_CLIPPER_Q1_0 = 15,
	/** @DRM_HALYARD_CLIPPER_Q2_0: a scale, two bits each (64, 18) */
	DRM_HALYARD_CLIPPER_Q2_0 = 16,
	/** @DRM_HALYARD_CLIPPER_TQ1_0: a scale, a ternary digit each (256, 54) */
	DRM_HALYARD_CLIPPER_TQ1_0 = 17,
	/** @DRM_HALYARD_CLIPPER_TQ2_0: a scale, two bits each for a ternary digit (256, 66) */
	DRM_HALYARD_CLIPPER_TQ2_0 = 18,
};

/**
 * struct drm_halyard_clipper_epilogue - end of a product: bias, scale, activation, zero point,
 * rounding, saturation
 */
struct drm_halyard_clipper_epilogue {
	/** @activation: &enum drm_halyard_clipper_activation */
	__u32 activation;
	/** @zero_point: added before rounding to an integer type; 0 else */
	__s32 zero_point;
};

/** struct drm_halyard_clipper_conv2d - NCHW */
struct drm_halyard_clipper_conv2d {
	/** @epilogue: of each result */
	struct drm_halyard_clipper_epilogue epilogue;
	/** @stride_h: rows between windows, at least 1 */
	__u16 stride_h;
	/** @stride_w: columns between windows, at least 1 */
	__u16 stride_w;
	/** @dilation_h: rows between taps, at least 1 */
	__u16 dilation_h;
	/** @dilation_w: columns between taps, at least 1 */
	__u16 dilation_w;
	/** @pad_top: rows of zeroes above */
	__u16 pad_top;
	/** @pad_left: columns of zeroes to the left */
	__u16 pad_left;
	/** @pad_bottom: rows of zeroes below */
	__u16 pad_bottom;
	/** @pad_right: columns of zeroes to the right */
	__u16 pad_right;
	/** @groups: divides input and output channels, at least 1 */
	__u32 groups;
};

/** struct drm_halyard_clipper_binary - elementwise on two */
struct drm_halyard_clipper_binary {
	/** @op: &enum drm_halyard_clipper_binary_op */
	__u32 op;
	/** @activation: &enum drm_halyard_clipper_activation */
	__u32 activation;
};

/** struct drm_halyard_clipper_activate - elementwise on one */
struct drm_halyard_clipper_activate {
	/** @activation: &enum drm_halyard_clipper_activation */
	__u32 activation;
};

/** struct drm_halyard_clipper_pool2d - NCHW */
struct drm_halyard_clipper_pool2d {
	/** @kind: 0 maximum, 1 average */
	__u16 kind;
	/** @count_padding: 1: the divisor of the average counts padding too */
	__u16 count_padding;
	/** @kernel_h: rows of a window, at least 1 */
	__u16 kernel_h;
	/** @kernel_w: columns of a window, at least 1 */
	__u16 kernel_w;
	/** @stride_h: rows between windows, at least 1 */
	__u16 stride_h;
	/** @stride_w: columns between windows, at least 1 */
	__u16 stride_w;
	/** @pad_top: rows above, less than @kernel_h */
	__u16 pad_top;
	/** @pad_left: columns to the left, less than @kernel_w */
	__u16 pad_left;
	/** @pad_bottom: rows below, less than @kernel_h */
	__u16 pad_bottom;
	/** @pad_right: columns to the right, less than @kernel_w */
	__u16 pad_right;
};

/** struct drm_halyard_clipper_norm - along the last dimension */
struct drm_halyard_clipper_norm {
	/** @kind: 0 layer norm, 1 RMS norm (then without bias) */
	__u32 kind;
	/** @epsilon: float32 bits, added to the variance or mean square */
	__u32 epsilon;
};

/** struct drm_halyard_clipper_quantize - between real and integer */
struct drm_halyard_clipper_quantize {
	/** @axis: dimension that the scales run along when there is more than one */
	__u32 axis;
	/** @zero_point: the integer that stands for 0 */
	__s32 zero_point;
};

/** struct drm_halyard_clipper_fill - every element alike */
struct drm_halyard_clipper_fill {
	/** @pattern: the element's bits in its low bytes, the others zero */
	__u32 pattern;
};

/** struct drm_halyard_clipper_rotate - pairs of elements by angles */
struct drm_halyard_clipper_rotate {
	/** @factor: float32 bits, finite, that the results are multiplied by */
	__u32 factor;
};

/** struct drm_halyard_clipper_blocks - quantised elements */
struct drm_halyard_clipper_blocks {
	/** @format: &enum drm_halyard_clipper_format */
	__u32 format;
};

/** struct drm_halyard_clipper_function - elementwise on one */
struct drm_halyard_clipper_function {
	/** @function: &enum drm_halyard_clipper_function_kind */
	__u32 function;
};

/** struct drm_halyard_clipper_order - along the last dimension */
struct drm_halyard_clipper_order {
	/** @descending: 0 the smallest first, 1 the largest first */
	__u32 descending;
};

/** struct drm_halyard_clipper_fence - a value in memory */
struct drm_halyard_clipper_fence {
	/** @value: awaited or stored */
	__u64 value;
};

/** struct drm_halyard_clipper_command - begins every command */
struct drm_halyard_clipper_command {
	/** @opcode: &enum drm_halyard_clipper_opcode */
	__u16 opcode;
	/**
	 * @operands: number of &struct drm_halyard_clipper_operand that follow, absent ones
	 * included
	 */
	__u16 operands;
	/** @tag: user space's own; faults report it */
	__u32 tag;
	/** @params: the opcode's parameter struct at the start, the rest zero */
	__u8 params[56];
};

/** struct drm_halyard_clipper_info - DEV_QUERY's chip blob */
struct drm_halyard_clipper_info {
	/** @revision: major 31:16, minor 15:0 */
	__u32 revision;
	/** @bindings_max: entries in a job's binding table */
	__u32 bindings_max;
	/** @opcodes: bit n: opcode n is implemented */
	__u64 opcodes;
	/** @clock_khz: of the cost model's cycles */
	__u32 clock_khz;
	/** @pad: zero */
	__u32 pad;
};

#if defined(__cplusplus)
}
#endif

#endif
