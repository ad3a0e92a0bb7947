// SPDX-License-Identifier: MIT
/// \file
/// The reader of the kernel's dumps: what is well-formed is printed, and each field that is not is
/// refused by name.

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sstream>
#include <string>

#include "dump_builder.hpp"
#include "dump_file.hpp"

namespace halyard::tools {
namespace {

using test::DumpBuilder;

/// A dump with a section of each type: a text at 32, a value at 88, bytes at 168.
DumpBuilder good() {
  DumpBuilder builder;
  builder.text("device", "chip: x\n");
  builder.values("registers", {{"STATUS", 0x1234}});
  builder.bytes("ring", 0x1000, {1, 2, 3});
  return builder;
}

constexpr std::size_t kText = sizeof(drm_halyard_dump_header);
constexpr std::size_t kValues = kText + sizeof(drm_halyard_dump_section) + 8;
constexpr std::size_t kBytes =
    kValues + sizeof(drm_halyard_dump_section) + sizeof(drm_halyard_dump_value);

std::string printed(const DumpBuilder& builder) {
  std::ostringstream out;
  print_dump(read_dump(builder.finish()), out);
  return out.str();
}

/// Changes a byte of the good dump and expects the reason to be told.
void expect_refused(std::size_t at, std::uint8_t value, const std::string& reason) {
  auto file = good().finish();
  ASSERT_LT(at, file.size());
  file[at] = std::byte{value};
  try {
    read_dump(file);
    FAIL() << "not refused: " << reason;
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find(reason), std::string::npos) << error.what();
  }
}

TEST(Dump, IsRead) {
  const Dump dump = read_dump(good().finish());
  EXPECT_EQ(dump.version, 1U);
  ASSERT_EQ(dump.sections.size(), 3U);
  EXPECT_EQ(dump.sections[0].name, "device");
  EXPECT_EQ(std::get<std::string>(dump.sections[0].data), "chip: x\n");
  const auto& values = std::get<std::vector<DumpValue>>(dump.sections[1].data);
  EXPECT_EQ(values, (std::vector<DumpValue>{{"STATUS", 0x1234}}));
  EXPECT_EQ(dump.sections[2].address, 0x1000U);
  EXPECT_EQ(std::get<DumpBytes>(dump.sections[2].data).size(), 3U);
}

TEST(Dump, IsPrinted) {
  EXPECT_EQ(printed(good()),
            "dump of version 1, 3 sections\n"
            "\n"
            "device\n"
            "  chip: x\n"
            "\n"
            "registers\n"
            "  STATUS                   0x1234\n"
            "\n"
            "ring (3 bytes at 0x1000)\n"
            "  000000001000  01 02 03                                          |...|\n");
}

TEST(Dump, WithoutSections) {
  EXPECT_EQ(printed({}), "dump of version 1, 0 sections\n");
}

TEST(Dump, LinesThatRepeatAreToldOnce) {
  std::vector<std::uint8_t> bytes(16 * 5);
  bytes.back() = 0x41;
  DumpBuilder builder;
  builder.bytes("ring", 0, bytes);
  const std::string text = printed(builder);
  EXPECT_NE(text.find("000000000000  00"), std::string::npos);
  EXPECT_NE(text.find("\n  *\n"), std::string::npos);
  EXPECT_NE(text.find("000000000040  00"), std::string::npos);
  EXPECT_EQ(text.find("000000000020"), std::string::npos);
  EXPECT_NE(text.find("|...............A|"), std::string::npos);
}

TEST(Dump, NothingReachesTheTerminalAsACommand) {
  DumpBuilder builder;
  builder.text("de\x1bvice", "process: 1 \x1b[2J\x7f\n");
  builder.values("registers", {{"A\tB", 1}});
  const std::string text = printed(builder);
  EXPECT_NE(text.find("de\\x1bvice"), std::string::npos);
  EXPECT_NE(text.find("1 \\x1b[2J\\x7f"), std::string::npos);
  EXPECT_NE(text.find("A\\x09B"), std::string::npos);
}

TEST(Dump, TruncatedSectionIsSaidToBe) {
  auto file = good().finish();
  file[kText + offsetof(drm_halyard_dump_section, flags)] = std::byte{DRM_HALYARD_DUMP_TRUNCATED};
  std::ostringstream out;
  print_dump(read_dump(file), out);
  EXPECT_NE(out.str().find("device (truncated)"), std::string::npos);
}

TEST(Dump, EveryLengthIsRefused) {
  const auto file = good().finish();
  for (std::size_t size = 0; size < file.size(); ++size) {
    EXPECT_THROW(read_dump(std::span(file).first(size)), std::runtime_error) << size;
  }
  auto longer = file;
  longer.resize(file.size() + 8);
  EXPECT_THROW(read_dump(longer), std::runtime_error);
}

/// Also where the header says that the file is as long as it is.
TEST(Dump, EveryLengthThatTheHeaderTellsIsRefused) {
  const auto file = good().finish();
  for (std::size_t size = kText; size < file.size(); ++size) {
    std::vector<std::byte> cut(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size));
    const std::uint64_t told = size;
    std::memcpy(cut.data() + offsetof(drm_halyard_dump_header, size), &told, sizeof(told));
    EXPECT_THROW(read_dump(cut), std::runtime_error) << size;
  }
}

TEST(Dump, HeaderIsChecked) {
  expect_refused(offsetof(drm_halyard_dump_header, magic), 'h', "does not begin with HALYDUMP");
  expect_refused(offsetof(drm_halyard_dump_header, version), 2, "version 2");
  expect_refused(offsetof(drm_halyard_dump_header, header_size), 24, "24 bytes, not 32");
  expect_refused(offsetof(drm_halyard_dump_header, size), 1, "the dump has 1 bytes");
  expect_refused(offsetof(drm_halyard_dump_header, sections), 2, "behind the last section");
  expect_refused(offsetof(drm_halyard_dump_header, sections), 4, "the header of section 3");
  expect_refused(offsetof(drm_halyard_dump_header, pad), 1, "the pad");
}

TEST(Dump, SectionIsChecked) {
  const auto field = [](std::size_t section, std::size_t offset) { return section + offset; };
  expect_refused(field(kText, 0), 0, "the name of section 0 is empty");
  expect_refused(field(kText, offsetof(drm_halyard_dump_section, type)), 9, "unknown type, 9");
  expect_refused(field(kText, offsetof(drm_halyard_dump_section, flags)), 2, "unknown flags, 2");
  expect_refused(field(kText, offsetof(drm_halyard_dump_section, address)), 1, "has an address");
  expect_refused(field(kValues, offsetof(drm_halyard_dump_section, address)), 1, "has an address");
  expect_refused(field(kBytes, offsetof(drm_halyard_dump_section, size)), 200, "200 bytes, but");
  expect_refused(field(kValues, offsetof(drm_halyard_dump_section, size)), 24,
                 "a value of section");
  expect_refused(field(kBytes, sizeof(drm_halyard_dump_section) + 5), 1, "is not zero");
}

TEST(Dump, NamesEnd) {
  auto file = good().finish();
  std::memset(file.data() + kText, 'x', sizeof(drm_halyard_dump_section::name));
  EXPECT_THROW(read_dump(file), std::runtime_error);
  file = good().finish();
  const std::size_t value = kValues + sizeof(drm_halyard_dump_section);
  std::memset(file.data() + value, 'x', sizeof(drm_halyard_dump_value::name));
  EXPECT_THROW(read_dump(file), std::runtime_error);
  expect_refused(value, 0, "the name of a value of section \"registers\" is empty");
}

}  // namespace
}  // namespace halyard::tools
