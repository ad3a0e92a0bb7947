// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Arithmetic of the operations that an emulated chip offers.
///
/// The engine knows nothing of chips, addresses or command streams: it computes on memory that the
/// caller has resolved and checked. There are two implementations of one interface: `reference()`,
/// plain loops that are meant to be read, and `fast()`, which may use libraries and threads. Tests
/// hold them equal: bit for bit where the result is an integer, within a stated tolerance else.
///
/// Floating point is computed in float32 whatever the storage type, and rounded once, to nearest
/// even, when stored. Integer matrix products accumulate in int32, wrapping modulo 2^32.
///
/// Thread rules: both implementations are stateless to the caller; all functions may be called from
/// any number of threads at once as long as their outputs do not overlap another call's operands.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace halyard::engine {

/// Storage type of a tensor's elements. The values are this header's own: chips map their formats.
enum class DType : std::uint8_t { kF32, kF16, kBF16, kI8, kU8, kI32 };

/// Bytes of one element.
constexpr std::size_t size_of(DType type) {
  switch (type) {
    case DType::kF32:
    case DType::kI32:
      return 4;
    case DType::kF16:
    case DType::kBF16:
      return 2;
    case DType::kI8:
    case DType::kU8:
      return 1;
  }
  return 0;
}

/// How blocks of quantised elements lie in bytes; blocks.hpp has the layouts. The values are those
/// of the chips' formats: a cast converts once the range is checked.
enum class Format : std::uint8_t {
  kQ40 = 1,
  kQ41,
  kQ50,
  kQ51,
  kQ80,
  kQ2K,
  kQ3K,
  kQ4K,
  kQ5K,
  kQ6K,
  kIq4Nl,
  kIq4Xs,
  kMxfp4,
  kNvfp4,
  kQ10,
  kQ20,
  kTq10,
  kTq20
};
inline constexpr unsigned kNumFormats = 18;

struct BlockShape {
  std::uint16_t elements;
  std::uint16_t bytes;
};

/// Zeros for an unknown format.
constexpr BlockShape shape_of(Format format) {
  constexpr std::array<BlockShape, kNumFormats + 1> kShapes = {{{0, 0},
                                                                {32, 18},
                                                                {32, 20},
                                                                {32, 22},
                                                                {32, 24},
                                                                {32, 34},
                                                                {256, 84},
                                                                {256, 110},
                                                                {256, 144},
                                                                {256, 176},
                                                                {256, 210},
                                                                {32, 18},
                                                                {256, 136},
                                                                {32, 17},
                                                                {64, 36},
                                                                {128, 18},
                                                                {64, 18},
                                                                {256, 54},
                                                                {256, 66}}};
  const auto index = static_cast<std::size_t>(format);
  return index < kShapes.size() ? kShapes[index] : kShapes[0];
}

/// Of any format; a multiple of those of each.
inline constexpr std::uint16_t kMaxBlockElements = 256;

inline constexpr unsigned kMaxRank = 6;

/// Multiply-accumulates, or else elements, that one call may compute: no command can hold an engine
/// for ever. (A product of two 8192 x 8192 matrices is half of it.)
inline constexpr std::uint64_t kMaxWork = std::uint64_t{1} << 40;

/// A view of memory as a strided array. `data` addresses element (0, ..., 0) and is aligned to the
/// element's size; strides count elements and may be zero (broadcast, inputs only) or negative. The
/// rank is 1 to kMaxRank and no dimension is zero. A default-made tensor is absent.
struct Tensor {
  std::byte* data = nullptr;
  DType type = DType::kF32;
  unsigned rank = 0;
  std::array<std::uint32_t, kMaxRank> dims{};
  std::array<std::int32_t, kMaxRank> strides{};

  [[nodiscard]] bool present() const { return data != nullptr; }
  /// Product of the dimensions, 2^64 - 1 if it would overflow.
  [[nodiscard]] std::uint64_t elements() const;
  /// True when the elements lie row-major without gaps.
  [[nodiscard]] bool contiguous() const;
};

enum class Binary : std::uint8_t { kAdd, kSub, kMul, kDiv, kMax, kMin };
/// kGelu is the exact one: x times the cumulative function of the normal distribution.
enum class Activation : std::uint8_t { kNone, kRelu, kGelu, kSilu, kSigmoid, kTanh };
/// kRound goes half away from zero; kSign gives -1, 0 or 1.
enum class Function : std::uint8_t {
  kExp,
  kExpm1,
  kLog,
  kSqrt,
  kSin,
  kCos,
  kFloor,
  kCeil,
  kRound,
  kTrunc,
  kSign
};
enum class Pool : std::uint8_t { kMax, kAverage };
enum class Norm : std::uint8_t { kLayer, kRms };

/// What happens to each result of a product before it is stored, in this order: add `bias` (absent,
/// or [channels], float32 for float products and int32 for int8 products), multiply by `scale`,
/// activate, round half to even, add `zero_point`, saturate to the output's type. The channels are
/// the columns (n) of a matmul and the output channels of a convolution.
///
/// An int8 output needs `scale`: float32 [1] or [channels]; the result equals that of the int32
/// product followed by requantize(). Without `scale` an int8 product is stored as int32, activated
/// by kNone or kRelu. Only an int8 output takes `scale` and a `zero_point` (-128 to 127) other than
/// 0.
struct Epilogue {
  Tensor bias = {};
  Tensor scale = {};
  Activation activation = Activation::kNone;
  std::int32_t zero_point = 0;
};

struct Conv2dParams {
  std::uint32_t stride_h = 1, stride_w = 1;
  std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::uint32_t dilation_h = 1, dilation_w = 1;
  std::uint32_t groups = 1;
};

struct PoolParams {
  Pool kind = Pool::kMax;
  std::uint32_t kernel_h = 1, kernel_w = 1;
  std::uint32_t stride_h = 1, stride_w = 1;
  std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  /// Average only: whether padding counts in the divisor.
  bool count_padding = false;
};

/// One set of the operations. Each returns an empty string, or the reason why the operands do not
/// fit together (shape, type, parameter out of range, more than kMaxWork), in which case nothing
/// was written. Shapes and parameters may come from an adversary: all are checked. What the caller
/// guarantees is that each operand's elements, as its dims and strides place them, lie in memory.
///
/// Operands may not overlap the output, except elementwise ones (binary, activate, function, copy,
/// rotate's in) that are the very same view. Nor may two elements of an output share memory: its
/// strides, sorted, must nest. The first is not checked: it yields unspecified values, but no
/// access outside the operands. Nor does memory that changes during a call (the client's, shared
/// with it) lead to one.
///
/// Nothing is thrown. Want of memory, of which a call takes little whatever the shapes, is a reason
/// too
/// ("out of memory"), after which the output has any values.
///
/// NaN passes through maxima, minima, pooling, activations and functions.
class Arithmetic {
 public:
  virtual ~Arithmetic() = default;

  /// out[..., m, n] = sum_k a[..., m, k] * b[..., k, n]. Rank 2 to 4, equal in all three, leading
  /// dimensions of a and b equal the output's or 1. Transposes are expressed by strides. Types: all
  /// of f32/f16/bf16 alike (the output may be f32 with 16-bit inputs), or i8 x i8 -> i32 or i8.
  virtual std::string matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                             const Epilogue& epilogue) const = 0;

  /// out[..., m, n] = sum_k a[..., m, k] * w[..., n, k], w being the elements of blocks, which the
  /// sum takes unrounded: b u8 [..., n, k / elements of one * bytes of one], of which the last
  /// dimension has no gaps. Ranks and leading dimensions as matmul(). a f32/f16/bf16, out alike or
  /// f32.
  virtual std::string linear(Format format, const Tensor& a, const Tensor& b,
                             const Tensor& out) const = 0;

  /// NCHW: in [n, c, h, w], weight [oc, c / groups, kh, kw], out [n, oc, oh, ow] with
  /// oh = (h + pad_top + pad_bottom - ((kh - 1) * dilation_h + 1)) / stride_h + 1, ow likewise.
  /// Each padding is smaller than the dilated kernel. Whether the padding's zeros meet infinite
  /// weights (and give NaN) is not specified. Types as matmul.
  virtual std::string conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                             const Conv2dParams& params, const Epilogue& epilogue) const = 0;

  /// out = activation(a OP b), all of the output's rank, dims equal or broadcast (1). Types: three
  /// alike of f32/f16/bf16/i32/i8. i8 and i32 results saturate, their quotients truncate, division
  /// by zero yields 0; they take the activations kNone and kRelu.
  virtual std::string binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                             Activation activation) const = 0;

  /// out = activation(in), equal dims, types alike: f32/f16/bf16; i8 and i32 take kNone and kRelu.
  virtual std::string activate(Activation activation, const Tensor& in,
                               const Tensor& out) const = 0;

  /// out = function(in), equal dims, f32/f16/bf16 alike. Logarithms and roots of what is negative
  /// are NaN.
  virtual std::string function(Function function, const Tensor& in, const Tensor& out) const = 0;

  /// NCHW windows, sizes and padding as conv2d's. f32/f16/bf16/i8 alike. Maxima ignore the padding;
  /// the average of i8 rounds half to even.
  virtual std::string pool2d(const Tensor& in, const Tensor& out,
                             const PoolParams& params) const = 0;

  /// Along the last dimension, maximum subtracted first. f32/f16/bf16 alike.
  virtual std::string softmax(const Tensor& in, const Tensor& out) const = 0;

  /// Along the last dimension, types of in and out alike f32/f16/bf16; gain and bias are absent or
  /// [last], of the input's type or f32. kLayer: (x - mean) / sqrt(variance + epsilon) * gain +
  /// bias with the biased variance; kRms: x / sqrt(mean(x^2) + epsilon) * gain + bias. epsilon is
  /// finite and not negative.
  virtual std::string norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                           const Tensor& out, float epsilon) const = 0;

  /// out[i...] = in[i...] for equal dims and any strides; converts between types: float to integer
  /// rounds half to even and saturates (NaN becomes 0), integer to integer saturates, integer to
  /// float goes through float32. Equal types are copied bit by bit.
  virtual std::string copy(const Tensor& in, const Tensor& out) const = 0;

  /// out[i, ...] = in[index[i], ...]: in [rows, ...], index i32 [n] or [n, 2], out [n, ...], types
  /// alike. Pairs are numbers of 64 bits, the low word first. An index outside [0, rows) is an
  /// error that names it.
  virtual std::string gather(const Tensor& in, const Tensor& index, const Tensor& out) const = 0;

  /// out[index[i], ...] = in[i, ...]: in [n, ...], index as gather()'s, out [rows, ...]; converts
  /// as copy(). Rows that no index names keep what they hold; of those that several name the last
  /// stays. An index outside [0, rows) is an error that names it.
  virtual std::string scatter(const Tensor& in, const Tensor& index, const Tensor& out) const = 0;

  /// Pairs of elements, which the last dimension of in and out counts (it is 2), turn by angles:
  /// out[..., 0] = (in[..., 0] * cos - in[..., 1] * sin) * factor,
  /// out[..., 1] = (in[..., 0] * sin + in[..., 1] * cos) * factor, cos and sin of angle[..., 0].
  /// The angle is f32, of the output's rank, its last dimension 1, the others the output's or 1. in
  /// and out of equal dims, f32/f16/bf16 alike. The factor is finite.
  virtual std::string rotate(const Tensor& in, const Tensor& angle, const Tensor& out,
                             float factor) const = 0;

  /// Along the last dimension, out i32 [..., k] has the indices of the k first elements of in
  /// [..., n] in order, k <= n, in f32/f16/bf16. Equal ones stay in the order of their indices; NaN
  /// is behind all others, either way.
  virtual std::string order(const Tensor& in, const Tensor& out, bool descending) const = 0;

  /// out i8/u8 = saturate(round_half_even(in / scale[c]) + zero_point); in f32/f16/bf16; scale f32
  /// [1] or [dims[axis]], c the index along axis; zero_point in the output's range. The quotient is
  /// float32; NaN gives zero_point.
  virtual std::string quantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                               std::uint32_t axis, std::int32_t zero_point) const = 0;

  /// out f32/f16/bf16 = float(in - zero_point) * scale[c]; in i8/u8/i32; scale and axis as
  /// quantize(); zero_point in the input's range.
  virtual std::string dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                                 std::uint32_t axis, std::int32_t zero_point) const = 0;

  /// out i8 = saturate(round_half_even(float(in) * scale[c]) + zero_point); in i32 or i8; scale,
  /// axis and zero_point as quantize(). The product is float32.
  virtual std::string requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                                 std::uint32_t axis, std::int32_t zero_point) const = 0;

  /// The elements of blocks: in u8 [..., blocks * bytes of one], of which the last dimension has no
  /// gaps, out f32/f16/bf16 [..., blocks * elements of one]; the other dimensions are equal.
  virtual std::string unpack(Format format, const Tensor& in, const Tensor& out) const = 0;

  /// Every element of out becomes `pattern`, the element's bits in its low bytes.
  virtual std::string fill(const Tensor& out, std::uint32_t pattern) const = 0;
};

/// Plain loops. Slow, and right by inspection.
const Arithmetic& reference();

/// The one that cards use.
const Arithmetic& fast();

/// The same for arguments that fast() would accept: only what cannot be known beforehand is
/// refused, indices of rows and want of memory. Anything else that is wrong is undefined behaviour.
const Arithmetic& fast_on_checked();

}  // namespace halyard::engine
