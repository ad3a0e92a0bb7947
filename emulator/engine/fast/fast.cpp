// SPDX-License-Identifier: MIT
#include "fast.hpp"

#include "../checked.hpp"

namespace halyard::engine {

const Arithmetic& fast() {
  static const Checked<Fast> arithmetic;
  return arithmetic;
}

}  // namespace halyard::engine
