// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The end of a product, by rows: from sums to what is stored.

#include <cstddef>
#include <cstdint>

#include "../engine.hpp"

namespace halyard::engine {

/// Applies an epilogue to rows of sums. The elements of a row belong either all to one channel or
/// to consecutive ones.
class Finisher {
 public:
  explicit Finisher(const Epilogue& epilogue) : epilogue_(epilogue) {}

  /// True when the sums are the results as they are.
  [[nodiscard]] bool is_identity() const {
    return !epilogue_.bias.present() && !epilogue_.scale.present() &&
           epilogue_.activation == Activation::kNone;
  }
  /// True when results are int8, by apply() with an output of their own.
  [[nodiscard]] bool rescales() const { return epilogue_.scale.present(); }

  /// The rows to come have n elements of channel `first` and the following ones. The scratch of
  /// kBias and kScale belongs to the object from here on.
  void set_channels(std::int64_t first, std::size_t n);
  /// The rows to come have at most n elements, all of this channel.
  void set_channel(std::int64_t channel, std::size_t n);

  void apply(float* sums, std::size_t n) const;
  void apply(std::int32_t* sums, std::size_t n) const;
  /// Changes the sums as well.
  void apply(std::int32_t* sums, std::int8_t* out, std::size_t n) const;

 private:
  const Epilogue& epilogue_;
  const void* biases_ = nullptr;  ///< per element, if the row has several channels
  const float* scales_ = nullptr;
  float float_bias_ = 0.0F;  ///< else the one channel's
  std::int32_t int_bias_ = 0;
};

}  // namespace halyard::engine
