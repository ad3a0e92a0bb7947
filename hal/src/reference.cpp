// SPDX-License-Identifier: MIT
// The CPU reference: every operation as plain loops over values, to hold devices against. Right by
// inspection, not fast; it shares no code with any emulator. Real sums are taken in double and
// rounded once to the tensor's type; whole ones wrap as the devices' 32-bit accumulators do.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <numeric>

#include "blocks.hpp"
#include "error.hpp"
#include "graph.hpp"
#include "half.hpp"

namespace halyard::hal {
namespace {

using Index = std::array<std::uint32_t, HALYARD_MAX_RANK>;

/// A value of the graph: contiguous, row-major.
class Value {
 public:
  Value() = default;
  Value(Value&&) = default;
  Value& operator=(Value&&) = default;  // data_ stays right: a moved vector keeps its memory
  explicit Value(const halyard_tensor_desc& desc)
      : desc_(desc), own_(byte_size(desc)), data_(own_) {}
  Value(const halyard_tensor_desc& desc, std::span<std::byte> memory)
      : desc_(desc), data_(memory) {}
  /// Of a constant or an input, which is only read.
  Value(const halyard_tensor_desc& desc, std::span<const std::byte> memory)
      : desc_(desc), own_(memory.begin(), memory.end()), data_(own_) {}

  [[nodiscard]] const halyard_tensor_desc& desc() const { return desc_; }
  [[nodiscard]] std::span<std::byte> bytes() const { return data_; }
  [[nodiscard]] std::uint64_t count() const { return element_count(desc_); }
  [[nodiscard]] std::uint32_t dim(std::uint32_t i) const { return desc_.dims[i]; }
  [[nodiscard]] std::uint32_t last() const { return desc_.dims[desc_.rank - 1]; }

  [[nodiscard]] double get(std::uint64_t i) const {
    switch (desc_.dtype) {
      case HALYARD_F32:
        return load<float>(i);
      case HALYARD_F16:
        return from_f16(load<std::uint16_t>(i));
      case HALYARD_BF16:
        return from_bf16(load<std::uint16_t>(i));
      case HALYARD_I8:
        return load<std::int8_t>(i);
      case HALYARD_U8:
        return load<std::uint8_t>(i);
      case HALYARD_I32:
        return load<std::int32_t>(i);
    }
    return 0;
  }

  /// All of it, for loops that read elements many times.
  [[nodiscard]] std::vector<double> all() const {
    std::vector<double> values(count());
    for (std::uint64_t i = 0; i < values.size(); ++i)
      values[i] = get(i);
    return values;
  }

  void set(std::uint64_t i, double value) const {
    switch (desc_.dtype) {
      case HALYARD_F32:
        return store(i, static_cast<float>(value));
      case HALYARD_F16:
        return store(i, to_f16(static_cast<float>(value)));
      case HALYARD_BF16:
        return store(i, to_bf16(static_cast<float>(value)));
      case HALYARD_I8:
        return store(i, whole<std::int8_t>(value));
      case HALYARD_U8:
        return store(i, whole<std::uint8_t>(value));
      case HALYARD_I32:
        return store(i, whole<std::int32_t>(value));
    }
  }

 private:
  template <class T>
  [[nodiscard]] T load(std::uint64_t i) const {
    T value;
    std::memcpy(&value, data_.data() + i * sizeof(T), sizeof(T));
    return value;
  }
  template <class T>
  void store(std::uint64_t i, T value) const {
    std::memcpy(data_.data() + i * sizeof(T), &value, sizeof(T));
  }
  /// Half to even, saturating; not-a-number is 0.
  template <class T>
  static T whole(double value) {
    if (std::isnan(value)) return 0;
    return static_cast<T>(std::clamp(std::nearbyint(value), double{std::numeric_limits<T>::min()},
                                     double{std::numeric_limits<T>::max()}));
  }

  halyard_tensor_desc desc_{};
  std::vector<std::byte> own_;
  std::span<std::byte> data_;
};

bool is_whole(const Value& value) {
  return value.desc().dtype == HALYARD_I8 || value.desc().dtype == HALYARD_I32 ||
         value.desc().dtype == HALYARD_U8;
}

/// A sum of products as the devices store it. The double is exact for whole numbers: 2^53 is 2^39
/// products of i8.
double stored_sum(double sum, bool whole) {
  if (!whole) return sum;
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(static_cast<std::int64_t>(sum)));
}

void matmul(const Value& a, const Value& b, const Value& out) {
  const auto left = a.all(), right = b.all();
  const auto rank = out.desc().rank;
  const std::uint64_t m = out.dim(rank - 2), n = out.dim(rank - 1), k = a.dim(rank - 1);
  for (std::uint64_t batch = 0; batch < out.count() / (m * n); ++batch) {
    std::uint64_t at = 0, bt = 0, rest = batch, size = out.count() / (m * n);
    for (std::uint32_t i = 0; i + 2 < rank; ++i) {
      size /= out.dim(i);
      const std::uint64_t index = rest / size;
      rest %= size;
      at = at * a.dim(i) + (a.dim(i) == 1 ? 0 : index);
      bt = bt * b.dim(i) + (b.dim(i) == 1 ? 0 : index);
    }
    for (std::uint64_t row = 0; row < m; ++row) {
      for (std::uint64_t column = 0; column < n; ++column) {
        double sum = 0;
        for (std::uint64_t i = 0; i < k; ++i) {
          sum += left[(at * m + row) * k + i] * right[(bt * k + i) * n + column];
        }
        out.set((batch * m + row) * n + column, stored_sum(sum, is_whole(a)));
      }
    }
  }
}

void conv2d(const Value& in, const Value& weight, const Value& out,
            const halyard_conv2d_params& p) {
  const std::uint64_t per_group_in = weight.dim(1), per_group_out = weight.dim(0) / p.groups;
  const std::uint64_t kh = weight.dim(2), kw = weight.dim(3);
  const auto image = in.all(), taps = weight.all();
  for (std::uint64_t i = 0; i < out.count(); ++i) {
    const std::uint64_t x = i % out.dim(3), y = i / out.dim(3) % out.dim(2);
    const std::uint64_t oc = i / out.dim(3) / out.dim(2) % out.dim(1),
                        n = i / out.dim(3) / out.dim(2) / out.dim(1);
    double sum = 0;
    for (std::uint64_t c = 0; c < per_group_in; ++c) {
      const std::uint64_t ic = oc / per_group_out * per_group_in + c;
      for (std::uint64_t tap = 0; tap < kh * kw; ++tap) {
        // Unsigned wrap-around puts what lies before the input past its end.
        const std::uint64_t iy = y * p.stride_h + tap / kw * p.dilation_h - p.pad_top;
        const std::uint64_t ix = x * p.stride_w + tap % kw * p.dilation_w - p.pad_left;
        if (iy >= in.dim(2) || ix >= in.dim(3)) continue;
        sum += image[((n * in.dim(1) + ic) * in.dim(2) + iy) * in.dim(3) + ix] *
               taps[(oc * per_group_in + c) * kh * kw + tap];
      }
    }
    out.set(i, stored_sum(sum, is_whole(in)));
  }
}

void pool2d(const Value& in, const Value& out, const halyard_pool2d_params& p, bool average) {
  for (std::uint64_t i = 0; i < out.count(); ++i) {
    const std::uint64_t x = i % out.dim(3), y = i / out.dim(3) % out.dim(2);
    const std::uint64_t plane = i / out.dim(3) / out.dim(2);
    double sum = 0, largest = -std::numeric_limits<double>::infinity();
    std::uint64_t taken = 0;
    for (std::uint64_t tap = 0; tap < std::uint64_t{p.kernel_h} * p.kernel_w; ++tap) {
      const std::uint64_t iy = y * p.stride_h + tap / p.kernel_w - p.pad_top;
      const std::uint64_t ix = x * p.stride_w + tap % p.kernel_w - p.pad_left;
      if (iy >= in.dim(2) || ix >= in.dim(3)) continue;
      const double value = in.get((plane * in.dim(2) + iy) * in.dim(3) + ix);
      sum += value;
      if (value > largest || std::isnan(value)) largest = value;
      ++taken;
    }
    if (p.count_padding != 0) taken = std::uint64_t{p.kernel_h} * p.kernel_w;
    out.set(i, average ? sum / static_cast<double>(taken) : largest);
  }
}

double combine(halyard_op op, double a, double b, bool whole) {
  switch (op) {
    case HALYARD_OP_ADD:
      return a + b;
    case HALYARD_OP_SUB:
      return a - b;
    case HALYARD_OP_MUL:
      return a * b;
    case HALYARD_OP_DIV:
      return whole ? (b == 0 ? 0 : std::trunc(a / b)) : a / b;
    case HALYARD_OP_MAX:
      return std::isnan(a) || a > b ? a : b;
    default:
      return std::isnan(a) || a < b ? a : b;
  }
}

void binary(halyard_op op, const Value& a, const Value& b, const Value& out) {
  const auto at = [&](const Value& in, const Index& index) {
    std::uint64_t offset = 0;
    for (std::uint32_t i = 0; i < in.desc().rank; ++i) {
      const auto position = index[i + out.desc().rank - in.desc().rank];
      offset = offset * in.dim(i) + (in.dim(i) == 1 ? 0 : position);
    }
    return in.get(offset);
  };
  Index index{};
  for (std::uint64_t i = 0; i < out.count(); ++i) {
    out.set(i, combine(op, at(a, index), at(b, index), is_whole(out)));
    for (std::uint32_t d = out.desc().rank; d-- > 0 && ++index[d] == out.dim(d);)
      index[d] = 0;
  }
}

double activate(halyard_op op, double x) {
  switch (op) {
    case HALYARD_OP_RELU:
      return std::isnan(x) ? x : std::max(x, 0.0);
    case HALYARD_OP_GELU:
      return x / 2 * (1 + std::erf(x / std::numbers::sqrt2));
    case HALYARD_OP_SILU:
      return x / (1 + std::exp(-x));
    case HALYARD_OP_SIGMOID:
      return 1 / (1 + std::exp(-x));
    default:
      return std::tanh(x);
  }
}

double function(halyard_op op, double x) {
  switch (op) {
    case HALYARD_OP_EXP:
      return std::exp(x);
    case HALYARD_OP_EXPM1:
      return std::expm1(x);
    case HALYARD_OP_LOG:
      return std::log(x);
    case HALYARD_OP_SQRT:
      return std::sqrt(x);
    case HALYARD_OP_SIN:
      return std::sin(x);
    case HALYARD_OP_COS:
      return std::cos(x);
    case HALYARD_OP_FLOOR:
      return std::floor(x);
    case HALYARD_OP_CEIL:
      return std::ceil(x);
    case HALYARD_OP_ROUND:
      return std::round(x);
    case HALYARD_OP_TRUNC:
      return std::trunc(x);
    default:
      return x > 0 ? 1 : x < 0 ? -1 : x;
  }
}

void order(const Value& in, const Value& out, bool descending) {
  const std::uint64_t n = in.last(), k = out.last();
  std::vector<std::uint64_t> places(n);
  for (std::uint64_t row = 0; row * n < in.count(); ++row) {
    std::iota(places.begin(), places.end(), row * n);
    std::stable_sort(places.begin(), places.end(), [&](std::uint64_t a, std::uint64_t b) {
      const double left = in.get(a), right = in.get(b);
      if (std::isnan(left) || std::isnan(right)) return !std::isnan(left);
      return descending ? left > right : left < right;
    });
    for (std::uint64_t i = 0; i < k; ++i)
      out.set(row * k + i, static_cast<double>(places[i] - row * n));
  }
}

void softmax(const Value& in, const Value& out) {
  const std::uint64_t n = in.last();
  for (std::uint64_t row = 0; row < in.count(); row += n) {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::uint64_t i = 0; i < n; ++i)
      largest = std::max(largest, in.get(row + i));
    for (std::uint64_t i = 0; i < n; ++i)
      sum += std::exp(in.get(row + i) - largest);
    for (std::uint64_t i = 0; i < n; ++i)
      out.set(row + i, std::exp(in.get(row + i) - largest) / sum);
  }
}

void norm(const Value& in, const Value& gain, const Value* bias, const Value& out, double epsilon,
          bool centre) {
  const std::uint64_t n = in.last();
  for (std::uint64_t row = 0; row < in.count(); row += n) {
    double mean = 0, square = 0;
    for (std::uint64_t i = 0; centre && i < n; ++i)
      mean += in.get(row + i) / static_cast<double>(n);
    for (std::uint64_t i = 0; i < n; ++i) {
      const double x = in.get(row + i) - mean;
      square += x * x / static_cast<double>(n);
    }
    const double scale = 1 / std::sqrt(square + epsilon);
    for (std::uint64_t i = 0; i < n; ++i) {
      out.set(row + i, (in.get(row + i) - mean) * scale * gain.get(i) +
                           (bias != nullptr ? bias->get(i) : 0));
    }
  }
}

void transpose(const Value& in, const Value& out, const halyard_transpose_params& p) {
  std::array<std::uint64_t, HALYARD_MAX_RANK> strides{};
  std::uint64_t stride = 1;
  for (std::uint32_t d = in.desc().rank; d-- > 0;) {
    strides[d] = stride;
    stride *= in.dim(d);
  }
  Index index{};
  for (std::uint64_t i = 0; i < out.count(); ++i) {
    std::uint64_t from = 0;
    for (std::uint32_t d = 0; d < out.desc().rank; ++d)
      from += index[d] * strides[p.perm[d]];
    out.set(i, in.get(from));
    for (std::uint32_t d = out.desc().rank; d-- > 0 && ++index[d] == out.dim(d);)
      index[d] = 0;
  }
}

/// Number `i` of the indices, which are of 32 bits or pairs of words.
std::int64_t index_at(const Value& index, std::uint64_t i) {
  if (index.desc().rank == 1) return static_cast<std::int64_t>(index.get(i));
  std::int64_t pair = 0;
  std::memcpy(&pair, index.bytes().subspan(i * sizeof(pair), sizeof(pair)).data(), sizeof(pair));
  return pair;
}

void rotate(const Value& in, const Value& angle, const Value& out, double factor) {
  Index index{};
  for (std::uint64_t i = 0; i < out.count(); i += 2) {
    std::uint64_t at = 0;
    for (std::uint32_t d = 0; d < angle.desc().rank; ++d)
      at = at * angle.dim(d) + (angle.dim(d) == 1 ? 0 : index[d]);
    const double x = in.get(i), y = in.get(i + 1), turn = angle.get(at);
    out.set(i, (x * std::cos(turn) - y * std::sin(turn)) * factor);
    out.set(i + 1, (x * std::sin(turn) + y * std::cos(turn)) * factor);
    for (std::uint32_t d = out.desc().rank - 1; d-- > 0 && ++index[d] == out.dim(d);)
      index[d] = 0;
  }
}

void gather(const Value& in, const Value& index, const Value& out) {
  const std::uint64_t row = in.bytes().size() / in.dim(0);
  for (std::uint64_t i = 0; i < index.dim(0); ++i) {
    const auto at = index_at(index, i);
    if (at < 0 || at >= in.dim(0)) {
      throw Error(HALYARD_FAULT,
                  "gather: index " + std::to_string(at) + " is outside of " + to_string(in.desc()));
    }
    std::memcpy(out.bytes().data() + i * row,
                in.bytes().data() + static_cast<std::uint64_t>(at) * row, row);
  }
}

void unpack(const Value& in, const Value& out, halyard_format format) {
  const auto [elements, bytes] = blocks_of(format);
  for (std::uint64_t i = 0; i < out.count(); ++i)
    out.set(i,
            block_element(format, in.bytes().subspan(i / elements * bytes, bytes), i % elements));
}

void linear(const Value& a, const Value& b, const Value& out, halyard_format format) {
  auto desc = b.desc();
  const auto rank = desc.rank;
  desc.dtype = HALYARD_F32;  // which holds any element as it is
  desc.dims[rank - 1] = a.last();
  const Value rows(desc);
  unpack(b, rows, format);
  std::swap(desc.dims[rank - 2], desc.dims[rank - 1]);
  halyard_transpose_params turn{sizeof(turn), {0, 1, 2, 3}};
  std::swap(turn.perm[rank - 2], turn.perm[rank - 1]);
  const Value columns(desc);
  transpose(rows, columns, turn);
  matmul(a, columns, out);
}

void scaled(halyard_op op, const Value& in, const Value& scale, const Value& out,
            const halyard_quantize_params& p) {
  std::uint64_t inner = 1;
  for (std::uint32_t d = p.axis + 1; d < in.desc().rank; ++d)
    inner *= in.dim(d);
  const double zero_point = p.zero_point;
  for (std::uint64_t i = 0; i < in.count(); ++i) {
    const auto s =
        static_cast<float>(scale.get(scale.count() == 1 ? 0 : i / inner % in.dim(p.axis)));
    const double x = in.get(i);
    // The devices' arithmetic is float32 here, and rounding to integers makes that visible.
    switch (op) {
      case HALYARD_OP_QUANTIZE:
        out.set(i, std::nearbyint(static_cast<float>(x) / s) + zero_point);
        break;
      case HALYARD_OP_DEQUANTIZE:
        out.set(i, static_cast<float>(x - zero_point) * s);
        break;
      default:
        out.set(i, std::nearbyint(static_cast<float>(x) * s) + zero_point);
        break;
    }
  }
}

void compute(const Node& node, std::span<const Value* const> in, const Value& out) {
  if (is_function(node.op)) {
    for (std::uint64_t i = 0; i < out.count(); ++i)
      out.set(i, function(node.op, in[0]->get(i)));
    return;
  }
  switch (node.op) {
    case HALYARD_OP_MATMUL:
      return matmul(*in[0], *in[1], out);
    case HALYARD_OP_CONV2D:
      return conv2d(*in[0], *in[1], out, std::get<halyard_conv2d_params>(node.params));
    case HALYARD_OP_ADD:
    case HALYARD_OP_SUB:
    case HALYARD_OP_MUL:
    case HALYARD_OP_DIV:
    case HALYARD_OP_MAX:
    case HALYARD_OP_MIN:
      return binary(node.op, *in[0], *in[1], out);
    case HALYARD_OP_RELU:
    case HALYARD_OP_GELU:
    case HALYARD_OP_SILU:
    case HALYARD_OP_SIGMOID:
    case HALYARD_OP_TANH:
      for (std::uint64_t i = 0; i < out.count(); ++i)
        out.set(i, activate(node.op, in[0]->get(i)));
      return;
    case HALYARD_OP_MAX_POOL2D:
    case HALYARD_OP_AVG_POOL2D:
      return pool2d(*in[0], out, std::get<halyard_pool2d_params>(node.params),
                    node.op == HALYARD_OP_AVG_POOL2D);
    case HALYARD_OP_SOFTMAX:
      return softmax(*in[0], out);
    case HALYARD_OP_LAYER_NORM:
      return norm(*in[0], *in[1], in[2], out, std::get<halyard_norm_params>(node.params).epsilon,
                  true);
    case HALYARD_OP_RMS_NORM:
      return norm(*in[0], *in[1], nullptr, out, std::get<halyard_norm_params>(node.params).epsilon,
                  false);
    case HALYARD_OP_TRANSPOSE:
      return transpose(*in[0], out, std::get<halyard_transpose_params>(node.params));
    case HALYARD_OP_RESHAPE:
      std::ranges::copy(in[0]->bytes(), out.bytes().begin());
      return;
    case HALYARD_OP_CAST:
      for (std::uint64_t i = 0; i < out.count(); ++i)
        out.set(i, in[0]->get(i));
      return;
    case HALYARD_OP_UNPACK:
      return unpack(*in[0], out, std::get<halyard_unpack_params>(node.params).format);
    case HALYARD_OP_LINEAR:
      return linear(*in[0], *in[1], out, std::get<halyard_linear_params>(node.params).format);
    case HALYARD_OP_GATHER:
      return gather(*in[0], *in[1], out);
    case HALYARD_OP_ROTATE:
      return rotate(*in[0], *in[1], out, std::get<halyard_rotate_params>(node.params).factor);
    case HALYARD_OP_ORDER:
      return order(*in[0], out, std::get<halyard_order_params>(node.params).descending != 0);
    case HALYARD_OP_QUANTIZE:
    case HALYARD_OP_DEQUANTIZE:
    case HALYARD_OP_REQUANTIZE:
      return scaled(node.op, *in[0], *in[1], out, std::get<halyard_quantize_params>(node.params));
    default:  // a scatter is of command lists only
      break;
  }
  throw Error(HALYARD_INVALID_ARGUMENT, "unknown operation in the graph");
}

std::span<std::byte> find_tensor(std::span<const halyard_host_tensor> tensors,
                                 const std::string& name, const halyard_tensor_desc& desc) {
  for (const auto& tensor : tensors) {
    if (tensor.name == nullptr || name != tensor.name) continue;
    if (tensor.data == nullptr || tensor.bytes != byte_size(desc)) {
      throw Error(HALYARD_INVALID_ARGUMENT, "\"" + name + "\" is " + to_string(desc) + ", " +
                                                std::to_string(byte_size(desc)) + " bytes, not " +
                                                std::to_string(tensor.bytes));
    }
    return {static_cast<std::byte*>(tensor.data), tensor.bytes};
  }
  throw Error(HALYARD_INVALID_ARGUMENT, "there is no memory for \"" + name + "\"");
}

}  // namespace

void evaluate(const Graph& graph, std::span<const halyard_host_tensor> tensors) {
  const auto nodes = graph.nodes();
  std::vector<Value> values(nodes.size());
  for (const auto input : graph.inputs()) {
    const auto& node = nodes[input];
    values[input] =
        Value(node.desc, std::span<const std::byte>(find_tensor(tensors, node.name, node.desc)));
  }
  for (const auto& output : graph.outputs()) {
    values[output.tensor] = Value(nodes[output.tensor].desc,
                                  find_tensor(tensors, output.name, nodes[output.tensor].desc));
  }
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const auto& node = nodes[i];
    if (node.kind == Node::Kind::kInput) continue;
    if (node.kind == Node::Kind::kConstant) {
      values[i] = Value(node.desc, std::span<const std::byte>(*node.data));
      continue;
    }
    if (values[i].bytes().empty()) values[i] = Value(node.desc);
    std::vector<const Value*> in;
    for (const auto input : node.inputs)
      in.push_back(&values[input]);
    compute(node, in, values[i]);
  }
}

}  // namespace halyard::hal
