// SPDX-License-Identifier: MIT
#include "check.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string_view>

#include "scalar.hpp"

namespace halyard::engine {
namespace {

/// A tensor and the name by which the contract calls it.
struct Operand {
  std::string_view name;
  const Tensor& tensor;
};

template <typename T>
void append(std::string& text, const T& part) {
  if constexpr (std::is_arithmetic_v<T>) {
    text += std::to_string(part);
  } else {
    text += part;
  }
}

template <typename... T>
std::string say(const T&... parts) {
  std::string text;
  (append(text, parts), ...);
  return text;
}

/// Runs the checks in turn until one refuses.
template <typename... Check>
std::string first_of(const Check&... checks) {
  std::string reason;
  (void)((reason = checks(), !reason.empty()) || ...);
  return reason;
}

constexpr std::array<std::string_view, 6> kTypeNames = {"f32", "f16", "bf16", "i8", "u8", "i32"};

constexpr std::string_view name_of(DType type) {
  const auto index = static_cast<std::size_t>(type);
  return index < kTypeNames.size() ? kTypeNames[index] : std::string_view("unknown");
}

std::uint64_t multiply_saturating(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::uint64_t>::max()
                                                : product;
}

std::uint64_t add_saturating(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

std::uint64_t magnitude(std::int32_t stride) {
  return static_cast<std::uint64_t>(std::abs(std::int64_t{stride}));
}

/// What any operand must fulfil.
std::string check_operand(const Operand& operand) {
  const auto& [name, tensor] = operand;
  if (!tensor.present()) {
    return say(name, " is absent");
  }
  if (size_of(tensor.type) == 0) {
    return say(name, " has an unknown type");
  }
  if (tensor.rank == 0 || tensor.rank > kMaxRank) {
    return say(name, " has rank ", tensor.rank, ", not 1 to ", kMaxRank);
  }
  for (unsigned i = 0; i < tensor.rank; ++i) {
    if (tensor.dims[i] == 0) {
      return say("dimension ", i, " of ", name, " is zero");
    }
  }
  // Sizes are powers of two.
  if ((reinterpret_cast<std::uintptr_t>(tensor.data) & (size_of(tensor.type) - 1)) != 0) {
    return say(name, " is not aligned to its elements of ", size_of(tensor.type), " bytes");
  }
  return {};
}

/// One dimension of an output.
struct Axis {
  std::uint64_t stride;
  std::uint64_t steps;  ///< elements - 1
};

/// True if each stride exceeds the extent of the axes before it.
template <typename Axes>
bool nests(const Axes& axes) {
  std::uint64_t extent = 0;
  for (const Axis& axis : axes) {
    if (axis.steps > 0 && axis.stride <= extent) {
      return false;
    }
    extent = add_saturating(extent, multiply_saturating(axis.stride, axis.steps));
  }
  return true;
}

/// No two elements may share memory: going from the smallest stride to the largest, each exceeds
/// the extent of what lies inside it.
std::string check_nesting(const Operand& operand) {
  const auto& [name, tensor] = operand;
  std::array<Axis, kMaxRank> axes{};
  for (unsigned i = 0; i < tensor.rank; ++i) {
    const unsigned axis = tensor.rank - 1 - i;  // most tensors are in order this way round
    axes[i].stride = magnitude(tensor.strides.at(axis));
    axes[i].steps = std::uint64_t{tensor.dims.at(axis)} - 1;
  }
  if (nests(axes)) {
    return {};
  }
  std::ranges::sort(axes, {}, &Axis::stride);
  return nests(axes) ? std::string{} : say("elements of ", name, " overlap");
}

std::string check_output(const Operand& out) {
  return first_of([&] { return check_operand(out); }, [&] { return check_nesting(out); });
}

std::string check_rank(const Operand& operand, unsigned low, unsigned high) {
  const unsigned rank = operand.tensor.rank;
  if (rank >= low && rank <= high) {
    return {};
  }
  if (low == high) {
    return say(operand.name, " has rank ", rank, ", not ", low);
  }
  return say(operand.name, " has rank ", rank, ", not ", low, " to ", high);
}

std::string check_dim(const Operand& operand, unsigned axis, std::uint64_t expected) {
  if (operand.tensor.dims.at(axis) == expected) {
    return {};
  }
  return say("dimension ", axis, " of ", operand.name, " is ", operand.tensor.dims.at(axis),
             ", not ", expected);
}

std::string check_same_dims(const Operand& a, const Operand& b) {
  if (a.tensor.rank != b.tensor.rank) {
    return say("ranks of ", a.name, " and ", b.name, " differ: ", a.tensor.rank, " and ",
               b.tensor.rank);
  }
  for (unsigned i = 0; i < a.tensor.rank; ++i) {
    if (auto reason = check_dim(a, i, b.tensor.dims.at(i)); !reason.empty()) {
      return reason;
    }
  }
  return {};
}

/// Dimensions `from` to `to` equal the output's or are 1.
std::string check_broadcast(const Operand& operand, const Operand& out, unsigned from,
                            unsigned to) {
  for (unsigned i = from; i < to; ++i) {
    const std::uint32_t dim = operand.tensor.dims.at(i);
    if (dim != 1 && dim != out.tensor.dims.at(i)) {
      return say("dimension ", i, " of ", operand.name, " is ", dim, ", neither 1 nor ",
                 out.tensor.dims.at(i));
    }
  }
  return {};
}

std::string check_same_type(const Operand& a, const Operand& b) {
  if (a.tensor.type == b.tensor.type) {
    return {};
  }
  return say("types of ", a.name, " and ", b.name, " differ: ", name_of(a.tensor.type), " and ",
             name_of(b.tensor.type));
}

std::string check_type(const Operand& operand, bool allowed) {
  return allowed ? std::string{}
                 : say(operand.name, " may not be of type ", name_of(operand.tensor.type));
}

std::string check_float_type(const Operand& operand) {
  return check_type(operand, is_float(operand.tensor.type));
}

std::string check_work(std::uint64_t work) {
  return work <= kMaxWork ? std::string{} : std::string{"more work than one call may ask for"};
}

/// `blocks` are the bytes of blocks, `elements` what is in them, along the last of equally many
/// dimensions.
std::string check_blocks(Format format, const Operand& blocks, const Operand& elements) {
  const BlockShape shape = shape_of(format);
  if (shape.bytes == 0) {
    return "unknown format";
  }
  const unsigned last = blocks.tensor.rank - 1;
  const std::uint64_t bytes = blocks.tensor.dims.at(last);
  return first_of([&] { return check_type(blocks, blocks.tensor.type == DType::kU8); },
                  [&] { return check_rank(elements, last + 1, last + 1); },
                  [&] {
                    return blocks.tensor.strides.at(last) == 1
                               ? std::string{}
                               : say("the last dimension of ", blocks.name, " has gaps");
                  },
                  [&] {
                    return bytes % shape.bytes == 0 ? std::string{}
                                                    : say("dimension ", last, " of ", blocks.name,
                                                          " is no multiple of ", shape.bytes);
                  },
                  [&] { return check_dim(elements, last, bytes / shape.bytes * shape.elements); });
}

/// Is the activation known, and one that the type's results can go through?
std::string check_activation(Activation activation, bool integers) {
  if (activation > Activation::kTanh) {
    return "unknown activation";
  }
  if (integers && activation != Activation::kNone && activation != Activation::kRelu) {
    return "integer results take no activation but ReLU";
  }
  return {};
}

std::string check_zero_point(std::int32_t zero_point, DType type) {
  const IntRange range = range_of(type);
  if (zero_point >= range.low && zero_point <= range.high) {
    return {};
  }
  return say("zero point ", zero_point, " is outside ", name_of(type));
}

/// A one-dimensional operand of `count` elements, or also of one where `or_one`.
std::string check_vector(const Operand& operand, std::uint64_t count, bool or_one) {
  return first_of([&] { return check_operand(operand); }, [&] { return check_rank(operand, 1, 1); },
                  [&] {
                    return or_one && operand.tensor.dims[0] == 1 ? std::string{}
                                                                 : check_dim(operand, 0, count);
                  });
}

std::string check_scale(const Tensor& scale, std::uint64_t channels) {
  const Operand operand{"scale", scale};
  return first_of([&] { return check_vector(operand, channels, true); },
                  [&] { return check_type(operand, scale.type == DType::kF32); });
}

/// Types of a product's operands and output.
std::string check_product_types(const Operand& a, const Operand& b, const Operand& out) {
  const DType type = a.tensor.type;
  const DType result = out.tensor.type;
  return first_of([&] { return check_type(a, is_float(type) || type == DType::kI8); },
                  [&] { return check_same_type(a, b); },
                  [&] {
                    return check_type(out, is_float(type)
                                               ? result == type || result == DType::kF32
                                               : result == DType::kI32 || result == DType::kI8);
                  });
}

std::string check_epilogue(const Epilogue& epilogue, const Tensor& out, bool integers,
                           std::uint64_t channels) {
  const Operand bias{"bias", epilogue.bias};
  const bool rescaled = out.type == DType::kI8;
  const DType bias_type = integers ? DType::kI32 : DType::kF32;
  if (rescaled && !epilogue.scale.present()) {
    return "scale is absent, which an i8 output needs";
  }
  if (!rescaled && epilogue.scale.present()) {
    return "scale is only for i8 outputs";
  }
  if (!rescaled && epilogue.zero_point != 0) {
    return "a zero point is only for i8 outputs";
  }
  return first_of(
      [&] { return check_activation(epilogue.activation, out.type == DType::kI32); },
      [&] { return rescaled ? check_scale(epilogue.scale, channels) : std::string{}; },
      [&] { return rescaled ? check_zero_point(epilogue.zero_point, out.type) : std::string{}; },
      [&] { return bias.tensor.present() ? check_vector(bias, channels, false) : std::string{}; },
      [&] { return check_type(bias, !bias.tensor.present() || bias.tensor.type == bias_type); });
}

/// `count` indices: numbers of 32 bits, or pairs of words.
std::string check_indices(const Tensor& index, std::uint64_t count) {
  const Operand operand{"index", index};
  return first_of([&] { return check_operand(operand); }, [&] { return check_rank(operand, 1, 2); },
                  [&] { return check_dim(operand, 0, count); },
                  [&] { return index.rank == 1 ? std::string{} : check_dim(operand, 1, 2); },
                  [&] { return check_type(operand, index.type == DType::kI32); });
}

/// Equal but for the first dimension.
std::string check_same_rows(const Operand& in, const Operand& out) {
  std::string reason = check_rank(out, in.tensor.rank, in.tensor.rank);
  for (unsigned i = 1; i < in.tensor.rank && reason.empty(); ++i) {
    reason = check_dim(out, i, in.tensor.dims.at(i));
  }
  return reason;
}

/// One axis of a sliding window.
struct Window {
  std::string_view axis;
  std::uint64_t in, out, kernel, stride, dilation, pad_before, pad_after;
};

std::string check_window(const Window& window) {
  if (window.kernel == 0 || window.stride == 0 || window.dilation == 0) {
    return say("kernel, stride or dilation along ", window.axis, " is zero");
  }
  // The factors are below 2^32: the product leaves room for the addition.
  const std::uint64_t reach = (window.kernel - 1) * window.dilation + 1;
  if (window.pad_before >= reach || window.pad_after >= reach) {
    return say("padding along ", window.axis, " is not smaller than the kernel, which spans ",
               reach);
  }
  const std::uint64_t padded = window.in + window.pad_before + window.pad_after;
  if (reach > padded) {
    return say("kernel spans ", reach, " along ", window.axis, ", the padded input only ", padded);
  }
  const std::uint64_t expected = (padded - reach) / window.stride + 1;
  if (window.out != expected) {
    return say("out is ", window.out, " along ", window.axis, ", not ", expected);
  }
  return {};
}

std::string check_groups(const Tensor& in, const Tensor& out, std::uint32_t groups) {
  if (groups == 0 || in.dims[1] % groups != 0 || out.dims[1] % groups != 0) {
    return say(groups, " groups do not divide ", in.dims[1], " input and ", out.dims[1],
               " output channels");
  }
  return {};
}

std::string check_conv2d_windows(const Tensor& in, const Tensor& weight, const Tensor& out,
                                 const Conv2dParams& p) {
  return first_of(
      [&] {
        return check_window({"the height", in.dims[2], out.dims[2], weight.dims[2], p.stride_h,
                             p.dilation_h, p.pad_top, p.pad_bottom});
      },
      [&] {
        return check_window({"the width", in.dims[3], out.dims[3], weight.dims[3], p.stride_w,
                             p.dilation_w, p.pad_left, p.pad_right});
      });
}

/// What quantize, dequantize and requantize share.
std::string check_rescaling(const Operand& in, const Tensor& scale, const Operand& out,
                            std::uint32_t axis) {
  return first_of([&] { return check_operand(in); }, [&] { return check_output(out); },
                  [&] { return check_same_dims(in, out); },
                  [&] {
                    return axis < in.tensor.rank
                               ? std::string{}
                               : say("axis ", axis, " is outside the rank ", in.tensor.rank);
                  },
                  [&] { return check_scale(scale, in.tensor.dims.at(axis)); },
                  [&] { return check_work(out.tensor.elements()); });
}

/// Stacks of matrices: the ranks, without which nothing else can be looked at.
std::string check_stacks(const Operand& a, const Operand& b, const Operand& out) {
  const unsigned rank = out.tensor.rank;
  return first_of([&] { return check_operand(a); }, [&] { return check_operand(b); },
                  [&] { return check_output(out); }, [&] { return check_rank(out, 2, 4); },
                  [&] { return check_rank(a, rank, rank); },
                  [&] { return check_rank(b, rank, rank); });
}

/// That the stacks and the rows of a product fit.
std::string check_stacked_rows(const Operand& a, const Operand& b, const Operand& out) {
  const unsigned row = out.tensor.rank - 2;
  return first_of([&] { return check_broadcast(a, out, 0, row); },
                  [&] { return check_broadcast(b, out, 0, row); },
                  [&] { return check_dim(a, row, out.tensor.dims.at(row)); });
}

}  // namespace

std::string check_matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                         const Epilogue& epilogue) {
  const Operand left{"a", a};
  const Operand right{"b", b};
  const Operand result{"out", out};
  if (auto reason = check_stacks(left, right, result); !reason.empty()) {
    return reason;
  }
  const unsigned row = out.rank - 2;
  const unsigned column = out.rank - 1;
  const std::uint64_t depth = a.dims.at(column);
  return first_of(
      [&] { return check_product_types(left, right, result); },
      [&] { return check_stacked_rows(left, right, result); },
      [&] { return check_dim(right, row, depth); },
      [&] { return check_dim(right, column, out.dims.at(column)); },
      [&] { return check_epilogue(epilogue, out, a.type == DType::kI8, out.dims.at(column)); },
      [&] { return check_work(multiply_saturating(out.elements(), depth)); });
}

std::string check_linear(Format format, const Tensor& a, const Tensor& b, const Tensor& out) {
  const Operand left{"a", a};
  const Operand right{"b", b};
  const Operand result{"out", out};
  if (auto reason = check_stacks(left, right, result); !reason.empty()) {
    return reason;
  }
  const unsigned column = out.rank - 1;
  return first_of(
      [&] { return check_float_type(left); },
      [&] { return check_type(result, out.type == a.type || out.type == DType::kF32); },
      [&] { return check_blocks(format, right, left); },
      [&] { return check_stacked_rows(left, right, result); },
      [&] { return check_dim(right, column - 1, out.dims.at(column)); },
      [&] { return check_work(multiply_saturating(out.elements(), a.dims.at(column))); });
}

std::string check_conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                         const Conv2dParams& params, const Epilogue& epilogue) {
  const Operand input{"in", in};
  const Operand kernel{"weight", weight};
  const Operand result{"out", out};
  if (auto reason = first_of(
          [&] { return check_operand(input); }, [&] { return check_operand(kernel); },
          [&] { return check_output(result); }, [&] { return check_rank(input, 4, 4); },
          [&] { return check_rank(kernel, 4, 4); }, [&] { return check_rank(result, 4, 4); },
          [&] { return check_groups(in, out, params.groups); });
      !reason.empty()) {
    return reason;
  }
  const std::uint64_t depth =
      multiply_saturating(weight.dims[1], multiply_saturating(weight.dims[2], weight.dims[3]));
  return first_of([&] { return check_product_types(input, kernel, result); },
                  [&] { return check_dim(result, 0, in.dims[0]); },
                  [&] { return check_dim(kernel, 0, out.dims[1]); },
                  [&] { return check_dim(kernel, 1, in.dims[1] / params.groups); },
                  [&] { return check_conv2d_windows(in, weight, out, params); },
                  [&] { return check_epilogue(epilogue, out, in.type == DType::kI8, out.dims[1]); },
                  [&] { return check_work(multiply_saturating(out.elements(), depth)); });
}

std::string check_binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                         Activation activation) {
  const Operand left{"a", a};
  const Operand right{"b", b};
  const Operand result{"out", out};
  if (op > Binary::kMin) {
    return "unknown operation";
  }
  return first_of([&] { return check_operand(left); }, [&] { return check_operand(right); },
                  [&] { return check_output(result); },
                  [&] { return check_type(result, out.type != DType::kU8); },
                  [&] { return check_same_type(left, result); },
                  [&] { return check_same_type(right, result); },
                  [&] { return check_rank(left, out.rank, out.rank); },
                  [&] { return check_rank(right, out.rank, out.rank); },
                  [&] { return check_broadcast(left, result, 0, out.rank); },
                  [&] { return check_broadcast(right, result, 0, out.rank); },
                  [&] { return check_activation(activation, !is_float(out.type)); },
                  [&] { return check_work(out.elements()); });
}

std::string check_activate(Activation activation, const Tensor& in, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_type(result, out.type != DType::kU8); },
                  [&] { return check_same_type(input, result); },
                  [&] { return check_same_dims(input, result); },
                  [&] { return check_activation(activation, !is_float(out.type)); },
                  [&] { return check_work(out.elements()); });
}

std::string check_function(Function function, const Tensor& in, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  if (function > Function::kSign) {
    return "unknown function";
  }
  return first_of(
      [&] { return check_operand(input); }, [&] { return check_output(result); },
      [&] { return check_float_type(result); }, [&] { return check_same_type(input, result); },
      [&] { return check_same_dims(input, result); }, [&] { return check_work(out.elements()); });
}

std::string check_pool2d(const Tensor& in, const Tensor& out, const PoolParams& params) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  if (params.kind > Pool::kAverage) {
    return "unknown kind of pooling";
  }
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_rank(input, 4, 4); }, [&] { return check_rank(result, 4, 4); },
                  [&] { return check_type(result, is_float(out.type) || out.type == DType::kI8); },
                  [&] { return check_same_type(input, result); },
                  [&] { return check_dim(result, 0, in.dims[0]); },
                  [&] { return check_dim(result, 1, in.dims[1]); },
                  [&] {
                    return check_window({"the height", in.dims[2], out.dims[2], params.kernel_h,
                                         params.stride_h, 1, params.pad_top, params.pad_bottom});
                  },
                  [&] {
                    return check_window({"the width", in.dims[3], out.dims[3], params.kernel_w,
                                         params.stride_w, 1, params.pad_left, params.pad_right});
                  },
                  [&] {
                    return check_work(multiply_saturating(
                        out.elements(), std::uint64_t{params.kernel_h} * params.kernel_w));
                  });
}

std::string check_softmax(const Tensor& in, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of(
      [&] { return check_operand(input); }, [&] { return check_output(result); },
      [&] { return check_float_type(result); }, [&] { return check_same_type(input, result); },
      [&] { return check_same_dims(input, result); }, [&] { return check_work(out.elements()); });
}

std::string check_norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                       const Tensor& out, float epsilon) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  if (kind > Norm::kRms) {
    return "unknown kind of norm";
  }
  if (!std::isfinite(epsilon) || epsilon < 0.0F) {
    return "epsilon is negative or not finite";
  }
  const auto check_parameter = [&](const Operand& operand) {
    const DType type = operand.tensor.type;
    if (!operand.tensor.present()) {
      return std::string{};
    }
    return first_of([&] { return check_vector(operand, in.dims.at(in.rank - 1), false); },
                    [&] { return check_type(operand, type == DType::kF32 || type == in.type); });
  };
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_float_type(result); },
                  [&] { return check_same_type(input, result); },
                  [&] { return check_same_dims(input, result); },
                  [&] {
                    return check_parameter({"gain", gain});
                  },
                  [&] {
                    return check_parameter({"bias", bias});
                  },
                  [&] { return check_work(out.elements()); });
}

std::string check_copy(const Tensor& in, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_same_dims(input, result); },
                  [&] { return check_work(out.elements()); });
}

std::string check_gather(const Tensor& in, const Tensor& index, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_indices(index, out.dims[0]); },
                  [&] { return check_same_type(input, result); },
                  [&] { return check_same_rows(input, result); },
                  [&] { return check_work(out.elements()); });
}

std::string check_scatter(const Tensor& in, const Tensor& index, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_indices(index, in.dims[0]); },
                  [&] { return check_same_rows(input, result); },
                  [&] { return check_work(in.elements()); });
}

std::string check_rotate(const Tensor& in, const Tensor& angle, const Tensor& out, float factor) {
  const Operand input{"in", in};
  const Operand turn{"angle", angle};
  const Operand result{"out", out};
  if (!std::isfinite(factor)) {
    return "factor is not finite";
  }
  return first_of([&] { return check_operand(input); }, [&] { return check_operand(turn); },
                  [&] { return check_output(result); }, [&] { return check_float_type(result); },
                  [&] { return check_same_type(input, result); },
                  [&] { return check_same_dims(input, result); },
                  [&] { return check_dim(result, out.rank - 1, 2); },
                  [&] { return check_type(turn, angle.type == DType::kF32); },
                  [&] { return check_rank(turn, out.rank, out.rank); },
                  [&] { return check_broadcast(turn, result, 0, out.rank - 1); },
                  [&] { return check_dim(turn, out.rank - 1, 1); },
                  [&] { return check_work(out.elements()); });
}

std::string check_order(const Tensor& in, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_float_type(input); },
                  [&] { return check_type(result, out.type == DType::kI32); },
                  [&] { return check_rank(result, in.rank, in.rank); },
                  [&] {
                    std::string reason;
                    for (unsigned i = 0; i + 1 < in.rank && reason.empty(); ++i) {
                      reason = check_dim(result, i, in.dims.at(i));
                    }
                    return reason;
                  },
                  [&] {
                    const std::uint32_t length = in.dims.at(in.rank - 1);
                    return out.dims.at(in.rank - 1) <= length && length <= std::uint32_t{INT32_MAX}
                               ? std::string{}
                               : say(out.dims.at(in.rank - 1), " of ", length,
                                     " elements are not to be had");
                  },
                  [&] { return check_work(in.elements()); });
}

std::string check_quantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                           std::uint32_t axis, std::int32_t zero_point) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  const bool byte = out.type == DType::kI8 || out.type == DType::kU8;
  return first_of([&] { return check_rescaling(input, scale, result, axis); },
                  [&] { return check_float_type(input); }, [&] { return check_type(result, byte); },
                  [&] { return check_zero_point(zero_point, out.type); });
}

std::string check_dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                             std::uint32_t axis, std::int32_t zero_point) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_rescaling(input, scale, result, axis); },
                  [&] { return check_type(input, !is_float(in.type)); },
                  [&] { return check_float_type(result); },
                  [&] { return check_zero_point(zero_point, in.type); });
}

std::string check_requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                             std::uint32_t axis, std::int32_t zero_point) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  const bool integer = in.type == DType::kI32 || in.type == DType::kI8;
  return first_of([&] { return check_rescaling(input, scale, result, axis); },
                  [&] { return check_type(input, integer); },
                  [&] { return check_type(result, out.type == DType::kI8); },
                  [&] { return check_zero_point(zero_point, out.type); });
}

std::string check_unpack(Format format, const Tensor& in, const Tensor& out) {
  const Operand input{"in", in};
  const Operand result{"out", out};
  return first_of([&] { return check_operand(input); }, [&] { return check_output(result); },
                  [&] { return check_float_type(result); },
                  [&] { return check_blocks(format, input, result); },
                  [&] {
                    std::string reason;
                    for (unsigned i = 0; i + 1 < in.rank && reason.empty(); ++i) {
                      reason = check_dim(input, i, out.dims.at(i));
                    }
                    return reason;
                  },
                  [&] { return check_work(out.elements()); });
}

std::string check_fill(const Tensor& out) {
  const Operand result{"out", out};
  return first_of([&] { return check_output(result); }, [&] { return check_work(out.elements()); });
}

std::string refuse_index(std::uint64_t position, std::int64_t index, std::uint32_t rows) {
  return say("index ", position, " is ", index, ", outside the ", rows, " rows");
}

}  // namespace halyard::engine
