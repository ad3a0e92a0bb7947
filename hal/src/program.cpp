// SPDX-License-Identifier: MIT
#include "program.hpp"

#include <algorithm>
#include <utility>

namespace halyard::hal {

namespace {

void copy_to(std::span<std::byte> memory, std::span<const std::byte> bytes) {
  std::copy(bytes.begin(), bytes.end(), memory.begin());
}

ProgramImage make_image(ChipPlugin& plugin, const Source& source, bool profile) {
  if (const auto* list = std::get_if<CommandList>(&source)) return plugin.record(*list, profile);
  return plugin.compile(std::get<Graph>(source), profile);
}

}  // namespace

Code::Code(Vm& vm, ProgramImage image, bool with_stream) : image_(std::move(image)) {
  for (std::size_t i = 0; i < image_.bindings.size(); ++i) {
    by_name_.emplace(image_.bindings[i].name, i);
  }
  if (with_stream) stream_part_.size = image_.stream.size();
  constants_part_ = {vm.round_up(stream_part_.size), image_.constants.size()};
  const auto total = constants_part_.offset + vm.round_up(constants_part_.size);
  if (total == 0) return;
  memory_ = Memory::create(vm, total, DeviceAccess::kReadOnly);
  const auto host = memory_->map();
  if (with_stream) copy_to(host, image_.stream);
  constants_ = host.subspan(constants_part_.offset, constants_part_.size);
  copy_to(host.subspan(constants_part_.offset), image_.constants);
  // Weights may be large, and the device's copy serves the host as well.
  std::vector<std::byte>().swap(image_.constants);
}

std::optional<std::size_t> Code::find_binding(std::string_view name) const {
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return std::nullopt;
  return it->second;
}

const char* Code::command_name(std::uint32_t index) const {
  return index < image_.command_names.size() ? image_.command_names[index].c_str() : nullptr;
}

ProgramData::ProgramData(Vm& vm, ChipPlugin& plugin, Source source)
    : vm_(vm),
      plugin_(plugin),
      code_(make_ref<Code>(vm, make_image(plugin, source, false), plugin.places_stream())),
      source_(std::move(source)) {}

ProgramData::ProgramData(Vm& vm, ChipPlugin& plugin, ProgramImage image, ProgramImage profiled)
    : vm_(vm),
      plugin_(plugin),
      code_(make_ref<Code>(vm, std::move(image), plugin.places_stream())),
      profiled_(make_ref<Code>(vm, std::move(profiled), plugin.places_stream())) {}

Ref<Code> ProgramData::profiled_code() {
  const std::lock_guard lock(mutex_);
  if (!profiled_) {
    profiled_ = make_ref<Code>(vm_, make_image(plugin_, *source_, true), plugin_.places_stream());
    source_.reset();
  }
  return profiled_;
}

std::uint64_t ProgramData::bytes() const {
  return code_->memory() ? code_->memory()->size() : 0;
}

Ref<ProgramData> ProgramCache::find(const std::string& digest) {
  const std::lock_guard lock(mutex_);
  const auto it = by_digest_.find(digest);
  if (it == by_digest_.end()) return {};
  entries_.splice(entries_.begin(), entries_, it->second);
  return it->second->program;
}

Ref<ProgramData> ProgramCache::compile(const Graph& graph) {
  const auto digest = graph.digest();
  if (auto known = find(digest)) return known;
  // Not under the lock: compiling takes its time, and two threads with one graph are rare.
  auto program = make_ref<ProgramData>(vm_, plugin_, graph);
  const std::lock_guard lock(mutex_);
  if (const auto it = by_digest_.find(digest); it != by_digest_.end()) return it->second->program;
  entries_.push_front({digest, program});
  by_digest_.emplace(entries_.front().digest, entries_.begin());
  bytes_ += program->bytes();
  trim();
  return program;
}

void ProgramCache::trim() {
  // The newest stays in any case. Handles and jobs keep what they use beyond the cache.
  while (entries_.size() > 1 && (entries_.size() > kMaxPrograms || bytes_ > kMaxBytes)) {
    auto& oldest = entries_.back();
    bytes_ -= oldest.program->bytes();
    by_digest_.erase(oldest.digest);
    entries_.pop_back();
  }
}

}  // namespace halyard::hal
