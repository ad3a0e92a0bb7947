// SPDX-License-Identifier: MIT
#pragma once

#include "device.hpp"

namespace halyard::ggml {

/// A stream of work on a device. Throws Error.
ggml_backend_t make_backend(GgmlDevice& device);

}  // namespace halyard::ggml
