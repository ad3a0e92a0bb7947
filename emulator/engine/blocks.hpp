// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What lies in a block of each format. For the files that unpack, which may be compiled for
/// different instruction sets; hence the internal linkage. The layouts are those of ggml's files.
///
/// Fields are read as bytes: blocks have any alignment. Scales are binary16 unless told otherwise.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "engine.hpp"
#include "float16.hpp"

namespace halyard::engine {
namespace {

/// The same as f16_to_f32(), by the processor where it can.
inline float real_of_half(unsigned half) {
#ifdef __F16C__
  return _cvtsh_ss(static_cast<std::uint16_t>(half));
#else
  return f16_to_f32(static_cast<std::uint16_t>(half));
#endif
}

/// The bytes of a block.
class Bytes {
 public:
  explicit Bytes(const std::byte* data) : data_(data) {}

  unsigned operator[](std::size_t i) const { return static_cast<unsigned>(data_[i]); }
  [[nodiscard]] int as_signed(std::size_t i) const { return static_cast<std::int8_t>(data_[i]); }
  [[nodiscard]] unsigned half_word(std::size_t i) const {
    return (*this)[i] | (*this)[i + 1] << 8U;
  }
  [[nodiscard]] std::uint32_t word(std::size_t i) const {
    return half_word(i) | half_word(i + 2) << 16U;
  }
  [[nodiscard]] float f16(std::size_t i) const { return real_of_half(half_word(i)); }
  [[nodiscard]] Bytes from(std::size_t i) const { return Bytes(data_ + i); }
  [[nodiscard]] const std::byte* data() const { return data_; }

 private:
  const std::byte* data_;
};

inline float real(unsigned value) {
  return static_cast<float>(static_cast<int>(value));
}

/// Half of 2^(e - 127): the values that it scales are doubled.
inline float half_e8m0(unsigned e) {
  const std::uint32_t subnormal = 0x00200000U << (e & 1U);
  return std::bit_cast<float>(e < 2 ? subnormal : (e - 1) << 23U);
}

/// Half of an unsigned E4M3: four bits of exponent, three of mantissa; its two NaNs are 0.
inline float half_ue4m3(unsigned x) {
  const unsigned exponent = x >> 3U & 15U;
  const unsigned mantissa = x & 7U;
  if (x == 0x7f || x == 0xff) {
    return 0.0F;
  }
  if (exponent == 0) {
    return real(mantissa) * 0x1p-10F;
  }
  return std::bit_cast<float>((exponent + 127 - 8) << 23U | mantissa << 20U);
}

/// Sixteen codes of a byte each, in the compilers' own vectors: loops over bytes that become floats
/// they vectorise badly, if at all. Loops over the parts of a block are unrolled, for shifts of
/// bytes by what is known only at run time take many instructions.
inline constexpr std::size_t kCodes = 16;
using Codes = std::uint8_t __attribute__((vector_size(kCodes)));
/// By reference: how such are passed depends on the instruction set.
using Reals = float __attribute__((vector_size(kCodes * sizeof(float))));

inline Codes codes_at(Bytes in) {
  Codes codes;
  std::memcpy(&codes, in.data(), sizeof codes);
  return codes;
}

/// `value(reals)` replaces the codes, as reals, by what they stand for.
template <typename Value>
void store_reals(Codes codes, float* out, const Value& value) {
  using Words = std::int32_t __attribute__((vector_size(sizeof(Reals))));
  Reals reals = __builtin_convertvector(__builtin_convertvector(codes, Words), Reals);
  value(reals);
  std::memcpy(out, &reals, sizeof reals);
}

#ifdef __AVX512F__
// The processor looks codes of four bits up in a register: that takes fewer instructions than to
// compute each, and the values are the same. Intrinsics have masks where GCC 12 warns of what the
// plain ones do not initialise.

inline constexpr __mmask16 kAll = 0xffff;

/// What the sixteen codes from `first` on stand for.
template <typename Value>
__m512 table_of(float first, const Value& value) {
  Reals table = Reals{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15} + first;
  value(table);
  return static_cast<__m512>(table);
}

/// As the lowest four bits of words: those of sixteen bytes from `bit` on.
inline __m512i nibbles_at(Bytes in, unsigned bit) {
  const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in.data()));
  return _mm512_maskz_srli_epi32(kAll, _mm512_maskz_cvtepu8_epi32(kAll, bytes), bit);
}

inline __m512 values_of(__m512i nibbles, __m512 table) {
  return _mm512_maskz_permutexvar_ps(kAll, nibbles, table);
}
#endif

/// Sixteen codes of four bits: those of as many bytes from `bit` on.
template <typename Value>
void store_nibbles(Bytes in, unsigned bit, float* out, const Value& value) {
#ifdef __AVX512F__
  _mm512_storeu_ps(out, values_of(nibbles_at(in, bit), table_of(0, value)));
#else
  store_reals(codes_at(in) >> bit & 15U, out, value);
#endif
}

/// 32 elements in 16 bytes: the first 16 are the low halves, the others the high ones.
template <typename Value>
void unpack_nibbles(Bytes in, float* out, const Value& value) {
  store_nibbles(in, 0, out, value);
  store_nibbles(in, 4, out + kCodes, value);
}

/// What the codes of four bits of a non-linear format stand for, before it is scaled.
using Table = std::array<std::int8_t, kCodes>;

/// Twice the values of E2M1, by code.
inline constexpr Table kE2M1 = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};
/// The steps of the non-linear 4-bit formats.
inline constexpr Table kNonLinear = {-127, -104, -83, -65, -49, -35, -22, -10,
                                     1,    13,   25,  38,  53,  69,  89,  113};

/// Sixteen codes.
inline void look_up(Codes codes, float* out, const Table& table, float d) {
#ifdef __SSSE3__
  const __m128i values = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table.data()));
  codes = reinterpret_cast<Codes>(_mm_shuffle_epi8(values, reinterpret_cast<__m128i>(codes)));
#else
  for (std::size_t i = 0; i < kCodes; ++i) {
    codes[i] = static_cast<std::uint8_t>(table[codes[i]]);
  }
#endif
  store_reals(codes ^ 128U, out, [d](Reals& q) { q = (q - 128) * d; });
}

/// As unpack_nibbles().
inline void look_up_nibbles(Bytes in, float* out, const Table& table, float d) {
  look_up(codes_at(in) & 15U, out, table, d);
  look_up(codes_at(in) >> 4U, out + kCodes, table, d);
}

/// The low halves of eight bytes, then the high ones.
inline Codes low_then_high(Bytes in) {
  std::array<std::uint64_t, 2> halves;
  std::memcpy(halves.data(), in.data(), sizeof halves[0]);
  halves[1] = halves[0] >> 4U;
  Codes codes;
  std::memcpy(&codes, halves.data(), sizeof codes);
  return codes & 15U;
}

template <Format kFormat>
void unpack_block(Bytes in, float* out);

/// One bit each: the scale or its negative.
template <>
inline void unpack_block<Format::kQ10>(Bytes in, float* out) {
  const float d = in.f16(0);
  for (std::size_t i = 0; i < 128; ++i) {
    out[i] = (in[2 + i / 8] >> (i % 8) & 1U) != 0 ? d : -d;
  }
}

template <>
inline void unpack_block<Format::kQ20>(Bytes in, float* out) {
  const float d = in.f16(0);
  for (std::size_t i = 0; i < 64; ++i) {
    out[i] = (real(in[2 + i / 4] >> (i % 4 * 2) & 3U) - 1) * d;
  }
}

template <>
inline void unpack_block<Format::kQ40>(Bytes in, float* out) {
  const float d = in.f16(0);
  unpack_nibbles(in.from(2), out, [d](Reals& q) { q = (q - 8) * d; });
}

template <>
inline void unpack_block<Format::kQ41>(Bytes in, float* out) {
  const float d = in.f16(0);
  const float least = in.f16(2);
  unpack_nibbles(in.from(4), out, [=](Reals& q) { q = q * d + least; });
}

#ifndef __AVX512F__
/// Each bit of a half word as a code.
inline Codes bits_of(unsigned half_word) {
  constexpr std::uint64_t kEachByte = 0x0101010101010101U;
  constexpr Codes kBits = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  const std::array<std::uint64_t, 2> bytes = {(half_word & 255U) * kEachByte,
                                              (half_word >> 8U) * kEachByte};
  Codes codes;
  std::memcpy(&codes, bytes.data(), sizeof codes);
  return static_cast<Codes>((codes & kBits) != 0) & 1U;
}
#endif

/// Sixteen codes of five bits: four of each of as many bytes from `bit` on, one of a half word.
template <typename Value>
void store_five_bits(Bytes in, unsigned bit, unsigned fifth, float* out, const Value& value) {
#ifdef __AVX512F__
  const __m512i nibbles = nibbles_at(in, bit);
  const __m512 low = values_of(nibbles, table_of(0, value));
  const auto are_high = static_cast<__mmask16>(fifth);
  _mm512_storeu_ps(out, _mm512_mask_permutexvar_ps(low, are_high, nibbles, table_of(16, value)));
#else
  store_reals((codes_at(in) >> bit & 15U) | bits_of(fifth) << 4U, out, value);
#endif
}

/// The fifth bits of all elements stand in a word, which comes first.
template <typename Value>
void unpack_five_bits(Bytes in, float* out, const Value& value) {
  store_five_bits(in.from(4), 0, in.half_word(0), out, value);
  store_five_bits(in.from(4), 4, in.half_word(2), out + kCodes, value);
}

template <>
inline void unpack_block<Format::kQ50>(Bytes in, float* out) {
  const float d = in.f16(0);
  unpack_five_bits(in.from(2), out, [d](Reals& q) { q = (q - 16) * d; });
}

template <>
inline void unpack_block<Format::kQ51>(Bytes in, float* out) {
  const float d = in.f16(0);
  const float least = in.f16(2);
  unpack_five_bits(in.from(4), out, [=](Reals& q) { q = q * d + least; });
}

template <>
inline void unpack_block<Format::kQ80>(Bytes in, float* out) {
  const float d = in.f16(0);
  for (std::size_t i = 0; i < 32; i += kCodes) {
    store_reals(codes_at(in.from(2 + i)) ^ 128U, out + i, [d](Reals& q) { q = (q - 128) * d; });
  }
}

template <>
inline void unpack_block<Format::kMxfp4>(Bytes in, float* out) {
  const float d = half_e8m0(in[0]);
  look_up_nibbles(in.from(1), out, kE2M1, d);
}

/// Four scales in E4M3, each of 16 elements.
template <>
inline void unpack_block<Format::kNvfp4>(Bytes in, float* out) {
  for (std::size_t part = 0; part < 4; ++part) {
    const float d = half_ue4m3(in[part]);
    look_up(low_then_high(in.from(4 + part * 8)), out + part * 16, kE2M1, d);
  }
}

/// Sixteen scales and minima of four bits, then two bits each.
template <>
inline void unpack_block<Format::kQ2K>(Bytes in, float* out) {
  const float d = in.f16(80);
  const float least = in.f16(82);
#pragma GCC unroll 16
  for (std::size_t part = 0; part < 16; ++part) {
    const float step = d * real(in[part] & 15U);
    const float shift = least * real(in[part] >> 4U);
    const Bytes quants = in.from(16 + part / 8 * 32 + part % 2 * 16);
    const std::size_t bit = part % 8 / 2 * 2;
    store_reals(codes_at(quants) >> bit & 3U, out + part * kCodes,
                [=](Reals& q) { q = step * q - shift; });
  }
}

/// The third bits, two bits each, sixteen scales of six bits.
template <>
inline void unpack_block<Format::kQ3K>(Bytes in, float* out) {
  const float d = in.f16(108);
  const Bytes scales = in.from(96);
#pragma GCC unroll 16
  for (std::size_t part = 0; part < 16; ++part) {
    const unsigned low = part < 8 ? scales[part] & 15U : scales[part - 8] >> 4U;
    const unsigned high = scales[8 + part % 4] >> (part / 4 * 2) & 3U;
    const float step = d * (real(low | high << 4U) - 32);
    const Bytes quants = in.from(32 + part / 8 * 32 + part % 2 * 16);
    const Bytes third = in.from(part % 2 * 16);
    const std::size_t bit = part % 8 / 2 * 2;
    const Codes codes = (codes_at(quants) >> bit & 3U) | (codes_at(third) >> part / 2 & 1U) << 2U;
    store_reals(codes, out + part * kCodes, [step](Reals& q) { q = step * (q - 4); });
  }
}

/// Of the eight scales and minima of six bits in twelve bytes.
struct ScaleAndLeast {
  unsigned scale, least;
};

inline ScaleAndLeast six_bits(Bytes in, std::size_t part) {
  if (part < 4) {
    return {in[part] & 63U, in[part + 4] & 63U};
  }
  return {(in[part + 4] & 15U) | in[part - 4] >> 6U << 4U,
          in[part + 4] >> 4U | in[part] >> 6U << 4U};
}

template <>
inline void unpack_block<Format::kQ4K>(Bytes in, float* out) {
  const float d = in.f16(0);
  const float d_least = in.f16(2);
#pragma GCC unroll 8
  for (std::size_t part = 0; part < 8; ++part) {
    const auto [scale, least] = six_bits(in.from(4), part);
    const float step = d * real(scale);
    const float shift = d_least * real(least);
    const Bytes quants = in.from(16 + part / 2 * 32);
    const unsigned bit = part % 2 * 4;
    for (std::size_t i = 0; i < 32; i += kCodes) {
      store_nibbles(quants.from(i), bit, out + part * 32 + i,
                    [=](Reals& q) { q = step * q - shift; });
    }
  }
}

template <>
inline void unpack_block<Format::kQ5K>(Bytes in, float* out) {
  const float d = in.f16(0);
  const float d_least = in.f16(2);
  const Bytes fifth = in.from(16);
#pragma GCC unroll 8
  for (std::size_t part = 0; part < 8; ++part) {
    const auto [scale, least] = six_bits(in.from(4), part);
    const float step = d * real(scale);
    const float shift = d_least * real(least);
    const Bytes quants = in.from(48 + part / 2 * 32);
    const std::size_t bit = part % 2 * 4;
    for (std::size_t i = 0; i < 32; i += kCodes) {
      const Codes codes =
          (codes_at(quants.from(i)) >> bit & 15U) | (codes_at(fifth.from(i)) >> part & 1U) << 4U;
      store_reals(codes, out + part * 32 + i, [=](Reals& q) { q = step * q - shift; });
    }
  }
}

/// Four bits each, two more each, sixteen signed scales.
template <>
inline void unpack_block<Format::kQ6K>(Bytes in, float* out) {
  const float d = in.f16(208);
#pragma GCC unroll 16
  for (std::size_t part = 0; part < 16; ++part) {
    const float step = d * static_cast<float>(in.as_signed(192 + part));
    const Codes low = codes_at(in.from(part / 8 * 64 + part % 4 * kCodes));
    const Codes high = codes_at(in.from(128 + part / 8 * 32 + part % 2 * kCodes));
    const Codes codes = (low >> part % 8 / 4 * 4 & 15U) | (high >> part % 8 / 2 * 2 & 3U) << 4U;
    store_reals(codes, out + part * kCodes, [step](Reals& q) { q = step * (q - 32); });
  }
}

/// Digits of base 3 as the leading ones of a fraction of 256: multiplied by 3^n, the n-th comes
/// next.
inline float ternary(unsigned fraction, std::size_t digit, float d) {
  constexpr std::array<unsigned, 5> kPowers = {1, 3, 9, 27, 81};
  return (real((fraction * kPowers[digit] & 255U) * 3 >> 8U) - 1) * d;
}

/// Five digits a byte in 32, then 16 bytes, four a byte in four.
template <>
inline void unpack_block<Format::kTq10>(Bytes in, float* out) {
  const float d = in.f16(52);
  for (std::size_t i = 0; i < 160; ++i) {
    out[i] = ternary(in[i % 32], i / 32, d);
  }
  for (std::size_t i = 0; i < 80; ++i) {
    out[160 + i] = ternary(in[32 + i % 16], i / 16, d);
  }
  for (std::size_t i = 0; i < 16; ++i) {
    out[240 + i] = ternary(in[48 + i % 4], i / 4, d);
  }
}

template <>
inline void unpack_block<Format::kTq20>(Bytes in, float* out) {
  const float d = in.f16(64);
  for (std::size_t part = 0; part < 8; ++part) {
    for (std::size_t i = 0; i < 32; i += kCodes) {
      store_reals(codes_at(in.from(part / 4 * 32 + i)) >> part % 4 * 2 & 3U, out + part * 32 + i,
                  [d](Reals& q) { q = (q - 1) * d; });
    }
  }
}

template <>
inline void unpack_block<Format::kIq4Nl>(Bytes in, float* out) {
  const float d = in.f16(0);
  look_up_nibbles(in.from(2), out, kNonLinear, d);
}

/// Eight scales of six bits: two bits each in a half word, four bits each in four bytes.
template <>
inline void unpack_block<Format::kIq4Xs>(Bytes in, float* out) {
  for (std::size_t part = 0; part < 8; ++part) {
    const unsigned low = in[4 + part / 2] >> (part % 2 * 4) & 15U;
    const unsigned high = in.half_word(2) >> (part * 2) & 3U;
    const float step = in.f16(0) * (real(low | high << 4U) - 32);
    look_up_nibbles(in.from(8 + part * 16), out + part * 32, kNonLinear, step);
  }
}

/// Bytes ahead for which memory is asked: blocks take so many instructions that a processor by
/// itself sees the next few cache lines only.
inline constexpr std::size_t kAhead = 1024;

/// For the memory of a block.
template <Format kFormat>
void ask_for(const std::byte* block) {
  for (std::size_t line = 0; line < shape_of(kFormat).bytes; line += 64) {
    __builtin_prefetch(block + line);
  }
}

/// `count` neighbouring blocks.
template <Format kFormat>
void unpack_blocks(const std::byte* in, float* out, std::size_t count) {
  constexpr BlockShape kShape = shape_of(kFormat);
  for (std::size_t i = 0; i < count; ++i) {
    ask_for<kFormat>(in + i * kShape.bytes + kAhead);
    unpack_block<kFormat>(Bytes(in + i * kShape.bytes), out + i * kShape.elements);
  }
}

using UnpackBlocks = void (*)(const std::byte* in, float* out, std::size_t count);

/// By Format, of which 0 is none.
template <std::size_t... kIndices>
constexpr std::array<UnpackBlocks, sizeof...(kIndices) + 1> unpackers(
    std::index_sequence<kIndices...> /*formats*/) {
  return {nullptr, unpack_blocks<static_cast<Format>(kIndices + 1)>...};
}

inline constexpr auto kUnpackers = unpackers(std::make_index_sequence<kNumFormats>());

}  // namespace
}  // namespace halyard::engine
