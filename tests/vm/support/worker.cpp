// SPDX-License-Identifier: MIT
#include "worker.hpp"

#include <cerrno>

namespace halyard::test {

Target Worker::reach(std::uint32_t handle, std::uint64_t size, bool readonly) {
  Target target{.handle = handle, .size = size, .va = 0, .readonly = readonly};
  if ((client_.device().flags & DRM_HALYARD_DEVICE_HAS_MMU) == 0) return target;
  target.va = client_.reserve(size);
  require(client_.map_at(client_.vm(), handle, target.va, size,
                         readonly ? DRM_HALYARD_BIND_READONLY : 0),
          "VM_BIND");
  return target;
}

int Worker::attempt(AnyJob job) {
  const std::uint32_t done = client_.make_syncobj();
  job.signal(done);
  if (const int refused = client_.submit(job); refused != 0) return -refused;
  require(client_.wait(done), "SYNCOBJ_WAIT");
  const int end = client_.status(done);
  if (end != 1) {
    require(client_.queue_destroy(job.queue), "QUEUE_DESTROY");
    queue_ = 0;
  }
  return end;
}

std::uint32_t Worker::queue() {
  if (queue_ == 0) queue_ = client_.make_queue(mover_class_);
  return queue_;
}

const Target& Worker::scratch() {
  if (scratch_.size == 0) scratch_ = make(kScratch);
  return scratch_;
}

std::vector<std::uint32_t> Worker::read(const Target& target, std::uint64_t offset,
                                        std::uint64_t size) {
  const Target seen = make((size + kPage - 1) / kPage * kPage);
  const Mapping map = client_.map(seen.handle, size);
  const int end = attempt(copy(target, offset, seen, 0, size));
  require(end == 1 ? 0 : -end, "copy");
  const auto words = map.as<std::uint32_t>();
  return {words.begin(), words.end()};
}

}  // namespace halyard::test
