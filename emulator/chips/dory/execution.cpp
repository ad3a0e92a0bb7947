// SPDX-License-Identifier: MIT
#include "chips/dory/execution.hpp"

#include <algorithm>
#include <atomic>
#include <utility>

#include "chips/tensor/check.hpp"
#include "chips/tensor/execute.hpp"
#include "chips/tensor/operand_memory.hpp"

namespace halyard::emu::dory {

namespace {

/// What an offset of 32 bits reaches; how much of it a region has is the address space's to say.
constexpr std::uint64_t kRegionReach = std::uint64_t{1} << DORY_DMA_BITS;
constexpr std::uint32_t kArgumentBits = (1U << DRM_HALYARD_DORY_OPCODE_SHIFT) - 1;

std::optional<engine::DType> dtype_of(std::uint32_t raw) {
  switch (raw) {
    case DRM_HALYARD_DORY_F32:
      return engine::DType::kF32;
    case DRM_HALYARD_DORY_I8:
      return engine::DType::kI8;
    case DRM_HALYARD_DORY_U8:
      return engine::DType::kU8;
    case DRM_HALYARD_DORY_I32:
      return engine::DType::kI32;
    default:
      return std::nullopt;
  }
}

std::uint32_t error_of(FaultCause cause) {
  switch (cause) {
    case FaultCause::kOutOfBounds:
      return DORY_ERROR_BOUNDS;
    case FaultCause::kPermission:
      return DORY_ERROR_PERMISSION;
    case FaultCause::kUnmapped:
      return DORY_ERROR_BUS;
    case FaultCause::kEcc:
      return DORY_ERROR_ECC;
    default:
      return DORY_ERROR_OPERANDS;
  }
}

/// FORMAT, taken apart.
struct Format {
  explicit Format(std::uint32_t word)
      : dtype(word & DRM_HALYARD_DORY_FORMAT_DTYPE),
        rank((word & DRM_HALYARD_DORY_FORMAT_RANK) >> 8),
        region((word & DRM_HALYARD_DORY_FORMAT_REGION) >> 16),
        reserved(word & DRM_HALYARD_DORY_FORMAT_ZERO) {}
  std::uint32_t dtype, rank, region, reserved;
};

using OperandState = std::span<const std::uint32_t, DRM_HALYARD_DORY_OPERAND_WORDS>;

OperandState operand_state(const State& state, std::uint8_t number) {
  constexpr std::size_t kWords = DRM_HALYARD_DORY_OPERAND_WORDS;
  return std::span(state).subspan(number * kWords).first<kWords>();
}

/// What the driver is to have checked of an operand besides where it lies; a reason, or empty.
std::string check_format(OperandState raw, const Format& format, std::uint32_t alignment) {
  if (!dtype_of(format.dtype)) return "has an unknown type " + std::to_string(format.dtype);
  if (format.rank < 1 || format.rank > DRM_HALYARD_DORY_MAX_RANK)
    return "has rank " + std::to_string(format.rank);
  if (format.reserved != 0) return "has reserved bits in its format";
  if (format.region >= DORY_NUM_REGIONS) return "refers to region " + std::to_string(format.region);
  const auto dims = raw.subspan(DRM_HALYARD_DORY_DIM(0), format.rank);
  if (std::ranges::find(dims, 0U) != dims.end()) return "has a dimension of zero";
  if (raw[DRM_HALYARD_DORY_OFFSET] % alignment != 0) return "is not aligned to its elements";
  return {};
}

tensor::OperandFields fields_of(OperandState raw, const Format& format) {
  tensor::OperandFields fields{.type = dtype_of(format.dtype).value(),
                               .rank = format.rank,
                               .dims = {},
                               .strides = {},
                               .offset = raw[DRM_HALYARD_DORY_OFFSET]};
  for (unsigned i = 0; i < format.rank; ++i) {
    fields.dims.at(i) = raw[DRM_HALYARD_DORY_DIM(i)];
    fields.strides.at(i) = static_cast<std::int32_t>(raw[DRM_HALYARD_DORY_STRIDE(i)]);
  }
  return fields;
}

}  // namespace

void JobExecution::start(std::uint64_t stream, std::uint32_t size, AddressSpace& space,
                         const Clock& clock) {
  space_ = &space;
  clock_ = clock;
  stream_ = stream;
  size_ = size;
  offset_ = command_offset_ = 0;
  state_ = {};
  info_ = nullptr;
  command_ = {};
  cancelled_.store(false, std::memory_order_relaxed);
  completed_ = 0;
  cycles_ = 0;
  error_ = DORY_ERROR_NONE;
  fault_ = {};
}

Outcome JobExecution::step() {
  const Outcome outcome = fetch();
  return outcome == Outcome::kRunning ? execute() : outcome;
}

Outcome JobExecution::fetch() {
  const auto pin = space_->pin();
  const Outcome outcome = fetch_pinned();
  return outcome == Outcome::kFault ? faulted() : outcome;
}

Outcome JobExecution::faulted() {
  if (error_ == DORY_ERROR_NONE) error_ = error_of(fault_.cause);
  fault_.command = completed_;
  fault_.tag = tag();
  return Outcome::kFault;
}

Outcome JobExecution::fail(FaultCause cause, std::uint32_t error, std::uint64_t address,
                           std::string text) {
  error_ = error;
  fault_.address = address;
  tensor::refuse(fault_, std::move(text), cause);
  return faulted();
}

bool JobExecution::refuse_stream(std::string text) {
  error_ = DORY_ERROR_STREAM;
  return tensor::refuse(fault_, std::move(text));
}

// ---- The stream
// ----------------------------------------------------------------------------------

bool JobExecution::read_words(std::span<std::uint32_t> words) {
  const auto bytes = static_cast<std::uint32_t>(words.size_bytes());
  if (bytes > size_ - offset_) return refuse_stream("the stream ends within a command");
  if (!tensor::copy_in(*space_, stream_ + offset_, std::as_writable_bytes(words), fault_))
    return false;
  offset_ += bytes;
  return true;
}

Outcome JobExecution::fetch_pinned() {
  for (;;) {
    command_offset_ = offset_;
    std::uint32_t word = 0;
    if (!read_words(std::span(&word, 1))) return Outcome::kFault;
    switch (word >> DRM_HALYARD_DORY_OPCODE_SHIFT) {
      case DRM_HALYARD_DORY_OP_SET:
        if (!load_state(word)) return Outcome::kFault;
        break;
      case DRM_HALYARD_DORY_OP_END:
        return end(word);
      default:
        return decode(word);
    }
  }
}

bool JobExecution::load_state(std::uint32_t word) {
  const std::uint32_t count =
      (word & DRM_HALYARD_DORY_SET_COUNT_MASK) >> DRM_HALYARD_DORY_SET_COUNT_SHIFT;
  const std::uint32_t first = word & DRM_HALYARD_DORY_SET_FIRST_MASK;
  if (count == 0) return refuse_stream("SET of no registers");
  if (first + count > state_.size())
    return refuse_stream("SET of state registers up to " + std::to_string(first + count - 1));
  return read_words(std::span(state_).subspan(first, count));
}

Outcome JobExecution::end(std::uint32_t word) {
  if ((word & kArgumentBits) != 0) {
    refuse_stream("bits beside the opcode are not zero");
    return Outcome::kFault;
  }
  if (offset_ != size_) {
    refuse_stream("the stream goes on behind END");
    return Outcome::kFault;
  }
  return Outcome::kDone;
}

Outcome JobExecution::decode(std::uint32_t word) {
  const std::uint32_t opcode = word >> DRM_HALYARD_DORY_OPCODE_SHIFT;
  info_ = find_opcode(opcode);
  bool good = false;
  if (info_ == nullptr) {
    refuse_stream("unknown opcode " + std::to_string(opcode));
  } else if ((word & kArgumentBits) != 0) {
    refuse_stream("bits beside the opcode are not zero");
  } else {
    command_.op = info_->op;
    command_.params = {};
    good = decode_operands();
  }
  return good ? Outcome::kRunning : Outcome::kFault;
}

bool JobExecution::decode_operands() {
  for (unsigned i = 0; i < command_.info().operands; ++i) {
    if (!decode_operand(i, info_->operands.at(i))) return false;
  }
  if (auto reason = info_->read(state_, command_.params); !reason.empty())
    return tensor::refuse(fault_, std::string(info_->name) + ": " + reason);
  return tensor::check_command(command_, info_->name, fault_);
}

bool JobExecution::decode_operand(unsigned index, std::uint8_t number) {
  const OperandState raw = operand_state(state_, number);
  const Format format(raw[DRM_HALYARD_DORY_FORMAT]);
  tensor::Operand& operand = command_.operands.at(index);
  operand = {};
  const auto malformed = [&](const std::string& reason) {
    error_ = DORY_ERROR_STREAM;
    return tensor::refuse_operand(fault_, number, reason);
  };
  if (format.dtype == 0) {
    if ((command_.info().optional >> index & 1U) != 0) return true;
    return malformed(std::string("may not be absent in ") + info_->name);
  }
  const auto type = dtype_of(format.dtype);
  const std::size_t element = type ? engine::size_of(*type) : 1;
  const std::size_t alignment = command_.op == tensor::Op::kWord ? sizeof(std::uint64_t) : element;
  if (auto reason = check_format(raw, format, static_cast<std::uint32_t>(alignment));
      !reason.empty())
    return malformed(reason);
  const tensor::OperandFields fields = fields_of(raw, format);
  const tensor::Window window{
      .kind = "region", .address = region_address(format.region, 0), .size = kRegionReach};
  return tensor::check_shape(fields, DRM_HALYARD_DORY_MAX_RANK, number, operand, fault_) &&
         tensor::place(fields, window, number, operand, fault_);
}

// ---- Operations
// ----------------------------------------------------------------------------------

Outcome JobExecution::execute() {
  const auto pin = space_->pin();
  if (command_.op == tensor::Op::kWord) return store_timestamp();
  return tensor::execute(command_, *space_, cancelled_, fault_) ? retire() : faulted();
}

Outcome JobExecution::store_timestamp() {
  auto* word = tensor::resolve_word(command_, *space_, Access::kWrite, fault_);
  if (word == nullptr) return faulted();
  if (!cancelled_.load(std::memory_order_relaxed))
    std::atomic_ref(*word).store(clock_(), std::memory_order_release);
  return retire();
}

Outcome JobExecution::retire() {
  cycles_ += next_cycles();
  ++completed_;
  return Outcome::kRunning;
}

}  // namespace halyard::emu::dory
