// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>

#include "../scalar.hpp"
#include "fast.hpp"
#include "rows.hpp"
#include "scratch.hpp"
#include "walk.hpp"

namespace halyard::engine {
namespace {

/// A value and its place as one number, so that numbers in order are values in order and, of equal
/// values, places.
using Key = std::uint64_t;

Key key_of(float value, std::uint32_t place, std::uint32_t flip) {
  constexpr std::uint32_t kSign = 0x80000000U;
  const float positive_zero = value + 0.0F;
  const auto bits = std::bit_cast<std::uint32_t>(positive_zero);
  const std::uint32_t rising = (bits & kSign) != 0 ? ~bits : bits | kSign;
  const std::uint32_t rank = value != value ? ~std::uint32_t{0} : rising ^ flip;
  return Key{rank} << 32U | place;
}

/// The first `count` of what is put in: never more than twice as many are kept, and a chunk.
class First {
 public:
  explicit First(std::size_t count)
      : count_(count), keys_(scratch<Key>(ScratchUse::kKeys, 2 * count + kRowChunk)) {}

  void clear() { used_ = 0; }
  /// At most kRowChunk values.
  void put(const float* values, std::uint32_t place, std::size_t n, std::uint32_t flip) {
    if (used_ > 2 * count_) {
      std::nth_element(keys_, keys_ + count_, keys_ + used_);
      used_ = count_;
    }
    for (std::size_t i = 0; i < n; ++i) {
      keys_[used_++] = key_of(values[i], place + static_cast<std::uint32_t>(i), flip);
    }
  }
  void sort() {
    if (used_ > count_) {
      std::nth_element(keys_, keys_ + count_, keys_ + used_);
    }
    std::sort(keys_, keys_ + std::min(used_, count_));
  }
  [[nodiscard]] std::int32_t at(std::size_t i) const {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(keys_[i]));
  }

 private:
  std::size_t count_;
  std::size_t used_ = 0;
  Key* keys_;
};

}  // namespace

void Fast::order(const Tensor& in, const Tensor& out, bool descending) {
  const unsigned last = out.rank - 1;
  const std::uint32_t flip = descending ? ~std::uint32_t{0} : 0;
  const std::size_t count = out.dims[last];
  First first(count);
  for_each_last_row(in, out, [&](const Row& source, const Row& target) {
    alignas(64) std::array<float, kRowChunk> values;
    first.clear();
    for_each_chunk(in.dims[last], [&](std::size_t begin, std::size_t n) {
      load_row(source.skip(begin), values.data(), n);
      first.put(values.data(), static_cast<std::uint32_t>(begin), n, flip);
    });
    first.sort();
    for (std::size_t i = 0; i < count; ++i) {
      store_as(target.at(i), first.at(i));
    }
  });
}

}  // namespace halyard::engine
