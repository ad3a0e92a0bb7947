// SPDX-License-Identifier: MIT
#include "platform/drm/udev.hpp"

#include <libudev.h>
#include <pci_ids.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "clock.hpp"
#include "platform/drm/errors.hpp"

namespace halyard::hal::drm {

namespace {

constexpr const char* kSubsystem = "accel";

template <auto Release>
struct Releaser {
  template <class T>
  void operator()(T* object) const {
    Release(object);
  }
};
using Context = std::unique_ptr<udev, Releaser<udev_unref>>;
using Enumeration = std::unique_ptr<udev_enumerate, Releaser<udev_enumerate_unref>>;
using Device = std::unique_ptr<udev_device, Releaser<udev_device_unref>>;

template <class T>
T require_object(T object) {
  if (!object) throw Error(HALYARD_SYSTEM, "libudev does not work here");
  return object;
}

Context make_context() {
  return require_object(Context(udev_new()));
}

std::string to_text(const char* value) {
  return value != nullptr ? value : "";
}

/// Calls `body` with each device that the enumeration finds.
template <class Body>
void for_each(udev* context, udev_enumerate* enumeration, Body body) {
  if (udev_enumerate_scan_devices(enumeration) < 0) return;
  for (auto* entry = udev_enumerate_get_list_entry(enumeration); entry != nullptr;
       entry = udev_list_entry_get_next(entry)) {
    const Device device(udev_device_new_from_syspath(context, udev_list_entry_get_name(entry)));
    if (device) body(device.get());
  }
}

std::string bus_of(udev_device* device) {
  auto* parent = udev_device_get_parent_with_subsystem_devtype(device, "pci", nullptr);
  return parent != nullptr ? to_text(udev_device_get_sysname(parent)) : "";
}

/// The number in "/dev/accel/accel12".
unsigned long number_of(const std::string& path) {
  const auto digits = path.find_last_not_of("0123456789");
  return digits == std::string::npos ? 0 : std::strtoul(path.c_str() + digits + 1, nullptr, 10);
}

class Monitor final : public PlatformMonitor {
 public:
  Monitor()
      : context_(make_context()),
        monitor_(require_object(Source(udev_monitor_new_from_netlink(context_.get(), source())))) {
    if (udev_monitor_filter_add_match_subsystem_devtype(monitor_.get(), kSubsystem, nullptr) < 0 ||
        udev_monitor_enable_receiving(monitor_.get()) < 0) {
      throw Error(HALYARD_SYSTEM, "libudev does not tell of devices that come and go");
    }
  }

  [[nodiscard]] int fd() const override { return udev_monitor_get_fd(monitor_.get()); }

  std::optional<DeviceEvent> next(std::int64_t deadline_ns) override {
    do {
      while (const Device device{udev_monitor_receive_device(monitor_.get())}) {
        if (auto event = read(device.get())) return event;
      }
    } while (wait(deadline_ns));
    return std::nullopt;
  }

 private:
  using Source = std::unique_ptr<udev_monitor, Releaser<udev_monitor_unref>>;

  /// The udev daemon tells of a node once it has set its permissions; where there is none, the
  /// kernel does.
  static const char* source() { return access("/run/udev/control", F_OK) == 0 ? "udev" : "kernel"; }

  static std::optional<DeviceEvent> read(udev_device* device) {
    const std::string action = to_text(udev_device_get_action(device));
    const std::string path = to_text(udev_device_get_devnode(device));
    if (path.empty() || (action != "add" && action != "remove")) return std::nullopt;
    return DeviceEvent{action == "add", path};
  }

  bool wait(std::int64_t deadline_ns) const {
    for (;;) {
      const auto left = deadline_ns - monotonic_ns();
      if (deadline_ns != HALYARD_FOREVER && left <= 0) return false;
      const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
      pollfd descriptor{fd(), POLLIN, 0};
      const int ready =
          ppoll(&descriptor, 1, deadline_ns == HALYARD_FOREVER ? nullptr : &timeout, nullptr);
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) throw call_error("", "the monitor fails", errno);
    }
  }

  Context context_;
  Source monitor_;
};

}  // namespace

std::vector<NodeEntry> list_nodes() {
  const auto context = make_context();
  const auto enumeration = require_object(Enumeration(udev_enumerate_new(context.get())));
  udev_enumerate_add_match_subsystem(enumeration.get(), kSubsystem);
  std::vector<NodeEntry> nodes;
  for_each(context.get(), enumeration.get(), [&](udev_device* device) {
    auto path = to_text(udev_device_get_devnode(device));
    if (!path.empty()) nodes.push_back({std::move(path), bus_of(device)});
  });
  std::sort(nodes.begin(), nodes.end(), [](const NodeEntry& a, const NodeEntry& b) {
    return number_of(a.path) < number_of(b.path);
  });
  return nodes;
}

std::vector<std::string> list_driverless_cards() {
  char vendor[16], device_class[16];
  static_cast<void>(std::snprintf(vendor, sizeof(vendor), "0x%04x", HALYARD_PCI_VENDOR));
  static_cast<void>(
      std::snprintf(device_class, sizeof(device_class), "0x%06x", HALYARD_PCI_CLASS_ACCEL));
  const auto context = make_context();
  const auto enumeration = require_object(Enumeration(udev_enumerate_new(context.get())));
  udev_enumerate_add_match_subsystem(enumeration.get(), "pci");
  std::vector<std::string> cards;
  for_each(context.get(), enumeration.get(), [&](udev_device* device) {
    // Not by udev's matching, which takes any of several attributes for enough.
    if (to_text(udev_device_get_sysattr_value(device, "vendor")) != vendor) return;
    if (to_text(udev_device_get_sysattr_value(device, "class")) != device_class) return;
    if (udev_device_get_driver(device) == nullptr) {
      cards.push_back(to_text(udev_device_get_sysname(device)));
    }
  });
  return cards;
}

std::unique_ptr<PlatformMonitor> make_monitor() {
  return std::make_unique<Monitor>();
}

}  // namespace halyard::hal::drm
