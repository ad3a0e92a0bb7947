// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "chips/common/injector.hpp"

namespace halyard::emu::sloop {

/// The names of SLP_INJECT_*, in lower case; queue, engine, op and target all mean the target.
Injection parse_injection(std::string_view text);

/// As it is armed: some kinds happen once, or have no target.
Injection normalised(Injection injection);

}  // namespace halyard::emu::sloop
