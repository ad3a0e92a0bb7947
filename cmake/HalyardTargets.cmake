# SPDX-License-Identifier: MIT
# Targets and functions that the rooms share.

find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)

# <drm/halyard_accel.h> and <drm/halyard_<chip>.h>; they include "drm.h", which user space has from libdrm.
pkg_check_modules(HALYARD_DRM REQUIRED IMPORTED_TARGET libdrm)
add_library(halyard_uapi INTERFACE)
target_include_directories(halyard_uapi INTERFACE "${PROJECT_SOURCE_DIR}/uapi")
target_include_directories(halyard_uapi SYSTEM INTERFACE ${HALYARD_DRM_INCLUDE_DIRS})

# <chip>/<chip>_regs.h and pci_ids.h: the layouts that driver and emulator share.
add_library(halyard_chip_regs INTERFACE)
target_include_directories(halyard_chip_regs INTERFACE "${PROJECT_SOURCE_DIR}/kernel/chips")

option(HALYARD_TESTS "Build the tests" ON)
if(HALYARD_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

# halyard_test_program(NAME x KIND unit|vm SOURCES ... LIBS ... [INCLUDES ...]): a GoogleTest program in tests/<kind>/.
function(halyard_test_program)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;KIND" "SOURCES;LIBS;INCLUDES")
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_include_directories(${arg_NAME} PRIVATE ${arg_INCLUDES})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBS} halyard_warnings GTest::gmock GTest::gtest_main Threads::Threads)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/${arg_KIND}")
endfunction()

# halyard_unit_test(NAME x SOURCES ... LIBS ...): runs on the host, by CTest, one CTest test per GoogleTest test.
function(halyard_unit_test)
  if(NOT HALYARD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "")
  halyard_test_program(KIND unit ${ARGV})
  gtest_discover_tests(${arg_NAME} TEST_PREFIX "${arg_NAME}." DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 300)
endfunction()

# halyard_vm_options(PROGRAM option...): the options of scripts/vm that a program in tests/ wants; without any it runs with one
# card of each chip that it may be meant for.
function(halyard_vm_options program)
  if(ARGN)
    list(JOIN ARGN " " options)
    file(WRITE "${PROJECT_BINARY_DIR}/tests/${program}.args" "${options}\n")
  else()
    file(REMOVE "${PROJECT_BINARY_DIR}/tests/${program}.args")
  endif()
endfunction()

# halyard_vm_test(NAME x SOURCES ... LIBS ... [INCLUDES ...] [VM_OPTIONS ...] [ALONE] [NEWEST]): runs inside the VM, by scripts/check: with one
# card of each enabled chip in turn, or once with the given options of scripts/vm. ALONE: the machine is not what it was
# afterwards, so no other program may follow in the same one. NEWEST: the default kernel lacks what it needs.
function(halyard_vm_test)
  if(NOT HALYARD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 arg "ALONE;NEWEST" "NAME" "SOURCES;LIBS;INCLUDES;VM_OPTIONS")
  halyard_test_program(NAME ${arg_NAME} KIND vm SOURCES ${arg_SOURCES} LIBS ${arg_LIBS} INCLUDES ${arg_INCLUDES})
  foreach(flag ALONE NEWEST)
    string(TOLOWER ${flag} extension)
    set(marker "${PROJECT_BINARY_DIR}/tests/vm/${arg_NAME}.${extension}")
    if(arg_${flag})
      file(TOUCH "${marker}")
    else()
      file(REMOVE "${marker}")
    endif()
  endforeach()
  halyard_vm_options(vm/${arg_NAME} ${arg_VM_OPTIONS})
endfunction()

# halyard_benchmark(NAME x WHERE host|vm SOURCES ... LIBS ... [AGAIN ...]): a program in tests/bench/<where>/ that
# scripts/bench runs on the host or inside the VM, on the host also a second time with the options AGAIN. It prints its
# figures itself.
function(halyard_benchmark)
  if(NOT HALYARD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;WHERE" "SOURCES;LIBS;AGAIN")
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBS} halyard_warnings Threads::Threads)
  set(folder "${PROJECT_BINARY_DIR}/tests/bench/${arg_WHERE}")
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${folder}")
  list(JOIN arg_AGAIN " " options)
  file(WRITE "${folder}/${arg_NAME}.again" "${options}\n")
endfunction()

# halyard_fuzzer(NAME x SOURCES ... LIBS ...): a libFuzzer program in tests/fuzz/, in builds with clang only. The preset
# "asan" has the libraries instrumented for it.
function(halyard_fuzzer)
  if(NOT HALYARD_EMULATOR_FUZZ OR NOT CMAKE_CXX_COMPILER_ID MATCHES "Clang")
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LIBS")
  add_executable(${arg_NAME} ${arg_SOURCES})
  target_compile_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_options(${arg_NAME} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBS} halyard_warnings Threads::Threads)
  set_target_properties(${arg_NAME} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/fuzz")
endfunction()

# halyard_uapi_tests(CHIP x SOURCES ... [INCLUDES ...] [VM_OPTIONS ...]): what needs one chip's jobs and no more of it, make_chip() of
# tests/fuzz/uapi/chip.hpp: the fuzzer of the kernel's interface, tests/uapi/x_uapi, and the walk of allocation failures,
# tests/alloc/x_alloc. Both run inside the VM, on the debug kernel.
function(halyard_uapi_tests)
  if(NOT HALYARD_TESTS)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "CHIP" "SOURCES;INCLUDES;VM_OPTIONS")
  add_library(${arg_CHIP}_uapi_jobs OBJECT ${arg_SOURCES})
  target_include_directories(${arg_CHIP}_uapi_jobs PRIVATE ${arg_INCLUDES})
  target_link_libraries(${arg_CHIP}_uapi_jobs PRIVATE halyard_uapi_programs halyard_warnings)
  add_executable(${arg_CHIP}_uapi $<TARGET_OBJECTS:${arg_CHIP}_uapi_jobs>)
  target_link_libraries(${arg_CHIP}_uapi PRIVATE halyard_uapi_fuzzer halyard_warnings)
  set_target_properties(${arg_CHIP}_uapi PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/tests/uapi")
  halyard_test_program(
    NAME ${arg_CHIP}_alloc
    KIND alloc
    SOURCES $<TARGET_OBJECTS:${arg_CHIP}_uapi_jobs>
    LIBS halyard_alloc_walk
  )
  foreach(program uapi/${arg_CHIP}_uapi alloc/${arg_CHIP}_alloc)
    halyard_vm_options(${program} ${arg_VM_OPTIONS})
  endforeach()
endfunction()

# halyard_firmware(NAME x.fw TOOL <target> INPUTS <file>...): an image that drivers load as halyard/x.fw. The tool is run
# with the inputs and the image's path. Images lie in firmware/halyard/ of the build folder, as below lib/firmware/ where
# they are installed; scripts/vm puts them into the guest.
function(halyard_firmware)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME;TOOL" "INPUTS")
  set(folder "${PROJECT_BINARY_DIR}/firmware/halyard")
  list(TRANSFORM arg_INPUTS PREPEND "${CMAKE_CURRENT_SOURCE_DIR}/")
  file(MAKE_DIRECTORY "${folder}")
  add_custom_command(
    OUTPUT "${folder}/${arg_NAME}"
    COMMAND ${arg_TOOL} ${arg_INPUTS} "${folder}/${arg_NAME}"
    DEPENDS ${arg_TOOL} ${arg_INPUTS}
    COMMENT "Building firmware ${arg_NAME}"
    VERBATIM
  )
  add_custom_target(firmware_${arg_NAME} ALL DEPENDS "${folder}/${arg_NAME}")
  install(FILES "${folder}/${arg_NAME}" DESTINATION lib/firmware/halyard COMPONENT firmware)
endfunction()

# halyard_chip_plugin(NAME x SOURCES ... LIBS ...): a module that the HAL loads, in lib/halyard/x.so.
function(halyard_chip_plugin)
  cmake_parse_arguments(PARSE_ARGV 0 arg "" "NAME" "SOURCES;LIBS")
  add_library(${arg_NAME} MODULE ${arg_SOURCES})
  target_link_libraries(${arg_NAME} PRIVATE ${arg_LIBS} halyard_warnings)
  set_target_properties(
    ${arg_NAME} PROPERTIES PREFIX "" LIBRARY_OUTPUT_DIRECTORY "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/halyard"
  )
  install(TARGETS ${arg_NAME} LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}/halyard" COMPONENT hal)
endfunction()
