// SPDX-License-Identifier: MIT
// The C interface: queues.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "api/points.hpp"
#include "sized.hpp"
#include "small_vector.hpp"

namespace halyard::hal {
namespace {

/// A halyard_sync in the library's terms; what it points to lives as long as this.
class Sync {
 public:
  explicit Sync(const halyard_sync* sync) {
    if (sync == nullptr) return;
    const auto raw = read_sized(sync, "halyard_sync");
    waits_ = read_points(raw.waits, raw.wait_count, "waits");
    signals_ = read_points(raw.signals, raw.signal_count, "signals");
    if (raw.profile != nullptr) profile_ = &unwrap(raw.profile, "profile");
  }
  [[nodiscard]] SyncRequest request() const { return {waits_.span(), signals_.span(), profile_}; }

 private:
  Points waits_, signals_;
  Profile* profile_ = nullptr;
};

void write_point(const Queue& queue, std::uint64_t number, halyard_point* point) {
  if (point == nullptr) return;
  point->timeline = reinterpret_cast<halyard_timeline*>(&queue.timeline());
  point->value = number;
}

MemoryRange range(halyard_buffer* buffer, std::uint64_t offset, std::uint64_t bytes,
                  const char* name) {
  return {*unwrap(buffer, name).memory, offset, bytes};
}

void check_priority(const halyard_priority& priority) {
  const auto value = raw_value(priority);
  if (value <= HALYARD_PRIORITY_REALTIME) return;
  throw Error(HALYARD_INVALID_ARGUMENT, "there is no priority " + std::to_string(value));
}

void check_class(const Device& device, std::uint32_t engine_class) {
  for (const auto& engine : device.facts().engines) {
    if (engine.engine_class == engine_class) return;
  }
  throw Error(HALYARD_INVALID_ARGUMENT,
              "the device has no engines of class " + std::to_string(engine_class));
}

}  // namespace
}  // namespace halyard::hal

using namespace halyard::hal;

halyard_status halyard_queue_create(halyard_device* device, const halyard_queue_desc* desc,
                                    halyard_queue** out) {
  return guard([&] {
    auto owner = share(device, "device");
    auto& result = require(out, "out");
    const auto value =
        desc != nullptr ? read_sized(desc, "halyard_queue_desc") : halyard_queue_desc{};
    check_class(*owner, value.engine_class);
    check_priority(value.priority);
    result =
        wrap<halyard_queue>(Queue::create(std::move(owner), value.engine_class, value.priority));
  });
}

HALYARD_DEFINE_REFERENCES(halyard_queue);

halyard_timeline* halyard_queue_timeline(halyard_queue* queue) {
  halyard_timeline* timeline = nullptr;
  guard(
      [&] { timeline = reinterpret_cast<halyard_timeline*>(&unwrap(queue, "queue").timeline()); });
  return timeline;
}

halyard_status halyard_queue_submit(halyard_queue* queue, halyard_program* program,
                                    const halyard_binding* bindings, size_t count,
                                    const halyard_sync* sync, halyard_point* point) {
  return guard([&] {
    auto& object = unwrap(queue, "queue");
    auto& code = unwrap(program, "program");
    if (code.device.get() != &object.device()) {
      throw Error(HALYARD_INVALID_ARGUMENT, "the program belongs to another device");
    }
    if (count > 0) require(bindings, "bindings");
    const Sync wanted(sync);
    SmallVector<BindingRequest, 16> list;
    for (size_t i = 0; i < count; ++i) {
      Memory* memory = nullptr;
      if (bindings[i].buffer != nullptr) memory = unwrap(bindings[i].buffer, "buffer").memory.get();
      list.push_back({bindings[i].name, memory, bindings[i].offset});
    }
    const auto number = object.submit(*code.data, list.span(), wanted.request());
    write_point(object, number, point);
  });
}

halyard_status halyard_queue_copy(halyard_queue* queue, halyard_buffer* dst, uint64_t dst_offset,
                                  halyard_buffer* src, uint64_t src_offset, uint64_t bytes,
                                  const halyard_sync* sync, halyard_point* point) {
  return guard([&] {
    auto& object = unwrap(queue, "queue");
    const Sync wanted(sync);
    const auto number = object.copy(range(dst, dst_offset, bytes, "dst"),
                                    range(src, src_offset, bytes, "src"), wanted.request());
    write_point(object, number, point);
  });
}

halyard_status halyard_queue_fill(halyard_queue* queue, halyard_buffer* dst, uint64_t offset,
                                  uint64_t bytes, uint32_t pattern, const halyard_sync* sync,
                                  halyard_point* point) {
  return guard([&] {
    auto& object = unwrap(queue, "queue");
    const Sync wanted(sync);
    const auto number = object.fill(range(dst, offset, bytes, "dst"), pattern, wanted.request());
    write_point(object, number, point);
  });
}

halyard_status halyard_queue_barrier(halyard_queue* queue, const halyard_sync* sync,
                                     halyard_point* point) {
  return guard([&] {
    auto& object = unwrap(queue, "queue");
    const Sync wanted(sync);
    write_point(object, object.barrier(wanted.request()), point);
  });
}
