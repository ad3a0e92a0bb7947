// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Programs of calls: what can be called, with arguments of which kinds, as text, and how programs
/// are made and changed. Nothing here calls the kernel.
///
/// Objects live in slots, a few of each kind, which a program's calls fill and name: an argument
/// below kSlots is a slot's number, any other a raw handle. So every program is valid whatever is
/// removed from it or put into it; only what the kernel answers differs.

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halyard::fuzz {

inline constexpr std::uint64_t kSlots = 6;
inline constexpr std::size_t kArguments = 12;
inline constexpr std::size_t kLongestProgram = 40;

/// A reproducible source of numbers (SplitMix64).
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// 0 to `end` - 1; `end` is not 0.
  std::uint64_t below(std::uint64_t end) { return next() % end; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

/// What an argument means, which says what values are worth a try.
enum class Kind : std::uint8_t {
  client,
  bo,
  vm,
  queue,
  syncobj,
  file,
  arena,
  small,    ///< a number near 0: region, class, count, choice
  size,     ///< bytes
  offset,   ///< bytes into an object
  address,  ///< of the device, see below
  flags,    ///< a few low bits
  point,    ///< of a timeline, 0: binary
  sync,     ///< a sync operation: 0 none, else slot + 1 and from bit 8 on the point
  value,    ///< anything
  poke_at,  ///< 0: none; else 1 + number of a 32-bit word of the call's arguments to overwrite
};

/// An address is an offset from the first that VM_BIND takes; with the upper bit it counts back
/// from the end, and with the second upper bit it is as it is.
inline constexpr std::uint64_t kFromEnd = std::uint64_t{1} << 63U;
inline constexpr std::uint64_t kRaw = std::uint64_t{1} << 62U;

enum class Op : std::uint8_t {
  open,
  close,
  duplicate,
  fork,
  dev_query,
  bo_create,
  bo_userptr,
  bo_info,
  bo_mmap,
  bo_touch,
  bo_munmap,
  gem_close,
  vm_create,
  vm_destroy,
  vm_map,
  vm_unmap,
  vm_bind,
  queue_create,
  queue_destroy,
  queue_query,
  submit,
  sync_create,
  sync_destroy,
  sync_wait,
  sync_export,
  sync_import,
  sync_signal,
  sync_reset,
  sync_transfer,
  sync_query,
  sync_eventfd,
  prime_export,
  prime_import,
  foreign,
  file_close,
  dmabuf_touch,
  dmabuf_sync,
  dmabuf_export_sync,
  dmabuf_import_sync,
  read_text,
  raw,
  inject,
  pause,
  count,
};

struct Parameter {
  std::string_view name;
  Kind kind;
};

struct Grammar {
  std::string_view name;
  unsigned weight;  ///< how often it is chosen, against the others
  std::vector<Parameter> parameters;
};

const Grammar& grammar(Op op);

struct Call {
  Op op = Op::open;
  std::array<std::uint64_t, kArguments> arguments{};

  bool operator==(const Call&) const = default;
};

using Program = std::vector<Call>;

/// One call a line: its name and its arguments, in hexadecimal.
std::string to_text(const Program& program);
/// Programs apart by empty lines; lines that begin with # are remarks. Throws std::runtime_error,
/// with the line's number, when it is something else.
std::vector<Program> parse(std::string_view text);

/// A new program, likely one that gets a job to the device.
Program generate(Random& random);
/// Inserts, removes, doubles or moves calls, changes arguments, or takes calls from `other`.
void mutate(Program& program, Random& random, const Program& other);

/// Overwrites a few words with values that are worth a try.
void mutate_bytes(std::span<std::byte> bytes, Random& random);

}  // namespace halyard::fuzz
