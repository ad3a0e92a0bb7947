// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The guest's kernel modules, unloaded and loaded.

#include <string>
#include <vector>

namespace halyard::test {

/// Ours, in the order in which they are loaded.
std::vector<std::string> our_modules();

/// 0 or the errno: EWOULDBLOCK while somebody uses it.
int unload_module(const std::string& name);
/// What it depends on is loaded. Throws when that fails.
void load_module(const std::string& name);

}  // namespace halyard::test
