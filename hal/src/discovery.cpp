// SPDX-License-Identifier: MIT
#include "discovery.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <utility>

#include "modules.hpp"
#ifdef HALYARD_HAL_PLATFORM_DRM
#include "platform/drm/drm_platform.hpp"
#endif

namespace halyard::hal {

namespace {

constexpr std::string_view kSimPrefix = "sim:";
constexpr std::array<std::string_view, 2> kPlatforms = {"drm", "sim"};

std::shared_ptr<Platform> make_platform(std::string_view name) {
#ifdef HALYARD_HAL_PLATFORM_DRM
  if (name == "drm") return make_drm_platform();
#endif
  return load_platform(name);
}

/// Not usable without its plug-in.
void check_plugin(DeviceCandidate& candidate) {
  if (!candidate.usable) return;
  try {
    find_plugin(candidate.chip);
  } catch (const Error& error) {
    candidate.usable = false;
    candidate.status = error.status();
    candidate.problem = error.what();
  }
}

[[noreturn]] void no_device(const std::string& what, const std::vector<Found>& found) {
  // With several reasons the one of the first device is told: it is the one that was meant.
  for (const auto& [platform, candidate] : found) {
    if (candidate.problem.empty()) continue;
    ErrorDetails details;
    details.device = candidate.path;
    throw Error(candidate.status, candidate.problem, details);
  }
  std::string message = what;
  const auto causes = diagnose();
  if (!causes.empty()) message += ": " + causes.front().sentence;
  throw Error(HALYARD_NO_DEVICE, message);
}

Ref<Device> open_on(const std::shared_ptr<Platform>& platform, const std::string& path) {
  return make_ref<Device>(platform, platform->open(path));
}

}  // namespace

std::shared_ptr<Platform> find_platform(std::string_view name) {
  static std::mutex mutex;
  static std::map<std::string, std::shared_ptr<Platform>, std::less<>> platforms;
  const std::lock_guard lock(mutex);
  // A test process changes the directory that modules come from.
  const auto key = module_directory() + "/" + std::string(name);
  auto& platform = platforms[key];
  if (!platform) platform = make_platform(name);
  return platform;
}

std::shared_ptr<Platform> default_platform() {
  const auto name = environment("HALYARD_PLATFORM");
  if (name.empty()) return find_platform(kPlatforms.front());
  if (std::find(kPlatforms.begin(), kPlatforms.end(), name) == kPlatforms.end()) {
    throw Error(HALYARD_INVALID_ARGUMENT,
                "HALYARD_PLATFORM is \"" + name + "\", neither \"drm\" nor \"sim\"");
  }
  return find_platform(name);
}

std::vector<Found> enumerate() {
  const auto platform = default_platform();
  std::vector<Found> found;
  for (auto& candidate : platform->enumerate()) {
    check_plugin(candidate);
    found.push_back({platform, std::move(candidate)});
  }
  return found;
}

Ref<Device> open_device(const std::string& path) {
  if (path.starts_with(kSimPrefix)) return open_on(find_platform("sim"), path);
  if (path.starts_with('/')) return open_on(find_platform("drm"), path);
  auto found = enumerate();
  if (!path.empty()) {
    std::erase_if(found, [&](const Found& device) { return device.candidate.chip != path; });
  }
  for (const auto& [platform, candidate] : found) {
    if (candidate.usable) return open_on(platform, candidate.path);
  }
  no_device(path.empty() ? "there is no device" : "there is no device of the kind " + path, found);
}

std::vector<Diagnosis> diagnose() {
  const auto platform = default_platform();
  auto causes = platform->diagnose();
  if (!causes.empty()) return causes;
  for (auto& candidate : platform->enumerate()) {
    if (!candidate.usable) continue;
    check_plugin(candidate);
    if (candidate.usable) return {};
    causes.push_back({"no-plugin", candidate.path + ": " + candidate.problem});
  }
  return causes;
}

}  // namespace halyard::hal
