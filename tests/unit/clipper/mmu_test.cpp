// SPDX-License-Identifier: MIT
/// \file
/// Page tables and TLB, through jobs.

#include "card_test.hpp"

namespace halyard::emu::test {
namespace {

class Mmu : public CardTest {
 protected:
  TestQueue queue_{machine_, context_, 2, {.engine_class = kCopyClass}};

  void expect_filled(std::uint64_t address, std::uint32_t value) {
    ASSERT_TRUE(queue_.wait(queue_.submit(fill_stream(address, value))));
    EXPECT_EQ(context_.at<std::uint32_t>(address), value);
  }
  void expect_fault(std::uint64_t address, std::uint32_t cause) {
    queue_.submit(fill_stream(address, 1));
    const auto* fault = machine_.next_fault();
    ASSERT_NE(fault, nullptr);
    EXPECT_EQ(fault->cause, cause);
    EXPECT_EQ(fault->address, address);
    EXPECT_EQ(fault->access, 1U);
    ASSERT_TRUE(queue_.reset());
    queue_.enable();
  }
};

TEST_F(Mmu, SmallPagesAllOverTheAddressSpace) {
  for (const std::uint64_t address :
       {std::uint64_t{0}, std::uint64_t{0x1000}, std::uint64_t{0x7fffffff000},
        std::uint64_t{0xfffffffff000}}) {
    context_.map(address, machine_.pages(4096));
    expect_filled(address, static_cast<std::uint32_t>(address >> 12) + 1);
    expect_filled(address + 4092, 5);
  }
}

TEST_F(Mmu, LargePage) {
  const std::uint64_t address = 0x123456000000 & ~(kLargePageSize - 1);
  context_.map_large(address, machine_.pages(kLargePageSize, kLargePageSize));
  expect_filled(address, 3);
  expect_filled(address + kLargePageSize - 4, 4);
  Stream stream;
  stream.fill(
      0x5a, dense(stream.bind(address, kLargePageSize), DRM_HALYARD_CLIPPER_U8, {kLargePageSize}));
  ASSERT_TRUE(queue_.wait(queue_.submit(stream)));
  EXPECT_EQ(context_.at<std::uint8_t>(address + 0x123456), 0x5a);
}

TEST_F(Mmu, OperandAcrossALargeAndASmallPage) {
  const std::uint64_t address = 0x40000000000;
  context_.map_large(address, machine_.pages(kLargePageSize, kLargePageSize));
  context_.map(address + kLargePageSize, machine_.pages(4096));
  Stream stream;
  stream.fill(
      7, dense(stream.bind(address + kLargePageSize - 64, 128), DRM_HALYARD_CLIPPER_I32, {32}));
  ASSERT_TRUE(queue_.wait(queue_.submit(stream)));
  EXPECT_EQ(context_.at<std::uint32_t>(address + kLargePageSize - 4), 7U);
  EXPECT_EQ(context_.at<std::uint32_t>(address + kLargePageSize + 60), 7U);
}

TEST_F(Mmu, UnmappedAtEveryLevel) {
  expect_fault(0x7f0000000000, CLP_FAULT_UNMAPPED);
  const std::uint64_t mapped = 0x10000000000;
  context_.map(mapped, machine_.pages(4096));
  expect_fault(mapped + 0x40000000, CLP_FAULT_UNMAPPED);
  expect_fault(mapped + 0x200000, CLP_FAULT_UNMAPPED);
  expect_fault(mapped + 0x1000, CLP_FAULT_UNMAPPED);
}

TEST_F(Mmu, AddressesOfMoreThan48Bits) {
  // What the lower bits alone would lead to is mapped.
  for (const std::uint64_t low : {std::uint64_t{0}, std::uint64_t{0x800000000000}}) {
    context_.map(low, machine_.pages(4096));
    expect_filled(low, 1);
    expect_fault(low | std::uint64_t{1} << 48, CLP_FAULT_UNMAPPED);
    expect_fault(low | std::uint64_t{0xffff} << 48, CLP_FAULT_UNMAPPED);
  }
}

TEST_F(Mmu, ReadOnlyPage) {
  const std::uint64_t page = context_.allocate(4096, CLP_PTE_VALID | CLP_PTE_USER);
  expect_fault(page + 16, CLP_FAULT_PERMISSION);
  Stream stream;
  const auto from = stream.bind(page, 64);
  const auto to = stream.bind(data_, 64);
  context_.at<std::uint32_t>(page) = 99;
  stream.add(DRM_HALYARD_CLIPPER_COPY,
             {dense(from, DRM_HALYARD_CLIPPER_I32, {1}), dense(to, DRM_HALYARD_CLIPPER_I32, {1})});
  ASSERT_TRUE(queue_.wait(queue_.submit(stream)));
  EXPECT_EQ(context_.at<std::uint32_t>(data_), 99U);
}

TEST_F(Mmu, PrivilegedPagesAreNotForStreams) {
  expect_fault(queue_.status_address(), CLP_FAULT_PERMISSION);
  expect_fault(queue_.ring_address(), CLP_FAULT_PERMISSION);
}

TEST_F(Mmu, StreamAndBindingsAreUserAccesses) {
  clp_job job = queue_.make_job(fill_stream(data_, 1));
  clp_job hidden = job;
  hidden.stream = queue_.ring_address();
  queue_.enqueue(hidden);
  queue_.ring();
  const auto* fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_PERMISSION});
  EXPECT_EQ(fault->address, queue_.ring_address());
  EXPECT_EQ(fault->access, 0U);
  ASSERT_TRUE(queue_.reset());
  queue_.enable();
  job.bindings = queue_.status_address();
  job.fence = 50;
  queue_.enqueue(job);
  queue_.ring();
  fault = machine_.next_fault();
  ASSERT_NE(fault, nullptr);
  EXPECT_EQ(fault->cause, std::uint32_t{CLP_FAULT_PERMISSION});
  EXPECT_EQ(fault->address, queue_.status_address());
}

TEST_F(Mmu, NewMappingNeedsNoFlush) {
  const std::uint64_t address = 0x50000000000;
  expect_fault(address, CLP_FAULT_UNMAPPED);
  context_.map(address, machine_.pages(4096));
  expect_filled(address, 6);
}

TEST_F(Mmu, FlushMakesAChangeKnown) {
  const std::uint64_t address = context_.allocate(4096);
  expect_filled(address, 1);
  const std::uint64_t old_page = context_.bus(address);
  context_.map(address, machine_.pages(4096));
  machine_.flush(context_.number());
  expect_filled(address, 2);
  EXPECT_EQ(machine_.memory<std::uint32_t>(old_page), 1U);
  context_.entry(address, 0) = 0;
  machine_.write(CLP_TLB_FLUSH, CLP_TLB_FLUSH_ALL);
  ASSERT_TRUE(eventually([&] { return machine_.read(CLP_TLB_STATUS) == 0; }));
  expect_fault(address, CLP_FAULT_UNMAPPED);
}

TEST_F(Mmu, FlushIsBusyWhileAnAccessIsUnderWay) {
  const std::uint64_t address = context_.allocate(4096);
  machine_.host.block(context_.bus(address));
  queue_.submit(fill_stream(address, 1));
  machine_.host.wait_blocked();
  machine_.write(CLP_TLB_FLUSH, 33);
  EXPECT_EQ(machine_.read(CLP_TLB_STATUS), 0U) << "another context's accesses do not matter";
  machine_.write(CLP_TLB_FLUSH, context_.number());
  EXPECT_EQ(machine_.read(CLP_TLB_STATUS), std::uint32_t{CLP_TLB_STATUS_BUSY});
  EXPECT_EQ(machine_.read(CLP_TLB_STATUS), std::uint32_t{CLP_TLB_STATUS_BUSY});
  machine_.host.unblock();
  ASSERT_TRUE(eventually([&] { return machine_.read(CLP_TLB_STATUS) == 0; }));
  ASSERT_TRUE(queue_.wait(1));
}

TEST_F(Mmu, FlushDoesNotWaitForAHungEngine) {
  machine_.inject(CLP_INJECT_HANG, 2);
  queue_.submit(fill_stream(data_, 1));
  ASSERT_TRUE(eventually([&] {
    return (machine_.read(CLP_ENGINE(2) + CLP_ENGINE_STATUS) & CLP_ENGINE_STATUS_HUNG) != 0;
  }));
  machine_.flush(context_.number());
  ASSERT_TRUE(queue_.reset());
}

TEST_F(Mmu, HostUnmapDropsTranslations) {
  const std::uint64_t address = context_.allocate(4096);
  expect_filled(address, 1);
  const std::uint64_t bus = context_.bus(address);
  context_.map(address, machine_.pages(4096));
  machine_.host.unmap(bus, 4096);
  machine_.card->dma_unmapped(bus, 4096);  // instead of a flush
  expect_filled(address, 2);
}

}  // namespace
}  // namespace halyard::emu::test
