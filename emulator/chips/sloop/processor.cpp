// SPDX-License-Identifier: MIT
#include "chips/sloop/processor.hpp"

#include <drm/halyard_sloop.h>
#include <sloop/sloop_regs.h>

#include <cstring>
#include <utility>

#include "chips/sloop/execution.hpp"

namespace halyard::emu::sloop {

namespace {

/// Owns its clock: start()'s is the caller's.
class OwnedExecution final : public Execution {
 public:
  OwnedExecution(const drm_halyard_sloop_payload& payload, AddressSpace& space,
                 JobExecution::Clock clock)
      : clock_(std::move(clock)) {
    job_.start(payload, space, clock_);
  }
  Outcome step() override { return job_.step(); }
  [[nodiscard]] const Fault& fault() const override { return job_.fault(); }
  [[nodiscard]] std::uint64_t cycles() const override { return job_.cycles(); }
  [[nodiscard]] std::uint32_t completed() const override { return job_.completed(); }

 private:
  const JobExecution::Clock clock_;
  JobExecution job_;
};

}  // namespace

ProcessorInfo Processor::info() const {
  return {.revision = SLP_REVISION_MAJOR << 16 | SLP_REVISION_MINOR,
          .has_mmu = false,
          .va_start = 0,
          .va_end = 0,
          .page_size = 4096,
          .large_page_size = 0,
          .regions = {{.name = "vram", .size = kDefaultDram, .host = false, .contiguous = false},
                      {.name = "host", .size = 0, .host = true, .contiguous = false}},
          .job_buffers_max = DRM_HALYARD_SLOOP_MAX_SEGMENTS};
}

std::vector<EngineInfo> Processor::engines() const {
  return {{"compute", DRM_HALYARD_SLOOP_ENGINE_COMPUTE, SLP_NUM_COMPUTE_ENGINES},
          {"dma", DRM_HALYARD_SLOOP_ENGINE_DMA, SLP_NUM_DMA_ENGINES}};
}

std::vector<std::byte> Processor::chip_blob() const {
  const drm_halyard_sloop_info info{
      .revision = SLP_REVISION_MAJOR << 16 | SLP_REVISION_MINOR,
      .segments_max = DRM_HALYARD_SLOOP_MAX_SEGMENTS,
      .bindings_max = DRM_HALYARD_SLOOP_MAX_BINDINGS,
      .clock_khz = SLP_CLOCK_KHZ_VALUE,
      .opcodes = implemented_opcodes(),
  };
  const auto bytes = std::as_bytes(std::span(&info, 1));
  return {bytes.begin(), bytes.end()};
}

std::unique_ptr<Execution> Processor::start(std::span<const std::byte> payload,
                                            std::uint32_t engine_class, AddressSpace& space,
                                            const std::function<std::uint64_t()>& clock,
                                            std::string& error) {
  drm_halyard_sloop_payload raw;
  if (payload.size() != sizeof(raw)) {
    error = "the payload has " + std::to_string(payload.size()) + " bytes, not " +
            std::to_string(sizeof(raw));
    return nullptr;
  }
  std::memcpy(&raw, payload.data(), sizeof(raw));
  error = check_payload(raw, engine_class);
  if (!error.empty()) return nullptr;
  return std::make_unique<OwnedExecution>(raw, space, clock);
}

}  // namespace halyard::emu::sloop
