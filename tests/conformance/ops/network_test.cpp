// SPDX-License-Identifier: MIT
// Several operations together: memory of intermediates that is used again, outputs that are inputs,
// dead nodes, saved programs.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstring>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

TEST(Network, LongChainReusesScratch) {
  Differential test;
  auto& graph = test.graph;
  auto x = test.input({16, 16}, f32, 0.5);
  std::vector<Tensor> kept;
  for (int i = 0; i < 30; ++i) {
    x = graph.tanh(graph.add(graph.matmul(x, test.constant({16, 16}, f32, 0.3)), x));
    if (i % 10 == 0) kept.push_back(x);
  }
  kept.push_back(x);
  test.expect_equal(kept, {2e-5, 0});
}

TEST(Network, AnOutputIsUsedFurther) {
  Differential test;
  auto& graph = test.graph;
  const auto first = graph.relu(test.input({5, 5}, f32));
  const auto second = graph.add(first, first);
  test.expect_equal({first, second, graph.reshape(first, {25})}, {});
}

TEST(Network, NodesThatNobodyWantsCostNothing) {
  Differential test;
  auto& graph = test.graph;
  const auto x = test.input({4}, f32);
  graph.sigmoid(graph.add(x, test.constant({4}, f32)));
  test.expect_equal(graph.relu(x), {});
}

TEST(Network, AttentionBlock) {
  Differential test;
  auto& graph = test.graph;
  constexpr std::uint32_t kTokens = 6, kHeads = 2, kWidth = 8;
  const auto x = test.input({kTokens, kHeads * kWidth}, f32, 1);
  const auto normed = graph.rms_norm(x, test.constant({kHeads * kWidth}, f32, 1));
  const std::array<std::uint32_t, 3> to_heads{1, 0, 2}, keys{1, 2, 0};
  const auto project = [&] {
    return graph.reshape(
        graph.matmul(normed, test.constant({kHeads * kWidth, kHeads * kWidth}, f32, 0.3)),
        {kTokens, kHeads, kWidth});
  };
  const auto q = graph.transpose(project(), to_heads);
  const auto k = graph.transpose(project(), keys);
  const auto v = graph.transpose(project(), to_heads);
  const auto weights = graph.softmax(graph.matmul(q, k));
  const auto mixed = graph.transpose(graph.matmul(weights, v), to_heads);
  const auto out = graph.add(x, graph.reshape(mixed, {kTokens, kHeads * kWidth}));
  test.expect_equal({out, weights}, {1e-5, 1e-5});
}

TEST(Network, ASavedProgramGivesTheSame) {
  Graph graph;
  const auto x = graph.input("x", {2, 3});
  const std::array<float, 6> w{1, 2, 3, 4, 5, 6};
  graph.output("y", graph.matmul(x, graph.constant(std::span<const float>(w), {3, 2}, f32)));
  const auto loaded = device().load(device().compile(graph).save());
  const auto in = device().allocate(24), out = device().allocate(16);
  const std::array<float, 6> values{1, 0, 0, 0, 1, 0};
  std::memcpy(in.map().data(), values.data(), sizeof(values));
  auto queue = device().create_queue();
  queue.submit(loaded, {{"x", in}, {"y", out}}).wait(std::chrono::seconds(60));
  const auto y = out.map<float>();
  EXPECT_EQ(std::vector<float>(y.begin(), y.begin() + 4), (std::vector<float>{1, 2, 3, 4}));
}

}  // namespace
}  // namespace halyard::conformance
