// SPDX-License-Identifier: MIT
#include "fixture.hpp"

#include <cstdlib>
#include <numeric>

namespace halyard::test {

namespace {

/// Before anything in the library looks at it.
[[maybe_unused]] const bool environment_is_set = [] {
#ifdef HALYARD_TEST_MODULES
  setenv("HALYARD_PLUGIN_DIR", HALYARD_TEST_MODULES, 1);
#endif
  if (on_sim()) setenv("HALYARD_PLATFORM", "sim", 1);
  return true;
}();

}  // namespace

std::string device_path() {
#ifdef HALYARD_TEST_DEVICE
  return HALYARD_TEST_DEVICE;
#else
  const char* path = std::getenv("HALYARD_TEST_DEVICE");
  return path != nullptr ? path : "";
#endif
}
bool on_sim() {
  return device_path().starts_with("sim:");
}

Device open_device() {
  const auto path = device_path();
  return path.empty() ? Device::open() : Device::open(path);
}

halyard_error last_error() {
  auto error = detail::sized<halyard_error>();
  halyard_last_error(&error);
  return error;
}

Graph add_relu_graph(std::uint32_t elements) {
  std::vector<float> values(elements);
  std::iota(values.begin(), values.end(), 0.0F);
  Graph graph;
  const auto x = graph.input("x", {elements});
  const auto c = graph.constant(std::span<const float>(values), {elements}, f32);
  const auto sum = graph.add(x, c);
  graph.set_name(sum, "the sum");
  graph.output("y", graph.relu(sum));
  return graph;
}

Graph gather_graph(std::uint32_t rows, std::uint32_t width, std::uint32_t indices) {
  Graph graph;
  const auto table = graph.input("rows", {rows, width});
  const auto index = graph.input("index", {indices}, i32);
  const auto picked = graph.gather(table, index);
  graph.set_name(picked, "the gather");
  graph.output("y", picked);
  return graph;
}

Queue HalTest::host_queue() const {
  if (device_.memory()[0].is_host != 0) return queue_;
  return device_.create_queue(device_.engines().back().engine_class);
}

void HalTest::expect_works(Queue& queue) const {
  const auto program = device_.compile(add_relu_graph(4));
  const auto x = buffer<float>({-10, 10, -10, 10});
  const auto y = device_.allocate(16);
  queue.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
  const auto out = y.map<float>();
  EXPECT_EQ((std::vector<float>(out.begin(), out.begin() + 4)), (std::vector<float>{0, 11, 0, 13}));
}

Point HalTest::submit_fault(Queue& queue, const Sync& sync) const {
  const auto program = device_.compile(gather_graph(2, 4, 1));
  const auto rows = buffer<float>({0, 1, 2, 3, 4, 5, 6, 7});
  const auto index = buffer<std::int32_t>({1000});
  const auto y = device_.allocate(16);
  return queue.submit(program, {{"rows", rows}, {"index", index}, {"y", y}}, sync);
}

}  // namespace halyard::test
