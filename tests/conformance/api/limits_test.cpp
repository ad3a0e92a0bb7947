// SPDX-License-Identifier: MIT
// What there is too much of is refused with the limit, and what follows still works.
#include <numeric>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class JobLimitsTest : public HalTest {
 protected:
  /// y = the sum of `count` inputs of 16 elements.
  static Graph sum_graph(std::size_t count) {
    Graph graph;
    auto sum = graph.input("x0", {16});
    for (std::size_t i = 1; i < count; ++i)
      sum = graph.add(sum, graph.input("x" + std::to_string(i), {16}));
    graph.output("y", sum);
    return graph;
  }
};

TEST_F(JobLimitsTest, ManyBuffersRunOrAreRefusedAndOneOfAllDoes) {
  constexpr std::size_t kCount = 100;
  const auto program = device_.compile(sum_graph(kCount));
  std::vector<Binding> apart, together;
  std::vector<Buffer> buffers;
  for (std::size_t i = 0; i <= kCount; ++i)
    buffers.push_back(device_.allocate(64));
  const auto all = device_.allocate((kCount + 1) * 64);
  const auto floats = all.map<float>();
  std::iota(floats.begin(), floats.end(), 0.0F);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < kCount; ++i)
    names.push_back("x" + std::to_string(i));
  for (std::size_t i = 0; i < kCount; ++i) {
    apart.push_back({names[i].c_str(), buffers[i]});
    together.push_back({names[i].c_str(), all, i * 64});
  }
  apart.push_back({"y", buffers[kCount]});
  together.push_back({"y", all, kCount * 64});
  try {
    queue_.submit(program, apart).wait(kPatience);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), HALYARD_LIMIT) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr("buffers"));
  }
  queue_.submit(program, together).wait(kPatience);
  // The sum of 16 i + 3 over i.
  EXPECT_EQ(floats[kCount * 16 + 3], 16.0F * (kCount * (kCount - 1)) / 2 + 3.0F * kCount);
}

TEST_F(JobLimitsTest, MoreTensorsThanAProgramHasAreRefused) {
  const auto error = error_of([&] { return device_.compile(sum_graph(3000)); });
  EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED);
  EXPECT_THAT(error.what(), testing::HasSubstr("inputs and outputs"));
  expect_works(queue_);
}

TEST_F(JobLimitsTest, BuffersLargerThanTheirMemoryAreRefused) {
  for (const auto& region : device_.memory()) {
    const auto bytes = region.bytes + (1U << 20U);
    const auto error = error_of([&] {
      return region.is_host != 0 ? device_.allocate_host(bytes) : device_.allocate(bytes);
    });
    EXPECT_EQ(error.code(), HALYARD_OUT_OF_MEMORY) << region.name;
  }
  expect_works(queue_);
}

TEST_F(JobLimitsTest, ManyTimelinesAndProgramsAreNone) {
  std::vector<Timeline> timelines;
  std::vector<Program> programs;
  for (std::uint32_t i = 1; i <= 200; ++i) {
    timelines.push_back(device_.create_timeline());
    programs.push_back(device_.compile(add_relu_graph(i)));
  }
  expect_works(queue_);
}

}  // namespace
}  // namespace halyard::test
