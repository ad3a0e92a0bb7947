// SPDX-License-Identifier: MIT
// Programs: compile, bind, cache, save, load, profile.
#include <algorithm>
#include <set>

#include "fixture.hpp"

namespace halyard::test {
namespace {

class ProgramTest : public HalTest {
 protected:
  Program program_ = device_.compile(add_relu_graph(4));
  Buffer x_ = buffer<float>({1, 2, 3, 4});
  Buffer y_ = device_.allocate(256);
};

class SavedProgramTest : public ProgramTest {};

TEST_F(ProgramTest, TellsItsBindings) {
  const auto bindings = program_.bindings();
  ASSERT_EQ(bindings.size(), 2U);
  EXPECT_STREQ(bindings[0].name, "x");
  EXPECT_EQ(bindings[0].is_output, 0U);
  EXPECT_EQ(bindings[0].bytes, 16U);
  EXPECT_EQ(bindings[0].desc.rank, 1U);
  EXPECT_EQ(bindings[0].desc.dims[0], 4U);
  EXPECT_STREQ(bindings[1].name, "y");
  EXPECT_EQ(bindings[1].is_output, 1U);
  const auto info = program_.info();
  EXPECT_GE(info.commands, 1U);
  EXPECT_GE(info.constant_bytes, 16U);
}

TEST_F(ProgramTest, NamesItsCommands) {
  std::set<std::string> names;
  for (std::uint32_t i = 0; i < program_.info().commands; ++i) {
    names.insert(halyard_program_command_name(program_.get(), i));
  }
  EXPECT_TRUE(names.contains("the sum"));
  EXPECT_EQ(halyard_program_command_name(program_.get(), program_.info().commands), nullptr);
}

/// Of no more than a chip has on its first day.
class OneOperationTest : public HalTest {};

TEST_F(OneOperationTest, Runs) {
  Graph graph;
  const auto x = graph.input("x", {4});
  const auto program = device_.compile(graph.output("y", graph.add(x, x)));
  const auto in = buffer<float>({1, 2, 3, 4}), out = device_.allocate(16);
  queue_.submit(program, {{"x", in}, {"y", out}}).wait(kPatience);
  EXPECT_EQ(out.map<float>()[2], 6.0F);
}

TEST_F(ProgramTest, BindsByNameAndByPosition) {
  queue_.submit(program_, {{"y", y_}, {"x", x_}}).wait(kPatience);
  EXPECT_EQ(y_.map<float>()[3], 7.0F);
  const std::array<Binding, 2> by_position{{{nullptr, x_}, {nullptr, y_, 64}}};
  queue_.submit(program_, by_position).wait(kPatience);
  EXPECT_EQ(y_.map<float>()[16 + 3], 7.0F);
}

TEST_F(ProgramTest, RunsWithOtherBuffersEachTime) {
  std::vector<Buffer> ins, outs;
  Point last;
  for (int i = 0; i < 50; ++i) {
    ins.push_back(buffer<float>({static_cast<float>(i), 0, 0, 0}));
    outs.push_back(device_.allocate(16));
    last = queue_.submit(program_, {{"x", ins.back()}, {"y", outs.back()}});
  }
  last.wait(kPatience);
  for (int i = 0; i < 50; ++i) {
    EXPECT_EQ(outs[static_cast<std::size_t>(i)].map<float>()[0], static_cast<float>(i));
  }
}

TEST_F(ProgramTest, BindingsThatDoNotFitAreRefused) {
  const auto small = device_.allocate(1);
  const auto refused = [&](std::vector<Binding> bindings, const std::string& name) {
    const auto error = error_of([&] { return queue_.submit(program_, bindings); });
    EXPECT_EQ(error.code(), HALYARD_INVALID_ARGUMENT);
    EXPECT_THAT(error.what(), testing::HasSubstr(name));
  };
  refused({{"x", x_}}, "y");
  refused({{"x", x_}, {"z", y_}}, "z");
  refused({{"x", x_}, {"x", x_}, {"y", y_}}, "x");
  refused({{nullptr, x_}, {nullptr, y_}, {nullptr, y_}}, "2");
  refused({{"x", x_}, {"y", y_, 4}}, "offset 4");
  refused({{"x", x_}, {"y", y_, y_.size()}}, "y");
  refused({{"x", x_}, {"y", y_, UINT64_MAX - 63}}, "y");
  refused({{"x", Buffer()}, {"y", y_}}, "x");
  const auto other = open_device();
  refused({{"x", other.allocate(16)}, {"y", y_}}, "x");
  static_cast<void>(small);
  expect_works(queue_);
}

TEST_F(ProgramTest, BufferThatIsTooSmallIsRefused) {
  const auto program = device_.compile(add_relu_graph(4096));
  const auto x = device_.allocate(4 * 4096), y = device_.allocate(4096);
  const auto error = error_of([&] { return queue_.submit(program, {{"x", x}, {"y", y}}); });
  EXPECT_EQ(error.code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_THAT(error.what(), testing::HasSubstr("16384"));
}

TEST_F(ProgramTest, BelongsToItsDevice) {
  const auto other = open_device();
  auto queue = other.create_queue();
  EXPECT_EQ(error_of([&] {
              queue.submit(program_, {{"x", x_}, {"y", y_}});
            }).code(),
            HALYARD_INVALID_ARGUMENT);
}

TEST_F(ProgramTest, EqualGraphsAreCompiledOnce) {
  // What is compiled takes device memory; what is found again takes none.
  const auto used = device_.info().memory_used;
  const auto again = device_.compile(add_relu_graph(4));
  EXPECT_EQ(device_.info().memory_used, used);
  const auto other = device_.compile(add_relu_graph(5));
  EXPECT_GT(device_.info().memory_used, used);
  queue_.submit(again, {{"x", x_}, {"y", y_}}).wait(kPatience);
}

TEST_F(ProgramTest, UnsupportedIsRefusedWithTheNodeAndTheReason) {
  // No chip of ours has a matrix product of bytes without sign.
  Graph graph;
  const auto a = graph.input("a", {4}, u8);
  const auto sum = error_of([&] { return graph.add(a, a); });
  if (sum.code() == HALYARD_INVALID_ARGUMENT) {
    SUCCEED() << "refused by the graph already";
  }
  Graph odd;
  const auto b = odd.input("b", {2, 2, 2, 2, 2, 2}, f32);
  const auto node = odd.gelu(b);
  odd.set_name(node, "the odd one");
  odd.output("y", node);
  try {
    static_cast<void>(device_.compile(odd));
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED);
    EXPECT_THAT(error.what(), testing::HasSubstr("the odd one"));
  }
}

// ---- graphs that are wrong -----------------------------------------------------------------

TEST_F(ProgramTest, GraphsThatDoNotFitAreRefused) {
  Graph graph;
  const auto a = graph.input("a", {2, 3});
  const auto b = graph.input("b", {4, 5});
  const auto c = graph.input("c", {2, 3}, i32);
  EXPECT_EQ(error_of([&] { return graph.matmul(a, b); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return graph.add(a, b); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return graph.add(a, c); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return graph.input("a", {1}); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return graph.input("d", {0}); }).code(), HALYARD_INVALID_ARGUMENT);
  EXPECT_EQ(error_of([&] { return graph.input("", {1}); }).code(), HALYARD_INVALID_ARGUMENT);
  halyard_tensor out = 0;
  EXPECT_EQ(halyard_graph_add(graph.get(), static_cast<halyard_op>(63), nullptr, 0, nullptr, &out),
            HALYARD_INVALID_ARGUMENT);
  const halyard_tensor input = a.index();
  EXPECT_EQ(halyard_graph_add(graph.get(), HALYARD_OP_RESHAPE, &input, 1, nullptr, &out),
            HALYARD_INVALID_ARGUMENT)
      << "it needs parameters";
  const halyard_cast_params params{sizeof(params), f16};
  EXPECT_EQ(halyard_graph_add(graph.get(), HALYARD_OP_RELU, &input, 1, &params, &out),
            HALYARD_INVALID_ARGUMENT)
      << "it takes none";
  const halyard_tensor stranger = 1000;
  EXPECT_EQ(halyard_graph_add(graph.get(), HALYARD_OP_RELU, &stranger, 1, nullptr, &out),
            HALYARD_INVALID_ARGUMENT);
}

TEST_F(ProgramTest, GraphWithoutOutputIsRefused) {
  Graph graph;
  graph.relu(graph.input("a", {2}));
  EXPECT_EQ(error_of([&] { return device_.compile(graph); }).code(), HALYARD_INVALID_ARGUMENT);
}

// ---- saved programs ------------------------------------------------------------------------

TEST_F(SavedProgramTest, IsSavedAndLoaded) {
  const auto saved = program_.save();
  const auto loaded = device_.load(saved);
  ASSERT_EQ(loaded.bindings().size(), 2U);
  EXPECT_STREQ(loaded.bindings()[1].name, "y");
  EXPECT_EQ(loaded.info().commands, program_.info().commands);
  EXPECT_EQ(loaded.info().scratch_bytes, program_.info().scratch_bytes);
  queue_.submit(loaded, {{"x", x_}, {"y", y_}}).wait(kPatience);
  EXPECT_EQ(y_.map<float>()[2], 5.0F);
  EXPECT_EQ(loaded.save(), saved) << "a loaded program is saved as it was";
}

TEST_F(SavedProgramTest, SaveWritesNoMoreThanThereIsRoom) {
  const auto saved = program_.save();
  std::vector<std::byte> part(saved.size(), std::byte{0x5a});
  std::size_t bytes = 100;
  ASSERT_EQ(halyard_program_save(program_.get(), part.data(), &bytes), HALYARD_OK);
  EXPECT_EQ(bytes, saved.size());
  EXPECT_TRUE(std::equal(saved.begin(), saved.begin() + 100, part.begin()));
  EXPECT_EQ(part[100], std::byte{0x5a});
}

TEST_F(SavedProgramTest, TruncatedAnywhereIsMalformed) {
  const auto saved = program_.save();
  for (std::size_t length = 0; length < saved.size(); ++length) {
    const auto error = error_of([&] { return device_.load(std::span(saved).first(length)); });
    ASSERT_EQ(error.code(), HALYARD_MALFORMED) << "at " << length << ": " << error.what();
    ASSERT_THAT(error.what(), testing::HasSubstr("byte "));
  }
}

TEST_F(SavedProgramTest, AnyByteFlippedIsRefused) {
  const auto saved = program_.save();
  auto damaged = saved;
  for (std::size_t i = 0; i < saved.size(); ++i) {
    damaged[i] = saved[i] ^ std::byte{0x41};
    const auto error = error_of([&] { return device_.load(damaged); });
    ASSERT_TRUE(error.code() == HALYARD_MALFORMED || error.code() == HALYARD_VERSION_MISMATCH)
        << "byte " << i << ": " << error.what();
    damaged[i] = saved[i];
  }
  EXPECT_TRUE(device_.load(damaged));
}

TEST_F(SavedProgramTest, LongerThanItSaysIsMalformed) {
  auto saved = program_.save();
  saved.push_back(std::byte{0});
  EXPECT_EQ(error_of([&] { return device_.load(saved); }).code(), HALYARD_MALFORMED);
}

TEST_F(SavedProgramTest, OfAnotherFormatNamesBoth) {
  auto saved = program_.save();
  saved[8] = std::byte{9};
  const auto error = error_of([&] { return device_.load(saved); });
  EXPECT_EQ(error.code(), HALYARD_VERSION_MISMATCH);
  EXPECT_THAT(error.what(), testing::HasSubstr("format 9"));
  EXPECT_THAT(error.what(), testing::HasSubstr("format 1"));
}

// ---- profiles ------------------------------------------------------------------------------

TEST_F(ProgramTest, ProfileHasTimesOfCommands) {
  auto profile = device_.create_profile();
  std::uint64_t before = 0, after = 0, host = 0;
  ASSERT_EQ(halyard_device_get_time(device_.get(), &before, &host), HALYARD_OK);
  queue_.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &profile}).wait(kPatience);
  ASSERT_EQ(halyard_device_get_time(device_.get(), &after, &host), HALYARD_OK);
  const auto entries = profile.entries();
  ASSERT_FALSE(entries.empty());
  for (const auto& entry : entries) {
    EXPECT_LE(before, entry.begin_ns);
    EXPECT_LE(entry.begin_ns, entry.end_ns);
    EXPECT_LE(entry.end_ns, after);
  }
  EXPECT_EQ(y_.map<float>()[1], 3.0F);
}

TEST_F(SavedProgramTest, ProfileOfALoadedProgram) {
  const auto loaded = device_.load(program_.save());
  auto profile = device_.create_profile();
  queue_.submit(loaded, {{"x", x_}, {"y", y_}}, {.profile = &profile}).wait(kPatience);
  EXPECT_FALSE(profile.entries().empty());
}

TEST_F(ProgramTest, ProfileIsThereWhenTheJobIsDone) {
  auto profile = device_.create_profile();
  EXPECT_EQ(error_of([&] { return profile.entries(); }).code(), HALYARD_INVALID_ARGUMENT);
  auto gate = device_.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  const auto done =
      queue_.submit(program_, {{"x", x_}, {"y", y_}}, {.waits = waits, .profile = &profile});
  EXPECT_EQ(error_of([&] { return profile.entries(); }).code(), HALYARD_TIMEOUT);
  EXPECT_EQ(error_of([&] {
              queue_.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &profile});
            }).code(),
            HALYARD_INVALID_ARGUMENT)
      << "it belongs to one job at a time";
  gate.signal(1);
  done.wait(kPatience);
  EXPECT_FALSE(profile.entries().empty());
  queue_.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &profile}).wait(kPatience);
  EXPECT_FALSE(profile.entries().empty());
}

TEST_F(ProgramTest, ProfilesOfCopiesFillsAndBarriersHaveTheirTime) {
  auto profile = device_.create_profile();
  const auto expect_one = [&](const Point& done, const char* name) {
    done.wait(kPatience);
    const auto entries = profile.entries();
    ASSERT_EQ(entries.size(), 1U);
    EXPECT_STREQ(entries[0].name, name);
    EXPECT_EQ(entries[0].command, 0U);
    EXPECT_GT(entries[0].begin_ns, 0U);
    EXPECT_LE(entries[0].begin_ns, entries[0].end_ns);
  };
  expect_one(queue_.barrier({.profile = &profile}), "barrier");
  expect_one(queue_.fill(x_, 0, 16, 7, {.profile = &profile}), "fill");
  expect_one(queue_.copy(y_, 0, x_, 0, 16, {.profile = &profile}), "copy");
  queue_.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &profile}).wait(kPatience);
  EXPECT_GT(profile.entries()[0].command, 0U) << "a program again";
}

TEST_F(ProgramTest, ProfileOfAnotherDeviceIsRefused) {
  const auto other = open_device();
  auto foreign = other.create_profile();
  EXPECT_EQ(error_of([&] {
              queue_.submit(program_, {{"x", x_}, {"y", y_}}, {.profile = &foreign});
            }).code(),
            HALYARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace halyard::test
