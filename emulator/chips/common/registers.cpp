// SPDX-License-Identifier: MIT
#include "chips/common/registers.hpp"

#include <cstdio>

namespace halyard::emu {

std::string hex(std::uint64_t value) {
  char text[19];
  std::snprintf(text, sizeof(text), "0x%llx", static_cast<unsigned long long>(value));
  return text;
}

}  // namespace halyard::emu
