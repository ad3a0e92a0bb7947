// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Keeping oneDNN on its caller's thread.

// From the OpenMP run-time library that oneDNN runs on. Not <omp.h>: clang has it only with its own
// run-time library, and two of them in one process disagree on the number of threads.
extern "C" int omp_get_max_threads();
extern "C" void omp_set_num_threads(int count);

namespace halyard::engine {

/// While it lives, oneDNN stays on the calling thread: work is divided by Workers, not twice. The
/// setting belongs to the thread, so that other users of OpenMP in the process keep theirs.
class SingleThread {
 public:
  SingleThread() : former_(omp_get_max_threads()) {
    if (former_ != 1) {
      omp_set_num_threads(1);
    }
  }
  ~SingleThread() {
    if (former_ != 1) {
      omp_set_num_threads(former_);
    }
  }
  SingleThread(const SingleThread&) = delete;
  SingleThread& operator=(const SingleThread&) = delete;

 private:
  int former_;
};

}  // namespace halyard::engine
