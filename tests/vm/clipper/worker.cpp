// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <utility>

#include "stream.hpp"

namespace halyard::test {
namespace {

drm_halyard_clipper_binding binding_of(const Target& target) {
  return {.address = target.va, .size = target.size};
}

drm_halyard_clipper_operand words(std::uint32_t binding, std::uint64_t offset, std::uint64_t size) {
  return row(binding, static_cast<std::uint32_t>(size / sizeof(std::uint32_t)), offset);
}

class ClipperWorker final : public Worker {
 public:
  ClipperWorker() : Worker(DRM_HALYARD_CLIPPER_ENGINE_TENSOR, DRM_HALYARD_CLIPPER_ENGINE_TENSOR) {}

  AnyJob fill(const Target& target, std::uint64_t offset, std::uint64_t size,
              std::uint32_t pattern) override {
    AnyJob job =
        program(Stream().fill(words(0, offset, size), pattern), {binding_of(target)}, queue());
    job.uses(target.handle, target.readonly ? 0 : DRM_HALYARD_BUFFER_WRITE);
    return job;
  }

  AnyJob copy(const Target& from, std::uint64_t from_offset, const Target& to,
              std::uint64_t to_offset, std::uint64_t size) override {
    AnyJob job = program(Stream().copy(words(0, from_offset, size), words(1, to_offset, size)),
                         {binding_of(from), binding_of(to)}, queue());
    job.uses(from.handle, 0).uses(to.handle, DRM_HALYARD_BUFFER_WRITE);
    return job;
  }

  AnyJob stamps(const Target& target, std::uint32_t first, std::uint32_t commands) override {
    Stream stream;
    for (std::uint32_t i = first; i < first + commands; ++i)
      stream.fill(words(1, 0, kScratch), i).timestamp(0, i * sizeof(std::uint64_t));
    return program(stream, {binding_of(target), binding_of(scratch())}, 0);
  }

  std::span<std::uint32_t> newest_stream() const override { return programs_.back().memory.as(); }

 private:
  AnyJob program(const Stream& stream, const std::vector<drm_halyard_clipper_binding>& bindings,
                 std::uint32_t queue) {
    programs_.push_back(load(client(), stream, bindings));
    return any_job(programs_.back().job(queue));
  }

  std::vector<Program> programs_;
};

}  // namespace

std::unique_ptr<Worker> make_worker() {
  return std::make_unique<ClipperWorker>();
}

}  // namespace halyard::test
