// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

namespace halyard::emu::test {

Machine::Machine(const ChipOptions& options) {
  card = std::make_unique<dory::Card>(options, judge, trace, dory::CardTiming{.reset = 1us});
  card->attach(host);
  eventually([&] { return read(DORY_STATUS) == 0; });
}

bool Machine::reset() {
  write(DORY_CTRL, DORY_CTRL_RESET);
  return eventually([&] { return read(DORY_STATUS) == 0; });
}

void Machine::inject(std::uint32_t kind, std::uint32_t arg, std::uint32_t count,
                     std::uint32_t skip) {
  write(DORY_INJECT_KIND, kind);
  write(DORY_INJECT_SKIP, skip);
  write(DORY_INJECT_COUNT, count);
  write(DORY_INJECT_ARG, arg);
  write(DORY_INJECT_ARM, 1);
}

std::uint32_t Machine::allocate(std::uint32_t bytes) {
  const std::uint32_t address = next_address_;
  next_address_ += (bytes + 2 * DORY_ALIGN - 1) / DORY_ALIGN * DORY_ALIGN;
  return address;
}

void Machine::set_region(unsigned region, std::uint32_t base, std::uint32_t limit, bool writable) {
  write(DORY_REGION(region) + DORY_REGION_BASE, base);
  write(DORY_REGION(region) + DORY_REGION_LIMIT, limit);
  write(DORY_REGION(region) + DORY_REGION_FLAGS, writable ? DORY_REGION_FLAGS_WRITE : 0);
}

std::uint32_t Machine::prepare(const Stream& stream) {
  const auto size = static_cast<std::uint32_t>(stream.bytes().size());
  stream_address = allocate(size);
  std::ranges::copy(stream.bytes(), host.at(stream_address));
  write(DORY_STREAM, stream_address);
  write(DORY_STREAM_SIZE, size);
  write(DORY_JOB, next_job_);
  return next_job_++;
}

std::uint32_t Machine::start(const Stream& stream) {
  const std::uint32_t job = prepare(stream);
  write(DORY_RUN, 1);
  return job;
}

bool Machine::wait_idle() {
  return eventually([&] { return (read(DORY_STATUS) & DORY_STATUS_BUSY) == 0; });
}

std::uint32_t Machine::run(const Stream& stream) {
  start(stream);
  EXPECT_TRUE(wait_idle());
  return read(DORY_ERROR_CAUSE);
}

CardTest::CardTest() {
  machine_.set_region(0, in_, kSize, false);
  machine_.set_region(1, out_, kSize, true);
}

std::uint32_t CardTest::out_word(std::uint32_t offset) {
  std::uint32_t value = 0;
  std::memcpy(&value, machine_.host.at(out_ + offset), sizeof(value));
  return value;
}

Stream fill_job(std::uint32_t value, std::uint32_t offset) {
  Stream stream;
  return stream.fill(dense(1, DRM_HALYARD_DORY_I32, {1}, offset), value).end();
}

}  // namespace halyard::emu::test
