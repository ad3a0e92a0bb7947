// SPDX-License-Identifier: MIT
#include "platform/drm/node.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <span>

#include "platform/drm/errors.hpp"

namespace halyard::hal::drm {

namespace {

constexpr const char* kDriverName = "halyard";
/// Nothing that came later is needed.
constexpr int kNeededMinor = 0;

/// Who may open a node, as the end of a sentence.
std::string who_may(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return "another user";
  if ((status.st_mode & S_IRGRP) == 0)
    return "its owner alone: the udev rule that gives it to a group is missing";
  const group* entry = getgrgid(status.st_gid);
  return "the group " + (entry != nullptr ? entry->gr_name : std::to_string(status.st_gid)) +
         ", to which you do not belong";
}

UniqueFd open_node(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (fd.get() >= 0) return fd;
  const int error = errno;
  ErrorDetails details;
  details.system_error = error;
  details.device = path;
  switch (error) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
      throw Error(HALYARD_NO_DEVICE, "there is no device " + path, details);
    case EACCES:
    case EPERM:
      throw Error(HALYARD_NO_PERMISSION, path + " may be opened by " + who_may(path), details);
    default:
      throw call_error(path, path + " cannot be opened", error);
  }
}

}  // namespace

UniqueFd::~UniqueFd() {
  if (fd_ >= 0) close(fd_);
}

Node::Node(const std::string& path) : path_(path), fd_(open_node(path)) {
  check_driver();
}

void Node::check_driver() {
  struct Free {
    void operator()(drmVersion* version) const { drmFreeVersion(version); }
  };
  const std::unique_ptr<drmVersion, Free> version(drmGetVersion(fd()));
  ErrorDetails details;
  details.device = path_;
  if (!version || std::string_view(version->name) != kDriverName) {
    throw Error(HALYARD_NO_DEVICE, path_ + " belongs to another driver", details);
  }
  driver_version_ =
      std::to_string(version->version_major) + "." + std::to_string(version->version_minor);
  if (version->version_major != DRM_HALYARD_VERSION_MAJOR ||
      version->version_minor < kNeededMinor) {
    throw Error(HALYARD_VERSION_MISMATCH,
                "the driver of " + path_ + " has version " + driver_version_ +
                    ", this library needs " + std::to_string(DRM_HALYARD_VERSION_MAJOR) + "." +
                    std::to_string(kNeededMinor) + " or a later minor version",
                details);
  }
}

int Node::try_call(unsigned long request, void* argument) const noexcept {
  return drmIoctl(fd(), request, argument) == 0 ? 0 : errno;
}

void Node::call(unsigned long request, void* argument, const char* what) const {
  if (const int error = try_call(request, argument)) throw call_error(path_, what, error);
}

std::size_t Node::query_size(drm_halyard_query_type type) const {
  drm_halyard_dev_query query{};
  query.type = type;
  call(DRM_IOCTL_HALYARD_DEV_QUERY, &query, "the driver does not tell about its device");
  return query.size;
}

void Node::query_bytes(drm_halyard_query_type type, std::span<std::byte> out) const {
  if (out.empty()) return;
  drm_halyard_dev_query query{};
  query.type = type;
  query.size = static_cast<__u32>(out.size());
  query.pointer = reinterpret_cast<std::uintptr_t>(out.data());
  call(DRM_IOCTL_HALYARD_DEV_QUERY, &query, "the driver does not tell about its device");
}

std::vector<std::byte> Node::query_blob(drm_halyard_query_type type) const {
  std::vector<std::byte> blob(query_size(type));
  query_bytes(type, blob);
  return blob;
}

DeviceFacts read_facts(const Node& node, const std::string& bus) {
  // Without the time, for which a device that sleeps would be woken up.
  drm_halyard_query_device device{};
  node.query_bytes(DRM_HALYARD_QUERY_DEVICE,
                   std::as_writable_bytes(std::span(&device, 1))
                       .first(offsetof(drm_halyard_query_device, timestamp)));
  const auto limits = node.query<drm_halyard_query_limits>(DRM_HALYARD_QUERY_LIMITS);
  const auto firmware = node.query<drm_halyard_query_firmware>(DRM_HALYARD_QUERY_FIRMWARE);
  DeviceFacts facts;
  facts.path = node.path();
  facts.chip = text(device.chip);
  facts.name = text(device.name);
  facts.bus = bus;
  facts.driver_version = node.driver_version();
  facts.firmware = text(firmware.version);
  facts.chip_revision = device.revision;
  facts.va_start = device.va_start;
  facts.va_end = device.va_end;
  facts.page_size = device.page_size;
  facts.large_page_size = device.large_page_size;
  facts.has_mmu = (device.flags & DRM_HALYARD_DEVICE_HAS_MMU) != 0;
  facts.payload_max = limits.payload_max;
  facts.job_buffers_max = limits.job_buffers_max;
  for (const auto& region : node.query_array<drm_halyard_query_memory>(DRM_HALYARD_QUERY_MEMORY)) {
    facts.regions.push_back({text(region.name), region.region,
                             (region.flags & DRM_HALYARD_MEMORY_HOST) != 0,
                             (region.flags & DRM_HALYARD_MEMORY_MAPPABLE) != 0});
  }
  for (const auto& engine : node.query_array<drm_halyard_query_engine>(DRM_HALYARD_QUERY_ENGINES)) {
    facts.engines.push_back({text(engine.name), engine.engine_class, engine.count});
  }
  facts.chip_blob = node.query_blob(DRM_HALYARD_QUERY_CHIP);
  return facts;
}

std::vector<MemoryUse> read_memory_use(const Node& node) {
  std::vector<MemoryUse> use;
  for (const auto& region : node.query_array<drm_halyard_query_memory>(DRM_HALYARD_QUERY_MEMORY)) {
    use.push_back({region.size, region.used});
  }
  return use;
}

std::string read_firmware_error(const Node& node) {
  return text(node.query<drm_halyard_query_firmware>(DRM_HALYARD_QUERY_FIRMWARE).error);
}

}  // namespace halyard::hal::drm
