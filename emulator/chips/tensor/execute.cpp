// SPDX-License-Identifier: MIT
#include "chips/tensor/execute.hpp"

#include <bit>
#include <new>
#include <string>

#include "chips/tensor/check.hpp"
#include "chips/tensor/operand_memory.hpp"

namespace halyard::emu::tensor {

namespace {

/// Buffers belong to the thread and not to the job: a job may go on on another engine after each
/// command.
OperandMemory& thread_memory() {
  thread_local OperandMemory memory;
  return memory;
}

bool refuse_at(Fault& fault, FaultCause cause, std::uint64_t address, std::string text) {
  fault.address = address;
  fault.access = Access::kRead;
  return refuse(fault, std::move(text), cause);
}

bool refuse_cancelled(Fault& fault) {
  return refuse_at(fault, FaultCause::kIllegalCommand, 0, "the job was cancelled");
}

}  // namespace

bool execute(const Command& command, AddressSpace& space, const std::atomic<bool>& cancelled,
             Fault& fault) {
  OperandMemory& memory = thread_memory();
  const Operation& info = command.info();
  try {
    if (!memory.acquire(space, command, fault)) return false;
    if (cancelled.load(std::memory_order_relaxed)) return refuse_cancelled(fault);
    // The shapes have passed check_command(), and acquire() gives each memory that suits it.
    auto reason = info.apply(engine::fast_on_checked(), command, memory.tensors());
    if (!reason.empty()) {
      const bool indices = info.snapshot != 0;
      const unsigned table = info.picks_rows ? info.operands - 1U : 0;
      return refuse_at(fault, indices ? FaultCause::kOutOfBounds : FaultCause::kIllegalCommand,
                       indices ? command.operands.at(table).first : 0,
                       std::string(info.name) + ": " + reason);
    }
    if (cancelled.load(std::memory_order_relaxed)) return refuse_cancelled(fault);
    memory.commit(command);
    memory.release();
  } catch (const std::bad_alloc&) {
    return refuse_at(fault, FaultCause::kIllegalCommand, 0,
                     "the command needs more memory than the card has");
  }
  return true;
}

/// Two adjacent, 8-byte aligned halves never straddle a page, so they are one 64-bit word.
std::uint64_t* resolve_word(const Command& command, AddressSpace& space, Access access,
                            Fault& fault) {
  const std::uint64_t address = command.operands[0].first;
  const auto memory = space.translate(address, sizeof(std::uint64_t), access, fault);
  if (memory.empty()) return nullptr;
  const auto host = std::bit_cast<std::uintptr_t>(memory.data());
  if (memory.size() < sizeof(std::uint64_t) || host % alignof(std::uint64_t) != 0) {
    refuse(fault, "the value's memory is not one aligned word", FaultCause::kUnmapped);
    fault.address = address;
    fault.access = access;
    return nullptr;
  }
  return reinterpret_cast<std::uint64_t*>(memory.data());
}

}  // namespace halyard::emu::tensor
