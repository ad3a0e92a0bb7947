// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The kernel's own drivers that share memory: what one of them makes as a dma-buf, and vgem's
/// fences, which a test can signal when it wants.

#include <cstdint>
#include <memory>
#include <string>

#include "client.hpp"

namespace halyard::test {

/// Memory of another driver, in one piece when it is one page.
struct PeerMemory {
  File dmabuf;
  Mapping map;  ///< as its own driver maps it
};

/// udmabuf, heap or vgem. Throws when the kernel does not have it.
PeerMemory make_peer_memory(const std::string& driver, std::uint64_t size);

/// DMA_BUF_IOCTL_SYNC around an access of the processor's. `flags`: DMA_BUF_SYNC_*.
void sync_dmabuf(const File& dmabuf, std::uint64_t flags);

/// DMA_BUF_IOCTL_EXPORT_SYNC_FILE: what a reader or writer would have to await.
File export_sync_file(const File& dmabuf, std::uint32_t flags);
/// DMA_BUF_IOCTL_IMPORT_SYNC_FILE: 0 or the errno.
int import_sync_file(const File& dmabuf, const File& fence, std::uint32_t flags);

/// vgem's side of a dma-buf.
class Vgem {
 public:
  /// Loads the module when it is one; throws when the kernel does not have it.
  Vgem();

  [[nodiscard]] std::uint32_t create(std::uint64_t size) const;
  [[nodiscard]] std::uint32_t import(const File& dmabuf) const;
  [[nodiscard]] File export_dmabuf(std::uint32_t handle) const;
  [[nodiscard]] Mapping map(std::uint32_t handle, std::uint64_t size) const;
  /// Attaches a fence that signal() signals: 0 or the errno, EBUSY when others' fences are in the
  /// way.
  [[nodiscard]] int attach(std::uint32_t handle, bool write, std::uint32_t& fence) const;
  void signal(std::uint32_t fence) const;

 private:
  File file_;
};

}  // namespace halyard::test
