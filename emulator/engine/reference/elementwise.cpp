// SPDX-License-Identifier: MIT
#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

float apply(Binary op, float a, float b) {
  switch (op) {
    case Binary::kAdd:
      return a + b;
    case Binary::kSub:
      return a - b;
    case Binary::kMul:
      return a * b;
    case Binary::kDiv:
      return a / b;
    case Binary::kMax:
      return max_float(a, b);
    case Binary::kMin:
      return min_float(a, b);
  }
  return 0.0F;
}

/// In 64 bits, where no operation on 32-bit operands overflows.
std::int64_t apply(Binary op, std::int64_t a, std::int64_t b) {
  switch (op) {
    case Binary::kAdd:
      return a + b;
    case Binary::kSub:
      return a - b;
    case Binary::kMul:
      return a * b;
    case Binary::kDiv:
      return b == 0 ? 0 : a / b;
    case Binary::kMax:
      return std::max(a, b);
    case Binary::kMin:
      return std::min(a, b);
  }
  return 0;
}

}  // namespace

void Reference::binary(Binary op, const Tensor& a, const Tensor& b, const Tensor& out,
                       Activation activation) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const std::int64_t left = offset_of(a, index);
    const std::int64_t right = offset_of(b, index);
    const std::int64_t offset = offset_of(out, index);
    if (is_float(out.type)) {
      const float result = apply(op, load_float(a, left), load_float(b, right));
      store_float(out, offset, activate_float(activation, result));
    } else {
      const std::int64_t result =
          apply(op, std::int64_t{load_int(a, left)}, std::int64_t{load_int(b, right)});
      store_int(out, offset, activate_int(activation, saturate(result, range_of(out.type))));
    }
  });
}

void Reference::activate(Activation activation, const Tensor& in, const Tensor& out) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const std::int64_t source = offset_of(in, index);
    const std::int64_t offset = offset_of(out, index);
    if (is_float(out.type)) {
      store_float(out, offset, activate_float(activation, load_float(in, source)));
    } else {
      store_int(out, offset, activate_int(activation, load_int(in, source)));
    }
  });
}

void Reference::function(Function function, const Tensor& in, const Tensor& out) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    const float x = load_float(in, offset_of(in, index));
    store_float(out, offset_of(out, index), function_float(function, x));
  });
}

void Reference::rotate(const Tensor& in, const Tensor& angle, const Tensor& out, float factor) {
  const unsigned last = out.rank - 1;
  for_each_index(out.dims, last, [&](const Index& first) {
    Index second = first;
    second[last] = 1;
    const float x = load_float(in, offset_of(in, first));
    const float y = load_float(in, offset_of(in, second));
    const float turn = load_float(angle, offset_of(angle, first));
    const float cosine = std::cos(turn);
    const float sine = std::sin(turn);
    store_float(out, offset_of(out, first), (x * cosine - y * sine) * factor);
    store_float(out, offset_of(out, second), (x * sine + y * cosine) * factor);
  });
}

}  // namespace halyard::engine
