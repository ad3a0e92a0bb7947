// SPDX-License-Identifier: MIT
/// \file
/// What is refused: every field of the payload, of a command word, of an operand and of each
/// operation's parameters.

#include <bit>
#include <cstring>
#include <functional>
#include <limits>
#include <shared_mutex>

#include "chips/dory/processor.hpp"
#include "machine.hpp"

namespace halyard::emu::test {
namespace {

constexpr std::uint32_t kF32 = DRM_HALYARD_DORY_F32;
constexpr std::uint32_t kI8 = DRM_HALYARD_DORY_I8;
constexpr std::uint32_t kI32 = DRM_HALYARD_DORY_I32;
constexpr std::uint32_t kIn0 = DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_IN0);
constexpr std::uint32_t kOut = DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT);
constexpr std::uint32_t kFirstOperation = DRM_HALYARD_DORY_OP_MATMUL;

class Decode : public CardTest {
 protected:
  void expect_refused(const Stream& stream, std::uint32_t cause, std::uint32_t commands = 0) {
    EXPECT_EQ(machine_.run(stream), cause);
    EXPECT_EQ(machine_.read(DORY_COMMANDS), commands);
    const auto memory = machine_.memory(out_, kSize);
    EXPECT_TRUE(std::ranges::all_of(memory, [](std::byte b) { return b == std::byte{0}; }))
        << "a refused operation wrote its output";
  }
  void expect_malformed(const Stream& stream) {
    expect_refused(stream, DORY_ERROR_STREAM);
    expect_broken({"DORY-J5"});
  }
  /// A valid operation, but for a state register that is set before it.
  static Stream spoilt(std::uint32_t opcode, std::uint32_t state, std::uint32_t value) {
    Stream stream = valid_operation(opcode);
    stream.words().pop_back();
    return stream.set(state, {value}).op(opcode).end();
  }
};

TEST_F(Decode, ValidOperationsAreValid) {
  for (std::uint32_t opcode = kFirstOperation; opcode < DRM_HALYARD_DORY_NUM_OPCODES; ++opcode)
    EXPECT_EQ(machine_.run(valid_operation(opcode).end()), std::uint32_t{DORY_ERROR_NONE})
        << "opcode " << opcode;
}

// ---- Command words
// -------------------------------------------------------------------------------

TEST_F(Decode, UnknownOpcode) {
  for (const std::uint32_t opcode : {0U, std::uint32_t{DRM_HALYARD_DORY_NUM_OPCODES}, 0xffU})
    expect_malformed(Stream{}.op(opcode).end());
}

TEST_F(Decode, BitsBesideTheOpcode) {
  for (std::uint32_t opcode = DRM_HALYARD_DORY_OP_END; opcode < DRM_HALYARD_DORY_NUM_OPCODES;
       ++opcode) {
    for (const unsigned bit : {0U, 15U, 23U}) {
      Stream stream;
      if (opcode != DRM_HALYARD_DORY_OP_END) stream = valid_operation(opcode);
      if (!stream.words().empty()) stream.words().pop_back();
      stream.raw(command(opcode, 1U << bit));
      if (opcode != DRM_HALYARD_DORY_OP_END) stream.end();
      expect_malformed(stream);
    }
  }
}

TEST_F(Decode, SetOfNothing) {
  expect_malformed(Stream{}.raw(command(DRM_HALYARD_DORY_OP_SET)).end());
}

TEST_F(Decode, SetBeyondTheState) {
  constexpr std::uint32_t kLast = DRM_HALYARD_DORY_NUM_STATE - 1;
  EXPECT_EQ(machine_.run(Stream{}.set(kLast, {1}).end()), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_EQ(machine_.run(Stream{}.set(0, std::vector<std::uint32_t>(kLast + 1)).end()),
            std::uint32_t{DORY_ERROR_NONE});
  expect_malformed(Stream{}.set(kLast, {1, 1}).end());
  expect_malformed(Stream{}.set(kLast + 1, {1}).end());
  expect_malformed(Stream{}.set(0xffff, {1}).end());
  expect_malformed(Stream{}.set(0, std::vector<std::uint32_t>(255)).end());
}

TEST_F(Decode, StreamEndsWithinSet) {
  expect_malformed(Stream{}.raw(command(DRM_HALYARD_DORY_OP_SET, 2U << 16)).raw(0));
}

TEST_F(Decode, StreamWithoutEnd) {
  expect_malformed(Stream{}.set(0, {1}));
}

TEST_F(Decode, StreamGoesOnBehindEnd) {
  expect_malformed(Stream{}.end().end());
}

// ---- Operands
// ------------------------------------------------------------------------------------

TEST_F(Decode, RequiredOperandsAreRequired) {
  // Bit n: operand n is needed.
  constexpr std::uint32_t kRequired[DRM_HALYARD_DORY_NUM_OPCODES] = {
      0,       0,       0,       0b10011, 0b10011, 0b10011, 0b10001, 0b10001,
      0b10001, 0b10001, 0b10001, 0b11001, 0b11001, 0b11001, 0b10000, 0b10000};
  for (std::uint32_t opcode = kFirstOperation; opcode < DRM_HALYARD_DORY_NUM_OPCODES; ++opcode) {
    for (std::uint32_t number = 0; number < DRM_HALYARD_DORY_NUM_OPERANDS; ++number) {
      const Stream stream = spoilt(opcode, DRM_HALYARD_DORY_OPERAND(number), 0);
      const bool needed = (kRequired[opcode] >> number & 1U) != 0;
      EXPECT_EQ(machine_.run(stream), needed ? std::uint32_t{DORY_ERROR_STREAM} : 0U)
          << "opcode " << opcode << " operand " << number;
    }
  }
  expect_broken({"DORY-J5"});
}

TEST_F(Decode, Format) {
  const auto format = [](std::uint32_t dtype, std::uint32_t rank, std::uint32_t region) {
    return dtype | rank << 8 | region << 16;
  };
  for (const std::uint32_t bad :
       {format(5, 2, 0), format(0xff, 2, 0),                            // type
        format(kF32, 0, 0), format(kF32, 5, 0),                         // rank
        format(kF32, 0xff, 0),                                          //
        format(kF32, 2, 8), format(kF32, 2, 0xff),                      // region
        format(kF32, 2, 0) | 1U << 24, format(kF32, 2, 0) | 1U << 31})  // reserved bits
    expect_malformed(spoilt(DRM_HALYARD_DORY_OP_COPY, kIn0 + DRM_HALYARD_DORY_FORMAT, bad));
}

TEST_F(Decode, DimensionOfZero) {
  for (const std::uint32_t operand : {kIn0, kOut}) {
    for (unsigned d = 0; d < 2; ++d)
      expect_malformed(spoilt(DRM_HALYARD_DORY_OP_COPY, operand + DRM_HALYARD_DORY_DIM(d), 0));
  }
}

TEST_F(Decode, Alignment) {
  for (const std::uint32_t offset : {1U, 2U, 3U})
    expect_malformed(
        spoilt(DRM_HALYARD_DORY_OP_COPY, kIn0 + DRM_HALYARD_DORY_OFFSET, 4 * 9 + offset));
  expect_malformed(spoilt(DRM_HALYARD_DORY_OP_TIMESTAMP, kOut + DRM_HALYARD_DORY_OFFSET, 4));
}

TEST_F(Decode, ReachIsComputedWithoutOverflow) {
  constexpr auto kMost = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::max());
  constexpr auto kLeast = static_cast<std::uint32_t>(std::numeric_limits<std::int32_t>::min());
  for (const std::uint32_t stride : {kMost, kLeast, 0x40000000U, 0xc0000000U, 0x4000U, 0xffffU}) {
    for (const std::uint32_t dim : {2U, 0x10000U}) {
      Operand in{.dtype = kF32, .region = 0, .offset = 0, .dims = {dim, 1, 1, 1}, .strides = {}};
      in.strides = {static_cast<std::int32_t>(stride), 1, 1, 1};
      const Operand out = dense(1, kF32, {dim, 1, 1, 1});
      EXPECT_NE(machine_.run(Stream{}.copy(in, out).end()), std::uint32_t{DORY_ERROR_NONE})
          << stride << " x " << dim;
    }
  }
  // Sums of reaches that cancel out modulo 2^64.
  const std::uint32_t most = std::numeric_limits<std::uint32_t>::max();
  Operand in{.dtype = kF32, .region = 0, .offset = 0, .dims = {most, most, most, 2}, .strides = {}};
  in.strides = {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::max(),
                1, 1};
  expect_refused(Stream{}.copy(in, in).end(), DORY_ERROR_OPERANDS);
  expect_broken({"DORY-J6"});
}

TEST_F(Decode, OutputsDoNotShareMemory) {
  expect_refused(spoilt(DRM_HALYARD_DORY_OP_COPY, kOut + DRM_HALYARD_DORY_STRIDE(0), 0),
                 DORY_ERROR_OPERANDS);
  expect_refused(spoilt(DRM_HALYARD_DORY_OP_COPY, kOut + DRM_HALYARD_DORY_STRIDE(0), 8),
                 DORY_ERROR_OPERANDS);
  EXPECT_EQ(machine_.run(spoilt(DRM_HALYARD_DORY_OP_COPY, kIn0 + DRM_HALYARD_DORY_STRIDE(0), 0)),
            std::uint32_t{DORY_ERROR_NONE});
}

// ---- Parameters and shapes
// -----------------------------------------------------------------------

struct ParameterCase {
  const char* name;
  std::uint32_t opcode;
  std::uint32_t state;
  std::uint32_t value;
};

std::ostream& operator<<(std::ostream& out, const ParameterCase& parameter) {
  return out << parameter.name;
}

class DecodeParameter : public Decode, public testing::WithParamInterface<ParameterCase> {};

TEST_P(DecodeParameter, IsRefused) {
  const auto& [name, opcode, state, value] = GetParam();
  expect_refused(spoilt(opcode, state, value), DORY_ERROR_OPERANDS);
}

constexpr std::uint32_t kBad = 0xffff;

INSTANTIATE_TEST_SUITE_P(
    Fields, DecodeParameter,
    testing::Values(
        ParameterCase{"MatmulActivation", DRM_HALYARD_DORY_OP_MATMUL, DRM_HALYARD_DORY_ACTIVATION,
                      DRM_HALYARD_DORY_ACT_TANH + 1},
        ParameterCase{"MatmulZeroPoint", DRM_HALYARD_DORY_OP_MATMUL, DRM_HALYARD_DORY_ZERO_POINT,
                      1},
        ParameterCase{"MatmulDepth", DRM_HALYARD_DORY_OP_MATMUL, kIn0 + DRM_HALYARD_DORY_DIM(1), 7},
        ParameterCase{"ConvActivation", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_ACTIVATION,
                      kBad},
        ParameterCase{"ConvStrideRows", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_STRIDES,
                      pair(0, 1)},
        ParameterCase{"ConvStrideColumns", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_STRIDES,
                      pair(1, 0)},
        ParameterCase{"ConvDilationRows", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_DILATION,
                      pair(0, 1)},
        ParameterCase{"ConvDilationColumns", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_DILATION,
                      pair(1, 0)},
        ParameterCase{"ConvPadTop", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_PAD_BEFORE,
                      pair(3, 0)},
        ParameterCase{"ConvPadLeft", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_PAD_BEFORE,
                      pair(0, 3)},
        ParameterCase{"ConvPadBottom", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_PAD_AFTER,
                      pair(3, 0)},
        ParameterCase{"ConvPadRight", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_PAD_AFTER,
                      pair(0, 3)},
        ParameterCase{"ConvGroups", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_GROUPS, 0},
        ParameterCase{"ConvGroupsThree", DRM_HALYARD_DORY_OP_CONV2D, DRM_HALYARD_DORY_GROUPS, 3},
        ParameterCase{"BinaryOperation", DRM_HALYARD_DORY_OP_BINARY, DRM_HALYARD_DORY_BINARY,
                      DRM_HALYARD_DORY_MIN + 1},
        ParameterCase{"BinaryActivation", DRM_HALYARD_DORY_OP_BINARY, DRM_HALYARD_DORY_ACTIVATION,
                      kBad},
        ParameterCase{"BinaryRank", DRM_HALYARD_DORY_OP_BINARY, kIn0, kF32 | 1 << 8},
        ParameterCase{"Activation", DRM_HALYARD_DORY_OP_ACTIVATE, DRM_HALYARD_DORY_ACTIVATION,
                      kBad},
        ParameterCase{"PoolKind", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_POOL,
                      DRM_HALYARD_DORY_POOL_AVERAGE_PADDED + 1},
        ParameterCase{"PoolKernelRows", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_KERNEL,
                      pair(0, 2)},
        ParameterCase{"PoolKernelColumns", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_KERNEL,
                      pair(2, 0)},
        ParameterCase{"PoolStrideRows", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_STRIDES,
                      pair(0, 2)},
        ParameterCase{"PoolStrideColumns", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_STRIDES,
                      pair(2, 0)},
        ParameterCase{"PoolPadTop", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_PAD_BEFORE,
                      pair(2, 0)},
        ParameterCase{"PoolPadLeft", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_PAD_BEFORE,
                      pair(0, 2)},
        ParameterCase{"PoolPadBottom", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_PAD_AFTER,
                      pair(2, 0)},
        ParameterCase{"PoolPadRight", DRM_HALYARD_DORY_OP_POOL2D, DRM_HALYARD_DORY_PAD_AFTER,
                      pair(0, 2)},
        ParameterCase{"SoftmaxType", DRM_HALYARD_DORY_OP_SOFTMAX, kIn0, kI32 | 2 << 8},
        ParameterCase{"NormKind", DRM_HALYARD_DORY_OP_NORM, DRM_HALYARD_DORY_NORM,
                      DRM_HALYARD_DORY_NORM_RMS + 1},
        ParameterCase{"NormRmsWithBias", DRM_HALYARD_DORY_OP_NORM, DRM_HALYARD_DORY_NORM,
                      DRM_HALYARD_DORY_NORM_RMS},
        ParameterCase{"NormEpsilon", DRM_HALYARD_DORY_OP_NORM, DRM_HALYARD_DORY_EPSILON,
                      std::bit_cast<std::uint32_t>(-1.0F)},
        ParameterCase{"CopyShape", DRM_HALYARD_DORY_OP_COPY, kIn0 + DRM_HALYARD_DORY_DIM(0), 2},
        ParameterCase{"QuantizeAxis", DRM_HALYARD_DORY_OP_QUANTIZE, DRM_HALYARD_DORY_AXIS, 2},
        ParameterCase{"QuantizeZeroPoint", DRM_HALYARD_DORY_OP_QUANTIZE,
                      DRM_HALYARD_DORY_ZERO_POINT, 128},
        ParameterCase{"DequantizeAxis", DRM_HALYARD_DORY_OP_DEQUANTIZE, DRM_HALYARD_DORY_AXIS, 2},
        ParameterCase{"DequantizeZeroPoint", DRM_HALYARD_DORY_OP_DEQUANTIZE,
                      DRM_HALYARD_DORY_ZERO_POINT, 128},
        ParameterCase{"RequantizeAxis", DRM_HALYARD_DORY_OP_REQUANTIZE, DRM_HALYARD_DORY_AXIS, 2},
        ParameterCase{"RequantizeZeroPoint", DRM_HALYARD_DORY_OP_REQUANTIZE,
                      DRM_HALYARD_DORY_ZERO_POINT, 128},
        ParameterCase{"FillPattern", DRM_HALYARD_DORY_OP_FILL, kOut, kI8 | 2 << 8 | 1 << 16},
        ParameterCase{"TimestampType", DRM_HALYARD_DORY_OP_TIMESTAMP, kOut,
                      kF32 | 1 << 8 | 1 << 16},
        ParameterCase{"TimestampCount", DRM_HALYARD_DORY_OP_TIMESTAMP,
                      kOut + DRM_HALYARD_DORY_DIM(0), 3},
        ParameterCase{"TimestampStride", DRM_HALYARD_DORY_OP_TIMESTAMP,
                      kOut + DRM_HALYARD_DORY_STRIDE(0), 2}),
    [](const auto& test) { return test.param.name; });

// ---- The processor alone
// -------------------------------------------------------------------------

/// Two buffers of a job, the second writable; the first begins with the stream.
class Buffers final : public AddressSpace {
 public:
  explicit Buffers(const Stream& stream) { std::ranges::copy(stream.bytes(), memory_[0].begin()); }

  /// Where the stream was there is none any more.
  void spoil() { std::ranges::fill(memory_[0], std::byte{0xff}); }

  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override {
    const std::uint64_t slot = address >> kSlotShift;
    const std::uint64_t offset = address & ((std::uint64_t{1} << kSlotShift) - 1);
    fault.address = address;
    fault.access = access;
    fault.cause = FaultCause::kOutOfBounds;
    if (slot >= memory_.size() || offset > kSize || size > kSize - offset) return {};
    fault.cause = FaultCause::kPermission;
    if (access == Access::kWrite && slot == 0) return {};
    fault = {};
    return std::span(memory_[slot]).subspan(offset, size);
  }
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override {
    return std::shared_lock(mutex_);
  }

 private:
  static constexpr std::size_t kSize = 4096;
  std::array<std::vector<std::byte>, 2> memory_{std::vector<std::byte>(kSize),
                                                std::vector<std::byte>(kSize)};
  std::shared_mutex mutex_;
};

class Processor : public testing::Test {
 protected:
  std::unique_ptr<Execution> start(const drm_halyard_dory_payload& payload) {
    return processor_.start(
        std::as_bytes(std::span(&payload, 1)), DRM_HALYARD_DORY_ENGINE_NPU, *space_,
        [] { return std::uint64_t{42}; }, error_);
  }
  drm_halyard_dory_payload use(const Stream& stream) {
    space_ = std::make_unique<Buffers>(stream);
    return {.slot = 0,
            .flags = 0,
            .offset = 0,
            .size = static_cast<std::uint32_t>(stream.bytes().size())};
  }

  dory::Processor processor_;
  std::unique_ptr<Buffers> space_;
  std::string error_;
};

TEST_F(Processor, RefusesEachFieldOfThePayload) {
  const auto good = use(Stream{}.end());
  using Payload = drm_halyard_dory_payload;
  const std::function<void(Payload&)> spoils[] = {
      [](Payload& p) { p.slot = DRM_HALYARD_DORY_REGIONS; },
      [](Payload& p) { p.flags = 1; },
      [](Payload& p) { p.offset = 2; },
      [](Payload& p) { p.size = 0; },
      [](Payload& p) { p.size = 6; },
      [](Payload& p) { p.size = DRM_HALYARD_DORY_STREAM_MAX + 4; },
  };
  EXPECT_NE(start(good), nullptr);
  for (const auto& spoil : spoils) {
    auto bad = good;
    error_.clear();
    spoil(bad);
    EXPECT_EQ(start(bad), nullptr);
    EXPECT_NE(error_, "");
  }
  EXPECT_EQ(
      processor_.start(
          std::as_bytes(std::span(&good, 1)), 1, *space_, [] { return std::uint64_t{0}; }, error_),
      nullptr);
  EXPECT_EQ(processor_.start(
                std::as_bytes(std::span(&good, 1)).first(8), 0, *space_,
                [] { return std::uint64_t{0}; }, error_),
            nullptr);
}

TEST_F(Processor, StepsThroughAJob) {
  Stream stream;
  stream.fill(dense(1, kI32, {1}), 1).fill(dense(1, kI32, {1}), 2).end();
  const auto execution = start(use(stream));
  ASSERT_NE(execution, nullptr);
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->completed(), 1U);
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->step(), Outcome::kDone);
  EXPECT_EQ(execution->cycles(), 2 * (64U + 1U));
}

/// As the driver's: a program may use the memory again as soon as it knows that its job has done
/// its work, which is before the engine has met the stream's end.
TEST_F(Processor, TheStreamIsCopiedWhenTheJobIsGiven) {
  Stream stream;
  stream.fill(dense(1, kI32, {1}), 1).fill(dense(1, kI32, {1}), 2).end();
  const auto execution = start(use(stream));
  ASSERT_NE(execution, nullptr);
  space_->spoil();
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->step(), Outcome::kDone);
}

TEST_F(Processor, FaultsCarryAddressAndCommand) {
  Stream stream;
  stream.fill(dense(1, kI32, {1}), 1).tag(77).fill(dense(0, kI32, {1}, 64), 2).end();
  const auto execution = start(use(stream));
  EXPECT_EQ(execution->step(), Outcome::kRunning);
  EXPECT_EQ(execution->step(), Outcome::kFault);
  EXPECT_EQ(execution->fault().cause, FaultCause::kPermission);
  EXPECT_EQ(execution->fault().address, 64U);
  EXPECT_EQ(execution->fault().access, Access::kWrite);
  EXPECT_EQ(execution->fault().command, 1U);
  EXPECT_EQ(execution->fault().tag, 77U);
}

TEST_F(Processor, TellsWhatItIs) {
  const ProcessorInfo info = processor_.info();
  EXPECT_FALSE(info.has_mmu);
  EXPECT_EQ(info.job_buffers_max, 8U);
  ASSERT_EQ(info.regions.size(), 1U);
  EXPECT_TRUE(info.regions[0].contiguous);
  drm_halyard_dory_info blob{};
  const auto bytes = processor_.chip_blob();
  ASSERT_EQ(bytes.size(), sizeof(blob));
  std::memcpy(&blob, bytes.data(), sizeof(blob));
  EXPECT_EQ(blob.revision, 0x10000U);
  EXPECT_EQ(blob.regions, 8U);
  EXPECT_EQ(blob.opcodes, 0xfffeU);
  EXPECT_EQ(blob.stream_max, 1U << 20);
  EXPECT_EQ(blob.clock_khz, 500000U);
  ASSERT_EQ(processor_.engines().size(), 1U);
  EXPECT_EQ(processor_.engines()[0].name, "npu");
}

}  // namespace
}  // namespace halyard::emu::test
