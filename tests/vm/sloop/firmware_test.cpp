// SPDX-License-Identifier: MIT
/// \file
/// Images that do not run: what is told of them, and that a better one mends it. The tests put
/// images where the kernel looks for them first.

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "jobs.hpp"

namespace halyard::test {
namespace {

using testing::HasSubstr;

constexpr const char* kSearchPath = "/sys/module/firmware_class/parameters/path";

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class Firmware : public testing::Test {
 protected:
  void SetUp() override {
    old_path_ = read_text(kSearchPath);
    old_path_.erase(old_path_.find_last_not_of('\n') + 1);
    image_ = read_text(good_image());
    ASSERT_FALSE(image_.empty()) << good_image();
    std::filesystem::create_directories(folder_ + "/halyard");
    set_path(folder_);
  }

  void TearDown() override {
    set_path(old_path_);
    EXPECT_EQ(reload(), 0);
    EXPECT_STREQ(query().error, "");
    EXPECT_THAT(query().version, HasSubstr("."));
    const Mover client;
    EXPECT_EQ(client.fill_bo(client.make_bo(4096), 4096, 1), 1);
    std::filesystem::remove_all(folder_);
  }

  static std::string good_image() { return "/lib/firmware/halyard/sloop.fw"; }

  static void set_path(const std::string& path) {
    std::ofstream(kSearchPath) << (path.empty() ? "\n" : path) << std::flush;
  }

  /// 0 or the errno.
  static int reload() {
    const File file(open((debugfs_folder() + "/firmware_reload").c_str(), O_WRONLY | O_CLOEXEC));
    return write(file.get(), "1", 1) == 1 ? 0 : errno;
  }

  void put_image(const std::string& image) const {
    std::ofstream(folder_ + "/halyard/sloop.fw", std::ios::binary) << image << std::flush;
  }

  [[nodiscard]] drm_halyard_query_firmware query() const {
    drm_halyard_query_firmware answer{};
    drm_halyard_dev_query argument{.type = DRM_HALYARD_QUERY_FIRMWARE,
                                   .size = sizeof(answer),
                                   .pointer = reinterpret_cast<std::uint64_t>(&answer)};
    require(client_.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
    return answer;
  }

  /// The device is there, says why it does not work, and takes no queues.
  void expect_out_of_use(const char* reason) const {
    EXPECT_THAT(query().error, HasSubstr(reason));
    EXPECT_STREQ(query().version, "");
    const Client client;
    drm_halyard_queue_create create{};
    create.vm_id = client.make_vm();
    create.priority = DRM_HALYARD_PRIORITY_NORMAL;
    EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_QUEUE_CREATE, create), EHOSTDOWN);
  }

  std::string folder_ = "/tmp/firmware-test";
  std::string old_path_;
  std::string image_;
  Client client_;
};

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
  const std::string hidden = good_image() + ".hidden";
  std::filesystem::rename(good_image(), hidden);
  const int result = reload();
  std::filesystem::rename(hidden, good_image());
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
