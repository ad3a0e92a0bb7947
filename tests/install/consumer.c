// SPDX-License-Identifier: MIT
// The C half of a program that uses the installed library: the header alone must be valid C.
#include <halyard/halyard.h>

int main(void) {
  return 0;
}
