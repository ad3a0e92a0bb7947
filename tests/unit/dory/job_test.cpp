// SPDX-License-Identifier: MIT
/// \file
/// Jobs: progress, completion, state registers, regions, errors.

#include <cstring>

#include "machine.hpp"

namespace halyard::emu::test {
namespace {

constexpr std::uint32_t kI32 = DRM_HALYARD_DORY_I32;
constexpr std::uint32_t kU8 = DRM_HALYARD_DORY_U8;

class Job : public CardTest {};

TEST_F(Job, EmptyOneCompletes) {
  const std::uint32_t job = machine_.start(Stream{}.end());
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_DONE});
  EXPECT_EQ(machine_.read(DORY_COMPLETED), job);
  EXPECT_EQ(machine_.read(DORY_COMMANDS), 0U);
  EXPECT_EQ(machine_.read64(DORY_CYCLES_LO), 0U);
}

TEST_F(Job, RunsOperationsInOrder) {
  Stream stream;
  stream.tag(5).fill(dense(1, kI32, {16}), 7);
  stream.tag(6).copy(dense(1, kI32, {8}), dense(1, kI32, {8}, 64)).end();
  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_NONE});
  for (std::uint32_t i = 0; i < 24; ++i)
    EXPECT_EQ(out_word(4 * i), 7U);
  EXPECT_EQ(out_word(96), 0U);
  EXPECT_EQ(machine_.read(DORY_COMMANDS), 2U);
  EXPECT_EQ(machine_.read(DORY_TAG), 6U);
}

TEST_F(Job, StateIsKeptWithinAJobAndZeroAtItsStart) {
  Stream stream;
  stream.fill(dense(1, kI32, {1}), 7);
  stream.set(DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT) + DRM_HALYARD_DORY_OFFSET, {4});
  stream.op(DRM_HALYARD_DORY_OP_FILL).end();
  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_EQ(out_word(4), 7U);
  // Were the pattern still 7, this would fill 7.
  Stream next;
  next.operand(DRM_HALYARD_DORY_OUT, dense(1, kI32, {1})).op(DRM_HALYARD_DORY_OP_FILL).end();
  ASSERT_EQ(machine_.run(next), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_EQ(out_word(0), 0U);
}

TEST_F(Job, OperandsThatAreNotUsedAreNotLookedAt) {
  Stream stream;
  stream.set(DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_IN1), {0xffffffff, 0xffffffff});
  Operand out = dense(1, kI32, {2});
  stream.operand(DRM_HALYARD_DORY_OUT, out);
  // Beyond the rank, too.
  stream.set(DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT) + DRM_HALYARD_DORY_DIM(1),
             {0, 0xffffffff, 0xffffffff});
  stream.set(DRM_HALYARD_DORY_PATTERN, {3}).op(DRM_HALYARD_DORY_OP_FILL).end();
  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_EQ(out_word(4), 3U);
}

TEST_F(Job, TimestampIsWritten) {
  const std::uint64_t before = machine_.read64(DORY_TIMESTAMP_LO);
  ASSERT_EQ(machine_.run(valid_operation(DRM_HALYARD_DORY_OP_TIMESTAMP).end()),
            std::uint32_t{DORY_ERROR_NONE});
  const std::uint64_t after = machine_.read64(DORY_TIMESTAMP_LO);
  const std::uint64_t stamp = std::uint64_t{out_word(4)} << 32 | out_word(0);
  EXPECT_GT(stamp, before);
  EXPECT_LT(stamp, after);
}

TEST_F(Job, InterruptComesAfterCompletion) {
  machine_.enable_interrupts();
  for (unsigned i = 1; i <= 200; ++i) {
    const std::uint32_t job = machine_.start(fill_job(i));
    ASSERT_TRUE(machine_.host.wait_raised(0, i));
    ASSERT_EQ(machine_.read(DORY_COMPLETED), job);
    ASSERT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_DONE});
    ASSERT_EQ(out_word(), i);
    machine_.write(DORY_IRQ_ACK, DORY_IRQ_DONE);
  }
}

TEST_F(Job, ErrorStopsTheJobAndTheNextOneRuns) {
  Stream stream;
  stream.tag(1).fill(dense(1, kI32, {1}), 1);
  const auto offset = static_cast<std::uint32_t>(stream.bytes().size());
  Operand mismatch = dense(1, kI32, {3}, 64);
  stream.tag(2).operand(DRM_HALYARD_DORY_IN0, dense(0, kI32, {4}));
  stream.operand(DRM_HALYARD_DORY_OUT, mismatch).op(DRM_HALYARD_DORY_OP_COPY);
  stream.fill(dense(1, kI32, {1}, 128), 1).end();
  const std::uint32_t before = machine_.run(fill_job(0));
  ASSERT_EQ(before, std::uint32_t{DORY_ERROR_NONE});
  const std::uint32_t completed = machine_.read(DORY_COMPLETED);
  ASSERT_EQ(machine_.run(stream), std::uint32_t{DORY_ERROR_OPERANDS});
  EXPECT_EQ(machine_.read(DORY_STATUS), std::uint32_t{DORY_STATUS_ERROR});
  EXPECT_EQ(machine_.read(DORY_COMPLETED), completed);
  EXPECT_EQ(machine_.read(DORY_COMMANDS), 1U);
  EXPECT_EQ(machine_.read(DORY_TAG), 2U);
  EXPECT_EQ(machine_.read(DORY_ERROR_OFFSET), offset + 4 * (2 + 11 + 11));
  EXPECT_EQ(machine_.read(DORY_ERROR_ADDRESS), 0U);
  EXPECT_EQ(machine_.read(DORY_ERROR_ACCESS), std::uint32_t{DORY_NO_REGION});
  EXPECT_EQ(machine_.read(DORY_PERF(DORY_PERF_ERRORS)), 1U);
  EXPECT_EQ(out_word(0), 1U) << "what went before stays";
  EXPECT_EQ(out_word(64), 0U);
  EXPECT_EQ(out_word(128), 0U) << "nothing comes after";
  ASSERT_EQ(machine_.run(fill_job(9)), std::uint32_t{DORY_ERROR_NONE});
  EXPECT_EQ(out_word(0), 9U);
}

// ---- Regions
// -------------------------------------------------------------------------------------

class Regions : public CardTest {
 protected:
  void expect_error(const Stream& stream, std::uint32_t cause, std::uint32_t address,
                    std::uint32_t access) {
    EXPECT_EQ(machine_.run(stream), cause);
    EXPECT_EQ(machine_.read(DORY_ERROR_ADDRESS), address);
    EXPECT_EQ(machine_.read(DORY_ERROR_ACCESS), access);
  }
};

TEST_F(Regions, EachOneIsReached) {
  for (unsigned i = 0; i < DORY_NUM_REGIONS; ++i) {
    const std::uint32_t base = machine_.allocate(64);
    machine_.set_region(i, base, 4, true);
    ASSERT_EQ(machine_.run(Stream{}.fill(dense(i, kI32, {1}), i + 1).end()),
              std::uint32_t{DORY_ERROR_NONE});
    EXPECT_EQ(static_cast<unsigned>(*machine_.host.at(base)), i + 1);
    EXPECT_EQ(static_cast<unsigned>(*machine_.host.at(base + 4)), 0U);
  }
}

TEST_F(Regions, LimitIsExact) {
  machine_.set_region(1, out_, 100, true);
  EXPECT_EQ(machine_.run(Stream{}.fill(dense(1, kU8, {100}), 1).end()),
            std::uint32_t{DORY_ERROR_NONE});
  expect_error(Stream{}.fill(dense(1, kU8, {101}), 2).end(), DORY_ERROR_BOUNDS, out_,
               1 | DORY_ERROR_ACCESS_WRITE);
  expect_error(Stream{}.fill(dense(1, kU8, {1}, 100), 2).end(), DORY_ERROR_BOUNDS, out_ + 100,
               1 | DORY_ERROR_ACCESS_WRITE);
  expect_error(Stream{}.fill(dense(1, kU8, {1}, 200), 2).end(), DORY_ERROR_BOUNDS, out_ + 200,
               1 | DORY_ERROR_ACCESS_WRITE);
  machine_.set_region(1, out_, 0, true);
  expect_error(Stream{}.fill(dense(1, kU8, {1}), 2).end(), DORY_ERROR_BOUNDS, out_,
               1 | DORY_ERROR_ACCESS_WRITE);
  EXPECT_EQ(machine_.memory(out_, 1)[0], std::byte{1}) << "a refused operation wrote its output";
  expect_broken({"DORY-J6"});
}

TEST_F(Regions, NegativeStridesAreBounded) {
  Operand backwards = dense(1, kU8, {10}, 9);
  backwards.strides[0] = -1;
  EXPECT_EQ(machine_.run(Stream{}.fill(backwards, 1).end()), std::uint32_t{DORY_ERROR_NONE});
  backwards.offset = 8;
  EXPECT_EQ(machine_.run(Stream{}.fill(backwards, 2).end()), std::uint32_t{DORY_ERROR_BOUNDS});
  EXPECT_EQ(machine_.memory(out_, 1)[0], std::byte{1});
  expect_broken({"DORY-J6"});
}

TEST_F(Regions, InputsAreBounded) {
  machine_.set_region(0, in_, 64, false);
  expect_error(Stream{}.copy(dense(0, kI32, {17}), dense(1, kI32, {17})).end(), DORY_ERROR_BOUNDS,
               in_, 0);
  EXPECT_EQ(out_word(0), 0U);
  expect_broken({"DORY-J6"});
}

TEST_F(Regions, AreNotWrittenWithoutTheFlag) {
  expect_error(Stream{}.fill(dense(0, kI32, {1}, 8), 2).end(), DORY_ERROR_PERMISSION, in_ + 8,
               DORY_ERROR_ACCESS_WRITE);
  EXPECT_EQ(machine_.memory(in_ + 8, 1)[0], std::byte{0});
  expect_broken({"DORY-J6"});
}

TEST_F(Regions, LeadToNoMemory) {
  machine_.set_region(2, 0x40000000, 4096, true);
  expect_error(Stream{}.fill(dense(2, kI32, {1}, 8), 2).end(), DORY_ERROR_BUS, 0x40000008,
               2 | DORY_ERROR_ACCESS_WRITE);
  expect_broken({"DORY-D1"});
}

TEST_F(Regions, StreamLeadsToNoMemory) {
  machine_.prepare(Stream{}.end());
  machine_.write(DORY_STREAM, 0x40000000);
  machine_.write(DORY_RUN, 1);
  ASSERT_TRUE(machine_.wait_idle());
  EXPECT_EQ(machine_.read(DORY_ERROR_CAUSE), std::uint32_t{DORY_ERROR_BUS});
  EXPECT_EQ(machine_.read(DORY_ERROR_ADDRESS), 0x40000000U);
  EXPECT_EQ(machine_.read(DORY_ERROR_ACCESS), std::uint32_t{DORY_NO_REGION});
  expect_broken({"DORY-D1"});
}

TEST_F(Regions, OfMemoryInPieces) {
  // Neighbours on the bus that the host maps one by one.
  machine_.host.unmap(out_ + 4096, 4096);
  machine_.host.map(out_ + 4096, 4096);
  ASSERT_EQ(machine_.run(Stream{}.fill(dense(1, kI32, {4096}), 3).end()),
            std::uint32_t{DORY_ERROR_NONE});
  for (std::uint32_t i = 0; i < 4096; ++i)
    ASSERT_EQ(out_word(4 * i), 3U);
}

}  // namespace
}  // namespace halyard::emu::test
