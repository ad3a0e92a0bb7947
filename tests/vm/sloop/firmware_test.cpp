// SPDX-License-Identifier: MIT
/// \file
/// Images that do not run: what is told of them, and that a better one mends it.

#include <filesystem>

#include "firmware.hpp"

namespace halyard::test {
namespace {

using testing::HasSubstr;
using Firmware = FirmwareTest;

TEST_F(Firmware, ReloadsWhileJobsRun) {
  put_image(image_);
  const Mover client;
  const auto handle = client.make_bo(kMiB);
  for (std::uint32_t i = 0; i < 20; ++i) {
    ASSERT_EQ(client.submit(fill(client.queue(), handle, kMiB, i)), 0);
  }
  EXPECT_EQ(reload(), 0);
  EXPECT_EQ(client.fill_bo(handle, 4096, 42), 1);
  EXPECT_EQ(client.query(client.queue()).completed, 21U);
}

TEST_F(Firmware, MissingFileChangesNothing) {
  const std::string hidden = std::string(kGoodImage) + ".hidden";
  std::filesystem::rename(kGoodImage, hidden);
  const int result = reload();
  std::filesystem::rename(hidden, kGoodImage);
  EXPECT_EQ(result, ENOENT);
  EXPECT_STREQ(query().error, "");
  EXPECT_THAT(query().version, HasSubstr("."));
}

TEST_F(Firmware, Truncated) {
  put_image(image_.substr(0, image_.size() - 1));
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("truncated");
}

TEST_F(Firmware, ShorterThanItsHeader) {
  put_image(image_.substr(0, 8));
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("truncated");
}

TEST_F(Firmware, Longer) {
  put_image(image_ + "x");
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("longer");
}

TEST_F(Firmware, NoFirmwareAtAll) {
  put_image(std::string(1024, 'x'));
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("no firmware");
}

TEST_F(Firmware, WrongHash) {
  std::string image = image_;
  image.back() = static_cast<char>(image.back() ^ 1);
  put_image(image);
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("hash");
}

TEST_F(Firmware, WrongSignature) {
  constexpr std::size_t kSignature = 128;
  std::string image = image_;
  image[kSignature] = static_cast<char>(image[kSignature] ^ 1);
  put_image(image);
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("signature");
}

TEST_F(Firmware, LargerThanTheCardTakes) {
  put_image(image_ + std::string(16 * kMiB, 'x'));
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("larger");
}

TEST_F(Firmware, SilentController) {
  put_image(image_);
  // To a halt, and at each of the two rungs of the recovery to the image.
  inject("boot_silent", -1, 0, 3);
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("does not answer");
}

/// What was on the card when its firmware failed is still there, seen through the window at once,
/// all of it when the firmware runs again.
TEST_F(Firmware, MemoryOutlivesABadImage) {
  const Mover client;
  const auto near = client.make_bo(kMiB);
  const auto far = client.make_bo(kMiB);
  const Mapping map = client.map(near, kMiB);
  const auto words = map.as<std::uint32_t>();
  words[0] = 1;
  ASSERT_EQ(client.fill_bo(near, kMiB, 0x1234), 1);
  ASSERT_EQ(client.fill_bo(far, kMiB, 0x5678), 1);
  put_image("x");
  EXPECT_EQ(reload(), ENOEXEC);
  EXPECT_TRUE(holds(words, 0x1234));
  put_image(image_);
  EXPECT_EQ(reload(), 0);
  EXPECT_TRUE(holds(client.map(far, kMiB).as<std::uint32_t>(), 0x5678));
}

}  // namespace
}  // namespace halyard::test
