// SPDX-License-Identifier: MIT
#include "peers.hpp"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

#include <xf86drm.h>

#include "dmabuf.hpp"

namespace halyard::test {
namespace {

// <drm/vgem_drm.h>, which not every distribution installs.
struct vgem_fence_attach {
  std::uint32_t handle;
  std::uint32_t flags;
  std::uint32_t out_fence;
  std::uint32_t pad;
};
struct vgem_fence_signal {
  std::uint32_t fence;
  std::uint32_t flags;
};
constexpr std::uint32_t kVgemFenceWrite = 1;
constexpr unsigned long kVgemFenceAttach = DRM_IOWR(DRM_COMMAND_BASE + 1, vgem_fence_attach);
constexpr unsigned long kVgemFenceSignal = DRM_IOW(DRM_COMMAND_BASE + 2, vgem_fence_signal);

int call(const File& file, unsigned long request, void* argument) {
  return drmIoctl(file.get(), request, argument) == 0 ? 0 : errno;
}

PeerMemory heap_memory(std::uint64_t size) {
  const File heap(open("/dev/dma_heap/system", O_RDONLY | O_CLOEXEC));
  require(heap.get() < 0 ? errno : 0, "/dev/dma_heap/system");
  dma_heap_allocation_data data{};
  data.len = size;
  data.fd_flags = O_RDWR | O_CLOEXEC;
  require(call(heap, DMA_HEAP_IOCTL_ALLOC, &data), "DMA_HEAP_IOCTL_ALLOC");
  PeerMemory memory{File(static_cast<int>(data.fd)), {}};
  memory.map = Mapping(size, memory.dmabuf.get(), 0, PROT_READ | PROT_WRITE);
  return memory;
}

File open_vgem() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/dev/dri", error)) {
    if (!entry.path().filename().string().starts_with("card")) continue;
    File file(open(entry.path().c_str(), O_RDWR | O_CLOEXEC));
    const std::unique_ptr<drmVersion, decltype(&drmFreeVersion)> version(drmGetVersion(file.get()),
                                                                         &drmFreeVersion);
    if (version != nullptr && std::string(version->name) == "vgem") return file;
  }
  return File();
}

}  // namespace

Vgem::Vgem() : file_(open_vgem()) {
  if (file_.get() < 0) {
    require(std::system("modprobe vgem") == 0 ? 0 : ENODEV, "modprobe vgem");
    file_ = open_vgem();
  }
  require(file_.get() < 0 ? ENODEV : 0, "vgem");
}

std::uint32_t Vgem::create(std::uint64_t size) const {
  drm_mode_create_dumb argument{};
  argument.width = static_cast<std::uint32_t>(size / 4);
  argument.height = 1;
  argument.bpp = 32;
  require(call(file_, DRM_IOCTL_MODE_CREATE_DUMB, &argument), "CREATE_DUMB");
  return argument.handle;
}

std::uint32_t Vgem::import(const File& dmabuf) const {
  std::uint32_t handle = 0;
  require(drmPrimeFDToHandle(file_.get(), dmabuf.get(), &handle) == 0 ? 0 : errno,
          "PRIME_FD_TO_HANDLE");
  return handle;
}

File Vgem::export_dmabuf(std::uint32_t handle) const {
  int fd = -1;
  require(drmPrimeHandleToFD(file_.get(), handle, DRM_CLOEXEC | DRM_RDWR, &fd) == 0 ? 0 : errno,
          "PRIME_HANDLE_TO_FD");
  return File(fd);
}

Mapping Vgem::map(std::uint32_t handle, std::uint64_t size) const {
  drm_mode_map_dumb argument{};
  argument.handle = handle;
  require(call(file_, DRM_IOCTL_MODE_MAP_DUMB, &argument), "MAP_DUMB");
  return {size, file_.get(), argument.offset, PROT_READ | PROT_WRITE};
}

int Vgem::attach(std::uint32_t handle, bool write, std::uint32_t& fence) const {
  vgem_fence_attach argument{
      .handle = handle, .flags = write ? kVgemFenceWrite : 0, .out_fence = 0, .pad = 0};
  const int error = call(file_, kVgemFenceAttach, &argument);
  fence = argument.out_fence;
  return error;
}

void Vgem::signal(std::uint32_t fence) const {
  vgem_fence_signal argument{.fence = fence, .flags = 0};
  require(call(file_, kVgemFenceSignal, &argument), "FENCE_SIGNAL");
}

PeerMemory make_peer_memory(const std::string& driver, std::uint64_t size) {
  if (driver == "udmabuf") {
    ForeignBuffer buffer(size);
    return {std::move(buffer.dmabuf), std::move(buffer.map)};
  }
  if (driver == "heap") return heap_memory(size);
  const Vgem vgem;
  const std::uint32_t handle = vgem.create(size);
  return {vgem.export_dmabuf(handle), vgem.map(handle, size)};
}

void sync_dmabuf(const File& dmabuf, std::uint64_t flags) {
  dma_buf_sync argument{.flags = flags};
  require(call(dmabuf, DMA_BUF_IOCTL_SYNC, &argument), "DMA_BUF_IOCTL_SYNC");
}

File export_sync_file(const File& dmabuf, std::uint32_t flags) {
  dma_buf_export_sync_file argument{.flags = flags, .fd = -1};
  require(call(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &argument), "EXPORT_SYNC_FILE");
  return File(argument.fd);
}

int import_sync_file(const File& dmabuf, const File& fence, std::uint32_t flags) {
  dma_buf_import_sync_file argument{.flags = flags, .fd = fence.get()};
  return call(dmabuf, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &argument);
}

}  // namespace halyard::test
