// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <halyard/halyard.hpp>

namespace halyard::test {

/// What `body` threw; a test failure when it threw nothing.
template <class Body>
Error error_of(Body body) {
  try {
    static_cast<void>(body());
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(halyard_error{});
}

}  // namespace halyard::test
