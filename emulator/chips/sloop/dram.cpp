// SPDX-License-Identifier: MIT
#include "chips/sloop/dram.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace halyard::emu::sloop {

namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

Dram::Dram(std::uint64_t size) : fd_(::memfd_create("halyard-card-memory", MFD_CLOEXEC)) {
  if (fd_ < 0) fail("memfd_create");
  void* memory = MAP_FAILED;
  if (::ftruncate(fd_, static_cast<off_t>(size)) == 0)
    memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd_, 0);
  if (memory == MAP_FAILED) {
    const int error = errno;
    ::close(fd_);
    errno = error;
    fail("card memory");
  }
  bytes_ = {static_cast<std::byte*>(memory), size};
}

Dram::~Dram() {
  ::munmap(bytes_.data(), bytes_.size());
  ::close(fd_);
}

void Dram::clear() {
  if (::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0,
                  static_cast<off_t>(bytes_.size())) != 0)
    fail("clearing card memory");
}

}  // namespace halyard::emu::sloop
