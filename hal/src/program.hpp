// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Programs: a compiled graph or a recorded command list, placed in a device's memory, and the
/// cache of them.

#include <cstdint>
#include <list>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

#include "command_list.hpp"
#include "graph.hpp"
#include "memory.hpp"
#include "plugin.hpp"
#include "ref.hpp"

namespace halyard::hal {

/// One compiled image with its stream and constants in device memory. Immutable.
class Code final : public Object {
 public:
  /// A part of its memory.
  struct Part {
    std::uint64_t offset = 0, size = 0;
  };

  /// Places `image`, its stream only `with_stream`. Throws Error.
  Code(Vm& vm, ProgramImage image, bool with_stream);

  /// Without its constants, which are in constants().
  [[nodiscard]] const ProgramImage& image() const { return image_; }
  /// The constants, as the device has them.
  [[nodiscard]] std::span<const std::byte> constants() const { return constants_; }
  [[nodiscard]] const Ref<Memory>& memory() const { return memory_; }
  /// Where the stream is in memory(); size 0: not there.
  [[nodiscard]] const Part& stream_part() const { return stream_part_; }
  /// Where the constants are.
  [[nodiscard]] const Part& constants_part() const { return constants_part_; }
  /// Position of a binding; nothing when there is none of that name.
  [[nodiscard]] std::optional<std::size_t> find_binding(std::string_view name) const;
  /// Null when out of range.
  [[nodiscard]] const char* command_name(std::uint32_t index) const;

 private:
  ProgramImage image_;
  Ref<Memory> memory_;  ///< null when there is neither stream nor constant
  std::span<const std::byte> constants_;
  Part stream_part_, constants_part_;
  std::unordered_map<std::string_view, std::size_t> by_name_;
};

/// What a program is made of.
using Source = std::variant<Graph, CommandList>;

/// What a program handle stands for: the code, and the variant that takes timestamps, made when
/// first asked for. Has no reference to its device. Thread-safe.
class ProgramData final : public Object {
 public:
  /// Of a source, kept for the variant.
  ProgramData(Vm& vm, ChipPlugin& plugin, Source source);
  /// Of saved images.
  ProgramData(Vm& vm, ChipPlugin& plugin, ProgramImage image, ProgramImage profiled);

  [[nodiscard]] const Ref<Code>& code() const { return code_; }
  Ref<Code> profiled_code();
  /// Device memory that it takes.
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  Vm& vm_;
  ChipPlugin& plugin_;
  std::mutex mutex_;
  Ref<Code> code_;
  std::optional<Source> source_;  ///< until profiled_ is there; protected by mutex_
  Ref<Code> profiled_;            ///< protected by mutex_
};

/// Programs by their graph's digest. Keeps those that nobody uses any more up to a limit, the least
/// recently used going first. Thread-safe.
class ProgramCache {
 public:
  ProgramCache(Vm& vm, ChipPlugin& plugin) : vm_(vm), plugin_(plugin) {}

  Ref<ProgramData> compile(const Graph& graph);

 private:
  static constexpr std::size_t kMaxPrograms = 1024;
  static constexpr std::uint64_t kMaxBytes = std::uint64_t{256} << 20U;

  struct Entry {
    std::string digest;
    Ref<ProgramData> program;
  };
  using Entries = std::list<Entry>;

  Ref<ProgramData> find(const std::string& digest);
  void trim();

  Vm& vm_;
  ChipPlugin& plugin_;
  std::mutex mutex_;
  Entries entries_;  ///< most recently used first; protected by mutex_, like the rest
  std::unordered_map<std::string_view, Entries::iterator> by_digest_;
  std::uint64_t bytes_ = 0;
};

}  // namespace halyard::hal
