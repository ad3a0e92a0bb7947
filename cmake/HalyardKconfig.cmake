# SPDX-License-Identifier: MIT
# The configuration: scripts/kconfig writes build/config/config.cmake from .config, here as in the Kbuild half.

# Not find_package(): on Debian the interpreter that has kconfiglib is the system's, whatever PATH says.
execute_process(
  COMMAND "${PROJECT_SOURCE_DIR}/scripts/kconfig" generate
  RESULT_VARIABLE result
  ERROR_VARIABLE error
)
if(result)
  message(FATAL_ERROR "the configuration cannot be read: ${error}")
endif()
include("${PROJECT_SOURCE_DIR}/build/config/config.cmake")
set_property(
  DIRECTORY
  APPEND
  PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/.config" "${PROJECT_SOURCE_DIR}/build/config/config.cmake"
)

# Adds a top-level folder that has a CMakeLists.txt.
macro(halyard_add_room folder)
  if(EXISTS "${PROJECT_SOURCE_DIR}/${folder}/CMakeLists.txt")
    add_subdirectory(${folder})
  endif()
endmacro()

# Adds <folder>/chips/<chip> of every enabled chip. No chip is named outside its own folders: this is why.
macro(halyard_add_chips folder)
  foreach(chip IN LISTS HALYARD_CHIPS)
    if(EXISTS "${PROJECT_SOURCE_DIR}/${folder}/chips/${chip}/CMakeLists.txt")
      add_subdirectory(${folder}/chips/${chip})
    endif()
  endforeach()
endmacro()
