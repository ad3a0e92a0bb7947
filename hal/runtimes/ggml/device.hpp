// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A HAL device as ggml's.

#include <halyard/halyard.hpp>

#include <mutex>
#include <optional>
#include <string>

#include "interface.hpp"

namespace halyard::ggml {

/// Made once for the process and never freed: ggml keeps devices for ever. Thread-safe.
class GgmlDevice {
 public:
  /// `name` is unique among all.
  GgmlDevice(const halyard_device_info& info, std::string name, ggml_backend_reg_t reg);
  GgmlDevice(const GgmlDevice&) = delete;
  GgmlDevice& operator=(const GgmlDevice&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const halyard_device_info& info() const { return info_; }
  /// Opens it when first called. Throws Error.
  const Device& hal();
  /// Programs work in the host's own memory.
  bool memory_is_host();

  [[nodiscard]] ggml_backend_dev_t handle() { return &handle_; }
  [[nodiscard]] ggml_backend_buffer_type_t buffer_type() { return &buffer_type_; }

  static GgmlDevice& of(ggml_backend_dev_t device) {
    return *static_cast<GgmlDevice*>(device->context);
  }

 private:
  const halyard_device_info info_;
  const std::string name_, description_;
  ggml_backend_device handle_;
  ggml_backend_buffer_type buffer_type_;
  std::mutex mutex_;             ///< protects what follows
  std::optional<Device> hal_;    ///< once it is open
  bool memory_is_host_ = false;  ///< known when it is open

  static ggml_backend_device_i interface();
};

}  // namespace halyard::ggml
