// SPDX-License-Identifier: MIT
// The chip's face to the library: compile, encode, read back.

#include <array>
#include <cstring>

#include "encoder.hpp"
#include "lowering/jobs.hpp"
#include "lowering/lower.hpp"
#include "lowering/sinks.hpp"
#include "plugin.hpp"
#include "stream.hpp"

#ifndef HALYARD_PLUGIN_VERSION
#error "the build gives the plug-in its version"
#endif

namespace halyard::hal::clipper {
namespace {

constexpr std::uint32_t kKnownMajor = 1;

// Layout of an arena: the status cell, the binding table, then the stream of a built-in operation.
constexpr std::size_t kMaxChunks = 16;
constexpr std::size_t kBuiltinStream = kMaxChunks * command_size(2) + 3 * command_size(1);
constexpr std::size_t kBuiltinBindings = 4;
constexpr std::size_t kBuiltinOffset = lowering::round_up(
    lowering::kArenaOffset + kBuiltinBindings * sizeof(HwBinding), sizeof(Command));

lowering::TableWriter<HwBinding> table_in(const Arena& arena) {
  return lowering::TableWriter<HwBinding>(arena.host.subspan(lowering::kArenaOffset));
}

ProgramImage encoded(lowering::Lowered lowered) {
  encode_commands(lowered.commands, lowered.image.stream);
  return std::move(lowered.image);
}

class Plugin final : public ChipPlugin {
 public:
  explicit Plugin(const drm_halyard_clipper_info& info) : info_(info) {}

  ProgramImage compile(const Graph& graph, bool profile) override {
    return encoded(lowering::lower(graph, capabilities(info_), profile));
  }
  ProgramImage record(const CommandList& list, bool profile) override {
    return encoded(lowering::lower(list, capabilities(info_), profile));
  }
  [[nodiscard]] std::string why_not(const ListCommand& command) const override {
    return lowering::why_not(capabilities(info_), command);
  }

  void check(const ProgramImage& image) override;

  [[nodiscard]] std::size_t arena_bytes(const ProgramImage& image) const override {
    const auto bindings = lowering::kFixedBindings + image.bindings.size();
    return lowering::kArenaOffset + bindings * sizeof(HwBinding);
  }
  [[nodiscard]] std::size_t builtin_arena_bytes() const override {
    return kBuiltinOffset + kBuiltinStream;
  }

  void encode(const ProgramImage& image, const Placement& placement,
              std::vector<std::byte>& payload) override;
  void encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override;
  void encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override;
  void encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) override;

  [[nodiscard]] bool surely_done(Arena arena) const override {
    return lowering::status_is_set(arena);
  }

  std::vector<ProfileSample> read_profile(const ProgramImage& image,
                                          std::span<const std::byte> profile) override {
    return lowering::read_timestamps(image, profile);
  }

  [[nodiscard]] bool supports_graphs(std::uint32_t engine_class) const override {
    return engine_class == DRM_HALYARD_CLIPPER_ENGINE_TENSOR;
  }

 private:
  template <class Body>
  void encode_builtin(std::span<const DeviceRange> ranges, const BuiltinJob& job,
                      std::vector<std::byte>& payload, Body body) const;

  drm_halyard_clipper_info info_;
};

/// A stream in the arena: `body` appends its commands, which refer to `ranges`. Behind those stand
/// the status cell and the cells of the profile.
template <class Body>
void Plugin::encode_builtin(std::span<const DeviceRange> ranges, const BuiltinJob& job,
                            std::vector<std::byte>& payload, Body body) const {
  const auto& arena = job.arena;
  lowering::clear_status(arena);
  auto table = table_in(arena);
  for (const auto& range : ranges)
    table.add(range);
  const std::uint32_t status = table.count();
  table.add(lowering::status_cell(arena));
  const std::uint32_t profile = table.count();
  if (job.profile.size > 0) table.add(job.profile);
  lowering::SpanSink sink(arena.host.subspan(kBuiltinOffset, kBuiltinStream));
  const auto stamp = [&](std::uint32_t binding, std::uint64_t at) {
    append_command(sink, make_command(DRM_HALYARD_CLIPPER_TIMESTAMP, 0),
                   std::array{cell_operand(binding, at)});
  };
  if (job.profile.size > 0) stamp(profile, 0);
  body(sink);
  if (job.profile.size > 0) stamp(profile, sizeof(std::uint64_t));
  stamp(status, 0);
  Payload content{};
  content.stream = arena.va + kBuiltinOffset;
  content.stream_size = static_cast<std::uint32_t>(sink.used());
  content.bindings = arena.va + lowering::kArenaOffset;
  content.binding_count = table.count();
  lowering::put_payload(content, payload);
}

void Plugin::encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  const bool words = lowering::in_words(dst) && lowering::in_words(src);
  const auto dtype = words ? DRM_HALYARD_CLIPPER_I32 : DRM_HALYARD_CLIPPER_U8;
  const std::uint64_t width = words ? sizeof(std::uint32_t) : 1;
  encode_builtin(std::array{dst, src}, job, payload, [&](auto& sink) {
    lowering::for_each_chunk(
        dst.size / width, width, kMaxChunks, [&](std::uint64_t at, std::uint32_t count) {
          append_command(
              sink, make_command(DRM_HALYARD_CLIPPER_COPY, 0),
              std::array{linear_operand(dtype, 1, at, count), linear_operand(dtype, 0, at, count)});
        });
  });
}

void Plugin::encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  const auto command = make_command(DRM_HALYARD_CLIPPER_FILL, 0, drm_halyard_clipper_fill{pattern});
  encode_builtin(std::array{dst}, job, payload, [&](auto& sink) {
    lowering::for_each_chunk(
        dst.size / sizeof(pattern), sizeof(pattern), kMaxChunks,
        [&](std::uint64_t at, std::uint32_t count) {
          append_command(sink, command,
                         std::array{linear_operand(DRM_HALYARD_CLIPPER_I32, 0, at, count)});
        });
  });
}

void Plugin::encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) {
  encode_builtin({}, job, payload, [](auto&) {});
}

void Plugin::encode(const ProgramImage& image, const Placement& placement,
                    std::vector<std::byte>& payload) {
  lowering::clear_status(placement.arena);
  auto table = table_in(placement.arena);
  lowering::for_each_binding(placement, [&](DeviceRange range) { table.add(range); });
  Payload content{};
  content.stream = placement.stream.va;
  content.stream_size = static_cast<std::uint32_t>(image.stream.size());
  content.bindings = placement.arena.va + lowering::kArenaOffset;
  content.binding_count = table.count();
  lowering::put_payload(content, payload);
}

/// The card checks every command itself; this finds what a damaged file would make of a program
/// early, and by name.
void Plugin::check(const ProgramImage& image) {
  const auto malformed = [](const std::string& what) {
    return Error(HALYARD_MALFORMED, "command stream: " + what);
  };
  const std::size_t bindings = lowering::kFixedBindings + image.bindings.size();
  if (bindings > info_.bindings_max) throw malformed("more bindings than the chip has");
  if (image.stream.size() > UINT32_MAX || image.stream.size() % sizeof(Command) != 0) {
    throw malformed("size " + std::to_string(image.stream.size()) + " is not that of a stream");
  }
  std::size_t commands = 0;
  for (std::size_t at = 0; at < image.stream.size(); ++commands) {
    Command command;
    std::memcpy(&command, image.stream.data() + at, sizeof(command));
    const std::string where = "command " + std::to_string(commands);
    if (command.opcode >= DRM_HALYARD_CLIPPER_NUM_OPCODES ||
        (info_.opcodes >> command.opcode & 1) == 0) {
      throw malformed(where + " has the unknown opcode " + std::to_string(command.opcode));
    }
    if (command.operands > (image.stream.size() - at) / sizeof(Operand) - 1)
      throw malformed(where + " is truncated");
    for (std::size_t i = 0; i < command.operands; ++i) {
      Operand operand;
      std::memcpy(&operand, image.stream.data() + at + command_size(i), sizeof(operand));
      if (operand.dtype != 0 && operand.binding >= bindings)
        throw malformed(where + " names a binding that is not there");
    }
    at += command_size(command.operands);
  }
  if (commands != image.command_names.size()) {
    throw malformed(std::to_string(commands) + " commands, but " +
                    std::to_string(image.command_names.size()) + " names");
  }
}

std::unique_ptr<ChipPlugin> create(std::span<const std::byte> blob, std::uint32_t chip_revision) {
  return std::make_unique<Plugin>(
      lowering::read_info<drm_halyard_clipper_info>(blob, chip_revision, kKnownMajor));
}

}  // namespace
}  // namespace halyard::hal::clipper

extern "C" __attribute__((visibility("default")))
const halyard::hal::PluginDescriptor halyard_plugin = {
    halyard::hal::kPluginAbi, "clipper", HALYARD_PLUGIN_VERSION, halyard::hal::clipper::create};
