// SPDX-License-Identifier: MIT
#include "chips/tensor/operand_memory.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <new>

#include "engine/indices.hpp"

namespace halyard::emu::tensor {

namespace {

constexpr std::align_val_t kAlignment{64};
constexpr std::size_t kMinBuffer = 4096;
/// A thread keeps buffers up to this size for the next command.
constexpr std::size_t kMaxKept = std::size_t{64} << 20;

using Pieces = std::span<const std::span<std::byte>>;

/// Walks along the pieces of an extent; offsets may come in any order, ascending ones cheapest.
class Cursor {
 public:
  explicit Cursor(Pieces pieces) : pieces_(pieces) {}

  /// Calls `use` with each stretch of memory behind [offset, offset + size).
  template <typename Use>
  void visit(std::uint64_t offset, std::size_t size, const Use& use) {
    seek(offset);
    std::size_t inside = offset - start_;
    while (size > 0) {
      const auto part = pieces_[index_].subspan(inside);
      const std::size_t count = std::min(size, part.size());
      use(part.first(count));
      size -= count;
      inside = 0;
      if (size > 0) start_ += pieces_[index_++].size();
    }
  }

 private:
  void seek(std::uint64_t offset) {
    while (offset < start_)
      start_ -= pieces_[--index_].size();
    while (offset - start_ >= pieces_[index_].size())
      start_ += pieces_[index_++].size();
  }

  Pieces pieces_;
  std::size_t index_ = 0;
  std::uint64_t start_ = 0;  ///< offset of pieces_[index_]
};

/// An operand as outer loops over runs of adjacent elements, in row-major order. A dimension of
/// stride 0 counts once.
class Runs {
 public:
  explicit Runs(const Operand& operand) : size_(engine::size_of(operand.tensor.type)) {
    const engine::Tensor& tensor = operand.tensor;
    base_ = operand.first - operand.begin;
    outer_ = tensor.rank;
    for (unsigned i = 0; i < tensor.rank; ++i) {
      strides_.at(i) = tensor.strides.at(i);
      dims_.at(i) = strides_.at(i) == 0 ? 1 : tensor.dims.at(i);
    }
    while (outer_ > 0 && (dims_.at(outer_ - 1) == 1 ||
                          strides_.at(outer_ - 1) == static_cast<std::int64_t>(run_))) {
      run_ *= dims_.at(outer_ - 1);
      --outer_;
    }
  }

  /// Bytes of all runs.
  [[nodiscard]] std::uint64_t bytes() const {
    std::uint64_t count = run_;
    for (unsigned i = 0; i < outer_; ++i)
      count *= dims_.at(i);
    return count * size_;
  }

  /// Calls `use(offset in the extent, bytes)` for each run.
  template <typename Use>
  void visit(const Use& use) const {
    std::array<std::uint64_t, engine::kMaxRank> index{};
    std::int64_t element = 0;
    for (;;) {
      // Wrapping on purpose: the sum of base and a negative element is in the extent again.
      use(base_ + static_cast<std::uint64_t>(element) * size_, run_ * size_);
      unsigned i = outer_;
      while (i > 0) {
        --i;
        element += strides_.at(i);
        if (++index.at(i) < dims_.at(i)) break;
        element -= strides_.at(i) * static_cast<std::int64_t>(dims_.at(i));
        index.at(i) = 0;
        if (i == 0) return;
      }
      if (outer_ == 0) return;
    }
  }

 private:
  std::size_t size_;
  std::uint64_t base_ = 0;
  std::array<std::uint64_t, engine::kMaxRank> dims_{};
  std::array<std::int64_t, engine::kMaxRank> strides_{};
  unsigned outer_ = 0;
  std::uint64_t run_ = 1;
};

/// Strides of the same shape without gaps; what was broadcast stays so.
void make_dense(const Operand& operand, engine::Tensor& tensor) {
  std::uint64_t stride = 1;
  for (unsigned i = tensor.rank; i-- > 0;) {
    const bool broadcast = operand.tensor.strides.at(i) == 0;
    const bool fits = stride <= std::uint64_t{std::numeric_limits<std::int32_t>::max()};
    // A stride that does not fit belongs to a dimension of one: any number does.
    tensor.strides.at(i) = broadcast || !fits ? 0 : static_cast<std::int32_t>(stride);
    if (!broadcast) stride *= tensor.dims.at(i);
  }
}

bool is_aligned(const std::byte* memory, std::size_t size) {
  return reinterpret_cast<std::uintptr_t>(memory) % size == 0;
}

bool overlap(std::span<const std::byte> a, std::span<const std::byte> b) {
  const auto start = [](auto s) { return reinterpret_cast<std::uintptr_t>(s.data()); };
  return start(a) < start(b) + b.size() && start(b) < start(a) + a.size();
}

bool same_view(const engine::Tensor& a, const engine::Tensor& b) {
  return a.data == b.data && a.type == b.type && a.rank == b.rank && a.dims == b.dims &&
         a.strides == b.strides;
}

}  // namespace

bool copy_in(AddressSpace& space, std::uint64_t address, std::span<std::byte> destination,
             Fault& fault) {
  while (!destination.empty()) {
    const auto memory = space.translate(address, destination.size(), Access::kRead, fault);
    if (memory.empty()) return false;
    std::memcpy(destination.data(), memory.data(), memory.size());
    address += memory.size();
    destination = destination.subspan(memory.size());
  }
  return true;
}

void OperandMemory::AlignedDelete::operator()(std::byte* memory) const {
  ::operator delete[](memory, kAlignment);
}

std::byte* OperandMemory::Buffer::reserve(std::size_t size) {
  if (capacity_ < size) {
    memory_.reset();
    capacity_ = 0;
    const std::size_t wanted = std::bit_ceil(std::max(size, kMinBuffer));
    memory_.reset(static_cast<std::byte*>(::operator new[](wanted, kAlignment)));
    capacity_ = wanted;
  }
  return memory_.get();
}

void OperandMemory::Buffer::trim() {
  if (capacity_ <= kMaxKept) return;
  memory_.reset();
  capacity_ = 0;
}

bool OperandMemory::resolve(AddressSpace& space, const Operand& operand, Access access, Slot& slot,
                            Fault& fault) {
  slot.pieces.clear();
  std::uint64_t address = operand.begin;
  std::uint64_t left = operand.bytes;
  while (left > 0) {
    const auto memory = space.translate(address, left, access, fault);
    if (memory.empty()) return false;
    auto* last = slot.pieces.empty() ? nullptr : &slot.pieces.back();
    if (last != nullptr && last->data() + last->size() == memory.data()) {
      *last = {last->data(), last->size() + memory.size()};
    } else {
      slot.pieces.push_back(memory);
    }
    address += memory.size();
    left -= memory.size();
  }
  return true;
}

bool OperandMemory::must_stage(const Command& command, unsigned index) const {
  const Slot& slot = slots_.at(index);
  const Operation& info = command.info();
  if (slot.pieces.size() > 1 || (info.snapshot >> index & 1U) != 0) return true;
  const unsigned out = info.operands - 1;
  if (!info.has_output || index == out || slots_.at(out).staged) return false;
  // Both in place: what overlaps is read before it is written, unless the arithmetic can take it as
  // it is.
  return overlap(slot.pieces[0], slots_.at(out).pieces[0]) &&
         !(info.in_place && same_view(tensors_.at(index), tensors_.at(out)));
}

void OperandMemory::choose_output(const Operand& operand, Slot& slot, engine::Tensor& tensor) {
  const std::size_t size = engine::size_of(operand.tensor.type);
  slot.staged = slot.pieces.size() > 1 || !is_aligned(slot.pieces[0].data(), size);
  slot.dense = slot.staged && operand.bytes != operand.elements * size;
  if (!slot.staged) {
    tensor.data = slot.pieces[0].data() + (operand.first - operand.begin);
  } else if (slot.dense) {
    tensor.data = slot.buffer.reserve(operand.elements * size);
    make_dense(operand, tensor);
  } else {
    tensor.data = slot.buffer.reserve(operand.bytes) + (operand.first - operand.begin);
  }
}

void OperandMemory::stage_input(const Operand& operand, Slot& slot, engine::Tensor& tensor) {
  const Runs runs(operand);
  Cursor cursor(slot.pieces);
  slot.staged = true;
  slot.dense = runs.bytes() < operand.bytes / 2;
  std::byte* buffer = slot.buffer.reserve(slot.dense ? runs.bytes() : operand.bytes);
  std::byte* to = buffer;
  const auto append = [&](std::span<const std::byte> part) {
    std::memcpy(to, part.data(), part.size());
    to += part.size();
  };
  if (slot.dense) {
    runs.visit([&](std::uint64_t offset, std::size_t size) { cursor.visit(offset, size, append); });
    tensor.data = buffer;
    make_dense(operand, tensor);
  } else {
    cursor.visit(0, operand.bytes, append);
    tensor.data = buffer + (operand.first - operand.begin);
  }
}

bool OperandMemory::acquire(AddressSpace& space, const Command& command, Fault& fault) {
  const unsigned count = command.info().operands;
  const unsigned out = command.info().has_output ? count - 1 : kMaxOperands;
  for (unsigned i = 0; i < count; ++i) {
    const Operand& operand = command.operands.at(i);
    tensors_.at(i) = operand.tensor;
    Slot& slot = slots_.at(i);
    slot.staged = false;
    if (!operand.present) continue;
    if (!resolve(space, operand, i == out ? Access::kWrite : Access::kRead, slot, fault))
      return false;
    tensors_.at(i).data = slot.pieces[0].data() + (operand.first - operand.begin);
  }
  if (out < count) choose_output(command.operands.at(out), slots_.at(out), tensors_.at(out));
  for (unsigned i = 0; i < count; ++i) {
    const Operand& operand = command.operands.at(i);
    if (i == out || !operand.present) continue;
    const bool aligned = is_aligned(tensors_.at(i).data, engine::size_of(operand.tensor.type));
    if (must_stage(command, i) || !aligned) stage_input(operand, slots_.at(i), tensors_.at(i));
  }
  return true;
}

void OperandMemory::commit(const Command& command) {
  if (!command.info().has_output) return;
  const unsigned out = command.info().operands - 1U;
  const Operand& operand = command.operands.at(out);
  const Slot& slot = slots_.at(out);
  if (!slot.staged) return;
  if (command.info().picks_rows) return commit_rows(command);
  Cursor cursor(slot.pieces);
  const std::byte* from = tensors_.at(out).data;
  const auto store = [&](std::span<std::byte> part) {
    std::memcpy(part.data(), from, part.size());
    from += part.size();
  };
  if (slot.dense) {
    Runs(operand).visit(
        [&](std::uint64_t offset, std::size_t size) { cursor.visit(offset, size, store); });
  } else {
    from -= operand.first - operand.begin;
    cursor.visit(0, operand.bytes, store);
  }
}

/// The rows that were written, in the indices' order; the rest of the buffer is not the output's.
void OperandMemory::commit_rows(const Command& command) {
  const unsigned out = command.info().operands - 1U;
  const Operand& operand = command.operands.at(out);
  const engine::Tensor& result = tensors_.at(out);
  const engine::Tensor& index = tensors_.at(1);  // a copy: what the arithmetic has accepted
  const Slot& slot = slots_.at(out);
  const std::byte* begin = result.data - (operand.first - operand.begin);
  const auto step = static_cast<std::uint64_t>(
      std::int64_t{operand.tensor.dims[0] > 1 ? operand.tensor.strides[0] : 0} *
      static_cast<std::int64_t>(engine::size_of(result.type)));
  Cursor cursor(slot.pieces);
  Operand row = operand;
  row.tensor.dims[0] = 1;
  for (std::uint32_t i = 0; i < index.dims[0]; ++i) {
    const auto at = static_cast<std::uint32_t>(engine::load_index(index, i));
    row.first = operand.first + at * step;  // modulo 2^64: in the extent again
    const std::byte* from = engine::row_at(result, at).data;
    const auto store = [&](std::span<std::byte> part) {
      std::memcpy(part.data(), from, part.size());
      from += part.size();
    };
    Runs(row).visit([&](std::uint64_t offset, std::size_t size) {
      if (!slot.dense) from = begin + offset;
      cursor.visit(offset, size, store);
    });
  }
}

void OperandMemory::release() {
  for (Slot& slot : slots_) {
    slot.pieces.clear();
    slot.buffer.trim();
  }
}

}  // namespace halyard::emu::tensor
