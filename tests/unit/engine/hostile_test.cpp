// SPDX-License-Identifier: MIT
//
// Arguments as an adversary would choose them: whatever lies in memory may be asked for, with sizes
// from the ends of their range and strides of zero that make huge tensors of little memory. Nothing
// may crash, throw or touch other memory (an address sanitizer watches), and both implementations
// must agree.
#include <array>

#include "engine/check.hpp"
#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

/// More work than this is only checked, not done.
constexpr std::uint64_t kAffordable = 200'000;
constexpr std::int64_t kElements = 512;

class Adversary {
 public:
  explicit Adversary(std::uint32_t seed) : random_(seed) {}

  /// A tensor whose elements lie in memory of its own, as a caller guarantees; nothing else is
  /// sane.
  Tensor tensor(unsigned rank) {
    Tensor tensor;
    tensor.type =
        random_.pick({DType::kF32, DType::kF16, DType::kBF16, DType::kI8, DType::kU8, DType::kI32});
    tensor.rank = random_.chance(0.95) ? rank : random_.pick({0U, 1U, 6U, 7U, 0xffffffffU});
    std::int64_t low = 0;
    std::int64_t high = 0;
    for (unsigned i = 0; i < kMaxRank; ++i) {
      const std::uint32_t dim = number();
      const std::int64_t room = dim < 2 ? 1 << 30 : (kElements / 8) / (dim - 1);
      const std::int64_t stride = random_.chance(0.3) ? 0 : random_.integer(-room, room);
      tensor.dims.at(i) = dim;
      tensor.strides.at(i) = static_cast<std::int32_t>(stride);
      const std::int64_t reach = dim < 2 ? 0 : stride * (dim - 1);
      (reach < 0 ? low : high) += reach;
    }
    auto& memory = memories_.emplace_back(static_cast<std::size_t>(high - low + 1) *
                                          std::max<std::size_t>(size_of(tensor.type), 1));
    tensor.data = memory.data() + static_cast<std::size_t>(-low) * size_of(tensor.type);
    return tensor;
  }

  /// A tensor that fits the dims, so that some calls pass the checks.
  Tensor fitting(DType type, const Dims& dims) {
    memories_.emplace_back(kElements * 64);
    Tensor tensor = Storage(DType::kI8, {1});
    tensor.type = type;
    tensor.rank = static_cast<unsigned>(dims.size());
    tensor.data = memories_.back().data();
    std::int64_t stride = 1;
    for (std::size_t i = dims.size(); i-- > 0;) {
      tensor.dims.at(i) = dims[i];
      const bool small = stride * dims[i] <= kElements * 16;
      tensor.strides.at(i) = small ? static_cast<std::int32_t>(stride) : 0;
      stride = small ? stride * dims[i] : stride;
    }
    return tensor;
  }

  /// A parameter: mostly small, now and then from an end of the range.
  std::uint32_t number() {
    return random_.chance(0.9)
               ? random_.dim(1, 6)
               : random_.pick({0U, 0x7fffffffU, 0x80000000U, 0xfffffffeU, 0xffffffffU, 1000U});
  }
  std::uint32_t pad() { return random_.chance(0.5) ? 0 : number(); }

  Random& random() { return random_; }

 private:
  Random random_;
  std::vector<std::vector<std::byte>> memories_;
};

/// Runs both implementations if the check passes and the work is affordable.
template <typename Run>
void attack(const std::string& reason, std::uint64_t work, const Run& run) {
  if (!reason.empty()) {
    EXPECT_EQ(run(reference()), reason);
    EXPECT_EQ(run(fast()), reason);
  } else if (work <= kAffordable) {
    EXPECT_EQ(run(reference()), "");
    EXPECT_EQ(run(fast()), "");
  }
}

std::uint64_t times(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? ~std::uint64_t{0} : product;
}

constexpr std::uint32_t kSeeds = 3000;

TEST(Hostile, Matmul) {
  int accepted = 0;
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Adversary adversary(seed);
    const bool fits = adversary.random().chance(0.5);
    const std::uint32_t rows = adversary.number();
    const std::uint32_t columns = adversary.number();
    const std::uint32_t depth = adversary.number();
    const DType type = adversary.random().pick({DType::kF32, DType::kF16, DType::kI8});
    const Tensor a = fits ? adversary.fitting(type, {rows, depth}) : adversary.tensor(2);
    const Tensor b = fits ? adversary.fitting(type, {depth, columns}) : adversary.tensor(2);
    const Tensor out =
        fits ? adversary.fitting(type == DType::kI8 ? DType::kI32 : type, {rows, columns})
             : adversary.tensor(2);
    const std::string reason = check_matmul(a, b, out, {});
    accepted += reason.empty() ? 1 : 0;
    attack(reason, times(out.elements(), depth),
           [&](const Arithmetic& with) { return with.matmul(a, b, out, {}); });
  }
  EXPECT_GT(accepted, 300);
}

TEST(Hostile, Conv2d) {
  int accepted = 0;
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Adversary adversary(seed);
    Conv2dParams p{.stride_h = adversary.number(),
                   .stride_w = adversary.number(),
                   .pad_top = adversary.pad(),
                   .pad_left = adversary.pad(),
                   .pad_bottom = adversary.pad(),
                   .pad_right = adversary.pad(),
                   .dilation_h = adversary.number(),
                   .dilation_w = adversary.number(),
                   .groups = adversary.random().chance(0.7) ? 1 : adversary.number()};
    Dims in = {1, 1, 1, 1};
    Dims weight = {1, 1, 1, 1};
    for (std::size_t i = 0; i < 4; ++i) {
      in[i] = adversary.number();
      weight[i] = adversary.number();
    }
    in[1] = static_cast<std::uint32_t>(times(weight[1], p.groups));
    const auto size = [](std::uint64_t length, std::uint64_t pads, std::uint64_t taps,
                         std::uint64_t dilation, std::uint64_t stride) {
      const std::uint64_t reach = (taps - 1) * dilation + 1;
      return length + pads < reach || stride == 0
                 ? 1U
                 : static_cast<std::uint32_t>((length + pads - reach) / stride + 1);
    };
    const Dims out = {
        in[0], weight[0],
        size(in[2], std::uint64_t{p.pad_top} + p.pad_bottom, weight[2], p.dilation_h, p.stride_h),
        size(in[3], std::uint64_t{p.pad_left} + p.pad_right, weight[3], p.dilation_w, p.stride_w)};
    const DType type = adversary.random().pick({DType::kF32, DType::kBF16, DType::kI8});
    const Tensor input = adversary.fitting(type, in);
    const Tensor kernel = adversary.fitting(type, weight);
    const Tensor result = adversary.random().chance(0.9)
                              ? adversary.fitting(type == DType::kI8 ? DType::kI32 : type, out)
                              : adversary.tensor(4);
    const std::string reason = check_conv2d(input, kernel, result, p, {});
    accepted += reason.empty() ? 1 : 0;
    attack(reason, times(result.elements(), kernel.elements()),
           [&](const Arithmetic& with) { return with.conv2d(input, kernel, result, p, {}); });
  }
  EXPECT_GT(accepted, 30);
}

TEST(Hostile, Pool2d) {
  int accepted = 0;
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Adversary adversary(seed);
    const PoolParams p{.kind = adversary.random().pick({Pool::kMax, Pool::kAverage}),
                       .kernel_h = adversary.number(),
                       .kernel_w = adversary.number(),
                       .stride_h = adversary.number(),
                       .stride_w = adversary.number(),
                       .pad_top = adversary.pad(),
                       .pad_left = adversary.pad(),
                       .pad_bottom = adversary.pad(),
                       .pad_right = adversary.pad()};
    const auto size = [](std::uint64_t length, std::uint64_t pads, std::uint64_t kernel,
                         std::uint64_t stride) {
      return length + pads < kernel || stride == 0
                 ? 1U
                 : static_cast<std::uint32_t>((length + pads - kernel) / stride + 1);
    };
    const Dims in = {1, adversary.number(), adversary.number(), adversary.number()};
    const Dims out = {in[0], in[1],
                      size(in[2], std::uint64_t{p.pad_top} + p.pad_bottom, p.kernel_h, p.stride_h),
                      size(in[3], std::uint64_t{p.pad_left} + p.pad_right, p.kernel_w, p.stride_w)};
    const DType type = adversary.random().pick({DType::kF32, DType::kI8});
    const Tensor input = adversary.fitting(type, in);
    const Tensor result = adversary.fitting(type, out);
    const std::string reason = check_pool2d(input, result, p);
    accepted += reason.empty() ? 1 : 0;
    attack(reason, times(result.elements(), times(p.kernel_h, p.kernel_w)),
           [&](const Arithmetic& with) { return with.pool2d(input, result, p); });
  }
  EXPECT_GT(accepted, 100);
}

/// The operations that compute one element of out at a time.
TEST(Hostile, Everything) {
  for (std::uint32_t seed = 0; seed < kSeeds; ++seed) {
    Adversary adversary(seed);
    Random& random = adversary.random();
    const auto rank = static_cast<unsigned>(random.integer(1, 3));
    const Tensor a = adversary.tensor(rank);
    Tensor out = adversary.tensor(rank);
    Tensor b = adversary.tensor(random.chance(0.5) ? rank : 1);
    if (random.chance(0.6)) {  // dims that agree, in memory for any of them
      out = adversary.fitting(out.type, {adversary.number(), adversary.number()});
      out.dims[0] = std::min(out.dims[0], 6U);
      out.dims[1] = std::min(out.dims[1], 6U);
    }
    const std::uint64_t work = out.elements();
    const auto number = static_cast<std::int32_t>(random.integer(-200, 200));
    const std::uint32_t axis = adversary.number() - 1;
    const auto op = static_cast<Binary>(random.integer(0, 7));
    const auto activation = static_cast<Activation>(random.integer(0, 7));
    const auto kind = static_cast<Norm>(random.integer(0, 2));
    const auto with_gather = [&](const Arithmetic& with) { return with.gather(a, b, out); };
    if (const std::string reason = check_gather(a, b, out); !reason.empty()) {
      attack(reason, work, with_gather);
    } else if (work <= kAffordable) {
      EXPECT_EQ(with_gather(fast()), with_gather(reference()));  // by the indices' values
    }
    const auto with_scatter = [&](const Arithmetic& with) { return with.scatter(a, b, out); };
    if (const std::string reason = check_scatter(a, b, out); !reason.empty()) {
      attack(reason, a.elements(), with_scatter);
    } else if (a.elements() <= kAffordable) {
      EXPECT_EQ(with_scatter(fast()), with_scatter(reference()));
    }
    const auto factor = static_cast<float>(number);
    attack(check_rotate(a, b, out, factor), work,
           [&](const Arithmetic& with) { return with.rotate(a, b, out, factor); });
    attack(check_binary(op, a, b, out, activation), work,
           [&](const Arithmetic& with) { return with.binary(op, a, b, out, activation); });
    const auto function = static_cast<Function>(random.integer(0, 12));
    attack(check_function(function, a, out), work,
           [&](const Arithmetic& with) { return with.function(function, a, out); });
    attack(check_order(a, out), a.elements(),
           [&](const Arithmetic& with) { return with.order(a, out, axis % 2 == 0); });
    attack(check_activate(activation, a, out), work,
           [&](const Arithmetic& with) { return with.activate(activation, a, out); });
    attack(check_softmax(a, out), work,
           [&](const Arithmetic& with) { return with.softmax(a, out); });
    attack(check_norm(kind, a, b, b, out, 1e-5F), work,
           [&](const Arithmetic& with) { return with.norm(kind, a, b, b, out, 1e-5F); });
    attack(check_copy(a, out), work, [&](const Arithmetic& with) { return with.copy(a, out); });
    attack(check_quantize(a, b, out, axis, number), work,
           [&](const Arithmetic& with) { return with.quantize(a, b, out, axis, number); });
    attack(check_dequantize(a, b, out, axis, number), work,
           [&](const Arithmetic& with) { return with.dequantize(a, b, out, axis, number); });
    attack(check_requantize(a, b, out, axis, number), work,
           [&](const Arithmetic& with) { return with.requantize(a, b, out, axis, number); });
    const auto format = static_cast<Format>(random.integer(0, kNumFormats + 1));
    attack(check_linear(format, a, b, out), work,
           [&](const Arithmetic& with) { return with.linear(format, a, b, out); });
    attack(check_unpack(format, a, out), work,
           [&](const Arithmetic& with) { return with.unpack(format, a, out); });
    attack(check_fill(out), work, [&](const Arithmetic& with) { return with.fill(out, axis); });
  }
}

}  // namespace
}  // namespace halyard::engine::testing
