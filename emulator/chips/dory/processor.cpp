// SPDX-License-Identifier: MIT
#include "chips/dory/processor.hpp"

#include <dory/dory_regs.h>
#include <drm/halyard_dory.h>

#include <algorithm>
#include <cstring>

#include "chips/dory/execution.hpp"
#include "chips/dory/region_space.hpp"
#include "chips/tensor/operand_memory.hpp"

namespace halyard::emu::dory {

namespace {

static_assert(DRM_HALYARD_DORY_REGIONS == DORY_NUM_REGIONS);
static_assert(DRM_HALYARD_DORY_STREAM_MAX == 1U << DORY_STREAM_ORDER_MAX);

constexpr std::uint32_t kRevision = DORY_REVISION_MAJOR << 16 | DORY_REVISION_MINOR;

/// Empty, or what SUBMIT refuses.
std::string check_payload(const drm_halyard_dory_payload& payload) {
  if (payload.slot >= DRM_HALYARD_DORY_REGIONS)
    return "the stream's slot is " + std::to_string(payload.slot);
  if (payload.flags != 0) return "flags is not zero";
  if (payload.offset % sizeof(std::uint32_t) != 0) return "the stream's offset is no multiple of 4";
  if (payload.size % sizeof(std::uint32_t) != 0) return "the stream's size is no multiple of 4";
  if (payload.size == 0 || payload.size > DRM_HALYARD_DORY_STREAM_MAX)
    return "the stream has " + std::to_string(payload.size) + " bytes";
  return {};
}

/// A job's command stream beside what the job reaches.
class StreamSpace final : public AddressSpace {
 public:
  StreamSpace(AddressSpace& others, std::vector<std::byte> stream)
      : others_(others), stream_(std::move(stream)) {}

  [[nodiscard]] bool has_stream() const { return !stream_.empty(); }

  std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                 Fault& fault) override {
    const std::uint64_t offset = address - region_address(RegionSpace::kStream, 0);
    if (offset >= stream_.size()) return others_.translate(address, size, access, fault);
    const auto rest = std::span(stream_).subspan(offset);
    return rest.first(std::min(size, rest.size()));
  }
  [[nodiscard]] std::shared_lock<std::shared_mutex> pin() override { return others_.pin(); }

 private:
  AddressSpace& others_;
  std::vector<std::byte> stream_;
};

/// A job as the driver takes it: its stream is copied at once, and may be changed from then on.
class SubmittedJob final : public Execution {
 public:
  using Clock = JobExecution::Clock;

  SubmittedJob(std::uint64_t stream, std::uint32_t size, AddressSpace& space, const Clock& clock)
      : space_(space, copy_of(stream, size, space)) {
    execution_.start(space_.has_stream() ? region_address(RegionSpace::kStream, 0) : stream, size,
                     space_, clock);
  }

  Outcome step() override { return execution_.step(); }
  [[nodiscard]] const Fault& fault() const override { return execution_.fault(); }
  [[nodiscard]] std::uint64_t cycles() const override { return execution_.cycles(); }
  [[nodiscard]] std::uint32_t completed() const override { return execution_.completed(); }

 private:
  /// Empty when it is not where it is said to be: the job's first step finds that.
  static std::vector<std::byte> copy_of(std::uint64_t stream, std::uint32_t size,
                                        AddressSpace& space) {
    const auto pin = space.pin();
    std::vector<std::byte> copy(size);
    Fault fault;
    if (!tensor::copy_in(space, stream, copy, fault)) copy.clear();
    return copy;
  }

  StreamSpace space_;
  JobExecution execution_;
};

}  // namespace

ProcessorInfo Processor::info() const {
  ProcessorInfo info;
  info.revision = kRevision;
  info.has_mmu = false;
  info.va_start = info.va_end = 0;
  info.large_page_size = 0;
  info.regions = {{.name = "host",
                   .size = std::uint64_t{1} << DORY_DMA_BITS,
                   .host = true,
                   .contiguous = true}};
  info.job_buffers_max = DRM_HALYARD_DORY_REGIONS;
  return info;
}

std::vector<EngineInfo> Processor::engines() const {
  return {{"npu", DRM_HALYARD_DORY_ENGINE_NPU, 1}};
}

std::vector<std::byte> Processor::chip_blob() const {
  const drm_halyard_dory_info info{
      .revision = kRevision,
      .regions = DRM_HALYARD_DORY_REGIONS,
      .opcodes = implemented_opcodes(),
      .stream_max = DRM_HALYARD_DORY_STREAM_MAX,
      .clock_khz = DORY_CLOCK_KHZ_VALUE,
      .pad = 0,
  };
  const auto bytes = std::as_bytes(std::span(&info, 1));
  return {bytes.begin(), bytes.end()};
}

std::unique_ptr<Execution> Processor::start(std::span<const std::byte> payload,
                                            std::uint32_t engine_class, AddressSpace& space,
                                            const std::function<std::uint64_t()>& clock,
                                            std::string& error) {
  drm_halyard_dory_payload raw;
  if (payload.size() != sizeof(raw)) {
    error = "the payload has " + std::to_string(payload.size()) + " bytes, not " +
            std::to_string(sizeof(raw));
    return nullptr;
  }
  std::memcpy(&raw, payload.data(), sizeof(raw));
  error = check_payload(raw);
  if (engine_class != DRM_HALYARD_DORY_ENGINE_NPU) error = "there is no such engine class";
  if (!error.empty()) return nullptr;
  return std::make_unique<SubmittedJob>(region_address(raw.slot, raw.offset), raw.size, space,
                                        clock);
}

}  // namespace halyard::emu::dory
