// SPDX-License-Identifier: MIT
// The handwritten digits: what a chip is brought up for first.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "differential.hpp"
#include "digits_network.hpp"

namespace halyard::conformance {
namespace {

constexpr std::size_t kImages = 24;
constexpr std::uint64_t kPixels = 64;

/// Compares the logits of each image, bytes of which there are `logit_bytes`.
template <class T>
void expect_logits(const Graph& graph, double tolerance) {
  const auto images = tools::digit_images();
  const auto program = device().compile(graph);
  const auto pixels = device().allocate(kPixels), logits = device().allocate(10 * sizeof(T)),
             probabilities = device().allocate(10 * sizeof(float));
  auto queue = device().create_queue();
  unsigned right = 0;
  for (std::size_t i = 0; i < kImages; ++i) {
    std::array<std::byte, kPixels> image{};
    std::memcpy(image.data(), images.pixels.data() + i * kPixels, kPixels);
    std::memcpy(pixels.map().data(), image.data(), kPixels);
    queue
        .submit(program, {{"pixels", pixels}, {"logits", logits}, {"probabilities", probabilities}})
        .wait(std::chrono::seconds(60));
    std::array<T, 10> expected{};
    std::array<float, 10> expected_probabilities{};
    const std::array<halyard_host_tensor, 3> host{
        {{"pixels", image.data(), kPixels},
         {"logits", expected.data(), sizeof(expected)},
         {"probabilities", expected_probabilities.data(), sizeof(expected_probabilities)}}};
    graph.evaluate(host);
    const auto got = logits.map<T>().first(10);
    for (std::size_t k = 0; k < expected.size(); ++k)
      EXPECT_NEAR(got[k], expected[k], tolerance) << "image " << i << ", digit " << k;
    const auto answer = std::max_element(got.begin(), got.end()) - got.begin();
    if (answer == images.labels[i]) ++right;
  }
  EXPECT_GE(right, kImages * 9 / 10);
}

TEST(Digits, Float32) {
  expect_logits<float>(tools::digits_f32(), 1e-4);
}

TEST(Digits, Int8IsBitEqual) {
  expect_logits<std::int8_t>(tools::digits_int8(), 0);
}

}  // namespace
}  // namespace halyard::conformance
