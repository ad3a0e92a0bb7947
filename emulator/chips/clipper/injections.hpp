// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "chips/common/injector.hpp"

namespace halyard::emu::clipper {

/// "hang:queue=3,skip=10,count=1,arg=0": the names of CLP_INJECT_*, in lower case; queue, engine
/// and target are one. Throws std::invalid_argument that says what is wrong.
Injection parse_injection(std::string_view text);

/// Without what its kind has no use for.
Injection normalised(Injection injection);

}  // namespace halyard::emu::clipper
