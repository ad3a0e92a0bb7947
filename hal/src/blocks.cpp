// SPDX-License-Identifier: MIT
// One element at a time: where its bits are and what they are multiplied with.

#include "blocks.hpp"

#include <array>
#include <cmath>

#include "half.hpp"

namespace halyard::hal {
namespace {

using Block = std::span<const std::byte>;

unsigned byte_at(Block block, std::size_t at) {
  return static_cast<unsigned>(block[at]);
}

/// `count` bits of the little-endian number that begins at byte `at`, from bit `first` on.
unsigned bits(Block block, std::size_t at, std::size_t first, unsigned count) {
  unsigned value = 0;
  for (unsigned i = 0; i < count; ++i) {
    const auto bit = first + i;
    value |= (byte_at(block, at + bit / 8) >> (bit % 8) & 1U) << i;
  }
  return value;
}

double half_at(Block block, std::size_t at) {
  return from_f16(static_cast<std::uint16_t>(bits(block, at, 0, 16)));
}

double e2m1(unsigned code) {
  constexpr std::array<double, 8> kMagnitudes = {0, 0.5, 1, 1.5, 2, 3, 4, 6};
  return (code & 8U) != 0 ? -kMagnitudes.at(code & 7U) : kMagnitudes.at(code & 7U);
}

/// The sign is not looked at; the NaN is 0.
double e4m3(unsigned code) {
  const auto exponent = static_cast<int>(code >> 3 & 15U);
  const auto fraction = static_cast<double>(code & 7U) / 8;
  if (code == 0x7f || code == 0xff) return 0;
  return exponent == 0 ? std::ldexp(fraction, -6) : std::ldexp(1 + fraction, exponent - 7);
}

double non_linear(unsigned code) {
  constexpr std::array<int, 16> kSteps = {-127, -104, -83, -65, -49, -35, -22, -10,
                                          1,    13,   25,  38,  53,  69,  89,  113};
  return kSteps.at(code);
}

/// Four bits of element `i` in a group of `n`, whose bytes begin at `at`: the second half of the
/// elements has the high bits.
unsigned nibble(Block block, std::size_t at, std::size_t i, std::size_t n) {
  return bits(block, at + i % (n / 2), i < n / 2 ? 0 : 4, 4);
}

/// Of 6-bit pairs in the K formats: scale, or minimum, of a group of 32 elements.
unsigned six_bits(Block block, std::size_t at, std::size_t group, bool minimum) {
  const std::size_t own = at + group % 4 + (minimum ? 4 : 0);
  if (group < 4) return bits(block, own, 0, 6);
  return bits(block, at + 4 + group, minimum ? 4 : 0, 4) | bits(block, own, 6, 2) << 4;
}

double k_element(halyard_format format, Block block, std::size_t i) {
  const std::size_t group = i / 16, in_half = i % 128, half = i / 128;
  switch (format) {
    case HALYARD_Q2_K:
      return half_at(block, 80) * bits(block, group, 0, 4) *
                 bits(block, 16 + half * 32 + i % 32, in_half / 32 * 2, 2) -
             half_at(block, 82) * bits(block, group, 4, 4);
    case HALYARD_Q3_K: {
      const auto scale = static_cast<int>(bits(block, 96 + group % 8, group / 8 * 4, 4) |
                                          bits(block, 104 + group % 4, group / 4 * 2, 2) << 4);
      const auto code = static_cast<int>(bits(block, 32 + half * 32 + i % 32, in_half / 32 * 2, 2) |
                                         bits(block, i % 32, i / 32, 1) << 2);
      return half_at(block, 108) * (scale - 32) * (code - 4);
    }
    case HALYARD_Q6_K: {
      const auto code =
          static_cast<int>(bits(block, half * 64 + i % 64, in_half / 64 * 4, 4) |
                           bits(block, 128 + half * 32 + i % 32, in_half / 32 * 2, 2) << 4);
      const auto scale = static_cast<std::int8_t>(block[192 + group]);
      return half_at(block, 208) * scale * (code - 32);
    }
    default: {  // Q4_K and Q5_K
      const std::size_t quants = format == HALYARD_Q4_K ? 16 : 48;
      auto code = bits(block, quants + i / 64 * 32 + i % 32, i / 32 % 2 * 4, 4);
      if (format == HALYARD_Q5_K) code |= bits(block, 16 + i % 32, i / 32, 1) << 4;
      return half_at(block, 0) * six_bits(block, 4, i / 32, false) * code -
             half_at(block, 2) * six_bits(block, 4, i / 32, true);
    }
  }
}

/// The digit of base 3 behind the n-th of a fraction of 256.
int ternary(unsigned fraction, std::size_t n) {
  for (; n > 0; --n)
    fraction = fraction * 3 % 256;
  return static_cast<int>(fraction * 3 / 256) - 1;
}

int tq1_element(Block block, std::size_t i) {
  if (i < 160) return ternary(byte_at(block, i % 32), i / 32);
  if (i < 240) return ternary(byte_at(block, 32 + i % 16), (i - 160) / 16);
  return ternary(byte_at(block, 48 + i % 4), (i - 240) / 4);
}

double five_bits(Block block, std::size_t at, std::size_t i) {
  return nibble(block, at + 4, i, 32) | bits(block, at, i, 1) << 4;
}

double iq4_xs_element(Block block, std::size_t i) {
  const std::size_t group = i / 32;
  const auto scale =
      static_cast<int>(bits(block, 4, group * 4, 4) | bits(block, 2, group * 2, 2) << 4);
  return half_at(block, 0) * (scale - 32) * non_linear(nibble(block, 8 + group * 16, i % 32, 32));
}

}  // namespace

Blocks blocks_of(halyard_format format) {
  switch (format) {
    case HALYARD_Q4_0:
    case HALYARD_IQ4_NL:
      return {32, 18};
    case HALYARD_Q4_1:
      return {32, 20};
    case HALYARD_Q5_0:
      return {32, 22};
    case HALYARD_Q5_1:
      return {32, 24};
    case HALYARD_Q8_0:
      return {32, 34};
    case HALYARD_Q2_K:
      return {256, 84};
    case HALYARD_Q3_K:
      return {256, 110};
    case HALYARD_Q4_K:
      return {256, 144};
    case HALYARD_Q5_K:
      return {256, 176};
    case HALYARD_Q6_K:
      return {256, 210};
    case HALYARD_IQ4_XS:
      return {256, 136};
    case HALYARD_MXFP4:
      return {32, 17};
    case HALYARD_NVFP4:
      return {64, 36};
    case HALYARD_Q1_0:
      return {128, 18};
    case HALYARD_Q2_0:
      return {64, 18};
    case HALYARD_TQ1_0:
      return {256, 54};
    case HALYARD_TQ2_0:
      return {256, 66};
  }
  return {};
}

double block_element(halyard_format format, Block block, std::size_t i) {
  switch (format) {
    case HALYARD_Q4_0:
      return half_at(block, 0) * (nibble(block, 2, i, 32) - 8.0);
    case HALYARD_Q4_1:
      return half_at(block, 0) * nibble(block, 4, i, 32) + half_at(block, 2);
    case HALYARD_Q5_0:
      return half_at(block, 0) * (five_bits(block, 2, i) - 16);
    case HALYARD_Q5_1:
      return half_at(block, 0) * five_bits(block, 4, i) + half_at(block, 2);
    case HALYARD_Q8_0:
      return half_at(block, 0) * static_cast<std::int8_t>(block[2 + i]);
    case HALYARD_IQ4_NL:
      return half_at(block, 0) * non_linear(nibble(block, 2, i, 32));
    case HALYARD_IQ4_XS:
      return iq4_xs_element(block, i);
    case HALYARD_MXFP4:
      return std::ldexp(e2m1(nibble(block, 1, i, 32)), static_cast<int>(byte_at(block, 0)) - 127);
    case HALYARD_NVFP4:
      return e4m3(byte_at(block, i / 16)) * e2m1(nibble(block, 4 + i / 16 * 8, i % 16, 16));
    case HALYARD_Q1_0:
      return bits(block, 2, i, 1) != 0 ? half_at(block, 0) : -half_at(block, 0);
    case HALYARD_Q2_0:
      return half_at(block, 0) * (bits(block, 2, i * 2, 2) - 1.0);
    case HALYARD_TQ1_0:
      return half_at(block, 52) * tq1_element(block, i);
    case HALYARD_TQ2_0:
      return half_at(block, 64) * (bits(block, i / 128 * 32 + i % 32, i % 128 / 32 * 2, 2) - 1.0);
    default:
      return k_element(format, block, i);
  }
}

}  // namespace halyard::hal
