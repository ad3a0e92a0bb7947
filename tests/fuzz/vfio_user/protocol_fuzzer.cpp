// SPDX-License-Identifier: MIT
#include <cstddef>
#include <cstdint>
#include <span>

#include "targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  halyard::emu::vfio_user::fuzz::protocol(std::as_bytes(std::span(data, size)));
  return 0;
}
