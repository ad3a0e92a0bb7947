// SPDX-License-Identifier: MIT
#include "kernels.hpp"

namespace halyard::engine {
namespace {

const Kernels& choose() {
#ifdef __x86_64__
  // Each also asks the operating system whether it saves the registers.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl")) {
    return kKernelsV4;
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2")) {
    return kKernelsV3;
  }
#endif
  return kKernelsBase;
}

}  // namespace

const Kernels& kernels() {
  static const Kernels& chosen = choose();
  return chosen;
}

}  // namespace halyard::engine
