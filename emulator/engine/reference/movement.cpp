// SPDX-License-Identifier: MIT
#include "../index.hpp"
#include "../indices.hpp"
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
  return for_each_row(index, in.dims[0], [&](std::uint32_t i, std::uint32_t row) {
    copy(row_at(in, row), row_at(out, i));
  });
}

std::string Reference::scatter(const Tensor& in, const Tensor& index, const Tensor& out) {
  return for_each_row(index, out.dims[0], [&](std::uint32_t i, std::uint32_t row) {
    copy(row_at(in, i), row_at(out, row));
  });
}

void Reference::fill(const Tensor& out, std::uint32_t pattern) {
  for_each_index(out.dims, out.rank, [&](const Index& index) {
    // The low bytes are the first ones: the project runs on little-endian hosts.
    std::memcpy(address_of(out, offset_of(out, index)), &pattern, size_of(out.type));
  });
}

}  // namespace halyard::engine
