// SPDX-License-Identifier: MIT
#include "kernels.hpp"

#ifdef __x86_64__
#include <cpuid.h>
#endif

namespace halyard::engine {
namespace {

#ifdef __x86_64__
/// Older compilers' __builtin_cpu_supports() does not know it.
bool has_f16c() {
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}
#endif

const Kernels& choose() {
#ifdef __x86_64__
  // Each also asks the operating system whether it saves the registers.
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2") && has_f16c()) {
    const bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
    return wide ? kKernelsV4 : kKernelsV3;
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
