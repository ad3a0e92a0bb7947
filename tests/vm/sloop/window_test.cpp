// SPDX-License-Identifier: MIT
/// \file
/// Card memory shared with another maker's device: where that one can, it reaches the memory by the
/// card's window, and jobs go on; else the memory waits for it in the host's. The other device is
/// QEMU's "edu", whose engine really reads and writes what is on the bus.

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <edu_peer.h>
#include <gtest/gtest.h>

#include "dmabuf.hpp"
#include "jobs.hpp"
#include "lost.hpp"
#include "power.hpp"

namespace halyard::test {
namespace {

constexpr std::uint64_t kWindow = 16 * kMiB;
constexpr std::uint64_t kSize = 4 * kPage;

/// The other device, with at most one dma-buf at a time.
class Peer {
 public:
  Peer() {
    require(std::system("modprobe edu_peer") == 0 ? 0 : ENODEV, "modprobe edu_peer");
    file_ = File(open("/dev/edu-peer", O_RDWR | O_CLOEXEC));
    require(file_.get() < 0 ? errno : 0, "/dev/edu-peer");
  }

  /// 0 or the errno.
  [[nodiscard]] int attach(const File& dmabuf, std::uint32_t flags = EDU_PEER_IN_PLACE) {
    edu_peer_attach argument{.fd = dmabuf.get(), .flags = flags, .address = 0};
    const int error = call(argument);
    address_ = argument.address;
    return error;
  }
  void detach() const {
    edu_peer_attach argument{.fd = -1, .flags = 0, .address = 0};
    require(call(argument), "EDU_PEER_ATTACH");
  }
  /// Where the device sees the memory.
  [[nodiscard]] std::uint64_t address() const { return address_; }

  [[nodiscard]] std::uint32_t read(std::uint64_t offset) const {
    std::uint32_t word = 0;
    const auto count = pread(file_.get(), &word, sizeof(word), static_cast<off_t>(offset));
    require(count < 0 ? errno : 0, "read");
    return word;
  }
  void write(std::uint64_t offset, std::uint32_t word) const {
    const auto count = pwrite(file_.get(), &word, sizeof(word), static_cast<off_t>(offset));
    require(count < 0 ? errno : 0, "write");
  }

 private:
  int call(edu_peer_attach& argument) const {
    return ioctl(file_.get(), EDU_PEER_ATTACH, &argument) == 0 ? 0 : errno;
  }

  File file_;
  std::uint64_t address_ = 0;
};

/// Whether all of it is in one of the card's ranges on the bus.
bool is_in_card(std::uint64_t address, std::uint64_t size) {
  std::ifstream ranges(pci_device() / "resource");
  for (std::string begin, end, flags; ranges >> begin >> end >> flags;) {
    const std::uint64_t first = std::stoull(begin, nullptr, 16);
    const std::uint64_t last = std::stoull(end, nullptr, 16);
    if (last != 0 && first <= address && address + size - 1 <= last) return true;
  }
  return false;
}

/// Some of Debian's kernels are built without it.
bool kernel_has_peer_to_peer() {
  std::ifstream symbols("/proc/kallsyms");
  for (std::string line; std::getline(symbols, line);) {
    if (line.ends_with(" pci_p2pdma_distance_many")) return true;
  }
  return false;
}

class Window : public testing::Test {
 protected:
  void SetUp() override {
    if (!kernel_has_peer_to_peer()) GTEST_SKIP() << "the kernel has no CONFIG_PCI_P2PDMA";
  }

  Mover client_;
  Peer peer_;
  std::uint32_t handle_ = client_.make_bo(kSize);

  [[nodiscard]] File shared() const { return export_buffer(client_, handle_); }

  /// A word of an object as a job sees it.
  [[nodiscard]] std::uint32_t job_reads(std::uint64_t offset) const {
    const auto host = client_.make_bo(kSize, kHostMemory);
    EXPECT_EQ(client_.run(copy(client_.queue(), handle_, host, kSize)), 1);
    return client_.map(host, kSize).as<std::uint32_t>()[offset / 4];
  }
};

TEST_F(Window, APeerReadsWhatAJobWrote) {
  ASSERT_EQ(client_.fill_bo(handle_, kSize, 0xabcd), 1);
  ASSERT_EQ(peer_.attach(shared()), 0);
  EXPECT_TRUE(is_in_card(peer_.address(), kSize));
  EXPECT_EQ(peer_.read(0), 0xabcdU);
  EXPECT_EQ(peer_.read(kSize - 4), 0xabcdU);
}

TEST_F(Window, AJobReadsWhatAPeerWrote) {
  ASSERT_EQ(client_.fill_bo(handle_, kSize, 1), 1);
  ASSERT_EQ(peer_.attach(shared()), 0);
  peer_.write(kPage + 8, 0x1234);
  EXPECT_EQ(job_reads(kPage + 8), 0x1234U);
  EXPECT_EQ(job_reads(kPage + 12), 1U);
}

TEST_F(Window, JobsGoOnMeanwhile) {
  ASSERT_EQ(peer_.attach(shared()), 0);
  for (std::uint32_t round = 1; round < 4; ++round) {
    ASSERT_EQ(client_.fill_bo(handle_, kSize, round), 1);
    EXPECT_EQ(peer_.read(kPage), round);
  }
}

TEST_F(Window, IsWhereTheProcessorSeesIt) {
  ASSERT_EQ(peer_.attach(shared()), 0);
  const Mapping map = client_.map(handle_, kSize);
  map.as<std::uint32_t>()[3] = 0x33;
  EXPECT_EQ(peer_.read(12), 0x33U);
  peer_.write(16, 0x44);
  EXPECT_EQ(map.as<std::uint32_t>()[4], 0x44U);
}

/// However short of memory the card is.
TEST_F(Window, AnObjectStaysWhereAPeerSeesIt) {
  ASSERT_EQ(client_.fill_bo(handle_, kSize, 0x55), 1);
  ASSERT_EQ(peer_.attach(shared()), 0);
  const std::uint64_t size = 8 * kMiB;
  for (std::uint64_t used = 0; used < 2 * memory_region(client_, kCardMemory).size; used += size) {
    ASSERT_EQ(client_.fill_bo(client_.make_bo(size), size, 0x66), 1);
  }
  EXPECT_EQ(peer_.read(kSize - 4), 0x55U);
  EXPECT_EQ(job_reads(0), 0x55U);
}

/// Also one that was behind it, and its contents with it.
TEST_F(Window, AnObjectMovesThereForAPeer) {
  std::vector<std::uint32_t> others(memory_region(client_, kCardMemory).size / kWindow);
  for (auto& other : others) {
    other = client_.make_bo(kWindow / 2);
    ASSERT_EQ(client_.fill_bo(other, kWindow / 2, 0x70 + other), 1);
  }
  for (const auto other : others) {
    ASSERT_EQ(peer_.attach(export_buffer(client_, other)), 0);
    EXPECT_TRUE(is_in_card(peer_.address(), kWindow / 2));
    EXPECT_EQ(peer_.read(kWindow / 2 - 4), 0x70 + other);
  }
}

TEST_F(Window, WhatIsLargerIsSeenInHostMemory) {
  const auto large = client_.make_bo(kWindow + kPage);
  ASSERT_EQ(client_.fill_bo(large, kWindow + kPage, 0x88), 1);
  ASSERT_EQ(peer_.attach(export_buffer(client_, large)), 0);
  EXPECT_FALSE(is_in_card(peer_.address(), kPage));
  EXPECT_EQ(peer_.read(kWindow), 0x88U);
}

/// Of objects that others have there already.
TEST_F(Window, WhatDoesNotFitIsRefused) {
  constexpr std::uint64_t kLarge = kWindow / 8 * 5;
  const auto first = client_.make_bo(kLarge);
  const auto second = client_.make_bo(kLarge);
  ASSERT_EQ(client_.fill_bo(second, kLarge, 0x89), 1);
  ASSERT_EQ(peer_.attach(export_buffer(client_, first)), 0);
  Peer other;
  EXPECT_EQ(other.attach(export_buffer(client_, second)), ENOMEM);
  EXPECT_EQ(client_.fill_bo(first, kLarge, 0x8a), 1);
  EXPECT_EQ(peer_.read(kLarge - 4), 0x8aU);
  peer_.detach();
  ASSERT_EQ(other.attach(export_buffer(client_, second)), 0);
  EXPECT_EQ(other.read(kLarge - 4), 0x89U);
}

TEST_F(Window, APeerThatDoesNotReachItGetsHostMemory) {
  ASSERT_EQ(client_.fill_bo(handle_, kSize, 0x99), 1);
  ASSERT_EQ(peer_.attach(shared(), 0), 0);
  EXPECT_FALSE(is_in_card(peer_.address(), kSize));
  EXPECT_EQ(peer_.read(kSize - 4), 0x99U);
  EXPECT_EQ(client_.submit(fill(client_.queue(), handle_, kSize, 1)), EBUSY);
  peer_.write(kPage, 0x9a);
  peer_.detach();
  EXPECT_EQ(job_reads(kPage), 0x9aU);
}

TEST_F(Window, TwoPeersOfOneKindShareIt) {
  Peer other;
  ASSERT_EQ(peer_.attach(shared()), 0);
  ASSERT_EQ(other.attach(shared()), 0);
  EXPECT_EQ(other.address(), peer_.address());
  peer_.write(0, 0x11);
  peer_.detach();
  EXPECT_EQ(other.read(0), 0x11U);
}

TEST_F(Window, TwoPeersOfTwoKindsDoNot) {
  Peer other;
  ASSERT_EQ(peer_.attach(shared()), 0);
  EXPECT_EQ(other.attach(shared(), 0), EBUSY);
  peer_.detach();
  ASSERT_EQ(other.attach(shared(), 0), 0);
  EXPECT_EQ(peer_.attach(shared()), EBUSY);
}

TEST_F(Window, TheCardStaysAwakeForAPeer) {
  set_sleep_after(std::chrono::milliseconds(10));
  ASSERT_EQ(client_.fill_bo(handle_, kSize, 0xaa), 1);
  ASSERT_TRUE(wait_for_sleep());
  ASSERT_EQ(peer_.attach(shared()), 0);
  EXPECT_EQ(runtime_status(), "active");
  EXPECT_EQ(peer_.read(0), 0xaaU);
  usleep(200'000);
  EXPECT_EQ(runtime_status(), "active");
  EXPECT_EQ(peer_.read(kSize - 4), 0xaaU);
  peer_.detach();
  EXPECT_TRUE(wait_for_sleep());
}

/// The system's sleep takes the card's power, and a peer can't be told to look elsewhere.
TEST_F(Window, TheSystemStaysAwakeForAPeer) {
  ASSERT_EQ(client_.fill_bo(handle_, kSize, 0xab), 1);
  ASSERT_EQ(peer_.attach(shared()), 0);
  // One device after the other: those behind the card stay as they are.
  write_file("/sys/power/pm_async", "0");
  const File state(open("/sys/power/state", O_WRONLY | O_CLOEXEC));
  EXPECT_EQ(write(state.get(), "mem", 3) < 0 ? errno : 0, EBUSY);
  EXPECT_EQ(peer_.read(kSize - 4), 0xabU);
  EXPECT_EQ(job_reads(0), 0xabU);
}

TEST_F(Window, APeerOutlivesTheClient) {
  {
    const Mover client;
    const auto handle = client.make_bo(kSize);
    ASSERT_EQ(client.fill_bo(handle, kSize, 0xbb), 1);
    ASSERT_EQ(peer_.attach(export_buffer(client, handle)), 0);
  }
  EXPECT_EQ(peer_.read(kSize - 4), 0xbbU);
}

TEST_F(Window, APeerOutlivesTheDevice) {
  ASSERT_EQ(peer_.attach(shared()), 0);
  const Slot slot;
  slot.unbind();
  peer_.detach();
  slot.bind();
  ASSERT_TRUE(wait_for_device());
  const Mover client;
  const auto handle = client.make_bo(kSize);
  ASSERT_EQ(client.fill_bo(handle, kSize, 0xcc), 1);
  ASSERT_EQ(peer_.attach(export_buffer(client, handle)), 0);
  EXPECT_EQ(peer_.read(kSize - 4), 0xccU);
  // Nor does the old one keep the new one awake.
  peer_.detach();
  set_sleep_after(std::chrono::milliseconds(10));
  EXPECT_TRUE(wait_for_sleep());
}

}  // namespace
}  // namespace halyard::test
