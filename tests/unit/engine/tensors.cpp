// SPDX-License-Identifier: MIT
#include "tensors.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <sstream>

#include "engine/index.hpp"
#include "engine/scalar.hpp"

namespace halyard::engine::testing {
namespace {

constexpr auto kPaint = std::byte{0xa5};

void for_each_element(const Tensor& tensor, const std::function<void(std::int64_t)>& visit) {
  for_each_index(tensor.dims, tensor.rank,
                 [&](const Index& index) { visit(offset_of(tensor, index)); });
}

double load(const Tensor& tensor, std::int64_t offset) {
  return is_float(tensor.type) ? double{load_float(tensor, offset)}
                               : double(load_int(tensor, offset));
}

void store(const Tensor& tensor, std::int64_t offset, double value) {
  if (is_float(tensor.type)) {
    store_float(tensor, offset, static_cast<float>(value));
  } else {
    store_int(tensor, offset, static_cast<std::int64_t>(value));
  }
}

double random_float(Random& random, Values values) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (values == Values::kSpecial && random.chance(0.1)) {
    return random.pick({kInfinity, -kInfinity, std::numeric_limits<float>::quiet_NaN(), 0.0F, -0.0F,
                        1e-40F, -3e-39F, 6e-8F, 65504.0F, 1e-45F});
  }
  if (values == Values::kExtreme) {
    return std::copysign(std::exp2(random.real(-14.0F, 7.0F)), random.real(-1.0F, 1.0F));
  }
  return random.real(-2.0F, 2.0F);
}

double random_int(Random& random, DType type, Values values) {
  const IntRange range = range_of(type);
  if (values == Values::kExtreme) {
    return random.pick({range.low, range.high, range.low + 1, range.high - 1, 0, 1});
  }
  return static_cast<double>(random.integer(range.low, range.high));
}

}  // namespace

std::int64_t Random::integer(std::int64_t low, std::int64_t high) {
  // Not std::uniform_int_distribution, whose results differ between libraries.
  const auto span = static_cast<std::uint64_t>(high - low) + 1;
  const std::uint64_t bits = (std::uint64_t{generator_()} << 32U) | generator_();
  return low + static_cast<std::int64_t>(bits % span);
}

std::uint32_t Random::dim(std::uint32_t low, std::uint32_t high) {
  return static_cast<std::uint32_t>(integer(low, high));
}

bool Random::chance(double probability) {
  return static_cast<double>(generator_()) < probability * 4294967296.0;
}

float Random::real(float low, float high) {
  const float unit = static_cast<float>(generator_() >> 8U) / 16777216.0F;
  return low + unit * (high - low);
}

Storage::Storage(DType type, const Dims& dims) {
  tensor_.type = type;
  tensor_.rank = static_cast<unsigned>(dims.size());
  std::ranges::copy(dims, tensor_.dims.begin());
  place(Layout::kContiguous, nullptr);
}

Storage::Storage(DType type, const Dims& dims, Layout layout, Random& random) {
  tensor_.type = type;
  tensor_.rank = static_cast<unsigned>(dims.size());
  std::ranges::copy(dims, tensor_.dims.begin());
  place(layout, &random);
}

Storage::Storage(DType type, const Dims& dims, std::initializer_list<double> values)
    : Storage(type, dims) {
  set([&](std::size_t i) { return values.begin()[i]; });
}

Storage::Storage(const Storage& other)
    : memory_(other.memory_), origin_(other.origin_), tensor_(other.tensor_) {
  tensor_.data = other.tensor_.present() ? memory_.data() + origin_ : nullptr;
}

Storage::Storage(Storage&& other) noexcept
    : memory_(std::move(other.memory_)), origin_(other.origin_), tensor_(other.tensor_) {
  other.tensor_ = {};
}

Storage& Storage::operator=(const Storage& other) {
  *this = Storage(other);
  return *this;
}

Storage& Storage::operator=(Storage&& other) noexcept {
  memory_ = std::move(other.memory_);
  origin_ = other.origin_;
  tensor_ = other.tensor_;
  other.tensor_ = {};
  return *this;
}

void Storage::place(Layout layout, Random* random) {
  std::vector<unsigned> order(tensor_.rank);  // from the outermost axis in memory to the innermost
  std::iota(order.begin(), order.end(), 0U);
  const bool wild = layout != Layout::kContiguous;
  if (wild && random->chance(0.5)) {
    for (std::size_t i = order.size(); i > 1; --i) {
      std::swap(
          order[i - 1],
          order[static_cast<std::size_t>(random->integer(0, static_cast<std::int64_t>(i) - 1))]);
    }
  }
  std::int64_t extent = 1;  // elements of memory that the axes so far take
  std::int64_t origin = 0;
  for (std::size_t i = order.size(); i-- > 0;) {
    const unsigned axis = order[i];
    const std::int64_t size = tensor_.dims.at(axis);
    if (layout == Layout::kInput && random->chance(0.08)) {
      tensor_.strides.at(axis) = 0;
      continue;
    }
    std::int64_t stride = extent + (wild && random->chance(0.2) ? random->integer(1, 3) : 0);
    if (size == 1 && wild) {  // must not matter
      tensor_.strides.at(axis) = random->pick({0, 1, -7, 1 << 30});
      continue;
    }
    extent = stride * (size - 1) + extent;
    if (wild && random->chance(0.15)) {
      origin += stride * (size - 1);
      stride = -stride;
    }
    tensor_.strides.at(axis) = static_cast<std::int32_t>(stride);
  }
  memory_.assign(static_cast<std::size_t>(extent) * size_of(tensor_.type), std::byte{0});
  origin_ = static_cast<std::size_t>(origin) * size_of(tensor_.type);
  tensor_.data = memory_.data() + origin_;
}

std::vector<double> Storage::values() const {
  std::vector<double> values;
  for_each_element(tensor_, [&](std::int64_t offset) { values.push_back(load(tensor_, offset)); });
  return values;
}

std::vector<std::uint32_t> Storage::bits() const {
  std::vector<std::uint32_t> bits;
  for_each_element(tensor_, [&](std::int64_t offset) {
    std::uint32_t element = 0;
    std::memcpy(&element, address_of(tensor_, offset), size_of(tensor_.type));
    bits.push_back(element);
  });
  return bits;
}

void Storage::set(const std::function<double(std::size_t)>& value) {
  std::size_t i = 0;
  for_each_element(tensor_, [&](std::int64_t offset) { store(tensor_, offset, value(i++)); });
}

void Storage::randomize(Random& random, Values values) {
  set([&](std::size_t) {
    return is_float(tensor_.type) ? random_float(random, values)
                                  : random_int(random, tensor_.type, values);
  });
}

Storage Storage::magnitudes() const {
  Storage result(*this);
  const std::vector<double> mine = values();
  result.set([&](std::size_t i) { return std::fabs(mine[i]); });
  return result;
}

std::vector<std::byte> Storage::gaps() const {
  Storage copy(*this);
  for_each_element(copy.tensor_, [&](std::int64_t offset) {
    std::memset(address_of(copy.tensor_, offset), 0, size_of(copy.tensor_.type));
  });
  return copy.memory_;
}

void Storage::paint() {
  std::ranges::fill(memory_, kPaint);
}

std::string describe(const Tensor& tensor) {
  std::ostringstream text;
  text << "type " << static_cast<int>(tensor.type) << " dims [";
  for (unsigned i = 0; i < tensor.rank; ++i) {
    text << ' ' << tensor.dims.at(i);
  }
  text << " ] strides [";
  for (unsigned i = 0; i < tensor.rank; ++i) {
    text << ' ' << tensor.strides.at(i);
  }
  text << " ]";
  return text.str();
}

void expect_near(const Storage& actual, const Storage& expected, const Tolerance& tolerance) {
  const std::vector<double> got = actual.values();
  const std::vector<double> want = expected.values();
  ASSERT_EQ(got.size(), want.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (std::isnan(want[i])) {
      ASSERT_TRUE(std::isnan(got[i])) << "element " << i << " is " << got[i] << ", not NaN";
    } else if (std::isinf(want[i])) {
      ASSERT_EQ(got[i], want[i]) << "element " << i;
    } else {
      ASSERT_NEAR(got[i], want[i], tolerance(i, want[i]))
          << "element " << i << " of " << describe(expected.tensor());
    }
  }
  ASSERT_EQ(actual.gaps(), expected.gaps()) << "memory outside of the elements was written";
}

void expect_equal(const Storage& actual, const Storage& expected) {
  expect_near(actual, expected, [](std::size_t, double) { return 0.0; });
}

Results run_both(const Storage& out, const Operation& operation) {
  Results results{out, out};
  results.fast.paint();
  results.reference.paint();
  EXPECT_EQ(operation(reference(), results.reference), "");
  EXPECT_EQ(operation(fast(), results.fast), "");
  return results;
}

std::string type_name(const ::testing::TestParamInfo<DType>& info) {
  constexpr std::array<const char*, 6> kNames = {"F32", "F16", "BF16", "I8", "U8", "I32"};
  return kNames.at(static_cast<std::size_t>(info.param));
}

double rounding_of(DType type, double value) {
  if (!is_float(type)) {
    return 0.0;
  }
  if (!std::isfinite(value)) {
    return std::numeric_limits<double>::infinity();
  }
  const int digits = type == DType::kF32 ? 24 : type == DType::kF16 ? 11 : 8;
  const int lowest = type == DType::kF16 ? -24 : type == DType::kF32 ? -149 : -133;
  const int exponent = value == 0.0 ? lowest : std::ilogb(value) + 1 - digits;
  return std::ldexp(0.5, std::max(exponent, lowest));
}

}  // namespace halyard::engine::testing
