// SPDX-License-Identifier: MIT
// Command lists: what is refused, and what they run.
#include <algorithm>
#include <functional>
#include <limits>

#include "fixture.hpp"

namespace halyard::test {
namespace {

using testing::HasSubstr;

class CommandListTest : public HalTest {
 protected:
  /// y = relu(x + c), in place in y.
  static CommandList add_relu_list() {
    CommandList list;
    const auto x = list.bind("x", 16, HALYARD_ACCESS_READ), y = list.bind("y", 16);
    const std::array<float, 4> values{0, 1, 2, 3};
    const auto c = list.constant(std::span<const float>(values));
    list.add(HALYARD_OP_ADD, {{x, f32, {4}}, {c, f32, {4}}, {y, f32, {4}}}, {}, "the sum");
    list.add(HALYARD_OP_RELU, {{y, f32, {4}}, {y, f32, {4}}});
    return list;
  }
  void expect_runs(const Program& program) {
    const auto x = buffer<float>({-10, 10, -10, 10}), y = device_.allocate(16);
    queue_.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
    const auto out = y.map<float>();
    EXPECT_EQ((std::vector<float>(out.begin(), out.begin() + 4)),
              (std::vector<float>{0, 11, 0, 13}));
  }
};

TEST_F(CommandListTest, CommandsSeeWhatThoseBeforeThemWrote) {
  expect_runs(device_.record(add_relu_list()));
}

TEST_F(CommandListTest, RunsWithOtherBuffersEachTime) {
  const auto program = device_.record(add_relu_list());
  std::vector<Buffer> ins, outs;
  Point last;
  for (unsigned i = 0; i < 20; ++i) {
    ins.push_back(buffer<float>({static_cast<float>(i), 0, 0, 0}));
    outs.push_back(device_.allocate(128));
    last = queue_.submit(program, {{"x", ins.back()}, {"y", outs.back(), i % 2 * 64}});
  }
  last.wait(kPatience);
  for (std::size_t i = 0; i < outs.size(); ++i) {
    EXPECT_EQ(outs[i].map<float>()[i % 2 * 16], static_cast<float>(i));
    EXPECT_EQ(outs[i].map<float>()[i % 2 * 16 + 3], 3.0F);
  }
}

TEST_F(CommandListTest, TellsBindingsAndCommands) {
  const auto program = device_.record(add_relu_list());
  const auto bindings = program.bindings();
  ASSERT_EQ(bindings.size(), 2U);
  EXPECT_STREQ(bindings[0].name, "x");
  EXPECT_EQ(bindings[0].bytes, 16U);
  EXPECT_EQ(bindings[0].desc.rank, 0U);
  EXPECT_EQ(bindings[0].is_output, 0U);
  EXPECT_EQ(bindings[1].is_output, 1U);
  EXPECT_GE(program.info().constant_bytes, 16U);
  EXPECT_STREQ(halyard_program_command_name(program.get(), 0), "the sum");
  EXPECT_STREQ(halyard_program_command_name(program.get(), 1), "relu#1");
}

TEST_F(CommandListTest, ScratchMemoryIsTheProgramsOwn) {
  CommandList list;
  const auto x = list.bind("x", 16), one = list.scratch(4), sums = list.scratch(16);
  const std::array<float, 1> value{8};
  const auto c = list.constant(std::span<const float>(value));
  list.copy({c, f32, {1}}, {one, f32, {1}});
  list.add(HALYARD_OP_ADD, {{x, f32, {4}}, {x, f32, {4}}, {sums, f32, {4}}});
  list.add(HALYARD_OP_ADD, {{one, f32, {1}}, {sums, f32, {1}, 8}, {x, f32, {1}, 12}});
  const auto program = device_.record(list);
  EXPECT_GE(program.info().scratch_bytes, 80U);
  const auto buffers = buffer<float>({1, 2, 3, 4});
  queue_.submit(program, {{"x", buffers}}).wait(kPatience);
  EXPECT_EQ(buffers.map<float>()[3], 14.0F);
  EXPECT_EQ(buffers.map<float>()[0], 1.0F);
}

TEST_F(CommandListTest, OneBufferServesTwoBindings) {
  const auto program = device_.record(add_relu_list());
  const auto both = buffer<float>({-10, 10, -10, 10});
  queue_.submit(program, {{"x", both}, {"y", both}}).wait(kPatience);
  EXPECT_EQ(both.map<float>()[1], 11.0F);
}

TEST_F(CommandListTest, IsSavedAndLoaded) {
  CommandList list;
  // A list's bindings are in its own order: here one that is read follows one that is written.
  const auto y = list.bind("y", 16), x = list.bind("x", 16, HALYARD_ACCESS_READ);
  list.add(HALYARD_OP_RELU, {{x, f32, {4}}, {y, f32, {4}}});
  const auto saved = device_.record(list).save();
  const auto loaded = device_.load(saved);
  EXPECT_STREQ(loaded.bindings()[1].name, "x");
  EXPECT_EQ(loaded.bindings()[1].bytes, 16U);
  EXPECT_EQ(loaded.save(), saved);
  const auto in = buffer<float>({-1, 1, -1, 1}), out = device_.allocate(16);
  queue_.submit(loaded, {{"x", in}, {"y", out}}).wait(kPatience);
  EXPECT_EQ(out.map<float>()[3], 1.0F);
}

TEST_F(CommandListTest, ProfileHasTimesOfCommands) {
  auto profile = device_.create_profile();
  const auto program = device_.record(add_relu_list());
  const auto x = buffer<float>({1, 2, 3, 4}), y = device_.allocate(16);
  queue_.submit(program, {{"x", x}, {"y", y}}, {.profile = &profile}).wait(kPatience);
  EXPECT_FALSE(profile.entries().empty());
  EXPECT_EQ(y.map<float>()[3], 7.0F);
}

TEST_F(CommandListTest, OutlivesItsHandle) {
  Program program;
  {
    const auto list = add_relu_list();
    program = device_.record(list);
  }
  expect_runs(program);
}

TEST_F(CommandListTest, BindingsThatDoNotFitAreRefusedAtSubmit) {
  const auto program = device_.record(add_relu_list());
  const auto x = buffer<float>({1, 2, 3, 4}), y = device_.allocate(16);
  const auto refused = [&](std::vector<Binding> bindings, const std::string& word) {
    const auto error = error_of([&] { return queue_.submit(program, bindings); });
    EXPECT_EQ(error.code(), HALYARD_INVALID_ARGUMENT);
    EXPECT_THAT(error.what(), HasSubstr(word));
  };
  refused({{"x", x}}, "y");
  refused({{"x", x}, {"y", y, 32}}, "32");
  refused({{"x", x}, {"y", y, y.size()}}, "16");
  refused({{"x", x}, {"z", y}}, "z");
}

TEST_F(CommandListTest, UnsupportedIsToldWithoutExecutingAnything) {
  const auto before = device_.jobs().completed;
  EXPECT_TRUE(device_.supports(HALYARD_OP_ADD, {{0, f32, {4}}, {0, f32, {4}}, {0, f32, {4}}}));
  EXPECT_EQ(device_.jobs().completed, before);
  // A chip whose operands have fewer dimensions, or none of these strides, says so in both ways.
  const View odd = View(0, f32, {2, 2, 2, 2, 2, 2}).with_strides({3, 7, 17, 41, 97, 211});
  const View out(1, f32, {2, 2, 2, 2, 2, 2});
  const bool supported = device_.supports(HALYARD_OP_RELU, {odd, out});
  if (!supported) {
    EXPECT_STRNE(last_error().message, "");
  }
  CommandList list;
  list.bind("x", 4096);
  list.bind("y", 4096);
  list.add(HALYARD_OP_RELU, {odd, out}, {}, "the odd one");
  if (supported) {
    EXPECT_TRUE(device_.record(list));
  } else {
    const auto error = error_of([&] { return device_.record(list); });
    EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED);
    EXPECT_THAT(error.what(), HasSubstr("the odd one"));
  }
}

TEST_F(CommandListTest, SupportsRefusesWhatNoChipUnderstands) {
  EXPECT_EQ(
      error_of([&] {
        return device_.supports(HALYARD_OP_ADD, {{0, f32, {4}}, {0, f32, {3}}, {0, f32, {4}}});
      }).code(),
      HALYARD_INVALID_ARGUMENT);
}

TEST_F(CommandListTest, ListWithoutCommandIsRefused) {
  CommandList list;
  list.bind("x", 16);
  EXPECT_EQ(error_of([&] { return device_.record(list); }).code(), HALYARD_INVALID_ARGUMENT);
}

TEST_F(CommandListTest, BindingsAreCheckedWhenMade) {
  CommandList list;
  list.bind("x", 16);
  std::uint32_t index = 7;
  const auto refused = [&](halyard_status status) {
    EXPECT_EQ(status, HALYARD_INVALID_ARGUMENT);
    EXPECT_EQ(index, 7U);
  };
  refused(halyard_command_list_bind(list.get(), "x", 16, HALYARD_ACCESS_READ, &index));
  refused(halyard_command_list_bind(list.get(), "", 16, HALYARD_ACCESS_READ, &index));
  refused(halyard_command_list_bind(list.get(), nullptr, 16, HALYARD_ACCESS_READ, &index));
  refused(halyard_command_list_bind(list.get(), std::string(64, 'n').c_str(), 16, 1, &index));
  refused(halyard_command_list_bind(list.get(), "y", 0, HALYARD_ACCESS_READ, &index));
  refused(halyard_command_list_bind(list.get(), "y", (std::uint64_t{1} << 40U) + 1, 1, &index));
  refused(halyard_command_list_bind(list.get(), "y", 16, 0, &index));
  refused(halyard_command_list_bind(list.get(), "y", 16, 2, &index));
  refused(halyard_command_list_bind(nullptr, "y", 16, HALYARD_ACCESS_READ, &index));
  refused(halyard_command_list_constant(list.get(), nullptr, 4, &index));
  refused(halyard_command_list_constant(list.get(), "abcd", 0, &index));
  refused(halyard_command_list_scratch(list.get(), 0, &index));
  EXPECT_EQ(halyard_command_list_bind(list.get(), "y", 16, 1, nullptr), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(list.bind("y", 16), 1U) << "what was refused left nothing behind";
}

/// What is wrong with one command, and a word of the message that says it.
struct Wrong {
  const char* name;
  std::function<void(CommandList&)> add;
  const char* word;
};

void add_relu(CommandList& list, const View& in, const View& out) {
  list.add(HALYARD_OP_RELU, {in, out});
}

/// The list has the bindings 0: read, 1: written, 2: a constant, each of 64 bytes.
const Wrong kWrong[] = {
    {"NoOperation",
     [](CommandList& list) {
       list.add(static_cast<halyard_op>(63), {{0, f32, {4}}, {1, f32, {4}}});
     },
     "operation 63"},
    {"Transpose",
     [](CommandList& list) {
       list.add(HALYARD_OP_TRANSPOSE, {{0, f32, {4}}, {1, f32, {4}}}, halyard_transpose_params{});
     },
     "a view says it"},
    {"NoParameters",
     [](CommandList& list) {
       list.add(HALYARD_OP_CAST, {{0, f32, {4}}, {1, f32, {4}}});
     },
     "params"},
    {"NoViews", [](CommandList& list) { list.add(HALYARD_OP_RELU, std::span<const View>()); },
     "0 views"},
    {"TooManyViews",
     [](CommandList& list) {
       list.add(HALYARD_OP_RELU, {{0, f32, {4}}, {0, f32, {4}}, {1, f32, {4}}});
     },
     "3 views"},
    {"AbsentInput",
     [](CommandList& list) {
       add_relu(list, {}, {1, f32, {4}});
     },
     "type"},
    {"AbsentOutput",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, {});
     },
     "type"},
    {"NoBinding",
     [](CommandList& list) {
       add_relu(list, {3, f32, {4}}, {1, f32, {4}});
     },
     "no binding 3"},
    {"NoType",
     [](CommandList& list) {
       add_relu(list, {0, static_cast<halyard_dtype>(7), {4}}, {1, f32, {4}});
     },
     "type 7"},
    {"Rank",
     [](CommandList& list) {
       add_relu(list, {0, f32, {1, 1, 1, 1, 1, 1, 1}}, {1, f32, {4}});
     },
     "rank 7"},
    {"EmptyDimension",
     [](CommandList& list) {
       add_relu(list, {0, f32, {0}}, {1, f32, {4}});
     },
     "dimension 0"},
    {"OtherShape",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, {1, f32, {5}});
     },
     "f32[5]"},
    {"OtherType",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, {1, f16, {4}});
     },
     "f16[4]"},
    {"Alignment",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}, 2}, {1, f32, {4}});
     },
     "offset of input 0"},
    {"OutputAlignment",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, {1, f32, {4}, 1});
     },
     "offset of the output"},
    {"ScatterIndices",
     [](CommandList& list) {
       list.add(HALYARD_OP_SCATTER, {{0, f32, {2, 2}}, {0, i32, {3}}, {1, f32, {4, 2}}});
     },
     "one index for each row"},
    {"ScatterRows",
     [](CommandList& list) {
       list.add(HALYARD_OP_SCATTER, {{0, f32, {2, 2}}, {0, i32, {2}}, {1, f32, {4, 3}}});
     },
     "do not fit into f32[4, 3]"},
    {"ScatterRank",
     [](CommandList& list) {
       list.add(HALYARD_OP_SCATTER, {{0, f32, {2, 2}}, {0, i32, {2}}, {1, f32, {4}}});
     },
     "do not fit into f32[4]"},
    {"ScatterOutput",
     [](CommandList& list) {
       list.add(HALYARD_OP_SCATTER, {{0, f32, {2, 2}}, {0, i32, {2}}, {}});
     },
     "type"},
    {"BehindTheEnd",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}, 52}, {1, f32, {4}});
     },
     "outside"},
    {"FarBehindTheEnd",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}, std::numeric_limits<std::uint64_t>::max() - 3}, {1, f32, {4}});
     },
     "outside"},
    {"StrideBehindTheEnd",
     [](CommandList& list) {
       add_relu(list, View(0, f32, {4}).with_strides({6}), {1, f32, {4}});
     },
     "outside"},
    {"StrideBeforeTheStart",
     [](CommandList& list) {
       add_relu(list, View(0, f32, {4}, 8).with_strides({-1}), {1, f32, {4}});
     },
     "outside"},
    {"StrideBeyondNumbers",
     [](CommandList& list) {
       add_relu(list, View(0, f32, {4}).with_strides({std::numeric_limits<std::int64_t>::max()}),
                {1, f32, {4}});
     },
     "outside"},
    {"WrittenConstant",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, {2, f32, {4}});
     },
     "may only be read"},
    {"WrittenInput",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, {0, f32, {4}});
     },
     "may only be read"},
    {"OutputRepeated",
     [](CommandList& list) {
       add_relu(list, {0, f32, {4}}, View(1, f32, {4}).with_strides({0}));
     },
     "share memory"},
    {"OutputOverlaps",
     [](CommandList& list) {
       add_relu(list, {0, f32, {2, 3}}, View(1, f32, {2, 3}).with_strides({2, 1}));
     },
     "share memory"},
    {"LongName",
     [](CommandList& list) {
       list.add(HALYARD_OP_RELU, {{0, f32, {4}}, {1, f32, {4}}}, {}, std::string(64, 'n'));
     },
     "63 bytes"},
    {"Product",
     [](CommandList& list) {
       list.add(HALYARD_OP_MATMUL, {{0, f32, {2, 3}}, {0, f32, {2, 3}}, {1, f32, {2, 3}}});
     },
     "inner dimensions"},
};

class WrongCommandTest : public CommandListTest, public testing::WithParamInterface<Wrong> {};

INSTANTIATE_TEST_SUITE_P(Commands, WrongCommandTest, testing::ValuesIn(kWrong),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(WrongCommandTest, IsRefusedAndLeavesTheListAsItWas) {
  CommandList list;
  list.bind("x", 64, HALYARD_ACCESS_READ);
  list.bind("y", 64);
  const std::array<float, 16> values{};
  list.constant(std::span<const float>(values));
  const auto error = error_of([&] { GetParam().add(list); });
  EXPECT_EQ(error.code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_THAT(error.what(), HasSubstr(GetParam().word));
  EXPECT_EQ(error_of([&] { return device_.record(list); }).code(), HALYARD_INVALID_ARGUMENT)
      << "there is no command";
}

TEST_F(CommandListTest, ViewsOfANewerHeaderAreReadWhileWhatIsNewIsNotUsed) {
  struct Newer {
    halyard_view view;
    std::uint64_t more;
  };
  CommandList list;
  list.bind("x", 64);
  std::array<Newer, 2> views{{{View(0, f32, {4}).raw(), 0}, {View(0, f32, {4}).raw(), 0}}};
  for (auto& view : views)
    view.view.size = sizeof(Newer);
  EXPECT_EQ(
      halyard_command_list_add(list.get(), HALYARD_OP_RELU, &views[0].view, 2, nullptr, nullptr),
      HALYARD_OK);
  views[1].more = 1;
  EXPECT_EQ(
      halyard_command_list_add(list.get(), HALYARD_OP_RELU, &views[0].view, 2, nullptr, nullptr),
      HALYARD_INVALID_ARGUMENT);
  views[0].view.size = 0;
  EXPECT_EQ(
      halyard_command_list_add(list.get(), HALYARD_OP_RELU, &views[0].view, 2, nullptr, nullptr),
      HALYARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace halyard::test
