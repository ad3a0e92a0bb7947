// SPDX-License-Identifier: MIT
// What only the kernel driver has: permissions, and the count of jobs by the kernel.
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "fixture.hpp"
#include "waiters.hpp"

namespace halyard::test {
namespace {

/// Runs `body` in a process of a user who is in no group; its exit status.
int as_nobody(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) {
    if (setgroups(0, nullptr) != 0 || setgid(65534) != 0 || setuid(65534) != 0) _exit(100);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// Group and mode of a node, as udev's rule sets them, for a while.
class NodeMode {
 public:
  NodeMode(std::string path, gid_t group, mode_t mode) : path_(std::move(path)) {
    EXPECT_EQ(stat(path_.c_str(), &before_), 0);
    EXPECT_EQ(chown(path_.c_str(), 0, group), 0);
    EXPECT_EQ(chmod(path_.c_str(), mode), 0);
  }
  ~NodeMode() {
    EXPECT_EQ(chown(path_.c_str(), before_.st_uid, before_.st_gid), 0);
    EXPECT_EQ(chmod(path_.c_str(), before_.st_mode & 07777U), 0);
  }
  NodeMode(const NodeMode&) = delete;
  NodeMode& operator=(const NodeMode&) = delete;

 private:
  std::string path_;
  struct stat before_ {};
};

TEST(PermissionTest, MissingGroupIsNamed) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become nobody";
  const group* render = getgrnam("render");
  ASSERT_NE(render, nullptr) << "the guest has the group that udev's rule names";
  const NodeMode mode(open_device().info().path, render->gr_gid, 0660);
  EXPECT_EQ(as_nobody([] {
              halyard_device* device = nullptr;
              if (halyard_device_open(nullptr, &device) != HALYARD_NO_PERMISSION) return 1;
              const std::string message = last_error().message;
              if (message.find("the group render") == std::string::npos) return 2;
              if (message.find("/dev/accel/accel") == std::string::npos) return 3;
              return 0;
            }),
            0);
  EXPECT_EQ(as_nobody([] {
              std::string code;
              halyard_diagnose([](const char* word, const char*,
                                  void* user) { *static_cast<std::string*>(user) = word; },
                               &code);
              return code == "no-permission" ? 0 : 1;
            }),
            0);
}

TEST(PermissionTest, NodeOfRootAloneIsExplained) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become nobody";
  const NodeMode mode(open_device().info().path, 0, 0600);
  EXPECT_EQ(as_nobody([] {
              halyard_device* device = nullptr;
              if (halyard_device_open(nullptr, &device) != HALYARD_NO_PERMISSION) return 1;
              const std::string message = last_error().message;
              return message.find("udev rule") != std::string::npos ? 0 : 2;
            }),
            0);
}

TEST(PermissionTest, HighPriorityNeedsTheCapability) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can become nobody";
  const auto device = open_device();
  EXPECT_EQ(
      as_nobody([&device] {
        const halyard_queue_desc desc{sizeof(desc), 0, HALYARD_PRIORITY_HIGH};
        halyard_queue* queue = nullptr;
        const auto status = halyard_queue_create(device.get(), &desc, &queue);
        if (status != HALYARD_NO_PERMISSION) return 1;
        return std::string(last_error().message).find("CAP_SYS_NICE") != std::string::npos ? 0 : 2;
      }),
      0);
}

/// The first device's driver is unbound from it, and bound again in the end.
class UnboundCard {
 public:
  UnboundCard() : bus_(open_device().info().bus) {
    driver_ = std::filesystem::canonical("/sys/bus/pci/devices/" + bus_ + "/driver");
    write("unbind");
  }
  ~UnboundCard() { bind(); }
  UnboundCard(const UnboundCard&) = delete;
  UnboundCard& operator=(const UnboundCard&) = delete;

  void bind() {
    if (!std::exchange(bound_, true)) write("bind");
  }
  [[nodiscard]] const std::string& bus() const { return bus_; }

 private:
  void write(const char* action) const {
    std::ofstream file(driver_ / action);
    EXPECT_TRUE(file << bus_ << std::flush) << action;
  }

  std::string bus_;
  std::filesystem::path driver_;
  bool bound_ = false;
};

TEST(HotplugTest, CardThatGoesAndComesIsToldAndExplained) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can unbind a driver";
  const auto before = enumerate();
  const std::string path = open_device().info().path;
  Monitor monitor;
  UnboundCard card;
  const auto gone = monitor.next(kPatience);
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(gone->added, 0U);
  EXPECT_EQ(gone->path, path);
  EXPECT_EQ(enumerate().size(), before.size() - 1);
  if (before.size() == 1) {
    std::string told;
    halyard_diagnose(
        [](const char* code, const char* sentence, void* user) {
          *static_cast<std::string*>(user) += code + std::string(": ") + sentence;
        },
        &told);
    EXPECT_THAT(told, testing::HasSubstr("module-not-loaded: the card " + card.bus()));
  }
  card.bind();
  const auto came = monitor.next(kPatience);
  ASSERT_TRUE(came.has_value());
  EXPECT_EQ(came->added, 1U);
  auto queue = Device::open(came->path).create_queue();
  queue.barrier().wait(kPatience);
}

TEST(HotplugTest, LossReachesEveryWaiterAndAProgramGoesOn) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can unbind a driver";
  auto device = open_device();
  const auto buffer = device.allocate(16);
  buffer.map<std::uint32_t>()[0] = 1;
  Monitor monitor;
  {
    Waiters waiters(device);
    UnboundCard card;
    waiters.expect(HALYARD_DEVICE_LOST);
    EXPECT_EQ(error_of([&] { return device.create_queue(); }).code(), HALYARD_DEVICE_LOST);
    EXPECT_EQ(error_of([&] { return device.allocate(16); }).code(), HALYARD_DEVICE_LOST);
    buffer.map<std::uint32_t>()[0] = 2;
    EXPECT_EQ(buffer.map<std::uint32_t>()[0], 2U);
  }
  // The program hears of the card that came, and goes on with it.
  auto news = monitor.next(kPatience);
  while (news.has_value() && news->added == 0)
    news = monitor.next(kPatience);
  ASSERT_TRUE(news.has_value());
  device = Device::open(news->path);
  auto queue = device.create_queue();
  queue.barrier().wait(kPatience);
}

TEST(ProcessTest, KilledWithJobsUnderWayHurtsNobody) {
  const pid_t child = fork();
  if (child == 0) {
    const auto device = open_device();
    auto queue = device.create_queue();
    auto gate = device.create_timeline();
    const std::array<Point, 1> waits{gate.at(1)};
    const auto buffer = device.allocate(1 << 20);
    for (int i = 0; i < 100; ++i)
      queue.fill(buffer, 0, 1 << 20, 1);
    queue.fill(buffer, 0, 4, 1, {.waits = waits});
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status));
  const auto device = open_device();
  auto queue = device.create_queue();
  queue.barrier().wait(kPatience);
}

}  // namespace
}  // namespace halyard::test
