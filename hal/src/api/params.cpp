// SPDX-License-Identifier: MIT
#include "api/params.hpp"

#include <string>

#include "error.hpp"
#include "sized.hpp"

namespace halyard::hal {
namespace {

template <class Params>
OpParams read_params(const void* params) {
  if (params == nullptr) {
    throw Error(HALYARD_INVALID_ARGUMENT, "this operation needs its parameters: params is NULL");
  }
  return read_sized(static_cast<const Params*>(params), "params");
}

}  // namespace

OpParams read_params(halyard_op op, const void* params) {
  if (const auto raw = raw_value(op); raw < HALYARD_OP_MATMUL || raw > HALYARD_OP_LINEAR) {
    throw Error(HALYARD_INVALID_ARGUMENT, "there is no operation " + std::to_string(raw));
  }
  switch (op) {
    case HALYARD_OP_CONV2D:
      return read_params<halyard_conv2d_params>(params);
    case HALYARD_OP_MAX_POOL2D:
    case HALYARD_OP_AVG_POOL2D:
      return read_params<halyard_pool2d_params>(params);
    case HALYARD_OP_LAYER_NORM:
    case HALYARD_OP_RMS_NORM:
      return read_params<halyard_norm_params>(params);
    case HALYARD_OP_TRANSPOSE:
      return read_params<halyard_transpose_params>(params);
    case HALYARD_OP_RESHAPE:
      return read_params<halyard_reshape_params>(params);
    case HALYARD_OP_CAST:
      return read_params<halyard_cast_params>(params);
    case HALYARD_OP_QUANTIZE:
    case HALYARD_OP_DEQUANTIZE:
    case HALYARD_OP_REQUANTIZE:
      return read_params<halyard_quantize_params>(params);
    case HALYARD_OP_ORDER:
      return read_params<halyard_order_params>(params);
    case HALYARD_OP_LINEAR:
      return read_params<halyard_linear_params>(params);
    case HALYARD_OP_ROTATE:
      return read_params<halyard_rotate_params>(params);
    case HALYARD_OP_UNPACK:
      return read_params<halyard_unpack_params>(params);
    default:
      if (params != nullptr) {
        throw Error(HALYARD_INVALID_ARGUMENT, std::string(to_string(op)) + " takes no parameters");
      }
      return {};
  }
}

}  // namespace halyard::hal
