// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The map of BAR 0: which registers there are and what may be done with them.

#include <cstdint>
#include <string>

namespace halyard::emu::clipper {

enum class Block : std::uint8_t { kGlobal, kContext, kEngine, kPerf, kQueue, kDoorbell, kInject };

enum class Direction : std::uint8_t { kReadOnly, kReadWrite, kWriteOnly };

struct RegisterInfo {
  const char* name;
  std::uint32_t writable;  ///< bits that a driver may set
  std::uint16_t offset;    ///< in the block
  Direction direction;
  bool early = false;  ///< valid before STATUS.READY
};

/// A register of BAR 0; `info` is null when there is none at the offset.
struct RegisterRef {
  const RegisterInfo* info = nullptr;
  Block block = Block::kGlobal;
  unsigned index = 0;  ///< context, engine, counter, queue

  [[nodiscard]] std::string name() const;
};

/// `offset` is a multiple of 4.
RegisterRef find_register(std::uint64_t offset);

}  // namespace halyard::emu::clipper
