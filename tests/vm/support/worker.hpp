// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What tests that are about no chip in particular need of one: each chip's folder has a
/// worker.cpp.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "client.hpp"

namespace halyard::test {

/// An object that a worker's jobs reach.
struct Target {
  std::uint32_t handle = 0;
  std::uint64_t size = 0;
  std::uint64_t va = 0;  ///< where it is bound, on a chip with an MMU
  bool readonly = false;
};

/// A client with a queue, and jobs as every chip has them. Sizes and offsets are multiples of 4
/// bytes. What its jobs read lives as long as the worker. Not to be shared between threads.
class Worker {
 public:
  /// The engine classes that fill and copy, and that run stamps().
  Worker(std::uint32_t mover_class, std::uint32_t stamp_class)
      : mover_class_(mover_class), stamp_class_(stamp_class) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  virtual ~Worker() = default;

  [[nodiscard]] Client& client() { return client_; }

  /// An object for jobs, in the region where they work.
  [[nodiscard]] Target make(std::uint64_t size) { return reach(client_.make_bo(size), size); }
  /// Lets jobs reach an object, at all or for reading only. Throws when the kernel refuses.
  [[nodiscard]] virtual Target reach(std::uint32_t handle, std::uint64_t size,
                                     bool readonly = false);

  /// Writes `pattern` to `size` bytes from `offset` on. Not a read-only target is listed as
  /// written.
  [[nodiscard]] virtual AnyJob fill(const Target& target, std::uint64_t offset, std::uint64_t size,
                                    std::uint32_t pattern) = 0;
  /// Copies `size` bytes; at most one of the two need be where jobs work.
  [[nodiscard]] virtual AnyJob copy(const Target& from, std::uint64_t from_offset, const Target& to,
                                    std::uint64_t to_offset, std::uint64_t size) = 0;
  /// Writes the card's time to the 64-bit words from `first` on, one after each of `commands`
  /// commands of equal length. For a queue of make_stamp_queue(), which is the caller's to set; no
  /// implicit fence is awaited.
  [[nodiscard]] virtual AnyJob stamps(const Target& target, std::uint32_t first,
                                      std::uint32_t commands) = 0;

  /// Where the commands are of the newest job of stamps(), as a process sees them.
  [[nodiscard]] virtual std::span<std::uint32_t> newest_stream() const = 0;

  /// A queue for stamps().
  [[nodiscard]] std::uint32_t make_stamp_queue(std::uint32_t priority) {
    return client_.make_queue(stamp_class_, priority);
  }

  /// Of fill() or copy(): 1, or the negative errno of the job's fence, or of the refusal of SUBMIT.
  /// Later jobs are for another queue when the job's got banned.
  [[nodiscard]] int attempt(AnyJob job);

  /// The first words of an object as a job sees them, through memory of this worker.
  [[nodiscard]] std::vector<std::uint32_t> read(const Target& target, std::uint64_t offset,
                                                std::uint64_t size);

 protected:
  /// Bytes of scratch(): as much as takes a command a while.
  static constexpr std::uint32_t kScratch = 16 * kPage;

  /// For jobs of fill() and copy().
  [[nodiscard]] std::uint32_t queue();
  /// What the commands between stamps write to.
  [[nodiscard]] const Target& scratch();

 private:
  const std::uint32_t mover_class_, stamp_class_;
  Client client_;
  std::uint32_t queue_ = 0;
  Target scratch_;
};

/// Of the chip that the program is for.
std::unique_ptr<Worker> make_worker();

}  // namespace halyard::test
