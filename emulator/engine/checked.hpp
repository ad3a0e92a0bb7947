// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Puts the argument checks in front of an implementation, so that it computes on sane operands
/// only.

#include <cstdint>
#include <new>

#include "check.hpp"
#include "engine.hpp"

namespace halyard::engine {

/// What the caller has done to the arguments.
enum class Arguments : std::uint8_t {
  kUnknown,  ///< nothing: they are checked
  kChecked,  ///< the same checks, on the same shapes, types and parameters: they are not repeated
};

/// Implementation supplies, for each operation, a static function of the same name and arguments
/// that returns nothing (gather and scatter: the reason, as only they read indices).
template <typename Implementation, Arguments kArguments = Arguments::kUnknown>
class Checked final : public Arithmetic {
 public:
  std::string matmul(const Tensor& a, const Tensor& b, const Tensor& out,
                     const Epilogue& epilogue) const override {
    return guard([&] { return check_matmul(a, b, out, epilogue); },
                 [&] { Implementation::matmul(a, b, out, epilogue); });
  }

  std::string conv2d(const Tensor& in, const Tensor& weight, const Tensor& out,
                     const Conv2dParams& params, const Epilogue& epilogue) const override {
    return guard([&] { return check_conv2d(in, weight, out, params, epilogue); },
                 [&] { Implementation::conv2d(in, weight, out, params, epilogue); });
  }

  std::string binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                     Activation activation) const override {
    return guard([&] { return check_binary(op, a, b, out, activation); },
                 [&] { Implementation::binary(op, a, b, out, activation); });
  }

  std::string activate(Activation activation, const Tensor& in, const Tensor& out) const override {
    return guard([&] { return check_activate(activation, in, out); },
                 [&] { Implementation::activate(activation, in, out); });
  }

  std::string function(Function function, const Tensor& in, const Tensor& out) const override {
    return guard([&] { return check_function(function, in, out); },
                 [&] { Implementation::function(function, in, out); });
  }

  std::string pool2d(const Tensor& in, const Tensor& out, const PoolParams& params) const override {
    return guard([&] { return check_pool2d(in, out, params); },
                 [&] { Implementation::pool2d(in, out, params); });
  }

  std::string softmax(const Tensor& in, const Tensor& out) const override {
    return guard([&] { return check_softmax(in, out); }, [&] { Implementation::softmax(in, out); });
  }

  std::string norm(Norm kind, const Tensor& in, const Tensor& gain, const Tensor& bias,
                   const Tensor& out, float epsilon) const override {
    return guard([&] { return check_norm(kind, in, gain, bias, out, epsilon); },
                 [&] { Implementation::norm(kind, in, gain, bias, out, epsilon); });
  }

  std::string copy(const Tensor& in, const Tensor& out) const override {
    return guard([&] { return check_copy(in, out); }, [&] { Implementation::copy(in, out); });
  }

  std::string gather(const Tensor& in, const Tensor& index, const Tensor& out) const override {
    std::string reason = refusal([&] { return check_gather(in, index, out); });
    return reason.empty() ? Implementation::gather(in, index, out) : reason;
  }

  std::string scatter(const Tensor& in, const Tensor& index, const Tensor& out) const override {
    std::string reason = refusal([&] { return check_scatter(in, index, out); });
    return reason.empty() ? Implementation::scatter(in, index, out) : reason;
  }

  std::string rotate(const Tensor& in, const Tensor& angle, const Tensor& out,
                     float factor) const override {
    return guard([&] { return check_rotate(in, angle, out, factor); },
                 [&] { Implementation::rotate(in, angle, out, factor); });
  }

  std::string order(const Tensor& in, const Tensor& out, bool descending) const override {
    return guard([&] { return check_order(in, out); },
                 [&] { Implementation::order(in, out, descending); });
  }

  std::string quantize(const Tensor& in, const Tensor& scale, const Tensor& out, std::uint32_t axis,
                       std::int32_t zero_point) const override {
    return guard([&] { return check_quantize(in, scale, out, axis, zero_point); },
                 [&] { Implementation::quantize(in, scale, out, axis, zero_point); });
  }

  std::string dequantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) const override {
    return guard([&] { return check_dequantize(in, scale, out, axis, zero_point); },
                 [&] { Implementation::dequantize(in, scale, out, axis, zero_point); });
  }

  std::string requantize(const Tensor& in, const Tensor& scale, const Tensor& out,
                         std::uint32_t axis, std::int32_t zero_point) const override {
    return guard([&] { return check_requantize(in, scale, out, axis, zero_point); },
                 [&] { Implementation::requantize(in, scale, out, axis, zero_point); });
  }

  std::string linear(Format format, const Tensor& a, const Tensor& b,
                     const Tensor& out) const override {
    return guard([&] { return check_linear(format, a, b, out); },
                 [&] { Implementation::linear(format, a, b, out); });
  }

  std::string unpack(Format format, const Tensor& in, const Tensor& out) const override {
    return guard([&] { return check_unpack(format, in, out); },
                 [&] { Implementation::unpack(format, in, out); });
  }

  std::string fill(const Tensor& out, std::uint32_t pattern) const override {
    return guard([&] { return check_fill(out); }, [&] { Implementation::fill(out, pattern); });
  }

 private:
  template <typename Check>
  static std::string refusal(const Check& check) {
    if constexpr (kArguments == Arguments::kUnknown) {
      return check();
    } else {
      return {};
    }
  }

  template <typename Check, typename Run>
  static std::string guard(const Check& check, const Run& run) {
    if (std::string reason = refusal(check); !reason.empty()) {
      return reason;
    }
    try {
      run();
    } catch (const std::bad_alloc&) {
      return "out of memory";
    }
    return {};
  }
};

}  // namespace halyard::engine
