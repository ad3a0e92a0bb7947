// SPDX-License-Identifier: MIT
// The C interface: version and names of values.
#include <halyard/halyard.h>

#include "blocks.hpp"

uint32_t halyard_version(void) {
  return HALYARD_VERSION_MAJOR << 16U | HALYARD_VERSION_MINOR << 8U | HALYARD_VERSION_PATCH;
}

const char* halyard_status_name(halyard_status status) {
  // No default: the compiler tells when a status is added.
  switch (status) {
    case HALYARD_OK:
      return "HALYARD_OK";
    case HALYARD_INVALID_ARGUMENT:
      return "HALYARD_INVALID_ARGUMENT";
    case HALYARD_OUT_OF_MEMORY:
      return "HALYARD_OUT_OF_MEMORY";
    case HALYARD_NO_DEVICE:
      return "HALYARD_NO_DEVICE";
    case HALYARD_NO_PERMISSION:
      return "HALYARD_NO_PERMISSION";
    case HALYARD_UNSUPPORTED:
      return "HALYARD_UNSUPPORTED";
    case HALYARD_TIMEOUT:
      return "HALYARD_TIMEOUT";
    case HALYARD_CANCELLED:
      return "HALYARD_CANCELLED";
    case HALYARD_HANG:
      return "HALYARD_HANG";
    case HALYARD_FAULT:
      return "HALYARD_FAULT";
    case HALYARD_ILLEGAL_COMMAND:
      return "HALYARD_ILLEGAL_COMMAND";
    case HALYARD_MEMORY_ERROR:
      return "HALYARD_MEMORY_ERROR";
    case HALYARD_DEVICE_LOST:
      return "HALYARD_DEVICE_LOST";
    case HALYARD_QUEUE_BANNED:
      return "HALYARD_QUEUE_BANNED";
    case HALYARD_VERSION_MISMATCH:
      return "HALYARD_VERSION_MISMATCH";
    case HALYARD_MALFORMED:
      return "HALYARD_MALFORMED";
    case HALYARD_LIMIT:
      return "HALYARD_LIMIT";
    case HALYARD_SYSTEM:
      return "HALYARD_SYSTEM";
    case HALYARD_DEVICE_ERROR:
      return "HALYARD_DEVICE_ERROR";
  }
  return "unknown";
}

size_t halyard_dtype_size(halyard_dtype dtype) {
  switch (dtype) {
    case HALYARD_F32:
    case HALYARD_I32:
      return 4;
    case HALYARD_F16:
    case HALYARD_BF16:
      return 2;
    case HALYARD_I8:
    case HALYARD_U8:
      return 1;
  }
  return 0;
}

size_t halyard_format_elements(halyard_format format) {
  return halyard::hal::blocks_of(format).elements;
}

size_t halyard_format_bytes(halyard_format format) {
  return halyard::hal::blocks_of(format).bytes;
}
