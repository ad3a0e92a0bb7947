// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The chip as a PCIe function.

#include <newchip/newchip_regs.h>

#include <array>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

#include "chips/chip.hpp"
#include "chips/judge.hpp"
#include "chips/newchip/execution.hpp"
#include "chips/trace.hpp"

namespace halyard::emu::newchip {

/// The buffers of a job, as its descriptor lists them. Used by one thread.
class BufferSpace final : public AddressSpace {
 public:
  BufferSpace(Host& host, const newchip_job& job, Judge& judge)
      : host_(host), job_(job), judge_(judge) {}
  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override;
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override { return host_.pin_dma(); }

 private:
  Host& host_;
  const newchip_job& job_;
  Judge& judge_;
};

class Card final : public Chip {
 public:
  Card(const ChipOptions& options, Judge& judge, Trace& trace);
  ~Card() override;
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  [[nodiscard]] const PciInfo& pci() const override { return pci_; }
  void attach(Host& host) override;
  void detach() override;
  void bar_read(unsigned bar, std::uint64_t offset, std::span<std::byte> data) override;
  void bar_write(unsigned bar, std::uint64_t offset, std::span<const std::byte> data) override;
  void reset(ResetKind kind) override;
  void set_power(PowerState /*state*/) override {}
  void set_bus_master(bool /*enabled*/) override {}
  void dma_unmapped(std::uint64_t /*address*/, std::uint64_t /*size*/) override {}

 private:
  static PciInfo make_pci();
  [[nodiscard]] std::uint64_t time_ns() const;

  // Under mutex_.
  std::uint32_t read_register(std::uint32_t offset);
  void write_register(std::uint32_t offset, std::uint32_t value);
  void begin_reset();
  void set_irq();

  void work(const std::stop_token& stop);
  /// NEWCHIP_ERROR_* of the job.
  std::uint32_t run_job(std::uint64_t descriptor);
  std::uint32_t execute(const newchip_job& job);

  const PciInfo pci_ = make_pci();
  Judge& judge_;
  Trace& trace_;
  Host* host_ = nullptr;
  const std::uint64_t power_on_ns_;

  std::mutex mutex_;  ///< protects everything below but the thread
  std::condition_variable_any wake_;
  std::uint32_t irq_status_ = 0, irq_enable_ = 0;
  std::uint64_t job_ = 0;
  std::uint32_t status_ = NEWCHIP_STATUS_IDLE;
  std::uint32_t progress_ = 0, error_ = NEWCHIP_ERROR_NONE, time_hi_ = 0;
  bool resetting_ = false;                 ///< a job that was told to stop has not yet
  bool run_ = false;                       ///< RUN was written, the worker has not seen it
  JobExecution* execution_ = nullptr;      ///< of the worker

  std::jthread worker_;  ///< last: it uses all the others
};

}  // namespace halyard::emu::newchip
