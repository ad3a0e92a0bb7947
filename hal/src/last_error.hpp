// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The edge of the C interface: exceptions end here and become a status and the thread's last
/// error.

#include <halyard/halyard.h>

#include <exception>
#include <new>
#include <string>
#include <type_traits>

#include "error.hpp"

namespace halyard::hal {

/// Remembers a failure for the calling thread. \return its status.
halyard_status set_last_error(const Error& error) noexcept;

/// The exception being handled as a status; remembers it. Only inside of a catch block.
halyard_status handle_exception() noexcept;

/// Runs `body`; what it throws becomes the status.
template <class Body>
halyard_status guard(Body&& body) noexcept {
  try {
    body();
    return HALYARD_OK;
  } catch (...) {
    return handle_exception();
  }
}

/// Throws Error(HALYARD_INVALID_ARGUMENT) that names a null argument.
inline void require(const void* pointer, const char* name) {
  if (pointer == nullptr) throw Error(HALYARD_INVALID_ARGUMENT, std::string(name) + " is NULL");
}
template <class T>
requires(!std::is_void_v<T>) T& require(T* pointer, const char* name) {
  require(static_cast<const void*>(pointer), name);
  return *pointer;
}

}  // namespace halyard::hal
