// SPDX-License-Identifier: MIT
/// \file
/// How the card gets at operands: overlaps, odd strides, faults in the midst of one.

#include <clipper/clipper_regs.h>
#include <gtest/gtest.h>

#include <numeric>

#include "chips/clipper/processor.hpp"
#include "fake_space.hpp"
#include "stream.hpp"

namespace halyard::emu::test {
namespace {

constexpr std::uint16_t kI32 = DRM_HALYARD_CLIPPER_I32;

class OperandMemory : public testing::TestWithParam<bool> {
 protected:
  std::uint64_t counted(std::size_t count) {
    const std::uint64_t address = client_->allocate(count * 4, GetParam());
    std::vector<std::int32_t> values(count);
    std::iota(values.begin(), values.end(), 0);
    client_->write(address, std::as_bytes(std::span(values)));
    return address;
  }
  std::vector<std::int32_t> values(std::uint64_t address, std::size_t count) {
    std::vector<std::int32_t> values(count);
    client_->read(address, std::as_writable_bytes(std::span(values)));
    return values;
  }
  std::unique_ptr<Client> client_ = make_processor_client();
};

TEST_P(OperandMemory, OverlapIsReadBeforeItIsWritten) {
  constexpr std::uint32_t kCount = 3000;
  for (const bool upwards : {false, true}) {
    const std::uint64_t memory = counted(kCount + 1);
    Stream stream;
    stream.bind(memory, (kCount + 1) * 4);
    stream.add(DRM_HALYARD_CLIPPER_COPY, {dense(0, kI32, {kCount}, upwards ? 0 : 4),
                                          dense(0, kI32, {kCount}, upwards ? 4 : 0)});
    EXPECT_EQ(client_->run(stream, DRM_HALYARD_CLIPPER_ENGINE_COPY).text, "");
    const auto got = values(memory, kCount + 1);
    for (std::uint32_t i = 0; i < kCount; ++i)
      ASSERT_EQ(got[upwards ? i + 1 : i], static_cast<std::int32_t>(upwards ? i : i + 1));
  }
}

TEST_P(OperandMemory, TransposeInPlace) {
  constexpr std::uint32_t kSide = 50;
  const std::uint64_t memory = counted(kSide * kSide);
  Stream stream;
  stream.bind(memory, kSide * kSide * 4);
  RawOperand transposed = dense(0, kI32, {kSide, kSide});
  std::swap(transposed.strides[0], transposed.strides[1]);
  stream.add(DRM_HALYARD_CLIPPER_COPY, {transposed, dense(0, kI32, {kSide, kSide})});
  EXPECT_EQ(client_->run(stream, 0).text, "");
  const auto got = values(memory, kSide * kSide);
  for (std::uint32_t i = 0; i < kSide * kSide; ++i)
    ASSERT_EQ(got[i], static_cast<std::int32_t>(i % kSide * kSide + i / kSide));
}

TEST_P(OperandMemory, NegativeAndZeroStrides) {
  constexpr std::uint32_t kCount = 2000;
  const std::uint64_t in = counted(kCount);
  const std::uint64_t out = client_->allocate(2 * kCount * 4, GetParam());
  Stream stream;
  stream.bind(in, kCount * 4);
  stream.bind(out, 2 * kCount * 4);
  RawOperand from = dense(0, kI32, {2, kCount}, (kCount - 1) * 4);
  from.strides[0] = 0;
  from.strides[1] = -1;
  RawOperand to = dense(1, kI32, {2, kCount}, (2 * kCount - 1) * 4);
  to.strides[0] = -1;
  to.strides[1] = -2;
  stream.add(DRM_HALYARD_CLIPPER_COPY, {from, to});
  EXPECT_EQ(client_->run(stream, 0).text, "");
  const auto got = values(out, 2 * kCount);
  for (std::uint32_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(got[2 * i], static_cast<std::int32_t>(i));
    ASSERT_EQ(got[2 * i + 1], static_cast<std::int32_t>(i));
  }
}

TEST_P(OperandMemory, ColumnOfAMatrix) {
  constexpr std::uint32_t kRows = 300;
  constexpr std::uint32_t kColumns = 700;
  const std::uint64_t in = counted(kRows * kColumns);
  const std::uint64_t out = client_->allocate(kRows * kColumns * 4, GetParam());
  Stream stream;
  stream.bind(in, kRows * kColumns * 4);
  stream.bind(out, kRows * kColumns * 4);
  RawOperand from = dense(0, kI32, {kRows}, 5 * 4);
  from.strides[0] = kColumns;
  RawOperand to = dense(1, kI32, {kRows}, 9 * 4);
  to.strides[0] = kColumns;
  stream.add(DRM_HALYARD_CLIPPER_COPY, {from, to});
  EXPECT_EQ(client_->run(stream, 0).text, "");
  const auto got = values(out, kRows * kColumns);
  for (std::uint32_t i = 0; i < kRows * kColumns; ++i)
    ASSERT_EQ(got[i], i % kColumns == 9 ? static_cast<std::int32_t>(i - 4) : 0);
}

TEST_P(OperandMemory, OutputFaultWritesNothing) {
  const std::uint64_t in = counted(3000);
  const std::uint64_t out = client_->allocate(2 * 4096, GetParam());  // then comes a hole
  Stream stream;
  stream.bind(in, 3000 * 4);
  stream.bind(out, 3000 * 4);
  stream.add(DRM_HALYARD_CLIPPER_COPY, {dense(0, kI32, {3000}), dense(1, kI32, {3000})}, 9);
  const Result result = client_->run(stream, 0);
  EXPECT_EQ(result.cause, std::uint32_t{CLP_FAULT_UNMAPPED});
  EXPECT_EQ(result.address, out + 2 * 4096);
  EXPECT_EQ(result.access, 1U);
  EXPECT_EQ(result.tag, 9U);
  EXPECT_EQ(values(out, 2048), std::vector<std::int32_t>(2048));
}

TEST_P(OperandMemory, GatherRefusesIndicesAndWritesNothing) {
  const std::uint64_t in = counted(100);
  const std::uint64_t index = client_->allocate(64, GetParam());
  const std::uint64_t out = client_->allocate(64, GetParam());
  for (const std::int32_t bad : {10, -1, 0x7fffffff}) {
    client_->store(index + 4, bad);
    Stream stream;
    stream.bind(in, 400);
    stream.bind(index, 64);
    stream.bind(out, 64);
    stream.add(DRM_HALYARD_CLIPPER_GATHER,
               {dense(0, kI32, {10, 1}), dense(1, kI32, {2}), dense(2, kI32, {2, 1})});
    const Result result = client_->run(stream, 0);
    EXPECT_EQ(result.cause, std::uint32_t{CLP_FAULT_OUT_OF_BOUNDS});
    EXPECT_NE(result.text.find(std::to_string(bad)), std::string::npos);
    EXPECT_EQ(values(out, 2), std::vector<std::int32_t>(2));
  }
}

TEST_P(OperandMemory, ScatterRefusesIndicesAndWritesNothing) {
  const std::uint64_t in = counted(100);
  const std::uint64_t index = client_->allocate(64, GetParam());
  const std::uint64_t out = client_->allocate(64, GetParam());
  for (const std::int64_t bad : {std::int64_t{10}, std::int64_t{-1}, std::int64_t{1} << 32}) {
    client_->store(index + 8, static_cast<std::int32_t>(bad));
    client_->store(index + 12, static_cast<std::int32_t>(bad >> 32));
    Stream stream;
    stream.bind(in, 400);
    stream.bind(index, 64);
    stream.bind(out, 64);
    stream.add(DRM_HALYARD_CLIPPER_SCATTER,
               {dense(0, kI32, {2, 1}), dense(1, kI32, {2, 2}), dense(2, kI32, {10, 1})});
    const Result result = client_->run(stream, 0);
    EXPECT_EQ(result.cause, std::uint32_t{CLP_FAULT_OUT_OF_BOUNDS});
    EXPECT_EQ(result.address, out);
    EXPECT_NE(result.text.find("index 1 is " + std::to_string(bad)), std::string::npos);
    EXPECT_EQ(values(out, 10), std::vector<std::int32_t>(10));
  }
}

TEST_P(OperandMemory, ScatterWritesNoOtherRow) {
  constexpr std::uint32_t kRows = 40, kColumns = 300;
  const std::uint64_t in = counted(2 * kColumns);
  const std::uint64_t index = client_->allocate(64, GetParam());
  const std::uint64_t out = counted(kRows * kColumns);
  client_->store(index, 31);
  client_->store(index + 4, 7);
  // Rows upside down, without gaps, and every second element of such with gaps.
  for (const std::int32_t step : {1, 2}) {
    Stream stream;
    stream.bind(in, 2 * kColumns * 4);
    stream.bind(index, 64);
    stream.bind(out, kRows * kColumns * 4);
    const std::uint32_t columns = kColumns / static_cast<std::uint32_t>(step);
    RawOperand to = dense(2, kI32, {kRows, columns}, (kRows - 1) * kColumns * 4);
    to.strides[0] = -static_cast<std::int32_t>(kColumns);
    to.strides[1] = step;
    stream.add(DRM_HALYARD_CLIPPER_SCATTER,
               {dense(0, kI32, {2, columns}), dense(1, kI32, {2}), to});
    ASSERT_EQ(client_->run(stream, 0).text, "");
    const auto got = values(out, kRows * kColumns);
    for (std::uint32_t i = 0; i < kRows * kColumns; ++i) {
      const std::uint32_t row = kRows - 1 - i / kColumns, column = i % kColumns;
      const bool written =
          (row == 31 || row == 7) && column % static_cast<std::uint32_t>(step) == 0;
      if (step == 2 && !written) continue;  // what the first round wrote
      const std::uint32_t from =
          (row == 7 ? columns : 0) + column / static_cast<std::uint32_t>(step);
      ASSERT_EQ(got[i], static_cast<std::int32_t>(written ? from : i)) << "row " << row;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Pages, OperandMemory, testing::Values(false, true),
                         [](const auto& test) { return test.param ? "Scattered" : "Contiguous"; });

TEST(ProcessorFaults, CarryAddressAndCommand) {
  FakeSpace space(64);
  clipper::Processor processor;
  const std::uint64_t stream_address = space.allocate(4096, false);
  const std::uint64_t read_only = space.allocate(4096, false, false);
  Stream stream;
  stream.bind(read_only, 4096);
  stream.nop(1).nop(2).add(DRM_HALYARD_CLIPPER_FILL, drm_halyard_clipper_fill{1},
                           {dense(0, kI32, {4}, 64)}, 77);
  space.copy_in(stream_address, stream.bytes());
  const std::uint64_t bindings = space.allocate(4096, false);
  space.copy_in(bindings, std::as_bytes(std::span(stream.bindings())));
  drm_halyard_clipper_payload payload{};
  payload.stream = stream_address;
  payload.stream_size = static_cast<std::uint32_t>(stream.bytes().size());
  payload.bindings = bindings;
  payload.binding_count = 1;
  std::string error;
  const auto execution = processor.start(
      std::as_bytes(std::span(&payload, 1)), 0, space, [] { return std::uint64_t{0}; }, error);
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->completed(), 2U);
  EXPECT_EQ(execution->step(), Outcome::kFault);
  EXPECT_EQ(execution->fault().cause, FaultCause::kPermission);
  EXPECT_EQ(execution->fault().address, read_only + 64);
  EXPECT_EQ(execution->fault().access, Access::kWrite);
  EXPECT_EQ(execution->fault().command, 2U);
  EXPECT_EQ(execution->fault().tag, 77U);
}

TEST(ProcessorWait, IsResumedWhenTheValueComes) {
  FakeSpace space(64);
  clipper::Processor processor;
  const std::uint64_t memory = space.allocate(4096, false);
  Stream stream;
  stream.bind(memory, 4096);
  stream.wait(5, word(0, 8)).fill(9, dense(0, kI32, {1}, 64));
  const std::uint64_t stream_address = space.allocate(4096, false);
  const std::uint64_t bindings = space.allocate(4096, false);
  space.copy_in(stream_address, stream.bytes());
  space.copy_in(bindings, std::as_bytes(std::span(stream.bindings())));
  drm_halyard_clipper_payload payload{};
  payload.stream = stream_address;
  payload.stream_size = static_cast<std::uint32_t>(stream.bytes().size());
  payload.bindings = bindings;
  payload.binding_count = 1;
  std::string error;
  const auto execution = processor.start(
      std::as_bytes(std::span(&payload, 1)), 1, space, [] { return std::uint64_t{0}; }, error);
  EXPECT_EQ(execution->step(), Outcome::kWaiting);
  EXPECT_EQ(execution->step(), Outcome::kWaiting);
  EXPECT_EQ(execution->completed(), 0U);
  const std::uint64_t five = 5;
  space.copy_in(memory + 8, std::as_bytes(std::span(&five, 1)));
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->step(), Outcome::kDone);
  EXPECT_EQ(execution->completed(), 2U);
}

}  // namespace
}  // namespace halyard::emu::test
