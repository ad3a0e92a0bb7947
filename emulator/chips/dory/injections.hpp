// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "chips/common/injector.hpp"

namespace halyard::emu::dory {

/// "hang:skip=10,count=1,arg=0": the names of DORY_INJECT_*, in lower case. Throws
/// std::invalid_argument that says what is wrong.
Injection parse_injection(std::string_view text);

/// Without what its kind has no use for.
Injection normalised(Injection injection);

}  // namespace halyard::emu::dory
