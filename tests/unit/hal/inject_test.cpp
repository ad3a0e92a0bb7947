// SPDX-License-Identifier: MIT
// Failures that the sim platform injects, as the library tells them.
#include <cstdlib>

#include "fixture.hpp"
#include "waiters.hpp"

namespace halyard::test {
namespace {

/// A variable of the environment, for a while.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
};

Device open_with(const std::string& injection) {
  const Variable variable("HALYARD_SIM_INJECT", injection);
  return open_device();
}

struct Case {
  const char* cause;
  halyard_status status;
};

class InjectTest : public testing::TestWithParam<Case> {};

TEST_P(InjectTest, IsToldWithJobAndCommand) {
  const auto device = open_with(std::string(GetParam().cause) + "@2:1");
  auto queue = device.create_queue();
  const auto program = device.compile(add_relu_graph(4));
  const auto x = device.allocate(16), y = device.allocate(16);
  queue.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
  const auto failed = queue.submit(program, {{"x", x}, {"y", y}});
  const auto error = error_of([&] { return failed.wait(kPatience); });
  EXPECT_EQ(error.code(), GetParam().status) << error.what();
  EXPECT_EQ(error.command(), 1U);
  EXPECT_EQ(error.command_name(), halyard_program_command_name(program.get(), 1));
  EXPECT_THAT(error.what(), testing::HasSubstr("job 2"));
  EXPECT_EQ(device.jobs().completed, 1U);
  EXPECT_EQ(device.jobs().failed, 1U);
  auto fresh = device.create_queue();
  fresh.submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
}

INSTANTIATE_TEST_SUITE_P(Causes, InjectTest,
                         testing::Values(Case{"hang", HALYARD_HANG}, Case{"fault", HALYARD_FAULT},
                                         Case{"illegal", HALYARD_ILLEGAL_COMMAND},
                                         Case{"memory", HALYARD_MEMORY_ERROR},
                                         Case{"device", HALYARD_DEVICE_ERROR}),
                         [](const auto& param) { return std::string(param.param.cause); });

TEST(InjectTest, LostDeviceLosesEverything) {
  const auto device = open_with("lost@1");
  auto queue = device.create_queue(), other = device.create_queue();
  auto gate = device.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  const auto innocent = other.barrier({.waits = waits});
  const auto lost = queue.barrier();
  EXPECT_EQ(error_of([&] { return lost.wait(kPatience); }).code(), HALYARD_DEVICE_LOST);
  EXPECT_EQ(error_of([&] { return innocent.wait(kPatience); }).code(), HALYARD_DEVICE_LOST);
  EXPECT_EQ(error_of([&] { return queue.barrier(); }).code(), HALYARD_DEVICE_LOST);
  EXPECT_EQ(error_of([&] { return other.barrier(); }).code(), HALYARD_DEVICE_LOST);
  EXPECT_EQ(error_of([&] { return device.create_queue(); }).code(), HALYARD_DEVICE_LOST);
  const auto again = open_device();
  again.create_queue().barrier();
}

TEST(InjectTest, LossReachesEveryWaiterAndAProgramGoesOn) {
  auto device = open_with("lost@1");
  auto program = device.compile(add_relu_graph(4));
  auto x = device.allocate(16), y = device.allocate(16);
  {
    Waiters waiters(device);
    auto queue = device.create_queue();
    const auto lost = queue.submit(program, {{"x", x}, {"y", y}});
    EXPECT_EQ(error_of([&] { return lost.wait(kPatience); }).code(), HALYARD_DEVICE_LOST);
    waiters.expect(HALYARD_DEVICE_LOST);
  }
  // Memory that the program has mapped stays, and all is made anew in the same process.
  x.map<float>()[0] = 3;
  EXPECT_EQ(x.map<float>()[0], 3.0F);
  const auto saved = program.save();
  device = open_device();
  program = device.load(saved);
  x = device.allocate(16), y = device.allocate(16);
  x.map<float>()[0] = 3;
  device.create_queue().submit(program, {{"x", x}, {"y", y}}).wait(kPatience);
  EXPECT_EQ(y.map<float>()[0], 3.0F);
}

TEST(InjectTest, WhatIsNotUnderstoodIsShown) {
  for (const auto* text : {"flood@1", "hang", "hang@", "hang@0", "hang@x", "hang@1:", "hang@1,,"}) {
    const auto error = error_of([&] { return open_with(text); });
    EXPECT_EQ(error.code(), HALYARD_INVALID_ARGUMENT) << text;
    EXPECT_THAT(error.what(), testing::HasSubstr("HALYARD_SIM_INJECT")) << text;
  }
  const Variable variable("HALYARD_SIM_TIMEOUT_MS", "soon");
  EXPECT_EQ(error_of([] { return open_device(); }).code(), HALYARD_INVALID_ARGUMENT);
}

}  // namespace
}  // namespace halyard::test
