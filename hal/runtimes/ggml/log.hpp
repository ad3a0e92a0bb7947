// SPDX-License-Identifier: MIT
#pragma once

#include <ggml.h>

#include <cstdio>
#include <string>

namespace halyard::ggml {

/// Where ggml's own messages go.
inline void log(ggml_log_level level, const std::string& text) {
  ggml_log_callback callback = nullptr;
  void* user = nullptr;
  ggml_log_get(&callback, &user);
  const auto line = "halyard: " + text + "\n";
  if (callback != nullptr) {
    callback(level, line.c_str(), user);
  } else {
    std::fputs(line.c_str(), stderr);
  }
}

}  // namespace halyard::ggml
