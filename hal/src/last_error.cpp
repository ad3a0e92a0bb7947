// SPDX-License-Identifier: MIT
#include "last_error.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "sized.hpp"

namespace halyard::hal {

namespace {

halyard_error& last_error() {
  static thread_local halyard_error error = [] {
    halyard_error none{};
    none.size = sizeof(none);
    none.command = HALYARD_NO_COMMAND;
    return none;
  }();
  return error;
}

halyard_status set_plain(halyard_status status, const char* message) noexcept {
  auto& last = last_error();
  last = {};
  last.size = sizeof(last);
  last.status = status;
  last.command = HALYARD_NO_COMMAND;
  copy_string(last.message, message);
  return status;
}

}  // namespace

halyard_status set_last_error(const Error& error) noexcept {
  set_plain(error.status(), error.what());
  auto& last = last_error();
  const auto& details = error.details();
  last.system_error = details.system_error;
  copy_string(last.device, details.device);
  last.queue = details.queue;
  last.command = details.command;
  last.fault_address = details.fault_address;
  last.fault_write = details.fault_write ? 1 : 0;
  copy_string(last.command_name, details.command_name);
  return error.status();
}

halyard_status handle_exception() noexcept {
  try {
    throw;
  } catch (const Error& error) {
    return set_last_error(error);
  } catch (const std::bad_alloc&) {
    return set_plain(HALYARD_OUT_OF_MEMORY, "host memory is exhausted");
  } catch (const std::exception& error) {
    return set_plain(HALYARD_SYSTEM, error.what());
  } catch (...) {
    return set_plain(HALYARD_SYSTEM, "an unknown exception");
  }
}

}  // namespace halyard::hal

extern "C" halyard_status halyard_last_error(halyard_error* error) {
  const auto& last = halyard::hal::last_error();
  if (error != nullptr && error->size >= sizeof(error->size)) {
    halyard::hal::write_sized(error, last);
  }
  return last.status;
}
