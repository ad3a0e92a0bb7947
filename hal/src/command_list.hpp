// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Commands on strided memory as the library and the chips' plug-ins see them.

#include <halyard/halyard.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph.hpp"

namespace halyard::hal {

/// Memory that a list's commands work on.
struct ListBinding {
  enum class Kind : std::uint8_t { kSubmit, kConstant, kScratch };
  Kind kind = Kind::kSubmit;
  std::string name;  ///< of what a submit supplies
  std::uint64_t bytes = 0;
  bool written = false;      ///< commands may write it
  std::uint64_t offset = 0;  ///< of the others: where it is in all constants, in all scratch memory
};

struct ListCommand {
  halyard_op op{};
  std::vector<halyard_view> views;  ///< inputs, then the output
  OpParams params;
  std::string name;

  [[nodiscard]] std::span<const halyard_view> inputs() const {
    return std::span(views).first(views.size() - 1);
  }
  [[nodiscard]] const halyard_view& output() const { return views.back(); }
};

/// Throws Error(HALYARD_INVALID_ARGUMENT) with what does not fit: number, shapes, types and strides
/// of the views, parameters. The bindings are not looked at.
void check_command(halyard_op op, std::span<const halyard_view> views, const OpParams& params);

/// All functions that add check everything and throw Error(HALYARD_INVALID_ARGUMENT) with what does
/// not fit; the list is then unchanged.
class CommandList {
 public:
  std::uint32_t bind(std::string_view name, std::uint64_t bytes, bool written);
  std::uint32_t add_constant(std::span<const std::byte> data);
  std::uint32_t add_scratch(std::uint64_t bytes);
  /// An empty name is replaced by "matmul#3".
  void add(halyard_op op, std::span<const halyard_view> views, OpParams params,
           std::string_view name);

  [[nodiscard]] std::span<const ListBinding> bindings() const { return bindings_; }
  [[nodiscard]] std::span<const std::byte> constants() const { return constants_; }
  [[nodiscard]] std::uint64_t scratch_bytes() const { return scratch_bytes_; }
  [[nodiscard]] std::span<const ListCommand> commands() const { return commands_; }

 private:
  void check_binding(std::uint64_t bytes) const;
  std::uint32_t add_binding(ListBinding binding);
  void check_place(const halyard_view& view, bool written) const;

  std::vector<ListBinding> bindings_;
  std::vector<std::byte> constants_;
  std::uint64_t scratch_bytes_ = 0;
  std::vector<ListCommand> commands_;
};

}  // namespace halyard::hal
