// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What a chip's plug-in supplies: it turns a graph or a command list into the chip's command
/// stream, and a submit into a job's payload.
///
/// A plug-in is the shared object `<chip>.so` in the plug-in directory (HALYARD_PLUGIN_DIR in the
/// environment overrides it, unless the process runs with privileges). It exports one symbol,
/// `halyard_plugin`, a halyard::hal::PluginDescriptor.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "command_list.hpp"
#include "error.hpp"
#include "graph.hpp"

namespace halyard::hal {

/// Raised whenever anything in this header, in graph.hpp or in command_list.hpp changes: library
/// and plug-in must agree exactly.
inline constexpr std::uint32_t kPluginAbi = 5;

/// On a chip without MMU an address is a slot, which is the position of a buffer in the job's list,
/// and an offset in that buffer: `slot << kSlotShift | offset`.
inline constexpr unsigned kSlotShift = 48;

/// A range of device addresses.
struct DeviceRange {
  std::uint64_t va = 0, size = 0;
};

/// What a submit must bring a buffer for.
struct BindingSlot {
  std::string name;
  halyard_tensor_desc desc{};  ///< rank 0: of no shape, a command list's
  std::uint64_t bytes = 0;
  bool output = false;
};

/// A compiled program. The bytes are the chip's own; everything else the library understands. All
/// of it is saved and loaded.
struct ProgramImage {
  std::vector<std::byte> stream;      ///< placed by the library if the plug-in places_stream()
  std::vector<std::byte> constants;   ///< placed in memory that the device may read, 4 KiB-aligned
  std::uint64_t scratch_bytes = 0;    ///< per submit under way
  std::vector<BindingSlot> bindings;  ///< a graph's inputs, then outputs; a list's in its order
  std::vector<std::string> command_names;  ///< node by command index, for errors and profiles
  std::uint64_t profile_bytes =
      0;  ///< compiled with timestamps: bytes of the profile buffer, else 0
};

/// Memory of one submit that host and device see: tables that the payload refers to.
struct Arena {
  std::span<std::byte> host;
  std::uint64_t va = 0;
};

/// Where one submit's parts are.
struct Placement {
  DeviceRange stream, constants, scratch, profile;
  std::span<const DeviceRange> bindings;  ///< in the image's order
  Arena arena;                            ///< of at least arena_bytes()
};

/// A job that is no program: a copy, a fill, nothing at all.
struct BuiltinJob {
  std::uint32_t engine_class = 0;
  Arena arena;  ///< of at least builtin_arena_bytes()
  /// Size 0, or two 64-bit cells for the device's time in ns when the job begins and ends.
  DeviceRange profile;
};

/// One timestamped command of a finished job.
struct ProfileSample {
  std::uint32_t command = 0;
  std::uint64_t begin_ns = 0, end_ns = 0;
};

/// A chip's compiler and encoder for one device. Thread-safe. Throws Error.
class ChipPlugin {
 public:
  virtual ~ChipPlugin() = default;

  /// Error(HALYARD_UNSUPPORTED) names the node and the reason. With `profile` the stream also takes
  /// timestamps.
  virtual ProgramImage compile(const Graph& graph, bool profile) = 0;

  /// Likewise, with one command of the stream for each of the list's, in their order.
  virtual ProgramImage record(const CommandList& list, bool profile) = 0;

  /// Why the chip cannot do a command, whose bindings do not count; empty when it can.
  [[nodiscard]] virtual std::string why_not(const ListCommand& command) const = 0;

  /// Refuses a loaded image that this chip would not accept, with HALYARD_MALFORMED and where.
  virtual void check(const ProgramImage& image) = 0;

  /// Whether the device reads a program's stream where the library placed it, 4 KiB-aligned; else
  /// encode() writes one of the job's own into the arena.
  [[nodiscard]] virtual bool places_stream() const { return true; }
  [[nodiscard]] virtual std::size_t arena_bytes(const ProgramImage& image) const = 0;
  [[nodiscard]] virtual std::size_t builtin_arena_bytes() const = 0;

  /// A job's payload. No allocation beyond `payload`, which is cleared and filled.
  virtual void encode(const ProgramImage& image, const Placement& placement,
                      std::vector<std::byte>& payload) = 0;
  /// The others likewise. Error(HALYARD_UNSUPPORTED) when the engine class cannot.
  virtual void encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                           std::vector<std::byte>& payload) = 0;
  virtual void encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                           std::vector<std::byte>& payload) = 0;
  virtual void encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) = 0;

  /// True when the job of this arena surely ran to its end without error; false: unknown, ask the
  /// queue. Lets a wait do without a second system call.
  [[nodiscard]] virtual bool surely_done(Arena arena) const = 0;

  virtual std::vector<ProfileSample> read_profile(const ProgramImage& image,
                                                  std::span<const std::byte> profile) = 0;

  /// Whether engines of this class run programs.
  [[nodiscard]] virtual bool supports_graphs(std::uint32_t engine_class) const = 0;

  /// Whether they reach memory outside of the first region.
  [[nodiscard]] virtual bool reaches_all_memory(std::uint32_t /*engine_class*/) const {
    return true;
  }
};

struct PluginDescriptor {
  std::uint32_t abi;    ///< kPluginAbi it was built with; the first member for ever
  const char* chip;     ///< as the kernel reports it
  const char* version;  ///< of the plug-in, for messages
  /// `blob` is DEV_QUERY's chip blob. Throws Error(HALYARD_VERSION_MISMATCH) for a chip that it
  /// does not know.
  std::unique_ptr<ChipPlugin> (*create)(std::span<const std::byte> blob,
                                        std::uint32_t chip_revision);
};

inline constexpr const char* kPluginSymbol = "halyard_plugin";

}  // namespace halyard::hal
