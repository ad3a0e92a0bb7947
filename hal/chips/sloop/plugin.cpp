// SPDX-License-Identifier: MIT
// The chip's face to the library: compile, encode, read back.

#include "plugin.hpp"

#include <array>
#include <cstring>
#include <string>

#include "encoder.hpp"
#include "lowering/jobs.hpp"
#include "lowering/lower.hpp"
#include "lowering/sinks.hpp"
#include "task.hpp"

#ifndef HALYARD_PLUGIN_VERSION
#error "the build gives the plug-in its version"
#endif

namespace halyard::hal::sloop {
namespace {

constexpr std::uint32_t kKnownMajor = 1;

// Layout of an arena: the status cell, the binding table, then the stream of a built-in operation.
// A buffer has at most what the card has: one piece for each of 4 GiB.
constexpr std::size_t kMaxChunks = 4;
constexpr std::size_t kBuiltinStream = (kMaxChunks + 3) * sizeof(Task);
constexpr std::size_t kBuiltinBindings = 4;
constexpr std::size_t kBuiltinOffset =
    lowering::round_up(lowering::kArenaOffset + kBuiltinBindings * sizeof(HwBinding), 64);

lowering::TableWriter<HwBinding> table_in(const Arena& arena) {
  return lowering::TableWriter<HwBinding>(arena.host.subspan(lowering::kArenaOffset));
}

ProgramImage encoded(lowering::Lowered lowered) {
  lowered.image.stream = encode_commands(lowered.commands);
  return std::move(lowered.image);
}

class Plugin final : public ChipPlugin {
 public:
  explicit Plugin(const drm_halyard_sloop_info& info) : info_(info) {}

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

  /// Never of a transfer, which writes no status.
  [[nodiscard]] bool surely_done(Arena arena) const override {
    return lowering::status_is_set(arena);
  }

  std::vector<ProfileSample> read_profile(const ProgramImage& image,
                                          std::span<const std::byte> profile) override {
    return lowering::read_timestamps(image, profile);
  }

  [[nodiscard]] bool supports_graphs(std::uint32_t engine_class) const override {
    return engine_class == DRM_HALYARD_SLOOP_ENGINE_COMPUTE;
  }
  [[nodiscard]] bool reaches_all_memory(std::uint32_t engine_class) const override {
    return engine_class == DRM_HALYARD_SLOOP_ENGINE_DMA;
  }

 private:
  template <class Body>
  void encode_tasks(std::span<const DeviceRange> ranges, const BuiltinJob& job,
                    std::vector<std::byte>& payload, Body body) const;

  drm_halyard_sloop_info info_;
};

/// A transfer by the DMA engines.
Payload transfer(drm_halyard_sloop_job kind, const BuiltinJob& job) {
  if (job.profile.size > 0) {
    throw Error(HALYARD_UNSUPPORTED,
                "the DMA engines take no times: there is no profile of a "
                "transfer");
  }
  lowering::clear_status(job.arena);
  Payload content{};
  content.job = kind;
  return content;
}

bool by_dma(const BuiltinJob& job) {
  return job.engine_class == DRM_HALYARD_SLOOP_ENGINE_DMA;
}

Payload compute(std::uint64_t stream, std::size_t stream_size, const Arena& arena,
                std::uint32_t bindings) {
  Payload content{};
  content.job = DRM_HALYARD_SLOOP_JOB_COMPUTE;
  content.source = stream;
  content.size = stream_size;
  content.bindings = arena.va + lowering::kArenaOffset;
  content.binding_count = bindings;
  return content;
}

/// A stream in the arena: `body` appends its tasks, which refer to `ranges`. Behind those stand the
/// status cell and the cells of the profile.
template <class Body>
void Plugin::encode_tasks(std::span<const DeviceRange> ranges, const BuiltinJob& job,
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
  const auto append = [&](const Task& task) { sink.append(std::as_bytes(std::span(&task, 1))); };
  const auto stamp = [&](std::uint32_t binding, std::uint64_t at) {
    auto task = make_task(DRM_HALYARD_SLOOP_TIMESTAMP);
    task.out = linear_operand(DRM_HALYARD_SLOOP_I32, binding, at, 2);
    append(task);
  };
  if (job.profile.size > 0) stamp(profile, 0);
  body(append);
  if (job.profile.size > 0) stamp(profile, sizeof(std::uint64_t));
  stamp(status, 0);
  lowering::put_payload(compute(arena.va + kBuiltinOffset, sink.used(), arena, table.count()),
                        payload);
}

void Plugin::encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  if (by_dma(job)) {
    auto content = transfer(DRM_HALYARD_SLOOP_JOB_COPY, job);
    content.source = src.va;
    content.target = dst.va;
    content.size = dst.size;
    lowering::put_payload(content, payload);
    return;
  }
  const bool words = lowering::in_words(dst) && lowering::in_words(src);
  const auto dtype = words ? DRM_HALYARD_SLOOP_I32 : DRM_HALYARD_SLOOP_U8;
  const std::uint64_t width = words ? sizeof(std::uint32_t) : 1;
  encode_tasks(std::array{dst, src}, job, payload, [&](const auto& append) {
    lowering::for_each_chunk(dst.size / width, width, kMaxChunks,
                             [&](std::uint64_t at, std::uint32_t count) {
                               auto task = make_task(DRM_HALYARD_SLOOP_COPY);
                               task.a = linear_operand(dtype, 1, at, count);
                               task.out = linear_operand(dtype, 0, at, count);
                               append(task);
                             });
  });
}

void Plugin::encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                         std::vector<std::byte>& payload) {
  if (by_dma(job)) {
    auto content = transfer(DRM_HALYARD_SLOOP_JOB_FILL, job);
    content.target = dst.va;
    content.size = dst.size;
    content.pattern = pattern;
    lowering::put_payload(content, payload);
    return;
  }
  encode_tasks(std::array{dst}, job, payload, [&](const auto& append) {
    lowering::for_each_chunk(dst.size / sizeof(pattern), sizeof(pattern), kMaxChunks,
                             [&](std::uint64_t at, std::uint32_t count) {
                               auto task = make_task(DRM_HALYARD_SLOOP_FILL);
                               task.out = linear_operand(DRM_HALYARD_SLOOP_I32, 0, at, count);
                               task.pattern = pattern;
                               append(task);
                             });
  });
}

void Plugin::encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) {
  if (by_dma(job)) {
    // A copy of nothing.
    lowering::put_payload(transfer(DRM_HALYARD_SLOOP_JOB_COPY, job), payload);
    return;
  }
  encode_tasks({}, job, payload, [](const auto&) {});
}

void Plugin::encode(const ProgramImage& image, const Placement& placement,
                    std::vector<std::byte>& payload) {
  lowering::clear_status(placement.arena);
  auto table = table_in(placement.arena);
  lowering::for_each_binding(placement, [&](DeviceRange range) { table.add(range); });
  lowering::put_payload(
      compute(placement.stream.va, image.stream.size(), placement.arena, table.count()), payload);
}

/// The card checks every task itself; this finds what a damaged file would make of a program early,
/// and by name.
void Plugin::check(const ProgramImage& image) {
  const auto malformed = [](const std::string& what) {
    return Error(HALYARD_MALFORMED, "command stream: " + what);
  };
  const std::size_t bindings = lowering::kFixedBindings + image.bindings.size();
  if (bindings > info_.bindings_max) throw malformed("more bindings than the chip has");
  if (image.stream.size() > UINT32_MAX || image.stream.size() % sizeof(Task) != 0) {
    throw malformed("size " + std::to_string(image.stream.size()) + " is not that of a stream");
  }
  const std::size_t tasks = image.stream.size() / sizeof(Task);
  for (std::size_t i = 0; i < tasks; ++i) {
    Task task;
    std::memcpy(&task, image.stream.data() + i * sizeof(task), sizeof(task));
    const std::string where = "task " + std::to_string(i);
    if (task.opcode >= DRM_HALYARD_SLOOP_NUM_OPCODES || (info_.opcodes >> task.opcode & 1) == 0) {
      throw malformed(where + " has the unknown opcode " + std::to_string(task.opcode));
    }
    for (const auto* operand : operands_of(task)) {
      if (operand->dtype != 0 && operand->binding >= bindings)
        throw malformed(where + " names a binding that is not there");
    }
  }
  if (tasks != image.command_names.size()) {
    throw malformed(std::to_string(tasks) + " tasks, but " +
                    std::to_string(image.command_names.size()) + " names");
  }
}

std::unique_ptr<ChipPlugin> create(std::span<const std::byte> blob, std::uint32_t chip_revision) {
  return std::make_unique<Plugin>(
      lowering::read_info<drm_halyard_sloop_info>(blob, chip_revision, kKnownMajor));
}

}  // namespace
}  // namespace halyard::hal::sloop

extern "C" __attribute__((visibility("default")))
const halyard::hal::PluginDescriptor halyard_plugin = {
    halyard::hal::kPluginAbi, "sloop", HALYARD_PLUGIN_VERSION, halyard::hal::sloop::create};
