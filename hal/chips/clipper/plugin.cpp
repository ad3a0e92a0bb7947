// SPDX-License-Identifier: MIT
// The chip's face to the library: compile, encode, read back.

#include <algorithm>
#include <atomic>
#include <bit>

#include "encoder.hpp"
#include "lowering/lower.hpp"
#include "plugin.hpp"
#include "stream.hpp"

#ifndef HALYARD_PLUGIN_VERSION
#error "the build gives the plug-in its version"
#endif

namespace halyard::hal::clipper {
namespace {

constexpr std::uint32_t kKnownMajor = 1;

// Layout of an arena: the status cell, the binding table, then the stream of a built-in operation.
constexpr std::size_t kStatusOffset = 0;
constexpr std::size_t kTableOffset = 64;
// Elements of one copy or fill command, well inside the operands' 31 bits.
constexpr std::uint64_t kChunk = std::uint64_t{1} << 30;
constexpr std::size_t kMaxChunks = 16;
constexpr std::size_t kBuiltinStream = kMaxChunks * command_size(2) + 3 * command_size(1);
constexpr std::size_t kBuiltinBindings = 4;

constexpr std::size_t round_up(std::size_t value, std::size_t to) {
  return (value + to - 1) / to * to;
}

std::size_t stream_offset(std::size_t bindings) {
  return round_up(kTableOffset + bindings * sizeof(HwBinding), sizeof(Command));
}

void put_payload(const Payload& content, std::vector<std::byte>& payload) {
  const auto bytes = std::as_bytes(std::span(&content, 1));
  payload.assign(bytes.begin(), bytes.end());
}

/// Clears the status cell; the submit that follows orders this before the device's write.
void clear_status(const Arena& arena) {
  const std::uint64_t zero = 0;
  std::memcpy(arena.host.subspan(kStatusOffset, sizeof(zero)).data(), &zero, sizeof(zero));
}

class TableWriter {
 public:
  explicit TableWriter(const Arena& arena) : host_(arena.host.subspan(kTableOffset)) {}
  void add(DeviceRange range) {
    const HwBinding binding{range.va, range.size};
    std::memcpy(host_.subspan(count_ * sizeof(binding), sizeof(binding)).data(), &binding,
                sizeof(binding));
    ++count_;
  }
  [[nodiscard]] std::uint32_t count() const { return count_; }

 private:
  std::span<std::byte> host_;
  std::uint32_t count_ = 0;
};

DeviceRange status_cell(const Arena& arena) {
  return {arena.va + kStatusOffset, sizeof(std::uint64_t)};
}

/// One element type for a range, so that a command moves as much as possible.
bool in_words(DeviceRange range) {
  return (range.va | range.size) % sizeof(std::uint32_t) == 0;
}

void need_chunks(std::uint64_t elements) {
  if ((elements + kChunk - 1) / kChunk > kMaxChunks) {
    throw Error(HALYARD_UNSUPPORTED, "one copy or fill moves at most 16 GiB");
  }
}

class Plugin final : public ChipPlugin {
 public:
  explicit Plugin(const drm_halyard_clipper_info& info) : info_(info) {}

  ProgramImage compile(const Graph& graph, bool profile) override {
    auto lowered = lowering::lower(graph, capabilities(info_), profile);
    encode_commands(lowered.commands, lowered.image.stream);
    return std::move(lowered.image);
  }

  void check(const ProgramImage& image) override;

  [[nodiscard]] std::size_t arena_bytes(const ProgramImage& image) const override {
    const auto bindings = lowering::kFixedBindings + image.bindings.size();
    return kTableOffset + bindings * sizeof(HwBinding);
  }
  [[nodiscard]] std::size_t builtin_arena_bytes() const override {
    return stream_offset(kBuiltinBindings) + kBuiltinStream;
  }

  void encode(const ProgramImage& image, const Placement& placement,
              std::vector<std::byte>& payload) override;
  void encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override;
  void encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override;
  void encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) override;

  [[nodiscard]] bool surely_done(Arena arena) const override {
    auto* cell = std::bit_cast<std::uint64_t*>(arena.host.data() + kStatusOffset);
    return std::atomic_ref<std::uint64_t>(*cell).load(std::memory_order_acquire) != 0;
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
  clear_status(arena);
  TableWriter table(arena);
  for (const auto& range : ranges)
    table.add(range);
  const std::uint32_t status = table.count();
  table.add(status_cell(arena));
  const std::uint32_t profile = table.count();
  if (job.profile.size > 0) table.add(job.profile);
  const std::size_t offset = stream_offset(kBuiltinBindings);
  SpanSink sink(arena.host.subspan(offset, kBuiltinStream));
  const auto stamp = [&](std::uint32_t binding, std::uint64_t at) {
    append_command(sink, make_command(DRM_HALYARD_CLIPPER_TIMESTAMP, 0),
                   std::array{cell_operand(binding, at)});
  };
  if (job.profile.size > 0) stamp(profile, 0);
  body(sink);
  if (job.profile.size > 0) stamp(profile, sizeof(std::uint64_t));
  stamp(status, 0);
  Payload content{};
  content.stream = arena.va + offset;
  content.stream_size = static_cast<std::uint32_t>(sink.used());
  content.bindings = arena.va + kTableOffset;
  content.binding_count = table.count();
  put_payload(content, payload);
}

void Plugin::encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  const bool words = in_words(dst) && in_words(src);
  const auto dtype = words ? DRM_HALYARD_CLIPPER_I32 : DRM_HALYARD_CLIPPER_U8;
  const std::uint64_t width = words ? sizeof(std::uint32_t) : 1;
  const std::uint64_t elements = dst.size / width;
  need_chunks(elements);
  encode_builtin(std::array{dst, src}, job, payload, [&](SpanSink& sink) {
    for (std::uint64_t at = 0; at < elements; at += kChunk) {
      const auto count = static_cast<std::uint32_t>(std::min(kChunk, elements - at));
      append_command(sink, make_command(DRM_HALYARD_CLIPPER_COPY, 0),
                     std::array{linear_operand(dtype, 1, at * width, count),
                                linear_operand(dtype, 0, at * width, count)});
    }
  });
}

void Plugin::encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  const std::uint64_t elements = dst.size / sizeof(pattern);
  need_chunks(elements);
  encode_builtin(std::array{dst}, job, payload, [&](SpanSink& sink) {
    for (std::uint64_t at = 0; at < elements; at += kChunk) {
      const auto count = static_cast<std::uint32_t>(std::min(kChunk, elements - at));
      append_command(
          sink, make_command(DRM_HALYARD_CLIPPER_FILL, 0, drm_halyard_clipper_fill{pattern}),
          std::array{linear_operand(DRM_HALYARD_CLIPPER_I32, 0, at * sizeof(pattern), count)});
    }
  });
}

void Plugin::encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) {
  encode_builtin({}, job, payload, [](SpanSink&) {});
}

void Plugin::encode(const ProgramImage& image, const Placement& placement,
                    std::vector<std::byte>& payload) {
  clear_status(placement.arena);
  TableWriter table(placement.arena);
  table.add(placement.constants);
  table.add(placement.scratch);
  table.add(status_cell(placement.arena));
  table.add(placement.profile);
  for (const auto& range : placement.bindings)
    table.add(range);
  Payload content{};
  content.stream = placement.stream.va;
  content.stream_size = static_cast<std::uint32_t>(image.stream.size());
  content.bindings = placement.arena.va + kTableOffset;
  content.binding_count = table.count();
  put_payload(content, payload);
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
  drm_halyard_clipper_info info{};
  if (blob.size() < sizeof(info)) {
    throw Error(HALYARD_VERSION_MISMATCH, "the driver tells " + std::to_string(blob.size()) +
                                              " bytes about the chip, this plug-in needs " +
                                              std::to_string(sizeof(info)));
  }
  std::memcpy(&info, blob.data(), sizeof(info));
  if (chip_revision >> 16 != kKnownMajor) {
    throw Error(HALYARD_VERSION_MISMATCH,
                "the chip is of revision " + std::to_string(chip_revision >> 16) +
                    ", this plug-in knows " + std::to_string(kKnownMajor));
  }
  return std::make_unique<Plugin>(info);
}

}  // namespace
}  // namespace halyard::hal::clipper

extern "C" __attribute__((visibility("default")))
const halyard::hal::PluginDescriptor halyard_plugin = {
    halyard::hal::kPluginAbi, "clipper", HALYARD_PLUGIN_VERSION, halyard::hal::clipper::create};
