// SPDX-License-Identifier: MIT
/// \file
/// Every opcode through both faces of the chip, with operands in all kinds of memory, against the
/// reference.

#include <clipper/clipper_regs.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "stream.hpp"

namespace halyard::emu::test {
namespace {

using engine::DType;

enum class Face { kProcessor, kCard };
enum class Layout { kDense, kPadded, kTransposed };

struct Setting {
  Face face;
  bool scattered;
  Layout layout;
};

std::string name_of(const testing::TestParamInfo<Setting>& info) {
  static constexpr const char* kLayouts[] = {"Dense", "Padded", "Transposed"};
  return std::string(info.param.face == Face::kCard ? "Card" : "Processor") +
         (info.param.scattered ? "Scattered" : "Contiguous") +
         kLayouts[static_cast<int>(info.param.layout)];
}

/// A dense tensor of the test's own.
struct Local {
  DType type;
  std::vector<std::uint32_t> dims;
  std::vector<std::byte> data;

  Local(DType t, std::vector<std::uint32_t> d) : type(t), dims(std::move(d)) {
    data.resize(count() * engine::size_of(type));
  }
  [[nodiscard]] std::size_t count() const {
    std::size_t n = 1;
    for (const auto dim : dims)
      n *= dim;
    return n;
  }
  [[nodiscard]] engine::Tensor tensor() {
    engine::Tensor view;
    view.data = data.data();
    view.type = type;
    view.rank = static_cast<unsigned>(dims.size());
    std::int32_t stride = 1;
    for (unsigned i = view.rank; i-- > 0;) {
      view.dims.at(i) = dims[i];
      view.strides.at(i) = stride;
      stride *= static_cast<std::int32_t>(dims[i]);
    }
    return view;
  }
};

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half} >> 15;
  const std::uint32_t exponent = half >> 10 & 0x1f;
  const std::uint32_t mantissa = half & 0x3ff;
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -24)
                                        : std::ldexp(static_cast<float>(mantissa | 0x400),
                                                     static_cast<int>(exponent) - 25);
  return sign != 0 ? -magnitude : magnitude;
}

double value_of(const std::byte* at, DType type) {
  std::uint32_t raw = 0;
  std::memcpy(&raw, at, engine::size_of(type));
  switch (type) {
    case DType::kF32:
      return std::bit_cast<float>(raw);
    case DType::kF16:
      return half_to_float(static_cast<std::uint16_t>(raw));
    case DType::kBF16:
      return std::bit_cast<float>(raw << 16);
    case DType::kI8:
      return static_cast<std::int8_t>(raw);
    case DType::kU8:
      return raw;
    case DType::kI32:
      return std::bit_cast<std::int32_t>(raw);
  }
  return 0;
}

double tolerance(DType type) {
  switch (type) {
    case DType::kF32:
      return 2e-5;
    case DType::kF16:
      return 2e-3;
    case DType::kBF16:
      return 1.6e-2;
    default:
      return 0;
  }
}

class Opcode : public testing::TestWithParam<Setting> {
 protected:
  Opcode()
      : client_(GetParam().face == Face::kCard ? make_card_client() : make_processor_client()) {}

  Local random(DType type, const std::vector<std::uint32_t>& dims, float low = -2, float high = 2) {
    Local local(type, dims);
    std::uniform_real_distribution<float> real(low, high);
    std::uniform_int_distribution<int> integer(-100, 100);
    for (std::size_t i = 0; i < local.count(); ++i) {
      std::uint32_t raw = 0;
      if (type == DType::kF32) raw = std::bit_cast<std::uint32_t>(real(random_));
      // Any finite half of moderate size will do.
      if (type == DType::kF16) raw = 0x3400 | (random_() & 0x83ff);
      if (type == DType::kBF16) raw = std::bit_cast<std::uint32_t>(real(random_)) >> 16;
      if (type == DType::kI8 || type == DType::kI32)
        raw = static_cast<std::uint32_t>(integer(random_));
      if (type == DType::kU8) raw = random_() & 0xff;
      std::memcpy(local.data.data() + i * engine::size_of(type), &raw, engine::size_of(type));
    }
    return local;
  }

  /// An operand with the setting's layout in new memory. Bytes between elements are 0xa5.
  RawOperand reserve(Stream& stream, DType type, const std::vector<std::uint32_t>& dims) {
    RawOperand operand = dense(0, to_raw(type), dims);
    const std::size_t size = engine::size_of(type);
    const unsigned rank = operand.rank;
    if (GetParam().layout == Layout::kPadded) {
      std::int32_t stride = 3;
      for (unsigned i = rank; i-- > 0;) {
        operand.strides[i] = stride;
        stride = stride * static_cast<std::int32_t>(dims[i]) + 5;
      }
    } else if (GetParam().layout == Layout::kTransposed) {
      std::int32_t stride = 1;
      for (unsigned i = 0; i < rank; ++i) {
        operand.strides[i] = stride;
        stride *= static_cast<std::int32_t>(dims[i]);
      }
    }
    std::uint64_t extent = 1;
    for (unsigned i = 0; i < rank; ++i)
      extent += std::uint64_t{dims[i] - 1} * static_cast<std::uint64_t>(operand.strides[i]);
    operand.offset = kMargin;
    const std::uint64_t bytes = extent * size + 2 * kMargin;
    // Starts close to a page's end, so that even small operands cross into the next.
    const std::uint64_t address =
        client_->allocate(bytes + 4096, GetParam().scattered) + 4096 - 512;
    client_->write(address, std::vector(bytes, kGap));
    operand.binding = stream.bind(address, bytes);
    return operand;
  }

  template <typename Visit>
  static void for_each(const RawOperand& operand, const Visit& visit) {
    std::vector<std::uint32_t> index(operand.rank, 0);
    std::size_t count = 1;
    for (unsigned i = 0; i < operand.rank; ++i)
      count *= operand.dims[i];
    for (std::size_t n = 0; n < count; ++n) {
      std::int64_t element = 0;
      for (unsigned i = 0; i < operand.rank; ++i)
        element += std::int64_t{index[i]} * operand.strides[i];
      visit(n, element);
      for (unsigned i = operand.rank; i-- > 0;) {
        if (++index[i] < operand.dims[i]) break;
        index[i] = 0;
      }
    }
  }

  RawOperand place(Stream& stream, const Local& local) {
    RawOperand operand = reserve(stream, local.type, local.dims);
    const std::size_t size = engine::size_of(local.type);
    const std::uint64_t address = stream.bindings()[operand.binding].address + operand.offset;
    for_each(operand, [&](std::size_t n, std::int64_t element) {
      client_->write(address + static_cast<std::uint64_t>(element) * size,
                     std::span(local.data).subspan(n * size, size));
    });
    return operand;
  }

  /// Without gaps whatever the layout: what may have none.
  RawOperand place_dense(Stream& stream, const Local& local) {
    const std::uint64_t address =
        client_->allocate(local.data.size() + 4096, GetParam().scattered) + 4096 - 512;
    client_->write(address, local.data);
    return dense(stream.bind(address, local.data.size()), to_raw(local.type), local.dims);
  }

  /// The output holds `expected`, and nothing else of its binding changed.
  void expect_output(const Stream& stream, const RawOperand& operand, const Local& expected) {
    const auto& binding = stream.bindings()[operand.binding];
    std::vector<std::byte> memory(binding.size);
    client_->read(binding.address, memory);
    const std::size_t size = engine::size_of(expected.type);
    std::vector<bool> covered(memory.size(), false);
    int errors = 0;
    for_each(operand, [&](std::size_t n, std::int64_t element) {
      const std::size_t at = operand.offset + static_cast<std::size_t>(element) * size;
      for (std::size_t i = 0; i < size; ++i)
        covered[at + i] = true;
      const double got = value_of(memory.data() + at, expected.type);
      const double want = value_of(expected.data.data() + n * size, expected.type);
      if (std::abs(got - want) > tolerance(expected.type) * (1 + std::abs(want)) && errors++ < 5)
        ADD_FAILURE() << "element " << n << " is " << got << ", not " << want;
    });
    for (std::size_t i = 0; i < memory.size(); ++i) {
      if (!covered[i] && memory[i] != kGap && errors++ < 5)
        ADD_FAILURE() << "byte " << i << " between the elements was written";
    }
  }

  void run(const Stream& stream, std::uint32_t engine_class = DRM_HALYARD_CLIPPER_ENGINE_TENSOR) {
    const Result result = client_->run(stream, engine_class);
    EXPECT_EQ(result.cause, 0U) << result.text << " at " << std::hex << result.address;
  }

  static constexpr std::uint64_t kMargin = 64;
  static constexpr std::byte kGap{0xa5};
  std::mt19937 random_{17};
  std::unique_ptr<Client> client_;
  const engine::Arithmetic& reference_ = engine::reference();
};

TEST_P(Opcode, MatmulFloat) {
  for (const auto type : {DType::kF32, DType::kF16, DType::kBF16}) {
    Local a = random(type, {2, 17, 33});
    Local b = random(type, {1, 33, 21});
    Local bias = random(DType::kF32, {21});
    Local out(DType::kF32, {2, 17, 21});
    engine::Epilogue epilogue;
    epilogue.bias = bias.tensor();
    epilogue.activation = engine::Activation::kRelu;
    ASSERT_EQ(reference_.matmul(a.tensor(), b.tensor(), out.tensor(), epilogue), "");
    Stream stream;
    const auto result = reserve(stream, out.type, out.dims);
    stream.add(DRM_HALYARD_CLIPPER_MATMUL,
               drm_halyard_clipper_epilogue{DRM_HALYARD_CLIPPER_ACT_RELU, 0},
               {place(stream, a), place(stream, b), place(stream, bias), absent(), result});
    run(stream);
    expect_output(stream, result, out);
  }
}

TEST_P(Opcode, MatmulQuantised) {
  Local a = random(DType::kI8, {40, 64});
  Local b = random(DType::kI8, {64, 24});
  Local bias = random(DType::kI32, {24});
  Local scale = random(DType::kF32, {24}, 0.0001F, 0.001F);
  Local out(DType::kI8, {40, 24});
  engine::Epilogue epilogue;
  epilogue.bias = bias.tensor();
  epilogue.scale = scale.tensor();
  epilogue.zero_point = 3;
  ASSERT_EQ(reference_.matmul(a.tensor(), b.tensor(), out.tensor(), epilogue), "");
  Stream stream;
  const auto result = reserve(stream, out.type, out.dims);
  stream.add(
      DRM_HALYARD_CLIPPER_MATMUL, drm_halyard_clipper_epilogue{0, 3},
      {place(stream, a), place(stream, b), place(stream, bias), place(stream, scale), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, Conv2d) {
  Local in = random(DType::kF32, {2, 4, 13, 11});
  Local weight = random(DType::kF32, {6, 2, 3, 3});
  Local bias = random(DType::kF32, {6});
  Local out(DType::kF32, {2, 6, 7, 9});
  engine::Epilogue epilogue;
  epilogue.bias = bias.tensor();
  const engine::Conv2dParams params{.stride_h = 2,
                                    .stride_w = 1,
                                    .pad_top = 1,
                                    .pad_left = 0,
                                    .pad_bottom = 1,
                                    .pad_right = 0,
                                    .dilation_h = 1,
                                    .dilation_w = 1,
                                    .groups = 2};
  ASSERT_EQ(reference_.conv2d(in.tensor(), weight.tensor(), out.tensor(), params, epilogue), "");
  drm_halyard_clipper_conv2d raw{};
  raw.stride_h = 2;
  raw.stride_w = raw.dilation_h = raw.dilation_w = 1;
  raw.pad_top = raw.pad_bottom = 1;
  raw.groups = 2;
  Stream stream;
  const auto result = reserve(stream, out.type, out.dims);
  stream.add(DRM_HALYARD_CLIPPER_CONV2D, raw,
             {place(stream, in), place(stream, weight), place(stream, bias), absent(), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, Binary) {
  for (std::uint32_t op = DRM_HALYARD_CLIPPER_ADD; op <= DRM_HALYARD_CLIPPER_MIN; ++op) {
    for (const auto type : {DType::kF32, DType::kF16, DType::kBF16, DType::kI8, DType::kI32}) {
      Local a = random(type, {3, 40, 50}, 0.5F, 2);
      Local b = random(type, {3, 1, 50}, 0.5F, 2);
      Local out(type, {3, 40, 50});
      ASSERT_EQ(reference_.binary(static_cast<engine::Binary>(op), a.tensor(), b.tensor(),
                                  out.tensor(), engine::Activation::kNone),
                "");
      Stream stream;
      const auto result = reserve(stream, type, out.dims);
      stream.add(DRM_HALYARD_CLIPPER_BINARY, drm_halyard_clipper_binary{op, 0},
                 {place(stream, a), place(stream, b), result});
      run(stream);
      expect_output(stream, result, out);
    }
  }
}

TEST_P(Opcode, Activate) {
  for (std::uint32_t act = 0; act <= DRM_HALYARD_CLIPPER_ACT_TANH; ++act) {
    Local in = random(DType::kF32, {33, 47});
    Local out(DType::kF32, {33, 47});
    ASSERT_EQ(reference_.activate(static_cast<engine::Activation>(act), in.tensor(), out.tensor()),
              "");
    Stream stream;
    const auto result = reserve(stream, out.type, out.dims);
    stream.add(DRM_HALYARD_CLIPPER_ACTIVATE, drm_halyard_clipper_activate{act},
               {place(stream, in), result});
    run(stream);
    expect_output(stream, result, out);
  }
}

TEST_P(Opcode, ActivateInPlace) {
  Local in = random(DType::kF32, {60, 47});
  Local out(DType::kF32, {60, 47});
  ASSERT_EQ(reference_.activate(engine::Activation::kTanh, in.tensor(), out.tensor()), "");
  Stream stream;
  const auto both = place(stream, in);
  stream.add(DRM_HALYARD_CLIPPER_ACTIVATE,
             drm_halyard_clipper_activate{DRM_HALYARD_CLIPPER_ACT_TANH}, {both, both});
  run(stream);
  expect_output(stream, both, out);
}

TEST_P(Opcode, Pool2d) {
  for (std::uint16_t kind = 0; kind < 2; ++kind) {
    for (const auto type : {DType::kF32, DType::kF16, DType::kI8}) {
      Local in = random(type, {2, 3, 20, 18});
      Local out(type, {2, 3, 10, 9});
      const engine::PoolParams params{.kind = static_cast<engine::Pool>(kind),
                                      .kernel_h = 3,
                                      .kernel_w = 2,
                                      .stride_h = 2,
                                      .stride_w = 2,
                                      .pad_top = 1,
                                      .pad_left = 0,
                                      .pad_bottom = 0,
                                      .pad_right = 0,
                                      .count_padding = kind == 1};
      ASSERT_EQ(reference_.pool2d(in.tensor(), out.tensor(), params), "");
      drm_halyard_clipper_pool2d raw{};
      raw.kind = kind;
      raw.count_padding = kind;
      raw.kernel_h = 3;
      raw.kernel_w = raw.stride_h = raw.stride_w = 2;
      raw.pad_top = 1;
      Stream stream;
      const auto result = reserve(stream, type, out.dims);
      stream.add(DRM_HALYARD_CLIPPER_POOL2D, raw, {place(stream, in), result});
      run(stream);
      expect_output(stream, result, out);
    }
  }
}

TEST_P(Opcode, Softmax) {
  Local in = random(DType::kF32, {7, 301});
  Local out(DType::kF32, {7, 301});
  ASSERT_EQ(reference_.softmax(in.tensor(), out.tensor()), "");
  Stream stream;
  const auto result = reserve(stream, out.type, out.dims);
  stream.add(DRM_HALYARD_CLIPPER_SOFTMAX, {place(stream, in), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, Norm) {
  for (std::uint32_t kind = 0; kind < 2; ++kind) {
    Local in = random(DType::kF32, {9, 128});
    Local gain = random(DType::kF32, {128});
    Local bias = random(DType::kF32, {128});
    Local out(DType::kF32, {9, 128});
    ASSERT_EQ(reference_.norm(static_cast<engine::Norm>(kind), in.tensor(), gain.tensor(),
                              kind == 0 ? bias.tensor() : engine::Tensor{}, out.tensor(), 1e-5F),
              "");
    Stream stream;
    const auto result = reserve(stream, out.type, out.dims);
    stream.add(DRM_HALYARD_CLIPPER_NORM,
               drm_halyard_clipper_norm{kind, std::bit_cast<std::uint32_t>(1e-5F)},
               {place(stream, in), place(stream, gain), kind == 0 ? place(stream, bias) : absent(),
                result});
    run(stream);
    expect_output(stream, result, out);
  }
}

TEST_P(Opcode, CopyConverts) {
  for (const auto from :
       {DType::kF32, DType::kF16, DType::kBF16, DType::kI8, DType::kU8, DType::kI32}) {
    for (const auto to :
         {DType::kF32, DType::kF16, DType::kBF16, DType::kI8, DType::kU8, DType::kI32}) {
      Local in = random(from, {11, 13, 17});
      Local out(to, {11, 13, 17});
      ASSERT_EQ(reference_.copy(in.tensor(), out.tensor()), "");
      Stream stream;
      const auto result = reserve(stream, to, out.dims);
      stream.add(DRM_HALYARD_CLIPPER_COPY, {place(stream, in), result});
      run(stream);
      expect_output(stream, result, out);
      if (from != to) continue;
      Stream again;
      const auto copied = reserve(again, to, out.dims);
      again.add(DRM_HALYARD_CLIPPER_COPY, {place(again, in), copied});
      run(again, DRM_HALYARD_CLIPPER_ENGINE_COPY);
      expect_output(again, copied, out);
    }
  }
}

TEST_P(Opcode, Gather) {
  Local in = random(DType::kF16, {30, 5, 70});
  Local index(DType::kI32, {44});
  for (std::size_t i = 0; i < index.count(); ++i) {
    const auto row = static_cast<std::uint32_t>(random_() % 30);
    std::memcpy(index.data.data() + i * 4, &row, 4);
  }
  Local out(DType::kF16, {44, 5, 70});
  ASSERT_EQ(reference_.gather(in.tensor(), index.tensor(), out.tensor()), "");
  Stream stream;
  const auto result = reserve(stream, out.type, out.dims);
  stream.add(DRM_HALYARD_CLIPPER_GATHER, {place(stream, in), place(stream, index), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, Scatter) {
  Local in = random(DType::kF32, {44, 5, 70});
  Local index(DType::kI32, {44, 2});
  for (std::size_t i = 0; i < 44; ++i) {
    const std::uint64_t row = random_() % 90;
    std::memcpy(index.data.data() + i * 8, &row, 8);
  }
  Local out = random(DType::kF16, {90, 5, 70});
  Stream stream;
  const auto result = place(stream, out);
  ASSERT_EQ(reference_.scatter(in.tensor(), index.tensor(), out.tensor()), "");
  stream.add(DRM_HALYARD_CLIPPER_SCATTER, {place(stream, in), place(stream, index), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, FunctionsAndOrder) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    Local in = random(type, {5, 9, 31}, 0.1F, 3);
    // Logarithms and roots are among them: the sign is in the last byte.
    const std::size_t size = engine::size_of(type);
    for (std::size_t i = 0; i < in.count(); ++i)
      in.data[i * size + size - 1] &= std::byte{0x7f};
    Stream stream;
    std::vector<std::pair<RawOperand, Local>> results;
    const auto from = place(stream, in);
    for (std::uint32_t i = 0; i <= DRM_HALYARD_CLIPPER_SIGN; ++i) {
      Local out(type, in.dims);
      ASSERT_EQ(reference_.function(static_cast<engine::Function>(i), in.tensor(), out.tensor()),
                "");
      results.emplace_back(reserve(stream, type, out.dims), out);
      stream.add(DRM_HALYARD_CLIPPER_FUNCTION, drm_halyard_clipper_function{i},
                 {from, results.back().first});
    }
    for (const std::uint32_t descending : {0U, 1U}) {
      Local out(DType::kI32, {5, 9, 12});
      ASSERT_EQ(reference_.order(in.tensor(), out.tensor(), descending != 0), "");
      results.emplace_back(reserve(stream, out.type, out.dims), out);
      stream.add(DRM_HALYARD_CLIPPER_ORDER, drm_halyard_clipper_order{descending},
                 {from, results.back().first});
    }
    run(stream);
    for (const auto& [result, out] : results)
      expect_output(stream, result, out);
  }
}

TEST_P(Opcode, Rotate) {
  for (const DType type : {DType::kF32, DType::kF16, DType::kBF16}) {
    Local in = random(type, {7, 3, 40, 2});
    Local angle = random(DType::kF32, {7, 1, 40, 1}, -50, 50);
    Local out(type, {7, 3, 40, 2});
    ASSERT_EQ(reference_.rotate(in.tensor(), angle.tensor(), out.tensor(), 1.5F), "");
    Stream stream;
    const auto result = reserve(stream, type, out.dims);
    stream.add(DRM_HALYARD_CLIPPER_ROTATE,
               drm_halyard_clipper_rotate{std::bit_cast<std::uint32_t>(1.5F)},
               {place(stream, in), place(stream, angle), result});
    run(stream);
    expect_output(stream, result, out);
  }
}

TEST_P(Opcode, QuantiseAndBack) {
  Local real = random(DType::kF32, {6, 33, 20});
  Local scale = random(DType::kF32, {33}, 0.01F, 0.1F);
  Local bytes(DType::kI8, {6, 33, 20});
  Local back(DType::kF32, {6, 33, 20});
  Local narrow(DType::kI8, {6, 33, 20});
  ASSERT_EQ(reference_.quantize(real.tensor(), scale.tensor(), bytes.tensor(), 1, -4), "");
  ASSERT_EQ(reference_.dequantize(bytes.tensor(), scale.tensor(), back.tensor(), 1, -4), "");
  ASSERT_EQ(reference_.requantize(bytes.tensor(), scale.tensor(), narrow.tensor(), 1, 9), "");
  Stream stream;
  const auto scales = place(stream, scale);
  const auto out = reserve(stream, DType::kI8, bytes.dims);
  const auto real_again = reserve(stream, DType::kF32, back.dims);
  const auto narrowed = reserve(stream, DType::kI8, narrow.dims);
  stream.add(DRM_HALYARD_CLIPPER_QUANTIZE, drm_halyard_clipper_quantize{1, -4},
             {place(stream, real), scales, out});
  stream.add(DRM_HALYARD_CLIPPER_DEQUANTIZE, drm_halyard_clipper_quantize{1, -4},
             {out, scales, real_again});
  stream.add(DRM_HALYARD_CLIPPER_REQUANTIZE, drm_halyard_clipper_quantize{1, 9},
             {out, scales, narrowed});
  run(stream);
  expect_output(stream, out, bytes);
  expect_output(stream, real_again, back);
  expect_output(stream, narrowed, narrow);
}

TEST_P(Opcode, Unpack) {
  const std::uint32_t bytes = engine::shape_of(engine::Format::kQ4K).bytes;
  Local blocks = random(DType::kU8, {5, 3 * bytes});
  for (std::size_t i = 1; i < blocks.count(); i += bytes)  // neither scale is infinite
    blocks.data[i] = blocks.data[i + 2] = std::byte{0x2c};
  Local out(DType::kF16, {5, 3 * 256});
  ASSERT_EQ(reference_.unpack(engine::Format::kQ4K, blocks.tensor(), out.tensor()), "");
  Stream stream;
  const auto result = reserve(stream, out.type, out.dims);
  stream.add(DRM_HALYARD_CLIPPER_UNPACK, drm_halyard_clipper_blocks{DRM_HALYARD_CLIPPER_Q4_K},
             {place_dense(stream, blocks), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, Linear) {
  const std::uint32_t bytes = engine::shape_of(engine::Format::kQ40).bytes;
  Local a = random(DType::kF16, {2, 17, 96});
  Local blocks = random(DType::kU8, {1, 21, 3 * bytes});
  for (std::size_t i = 1; i < blocks.count(); i += bytes)  // no scale is infinite
    blocks.data[i] = std::byte{0x2c};
  Local out(DType::kF32, {2, 17, 21});
  ASSERT_EQ(reference_.linear(engine::Format::kQ40, a.tensor(), blocks.tensor(), out.tensor()), "");
  Stream stream;
  const auto result = reserve(stream, out.type, out.dims);
  stream.add(DRM_HALYARD_CLIPPER_LINEAR, drm_halyard_clipper_blocks{DRM_HALYARD_CLIPPER_Q4_0},
             {place(stream, a), place_dense(stream, blocks), result});
  run(stream);
  expect_output(stream, result, out);
}

TEST_P(Opcode, Fill) {
  for (const auto engine_class :
       {DRM_HALYARD_CLIPPER_ENGINE_TENSOR, DRM_HALYARD_CLIPPER_ENGINE_COPY}) {
    for (const auto type : {DType::kF32, DType::kBF16, DType::kU8}) {
      Local out(type, {19, 23, 5});
      const auto pattern = static_cast<std::uint32_t>(
          0x3f8a3f77 & ((std::uint64_t{1} << engine::size_of(type) * 8) - 1));
      ASSERT_EQ(reference_.fill(out.tensor(), pattern), "");
      Stream stream;
      const auto result = reserve(stream, type, out.dims);
      stream.fill(pattern, result);
      run(stream, engine_class);
      expect_output(stream, result, out);
    }
  }
}

TEST_P(Opcode, FencesAndTimestamp) {
  const std::uint64_t memory = client_->allocate(64, GetParam().scattered);
  Stream stream;
  const auto binding = stream.bind(memory, 64);
  stream.signal(77, word(binding, 8)).wait(77, word(binding, 8));
  stream.add(DRM_HALYARD_CLIPPER_TIMESTAMP, {word(binding, 16)});
  run(stream, DRM_HALYARD_CLIPPER_ENGINE_COPY);
  EXPECT_EQ(client_->load<std::uint64_t>(memory + 8), 77U);
  EXPECT_NE(client_->load<std::uint64_t>(memory + 16), 0U);
  EXPECT_EQ(client_->load<std::uint64_t>(memory + 24), 0U);
}

TEST_P(Opcode, EmptyJob) {
  run(Stream{});
}

TEST_P(Opcode, ManyCommandsAndBindings) {
  Stream stream;
  std::vector<RawOperand> outputs;
  outputs.reserve(100);
  for (int i = 0; i < 100; ++i)
    outputs.push_back(reserve(stream, DType::kI32, {3}));
  for (std::uint32_t i = 0; i < 100; ++i)
    stream.fill(i, outputs[i]);
  run(stream);
  for (std::uint32_t i = 0; i < 100; ++i) {
    Local out(DType::kI32, {3});
    ASSERT_EQ(reference_.fill(out.tensor(), i), "");
    expect_output(stream, outputs[i], out);
  }
}

INSTANTIATE_TEST_SUITE_P(All, Opcode,
                         testing::Values(Setting{Face::kProcessor, false, Layout::kDense},
                                         Setting{Face::kProcessor, true, Layout::kDense},
                                         Setting{Face::kProcessor, false, Layout::kPadded},
                                         Setting{Face::kProcessor, true, Layout::kPadded},
                                         Setting{Face::kProcessor, true, Layout::kTransposed},
                                         Setting{Face::kCard, false, Layout::kDense},
                                         Setting{Face::kCard, true, Layout::kPadded},
                                         Setting{Face::kCard, true, Layout::kTransposed}),
                         name_of);

}  // namespace
}  // namespace halyard::emu::test
