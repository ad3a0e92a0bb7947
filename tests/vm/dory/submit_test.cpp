// SPDX-License-Identifier: MIT
/// \file
/// What SUBMIT refuses: each field of the payload, each wrong list of buffers, each malformed
/// command.

#include <cerrno>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "job.hpp"

namespace halyard::test {
namespace {

using Payload = drm_halyard_dory_payload;

class Submit : public testing::Test {
 protected:
  void TearDown() override {
    // A refused SUBMIT has no effect, and the queue still works.
    EXPECT_EQ(user_.client.query(user_.queue).submitted, 0U);
    EXPECT_EQ(user_.out.as()[0], 0U);
    EXPECT_EQ(user_.run(fill_word(99)), 1);
    EXPECT_EQ(user_.out.as()[0], 99U);
  }

  int payload_with(const std::function<void(Payload&)>& spoil) {
    Job bad = user_.job(fill_word(1));
    spoil(bad.payload);
    return user_.client.submit(bad);
  }
  int submit(const Stream& stream) { return user_.client.submit(user_.job(stream)); }
  /// The operation with a state register set before it.
  int submit_spoilt(std::uint32_t opcode, std::uint32_t state, std::uint32_t value) {
    Stream stream = valid_operation(opcode);
    stream.words().pop_back();
    return submit(stream.set(state, {value}).op(opcode).end());
  }

  User user_;
};

// ---- The payload ----

TEST_F(Submit, Slot) {
  for (const std::uint32_t slot : {2U, 8U, 0xffffffffU})
    EXPECT_EQ(payload_with([&](Payload& p) { p.slot = slot; }), EINVAL);
}

TEST_F(Submit, Flags) {
  for (unsigned bit = 0; bit < 32; ++bit)
    EXPECT_EQ(payload_with([&](Payload& p) { p.flags = 1U << bit; }), EINVAL);
}

TEST_F(Submit, Offset) {
  for (const std::uint32_t offset : {1U, 2U, 0xfffffffcU, std::uint32_t{kPage}})
    EXPECT_EQ(payload_with([&](Payload& p) { p.offset = offset; }), EINVAL) << offset;
}

TEST_F(Submit, Size) {
  for (const std::uint32_t size : {0U, 1U, 6U, std::uint32_t{kPage} + 4, 0xfffffffcU,
                                   std::uint32_t{DRM_HALYARD_DORY_STREAM_MAX} + 4})
    EXPECT_EQ(payload_with([&](Payload& p) { p.size = size; }), EINVAL) << size;
}

TEST_F(Submit, OffsetAndSizeTogether) {
  EXPECT_EQ(payload_with([](Payload& p) {
              p.offset = kPage - 4;
              p.size = 8;
            }),
            EINVAL);
}

TEST_F(Submit, PayloadSize) {
  const Job good = user_.job(fill_word(1));
  for (const std::uint32_t size : {0U, 8U, 32U}) {
    drm_halyard_job raw = good.raw();
    raw.payload_size = size;
    const int error = user_.client.submit(std::span(&raw, 1));
    EXPECT_TRUE(error == EINVAL || error == E2BIG) << size << ": " << error;
  }
}

// ---- The buffers ----

TEST_F(Submit, WithoutBuffers) {
  Job bad = user_.job(fill_word(1));
  bad.buffers.clear();
  EXPECT_EQ(user_.client.submit(bad), EINVAL);
}

TEST_F(Submit, UnknownHandle) {
  Job bad = user_.job(fill_word(1));
  bad.uses(0x7fffffff, 0);
  EXPECT_EQ(user_.client.submit(bad), ENOENT);
}

TEST_F(Submit, BufferTwice) {
  for (const std::uint32_t flags : {0U, std::uint32_t{DRM_HALYARD_BUFFER_WRITE}}) {
    Job bad = user_.job(fill_word(1));
    bad.uses(user_.out.handle, flags);
    EXPECT_EQ(user_.client.submit(bad), EINVAL);
  }
}

TEST_F(Submit, MoreBuffersThanTheCardHasRegions) {
  Job bad = user_.job(fill_word(1));
  while (bad.buffers.size() <= DRM_HALYARD_DORY_REGIONS)
    bad.uses(user_.client.make_bo(kPage), 0);
  EXPECT_EQ(user_.client.submit(bad), E2BIG);
}

TEST_F(Submit, WriteWithoutTheFlag) {
  Job bad = user_.job(fill_word(1));
  bad.buffers.back().flags = 0;
  EXPECT_EQ(user_.client.submit(bad), EINVAL);
}

TEST_F(Submit, WriteToTheStreamsBuffer) {
  EXPECT_EQ(submit(Stream().fill(dense(0, kI32, {1}), 1).end()), EINVAL);
}

TEST_F(Submit, RegionThatTheJobDoesNotHave) {
  for (const std::uint32_t region : {2U, 7U, 8U, 255U})
    EXPECT_EQ(submit(Stream().fill(dense(region, kI32, {1}), 1).end()), EINVAL) << region;
}

// ---- The stream ----

TEST_F(Submit, UnknownOpcode) {
  for (const std::uint32_t opcode : {0U, std::uint32_t{DRM_HALYARD_DORY_NUM_OPCODES}, 63U, 255U})
    EXPECT_EQ(submit(Stream().op(opcode).end()), EINVAL) << opcode;
}

TEST_F(Submit, BitsBesideTheOpcode) {
  for (const unsigned bit : {0U, 15U, 23U}) {
    EXPECT_EQ(submit(Stream().raw(command(DRM_HALYARD_DORY_OP_END, 1U << bit))), EINVAL);
    Stream stream = valid_operation(DRM_HALYARD_DORY_OP_FILL);
    stream.words().back() |= 1U << bit;
    EXPECT_EQ(submit(stream.end()), EINVAL);
  }
}

TEST_F(Submit, SetOfNothingOrTooMuch) {
  constexpr std::uint32_t kLast = DRM_HALYARD_DORY_NUM_STATE - 1;
  EXPECT_EQ(submit(Stream().raw(command(DRM_HALYARD_DORY_OP_SET)).end()), EINVAL);
  EXPECT_EQ(submit(Stream().set(kLast, {1, 1}).end()), EINVAL);
  EXPECT_EQ(submit(Stream().set(0xffff, {1}).end()), EINVAL);
  EXPECT_EQ(submit(Stream().raw(command(DRM_HALYARD_DORY_OP_SET, 2U << 16)).raw(0)), EINVAL);
}

TEST_F(Submit, EndIsTheEnd) {
  EXPECT_EQ(submit(Stream().set(0, {1})), EINVAL);
  EXPECT_EQ(submit(Stream().end().end()), EINVAL);
}

TEST_F(Submit, MissingOperand) {
  for (std::uint32_t opcode = DRM_HALYARD_DORY_OP_MATMUL; opcode < DRM_HALYARD_DORY_NUM_OPCODES;
       ++opcode)
    EXPECT_EQ(submit_spoilt(opcode, DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT), 0), EINVAL)
        << opcode;
}

TEST_F(Submit, Format) {
  constexpr std::uint32_t kOut = DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT);
  constexpr std::uint32_t kGood = DRM_HALYARD_DORY_F32 | 2U << 8U | 1U << 16U;
  for (const std::uint32_t bad : {kGood + 4, kGood | 0xffU, kGood & ~0xff00U, kGood + 0x300,
                                  kGood | 1U << 24U, kGood | 1U << 31U})
    EXPECT_EQ(submit_spoilt(DRM_HALYARD_DORY_OP_COPY, kOut + DRM_HALYARD_DORY_FORMAT, bad), EINVAL)
        << std::hex << bad;
}

TEST_F(Submit, DimensionOfZero) {
  for (const std::uint32_t d : {0U, 1U})
    EXPECT_EQ(submit_spoilt(DRM_HALYARD_DORY_OP_COPY, DRM_HALYARD_DORY_DIM(d), 0), EINVAL);
}

TEST_F(Submit, Alignment) {
  for (const std::uint32_t offset : {1U, 2U, 3U})
    EXPECT_EQ(submit_spoilt(DRM_HALYARD_DORY_OP_COPY, DRM_HALYARD_DORY_OFFSET, offset), EINVAL);
  EXPECT_EQ(
      submit_spoilt(DRM_HALYARD_DORY_OP_TIMESTAMP,
                    DRM_HALYARD_DORY_OPERAND(DRM_HALYARD_DORY_OUT) + DRM_HALYARD_DORY_OFFSET, 4),
      EINVAL);
}

TEST_F(Submit, OperandOutsideItsBuffer) {
  constexpr std::uint32_t kWords = kPage / 4;
  const auto fill = [&](Operand out) { return submit(Stream().fill(out, 1).end()); };
  EXPECT_EQ(fill(dense(1, kI32, {kWords + 1})), EINVAL);
  EXPECT_EQ(fill(dense(1, kI32, {1}, kPage)), EINVAL);
  EXPECT_EQ(fill(dense(1, kI32, {2}, kPage - 4)), EINVAL);
  EXPECT_EQ(fill(dense(1, kI32, {1}, 0xfffffffc)), EINVAL);
  Operand backwards = dense(1, kI32, {2});
  backwards.strides[0] = -1;
  EXPECT_EQ(fill(backwards), EINVAL);
}

TEST_F(Submit, ReachIsComputedWithoutOverflow) {
  constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
  for (const std::int32_t stride :
       {std::numeric_limits<std::int32_t>::max(), std::numeric_limits<std::int32_t>::min(), 1 << 30,
        -(1 << 30), 1 << 16}) {
    for (const std::uint32_t dim : {2U, 5U, 0x10001U, kMost}) {
      Operand operand = dense(1, kI32, {dim, dim, dim, dim});
      operand.strides = {stride, stride, stride, stride};
      EXPECT_EQ(submit(Stream().fill(operand, 1).end()), EINVAL) << dim << " x " << stride;
      operand.strides = {stride, -1, stride, 1};
      EXPECT_EQ(submit(Stream().fill(operand, 1).end()), EINVAL) << dim << " x " << stride;
    }
  }
}

}  // namespace
}  // namespace halyard::test
