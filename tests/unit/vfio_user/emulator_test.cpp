// SPDX-License-Identifier: MIT

/// \file
/// halyard-emulator and halyard-trace as programs: options, exit status, files, signals.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "client.hpp"
#include "wire.hpp"

namespace halyard::emu::vfio_user::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// A program that runs with its output in files. Killed when it still runs at the end.
class Process {
 public:
  Process(std::vector<std::string> arguments, const std::string& folder, int inherited_fd = -1)
      : out_(folder + "/stdout"), err_(folder + "/stderr"), pid_(::fork()) {
    if (pid_ != 0) return;
    std::vector<char*> argv;
    argv.reserve(arguments.size() + 1);
    for (std::string& argument : arguments)
      argv.push_back(argument.data());
    argv.push_back(nullptr);
    if (inherited_fd >= 0) ::dup2(inherited_fd, 100);
    if (std::freopen(out_.c_str(), "w", stdout) != nullptr &&
        std::freopen(err_.c_str(), "w", stderr) != nullptr) {
      ::execv(argv[0], argv.data());
    }
    ::_exit(127);
  }
  ~Process() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    wait();
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  /// Exit status, or 128 and the signal.
  int wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  void kill(int signal) const { ::kill(pid_, signal); }
  [[nodiscard]] std::string out() const { return contents(out_); }
  [[nodiscard]] std::string err() const { return contents(err_); }

 private:
  std::string out_, err_;
  pid_t pid_;
};

class EmulatorTest : public testing::Test {
 protected:
  EmulatorTest() {
    char name[] = "/tmp/halyard-emulator-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~EmulatorTest() override { std::filesystem::remove_all(folder_); }

  struct Result {
    int status;
    std::string out, err;
  };
  Result run(const char* program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), program);
    Process process(std::move(arguments), folder_);
    const int status = process.wait();
    return {status, process.out(), process.err()};
  }
  Result emulator(std::vector<std::string> arguments) {
    return run(HALYARD_EMULATOR_PROGRAM, std::move(arguments));
  }
  Result trace(std::vector<std::string> arguments) {
    return run(HALYARD_TRACE_PROGRAM, std::move(arguments));
  }

  /// Some chip of this build; empty when it has none.
  std::string any_chip() {
    const std::string list = emulator({"--list"}).out;
    return list.substr(0, list.find('\t'));
  }
  [[nodiscard]] std::string path(const char* name) const { return folder_ + "/" + name; }

  /// Waits until the card's socket is there; it takes connections from that moment on.
  Client dial() {
    const std::string socket_path = path("card.sock");
    for (int i = 0; i < 1000 && !std::filesystem::exists(socket_path); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
              0);
    return Client(std::move(socket));
  }

  std::string folder_;
};

TEST_F(EmulatorTest, TellsAboutItself) {
  EXPECT_THAT(emulator({"--version"}).out, testing::MatchesRegex("halyard-emulator [0-9.]+\n"));
  const auto help = emulator({"--help"});
  EXPECT_EQ(help.status, 0);
  EXPECT_THAT(help.out, HasSubstr("--socket-path PATH"));
  EXPECT_EQ(emulator({"--list"}).status, 0);
  EXPECT_THAT(trace({"--help"}).out, HasSubstr("--replay CHIP FILE"));
}

TEST_F(EmulatorTest, RefusesWhatItDoesNotUnderstand) {
  const auto refused = [&](std::vector<std::string> arguments, const char* reason) {
    const auto result = emulator(std::move(arguments));
    EXPECT_EQ(result.status, 2);
    EXPECT_THAT(result.err, HasSubstr(reason));
    EXPECT_THAT(result.out, IsEmpty());
  };
  refused({}, "--chip is missing");
  refused({"--chip", "x"}, "exactly one of --socket-path and --fd");
  refused({"--chip", "x", "--socket-path", path("s"), "--fd", "3"},
          "exactly one of --socket-path and --fd");
  refused({"--chip", "x", "--fd", "-1"}, "--fd takes the number");
  refused({"--chip", "x", "--fd", "3x"}, "--fd takes the number");
  refused({"--chip", "no such chip", "--socket-path", path("s")}, "no chip 'no such chip'");
  refused({"--chip", "x", "--socket-path", path("s"), "more"}, "unexpected argument 'more'");
  refused({"--nonsense"}, "nonsense");
  refused({"--chip"}, "requires an argument");
}

TEST_F(EmulatorTest, TraceRefusesWhatItDoesNotUnderstand) {
  EXPECT_EQ(trace({}).status, 2);
  EXPECT_EQ(trace({"--check"}).status, 2);
  EXPECT_EQ(trace({"--replay", "no such chip", path("t")}).status, 2);
  const auto missing = trace({path("t")});
  EXPECT_EQ(missing.status, 1);
  EXPECT_THAT(missing.err, HasSubstr("No such file"));
}

/// Tests that need a chip.
class CardTest : public EmulatorTest {
 protected:
  void SetUp() override {
    chip_ = any_chip();
    if (chip_.empty()) GTEST_SKIP() << "this build has no chip";
  }
  std::vector<std::string> command(std::vector<std::string> more) {
    std::vector<std::string> all{HALYARD_EMULATOR_PROGRAM, "--chip", chip_};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  std::string chip_;
};

TEST_F(CardTest, EndsCleanlyOnBothSignals) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Process card(command({"--socket-path", path("card.sock"), "--report", path("report")}),
                 folder_);
    Client client = dial();
    EXPECT_EQ(client.call(Command::kVersion, version_payload()).error(), 0);
    card.kill(signal);
    EXPECT_EQ(card.wait(), 0) << card.err();
    EXPECT_TRUE(client.receive().closed);
    EXPECT_EQ(contents(path("report")), "{\"findings\": []}\n");
    EXPECT_FALSE(std::filesystem::exists(path("card.sock")));
  }
}

TEST_F(CardTest, OnceEndsWithTheFirstMachineAndItsTraceReplays) {
  Process card(
      command({"--socket-path", path("card.sock"), "--once", "--quiet", "--trace", path("trace")}),
      folder_);
  {
    Client client = dial();
    ASSERT_EQ(client.call(Command::kVersion, version_payload()).error(), 0);
    ASSERT_EQ(client.read(7, 0, 4096).error(), 0);
    ASSERT_EQ(client.call(Command::kDeviceReset).error(), 0);
    ASSERT_EQ(client.read(7, 0, 4).error(), 0);
  }
  EXPECT_EQ(card.wait(), 0);
  EXPECT_THAT(card.err(), IsEmpty());
  const auto check = trace({"--check", path("trace")});
  EXPECT_EQ(check.status, 0);
  EXPECT_THAT(check.out, HasSubstr("config-read  2\n"));
  EXPECT_THAT(check.out, HasSubstr("reset        2\n"));
  const auto text = trace({path("trace")});
  EXPECT_THAT(text.out, HasSubstr("reset        bus"));
  const auto replay = trace({"--replay", chip_, path("trace")});
  EXPECT_EQ(replay.status, 0) << replay.out;
  EXPECT_THAT(replay.out, HasSubstr("compared 2 answers, 0 differ"));

  // Another answer than the card gives: the first record is the configuration space's first eight
  // bytes.
  std::fstream(path("trace"), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(16 + 24)
      .put('\x5a');
  const auto differs = trace({"--replay", chip_, path("trace")});
  EXPECT_EQ(differs.status, 3);
  EXPECT_THAT(differs.out, HasSubstr("1 differ"));
}

TEST_F(CardTest, TakesAConnectedSocket) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Client client{UniqueFd(ends[0])};
  Process card(command({"--fd", "100"}), folder_, ends[1]);
  ::close(ends[1]);
  EXPECT_EQ(client.call(Command::kVersion, version_payload()).error(), 0);
  client.close();
  EXPECT_EQ(card.wait(), 0) << card.err();
}

TEST_F(CardTest, SaysWhyItCannotRun) {
  const auto failed = [&](std::vector<std::string> more, int status, const char* reason) {
    Process card(command(std::move(more)), folder_);
    EXPECT_EQ(card.wait(), status);
    EXPECT_THAT(card.err(), HasSubstr(reason));
  };
  failed({"--fd", "77"}, 1, "--fd 77");
  failed({"--socket-path", path("none/s")}, 1, "No such file");
  failed({"--socket-path", path("s"), "--report", path("none/r")}, 1, "report ");
  failed({"--socket-path", path("s"), "--trace", path("none/t")}, 1, "trace file");
  failed({"--socket-path", path("s"), "--inject", "no such error"}, 2, "no such error");
}

}  // namespace
}  // namespace halyard::emu::vfio_user::test
