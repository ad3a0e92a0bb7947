// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include "job.hpp"

namespace halyard::test {
namespace {

Operand words(std::uint32_t region, std::uint64_t offset, std::uint64_t size) {
  return dense(region, kI32, {static_cast<std::uint32_t>(size / sizeof(std::uint32_t))},
               static_cast<std::uint32_t>(offset));
}

/// The stream's buffer is region 0 of a job.
class DoryWorker final : public Worker {
 public:
  DoryWorker() : Worker(DRM_HALYARD_DORY_ENGINE_NPU, DRM_HALYARD_DORY_ENGINE_NPU) {}

  AnyJob fill(const Target& target, std::uint64_t offset, std::uint64_t size,
              std::uint32_t pattern) override {
    AnyJob job = program(Stream().fill(words(1, offset, size), pattern), queue());
    job.uses(target.handle, target.readonly ? 0 : DRM_HALYARD_BUFFER_WRITE);
    return job;
  }

  AnyJob copy(const Target& from, std::uint64_t from_offset, const Target& to,
              std::uint64_t to_offset, std::uint64_t size) override {
    AnyJob job =
        program(Stream().copy(words(1, from_offset, size), words(2, to_offset, size)), queue());
    job.uses(from.handle, 0).uses(to.handle, DRM_HALYARD_BUFFER_WRITE);
    return job;
  }

  AnyJob stamps(const Target& target, std::uint32_t first, std::uint32_t commands) override {
    Stream stream;
    for (std::uint32_t i = first; i < first + commands; ++i) {
      stream.fill(words(2, 0, kScratch), i)
          .operand(DRM_HALYARD_DORY_OUT,
                   word(1, i * static_cast<std::uint32_t>(sizeof(std::uint64_t))))
          .op(DRM_HALYARD_DORY_OP_TIMESTAMP);
    }
    AnyJob job = program(stream, 0);
    constexpr std::uint32_t kFlags = DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT;
    job.uses(target.handle, kFlags).uses(scratch().handle, kFlags);
    return job;
  }

  std::span<std::uint32_t> newest_stream() const override { return programs_.back().memory.as(); }

 private:
  AnyJob program(Stream& stream, std::uint32_t queue) {
    programs_.push_back(load(client(), stream.end()));
    return any_job(programs_.back().job(queue, {}));
  }

  std::vector<Program> programs_;
};

}  // namespace

std::unique_ptr<Worker> make_worker() {
  return std::make_unique<DoryWorker>();
}

}  // namespace halyard::test
