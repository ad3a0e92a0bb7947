// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Memory that is shared by file descriptor.

#include <fcntl.h>
#include <linux/udmabuf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include <xf86drm.h>

#include "client.hpp"

namespace halyard::test {

inline File export_buffer(const Client& client, std::uint32_t handle) {
  int fd = -1;
  require(drmPrimeHandleToFD(client.fd(), handle, DRM_CLOEXEC | DRM_RDWR, &fd) == 0 ? 0 : errno,
          "PRIME_HANDLE_TO_FD");
  return File(fd);
}

inline std::uint32_t import_buffer(const Client& client, const File& file) {
  std::uint32_t handle = 0;
  require(drmPrimeFDToHandle(client.fd(), file.get(), &handle) == 0 ? 0 : errno,
          "PRIME_FD_TO_HANDLE");
  return handle;
}

/// A dma-buf of another driver's: host memory that the test can look at.
struct ForeignBuffer {
  File memory;
  File dmabuf;
  Mapping map;

  explicit ForeignBuffer(std::size_t size)
      : memory(memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING)) {
    require(ftruncate(memory.get(), static_cast<off_t>(size)) == 0 ? 0 : errno, "ftruncate");
    require(fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK) == 0 ? 0 : errno, "F_ADD_SEALS");
    const File driver(open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
    udmabuf_create create{};
    create.memfd = static_cast<std::uint32_t>(memory.get());
    create.flags = UDMABUF_FLAGS_CLOEXEC;
    create.size = size;
    dmabuf = File(ioctl(driver.get(), UDMABUF_CREATE, &create));
    require(dmabuf.get() < 0 ? errno : 0, "UDMABUF_CREATE");
    map = Mapping(size, memory.get(), 0, PROT_READ | PROT_WRITE);
  }
};

}  // namespace halyard::test
