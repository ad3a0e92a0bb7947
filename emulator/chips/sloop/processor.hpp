// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "chips/chip.hpp"

namespace halyard::emu::sloop {

/// Card memory unless asked otherwise.
inline constexpr std::uint64_t kDefaultDram = std::uint64_t{512} << 20;

/// The chip's command interpreter without its PCIe side. Stateless: one serves any number of
/// threads.
class Processor final : public CommandProcessor {
 public:
  [[nodiscard]] ProcessorInfo info() const override;
  [[nodiscard]] std::vector<EngineInfo> engines() const override;
  [[nodiscard]] std::vector<std::byte> chip_blob() const override;
  std::unique_ptr<Execution> start(std::span<const std::byte> payload, std::uint32_t engine_class,
                                   AddressSpace& space, const std::function<std::uint64_t()>& clock,
                                   std::string& error) override;
};

}  // namespace halyard::emu::sloop
