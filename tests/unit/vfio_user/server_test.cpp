// SPDX-License-Identifier: MIT

/// \file
/// The server as a client sees it: QEMU's sequence, and clients that misbehave.

#include "vfio_user/server.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <system_error>
#include <thread>

#include "client.hpp"
#include "fake_chip.hpp"
#include "vfio_user/log.hpp"
#include "wire.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

using testing::ElementsAre;

constexpr U32 kConfig = VFIO_PCI_CONFIG_REGION_INDEX;
constexpr U64 kGuestMemory = 8 << 20;

std::size_t open_fds() {
  const std::filesystem::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::pair<UniqueFd, UniqueFd> socket_pair() {
  int fds[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) std::abort();
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

struct Quiet {
  Quiet() { set_quiet(true); }
  ~Quiet() { set_quiet(false); }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
};

/// A card whose server runs in a thread.
class Card {
 public:
  explicit Card(FakeChip& chip)
      : function_(chip, trace_),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        server_(function_, stop_.get(), [this] { ++left_; }) {}
  ~Card() { stop(); }
  Card(const Card&) = delete;
  Card& operator=(const Card&) = delete;

  Client connect() {
    auto [mine, its] = socket_pair();
    run([this, socket = std::make_shared<UniqueFd>(std::move(its))] {
      server_.run_connected(std::move(*socket));
    });
    return Client(std::move(mine));
  }

  void run(std::function<void()> body) {
    join();
    thread_ = std::thread(std::move(body));
  }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  void stop() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(stop_.get(), &one, sizeof(one));
    join();
  }

  [[nodiscard]] Server& server() { return server_; }
  [[nodiscard]] int left() const { return left_; }

 private:
  Trace trace_;
  PciFunction function_;
  UniqueFd stop_;
  std::atomic<int> left_{0};
  Server server_;
  std::thread thread_;
};

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    if (::ftruncate(memory_.get(), kGuestMemory) != 0) std::abort();
  }

  /// A client with the version agreed, memory space and bus mastering on.
  Client connected() {
    Client client = card_.connect();
    EXPECT_EQ(client.call(Command::kVersion, version_payload()).error(), 0);
    EXPECT_EQ(client.write<U16>(kConfig, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), 0);
    return client;
  }

  /// Has the chip add `add` to `size` bytes at `address`; how many it reached.
  U32 run_dma(Client& client, U64 address, U32 size, U32 add) {
    EXPECT_EQ(client.write<U64>(0, FakeChip::kDmaAddress, address), 0);
    EXPECT_EQ(client.write<U32>(0, FakeChip::kDmaSize, size), 0);
    EXPECT_EQ(client.write<U32>(0, FakeChip::kDmaStart, add), 0);
    return client.read<U32>(0, FakeChip::kDmaDone);
  }
  std::byte memory_at(U64 offset) {
    std::byte byte{};
    EXPECT_EQ(::pread(memory_.get(), &byte, 1, static_cast<off_t>(offset)), 1);
    return byte;
  }

  Quiet quiet_;
  UniqueFd memory_{::memfd_create("guest memory", MFD_CLOEXEC)};
  FakeChip chip_;
  Card card_{chip_};
};

// --- What QEMU does
// -------------------------------------------------------------------------------

TEST_F(ServerTest, AgreesOnAVersion) {
  Client client = card_.connect();
  const auto reply = client.call(Command::kVersion, version_payload());
  ASSERT_EQ(reply.error(), 0);
  EXPECT_EQ(load<U32>(reply.payload), 0u);
  const std::string text(reinterpret_cast<const char*>(reply.payload.data()) + 4,
                         reply.payload.size() - 4);
  EXPECT_EQ(text.back(), '\0');
  EXPECT_THAT(text, testing::StartsWith(R"({"capabilities":{"max_msg_fds":16,)"));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("write_multiple")));
}

TEST_F(ServerTest, DescribesTheDevice) {
  Client client = connected();
  const auto reply = client.call(Command::kDeviceGetInfo, device_info_payload());
  ASSERT_EQ(reply.error(), 0);
  EXPECT_EQ(reply.payload, pack(U32{16}, U32{3}, U32{9}, U32{5}));
}

TEST_F(ServerTest, DescribesTheRegions) {
  Client client = connected();
  const auto region = [&](U32 index) {
    const auto reply = client.call(Command::kDeviceGetRegionInfo, region_info_payload(index));
    EXPECT_EQ(reply.error(), 0);
    EXPECT_EQ(load<U32>(reply.payload, 0), 32u);
    EXPECT_EQ(load<U32>(reply.payload, 8), index);
    EXPECT_EQ(reply.fds.size(), index == 2 ? 1u : 0u);
    return std::pair(load<U32>(reply.payload, 4), load<U64>(reply.payload, 16));
  };
  EXPECT_EQ(region(0), std::pair(U32{3}, FakeChip::kRegistersSize));
  EXPECT_EQ(region(1), std::pair(U32{0}, U64{0}));
  EXPECT_EQ(region(2), std::pair(U32{7}, FakeChip::kMemorySize));
  EXPECT_EQ(region(VFIO_PCI_ROM_REGION_INDEX), std::pair(U32{0}, U64{0}));
  EXPECT_EQ(region(kConfig), std::pair(U32{3}, U64{4096}));
  EXPECT_EQ(region(VFIO_PCI_VGA_REGION_INDEX), std::pair(U32{0}, U64{0}));
  EXPECT_EQ(client.call(Command::kDeviceGetRegionInfo, region_info_payload(9)).error(), EINVAL);
  EXPECT_EQ(client.call(Command::kDeviceGetRegionInfo, region_info_payload(~0u)).error(), EINVAL);
}

TEST_F(ServerTest, DescribesTheInterrupts) {
  Client client = connected();
  const auto reply =
      client.call(Command::kDeviceGetIrqInfo, irq_info_payload(VFIO_PCI_MSIX_IRQ_INDEX));
  ASSERT_EQ(reply.error(), 0);
  EXPECT_EQ(reply.payload, pack(U32{16}, U32{VFIO_IRQ_INFO_EVENTFD}, U32{2}, U32{4}));
  EXPECT_EQ(load<U32>(client.call(Command::kDeviceGetIrqInfo, irq_info_payload(3)).payload, 12),
            1u);
  EXPECT_EQ(client.call(Command::kDeviceGetIrqInfo, irq_info_payload(5)).error(), EINVAL);
}

TEST_F(ServerTest, ServesQemusBootSequence) {
  Client client = card_.connect();
  ASSERT_EQ(client.call(Command::kVersion, version_payload()).error(), 0);
  ASSERT_EQ(client.call(Command::kDeviceGetInfo, device_info_payload()).error(), 0);
  for (U32 i = 0; i < 8; ++i) {
    ASSERT_EQ(client.call(Command::kDeviceGetRegionInfo, region_info_payload(i)).error(), 0) << i;
  }
  const auto config = client.read(kConfig, 0, 4096);
  ASSERT_EQ(config.error(), 0);
  ASSERT_EQ(config.payload.size(), 16u + 4096u);
  EXPECT_EQ(load<U32>(config.payload, 16), 0xfa4e1d0fu);
  ASSERT_EQ(client.call(Command::kDeviceGetIrqInfo, irq_info_payload(2)).error(), 0);
  ASSERT_EQ(client.call(Command::kDeviceGetIrqInfo, irq_info_payload(3)).error(), 0);
  const UniqueFd error_event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int error_fd[] = {error_event.get()};
  ASSERT_EQ(client.set_irqs(kTriggerEventFd, 3, 0, 1, error_fd), 0);
  ASSERT_EQ(client.call(Command::kDeviceReset).error(), 0);
  // All of RAM, then the split that SeaBIOS makes below 1 MiB.
  ASSERT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
  ASSERT_EQ(client.map(0xfffc0000, 0x40000, -1, 0, VFIO_DMA_MAP_FLAG_READ), 0);  // the BIOS' ROM
  ASSERT_EQ(client.unmap(0, kGuestMemory), 0);
  ASSERT_EQ(client.map(0, 0xc3000, memory_.get()), 0);
  ASSERT_EQ(client.map(0xc3000, 0x25000, memory_.get(), 0xc3000, VFIO_DMA_MAP_FLAG_READ), 0);
  ASSERT_EQ(client.map(0xe8000, 0x8000, memory_.get(), 0xe8000), 0);
  ASSERT_EQ(client.map(0xf0000, 0x10000, memory_.get(), 0xf0000, VFIO_DMA_MAP_FLAG_READ), 0);
  ASSERT_EQ(client.map(0x100000, kGuestMemory - 0x100000, memory_.get(), 0x100000), 0);
  // The guest sizes BARs of every width and switches the card on.
  for (const U32 width : {1u, 2u, 4u, 8u})
    ASSERT_EQ(client.read(kConfig, 0x10, width).error(), 0);
  ASSERT_EQ(client.write<U16>(kConfig, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);

  // DMA over the borders of ranges, as far as they can be written.
  EXPECT_EQ(run_dma(client, 0xc2ff0, 0x20, 1), 0x10u);
  EXPECT_EQ(memory_at(0xc2fff), std::byte{1});
  EXPECT_EQ(memory_at(0xc3000), std::byte{0});
  EXPECT_EQ(run_dma(client, 0xefff0, 0x10, 1), 0x10u);
  EXPECT_EQ(run_dma(client, 0x100000, 0x1000, 5), 0x1000u);
  EXPECT_EQ(memory_at(0x100fff), std::byte{5});

  // A driver loads: MSI-X is taken into use.
  std::vector<UniqueFd> events;
  std::vector<int> fds;
  for (unsigned i = 0; i < FakeChip::kVectors; ++i) {
    events.emplace_back(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    fds.push_back(events.back().get());
  }
  ASSERT_EQ(client.set_irqs(kTriggerEventFd, 2, 0, FakeChip::kVectors, fds), 0);
  ASSERT_EQ(client.write<U32>(0, FakeChip::kRaise, 3), 0);
  std::uint64_t signals = 0;
  EXPECT_EQ(::read(events[3].get(), &signals, sizeof(signals)), 8);
  EXPECT_LT(::read(events[0].get(), &signals, sizeof(signals)), 0);
  ASSERT_EQ(client.set_irqs(kDisable, 2, 0, 0), 0);
  EXPECT_THAT(chip_.take_events(),
              ElementsAre("attach", "reset bus", "unmapped 0+" + std::to_string(kGuestMemory),
                          "master on"));
}

TEST_F(ServerTest, RegistersTakeEveryWidth) {
  Client client = connected();
  EXPECT_EQ(client.write<U64>(0, FakeChip::kScratch, 0x1122334455667788), 0);
  EXPECT_EQ(client.write<std::uint8_t>(0, FakeChip::kScratch + 1, std::uint8_t{0xaa}), 0);
  EXPECT_EQ(client.read<std::uint8_t>(0, FakeChip::kScratch), 0x88);
  EXPECT_EQ(client.read<U16>(0, FakeChip::kScratch), 0xaa88);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), 0x5566aa88u);
  EXPECT_EQ(client.read<U64>(0, FakeChip::kScratch), 0x112233445566aa88u);
}

TEST_F(ServerTest, RefusesRegisterAccessesOfOtherWidths) {
  Client client = connected();
  EXPECT_EQ(client.read(0, FakeChip::kScratch, 3).error(), EINVAL);
  EXPECT_EQ(client.read(0, FakeChip::kScratch, 16).error(), EINVAL);
  EXPECT_EQ(client.call(Command::kRegionWrite, write_payload(0, 0, Bytes(5))).error(), EINVAL);
}

TEST_F(ServerTest, RefusesAccessesBeyondARegion) {
  Client client = connected();
  EXPECT_EQ(client.read(0, FakeChip::kRegistersSize - 4, 4).error(), 0);
  EXPECT_EQ(client.read(0, FakeChip::kRegistersSize - 4, 8).error(), EINVAL);
  EXPECT_EQ(client.read(0, FakeChip::kRegistersSize, 4).error(), EINVAL);
  EXPECT_EQ(client.read(1, 0, 4).error(), EINVAL);
  EXPECT_EQ(client.read(kConfig, 4095, 2).error(), EINVAL);
  EXPECT_EQ(client.read(VFIO_PCI_ROM_REGION_INDEX, 0, 4).error(), EINVAL);
  EXPECT_EQ(client.read(9, 0, 4).error(), EINVAL);
  EXPECT_EQ(client.write<U32>(0, FakeChip::kRegistersSize, 0), EINVAL);
  EXPECT_EQ(client.write<U32>(~0u, 0, 0), EINVAL);
}

TEST_F(ServerTest, PostedWritesGetNoReplyEvenWhenRefused) {
  Client client = connected();
  client.post(Command::kRegionWrite, write_payload(0, FakeChip::kScratch, pack(U32{77})));
  client.post(Command::kRegionWrite, write_payload(0, FakeChip::kRegistersSize, pack(U32{0})));
  client.post(static_cast<Command>(99), {});
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), 77u);
}

TEST_F(ServerTest, AppliesManyWritesInOrder) {
  Client client = connected();
  const MultiWrite writes[] = {{FakeChip::kScratch, 0, 4, 1},
                               {FakeChip::kScratch + 4, 0, 8, 2},
                               {FakeChip::kScratch, 0, 1, 3}};
  client.post(Command::kRegionWriteMulti, write_multi_payload(writes));
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), 3u);
  EXPECT_EQ(client.read<U64>(0, FakeChip::kScratch + 4), 2u);
  const auto reply = client.call(Command::kRegionWriteMulti, write_multi_payload(writes));
  ASSERT_EQ(reply.error(), 0);
  EXPECT_EQ(load<U64>(reply.payload), 3u);
}

TEST_F(ServerTest, MappableBarIsOneMemoryByBothWays) {
  Client client = connected();
  const auto reply = client.call(Command::kDeviceGetRegionInfo, region_info_payload(2));
  ASSERT_EQ(reply.fds.size(), 1u);
  void* bar = ::mmap(nullptr, FakeChip::kMemorySize, PROT_READ | PROT_WRITE, MAP_SHARED,
                     reply.fds[0].get(), 0);
  ASSERT_NE(bar, MAP_FAILED);
  auto* words = static_cast<volatile U32*>(bar);
  words[5] = 0xcafe;
  EXPECT_EQ(client.read<U32>(2, 20), 0xcafeu);
  EXPECT_EQ(
      client.call(Command::kRegionWrite, write_payload(2, 4096, Bytes(100, std::byte{9}))).error(),
      0);
  EXPECT_EQ(words[1024 + 24], 0x09090909u);
  ::munmap(bar, FakeChip::kMemorySize);
}

TEST_F(ServerTest, KeepsTheMsixTableFromTheChip) {
  Client client = connected();
  EXPECT_EQ(client.write<U32>(0, FakeChip::kMsixTable, 0x1234), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kMsixTable), 0u);
  EXPECT_EQ(client.write<U32>(0, FakeChip::kMsixTable + U64{16} * FakeChip::kVectors, 1), 0);
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int fds[] = {event.get()};
  ASSERT_EQ(client.set_irqs(kTriggerEventFd, 2, 1, 1, fds), 0);
  ASSERT_EQ(client.set_irqs(kMask, 2, 1, 1), 0);
  ASSERT_EQ(client.write<U32>(0, FakeChip::kRaise, 1), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kMsixPba), 2u);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kMsixPba + 4), 0u);
  ASSERT_EQ(client.set_irqs(kUnmask, 2, 1, 1), 0);
  EXPECT_EQ(client.read<U64>(0, FakeChip::kMsixPba), 0u);
  // The first byte behind the table is the chip's own.
  EXPECT_THAT(
      chip_.take_events(),
      ElementsAre("attach", "master on", "write to " + std::to_string(FakeChip::kMsixTable + 64)));
}

TEST_F(ServerTest, DmaNeedsBusMastering) {
  Client client = connected();
  ASSERT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
  EXPECT_EQ(run_dma(client, 0, 16, 1), 16u);
  ASSERT_EQ(client.write<U16>(kConfig, PCI_COMMAND, PCI_COMMAND_MEMORY), 0);
  EXPECT_EQ(run_dma(client, 0, 16, 1), 0u);
  EXPECT_EQ(memory_at(0), std::byte{1});
  EXPECT_THAT(chip_.take_events(), ElementsAre("attach", "master on", "master off"));
}

TEST_F(ServerTest, DisabledMemorySpaceReadsAsOnes) {
  Client client = connected();
  ASSERT_EQ(client.write<U32>(0, FakeChip::kScratch, 5), 0);
  ASSERT_EQ(client.write<U16>(kConfig, PCI_COMMAND, 0), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), ~0u);
  EXPECT_EQ(client.write<U32>(0, FakeChip::kScratch, 6), 0);
  ASSERT_EQ(client.write<U16>(kConfig, PCI_COMMAND, PCI_COMMAND_MEMORY), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), 5u);
}

TEST_F(ServerTest, SleepingCardAnswersConfigurationOnly) {
  Client client = connected();
  ASSERT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
  ASSERT_EQ(client.write<U32>(0, FakeChip::kScratch, 5), 0);
  constexpr U64 kPowerControl = 0x44;
  ASSERT_EQ(client.write<U16>(kConfig, kPowerControl, 3), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), ~0u);
  EXPECT_EQ(client.read<U16>(kConfig, kPowerControl) & 3, 3);
  ASSERT_EQ(client.write<U16>(kConfig, kPowerControl, 0), 0);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), 5u);
  EXPECT_THAT(chip_.take_events(), ElementsAre("attach", "master on", "D3hot", "D0"));
}

TEST_F(ServerTest, FunctionLevelResetKeepsWhatIsTheClients) {
  Client client = connected();
  ASSERT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
  const UniqueFd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  const int fds[] = {event.get()};
  ASSERT_EQ(client.set_irqs(kTriggerEventFd, 2, 0, 1, fds), 0);
  constexpr U64 kDeviceControl = 0x68;
  ASSERT_EQ(client.write<U16>(kConfig, kDeviceControl, 0x8000 | 0x2810), 0);
  // The chip stops while its memory can still be reached.
  EXPECT_THAT(chip_.take_events(),
              ElementsAre("attach", "master on", "reset function", "master off"));
  EXPECT_EQ(client.read<U16>(kConfig, PCI_COMMAND), 0);
  ASSERT_EQ(client.write<U16>(kConfig, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER), 0);
  EXPECT_EQ(run_dma(client, 0, 16, 1), 16u);
  ASSERT_EQ(client.write<U32>(0, FakeChip::kRaise, 0), 0);
  std::uint64_t signals = 0;
  EXPECT_EQ(::read(event.get(), &signals, sizeof(signals)), 8);
}

TEST_F(ServerTest, DeviceFeaturesDoNotExist) {
  Client client = connected();
  EXPECT_EQ(client.call(Command::kDeviceFeature, pack(U32{8}, U32{0x10001})).error(), ENOTTY);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);
}

TEST_F(ServerTest, LargeRepliesPassASlowReader) {
  Client client = connected();
  // More than the socket holds, so that the server has to keep the rest; then several, all unread.
  for (const int count : {1, 4}) {
    for (int i = 0; i < count; ++i) {
      client.send({0, static_cast<U16>(Command::kRegionRead), 32, 0, 0},
                  read_payload(2, 0, FakeChip::kMemorySize));
    }
    // Lets the server run into the full socket; the test passes without, but then shows less.
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    for (int i = 0; i < count; ++i) {
      const auto reply = client.receive();
      ASSERT_EQ(reply.error(), 0);
      EXPECT_EQ(reply.payload.size(), 16 + FakeChip::kMemorySize);
    }
  }
}

// --- Clients that come and go
// ---------------------------------------------------------------------

TEST_F(ServerTest, ALeavingClientTakesEverythingAlong) {
  {
    Client client = connected();
    ASSERT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
    ASSERT_EQ(client.write<U32>(0, FakeChip::kScratch, 5), 0);
  }
  card_.join();
  EXPECT_EQ(card_.left(), 1);
  EXPECT_THAT(chip_.take_events(),
              ElementsAre("attach", "master on", "reset power-on", "master off",
                          "unmapped 0+" + std::to_string(UINT64_MAX)));
  Client client = connected();
  EXPECT_EQ(client.read<U32>(0, FakeChip::kScratch), 0u);
  EXPECT_EQ(run_dma(client, 0, 16, 1), 0u);
  EXPECT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
}

TEST_F(ServerTest, NothingLeaksOverManyClients) {
  { Client first = connected(); }
  card_.join();
  const std::size_t before = open_fds();
  for (int i = 0; i < 20; ++i) {
    {
      Client client = connected();
      const UniqueFd event(::eventfd(0, EFD_CLOEXEC));
      const int one[] = {event.get()};
      const int many[] = {event.get(), memory_.get(), event.get()};
      EXPECT_EQ(client.map(0, kGuestMemory, memory_.get()), 0);
      EXPECT_EQ(client.map(0, kGuestMemory, memory_.get()), EEXIST);
      EXPECT_EQ(client.set_irqs(kTriggerEventFd, 2, 0, 1, one), 0);
      EXPECT_EQ(client.set_irqs(kTriggerEventFd, 2, 0, 1, one), 0);
      EXPECT_EQ(client.set_irqs(kTriggerEventFd, 2, 4, 1, one), EINVAL);
      EXPECT_EQ(client.call(Command::kDeviceReset, {}, many).error(), EINVAL);
      EXPECT_EQ(client.call(Command::kDeviceGetRegionInfo, region_info_payload(2)).fds.size(), 1u);
      // Cut off within a message that carries descriptors.
      client.send_raw(Bytes(8), many);
    }
    card_.join();
  }
  EXPECT_EQ(open_fds(), before);
}

TEST_F(ServerTest, StopEndsAConnection) {
  Client client = connected();
  card_.stop();
  EXPECT_TRUE(client.receive().closed);
  EXPECT_EQ(card_.left(), 1);
}

class ListeningTest : public ServerTest {
 protected:
  ListeningTest() {
    char name[] = "/tmp/halyard-test-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ListeningTest() override {
    card_.stop();
    std::filesystem::remove_all(folder_);
  }
  [[nodiscard]] std::string path() const { return folder_ + "/card.sock"; }
  Client dial() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return Client(std::move(socket));
  }

  std::string folder_;
};

TEST_F(ListeningTest, ServesOneClientAfterAnother) {
  const ListeningSocket socket(path());
  card_.run([&] { card_.server().run(socket.fd(), false); });
  for (int i = 0; i < 3; ++i) {
    Client client = dial();
    EXPECT_EQ(client.call(Command::kVersion, version_payload()).error(), 0);
    client.close();
    while (card_.left() <= i)
      std::this_thread::yield();
  }
  card_.stop();
}

TEST_F(ListeningTest, OnceMeansOneClient) {
  const ListeningSocket socket(path());
  card_.run([&] { card_.server().run(socket.fd(), true); });
  dial().close();
  card_.join();
  EXPECT_EQ(card_.left(), 1);
}

TEST_F(ListeningTest, ASecondClientIsRefusedAtOnce) {
  const ListeningSocket socket(path());
  card_.run([&] { card_.server().run(socket.fd(), false); });
  Client first = dial();
  ASSERT_EQ(first.call(Command::kVersion, version_payload()).error(), 0);
  Client second = dial();
  EXPECT_TRUE(second.receive().closed);
  EXPECT_EQ(first.call(Command::kDeviceGetInfo, device_info_payload()).error(), 0);
  card_.stop();
}

TEST_F(ListeningTest, ThePathIsThereExactlyAsLongAsTheSocket) {
  {
    const ListeningSocket socket(path());
    EXPECT_TRUE(std::filesystem::is_socket(path()));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
}

TEST_F(ListeningTest, ALeftOverSocketIsReplacedALivingOneIsNot) {
  {
    const UniqueFd dead(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(dead.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  }
  const ListeningSocket socket(path());
  try {
    const ListeningSocket second(path());
    FAIL() << "took a path that is in use";
  } catch (const std::system_error& error) {
    EXPECT_EQ(error.code().value(), EADDRINUSE);
  }
  EXPECT_TRUE(std::filesystem::is_socket(path()));
}

TEST_F(ListeningTest, RefusesAPathThatIsTooLong) {
  EXPECT_THROW(ListeningSocket("/tmp/" + std::string(200, 'x')), std::invalid_argument);
  EXPECT_THROW(ListeningSocket(""), std::invalid_argument);
}

TEST_F(ListeningTest, RefusesAFolderThatIsNotThere) {
  EXPECT_THROW(ListeningSocket(folder_ + "/none/card.sock"), std::system_error);
}

// --- Clients that misbehave
// -----------------------------------------------------------------------

TEST_F(ServerTest, EverythingBeforeTheVersionIsRefusedAndEndsTheConnection) {
  Client client = card_.connect();
  EXPECT_EQ(client.call(Command::kDeviceGetInfo, device_info_payload()).error(), EINVAL);
  EXPECT_TRUE(client.receive().closed);
}

TEST_F(ServerTest, AnUnknownVersionEndsTheConnection) {
  Client client = card_.connect();
  EXPECT_EQ(client.call(Command::kVersion, pack(U16{9}, U16{0})).error(), ENOTSUP);
  EXPECT_TRUE(client.receive().closed);
}

TEST_F(ServerTest, ASecondVersionIsRefused) {
  Client client = connected();
  EXPECT_EQ(client.call(Command::kVersion, version_payload()).error(), EINVAL);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);
}

TEST_F(ServerTest, UnknownCommandsAreRefusedAndTheConnectionLives) {
  Client client = connected();
  EXPECT_EQ(client.call(static_cast<Command>(77), Bytes(100)).error(), ENOTSUP);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);
}

TEST_F(ServerTest, WrongNumbersOfDescriptorsAreRefusedAndTheConnectionLives) {
  Client client = connected();
  const int fds[] = {memory_.get(), memory_.get()};
  EXPECT_EQ(client.call(Command::kDmaMap, dma_map_payload(0, 4096), fds).error(), EINVAL);
  EXPECT_EQ(client.call(Command::kDeviceGetInfo, device_info_payload(), fds).error(), EINVAL);
  EXPECT_EQ(client.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);
}

TEST_F(ServerTest, DescriptorsBelongToTheMessageTheyCameWith) {
  Client client = connected();
  // One write holds a message without and the start of one with descriptors.
  const int fds[] = {memory_.get()};
  client.post(Command::kRegionWrite, write_payload(0, FakeChip::kScratch, pack(U32{1})));
  EXPECT_EQ(client.call(Command::kDmaMap, dma_map_payload(0, 4096), fds).error(), 0);
  EXPECT_EQ(run_dma(client, 0, 16, 1), 16u);
}

TEST_F(ServerTest, MoreDescriptorsThanAgreedEndTheConnection) {
  Client client = connected();
  const std::vector<int> fds(17, memory_.get());
  EXPECT_EQ(client.call(Command::kDeviceReset, {}, fds).error(), EINVAL);
  EXPECT_TRUE(client.receive().closed);
}

TEST_F(ServerTest, AMessageInPiecesIsOneMessage) {
  Client client = connected();
  Bytes bytes = pack(U16{99}, U16{9}, U32{32}, U32{0}, U32{0});
  append(bytes, read_payload(0, FakeChip::kIdentity, 4));
  for (const std::byte byte : bytes)
    client.send_raw(std::span(&byte, 1));
  const auto reply = client.receive();
  ASSERT_EQ(reply.error(), 0);
  EXPECT_EQ(reply.header.id, 99);
  EXPECT_EQ(load<U32>(reply.payload, 16), FakeChip::kIdentityValue);
}

TEST_F(ServerTest, ATruncatedMessageIsTheEndOfTheClient) {
  for (const std::size_t size : {1u, 15u, 16u, 20u}) {
    {
      Client client = connected();
      Bytes bytes = pack(U16{1}, U16{9}, U32{32}, U32{0}, U32{0});
      append(bytes, read_payload(0, 0, 4));
      bytes.resize(size);
      client.send_raw(bytes);
    }
    card_.join();
  }
  Client client = connected();
  EXPECT_EQ(client.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);
}

struct BadHeader {
  const char* name;
  Header header;
  int error;
};

void PrintTo(const BadHeader& bad, std::ostream* out) {
  *out << bad.name;
}

class ServerCloses : public ServerTest, public testing::WithParamInterface<BadHeader> {};

TEST_P(ServerCloses, AfterAnErrorReply) {
  Client client = connected();
  client.send(GetParam().header, {});
  EXPECT_EQ(client.receive().error(), GetParam().error);
  EXPECT_TRUE(client.receive().closed);
  card_.join();
  Client next = connected();
  EXPECT_EQ(next.read<U32>(0, FakeChip::kIdentity), FakeChip::kIdentityValue);
}

INSTANTIATE_TEST_SUITE_P(
    Header, ServerCloses,
    testing::Values(BadHeader{"SizeZero", {0, 9, 0, 0, 0}, EINVAL},
                    BadHeader{"SizeBelowHeader", {0, 9, 15, 0, 0}, EINVAL},
                    BadHeader{"SizeHuge", {0, 9, 0xffffffff, 0, 0}, E2BIG},
                    BadHeader{"SizeAboveLimit", {0, 10, kMaxMessageSize + 1, 0, 0}, E2BIG},
                    BadHeader{"Reply", {0, 9, 16, kFlagTypeReply, 0}, EINVAL},
                    BadHeader{"Error", {0, 9, 16, kFlagError, 5}, EINVAL},
                    BadHeader{"UnknownType", {0, 9, 16, 2, 0}, EINVAL},
                    BadHeader{"UnknownFlags", {0, 9, 16, 0x100, 0}, EINVAL}),
    [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace halyard::emu::vfio_user::test
