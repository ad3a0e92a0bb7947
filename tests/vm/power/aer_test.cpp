// SPDX-License-Identifier: MIT
/// \file
/// Errors of the bus, injected into the kernel's own reporting of them (aer_inject): what was
/// corrected disturbs nobody; after any other the card is reset, by the driver or by the bus, and
/// every job ends with its result.

#include <fcntl.h>
#include <linux/pci_regs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "client.hpp"
#include "lost.hpp"
#include "power.hpp"
#include "user.hpp"

namespace halyard::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// As the kernel's drivers/pci/pcie/aer_inject.c takes it.
struct InjectedError {
  std::uint8_t bus, device, function;
  std::uint32_t uncorrectable, correctable;
  std::array<std::uint32_t, 4> header;
  std::uint32_t domain;
};

InjectedError for_card() {
  const std::string name = pci_device().filename();
  unsigned domain = 0, bus = 0, device = 0, function = 0;
  if (std::sscanf(name.c_str(), "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
    throw std::runtime_error("what address is " + name);
  return {.bus = static_cast<std::uint8_t>(bus),
          .device = static_cast<std::uint8_t>(device),
          .function = static_cast<std::uint8_t>(function),
          .uncorrectable = 0,
          .correctable = 0,
          .header = {},
          .domain = domain};
}

/// Of the whole device, so far.
unsigned device_resets() {
  return resets()[2];
}

class BusError : public testing::Test {
 protected:
  void SetUp() override {
    constexpr const char* kFile = "/dev/aer_inject";
    if (!fs::exists(kFile) && std::system("modprobe aer_inject") != 0)
      GTEST_SKIP() << "this kernel has no aer_inject";
    for (int i = 0; i < 200 && !fs::exists(kFile); ++i)
      sleep_ms(10);
    file_ = File(open(kFile, O_WRONLY | O_CLOEXEC));
    ASSERT_GE(file_.get(), 0);
  }
  void TearDown() override { set_sleep_after(1000ms); }

  void report(const InjectedError& error) const {
    ASSERT_EQ(write(file_.get(), &error, sizeof(error)), static_cast<ssize_t>(sizeof(error)))
        << std::strerror(errno);
  }
  void report_uncorrectable(std::uint32_t status) const {
    InjectedError error = for_card();
    error.uncorrectable = status;
    report(error);
  }

  /// Correctable errors of the card's receiver that the kernel has counted.
  static unsigned receiver_errors() {
    std::ifstream file(pci_device() / "aer_dev_correctable");
    std::string name;
    for (unsigned count = 0; file >> name >> count;)
      if (name == "RxErr") return count;
    throw std::runtime_error("no count of receiver errors");
  }
  static bool await_receiver_errors(unsigned count) {
    for (int i = 0; i < 2000 && receiver_errors() < count; ++i)
      sleep_ms(10);
    return receiver_errors() == count;
  }

  /// That the port has heard of: the card can't be asked for what ended its link.
  static unsigned fatal_errors() {
    std::ifstream file(pci_device().parent_path() / "aer_rootport_total_err_fatal");
    unsigned count = 0;
    file >> count;
    return count;
  }
  static bool await_fatal(unsigned count) {
    for (int i = 0; i < 2000 && fatal_errors() < count; ++i)
      sleep_ms(10);
    return fatal_errors() == count;
  }

  /// The newest reset is over when there are so many.
  static bool await_resets(unsigned count) {
    for (int i = 0; i < 2000 && device_resets() < count; ++i)
      sleep_ms(10);
    return device_resets() == count;
  }

  /// One job on the card, others behind it, of two users: all of them end well.
  void expect_survived(std::uint32_t status) {
    std::array<User, 2> users;
    for (int round = 0; round < 3; ++round) {
      const unsigned before = device_resets();
      inject("slow", -1, 0, 1, 500'000);
      std::vector<User::Job> jobs;
      for (int i = 0; i < 6; ++i)
        jobs.push_back(users[static_cast<unsigned>(i) % 2].start(static_cast<float>(i)));
      ASSERT_TRUE(wait_for_injection());
      report_uncorrectable(status);
      for (std::size_t i = 0; i < jobs.size(); ++i)
        users[i % 2].expect_result(jobs[i]);
      EXPECT_TRUE(await_resets(before + 1)) << device_resets() - before;
    }
    users[0].run();
  }

  File file_;
};

TEST_F(BusError, CorrectedDisturbsNobody) {
  User user;
  const unsigned before = device_resets(), counted = receiver_errors();
  inject("slow", -1, 0, 1, 300'000);
  const User::Job job = user.start(1);
  ASSERT_TRUE(wait_for_injection());
  InjectedError error = for_card();
  error.correctable = PCI_ERR_COR_RCVR;
  report(error);
  user.expect_result(job);
  EXPECT_TRUE(await_receiver_errors(counted + 1));
  EXPECT_EQ(device_resets(), before);
}

TEST_F(BusError, NonFatalIsSurvived) {
  expect_survived(PCI_ERR_UNC_COMP_ABORT);
}

TEST_F(BusError, FatalIsSurvived) {
  expect_survived(PCI_ERR_UNC_MALF_TLP);
}

/// Whoever looks at memory of the card's meanwhile waits, and sees what is in it.
TEST_F(BusError, FatalIsNotSeenInMemory) {
  constexpr std::uint32_t kPattern = 0x5eed0fad;
  User user;
  auto memory = user.device().allocate(4096);
  user.queue().fill(memory, 0, memory.size(), kPattern).wait(kPatience);
  const auto words = memory.map<const volatile std::uint32_t>();
  std::atomic<bool> over{false};
  std::atomic<unsigned> looks{0}, wrong{0};
  std::thread looker([&] {
    for (std::size_t i = 0; !over; i = (i + 1) % words.size(), ++looks)
      if (words[i] != kPattern) ++wrong;
  });
  for (int round = 0; round < 3; ++round) {
    const unsigned before = device_resets();
    report_uncorrectable(PCI_ERR_UNC_MALF_TLP);
    EXPECT_TRUE(await_resets(before + 1)) << device_resets() - before;
  }
  over = true;
  looker.join();
  EXPECT_GT(looks, 0U);
  EXPECT_EQ(wrong, 0U) << "of " << looks;
}

TEST_F(BusError, FatalAsleepIsSurvived) {
  User user;
  const User::Job job = user.start(4);
  job.end.wait(kPatience);
  set_sleep_after(50ms);
  ASSERT_TRUE(wait_for_sleep());
  const unsigned before = device_resets(), fatal = fatal_errors();
  report_uncorrectable(PCI_ERR_UNC_DLP);
  EXPECT_TRUE(await_fatal(fatal + 1));
  // The driver sees to it when somebody needs the card.
  user.expect_result(job);
  user.run();
  // Who wakes the card in the midst of the bus's own recovery has it reset once more.
  for (int i = 0; i < 2000 && device_resets() == before; ++i)
    sleep_ms(10);
  EXPECT_GT(device_resets(), before);
  user.run();
}

}  // namespace
}  // namespace halyard::test
