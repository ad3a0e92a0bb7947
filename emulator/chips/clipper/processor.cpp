// SPDX-License-Identifier: MIT
#include "chips/clipper/processor.hpp"

#include <clipper/clipper_regs.h>
#include <drm/halyard_clipper.h>

#include <cstring>

#include "chips/clipper/execution.hpp"

namespace halyard::emu::clipper {

std::vector<EngineInfo> Processor::engines() const {
  return {{"tensor", DRM_HALYARD_CLIPPER_ENGINE_TENSOR, CLP_NUM_TENSOR_ENGINES},
          {"copy", DRM_HALYARD_CLIPPER_ENGINE_COPY, CLP_NUM_COPY_ENGINES}};
}

std::vector<std::byte> Processor::chip_blob() const {
  const drm_halyard_clipper_info info{
      .revision = CLP_REVISION_MAJOR << 16 | CLP_REVISION_MINOR,
      .bindings_max = CLP_BINDINGS_MAX,
      .opcodes = implemented_opcodes(),
      .clock_khz = CLP_CLOCK_KHZ_VALUE,
      .pad = 0,
  };
  const auto bytes = std::as_bytes(std::span(&info, 1));
  return {bytes.begin(), bytes.end()};
}

std::unique_ptr<Execution> Processor::start(std::span<const std::byte> payload,
                                            std::uint32_t engine_class, AddressSpace& space,
                                            const std::function<std::uint64_t()>& clock,
                                            std::string& error) {
  drm_halyard_clipper_payload raw;
  if (payload.size() != sizeof(raw)) {
    error = "the payload has " + std::to_string(payload.size()) + " bytes, not " +
            std::to_string(sizeof(raw));
    return nullptr;
  }
  std::memcpy(&raw, payload.data(), sizeof(raw));
  const JobDescriptor job{.stream = raw.stream,
                          .bindings = raw.bindings,
                          .stream_size = raw.stream_size,
                          .binding_count = raw.binding_count};
  error = check_job(job);
  if (raw.stream % kCommandSize != 0) error = "the stream's address is not a multiple of 64";
  if (raw.flags != 0) error = "flags is not zero";
  if (raw.pad != 0) error = "pad is not zero";
  if (engine_class > DRM_HALYARD_CLIPPER_ENGINE_COPY) error = "there is no such engine class";
  if (!error.empty()) return nullptr;
  auto execution = std::make_unique<JobExecution>();
  execution->start(job, engine_class, space, clock);
  return execution;
}

}  // namespace halyard::emu::clipper
