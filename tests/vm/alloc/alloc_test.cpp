// SPDX-License-Identifier: MIT
/// \file
/// Every call with its first, second, ... allocation failing, until it has no more: each time it
/// either fails as it should and has changed nothing, or does without. What is lost for good the
/// kernel's leak detector finds at the end of the run.

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <xf86drm.h>

#include "chip.hpp"
#include "client.hpp"
#include "device_state.hpp"
#include "dmabuf.hpp"
#include "failing.hpp"
#include "power.hpp"

namespace halyard::test {
namespace {

/// More than any call has; a call that never succeeds ends the test here.
constexpr unsigned kMost = 20000;
/// From here on not every allocation is tried, but ever fewer.
constexpr unsigned kEach = 100;

/// What is tried: `prepare` makes what the call needs; `call` returns 0 or an errno, and is the
/// only thing that has failing allocations; `finish` undoes both.
struct Trial {
  std::function<void()> prepare = [] {};
  std::function<int()> call;
  std::function<void()> finish = [] {};
  /// What it may return when an allocation, or a copy from or to the caller's memory, fails.
  std::vector<int> errors = {ENOMEM, EFAULT};
  /// The DRM core keeps what it has made of the object until that goes.
  bool keeps = false;
};

int error_of(long result) {
  return result < 0 ? errno : 0;
}

std::set<int> open_files() {
  std::set<int> files;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd"))
    files.insert(std::stoi(entry.path().filename()));
  // Not the folder's own, which was open only meanwhile: the next file gets its number.
  std::erase_if(files, [](int file) { return fcntl(file, F_GETFD) < 0; });
  return files;
}

/// A bare ioctl: not called again when it is interrupted.
template <typename T>
int call_once(const Client& client, unsigned long request, T& argument) {
  return error_of(ioctl(client.fd(), request, &argument));
}

/// What the trials share: a client that has everything a job needs.
class Bench {
 public:
  Bench() {
    std::array<drm_halyard_query_memory, 4> memory{};
    regions_ = query(DRM_HALYARD_QUERY_MEMORY, memory);
    card_memory_ = (memory[0].flags & DRM_HALYARD_MEMORY_HOST) == 0 ? memory[0].size : 0;
    std::array<drm_halyard_query_engine, 4> engines{};
    classes_ = query(DRM_HALYARD_QUERY_ENGINES, engines);
    has_mmu_ = (client.device().flags & DRM_HALYARD_DEVICE_HAS_MMU) != 0;
    queue = client.make_queue();
    // Once, so that what is made at the first use is there.
    run_job();
  }

  [[nodiscard]] std::uint32_t regions() const { return regions_; }
  [[nodiscard]] std::uint32_t classes() const { return classes_; }
  [[nodiscard]] bool has_mmu() const { return has_mmu_; }
  /// Bytes, 0 when region 0 is the host's memory.
  [[nodiscard]] std::uint64_t card_memory() const { return card_memory_; }

  /// A job for `queue`, its stream in place.
  [[nodiscard]] fuzz::Work work(std::uint32_t data_handle, std::uint64_t size, std::uint64_t va) {
    fuzz::Random random(1);
    fuzz::Work work =
        chip->make(1, random, {stream.handle, stream.size, stream.va}, {data_handle, size, va});
    std::ranges::copy(work.stream, stream.map.bytes().begin());
    if (work.buffers.empty())
      work.buffers.push_back({.handle = data_handle, .flags = DRM_HALYARD_BUFFER_WRITE});
    return work;
  }
  [[nodiscard]] fuzz::Work work() { return work(data.handle, data.size, data.va); }

  int submit(const fuzz::Work& work, std::span<const std::vector<drm_halyard_sync_op>> syncs) {
    std::vector<drm_halyard_job> jobs(syncs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) {
      jobs[i].queue_id = i == 0 ? queue : other_queue;
      jobs[i].payload_size = static_cast<std::uint32_t>(work.payload.size());
      jobs[i].payload = reinterpret_cast<std::uint64_t>(work.payload.data());
      jobs[i].buffers = array_of(work.buffers);
      jobs[i].syncs = array_of(syncs[i]);
    }
    drm_halyard_submit argument{};
    argument.jobs = array_of(jobs);
    return call_once(client, DRM_IOCTL_HALYARD_SUBMIT, argument);
  }
  int submit(const fuzz::Work& work, const std::vector<drm_halyard_sync_op>& syncs) {
    return submit(work, std::span(&syncs, 1));
  }

  /// A job of the same queue that runs after all others.
  void run_job() {
    const std::uint32_t done = client.make_syncobj();
    const fuzz::Work last = work();
    require(submit(last, {{DRM_HALYARD_SYNC_SIGNAL, done, 0}}), "SUBMIT");
    require(client.wait(done), "SYNCOBJ_WAIT");
    drmSyncobjDestroy(client.fd(), done);
  }

  /// The DRM core writes a call's results when the call has been made. If it can't, the caller has
  /// objects whose names it does not know: this remembers those it knows, and releases the others.
  void remember() {
    files_ = open_files();
    for (std::uint32_t name = 1; name < kNames; ++name) {
      drm_halyard_bo_info bo{};
      drm_halyard_queue_query one{};
      bo.handle = name;
      one.queue_id = name;
      if (client.call(DRM_IOCTL_HALYARD_BO_INFO, bo) == 0) handles_.insert(name);
      if (client.call(DRM_IOCTL_HALYARD_QUEUE_QUERY, one) == 0) queues_.insert(name);
    }
  }
  void release_unknown() {
    for (std::uint32_t name = 1; name < kNames; ++name) {
      if (!queues_.contains(name)) static_cast<void>(client.queue_destroy(name));
      if (name != client.vm() && name != id) static_cast<void>(client.vm_destroy(name));
      if (!handles_.contains(name)) client.close_bo(name);
    }
    for (const int file : open_files())
      if (!files_.contains(file)) close(file);
  }

  std::unique_ptr<fuzz::Chip> chip = fuzz::make_chip();
  Client client;
  Buffer stream = client.make_buffer(16 * kPage);
  Buffer data = client.make_buffer(4 * kPage);
  std::uint32_t queue = 0;
  std::uint32_t other_queue = 0;
  /// Made by a trial's prepare(), used by its call.
  std::uint32_t handle = 0;
  std::uint32_t id = 0;
  std::uint32_t syncobj = 0;
  std::uint64_t address = 0;
  fuzz::Work job;
  int fd = -1;
  Mapping map;

 private:
  static constexpr std::uint32_t kNames = 16;

  template <typename T, std::size_t N>
  std::uint32_t query(drm_halyard_query_type type, std::array<T, N>& answer) const {
    drm_halyard_dev_query argument{.type = type,
                                   .size = sizeof(answer),
                                   .pointer = reinterpret_cast<std::uint64_t>(answer.data())};
    require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
    return static_cast<std::uint32_t>(argument.size / sizeof(T));
  }

  std::uint32_t regions_ = 0;
  std::uint32_t classes_ = 0;
  std::uint64_t card_memory_ = 0;
  bool has_mmu_ = false;
  std::set<int> files_;
  std::set<std::uint32_t> handles_, queues_;
};

// ---- trials ----

Trial open_device(Bench& bench) {
  const std::string node = device_node();
  return {.call =
              [&bench, node] {
                bench.fd = open(node.c_str(), O_RDWR | O_CLOEXEC);
                return error_of(bench.fd);
              },
          .finish =
              [&] {
                if (bench.fd >= 0) close(std::exchange(bench.fd, -1));
              }};
}

/// Closing can't fail; what it can't get memory for it has to do without.
Trial close_device(Bench& bench) {
  return {.prepare =
              [&] {
                const File node(open(device_node().c_str(), O_RDWR | O_CLOEXEC));
                bench.fd = fcntl(node.get(), F_DUPFD_CLOEXEC, 0);
                drm_halyard_vm_create vm{};
                drm_halyard_bo_create bo{};
                drm_halyard_queue_create queue{};
                bo.size = kPage;
                require(error_of(ioctl(bench.fd, DRM_IOCTL_HALYARD_VM_CREATE, &vm)), "VM_CREATE");
                require(error_of(ioctl(bench.fd, DRM_IOCTL_HALYARD_BO_CREATE, &bo)), "BO_CREATE");
                queue.vm_id = vm.vm_id;
                queue.priority = DRM_HALYARD_PRIORITY_NORMAL;
                require(error_of(ioctl(bench.fd, DRM_IOCTL_HALYARD_QUEUE_CREATE, &queue)),
                        "QUEUE_CREATE");
              },
          .call = [&] { return error_of(close(std::exchange(bench.fd, -1))); },
          .errors = {}};
}

Trial query(Bench& bench, std::uint32_t type) {
  return {.call = [&bench, type] {
    std::array<std::byte, 1024> answer{};
    drm_halyard_dev_query argument{.type = type,
                                   .size = sizeof(answer),
                                   .pointer = reinterpret_cast<std::uint64_t>(answer.data())};
    return call_once(bench.client, DRM_IOCTL_HALYARD_DEV_QUERY, argument);
  }};
}

Trial read_text(const std::string& path) {
  return {.call = [path] {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return errno;
    std::array<char, 8192> text{};
    const int error = error_of(read(fd, text.data(), text.size()));
    close(fd);
    return error;
  }};
}

/// Of a card that is not asleep: who looks does not wake it up.
Trial read_awake(const std::string& path) {
  auto trial = read_text(path);
  trial.call = [awake = std::make_shared<Awake>(), call = trial.call] { return call(); };
  return trial;
}

/// ENOSPC: the kernel's own file system for shared memory has no inode.
Trial bo_create(Bench& bench, std::uint32_t region) {
  return {.call =
              [&bench, region] {
                drm_halyard_bo_create argument{};
                argument.size = 4 * kPage;
                argument.region = region;
                const int error = call_once(bench.client, DRM_IOCTL_HALYARD_BO_CREATE, argument);
                bench.handle = argument.handle;
                return error;
              },
          .finish =
              [&] {
                if (bench.handle != 0) bench.client.close_bo(std::exchange(bench.handle, 0));
              },
          .errors = {ENOMEM, EFAULT, ENOSPC}};
}

/// A call on an object of its own.
Trial on_bo(Bench& bench, std::function<int()> call, std::uint64_t size = 4 * kPage) {
  return {.prepare = [&bench, size] { bench.handle = bench.client.make_bo(size); },
          .call = std::move(call),
          .finish =
              [&bench] {
                bench.map = {};
                bench.client.close_bo(std::exchange(bench.handle, 0));
              }};
}

Trial bo_mmap_offset(Bench& bench) {
  return on_bo(bench, [&bench] {
    drm_halyard_bo_mmap_offset argument{};
    argument.handle = bench.handle;
    return call_once(bench.client, DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument);
  });
}

Trial bo_info(Bench& bench) {
  return on_bo(bench, [&bench] {
    drm_halyard_bo_info argument{};
    argument.handle = bench.handle;
    return call_once(bench.client, DRM_IOCTL_HALYARD_BO_INFO, argument);
  });
}

Trial gem_close(Bench& bench) {
  Trial trial = on_bo(bench, [&bench] {
    drm_gem_close argument{};
    argument.handle = bench.handle;
    return call_once(bench.client, DRM_IOCTL_GEM_CLOSE, argument);
  });
  return trial;
}

Trial bo_mmap(Bench& bench) {
  Trial trial = on_bo(bench, [&bench] {
    void* map = mmap(nullptr, 4 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, bench.client.fd(),
                     static_cast<off_t>(bench.address));
    if (map == MAP_FAILED) return errno;
    munmap(map, 4 * kPage);
    return 0;
  });
  trial.prepare = [&bench, make = trial.prepare] {
    make();
    drm_halyard_bo_mmap_offset argument{};
    argument.handle = bench.handle;
    require(bench.client.call(DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument), "BO_MMAP_OFFSET");
    bench.address = argument.offset;
  };
  // The kernel's own part of mmap() has allocations, too; EAGAIN: of locked memory.
  trial.errors = {ENOMEM, EAGAIN};
  return trial;
}

/// The kernel writes to a mapping in our place, and tells of a fault that it can't resolve.
Trial bo_fault(Bench& bench) {
  const auto zero = std::make_shared<File>(open("/dev/zero", O_RDONLY | O_CLOEXEC));
  Trial trial = on_bo(
      bench, [&bench, zero] { return error_of(read(zero->get(), bench.map.bytes().data(), 64)); });
  trial.prepare = [&bench, make = trial.prepare] {
    make();
    bench.map = bench.client.map(bench.handle, 4 * kPage);
  };
  trial.errors = {EFAULT};
  return trial;
}

Trial bo_userptr(Bench& bench, std::uint32_t flags) {
  return {.prepare = [&] { bench.map = Mapping(4 * kPage, -1, 0, PROT_READ | PROT_WRITE); },
          .call =
              [&bench, flags] {
                drm_halyard_bo_from_userptr argument{};
                argument.address = bench.map.address();
                argument.size = 4 * kPage;
                argument.flags = flags;
                const int error =
                    call_once(bench.client, DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument);
                bench.handle = argument.handle;
                return error;
              },
          .finish =
              [&] {
                if (bench.handle != 0) bench.client.close_bo(std::exchange(bench.handle, 0));
                bench.map = {};
              }};
}

Trial vm_create(Bench& bench) {
  return {.call =
              [&] {
                drm_halyard_vm_create argument{};
                const int error = call_once(bench.client, DRM_IOCTL_HALYARD_VM_CREATE, argument);
                bench.id = argument.vm_id;
                return error;
              },
          .finish =
              [&] {
                if (bench.id != 0)
                  require(bench.client.vm_destroy(std::exchange(bench.id, 0)), "VM_DESTROY");
              }};
}

Trial vm_destroy(Bench& bench) {
  return {.prepare =
              [&] {
                bench.id = bench.client.make_vm();
                if (!bench.has_mmu()) return;
                require(bench.client.map_at(bench.id, bench.data.handle,
                                            bench.client.device().va_start, kPage),
                        "VM_BIND");
              },
          .call =
              [&] {
                drm_halyard_vm_destroy argument{};
                argument.vm_id = bench.id;
                return call_once(bench.client, DRM_IOCTL_HALYARD_VM_DESTROY, argument);
              },
          .finish = [&] { static_cast<void>(bench.client.vm_destroy(bench.id)); }};
}

drm_halyard_bind_op map_op(std::uint32_t handle, std::uint64_t va, std::uint64_t size) {
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_MAP;
  op.handle = handle;
  op.va = va;
  op.size = size;
  return op;
}

drm_halyard_bind_op unmap_op(std::uint64_t va, std::uint64_t size) {
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_UNMAP;
  op.va = va;
  op.size = size;
  return op;
}

/// In an address space of its own, so that there are no tables yet; of an object that has its pages
/// already: they are the kernel's to allocate.
Trial vm_bind(Bench& bench, std::vector<drm_halyard_bind_op> before,
              std::vector<drm_halyard_bind_op> ops, std::uint64_t size = kPage) {
  const std::uint32_t handle = bench.client.make_bo(size);
  bench.map = bench.client.map(handle, size);
  for (auto* list : {&before, &ops})
    for (drm_halyard_bind_op& op : *list)
      if (op.type == DRM_HALYARD_BIND_MAP) op.handle = handle;
  const auto bind = [&bench](const std::vector<drm_halyard_bind_op>& now) {
    drm_halyard_vm_bind argument{};
    argument.vm_id = bench.id;
    argument.ops = array_of(now);
    return call_once(bench.client, DRM_IOCTL_HALYARD_VM_BIND, argument);
  };
  return {.prepare =
              [&bench, bind, before] {
                bench.id = bench.client.make_vm();
                require(bind(before), "VM_BIND");
              },
          .call = [bind, ops] { return bind(ops); },
          .finish = [&] { require(bench.client.vm_destroy(bench.id), "VM_DESTROY"); }};
}

Trial queue_create(Bench& bench, std::uint32_t engine_class) {
  return {.prepare = [&] { static_cast<void>(bench.client.vm()); },
          .call =
              [&bench, engine_class] {
                drm_halyard_queue_create argument{};
                argument.vm_id = bench.client.vm();
                argument.engine_class = engine_class;
                argument.priority = DRM_HALYARD_PRIORITY_NORMAL;
                const int error = call_once(bench.client, DRM_IOCTL_HALYARD_QUEUE_CREATE, argument);
                bench.id = argument.queue_id;
                return error;
              },
          .finish =
              [&] {
                if (bench.id != 0)
                  require(bench.client.queue_destroy(std::exchange(bench.id, 0)), "QUEUE_DESTROY");
              }};
}

Trial queue_destroy(Bench& bench) {
  return {.prepare = [&] { bench.id = bench.client.make_queue(); },
          .call =
              [&] {
                drm_halyard_queue_destroy argument{};
                argument.queue_id = bench.id;
                return call_once(bench.client, DRM_IOCTL_HALYARD_QUEUE_DESTROY, argument);
              },
          .finish = [&] { static_cast<void>(bench.client.queue_destroy(bench.id)); }};
}

Trial queue_query(Bench& bench) {
  return {.call = [&] {
    drm_halyard_queue_query argument{};
    argument.queue_id = bench.queue;
    return call_once(bench.client, DRM_IOCTL_HALYARD_QUEUE_QUERY, argument);
  }};
}

// ---- jobs ----

/// `ops` of each job have 1 in place of the syncobj; a job for each.
Trial submit(Bench& bench, std::vector<std::vector<drm_halyard_sync_op>> ops) {
  return {.prepare =
              [&] {
                bench.syncobj = bench.client.make_syncobj(true);
                bench.other_queue = bench.client.make_queue();
                bench.job = bench.work();
              },
          .call =
              [&bench, ops]() mutable {
                for (auto& job : ops)
                  for (drm_halyard_sync_op& op : job)
                    op.handle = bench.syncobj;
                return bench.submit(bench.job, ops);
              },
          .finish =
              [&] {
                require(bench.client.queue_destroy(bench.other_queue), "QUEUE_DESTROY");
                drmSyncobjDestroy(bench.client.fd(), bench.syncobj);
                bench.run_job();
              }};
}

/// Jobs on objects that don't fit in the card's memory together: one has to leave it.
Trial submit_evicting(Bench& bench) {
  const std::uint64_t size = bench.card_memory() / 8 * 5 / kPage * kPage;
  return {.prepare =
              [&bench, size] {
                bench.handle = bench.client.make_bo(size);
                bench.id = bench.client.make_bo(size);
                const std::uint32_t done = bench.client.make_syncobj();
                // The second is the one that has its place there.
                for (const std::uint32_t handle : {bench.handle, bench.id}) {
                  require(bench.submit(bench.work(handle, size, 0),
                                       {{DRM_HALYARD_SYNC_SIGNAL, done, 0}}),
                          "SUBMIT");
                  require(bench.client.wait(done), "SYNCOBJ_WAIT");
                }
                drmSyncobjDestroy(bench.client.fd(), done);
                bench.job = bench.work(bench.handle, size, 0);
              },
          .call = [&] { return bench.submit(bench.job, std::vector<drm_halyard_sync_op>{}); },
          .finish =
              [&] {
                bench.run_job();
                bench.client.close_bo(bench.handle);
                bench.client.close_bo(bench.id);
              },
          .errors = {ENOMEM, EFAULT, ENOSPC}};
}

/// With a job's fence in a syncobj.
Trial on_fence(Bench& bench, std::function<int()> call) {
  return {.prepare =
              [&] {
                bench.syncobj = bench.client.make_syncobj();
                bench.id = bench.client.make_syncobj();
                require(bench.submit(bench.work(), {{DRM_HALYARD_SYNC_SIGNAL, bench.syncobj, 0}}),
                        "SUBMIT");
              },
          .call = std::move(call),
          .finish =
              [&] {
                if (bench.fd >= 0) close(std::exchange(bench.fd, -1));
                bench.run_job();
                drmSyncobjDestroy(bench.client.fd(), bench.syncobj);
                drmSyncobjDestroy(bench.client.fd(), bench.id);
              }};
}

Trial syncobj_wait(Bench& bench) {
  return on_fence(bench, [&bench] {
    drm_syncobj_wait argument{};
    argument.handles = reinterpret_cast<std::uint64_t>(&bench.syncobj);
    argument.timeout_nsec = deadline(20000);
    argument.count_handles = 1;
    return call_once(bench.client, DRM_IOCTL_SYNCOBJ_WAIT, argument);
  });
}

Trial syncobj_export(Bench& bench) {
  Trial trial = on_fence(bench, [&bench] {
    drm_syncobj_handle argument{};
    argument.handle = bench.syncobj;
    argument.flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE;
    const int error = call_once(bench.client, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, argument);
    if (error == 0) bench.fd = argument.fd;
    return error;
  });
  // What the DRM core says when it can't make a sync file.
  trial.errors.push_back(EINVAL);
  return trial;
}

Trial syncobj_transfer(Bench& bench) {
  return on_fence(bench, [&bench] {
    drm_syncobj_transfer argument{};
    argument.src_handle = bench.syncobj;
    argument.dst_handle = bench.id;
    argument.dst_point = 1;
    return call_once(bench.client, DRM_IOCTL_SYNCOBJ_TRANSFER, argument);
  });
}

Trial dmabuf_sync_file(Bench& bench) {
  // The DRM core keeps the dma-buf with the object: it is there before the first attempt.
  static_cast<void>(export_buffer(bench.client, bench.data.handle));
  Trial trial = on_fence(bench, [&bench] {
    dma_buf_export_sync_file argument{};
    argument.flags = DMA_BUF_SYNC_RW;
    argument.fd = -1;
    if (ioctl(bench.fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &argument) != 0) return errno;
    close(argument.fd);
    return 0;
  });
  trial.prepare = [&bench, make = trial.prepare] {
    make();
    bench.fd = fcntl(export_buffer(bench.client, bench.data.handle).get(), F_DUPFD_CLOEXEC, 0);
  };
  return trial;
}

// ---- shared memory ----

Trial prime_export(Bench& bench) {
  Trial trial = on_bo(bench, [&bench] {
    drm_prime_handle argument{};
    argument.handle = bench.handle;
    argument.flags = DRM_CLOEXEC | DRM_RDWR;
    const int error = call_once(bench.client, DRM_IOCTL_PRIME_HANDLE_TO_FD, argument);
    if (error == 0) bench.fd = argument.fd;
    return error;
  });
  trial.finish = [&bench, end = trial.finish] {
    if (bench.fd >= 0) close(std::exchange(bench.fd, -1));
    end();
  };
  trial.keeps = true;
  return trial;
}

/// Imports the dma-buf that bench.fd is.
int import_fd(Bench& bench) {
  drm_prime_handle argument{};
  argument.fd = bench.fd;
  const int error = call_once(bench.client, DRM_IOCTL_PRIME_FD_TO_HANDLE, argument);
  bench.handle = argument.handle;
  return error;
}

Trial import_of(Bench& bench, std::function<int()> make) {
  return {.prepare = [&bench, make = std::move(make)] { bench.fd = make(); },
          .call = [&] { return import_fd(bench); },
          .finish =
              [&] {
                if (bench.handle != 0) bench.client.close_bo(std::exchange(bench.handle, 0));
                close(std::exchange(bench.fd, -1));
              }};
}

Trial import_own(Bench& bench) {
  return import_of(bench, [] {
    const Client other;
    return fcntl(export_buffer(other, other.make_bo(4 * kPage)).get(), F_DUPFD_CLOEXEC, 0);
  });
}

/// One page, which is in one piece for chips that need that.
Trial import_foreign(Bench& bench) {
  return import_of(bench, [] {
    const ForeignBuffer foreign(kPage);
    return fcntl(foreign.dmabuf.get(), F_DUPFD_CLOEXEC, 0);
  });
}

/// The device uses another driver's memory.
Trial use_foreign(Bench& bench) {
  Trial trial = import_foreign(bench);
  const std::uint64_t va = bench.has_mmu() ? bench.client.reserve(kPage) : 0;
  trial.prepare = [&bench, make = trial.prepare] {
    make();
    require(import_fd(bench), "PRIME_FD_TO_HANDLE");
  };
  trial.call = [&bench, va] {
    const drm_halyard_bind_op op = map_op(bench.handle, va, kPage);
    drm_halyard_vm_bind argument{};
    argument.vm_id = bench.client.vm();
    argument.ops = array_of(std::span(&op, 1));
    return call_once(bench.client, DRM_IOCTL_HALYARD_VM_BIND, argument);
  };
  trial.finish = [&bench, va, end = trial.finish] {
    static_cast<void>(bench.client.unmap(bench.client.vm(), va, kPage));
    end();
  };
  return trial;
}

Trial dmabuf_mmap(Bench& bench) {
  Trial trial = prime_export(bench);
  trial.prepare = [&bench, make = trial.prepare] {
    make();
    bench.fd = fcntl(export_buffer(bench.client, bench.handle).get(), F_DUPFD_CLOEXEC, 0);
  };
  trial.call = [&bench] {
    void* map = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, bench.fd, 0);
    if (map == MAP_FAILED) return errno;
    munmap(map, kPage);
    return 0;
  };
  trial.errors = {ENOMEM, EAGAIN};
  return trial;
}

// ---- all ----

drm_halyard_sync_op wait_op(std::uint64_t point = 0) {
  return {
      .flags = point != 0 ? DRM_HALYARD_SYNC_TIMELINE : 0U, .handle = 1, .timeline_value = point};
}

drm_halyard_sync_op signal_op(std::uint64_t point = 0) {
  drm_halyard_sync_op op = wait_op(point);
  op.flags |= DRM_HALYARD_SYNC_SIGNAL;
  return op;
}

struct Case {
  std::string name;
  std::function<Trial(Bench&)> make;
  /// What the chip must have, else the call is refused whatever happens.
  std::function<bool(const Bench&)> supported = [](const Bench&) { return true; };
};

/// For GoogleTest.
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

bool has_mmu(const Bench& bench) {
  return bench.has_mmu();
}

bool has_pages(const Bench& bench) {
  // Contiguous memory only: neither an MMU nor memory of its own.
  return bench.has_mmu() || bench.card_memory() != 0;
}

std::vector<Case> cases() {
  constexpr std::uint64_t kBase = 4 * kLargePage;
  std::vector<Case> all = {
      {"Open", open_device},
      {"Close", close_device},
      {"QueryDevice", [](Bench& b) { return query(b, DRM_HALYARD_QUERY_DEVICE); }},
      {"QueryEngines", [](Bench& b) { return query(b, DRM_HALYARD_QUERY_ENGINES); }},
      {"QueryMemory", [](Bench& b) { return query(b, DRM_HALYARD_QUERY_MEMORY); }},
      {"QueryLimits", [](Bench& b) { return query(b, DRM_HALYARD_QUERY_LIMITS); }},
      {"QueryFirmware", [](Bench& b) { return query(b, DRM_HALYARD_QUERY_FIRMWARE); }},
      {"QueryChip", [](Bench& b) { return query(b, DRM_HALYARD_QUERY_CHIP); }},
      {"BoCreate", [](Bench& b) { return bo_create(b, 0); }},
      {"BoCreateInHostMemory", [](Bench& b) { return bo_create(b, b.regions() - 1); }},
      {"BoMmapOffset", bo_mmap_offset},
      {"BoMmap", bo_mmap},
      {"BoFault", bo_fault},
      {"BoInfo", bo_info},
      {"BoFromUserptr", [](Bench& b) { return bo_userptr(b, 0); }, has_pages},
      {"BoFromUserptrReadonly",
       [](Bench& b) { return bo_userptr(b, DRM_HALYARD_USERPTR_READONLY); }, has_pages},
      {"GemClose", gem_close},
      {"VmCreate", vm_create},
      {"VmDestroy", vm_destroy},
      {"VmBindMap", [](Bench& b) { return vm_bind(b, {}, {map_op(0, kBase, kPage)}); }, has_mmu},
      {"VmBindMapLarge",
       [](Bench& b) { return vm_bind(b, {}, {map_op(0, kBase, 2 * kLargePage)}, 2 * kLargePage); },
       has_mmu},
      {"VmBindUnmap",
       [](Bench& b) { return vm_bind(b, {map_op(0, kBase, kPage)}, {unmap_op(kBase, kPage)}); },
       has_mmu},
      {"VmBindSplit",
       [](Bench& b) {
         return vm_bind(b, {map_op(0, kBase, 2 * kLargePage)},
                        {unmap_op(kBase + kPage, kLargePage)}, 2 * kLargePage);
       },
       has_mmu},
      {"QueueCreate", [](Bench& b) { return queue_create(b, 0); }},
      {"QueueCreateOfLastClass", [](Bench& b) { return queue_create(b, b.classes() - 1); }},
      {"QueueDestroy", queue_destroy},
      {"QueueQuery", queue_query},
      {"Submit", [](Bench& b) { return submit(b, {{}}); }},
      {"SubmitBinarySyncs",
       [](Bench& b) {
         return submit(b, {{wait_op(), signal_op()}});
       }},
      {"SubmitTimeline",
       [](Bench& b) {
         return submit(b, {{wait_op(), signal_op(5)}});
       }},
      {"SubmitTwoJobs",
       [](Bench& b) {
         return submit(b, {{signal_op(7)}, {wait_op(7)}});
       }},
      {"SubmitEvicting", submit_evicting, [](const Bench& b) { return b.card_memory() != 0; }},
      {"SyncobjWait", syncobj_wait},
      {"SyncobjExport", syncobj_export},
      {"SyncobjTransfer", syncobj_transfer},
      {"PrimeExport", prime_export},
      {"PrimeImportOwn", import_own},
      {"PrimeImportForeign", import_foreign},
      {"UseForeign", use_foreign, has_mmu},
      {"DmabufMmap", dmabuf_mmap},
      {"DmabufExportSyncFile", dmabuf_sync_file},
  };
  for (const char* name : {"bos", "vms", "queues", "limits", "memory"})
    all.push_back({std::string("Debugfs_") + name,
                   [name](Bench& /*bench*/) { return read_text(debugfs_folder() + "/" + name); }});
  all.push_back({"Debugfs_registers",
                 [](Bench& /*bench*/) { return read_awake(debugfs_folder() + "/registers"); }});
  all.push_back({"Fdinfo", [](Bench& bench) {
                   return read_text("/proc/self/fdinfo/" + std::to_string(bench.client.fd()));
                 }});
  return all;
}

class AllocationFailure : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() {
    if (can_fail_allocations()) prepare_failures();
  }
  void SetUp() override {
    if (!can_fail_allocations()) GTEST_SKIP() << "this kernel can't let allocations fail";
  }

  /// One round, with allocation number `n` failing. False when there is none of that number.
  static bool attempt(Bench& bench, const Trial& trial, unsigned n) {
    const std::string before = fuzz::device_objects();
    trial.prepare();
    bench.remember();
    const std::string prepared = fuzz::device_objects();
    const auto [failed, error] = with_failure(n, trial.call);
    std::string now;
    if (error != 0) {
      EXPECT_TRUE(failed) << "error " << error << " though nothing failed";
      const bool known = std::ranges::find(trial.errors, error) != trial.errors.end();
      EXPECT_TRUE(known) << "error " << error << " when allocation " << n << " failed";
    }
    if (error == EFAULT) {
      // Maybe done, and only the result could not be told: then it is undone below.
      bench.release_unknown();
    } else if (error != 0 && !trial.keeps) {
      EXPECT_TRUE(fuzz::wait_for_objects(prepared, now))
          << "allocation " << n << " failed; before the call there were\n"
          << prepared << "after it\n"
          << now;
    }
    trial.finish();
    EXPECT_TRUE(fuzz::wait_for_objects(before, now))
        << "allocation " << n << " failed; at first there were\n"
        << before << "in the end\n"
        << now;
    return failed;
  }
};

TEST_P(AllocationFailure, ChangesNothing) {
  Bench bench;
  if (!GetParam().supported(bench)) {
    GTEST_SKIP() << "this chip does not have it";
  }
  const Trial trial = GetParam().make(bench);
  fuzz::settle();
  unsigned attempts = 0;
  unsigned n = 1;
  while (n < kMost && !HasFailure() && attempt(bench, trial, n)) {
    ++attempts;
    n += n < kEach ? 1 : n / 16;
  }
  EXPECT_LT(n, kMost) << "it never succeeds";
  RecordProperty("failures", std::to_string(attempts));
  std::cout << GetParam().name << ": " << attempts << " allocations failed\n";
}

INSTANTIATE_TEST_SUITE_P(Calls, AllocationFailure, testing::ValuesIn(cases()),
                         [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace halyard::test
