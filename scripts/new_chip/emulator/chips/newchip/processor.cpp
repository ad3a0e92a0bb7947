// SPDX-License-Identifier: MIT
#include "chips/newchip/processor.hpp"

#include <drm/halyard_newchip.h>
#include <newchip/newchip_regs.h>

#include <cstring>

#include "chips/newchip/execution.hpp"

namespace halyard::emu::newchip {

namespace {

constexpr std::uint32_t kRevision = NEWCHIP_REVISION_MAJOR << 16 | NEWCHIP_REVISION_MINOR;

}  // namespace

ProcessorInfo Processor::info() const {
  ProcessorInfo info;
  info.revision = kRevision;
  info.has_mmu = false;
  info.va_start = info.va_end = 0;
  info.large_page_size = 0;
  info.regions = {{.name = "host", .size = 0, .host = true, .contiguous = true}};
  info.job_buffers_max = DRM_HALYARD_NEWCHIP_BUFFERS_MAX;
  return info;
}

std::vector<EngineInfo> Processor::engines() const {
  return {{"npu", DRM_HALYARD_NEWCHIP_ENGINE_NPU, 1}};
}

std::vector<std::byte> Processor::chip_blob() const {
  const drm_halyard_newchip_info info{.revision = kRevision,
                                     .opcodes = (1U << DRM_HALYARD_NEWCHIP_NUM_OPCODES) - 1};
  const auto bytes = std::as_bytes(std::span(&info, 1));
  return {bytes.begin(), bytes.end()};
}

std::unique_ptr<Execution> Processor::start(std::span<const std::byte> payload,
                                            std::uint32_t engine_class, AddressSpace& space,
                                            const std::function<std::uint64_t()>& clock,
                                            std::string& error) {
  drm_halyard_newchip_payload raw;
  if (payload.size() != sizeof(raw)) {
    error = "the payload has " + std::to_string(payload.size()) + " bytes, not " +
            std::to_string(sizeof(raw));
    return nullptr;
  }
  std::memcpy(&raw, payload.data(), sizeof(raw));
  if (raw.count > DRM_HALYARD_NEWCHIP_COMMANDS_MAX) error = "there are too many commands";
  if (raw.flags != 0) error = "flags is not zero";
  if (engine_class != DRM_HALYARD_NEWCHIP_ENGINE_NPU) error = "there is no such engine class";
  if (!error.empty()) return nullptr;
  const auto commands = std::span(raw.commands).first(raw.count);
  return std::make_unique<JobExecution>(
      std::vector<drm_halyard_newchip_command>(commands.begin(), commands.end()), space, clock);
}

}  // namespace halyard::emu::newchip
