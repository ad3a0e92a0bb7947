// SPDX-License-Identifier: MIT
// A shared object that is no plug-in.
extern "C" int nothing(void);
extern "C" __attribute__((visibility("default"))) int nothing(void) {
  return 0;
}
