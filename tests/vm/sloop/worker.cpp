// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <array>
#include <cstring>

#include "jobs.hpp"
#include "stream.hpp"

namespace halyard::test {
namespace {

/// Memory is filled and copied by the DMA engines, which reach that of the host, too.
class SloopWorker final : public Worker {
 public:
  SloopWorker() : Worker(DRM_HALYARD_SLOOP_ENGINE_DMA, DRM_HALYARD_SLOOP_ENGINE_COMPUTE) {}

  AnyJob fill(const Target& target, std::uint64_t offset, std::uint64_t size,
              std::uint32_t pattern) override {
    Job job = test::fill(queue(), target.handle, size, pattern);
    job.payload.target += offset;
    if (target.readonly) job.buffers[0].flags = 0;
    return any_job(job);
  }

  AnyJob copy(const Target& from, std::uint64_t from_offset, const Target& to,
              std::uint64_t to_offset, std::uint64_t size) override {
    Job job = test::copy(queue(), from.handle, to.handle, size);
    job.payload.source += from_offset;
    job.payload.target += to_offset;
    return any_job(job);
  }

  AnyJob stamps(const Target& target, std::uint32_t first, std::uint32_t commands) override {
    using namespace emu::test;
    std::vector<Task> tasks;
    for (std::uint32_t i = first; i < first + commands; ++i) {
      tasks.push_back(fill_task(i32(1, {kScratch / sizeof(std::uint32_t)}), i));
      tasks.push_back(task(DRM_HALYARD_SLOOP_TIMESTAMP));
      tasks.back().out = i32(0, {2}, i * sizeof(std::uint64_t));
    }
    const std::array bindings = {
        drm_halyard_sloop_binding{.address = emu::test::at(1), .size = target.size},
        drm_halyard_sloop_binding{.address = emu::test::at(2), .size = kScratch}};
    const std::size_t bytes = tasks.size() * sizeof(Task);
    Buffer& stream = streams_.emplace_back(client().make_buffer(bytes + sizeof(bindings)));
    std::memcpy(stream.map.bytes().data(), tasks.data(), bytes);
    std::memcpy(stream.map.bytes().data() + bytes, bindings.data(), sizeof(bindings));
    Job job;
    job.payload = compute_payload(emu::test::at(0), tasks.size(), emu::test::at(0, bytes),
                                  static_cast<unsigned>(bindings.size()));
    constexpr std::uint32_t kFlags = DRM_HALYARD_BUFFER_WRITE | DRM_HALYARD_BUFFER_NO_IMPLICIT;
    job.uses(stream.handle, 0).uses(target.handle, kFlags).uses(scratch().handle, kFlags);
    return any_job(job);
  }

  std::span<std::uint32_t> newest_stream() const override { return streams_.back().as(); }

 private:
  std::vector<Buffer> streams_;
};

}  // namespace

std::unique_ptr<Worker> make_worker() {
  return std::make_unique<SloopWorker>();
}

}  // namespace halyard::test
