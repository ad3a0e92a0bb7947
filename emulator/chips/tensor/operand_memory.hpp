// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A command's operands as memory that the arithmetic can work on.
///
/// An operand whose bytes happen to be contiguous in this process is used where it is. Others go
/// through local buffers: inputs are gathered before the command, outputs scattered after it,
/// element by element, so that bytes between the elements are never written.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "chips/chip.hpp"
#include "chips/tensor/command.hpp"

namespace halyard::emu::tensor {

/// Copies [address, address + size) into `destination`. False with `fault` set when an address does
/// not translate.
bool copy_in(AddressSpace& space, std::uint64_t address, std::span<std::byte> destination,
             Fault& fault);

/// Reused from command to command so that the common case allocates nothing. One thread at a time;
/// all calls of one command under one pin of its address space.
class OperandMemory {
 public:
  /// Resolves every operand and gathers the inputs. False with `fault` set when an address does not
  /// translate.
  bool acquire(AddressSpace& space, const Command& command, Fault& fault);

  [[nodiscard]] const Tensors& tensors() const { return tensors_; }

  /// Scatters the output where it was computed in a local buffer.
  void commit(const Command& command);

  /// Gives large buffers back; the spans of translated memory are forgotten.
  void release();

 private:
  struct AlignedDelete {
    void operator()(std::byte* memory) const;
  };
  class Buffer {
   public:
    std::byte* reserve(std::size_t size);
    void trim();

   private:
    std::unique_ptr<std::byte[], AlignedDelete> memory_;
    std::size_t capacity_ = 0;
  };
  struct Slot {
    std::vector<std::span<std::byte>> pieces;  ///< the operand's extent in this process
    Buffer buffer;
    bool staged = false;
    bool dense = false;  ///< staged without gaps, row-major
  };

  bool resolve(AddressSpace& space, const Operand& operand, Access access, Slot& slot,
               Fault& fault);
  void choose_output(const Operand& operand, Slot& slot, engine::Tensor& tensor);
  void stage_input(const Operand& operand, Slot& slot, engine::Tensor& tensor);
  void commit_rows(const Command& command);
  [[nodiscard]] bool must_stage(const Command& command, unsigned index) const;

  std::array<Slot, kMaxOperands> slots_;
  Tensors tensors_{};
};

}  // namespace halyard::emu::tensor
