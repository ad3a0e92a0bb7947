/* SPDX-License-Identifier: MIT */
#ifndef HALYARD_HALYARD_H_
#define HALYARD_HALYARD_H_

/**
 * \file
 * libhalyard's C interface: one program, any chip.
 *
 * Stability: what stands here keeps its meaning within a major version. Functions, enum values and
 * struct members are only appended. A struct whose first member is `size` must have it set to
 * sizeof by the caller, for input and output alike: the library reads and writes no more than that,
 * and takes what is missing as zero. Strings are UTF-8 and NUL-terminated.
 *
 * Objects are opaque and reference-counted. What a function returns through an `out` parameter or
 * as a result belongs to the caller until the matching *_release(). An object keeps what it depends
 * on alive: a buffer its device, a submitted job its program and buffers. Releasing NULL does
 * nothing.
 *
 * Threads: every function may be called from any thread. Objects are internally synchronised unless
 * the declaration of the type says otherwise. Concurrent submits to one queue are ordered in some
 * order.
 *
 * Errors: a function that can fail returns a halyard_status; on failure its outputs are unchanged
 * and halyard_last_error() tells more, per thread. No function throws or aborts on what a caller
 * does wrong with valid pointers.
 *
 * Times are nanoseconds. Deadlines are absolute CLOCK_MONOTONIC; 0 polls, HALYARD_FOREVER does not
 * end.
 */

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define HALYARD_API __attribute__((visibility("default")))
#else
#define HALYARD_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define HALYARD_VERSION_MAJOR 0
#define HALYARD_VERSION_MINOR 1
#define HALYARD_VERSION_PATCH 0

/** Version of the library that is loaded: major << 16 | minor << 8 | patch. */
HALYARD_API uint32_t halyard_version(void);

/* ---- errors ------------------------------------------------------------------------------ */

typedef enum halyard_status {
  HALYARD_OK = 0,
  HALYARD_INVALID_ARGUMENT = 1, /**< a parameter is out of its documented range */
  HALYARD_OUT_OF_MEMORY = 2,    /**< host memory, device memory or address space */
  HALYARD_NO_DEVICE = 3,        /**< none, or not the one that was named */
  HALYARD_NO_PERMISSION = 4,    /**< the message names the node and the group that is missing */
  HALYARD_UNSUPPORTED = 5,      /**< this device cannot; the message says what and why */
  HALYARD_TIMEOUT = 6,          /**< the deadline passed */
  HALYARD_CANCELLED = 7, /**< the job did not run, or not to its end, without a fault of its own */
  HALYARD_HANG = 8,      /**< the job made no progress and was stopped */
  HALYARD_FAULT = 9,     /**< the job accessed memory that it may not */
  HALYARD_ILLEGAL_COMMAND = 10, /**< the device refused a command */
  HALYARD_MEMORY_ERROR = 11,    /**< uncorrectable error in the device's memory */
  HALYARD_DEVICE_LOST = 12,     /**< release everything and open a device again */
  HALYARD_QUEUE_BANNED = 13,    /**< a job of this queue failed: make another queue */
  HALYARD_VERSION_MISMATCH =
      14,                 /**< driver, plug-in or file of another version; the message names both */
  HALYARD_MALFORMED = 15, /**< a file or blob is not what it should be; the message says where */
  HALYARD_LIMIT =
      16, /**< a limit of the device or of this user is reached; the message says which */
  HALYARD_SYSTEM = 17,      /**< the operating system refused; the message has its reason */
  HALYARD_DEVICE_ERROR = 18 /**< an error of the device's own ended the job; the device works on */
} halyard_status;

/** The constant's name, such as "HALYARD_TIMEOUT". Never NULL. */
HALYARD_API const char* halyard_status_name(halyard_status status);

/** What is known of the calling thread's last failure. */
typedef struct halyard_error {
  size_t size;
  halyard_status status;
  int32_t system_error; /**< errno, or 0 */
  char message[256];    /**< one sentence */
  char device[64];      /**< name of the device concerned, or empty */
  uint32_t queue;       /**< number of the queue in its device, or 0 */
  uint32_t command; /**< index of the failed command in its program; HALYARD_NO_COMMAND when none is
                       concerned */
  uint64_t fault_address; /**< device address, or 0 */
  uint32_t fault_write;   /**< 1: the access was a write */
  char command_name[64];  /**< the graph's name of the node that the command came from, or empty */
} halyard_error;
#define HALYARD_NO_COMMAND UINT32_MAX

/** Writes the calling thread's last failure. \return its status; HALYARD_OK when there was none. */
HALYARD_API halyard_status halyard_last_error(halyard_error* error);

/* ---- discovery --------------------------------------------------------------------------- */

typedef struct halyard_device_info {
  size_t size;
  char path[64]; /**< names the device for halyard_device_open(): "/dev/accel/accel0", "sim:<chip>"
                  */
  char chip[32]; /**< kind of chip */
  char name[64]; /**< for people */
  char platform[16];       /**< "drm" or "sim" */
  char bus[32];            /**< "0000:00:03.0", or empty */
  char driver_version[16]; /**< "1.0" */
  char firmware[64];       /**< or empty */
  uint32_t chip_revision;  /**< major << 16 | minor */
  uint64_t memory_size;    /**< bytes that buffers may take, all regions */
  uint64_t memory_used;    /**< bytes in use by anybody */
  uint32_t usable;         /**< 1 when halyard_device_open() is expected to work */
  char problem[256];       /**< why it is not usable, one sentence; or empty */
} halyard_device_info;

/** Platform from HALYARD_PLATFORM in the environment ("drm", "sim"), else drm and, when named, sim.
 * `infos` has room for `*count` elements whose `size` is set in the first; `*count` returns how
 * many there are. `infos` may be NULL. Devices that cannot be used are listed, too. */
HALYARD_API halyard_status halyard_enumerate(halyard_device_info* infos, size_t* count);

/** Explains why no device is usable, one sentence per cause found, for people: calls `report` for
 * each. `code` is a stable word
 *  ("no-node", "no-permission", "module-not-loaded", "driver-too-old", "firmware", "no-plugin").
 * \return the number of causes. */
typedef void (*halyard_diagnose_fn)(const char* code, const char* sentence, void* user);
HALYARD_API size_t halyard_diagnose(halyard_diagnose_fn report, void* user);

/** Watches devices come and go. Not synchronised: one thread at a time. */
typedef struct halyard_monitor halyard_monitor;
typedef struct halyard_monitor_event {
  size_t size;
  uint32_t added; /**< 1 came, 0 went */
  char path[64];
} halyard_monitor_event;
HALYARD_API halyard_status halyard_monitor_create(halyard_monitor** out);
/** A file descriptor for poll(): readable when halyard_monitor_next() has an event. The monitor
 * keeps it. */
HALYARD_API int halyard_monitor_fd(halyard_monitor* monitor);
/** HALYARD_TIMEOUT when there is none by `deadline`. */
HALYARD_API halyard_status halyard_monitor_next(halyard_monitor* monitor, int64_t deadline,
                                                halyard_monitor_event* event);
HALYARD_API void halyard_monitor_release(halyard_monitor* monitor);

/* ---- devices ----------------------------------------------------------------------------- */

#define HALYARD_FOREVER INT64_MAX

typedef struct halyard_device halyard_device;

/** Opens a device by its path, "sim:<chip>", or a kind of chip. NULL: the first usable one. */
HALYARD_API halyard_status halyard_device_open(const char* path, halyard_device** out);
HALYARD_API halyard_device* halyard_device_retain(halyard_device* device);
HALYARD_API void halyard_device_release(halyard_device* device);
HALYARD_API halyard_status halyard_device_get_info(halyard_device* device,
                                                   halyard_device_info* info);

typedef struct halyard_engine_info {
  size_t size;
  char name[16];
  uint32_t engine_class;
  uint32_t count;
} halyard_engine_info;
/** As halyard_enumerate(). */
HALYARD_API halyard_status halyard_device_get_engines(halyard_device* device,
                                                      halyard_engine_info* infos, size_t* count);

/** A region of memory that buffers are made in. */
typedef struct halyard_memory_info {
  size_t size;
  char name[16];
  uint32_t is_host;  /**< 1: the host's own memory */
  uint32_t mappable; /**< 1: halyard_buffer_map() works */
  uint64_t bytes;    /**< that it has */
  uint64_t used;     /**< of them, by anybody's buffers */
} halyard_memory_info;
/** As halyard_enumerate(). Programs work in the first region. */
HALYARD_API halyard_status halyard_device_get_memory(halyard_device* device,
                                                     halyard_memory_info* infos, size_t* count);

/** The device's clock and the host's, read together: to place profiles on the host's time line. */
HALYARD_API halyard_status halyard_device_get_time(halyard_device* device, uint64_t* device_ns,
                                                   uint64_t* host_ns);

/** Jobs that devices completed for this process, as the platform counts them (the kernel on drm),
 * over all queues of `device`, those already released included. */
HALYARD_API halyard_status halyard_device_get_jobs(halyard_device* device, uint64_t* completed,
                                                   uint64_t* failed);

/* ---- buffers ----------------------------------------------------------------------------- */

typedef struct halyard_buffer halyard_buffer;

/** Allocates `bytes` (at least 1; rounded up to pages), zeroed, reachable by host and device: in
 * the memory that programs work in, or, with HALYARD_BUFFER_HOST, in the host's. On a device with
 * memory of its own the latter serves copies by an engine class that reaches it; a program that is
 * to work on it is refused with HALYARD_UNSUPPORTED. */
#define HALYARD_BUFFER_HOST 2u
HALYARD_API halyard_status halyard_buffer_create(halyard_device* device, uint64_t bytes,
                                                 uint32_t flags, halyard_buffer** out);
/** The device works on the caller's memory in place: page-aligned, a multiple of the page size,
 * valid until the last release and the last job that uses it. HALYARD_BUFFER_READ_ONLY: the device
 * only reads. It is host memory, with what that means for programs; HALYARD_UNSUPPORTED on a device
 * that needs contiguous memory. */
#define HALYARD_BUFFER_READ_ONLY 1u
HALYARD_API halyard_status halyard_buffer_wrap(halyard_device* device, void* memory, uint64_t bytes,
                                               uint32_t flags, halyard_buffer** out);
/** Imports a dma-buf; the descriptor stays the caller's. Host memory, and refused, as with
 * halyard_buffer_wrap(). */
HALYARD_API halyard_status halyard_buffer_import(halyard_device* device, int dmabuf_fd,
                                                 halyard_buffer** out);
/** A new dma-buf descriptor of the buffer, which the caller closes. */
HALYARD_API halyard_status halyard_buffer_export(halyard_buffer* buffer, int* dmabuf_fd);
/** The host's view, coherent with the device's; NULL with an error when the buffer cannot be
 * mapped. Stays valid until the last release. */
HALYARD_API void* halyard_buffer_map(halyard_buffer* buffer);
HALYARD_API uint64_t halyard_buffer_size(const halyard_buffer* buffer);
HALYARD_API halyard_buffer* halyard_buffer_retain(halyard_buffer* buffer);
HALYARD_API void halyard_buffer_release(halyard_buffer* buffer);

/* ---- timelines --------------------------------------------------------------------------- */

/** A counter that only grows: points are reached, in order, by jobs or by the host. A failure
 * reaches every point from the failed one on, and whoever waits for one of them. */
typedef struct halyard_timeline halyard_timeline;

/** A point on a timeline. */
typedef struct halyard_point {
  halyard_timeline* timeline;
  uint64_t value; /**< at least 1 */
} halyard_point;

HALYARD_API halyard_status halyard_timeline_create(halyard_device* device, halyard_timeline** out);
HALYARD_API halyard_timeline* halyard_timeline_retain(halyard_timeline* timeline);
HALYARD_API void halyard_timeline_release(halyard_timeline* timeline);
/** Reaches `value` from the host; greater than all points reached or promised before. */
HALYARD_API halyard_status halyard_timeline_signal(halyard_timeline* timeline, uint64_t value);
/** Highest point reached. Fails with a failed job's status. */
HALYARD_API halyard_status halyard_timeline_query(halyard_timeline* timeline, uint64_t* value);
/** Waits until all points are reached. A failed one ends the wait with its status, and
 * halyard_last_error() has the details. Points that no job has promised yet are awaited, too:
 * HALYARD_TIMEOUT at the deadline. */
HALYARD_API halyard_status halyard_wait(const halyard_point* points, size_t count,
                                        int64_t deadline);
/** As halyard_wait() for any one of the points; `*index` tells which. */
HALYARD_API halyard_status halyard_wait_any(const halyard_point* points, size_t count,
                                            int64_t deadline, size_t* index);
/** Makes `eventfd` readable (adds 1) when the point is reached or fails: for poll loops. The
 * descriptor stays the caller's. */
HALYARD_API halyard_status halyard_timeline_notify(halyard_timeline* timeline, uint64_t value,
                                                   int eventfd);
/** A descriptor (DRM syncobj) for another process or device; import takes such a one.
 * HALYARD_UNSUPPORTED on sim. */
HALYARD_API halyard_status halyard_timeline_export(halyard_timeline* timeline, int* fd);
HALYARD_API halyard_status halyard_timeline_import(halyard_device* device, int fd,
                                                   halyard_timeline** out);

/* ---- graphs ------------------------------------------------------------------------------ */

typedef enum halyard_dtype {
  HALYARD_F32 = 1,
  HALYARD_F16 = 2,
  HALYARD_BF16 = 3,
  HALYARD_I8 = 4,
  HALYARD_U8 = 5,
  HALYARD_I32 = 6
} halyard_dtype;
/** Bytes of an element; 0 for no known type. */
HALYARD_API size_t halyard_dtype_size(halyard_dtype dtype);

/** How blocks of quantised elements lie in bytes. Names and layouts are those of ggml's files; the
 * chips' manuals have them. Blocks are u8 to all operations but those that take a format. */
typedef enum halyard_format {
  HALYARD_Q4_0 = 1,    /**< 32 elements in 18 bytes */
  HALYARD_Q4_1 = 2,    /**< 32 elements in 20 bytes */
  HALYARD_Q5_0 = 3,    /**< 32 elements in 22 bytes */
  HALYARD_Q5_1 = 4,    /**< 32 elements in 24 bytes */
  HALYARD_Q8_0 = 5,    /**< 32 elements in 34 bytes */
  HALYARD_Q2_K = 6,    /**< 256 elements in 84 bytes */
  HALYARD_Q3_K = 7,    /**< 256 elements in 110 bytes */
  HALYARD_Q4_K = 8,    /**< 256 elements in 144 bytes */
  HALYARD_Q5_K = 9,    /**< 256 elements in 176 bytes */
  HALYARD_Q6_K = 10,   /**< 256 elements in 210 bytes */
  HALYARD_IQ4_NL = 11, /**< 32 elements in 18 bytes */
  HALYARD_IQ4_XS = 12, /**< 256 elements in 136 bytes */
  HALYARD_MXFP4 = 13,  /**< 32 elements in 17 bytes */
  HALYARD_NVFP4 = 14,  /**< 64 elements in 36 bytes */
  HALYARD_Q1_0 = 15,   /**< 128 elements in 18 bytes */
  HALYARD_Q2_0 = 16,   /**< 64 elements in 18 bytes */
  HALYARD_TQ1_0 = 17,  /**< 256 elements in 54 bytes */
  HALYARD_TQ2_0 = 18   /**< 256 elements in 66 bytes */
} halyard_format;
/** Elements of a block; 0 for no known format. */
HALYARD_API size_t halyard_format_elements(halyard_format format);
/** Bytes of a block; 0 for no known format. */
HALYARD_API size_t halyard_format_bytes(halyard_format format);

#define HALYARD_MAX_RANK 6

/** Shape and type of a tensor: row-major, rank 1 to 6, each dimension at least 1. */
typedef struct halyard_tensor_desc {
  halyard_dtype dtype;
  uint32_t rank;
  uint32_t dims[HALYARD_MAX_RANK];
} halyard_tensor_desc;

/** A computation. Not synchronised: one thread at a time, except that a graph which is no longer
 * changed may be compiled and evaluated from many. */
typedef struct halyard_graph halyard_graph;
/** A tensor of a graph: an index, valid in that graph only. */
typedef uint32_t halyard_tensor;

HALYARD_API halyard_status halyard_graph_create(halyard_graph** out);
HALYARD_API halyard_graph* halyard_graph_retain(halyard_graph* graph);
HALYARD_API void halyard_graph_release(halyard_graph* graph);

/** A tensor that each submit supplies. Names are unique in the graph, 1 to 63 bytes. */
HALYARD_API halyard_status halyard_graph_input(halyard_graph* graph, const char* name,
                                               const halyard_tensor_desc* desc,
                                               halyard_tensor* out);
/** A tensor with fixed contents, copied now: elements * size of the type bytes. */
HALYARD_API halyard_status halyard_graph_constant(halyard_graph* graph,
                                                  const halyard_tensor_desc* desc, const void* data,
                                                  size_t bytes, halyard_tensor* out);
/** Declares a computed tensor to be an output that each submit supplies a buffer for. */
HALYARD_API halyard_status halyard_graph_output(halyard_graph* graph, const char* name,
                                                halyard_tensor tensor);
HALYARD_API halyard_status halyard_graph_get_desc(const halyard_graph* graph, halyard_tensor tensor,
                                                  halyard_tensor_desc* desc);
/** Names the node that made `tensor`, for errors and profiles. */
HALYARD_API halyard_status halyard_graph_set_name(halyard_graph* graph, halyard_tensor tensor,
                                                  const char* name);

typedef enum halyard_op {
  /** a [..., m, k], b [..., k, n] -> [..., m, n]; rank 2 to 4, leading dims equal or 1.
     f32/f16/bf16 alike; i8 x i8 -> i32. */
  HALYARD_OP_MATMUL = 1,
  /** in [n, c, h, w], weight [oc, c / groups, kh, kw] -> [n, oc, oh, ow]; halyard_conv2d_params.
     Types as matmul. */
  HALYARD_OP_CONV2D = 2,
  /** Elementwise on two with broadcasting (numpy's rule). Types alike: f32/f16/bf16/i32/i8. A bias
     is an add. */
  HALYARD_OP_ADD = 3,
  HALYARD_OP_SUB = 4,
  HALYARD_OP_MUL = 5,
  HALYARD_OP_DIV = 6,
  HALYARD_OP_MAX = 7,
  HALYARD_OP_MIN = 8,
  /** Elementwise on one. f32/f16/bf16; relu also i8 and i32. */
  HALYARD_OP_RELU = 9,
  HALYARD_OP_GELU = 10, /**< with erf */
  HALYARD_OP_SILU = 11,
  HALYARD_OP_SIGMOID = 12,
  HALYARD_OP_TANH = 13,
  /** NCHW windows; halyard_pool2d_params. f32/f16/bf16/i8. */
  HALYARD_OP_MAX_POOL2D = 14,
  HALYARD_OP_AVG_POOL2D = 15,
  /** Along the last dimension. f32/f16/bf16. */
  HALYARD_OP_SOFTMAX = 16,
  /** in, gain [last], bias [last]; halyard_norm_params. */
  HALYARD_OP_LAYER_NORM = 17,
  /** in, gain [last]; halyard_norm_params. */
  HALYARD_OP_RMS_NORM = 18,
  /** halyard_transpose_params. Any type. */
  HALYARD_OP_TRANSPOSE = 19,
  /** Same elements, other shape; halyard_reshape_params. Any type. */
  HALYARD_OP_RESHAPE = 20,
  /** To another type; halyard_cast_params. To integers: half to even, saturating. */
  HALYARD_OP_CAST = 21,
  /** in [rows, ...], index i32 [n], or [n, 2]: 64 bits, the low word first -> [n, ...]. An index
     out of range fails the job. */
  HALYARD_OP_GATHER = 22,
  /** in real, scale f32 [1] or [dims[axis]] -> i8/u8; halyard_quantize_params.
     saturate(half_even(in / scale) + zero_point) */
  HALYARD_OP_QUANTIZE = 23,
  /** in i8/u8/i32, scale -> real; halyard_quantize_params. (in - zero_point) * scale */
  HALYARD_OP_DEQUANTIZE = 24,
  /** in i32, scale -> i8; halyard_quantize_params. saturate(half_even(float(in) * scale) +
     zero_point) */
  HALYARD_OP_REQUANTIZE = 25,
  /** in [..., 2], angle f32 [..., 1] with dims of in or 1 -> [..., 2]; halyard_rotate_params. Turns
     pairs (x, y): factor * (x * cos(angle) - y * sin(angle), x * sin(angle) + y * cos(angle)), as
     rotary position embeddings do; transposes and views say which elements are a pair.
     f32/f16/bf16.
   */
  HALYARD_OP_ROTATE = 26,
  /** in [n, ...], index as GATHER's -> out[index[i], ...] = in[i, ...]; out is [rows, ...] of any
     type, its other rows keep what they hold. Of rows that several indices name the last stays. An
     index out of range fails the job. Of command lists only: a graph's tensors hold nothing before.
   */
  HALYARD_OP_SCATTER = 27,
  /** in u8 [..., bytes of whole blocks] -> real [..., their elements]; halyard_unpack_params. The
     last dimension of a view `in` has no gaps. */
  HALYARD_OP_UNPACK = 28,
  /** Elementwise on one. f32/f16/bf16. */
  HALYARD_OP_EXP = 29,
  HALYARD_OP_EXPM1 = 30, /**< exp(x) - 1 */
  HALYARD_OP_LOG = 31,   /**< natural; NaN below zero */
  HALYARD_OP_SQRT = 32,  /**< NaN below zero */
  HALYARD_OP_SIN = 33,   /**< of radians */
  HALYARD_OP_COS = 34,
  HALYARD_OP_FLOOR = 35,
  HALYARD_OP_CEIL = 36,
  HALYARD_OP_ROUND = 37, /**< half away from zero */
  HALYARD_OP_TRUNC = 38,
  HALYARD_OP_SIGN = 39, /**< -1, 0 or 1 */
  /** in [..., n] f32/f16/bf16 -> i32 [..., count]; halyard_order_params. The indices of the first
     elements of each row in order; equal ones stay in the order of their indices, NaN is behind all
     others. */
  HALYARD_OP_ORDER = 40,
  /** a real [..., m, k], b u8 [..., n, bytes of the blocks of k] -> [..., m, n] of a's type;
     halyard_linear_params. MATMUL with the elements of b's blocks, transposed: weights that never
     are unpacked to memory. The last dimension of a view `b` has no gaps. Of a command list's
     output as MATMUL. */
  HALYARD_OP_LINEAR = 41
} halyard_op;

typedef struct halyard_conv2d_params {
  size_t size;
  uint32_t stride_h, stride_w;                       /**< at least 1 */
  uint32_t dilation_h, dilation_w;                   /**< at least 1 */
  uint32_t pad_top, pad_left, pad_bottom, pad_right; /**< less than the dilated kernel */
  uint32_t groups;                                   /**< at least 1 */
} halyard_conv2d_params;

typedef struct halyard_pool2d_params {
  size_t size;
  uint32_t kernel_h, kernel_w;                       /**< at least 1 */
  uint32_t stride_h, stride_w;                       /**< at least 1 */
  uint32_t pad_top, pad_left, pad_bottom, pad_right; /**< less than the kernel */
  uint32_t count_padding; /**< average: the divisor counts padding, too */
} halyard_pool2d_params;

typedef struct halyard_norm_params {
  size_t size;
  float epsilon; /**< added to the variance or the mean square */
} halyard_norm_params;

typedef struct halyard_transpose_params {
  size_t size;
  uint32_t perm[HALYARD_MAX_RANK]; /**< out.dims[i] = in.dims[perm[i]] */
} halyard_transpose_params;

typedef struct halyard_reshape_params {
  size_t size;
  uint32_t rank;
  uint32_t dims[HALYARD_MAX_RANK];
} halyard_reshape_params;

typedef struct halyard_cast_params {
  size_t size;
  halyard_dtype dtype;
} halyard_cast_params;

typedef struct halyard_quantize_params {
  size_t size;
  halyard_dtype dtype; /**< of the result */
  uint32_t axis;       /**< that the scales run along when there is more than one */
  int32_t zero_point;
} halyard_quantize_params;

typedef struct halyard_rotate_params {
  size_t size;
  float factor; /**< finite */
} halyard_rotate_params;

typedef struct halyard_unpack_params {
  size_t size;
  halyard_format format;
  halyard_dtype dtype; /**< of the result: f32, f16 or bf16 */
} halyard_unpack_params;

typedef struct halyard_linear_params {
  size_t size;
  halyard_format format; /**< of b */
} halyard_linear_params;

typedef struct halyard_order_params {
  size_t size;
  uint32_t count;      /**< 1 to what a row has */
  uint32_t descending; /**< 0: the smallest first; 1: the largest */
} halyard_order_params;

/** Adds an operation. Checks shapes, types and parameters now: HALYARD_INVALID_ARGUMENT names what
 * does not fit. `params` is the op's struct, or NULL where it has none. */
HALYARD_API halyard_status halyard_graph_add(halyard_graph* graph, halyard_op op,
                                             const halyard_tensor* inputs, size_t input_count,
                                             const void* params, halyard_tensor* out);

/** A tensor's memory on the host, by name. */
typedef struct halyard_host_tensor {
  const char* name;
  void* data;
  size_t bytes;
} halyard_host_tensor;

/** The CPU reference: computes the graph with plain code on the calling thread. To compare with,
 * not to be fast. */
HALYARD_API halyard_status halyard_graph_evaluate(const halyard_graph* graph,
                                                  const halyard_host_tensor* tensors, size_t count);

/* ---- programs ---------------------------------------------------------------------------- */

/** A graph or a command list made ready for one kind of chip. Immutable. */
typedef struct halyard_program halyard_program;

/** Compiles; HALYARD_UNSUPPORTED when the chip lacks an operation, with the node and the reason:
 * nothing is done on the CPU instead. The result is kept and returned again for an equal graph on
 * the same device. */
HALYARD_API halyard_status halyard_program_compile(halyard_device* device,
                                                   const halyard_graph* graph,
                                                   halyard_program** out);
/** Writes at most `*bytes`, returns in `*bytes` how many there are; `data` may be NULL. */
HALYARD_API halyard_status halyard_program_save(const halyard_program* program, void* data,
                                                size_t* bytes);
/** Loads what halyard_program_save() wrote. HALYARD_MALFORMED says where; HALYARD_VERSION_MISMATCH
 * for another chip, revision or format. */
HALYARD_API halyard_status halyard_program_load(halyard_device* device, const void* data,
                                                size_t bytes, halyard_program** out);

typedef struct halyard_binding_info {
  size_t size;
  char name[64];
  halyard_tensor_desc desc; /**< rank 0: memory of no shape, of a command list */
  uint64_t bytes;           /**< that the buffer must have at least */
  uint32_t is_output;       /**< the device writes it */
} halyard_binding_info;
/** As halyard_enumerate(). A graph's inputs first, in the order they were declared, then its
 * outputs; a command list's bindings in their order. */
HALYARD_API halyard_status halyard_program_get_bindings(const halyard_program* program,
                                                        halyard_binding_info* infos, size_t* count);

typedef struct halyard_program_info {
  size_t size;
  uint32_t commands;       /**< of one submit */
  uint64_t constant_bytes; /**< on the device, shared by all submits */
  uint64_t scratch_bytes;  /**< on the device, per submit under way */
} halyard_program_info;
HALYARD_API halyard_status halyard_program_get_info(const halyard_program* program,
                                                    halyard_program_info* info);
/** Name of the graph's node, or of the list's command, that command `index` came from; NULL when
 * out of range. Valid as long as the program. */
HALYARD_API const char* halyard_program_command_name(const halyard_program* program,
                                                     uint32_t index);
HALYARD_API halyard_program* halyard_program_retain(halyard_program* program);
HALYARD_API void halyard_program_release(halyard_program* program);

/* ---- command lists ----------------------------------------------------------------------- */

/** A strided tensor in a binding of a command list: element (i0, i1, ...) is `offset` bytes +
 * (i0 * strides[0] + i1 * strides[1] + ...) elements behind the binding's start. A view says what a
 * graph computes with transposes, slices and broadcasts: any strides, also negative ones and, of
 * what is only read, 0 for what is repeated. Rank 0: an operand that may be absent is. */
typedef struct halyard_view {
  size_t size;
  uint32_t binding; /**< as halyard_command_list_bind() and its like returned */
  halyard_dtype dtype;
  uint32_t rank;                     /**< 1 to 6; 0: absent, all else is not looked at */
  uint32_t dims[HALYARD_MAX_RANK];   /**< each at least 1 */
  int64_t strides[HALYARD_MAX_RANK]; /**< elements */
  uint64_t offset;                   /**< bytes, a multiple of the element's size */
} halyard_view;

/** Commands on memory, one after the other, each seeing what those before it wrote: what runtimes
 * need that work in place, on slices, or append to what is there. Where a graph leaves memory and
 * order to the compiler, a command list leaves them to the caller. Not synchronised: one thread at
 * a time, except that a list which is no longer changed may be recorded from many. */
typedef struct halyard_command_list halyard_command_list;

HALYARD_API halyard_status halyard_command_list_create(halyard_command_list** out);
HALYARD_API halyard_command_list* halyard_command_list_retain(halyard_command_list* list);
HALYARD_API void halyard_command_list_release(halyard_command_list* list);

#define HALYARD_ACCESS_READ 1u       /**< commands only read */
#define HALYARD_ACCESS_READ_WRITE 3u /**< commands read and write */

/** Memory of `bytes` (1 to 1 TiB) that each submit supplies as it does a graph's inputs and
 * outputs. Names are unique in the list, 1 to 63 bytes. Two bindings may be given one buffer. */
HALYARD_API halyard_status halyard_command_list_bind(halyard_command_list* list, const char* name,
                                                     uint64_t bytes, uint32_t access,
                                                     uint32_t* index);
/** A binding with fixed contents, copied now, that commands only read. */
HALYARD_API halyard_status halyard_command_list_constant(halyard_command_list* list,
                                                         const void* data, size_t bytes,
                                                         uint32_t* index);
/** A binding of the program's own whose contents are undefined when it begins. */
HALYARD_API halyard_status halyard_command_list_scratch(halyard_command_list* list, uint64_t bytes,
                                                        uint32_t* index);

/** Appends an operation. `views` are its inputs, then the output. It and its parameters are those
 * of halyard_graph_add(), with these differences: TRANSPOSE and RESHAPE are none (CAST copies what
 * a view shows, also to the same type); products of f16 or bf16 may have an f32 output; gain and
 * bias of the norms may be absent. No two elements of the output share memory, and the output
 * overlaps no input, unless the operation is elementwise or a CAST and both are the very same view:
 * else results are undefined. The list is checked now: HALYARD_INVALID_ARGUMENT names what does not
 * fit, and the list is unchanged. `name` (NULL: one is made, "matmul#3") is for errors and
 * profiles. */
HALYARD_API halyard_status halyard_command_list_add(halyard_command_list* list, halyard_op op,
                                                    const halyard_view* views, size_t count,
                                                    const void* params, const char* name);

/** Whether halyard_program_record() would take such a command: HALYARD_OK, or HALYARD_UNSUPPORTED
 * with the reason, or HALYARD_INVALID_ARGUMENT where halyard_command_list_add() refuses it. The
 * views' bindings are not looked at. Nothing is executed. */
HALYARD_API halyard_status halyard_device_supports(halyard_device* device, halyard_op op,
                                                   const halyard_view* views, size_t count,
                                                   const void* params);

/** Makes a program of a list, one command for each of its own, to be submitted as often as wanted,
 * each time with other buffers. Its bindings are those of halyard_command_list_bind() in their
 * order and have no shape: the rank in halyard_binding_info is 0. HALYARD_UNSUPPORTED names the
 * command and the reason. Unlike a graph's, the program is not kept to be found again. */
HALYARD_API halyard_status halyard_program_record(halyard_device* device,
                                                  const halyard_command_list* list,
                                                  halyard_program** out);

/* ---- queues ------------------------------------------------------------------------------ */

typedef enum halyard_priority {
  HALYARD_PRIORITY_NORMAL = 0, /**< zero, so that it is the default */
  HALYARD_PRIORITY_LOW = 1,
  HALYARD_PRIORITY_HIGH = 2,    /**< HALYARD_NO_PERMISSION without CAP_SYS_NICE */
  HALYARD_PRIORITY_REALTIME = 3 /**< likewise */
} halyard_priority;

typedef struct halyard_queue_desc {
  size_t size;
  uint32_t engine_class; /**< of halyard_engine_info */
  halyard_priority priority;
} halyard_queue_desc;

/** Jobs of one queue run in order. */
typedef struct halyard_queue halyard_queue;

/** `desc` NULL: class 0, normal priority. */
HALYARD_API halyard_status halyard_queue_create(halyard_device* device,
                                                const halyard_queue_desc* desc,
                                                halyard_queue** out);
HALYARD_API halyard_queue* halyard_queue_retain(halyard_queue* queue);
/** The last release cancels jobs that are not done. */
HALYARD_API void halyard_queue_release(halyard_queue* queue);
/** The queue's own timeline, which every submit advances by one. Valid as long as the queue; not
 * retained. */
HALYARD_API halyard_timeline* halyard_queue_timeline(halyard_queue* queue);

/** A buffer for one of the program's bindings. */
typedef struct halyard_binding {
  const char* name; /**< NULL: by position */
  halyard_buffer* buffer;
  uint64_t offset; /**< bytes, a multiple of 64 */
} halyard_binding;

/** What every queue operation awaits and signals besides the queue's own timeline. */
typedef struct halyard_sync {
  size_t size;
  const halyard_point* waits;
  size_t wait_count;
  const halyard_point* signals; /**< greater than every point promised on that timeline before */
  size_t signal_count;
  struct halyard_profile* profile; /**< NULL, or filled in when the job is done */
} halyard_sync;

/** Runs a program. `*point` (may be NULL) is the job's point on the queue's timeline, not retained.
 * The buffers are kept alive until the job is done. `sync` may be NULL. */
HALYARD_API halyard_status halyard_queue_submit(halyard_queue* queue, halyard_program* program,
                                                const halyard_binding* bindings, size_t count,
                                                const halyard_sync* sync, halyard_point* point);
/** Copies bytes by the device. Ranges must not overlap. */
HALYARD_API halyard_status halyard_queue_copy(halyard_queue* queue, halyard_buffer* dst,
                                              uint64_t dst_offset, halyard_buffer* src,
                                              uint64_t src_offset, uint64_t bytes,
                                              const halyard_sync* sync, halyard_point* point);
/** Fills with a 32-bit pattern; offset and bytes are multiples of 4. */
HALYARD_API halyard_status halyard_queue_fill(halyard_queue* queue, halyard_buffer* dst,
                                              uint64_t offset, uint64_t bytes, uint32_t pattern,
                                              const halyard_sync* sync, halyard_point* point);
/** An empty job: joins waits and signals. */
HALYARD_API halyard_status halyard_queue_barrier(halyard_queue* queue, const halyard_sync* sync,
                                                 halyard_point* point);

/* ---- profiles ---------------------------------------------------------------------------- */

/** Device timestamps of one job's commands. Not synchronised; belongs to one submit at a time. */
typedef struct halyard_profile halyard_profile;
typedef struct halyard_profile_entry {
  size_t size;
  uint32_t command;
  uint64_t begin_ns; /**< device time, see halyard_device_get_time() */
  uint64_t end_ns;
  char name[64];
} halyard_profile_entry;
HALYARD_API halyard_status halyard_profile_create(halyard_device* device, halyard_profile** out);
/** As halyard_enumerate(), after the job is done; HALYARD_TIMEOUT before. */
HALYARD_API halyard_status halyard_profile_get(halyard_profile* profile,
                                               halyard_profile_entry* entries, size_t* count);
HALYARD_API void halyard_profile_release(halyard_profile* profile);

#ifdef __cplusplus
}
#endif

#endif
