// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Makes the calls of a program.

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chip.hpp"
#include "client.hpp"
#include "program.hpp"

namespace halyard::fuzz {

/// The objects of one program, and the calls that use them. Calls may come from several threads;
/// what they find in the slots is then as it happens. Nothing here touches memory that a call of
/// the program's may have taken away: the kernel does that for us, and answers EFAULT.
class Runner {
 public:
  explicit Runner(const Chip& chip);

  /// Makes one call: 0 or an errno.
  int call(const Call& call);
  /// Closes and unmaps everything.
  void reset();

 private:
  struct Bo {
    std::uint32_t handle = 0;
    std::uint64_t size = 0;
    std::uint64_t va = 0;
    std::uint64_t map = 0;
    std::uint64_t map_size = 0;
  };
  struct Arguments;

  template <typename T>
  int structure(const Arguments& in, unsigned long request, T& argument,
                std::span<std::byte> array = {});
  template <typename T, std::size_t N>
  T get(const std::array<T, N>& slots, std::uint64_t value);
  template <typename T, std::size_t N>
  T put(std::array<T, N>& slots, std::uint64_t value, T object);
  int fd_of(const Arguments& in);
  int file_of(std::uint64_t value);
  void put_file(std::uint64_t slot, int fd);
  [[nodiscard]] std::uint64_t address_of(std::uint64_t value) const;
  std::uint64_t map_bo(int fd, std::uint64_t slot);

  int open_device(Arguments& in);
  int close_device(Arguments& in);
  int duplicate(Arguments& in);
  int fork_child(Arguments& in);
  int dev_query(Arguments& in);
  int bo_create(Arguments& in);
  int bo_userptr(Arguments& in);
  int bo_info(Arguments& in);
  int bo_mmap(Arguments& in);
  int bo_touch(Arguments& in);
  int bo_munmap(Arguments& in);
  int gem_close(Arguments& in);
  int vm_create(Arguments& in);
  int vm_destroy(Arguments& in);
  int vm_map(Arguments& in);
  int vm_unmap(Arguments& in);
  int vm_bind(Arguments& in);
  int queue_create(Arguments& in);
  int queue_destroy(Arguments& in);
  int queue_query(Arguments& in);
  int submit(Arguments& in);
  int sync_create(Arguments& in);
  int sync_destroy(Arguments& in);
  int sync_wait(Arguments& in);
  int sync_export(Arguments& in);
  int sync_import(Arguments& in);
  int sync_signal(Arguments& in);
  int sync_reset(Arguments& in);
  int sync_transfer(Arguments& in);
  int sync_query(Arguments& in);
  int sync_eventfd(Arguments& in);
  int prime_export(Arguments& in);
  int prime_import(Arguments& in);
  int foreign(Arguments& in);
  int file_close(Arguments& in);
  int dmabuf_touch(Arguments& in);
  int dmabuf_sync(Arguments& in);
  int dmabuf_export_sync(Arguments& in);
  int dmabuf_import_sync(Arguments& in);
  int read_text(Arguments& in);
  int raw(Arguments& in);
  int inject_error(Arguments& in);
  int pause(Arguments& in);

  const Chip& chip_;
  std::uint64_t va_start_ = 0;
  std::uint64_t va_end_ = 0;
  std::array<std::uint64_t, 4> arenas_;  ///< memory of the process, as long as it runs
  std::vector<std::string> texts_;       ///< files of the device in debugfs that can be read

  std::mutex mutex_;  ///< protects all below
  std::array<int, kSlots> clients_{};
  std::array<Bo, kSlots> bos_{};
  std::array<std::uint32_t, kSlots> vms_{};
  std::array<std::uint32_t, kSlots> queues_{};
  std::array<std::uint32_t, kSlots> syncobjs_{};
  std::array<int, kSlots> files_{};
};

}  // namespace halyard::fuzz
