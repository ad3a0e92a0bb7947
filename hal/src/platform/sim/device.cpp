// SPDX-License-Identifier: MIT
#include "platform/sim/device.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdlib>
#include <optional>

#include "clock.hpp"
#include "platform/sim/job_space.hpp"

namespace halyard::hal::sim {

namespace {

/// What the kernel driver stops a job after, unless HALYARD_SIM_TIMEOUT_MS says otherwise.
constexpr std::int64_t kTimeoutNs = 5'000'000'000;
/// Larger than any chip's; the chip's own check has the last word.
constexpr std::uint32_t kPayloadMax = 4096;

std::string variable(const char* name) {
  const char* value = secure_getenv(name);
  return value != nullptr ? value : "";
}

std::int64_t timeout_from_environment() {
  const auto text = variable("HALYARD_SIM_TIMEOUT_MS");
  if (text.empty()) return kTimeoutNs;
  std::uint32_t milliseconds = 0;
  const auto* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, milliseconds);
  if (result.ec != std::errc() || result.ptr != end || milliseconds == 0) {
    throw Error(HALYARD_INVALID_ARGUMENT,
                "HALYARD_SIM_TIMEOUT_MS is \"" + text + "\", not a number of milliseconds");
  }
  return std::int64_t{milliseconds} * 1'000'000;
}

}  // namespace

std::uint64_t region_size(const emu::RegionInfo& region) {
  if (region.size != 0) return region.size;
  return static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) *
         static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

DeviceFacts chip_facts(const emu::ChipKind& kind, emu::CommandProcessor& processor) {
  const auto info = processor.info();
  DeviceFacts facts;
  facts.path = "sim:" + std::string(kind.name);
  facts.chip = kind.name;
  facts.name = std::string(kind.description) + ", in process";
  facts.driver_version =
      std::to_string(HALYARD_VERSION_MAJOR) + "." + std::to_string(HALYARD_VERSION_MINOR);
  facts.chip_revision = info.revision;
  facts.va_start = info.va_start;
  facts.va_end = info.va_end;
  facts.page_size = info.page_size;
  facts.large_page_size = info.large_page_size;
  facts.has_mmu = info.has_mmu;
  for (const auto& region : info.regions) {
    facts.regions.push_back({.name = region.name,
                             .number = static_cast<std::uint32_t>(facts.regions.size()),
                             .host = region.host});
  }
  facts.job_buffers_max = info.job_buffers_max;
  for (const auto& engine : processor.engines()) {
    facts.engines.push_back({engine.name, engine.klass, engine.count});
  }
  facts.payload_max = kPayloadMax;
  facts.chip_blob = processor.chip_blob();
  return facts;
}

SimDevice::SimDevice(const emu::ChipKind& kind)
    : opened_ns_(monotonic_ns()),
      processor_(kind.make_processor()),
      info_(processor_->info()),
      facts_(chip_facts(kind, *processor_)),
      buffers_(facts_.chip, info_.regions.size()),
      scheduler_(
          *processor_, [this](std::span<const BufferUse> buffers) { return space_of(buffers); },
          [this] { return device_ns(); }, Injector(variable("HALYARD_SIM_INJECT")),
          timeout_from_environment()) {}

std::uint64_t SimDevice::device_ns() const {
  return static_cast<std::uint64_t>(monotonic_ns() - opened_ns_) + 1;
}

std::vector<MemoryUse> SimDevice::memory_use() {
  const auto used = buffers_.used();
  std::vector<MemoryUse> use;
  for (const auto& region : info_.regions)
    use.push_back({region_size(region), used[use.size()]});
  return use;
}

DeviceTime SimDevice::time() {
  const auto host = monotonic_ns();
  return {static_cast<std::uint64_t>(host - opened_ns_) + 1, static_cast<std::uint64_t>(host)};
}

PlatformDevice::Buffer SimDevice::buffer_create(std::uint64_t size, std::size_t region) {
  const auto& info = info_.regions[region];
  // All buffers together may be more than a card has: what no job uses at the moment is elsewhere.
  if (const auto limit = region_size(info); size > limit) {
    throw Error(HALYARD_OUT_OF_MEMORY, "no buffer of " + std::to_string(size) +
                                           " bytes: memory \"" + info.name + "\" has " +
                                           std::to_string(limit));
  }
  return buffers_.add(HostMemory::create(size), region);
}

std::size_t SimDevice::foreign_region() const {
  for (std::size_t i = 0; i < info_.regions.size(); ++i) {
    if (info_.regions[i].host) return i;
  }
  throw Error(HALYARD_UNSUPPORTED, "the device reaches no memory but its own");
}

PlatformDevice::Buffer SimDevice::buffer_wrap(std::span<std::byte> memory, bool /*read_only*/) {
  const auto region = foreign_region();
  if (info_.regions[region].contiguous) {
    throw Error(HALYARD_UNSUPPORTED,
                "the device has no MMU and works on contiguous memory, which that of a process is "
                "not: let the library allocate the buffer");
  }
  return buffers_.add(HostMemory::wrap(memory), region);
}

PlatformDevice::Buffer SimDevice::buffer_import(int dmabuf_fd) {
  const auto region = foreign_region();
  return buffers_.import(dmabuf_fd, region, !info_.regions[region].contiguous);
}

std::shared_ptr<emu::AddressSpace> SimDevice::space_of(std::span<const BufferUse> buffers) {
  // Nobody owns the space that all jobs share.
  if (facts_.has_mmu) return {std::shared_ptr<void>(), &space_};
  if (buffers.size() > facts_.job_buffers_max) {
    throw Error(HALYARD_INVALID_ARGUMENT, "the job has too many buffers");
  }
  std::vector<JobSpace::Slot> slots;
  std::vector<std::uint64_t> bytes(info_.regions.size());
  for (const auto& use : buffers) {
    const auto entry = buffers_.entry(use.buffer);
    slots.push_back({entry.memory, use.write});
    bytes[entry.region] += entry.memory->bytes().size();
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] <= region_size(info_.regions[i])) continue;
    throw Error(HALYARD_OUT_OF_MEMORY, "the job's buffers take " + std::to_string(bytes[i]) +
                                           " bytes of memory \"" + info_.regions[i].name +
                                           "\", which has " +
                                           std::to_string(region_size(info_.regions[i])));
  }
  return std::make_shared<JobSpace>(std::move(slots));
}

int SimDevice::buffer_export(Handle buffer) {
  return buffers_.export_fd(buffer);
}
std::span<std::byte> SimDevice::buffer_map(Handle buffer) {
  return buffers_.bytes(buffer);
}
void SimDevice::buffer_destroy(Handle buffer) noexcept {
  buffers_.remove(buffer);
}

void SimDevice::bind(const MapRequest& request) {
  if (!facts_.has_mmu) throw Error(HALYARD_UNSUPPORTED, "the device has no MMU");
  const auto memory = buffers_.bytes(request.buffer);
  const auto page = facts_.page_size;
  const bool aligned =
      request.va % page == 0 && request.offset % page == 0 && request.size % page == 0;
  const bool inside = request.va >= facts_.va_start && request.va <= facts_.va_end &&
                      request.size <= facts_.va_end - request.va;
  if (!aligned || !inside || request.size == 0 || request.offset > memory.size() ||
      request.size > memory.size() - request.offset) {
    throw Error(HALYARD_INVALID_ARGUMENT, "the range to bind is not valid");
  }
  if (!space_.bind(request.va, memory.subspan(request.offset, request.size), request.read_only)) {
    throw Error(HALYARD_INVALID_ARGUMENT, "part of the range is bound already");
  }
}

void SimDevice::unbind(std::uint64_t va, std::uint64_t size) noexcept {
  space_.unbind(va, size);
}

Handle SimDevice::queue_create(std::uint32_t engine_class, halyard_priority priority) {
  return scheduler_.queue_create(engine_class, priority);
}
void SimDevice::queue_destroy(Handle queue) noexcept {
  scheduler_.queue_destroy(queue);
}
QueueStatus SimDevice::queue_status(Handle queue) {
  return scheduler_.queue_status(queue);
}
void SimDevice::submit(std::span<const JobRequest> jobs) {
  scheduler_.submit(jobs);
}

Handle SimDevice::timeline_create() {
  return scheduler_.timeline_create();
}
void SimDevice::timeline_destroy(Handle timeline) noexcept {
  scheduler_.timeline_destroy(timeline);
}
void SimDevice::timeline_signal(Handle timeline, std::uint64_t value) {
  scheduler_.timeline_signal(timeline, value);
}
std::uint64_t SimDevice::timeline_query(Handle timeline) {
  return scheduler_.timeline_query(timeline);
}
bool SimDevice::wait(std::span<const SyncPoint> points, bool all, std::int64_t deadline_ns,
                     std::size_t* index) {
  return scheduler_.wait(points, all, deadline_ns, index);
}
halyard_status SimDevice::point_status(const SyncPoint& point) {
  return scheduler_.point_status(point);
}
void SimDevice::timeline_notify(Handle timeline, std::uint64_t value, int eventfd) {
  scheduler_.timeline_notify(timeline, value, eventfd);
}

int SimDevice::timeline_export(Handle /*timeline*/) {
  throw Error(HALYARD_UNSUPPORTED,
              "the platform sim has timelines in this process only: there is no descriptor of one");
}
Handle SimDevice::timeline_import(int /*fd*/) {
  throw Error(HALYARD_UNSUPPORTED,
              "the platform sim has timelines in this process only: it cannot import one");
}

}  // namespace halyard::hal::sim
