// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Allocations that fail on request: /proc/thread-self/fail-nth of a kernel with fault injection.

#include <functional>

namespace halyard::test {

/// Whether this kernel can.
bool can_fail_allocations();

/// Lets all kinds of allocations fail, also those that may sleep; copies from and to user space,
/// too. With HALYARD_ALLOC_VERBOSE in the environment the kernel log tells where each one was.
void prepare_failures();

struct Attempt {
  bool failed;  ///< an allocation failed; else there are fewer than that
  int error;    ///< what the call returned
};

/// Makes a call of which the n-th allocation fails, counted from 1.
Attempt with_failure(unsigned n, const std::function<int()>& call);

}  // namespace halyard::test
