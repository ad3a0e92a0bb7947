// SPDX-License-Identifier: MIT
// Plug-ins and platforms: missing, of another version, of another name, none at all, silent.
#include <unistd.h>

#include <cstdlib>

#include "fixture.hpp"

namespace halyard::test {
namespace {

/// Another directory of modules, for a while.
class Modules {
 public:
  explicit Modules(const std::string& directory) {
    setenv("HALYARD_PLUGIN_DIR", directory.c_str(), 1);
  }
  ~Modules() { setenv("HALYARD_PLUGIN_DIR", HALYARD_TEST_MODULES, 1); }
  Modules(const Modules&) = delete;
  Modules& operator=(const Modules&) = delete;
};

/// A directory whose module for the chip "fake" is `file` of the usual one.
class Directory {
 public:
  explicit Directory(const std::string& file) {
    EXPECT_NE(mkdtemp(path_), nullptr);
    link("platform-sim.so", "platform-sim.so");
    if (!file.empty()) link(file, "fake.so");
  }
  ~Directory() {
    for (const auto* name : {"/platform-sim.so", "/fake.so"})
      unlink((path() + name).c_str());
    rmdir(path_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  [[nodiscard]] std::string path() const { return path_; }

 private:
  void link(const std::string& from, const std::string& to) const {
    const auto target = std::string(HALYARD_TEST_MODULES) + "/" + from;
    EXPECT_EQ(symlink(target.c_str(), (path() + "/" + to).c_str()), 0);
  }
  char path_[32] = "/tmp/halyard-test-XXXXXX";
};

void expect_unusable(const std::string& file, halyard_status status, const std::string& text) {
  const Directory directory(file);
  const Modules modules(directory.path());
  for (const auto& open :
       {std::function<void()>([] { static_cast<void>(Device::open("sim:fake")); }),
        std::function<void()>([] { static_cast<void>(Device::open()); })}) {
    const auto error = error_of(open);
    EXPECT_EQ(error.code(), status) << error.what();
    EXPECT_THAT(error.what(), testing::HasSubstr(text));
  }
  const auto infos = enumerate();
  ASSERT_EQ(infos.size(), 1U) << "what cannot be used is listed, too";
  EXPECT_EQ(infos[0].usable, 0U);
  EXPECT_THAT(infos[0].problem, testing::HasSubstr(text));
  std::string code;
  EXPECT_EQ(halyard_diagnose([](const char* word, const char*,
                                void* user) { *static_cast<std::string*>(user) = word; },
                             &code),
            1U);
  EXPECT_EQ(code, "no-plugin");
}

TEST(ModulesTest, MissingPluginIsNamed) {
  expect_unusable("", HALYARD_NO_DEVICE, "no plug-in for the chip fake");
}

TEST(ModulesTest, PluginOfAnotherVersionNamesBoth) {
  expect_unusable("otherabi.so", HALYARD_VERSION_MISMATCH, "ABI 77");
}

TEST(ModulesTest, PluginOfAnotherChipIsRefused) {
  expect_unusable("othername.so", HALYARD_MALFORMED, "somethingelse");
}

TEST(ModulesTest, SharedObjectThatIsNoPluginIsRefused) {
  expect_unusable("nothing.so", HALYARD_MALFORMED, "halyard_plugin");
}

TEST(ModulesTest, PlatformThatIsNotThereIsNamed) {
  const Modules modules("/nonexistent");
  const auto error = error_of([] { return Device::open("sim:fake"); });
  EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED);
  EXPECT_THAT(error.what(), testing::HasSubstr("/nonexistent"));
}

TEST(ModulesTest, ChipThatIsNotBuiltInIsNamedWithThoseThatAre) {
  const auto error = error_of([] { return Device::open("sim:nosuchchip"); });
  EXPECT_EQ(error.code(), HALYARD_NO_DEVICE);
  EXPECT_THAT(error.what(), testing::HasSubstr("nosuchchip"));
  EXPECT_THAT(error.what(), testing::HasSubstr("fake"));
}

/// Never knows by itself that a job is done: the library asks the platform.
TEST(SilentPluginTest, JobsEndAllTheSame) {
  const Directory directory("../hal-modules-silent/fake.so");
  const Modules modules(directory.path());
  const auto device = open_device();
  auto queue = device.create_queue();
  const auto program = device.compile(add_relu_graph(4));
  const auto x = device.allocate(16), y = device.allocate(16);
  auto timeline = device.create_timeline();
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const std::array<Point, 1> signals{timeline.at(i)};
    const auto done = queue.submit(program, {{"x", x}, {"y", y}}, {.signals = signals});
    if (i % 10 == 0) {
      done.wait(kPatience);
      EXPECT_EQ(timeline.query(), i);
    }
  }
  EXPECT_EQ(y.map<float>()[3], 3.0F);
  EXPECT_EQ(device.jobs().completed, 100U);
  const auto bad = device.compile(gather_graph(2, 4, 1));
  const auto rows = device.allocate(32), index = device.allocate(4);
  index.map<std::int32_t>()[0] = -5;
  auto gate = device.create_timeline();
  const std::array<Point, 1> waits{gate.at(1)};
  const auto failed =
      queue.submit(bad, {{"rows", rows}, {"index", index}, {"y", y}}, {.waits = waits});
  const auto behind = queue.barrier();
  gate.signal(1);
  EXPECT_EQ(error_of([&] { return behind.wait(kPatience); }).code(), HALYARD_FAULT);
  EXPECT_EQ(error_of([&] { return failed.wait(kPatience); }).command_name(), "the gather");
}

}  // namespace
}  // namespace halyard::test
