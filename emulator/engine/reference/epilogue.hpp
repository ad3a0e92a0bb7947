// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The end of a product: from the accumulator to the stored element.

#include "../index.hpp"
#include "../scalar.hpp"

namespace halyard::engine {

/// Offset of a channel's element in a vector of one element per channel or one for all.
inline std::int64_t channel_offset(const Tensor& vector, std::uint32_t channel) {
  return offset_of(vector, Index{channel});
}

/// Finishes a float product of the channel and stores it at `offset`.
inline void finish(const Epilogue& epilogue, std::uint32_t channel, float sum, const Tensor& out,
                   std::int64_t offset) {
  if (epilogue.bias.present()) {
    sum += load_float(epilogue.bias, channel_offset(epilogue.bias, channel));
  }
  store_float(out, offset, activate_float(epilogue.activation, sum));
}

/// Finishes an int8 product of the channel and stores it at `offset`.
inline void finish(const Epilogue& epilogue, std::uint32_t channel, std::int32_t sum,
                   const Tensor& out, std::int64_t offset) {
  if (epilogue.bias.present()) {
    sum = add_wrapping(sum, load_int(epilogue.bias, channel_offset(epilogue.bias, channel)));
  }
  if (!epilogue.scale.present()) {
    store_int(out, offset, activate_int(epilogue.activation, sum));
    return;
  }
  const float scale = load_float(epilogue.scale, channel_offset(epilogue.scale, channel));
  const float value = activate_float(epilogue.activation, static_cast<float>(sum) * scale);
  store_int(out, offset, round_offset_saturate(value, range_of(out.type), epilogue.zero_point));
}

}  // namespace halyard::engine
