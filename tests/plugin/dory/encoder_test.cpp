// SPDX-License-Identifier: MIT
// Streams of register loads: what is written, what moves with the job's buffers, what is refused.

#include "encoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "lowering/lower.hpp"
#include "relocate.hpp"
#include "stream.hpp"

namespace halyard::hal::dory {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kAllOpcodes = (1U << DRM_HALYARD_DORY_NUM_OPCODES) - 1;

drm_halyard_dory_info info() {
  drm_halyard_dory_info info{};
  info.regions = DRM_HALYARD_DORY_REGIONS;
  info.opcodes = kAllOpcodes;
  info.stream_max = DRM_HALYARD_DORY_STREAM_MAX;
  return info;
}

std::vector<std::uint32_t> words_of(std::span<const std::byte> stream) {
  std::vector<std::uint32_t> words(stream.size() / sizeof(std::uint32_t));
  std::memcpy(words.data(), stream.data(), stream.size());
  return words;
}

std::vector<std::byte> bytes_of(const std::vector<std::uint32_t>& words) {
  const auto bytes = std::as_bytes(std::span(words));
  return {bytes.begin(), bytes.end()};
}

/// y = relu(x) + x, twice the same input: two operations.
lowering::Lowered lowered() {
  Graph graph;
  const auto x = graph.add_input("x", {HALYARD_F32, 2, {3, 5}});
  const std::array<halyard_tensor, 1> one{x};
  const auto relu = graph.add_operation(HALYARD_OP_RELU, one, {});
  const std::array<halyard_tensor, 2> two{relu, x};
  graph.add_output("y", graph.add_operation(HALYARD_OP_ADD, two, {}));
  return lowering::lower(graph, capabilities(info()), false);
}

/// The state registers as an operation finds them, and the operations in their order.
struct Run {
  std::vector<std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE>> states;
  std::vector<std::uint32_t> opcodes;
};

Run run(std::span<const std::byte> stream) {
  Run run;
  std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE> state{};
  const auto words = words_of(stream);
  for (std::size_t at = 0; at < words.size(); ++at) {
    const auto opcode = words[at] >> DRM_HALYARD_DORY_OPCODE_SHIFT;
    if (opcode != DRM_HALYARD_DORY_OP_SET) {
      run.opcodes.push_back(opcode);
      run.states.push_back(state);
      continue;
    }
    const auto first = words[at] & DRM_HALYARD_DORY_SET_FIRST_MASK;
    const auto count = words[at] >> DRM_HALYARD_DORY_SET_COUNT_SHIFT & 0xff;
    for (std::uint32_t i = 0; i < count; ++i)
      state.at(first + i) = words.at(at + 1 + i);
    at += count;
  }
  return run;
}

std::uint32_t region(const std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE>& state,
                     std::uint32_t operand) {
  return state[DRM_HALYARD_DORY_OPERAND(operand) + DRM_HALYARD_DORY_FORMAT] >> 16;
}
std::uint32_t offset(const std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE>& state,
                     std::uint32_t operand) {
  return state[DRM_HALYARD_DORY_OPERAND(operand) + DRM_HALYARD_DORY_OFFSET];
}

constexpr std::uint64_t slot(std::uint64_t number, std::uint64_t at) {
  return number << kSlotShift | at;
}

TEST(Encoder, WritesOneOperationPerCommandAndAnEnd) {
  const auto program = lowered();
  const auto stream = encode_commands(program.commands);
  EXPECT_THAT(run(stream).opcodes,
              testing::ElementsAre(DRM_HALYARD_DORY_OP_ACTIVATE, DRM_HALYARD_DORY_OP_BINARY,
                                   DRM_HALYARD_DORY_OP_TIMESTAMP, DRM_HALYARD_DORY_OP_END));
  EXPECT_EQ(check_stream(stream, 6, kAllOpcodes), program.image.command_names.size());
}

TEST(Encoder, WritesOnlyWhatChanges) {
  const auto program = lowered();
  const auto once = encode_commands(std::span(program.commands).first(1));
  std::vector<lowering::Command> twice(2, program.commands[0]);
  EXPECT_EQ(encode_commands(twice).size(), once.size() + sizeof(std::uint32_t));
}

TEST(Relocate, PutsOperandsWhereTheJobsBuffersAre) {
  const auto stream = encode_commands(lowered().commands);
  // Constants, scratch, status, profile; then x and y, which share a buffer.
  const std::array<DeviceRange, 6> bindings{
      {{}, {slot(2, 0), 64}, {slot(0, 128), 8}, {}, {slot(3, 4096), 60}, {slot(3, 8192), 60}}};
  std::vector<std::byte> out(stream.size());
  relocate(stream, bindings, out);
  const auto job = run(out);
  EXPECT_EQ(region(job.states[0], DRM_HALYARD_DORY_IN0), 3U);
  EXPECT_EQ(offset(job.states[0], DRM_HALYARD_DORY_IN0), 4096U);
  EXPECT_EQ(region(job.states[0], DRM_HALYARD_DORY_OUT), 2U);
  EXPECT_EQ(region(job.states[1], DRM_HALYARD_DORY_IN0), 2U);
  EXPECT_EQ(offset(job.states[1], DRM_HALYARD_DORY_IN1), 4096U);
  EXPECT_EQ(offset(job.states[1], DRM_HALYARD_DORY_OUT), 8192U);
  EXPECT_EQ(region(job.states[2], DRM_HALYARD_DORY_OUT), 0U);
  EXPECT_EQ(offset(job.states[2], DRM_HALYARD_DORY_OUT), 128U);
}

TEST(Relocate, RefusesWhatOffsetsDoNotReach) {
  const auto stream = encode_commands(lowered().commands);
  const std::array<DeviceRange, 6> bindings{
      {{}, {slot(2, 0), 64}, {slot(0, 128), 8}, {}, {slot(3, 1ULL << 32), 60}, {slot(3, 0), 60}}};
  std::vector<std::byte> out(stream.size());
  try {
    relocate(stream, bindings, out);
    FAIL() << "nothing was refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), HALYARD_UNSUPPORTED);
  }
}

class Damaged : public testing::Test {
 protected:
  std::string refusal(const std::vector<std::byte>& stream, std::size_t bindings = 6,
                      std::uint32_t opcodes = kAllOpcodes) {
    try {
      static_cast<void>(check_stream(stream, bindings, opcodes));
    } catch (const Error& error) {
      EXPECT_EQ(error.status(), HALYARD_MALFORMED);
      return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
  }
  std::vector<std::uint32_t> words_ = words_of(encode_commands(lowered().commands));
};

TEST_F(Damaged, Empty) {
  EXPECT_THAT(refusal({}), HasSubstr("size 0"));
}

TEST_F(Damaged, NotInWords) {
  auto stream = bytes_of(words_);
  stream.pop_back();
  EXPECT_THAT(refusal(stream), HasSubstr("is not that of a stream"));
}

TEST_F(Damaged, UnknownOpcode) {
  words_.insert(words_.begin(), 0xff000000);
  EXPECT_THAT(refusal(bytes_of(words_)), HasSubstr("word 0 has the unknown opcode 255"));
}

TEST_F(Damaged, OpcodeThatThisRevisionLacks) {
  const auto without = kAllOpcodes & ~(1U << DRM_HALYARD_DORY_OP_BINARY);
  EXPECT_THAT(refusal(bytes_of(words_), 6, without), HasSubstr("unknown opcode"));
}

TEST_F(Damaged, BindingThatIsNotThere) {
  EXPECT_THAT(refusal(bytes_of(words_), 5), HasSubstr("names a binding that is not there"));
}

TEST_F(Damaged, SetBeyondTheStream) {
  EXPECT_THAT(refusal(bytes_of({set_word(0, 3), 0})), HasSubstr("sets more than there is"));
}

TEST_F(Damaged, SetOfNothing) {
  EXPECT_THAT(refusal(bytes_of({set_word(0, 0), operation_word(DRM_HALYARD_DORY_OP_END)})),
              HasSubstr("sets more than there is"));
}

TEST_F(Damaged, SetOfAStateThatIsNotThere) {
  EXPECT_THAT(refusal(bytes_of({set_word(DRM_HALYARD_DORY_NUM_STATE, 1), 0,
                                operation_word(DRM_HALYARD_DORY_OP_END)})),
              HasSubstr("state register that is not there"));
}

TEST_F(Damaged, FormatWithoutOffset) {
  const auto format = format_word(DRM_HALYARD_DORY_F32, 1, 0);
  EXPECT_THAT(refusal(bytes_of({set_word(0, 1), format, operation_word(DRM_HALYARD_DORY_OP_END)})),
              HasSubstr("without its offset"));
}

TEST_F(Damaged, EndBeforeTheEnd) {
  words_.insert(words_.begin(), operation_word(DRM_HALYARD_DORY_OP_END));
  EXPECT_THAT(refusal(bytes_of(words_)), HasSubstr("word 0 is not where the stream ends"));
}

TEST_F(Damaged, NoEnd) {
  words_.pop_back();
  EXPECT_THAT(refusal(bytes_of(words_)), HasSubstr("is not where the stream ends"));
}

TEST_F(Damaged, EndThatIsAValue) {
  EXPECT_THAT(refusal(bytes_of(
                  {set_word(DRM_HALYARD_DORY_TAG, 1), operation_word(DRM_HALYARD_DORY_OP_END)})),
              HasSubstr("does not end the stream"));
}

TEST(Capabilities, HasNoGatherNorSixteenBits) {
  const auto chip = capabilities(info());
  EXPECT_FALSE(chip.opcodes.contains(lowering::Opcode::kGather));
  EXPECT_FALSE(chip.dtypes.contains(HALYARD_F16));
  EXPECT_FALSE(chip.dtypes.contains(HALYARD_BF16));
  EXPECT_TRUE(chip.dtypes.contains(HALYARD_U8));
  EXPECT_EQ(chip.max_rank, 4U);
}

TEST(Capabilities, FollowTheRevision) {
  auto old = info();
  old.opcodes &= ~(1U << DRM_HALYARD_DORY_OP_SOFTMAX);
  EXPECT_FALSE(capabilities(old).opcodes.contains(lowering::Opcode::kSoftmax));
  EXPECT_TRUE(capabilities(old).opcodes.contains(lowering::Opcode::kMatmul));
}

}  // namespace
}  // namespace halyard::hal::dory
