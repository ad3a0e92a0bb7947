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

/// A card at work with one context.
class CardTest : public MachineTest<Machine> {
 protected:
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

  Context context_{machine_, 7};
  std::uint64_t data_ = context_.allocate(1 << 16);
  std::uint64_t gate_ = context_.allocate(4096);
};

}  // namespace halyard::emu::test
