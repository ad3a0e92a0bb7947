// SPDX-License-Identifier: MIT
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "machine.hpp"

namespace halyard::emu::test {

inline constexpr std::uint32_t kCopyClass = DRM_HALYARD_CLIPPER_ENGINE_COPY;
inline constexpr std::uint32_t kTensorClass = DRM_HALYARD_CLIPPER_ENGINE_TENSOR;

/// A card at work with one context. Every test but those that break a rule by intent also checks
/// that none was broken.
class CardTest : public testing::Test {
 protected:
  void TearDown() override {
    machine_.card->detach();
    std::string all;
    for (const Finding& finding : machine_.judge.findings())
      all += "\n  " + finding.rule + ": " + finding.text;
    EXPECT_THAT(machine_.findings(), testing::ContainerEq(broken_rules_)) << "findings:" << all;
  }
  /// The test breaks these rules, in order of their numbers, and no other.
  void expect_broken(std::vector<std::string> rules) { broken_rules_ = std::move(rules); }

  Stream fill_stream(std::uint64_t address, std::uint32_t value) {
    Stream stream;
    stream.fill(value, dense(stream.bind(address, 4), DRM_HALYARD_CLIPPER_I32, {1}));
    return stream;
  }
  /// A job that waits until signal() lets it go.
  Stream gate_stream() {
    Stream stream;
    stream.wait(1, word(stream.bind(gate_, 8)));
    return stream;
  }
  void open_gate() {
    std::atomic_ref(context_.at<std::uint64_t>(gate_)).store(1, std::memory_order_release);
  }
  [[nodiscard]] bool idle(unsigned engine) {
    return machine_.read(CLP_ENGINE(engine) + CLP_ENGINE_STATUS) == 0;
  }

  Machine machine_;
  Context context_{machine_, 7};
  std::uint64_t data_ = context_.allocate(1 << 16);
  std::uint64_t gate_ = context_.allocate(4096);
  std::vector<std::string> broken_rules_;
};

}  // namespace halyard::emu::test
