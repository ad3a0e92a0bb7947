// SPDX-License-Identifier: MIT
#include "targets.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <halyard/halyard.hpp>
#include <numeric>
#include <stdexcept>
#include <string>

#include "digest.hpp"

namespace halyard::test {

namespace {

constexpr std::size_t kPrefix = 2;
/// Where a file has its size: behind magic, format version and plug-in ABI.
constexpr std::size_t kSizeAt = 16;

/// A device, and valid files for it.
struct Subject {
  Device device;
  std::vector<std::vector<std::byte>> files;
};

Graph sum_graph() {
  std::vector<float> values(16);
  std::iota(values.begin(), values.end(), 0.0F);
  Graph graph;
  const auto x = graph.input("x", {16});
  const auto sum = graph.add(x, graph.constant(std::span<const float>(values), {16}, f32));
  graph.set_name(sum, "the sum");
  graph.output("y", graph.relu(sum));
  return graph;
}

Graph product_graph() {
  Graph graph;
  const auto a = graph.input("a", {3, 5}), b = graph.input("b", {5, 4});
  graph.output("y", graph.softmax(graph.matmul(a, b)));
  return graph;
}

std::vector<Subject> open_subjects() {
  setenv("HALYARD_PLATFORM", "sim", 1);
  std::vector<Subject> all;
  for (const auto& info : enumerate()) {
    Subject subject{Device::open(info.path), {}};
    for (const auto make : {sum_graph, product_graph}) {
      try {
        subject.files.push_back(subject.device.compile(make()).save());
      } catch (const Error& error) {
        if (error.code() != HALYARD_UNSUPPORTED) throw;
      }
    }
    if (!subject.files.empty()) all.push_back(std::move(subject));
  }
  if (all.empty()) throw std::logic_error("there is no chip in process");
  return all;
}

std::vector<Subject>& subjects() {
  static std::vector<Subject> all = open_subjects();
  return all;
}

/// What only checks that a file is whole stops no mutation.
void seal(std::span<std::byte> file) {
  if (file.size() < kSizeAt + sizeof(std::uint64_t) + hal::Digest::kSize) return;
  const std::uint64_t size = file.size();
  std::memcpy(file.data() + kSizeAt, &size, sizeof(size));
  hal::Digest digest;
  digest.update(file.first(file.size() - hal::Digest::kSize));
  std::ranges::copy(digest.finish(), file.last(hal::Digest::kSize).begin());
}

void use(Device& device, const Program& program) {
  const auto info = program.info();
  for (std::uint32_t i = 0; i <= info.commands && i < 1000; ++i) {
    const char* name = halyard_program_command_name(program.get(), i);
    if ((name != nullptr) != (i < info.commands)) throw std::logic_error("a command without name");
  }
  for (const auto& binding : program.bindings())
    if (std::strlen(binding.name) >= sizeof(binding.name))
      throw std::logic_error("a name too long");
  if (!device.load(program.save())) throw std::logic_error("what was saved is not a program");
}

std::size_t below(std::minstd_rand& random, std::size_t limit) {
  return random() % limit;
}

}  // namespace

bool fuzz_program(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kPrefix) return false;
  Device& device = subjects()[bytes[0] % subjects().size()].device;
  const auto raw = std::as_bytes(bytes.subspan(kPrefix));
  std::vector<std::byte> file(raw.begin(), raw.end());
  if (bytes[1] % 8 != 0) seal(file);
  try {
    use(device, device.load(file));
    return true;
  } catch (const Error& error) {
    // Memory that it asks for may not be there.
    if (error.code() != HALYARD_MALFORMED && error.code() != HALYARD_VERSION_MISMATCH &&
        error.code() != HALYARD_OUT_OF_MEMORY && error.code() != HALYARD_LIMIT)
      throw std::logic_error(std::string("refused as ") + halyard_status_name(error.code()) + ": " +
                             error.what());
    return false;
  }
}

std::vector<std::uint8_t> mutated_program(std::minstd_rand& random) {
  constexpr std::uint8_t kOdd[] = {0, 1, 2, 7, 0x7f, 0x80, 0xfe, 0xff};
  const std::size_t chosen = below(random, subjects().size());
  const auto& files = subjects()[chosen].files;
  const auto& file = files[below(random, files.size())];
  std::vector<std::uint8_t> bytes(kPrefix + file.size());
  bytes[0] = static_cast<std::uint8_t>(chosen);
  bytes[1] = static_cast<std::uint8_t>(random() % 256);
  std::memcpy(bytes.data() + kPrefix, file.data(), file.size());
  for (std::size_t n = below(random, 4); n > 0; --n) {
    std::uint8_t& byte = bytes[kPrefix + below(random, file.size())];
    byte = random() % 2 == 0 ? static_cast<std::uint8_t>(byte ^ 1U << random() % 8)
                             : kOdd[below(random, std::size(kOdd))];
  }
  if (random() % 8 == 0) bytes.resize(kPrefix + below(random, file.size() + 64));
  return bytes;
}

}  // namespace halyard::test
