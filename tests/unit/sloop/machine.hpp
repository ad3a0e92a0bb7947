// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A card in a fake machine, and what a driver does with it: firmware, admin requests, queues,
/// jobs.

#include <sloop/sloop_regs.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "card_machine.hpp"
#include "chips/sloop/card.hpp"
#include "chips/sloop/firmware/builder.hpp"
#include "eventually.hpp"
#include "stream.hpp"

namespace halyard::emu::test {

using namespace std::chrono_literals;

inline constexpr std::uint32_t kCompute = DRM_HALYARD_SLOOP_ENGINE_COMPUTE;
inline constexpr std::uint32_t kDma = DRM_HALYARD_SLOOP_ENGINE_DMA;

/// The key that cards trust, and what the repository builds firmware from.
const sloop::SigningKey& test_key();
sloop::Description test_description();
/// Firmware whose slices and watchdog are short.
std::vector<std::byte> test_image();

class Machine : public CardMachine<sloop::Card, SLP_BAR> {
 public:
  static constexpr std::uint64_t kDram = std::uint64_t{64} << 20;
  static constexpr std::uint32_t kOrder = 4;  ///< of admin and event rings

  enum class Until : std::uint8_t { kReset, kRom, kRunning };
  explicit Machine(Until until = Until::kRunning, std::vector<std::string> inject = {});

  void inject(std::uint32_t kind, std::uint32_t target = SLP_INJECT_ANY, std::uint32_t arg = 0,
              std::uint32_t count = 1, std::uint32_t skip = 0);

  // Boot
  [[nodiscard]] std::uint32_t state() { return read(SLP_BOOT_STATE); }
  bool wait_state(std::uint32_t state);
  /// BOOT_STATUS of an image.
  std::uint32_t verify(std::span<const std::byte> image, std::uint32_t protocol = SLP_PROTOCOL);
  void set_up_rings();
  void boot();
  void halt();
  /// As a driver that obeys the rules does it.
  void reset();

  // Admin requests: the response, or none after `time`
  std::optional<slp_admin_response> request(slp_admin_request request,
                                            std::chrono::milliseconds time = 20s);
  std::optional<slp_admin_response> request(std::uint32_t op, std::uint32_t target = 0,
                                            std::chrono::milliseconds time = 20s);
  std::uint32_t post(slp_admin_request request);
  std::optional<slp_admin_response> next_response(std::chrono::milliseconds time = 20s);
  std::optional<slp_event> next_event(std::chrono::milliseconds time = 20s);

  // Memory
  /// Bus address of zeroed memory.
  std::uint64_t pages(std::uint64_t bytes);
  template <typename T>
  T& memory(std::uint64_t bus) {
    return *reinterpret_cast<T*>(host.at(bus));
  }
  /// Card address of memory.
  std::uint64_t card_pages(std::uint64_t bytes);
  template <typename T>
  T& card_memory(std::uint64_t address) {
    return *reinterpret_cast<T*>(card->dram().at(address, sizeof(T)).data());
  }

  std::uint64_t admin_requests = 0, admin_responses = 0, events = 0;

 private:
  std::uint64_t next_page_ = FakeHost::kBase;
  std::uint64_t next_card_page_ = sloop::Card::kReserved;
  std::uint32_t request_tail_ = 0, response_head_ = 0, event_head_ = 0;
  std::uint32_t next_id_ = 100;
};

slp_segment card_segment(std::uint64_t base, std::uint64_t size, bool write = true);

/// A queue, created, of a context of the same number.
class TestQueue {
 public:
  struct Options {
    std::uint32_t engine_class = kCompute;
    std::uint32_t priority = 1;
    std::uint32_t order = 4;
  };
  TestQueue(Machine& machine, unsigned number, const Options& options);
  TestQueue(Machine& machine, unsigned number) : TestQueue(machine, number, Options{}) {}

  [[nodiscard]] slp_admin_request create_request() const;
  std::uint32_t create();
  std::optional<slp_admin_response> destroy(std::chrono::milliseconds time = 20s);

  /// The job's id. Doorbell included but for enqueue().
  std::uint64_t submit(const drm_halyard_sloop_payload& payload,
                       const std::vector<slp_segment>& segments);
  std::uint64_t enqueue(const drm_halyard_sloop_payload& payload,
                        const std::vector<slp_segment>& segments);
  std::uint64_t enqueue(const slp_request& request);
  void ring() { machine_.write(base() + SLP_QUEUE_REQUEST_TAIL, tail_); }
  /// The next response, consumed.
  std::optional<slp_response> response(std::chrono::milliseconds time = 20s);
  /// Submits and waits; SLP_STATUS_*.
  std::uint32_t run(const drm_halyard_sloop_payload& payload,
                    const std::vector<slp_segment>& segments);

  /// Runs tasks on one segment: stream, bindings, then data of `data_size` bytes, which is binding
  /// 0. The response's status.
  std::uint64_t submit_tasks(const std::vector<Task>& tasks);
  std::uint32_t run_tasks(const std::vector<Task>& tasks);
  /// Card address of binding 0.
  [[nodiscard]] std::uint64_t data() const { return data_; }
  template <typename T>
  std::span<T> view(std::size_t count, std::uint64_t offset = 0) {
    return {&machine_.card_memory<T>(data_ + offset), count};
  }
  static constexpr std::uint64_t kDataSize = 1 << 20;

  [[nodiscard]] slp_queue_status status();
  slp_request& entry(std::uint32_t index) {
    return machine_.memory<slp_request>(requests_ + index % (1U << options_.order) * 32);
  }
  [[nodiscard]] std::uint32_t base() const { return SLP_QUEUE(number_); }
  [[nodiscard]] unsigned number() const { return number_; }
  [[nodiscard]] std::uint64_t last_job() const { return last_job_; }

 private:
  Machine& machine_;
  unsigned number_;
  Options options_;
  std::uint64_t requests_, responses_, status_;
  std::uint64_t area_, data_;
  std::uint32_t tail_ = 0, head_ = 0;
  std::uint64_t next_id_ = 1;
  std::uint64_t last_job_ = 0;
};

/// A card at work.
using CardTest = MachineTest<Machine>;

}  // namespace halyard::emu::test
