// SPDX-License-Identifier: MIT
/// \file
/// What may only be read is not written, whoever tries by whatever way.

#include <fcntl.h>
#include <linux/dma-heap.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <string>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "dmabuf.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

constexpr std::uint32_t kKept = 0x600df00d;

File export_readonly(const Client& client, std::uint32_t handle) {
  int fd = -1;
  require(drmPrimeHandleToFD(client.fd(), handle, DRM_CLOEXEC, &fd) == 0 ? 0 : errno,
          "PRIME_HANDLE_TO_FD");
  return File(fd);
}

/// No kind of job of the reader's writes to it. Returns it as jobs may have it.
Target expect_no_job_writes(Worker& reader, std::uint32_t handle, std::uint64_t size) {
  if ((reader.client().device().flags & DRM_HALYARD_DEVICE_HAS_MMU) != 0) {
    EXPECT_THROW((void)reader.reach(handle, size), std::system_error);
  }
  Target target = reader.reach(handle, size, true);
  EXPECT_LT(reader.attempt(reader.fill(target, 0, size, 0xbad)), 0);
  EXPECT_LT(reader.attempt(reader.copy(reader.make(size), 0, target, 0, size)), 0);
  target.readonly = false;
  EXPECT_LT(reader.attempt(reader.fill(target, 0, size, 0xbad)), 0);
  target.readonly = true;
  return target;
}

/// Nor does a mapping of the device's file.
void expect_no_mapping_writes(Worker& reader, std::uint32_t handle, std::uint64_t size) {
  drm_halyard_bo_mmap_offset argument{.handle = handle, .pad = 0, .offset = 0};
  ASSERT_EQ(reader.client().call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), 0);
  const auto map = [&](int prot) {
    return mmap(nullptr, size, prot, MAP_SHARED, reader.client().fd(),
                static_cast<off_t>(argument.offset));
  };
  EXPECT_EQ(map(PROT_READ | PROT_WRITE), MAP_FAILED);
  EXPECT_EQ(errno, EACCES);
  EXPECT_EQ(map(PROT_WRITE), MAP_FAILED);
  void* const seen = map(PROT_READ);
  ASSERT_NE(seen, MAP_FAILED);
  EXPECT_EQ(*static_cast<const std::uint32_t*>(seen), kKept);
  EXPECT_EQ(mprotect(seen, size, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
  munmap(seen, size);
}

void expect_readonly(Worker& reader, std::uint32_t handle, std::uint64_t size) {
  const Target target = expect_no_job_writes(reader, handle, size);
  expect_no_mapping_writes(reader, handle, size);
  const auto words = reader.read(target, 0, size);
  EXPECT_TRUE(std::ranges::all_of(words, [](auto word) { return word == kKept; }));
}

class ReadOnly : public testing::Test {
 protected:
  void SetUp() override {
    target_ = owner_->make(kPage);
    map_ = owner_->client().map(target_.handle, kPage);
    std::ranges::fill(map_.as<std::uint32_t>(), kKept);
  }

  void TearDown() override {
    const auto words = map_.as<std::uint32_t>();
    EXPECT_TRUE(std::ranges::all_of(words, [](auto word) { return word == kKept; }));
    // The owner still may.
    EXPECT_EQ(owner_->attempt(owner_->fill(target_, 0, kPage, 3)), 1);
    EXPECT_EQ(map_.as<std::uint32_t>()[7], 3U);
  }

  std::unique_ptr<Worker> owner_ = make_worker(), reader_ = make_worker();
  Target target_;
  Mapping map_;
};

TEST_F(ReadOnly, FileOfTheSameDevice) {
  const File file = export_readonly(owner_->client(), target_.handle);
  expect_readonly(*reader_, import_buffer(reader_->client(), file), kPage);
}

TEST_F(ReadOnly, FileOfTheSameDeviceIsOneObject) {
  const File file = export_readonly(owner_->client(), target_.handle);
  const std::uint32_t handle = import_buffer(reader_->client(), file);
  EXPECT_EQ(import_buffer(reader_->client(), file), handle);
  // Passed on, it is what it was.
  const File again = export_buffer(reader_->client(), handle);
  const auto third = make_worker();
  expect_readonly(*third, import_buffer(third->client(), again), kPage);
}

/// The owner, who gave it away for reading, has its own handle back and not a lesser one.
TEST_F(ReadOnly, OwnerGetsItsOwnHandle) {
  const File file = export_readonly(owner_->client(), target_.handle);
  EXPECT_EQ(import_buffer(owner_->client(), file), target_.handle);
}

TEST_F(ReadOnly, MappingOfTheFile) {
  const File file = export_readonly(owner_->client(), target_.handle);
  EXPECT_EQ(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0), MAP_FAILED);
  EXPECT_EQ(errno, EACCES);
  const Mapping seen(kPage, file.get(), 0, PROT_READ);
  EXPECT_EQ(seen.as<std::uint32_t>()[0], kKept);
  EXPECT_EQ(mprotect(seen.bytes().data(), kPage, PROT_READ | PROT_WRITE), -1);
  EXPECT_EQ(errno, EACCES);
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  EXPECT_LT(open(path.c_str(), O_RDWR | O_CLOEXEC), 0);
}

/// The device's own file, opened for reading: its mappings are for reading, whatever jobs may do.
TEST_F(ReadOnly, MappingOfADeviceFileOpenedForReading) {
  const File device(open(device_node().c_str(), O_RDONLY | O_CLOEXEC));
  drm_halyard_bo_create create{};
  create.size = kPage;
  ASSERT_EQ(drmIoctl(device.get(), DRM_IOCTL_HALYARD_BO_CREATE, &create), 0);
  drm_halyard_bo_mmap_offset argument{.handle = create.handle, .pad = 0, .offset = 0};
  ASSERT_EQ(drmIoctl(device.get(), DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, &argument), 0);
  EXPECT_EQ(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, device.get(),
                 static_cast<off_t>(argument.offset)),
            MAP_FAILED);
  EXPECT_EQ(errno, EACCES);
}

/// Memory of the kernel's heap. One page is in one piece for every chip.
TEST_F(ReadOnly, FileOfAnotherDriver) {
  const File heap(open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC));
  ASSERT_GE(heap.get(), 0) << "the kernel has no system heap";
  dma_heap_allocation_data data{};
  data.len = kPage;
  data.fd_flags = O_RDONLY | O_CLOEXEC;
  ASSERT_EQ(ioctl(heap.get(), DMA_HEAP_IOCTL_ALLOC, &data), 0);
  const File file(static_cast<int>(data.fd));
  const std::uint32_t handle = import_buffer(reader_->client(), file);
  (void)expect_no_job_writes(*reader_, handle, kPage);
  const Mapping seen(kPage, file.get(), 0, PROT_READ);
  EXPECT_EQ(seen.as<std::uint32_t>()[0], 0U);
}

/// By its own binding, or its own list, a job may have less than its owner.
TEST_F(ReadOnly, TargetOfOnesOwn) {
  const Target readonly = owner_->reach(target_.handle, kPage, true);
  EXPECT_LT(owner_->attempt(owner_->fill(readonly, 0, kPage, 0xbad)), 0);
}

}  // namespace
}  // namespace halyard::test
