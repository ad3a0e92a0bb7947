// SPDX-License-Identifier: MIT
#pragma once

#include "operations.hpp"

namespace halyard::ggml {

/// float32 values in scratch memory and what is done to them.
class Chain {
 public:
  Chain(const Strided& in, Commands& commands)
      : commands_(commands), value_(commands.scratch(in.dims, HALYARD_F32)) {
    commands.copy(in, value_);
  }

  [[nodiscard]] const Strided& value() const { return value_; }
  Chain& with(halyard_op op, const Strided& other) {
    binary(op, value_, other, value_, commands_);
    return *this;
  }
  Chain& with(halyard_op op, float other) {
    return with(op, commands_.scalar(other, value_.dims.size()));
  }
  Chain& apply(halyard_op op) {
    commands_.add(op, {value_, value_});
    return *this;
  }

 private:
  Commands& commands_;
  Strided value_;
};

}  // namespace halyard::ggml
