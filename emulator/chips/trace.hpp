// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The trace recorder: every register access, DMA and interrupt with its time, for reading offline
/// and for replay.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace halyard::emu {

enum class TraceKind : std::uint8_t {
  kBarRead = 1,  ///< where = bar << 56 | offset, value = the data
  kBarWrite,     ///< likewise
  kConfigRead,   ///< where = offset
  kConfigWrite,
  kDmaRead,  ///< where = bus address, value = bytes, 0 when the card was refused
  kDmaWrite,
  kInterrupt,  ///< where = vector, value = 1, or 0 when it was lost
  kReset,      ///< where = ResetKind
  kPower,      ///< where = PowerState
  kBusMaster,  ///< where = 0 or 1
  kDmaMap,     ///< where = bus address, value = bytes
  kDmaUnmap,
  kNote,  ///< where = chip-defined event number, value = chip-defined
};

/// A record as it stands in the file, little-endian, after a 16-byte header "HALYTRC1" + u32 record
/// size + u32 zero.
struct TraceRecord {
  std::uint64_t time_ns;  ///< CLOCK_MONOTONIC of the emulator's process
  std::uint8_t kind;      ///< TraceKind
  std::uint8_t size;      ///< of a register access, in bytes
  std::uint16_t reserved;
  std::uint32_t thread;  ///< small number of the emulator's thread
  std::uint64_t where;
  std::uint64_t value;
};
static_assert(sizeof(TraceRecord) == 32);

/// Thread-safe. Without a file every call is one load and a branch.
class Trace {
 public:
  Trace() = default;
  /// Throws std::system_error when the file cannot be made.
  explicit Trace(const std::string& path);
  ~Trace();
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  [[nodiscard]] bool enabled() const { return file_ != nullptr; }
  void record(TraceKind kind, std::uint64_t where, std::uint64_t value, std::uint8_t size = 0) {
    if (enabled()) write(kind, where, value, size);
  }
  void flush();

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  void write(TraceKind kind, std::uint64_t where, std::uint64_t value, std::uint8_t size);

  std::mutex mutex_;  ///< serialises writes to file_
  std::unique_ptr<std::FILE, Close> file_;
};

/// Reads a trace. Throws std::runtime_error naming what is wrong with the file.
std::vector<TraceRecord> read_trace(const std::string& path);

}  // namespace halyard::emu
