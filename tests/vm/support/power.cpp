// SPDX-License-Identifier: MIT
#include "power.hpp"

#include <linux/pci_regs.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "lost.hpp"

namespace halyard::test {

namespace fs = std::filesystem;

namespace {

/// Of the standard part, which anybody may read whatever the card does.
std::vector<unsigned char> read_config() {
  const fs::path path = pci_device() / "config";
  std::ifstream file(path, std::ios::binary);
  std::vector<unsigned char> bytes(PCI_CFG_SPACE_SIZE);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), PCI_CFG_SPACE_SIZE)) {
    throw std::runtime_error("can't read " + path.string());
  }
  return bytes;
}

}  // namespace

fs::path power_folder() {
  return pci_device() / "power";
}

std::string runtime_status() {
  std::ifstream file(power_folder() / "runtime_status");
  std::string status;
  file >> status;
  return status;
}

bool card_sleeps() {
  const auto config = read_config();
  for (unsigned at = config[PCI_CAPABILITY_LIST]; at != 0; at = config[at + PCI_CAP_LIST_NEXT]) {
    if (config[at + PCI_CAP_LIST_ID] == PCI_CAP_ID_PM) {
      return (config[at + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) == 3;
    }
  }
  throw std::runtime_error("the card has no power management");
}

bool wait_for_sleep() {
  for (int i = 0; i < 2000; ++i) {
    if (runtime_status() == "suspended") {
      return card_sleeps();
    }
    sleep_ms(10);
  }
  return false;
}

void set_sleep_after(std::chrono::milliseconds delay) {
  write_file(power_folder() / "autosuspend_delay_ms", std::to_string(delay.count()));
}

Awake::Awake() : control_(power_folder() / "control") {
  write_file(control_, "on");
}

Awake::~Awake() {
  std::ofstream(control_) << "auto" << std::flush;
}

}  // namespace halyard::test
