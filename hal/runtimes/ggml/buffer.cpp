// SPDX-License-Identifier: MIT
#include "buffer.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "device.hpp"
#include "log.hpp"

namespace halyard::ggml {
namespace {

/// Of a tensor: a cache line. What the device needs is the size of an element.
constexpr std::size_t kAlignment = 64;

/// An open file of the process's.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(fd_); }

  [[nodiscard]] int get() const { return fd_; }

 private:
  const int fd_;
};

BufferContext& context(ggml_backend_buffer_t buffer) {
  return *static_cast<BufferContext*>(buffer->context);
}

void free_buffer(ggml_backend_buffer_t buffer) {
  delete &context(buffer);
}

void* get_base(ggml_backend_buffer_t buffer) {
  return context(buffer).host().data();
}

// Nothing of ours runs while ggml works on a buffer: graphs are waited for, and for copies ggml
// waits itself.

void memset_tensor(ggml_backend_buffer_t /*buffer*/, ggml_tensor* tensor, uint8_t value,
                   size_t offset, size_t size) {
  std::memset(static_cast<std::byte*>(tensor->data) + offset, value, size);
}

void set_tensor(ggml_backend_buffer_t /*buffer*/, ggml_tensor* tensor, const void* data,
                size_t offset, size_t size) {
  std::memcpy(static_cast<std::byte*>(tensor->data) + offset, data, size);
}

void get_tensor(ggml_backend_buffer_t /*buffer*/, const ggml_tensor* tensor, void* data,
                size_t offset, size_t size) {
  std::memcpy(data, static_cast<const std::byte*>(tensor->data) + offset, size);
}

/// From any of our devices: the host sees both.
bool copy_tensor(ggml_backend_buffer_t /*buffer*/, const ggml_tensor* source, ggml_tensor* target) {
  if (context_of(source) == nullptr) return false;
  std::memcpy(target->data, source->data, ggml_nbytes(source));
  return true;
}

void clear(ggml_backend_buffer_t buffer, uint8_t value) {
  const auto all = context(buffer).host();
  std::memset(all.data(), value, all.size());
}

constexpr ggml_backend_buffer_i kBufferInterface = {
    .free_buffer = free_buffer,
    .get_base = get_base,
    .init_tensor = nullptr,
    .memset_tensor = memset_tensor,
    .set_tensor = set_tensor,
    .get_tensor = get_tensor,
    .set_tensor_2d = nullptr,
    .get_tensor_2d = nullptr,
    .cpy_tensor = copy_tensor,
    .clear = clear,
    .reset = nullptr,
};

const char* type_name(ggml_backend_buffer_type_t type) {
  return GgmlDevice::of(type->device).name().c_str();
}

ggml_backend_buffer_t alloc_buffer(ggml_backend_buffer_type_t type, size_t size) {
  try {
    auto owned = std::make_unique<BufferContext>(GgmlDevice::of(type->device), size);
    auto* buffer = ggml_backend_buffer_init(type, kBufferInterface, owned.get(), size);
    static_cast<void>(owned.release());  // the buffer's
    return buffer;
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(type_name(type)) + ": " + std::to_string(size) +
                                  " bytes are not to be had: " + error.what());
    return nullptr;
  }
}

size_t get_alignment(ggml_backend_buffer_type_t /*type*/) {
  return kAlignment;
}

bool is_host(ggml_backend_buffer_type_t type) {
  try {
    return GgmlDevice::of(type->device).memory_is_host();
  } catch (const std::exception&) {
    return false;  // of a device that does not open there are no buffers
  }
}

}  // namespace

ggml_backend_buffer_type_i buffer_type_interface() {
  return {.get_name = type_name,
          .alloc_buffer = alloc_buffer,
          .alloc_buffer_n = nullptr,
          .get_alignment = get_alignment,
          .get_max_size = nullptr,
          .get_alloc_size = nullptr,
          .get_alloc_size_n = nullptr,
          .is_host = is_host};
}

BufferContext::BufferContext(GgmlDevice& device, std::size_t bytes)
    : device_(device),
      memory_(device.hal().allocate(std::max<std::size_t>(bytes, 1))),
      host_(memory_.map()) {}

std::uint64_t BufferContext::offset_of(const ggml_tensor* tensor) const {
  return static_cast<std::uint64_t>(static_cast<const std::byte*>(tensor->data) - host_.data());
}

std::optional<Buffer> BufferContext::reached_by(GgmlDevice& device) {
  if (&device == &device_) return memory_;
  if (!device_.memory_is_host()) return {};
  const std::lock_guard lock(mutex_);
  const auto [found, first] = by_.try_emplace(&device);
  if (first) {
    try {
      const Descriptor shared(memory_.export_dmabuf());
      found->second = device.hal().import_dmabuf(shared.get());
    } catch (const Error& error) {
      if (error.code() != HALYARD_UNSUPPORTED && error.code() != HALYARD_INVALID_ARGUMENT) throw;
    }
  }
  return found->second;
}

BufferContext* context_of(const ggml_tensor* tensor) {
  auto* buffer = tensor->view_src != nullptr ? tensor->view_src->buffer : tensor->buffer;
  const bool ours = buffer != nullptr && buffer->iface.free_buffer == free_buffer;
  return ours ? &context(buffer) : nullptr;
}

}  // namespace halyard::ggml
