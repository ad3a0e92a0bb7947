# SPDX-License-Identifier: MIT
# What is installed: the library with its headers and the two ways of finding it (pkg-config, CMake), uAPI headers, the
# udev rule. Programs and plug-ins are installed where they are defined.

include(CMakePackageConfigHelpers)

if(TARGET halyard)
  set(package "${CMAKE_INSTALL_LIBDIR}/cmake/halyard")
  target_include_directories(halyard INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  install(
    TARGETS halyard
    EXPORT halyard-targets
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT hal
  )
  install(
    DIRECTORY "${PROJECT_SOURCE_DIR}/hal/include/halyard"
    DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}"
    COMPONENT hal
    FILES_MATCHING
    PATTERN "*.h"
    PATTERN "*.hpp"
  )
  install(
    EXPORT halyard-targets
    NAMESPACE halyard::
    DESTINATION "${package}"
    COMPONENT hal
  )
  configure_package_config_file(
    cmake/halyard-config.cmake.in "${PROJECT_BINARY_DIR}/halyard-config.cmake" INSTALL_DESTINATION "${package}"
  )
  write_basic_package_version_file(
    "${PROJECT_BINARY_DIR}/halyard-config-version.cmake" COMPATIBILITY SameMajorVersion
  )
  install(
    FILES "${PROJECT_BINARY_DIR}/halyard-config.cmake" "${PROJECT_BINARY_DIR}/halyard-config-version.cmake"
    DESTINATION "${package}"
    COMPONENT hal
  )

  # The prefix of `cmake --install --prefix` is not known when the file is written: pkg-config finds it by its own place.
  file(RELATIVE_PATH HALYARD_PC_PREFIX "/x/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/x")
  configure_file(cmake/halyard.pc.in "${PROJECT_BINARY_DIR}/halyard.pc" @ONLY)
  install(
    FILES "${PROJECT_BINARY_DIR}/halyard.pc"
    DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig"
    COMPONENT hal
  )
endif()

# Beside the distribution's own <drm/...>: once the header is in the kernel, this copy steps aside.
install(
  DIRECTORY "${PROJECT_SOURCE_DIR}/uapi/drm"
  DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/halyard"
  COMPONENT hal
  FILES_MATCHING
  PATTERN "*.h"
)
# udev reads its rules from here whatever the prefix's library directory is called.
install(FILES "${PROJECT_SOURCE_DIR}/scripts/60-halyard.rules" DESTINATION lib/udev/rules.d COMPONENT hal)
