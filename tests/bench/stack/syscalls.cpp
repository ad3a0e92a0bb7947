// SPDX-License-Identifier: MIT
// System calls per inference, counted by the kernel's own tracepoint.

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <fstream>

#include "bench.hpp"

namespace halyard::bench {
namespace {

std::optional<std::uint64_t> tracepoint_id() {
  for (const char* root : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
    std::ifstream file(std::string(root) + "/events/raw_syscalls/sys_enter/id");
    std::uint64_t id = 0;
    if (file >> id) return id;
  }
  return std::nullopt;
}

/// A counter of the calling thread's system calls.
class SyscallCounter {
 public:
  explicit SyscallCounter(std::uint64_t tracepoint) {
    perf_event_attr attributes{};
    attributes.type = PERF_TYPE_TRACEPOINT;
    attributes.size = sizeof(attributes);
    attributes.config = tracepoint;
    fd_ = static_cast<int>(
        syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC));
  }
  ~SyscallCounter() {
    if (fd_ >= 0) close(fd_);
  }
  SyscallCounter(const SyscallCounter&) = delete;
  SyscallCounter& operator=(const SyscallCounter&) = delete;

  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] std::uint64_t read_count() const {
    std::uint64_t count = 0;
    if (read(fd_, &count, sizeof(count)) != sizeof(count)) return 0;
    return count;
  }

 private:
  int fd_ = -1;
};

}  // namespace

std::optional<double> count_syscalls(const std::function<void()>& call) {
  const auto id = tracepoint_id();
  if (!id) return std::nullopt;
  const SyscallCounter counter(*id);
  if (!counter.valid()) return std::nullopt;
  const auto start = counter.read_count();
  call();
  const auto end = counter.read_count();
  return static_cast<double>(end - start) - 1;  // the reading itself
}

void run_syscalls(const Device& device) {
  constexpr int kInferences = 100;
  print_section("system calls");
  Graph graph;
  const auto x = graph.input("x", {1, 64});
  graph.output("y", graph.softmax(x));
  const auto program = device.compile(graph);
  const auto in = device.allocate(x.bytes()), out = device.allocate(x.bytes());
  auto queue = device.create_queue();
  const auto infer = [&] { queue.submit(program, {{"x", in}, {"y", out}}).wait(); };
  for (int i = 0; i < kInferences; ++i)
    infer();
  const auto count = count_syscalls([&] {
    for (int i = 0; i < kInferences; ++i)
      infer();
  });
  if (!count) {
    print_section("  not counted: the kernel's raw_syscalls tracepoint cannot be opened here");
    return;
  }
  print("system calls per inference", *count / kInferences, "", "2");
}

}  // namespace halyard::bench
