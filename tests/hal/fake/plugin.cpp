// SPDX-License-Identifier: MIT
// The fake chips' plug-in. Built several times: FAKE_NAME, FAKE_ABI and FAKE_SILENT make it one
// that the library must refuse, or one that never tells by itself that a job is done; FAKE_CARD
// that of the chip whose compute engines reach nothing but the card's memory.

#include "plugin.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstring>

#include "stream.hpp"

#ifndef FAKE_NAME
#define FAKE_NAME "fake"
#endif
#ifndef FAKE_ABI
#define FAKE_ABI halyard::hal::kPluginAbi
#endif
#ifdef FAKE_CARD
#define FAKE_REACHES_HOST false
#else
#define FAKE_REACHES_HOST true
#endif
#ifdef FAKE_SILENT
#define FAKE_TELLS false
#else
#define FAKE_TELLS true
#endif

namespace halyard::fake {
namespace {

using namespace hal;

// Positions in the binding table; the graph's follow.
enum : std::uint32_t { kConstants, kScratch, kStatus, kProfile, kFirst };
constexpr std::size_t kTableOffset = 64;
constexpr std::size_t kMaxBuiltin = 4 * sizeof(Command);
// Of a job that is no program: two buffers, the status cell, the cells of the profile.
constexpr std::size_t kBuiltinRanges = 4;

/// Sets the opcode and what belongs to it; returns what the chip lacks, or nothing. `in` is the
/// first operand.
std::string set_operation(Command& command, halyard_op op, const halyard_tensor_desc& in) {
  if (in.dtype != HALYARD_F32) return "type but f32";
  switch (op) {
    case HALYARD_OP_ADD:
      command.opcode = Opcode::kAdd;
      return {};
    case HALYARD_OP_MUL:
      command.opcode = Opcode::kMul;
      return {};
    case HALYARD_OP_RELU:
      command.opcode = Opcode::kRelu;
      return {};
    case HALYARD_OP_CAST:
      command.opcode = Opcode::kCopy;
      return {};
    case HALYARD_OP_GATHER:
      command.opcode = Opcode::kGather;
      command.width = static_cast<std::uint32_t>(element_count(in) / in.dims[0]);
      return {};
    default:
      return std::string(to_string(op));
  }
}

/// One of a list's commands on the list's own bindings; returns what the chip lacks, or nothing.
std::string make_command(const ListCommand& from, Command& command) {
  std::vector<Operand> at;
  halyard_tensor_desc first{};
  for (const auto& view : from.views) {
    halyard_tensor_desc desc{view.dtype, view.rank, {}};
    std::copy_n(view.dims, view.rank, desc.dims);
    std::int64_t stride = 1;
    for (auto i = view.rank; i-- > 0; stride *= view.dims[i]) {
      if (view.dims[i] != 1 && view.strides[i] != stride) return "strides";
    }
    if (at.empty()) first = desc;
    at.push_back({view.binding, 0, view.offset, byte_size(desc)});
  }
  if (from.op != HALYARD_OP_GATHER && at.front().bytes != at.back().bytes) return "broadcasts";
  if (from.op == HALYARD_OP_CAST && from.output().dtype != first.dtype) return "conversions";
  command.a = at[0];
  if (at.size() > 2) command.b = at[1];
  command.out = at.back();
  return set_operation(command, from.op, first);
}

class Compiler {
 public:
  Compiler(const Graph& graph, bool profile) : graph_(graph), profile_(profile) {}

  ProgramImage compile() {
    place();
    stamp_profile();
    for (halyard_tensor i = 0; i < graph_.nodes().size(); ++i) {
      if (graph_.nodes()[i].kind == Node::Kind::kOperation) add_operation(i);
    }
    for (const auto& output : graph_.outputs()) {
      Command copy;
      copy.opcode = Opcode::kCopy;
      copy.a = at_[output.tensor];
      copy.out = {binding_++, 0, 0, copy.a.bytes};
      add(copy, output.name);
    }
    stamp_profile();
    Command done;
    done.opcode = Opcode::kStamp;
    done.out = {kStatus, 0, 0, sizeof(std::uint64_t)};
    add(done, "end");
    image_.profile_bytes = stamps_ * sizeof(std::uint64_t);
    return std::move(image_);
  }

 private:
  void place() {
    binding_ = kFirst;
    at_.resize(graph_.nodes().size());
    for (const auto input : graph_.inputs()) {
      const auto& node = graph_.nodes()[input];
      at_[input] = {binding_++, 0, 0, byte_size(node.desc)};
      image_.bindings.push_back({node.name, node.desc, byte_size(node.desc), false});
    }
    for (const auto& output : graph_.outputs()) {
      const auto& desc = graph_.nodes()[output.tensor].desc;
      image_.bindings.push_back({output.name, desc, byte_size(desc), true});
    }
    for (halyard_tensor i = 0; i < graph_.nodes().size(); ++i)
      place_node(i);
  }
  void place_node(halyard_tensor index) {
    const auto& node = graph_.nodes()[index];
    const auto bytes = byte_size(node.desc);
    if (node.kind == Node::Kind::kConstant) {
      at_[index] = {kConstants, 0, image_.constants.size(), bytes};
      image_.constants.insert(image_.constants.end(), node.data->begin(), node.data->end());
    } else if (node.kind == Node::Kind::kOperation) {
      at_[index] = {kScratch, 0, image_.scratch_bytes, bytes};
      image_.scratch_bytes += (bytes + 7) / 8 * 8;
    }
  }

  void add(const Command& command, const std::string& name) {
    const auto bytes = std::as_bytes(std::span(&command, 1));
    image_.stream.insert(image_.stream.end(), bytes.begin(), bytes.end());
    image_.command_names.push_back(name);
  }
  void stamp_profile() {
    if (!profile_) return;
    Command stamp;
    stamp.opcode = Opcode::kStamp;
    stamp.out = {kProfile, 0, stamps_++ * sizeof(std::uint64_t), sizeof(std::uint64_t)};
    add(stamp, "stamp");
  }

  void add_operation(halyard_tensor index) {
    const auto& node = graph_.nodes()[index];
    const auto& first = graph_.nodes()[node.inputs[0]].desc;
    Command command;
    command.out = at_[index];
    command.a = at_[node.inputs[0]];
    if (node.inputs.size() > 1) command.b = at_[node.inputs[1]];
    if (auto reason = set_operation(command, node.op, first); !reason.empty()) {
      throw Error(HALYARD_UNSUPPORTED, node.name + ": the chip fake has no " + reason);
    }
    add(command, node.name);
  }

  const Graph& graph_;
  const bool profile_;
  ProgramImage image_;
  std::vector<Operand> at_;
  std::uint32_t binding_ = kFirst;
  std::uint64_t stamps_ = 0;
};

ProgramImage record_list(const CommandList& list, bool profile) {
  ProgramImage image;
  const auto add = [&image](const Command& command, const std::string& name) {
    const auto bytes = std::as_bytes(std::span(&command, 1));
    image.stream.insert(image.stream.end(), bytes.begin(), bytes.end());
    image.command_names.push_back(name);
  };
  const auto stamp = [&](std::uint32_t binding, std::uint64_t offset, const char* name) {
    Command command;
    command.opcode = Opcode::kStamp;
    command.out = {binding, 0, offset, sizeof(std::uint64_t)};
    add(command, name);
  };
  std::vector<Operand> places;
  for (const auto& binding : list.bindings()) {
    if (binding.kind != ListBinding::Kind::kSubmit) {
      const bool constant = binding.kind == ListBinding::Kind::kConstant;
      places.push_back({constant ? kConstants : kScratch, 0, binding.offset, 0});
      continue;
    }
    places.push_back({kFirst + static_cast<std::uint32_t>(image.bindings.size()), 0, 0, 0});
    image.bindings.push_back({binding.name, {HALYARD_U8, 0, {}}, binding.bytes, binding.written});
  }
  image.constants.assign(list.constants().begin(), list.constants().end());
  image.scratch_bytes = list.scratch_bytes();
  if (profile) stamp(kProfile, 0, "stamp");
  for (const auto& from : list.commands()) {
    Command command;
    if (const auto reason = make_command(from, command); !reason.empty()) {
      throw Error(HALYARD_UNSUPPORTED, from.name + ": the chip fake has no " + reason);
    }
    for (auto* operand : {&command.a, &command.b, &command.out}) {
      const auto& place = places[operand->binding];
      operand->binding = place.binding;
      operand->offset += place.offset;
    }
    add(command, from.name);
  }
  if (profile) stamp(kProfile, sizeof(std::uint64_t), "stamp");
  stamp(kStatus, 0, "end");
  image.profile_bytes = profile ? 2 * sizeof(std::uint64_t) : 0;
  return image;
}

class Plugin final : public ChipPlugin {
 public:
  ProgramImage compile(const Graph& graph, bool profile) override {
    return Compiler(graph, profile).compile();
  }
  ProgramImage record(const CommandList& list, bool profile) override {
    return record_list(list, profile);
  }
  [[nodiscard]] std::string why_not(const ListCommand& command) const override {
    Command made;
    const auto reason = make_command(command, made);
    return reason.empty() ? reason : "the chip fake has no " + reason;
  }
  void check(const ProgramImage& image) override {
    if (image.stream.size() != image.command_names.size() * sizeof(Command)) {
      throw Error(HALYARD_MALFORMED, "command stream: its size does not fit its commands");
    }
  }
  [[nodiscard]] std::size_t arena_bytes(const ProgramImage& image) const override {
    return kTableOffset + (kFirst + image.bindings.size()) * sizeof(Binding);
  }
  [[nodiscard]] std::size_t builtin_arena_bytes() const override {
    return kTableOffset + kBuiltinRanges * sizeof(Binding) + kMaxBuiltin;
  }
  void encode(const ProgramImage& image, const Placement& placement,
              std::vector<std::byte>& payload) override {
    Table table(placement.arena);
    table.add(placement.constants);
    table.add(placement.scratch);
    table.add({placement.arena.va, sizeof(std::uint64_t)});
    table.add(placement.profile);
    for (const auto& binding : placement.bindings)
      table.add(binding);
    finish(placement.arena, table, placement.stream.va, image.stream.size(), payload);
  }
  void encode_copy(DeviceRange dst, DeviceRange src, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override {
    Command copy;
    copy.opcode = Opcode::kCopy;
    copy.a = {0, 0, 0, src.size};
    copy.out = {1, 0, 0, dst.size};
    builtin({&copy, 1}, std::array{src, dst}, job, payload);
  }
  void encode_fill(DeviceRange dst, std::uint32_t pattern, const BuiltinJob& job,
                   std::vector<std::byte>& payload) override {
    Command fill;
    fill.opcode = Opcode::kFill;
    fill.pattern = pattern;
    fill.out = {1, 0, 0, dst.size};
    builtin({&fill, 1}, std::array{DeviceRange{}, dst}, job, payload);
  }
  void encode_empty(const BuiltinJob& job, std::vector<std::byte>& payload) override {
    builtin({}, {}, job, payload);
  }
  [[nodiscard]] bool surely_done(Arena arena) const override {
    auto* cell = std::bit_cast<std::uint64_t*>(arena.host.data());
    return FAKE_TELLS && std::atomic_ref<std::uint64_t>(*cell).load(std::memory_order_acquire) != 0;
  }
  /// One sample for all of the job.
  std::vector<ProfileSample> read_profile(const ProgramImage& /*image*/,
                                          std::span<const std::byte> profile) override {
    std::uint64_t times[2];
    std::memcpy(times, profile.data(), sizeof(times));
    return {{1, times[0], times[1]}};
  }
  [[nodiscard]] bool supports_graphs(std::uint32_t engine_class) const override {
    return engine_class == kComputeClass;
  }

  [[nodiscard]] bool reaches_all_memory(std::uint32_t engine_class) const override {
    return FAKE_REACHES_HOST || engine_class == kCopyClass;
  }

 private:
  class Table {
   public:
    explicit Table(Arena arena) : host_(arena.host.subspan(kTableOffset)) {}
    void add(DeviceRange range) {
      const Binding binding{range.va, range.size};
      std::memcpy(host_.subspan(count_ * sizeof(binding)).data(), &binding, sizeof(binding));
      ++count_;
    }
    std::uint32_t count_ = 0;

   private:
    std::span<std::byte> host_;
  };

  static void finish(Arena arena, const Table& table, std::uint64_t stream, std::size_t bytes,
                     std::vector<std::byte>& payload) {
    std::memset(arena.host.data(), 0, sizeof(std::uint64_t));
    const Payload content{stream, arena.va + kTableOffset,
                          static_cast<std::uint32_t>(bytes / sizeof(Command)), table.count_};
    const auto raw = std::as_bytes(std::span(&content, 1));
    payload.assign(raw.begin(), raw.end());
  }
  static void builtin(std::span<const Command> commands, std::array<DeviceRange, 2> ranges,
                      const BuiltinJob& job, std::vector<std::byte>& payload) {
    const auto& arena = job.arena;
    Table table(arena);
    for (const auto& range : ranges)
      table.add(range);
    table.add({arena.va, sizeof(std::uint64_t)});
    table.add(job.profile);
    const auto offset = kTableOffset + kBuiltinRanges * sizeof(Binding);
    std::vector<Command> all;
    const auto stamp = [&](std::uint32_t binding, std::uint64_t at) {
      auto& command = all.emplace_back();
      command.opcode = Opcode::kStamp;
      command.out = {binding, 0, at, sizeof(std::uint64_t)};
    };
    if (job.profile.size > 0) stamp(3, 0);
    all.insert(all.end(), commands.begin(), commands.end());
    if (job.profile.size > 0) stamp(3, sizeof(std::uint64_t));
    stamp(2, 0);
    const auto bytes = std::as_bytes(std::span(all));
    std::copy(bytes.begin(), bytes.end(), arena.host.subspan(offset).begin());
    finish(arena, table, arena.va + offset, bytes.size(), payload);
  }
};

std::unique_ptr<ChipPlugin> create(std::span<const std::byte> blob, std::uint32_t chip_revision) {
  if (blob.size() != sizeof(Info) || chip_revision != kRevision) {
    throw Error(HALYARD_VERSION_MISMATCH, "the plug-in fake does not know this revision");
  }
  return std::make_unique<Plugin>();
}

}  // namespace
}  // namespace halyard::fake

extern "C" __attribute__((visibility("default")))
const halyard::hal::PluginDescriptor halyard_plugin;

const halyard::hal::PluginDescriptor halyard_plugin = {FAKE_ABI, FAKE_NAME, "test",
                                                       halyard::fake::create};
