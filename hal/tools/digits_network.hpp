// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The handwritten-digits network of digits/README.md as graphs, and its test images.

#include <halyard/halyard.hpp>

#include <cstdint>
#include <span>

namespace halyard::tools {

inline constexpr std::size_t kPixels = 64;
inline constexpr std::size_t kClasses = 10;

/// 8x8 images, ink 0 to 16 per pixel, row by row, and what they show.
struct DigitImages {
  std::span<const std::uint8_t> pixels;
  std::span<const std::uint8_t> labels;

  [[nodiscard]] std::size_t count() const { return labels.size(); }
  [[nodiscard]] std::span<const std::uint8_t> image(std::size_t index) const {
    return pixels.subspan(index * kPixels, kPixels);
  }
};

/// The held-out test split; part of the program.
DigitImages digit_images();

/// Input "pixels" u8 [1, 1, 8, 8], outputs "logits" and "probabilities" f32 [1, 10].
Graph digits_f32();
/// Input "pixels" u8 [1, 1, 8, 8], outputs "logits" i8 [1, 10] and "probabilities" f32 [1, 10].
Graph digits_int8();

}  // namespace halyard::tools
