// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A device's file: opening it, its ioctls, and what DEV_QUERY tells.

#include <drm/halyard_accel.h>

#include <cstddef>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "platform/platform.hpp"

namespace halyard::hal::drm {

/// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~UniqueFd();
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

/// An open node of our driver, of a version that this library can talk to. Thread-safe.
class Node {
 public:
  /// Throws Error: HALYARD_NO_DEVICE, HALYARD_NO_PERMISSION with the group that may,
  /// HALYARD_VERSION_MISMATCH, or HALYARD_SYSTEM.
  explicit Node(const std::string& path);

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::string& driver_version() const { return driver_version_; }

  /// An errno, or 0. Interrupted calls are made again.
  int try_call(unsigned long request, void* argument) const noexcept;
  /// Throws Error that says `what` failed.
  void call(unsigned long request, void* argument, const char* what) const;

  /// One struct; what the kernel does not know of it is zero.
  template <class T>
  [[nodiscard]] T query(drm_halyard_query_type type) const {
    T value{};
    query_bytes(type, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  /// An array of structs, of which the kernel's element size is ours.
  template <class T>
  [[nodiscard]] std::vector<T> query_array(drm_halyard_query_type type) const {
    std::vector<T> values(query_size(type) / sizeof(T));
    query_bytes(type, std::as_writable_bytes(std::span(values)));
    return values;
  }
  [[nodiscard]] std::vector<std::byte> query_blob(drm_halyard_query_type type) const;
  /// The first `out.size()` bytes of the answer.
  void query_bytes(drm_halyard_query_type type, std::span<std::byte> out) const;

 private:
  [[nodiscard]] std::size_t query_size(drm_halyard_query_type type) const;
  void check_driver();

  std::string path_;
  UniqueFd fd_;
  std::string driver_version_;
};

/// All that DEV_QUERY tells, and the bus id from sysfs.
DeviceFacts read_facts(const Node& node, const std::string& bus);

/// Of each region.
std::vector<MemoryUse> read_memory_use(const Node& node);

/// Why the firmware does not run; empty when it does, or when there is none.
std::string read_firmware_error(const Node& node);

/// A NUL-terminated string in an array of fixed size.
template <std::size_t N>
std::string text(const char (&field)[N]) {
  std::size_t length = 0;
  while (length < N && field[length] != '\0')
    ++length;
  return {field, length};
}

}  // namespace halyard::hal::drm
