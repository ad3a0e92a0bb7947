// SPDX-License-Identifier: MIT
#include "runner.hpp"

#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/dma-heap.h>
#include <linux/udmabuf.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace halyard::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kArena = std::uint64_t{4} << 20U;
/// Nothing else is within reach of an arena: the device writes to what a program makes a buffer of.
constexpr std::uint64_t kArenaSpace = std::uint64_t{64} << 20U;
/// Larger objects would only take time; what is larger than any region is refused soon, so it
/// stays.
constexpr std::uint64_t kLargest = std::uint64_t{8} << 20U;
constexpr std::uint64_t kRefused = std::uint64_t{1} << 40U;

/// As <drm/drm.h> has it since Linux 6.6; the one of this host may be older.
struct SyncobjEventfd {
  std::uint32_t handle;
  std::uint32_t flags;
  std::uint64_t point;
  std::int32_t fd;
  std::uint32_t pad;
};
constexpr unsigned long kSyncobjEventfd = DRM_IOWR(0xcf, SyncobjEventfd);

/// Where a call that takes a pointer gets its bytes from.
std::uint64_t pointer(const void* object) {
  return reinterpret_cast<std::uint64_t>(object);
}

/// The errno of a system call's result.
int error_of(long result) {
  return result < 0 ? errno : 0;
}

std::uint64_t bounded(std::uint64_t size) {
  return size > kLargest && size < kRefused ? size % kLargest : size;
}

/// A file for each thread to read memory into, and from.
int scratch() {
  static thread_local const test::File file(memfd_create("scratch", MFD_CLOEXEC));
  return file.get();
}

int peek_memory(std::uint64_t address) {
  return error_of(pwrite(scratch(), reinterpret_cast<const void*>(address), 8, 0));
}

int poke_memory(std::uint64_t address, std::span<const std::byte> bytes) {
  if (pwrite(scratch(), bytes.data(), bytes.size(), 0) < 0) return errno;
  return error_of(pread(scratch(), reinterpret_cast<void*>(address), bytes.size(), 0));
}

int make_udmabuf(std::uint64_t size) {
  const test::File memory(memfd_create("foreign", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  const test::File driver(open("/dev/udmabuf", O_RDWR | O_CLOEXEC));
  if (ftruncate(memory.get(), static_cast<off_t>(size)) != 0) return -1;
  if (fcntl(memory.get(), F_ADD_SEALS, F_SEAL_SHRINK) != 0) return -1;
  udmabuf_create create{};
  create.memfd = static_cast<std::uint32_t>(memory.get());
  create.flags = UDMABUF_FLAGS_CLOEXEC;
  create.size = size;
  return ioctl(driver.get(), UDMABUF_CREATE, &create);
}

int make_heap_buffer(std::uint64_t size) {
  const test::File heap(open("/dev/dma_heap/system", O_RDWR | O_CLOEXEC));
  dma_heap_allocation_data data{};
  data.len = size;
  data.fd_flags = O_RDWR | O_CLOEXEC;
  return ioctl(heap.get(), DMA_HEAP_IOCTL_ALLOC, &data) < 0 ? -1 : static_cast<int>(data.fd);
}

/// Calls of the DRM core that end at once, beside all numbers that the driver may have.
unsigned long raw_request(std::uint64_t number, unsigned size) {
  constexpr std::array<unsigned, 11> kCore = {0x00, 0x01, 0x02, 0x05, 0x06, 0x07,
                                              0x0a, 0x0b, 0x0c, 0x0d, 0xa0};
  constexpr unsigned kOwn = 16;
  const auto which = static_cast<unsigned>(number % (kOwn + kCore.size()));
  const unsigned command = which < kOwn ? DRM_COMMAND_BASE + which : kCore.at(which - kOwn);
  return _IOC(_IOC_READ | _IOC_WRITE, DRM_IOCTL_BASE, command, size);
}

drm_halyard_sync_op sync_op(std::uint32_t handle, std::uint64_t value, bool signal) {
  drm_halyard_sync_op op{};
  op.handle = handle;
  op.timeline_value = value >> 8U;
  if (signal) op.flags |= DRM_HALYARD_SYNC_SIGNAL;
  if (op.timeline_value != 0) op.flags |= DRM_HALYARD_SYNC_TIMELINE;
  return op;
}

std::vector<std::string> readable_files(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder + "/")) {
    const bool readable = (entry.status().permissions() & fs::perms::owner_read) != fs::perms::none;
    if (entry.is_regular_file() && readable) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

/// Where each arena is, in the middle of its space, of which the rest can't be used.
std::array<std::uint64_t, 4> make_arenas() {
  constexpr int kNothing = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  const test::File file(memfd_create("arena", MFD_CLOEXEC));
  test::require(error_of(ftruncate(file.get(), kArena)), "ftruncate");
  std::array<std::uint64_t, 4> arenas{};
  for (std::size_t i = 0; i < arenas.size(); ++i) {
    void* space = mmap(nullptr, kArenaSpace, PROT_NONE, kNothing, -1, 0);
    test::require(space == MAP_FAILED ? errno : 0, "mmap");
    arenas.at(i) = pointer(space) + kArenaSpace / 2;
    const bool shared = i == 3;
    const int flags = MAP_FIXED | (shared ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS);
    void* arena =
        mmap(reinterpret_cast<void*>(arenas.at(i)), kArena,
             i == 1 ? PROT_READ : PROT_READ | PROT_WRITE, flags, shared ? file.get() : -1, 0);
    test::require(arena == MAP_FAILED ? errno : 0, "mmap");
  }
  // Every second 64 KiB can't be read.
  for (std::uint64_t at = 0; at < kArena; at += 32 * kPage)
    test::require(
        error_of(mprotect(reinterpret_cast<void*>(arenas[2] + at), 16 * kPage, PROT_NONE)),
        "mprotect");
  return arenas;
}

}  // namespace

/// The arguments of a call, taken one after the other.
struct Runner::Arguments {
  const Call& call;
  std::size_t index = 0;
  int fd = -1;

  std::uint64_t next() { return call.arguments.at(index++); }
  template <typename T = std::uint32_t>
  T as() {
    return static_cast<T>(next());
  }
  /// Those of a structure to overwrite: 1 + the word's number, or 0; and its new value. Not the
  /// pointer's low half where something writes to: it may meet memory of this program's.
  [[nodiscard]] std::pair<std::uint64_t, std::uint32_t> poke() const {
    const std::size_t count = grammar(call.op).parameters.size();
    const std::uint64_t at = call.arguments.at(count - 2);
    const std::uint64_t pointer_at = call.op == Op::dev_query ? 3 : 1;
    const bool pointed = call.op == Op::dev_query || call.op == Op::bo_userptr;
    return {pointed && at == pointer_at ? 0 : at,
            static_cast<std::uint32_t>(call.arguments.at(count - 1))};
  }
};

Runner::Runner(const Chip& chip) : chip_(chip), arenas_(make_arenas()) {
  const test::Client client;
  const drm_halyard_query_device device = client.device();
  va_start_ = device.va_start;
  va_end_ = device.va_end;
  texts_ = readable_files(test::debugfs_folder());
  clients_.fill(-1);
  files_.fill(-1);
}

void Runner::reset() {
  for (Bo& bo : bos_) {
    if (bo.map != 0) munmap(reinterpret_cast<void*>(bo.map), bo.map_size);
    bo = {};
  }
  for (int& fd : files_)
    close(std::exchange(fd, -1));
  for (int& fd : clients_)
    close(std::exchange(fd, -1));
  vms_ = {};
  queues_ = {};
  syncobjs_ = {};
}

// ---- slots ----

/// Of what is no slot, the handle is the number itself.
template <typename T, std::size_t N>
T Runner::get(const std::array<T, N>& slots, std::uint64_t value) {
  const std::scoped_lock guard(mutex_);
  if (value < N) return slots.at(value);
  if constexpr (std::is_same_v<T, Bo>) return {.handle = static_cast<std::uint32_t>(value - N)};
  return T{static_cast<std::uint32_t>(value - N)};
}

template <typename T, std::size_t N>
T Runner::put(std::array<T, N>& slots, std::uint64_t value, T object) {
  const std::scoped_lock guard(mutex_);
  return std::exchange(slots.at(value % N), object);
}

int Runner::fd_of(const Arguments& in) {
  const std::scoped_lock guard(mutex_);
  return clients_.at(in.call.arguments[0] % kSlots);
}

int Runner::file_of(std::uint64_t value) {
  const std::scoped_lock guard(mutex_);
  return value < kSlots ? files_.at(value) : -1;
}

void Runner::put_file(std::uint64_t slot, int fd) {
  if (fd >= 0) close(put(files_, slot, fd));
}

std::uint64_t Runner::address_of(std::uint64_t value) const {
  if ((value & kFromEnd) != 0) return va_end_ - (value & ~(kFromEnd | kRaw));
  if ((value & kRaw) != 0) return value & ~kRaw;
  return va_start_ + value;
}

/// An ioctl with a structure of which one word, or one of an array behind it, may be overwritten.
template <typename T>
int Runner::structure(const Arguments& in, unsigned long request, T& argument,
                      std::span<std::byte> array) {
  const auto [at, value] = in.poke();
  const auto bytes = std::as_writable_bytes(std::span(&argument, 1));
  const std::uint64_t offset = (at - 1) * sizeof(value);
  if (at != 0 && offset < bytes.size())
    std::memcpy(&bytes[offset], &value, sizeof(value));
  else if (at != 0 && offset - bytes.size() < array.size())
    std::memcpy(&array[offset - bytes.size()], &value, sizeof(value));
  return error_of(ioctl(in.fd, request, &argument));
}

// ---- files ----

int Runner::open_device(Arguments& in) {
  static const std::string node = test::device_node();
  const int fd = open(node.c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return errno;
  close(put(clients_, in.next(), fd));
  return 0;
}

int Runner::close_device(Arguments& in) {
  return error_of(close(put(clients_, in.next(), -1)));
}

int Runner::duplicate(Arguments& in) {
  in.next();
  const int fd = fcntl(in.fd, F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return errno;
  close(put(clients_, in.next(), fd));
  return 0;
}

/// A child has the files and the mappings, too, and leaves without a word.
int Runner::fork_child(Arguments& in) {
  in.next();
  const Bo bo = get(bos_, in.next());
  const int pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    drm_halyard_bo_info argument{};
    argument.handle = bo.handle;
    ioctl(in.fd, DRM_IOCTL_HALYARD_BO_INFO, &argument);
    if (bo.map != 0) peek_memory(bo.map);
    _exit(0);
  }
  return error_of(waitpid(pid, nullptr, 0));
}

/// Into an arena: the kernel clears as much as the caller says that there is.
int Runner::dev_query(Arguments& in) {
  in.next();
  drm_halyard_dev_query argument{};
  argument.type = in.as();
  argument.size = in.as() % 4096;
  argument.pointer = argument.size == 0 ? 0 : arenas_[0];
  return structure(in, DRM_IOCTL_HALYARD_DEV_QUERY, argument);
}

int Runner::read_text(Arguments& in) {
  in.next();
  const std::uint64_t which = in.next() % (texts_.size() + 1);
  const std::string path =
      which < texts_.size() ? texts_[which] : "/proc/self/fdinfo/" + std::to_string(in.fd);
  const test::File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 16384> text{};
  return error_of(read(file.get(), text.data(), text.size()));
}

int Runner::raw(Arguments& in) {
  std::array<std::byte, 512> memory{};
  in.next();
  const std::uint64_t number = in.next();
  const auto size = static_cast<unsigned>(in.next() * 8 % memory.size());
  Random random(in.next());
  if (!random.one_in(3)) mutate_bytes(memory, random);
  return error_of(ioctl(in.fd, raw_request(number, size), memory.data()));
}

int Runner::inject_error(Arguments& in) {
  const auto kinds = chip_.injections();
  const std::string& kind = kinds[in.next() % kinds.size()];
  const std::uint64_t skip = in.next() % 4;
  const std::string line =
      kind + " -1 " + std::to_string(skip) + " 1 " + std::to_string(in.next() % 32);
  const test::File file(open((test::debugfs_folder() + "/inject").c_str(), O_WRONLY | O_CLOEXEC));
  return error_of(write(file.get(), line.data(), line.size()));
}

int Runner::pause(Arguments& in) {
  return error_of(usleep(static_cast<useconds_t>(in.next() % 20 * 1000)));
}

// ---- memory ----

int Runner::bo_create(Arguments& in) {
  in.next();
  const std::uint64_t slot = in.next();
  drm_halyard_bo_create argument{};
  argument.size = bounded(in.next());
  argument.region = in.as();
  const int error = structure(in, DRM_IOCTL_HALYARD_BO_CREATE, argument);
  if (error != 0) return error;
  const Bo old = put(bos_, slot, Bo{.handle = argument.handle, .size = argument.size});
  if (old.map != 0) munmap(reinterpret_cast<void*>(old.map), old.map_size);
  return 0;
}

int Runner::bo_userptr(Arguments& in) {
  in.next();
  const std::uint64_t slot = in.next();
  const std::uint64_t arena = in.next();
  std::uint64_t offset = in.next();
  if (offset < kRefused) offset %= kArenaSpace / 4;
  drm_halyard_bo_from_userptr argument{};
  argument.address = offset + (arena < arenas_.size() ? arenas_.at(arena) : get(bos_, 0).map);
  argument.size = bounded(in.next());
  argument.flags = in.as();
  const int error = structure(in, DRM_IOCTL_HALYARD_BO_FROM_USERPTR, argument);
  if (error != 0) return error;
  const Bo old = put(bos_, slot, Bo{.handle = argument.handle, .size = argument.size});
  if (old.map != 0) munmap(reinterpret_cast<void*>(old.map), old.map_size);
  return 0;
}

int Runner::bo_info(Arguments& in) {
  in.next();
  drm_halyard_bo_info argument{};
  argument.handle = get(bos_, in.next()).handle;
  return structure(in, DRM_IOCTL_HALYARD_BO_INFO, argument);
}

int Runner::bo_mmap(Arguments& in) {
  in.next();
  const std::uint64_t slot = in.next();
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = get(bos_, slot).handle;
  const std::uint64_t offset = in.next();
  const std::uint64_t size = in.next() % (2 * kLargest);
  const int protection = in.as<int>() % 8 ^ (PROT_READ | PROT_WRITE);
  int error = structure(in, DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, argument);
  if (error != 0) return error;
  void* map =
      mmap(nullptr, size, protection, (protection & PROT_EXEC) != 0 ? MAP_PRIVATE : MAP_SHARED,
           in.fd, static_cast<off_t>(argument.offset + offset));
  if (map == MAP_FAILED) return errno;
  const std::scoped_lock guard(mutex_);
  Bo& bo = bos_.at(slot % kSlots);
  if (bo.map != 0) munmap(reinterpret_cast<void*>(bo.map), bo.map_size);
  bo.map = pointer(map);
  bo.map_size = size;
  return 0;
}

int Runner::bo_touch(Arguments& in) {
  const Bo bo = get(bos_, in.next());
  const std::uint64_t offset = in.next() / 8 * 8;
  if (bo.map == 0 || offset >= bo.map_size) return EINVAL;
  constexpr std::array<std::byte, 8> kBytes{};
  return in.next() % 2 == 0 ? peek_memory(bo.map + offset) : poke_memory(bo.map + offset, kBytes);
}

int Runner::bo_munmap(Arguments& in) {
  const std::uint64_t slot = in.next();
  const std::scoped_lock guard(mutex_);
  Bo& bo = bos_.at(slot % kSlots);
  if (bo.map == 0) return EINVAL;
  return error_of(munmap(reinterpret_cast<void*>(std::exchange(bo.map, 0)), bo.map_size));
}

int Runner::gem_close(Arguments& in) {
  in.next();
  drm_gem_close argument{};
  argument.handle = get(bos_, in.next()).handle;
  return structure(in, DRM_IOCTL_GEM_CLOSE, argument);
}

/// Where an object can be written to, in full; 0 when it can't.
std::uint64_t Runner::map_bo(int fd, std::uint64_t slot) {
  const Bo bo = get(bos_, slot);
  if (bo.map != 0 && bo.map_size >= bo.size) return bo.map;
  drm_halyard_bo_mmap_offset argument{};
  argument.handle = bo.handle;
  if (ioctl(fd, DRM_IOCTL_HALYARD_BO_MMAP_OFFSET, &argument) != 0) return 0;
  void* map = mmap(nullptr, bo.size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
                   static_cast<off_t>(argument.offset));
  if (map == MAP_FAILED) return 0;
  const std::scoped_lock guard(mutex_);
  Bo& now = bos_.at(slot % kSlots);
  if (now.map != 0) munmap(reinterpret_cast<void*>(now.map), now.map_size);
  now.map = pointer(map);
  now.map_size = bo.size;
  return now.map;
}

// ---- address spaces ----

int Runner::vm_create(Arguments& in) {
  in.next();
  drm_halyard_vm_create argument{};
  const std::uint64_t slot = in.next();
  const int error = structure(in, DRM_IOCTL_HALYARD_VM_CREATE, argument);
  if (error == 0) put(vms_, slot, argument.vm_id);
  return error;
}

int Runner::vm_destroy(Arguments& in) {
  in.next();
  drm_halyard_vm_destroy argument{};
  argument.vm_id = get(vms_, in.next());
  return structure(in, DRM_IOCTL_HALYARD_VM_DESTROY, argument);
}

int Runner::vm_map(Arguments& in) {
  in.next();
  drm_halyard_vm_bind argument{};
  argument.vm_id = get(vms_, in.next());
  const std::uint64_t slot = in.next();
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_MAP;
  op.handle = get(bos_, slot).handle;
  op.va = address_of(in.next());
  op.bo_offset = in.next();
  op.size = in.next();
  op.flags = in.as();
  argument.ops = test::array_of(std::span(&op, 1));
  const int error =
      structure(in, DRM_IOCTL_HALYARD_VM_BIND, argument, std::as_writable_bytes(std::span(&op, 1)));
  const std::scoped_lock guard(mutex_);
  if (error == 0) bos_.at(slot % kSlots).va = op.va;
  return error;
}

int Runner::vm_unmap(Arguments& in) {
  in.next();
  drm_halyard_vm_bind argument{};
  argument.vm_id = get(vms_, in.next());
  drm_halyard_bind_op op{};
  op.type = DRM_HALYARD_BIND_UNMAP;
  op.va = address_of(in.next());
  op.size = in.next();
  argument.ops = test::array_of(std::span(&op, 1));
  return structure(in, DRM_IOCTL_HALYARD_VM_BIND, argument,
                   std::as_writable_bytes(std::span(&op, 1)));
}

/// Several operations, one range behind the other; a bit of `types` for each says which it is.
int Runner::vm_bind(Arguments& in) {
  in.next();
  drm_halyard_vm_bind argument{};
  argument.vm_id = get(vms_, in.next());
  const std::uint32_t handle = get(bos_, in.next()).handle;
  const std::uint64_t va = address_of(in.next());
  const std::uint64_t size = in.next();
  std::vector<drm_halyard_bind_op> ops(in.next() % 20);
  const std::uint64_t types = in.next();
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const bool unmap = (types >> i & 1U) != 0;
    ops[i].type = unmap ? DRM_HALYARD_BIND_UNMAP : DRM_HALYARD_BIND_MAP;
    ops[i].handle = unmap ? 0 : handle;
    // Every second time the same place again.
    ops[i].va = va + i / 2 * size;
    ops[i].size = size;
  }
  argument.ops = test::array_of(ops);
  return structure(in, DRM_IOCTL_HALYARD_VM_BIND, argument, std::as_writable_bytes(std::span(ops)));
}

// ---- queues and jobs ----

int Runner::queue_create(Arguments& in) {
  in.next();
  drm_halyard_queue_create argument{};
  argument.vm_id = get(vms_, in.next());
  const std::uint64_t slot = in.next();
  argument.engine_class = in.as();
  argument.priority = in.as();
  const int error = structure(in, DRM_IOCTL_HALYARD_QUEUE_CREATE, argument);
  if (error == 0) put(queues_, slot, argument.queue_id);
  return error;
}

int Runner::queue_destroy(Arguments& in) {
  in.next();
  drm_halyard_queue_destroy argument{};
  argument.queue_id = get(queues_, in.next());
  return structure(in, DRM_IOCTL_HALYARD_QUEUE_DESTROY, argument);
}

int Runner::queue_query(Arguments& in) {
  in.next();
  drm_halyard_queue_query argument{};
  argument.queue_id = get(queues_, in.next());
  return structure(in, DRM_IOCTL_HALYARD_QUEUE_QUERY, argument);
}

/// One job, or two when there is another queue; the last one signals what the first does not await.
int Runner::submit(Arguments& in) {
  in.next();
  const std::uint64_t first = in.next();
  const std::uint64_t other = in.next();
  const auto kind = static_cast<unsigned>(in.next() % chip_.kinds());
  Random random(in.next());
  const std::uint64_t stream_slot = in.next();
  const Bo stream = get(bos_, stream_slot);
  const Bo data = get(bos_, in.next());
  const std::uint64_t mutation = in.next();
  const std::array<std::uint64_t, 2> sync_values = {in.next(), in.next()};

  Work work = chip_.make(kind, random, {stream.handle, stream.size, stream.va},
                         {data.handle, data.size, data.va});
  if ((mutation & 1U) != 0) mutate_bytes(work.payload, random);
  if ((mutation & 2U) != 0) mutate_bytes(work.stream, random);
  if (!work.stream.empty() && work.stream.size() <= stream.size) {
    const std::uint64_t map = map_bo(in.fd, stream_slot);
    if (map != 0) poke_memory(map, work.stream);
  }

  std::array<std::vector<drm_halyard_sync_op>, 2> syncs;
  std::vector<drm_halyard_job> jobs(first == other ? 1 : 2);
  for (std::size_t i = 0; i < 2; ++i)
    if (sync_values.at(i) % 256 != 0)
      syncs.at(i == 0 ? 0 : jobs.size() - 1)
          .push_back(
              sync_op(get(syncobjs_, sync_values.at(i) % 256 - 1), sync_values.at(i), i != 0));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].queue_id = get(queues_, i == 0 ? first : other);
    jobs[i].payload_size = static_cast<std::uint32_t>(work.payload.size());
    jobs[i].payload = pointer(work.payload.data());
    jobs[i].buffers = test::array_of(work.buffers);
    jobs[i].syncs = test::array_of(syncs.at(i));
  }
  drm_halyard_submit argument{};
  argument.jobs = test::array_of(jobs);
  return structure(in, DRM_IOCTL_HALYARD_SUBMIT, argument, std::as_writable_bytes(std::span(jobs)));
}

// ---- syncobjs ----

int Runner::sync_create(Arguments& in) {
  in.next();
  const std::uint64_t slot = in.next();
  drm_syncobj_create argument{};
  argument.flags = in.as();
  const int error = structure(in, DRM_IOCTL_SYNCOBJ_CREATE, argument);
  if (error == 0) put(syncobjs_, slot, argument.handle);
  return error;
}

int Runner::sync_destroy(Arguments& in) {
  in.next();
  drm_syncobj_destroy argument{};
  argument.handle = get(syncobjs_, in.next());
  return structure(in, DRM_IOCTL_SYNCOBJ_DESTROY, argument);
}

int Runner::sync_wait(Arguments& in) {
  in.next();
  const std::uint32_t handle = get(syncobjs_, in.next());
  const std::uint64_t point = in.next();
  const std::int64_t end = test::deadline(static_cast<unsigned>(in.next() % 20));
  const std::uint32_t flags = in.as();
  if (point == 0) {
    drm_syncobj_wait argument{};
    argument.handles = pointer(&handle);
    argument.timeout_nsec = end;
    argument.count_handles = 1;
    argument.flags = flags;
    return error_of(ioctl(in.fd, DRM_IOCTL_SYNCOBJ_WAIT, &argument));
  }
  drm_syncobj_timeline_wait argument{};
  argument.handles = pointer(&handle);
  argument.points = pointer(&point);
  argument.timeout_nsec = end;
  argument.count_handles = 1;
  argument.flags = flags;
  return error_of(ioctl(in.fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &argument));
}

int Runner::sync_export(Arguments& in) {
  in.next();
  drm_syncobj_handle argument{};
  argument.handle = get(syncobjs_, in.next());
  const std::uint64_t slot = in.next();
  argument.flags = in.as();
  argument.fd = -1;
  const int error = structure(in, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, argument);
  if (error == 0) put_file(slot, argument.fd);
  return error;
}

int Runner::sync_import(Arguments& in) {
  in.next();
  drm_syncobj_handle argument{};
  argument.fd = file_of(in.next());
  const std::uint64_t slot = in.next();
  argument.handle = get(syncobjs_, slot);
  argument.flags = in.as();
  const int error = structure(in, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, argument);
  if (error == 0) put(syncobjs_, slot, argument.handle);
  return error;
}

int Runner::sync_signal(Arguments& in) {
  in.next();
  const std::uint32_t handle = get(syncobjs_, in.next());
  const std::uint64_t point = in.next();
  drm_syncobj_timeline_array argument{};
  argument.handles = pointer(&handle);
  argument.points = pointer(&point);
  argument.count_handles = 1;
  return error_of(ioctl(in.fd, DRM_IOCTL_SYNCOBJ_TIMELINE_SIGNAL, &argument));
}

int Runner::sync_reset(Arguments& in) {
  in.next();
  const std::uint32_t handle = get(syncobjs_, in.next());
  drm_syncobj_array argument{};
  argument.handles = pointer(&handle);
  argument.count_handles = 1;
  return error_of(ioctl(in.fd, DRM_IOCTL_SYNCOBJ_RESET, &argument));
}

int Runner::sync_transfer(Arguments& in) {
  in.next();
  drm_syncobj_transfer argument{};
  argument.src_handle = get(syncobjs_, in.next());
  argument.dst_handle = get(syncobjs_, in.next());
  argument.src_point = in.next();
  argument.dst_point = in.next();
  return structure(in, DRM_IOCTL_SYNCOBJ_TRANSFER, argument);
}

int Runner::sync_query(Arguments& in) {
  in.next();
  const std::uint32_t handle = get(syncobjs_, in.next());
  std::uint64_t point = 0;
  drm_syncobj_timeline_array argument{};
  argument.handles = pointer(&handle);
  argument.points = pointer(&point);
  argument.count_handles = 1;
  argument.flags = in.as();
  return error_of(ioctl(in.fd, DRM_IOCTL_SYNCOBJ_QUERY, &argument));
}

int Runner::sync_eventfd(Arguments& in) {
  in.next();
  const test::File event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  SyncobjEventfd argument{};
  argument.handle = get(syncobjs_, in.next());
  argument.point = in.next();
  argument.flags = in.as();
  argument.fd = event.get();
  return structure(in, kSyncobjEventfd, argument);
}

// ---- shared memory ----

int Runner::prime_export(Arguments& in) {
  in.next();
  drm_prime_handle argument{};
  argument.handle = get(bos_, in.next()).handle;
  const std::uint64_t slot = in.next();
  argument.flags = DRM_CLOEXEC | (in.next() % 2 == 0 ? DRM_RDWR : 0);
  argument.fd = -1;
  const int error = structure(in, DRM_IOCTL_PRIME_HANDLE_TO_FD, argument);
  if (error == 0) put_file(slot, argument.fd);
  return error;
}

int Runner::prime_import(Arguments& in) {
  in.next();
  drm_prime_handle argument{};
  argument.fd = file_of(in.next());
  const std::uint64_t slot = in.next();
  const int error = structure(in, DRM_IOCTL_PRIME_FD_TO_HANDLE, argument);
  if (error != 0) return error;
  const off_t size = lseek(argument.fd, 0, SEEK_END);
  const Bo bo{.handle = argument.handle, .size = size < 0 ? 0 : static_cast<std::uint64_t>(size)};
  const Bo old = put(bos_, slot, bo);
  if (old.map != 0) munmap(reinterpret_cast<void*>(old.map), old.map_size);
  return 0;
}

int Runner::foreign(Arguments& in) {
  const std::uint64_t slot = in.next();
  const std::uint64_t kind = in.next() % 3;
  const std::uint64_t size = bounded(in.next());
  const int fd = kind == 0   ? make_udmabuf(size)
                 : kind == 1 ? make_heap_buffer(size % (2 * kLargest))
                             : memfd_create("no dma-buf", MFD_CLOEXEC);
  if (fd < 0) return errno;
  put_file(slot, fd);
  return 0;
}

int Runner::file_close(Arguments& in) {
  return error_of(close(put(files_, in.next(), -1)));
}

int Runner::dmabuf_touch(Arguments& in) {
  const int fd = file_of(in.next());
  const auto offset = static_cast<off_t>(in.next() % kLargest / kPage * kPage);
  void* map = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, offset);
  if (map == MAP_FAILED) return errno;
  constexpr std::array<std::byte, 8> kBytes{};
  int error = poke_memory(pointer(map), kBytes);
  if (error == 0) error = peek_memory(pointer(map));
  munmap(map, kPage);
  return error;
}

int Runner::dmabuf_sync(Arguments& in) {
  const int fd = file_of(in.next());
  dma_buf_sync argument{};
  argument.flags = in.next();
  return error_of(ioctl(fd, DMA_BUF_IOCTL_SYNC, &argument));
}

int Runner::dmabuf_export_sync(Arguments& in) {
  const int fd = file_of(in.next());
  const std::uint64_t slot = in.next();
  dma_buf_export_sync_file argument{};
  argument.flags = in.as();
  argument.fd = -1;
  if (ioctl(fd, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &argument) != 0) return errno;
  put_file(slot, argument.fd);
  return 0;
}

int Runner::dmabuf_import_sync(Arguments& in) {
  const int fd = file_of(in.next());
  dma_buf_import_sync_file argument{};
  argument.fd = file_of(in.next());
  argument.flags = in.as();
  return error_of(ioctl(fd, DMA_BUF_IOCTL_IMPORT_SYNC_FILE, &argument));
}

// ---- all ----

int Runner::call(const Call& call) {
  using Member = int (Runner::*)(Arguments&);
  // In the order of Op.
  static constexpr std::array<Member, static_cast<std::size_t>(Op::count)> kMembers = {
      &Runner::open_device,
      &Runner::close_device,
      &Runner::duplicate,
      &Runner::fork_child,
      &Runner::dev_query,
      &Runner::bo_create,
      &Runner::bo_userptr,
      &Runner::bo_info,
      &Runner::bo_mmap,
      &Runner::bo_touch,
      &Runner::bo_munmap,
      &Runner::gem_close,
      &Runner::vm_create,
      &Runner::vm_destroy,
      &Runner::vm_map,
      &Runner::vm_unmap,
      &Runner::vm_bind,
      &Runner::queue_create,
      &Runner::queue_destroy,
      &Runner::queue_query,
      &Runner::submit,
      &Runner::sync_create,
      &Runner::sync_destroy,
      &Runner::sync_wait,
      &Runner::sync_export,
      &Runner::sync_import,
      &Runner::sync_signal,
      &Runner::sync_reset,
      &Runner::sync_transfer,
      &Runner::sync_query,
      &Runner::sync_eventfd,
      &Runner::prime_export,
      &Runner::prime_import,
      &Runner::foreign,
      &Runner::file_close,
      &Runner::dmabuf_touch,
      &Runner::dmabuf_sync,
      &Runner::dmabuf_export_sync,
      &Runner::dmabuf_import_sync,
      &Runner::read_text,
      &Runner::raw,
      &Runner::inject_error,
      &Runner::pause,
  };
  Arguments in{.call = call};
  const std::vector<Parameter>& parameters = grammar(call.op).parameters;
  if (!parameters.empty() && parameters.front().kind == Kind::client) in.fd = fd_of(in);
  return (this->*kMembers.at(static_cast<std::size_t>(call.op)))(in);
}

}  // namespace halyard::fuzz
