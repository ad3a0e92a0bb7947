// SPDX-License-Identifier: MIT
// The chip's face to the library: compile, encode, read back.

#include <drm/halyard_dory.h>

#include <array>
#include <string>

#include "encoder.hpp"
#include "lowering/jobs.hpp"
#include "lowering/lower.hpp"
#include "lowering/sinks.hpp"
#include "plugin.hpp"
#include "relocate.hpp"
#include "small_vector.hpp"
#include "stream.hpp"

#ifndef HALYARD_PLUGIN_VERSION
#error "the build gives the plug-in its version"
#endif

namespace halyard::hal::dory {
namespace {

constexpr std::uint32_t kKnownMajor = 1;
constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kSlotShift) - 1;

// Layout of an arena: the status cell, then the job's stream.
/// A buffer has at most 4 GiB.
constexpr std::size_t kMaxChunks = 4;
/// Every operation of a built-in job sets fewer words than this.
constexpr std::size_t kOperationBytes = 32 * sizeof(std::uint32_t);
constexpr std::size_t kBuiltinStream = (kMaxChunks + 4) * kOperationBytes;

using BuiltinWriter = StreamWriter<lowering::SpanSink>;

void set_linear(BuiltinWriter& writer, drm_halyard_dory_operand name, drm_halyard_dory_dtype dtype,
                std::uint64_t va, std::uint32_t count) {
  const std::uint32_t first = DRM_HALYARD_DORY_OPERAND(static_cast<std::uint32_t>(name));
  const auto region = static_cast<std::uint32_t>(va >> kSlotShift);
  writer.set(first + DRM_HALYARD_DORY_FORMAT, format_word(dtype, 1, region));
  writer.set(first + DRM_HALYARD_DORY_OFFSET, static_cast<std::uint32_t>(va & kOffsetMask));
  writer.set(first + DRM_HALYARD_DORY_DIM(0), count);
  writer.set(first + DRM_HALYARD_DORY_STRIDE(0), 1);
}

void timestamp(BuiltinWriter& writer, std::uint64_t va) {
  set_linear(writer, DRM_HALYARD_DORY_OUT, DRM_HALYARD_DORY_I32, va, 2);
  writer.operation(DRM_HALYARD_DORY_OP_TIMESTAMP);
}

void put_payload(const Arena& arena, std::size_t stream_size, std::vector<std::byte>& payload) {
  const auto stream = arena.va + lowering::kArenaOffset;
  drm_halyard_dory_payload content{};
  content.slot = static_cast<std::uint32_t>(stream >> kSlotShift);
  content.offset = static_cast<std::uint32_t>(stream & kOffsetMask);
  content.size = static_cast<std::uint32_t>(stream_size);
  lowering::put_payload(content, payload);
}

class Plugin final : public ChipPlugin {
 public:
  explicit Plugin(const drm_halyard_dory_info& info) : info_(info) {}

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

  /// Regions follow from a job's buffers: the stream is written anew for each.
  [[nodiscard]] bool places_stream() const override { return false; }
  [[nodiscard]] std::size_t arena_bytes(const ProgramImage& image) const override {
    return lowering::kArenaOffset + image.stream.size();
  }
  [[nodiscard]] std::size_t builtin_arena_bytes() const override {
    return lowering::kArenaOffset + kBuiltinStream;
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
    return engine_class == DRM_HALYARD_DORY_ENGINE_NPU;
  }

 private:
  [[nodiscard]] ProgramImage encoded(lowering::Lowered lowered) const;
  template <class Body>
  void encode_builtin(const BuiltinJob& job, std::vector<std::byte>& payload, Body body) const;

  drm_halyard_dory_info info_;
};

ProgramImage Plugin::encoded(lowering::Lowered lowered) const {
  auto& image = lowered.image;
  image.stream = encode_commands(lowered.commands);
  if (image.stream.size() > info_.stream_max) {
    throw Error(HALYARD_UNSUPPORTED, "the program has " + std::to_string(image.stream.size()) +
                                         " bytes of commands, the chip takes at most " +
                                         std::to_string(info_.stream_max));
  }
  return std::move(lowered.image);
}

/// The kernel checks every word again; this finds what a damaged file would make of a program
/// early, and by name.
void Plugin::check(const ProgramImage& image) {
  if (image.stream.size() > info_.stream_max) {
    throw Error(HALYARD_MALFORMED, "command stream: longer than the chip takes");
  }
  const auto bindings = lowering::kFixedBindings + image.bindings.size();
  const auto operations = check_stream(image.stream, bindings, info_.opcodes);
  if (operations != image.command_names.size()) {
    throw Error(HALYARD_MALFORMED, "command stream: " + std::to_string(operations) +
                                       " commands, but " +
                                       std::to_string(image.command_names.size()) + " names");
  }
}

void Plugin::encode(const ProgramImage& image, const Placement& placement,
                    std::vector<std::byte>& payload) {
  lowering::clear_status(placement.arena);
  SmallVector<DeviceRange, 32> bindings;
  lowering::for_each_binding(placement, [&](DeviceRange range) { bindings.push_back(range); });
  relocate(image.stream, bindings.span(),
           placement.arena.host.subspan(lowering::kArenaOffset, image.stream.size()));
  put_payload(placement.arena, image.stream.size(), payload);
}

/// `body` writes the operations between the times of the profile.
template <class Body>
void Plugin::encode_builtin(const BuiltinJob& job, std::vector<std::byte>& payload,
                            Body body) const {
  lowering::clear_status(job.arena);
  lowering::SpanSink sink(job.arena.host.subspan(lowering::kArenaOffset, kBuiltinStream));
  BuiltinWriter writer(sink);
  if (job.profile.size > 0) timestamp(writer, job.profile.va);
  body(writer);
  if (job.profile.size > 0) timestamp(writer, job.profile.va + sizeof(std::uint64_t));
  timestamp(writer, lowering::status_cell(job.arena).va);
  writer.operation(DRM_HALYARD_DORY_OP_END);
  put_payload(job.arena, sink.used(), payload);
}

void Plugin::encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  const bool words = lowering::in_words(dst) && lowering::in_words(src);
  const auto dtype = words ? DRM_HALYARD_DORY_I32 : DRM_HALYARD_DORY_U8;
  const std::uint64_t width = words ? sizeof(std::uint32_t) : 1;
  encode_builtin(job, payload, [&](BuiltinWriter& writer) {
    lowering::for_each_chunk(dst.size / width, width, kMaxChunks,
                             [&](std::uint64_t at, std::uint32_t count) {
                               set_linear(writer, DRM_HALYARD_DORY_IN0, dtype, src.va + at, count);
                               set_linear(writer, DRM_HALYARD_DORY_OUT, dtype, dst.va + at, count);
                               writer.operation(DRM_HALYARD_DORY_OP_COPY);
                             });
  });
}

void Plugin::encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  encode_builtin(job, payload, [&](BuiltinWriter& writer) {
    writer.set(DRM_HALYARD_DORY_PATTERN, pattern);
    lowering::for_each_chunk(dst.size / sizeof(pattern), sizeof(pattern), kMaxChunks,
                             [&](std::uint64_t at, std::uint32_t count) {
                               set_linear(writer, DRM_HALYARD_DORY_OUT, DRM_HALYARD_DORY_I32,
                                          dst.va + at, count);
                               writer.operation(DRM_HALYARD_DORY_OP_FILL);
                             });
  });
}

void Plugin::encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) {
  encode_builtin(job, payload, [](BuiltinWriter&) {});
}

std::unique_ptr<ChipPlugin> create(std::span<const std::byte> blob, std::uint32_t chip_revision) {
  return std::make_unique<Plugin>(
      lowering::read_info<drm_halyard_dory_info>(blob, chip_revision, kKnownMajor));
}

}  // namespace
}  // namespace halyard::hal::dory

extern "C" __attribute__((visibility("default")))
const halyard::hal::PluginDescriptor halyard_plugin = {
    halyard::hal::kPluginAbi, "dory", HALYARD_PLUGIN_VERSION, halyard::hal::dory::create};
