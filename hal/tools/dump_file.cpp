// SPDX-License-Identifier: MIT
#include "dump_file.hpp"

#include <drm/halyard_dump.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <iomanip>
#include <ostream>
#include <stdexcept>
#include <string_view>

namespace halyard::tools {

namespace {

static_assert(std::endian::native == std::endian::little, "numbers of a dump are little-endian");

constexpr std::size_t kBytesPerLine = 16;
constexpr std::uint32_t kTruncated = DRM_HALYARD_DUMP_TRUNCATED;

/// What is left of a file, from which is taken.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> left) : left_(left) {}

  [[nodiscard]] std::size_t left() const { return left_.size(); }

  /// `what` is for the message when so much is not there.
  std::span<const std::byte> take(std::uint64_t size, const std::string& what) {
    if (size > left_.size()) {
      throw std::runtime_error(what + " has " + std::to_string(size) + " bytes, but only " +
                               std::to_string(left_.size()) + " are left");
    }
    const auto taken = left_.first(static_cast<std::size_t>(size));
    left_ = left_.subspan(taken.size());
    return taken;
  }

  template <typename T>
  T take_struct(const std::string& what) {
    T value{};
    std::memcpy(&value, take(sizeof(value), what).data(), sizeof(value));
    return value;
  }

 private:
  std::span<const std::byte> left_;
};

void require(bool holds, const std::string& otherwise) {
  if (!holds) throw std::runtime_error(otherwise);
}

/// A name of fixed room, which must end there and say something.
std::string name_of(std::span<const char> room, const std::string& whose) {
  const auto end = std::ranges::find(room, '\0');
  require(end != room.end(), "the name of " + whose + " does not end");
  require(end != room.begin(), "the name of " + whose + " is empty");
  return {room.begin(), end};
}

void check_zero(std::span<const std::byte> bytes, const std::string& what) {
  require(std::ranges::all_of(bytes, [](std::byte byte) { return byte == std::byte{0}; }),
          what + " is not zero");
}

drm_halyard_dump_header read_header(std::span<const std::byte> file) {
  const auto header = Reader(file).take_struct<drm_halyard_dump_header>("the header");
  require(header.magic == DRM_HALYARD_DUMP_MAGIC,
          "this is no dump: it does not begin with HALYDUMP");
  require(header.version == DRM_HALYARD_DUMP_VERSION,
          "the dump is of version " + std::to_string(header.version) +
              ", and this program reads version " + std::to_string(DRM_HALYARD_DUMP_VERSION));
  require(header.header_size == sizeof(header),
          "the header says that it has " + std::to_string(header.header_size) + " bytes, not " +
              std::to_string(sizeof(header)));
  require(header.size == file.size(),
          "the header says that the dump has " + std::to_string(header.size) +
              " bytes, but the file has " + std::to_string(file.size()));
  require(header.pad == 0, "the pad of the header is not zero");
  return header;
}

std::vector<DumpValue> read_values(std::span<const std::byte> data, const std::string& whose) {
  std::vector<DumpValue> values;
  Reader reader(data);
  while (reader.left() != 0) {
    const auto value = reader.take_struct<drm_halyard_dump_value>("a value of " + whose);
    values.emplace_back(name_of(value.name, "a value of " + whose), value.value);
  }
  return values;
}

DumpSection read_section(Reader& reader, std::uint32_t number) {
  std::string what = "section " + std::to_string(number);
  const auto header = reader.take_struct<drm_halyard_dump_section>("the header of " + what);
  DumpSection section{.name = name_of(header.name, what),
                      .truncated = (header.flags & kTruncated) != 0,
                      .address = header.address,
                      .data = {}};
  what = "section \"" + section.name + '"';
  require((header.flags & ~kTruncated) == 0,
          what + " has unknown flags, " + std::to_string(header.flags));
  const auto data = reader.take(header.size, what);
  const std::size_t used = data.size() % DRM_HALYARD_DUMP_ALIGN;
  check_zero(reader.take(used == 0 ? 0 : DRM_HALYARD_DUMP_ALIGN - used, "what follows " + what),
             "what follows " + what);
  require(header.type == DRM_HALYARD_DUMP_BYTES || header.address == 0,
          what + " is no memory, but has an address");
  switch (header.type) {
    case DRM_HALYARD_DUMP_TEXT:
      section.data.emplace<std::string>(reinterpret_cast<const char*>(data.data()), data.size());
      break;
    case DRM_HALYARD_DUMP_VALUES:
      section.data = read_values(data, what);
      break;
    case DRM_HALYARD_DUMP_BYTES:
      section.data = DumpBytes(data.begin(), data.end());
      break;
    default:
      throw std::runtime_error(what + " is of an unknown type, " + std::to_string(header.type));
  }
  return section;
}

/// Escapes what a terminal would take for a command. UTF-8 stays as it is.
std::string printable(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= ' ' && byte != 0x7f) {
      result += character;
    } else {
      result += {'\\', 'x', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
  }
  return result;
}

void print_text(const std::string& text, std::ostream& out) {
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find('\n', from), text.size());
    out << "  " << printable(std::string_view(text).substr(from, end - from)) << '\n';
    from = end + 1;
  }
}

void print_values(const std::vector<DumpValue>& values, std::ostream& out) {
  for (const auto& [name, value] : values) {
    out << "  " << std::left << std::setw(24) << printable(name) << std::right << " 0x" << std::hex
        << value << std::dec << '\n';
  }
}

void print_line(std::uint64_t address, std::span<const std::byte> line, std::ostream& out) {
  std::string characters;
  out << "  " << std::hex << std::setfill('0') << std::setw(12) << address << ' ';
  for (std::size_t i = 0; i < kBytesPerLine; ++i) {
    if (i % 8 == 0) out << ' ';
    if (i >= line.size()) {
      out << "   ";
      continue;
    }
    const auto byte = std::to_integer<unsigned>(line[i]);
    out << std::setw(2) << byte << ' ';
    characters += byte >= ' ' && byte < 0x7f ? static_cast<char>(byte) : '.';
  }
  out << std::dec << std::setfill(' ') << " |" << characters << "|\n";
}

/// As hexdump does: lines that are like the one before are told by one asterisk.
void print_bytes(const DumpBytes& bytes, std::uint64_t address, std::ostream& out) {
  std::span<const std::byte> before;
  bool skipping = false;
  for (std::size_t from = 0; from < bytes.size(); from += kBytesPerLine) {
    const auto line = std::span(bytes).subspan(from, std::min(kBytesPerLine, bytes.size() - from));
    const bool last = from + kBytesPerLine >= bytes.size();
    if (!last && std::ranges::equal(line, before)) {
      if (!skipping) out << "  *\n";
      skipping = true;
      continue;
    }
    skipping = false;
    before = line;
    print_line(address + from, line, out);
  }
}

void print_section(const DumpSection& section, std::ostream& out) {
  out << '\n' << printable(section.name);
  if (const auto* bytes = std::get_if<DumpBytes>(&section.data)) {
    out << " (" << bytes->size() << " bytes";
    if (section.address != 0) out << " at 0x" << std::hex << section.address << std::dec;
    out << ')';
  }
  out << (section.truncated ? " (truncated)\n" : "\n");
  if (const auto* text = std::get_if<std::string>(&section.data)) print_text(*text, out);
  if (const auto* values = std::get_if<std::vector<DumpValue>>(&section.data)) {
    print_values(*values, out);
  }
  if (const auto* bytes = std::get_if<DumpBytes>(&section.data)) {
    print_bytes(*bytes, section.address, out);
  }
}

}  // namespace

Dump read_dump(std::span<const std::byte> file) {
  const drm_halyard_dump_header header = read_header(file);
  Reader reader(file.subspan(sizeof(header)));
  Dump dump{.version = header.version, .sections = {}};
  for (std::uint32_t i = 0; i < header.sections; ++i) {
    dump.sections.push_back(read_section(reader, i));
  }
  require(reader.left() == 0,
          "there are " + std::to_string(reader.left()) + " bytes behind the last section");
  return dump;
}

void print_dump(const Dump& dump, std::ostream& out) {
  out << "dump of version " << dump.version << ", " << dump.sections.size() << " sections\n";
  for (const DumpSection& section : dump.sections) {
    print_section(section, out);
  }
}

}  // namespace halyard::tools
