// SPDX-License-Identifier: MIT
/// \file
/// Faults: records, what stops and what goes on.

#include "card_test.hpp"

namespace halyard::emu::test {
namespace {

class Faults : public CardTest {
 protected:
  TestQueue queue_{machine_, context_, 21};

  const clp_fault* fault_of(const Stream& stream) {
    queue_.submit(stream);
    return machine_.next_fault();
  }
};

TEST_F(Faults, RecordSaysWhatHappened) {
  const std::uint64_t before = machine_.read64(CLP_TIMESTAMP_LO);
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
  Stream stream;
  stream.bind(0x660000000000, 4096);
  stream.nop(5).nop(6).add(
      DRM_HALYARD_CLIPPER_ACTIVATE, drm_halyard_clipper_activate{1},
      {dense(0, DRM_HALYARD_CLIPPER_F32, {4}, 16), dense(0, DRM_HALYARD_CLIPPER_F32, {4})}, 0xbad);
  const auto* fault = fault_of(stream);
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->sequence, 1U);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_UNMAPPED});
  EXPECT_EQ(fault->address, 0x660000000010U);
  EXPECT_EQ(fault->access, 0U);
  EXPECT_EQ(fault->ctx, 7U);
  EXPECT_EQ(fault->queue, 21U);
  EXPECT_LT(fault->engine, 2U);
  EXPECT_EQ(fault->fence, 2U);
  EXPECT_EQ(fault->command, 2U);
  EXPECT_EQ(fault->tag, 0xbadU);
  EXPECT_GT(fault->timestamp, before);
  EXPECT_LE(fault->timestamp, machine_.read64(CLP_TIMESTAMP_LO));
  EXPECT_TRUE(machine_.host.wait_raised(CLP_VECTOR_EVENT, 1));
  EXPECT_NE(machine_.read(CLP_IRQ_STATUS) & 1, 0U);
  EXPECT_EQ(queue_.state(), std::uint32_t{CLP_QUEUE_STATE_FAULTED});
  EXPECT_EQ(queue_.fence(), 1U);
  EXPECT_EQ(machine_.read64(CLP_PERF(CLP_PERF_FAULTS)), 1U);
}

TEST_F(Faults, ResultsBeforeTheFaultStay) {
  Stream stream;
  const auto binding = stream.bind(data_, 64);
  stream.fill(8, dense(binding, DRM_HALYARD_CLIPPER_I32, {1}));
  stream.fill(9, dense(binding, DRM_HALYARD_CLIPPER_I32, {1}, 64));
  const auto* fault = fault_of(stream);
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_OUT_OF_BOUNDS});
  EXPECT_EQ(fault->address, data_ + 64);
  EXPECT_EQ(context_.at<std::uint32_t>(data_), 8U);
}

TEST_F(Faults, IllegalCommand) {
  drm_halyard_clipper_command command{};
  command.opcode = 999;
  command.tag = 3;
  const auto* fault = fault_of(Stream{}.append(command, {}));
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_ILLEGAL_COMMAND});
  EXPECT_EQ(fault->tag, 3U);
}

TEST_F(Faults, StreamThatIsNotMapped) {
  clp_job job = queue_.make_job(Stream{}.nop());
  job.stream = 0x550000000000;
  queue_.enqueue(job);
  queue_.ring();
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_UNMAPPED});
  EXPECT_EQ(fault->address, 0x550000000000U);
}

TEST_F(Faults, OtherQueuesGoOn) {
  TestQueue other(machine_, context_, 22);
  ASSERT_NE(fault_of(fill_stream(0x770000000000, 1)), nullptr);
  queue_.submit(Stream{}.nop());  // the driver does not know yet: nothing happens
  ASSERT_TRUE(other.wait(other.submit(fill_stream(data_, 3))));
  EXPECT_EQ(queue_.fence(), 0U);
  ASSERT_TRUE(queue_.reset());
  queue_.enable();
  ASSERT_TRUE(queue_.wait(queue_.submit(Stream{}.nop())));
}

TEST_F(Faults, QueueWrapsAround) {
  for (std::uint32_t i = 0; i < 150; ++i) {
    const auto* fault = fault_of(fill_stream(0x770000000000 + i * 4096, 1));
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->sequence, i + 1);
    EXPECT_EQ(fault->address, 0x770000000000 + i * 4096);
    ASSERT_TRUE(queue_.reset());
    queue_.enable();
  }
  EXPECT_EQ(machine_.read(CLP_FAULTQ_TAIL), 150U);
  EXPECT_EQ(machine_.read(CLP_FAULTQ_HEAD), 150U);
  EXPECT_EQ(machine_.read(CLP_FAULTQ_LOST), 0U);
}

TEST_F(Faults, WithoutAFaultQueueRecordsAreLost) {
  machine_.write(CLP_FAULTQ_ORDER, 0);
  queue_.submit(fill_stream(0x770000000000, 1));
  ASSERT_TRUE(queue_.wait_state(CLP_QUEUE_STATE_FAULTED));
  EXPECT_TRUE(machine_.host.wait_raised(CLP_VECTOR_EVENT, 1));
  EXPECT_EQ(machine_.read(CLP_FAULTQ_LOST), 1U);
}

TEST_F(Faults, FaultInAFenceWait) {
  Stream stream;
  stream.wait(1, word(stream.bind(0x990000000000, 8)));
  const auto* fault = fault_of(stream);
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_UNMAPPED});
  EXPECT_EQ(fault->address, 0x990000000000U);
}

TEST_F(Faults, FenceIsUnmappedWhileAQueueWaits) {
  queue_.submit(gate_stream());
  ASSERT_TRUE(queue_.wait_state(CLP_QUEUE_STATE_WAITING));
  context_.entry(gate_, 0) = 0;
  machine_.flush(context_.number());
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->address, gate_);
}

}  // namespace
}  // namespace halyard::emu::test
