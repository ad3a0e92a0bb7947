// SPDX-License-Identifier: MIT
#include "reference.hpp"

#include "../checked.hpp"

namespace halyard::engine {

const Arithmetic& reference() {
  static const Checked<Reference> arithmetic;
  return arithmetic;
}

}  // namespace halyard::engine
