// SPDX-License-Identifier: MIT
#include "reference.hpp"

#include "../checked.hpp"

namespace halyard::engine {

const Arithmetic& reference() {
  static const Checked<Reference> kArithmetic;
  return kArithmetic;
}

}  // namespace halyard::engine
