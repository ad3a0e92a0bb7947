// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Reader of safetensors files: u64 header size, JSON header, data.

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halyard::tools {

/// A tensor in the file's bytes.
struct FileTensor {
  std::string dtype;  ///< as in the file: "F32", "I8", "U8", "I32", ...
  std::vector<std::uint32_t> dims;
  std::span<const std::byte> data;

  /// The elements, which must be of type T's size; throws std::runtime_error when the file's type
  /// is another.
  template <class T>
  [[nodiscard]] std::span<const T> as(std::string_view expected) const {
    need_type(expected, alignof(T));
    return {reinterpret_cast<const T*>(data.data()), data.size() / sizeof(T)};
  }

 private:
  void need_type(std::string_view expected, std::size_t alignment) const;
};

/// The tensors by name. `bytes` must outlive the result. Throws std::runtime_error that says what
/// is wrong, for any bytes.
std::map<std::string, FileTensor, std::less<>> read_safetensors(std::span<const std::byte> bytes);

}  // namespace halyard::tools
