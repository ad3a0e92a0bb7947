// SPDX-License-Identifier: MIT
// Every operation as a command of a list, on views of each kind, against the CPU reference.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>

#include "differential.hpp"

namespace halyard::conformance {
namespace {

using Dims = std::vector<std::uint32_t>;

/// Where a tensor's elements are: row-major, with room between them, or in reverse order of
/// dimensions.
enum class Layout : std::uint8_t { kDense, kGaps, kTransposed };

struct Placed {
  View view;
  std::vector<std::uint64_t> at;  ///< bytes from the binding's start, in the elements' order
  std::uint64_t end = 0;
};

std::uint64_t count_of(const Dims& dims) {
  return std::accumulate(dims.begin(), dims.end(), std::uint64_t{1}, std::multiplies<>());
}

Placed place(std::uint32_t binding, halyard_dtype dtype, const Dims& dims, std::uint64_t offset,
             Layout layout) {
  std::vector<std::int64_t> strides(dims.size());
  std::int64_t stride = layout == Layout::kGaps ? 2 : 1;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    const auto axis = layout == Layout::kTransposed ? i : dims.size() - 1 - i;
    strides[axis] = stride;
    stride = stride * dims[axis] + (layout == Layout::kGaps ? 3 : 0);
  }
  const auto size = halyard_dtype_size(dtype);
  Placed placed{View(binding, dtype, dims, offset).with_strides(strides), {}, offset};
  for (std::uint64_t i = 0; i < count_of(dims); ++i) {
    std::uint64_t rest = i, element = 0;
    for (std::size_t axis = dims.size(); axis-- > 0; rest /= dims[axis])
      element += rest % dims[axis] * static_cast<std::uint64_t>(strides[axis]);
    placed.at.push_back(offset + element * size);
    placed.end = std::max(placed.end, placed.at.back() + size);
  }
  return placed;
}

struct Input {
  Dims dims;
  halyard_dtype dtype;
  double range = 2;
};

struct Case {
  std::string name;
  halyard_op op;
  std::vector<Input> inputs;
  CommandParams params = {};
  Tolerance tolerance = {};
};

/// Runs a case as a list on these layouts, and as a graph on the CPU.
class ListCase {
 public:
  explicit ListCase(const Case& tested) : case_(tested) {
    std::vector<halyard_tensor> tensors;
    for (const auto& input : tested.inputs) {
      const auto name = "in" + std::to_string(tensors.size());
      tensors.push_back(graph_.input(name, input.dims, input.dtype).index());
      contents_.push_back(random_bytes(random_, count_of(input.dims), input.dtype, input.range));
    }
    if (tested.op == HALYARD_OP_GATHER) {
      const auto rows = static_cast<std::int32_t>(tested.inputs[0].dims[0]);
      for (std::uint32_t i = 0; i < tested.inputs[1].dims[0]; ++i)
        set_element(contents_[1].data() + i * 4, i32, static_cast<int>(i) * 5 % rows);
    }
    halyard_tensor out = 0;
    detail::check(halyard_graph_add(graph_.get(), tested.op, tensors.data(), tensors.size(),
                                    tested.params.raw(), &out));
    detail::check(halyard_graph_get_desc(graph_.get(), out, &desc_));
    detail::check(halyard_graph_output(graph_.get(), "out", out));
    out_dims_.assign(desc_.dims, desc_.dims + desc_.rank);
  }

  void expect_equal(Layout layout) {
    CommandList list;
    std::vector<Placed> placed;
    std::uint64_t end = 64;
    for (const auto& input : case_.inputs) {
      placed.push_back(place(0, input.dtype, input.dims, (end + 3) / 4 * 4, layout));
      end = placed.back().end;
    }
    const auto result = place(1, desc_.dtype, out_dims_, 8, layout);
    list.bind("in", end, HALYARD_ACCESS_READ);
    list.bind("out", result.end);
    std::vector<View> views;
    for (const auto& one : placed)
      views.push_back(one.view);
    views.push_back(result.view);
    list.add(case_.op, views, case_.params, case_.name);
    const auto program = device().record(list);

    const auto in = device().allocate(end), out = device().allocate(result.end);
    for (std::size_t i = 0; i < placed.size(); ++i)
      scatter(contents_[i], placed[i], case_.inputs[i].dtype, in.map().data());
    std::memset(out.map().data(), 0xa5, result.end);
    auto queue = device().create_queue();
    const auto before = device().jobs().completed;
    queue.submit(program, {{"in", in}, {"out", out}}).wait(std::chrono::seconds(60));
    EXPECT_EQ(device().jobs().completed, before + 1);
    expect_result(result, out.map());
  }

 private:
  static void scatter(const std::vector<std::byte>& from, const Placed& placed, halyard_dtype dtype,
                      std::byte* to) {
    const auto size = halyard_dtype_size(dtype);
    for (std::size_t i = 0; i < placed.at.size(); ++i)
      std::memcpy(to + placed.at[i], from.data() + i * size, size);
  }

  void expect_result(const Placed& result, std::span<const std::byte> memory) {
    const auto size = halyard_dtype_size(desc_.dtype);
    std::vector<std::byte> got(result.at.size() * size), expected(got.size());
    std::vector<bool> written(result.end);
    for (std::size_t i = 0; i < result.at.size(); ++i) {
      std::memcpy(got.data() + i * size, memory.data() + result.at[i], size);
      std::fill_n(written.begin() + static_cast<std::ptrdiff_t>(result.at[i]), size, true);
    }
    for (std::size_t i = 0; i < result.end; ++i) {
      if (!written[i]) {
        ASSERT_EQ(memory[i], std::byte{0xa5}) << "byte " << i << " between elements was written";
      }
    }
    std::vector<halyard_host_tensor> tensors;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < contents_.size(); ++i)
      names.push_back("in" + std::to_string(i));
    for (std::size_t i = 0; i < contents_.size(); ++i)
      tensors.push_back({names[i].c_str(), contents_[i].data(), contents_[i].size()});
    tensors.push_back({"out", expected.data(), expected.size()});
    graph_.evaluate(tensors);
    compare(case_.name, desc_.dtype, got.data(), expected.data(), result.at.size(),
            case_.tolerance);
  }

  const Case& case_;
  std::mt19937 random_{1};
  Graph graph_;
  halyard_tensor_desc desc_{};
  Dims out_dims_;
  std::vector<std::vector<std::byte>> contents_;
};

struct Named {
  const char* name;
  halyard_op op;
};
constexpr Named kBinary[] = {{"Add", HALYARD_OP_ADD}, {"Sub", HALYARD_OP_SUB},
                             {"Mul", HALYARD_OP_MUL}, {"Div", HALYARD_OP_DIV},
                             {"Max", HALYARD_OP_MAX}, {"Min", HALYARD_OP_MIN}};
constexpr Named kUnary[] = {{"Relu", HALYARD_OP_RELU},
                            {"Gelu", HALYARD_OP_GELU},
                            {"Silu", HALYARD_OP_SILU},
                            {"Sigmoid", HALYARD_OP_SIGMOID},
                            {"Tanh", HALYARD_OP_TANH}};
constexpr Named kFunctions[] = {
    {"Exp", HALYARD_OP_EXP},     {"Expm1", HALYARD_OP_EXPM1}, {"Log", HALYARD_OP_LOG},
    {"Sqrt", HALYARD_OP_SQRT},   {"Sin", HALYARD_OP_SIN},     {"Cos", HALYARD_OP_COS},
    {"Floor", HALYARD_OP_FLOOR}, {"Ceil", HALYARD_OP_CEIL},   {"Round", HALYARD_OP_ROUND},
    {"Trunc", HALYARD_OP_TRUNC}, {"Sign", HALYARD_OP_SIGN}};

constexpr std::array<halyard_dtype, 6> kTypes = {f32, f16, bf16, i8, u8, i32};
constexpr std::array<halyard_dtype, 3> kFloats = {f32, f16, bf16};

void add_float_cases(std::vector<Case>& cases, halyard_dtype dtype) {
  const auto type = "_" + dtype_name(dtype);
  const auto rounding = rounding_tolerance(dtype);
  for (const auto& [name, op] : kUnary)
    cases.push_back({name + type, op, {{{3, 4, 5}, dtype}}, {}, rounding});
  for (const auto& [name, op] : kFunctions) {
    cases.push_back(
        {std::string("Function") + name + type, op, {{{3, 4, 5}, dtype, 3}}, {}, rounding});
  }
  for (const std::uint32_t descending : {0U, 1U}) {
    cases.push_back({(descending != 0 ? "OrderDown" : "OrderUp") + type,
                     HALYARD_OP_ORDER,
                     {{{3, 4, 15}, dtype, 3}},
                     halyard_order_params{0, 6, descending},
                     {}});
  }
  cases.push_back({"Softmax" + type, HALYARD_OP_SOFTMAX, {{{4, 9}, dtype, 8}}, {}, rounding});
  auto loose = rounding;
  loose.absolute += 4 * loose.relative;  // differences of values near each other
  const halyard_norm_params norm{0, 1e-5F};
  cases.push_back({"LayerNorm" + type,
                   HALYARD_OP_LAYER_NORM,
                   {{{4, 9}, dtype}, {{9}, dtype}, {{9}, dtype}},
                   norm,
                   loose});
  cases.push_back(
      {"RmsNorm" + type, HALYARD_OP_RMS_NORM, {{{4, 9}, dtype}, {{9}, dtype}}, norm, loose});
  cases.push_back({"Rotate" + type,
                   HALYARD_OP_ROTATE,
                   {{{3, 4, 5, 2}, dtype}, {{3, 1, 5, 1}, f32, 20}},
                   halyard_rotate_params{0, 1.5F},
                   loose});
  halyard_quantize_params quantize{0, i8, 1, 3};
  cases.push_back(
      {"Quantize" + type, HALYARD_OP_QUANTIZE, {{{4, 3}, dtype, 60}, {{1}, f32, 1}}, quantize, {}});
  quantize.dtype = dtype;
  cases.push_back({"Dequantize" + type,
                   HALYARD_OP_DEQUANTIZE,
                   {{{4, 3}, i8, 100}, {{3}, f32}},
                   quantize,
                   rounding});
}

void add_product_cases(std::vector<Case>& cases, halyard_dtype dtype) {
  const auto type = "_" + dtype_name(dtype);
  const double range = dtype == i8 ? 127.9 : 2;
  const auto product = product_tolerance(dtype, 36);
  cases.push_back({"Matmul" + type,
                   HALYARD_OP_MATMUL,
                   {{{3, 1, 4, 6}, dtype, range}, {{1, 2, 6, 5}, dtype, range}},
                   {},
                   product});
  const halyard_conv2d_params conv{0, 2, 1, 1, 1, 1, 0, 0, 1, 2};
  cases.push_back({"Conv2d" + type,
                   HALYARD_OP_CONV2D,
                   {{{2, 4, 7, 6}, dtype, range}, {{6, 2, 3, 3}, dtype, range}},
                   conv,
                   product});
  const halyard_pool2d_params pool{0, 3, 2, 2, 1, 1, 0, 1, 1, 0};
  for (const auto& [name, op] :
       {Named{"MaxPool2d", HALYARD_OP_MAX_POOL2D}, Named{"AvgPool2d", HALYARD_OP_AVG_POOL2D}}) {
    cases.push_back(
        {name + type, op, {{{2, 3, 7, 8}, dtype, range}}, pool, rounding_tolerance(dtype)});
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const auto dtype : kTypes) {
    const auto type = "_" + dtype_name(dtype);
    cases.push_back(
        {"Gather" + type, HALYARD_OP_GATHER, {{{9, 2, 5}, dtype, 100}, {{6}, i32, 0}}, {}, {}});
    cases.push_back({"Cast" + type,
                     HALYARD_OP_CAST,
                     {{{3, 4, 5}, dtype, 100}},
                     halyard_cast_params{0, f32},
                     {}});
    cases.push_back({"Copy" + type,
                     HALYARD_OP_CAST,
                     {{{3, 4, 5}, dtype, 100}},
                     halyard_cast_params{0, dtype},
                     {}});
    if (dtype == u8) continue;
    for (const auto& [name, op] : kBinary) {
      cases.push_back({name + type,
                       op,
                       {{{3, 1, 5}, dtype, 9}, {{4, 5}, dtype, 9}},
                       {},
                       rounding_tolerance(dtype)});
    }
    if (dtype != i32) add_product_cases(cases, dtype);
  }
  for (const auto dtype : kFloats)
    add_float_cases(cases, dtype);
  cases.push_back({"Requantize_i32",
                   HALYARD_OP_REQUANTIZE,
                   {{{4, 3}, i32, 500}, {{3}, f32, 0.3}},
                   halyard_quantize_params{0, i8, 1, -2},
                   {}});
  return cases;
}

const std::vector<Case>& cases() {
  static const auto all = all_cases();
  return all;
}

class ListOperation : public testing::TestWithParam<std::size_t> {};

INSTANTIATE_TEST_SUITE_P(All, ListOperation, testing::Range<std::size_t>(0, all_cases().size()),
                         [](const auto& tested) { return cases()[tested.param].name; });

TEST_P(ListOperation, OnEveryLayout) {
  ListCase tested(cases()[GetParam()]);
  for (const auto layout : {Layout::kDense, Layout::kGaps, Layout::kTransposed}) {
    SCOPED_TRACE("layout " + std::to_string(static_cast<int>(layout)));
    tested.expect_equal(layout);
  }
}

// ---- what a graph cannot say ----------------------------------------------------------------

Buffer floats(const std::vector<float>& values) {
  auto buffer = device().allocate(values.size() * sizeof(float));
  std::copy(values.begin(), values.end(), buffer.map<float>().begin());
  return buffer;
}

std::vector<float> run(const CommandList& list, const std::vector<float>& values) {
  const auto buffer = floats(values);
  device()
      .create_queue()
      .submit(device().record(list), {{"m", buffer}})
      .wait(std::chrono::seconds(60));
  const auto memory = buffer.map<float>();
  return {memory.begin(), memory.begin() + static_cast<std::ptrdiff_t>(values.size())};
}

TEST(List, WritesInPlace) {
  CommandList list;
  const auto m = list.bind("m", 32);
  const View all(m, f32, {8});
  list.add(HALYARD_OP_RELU, {all, all});
  list.add(HALYARD_OP_ADD, {all, all, all});
  EXPECT_EQ(run(list, {-1, 1, -2, 2, -3, 3, -4, 4}), (std::vector<float>{0, 2, 0, 4, 0, 6, 0, 8}));
}

TEST(List, ScatterWritesTheRowsThatIndicesName) {
  // A cache of four rows, to which two are added; the indices are in 64 bits.
  CommandList list;
  const auto m = list.bind("m", 48);
  const std::array<std::int64_t, 2> rows{3, 0};
  const auto index = list.constant(std::span<const std::int64_t>(rows));
  list.add(HALYARD_OP_SCATTER,
           {{m, f32, {2, 2}, 32}, {index, i32, {2, 2}}, View(m, f32, {4, 2}).with_strides({2, 1})});
  EXPECT_EQ(run(list, {1, 2, 3, 4, 5, 6, 7, 8, 10, 20, 30, 40}),
            (std::vector<float>{30, 40, 3, 4, 5, 6, 10, 20, 10, 20, 30, 40}));
}

TEST(List, ScatterConverts) {
  CommandList list;
  const auto m = list.bind("m", 32);
  const auto cache = list.scratch(16);
  const std::array<std::int32_t, 2> order{1, 0};
  const auto index = list.constant(std::span<const std::int32_t>(order));
  list.add(HALYARD_OP_SCATTER, {{m, f32, {2, 2}}, {index, i32, {2}}, {cache, i32, {2, 2}}});
  list.copy({cache, i32, {2, 2}}, {m, f32, {2, 2}, 16});
  EXPECT_EQ(run(list, {1.25F, 2, 3, 3.5F, 0, 0, 0, 0}),
            (std::vector<float>{1.25F, 2, 3, 3.5F, 3, 4, 1, 2}));
}

TEST(List, RepeatsByStrideZero) {
  CommandList list;
  const auto m = list.bind("m", 32);
  const auto row = View(m, f32, {3, 2}).with_strides({0, 1});
  list.copy(row, {m, f32, {3, 2}, 8});
  EXPECT_EQ(run(list, {1, 2, 9, 9, 9, 9, 9, 9}), (std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2}));
}

TEST(List, WalksBackwards) {
  CommandList list;
  const auto m = list.bind("m", 32);
  list.copy(View(m, f32, {4}, 12).with_strides({-1}), {m, f32, {4}, 16});
  EXPECT_EQ(run(list, {1, 2, 3, 4, 0, 0, 0, 0}), (std::vector<float>{1, 2, 3, 4, 4, 3, 2, 1}));
}

TEST(List, AppendsToWhatIsThere) {
  // Two rows of a cache with a column for each step: step 2 writes the third, then all is summed.
  CommandList list;
  const auto m = list.bind("m", 40);
  list.copy({m, f32, {2}, 32}, View(m, f32, {2}, 8).with_strides({4}));
  const auto ones = list.constant(std::span<const float>(std::array<float, 1>{1}));
  list.add(HALYARD_OP_MATMUL, {View(m, f32, {2, 3}).with_strides({4, 1}),
                               View(ones, f32, {3, 1}).with_strides({0, 0}),
                               {m, f32, {2, 1}, 32}});
  EXPECT_EQ(run(list, {1, 2, 0, 0, 10, 20, 0, 0, 3, 30}),
            (std::vector<float>{1, 2, 3, 0, 10, 20, 30, 0, 6, 60}));
}

TEST(List, NormsWithoutGainAndBias) {
  CommandList list;
  const auto m = list.bind("m", 32);
  const View in(m, f32, {2, 2}), out(m, f32, {2, 2}, 16);
  list.add(HALYARD_OP_LAYER_NORM, {in, {}, {}, out}, halyard_norm_params{0, 0});
  EXPECT_EQ(run(list, {1, 3, -5, 5, 0, 0, 0, 0}), (std::vector<float>{1, 3, -5, 5, -1, 1, -1, 1}));
}

TEST(List, RmsNormWithoutGain) {
  CommandList list;
  const auto m = list.bind("m", 16);
  list.add(HALYARD_OP_RMS_NORM, {{m, f32, {1, 2}}, {}, {m, f32, {1, 2}, 8}},
           halyard_norm_params{0, 0});
  const auto got = run(list, {1, 7, 0, 0});
  EXPECT_FLOAT_EQ(got[2], 0.2F);
  EXPECT_FLOAT_EQ(got[3], 1.4F);
}

class WideProduct : public testing::TestWithParam<halyard_dtype> {};

INSTANTIATE_TEST_SUITE_P(Types, WideProduct, testing::Values(HALYARD_F16, HALYARD_BF16),
                         [](const auto& tested) { return dtype_name(tested.param); });

TEST_P(WideProduct, HasFloat32Results) {
  // 0.001 + 256 needs more bits than the inputs have.
  const auto type = GetParam();
  CommandList list;
  const auto m = list.bind("m", 16);
  const auto narrow = list.scratch(8);
  list.copy({m, f32, {2}}, {narrow, type, {2}});
  const auto ones = list.scratch(2);
  list.copy({m, f32, {1}, 8}, {ones, type, {1}});
  list.add(HALYARD_OP_MATMUL, {View(narrow, type, {1, 2}),
                               View(ones, type, {2, 1}).with_strides({0, 0}),
                               {m, f32, {1, 1}, 12}});
  EXPECT_FLOAT_EQ(run(list, {0x1p-9F, 256, 1, 0})[3], 256 + 0x1p-9F);
}

}  // namespace
}  // namespace halyard::conformance
