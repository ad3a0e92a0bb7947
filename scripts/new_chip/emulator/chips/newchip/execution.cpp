// SPDX-License-Identifier: MIT
#include "chips/newchip/execution.hpp"

#include <array>
#include <utility>

#include "chips/tensor/check.hpp"
#include "chips/tensor/execute.hpp"

namespace halyard::emu::newchip {

namespace {

using engine::DType;
using tensor::Op;

struct OpcodeInfo {
  const char* name;
  Op op;
  DType type;
  std::uint32_t width;  ///< elements of `type` in one of the command's
};

constexpr std::array<OpcodeInfo, DRM_HALYARD_NEWCHIP_NUM_OPCODES> kOpcodes{{
    {"NOP", Op::kNone, DType::kU8, 0},
    {"COPY", Op::kCopy, DType::kU8, 1},
    {"FILL", Op::kFill, DType::kI32, 1},
    {"ADD", Op::kBinary, DType::kF32, 1},
    {"MUL", Op::kBinary, DType::kF32, 1},
    {"RELU", Op::kActivate, DType::kF32, 1},
    {"TIMESTAMP", Op::kWord, DType::kI32, 2},
}};

/// What a slot's offsets can reach; how much of it there is, the address space knows.
constexpr std::uint64_t kReach = std::uint64_t{1} << kSlotShift;

tensor::Params params_of(const drm_halyard_newchip_command& raw) {
  tensor::Params params;
  params.binary =
      raw.opcode == DRM_HALYARD_NEWCHIP_MUL ? engine::Binary::kMul : engine::Binary::kAdd;
  if (raw.opcode == DRM_HALYARD_NEWCHIP_RELU) params.activation = engine::Activation::kRelu;
  params.pattern = raw.pattern;
  return params;
}

}  // namespace

JobExecution::JobExecution(std::vector<drm_halyard_newchip_command> commands, AddressSpace& space,
                           Clock clock)
    : commands_(std::move(commands)), space_(space), clock_(std::move(clock)) {}

Outcome JobExecution::step() {
  if (completed_ == commands_.size()) return Outcome::kDone;
  const auto& raw = commands_[completed_];
  const auto pin = space_.pin();
  if (!decode(raw) || !execute()) {
    fault_.command = completed_;
    fault_.tag = raw.tag;
    return Outcome::kFault;
  }
  // One element per cycle: this chip makes no claims.
  cycles_ += 1 + raw.count;
  ++completed_;
  return Outcome::kRunning;
}

bool JobExecution::decode(const drm_halyard_newchip_command& raw) {
  if (raw.opcode >= kOpcodes.size())
    return tensor::refuse(fault_, "there is no opcode " + std::to_string(raw.opcode));
  const auto& info = kOpcodes.at(raw.opcode);
  command_ = {.op = info.op, .operands = {}, .params = params_of(raw)};
  const unsigned count = command_.info().operands;
  const std::array inputs{raw.a, raw.b};
  for (unsigned i = 0; i < count; ++i) {
    const auto& place = i + 1 == count ? raw.out : inputs.at(i);
    const tensor::OperandFields fields{.type = info.type,
                                       .rank = 1,
                                       .dims = {raw.count * info.width},
                                       .strides = {1},
                                       .offset = place.offset};
    const tensor::Window window{
        .kind = "buffer", .address = std::uint64_t{place.slot} << kSlotShift, .size = kReach};
    if (place.slot >= DRM_HALYARD_NEWCHIP_BUFFERS_MAX)
      return tensor::refuse(fault_, "there is no slot " + std::to_string(place.slot));
    auto& operand = command_.operands.at(i);
    if (!tensor::check_shape(fields, 1, i, operand, fault_)) return false;
    if (!tensor::place(fields, window, i, operand, fault_)) return false;
  }
  return tensor::check_command(command_, info.name, fault_);
}

bool JobExecution::execute() {
  if (command_.op == Op::kNone) return true;
  if (command_.op == Op::kWord) return store_timestamp();
  return tensor::execute(command_, space_, cancelled_, fault_);
}

bool JobExecution::store_timestamp() {
  auto* word = tensor::resolve_word(command_, space_, Access::kWrite, fault_);
  if (word == nullptr) return false;
  if (!cancelled_.load(std::memory_order_relaxed))
    std::atomic_ref(*word).store(clock_(), std::memory_order_release);
  return true;
}

}  // namespace halyard::emu::newchip
