// SPDX-License-Identifier: MIT
#include "fast.hpp"

#include "../checked.hpp"

namespace halyard::engine {

const Arithmetic& fast() {
  static const Checked<Fast> arithmetic;
  return arithmetic;
}

const Arithmetic& fast_on_checked() {
  static const Checked<Fast, Arguments::kChecked> arithmetic;
  return arithmetic;
}

}  // namespace halyard::engine
