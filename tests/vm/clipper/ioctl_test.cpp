// SPDX-License-Identifier: MIT
/// \file
/// What surrounds the driver's own calls: version, unknown calls, calls of the DRM core that must
/// not get through.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "client.hpp"

namespace halyard::test {
namespace {

TEST(Node, IsAnAccelNode) {
  struct stat info {};
  ASSERT_EQ(stat(device_node().c_str(), &info), 0);
  EXPECT_TRUE(S_ISCHR(info.st_mode));
  EXPECT_EQ(info.st_rdev >> 8U & 0xfffU, 261U);  // the accel class's major number
}

TEST(Node, ReportsDriverVersion) {
  const Client client;
  const std::unique_ptr<drmVersion, void (*)(drmVersionPtr)> version(drmGetVersion(client.fd()),
                                                                     drmFreeVersion);
  ASSERT_NE(version, nullptr);
  EXPECT_STREQ(version->name, "halyard");
  EXPECT_EQ(version->version_major, DRM_HALYARD_VERSION_MAJOR);
  EXPECT_GE(version->version_minor, DRM_HALYARD_VERSION_MINOR);
}

TEST(Ioctl, UnknownNumberIsRefused) {
  const Client client;
  drm_halyard_vm_create argument{};
  EXPECT_EQ(client.call(DRM_IOWR(DRM_COMMAND_BASE + DRM_HALYARD_SUBMIT + 1, drm_halyard_vm_create),
                        argument),
            EINVAL);
}

TEST(Ioctl, ForeignTypeIsRefused) {
  const Client client;
  int argument = 0;
  EXPECT_NE(client.call(_IOWR('x', 0, int), argument), 0);
}

TEST(Ioctl, NullArgumentFaults) {
  const Client client;
  EXPECT_EQ(client.call_raw(DRM_IOCTL_HALYARD_VM_CREATE, nullptr), EFAULT);
}

/// The argument of a caller that knows less than the kernel: what is missing counts as zero.
TEST(Ioctl, ShorterArgumentIsExtendedWithZeros) {
  const Client client;
  struct Short {
    std::uint32_t flags;
  } argument{0};
  EXPECT_EQ(client.call(DRM_IOWR(DRM_COMMAND_BASE + DRM_HALYARD_VM_CREATE, Short), argument), 0);
}

// On an accel node these two dereference a null pointer in the DRM core, for whoever can open the
// node.
TEST(CoreIoctl, GetMagicIsRefused) {
  const Client client;
  drm_auth argument{};
  EXPECT_EQ(client.call(DRM_IOCTL_GET_MAGIC, argument), EOPNOTSUPP);
}

TEST(CoreIoctl, GetUniqueIsRefused) {
  const Client client;
  drm_unique argument{};
  EXPECT_EQ(client.call(DRM_IOCTL_GET_UNIQUE, argument), EOPNOTSUPP);
}

#if defined(__x86_64__)
/// ioctl() as a 32-bit process makes it: through the kernel's compat entry. `argument` lies below 4
/// GiB.
int compat_ioctl(int fd, unsigned long request, void* argument) {
  constexpr long kIoctl32 = 54;
  long result = kIoctl32;
  asm volatile("int $0x80"
               : "+a"(result)
               : "b"(static_cast<long>(fd)), "c"(request), "d"(argument)
               : "memory", "r8", "r9", "r10", "r11");
  return static_cast<int>(-result);
}

/// A page that a 32-bit caller can name.
class LowPage {
 public:
  LowPage()
      : address_(mmap(nullptr, kPage, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0)) {}
  LowPage(const LowPage&) = delete;
  LowPage& operator=(const LowPage&) = delete;
  ~LowPage() { munmap(address_, kPage); }
  template <typename T>
  T* as() {
    return static_cast<T*>(address_);
  }

 private:
  void* address_;
};

TEST(CompatIoctl, GetMagicIsRefused) {
  const Client client;
  LowPage page;
  EXPECT_EQ(compat_ioctl(client.fd(), DRM_IOCTL_GET_MAGIC, page.as<drm_auth>()), EOPNOTSUPP);
}

TEST(CompatIoctl, GetUniqueIsRefused) {
  const Client client;
  LowPage page;
  // A 32-bit caller's struct drm_unique is 8 bytes, and so its number is another one.
  constexpr unsigned long kGetUnique32 = DRM_IOWR(0x01, std::uint64_t);
  EXPECT_EQ(compat_ioctl(client.fd(), kGetUnique32, page.as<drm_unique>()), EOPNOTSUPP);
}

TEST(CompatIoctl, DriverCallsWork) {
  const Client client;
  LowPage page;
  auto* argument = page.as<drm_halyard_bo_create>();
  argument->size = 1;
  ASSERT_EQ(compat_ioctl(client.fd(), DRM_IOCTL_HALYARD_BO_CREATE, argument), 0);
  EXPECT_EQ(argument->size, kPage);
  EXPECT_EQ(client.close_bo(argument->handle), 0);
}
#endif

}  // namespace
}  // namespace halyard::test
