// SPDX-License-Identifier: MIT
// The reader of weights refuses every file that is not whole, and names what is wrong.

#include "safetensors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <stdexcept>

namespace halyard::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::byte> file_of(const std::string& header, std::size_t data) {
  std::uint64_t size = header.size();
  std::vector<std::byte> bytes(sizeof(size) + header.size() + data);
  std::memcpy(bytes.data(), &size, sizeof(size));
  std::memcpy(bytes.data() + sizeof(size), header.data(), header.size());
  return bytes;
}

void expect_refused(const std::vector<std::byte>& bytes, const std::string& text) {
  try {
    read_safetensors(bytes);
    ADD_FAILURE() << "accepted, should say: " << text;
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr(text));
  }
}

TEST(Safetensors, ReadsTensors) {
  const auto bytes = file_of(
      R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}})" +
          std::string(2, ' '),
      8);
  const auto tensors = read_safetensors(bytes);
  ASSERT_EQ(tensors.size(), 1U);
  const auto& w = tensors.at("w");
  EXPECT_THAT(w.dims, ElementsAre(2, 1));
  EXPECT_EQ(w.data.size(), 8U);
  EXPECT_THROW((void)w.as<std::int8_t>("I8"), std::runtime_error);
}

TEST(Safetensors, RefusesWhatIsNotOne) {
  expect_refused({}, "shorter than a header");
  expect_refused(std::vector<std::byte>(7), "shorter than a header");
  auto bytes = file_of("{}", 0);
  bytes[0] = std::byte{3};
  expect_refused(bytes, "header is longer");
  std::memset(bytes.data(), 0xff, 8);
  expect_refused(bytes, "header is longer");
  expect_refused(file_of("[]", 0), "not a JSON object");
  expect_refused(file_of("{\"a\":", 0), "not a JSON object");
}

TEST(Safetensors, RefusesEachBadField) {
  const auto entry = [](const std::string& text) { return file_of("{\"w\":" + text + "}", 8); };
  expect_refused(entry("1"), "lacks dtype");
  expect_refused(entry(R"({"shape":[2],"data_offsets":[0,8]})"), "lacks dtype");
  expect_refused(entry(R"({"dtype":"F32","data_offsets":[0,8]})"), "lacks dtype");
  expect_refused(entry(R"({"dtype":"F32","shape":[2]})"), "lacks dtype");
  expect_refused(entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0]})"), "lacks dtype");
  expect_refused(entry(R"({"dtype":"F99","shape":[2],"data_offsets":[0,8]})"), "unknown type F99");
  expect_refused(entry(R"({"dtype":"F32","shape":[-2],"data_offsets":[0,8]})"),
                 "dimension that is no number");
  expect_refused(entry(R"({"dtype":"F32","shape":[4294967296],"data_offsets":[0,8]})"),
                 "larger than the file");
  expect_refused(entry(R"({"dtype":"F32","shape":[65536,65536,65536],"data_offsets":[0,8]})"),
                 "larger than the file");
  expect_refused(entry(R"({"dtype":"F32","shape":[2],"data_offsets":[0,-8]})"), "no numbers");
  expect_refused(entry(R"({"dtype":"F32","shape":[2],"data_offsets":[8,0]})"),
                 "outside of the file");
  expect_refused(entry(R"({"dtype":"F32","shape":[2],"data_offsets":[1,9]})"),
                 "outside of the file");
  expect_refused(entry(R"({"dtype":"F32","shape":[1],"data_offsets":[0,8]})"),
                 "does not fit its bytes");
}

/// The committed weights, damaged: never anything but a refusal or tensors inside of the file.
TEST(Safetensors, SurvivesDamage) {
  std::ifstream stream(DIGITS_DATA "/digits-int8.safetensors", std::ios::binary);
  ASSERT_TRUE(stream);
  const std::string whole{std::istreambuf_iterator<char>(stream), {}};
  std::vector<std::byte> bytes(whole.size());
  std::memcpy(bytes.data(), whole.data(), whole.size());
  ASSERT_NO_THROW(read_safetensors(bytes));
  const auto try_read = [](std::span<const std::byte> damaged) {
    try {
      for (const auto& [name, tensor] : read_safetensors(damaged)) {
        EXPECT_GE(tensor.data.data(), damaged.data());
        EXPECT_LE(tensor.data.data() + tensor.data.size(), damaged.data() + damaged.size());
      }
    } catch (const std::runtime_error&) {
      return;
    }
  };
  for (std::size_t size = 0; size < bytes.size(); size += 13)
    try_read(std::span(bytes).first(size));
  std::minstd_rand random(1);
  for (int i = 0; i < 2000; ++i) {
    auto damaged = bytes;
    damaged[random() % 2000] ^= static_cast<std::byte>(1U << random() % 8);
    try_read(damaged);
  }
}

}  // namespace
}  // namespace halyard::tools
