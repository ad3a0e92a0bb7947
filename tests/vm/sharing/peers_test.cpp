// SPDX-License-Identifier: MIT
/// \file
/// Memory shared with the kernel's own drivers: used in place, seen by both sides.

#include <linux/dma-buf.h>
#include <sys/mman.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "dmabuf.hpp"
#include "peers.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

class Peer : public testing::TestWithParam<std::string> {
 protected:
  PeerMemory peer_ = make_peer_memory(GetParam(), kPage);
  std::unique_ptr<Worker> worker_ = make_worker();
};

TEST_P(Peer, ItsMemoryIsWrittenInPlace) {
  const Target target = worker_->reach(import_buffer(worker_->client(), peer_.dmabuf), kPage);
  ASSERT_EQ(worker_->attempt(worker_->fill(target, 64, 128, 0xabcd)), 1);
  sync_dmabuf(peer_.dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ);
  EXPECT_EQ(peer_.map.as<std::uint32_t>()[15], 0U);
  EXPECT_EQ(peer_.map.as<std::uint32_t>()[16], 0xabcdU);
  EXPECT_EQ(peer_.map.as<std::uint32_t>()[47], 0xabcdU);
  EXPECT_EQ(peer_.map.as<std::uint32_t>()[48], 0U);
  sync_dmabuf(peer_.dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_READ);
}

TEST_P(Peer, ItsMemoryIsReadInPlace) {
  const Target target = worker_->reach(import_buffer(worker_->client(), peer_.dmabuf), kPage);
  for (std::uint32_t round = 1; round < 4; ++round) {
    sync_dmabuf(peer_.dmabuf, DMA_BUF_SYNC_START | DMA_BUF_SYNC_WRITE);
    peer_.map.as<std::uint32_t>()[3] = round;
    sync_dmabuf(peer_.dmabuf, DMA_BUF_SYNC_END | DMA_BUF_SYNC_WRITE);
    EXPECT_EQ(worker_->read(target, 0, 64)[3], round);
  }
}

TEST_P(Peer, ItsMemoryIsMappedThroughTheDevice) {
  const std::uint32_t handle = import_buffer(worker_->client(), peer_.dmabuf);
  const Mapping map = worker_->client().map(handle, kPage);
  map.as<std::uint32_t>()[9] = 0x99;
  EXPECT_EQ(peer_.map.as<std::uint32_t>()[9], 0x99U);
}

TEST_P(Peer, ItsMemoryOutlivesItsMaker) {
  const std::uint32_t handle = import_buffer(worker_->client(), peer_.dmabuf);
  const Target target = worker_->reach(handle, kPage);
  peer_.map.as<std::uint32_t>()[0] = 0x77;
  peer_ = {};
  EXPECT_EQ(worker_->read(target, 0, 4)[0], 0x77U);
}

INSTANTIATE_TEST_SUITE_P(OfTheKernel, Peer, testing::Values("udmabuf", "heap", "vgem"),
                         [](const auto& test) { return test.param; });

/// Whether objects of the device's first region are in the host's memory.
bool is_in_host_memory(const Client& client) {
  std::array<drm_halyard_query_memory, 2> regions{};
  drm_halyard_dev_query argument{.type = DRM_HALYARD_QUERY_MEMORY,
                                 .size = sizeof(regions),
                                 .pointer = reinterpret_cast<std::uint64_t>(regions.data())};
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  return (regions[0].flags & DRM_HALYARD_MEMORY_HOST) != 0;
}

/// What leaves the device by way of another driver is the same memory. The DRM core lets no driver
/// map what it has imported, so it is mapped by the dma-buf that the other driver gives out. While
/// the other driver uses an object of card memory, which it can't reach, the object stays in host
/// memory, and no job that needs it on the card runs.
TEST(Export, PassesThroughAnotherDriver) {
  const auto worker = make_worker();
  const Target target = worker->make(kPage);
  auto vgem = std::make_unique<Vgem>();
  const std::uint32_t handle = vgem->import(export_buffer(worker->client(), target.handle));
  const File again = vgem->export_dmabuf(handle);
  const Mapping seen(kPage, again.get(), 0, PROT_READ | PROT_WRITE);
  EXPECT_EQ(import_buffer(worker->client(), again), target.handle);
  seen.as<std::uint32_t>()[2] = 0x4321;
  const int end = worker->attempt(worker->fill(target, 64, kPage - 64, 0x1234));
  if (is_in_host_memory(worker->client())) {
    EXPECT_EQ(end, 1);
  } else {
    EXPECT_EQ(end, -EBUSY);
    vgem.reset();
    EXPECT_EQ(worker->attempt(worker->fill(target, 64, kPage - 64, 0x1234)), 1);
  }
  EXPECT_EQ(seen.as<std::uint32_t>()[kPage / 4 - 1], 0x1234U);
  EXPECT_EQ(worker->read(target, 0, 64)[2], 0x4321U);
}

TEST(Export, HasTheObjectsSize) {
  const auto worker = make_worker();
  const Target target = worker->make(3 * kPage);
  const File dmabuf = export_buffer(worker->client(), target.handle);
  EXPECT_EQ(lseek(dmabuf.get(), 0, SEEK_END), 3 * static_cast<off_t>(kPage));
  EXPECT_EQ(mmap(nullptr, 4 * kPage, PROT_READ, MAP_SHARED, dmabuf.get(), 0), MAP_FAILED);
  EXPECT_EQ(mmap(nullptr, kPage, PROT_READ, MAP_SHARED, dmabuf.get(), 3 * kPage), MAP_FAILED);
}

}  // namespace
}  // namespace halyard::test
