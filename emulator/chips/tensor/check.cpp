// SPDX-License-Identifier: MIT
#include "chips/tensor/check.hpp"

#include <cstdlib>
#include <optional>
#include <span>
#include <utility>

namespace halyard::emu::tensor {

namespace {

/// More than any memory has elements, and small enough to be added up six times.
constexpr std::int64_t kMaxReach = std::int64_t{1} << 50;

/// Elements below and above element (0, ..., 0) that the strides reach.
struct Reach {
  std::int64_t below = 0, above = 0;
};

std::optional<Reach> reach_of(const engine::Tensor& tensor) {
  Reach reach;
  for (unsigned i = 0; i < tensor.rank; ++i) {
    // Below 2^32 times at most 2^31: fits.
    const std::int64_t span =
        (std::int64_t{tensor.dims.at(i)} - 1) * std::int64_t{tensor.strides.at(i)};
    if (span > kMaxReach || span < -kMaxReach) return std::nullopt;
    (span < 0 ? reach.below : reach.above) += std::abs(span);
  }
  return reach;
}

/// The arithmetic's own checks, before any memory is touched. They look at shapes, not at elements.
std::string check_arithmetic(const Command& command) {
  alignas(8) static std::byte stand_in[8];
  const Operation& info = command.info();
  Tensors tensors{};
  for (unsigned i = 0; i < info.operands; ++i) {
    tensors.at(i) = command.operands.at(i).tensor;
    if (command.operands.at(i).present) tensors.at(i).data = stand_in;
  }
  return info.apply(argument_checks(), command, tensors);
}

}  // namespace

bool refuse(Fault& fault, std::string text, FaultCause cause) {
  fault.cause = cause;
  fault.text = std::move(text);
  return false;
}

bool refuse_operand(Fault& fault, unsigned index, const std::string& reason, FaultCause cause) {
  return refuse(fault, "operand " + std::to_string(index) + " " + reason, cause);
}

bool check_shape(const OperandFields& fields, unsigned max_rank, unsigned index, Operand& operand,
                 Fault& fault) {
  if (fields.rank < 1 || fields.rank > max_rank)
    return refuse_operand(fault, index, "has rank " + std::to_string(fields.rank));
  operand.tensor.type = fields.type;
  operand.tensor.rank = fields.rank;
  operand.tensor.dims = fields.dims;
  operand.tensor.strides = fields.strides;
  operand.elements = 1;
  for (unsigned i = 0; i < fields.rank; ++i) {
    const std::uint32_t dim = fields.dims.at(i);
    if (dim == 0)
      return refuse_operand(fault, index, "has a dimension " + std::to_string(i) + " of zero");
    if (__builtin_mul_overflow(operand.elements, dim, &operand.elements) ||
        operand.elements > engine::kMaxWork)
      return refuse_operand(fault, index, "has too many elements");
  }
  for (unsigned i = fields.rank; i < engine::kMaxRank; ++i) {
    if (fields.dims.at(i) != 0 || fields.strides.at(i) != 0)
      return refuse_operand(fault, index, "has dims or strides beyond its rank");
  }
  return true;
}

bool place(const OperandFields& fields, const Window& window, unsigned index, Operand& operand,
           Fault& fault) {
  const std::uint64_t size = engine::size_of(operand.tensor.type);
  const auto outside = [&] {
    fault.address = window.address + fields.offset;
    return refuse_operand(fault, index, std::string("reaches outside its ") + window.kind,
                          FaultCause::kOutOfBounds);
  };
  const auto reach = reach_of(operand.tensor);
  if (!reach) return outside();
  const std::uint64_t below = static_cast<std::uint64_t>(reach->below) * size;
  const std::uint64_t above = (static_cast<std::uint64_t>(reach->above) + 1) * size;
  if (fields.offset > window.size || above > window.size - fields.offset || below > fields.offset)
    return outside();
  std::uint64_t end = 0;
  if (__builtin_add_overflow(window.address, fields.offset + above, &end)) return outside();
  operand.first = window.address + fields.offset;
  operand.begin = operand.first - below;
  operand.bytes = below + above;
  if (operand.first % size != 0)
    return refuse_operand(fault, index, "is not aligned to its elements");
  if (operand.bytes > kMaxOperandBytes) return refuse_operand(fault, index, "spans over 2 GiB");
  operand.present = true;
  return true;
}

bool check_command(const Command& command, const char* name, Fault& fault) {
  const Operation& info = command.info();
  std::uint64_t bytes = 0;
  for (const Operand& operand : std::span(command.operands).first(info.operands))
    bytes += operand.bytes;
  if (bytes > kMaxCommandBytes) return refuse(fault, "the operands together span over 4 GiB");
  if (auto reason = info.check(command); !reason.empty())
    return refuse(fault, std::string(name) + ": " + reason);
  if (info.apply == nullptr) return true;
  if (auto reason = check_arithmetic(command); !reason.empty())
    return refuse(fault, std::string(name) + ": " + reason);
  return true;
}

std::string check_activation(std::uint32_t activation) {
  if (activation > static_cast<std::uint32_t>(engine::Activation::kTanh))
    return "unknown activation " + std::to_string(activation);
  return {};
}

std::string check_function(std::uint32_t function) {
  if (function > static_cast<std::uint32_t>(engine::Function::kSign))
    return "unknown function " + std::to_string(function);
  return {};
}

std::string check_binary(std::uint32_t operation) {
  if (operation > static_cast<std::uint32_t>(engine::Binary::kMin))
    return "unknown operation " + std::to_string(operation);
  return {};
}

std::string check_format(std::uint32_t format) {
  if (format == 0 || format > engine::kNumFormats)
    return "unknown format " + std::to_string(format);
  return {};
}

}  // namespace halyard::emu::tensor
