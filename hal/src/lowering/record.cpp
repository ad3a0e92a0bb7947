// SPDX-License-Identifier: MIT
// A client's command list: memory and order are given, each command is the chip's or is refused.

#include <limits>
#include <optional>

#include "lowering/emitter.hpp"
#include "lowering/lower.hpp"
#include "lowering/translate.hpp"

namespace halyard::hal::lowering {
namespace {

/// Where the bindings of a list are in a program.
struct Place {
  std::uint32_t binding = 0;
  std::uint64_t offset = 0;
};

std::vector<Place> place(const CommandList& list, ProgramImage& image) {
  std::vector<Place> places;
  for (const auto& binding : list.bindings()) {
    switch (binding.kind) {
      case ListBinding::Kind::kConstant:
        places.push_back({kBindConstants, binding.offset});
        break;
      case ListBinding::Kind::kScratch:
        places.push_back({kBindScratch, binding.offset});
        break;
      case ListBinding::Kind::kSubmit:
        const auto index = kFixedBindings + static_cast<std::uint32_t>(image.bindings.size());
        places.push_back({index, 0});
        image.bindings.push_back(
            {binding.name, {HALYARD_U8, 0, {}}, binding.bytes, binding.written});
        break;
    }
  }
  return places;
}

/// Nothing when the strides are beyond what operands have.
std::optional<Operand> operand_of(const halyard_view& view) {
  Operand operand;
  if (view.rank == 0) return operand;
  operand.offset = view.offset;
  operand.binding = view.binding;
  operand.dtype = view.dtype;
  operand.rank = view.rank;
  for (std::uint32_t i = 0; i < view.rank; ++i) {
    // A single element has no neighbour.
    const auto stride = view.dims[i] == 1 ? 0 : view.strides[i];
    if (stride > std::numeric_limits<std::int32_t>::max() ||
        stride < std::numeric_limits<std::int32_t>::min()) {
      return std::nullopt;
    }
    operand.dims.at(i) = view.dims[i];
    operand.strides.at(i) = static_cast<std::int32_t>(stride);
  }
  return operand;
}

/// The command on the list's own bindings, or why the chip cannot do it.
std::string make(const Capabilities& chip, const ListCommand& from, Command& command) {
  std::vector<Operand> operands;
  for (const auto& view : from.views) {
    const auto operand = operand_of(view);
    if (!operand) return "a stride is beyond the 32 bits of the chip's operands";
    std::uint64_t elements = 1;
    for (std::uint32_t i = 0; i < operand->rank; ++i)
      elements *= operand->dims.at(i);
    if (elements > chip.max_elements)
      return "a view has more elements than the chip's strides reach";
    operands.push_back(*operand);
  }
  const auto out = operands.back();
  operands.pop_back();
  command = translate(from.op, from.params, operands, out);
  return {};
}

}  // namespace

Lowered lower(const CommandList& list, const Capabilities& chip, bool profile) {
  Emitter emitter(chip, profile);
  const auto places = place(list, emitter.image());
  const auto bindings = kFixedBindings + emitter.image().bindings.size();
  if (bindings > chip.max_bindings) {
    throw Error(HALYARD_UNSUPPORTED, "the list has " +
                                         std::to_string(emitter.image().bindings.size()) +
                                         " bindings, the chip takes at most " +
                                         std::to_string(chip.max_bindings - kFixedBindings));
  }
  emitter.image().constants.assign(list.constants().begin(), list.constants().end());
  emitter.image().scratch_bytes = list.scratch_bytes();
  for (std::size_t i = 0; i < list.commands().size(); ++i) {
    const auto& from = list.commands()[i];
    Command command;
    auto reason = make(chip, from, command);
    if (reason.empty()) {
      for (auto& operand : command.operands) {
        if (operand.rank == 0) continue;
        const auto& at = places[operand.binding];
        operand.binding = at.binding;
        operand.offset += at.offset;
      }
      command.node = static_cast<halyard_tensor>(i);
      reason = emitter.emit(std::move(command), from.name);
    }
    if (!reason.empty()) {
      throw Error(HALYARD_UNSUPPORTED,
                  "\"" + from.name + "\": " + std::string(hal::to_string(from.op)) + ": " + reason);
    }
  }
  return emitter.finish();
}

std::string why_not(const Capabilities& chip, const ListCommand& command) {
  Command made;
  auto reason = make(chip, command, made);
  return reason.empty() ? fit(chip, made) : reason;
}

}  // namespace halyard::hal::lowering
