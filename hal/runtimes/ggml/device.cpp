// SPDX-License-Identifier: MIT
#include "device.hpp"

#include "backend.hpp"
#include "buffer.hpp"
#include "commands.hpp"
#include "log.hpp"
#include "operations.hpp"
#include "stream.hpp"

namespace halyard::ggml {
namespace {

const char* get_name(ggml_backend_dev_t device) {
  return GgmlDevice::of(device).name().c_str();
}

const char* get_description(ggml_backend_dev_t device) {
  return GgmlDevice::of(device).info().name;
}

void get_memory(ggml_backend_dev_t device, size_t* free, size_t* total) {
  auto info = GgmlDevice::of(device).info();
  try {
    info = GgmlDevice::of(device).hal().info();
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(device)) + ": " + error.what());
  }
  *total = info.memory_size;
  *free = info.memory_size - std::min(info.memory_used, info.memory_size);
}

/// An accelerator in the host's memory is what ggml calls an integrated GPU, one with memory of its
/// own a GPU: its type ACCEL is for libraries that work beside the CPU.
enum ggml_backend_dev_type get_type(ggml_backend_dev_t device) {
  try {
    return GgmlDevice::of(device).memory_is_host() ? GGML_BACKEND_DEVICE_TYPE_IGPU
                                                   : GGML_BACKEND_DEVICE_TYPE_GPU;
  } catch (const std::exception&) {
    return GGML_BACKEND_DEVICE_TYPE_GPU;
  }
}

void get_props(ggml_backend_dev_t device, ggml_backend_dev_props* props) {
  const auto& info = GgmlDevice::of(device).info();
  *props = {};
  props->name = get_name(device);
  props->description = get_description(device);
  get_memory(device, &props->memory_free, &props->memory_total);
  props->type = get_type(device);
  // Not async: graphs are waited for, see Stream::compute().
  props->caps.events = true;
  props->device_id = info.bus[0] != '\0' ? info.bus : nullptr;
}

ggml_backend_t init_backend(ggml_backend_dev_t device, const char* /*params*/) {
  try {
    return make_backend(GgmlDevice::of(device));
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(device)) + ": " + error.what());
    return nullptr;
  }
}

ggml_backend_buffer_type_t get_buffer_type(ggml_backend_dev_t device) {
  return GgmlDevice::of(device).buffer_type();
}

bool supports_buft(ggml_backend_dev_t device, ggml_backend_buffer_type_t type) {
  return type == GgmlDevice::of(device).buffer_type();
}

/// Bytes that a job of this node alone needs.
std::uint64_t bytes_of(const ggml_tensor* node, const Commands& commands) {
  auto bytes = commands.scratch_bytes() + ggml_nbytes(node);
  for (const auto* source : node->src) {
    if (source != nullptr) bytes += ggml_nbytes(source);
  }
  return bytes;
}

/// Whether a job of this node fits, with room for what its graph has besides: the host is told node
/// by node, and the job is of all of them.
bool fits(const ggml_tensor* node, const Commands& commands, const Device& hal) {
  return bytes_of(node, commands) <= hal.memory().at(0).bytes / 4 * 3;
}

bool supports_op(ggml_backend_dev_t device, const ggml_tensor* node) {
  if (is_view(node) || ggml_is_empty(node)) return true;
  try {
    Commands commands;
    append(node, commands);
    const auto& hal = GgmlDevice::of(device).hal();
    return fits(node, commands, hal) && commands.supported_by(hal);
  } catch (const Unsupported&) {
    return false;
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(device)) + ": " + error.what());
    return false;
  }
}

ggml_backend_event_t new_event(ggml_backend_dev_t device) {
  auto mark = std::make_unique<Mark>();
  auto* event = new ggml_backend_event{device, mark.get()};
  static_cast<void>(mark.release());  // the event's, until free_event()
  return event;
}

void free_event(ggml_backend_dev_t /*device*/, ggml_backend_event_t event) {
  delete &mark_of(event);
  delete event;
}

void wait_for_event(ggml_backend_dev_t device, ggml_backend_event_t event) {
  try {
    if (const auto& point = mark_of(event).point) point->wait();
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(device)) + ": " + error.what());
  }
}

}  // namespace

ggml_backend_device_i GgmlDevice::interface() {
  return {.get_name = get_name,
          .get_description = get_description,
          .get_memory = get_memory,
          .get_type = get_type,
          .get_props = get_props,
          .init_backend = init_backend,
          .get_buffer_type = get_buffer_type,
          .get_host_buffer_type = nullptr,
          .buffer_from_host_ptr = nullptr,
          .supports_op = supports_op,
          .supports_buft = supports_buft,
          .offload_op = nullptr,
          .event_new = new_event,
          .event_free = free_event,
          .event_synchronize = wait_for_event};
}

GgmlDevice::GgmlDevice(const halyard_device_info& info, std::string name, ggml_backend_reg_t reg)
    : info_(info),
      name_(std::move(name)),
      handle_{interface(), reg, this},
      buffer_type_{buffer_type_interface(), &handle_, nullptr} {}

const Device& GgmlDevice::hal() {
  const std::lock_guard lock(mutex_);
  if (!hal_) {
    auto opened = Device::open(info_.path);
    memory_is_host_ = opened.memory().at(0).is_host != 0;
    hal_ = std::move(opened);
  }
  return *hal_;
}

bool GgmlDevice::memory_is_host() {
  hal();
  return memory_is_host_;
}

}  // namespace halyard::ggml
