// SPDX-License-Identifier: MIT
/// \file
/// The checker: each rule broken once, and what a driver may do without breaking it. That
/// everything else in these tests breaks none is checked by CardTest::TearDown().

#include <thread>

#include "card_test.hpp"

namespace halyard::emu::test {
namespace {

class Rules : public CardTest {
 protected:
  void expect_text(const std::string& rule, const std::string& text) {
    for (const Finding& finding : machine_.judge.findings()) {
      if (finding.rule != rule) continue;
      EXPECT_NE(finding.text.find(text), std::string::npos) << finding.text;
      return;
    }
    ADD_FAILURE() << rule << " was not found broken";
  }
  bool eventually_broken(const std::string& rule) {
    return eventually([&] {
      const auto findings = machine_.findings();
      return std::ranges::find(findings, rule) != findings.end();
    });
  }
};

// ---- Registers ---------------------------------------------------------------------------------

TEST_F(Rules, R1AccessWidth) {
  expect_broken({"CLP-R1"});
  std::array<std::byte, 8> data{};
  machine_.card->bar_read(CLP_BAR, CLP_ID, std::span(data).first(8));
  machine_.card->bar_read(CLP_BAR, CLP_ID, std::span(data).first(2));
  machine_.card->bar_read(CLP_BAR, CLP_ID, std::span(data).first(1));
  machine_.card->bar_read(CLP_BAR, CLP_ID + 2, std::span(data).first(4));
  machine_.card->bar_write(CLP_BAR, CLP_SCRATCH, std::span(data).first(8));
  EXPECT_EQ(machine_.judge.findings().at(0).count, 5U);
  expect_text("CLP-R1", "8 bytes at 0x0");
}

TEST_F(Rules, R2UndefinedRegister) {
  expect_broken({"CLP-R2"});
  for (const int offset : {0x24, 0xffc, CLP_CTX(0) + 0xc, CLP_ENGINE(3), CLP_PERF(9),
                           CLP_QUEUE(0) + 0x28, CLP_DOORBELL(64), CLP_INJECT_FIRED + 4, 0xfffc}) {
    EXPECT_EQ(machine_.read(static_cast<std::uint64_t>(offset)), 0U);
  }
  machine_.write(0x24, 1);
  EXPECT_EQ(machine_.judge.findings().at(0).count, 10U);
}

TEST_F(Rules, R3Direction) {
  expect_broken({"CLP-R3"});
  machine_.write(CLP_ID, 1);
  machine_.write(CLP_ENGINE(0) + CLP_ENGINE_QUEUE, 1);
  EXPECT_EQ(machine_.read(CLP_DOORBELL(3)), 0U);
  EXPECT_EQ(machine_.read(CLP_TLB_FLUSH), 0U);
  expect_text("CLP-R3", "write of ID");
  EXPECT_EQ(machine_.read(CLP_ID), std::uint32_t{CLP_ID_VALUE});
}

TEST_F(Rules, R4ReservedBits) {
  expect_broken({"CLP-R4"});
  machine_.write(CLP_IRQ_ENABLE, 0x1f);
  EXPECT_EQ(machine_.read(CLP_IRQ_ENABLE), 0xfU);
  machine_.write(CLP_CTX(9) + CLP_CTX_PGD_LO, 0x123);
  machine_.write(CLP_QUEUE(9) + CLP_QUEUE_CONFIG, 0x00800000);
  machine_.write(CLP_QUEUE(9) + CLP_QUEUE_RING_LO, 0x20);
  machine_.write(CLP_INJECT_KIND, 15);
  machine_.write(CLP_INJECT_ARM, 1);
  EXPECT_EQ(machine_.judge.findings().at(0).count, 5U);
  expect_text("CLP-R4", "0x1f written to IRQ_ENABLE");
}

TEST_F(Rules, R4EnableAndResetAtOnce) {
  expect_broken({"CLP-R4"});
  TestQueue queue(machine_, context_, 0);
  machine_.write(queue.base() + CLP_QUEUE_CONTROL,
                 CLP_QUEUE_CONTROL_ENABLE | CLP_QUEUE_CONTROL_RESET);
}

TEST_F(Rules, R5NotReady) {
  expect_broken({});
  clipper::CardTiming timing = fast_timing();
  timing.reset = 50ms;
  Machine machine({}, false, timing);
  (void)machine.read(CLP_STATUS);
  (void)machine.read(CLP_ID);
  EXPECT_TRUE(machine.findings().empty());
  EXPECT_EQ(machine.read(CLP_CAPS0), 0U);
  machine.write(CLP_SCRATCH, 5);
  EXPECT_EQ(machine.findings(), std::vector<std::string>{"CLP-R5"});
  ASSERT_TRUE(machine.wait_ready());
  EXPECT_EQ(machine.read(CLP_SCRATCH), 0U);
}

TEST_F(Rules, R6UnannouncedReset) {
  expect_broken({"CLP-R6"});
  TestQueue queue(machine_, context_, 0);
  queue.submit(gate_stream());
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_WAITING));
  machine_.write(CLP_CONTROL, CLP_CONTROL_RESET);
  ASSERT_TRUE(machine_.wait_ready());
}

TEST_F(Rules, R6UnannouncedFlr) {
  expect_broken({"CLP-R6"});
  TestQueue queue(machine_, context_, 0);
  queue.submit(gate_stream());
  machine_.card->reset(ResetKind::kFunction);
  ASSERT_TRUE(machine_.wait_ready());
}

TEST_F(Rules, R6ResetWithoutJobsNeedsNoAnnouncement) {
  TestQueue queue(machine_, context_, 0);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_IDLE));
  machine_.write(CLP_CONTROL, CLP_CONTROL_RESET);
  ASSERT_TRUE(machine_.wait_ready());
}

// ---- Queues ------------------------------------------------------------------------------------

TEST_F(Rules, Q1ConfiguredWhileEnabled) {
  expect_broken({"CLP-Q1"});
  TestQueue queue(machine_, context_, 0);
  machine_.write(queue.base() + CLP_QUEUE_RING_ORDER, 5);
  EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_RING_ORDER), 4U);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
}

TEST_F(Rules, Q2InvalidConfiguration) {
  expect_broken({"CLP-Q2"});
  const auto refused = [&](std::uint32_t reg, std::uint32_t value) {
    TestQueue queue(machine_, context_, 0, {.enable = false});
    machine_.write(queue.base() + reg, value);
    queue.enable();
    EXPECT_EQ(queue.state(), std::uint32_t{CLP_QUEUE_STATE_DISABLED}) << reg << " " << value;
    EXPECT_EQ(machine_.read(queue.base() + CLP_QUEUE_CONTROL), 0U);
  };
  refused(CLP_QUEUE_RING_ORDER, 1);
  refused(CLP_QUEUE_RING_ORDER, 11);
  refused(CLP_QUEUE_CONFIG, 64);           // context
  refused(CLP_QUEUE_CONFIG, 7 | 2 << 8);   // class
  refused(CLP_QUEUE_CONFIG, 7 | 4 << 16);  // priority
  refused(CLP_QUEUE_CONFIG, 6);            // a disabled context
  EXPECT_EQ(machine_.judge.findings().at(0).count, 6U);
}

TEST_F(Rules, Q3DoorbellPastTheRing) {
  expect_broken({"CLP-Q3"});
  TestQueue queue(machine_, context_, 0);
  machine_.write(CLP_DOORBELL(0), 17);
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_RING});
  EXPECT_EQ(fault->queue, 0U);
  EXPECT_EQ(queue.state(), std::uint32_t{CLP_QUEUE_STATE_FAULTED});
}

TEST_F(Rules, Q3DoorbellBackwards) {
  expect_broken({"CLP-Q3"});
  TestQueue queue(machine_, context_, 0);
  queue.enqueue(gate_stream());
  queue.enqueue(Stream{}.nop());
  queue.ring();
  machine_.write(CLP_DOORBELL(0), 1);
  open_gate();
  ASSERT_TRUE(queue.wait(2));
  expect_text("CLP-Q3", "went back");
}

TEST_F(Rules, Q3SameDoorbellAgainIsFine) {
  TestQueue queue(machine_, context_, 0);
  queue.submit(Stream{}.nop());
  queue.ring();
  ASSERT_TRUE(queue.wait(1));
  queue.ring();
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
}

TEST_F(Rules, Q4DoorbellOfADisabledQueue) {
  expect_broken({"CLP-Q4"});
  machine_.write(CLP_DOORBELL(0), 1);
  EXPECT_EQ(machine_.read(CLP_QUEUE(0) + CLP_QUEUE_TAIL), 0U);
}

TEST_F(Rules, Q5EntryChangedBeforeItsFetch) {
  expect_broken({"CLP-Q5"});
  TestQueue queue(machine_, context_, 0);
  queue.enqueue(gate_stream());
  queue.enqueue(Stream{}.nop());
  queue.ring();
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_WAITING));
  queue.entry(1).fence = 9;
  open_gate();
  ASSERT_TRUE(queue.wait(9));
}

TEST_F(Rules, Q5EntryChangedWhileItRuns) {
  expect_broken({"CLP-Q5"});
  TestQueue queue(machine_, context_, 0);
  queue.submit(gate_stream());
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_WAITING));
  queue.entry(0).stream_size = 0;
  open_gate();
  ASSERT_TRUE(queue.wait(1));
}

struct EntryCase {
  const char* name;
  std::function<void(clp_job&)> spoil;
};
void PrintTo(const EntryCase& c, std::ostream* out) {
  *out << c.name;
}

class RingEntry : public Rules, public testing::WithParamInterface<EntryCase> {};

TEST_P(RingEntry, Q6Malformed) {
  expect_broken({"CLP-Q6"});
  TestQueue queue(machine_, context_, 0);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  clp_job job = queue.make_job(Stream{}.nop());
  GetParam().spoil(job);
  queue.enqueue(job);
  queue.ring();
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_RING});
}

INSTANTIATE_TEST_SUITE_P(
    Field, RingEntry,
    testing::Values(EntryCase{"Stream", [](clp_job& job) { job.stream += 4; }},
                    EntryCase{"StreamWraps", [](clp_job& job) { job.stream = ~std::uint64_t{7}; }},
                    EntryCase{"StreamSize", [](clp_job& job) { job.stream_size = 65; }},
                    EntryCase{"Bindings", [](clp_job& job) { job.bindings = 4; }},
                    EntryCase{"BindingCount", [](clp_job& job) { job.binding_count = 257; }},
                    EntryCase{"Flags", [](clp_job& job) { job.flags = 2; }},
                    EntryCase{"ReservedFirst", [](clp_job& job) { job.reserved[0] = 1; }},
                    EntryCase{"ReservedLast", [](clp_job& job) { job.reserved[6] = 1; }},
                    EntryCase{"FenceSame", [](clp_job& job) { job.fence = 1; }},
                    EntryCase{"FenceBack", [](clp_job& job) { job.fence = 0; }}),
    [](const auto& test) { return test.param.name; });

TEST_F(Rules, Q7DisabledWithJobs) {
  expect_broken({"CLP-Q7"});
  TestQueue queue(machine_, context_, 0);
  queue.submit(gate_stream());
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_WAITING));
  machine_.write(queue.base() + CLP_QUEUE_CONTROL, 0);
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_DISABLED));
}

TEST_F(Rules, Q7IdleQueueMayBeDisabled) {
  TestQueue queue(machine_, context_, 0);
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_IDLE));
  machine_.write(queue.base() + CLP_QUEUE_CONTROL, 0);
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_DISABLED));
}

TEST_F(Rules, Q8RingNotMapped) {
  expect_broken({"CLP-Q8"});
  TestQueue queue(machine_, context_, 0);
  queue.enqueue(Stream{}.nop());
  context_.entry(queue.ring_address(), 0) = 0;
  queue.ring();
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_UNMAPPED});
  EXPECT_EQ(fault->address, queue.ring_address());
}

TEST_F(Rules, Q8StatusBlockNotWritable) {
  expect_broken({"CLP-Q8"});
  TestQueue queue(machine_, context_, 0);
  context_.entry(queue.status_address(), 0) &= ~CLP_PTE_WRITE;
  queue.submit(Stream{}.nop());
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_PERMISSION});
  EXPECT_EQ(fault->address, queue.status_address());
  EXPECT_EQ(fault->access, 1U);
  EXPECT_EQ(fault->fence, 1U);
}

TEST_F(Rules, Q9ControlWrittenInAReset) {
  expect_broken({"CLP-Q9"});
  TestQueue queue(machine_, context_, 0);
  machine_.inject(CLP_INJECT_QUEUE_RESET_FAILS, 0);
  machine_.write(queue.base() + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
  machine_.write(queue.base() + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_ENABLE);
  EXPECT_EQ(queue.state(), std::uint32_t{CLP_QUEUE_STATE_RESETTING});
}

// ---- Memory ------------------------------------------------------------------------------------

TEST_F(Rules, M1ChangedEntryUsedWithoutAFlush) {
  expect_broken({"CLP-M1"});
  TestQueue queue(machine_, context_, 0);
  const std::uint64_t address = context_.allocate(4096);
  ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, 1))));
  const std::uint64_t old_page = context_.bus(address);
  context_.map(address, machine_.pages(4096));
  ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, 2))));
  EXPECT_EQ(machine_.memory<std::uint32_t>(old_page), 2U) << "the card uses what it knows";
  ASSERT_TRUE(eventually_broken("CLP-M1"));
}

TEST_F(Rules, M1ForgottenFlushIsFoundEvenWhenNothingUsesIt) {
  expect_broken({"CLP-M1"});
  TestQueue queue(machine_, context_, 0);
  const std::uint64_t address = context_.allocate(4096);
  ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, 1))));
  context_.entry(address, 0) = 0;
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
  ASSERT_TRUE(eventually_broken("CLP-M1"));
}

TEST_F(Rules, M1ForgottenFlushIsFoundEvenWhenTheTranslationIsGone) {
  expect_broken({"CLP-M1"});
  TestQueue queue(machine_, context_, 0);
  const std::uint64_t address = context_.allocate(4096);
  ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, 1))));
  const std::uint64_t old_page = context_.bus(address);
  context_.map(address, machine_.pages(4096));
  constexpr std::uint64_t kMoreThanItHolds = std::uint64_t{8} << 20U;
  Stream stream;
  const auto all = stream.bind(context_.allocate(kMoreThanItHolds), kMoreThanItHolds);
  stream.fill(3, dense(all, DRM_HALYARD_CLIPPER_U8, {kMoreThanItHolds}));
  ASSERT_TRUE(queue.wait(queue.submit(stream)));
  ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, 2))));
  EXPECT_EQ(machine_.memory<std::uint32_t>(old_page), 1U) << "the card looks it up again";
  ASSERT_TRUE(eventually_broken("CLP-M1"));
}

TEST_F(Rules, M1FlushInTime) {
  TestQueue queue(machine_, context_, 0);
  const std::uint64_t address = context_.allocate(4096);
  for (std::uint32_t i = 0; i < 20; ++i) {
    ASSERT_TRUE(queue.wait(queue.submit(fill_stream(address, i))));
    std::atomic_ref(context_.entry(address, 0)).store(0);
    machine_.flush(context_.number());
    context_.map(address, machine_.pages(4096));
  }
  queue.submit(Stream{}.nop());
  std::this_thread::sleep_for(150ms);
}

TEST_F(Rules, M2MalformedEntries) {
  expect_broken({"CLP-M2"});
  TestQueue queue(machine_, context_, 0);
  const std::uint64_t page = machine_.pages(kLargePageSize, kLargePageSize);
  const auto refused = [&](unsigned level, std::uint64_t value) {
    const std::uint64_t address = 0x200000000000;
    for (unsigned l = CLP_PT_LEVELS; l-- > 0;)
      context_.entry(address, l) = 0;
    context_.entry(address, level) = value;
    machine_.flush(context_.number());
    queue.submit(fill_stream(address, 1));
    const auto* fault = machine_.next_fault();
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_PTE_MALFORMED})
        << level << " " << std::hex << value;
    EXPECT_EQ(fault->address, address);
    ASSERT_TRUE(queue.reset());
    queue.enable();
  };
  for (const unsigned bit : {4U, 11U, 48U, 63U})
    refused(0, page | kUserPage | std::uint64_t{1} << bit);
  refused(0, page | kUserPage | CLP_PTE_LARGE);
  for (const unsigned level : {1U, 2U, 3U}) {
    refused(level, page | CLP_PTE_VALID | CLP_PTE_WRITE);
    refused(level, page | CLP_PTE_VALID | CLP_PTE_USER);
  }
  for (const unsigned level : {2U, 3U})
    refused(level, page | CLP_PTE_VALID | CLP_PTE_LARGE);
  refused(1, (page + kPageSize) | kUserPage | CLP_PTE_LARGE);
  EXPECT_EQ(machine_.judge.findings().at(0).count, 14U);
}

TEST_F(Rules, M3RootChangedWhileEnabled) {
  expect_broken({"CLP-M3"});
  machine_.write(CLP_CTX(7) + CLP_CTX_PGD_LO, 0x5000);
  EXPECT_EQ(machine_.read64(CLP_CTX(7) + CLP_CTX_PGD_LO), context_.root());
}

TEST_F(Rules, M4ContextDisabledUnderAQueue) {
  expect_broken({"CLP-M4"});
  TestQueue queue(machine_, context_, 0);
  machine_.write(CLP_CTX(7) + CLP_CTX_CONTROL, 0);
  machine_.write(CLP_CTX(7) + CLP_CTX_CONTROL, 1);
}

TEST_F(Rules, M4ContextDisabledAfterItsQueues) {
  TestQueue queue(machine_, context_, 0);
  ASSERT_TRUE(queue.reset());
  machine_.write(CLP_CTX(7) + CLP_CTX_CONTROL, 0);
}

TEST_F(Rules, M5RingOnAUserPage) {
  expect_broken({"CLP-M5"});
  TestQueue queue(machine_, context_, 0);
  context_.entry(queue.ring_address(), 0) |= CLP_PTE_USER;
  ASSERT_TRUE(queue.wait(queue.submit(Stream{}.nop())));
}

// ---- Power and DMA -----------------------------------------------------------------------------

TEST_F(Rules, P1AccessInSleep) {
  expect_broken({"CLP-P1"});
  machine_.write(CLP_CONTROL, 0);
  machine_.card->set_power(PowerState::kD3hot);
  EXPECT_EQ(machine_.read(CLP_ID), 0xffffffffU);
  machine_.write(CLP_SCRATCH, 3);
  machine_.card->set_power(PowerState::kD0);
  EXPECT_EQ(machine_.read(CLP_SCRATCH), 0U);
}

TEST_F(Rules, P2SleepWhileEnabled) {
  expect_broken({"CLP-P2"});
  machine_.card->set_power(PowerState::kD3hot);
  machine_.card->set_power(PowerState::kD0);
}

TEST_F(Rules, D1LeafWithoutMemory) {
  expect_broken({"CLP-D1"});
  TestQueue queue(machine_, context_, 0);
  context_.map(0x300000000000, 0x100000);
  queue.submit(fill_stream(0x300000000000, 1));
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_BUS});
  EXPECT_EQ(fault->address, 0x300000000000U);
}

TEST_F(Rules, D1TableWithoutMemory) {
  expect_broken({"CLP-D1"});
  TestQueue queue(machine_, context_, 0);
  context_.entry(0x300000000000, 2) = 0x100000 | CLP_PTE_VALID;
  queue.submit(fill_stream(0x300000000000, 1));
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_BUS});
}

TEST_F(Rules, D2MemoryThatWasUnmapped) {
  expect_broken({"CLP-D2"});
  TestQueue queue(machine_, context_, 0);
  const std::uint64_t address = context_.allocate(4096);
  machine_.host.unmap(context_.bus(address), 4096);
  machine_.card->dma_unmapped(context_.bus(address), 4096);
  queue.submit(fill_stream(address, 1));
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_BUS});
}

TEST_F(Rules, D3DoorbellWithoutBusMastering) {
  expect_broken({"CLP-D3"});
  TestQueue queue(machine_, context_, 0);
  machine_.write(CLP_CONTROL, 0);
  machine_.host.set_bus_master(false);
  machine_.card->set_bus_master(false);
  queue.submit(Stream{}.nop());
}

TEST_F(Rules, D4BusMasteringSwitchedOffUnderWork) {
  expect_broken({"CLP-D4"});
  TestQueue queue(machine_, context_, 0);
  machine_.inject(CLP_INJECT_HANG, 0);
  queue.submit(Stream{}.nop());
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_RUNNING));
  machine_.card->set_bus_master(false);
}

TEST_F(Rules, LostLinkIsNobodysFault) {
  TestQueue queue(machine_, context_, 0);
  machine_.inject(CLP_INJECT_HANG, 0);
  queue.submit(Stream{}.nop());
  ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_RUNNING));
  machine_.inject(CLP_INJECT_LINK_LOSS);
  // Nothing that the driver writes would get to CONTROL.
  machine_.host.set_bus_master(false);
  machine_.card->set_bus_master(false);
  machine_.card->set_power(PowerState::kD3hot);
  machine_.card->set_power(PowerState::kD0);
}

TEST_F(Rules, LostLinkExcusesTheAccessUnderWay) {
  TestQueue queue(machine_, context_, 0, {.engine_class = kCopyClass});
  machine_.host.block(context_.bus(data_));
  queue.submit(fill_stream(data_, 9));
  machine_.host.wait_blocked();
  machine_.inject(CLP_INJECT_LINK_LOSS);
  machine_.host.set_bus_master(false);
  machine_.host.unblock();
}

TEST_F(Rules, ResetExcusesTheAccessUnderWay) {
  TestQueue queue(machine_, context_, 0, {.engine_class = kCopyClass});
  machine_.host.block(context_.bus(data_));
  queue.submit(fill_stream(data_, 9));
  machine_.host.wait_blocked();
  machine_.write(CLP_CONTROL, 0);
  machine_.card->reset(ResetKind::kFunction);
  machine_.host.set_bus_master(false);  // the configuration space is reset, too
  machine_.card->set_bus_master(false);
  machine_.host.unblock();
  ASSERT_TRUE(machine_.wait_ready());
}

// ---- Fault queue -------------------------------------------------------------------------------

TEST_F(Rules, F1Overflow) {
  expect_broken({"CLP-F1"});
  TestQueue queue(machine_, context_, 0);
  for (unsigned i = 0; i < 65; ++i) {
    queue.submit(fill_stream(0x660000000000, 1));
    ASSERT_TRUE(queue.wait_state(CLP_QUEUE_STATE_FAULTED));
    ASSERT_TRUE(queue.reset());
    queue.enable();
  }
  EXPECT_EQ(machine_.read(CLP_FAULTQ_LOST), 1U);
  EXPECT_EQ(machine_.read(CLP_FAULTQ_TAIL), 64U);
}

TEST_F(Rules, F2FaultQueueConfiguration) {
  expect_broken({"CLP-F2"});
  const std::uint64_t base = machine_.read64(CLP_FAULTQ_BASE_LO);
  machine_.write(CLP_FAULTQ_BASE_LO, 0x1000);
  EXPECT_EQ(machine_.read64(CLP_FAULTQ_BASE_LO), base);
  machine_.write(CLP_FAULTQ_ORDER, 11);
  EXPECT_EQ(machine_.read(CLP_FAULTQ_ORDER), 6U);
  machine_.write(CLP_FAULTQ_HEAD, 1);
  EXPECT_EQ(machine_.read(CLP_FAULTQ_HEAD), 0U);
  EXPECT_EQ(machine_.judge.findings().at(0).count, 3U);
}

}  // namespace
}  // namespace halyard::emu::test
