// SPDX-License-Identifier: MIT
/// \file
/// Jobs of this chip for the fuzzer of the kernel's interface.

#include <array>
#include <string>

#include <drm/halyard_sloop.h>

#include "chip.hpp"
#include "stream.hpp"

namespace halyard::fuzz {
namespace {

using namespace halyard::emu::test;

class Sloop final : public Chip {
 public:
  [[nodiscard]] unsigned kinds() const override { return 6; }

  /// Kinds 0 to 2 are for the compute engines, the others for the DMA engines.
  [[nodiscard]] Work make(unsigned kind, Random& random, const Memory& stream,
                          const Memory& data) const override {
    Work work;
    drm_halyard_sloop_payload payload{};
    const std::uint64_t size = 4 * (1 + random.below(data.size / 4 + 1));
    if (kind < 3) {
      const std::vector<Task> tasks = make_tasks(kind, random, data);
      for (const Task& task : tasks)
        append(work.stream, task);
      payload = compute_payload(at(0), tasks.size(), at(0, work.stream.size()), 1);
      append(work.stream, drm_halyard_sloop_binding{.address = at(1), .size = data.size});
    } else if (kind < 5) {
      payload =
          copy_payload(at(kind == 3 ? 0 : 1), at(kind == 3 ? 1 : 0), std::min(size, stream.size));
    } else {
      payload = fill_payload(at(1), size, static_cast<std::uint32_t>(random.next()));
    }
    append(work.payload, payload);
    work.buffers.push_back(
        {.handle = stream.handle, .flags = kind == 4 ? DRM_HALYARD_BUFFER_WRITE : 0U});
    work.buffers.push_back({.handle = data.handle, .flags = DRM_HALYARD_BUFFER_WRITE});
    return work;
  }

  [[nodiscard]] std::span<const std::string> injections() const override {
    static const std::array<std::string, 11> kNames = {
        "segment",        "illegal",     "ecc",          "slow",
        "irq_lost",       "irq_late",    "irq_spurious", "response_late",
        "firmware_crash", "admin_fails", "none"};
    return kNames;
  }

 private:
  static std::vector<Task> make_tasks(unsigned kind, Random& random, const Memory& data) {
    const auto words = static_cast<std::uint32_t>(1 + random.below(data.size / 4 + 1));
    switch (kind) {
      case 0:
        return {task(DRM_HALYARD_SLOOP_NOP, 1)};
      case 1:
        return std::vector<Task>(1 + random.below(8), fill_task(i32(0, {words}), 7));
      default:
        return {binary_task(DRM_HALYARD_SLOOP_ADD, i32(0, {16}), i32(0, {16}), i32(0, {16}))};
    }
  }
};

}  // namespace

std::unique_ptr<Chip> make_chip() {
  return std::make_unique<Sloop>();
}

}  // namespace halyard::fuzz
