// SPDX-License-Identifier: MIT
/// \file
/// Jobs of this chip for the fuzzer of the kernel's interface.

#include <array>
#include <string>

#include <drm/halyard_dory.h>

#include "chip.hpp"
#include "stream.hpp"

namespace halyard::fuzz {
namespace {

class Dory final : public Chip {
 public:
  /// Each operation, and some more.
  [[nodiscard]] unsigned kinds() const override { return DRM_HALYARD_DORY_NUM_OPCODES + 2; }

  [[nodiscard]] Work make(unsigned kind, Random& random, const Memory& stream,
                          const Memory& data) const override {
    const dory_test::Stream commands = make_stream(kind, random, data);

    Work work;
    work.stream.assign(commands.bytes().begin(), commands.bytes().end());
    drm_halyard_dory_payload payload{};
    payload.size = static_cast<std::uint32_t>(commands.bytes().size());
    append(work.payload, payload);
    work.buffers.push_back({.handle = stream.handle, .flags = 0});
    work.buffers.push_back({.handle = data.handle, .flags = DRM_HALYARD_BUFFER_WRITE});
    if (random.one_in(8)) work.buffers[1].flags |= DRM_HALYARD_BUFFER_NO_IMPLICIT;
    return work;
  }

  [[nodiscard]] std::span<const std::string> injections() const override {
    static const std::array<std::string, 8> kNames = {
        "operands", "bus", "ecc", "irq_lost", "irq_late", "irq_spurious", "slow", "none"};
    return kNames;
  }

 private:
  static dory_test::Stream make_stream(unsigned kind, Random& random, const Memory& data) {
    const auto words = static_cast<std::uint32_t>(1 + random.below(data.size / 4 + 1));
    const dory_test::Operand out = dory_test::dense(1, DRM_HALYARD_DORY_I32, {words});
    dory_test::Stream stream;
    if (kind == 0) return stream.fill(out, static_cast<std::uint32_t>(random.next())).end();
    if (kind > DRM_HALYARD_DORY_OP_END && kind < DRM_HALYARD_DORY_NUM_OPCODES)
      return dory_test::valid_operation(kind).end();
    for (std::uint64_t n = random.below(20); n != 0; --n)
      stream.tag(static_cast<std::uint32_t>(n)).fill(out, 1);
    return stream.end();
  }
};

}  // namespace

std::unique_ptr<Chip> make_chip() {
  return std::make_unique<Dory>();
}

}  // namespace halyard::fuzz
