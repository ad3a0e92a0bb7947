# SPDX-License-Identifier: MIT
# What belongs to no room: uAPI headers and the udev rule. Rooms install their own targets.

install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/uapi/drm"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/halyard"
  COMPONENT hal
  FILES_MATCHING
  PATTERN "*.h"
)
# udev reads its rules from here whatever the prefix's library directory is called.
install(FILES "${PROJECT_SOURCE_DIR}/scripts/60-halyard.rules" DESTINATION lib/udev/rules.d COMPONENT hal)
