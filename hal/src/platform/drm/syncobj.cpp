// SPDX-License-Identifier: MIT
#include "platform/drm/syncobj.hpp"

#include <linux/sync_file.h>
#include <sys/ioctl.h>
#include <xf86drm.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "clock.hpp"
#include "platform/drm/errors.hpp"

namespace halyard::hal::drm {

namespace {

/// struct drm_syncobj_eventfd: in the kernel since 6.6, in libdrm's headers only from 2.4.116 on.
struct SyncobjEventfd {
  __u32 handle;
  __u32 flags;
  __u64 point;
  __s32 fd;
  __u32 pad;
};
constexpr unsigned long kSyncobjEventfd = DRM_IOWR(0xCF, SyncobjEventfd);

/// A device that goes ends what has a fence, but wakes nobody who waits for one to come: a wait
/// looks in between whether the device is still there.
constexpr std::int64_t kSliceNs = 100'000'000;

void check(const Node& node, int result, const char* what) {
  if (result != 0) throw call_error(node.path(), what, errno);
}

}  // namespace

Handle syncobj_create(const Node& node) {
  Handle handle = 0;
  check(node, drmSyncobjCreate(node.fd(), 0, &handle), "no timeline can be made");
  return handle;
}

void syncobj_destroy(const Node& node, Handle handle) noexcept {
  drmSyncobjDestroy(node.fd(), handle);
}

void syncobj_signal(const Node& node, Handle handle, std::uint64_t value) {
  check(node, drmSyncobjTimelineSignal(node.fd(), &handle, &value, 1),
        "the timeline cannot be signalled");
}

std::uint64_t syncobj_query(const Node& node, Handle handle) {
  std::uint64_t value = 0;
  check(node, drmSyncobjQuery(node.fd(), &handle, &value, 1), "the timeline cannot be read");
  return value;
}

int syncobj_export(const Node& node, Handle handle) {
  int fd = -1;
  check(node, drmSyncobjHandleToFD(node.fd(), handle, &fd), "the timeline cannot be exported");
  return fd;
}

Handle syncobj_import(const Node& node, int fd) {
  Handle handle = 0;
  check(node, drmSyncobjFDToHandle(node.fd(), fd, &handle),
        "the descriptor is no timeline of another process or device");
  return handle;
}

void syncobj_eventfd(const Node& node, Handle handle, std::uint64_t value, int eventfd) {
  SyncobjEventfd request{};
  request.handle = handle;
  request.point = value;
  request.fd = eventfd;
  node.call(kSyncobjEventfd, &request, "the eventfd cannot be notified");
}

bool syncobj_wait(const Node& node, std::span<const SyncPoint> points, bool all, Until until,
                  std::int64_t deadline_ns, std::size_t* index) {
  SmallVector<std::uint32_t, 8> handles;
  SmallVector<std::uint64_t, 8> values;
  for (const auto& point : points) {
    handles.push_back(point.timeline);
    values.push_back(point.value);
  }
  std::uint32_t flags = DRM_SYNCOBJ_WAIT_FLAGS_WAIT_FOR_SUBMIT;
  if (all) flags |= DRM_SYNCOBJ_WAIT_FLAGS_WAIT_ALL;
  if (until == Until::kAvailable) flags |= DRM_SYNCOBJ_WAIT_FLAGS_WAIT_AVAILABLE;
  std::uint32_t first = 0;
  std::int64_t until_ns = 0;
  do {
    until_ns = std::min(deadline_ns, monotonic_ns() + kSliceNs);
    // libdrm gives its own negative errors here, unlike in the other calls.
    const int result =
        drmSyncobjTimelineWait(node.fd(), handles.data(), values.data(),
                               static_cast<unsigned>(points.size()), until_ns, flags, &first);
    if (result == -ETIME) continue;
    if (result != 0) throw call_error(node.path(), "the wait failed", -result);
    if (index != nullptr) *index = first;
    return true;
  } while (until_ns != deadline_ns);
  return false;
}

namespace {

/// A syncobj for one look at a fence.
class Temporary {
 public:
  explicit Temporary(const Node& node) : node_(node), handle_(syncobj_create(node)) {}
  ~Temporary() { syncobj_destroy(node_, handle_); }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  [[nodiscard]] Handle handle() const { return handle_; }

 private:
  const Node& node_;
  Handle handle_;
};

}  // namespace

int syncobj_error(const Node& node, const SyncPoint& point) {
  // A sync file tells its fence's error; it is made of a binary syncobj with the point's fence.
  const Temporary binary(node);
  check(node, drmSyncobjTransfer(node.fd(), binary.handle(), 0, point.timeline, point.value, 0),
        "the point has no fence");
  int file = -1;
  check(node, drmSyncobjExportSyncFile(node.fd(), binary.handle(), &file),
        "the point's fence cannot be read");
  const UniqueFd owned(file);
  // Asked without room for single fences, the kernel tells only of the outermost, a link of the
  // timeline's chain that never has an error.
  std::array<sync_fence_info, 4> fences{};
  sync_file_info info{};
  info.num_fences = static_cast<__u32>(fences.size());
  info.sync_fence_info = reinterpret_cast<std::uintptr_t>(fences.data());
  if (drmIoctl(file, SYNC_IOC_FILE_INFO, &info) != 0) {
    throw call_error(node.path(), "the point's fence cannot be read", errno);
  }
  return info.status < 0 ? -info.status : 0;
}

}  // namespace halyard::hal::drm
