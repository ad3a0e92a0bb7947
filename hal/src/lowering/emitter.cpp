// SPDX-License-Identifier: MIT
#include "lowering/emitter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <utility>

#include "lowering/lower.hpp"
#include "lowering/operand.hpp"

namespace halyard::hal::lowering {
namespace {

/// Brings the operands' rank down to what the chip has, as far as the command's meaning allows.
void reduce_rank(Command& command, std::uint32_t max_rank) {
  const auto rank = command.operands.back().rank;
  std::uint32_t keep = 0;
  switch (command.opcode) {
    case Opcode::kBinary:
    case Opcode::kActivate:
    case Opcode::kFunction:
    case Opcode::kCopy:
      break;
    case Opcode::kSoftmax:
    case Opcode::kNorm:
    case Opcode::kRotate:
    case Opcode::kOrder:
      keep = 1;
      break;
    case Opcode::kQuantize:
    case Opcode::kDequantize:
    case Opcode::kRequantize:
      if (command.operands[1].dims[0] != 1) return;
      std::get<Quantize>(command.params).axis = 0;
      break;
    default:
      return;
  }
  std::array<Operand*, 4> whole{};
  std::size_t count = 0;
  for (auto& operand : command.operands) {
    if (operand.rank == rank) whole[count++] = &operand;
  }
  merge_dimensions(std::span(whole).first(count), max_rank, keep);
}

}  // namespace

std::string fit(const Capabilities& chip, Command& command) {
  if (command.operands.back().rank > chip.max_rank) reduce_rank(command, chip.max_rank);
  return why_not(chip, command);
}

Emitter::Emitter(const Capabilities& chip, bool profile) : chip_(chip), profile_(profile) {
  if (profile_) emit_timestamp(kBindProfile, 0);
}

void Emitter::emit_timestamp(FixedBinding binding, std::uint64_t offset) {
  result_.commands.push_back({Opcode::kTimestamp, 0, {}, {cell(binding, offset)}});
  result_.image.command_names.emplace_back("timestamp");
}

std::string Emitter::emit(Command command, const std::string& name) {
  if (auto reason = fit(chip_, command); !reason.empty()) return reason;
  result_.commands.push_back(std::move(command));
  result_.image.command_names.push_back(name);
  if (profile_) {
    result_.image.profile_bytes += sizeof(std::uint64_t);
    emit_timestamp(kBindProfile, result_.image.profile_bytes);
  }
  return {};
}

Lowered Emitter::finish() {
  emit_timestamp(kBindStatus, 0);
  if (profile_) result_.image.profile_bytes += sizeof(std::uint64_t);
  return std::move(result_);
}

/// The stream is timestamp, command, timestamp, command, ..., timestamp, and the status cell's.
std::vector<ProfileSample> read_timestamps(const ProgramImage& image,
                                           std::span<const std::byte> profile) {
  const std::size_t cells =
      std::min<std::size_t>(image.profile_bytes, profile.size()) / sizeof(std::uint64_t);
  std::vector<ProfileSample> samples;
  for (std::size_t i = 0; i + 1 < cells; ++i) {
    std::array<std::uint64_t, 2> times{};
    std::memcpy(times.data(), profile.data() + i * sizeof(std::uint64_t), sizeof(times));
    samples.push_back({static_cast<std::uint32_t>(2 * i + 1), times[0], times[1]});
  }
  return samples;
}

}  // namespace halyard::hal::lowering
