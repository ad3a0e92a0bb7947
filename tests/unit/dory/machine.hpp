// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A card in a fake machine, and what a driver does with it.

#include <dory/dory_regs.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "card_machine.hpp"
#include "chips/dory/card.hpp"
#include "eventually.hpp"
#include "stream.hpp"

namespace halyard::emu::test {

using namespace std::chrono_literals;
using namespace dory_test;

class Machine : public CardMachine<dory::Card, DORY_BAR> {
 public:
  explicit Machine(const ChipOptions& options = {});

  /// As a driver that obeys the rules resets the card. False when it does not end.
  bool reset();
  void enable_interrupts() { write(DORY_IRQ_ENABLE, DORY_IRQ_DONE | DORY_IRQ_ERROR); }
  void inject(std::uint32_t kind, std::uint32_t arg = 0, std::uint32_t count = 1,
              std::uint32_t skip = 0);

  /// Bus address of zeroed memory.
  std::uint32_t allocate(std::uint32_t bytes);
  void set_region(unsigned region, std::uint32_t base, std::uint32_t limit, bool writable);
  [[nodiscard]] std::span<std::byte> memory(std::uint32_t bus, std::size_t size) {
    return {host.at(bus), size};
  }

  /// Writes the stream to new memory, and STREAM and JOB. The job's number.
  std::uint32_t prepare(const Stream& stream);
  /// The same and RUN.
  std::uint32_t start(const Stream& stream);
  bool wait_idle();
  /// The same and waits. ERROR_CAUSE.
  std::uint32_t run(const Stream& stream);

  std::uint32_t stream_address = 0;  ///< of the newest job

 private:
  std::uint32_t next_address_ = FakeHost::kBase;
  std::uint32_t next_job_ = 1;
};

/// A card with regions 0 (read) and 1 (write).
class CardTest : public MachineTest<Machine> {
 protected:
  static constexpr std::uint32_t kSize = 1 << 16;

  CardTest();
  [[nodiscard]] std::uint32_t out_word(std::uint32_t offset = 0);

  std::uint32_t in_ = machine_.allocate(kSize);
  std::uint32_t out_ = machine_.allocate(kSize);
};

/// A job that writes `value` to region 1.
Stream fill_job(std::uint32_t value, std::uint32_t offset = 0);

}  // namespace halyard::emu::test
