// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Finds and loads the library's own modules: chip plug-ins and platforms. They are never unloaded.

#include <memory>
#include <string>
#include <string_view>

#include "platform/platform.hpp"
#include "plugin.hpp"

namespace halyard::hal {

/// An environment variable, unless the process runs with privileges that its caller lacks; empty
/// when not set.
std::string environment(const char* name);

/// HALYARD_PLUGIN_DIR, else the folder `halyard` beside this library.
std::string module_directory();

/// The plug-in of a kind of chip. Throws Error: HALYARD_NO_DEVICE when there is none,
/// HALYARD_VERSION_MISMATCH when it was built for another library, HALYARD_MALFORMED when the file
/// is no plug-in of that chip.
const PluginDescriptor& find_plugin(std::string_view chip);

/// A platform in a module of its own; errors as find_plugin(), but HALYARD_UNSUPPORTED when there
/// is none.
std::unique_ptr<Platform> load_platform(std::string_view name);

}  // namespace halyard::hal
