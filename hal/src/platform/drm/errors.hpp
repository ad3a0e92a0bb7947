// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the kernel's error numbers mean: the one place.

#include <string>

#include "error.hpp"

namespace halyard::hal::drm {

/// Of a call that failed. The numbers are those of halyard_accel.h's "Errors common to all calls".
halyard_status status_of_call(int error);

/// Of a fence, as a job left it. Of a device that is lost it is the queue's state that tells: EIO
/// alone is the failure of a job.
halyard_status status_of_fence(int error);

/// Of a queue's fault, enum drm_halyard_fault_cause.
halyard_status status_of_fault(unsigned cause);

/// "<what>: <reason of the system>".
Error call_error(const std::string& device, const std::string& what, int error);

}  // namespace halyard::hal::drm
