// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A card in a fake machine, and what a driver does with it: page tables, contexts, queues, jobs.

#include <clipper/clipper_regs.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "card_machine.hpp"
#include "chips/clipper/card.hpp"
#include "eventually.hpp"
#include "stream.hpp"

namespace halyard::emu::test {

using namespace std::chrono_literals;

inline constexpr std::uint64_t kPageSize = 4096;
inline constexpr std::uint64_t kLargePageSize = 2 << 20;
inline constexpr std::uint64_t kUserPage = CLP_PTE_VALID | CLP_PTE_WRITE | CLP_PTE_USER;
inline constexpr std::uint64_t kKernelPage = CLP_PTE_VALID | CLP_PTE_WRITE;

/// Times for tests: resets at once, a forgotten flush found soon.
clipper::CardTiming fast_timing();

class Machine : public CardMachine<clipper::Card, CLP_BAR> {
 public:
  explicit Machine(const ChipOptions& options = {}, bool start = true,
                   const clipper::CardTiming& timing = fast_timing());

  // Registers
  bool wait_ready();
  /// Fault queue, interrupts, CONTROL.ENABLE.
  void start();
  /// As a driver that obeys the rules resets the function.
  void reset();
  void flush(unsigned ctx);
  void inject(std::uint32_t kind, std::uint32_t target = CLP_INJECT_ANY, std::uint32_t arg = 0,
              std::uint32_t count = 1, std::uint32_t skip = 0);

  // Memory
  /// Bus address of zeroed memory.
  std::uint64_t pages(std::uint64_t bytes, std::uint64_t alignment = kPageSize);
  template <typename T>
  T& memory(std::uint64_t bus) {
    return *reinterpret_cast<T*>(host.at(bus));
  }

  // The fault queue
  static constexpr unsigned kFaultOrder = 6;
  /// The next record, consumed; waits for it. Null after a while.
  const clp_fault* next_fault();
  [[nodiscard]] bool fault_pending();

 private:
  std::uint64_t next_page_ = FakeHost::kBase;
  std::uint64_t faultq_ = 0;
  std::uint32_t fault_head_ = 0;
};

/// An address space, enabled.
class Context {
 public:
  Context(Machine& machine, unsigned number, bool enable = true);

  [[nodiscard]] unsigned number() const { return number_; }
  [[nodiscard]] std::uint64_t root() const { return root_; }

  void map(std::uint64_t address, std::uint64_t bus, std::uint64_t flags = kUserPage);
  void map_large(std::uint64_t address, std::uint64_t bus, std::uint64_t flags = kUserPage);
  /// The entry of `level` for an address; tables above it are made.
  std::uint64_t& entry(std::uint64_t address, unsigned level);
  /// Address of new memory.
  std::uint64_t allocate(std::uint64_t bytes, std::uint64_t flags = kUserPage,
                         bool scattered = false);
  /// Bus address behind a mapped address.
  std::uint64_t bus(std::uint64_t address);
  template <typename T>
  T& at(std::uint64_t address) {
    return machine_.memory<T>(bus(address));
  }
  void write(std::uint64_t address, std::span<const std::byte> data);
  void read(std::uint64_t address, std::span<std::byte> data);

 private:
  Machine& machine_;
  unsigned number_;
  std::uint64_t root_;
  std::uint64_t next_address_ = 0x40000000;
};

class TestQueue {
 public:
  struct Options {
    std::uint32_t engine_class = DRM_HALYARD_CLIPPER_ENGINE_TENSOR;
    std::uint32_t priority = 1;
    std::uint32_t order = 4;
    bool enable = true;
  };
  TestQueue(Machine& machine, Context& context, unsigned number, const Options& options);
  TestQueue(Machine& machine, Context& context, unsigned number)
      : TestQueue(machine, context, number, Options{}) {}

  void configure();
  void enable();
  bool reset();

  /// Puts the job into the ring; returns its fence value.
  std::uint64_t enqueue(const Stream& stream);
  void enqueue(const clp_job& job);
  clp_job make_job(const Stream& stream);
  void ring() { machine_.write(CLP_DOORBELL(number_), tail_); }
  std::uint64_t submit(const Stream& stream) {
    const auto fence = enqueue(stream);
    ring();
    return fence;
  }
  [[nodiscard]] std::uint64_t fence();
  bool wait(std::uint64_t value);
  clp_queue_status& status() { return context_.at<clp_queue_status>(status_); }
  clp_job& entry(std::uint32_t index) {
    return context_.at<clp_job>(ring_ + index % (1U << options_.order) * sizeof(clp_job));
  }
  [[nodiscard]] std::uint32_t state() { return machine_.read(base() + CLP_QUEUE_STATE); }
  bool wait_state(std::uint32_t state);
  [[nodiscard]] std::uint32_t base() const { return CLP_QUEUE(number_); }
  [[nodiscard]] unsigned number() const { return number_; }
  [[nodiscard]] std::uint64_t ring_address() const { return ring_; }
  [[nodiscard]] std::uint64_t status_address() const { return status_; }
  [[nodiscard]] Context& context() { return context_; }

 private:
  Machine& machine_;
  Context& context_;
  unsigned number_;
  Options options_;
  std::uint64_t ring_ = 0, status_ = 0;
  std::uint32_t tail_ = 0;
  std::uint64_t next_fence_ = 1;
};

}  // namespace halyard::emu::test
