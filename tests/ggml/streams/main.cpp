// SPDX-License-Identifier: MIT
// What ggml's streams of work owe each other, on all devices of the plug-in.
//
// usage: ggml_streams [GoogleTest's options] PLUGIN      (HALYARD_GGML_STATISTICS: a file that may
// be removed)

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>

#include "streams_test.hpp"

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  try {
    const char* statistics = std::getenv("HALYARD_GGML_STATISTICS");
    if (argc != 2 || statistics == nullptr)
      throw std::invalid_argument("usage: HALYARD_GGML_STATISTICS=FILE ggml_streams PLUGIN");
    auto* plugin = ggml_backend_load(argv[1]);
    if (plugin == nullptr || ggml_backend_reg_dev_count(plugin) == 0)
      throw std::runtime_error("no device of the plug-in");
    halyard::ggml::Session session;
    session.statistics = statistics;
    for (std::size_t i = 0; i < ggml_backend_reg_dev_count(plugin); ++i)
      session.devices.push_back(ggml_backend_reg_dev_get(plugin, i));
    halyard::ggml::register_tests(session);
    return RUN_ALL_TESTS();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "ggml_streams: %s\n", error.what());
    return 1;
  }
}
