// SPDX-License-Identifier: MIT
// Tasks: one per command, each operand in its place, unused fields zero.

#include "encoder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <vector>

#include "lowering/lower.hpp"
#include "task.hpp"

namespace halyard::hal::sloop {
namespace {

drm_halyard_sloop_info info() {
  drm_halyard_sloop_info info{};
  info.bindings_max = DRM_HALYARD_SLOOP_MAX_BINDINGS;
  info.opcodes = (1U << DRM_HALYARD_SLOOP_NUM_OPCODES) - 1;
  return info;
}

std::vector<Task> tasks_of(const Graph& graph) {
  const auto stream = encode_commands(lowering::lower(graph, capabilities(info()), false).commands);
  std::vector<Task> tasks(stream.size() / sizeof(Task));
  std::memcpy(tasks.data(), stream.data(), stream.size());
  return tasks;
}

halyard_tensor add(Graph& graph, halyard_op op, std::vector<halyard_tensor> inputs,
                   OpParams params = {}) {
  return graph.add_operation(op, inputs, params);
}

TEST(Encoder, ConvolutionWithItsEpilogue) {
  Graph graph;
  const auto in = graph.add_input("in", {HALYARD_F32, 4, {1, 2, 5, 6}});
  const auto weight = graph.add_input("weight", {HALYARD_F32, 4, {3, 2, 2, 3}});
  const auto bias = graph.add_input("bias", {HALYARD_F32, 3, {3, 1, 1}});
  const halyard_conv2d_params params{sizeof(params), 2, 1, 1, 2, 1, 0, 0, 3, 1};
  const auto product = add(graph, HALYARD_OP_CONV2D, {in, weight}, params);
  graph.add_output("y", add(graph, HALYARD_OP_RELU, {add(graph, HALYARD_OP_ADD, {product, bias})}));
  const auto tasks = tasks_of(graph);
  ASSERT_EQ(tasks.size(), 2U);
  const auto& task = tasks[0];
  EXPECT_EQ(task.opcode, DRM_HALYARD_SLOOP_CONV2D);
  EXPECT_EQ(task.tag, product);
  EXPECT_EQ(task.activation, DRM_HALYARD_SLOOP_ACT_RELU);
  EXPECT_EQ(task.stride_h, 2U);
  EXPECT_EQ(task.dilation_w, 2U);
  EXPECT_EQ(task.pad_top, 1U);
  EXPECT_EQ(task.pad_right, 3U);
  EXPECT_EQ(task.groups, 1U);
  EXPECT_EQ(task.kernel_h, 0U) << "a convolution's window is its weight's";
  EXPECT_EQ(task.a.binding, 4U);
  EXPECT_EQ(task.b.binding, 5U);
  EXPECT_EQ(task.bias.binding, 6U);
  EXPECT_EQ(task.bias.rank, 1U);
  EXPECT_EQ(task.scale.dtype, 0U);
  EXPECT_EQ(task.out.binding, 7U);
  EXPECT_EQ(tasks[1].opcode, DRM_HALYARD_SLOOP_TIMESTAMP);
  EXPECT_EQ(tasks[1].out.binding, 2U);
}

TEST(Encoder, NormsHaveTheirGainAsScale) {
  Graph graph;
  const auto x = graph.add_input("x", {HALYARD_F16, 2, {4, 8}});
  const auto gain = graph.add_input("gain", {HALYARD_F16, 1, {8}});
  const halyard_norm_params params{sizeof(params), 0.5F};
  graph.add_output("y", add(graph, HALYARD_OP_RMS_NORM, {x, gain}, params));
  const auto task = tasks_of(graph).at(0);
  EXPECT_EQ(task.function, DRM_HALYARD_SLOOP_NORM_RMS);
  EXPECT_EQ(task.epsilon, 0x3f000000U);
  EXPECT_EQ(task.scale.binding, 5U);
  EXPECT_EQ(task.bias.dtype, 0U);
}

TEST(Encoder, PoolsTellWhatTheyCount) {
  for (const std::uint32_t counts : {0U, 1U}) {
    Graph graph;
    const auto x = graph.add_input("x", {HALYARD_I8, 4, {1, 1, 4, 4}});
    const halyard_pool2d_params params{sizeof(params), 2, 2, 1, 1, 1, 1, 0, 0, counts};
    graph.add_output("y", add(graph, HALYARD_OP_AVG_POOL2D, {x}, params));
    EXPECT_EQ(tasks_of(graph).at(0).function,
              counts != 0 ? DRM_HALYARD_SLOOP_POOL_AVERAGE_PADDED : DRM_HALYARD_SLOOP_POOL_AVERAGE);
  }
}

TEST(Capabilities, FollowTheRevision) {
  auto old = info();
  old.opcodes &= ~(1U << DRM_HALYARD_SLOOP_GATHER);
  old.bindings_max = 9;
  EXPECT_FALSE(capabilities(old).opcodes.contains(lowering::Opcode::kGather));
  EXPECT_EQ(capabilities(old).max_bindings, 9U);
}

}  // namespace
}  // namespace halyard::hal::sloop
