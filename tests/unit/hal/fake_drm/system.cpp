// SPDX-License-Identifier: MIT
#include "system.hpp"

#include <libudev.h>
#include <unistd.h>
#include <xf86drm.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>
#include <string_view>

// libudev's types are opaque: here they are what this file needs them to be.

struct udev {
  int unused = 0;
};

struct udev_list_entry {
  std::string name;
  std::unique_ptr<udev_list_entry> next;
};

struct udev_enumerate {
  std::string subsystem;
  std::unique_ptr<udev_list_entry> entries;
};

struct udev_device {
  const halyard::test::FakeNode* node = nullptr;
  const halyard::test::FakeCard* card = nullptr;
};

namespace halyard::test {

FakeMachine& machine() {
  static FakeMachine machine;
  return machine;
}

namespace {

/// The driver behind an open file: of the first node with that path.
const FakeNode* node_of(int fd) {
  char path[PATH_MAX] = {};
  const auto link = "/proc/self/fd/" + std::to_string(fd);
  if (readlink(link.c_str(), path, sizeof(path) - 1) < 0) return nullptr;
  const auto& nodes = machine().nodes;
  const auto found = std::ranges::find(nodes, std::string(path), &FakeNode::path);
  return found == nodes.end() ? nullptr : &*found;
}

template <std::size_t N>
void put(char (&field)[N], const std::string& text) {
  std::memcpy(field, text.c_str(), std::min(N - 1, text.size()) + 1);
}

/// As the kernel answers DEV_QUERY.
template <class Answer>
int answer(drm_halyard_dev_query& query, const Answer& answer) {
  if (query.pointer != 0) {
    // The ioctl carries its pointer in 64 bits. NOLINTNEXTLINE(performance-no-int-to-ptr)
    auto* out = reinterpret_cast<void*>(query.pointer);
    std::memcpy(out, &answer, std::min<std::size_t>(query.size, sizeof(answer)));
  }
  query.size = sizeof(answer);
  return 0;
}

int dev_query(const FakeNode& node, drm_halyard_dev_query& query) {
  switch (query.type) {
    case DRM_HALYARD_QUERY_DEVICE: {
      drm_halyard_query_device device{};
      put(device.chip, node.chip);
      put(device.name, "a fake");
      device.page_size = 4096;
      return answer(query, device);
    }
    case DRM_HALYARD_QUERY_ENGINES: {
      drm_halyard_query_engine engine{};
      put(engine.name, "tensor");
      engine.count = 1;
      return answer(query, engine);
    }
    case DRM_HALYARD_QUERY_MEMORY: {
      drm_halyard_query_memory memory{};
      put(memory.name, "host");
      memory.flags = DRM_HALYARD_MEMORY_HOST | DRM_HALYARD_MEMORY_MAPPABLE;
      memory.size = 1U << 20U;
      return answer(query, memory);
    }
    case DRM_HALYARD_QUERY_LIMITS:
      return answer(query, drm_halyard_query_limits{});
    case DRM_HALYARD_QUERY_FIRMWARE: {
      drm_halyard_query_firmware firmware{};
      put(firmware.version, "1.2");
      put(firmware.error, node.firmware_error);
      return answer(query, firmware);
    }
    case DRM_HALYARD_QUERY_CHIP:
      return answer(query, std::uint64_t{0});
    default:
      errno = EINVAL;
      return -1;
  }
}

}  // namespace
}  // namespace halyard::test

using halyard::test::machine;

extern "C" {

// ---- libdrm ----------------------------------------------------------------------------------

drmVersionPtr drmGetVersion(int fd) {
  const auto* node = halyard::test::node_of(fd);
  if (node == nullptr) return nullptr;
  auto version = std::make_unique<drmVersion>();
  version->version_major = node->version_major;
  version->version_minor = node->version_minor;
  version->name = strdup(node->driver.c_str());
  return version.release();
}

void drmFreeVersion(drmVersionPtr version) {
  const std::unique_ptr<drmVersion> owned(version);
  if (owned) std::free(owned->name);
}

int drmIoctl(int fd, unsigned long request, void* argument) {
  const auto* node = halyard::test::node_of(fd);
  if (node == nullptr || request != DRM_IOCTL_HALYARD_DEV_QUERY) {
    errno = ENOTTY;
    return -1;
  }
  return halyard::test::dev_query(*node, *static_cast<drm_halyard_dev_query*>(argument));
}

// ---- libudev ---------------------------------------------------------------------------------

udev* udev_new() {
  return std::make_unique<udev>().release();
}

udev* udev_unref(udev* context) {
  const std::unique_ptr<udev> owned(context);
  return nullptr;
}

udev_enumerate* udev_enumerate_new(udev* /*context*/) {
  return std::make_unique<udev_enumerate>().release();
}

udev_enumerate* udev_enumerate_unref(udev_enumerate* enumeration) {
  const std::unique_ptr<udev_enumerate> owned(enumeration);
  return nullptr;
}

int udev_enumerate_add_match_subsystem(udev_enumerate* enumeration, const char* subsystem) {
  enumeration->subsystem = subsystem;
  return 0;
}

int udev_enumerate_scan_devices(udev_enumerate* enumeration) {
  const bool nodes = enumeration->subsystem == "accel";
  const std::size_t count = nodes ? machine().nodes.size() : machine().cards.size();
  for (std::size_t i = count; i-- > 0;) {
    auto entry = std::make_unique<udev_list_entry>();
    entry->name = enumeration->subsystem + "/" + std::to_string(i);
    entry->next = std::move(enumeration->entries);
    enumeration->entries = std::move(entry);
  }
  return 0;
}

udev_list_entry* udev_enumerate_get_list_entry(udev_enumerate* enumeration) {
  return enumeration->entries.get();
}

udev_list_entry* udev_list_entry_get_next(udev_list_entry* entry) {
  return entry->next.get();
}

const char* udev_list_entry_get_name(udev_list_entry* entry) {
  return entry->name.c_str();
}

udev_device* udev_device_new_from_syspath(udev* /*context*/, const char* path) {
  const std::string_view name(path);
  const auto index = std::stoul(std::string(name.substr(name.find('/') + 1)));
  auto device = std::make_unique<udev_device>();
  if (name.starts_with("accel")) {
    device->node = &machine().nodes.at(index);
  } else {
    device->card = &machine().cards.at(index);
  }
  return device.release();
}

udev_device* udev_device_unref(udev_device* device) {
  const std::unique_ptr<udev_device> owned(device);
  return nullptr;
}

const char* udev_device_get_devnode(udev_device* device) {
  return device->node != nullptr ? device->node->path.c_str() : nullptr;
}

udev_device* udev_device_get_parent_with_subsystem_devtype(udev_device* /*device*/,
                                                           const char* /*subsystem*/,
                                                           const char* /*type*/) {
  return nullptr;
}

const char* udev_device_get_sysname(udev_device* device) {
  return device->card != nullptr ? device->card->bus.c_str() : nullptr;
}

const char* udev_device_get_driver(udev_device* device) {
  return device->card != nullptr && device->card->has_driver ? "fake" : nullptr;
}

const char* udev_device_get_sysattr_value(udev_device* device, const char* name) {
  if (device->card == nullptr) return nullptr;
  return std::string_view(name) == "vendor" ? device->card->vendor.c_str()
                                            : device->card->device_class.c_str();
}

}  // extern "C"
