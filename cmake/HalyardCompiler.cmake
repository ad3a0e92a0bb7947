# SPDX-License-Identifier: MIT
# Language level, warnings, sanitizers and output folders of every target.

set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_C_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
# -O2 and line tables: tests and the emulator run optimised, and a backtrace still names lines.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")
set(CMAKE_C_FLAGS_RELWITHDEBINFO "-O2 -g1")

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")
set(CMAKE_ARCHIVE_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/lib")

# The interpreter that Debian's Python packages are for, whatever PATH says.
set(Python3_EXECUTABLE /usr/bin/python3 CACHE FILEPATH "Python interpreter")

find_program(HALYARD_CCACHE ccache)
if(HALYARD_CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER "${HALYARD_CCACHE}")
  set(CMAKE_CXX_COMPILER_LAUNCHER "${HALYARD_CCACHE}")
endif()

add_library(halyard_warnings INTERFACE)
target_compile_options(
  halyard_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                             $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor -Woverloaded-virtual>
)
option(HALYARD_WERROR "Treat warnings as errors" ON)
if(HALYARD_WERROR)
  target_compile_options(halyard_warnings INTERFACE -Werror)
endif()

set(HALYARD_SANITIZE "" CACHE STRING "Sanitizers to build with: address;undefined, thread")
if(HALYARD_SANITIZE)
  list(JOIN HALYARD_SANITIZE "," sanitizers)
  add_compile_options(-fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${sanitizers})
endif()
