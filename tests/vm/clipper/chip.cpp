// SPDX-License-Identifier: MIT
/// \file
/// Jobs of this chip for the fuzzer of the kernel's interface.

#include <array>
#include <string>

#include "chip.hpp"
#include "stream.hpp"

namespace halyard::fuzz {
namespace {

using namespace halyard::test;

class Clipper final : public Chip {
 public:
  [[nodiscard]] unsigned kinds() const override { return 7; }

  [[nodiscard]] Work make(unsigned kind, Random& random, const Memory& stream,
                          const Memory& data) const override {
    const Stream commands = make_stream(kind, random, data);
    const std::array table = {drm_halyard_clipper_binding{.address = data.va, .size = data.size}};

    Work work;
    work.stream.assign(commands.bytes().begin(), commands.bytes().end());
    append(work.stream, table);
    drm_halyard_clipper_payload payload{};
    payload.stream = stream.va;
    payload.stream_size = static_cast<std::uint32_t>(commands.bytes().size());
    payload.bindings = stream.va + commands.bytes().size();
    payload.binding_count = 1;
    append(work.payload, payload);
    if (random.one_in(2))
      work.buffers.push_back({.handle = data.handle, .flags = DRM_HALYARD_BUFFER_WRITE});
    if (random.one_in(4)) work.buffers.push_back({.handle = stream.handle, .flags = 0});
    return work;
  }

  [[nodiscard]] std::span<const std::string> injections() const override {
    static const std::array<std::string, 9> kNames = {"page_fault",      "illegal",  "ecc",
                                                      "irq_lost",        "irq_late", "irq_spurious",
                                                      "completion_torn", "slow",     "none"};
    return kNames;
  }

 private:
  static Stream make_stream(unsigned kind, Random& random, const Memory& data) {
    const auto words = static_cast<std::uint32_t>(1 + random.below(data.size / 4 + 1));
    Stream stream;
    switch (kind) {
      case 0:
        return stream.nop(1);
      case 1:
        return stream.fill(row(0, words), static_cast<std::uint32_t>(random.next()));
      case 2:
        return stream.copy(row(0, words / 2 + 1), row(0, words / 2 + 1, words / 2 * 4));
      case 3:
        return stream.timestamp(0, 8 * random.below(8));
      case 4:
        return stream.fence_signal(0, 0, random.below(4)).fence_wait(0, 0, random.below(4));
      case 5:
        return stream.matmul(matrix(0, 4, 4), matrix(0, 4, 4), matrix(0, 4, 4));
      default:
        for (std::uint64_t n = 1 + random.below(20); n != 0; --n)
          stream.fill(row(0, words), 1).nop(2);
        return stream;
    }
  }
};

}  // namespace

std::unique_ptr<Chip> make_chip() {
  return std::make_unique<Clipper>();
}

}  // namespace halyard::fuzz
