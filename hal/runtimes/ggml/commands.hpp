// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Commands of a list while it is not known yet which buffers they are for.

#include <ggml.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <halyard/halyard.hpp>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace halyard::ggml {

/// No command of a chip's does this.
class Unsupported : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A strided tensor in one of the bindings; the outermost dimension first, as the HAL has it.
struct Strided {
  std::uint32_t binding = 0;
  halyard_dtype dtype = HALYARD_F32;
  std::uint64_t offset = 0;
  std::vector<std::uint32_t> dims;
  std::vector<std::int64_t> strides;  ///< elements

  [[nodiscard]] std::uint64_t elements() const;
  [[nodiscard]] bool contiguous() const;
  /// The part of `dim` that begins at `first` and takes each `step`th.
  [[nodiscard]] Strided slice(std::size_t dim, std::uint32_t first, std::uint32_t count,
                              std::uint32_t step = 1) const;
  /// The first is one more than needed: without it, and what is fixed in it.
  [[nodiscard]] Strided at(std::size_t dim, std::uint32_t index) const;
  [[nodiscard]] Strided swapped(std::size_t a, std::size_t b) const;
  /// With a dimension of one element before `dim`.
  [[nodiscard]] Strided inserted(std::size_t dim) const;
  /// The same elements in another shape; *this is contiguous.
  [[nodiscard]] Strided reshaped(std::vector<std::uint32_t> shape) const;
  /// With the dimension of one element repeated `count` times.
  [[nodiscard]] Strided repeated(std::size_t dim, std::uint32_t count) const;
  [[nodiscard]] View view() const;
};

/// As a dimension of the HAL's. Throws Unsupported for none of its.
std::uint32_t narrow(std::int64_t dim);
/// Whether the elements of a row stand in quantised blocks.
bool is_blocks(const ggml_tensor* tensor);
/// That of its blocks. Throws Unsupported for those that the HAL does not have.
halyard_format format_of(const ggml_tensor* tensor);

/// Where a tensor's first element is.
struct Location {
  std::uint32_t binding = 0;
  std::uint64_t offset = 0;
};

/// Commands in order. Bindings: scratch memory, constants, then what `locate` says.
class Commands {
 public:
  enum : std::uint32_t { kScratch, kConstants, kFirst };
  using Locate = std::function<Location(const ggml_tensor*)>;

  /// Without `locate` every tensor is at the start of one binding.
  explicit Commands(Locate locate = {}) : locate_(std::move(locate)) {}

  /// A tensor of the graph: four dimensions. Throws Unsupported for types that the HAL does not
  /// have.
  [[nodiscard]] Strided tensor(const ggml_tensor* tensor) const;
  /// Of any type, to be moved as it is: one more dimension counts the words of an element, or of a
  /// block of several. One of the HAL's types has a single word.
  [[nodiscard]] Strided words(const ggml_tensor* tensor) const;
  /// Whole numbers of 32 bits, or of 64 as pairs of words: then with a last dimension of two.
  [[nodiscard]] Strided indices(const ggml_tensor* tensor) const;
  /// The bytes of a tensor of blocks: whole blocks along the last dimension. Throws Unsupported for
  /// formats that the HAL does not have.
  [[nodiscard]] Strided blocks(const ggml_tensor* tensor) const;
  /// A tensor as what only moves it sees it: blocks are bytes.
  [[nodiscard]] Strided movable(const ggml_tensor* tensor) const;
  /// A tensor of the graph in this type: itself, or a copy in scratch memory, blocks unpacked.
  Strided real(const ggml_tensor* tensor, halyard_dtype dtype = HALYARD_F32);
  /// Numbers in this type: themselves, or a copy in scratch memory.
  Strided converted(const Strided& in, halyard_dtype dtype);
  /// Memory until begin_node().
  Strided scratch(std::vector<std::uint32_t> dims, halyard_dtype dtype);
  /// A constant, in float32.
  Strided constant(std::span<const float> values, std::vector<std::uint32_t> dims);
  /// One, seen with `rank` dimensions of one element.
  Strided scalar(float value, std::size_t rank = 1);

  /// What follows is for this node; scratch memory is free again.
  void begin_node(const ggml_tensor* node);
  void add(halyard_op op, std::vector<Strided> operands, CommandParams params = {});
  void copy(const Strided& in, const Strided& out) {
    add(HALYARD_OP_CAST, {in, out}, halyard_cast_params{0, out.dtype});
  }

  /// The elements of blocks in `tensor`'s format.
  void unpack(const ggml_tensor* tensor, const Strided& blocks, const Strided& out);

  /// Whether the device has every one of them. Throws what else goes wrong.
  [[nodiscard]] bool supported_by(const Device& device) const;

  struct BindingUse {
    std::uint64_t bytes = 0;
    bool written = false;
  };
  /// A list of them; `bindings` are those from kFirst on, named "0", "1", ...
  [[nodiscard]] CommandList list(std::span<const BindingUse> bindings) const;

  /// Of scratch memory, for the node that needs most.
  [[nodiscard]] std::uint64_t scratch_bytes() const { return scratch_bytes_; }

 private:
  struct Command {
    halyard_op op;
    std::vector<Strided> operands;
    CommandParams params;
    std::string name;
  };

  [[nodiscard]] Strided strided(const ggml_tensor* tensor, halyard_dtype dtype) const;

  Locate locate_;
  std::vector<Command> commands_;
  std::vector<float> constants_;
  std::uint64_t scratch_used_ = 0, scratch_bytes_ = 0;
  std::string name_;
};

}  // namespace halyard::ggml
