// SPDX-License-Identifier: MIT
#include "modules.hpp"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <mutex>

namespace halyard::hal {

namespace {

/// The word becomes a file's name: nothing in it may lead elsewhere.
bool is_word(std::string_view text) {
  return !text.empty() && text.size() < 32 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
}

/// The address of a symbol of the module `path`.
const void* load_symbol(const std::string& path, const char* symbol) {
  // Never unloaded: objects and threads of it may outlive whoever asked for it.
  void* module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (module == nullptr) {
    const char* reason = dlerror();
    throw Error(HALYARD_MALFORMED, reason != nullptr ? reason : path + " cannot be loaded");
  }
  const void* address = dlsym(module, symbol);
  if (address == nullptr) {
    throw Error(HALYARD_MALFORMED,
                path + " is not a module of Halyard: it has no symbol " + symbol);
  }
  return address;
}

/// Loads a module whose descriptor begins with an ABI number, and checks that.
template <class Descriptor>
const Descriptor& load_descriptor(const std::string& path, const char* symbol, std::uint32_t abi) {
  const auto& descriptor = *static_cast<const Descriptor*>(load_symbol(path, symbol));
  if (descriptor.abi != abi) {
    throw Error(HALYARD_VERSION_MISMATCH, path + " was built for module ABI " +
                                              std::to_string(descriptor.abi) +
                                              ", this library has " + std::to_string(abi));
  }
  return descriptor;
}

void check_name(const std::string& path, const char* found, std::string_view wanted) {
  if (found == nullptr || found != wanted) {
    throw Error(HALYARD_MALFORMED, path + " calls itself " +
                                       (found != nullptr ? found : "nothing") + ", not " +
                                       std::string(wanted));
  }
}

const PluginDescriptor& load_plugin(std::string_view chip) {
  const auto directory = module_directory();
  const auto path = directory + "/" + std::string(chip) + ".so";
  if (!is_word(chip) || access(path.c_str(), F_OK) != 0) {
    throw Error(HALYARD_NO_DEVICE,
                "there is no plug-in for the chip " + std::string(chip) + " in " + directory);
  }
  const auto& plugin = load_descriptor<PluginDescriptor>(path, kPluginSymbol, kPluginAbi);
  check_name(path, plugin.chip, chip);
  return plugin;
}

}  // namespace

std::string environment(const char* name) {
  const char* value = secure_getenv(name);
  return value != nullptr ? value : "";
}

std::string module_directory() {
  if (auto directory = environment("HALYARD_PLUGIN_DIR"); !directory.empty()) return directory;
  Dl_info info{};
  if (dladdr(reinterpret_cast<const void*>(&halyard_version), &info) == 0) return "halyard";
  return (std::filesystem::path(info.dli_fname).parent_path() / "halyard").string();
}

const PluginDescriptor& find_plugin(std::string_view chip) {
  static std::mutex mutex;
  static std::map<std::string, const PluginDescriptor*, std::less<>> known;
  const std::lock_guard lock(mutex);
  // The directory is part of the key: a test process changes it.
  const auto key = module_directory() + "/" + std::string(chip);
  auto& plugin = known[key];
  if (plugin == nullptr) plugin = &load_plugin(chip);
  return *plugin;
}

std::unique_ptr<Platform> load_platform(std::string_view name) {
  const auto directory = module_directory();
  const auto path = directory + "/platform-" + std::string(name) + ".so";
  if (!is_word(name) || access(path.c_str(), F_OK) != 0) {
    throw Error(HALYARD_UNSUPPORTED,
                "there is no platform " + std::string(name) + " in " + directory);
  }
  const auto& platform = load_descriptor<PlatformDescriptor>(path, kPlatformSymbol, kPlatformAbi);
  check_name(path, platform.name, name);
  return platform.create();
}

}  // namespace halyard::hal
