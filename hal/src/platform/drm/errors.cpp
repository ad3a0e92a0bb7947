// SPDX-License-Identifier: MIT
#include "platform/drm/errors.hpp"

#include <drm/halyard_accel.h>

#include <cerrno>
#include <cstring>

namespace halyard::hal::drm {

halyard_status status_of_call(int error) {
  switch (error) {
    case EINVAL:
    case EFAULT:
    case ENOENT:
    case E2BIG:
    case EBADF:
      return HALYARD_INVALID_ARGUMENT;
    case ENOMEM:
      return HALYARD_OUT_OF_MEMORY;
    case EACCES:
    case EPERM:
      return HALYARD_NO_PERMISSION;
    case EOPNOTSUPP:
      return HALYARD_UNSUPPORTED;
    case EMFILE:
    case ENOSPC:
      return HALYARD_LIMIT;
    case ETIME:
      return HALYARD_TIMEOUT;
    case ECANCELED:
      return HALYARD_QUEUE_BANNED;
    case ENODEV:
    case EHOSTDOWN:
      return HALYARD_DEVICE_LOST;
    case EIO:
      return HALYARD_DEVICE_ERROR;
    default:
      return HALYARD_SYSTEM;
  }
}

halyard_status status_of_fence(int error) {
  switch (error) {
    case 0:
      return HALYARD_OK;
    case ETIME:
      return HALYARD_HANG;
    case EFAULT:
      return HALYARD_FAULT;
    case EILSEQ:
      return HALYARD_ILLEGAL_COMMAND;
    case EBADMSG:
      return HALYARD_MEMORY_ERROR;
    case ECANCELED:
      return HALYARD_CANCELLED;
    case ENODEV:
      return HALYARD_DEVICE_LOST;
    default:
      return HALYARD_DEVICE_ERROR;
  }
}

halyard_status status_of_fault(unsigned cause) {
  switch (static_cast<drm_halyard_fault_cause>(cause)) {
    case DRM_HALYARD_FAULT_NONE:
      return HALYARD_OK;
    case DRM_HALYARD_FAULT_TIMEOUT:
      return HALYARD_HANG;
    case DRM_HALYARD_FAULT_ILLEGAL_COMMAND:
      return HALYARD_ILLEGAL_COMMAND;
    case DRM_HALYARD_FAULT_OUT_OF_BOUNDS:
    case DRM_HALYARD_FAULT_UNMAPPED:
    case DRM_HALYARD_FAULT_PERMISSION:
      return HALYARD_FAULT;
    case DRM_HALYARD_FAULT_MEMORY_ERROR:
      return HALYARD_MEMORY_ERROR;
    case DRM_HALYARD_FAULT_DEVICE:
      break;
  }
  return HALYARD_DEVICE_ERROR;
}

Error call_error(const std::string& device, const std::string& what, int error) {
  ErrorDetails details;
  details.system_error = error;
  details.device = device;
  return {status_of_call(error), what + ": " + std::strerror(error), details};
}

}  // namespace halyard::hal::drm
