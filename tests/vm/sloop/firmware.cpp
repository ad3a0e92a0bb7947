// SPDX-License-Identifier: MIT
#include "firmware.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace halyard::test {

namespace {

constexpr const char* kSearchPath = "/sys/module/firmware_class/parameters/path";

void set_path(const std::string& path) {
  std::ofstream(kSearchPath) << (path.empty() ? "\n" : path) << std::flush;
}

}  // namespace

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void FirmwareTest::SetUp() {
  old_path_ = read_text(kSearchPath);
  old_path_.erase(old_path_.find_last_not_of('\n') + 1);
  image_ = read_text(kGoodImage);
  ASSERT_FALSE(image_.empty()) << kGoodImage;
  std::filesystem::create_directories(folder_ + "/halyard");
  set_path(folder_);
}

void FirmwareTest::TearDown() {
  set_path(old_path_);
  EXPECT_EQ(reload(), 0);
  EXPECT_STREQ(query().error, "");
  EXPECT_THAT(query().version, testing::HasSubstr("."));
  const Mover client;
  EXPECT_EQ(client.fill_bo(client.make_bo(4096), 4096, 1), 1);
  std::filesystem::remove_all(folder_);
}

int FirmwareTest::reload() {
  const File file(open((debugfs_folder() + "/firmware_reload").c_str(), O_WRONLY | O_CLOEXEC));
  return write(file.get(), "1", 1) == 1 ? 0 : errno;
}

void FirmwareTest::put_image(const std::string& image) const {
  std::ofstream(folder_ + "/halyard/sloop.fw", std::ios::binary) << image << std::flush;
}

drm_halyard_query_firmware FirmwareTest::query() const {
  drm_halyard_query_firmware answer{};
  drm_halyard_dev_query argument{.type = DRM_HALYARD_QUERY_FIRMWARE,
                                 .size = sizeof(answer),
                                 .pointer = reinterpret_cast<std::uint64_t>(&answer)};
  require(client_.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  return answer;
}

void FirmwareTest::expect_out_of_use(const char* reason) const {
  EXPECT_THAT(query().error, testing::HasSubstr(reason));
  EXPECT_STREQ(query().version, "");
  const Client client;
  drm_halyard_queue_create create{};
  create.vm_id = client.make_vm();
  create.priority = DRM_HALYARD_PRIORITY_NORMAL;
  EXPECT_EQ(client.call(DRM_IOCTL_HALYARD_QUEUE_CREATE, create), EHOSTDOWN);
}

}  // namespace halyard::test
