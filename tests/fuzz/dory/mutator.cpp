// SPDX-License-Identifier: MIT
#include "mutator.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "../../unit/dory/stream.hpp"

namespace dory_test {

namespace {

std::uint32_t below(Random& random, std::size_t end) {
  return std::uniform_int_distribution<std::uint32_t>(0,
                                                      static_cast<std::uint32_t>(end - 1))(random);
}

std::uint32_t any(Random& random) {
  return static_cast<std::uint32_t>(random() << 16 ^ random());
}

/// Borders: of types, of sizes, of the regions.
std::uint32_t interesting(Random& random) {
  constexpr std::array kValues = {
      0U,          1U,          2U,          3U,          4U,          8U,          64U,
      71U,         72U,         73U,         99U,         100U,        101U,        4095U,
      4096U,       4097U,       16380U,      16383U,      16384U,      16385U,      0xffffU,
      0x10000U,    0x3fffffffU, 0x40000000U, 0x7fffffffU, 0x80000000U, 0x80000001U, 0xfffffff8U,
      0xfffffffcU, 0xfffffffeU, 0xffffffffU};
  if (below(random, 8) == 0) return any(random);
  return kValues.at(below(random, kValues.size()));
}

std::uint32_t format(Random& random) {
  return (below(random, 6)) | below(random, 6) << 8 | below(random, 9) << 16;
}

/// A register of an operand three times out of four, with a value that may be one of it.
Stream random_set(Random& random) {
  Stream stream;
  if (below(random, 4) == 0)
    return stream.set(below(random, DRM_HALYARD_DORY_NUM_STATE), {interesting(random)});
  const std::uint32_t number = below(random, DRM_HALYARD_DORY_NUM_OPERANDS);
  const std::uint32_t which = below(random, DRM_HALYARD_DORY_OPERAND_WORDS);
  const bool is_format = which == DRM_HALYARD_DORY_FORMAT;
  return stream.set(DRM_HALYARD_DORY_OPERAND(number) + which,
                    {is_format ? format(random) : interesting(random)});
}

void insert(Words& words, std::size_t at, const Words& more) {
  words.insert(words.begin() + static_cast<std::ptrdiff_t>(at), more.begin(), more.end());
}

/// Positions of the words that begin a command, as far as the stream can be followed.
std::vector<std::size_t> commands(const Words& words) {
  std::vector<std::size_t> found;
  std::size_t at = 0;
  while (at < words.size()) {
    found.push_back(at);
    const std::uint32_t word = words[at];
    const bool set = word >> DRM_HALYARD_DORY_OPCODE_SHIFT == DRM_HALYARD_DORY_OP_SET;
    at += 1 +
          (set ? (word & DRM_HALYARD_DORY_SET_COUNT_MASK) >> DRM_HALYARD_DORY_SET_COUNT_SHIFT : 0);
  }
  return found;
}

/// Where a SET has an effect: before an operation.
std::size_t before_operation(const Words& words, Random& random) {
  auto starts = commands(words);
  std::erase_if(starts, [&](std::size_t at) {
    return words[at] >> DRM_HALYARD_DORY_OPCODE_SHIFT == DRM_HALYARD_DORY_OP_SET;
  });
  return starts.empty() ? 0 : starts[below(random, starts.size())];
}

using State = std::array<std::uint32_t, DRM_HALYARD_DORY_NUM_STATE>;

/// State registers as they are at `end`, the beginning of a command.
State state_at(const Words& words, std::size_t end) {
  State state{};
  for (const std::size_t at : commands(words)) {
    if (at >= end) break;
    if (words[at] >> DRM_HALYARD_DORY_OPCODE_SHIFT != DRM_HALYARD_DORY_OP_SET) continue;
    std::size_t to = words[at] & DRM_HALYARD_DORY_SET_FIRST_MASK;
    std::size_t count =
        (words[at] & DRM_HALYARD_DORY_SET_COUNT_MASK) >> DRM_HALYARD_DORY_SET_COUNT_SHIFT;
    for (std::size_t from = at + 1; count > 0 && from < words.size() && to < state.size(); --count)
      state.at(to++) = words[from++];
  }
  return state;
}

/// Bytes from element (0, ..., 0) to the end of the highest one, modulo 2^32.
std::uint32_t bytes_above(std::span<const std::uint32_t> operand) {
  const std::uint32_t dtype = operand[DRM_HALYARD_DORY_FORMAT] & DRM_HALYARD_DORY_FORMAT_DTYPE;
  const std::uint32_t rank = (operand[DRM_HALYARD_DORY_FORMAT] >> 8) % 5;
  std::uint32_t high = 1;
  for (std::uint32_t d = 0; d < rank; ++d) {
    const std::uint32_t stride = operand[DRM_HALYARD_DORY_STRIDE(d)];
    if (stride >> 31 == 0) high += (operand[DRM_HALYARD_DORY_DIM(d)] - 1) * stride;
  }
  return high * (dtype == DRM_HALYARD_DORY_I8 || dtype == DRM_HALYARD_DORY_U8 ? 1 : 4);
}

/// An operand of some command to the end of a region, or a little before or beyond.
void slide(Words& words, const Regions& regions, Random& random) {
  const std::size_t at = before_operation(words, random);
  const State state = state_at(words, at);
  const std::uint32_t number = below(random, 2) == 0 ? std::uint32_t{DRM_HALYARD_DORY_OUT}
                                                     : below(random, DRM_HALYARD_DORY_NUM_OPERANDS);
  const auto operand =
      std::span(state).subspan(DRM_HALYARD_DORY_OPERAND(number), DRM_HALYARD_DORY_OPERAND_WORDS);
  const std::uint32_t region = below(random, regions.size());
  const std::uint32_t format =
      (operand[DRM_HALYARD_DORY_FORMAT] & ~std::uint32_t{DRM_HALYARD_DORY_FORMAT_REGION}) |
      region << 16;
  constexpr std::array<std::uint32_t, 7> kBeside = {0, 0, 1, 4, 8, 0xfffffffc, 0xffffffff};
  const std::uint32_t offset =
      regions[region].size - bytes_above(operand) + kBeside.at(below(random, kBeside.size()));
  insert(words, at, Stream{}.set(DRM_HALYARD_DORY_OPERAND(number), {format, offset}).words());
}

}  // namespace

Words valid_stream(Random& random) {
  Words words;
  const std::uint32_t count = 1 + below(random, 4);
  for (std::uint32_t i = 0; i < count; ++i) {
    constexpr std::uint32_t kFirst = DRM_HALYARD_DORY_OP_MATMUL;
    const Stream operation =
        valid_operation(kFirst + below(random, DRM_HALYARD_DORY_NUM_OPCODES - kFirst));
    insert(words, words.size(), operation.words());
  }
  words.push_back(command(DRM_HALYARD_DORY_OP_END));
  return words;
}

void mutate(Words& words, const Regions& regions, Random& random) {
  if (words.empty()) return words.push_back(any(random));
  const std::size_t at = below(random, words.size());
  switch (below(random, 12)) {
    case 0:
      words[at] = interesting(random);
      return;
    case 1:
      words[at] ^= 1U << below(random, 32);
      return;
    case 2:
      words[at] += below(random, 9) - 4U;
      return;
    case 3:
      std::swap(words[at], words[below(random, words.size())]);
      return;
    case 4:
      words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
      return;
    case 5:
      words.resize(at + 1);
      return;
    case 6: {
      const auto starts = commands(words);
      words[starts[below(random, starts.size())]] =
          command(below(random, DRM_HALYARD_DORY_NUM_OPCODES + 1));
      return;
    }
    case 7:
    case 8:
      return slide(words, regions, random);
    default:
      return insert(words, before_operation(words, random), random_set(random).words());
  }
}

}  // namespace dory_test
