// SPDX-License-Identifier: MIT
// The chip-neutral half of the compilers.

#include "lowering/lower.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "lowering/operand.hpp"

namespace halyard::hal::lowering {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

halyard_tensor_desc desc(halyard_dtype dtype, std::initializer_list<std::uint32_t> dims) {
  halyard_tensor_desc result{dtype, static_cast<std::uint32_t>(dims.size()), {}};
  std::copy(dims.begin(), dims.end(), result.dims);
  return result;
}

halyard_tensor add(Graph& graph, halyard_op op, std::initializer_list<halyard_tensor> inputs,
                   OpParams params = {}) {
  return graph.add_operation(op, {inputs.begin(), inputs.size()}, params);
}

halyard_tensor transpose(Graph& graph, halyard_tensor in, std::vector<std::uint32_t> perm) {
  halyard_transpose_params params{sizeof(params), {}};
  std::copy(perm.begin(), perm.end(), params.perm);
  return add(graph, HALYARD_OP_TRANSPOSE, {in}, params);
}

std::vector<Opcode> opcodes(const Lowered& lowered) {
  std::vector<Opcode> result;
  for (const auto& command : lowered.commands)
    result.push_back(command.opcode);
  return result;
}

std::string refusal(const Graph& graph, const Capabilities& chip) {
  try {
    static_cast<void>(lower(graph, chip, false));
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), HALYARD_UNSUPPORTED);
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return {};
}

/// y = relu(x * w + b)
Graph product_graph() {
  Graph graph;
  const auto x = graph.add_input("x", desc(HALYARD_F32, {2, 3}));
  const auto w = graph.add_input("w", desc(HALYARD_F32, {3, 4}));
  const auto b = graph.add_input("b", desc(HALYARD_F32, {4}));
  const auto product = add(graph, HALYARD_OP_MATMUL, {x, w});
  graph.set_name(product, "the product");
  const auto sum = add(graph, HALYARD_OP_ADD, {product, b});
  graph.add_output("y", add(graph, HALYARD_OP_RELU, {sum}));
  return graph;
}

/// y = relu(x) with x of rank 6, whose first two dimensions are swapped with `gap`.
Graph deep_graph(bool gap) {
  Graph graph;
  auto x = graph.add_input("x", desc(HALYARD_F32, {2, 3, 4, 5, 6, 7}));
  if (gap) x = transpose(graph, x, {5, 1, 4, 3, 2, 0});
  const auto y = add(graph, HALYARD_OP_RELU, {x});
  graph.set_name(y, "deep");
  graph.add_output("y", y);
  return graph;
}

TEST(Lowering, MakesEpiloguesOfWhatFollowsAProduct) {
  const auto lowered = lower(product_graph(), {}, false);
  EXPECT_THAT(opcodes(lowered), ElementsAre(Opcode::kMatmul, Opcode::kTimestamp));
  const auto& epilogue = std::get<Epilogue>(lowered.commands[0].params);
  EXPECT_EQ(epilogue.activation, Activation::kRelu);
  EXPECT_EQ(lowered.image.scratch_bytes, 0U);
}

TEST(Lowering, LeavesThemApartForAChipWithoutBias) {
  Capabilities chip;
  chip.fuses_bias = false;
  EXPECT_THAT(opcodes(lower(product_graph(), chip, false)),
              ElementsAre(Opcode::kMatmul, Opcode::kBinary, Opcode::kActivate, Opcode::kTimestamp));
}

TEST(Lowering, LeavesAnActivationApartThatTheEpilogueLacks) {
  Capabilities chip;
  chip.fused_activations = {Activation::kNone, Activation::kTanh};
  EXPECT_THAT(opcodes(lower(product_graph(), chip, false)),
              ElementsAre(Opcode::kMatmul, Opcode::kActivate, Opcode::kTimestamp));
}

TEST(Lowering, NamesEveryCommandAndItsTimes) {
  const auto lowered = lower(product_graph(), {}, true);
  EXPECT_THAT(lowered.image.command_names,
              ElementsAre("timestamp", "the product", "timestamp", "timestamp"));
  const std::array<std::uint64_t, 2> cells = {10, 25};
  const auto samples = read_timestamps(lowered.image, std::as_bytes(std::span(cells)));
  ASSERT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples[0].command, 1U);
  EXPECT_EQ(samples[0].begin_ns, 10U);
  EXPECT_EQ(samples[0].end_ns, 25U);
}

TEST(Lowering, MergesDimensionsForAChipOfLowerRank) {
  Capabilities chip;
  chip.max_rank = 4;
  const auto lowered = lower(deep_graph(false), chip, false);
  const auto& in = lowered.commands[0].operands[0];
  EXPECT_EQ(in.rank, 4U);
  EXPECT_THAT(in.dims, ElementsAre(24, 5, 6, 7, 0, 0));
  EXPECT_THAT(in.strides, ElementsAre(210, 42, 7, 1, 0, 0));
}

TEST(Lowering, KeepsTheLastDimensionOfASoftmax) {
  Graph graph;
  const auto x = graph.add_input("x", desc(HALYARD_F32, {2, 3, 4}));
  graph.add_output("y", add(graph, HALYARD_OP_SOFTMAX, {x}));
  Capabilities chip;
  chip.max_rank = 2;
  EXPECT_THAT(lower(graph, chip, false).commands[0].operands[0].dims,
              ElementsAre(6, 4, 0, 0, 0, 0));
  chip.max_rank = 1;
  EXPECT_THAT(refusal(graph, chip), HasSubstr("at most 1 dimensions"));
}

TEST(Lowering, MergesWhatIsRepeatedAlike) {
  Operand whole, row;
  set_shape(whole, desc(HALYARD_F32, {2, 3, 4}));
  set_shape(row, desc(HALYARD_F32, {4}));
  row = broadcast(row, whole);
  merge_dimensions(std::array{&row, &whole}, 2, 0);
  EXPECT_THAT(whole.dims, ElementsAre(6, 4, 0, 0, 0, 0));
  EXPECT_THAT(row.dims, ElementsAre(1, 4, 0, 0, 0, 0));
  EXPECT_THAT(row.strides, ElementsAre(0, 1, 0, 0, 0, 0));
  merge_dimensions(std::array{&row, &whole}, 1, 0);
  EXPECT_EQ(whole.rank, 2U) << "a row that is repeated is no vector";
}

TEST(Lowering, RefusesARankThatCannotBeMerged) {
  Capabilities chip;
  chip.max_rank = 4;
  EXPECT_THAT(refusal(deep_graph(true), chip),
              testing::AllOf(HasSubstr("\"deep\": relu: "), HasSubstr("at most 4 dimensions")));
}

TEST(Lowering, RefusesATypeByName) {
  Capabilities chip;
  chip.dtypes.remove(HALYARD_F32);
  EXPECT_THAT(refusal(product_graph(), chip),
              HasSubstr("\"the product\": matmul: the chip has no type f32"));
}

TEST(Lowering, RefusesOperandsThatSpanTooMuch) {
  Graph graph;
  const auto x = graph.add_input("x", desc(HALYARD_F32, {4, 256}));
  graph.add_output("y", add(graph, HALYARD_OP_SOFTMAX, {x}));
  Capabilities chip;
  chip.max_operand_bytes = 4096;
  EXPECT_EQ(lower(graph, chip, false).commands.size(), 2U);
  chip.max_operand_bytes = 4095;
  EXPECT_THAT(refusal(graph, chip), HasSubstr("an operand spans more memory than the chip takes"));
  chip.max_operand_bytes = 4096;
  chip.max_command_bytes = 8191;
  EXPECT_THAT(refusal(graph, chip), HasSubstr("its operands span more memory"));
}

TEST(Lowering, RefusesAnOperationByName) {
  Capabilities chip;
  chip.opcodes.remove(Opcode::kMatmul);
  EXPECT_THAT(refusal(product_graph(), chip),
              HasSubstr("\"the product\": matmul: the chip has no"));
}

TEST(Lowering, RefusesWhatTheChipItselfRefuses) {
  Capabilities chip;
  chip.refuse = [](const Command& command) {
    return std::string(command.opcode == Opcode::kMatmul ? "it is too wet" : "");
  };
  EXPECT_THAT(refusal(product_graph(), chip), HasSubstr("\"the product\": matmul: it is too wet"));
}

TEST(Lowering, RefusesMoreBindingsThanTheChipHas) {
  Capabilities chip;
  chip.max_bindings = kFixedBindings + 3;
  EXPECT_THAT(refusal(product_graph(), chip), HasSubstr("at most 3 inputs and outputs"));
}

TEST(Lowering, RefusesMoreElementsThanStridesReach) {
  Capabilities chip;
  chip.max_elements = 11;
  EXPECT_THAT(refusal(product_graph(), chip), HasSubstr("more elements than"));
}

}  // namespace
}  // namespace halyard::hal::lowering
