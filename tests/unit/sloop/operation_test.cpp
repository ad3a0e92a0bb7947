// SPDX-License-Identifier: MIT
/// \file
/// Every operation, in every type, against the reference; with gaps between the elements, too.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>

#include "chips/sloop/command.hpp"
#include "engine/engine.hpp"
#include "samples.hpp"
#include "segment_memory.hpp"

namespace halyard::emu::test {

namespace {

using engine::DType;
using engine::Tensor;

/// Calls `visit` with the offset of each element in its window.
template <typename Visit>
void for_each(const tensor::Operand& operand, const Visit& visit) {
  const auto size = static_cast<std::int64_t>(engine::size_of(operand.tensor.type));
  std::array<std::uint32_t, engine::kMaxRank> index{};
  for (std::uint64_t n = 0; n < operand.elements; ++n) {
    auto offset = static_cast<std::int64_t>(operand.first - at(1));
    for (unsigned i = 0; i < operand.tensor.rank; ++i)
      offset += std::int64_t{index.at(i)} * operand.tensor.strides.at(i) * size;
    visit(static_cast<std::size_t>(offset));
    for (unsigned i = operand.tensor.rank; i-- > 0;) {
      if (++index.at(i) < operand.tensor.dims.at(i)) break;
      index.at(i) = 0;
    }
  }
}

float as_float(DType type, const std::byte* from) {
  std::uint32_t bits = 0;
  std::memcpy(&bits, from, engine::size_of(type));
  if (type == DType::kF32) return std::bit_cast<float>(bits);
  if (type == DType::kBF16) return std::bit_cast<float>(bits << 16);
  const auto exponent = static_cast<int>(bits >> 10 & 31);
  const auto fraction = static_cast<float>(bits & 1023);
  const float magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (bits & 0x8000) != 0 ? -magnitude : magnitude;
}

bool is_float(DType type) {
  return type == DType::kF32 || type == DType::kF16 || type == DType::kBF16;
}

float tolerance(DType type) {
  if (type == DType::kBF16) return 8e-3F;
  return type == DType::kF16 ? 1e-3F : 2e-5F;
}

class Operations : public testing::TestWithParam<std::tuple<Sample, bool>> {
 protected:
  void randomise(const tensor::Operand& operand, bool index) {
    std::uniform_real_distribution<float> real(0.25F, 2);
    std::uniform_int_distribution<int> integer(index ? 0 : -100, 100);
    for_each(operand, [&](std::size_t offset) {
      const float value = real(random_);
      std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
      if (operand.tensor.type == DType::kBF16) bits >>= 16;
      if (operand.tensor.type == DType::kF16)
        bits = ((bits >> 23) - 127 + 15) << 10 | (bits >> 13 & 1023);
      if (!is_float(operand.tensor.type)) bits = static_cast<std::uint32_t>(integer(random_));
      std::memcpy(memory_.segment(1).data() + offset, &bits, engine::size_of(operand.tensor.type));
    });
  }

  static tensor::Tensors tensors_of(const tensor::Command& command, std::span<std::byte> window) {
    tensor::Tensors tensors{};
    for (unsigned i = 0; i < command.info().operands; ++i) {
      tensors.at(i) = command.operands.at(i).tensor;
      if (command.operands.at(i).present)
        tensors.at(i).data = window.data() + (command.operands.at(i).first - at(1));
    }
    return tensors;
  }

  SegmentMemory memory_;
  std::minstd_rand random_{7};
};

/// The output backwards and with a gap behind each element.
void spread(Operand& out) {
  std::int32_t last = 0;
  for (unsigned i = 0; i < out.rank; ++i) {
    last += static_cast<std::int32_t>(out.dims[i] - 1) * out.strides[i];
    out.strides[i] *= -2;
  }
  out.offset += static_cast<std::uint64_t>(last) * 2 * 4;
}

TEST_P(Operations, AsTheReference) {
  auto [sample, gaps] = GetParam();
  if (gaps) spread(sample.task.out);
  const drm_halyard_sloop_binding binding{.address = at(1), .size = SegmentMemory::kPiece};
  sloop::Task task;
  Fault fault;
  ASSERT_TRUE(sloop::decode_task(sample.task, std::span(&binding, 1), task, fault)) << fault.text;
  const tensor::Operation& info = task.work.info();
  for (unsigned i = 0; i + 1 < info.operands; ++i)
    randomise(task.work.operands.at(i), (info.snapshot >> i & 1U) != 0);
  const auto window = memory_.segment(1);
  std::vector<std::byte> wanted(window.begin(), window.end());
  ASSERT_EQ(info.apply(engine::reference(), task.work, tensors_of(task.work, wanted)), "");
  ASSERT_EQ(run_stream(memory_, std::span(&sample.task, 1)).cause, FaultCause::kNone);
  EXPECT_TRUE(memory_.intact());

  const tensor::Operand& out = task.work.operands.at(info.operands - 1U);
  const DType type = out.tensor.type;
  if (is_float(type)) {
    for_each(out, [&](std::size_t offset) {
      const auto size = engine::size_of(type);
      if (std::memcmp(window.data() + offset, wanted.data() + offset, size) == 0) return;
      const float a = as_float(type, window.data() + offset);
      const float b = as_float(type, wanted.data() + offset);
      ASSERT_LE(std::abs(a - b), tolerance(type) * (1 + std::abs(b))) << "at " << offset;
      std::memcpy(wanted.data() + offset, window.data() + offset, size);
    });
  }
  // Integers to the bit, and nothing between the elements or around the output has changed.
  EXPECT_EQ(std::memcmp(window.data(), wanted.data(), window.size()), 0);
}

std::vector<Sample> arithmetic() {
  std::vector<Sample> list;
  for (const Sample& sample : samples()) {
    if (sample.task.opcode != DRM_HALYARD_SLOOP_NOP &&
        sample.task.opcode != DRM_HALYARD_SLOOP_TIMESTAMP)
      list.push_back(sample);
  }
  return list;
}

INSTANTIATE_TEST_SUITE_P(Sloop, Operations,
                         testing::Combine(testing::ValuesIn(arithmetic()), testing::Bool()),
                         [](const auto& test) {
                           return std::get<0>(test.param).name +
                                  (std::get<1>(test.param) ? "_gaps" : "_dense");
                         });

TEST(Operation, TimestampStoresTheTime) {
  SegmentMemory memory;
  Task raw = task(DRM_HALYARD_SLOOP_TIMESTAMP);
  raw.out = i32(0, {2}, 16);
  ASSERT_EQ(run_stream(memory, std::span(&raw, 1)).cause, FaultCause::kNone);
  std::uint64_t time = 0;
  std::memcpy(&time, memory.segment(1).data() + 16, sizeof(time));
  EXPECT_EQ(time, 0x123456789U);
}

TEST(Operation, AnIndexOutsideTheTable) {
  SegmentMemory memory;
  Task raw = task(DRM_HALYARD_SLOOP_GATHER);
  raw.a = f32(0, {3, 2}, 0);
  raw.b = i32(0, {1}, 64);
  raw.out = f32(0, {1, 2}, 128);
  const std::int32_t index = 3;
  std::memcpy(memory.segment(1).data() + 64, &index, sizeof(index));
  EXPECT_EQ(run_stream(memory, std::span(&raw, 1)).cause, FaultCause::kOutOfBounds);
  raw.opcode = DRM_HALYARD_SLOOP_SCATTER;
  std::swap(raw.a, raw.out);
  const Fault fault = run_stream(memory, std::span(&raw, 1));
  EXPECT_EQ(fault.cause, FaultCause::kOutOfBounds);
  EXPECT_EQ(fault.address, at(1));
}

}  // namespace

}  // namespace halyard::emu::test
