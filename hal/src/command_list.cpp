// SPDX-License-Identifier: MIT
#include "command_list.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "error.hpp"
#include "graph_infer.hpp"

namespace halyard::hal {
namespace {

constexpr std::size_t kMaxCommands = 1U << 20;
constexpr std::size_t kMaxBindings = 1U << 16;
/// Of constants and of scratch memory: what every chip may place, and a cache line.
constexpr std::uint64_t kAlignment = 64;

[[noreturn]] void refuse(const std::string& what) {
  throw Error(HALYARD_INVALID_ARGUMENT, what);
}

[[noreturn]] void refuse(halyard_op op, const std::string& what) {
  refuse(std::string(to_string(op)) + ": " + what);
}

constexpr std::uint64_t round_up(std::uint64_t bytes) {
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

/// "input 1" or "the output", for messages.
std::string name_of(std::span<const halyard_view> views, std::size_t index) {
  return index + 1 == views.size() ? "the output" : "input " + std::to_string(index);
}

halyard_tensor_desc desc_of(const halyard_view& view) {
  halyard_tensor_desc desc{};
  desc.dtype = view.dtype;
  desc.rank = view.rank;
  std::copy_n(view.dims, std::min<std::uint32_t>(view.rank, HALYARD_MAX_RANK), desc.dims);
  return desc;
}

bool may_be_absent(halyard_op op, std::size_t input) {
  return input > 0 && (op == HALYARD_OP_LAYER_NORM || op == HALYARD_OP_RMS_NORM);
}

/// The shapes and types of the inputs. What is absent counts as what would fit.
std::vector<halyard_tensor_desc> input_descs(halyard_op op, std::span<const halyard_view> views) {
  std::vector<halyard_tensor_desc> descs;
  for (std::size_t i = 0; i + 1 < views.size(); ++i) {
    const auto& view = views[i];
    if (view.rank == 0 && may_be_absent(op, i)) {
      const auto& in = descs.front();
      descs.push_back({in.dtype, 1, {in.dims[in.rank - 1]}});
      continue;
    }
    descs.push_back(desc_of(view));
    check_desc(descs.back());
  }
  return descs;
}

bool is_product(halyard_op op) {
  return op == HALYARD_OP_MATMUL || op == HALYARD_OP_CONV2D || op == HALYARD_OP_LINEAR;
}

/// Whether the output may have this type instead of the one that the operation gives.
bool widens(halyard_op op, halyard_dtype given, halyard_dtype wanted) {
  return is_product(op) && wanted == HALYARD_F32 && (given == HALYARD_F16 || given == HALYARD_BF16);
}

void check_output(halyard_op op, const halyard_tensor_desc& given, const halyard_view& output) {
  auto wanted = desc_of(output);
  check_desc(wanted);
  if (widens(op, given.dtype, wanted.dtype)) wanted.dtype = given.dtype;
  const bool same = wanted.dtype == given.dtype && wanted.rank == given.rank &&
                    std::equal(given.dims, given.dims + given.rank, wanted.dims);
  if (!same) {
    refuse(op,
           "the output is " + to_string(desc_of(output)) + ", the inputs give " + to_string(given));
  }
}

/// A dimension of an output.
struct Axis {
  std::uint64_t stride, steps;
};

/// No two elements share memory: from the smallest stride to the largest, each goes beyond all that
/// lies inside it.
void check_nesting(halyard_op op, const halyard_view& output) {
  std::array<Axis, HALYARD_MAX_RANK> axes{};
  for (std::uint32_t i = 0; i < output.rank; ++i) {
    const auto stride = output.strides[i];
    const auto size = static_cast<std::uint64_t>(stride);
    axes.at(i) = {stride < 0 ? ~size + 1 : size, output.dims[i] - std::uint64_t{1}};
  }
  std::sort(axes.begin(), axes.end(),
            [](const Axis& a, const Axis& b) { return a.stride < b.stride; });
  std::uint64_t extent = 0;
  for (const auto& axis : axes) {
    if (axis.steps == 0) continue;
    if (axis.stride <= extent) refuse(op, "elements of the output share memory");
    std::uint64_t reach = 0;
    if (__builtin_mul_overflow(axis.stride, axis.steps, &reach) ||
        __builtin_add_overflow(extent, reach, &extent)) {
      refuse(op, "the output is larger than memory");
    }
  }
}

/// How far the view reaches before and behind its first element, in bytes.
struct Reach {
  std::uint64_t before = 0, behind = 0;
};

/// Nothing for what no memory holds.
std::optional<Reach> reach_of(const halyard_view& view) {
  Reach reach;
  const auto size = static_cast<std::int64_t>(halyard_dtype_size(view.dtype));
  for (std::uint32_t i = 0; i < view.rank; ++i) {
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(view.strides[i], size, &bytes) ||
        __builtin_mul_overflow(bytes, std::int64_t{view.dims[i]} - 1, &bytes) ||
        bytes == std::numeric_limits<std::int64_t>::min()) {
      return std::nullopt;
    }
    auto& side = bytes < 0 ? reach.before : reach.behind;
    if (__builtin_add_overflow(side, static_cast<std::uint64_t>(bytes < 0 ? -bytes : bytes),
                               &side)) {
      return std::nullopt;
    }
  }
  return reach;
}

}  // namespace

void check_command(halyard_op op, std::span<const halyard_view> views, const OpParams& params) {
  if (op == HALYARD_OP_TRANSPOSE || op == HALYARD_OP_RESHAPE) {
    refuse(op, "no command of a list: a view says it, and cast copies what a view shows");
  }
  if (views.size() != arity(op) + 1) {
    refuse(op, "takes " + std::to_string(arity(op)) + " inputs and an output, not " +
                   std::to_string(views.size()) + " views");
  }
  const auto& output = views.back();
  const auto inputs = input_descs(op, views);
  if (op == HALYARD_OP_SCATTER) {
    check_desc(desc_of(output));
    check_scatter(inputs[0], inputs[1], desc_of(output));
  } else {
    check_output(op, infer(op, inputs, params), output);
  }
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (views[i].rank != 0 && views[i].offset % halyard_dtype_size(views[i].dtype) != 0) {
      refuse(op, "the offset of " + name_of(views, i) + " is not a multiple of its elements' size");
    }
  }
  check_nesting(op, output);
}

void CommandList::check_binding(std::uint64_t bytes) const {
  if (bytes == 0 || bytes > kMaxTensorBytes) {
    refuse("a binding has 1 byte to 1 TiB, not " + std::to_string(bytes));
  }
  if (bindings_.size() >= kMaxBindings) {
    throw Error(HALYARD_LIMIT, "a command list has at most 65,536 bindings");
  }
}

std::uint32_t CommandList::add_binding(ListBinding binding) {
  bindings_.push_back(std::move(binding));
  return static_cast<std::uint32_t>(bindings_.size() - 1);
}

std::uint32_t CommandList::bind(std::string_view name, std::uint64_t bytes, bool written) {
  check_name(name);
  check_binding(bytes);
  for (const auto& binding : bindings_) {
    if (binding.name == name) refuse("there is a binding \"" + std::string(name) + "\" already");
  }
  return add_binding({ListBinding::Kind::kSubmit, std::string(name), bytes, written, 0});
}

std::uint32_t CommandList::add_constant(std::span<const std::byte> data) {
  check_binding(data.size());
  const auto offset = round_up(constants_.size());
  constants_.resize(offset);
  constants_.insert(constants_.end(), data.begin(), data.end());
  return add_binding({ListBinding::Kind::kConstant, {}, data.size(), false, offset});
}

std::uint32_t CommandList::add_scratch(std::uint64_t bytes) {
  check_binding(bytes);
  if (scratch_bytes_ > kMaxTensorBytes) {
    refuse("a command list has at most 2 TiB of scratch memory");
  }
  const auto index = add_binding({ListBinding::Kind::kScratch, {}, bytes, true, scratch_bytes_});
  scratch_bytes_ += round_up(bytes);
  return index;
}

void CommandList::check_place(const halyard_view& view, bool written) const {
  if (view.binding >= bindings_.size()) {
    refuse("the list has no binding " + std::to_string(view.binding));
  }
  const auto& binding = bindings_[view.binding];
  const auto which = "binding " + std::to_string(view.binding);
  if (written && !binding.written) refuse(which + " is written, and may only be read");
  const auto reach = reach_of(view);
  const auto size = halyard_dtype_size(view.dtype);
  const bool inside = reach && view.offset <= binding.bytes && reach->before <= view.offset &&
                      reach->behind <= binding.bytes - view.offset &&
                      size <= binding.bytes - view.offset - reach->behind;
  if (!inside) {
    refuse("a view " + to_string(desc_of(view)) + " at offset " + std::to_string(view.offset) +
           " reaches outside of " + which + ", which has " + std::to_string(binding.bytes) +
           " bytes");
  }
}

void CommandList::add(halyard_op op, std::span<const halyard_view> views, OpParams params,
                      std::string_view name) {
  check_command(op, views, params);
  for (std::size_t i = 0; i < views.size(); ++i) {
    if (views[i].rank != 0) check_place(views[i], i + 1 == views.size());
  }
  if (!name.empty()) check_name(name);
  if (commands_.size() >= kMaxCommands) {
    throw Error(HALYARD_LIMIT, "a command list has at most 1,048,576 commands");
  }
  ListCommand command;
  command.op = op;
  command.views.assign(views.begin(), views.end());
  command.params = params;
  command.name = !name.empty()
                     ? std::string(name)
                     : std::string(to_string(op)) + "#" + std::to_string(commands_.size());
  commands_.push_back(std::move(command));
}

}  // namespace halyard::hal
