// SPDX-License-Identifier: MIT

#include "safetensors.hpp"

#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

namespace halyard::tools {
namespace {

// Far above any real header; the format's own readers draw the line here, too.
constexpr std::uint64_t kMaxHeader = 100'000'000;

[[noreturn]] void refuse(const std::string& what) {
  throw std::runtime_error("safetensors: " + what);
}

std::size_t element_size(std::string_view dtype) {
  static constexpr std::array<std::pair<std::string_view, std::size_t>, 9> kSizes{{{"F32", 4},
                                                                                   {"I32", 4},
                                                                                   {"U8", 1},
                                                                                   {"I8", 1},
                                                                                   {"F16", 2},
                                                                                   {"BF16", 2},
                                                                                   {"I64", 8},
                                                                                   {"F64", 8},
                                                                                   {"BOOL", 1}}};
  for (const auto& [name, size] : kSizes) {
    if (name == dtype) return size;
  }
  return 0;
}

FileTensor read_entry(const std::string& name, const nlohmann::json& entry,
                      std::span<const std::byte> data) {
  const std::string where = "tensor \"" + name + "\"";
  if (!entry.is_object() || !entry.contains("dtype") || !entry["dtype"].is_string() ||
      !entry.contains("shape") || !entry["shape"].is_array() || !entry.contains("data_offsets") ||
      !entry["data_offsets"].is_array() || entry["data_offsets"].size() != 2) {
    refuse(where + " lacks dtype, shape or data_offsets");
  }
  FileTensor tensor;
  tensor.dtype = entry["dtype"].get<std::string>();
  std::uint64_t bytes = element_size(tensor.dtype);
  if (bytes == 0) refuse(where + " has the unknown type " + tensor.dtype);
  for (const auto& dim : entry["shape"]) {
    if (!dim.is_number_unsigned()) refuse(where + " has a dimension that is no number");
    const auto value = dim.get<std::uint64_t>();
    if (value > std::numeric_limits<std::uint32_t>::max() ||
        (value != 0 && bytes > data.size() / value)) {
      refuse(where + " is larger than the file");
    }
    bytes *= value;
    tensor.dims.push_back(static_cast<std::uint32_t>(value));
  }
  if (!entry["data_offsets"][0].is_number_unsigned() ||
      !entry["data_offsets"][1].is_number_unsigned()) {
    refuse(where + " has data_offsets that are no numbers");
  }
  const auto begin = entry["data_offsets"][0].get<std::uint64_t>();
  const auto end = entry["data_offsets"][1].get<std::uint64_t>();
  if (begin > end || end > data.size()) refuse(where + " lies outside of the file");
  if (end - begin != bytes) refuse(where + " has a shape that does not fit its bytes");
  tensor.data = data.subspan(begin, bytes);
  return tensor;
}

}  // namespace

void FileTensor::need_type(std::string_view expected, std::size_t alignment) const {
  if (dtype != expected)
    refuse("expected type " + std::string(expected) + ", the file has " + dtype);
  if (std::bit_cast<std::uintptr_t>(data.data()) % alignment != 0) refuse("data are not aligned");
}

std::map<std::string, FileTensor, std::less<>> read_safetensors(std::span<const std::byte> bytes) {
  std::uint64_t header = 0;
  if (bytes.size() < sizeof(header)) refuse("shorter than a header");
  std::memcpy(&header, bytes.data(), sizeof(header));
  const auto rest = bytes.subspan(sizeof(header));
  if (header > rest.size() || header > kMaxHeader) refuse("the header is longer than the file");
  const auto* text = reinterpret_cast<const char*>(rest.data());
  const auto json = nlohmann::json::parse(text, text + header, nullptr, false);
  if (!json.is_object()) refuse("the header is not a JSON object");
  std::map<std::string, FileTensor, std::less<>> tensors;
  for (const auto& [name, entry] : json.items()) {
    if (name != "__metadata__")
      tensors.emplace(name, read_entry(name, entry, rest.subspan(header)));
  }
  return tensors;
}

}  // namespace halyard::tools
