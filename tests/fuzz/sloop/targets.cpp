// SPDX-License-Identifier: MIT
#include "targets.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "chips/sloop/firmware/builder.hpp"
#include "chips/tensor/cost.hpp"
#include "samples.hpp"
#include "segment_memory.hpp"

namespace halyard::emu::test {

namespace {

/// More would only cost time.
constexpr std::size_t kMaxTasks = 8;
constexpr std::uint64_t kMaxCycles = 1 << 20;

std::string read_file(const std::string& name) {
  std::ifstream file(HALYARD_SLOOP_FIRMWARE_FOLDER "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

const sloop::SigningKey& key() {
  static const sloop::SigningKey one(read_file("test-key.pem"));
  return one;
}

const std::vector<std::byte>& good_image() {
  static const auto image =
      sloop::build_image(sloop::parse_description(read_file("firmware.json")), key());
  return image;
}

bool is_cheap(const Task& raw) {
  const drm_halyard_sloop_binding binding{.address = at(1), .size = SegmentMemory::kPiece};
  sloop::Task task;
  Fault fault;
  return !sloop::decode_task(raw, std::span(&binding, 1), task, fault) ||
         tensor::command_cycles(sloop::kCostModel, task.work) < kMaxCycles;
}

std::uint32_t below(std::minstd_rand& random, std::size_t limit) {
  return static_cast<std::uint32_t>(random() % limit);
}

void flip_some(std::minstd_rand& random, std::span<std::uint8_t> bytes) {
  constexpr std::uint8_t kOdd[] = {0, 1, 2, 7, 0x7f, 0x80, 0xfe, 0xff};
  for (std::uint32_t n = 1 + below(random, 4); n > 0; --n) {
    std::uint8_t& byte = bytes[below(random, bytes.size())];
    byte = random() % 2 == 0 ? static_cast<std::uint8_t>(byte ^ 1U << random() % 8)
                             : kOdd[random() % std::size(kOdd)];
  }
}

}  // namespace

void fuzz_tasks(std::span<const std::uint8_t> bytes) {
  std::vector<Task> tasks(std::min(bytes.size() / sizeof(Task), kMaxTasks));
  if (tasks.empty()) return;
  std::memcpy(tasks.data(), bytes.data(), tasks.size() * sizeof(Task));
  if (!std::ranges::all_of(tasks, is_cheap)) return;
  static SegmentMemory memory;
  run_stream(memory, tasks);
  if (!memory.intact()) throw std::logic_error("a job wrote what it may not write");
}

void fuzz_firmware(std::span<const std::uint8_t> bytes) {
  sloop::Firmware firmware;
  const auto image = std::as_bytes(bytes);
  const auto status = sloop::verify_image(image, SLP_PROTOCOL, sloop::boot_rom(), firmware);
  if (status >= SLP_NUM_BOOT_STATUS) throw std::logic_error("an unknown status");
  // Whatever is accepted has been signed: by us, or it is the good image.
  if (status == SLP_BOOT_OK && !std::ranges::equal(image, good_image())) {
    slp_firmware_header header;
    std::memcpy(&header, image.data(), sizeof(header));
    const auto sealed = sloop::seal_image(header, image.subspan(sizeof(header)), key());
    if (!std::ranges::equal(image, sealed)) throw std::logic_error("an unsigned image accepted");
  }
}

std::vector<std::uint8_t> mutated_tasks(std::minstd_rand& random) {
  std::vector<std::uint8_t> bytes((1 + below(random, 3)) * sizeof(Task));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(Task)) {
    const Sample& sample = samples().at(below(random, samples().size()));
    std::memcpy(bytes.data() + at, &sample.task, sizeof(Task));
  }
  flip_some(random, bytes);
  return bytes;
}

std::vector<std::uint8_t> mutated_firmware(std::minstd_rand& random) {
  std::vector<std::byte> image = good_image();
  const auto raw = [&] {
    return std::span(reinterpret_cast<std::uint8_t*>(image.data()), image.size());
  };
  flip_some(random, raw());
  if (random() % 2 == 0) {
    slp_firmware_header header;
    std::memcpy(&header, image.data(), sizeof(header));
    image = sloop::seal_image(header, std::span(image).subspan(sizeof(header)), key());
  }
  if (random() % 4 == 0) image.resize(below(random, image.size() + 64));
  return {raw().begin(), raw().end()};
}

}  // namespace halyard::emu::test
