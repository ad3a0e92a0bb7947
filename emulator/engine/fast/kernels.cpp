// SPDX-License-Identifier: MIT
//
// Compiled once per instruction set, with HALYARD_KERNELS naming the set's table. All functions
// here have internal linkage and those that they use are inlined: no code with wide instructions
// can reach another part of the program through the linker.
#include "kernels.hpp"

#include <limits>

#ifdef __F16C__
#include <immintrin.h>
#endif

#include "../blocks.hpp"
#include "../float16.hpp"
#include "math.hpp"

namespace halyard::engine {
namespace {

using std::size_t;

/// Partial sums: enough for the compiler to fill a few of the widest registers.
constexpr size_t kLanes = 64;

template <auto kFunction, typename From, typename To>
void convert(const From* in, To* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = kFunction(in[i]);
  }
}

#ifdef __F16C__
// The processor's own conversions give the same bits, of NaN too, but compilers do not find them in
// loops of integers.
constexpr size_t kHalves = 8;

void widen_f16(const std::uint16_t* in, float* out, size_t n) {
  size_t i = 0;
  for (; i + kHalves <= n; i += kHalves) {
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(in + i));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(halves));
  }
  convert<f16_to_f32>(in + i, out + i, n - i);
}

void narrow_f16(const float* in, std::uint16_t* out, size_t n) {
  size_t i = 0;
  for (; i + kHalves <= n; i += kHalves) {
    const __m128i halves = _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), halves);
  }
  convert<f32_to_f16>(in + i, out + i, n - i);
}
#else
void widen_f16(const std::uint16_t* in, float* out, size_t n) {
  convert<f16_to_f32>(in, out, n);
}

void narrow_f16(const float* in, std::uint16_t* out, size_t n) {
  convert<f32_to_f16>(in, out, n);
}
#endif

template <typename To, typename From>
To cast(From x) {
  return static_cast<To>(x);
}

/// Rounds half to even within [low, high], which are integers below 2^22 in magnitude; NaN gives 0.
/// Clamping comes first: it commutes with rounding, and leaves what kRounder can round.
inline std::int32_t round_clamped(float x, float low, float high) {
  x = x < low ? low : x;
  x = x > high ? high : x;
  const float rounded = (x + kRounder) - kRounder;
  return static_cast<std::int32_t>(x == x ? rounded : 0.0F);
}

template <typename To>
To round_byte(float x) {
  using Limits = std::numeric_limits<To>;
  return static_cast<To>(round_clamped(x, Limits::min(), Limits::max()));
}

std::int32_t round_i32(float x) {
  constexpr float kEnd = 2147483648.0F;
  constexpr float kLast = 2147483520.0F;  // the largest float32 below
  const float rounded = std::rint(x);
  float clamped = rounded < -kEnd ? -kEnd : rounded;
  clamped = clamped > kLast ? kLast : clamped;
  const auto integer = static_cast<std::int32_t>(x == x ? clamped : 0.0F);
  return rounded >= kEnd ? std::numeric_limits<std::int32_t>::max() : integer;
}

template <typename To>
To saturate_byte(std::int32_t x) {
  using Limits = std::numeric_limits<To>;
  const std::int32_t low = Limits::min();  // NOLINT(bugprone-signed-char-misuse): it is a number
  const std::int32_t high = Limits::max();
  x = x < low ? low : x;
  return static_cast<To>(x > high ? high : x);
}

template <typename T, typename Function>
void combine(const T* a, const T* b, T* out, size_t n, const Function& function) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = function(a[i], b[i]);
  }
}

void add(const float* a, const float* b, float* out, size_t n) {
  combine(a, b, out, n, [](float x, float y) { return x + y; });
}

void subtract(const float* a, const float* b, float* out, size_t n) {
  combine(a, b, out, n, [](float x, float y) { return x - y; });
}

void multiply(const float* a, const float* b, float* out, size_t n) {
  combine(a, b, out, n, [](float x, float y) { return x * y; });
}

void divide(const float* a, const float* b, float* out, size_t n) {
  combine(a, b, out, n, [](float x, float y) { return x / y; });
}

inline float larger(float x, float y) {
  const float result = x > y ? x : y;
  return x == x ? result : x;
}

inline float smaller(float x, float y) {
  const float result = x < y ? x : y;
  return x == x ? result : x;
}

void maximum(const float* a, const float* b, float* out, size_t n) {
  combine(a, b, out, n, larger);
}

void minimum(const float* a, const float* b, float* out, size_t n) {
  combine(a, b, out, n, smaller);
}

inline std::int32_t saturate_i32(std::int64_t x) {
  using Limits = std::numeric_limits<std::int32_t>;
  x = x < Limits::min() ? Limits::min() : x;
  return static_cast<std::int32_t>(x > Limits::max() ? Limits::max() : x);
}

void add(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n,
          [](std::int32_t x, std::int32_t y) { return saturate_i32(std::int64_t{x} + y); });
}

void subtract(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n,
          [](std::int32_t x, std::int32_t y) { return saturate_i32(std::int64_t{x} - y); });
}

void multiply(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n,
          [](std::int32_t x, std::int32_t y) { return saturate_i32(std::int64_t{x} * y); });
}

void divide(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n, [](std::int32_t x, std::int32_t y) {
    return y == 0 ? 0 : saturate_i32(std::int64_t{x} / y);
  });
}

void maximum(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n, [](std::int32_t x, std::int32_t y) { return x > y ? x : y; });
}

void minimum(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n, [](std::int32_t x, std::int32_t y) { return x < y ? x : y; });
}

inline float relu(float x) {
  return x < 0.0F ? 0.0F : x;
}

template <auto kFunction>
void transform(float* x, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    x[i] = kFunction(x[i]);
  }
}

float square_root(float x) {
  return std::sqrt(x);
}

float floor_of(float x) {
  return std::floor(x);
}

float ceil_of(float x) {
  return std::ceil(x);
}

float trunc_of(float x) {
  return std::trunc(x);
}

float sine(float x) {
  return sine_approx(x, 0);
}

float cosine(float x) {
  return sine_approx(x, 1);
}

/// Angles that are too large for the approximation are the library's.
template <auto kFunction, auto kExact>
void turn(float* x, size_t n) {
  bool large = false;
  for (size_t i = 0; i < n; ++i) {
    large = large | !(std::fabs(x[i]) <= kLargestAngle);
  }
  for (size_t i = 0; large && i < n; ++i) {
    x[i] = kExact(x[i]);
  }
  if (!large) {
    transform<kFunction>(x, n);
  }
}

float exact_sine(float x) {
  return std::sin(x);
}

float exact_cosine(float x) {
  return std::cos(x);
}

void keep(float* /*x*/, size_t /*n*/) {}

void relu_i32(std::int32_t* x, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    x[i] = x[i] < 0 ? 0 : x[i];
  }
}

void rotate(float* x, float* y, const float* cosine, const float* sine, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const float turned = x[i] * cosine[i] - y[i] * sine[i];
    y[i] = x[i] * sine[i] + y[i] * cosine[i];
    x[i] = turned;
  }
}

void affine(float* x, float factor, float addend, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    x[i] = x[i] * factor + addend;
  }
}

inline std::int32_t add_modulo(std::int32_t a, std::int32_t b) {
  return static_cast<std::int32_t>(static_cast<std::uint32_t>(a) + static_cast<std::uint32_t>(b));
}

void add_i32(std::int32_t* x, std::int32_t addend, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    x[i] = add_modulo(x[i], addend);
  }
}

void add_wrapping(const std::int32_t* a, const std::int32_t* b, std::int32_t* out, size_t n) {
  combine(a, b, out, n, add_modulo);
}

inline float add_product(float sum, float x, float weight) {
  return sum + x * weight;
}

inline std::int32_t add_product(std::int32_t sum, std::int8_t x, std::int8_t weight) {
  return add_modulo(sum, std::int32_t{x} * weight);
}

/// Up to kLanes sums stay in registers while all taps are added. kStep is taps.step, or 0 for any.
template <size_t kStep, typename T, typename Sum>
void add_taps_block(const T* const* x, size_t first, const Taps<T>& taps, Sum* sums, size_t n) {
  const size_t step = kStep == 0 ? taps.step : kStep;
  const T* weight = taps.weights;
  for (size_t r = 0; r < taps.rows; ++r) {
    const T* source = x[r] + first * step;
    for (size_t t = 0; t < taps.count; ++t, ++weight, source += taps.dilation) {
      for (size_t i = 0; i < n; ++i) {
        sums[i] = add_product(sums[i], source[i * step], *weight);
      }
    }
  }
}

template <size_t kStep, typename T, typename Sum>
void add_taps_stepping(const T* const* x, const Taps<T>& taps, Sum* sums, size_t n) {
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Sum block[kLanes];  // NOLINT(modernize-avoid-c-arrays)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      block[lane] = sums[i + lane];
    }
    add_taps_block<kStep>(x, i, taps, block, kLanes);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      sums[i + lane] = block[lane];
    }
  }
  add_taps_block<kStep>(x, i, taps, sums + i, n - i);
}

template <typename T, typename Sum>
void add_taps(const T* const* x, const Taps<T>& taps, Sum* sums, size_t n) {
  switch (taps.step) {
    case 1:
      return add_taps_stepping<1>(x, taps, sums, n);
    case 2:
      return add_taps_stepping<2>(x, taps, sums, n);
    default:
      return add_taps_stepping<0>(x, taps, sums, n);
  }
}

template <typename T>
void every_second(const T* x, T* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = x[2 * i];
  }
}

/// Folds `term(i)` over i < n in kLanes chains.
template <typename Term, typename Join>
float reduce(size_t n, float identity, const Term& term, const Join& join) {
  float partial[kLanes];  // NOLINT(modernize-avoid-c-arrays): std::array's calls hinder vectorising
  for (float& p : partial) {
    p = identity;
  }
  size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      partial[lane] = join(partial[lane], term(i + lane));
    }
  }
  for (; i < n; ++i) {
    partial[i % kLanes] = join(partial[i % kLanes], term(i));
  }
  for (size_t width = kLanes / 2; width > 0; width /= 2) {
    for (size_t lane = 0; lane < width; ++lane) {
      partial[lane] = join(partial[lane], partial[lane + width]);
    }
  }
  return partial[0];
}

inline float plus(float x, float y) {
  return x + y;
}

float max_of(const float* x, size_t n) {
  return reduce(
      n, -std::numeric_limits<float>::infinity(), [x](size_t i) { return x[i]; }, larger);
}

float sum_of(const float* x, size_t n) {
  return reduce(
      n, 0.0F, [x](size_t i) { return x[i]; }, plus);
}

float sum_squares(const float* x, size_t n) {
  return reduce(
      n, 0.0F, [x](size_t i) { return x[i] * x[i]; }, plus);
}

/// Sixteen neighbours, in as many registers as the instruction set needs. Arrays of sums would be
/// kept in memory: there are several here.
using Lanes = float __attribute__((vector_size(64)));
constexpr size_t kVector = sizeof(Lanes) / sizeof(float);

void load_lanes(const float* in, Lanes& lanes) {
  __builtin_memcpy(&lanes, in, sizeof lanes);
}

struct F16 {
  using Bits = std::uint16_t;
  static float wide(Bits bits) { return f16_to_f32(bits); }
  static void load(const Bits* in, Lanes& lanes) {
#if defined(__AVX512F__)
    // With a mask: GCC 12 warns of what its plain one does not initialise.
    const auto* halves = reinterpret_cast<const __m256i*>(in);
    lanes = static_cast<Lanes>(_mm512_maskz_cvtph_ps(0xffff, _mm256_loadu_si256(halves)));
#elif defined(__F16C__)
    const auto* halves = reinterpret_cast<const __m128i*>(in);
    const __m256 low = _mm256_cvtph_ps(_mm_loadu_si128(halves));
    const __m256 high = _mm256_cvtph_ps(_mm_loadu_si128(halves + 1));
    lanes =
        __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    float wide[kVector];  // NOLINT(modernize-avoid-c-arrays): as in reduce()
    widen_f16(in, wide, kVector);
    load_lanes(wide, lanes);
#endif
  }
};

struct BF16 {
  using Bits = std::uint16_t;
  static float wide(Bits bits) { return bf16_to_f32(bits); }
  static void load(const Bits* in, Lanes& lanes) {
    // That the sums' NaN are quiet needs no conversion of its own.
    using Halves = Bits __attribute__((vector_size(sizeof(Lanes) / 2)));
    using Words = std::uint32_t __attribute__((vector_size(sizeof(Lanes))));
    Halves halves;
    __builtin_memcpy(&halves, in, sizeof halves);
    const Words words = __builtin_convertvector(halves, Words) << 16U;
    __builtin_memcpy(&lanes, &words, sizeof lanes);
  }
};

struct F32 {
  using Bits = float;
  static float wide(Bits bits) { return bits; }
  static void load(const Bits* in, Lanes& lanes) { load_lanes(in, lanes); }
};

/// sum += a * b, rounded once where the processor can.
inline void add_product(const Lanes& a, const Lanes& b, Lanes& sum) {
#if defined(__AVX512F__)
  sum = static_cast<Lanes>(
      _mm512_fmadd_ps(static_cast<__m512>(a), static_cast<__m512>(b), static_cast<__m512>(sum)));
#else
  sum += a * b;
#endif
}

inline float sum_lanes(const Lanes& sum) {
  const auto eight = __builtin_shufflevector(sum, sum, 0, 1, 2, 3, 4, 5, 6, 7) +
                     __builtin_shufflevector(sum, sum, 8, 9, 10, 11, 12, 13, 14, 15);
  const auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                    __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
  const auto two = four + __builtin_shufflevector(four, four, 2, 3, 0, 1);
  return two[0] + two[1];
}

template <typename Type, size_t kColumns>
void dot_columns(const float* x, const typename Type::Bits* y, std::int64_t stride, float* sums,
                 size_t n) {
  const typename Type::Bits* columns[kColumns];  // NOLINT(modernize-avoid-c-arrays)
  for (size_t column = 0; column < kColumns; ++column) {
    columns[column] = y + static_cast<std::int64_t>(column) * stride;
  }
  // Short columns end before a processor has found out where they lead; the next are behind them.
  const bool is_short = n * sizeof(*y) < 2 * kAhead;
  const std::int64_t ahead = is_short ? static_cast<std::int64_t>(kColumns) * stride
                                      : static_cast<std::int64_t>(kAhead / sizeof(*y));
  Lanes partial[kColumns] = {};  // NOLINT(modernize-avoid-c-arrays)
  size_t i = 0;
  for (; i + kVector <= n; i += kVector) {
    Lanes left;
    load_lanes(x + i, left);
    for (size_t column = 0; column < kColumns; ++column) {
      Lanes right;
      __builtin_prefetch(columns[column] + i + ahead);
      Type::load(columns[column] + i, right);
      add_product(left, right, partial[column]);
    }
  }
  for (size_t column = 0; column < kColumns; ++column) {
    float sum = sum_lanes(partial[column]);
    for (size_t rest = i; rest < n; ++rest) {
      sum += x[rest] * Type::wide(columns[column][rest]);
    }
    sums[column] = sum;
  }
}

template <typename Type>
void dots(const float* x, const typename Type::Bits* y, std::int64_t stride, float* sums,
          size_t columns, size_t n) {
  constexpr size_t kTogether = 4;
  const auto column = [=](size_t i) { return y + static_cast<std::int64_t>(i) * stride; };
  size_t i = 0;
  for (; i + kTogether <= columns; i += kTogether) {
    dot_columns<Type, kTogether>(x, column(i), stride, sums + i, n);
  }
  for (; i < columns; ++i) {
    dot_columns<Type, 1>(x, column(i), stride, sums + i, n);
  }
}

/// Two chains of additions: one would make each wait for the one before.
struct Sums {
  Lanes even, odd;
};

/// What is unpacked of a block stays in registers, as far as they go.
template <Format kFormat>
[[gnu::always_inline]] inline void add_block(const float* x, const std::byte* in, Sums& sums) {
  constexpr BlockShape kShape = shape_of(kFormat);
  ask_for<kFormat>(in + kAhead);
  float unpacked[kShape.elements];  // NOLINT(modernize-avoid-c-arrays)
  unpack_block<kFormat>(Bytes(in), unpacked);
#pragma GCC unroll 16
  for (size_t i = 0; i < kShape.elements; i += kVector) {
    Lanes left;
    Lanes right;
    load_lanes(x + i, left);
    load_lanes(unpacked + i, right);
    add_product(left, right, i % (2 * kVector) == 0 ? sums.even : sums.odd);
  }
}

template <Format kFormat, size_t kColumns>
void dot_block_columns(const float* x, const std::byte* y, std::int64_t stride, float* sums,
                       size_t blocks) {
  constexpr BlockShape kShape = shape_of(kFormat);
  Sums partial[kColumns] = {};  // NOLINT(modernize-avoid-c-arrays)
  for (size_t block = 0; block < blocks; ++block) {
#pragma GCC unroll 4
    for (size_t column = 0; column < kColumns; ++column) {
      add_block<kFormat>(x + block * kShape.elements,
                         y + static_cast<std::int64_t>(column) * stride + block * kShape.bytes,
                         partial[column]);
    }
  }
  for (size_t column = 0; column < kColumns; ++column) {
    sums[column] = sum_lanes(partial[column].even + partial[column].odd);
  }
}

/// With twice as many chains: one column has no others in between.
template <Format kFormat>
float dot_block_column(const float* x, const std::byte* y, size_t blocks) {
  Sums even = {};
  Sums odd = {};
  const auto add = [x, y](size_t block, Sums& sums) {
    constexpr BlockShape kShape = shape_of(kFormat);
    add_block<kFormat>(x + block * kShape.elements, y + block * kShape.bytes, sums);
  };
  size_t block = 0;
  for (; block + 2 <= blocks; block += 2) {
    add(block, even);
    add(block + 1, odd);
  }
  if (block < blocks) {
    add(block, even);
  }
  return sum_lanes((even.even + even.odd) + (odd.even + odd.odd));
}

template <Format kFormat>
void dot_blocks(const float* x, const std::byte* y, std::int64_t stride, float* sums,
                size_t columns, size_t blocks) {
  constexpr BlockShape kShape = shape_of(kFormat);
  // Memory comes faster from several places at a time, if it is for long; short columns are best
  // read one behind the other. A large block has enough in it to do.
  constexpr size_t kTogether = kShape.elements <= 64 ? 4 : 1;
  const bool are_long = blocks * kShape.bytes >= 2 * kAhead;
  const auto column = [=](size_t i) { return y + static_cast<std::int64_t>(i) * stride; };
  size_t i = 0;
  for (; are_long && i + kTogether <= columns; i += kTogether) {
    dot_block_columns<kFormat, kTogether>(x, column(i), stride, sums + i, blocks);
  }
  for (; i < columns; ++i) {
    sums[i] = dot_block_column<kFormat>(x, column(i), blocks);
  }
}

/// By Format, of which 0 is none.
template <size_t... kIndices>
constexpr std::array<Kernels::DotBlocks, sizeof...(kIndices) + 1> block_dots(
    std::index_sequence<kIndices...> /*formats*/) {
  return {nullptr, dot_blocks<static_cast<Format>(kIndices + 1)>...};
}

template <typename Type, size_t kRows>
void add_some_rows(const float* x, const typename Type::Bits* y, std::int64_t stride, float* sums,
                   size_t n) {
  const typename Type::Bits* rows[kRows];  // NOLINT(modernize-avoid-c-arrays): as in reduce()
  for (size_t row = 0; row < kRows; ++row) {
    rows[row] = y + static_cast<std::int64_t>(row) * stride;
  }
  size_t i = 0;
  for (; i + kVector <= n; i += kVector) {
    Lanes sum;
    load_lanes(sums + i, sum);
    for (size_t row = 0; row < kRows; ++row) {
      Lanes lanes;
      Type::load(rows[row] + i, lanes);
      sum += x[row] * lanes;
    }
    __builtin_memcpy(sums + i, &sum, sizeof sum);
  }
  for (; i < n; ++i) {
    for (size_t row = 0; row < kRows; ++row) {
      sums[i] += x[row] * Type::wide(rows[row][i]);
    }
  }
}

template <typename Type>
void add_rows(const float* x, const typename Type::Bits* y, std::int64_t stride, float* sums,
              size_t rows, size_t n) {
  constexpr size_t kTogether = 8;
  const auto row = [=](size_t i) { return y + static_cast<std::int64_t>(i) * stride; };
  size_t i = 0;
  for (; i + kTogether <= rows; i += kTogether) {
    add_some_rows<Type, kTogether>(x + i, row(i), stride, sums, n);
  }
  for (; i < rows; ++i) {
    add_some_rows<Type, 1>(x + i, row(i), stride, sums, n);
  }
}

float exp_sum(const float* x, float shift, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    out[i] = exp_approx(x[i] - shift);
  }
  return sum_of(out, n);
}

template <typename To>
void quantize(const float* x, const float* scale, std::int32_t zero_point, To* out, size_t n) {
  using Limits = std::numeric_limits<To>;
  const auto low = static_cast<float>(Limits::min() - zero_point);
  const auto high = static_cast<float>(Limits::max() - zero_point);
  for (size_t i = 0; i < n; ++i) {
    out[i] = static_cast<To>(round_clamped(x[i] / scale[i], low, high) + zero_point);
  }
}

template <bool kBias, bool kRelu>
void requantize(const std::int32_t* x, const Rescale& rescale, std::int8_t* out, size_t n) {
  const std::int32_t* bias = rescale.bias;
  const float* scale = rescale.scale;
  const std::int32_t zero_point = rescale.zero_point;
  const auto low = static_cast<float>(-128 - zero_point);
  const auto high = static_cast<float>(127 - zero_point);
  for (size_t i = 0; i < n; ++i) {
    const std::int32_t sum = kBias ? add_modulo(x[i], bias[i]) : x[i];
    const float scaled = static_cast<float>(sum) * scale[i];
    const float value = kRelu ? relu(scaled) : scaled;
    out[i] = static_cast<std::int8_t>(round_clamped(value, low, high) + zero_point);
  }
}

void requantize_any(const std::int32_t* x, const Rescale& rescale, std::int8_t* out, size_t n) {
  if (rescale.bias != nullptr) {
    rescale.relu ? requantize<true, true>(x, rescale, out, n)
                 : requantize<true, false>(x, rescale, out, n);
  } else {
    rescale.relu ? requantize<false, true>(x, rescale, out, n)
                 : requantize<false, false>(x, rescale, out, n);
  }
}

}  // namespace

extern const Kernels HALYARD_KERNELS;
const Kernels HALYARD_KERNELS = {
    .f16_to_f32 = widen_f16,
    .bf16_to_f32 = convert<bf16_to_f32>,
    .i8_to_f32 = convert<cast<float, std::int8_t>>,
    .u8_to_f32 = convert<cast<float, std::uint8_t>>,
    .i32_to_f32 = convert<cast<float, std::int32_t>>,
    .f32_to_f16 = narrow_f16,
    .f32_to_bf16 = convert<f32_to_bf16>,
    .f32_to_i8 = convert<round_byte<std::int8_t>>,
    .f32_to_u8 = convert<round_byte<std::uint8_t>>,
    .f32_to_i32 = convert<round_i32>,
    .i8_to_i32 = convert<cast<std::int32_t, std::int8_t>>,
    .u8_to_i32 = convert<cast<std::int32_t, std::uint8_t>>,
    .i32_to_i8 = convert<saturate_byte<std::int8_t>>,
    .i32_to_u8 = convert<saturate_byte<std::uint8_t>>,
    .binary_f32 = {add, subtract, multiply, divide, maximum, minimum},
    .binary_i32 = {add, subtract, multiply, divide, maximum, minimum},
    .activate_f32 = {keep, transform<relu>, transform<gelu_approx>, transform<silu_approx>,
                     transform<sigmoid_approx>, transform<tanh_approx>},
    .function_f32 = {transform<exp_approx>, transform<expm1_approx>, transform<log_approx>,
                     transform<square_root>, turn<sine, exact_sine>, turn<cosine, exact_cosine>,
                     transform<floor_of>, transform<ceil_of>, transform<round_away>,
                     transform<trunc_of>, transform<sign_of>},
    .relu_i32 = relu_i32,
    .rotate_f32 = rotate,
    .affine_f32 = affine,
    .add_i32 = add_i32,
    .add_wrapping_i32 = add_wrapping,
    .add_taps_f32 = add_taps<float, float>,
    .add_taps_i8 = add_taps<std::int8_t, std::int32_t>,
    .every_second_u8 = every_second<std::uint8_t>,
    .every_second_u32 = every_second<std::uint32_t>,
    .max_f32 = max_of,
    .sum_f32 = sum_of,
    .sum_squares_f32 = sum_squares,
    .add_rows_f32 = add_rows<F32>,
    .add_rows_f16 = add_rows<F16>,
    .add_rows_bf16 = add_rows<BF16>,
    .dots_f32 = dots<F32>,
    .dots_f16 = dots<F16>,
    .dots_bf16 = dots<BF16>,
    .exp_sum_f32 = exp_sum,
    .quantize_i8 = quantize<std::int8_t>,
    .quantize_u8 = quantize<std::uint8_t>,
    .requantize = requantize_any,
    .unpack = kUnpackers,
    .dot_blocks = block_dots(std::make_index_sequence<kNumFormats>()),
};

}  // namespace halyard::engine
