// SPDX-License-Identifier: MIT
#pragma once

#include <drm/halyard_dump.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

/// \file
/// Dumps as the kernel writes them.

namespace halyard::tools::test {

/// Sections in the order of the calls.
class DumpBuilder {
 public:
  DumpBuilder& text(std::string_view name, std::string_view text) {
    return section(name, DRM_HALYARD_DUMP_TEXT, 0, std::as_bytes(std::span(text)));
  }

  DumpBuilder& values(std::string_view name,
                      const std::vector<std::pair<std::string_view, std::uint64_t>>& values) {
    std::vector<drm_halyard_dump_value> array;
    for (const auto& [value_name, number] : values) {
      array.emplace_back();
      value_name.copy(static_cast<char*>(array.back().name), sizeof(array.back().name) - 1);
      array.back().value = number;
    }
    return section(name, DRM_HALYARD_DUMP_VALUES, 0, std::as_bytes(std::span(array)));
  }

  DumpBuilder& bytes(std::string_view name, std::uint64_t address,
                     const std::vector<std::uint8_t>& bytes) {
    return section(name, DRM_HALYARD_DUMP_BYTES, address, std::as_bytes(std::span(bytes)));
  }

  [[nodiscard]] std::vector<std::byte> finish() const {
    std::vector<std::byte> file;
    drm_halyard_dump_header header{};
    header.magic = DRM_HALYARD_DUMP_MAGIC;
    header.version = DRM_HALYARD_DUMP_VERSION;
    header.header_size = sizeof(header);
    header.size = sizeof(header) + sections_.size();
    header.sections = count_;
    append(file, std::as_bytes(std::span(&header, 1)));
    append(file, sections_);
    return file;
  }

 private:
  static void append(std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
  }

  DumpBuilder& section(std::string_view name, std::uint32_t type, std::uint64_t address,
                       std::span<const std::byte> data) {
    drm_halyard_dump_section header{};
    name.copy(static_cast<char*>(header.name), sizeof(header.name) - 1);
    header.type = type;
    header.address = address;
    header.size = data.size();
    append(sections_, std::as_bytes(std::span(&header, 1)));
    append(sections_, data);
    sections_.resize((sections_.size() + DRM_HALYARD_DUMP_ALIGN - 1) / DRM_HALYARD_DUMP_ALIGN *
                     DRM_HALYARD_DUMP_ALIGN);
    ++count_;
    return *this;
  }

  std::vector<std::byte> sections_;
  std::uint32_t count_ = 0;
};

}  // namespace halyard::tools::test
