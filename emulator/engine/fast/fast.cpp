// SPDX-License-Identifier: MIT
#include "fast.hpp"

#include "../checked.hpp"

namespace halyard::engine {

const Arithmetic& fast() {
  static const Checked<Fast> kArithmetic;
  return kArithmetic;
}

const Arithmetic& fast_on_checked() {
  static const Checked<Fast, Arguments::kChecked> kArithmetic;
  return kArithmetic;
}

}  // namespace halyard::engine
