// SPDX-License-Identifier: MIT
#include "../check.hpp"
#include "../index.hpp"
#include "../scalar.hpp"
#include "reference.hpp"

namespace halyard::engine {
namespace {

void copy_element(const Tensor& in, std::int64_t source, const Tensor& out, std::int64_t target) {
  if (in.type == out.type) {
    std::memcpy(address_of(out, target), address_of(in, source), size_of(in.type));
  } else if (is_float(in.type) || is_float(out.type)) {
    store_float(out, target, load_float(in, source));
  } else {
    store_int(out, target, load_int(in, source));
  }
}

}  // namespace

void Reference::copy(const Tensor& in, const Tensor& out) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    copy_element(in, offset_of(in, index), out, offset_of(out, index));
  });
}

std::string Reference::gather(const Tensor& in, const Tensor& index, const Tensor& out) {
  const std::uint32_t rows = in.dims[0];
  const auto outside = [&](std::int32_t row) {
    return row < 0 || static_cast<std::uint32_t>(row) >= rows;
  };
  for (std::uint32_t i = 0; i < index.dims[0]; ++i) {
    if (const std::int32_t row = load_int(index, offset_of(index, {i})); outside(row)) {
      return refuse_index(i, row, rows);
    }
  }
  std::string reason;
  for_each_index(out.dims, out.rank, [&](const Index& target) {
    // The memory may have changed since, so each index is looked at again when it is used.
    const std::int32_t row = load_int(index, offset_of(index, {target[0]}));
    if (outside(row)) {
      reason = refuse_index(target[0], row, rows);
      return;
    }
    Index source = target;
    source[0] = static_cast<std::uint32_t>(row);
    copy_element(in, offset_of(in, source), out, offset_of(out, target));
  });
  return reason;
}

void Reference::fill(const Tensor& out, std::uint32_t pattern) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    // The low bytes are the first ones: the project runs on little-endian hosts.
    std::memcpy(address_of(out, offset_of(out, index)), &pattern, size_of(out.type));
  });
}

}  // namespace halyard::engine
