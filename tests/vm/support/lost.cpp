// SPDX-License-Identifier: MIT
#include "lost.hpp"

#include <poll.h>
#include <xf86drm.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <system_error>

namespace halyard::test {

namespace fs = std::filesystem;

void write_file(const fs::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) {
    throw std::runtime_error("can't write '" + text + "' to " + path.string());
  }
}

fs::path pci_device() {
  return fs::canonical("/sys/class/accel" / fs::path(device_node()).filename() / "device");
}

Resets resets() {
  std::ifstream file(debugfs_folder() + "/queues");
  std::string line;
  std::getline(file, line);
  Resets counts{};
  if (std::sscanf(line.c_str(), "resets: queue %u, engine %u, device %u, function %u", &counts[0],
                  &counts[1], &counts[2], &counts[3]) != kRungs)
    throw std::runtime_error("no counts of resets in " + line);
  return counts;
}

void set_recovery_from(unsigned rung) {
  write_file(debugfs_folder() + "/recovery_from", std::to_string(rung));
}

void set_timeout_ms(unsigned ms) {
  write_file(debugfs_folder() + "/timeout_ms", std::to_string(ms));
}

bool has_device() {
  std::error_code error;
  return fs::directory_iterator("/dev/accel", error) != fs::directory_iterator();
}

bool wait_for_device() {
  for (int i = 0; i < 200; ++i) {
    if (has_device()) return true;
    sleep_ms(50);
  }
  return false;
}

void Slot::reset_bus() const {
  write_file(device_ / "reset_method", "bus");
  write_file(device_ / "reset", "1");
  write_file(device_ / "reset_method", "flr bus");
}

File export_fence(const Client& client, std::uint32_t syncobj) {
  int fd = -1;
  require(drmSyncobjExportSyncFile(client.fd(), syncobj, &fd) == 0 ? 0 : errno,
          "SYNCOBJ_HANDLE_TO_FD");
  return File(fd);
}

int end_of(const File& fence) {
  pollfd polled{.fd = fence.get(), .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 60000) == 1 ? sync_file_status(fence) : 0;
}

}  // namespace halyard::test
