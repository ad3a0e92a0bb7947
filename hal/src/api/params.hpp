// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Operations and their parameters as they come across the C interface.

#include "graph.hpp"

namespace halyard::hal {

/// The struct of `op` that `params` points to. Throws Error(HALYARD_INVALID_ARGUMENT) for no
/// operation, and for parameters that it does not have or lacks.
OpParams read_params(halyard_op op, const void* params);

}  // namespace halyard::hal
