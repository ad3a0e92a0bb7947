// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A card in a fake machine, and the test that ends with a look at what its checker found: what is
/// the same for every chip.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chips/judge.hpp"
#include "chips/trace.hpp"
#include "fake_host.hpp"

namespace halyard::emu::test {

/// The registers are in BAR `kBar`.
template <typename Card, unsigned kBar>
class CardMachine {
 public:
  CardMachine() = default;
  CardMachine(const CardMachine&) = delete;
  CardMachine& operator=(const CardMachine&) = delete;

  [[nodiscard]] std::uint32_t read(std::uint64_t offset) {
    std::uint32_t value = 0;
    card->bar_read(kBar, offset, std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  void write(std::uint64_t offset, std::uint32_t value) {
    card->bar_write(kBar, offset, std::as_bytes(std::span(&value, 1)));
  }
  /// Two registers, the low half first.
  [[nodiscard]] std::uint64_t read64(std::uint64_t offset) {
    const std::uint64_t low = read(offset);
    return low | std::uint64_t{read(offset + sizeof(std::uint32_t))} << 32U;
  }
  void write64(std::uint64_t offset, std::uint64_t value) {
    write(offset, static_cast<std::uint32_t>(value));
    write(offset + sizeof(std::uint32_t), static_cast<std::uint32_t>(value >> 32U));
  }

  /// The rules that were broken, in order of their numbers.
  [[nodiscard]] std::vector<std::string> findings() const {
    std::vector<std::string> rules;
    for (const Finding& finding : judge.findings())
      rules.push_back(finding.rule);
    return rules;
  }

  FakeHost host{std::size_t{64} << 20U};
  Judge judge;
  Trace trace;
  std::unique_ptr<Card> card;  ///< the first to go
};

/// Every test but those that break a rule by intent also checks that none was broken.
template <typename Machine>
class MachineTest : public testing::Test {
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

  Machine machine_;

 private:
  std::vector<std::string> broken_rules_;
};

}  // namespace halyard::emu::test
