// SPDX-License-Identifier: MIT
// Every injection of the first device's card that makes a job fail, while ggml waits for a graph.
//
// usage: ggml_failure [GoogleTest's options] PLUGIN

#include <gtest/gtest.h>

#include <cstdio>
#include <exception>
#include <stdexcept>

#include "failure_test.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    if (argc != 2) throw std::invalid_argument("usage: ggml_failure PLUGIN");
    halyard::ggml::Session session;
    ggml_log_set([](ggml_log_level /*level*/, const char* text,
                    void* log) { *static_cast<std::string*>(log) += text; },
                 &session.log);
    auto* plugin = ggml_backend_load(argv[1]);
    if (plugin == nullptr || ggml_backend_reg_dev_count(plugin) == 0)
      throw std::runtime_error("no device of the plug-in: " + session.log);
    session.device = ggml_backend_reg_dev_get(plugin, 0);
    session.cases = halyard::faults::parse_table(halyard::faults::find_table(session.card.chip()));
    halyard::ggml::register_tests(session);
    return RUN_ALL_TESTS();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ggml_failure: %s\n", error.what());
    return 1;
  }
}
