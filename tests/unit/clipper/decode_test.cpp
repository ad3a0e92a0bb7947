// SPDX-License-Identifier: MIT
/// \file
/// What the card refuses: every field of the payload, of a command, of an operand and of each
/// opcode's parameters.

#include <clipper/clipper_regs.h>
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <limits>

#include "chips/clipper/command.hpp"
#include "chips/clipper/processor.hpp"
#include "fake_space.hpp"
#include "stream.hpp"

namespace halyard::emu::test {
namespace {

constexpr std::uint16_t kF32 = DRM_HALYARD_CLIPPER_F32;
constexpr std::uint16_t kI8 = DRM_HALYARD_CLIPPER_I8;
constexpr std::uint16_t kU8 = DRM_HALYARD_CLIPPER_U8;
constexpr std::uint16_t kI32 = DRM_HALYARD_CLIPPER_I32;
constexpr std::uint64_t kSize = 1 << 16;
constexpr std::uint32_t kTag = 0xc0ffee;

/// One command that can be spoilt.
struct Draft {
  drm_halyard_clipper_command command{};
  std::vector<RawOperand> operands;
  std::uint32_t engine_class = DRM_HALYARD_CLIPPER_ENGINE_TENSOR;

  template <typename Params>
  Params& params() {
    return *reinterpret_cast<Params*>(command.params);
  }
};

template <typename Params>
Draft draft(std::uint16_t opcode, const Params& params, std::vector<RawOperand> operands) {
  Draft draft;
  draft.command.opcode = opcode;
  draft.command.operands = static_cast<std::uint16_t>(operands.size());
  draft.command.tag = kTag;
  std::memcpy(draft.command.params, &params, sizeof(params));
  draft.operands = std::move(operands);
  return draft;
}

/// Bindings: 0 is read, 1 is written.
Draft valid(std::uint16_t opcode) {
  const std::uint8_t none = 0;
  switch (opcode) {
    case DRM_HALYARD_CLIPPER_MATMUL:
      return draft(opcode, drm_halyard_clipper_epilogue{},
                   {dense(0, kF32, {4, 8}), dense(0, kF32, {8, 6}), dense(0, kF32, {6}), absent(),
                    dense(1, kF32, {4, 6})});
    case DRM_HALYARD_CLIPPER_CONV2D: {
      drm_halyard_clipper_conv2d params{};
      params.stride_h = params.stride_w = params.dilation_h = params.dilation_w = 1;
      params.groups = 2;
      return draft(opcode, params,
                   {dense(0, kF32, {1, 4, 8, 8}), dense(0, kF32, {6, 2, 3, 3}), dense(0, kF32, {6}),
                    absent(), dense(1, kF32, {1, 6, 6, 6})});
    }
    case DRM_HALYARD_CLIPPER_BINARY:
      return draft(opcode, drm_halyard_clipper_binary{},
                   {dense(0, kF32, {4, 4}), dense(0, kF32, {1, 4}), dense(1, kF32, {4, 4})});
    case DRM_HALYARD_CLIPPER_ACTIVATE:
      return draft(opcode, drm_halyard_clipper_activate{1},
                   {dense(0, kF32, {4, 4}), dense(1, kF32, {4, 4})});
    case DRM_HALYARD_CLIPPER_POOL2D: {
      drm_halyard_clipper_pool2d params{};
      params.kernel_h = params.kernel_w = params.stride_h = params.stride_w = 2;
      return draft(opcode, params, {dense(0, kF32, {1, 2, 8, 8}), dense(1, kF32, {1, 2, 4, 4})});
    }
    case DRM_HALYARD_CLIPPER_SOFTMAX:
      return draft(opcode, none, {dense(0, kF32, {3, 9}), dense(1, kF32, {3, 9})});
    case DRM_HALYARD_CLIPPER_NORM:
      return draft(opcode, drm_halyard_clipper_norm{0, std::bit_cast<std::uint32_t>(1e-5F)},
                   {dense(0, kF32, {3, 9}), dense(0, kF32, {9}), dense(0, kF32, {9}),
                    dense(1, kF32, {3, 9})});
    case DRM_HALYARD_CLIPPER_COPY:
      return draft(opcode, none, {dense(0, kF32, {3, 9}), dense(1, kF32, {3, 9})});
    case DRM_HALYARD_CLIPPER_GATHER:
      return draft(opcode, none,
                   {dense(0, kF32, {5, 3}), dense(0, kI32, {7}), dense(1, kF32, {7, 3})});
    case DRM_HALYARD_CLIPPER_QUANTIZE:
      return draft(opcode, drm_halyard_clipper_quantize{1, 0},
                   {dense(0, kF32, {3, 9}), dense(0, kF32, {9}), dense(1, kI8, {3, 9})});
    case DRM_HALYARD_CLIPPER_DEQUANTIZE:
      return draft(opcode, drm_halyard_clipper_quantize{1, 0},
                   {dense(0, kI8, {3, 9}), dense(0, kF32, {9}), dense(1, kF32, {3, 9})});
    case DRM_HALYARD_CLIPPER_REQUANTIZE:
      return draft(opcode, drm_halyard_clipper_quantize{1, 0},
                   {dense(0, kI32, {3, 9}), dense(0, kF32, {9}), dense(1, kI8, {3, 9})});
    case DRM_HALYARD_CLIPPER_FILL:
      return draft(opcode, drm_halyard_clipper_fill{7}, {dense(1, kI8, {3, 9})});
    case DRM_HALYARD_CLIPPER_FENCE_WAIT:
      return draft(opcode, drm_halyard_clipper_fence{0}, {word(0)});
    case DRM_HALYARD_CLIPPER_FENCE_SIGNAL:
      return draft(opcode, drm_halyard_clipper_fence{1}, {word(1)});
    case DRM_HALYARD_CLIPPER_TIMESTAMP:
      return draft(opcode, none, {word(1)});
    case DRM_HALYARD_CLIPPER_ROTATE:
      return draft(
          opcode, drm_halyard_clipper_rotate{std::bit_cast<std::uint32_t>(1.0F)},
          {dense(0, kF32, {3, 9, 2}), dense(0, kF32, {3, 1, 1}), dense(1, kF32, {3, 9, 2})});
    case DRM_HALYARD_CLIPPER_FUNCTION:
      return draft(opcode, drm_halyard_clipper_function{1},
                   {dense(0, kF32, {4, 4}), dense(1, kF32, {4, 4})});
    case DRM_HALYARD_CLIPPER_ORDER:
      return draft(opcode, drm_halyard_clipper_order{1},
                   {dense(0, kF32, {4, 5}), dense(1, kI32, {4, 3})});
    case DRM_HALYARD_CLIPPER_SCATTER:
      return draft(opcode, none,
                   {dense(0, kF32, {5, 3}), dense(0, kI32, {5}), dense(1, kF32, {7, 3})});
    case DRM_HALYARD_CLIPPER_UNPACK:
      return draft(opcode, drm_halyard_clipper_blocks{DRM_HALYARD_CLIPPER_Q4_0},
                   {dense(0, kU8, {3, 36}), dense(1, kF32, {3, 64})});
    case DRM_HALYARD_CLIPPER_LINEAR:
      return draft(opcode, drm_halyard_clipper_blocks{DRM_HALYARD_CLIPPER_Q4_0},
                   {dense(0, kF32, {2, 64}), dense(0, kU8, {3, 36}), dense(1, kF32, {2, 3})});
    default:
      return draft(opcode, none, {});
  }
}

class Decode : public testing::Test {
 protected:
  Decode() : in_(client_->allocate(kSize, false)), out_(client_->allocate(kSize, false)) {}

  Result run(const Draft& draft) {
    Stream stream;
    stream.bind(in_, kSize);
    stream.bind(out_, kSize);
    stream.nop(1);
    stream.append(draft.command, draft.operands);
    return client_->run(stream, draft.engine_class);
  }

  void expect_refused(const Draft& draft, const std::string& text,
                      std::uint32_t cause = CLP_FAULT_ILLEGAL_COMMAND) {
    const Result result = run(draft);
    EXPECT_EQ(result.cause, cause) << result.text;
    EXPECT_EQ(result.command, 1U);
    EXPECT_EQ(result.tag, kTag);
    EXPECT_NE(result.text.find(text), std::string::npos)
        << "\"" << result.text << "\" does not say \"" << text << "\"";
    std::vector<std::byte> out(kSize);
    client_->read(out_, out);
    EXPECT_EQ(out, std::vector<std::byte>(kSize)) << "a refused command wrote its output";
  }

  std::unique_ptr<Client> client_ = make_processor_client();
  std::uint64_t in_;
  std::uint64_t out_;
};

TEST_F(Decode, DraftsAreValid) {
  // Scales of zero would divide by it, harmlessly: what counts is that nothing is refused.
  for (std::uint16_t opcode = 0; opcode < DRM_HALYARD_CLIPPER_NUM_OPCODES; ++opcode) {
    const Result result = run(valid(opcode));
    EXPECT_EQ(result.cause, 0U) << "opcode " << opcode << ": " << result.text;
  }
}

TEST_F(Decode, UnknownOpcode) {
  for (const std::uint16_t opcode :
       {std::uint16_t{DRM_HALYARD_CLIPPER_NUM_OPCODES}, std::uint16_t{0xffff}}) {
    Draft bad = valid(DRM_HALYARD_CLIPPER_NOP);
    bad.command.opcode = opcode;
    expect_refused(bad, "unknown opcode");
  }
}

TEST_F(Decode, NumberOfOperands) {
  for (std::uint16_t opcode = 0; opcode < DRM_HALYARD_CLIPPER_NUM_OPCODES; ++opcode) {
    Draft more = valid(opcode);
    more.operands.push_back(absent());
    ++more.command.operands;
    expect_refused(more, "operands, not");
    Draft fewer = valid(opcode);
    if (fewer.operands.empty()) continue;
    fewer.operands.pop_back();
    --fewer.command.operands;
    expect_refused(fewer, "operands, not");
  }
  Draft many = valid(DRM_HALYARD_CLIPPER_NOP);
  many.command.operands = 0xffff;
  expect_refused(many, "operands, not");
}

TEST_F(Decode, BytesBehindTheParameters) {
  for (std::uint16_t opcode = 0; opcode < DRM_HALYARD_CLIPPER_NUM_OPCODES; ++opcode) {
    const auto* info = clipper::find_opcode(opcode);
    for (std::size_t i = info->params_size; i < sizeof(drm_halyard_clipper_command::params);
         i += 5) {
      Draft bad = valid(opcode);
      bad.command.params[i] = 1;
      expect_refused(bad, "not zero");
    }
  }
}

TEST_F(Decode, CopyEngineTakesItsOwnOpcodesOnly) {
  for (std::uint16_t opcode = 0; opcode < DRM_HALYARD_CLIPPER_NUM_OPCODES; ++opcode) {
    Draft on_copy = valid(opcode);
    on_copy.engine_class = DRM_HALYARD_CLIPPER_ENGINE_COPY;
    if (clipper::find_opcode(opcode)->copy_engine) {
      EXPECT_EQ(run(on_copy).cause, 0U);
    } else {
      EXPECT_EQ(run(on_copy).cause, std::uint32_t{CLP_FAULT_ILLEGAL_COMMAND}) << opcode;
    }
  }
  Draft converts = valid(DRM_HALYARD_CLIPPER_COPY);
  converts.operands[0].dtype = DRM_HALYARD_CLIPPER_I32;
  converts.engine_class = DRM_HALYARD_CLIPPER_ENGINE_COPY;
  EXPECT_NE(run(converts).text.find("does not convert"), std::string::npos);
}

TEST_F(Decode, StreamEndsWithinOperands) {
  Draft bad = valid(DRM_HALYARD_CLIPPER_BINARY);
  bad.operands.pop_back();
  expect_refused(bad, "the stream ends within");
}

// ---- Operands ----------------------------------------------------------------------------------

struct OperandCase {
  const char* name;
  std::function<void(RawOperand&)> spoil;
  const char* text;
  std::uint32_t cause = CLP_FAULT_ILLEGAL_COMMAND;
};

void PrintTo(const OperandCase& c, std::ostream* out) {
  *out << c.name;
}

class DecodeOperand : public Decode, public testing::WithParamInterface<OperandCase> {};

TEST_P(DecodeOperand, Input) {
  Draft bad = valid(DRM_HALYARD_CLIPPER_COPY);
  GetParam().spoil(bad.operands[0]);
  expect_refused(bad, GetParam().text, GetParam().cause);
}

TEST_P(DecodeOperand, Output) {
  Draft bad = valid(DRM_HALYARD_CLIPPER_COPY);
  GetParam().spoil(bad.operands[1]);
  expect_refused(bad, GetParam().text, GetParam().cause);
}

INSTANTIATE_TEST_SUITE_P(
    Field, DecodeOperand,
    testing::Values(
        OperandCase{"Dtype", [](RawOperand& o) { o.dtype = 7; }, "unknown type"},
        OperandCase{"DtypeHigh", [](RawOperand& o) { o.dtype = 0x101; }, "unknown type"},
        OperandCase{"AbsentNotZero", [](RawOperand& o) { o.dtype = 0; }, "not all zero"},
        OperandCase{"AbsentRequired", [](RawOperand& o) { o = absent(); }, "may not be absent"},
        OperandCase{"RankZero", [](RawOperand& o) { o.rank = 0; }, "rank 0"},
        OperandCase{"RankSeven", [](RawOperand& o) { o.rank = 7; }, "rank 7"},
        OperandCase{"DimZero", [](RawOperand& o) { o.dims[1] = 0; }, "dimension 1 of zero"},
        OperandCase{"DimBeyondRank", [](RawOperand& o) { o.dims[5] = 1; }, "beyond its rank"},
        OperandCase{"StrideBeyondRank", [](RawOperand& o) { o.strides[2] = 1; }, "beyond its rank"},
        OperandCase{"Binding", [](RawOperand& o) { o.binding = 2; }, "binding 2 of 2"},
        OperandCase{"BindingHigh", [](RawOperand& o) { o.binding = 0xffffffff; }, "of 2"},
        OperandCase{"Misaligned", [](RawOperand& o) { o.offset = 2; }, "not aligned"},
        OperandCase{"OffsetAtEnd", [](RawOperand& o) { o.offset = kSize; }, "outside its binding",
                    CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"OneElementTooFar",
                    [](RawOperand& o) { o.offset = kSize - std::uint64_t{3 * 9 - 1} * 4; },
                    "outside its binding", CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"OffsetHuge", [](RawOperand& o) { o.offset = ~std::uint64_t{3}; },
                    "outside its binding", CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"StrideBelow", [](RawOperand& o) { o.strides[1] = -1; }, "outside its binding",
                    CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"StrideLowest",
                    [](RawOperand& o) { o.strides[0] = std::numeric_limits<std::int32_t>::min(); },
                    "outside its binding", CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"StrideHighest",
                    [](RawOperand& o) { o.strides[0] = std::numeric_limits<std::int32_t>::max(); },
                    "outside its binding", CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"DimHuge", [](RawOperand& o) { o.dims[0] = 0xffffffff; }, "outside its binding",
                    CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"ReachOverflows",
                    [](RawOperand& o) {
                      o.rank = 6;
                      for (int i = 0; i < 6; ++i) {
                        o.dims[i] = i < 2 ? 0xfffff : 1;
                        o.strides[i] = std::numeric_limits<std::int32_t>::max();
                      }
                    },
                    "outside its binding", CLP_FAULT_OUT_OF_BOUNDS},
        OperandCase{"ElementsOverflow",
                    [](RawOperand& o) {
                      o.rank = 6;
                      for (int i = 0; i < 6; ++i) {
                        o.dims[i] = 0xffffffff;
                        o.strides[i] = 0;
                      }
                    },
                    "too many elements"},
        OperandCase{"DimsDiffer", [](RawOperand& o) { o.dims[0] = 2; }, "dimension 0"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Decode, AbsentOperandMustBeAllZero) {
  for (std::size_t i = 0; i < sizeof(RawOperand); ++i) {
    const bool dtype = i >= offsetof(RawOperand, dtype) && i < offsetof(RawOperand, rank);
    if (dtype) continue;
    Draft bad = valid(DRM_HALYARD_CLIPPER_MATMUL);
    reinterpret_cast<std::uint8_t*>(&bad.operands[3])[i] = 1;
    expect_refused(bad, "not all zero");
  }
}

TEST_F(Decode, OutputElementsMayNotShareMemory) {
  Draft same = valid(DRM_HALYARD_CLIPPER_COPY);
  same.operands[1].strides[0] = 0;
  expect_refused(same, "overlap");
  Draft near = valid(DRM_HALYARD_CLIPPER_COPY);
  near.operands[1].strides[0] = 8;
  expect_refused(near, "overlap");
  Draft input = valid(DRM_HALYARD_CLIPPER_COPY);
  input.operands[0].strides[0] = 0;
  EXPECT_EQ(run(input).cause, 0U);
}

TEST_F(Decode, OperandAlignmentIsOfTheAddress) {
  Stream stream;
  stream.bind(in_ + 2, 64);
  stream.bind(out_, 64);
  stream.add(DRM_HALYARD_CLIPPER_COPY, {dense(0, kF32, {4}), dense(1, kF32, {4})});
  EXPECT_NE(client_->run(stream, 0).text.find("not aligned"), std::string::npos);
}

TEST_F(Decode, BindingThatWraps) {
  Stream stream;
  stream.bind(~std::uint64_t{0} - 15, 4096);
  stream.bind(out_, 64);
  stream.add(DRM_HALYARD_CLIPPER_COPY, {dense(0, kF32, {8}), dense(1, kF32, {8})});
  EXPECT_EQ(client_->run(stream, 0).cause, std::uint32_t{CLP_FAULT_OUT_OF_BOUNDS});
}

TEST_F(Decode, OperandThatSpansTooMuch) {
  Stream stream;
  stream.bind(0x100000, std::uint64_t{1} << 40);
  stream.bind(out_, 64);
  RawOperand wide = dense(0, kF32, {2, 2});
  wide.strides[0] = 0x20000000;  // 2 GiB
  RawOperand four = dense(1, kF32, {2, 2});
  stream.add(DRM_HALYARD_CLIPPER_COPY, {wide, four});
  EXPECT_NE(client_->run(stream, 0).text.find("2 GiB"), std::string::npos);
}

TEST_F(Decode, OperandsThatSpanTooMuchTogether) {
  Stream stream;
  stream.bind(0x100000, std::uint64_t{1} << 40);
  const std::uint32_t bytes = 0x60000000;
  stream.add(DRM_HALYARD_CLIPPER_BINARY, drm_halyard_clipper_binary{},
             {dense(0, kI8, {bytes}), dense(0, kI8, {bytes}), dense(0, kI8, {bytes})});
  EXPECT_NE(client_->run(stream, 0).text.find("4 GiB"), std::string::npos);
}

// ---- Parameters --------------------------------------------------------------------------------

struct ParamCase {
  const char* name;
  std::uint16_t opcode;
  std::function<void(Draft&)> spoil;
  const char* text;
};

void PrintTo(const ParamCase& c, std::ostream* out) {
  *out << c.name;
}

class DecodeParams : public Decode, public testing::WithParamInterface<ParamCase> {};

TEST_P(DecodeParams, Refused) {
  Draft bad = valid(GetParam().opcode);
  GetParam().spoil(bad);
  expect_refused(bad, GetParam().text);
}

template <typename Params, typename Member, typename Value>
std::function<void(Draft&)> set(Member Params::*member, Value value) {
  return [=](Draft& d) { d.params<Params>().*member = static_cast<Member>(value); };
}

using Epilogue = drm_halyard_clipper_epilogue;
using Conv = drm_halyard_clipper_conv2d;
using BinaryParams = drm_halyard_clipper_binary;
using Activate = drm_halyard_clipper_activate;
using PoolParams = drm_halyard_clipper_pool2d;
using NormParams = drm_halyard_clipper_norm;
using Quantize = drm_halyard_clipper_quantize;

INSTANTIATE_TEST_SUITE_P(
    Products, DecodeParams,
    testing::Values(
        ParamCase{"MatmulActivation", DRM_HALYARD_CLIPPER_MATMUL, set(&Epilogue::activation, 6),
                  "unknown activation"},
        ParamCase{"MatmulZeroPoint", DRM_HALYARD_CLIPPER_MATMUL, set(&Epilogue::zero_point, 1),
                  "zero point"},
        ParamCase{"MatmulDepth", DRM_HALYARD_CLIPPER_MATMUL,
                  [](Draft& d) {
                    d.operands[1] = dense(0, kF32, {7, 6});
                  },
                  "matmul"},
        ParamCase{"MatmulRank", DRM_HALYARD_CLIPPER_MATMUL,
                  [](Draft& d) {
                    d.operands[1] = dense(0, kF32, {1, 8, 6});
                  },
                  "rank"},
        ParamCase{"MatmulBias", DRM_HALYARD_CLIPPER_MATMUL,
                  [](Draft& d) { d.operands[2] = dense(0, kF32, {4}); }, "bias"},
        ParamCase{"MatmulScale", DRM_HALYARD_CLIPPER_MATMUL,
                  [](Draft& d) { d.operands[3] = dense(0, kF32, {6}); }, "scale"},
        ParamCase{"MatmulTypes", DRM_HALYARD_CLIPPER_MATMUL,
                  [](Draft& d) { d.operands[1].dtype = kI8; }, "type"},
        ParamCase{"ConvActivation", DRM_HALYARD_CLIPPER_CONV2D,
                  [](Draft& d) { d.params<Conv>().epilogue.activation = 6; }, "unknown activation"},
        ParamCase{"ConvZeroPoint", DRM_HALYARD_CLIPPER_CONV2D,
                  [](Draft& d) { d.params<Conv>().epilogue.zero_point = 1; }, "zero point"},
        ParamCase{"ConvStrideH", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::stride_h, 0), "zero"},
        ParamCase{"ConvStrideW", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::stride_w, 0), "zero"},
        ParamCase{"ConvDilationH", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::dilation_h, 0), "zero"},
        ParamCase{"ConvDilationW", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::dilation_w, 0), "zero"},
        ParamCase{"ConvPadTop", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::pad_top, 3), "padding"},
        ParamCase{"ConvPadLeft", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::pad_left, 3), "padding"},
        ParamCase{"ConvPadBottom", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::pad_bottom, 0xffff),
                  "padding"},
        ParamCase{"ConvPadRight", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::pad_right, 1), "width"},
        ParamCase{"ConvGroupsZero", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::groups, 0), "groups"},
        ParamCase{"ConvGroupsThree", DRM_HALYARD_CLIPPER_CONV2D, set(&Conv::groups, 3), "groups"},
        ParamCase{"ConvOutput", DRM_HALYARD_CLIPPER_CONV2D,
                  [](Draft& d) {
                    d.operands[4] = dense(1, kF32, {1, 6, 6, 5});
                  },
                  "out"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Others, DecodeParams,
    testing::Values(
        ParamCase{"BinaryOp", DRM_HALYARD_CLIPPER_BINARY, set(&BinaryParams::op, 6),
                  "unknown operation"},
        ParamCase{"BinaryActivation", DRM_HALYARD_CLIPPER_BINARY, set(&BinaryParams::activation, 6),
                  "unknown activation"},
        ParamCase{"BinaryBroadcast", DRM_HALYARD_CLIPPER_BINARY,
                  [](Draft& d) {
                    d.operands[1] = dense(0, kF32, {2, 4});
                  },
                  "binary"},
        ParamCase{"BinaryTypes", DRM_HALYARD_CLIPPER_BINARY,
                  [](Draft& d) { d.operands[1].dtype = kI32; }, "types"},
        ParamCase{"Activation", DRM_HALYARD_CLIPPER_ACTIVATE, set(&Activate::activation, 6),
                  "unknown activation"},
        ParamCase{"ActivationOfIntegers", DRM_HALYARD_CLIPPER_ACTIVATE,
                  [](Draft& d) {
                    d.params<Activate>().activation = 2;
                    d.operands[0].dtype = d.operands[1].dtype = kI32;
                  },
                  "ReLU"},
        ParamCase{"PoolKind", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::kind, 2),
                  "kind of pooling"},
        ParamCase{"PoolCountPadding", DRM_HALYARD_CLIPPER_POOL2D,
                  set(&PoolParams::count_padding, 2), "count_padding"},
        ParamCase{"PoolCountPaddingOfMaximum", DRM_HALYARD_CLIPPER_POOL2D,
                  set(&PoolParams::count_padding, 1), "averages only"},
        ParamCase{"PoolKernelH", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::kernel_h, 0), "zero"},
        ParamCase{"PoolKernelW", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::kernel_w, 0), "zero"},
        ParamCase{"PoolStrideH", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::stride_h, 0), "zero"},
        ParamCase{"PoolStrideW", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::stride_w, 0), "zero"},
        ParamCase{"PoolPadTop", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::pad_top, 2),
                  "padding"},
        ParamCase{"PoolPadLeft", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::pad_left, 2),
                  "padding"},
        ParamCase{"PoolPadBottom", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::pad_bottom, 2),
                  "padding"},
        ParamCase{"PoolPadRight", DRM_HALYARD_CLIPPER_POOL2D, set(&PoolParams::pad_right, 2),
                  "padding"},
        ParamCase{"SoftmaxTypes", DRM_HALYARD_CLIPPER_SOFTMAX,
                  [](Draft& d) { d.operands[0].dtype = d.operands[1].dtype = kI32; }, "type"},
        ParamCase{"SoftmaxDims", DRM_HALYARD_CLIPPER_SOFTMAX,
                  [](Draft& d) {
                    d.operands[0] = dense(0, kF32, {3, 8});
                  },
                  "dimension"},
        ParamCase{"NormKind", DRM_HALYARD_CLIPPER_NORM, set(&NormParams::kind, 2), "kind of norm"},
        ParamCase{"NormRmsWithBias", DRM_HALYARD_CLIPPER_NORM, set(&NormParams::kind, 1),
                  "no bias"},
        ParamCase{"NormEpsilonNegative", DRM_HALYARD_CLIPPER_NORM,
                  set(&NormParams::epsilon, 0xbf800000), "epsilon"},
        ParamCase{"NormEpsilonNan", DRM_HALYARD_CLIPPER_NORM, set(&NormParams::epsilon, 0x7fc00000),
                  "epsilon"},
        ParamCase{"NormGain", DRM_HALYARD_CLIPPER_NORM,
                  [](Draft& d) { d.operands[1] = dense(0, kF32, {3}); }, "gain"},
        ParamCase{"GatherIndexType", DRM_HALYARD_CLIPPER_GATHER,
                  [](Draft& d) { d.operands[1].dtype = kF32; }, "index"},
        ParamCase{"GatherIndexRank", DRM_HALYARD_CLIPPER_GATHER,
                  [](Draft& d) {
                    d.operands[1] = dense(0, kI32, {7, 1});
                  },
                  "index"},
        ParamCase{"GatherRows", DRM_HALYARD_CLIPPER_GATHER,
                  [](Draft& d) {
                    d.operands[2] = dense(1, kF32, {6, 3});
                  },
                  "dimension"},
        ParamCase{"RotateFactorNan", DRM_HALYARD_CLIPPER_ROTATE,
                  set(&drm_halyard_clipper_rotate::factor, 0x7fc00000), "factor"},
        ParamCase{"RotateAngle", DRM_HALYARD_CLIPPER_ROTATE,
                  [](Draft& d) { d.operands[1].dtype = kI32; }, "angle"},
        ParamCase{"RotatePairs", DRM_HALYARD_CLIPPER_ROTATE,
                  [](Draft& d) {
                    d.operands[0] = dense(0, kF32, {3, 9, 3});
                    d.operands[2] = dense(1, kF32, {3, 9, 3});
                  },
                  "dimension 2 of out"},
        ParamCase{"FunctionUnknown", DRM_HALYARD_CLIPPER_FUNCTION,
                  set(&drm_halyard_clipper_function::function, 11), "unknown function 11"},
        ParamCase{"FunctionType", DRM_HALYARD_CLIPPER_FUNCTION,
                  [](Draft& d) { d.operands[0].dtype = kI32; }, "types"},
        ParamCase{"OrderDirection", DRM_HALYARD_CLIPPER_ORDER,
                  set(&drm_halyard_clipper_order::descending, 2), "neither 0 nor 1"},
        ParamCase{"OrderCount", DRM_HALYARD_CLIPPER_ORDER,
                  [](Draft& d) {
                    d.operands[1] = dense(1, kI32, {4, 6});
                  },
                  "6 of 5"},
        ParamCase{"ScatterIndex", DRM_HALYARD_CLIPPER_SCATTER,
                  [](Draft& d) { d.operands[1].dtype = kF32; }, "index"},
        ParamCase{"ScatterRows", DRM_HALYARD_CLIPPER_SCATTER,
                  [](Draft& d) {
                    d.operands[2] = dense(1, kF32, {7, 4});
                  },
                  "dimension 1 of out"},
        ParamCase{"QuantizeAxis", DRM_HALYARD_CLIPPER_QUANTIZE, set(&Quantize::axis, 2), "axis"},
        ParamCase{"QuantizeZeroPoint", DRM_HALYARD_CLIPPER_QUANTIZE,
                  set(&Quantize::zero_point, 128), "zero point"},
        ParamCase{"QuantizeScale", DRM_HALYARD_CLIPPER_QUANTIZE,
                  [](Draft& d) { d.operands[1] = dense(0, kF32, {3}); }, "scale"},
        ParamCase{"DequantizeAxis", DRM_HALYARD_CLIPPER_DEQUANTIZE,
                  set(&Quantize::axis, 0xffffffff), "axis"},
        ParamCase{"DequantizeZeroPoint", DRM_HALYARD_CLIPPER_DEQUANTIZE,
                  set(&Quantize::zero_point, -129), "zero point"},
        ParamCase{"RequantizeAxis", DRM_HALYARD_CLIPPER_REQUANTIZE, set(&Quantize::axis, 2),
                  "axis"},
        ParamCase{"RequantizeZeroPoint", DRM_HALYARD_CLIPPER_REQUANTIZE,
                  set(&Quantize::zero_point, 128), "zero point"},
        ParamCase{"UnpackNoFormat", DRM_HALYARD_CLIPPER_UNPACK,
                  set(&drm_halyard_clipper_blocks::format, 0), "unknown format 0"},
        ParamCase{"UnpackFormat", DRM_HALYARD_CLIPPER_UNPACK,
                  set(&drm_halyard_clipper_blocks::format, DRM_HALYARD_CLIPPER_TQ2_0 + 1),
                  "unknown format 19"},
        ParamCase{"UnpackType", DRM_HALYARD_CLIPPER_UNPACK,
                  [](Draft& d) { d.operands[0].dtype = kI8; }, "in may not be of type"},
        ParamCase{"UnpackGaps", DRM_HALYARD_CLIPPER_UNPACK,
                  [](Draft& d) { d.operands[0].strides[1] = 2; }, "gaps"},
        ParamCase{"UnpackPartOfABlock", DRM_HALYARD_CLIPPER_UNPACK,
                  [](Draft& d) { d.operands[0].dims[1] = 35; }, "no multiple of 18"},
        ParamCase{"UnpackElements", DRM_HALYARD_CLIPPER_UNPACK,
                  [](Draft& d) { d.operands[1].dims[1] = 63; }, "is 63, not 64"},
        ParamCase{"LinearFormat", DRM_HALYARD_CLIPPER_LINEAR,
                  set(&drm_halyard_clipper_blocks::format, DRM_HALYARD_CLIPPER_TQ2_0 + 1),
                  "unknown format 19"},
        ParamCase{"LinearType", DRM_HALYARD_CLIPPER_LINEAR,
                  [](Draft& d) { d.operands[0].dtype = kI8; }, "a may not be of type"},
        ParamCase{"LinearElements", DRM_HALYARD_CLIPPER_LINEAR,
                  [](Draft& d) { d.operands[0].dims[1] = 63; }, "is 63, not 64"},
        ParamCase{"FillPattern", DRM_HALYARD_CLIPPER_FILL,
                  set(&drm_halyard_clipper_fill::pattern, 0x100), "wider"}),
    [](const auto& test) { return test.param.name; });

TEST_F(Decode, ValueOperand) {
  for (const std::uint16_t opcode :
       {DRM_HALYARD_CLIPPER_FENCE_WAIT, DRM_HALYARD_CLIPPER_FENCE_SIGNAL,
        DRM_HALYARD_CLIPPER_TIMESTAMP}) {
    Draft type = valid(opcode);
    type.operands[0].dtype = kF32;
    expect_refused(type, "two adjacent");
    Draft rank = valid(opcode);
    rank.operands[0] = dense(1, kI32, {1, 2});
    expect_refused(rank, "two adjacent");
    Draft count = valid(opcode);
    count.operands[0] = dense(1, kI32, {3});
    expect_refused(count, "two adjacent");
    Draft apart = valid(opcode);
    apart.operands[0].strides[0] = 2;
    expect_refused(apart, "two adjacent");
    Draft misaligned = valid(opcode);
    misaligned.operands[0].offset = 4;
    expect_refused(misaligned, "8 bytes");
  }
}

// ---- Payload -----------------------------------------------------------------------------------

TEST(Payload, EveryFieldIsChecked) {
  FakeSpace space(64);
  clipper::Processor processor;
  drm_halyard_clipper_payload good{};
  good.stream = space.allocate(4096, false);
  good.stream_size = 64;
  good.bindings = space.allocate(4096, false);
  good.binding_count = 2;
  const auto start = [&](const drm_halyard_clipper_payload& payload,
                         std::uint32_t engine_class = 0) {
    std::string error;
    const bool started = processor.start(
                             std::as_bytes(std::span(&payload, 1)), engine_class, space,
                             [] { return std::uint64_t{0}; }, error) != nullptr;
    EXPECT_EQ(started, error.empty());
    return error;
  };
  EXPECT_EQ(start(good), "");
  const auto refused = [&](auto member, auto value, const char* text) {
    auto bad = good;
    bad.*member = value;
    EXPECT_NE(start(bad).find(text), std::string::npos) << text;
  };
  using Payload = drm_halyard_clipper_payload;
  refused(&Payload::stream, good.stream + 8, "multiple of 64");
  refused(&Payload::stream, ~std::uint64_t{63}, "wraps");
  refused(&Payload::stream_size, 32U, "multiple of 64");
  refused(&Payload::bindings, good.bindings + 4, "multiple of 8");
  refused(&Payload::bindings, ~std::uint64_t{7}, "wrap");
  refused(&Payload::binding_count, 257U, "256");
  refused(&Payload::flags, 1U, "flags");
  refused(&Payload::pad, 1U, "pad");
  EXPECT_NE(start(good, 2).find("engine class"), std::string::npos);
  std::string error;
  const auto short_payload = std::as_bytes(std::span(&good, 1)).first(sizeof(good) - 1);
  EXPECT_EQ(processor.start(short_payload, 0, space, {}, error), nullptr);
  EXPECT_NE(error.find("bytes"), std::string::npos);
}

TEST(Payload, Blob) {
  clipper::Processor processor;
  const auto blob = processor.chip_blob();
  drm_halyard_clipper_info info;
  ASSERT_EQ(blob.size(), sizeof(info));
  std::memcpy(&info, blob.data(), sizeof(info));
  EXPECT_EQ(info.revision, 0x10000U);
  EXPECT_EQ(info.bindings_max, 256U);
  EXPECT_EQ(info.opcodes, 0x7fffffU);
  EXPECT_EQ(info.clock_khz, 1000000U);
  const auto engines = processor.engines();
  ASSERT_EQ(engines.size(), 2U);
  EXPECT_EQ(engines[0].name, "tensor");
  EXPECT_EQ(engines[0].count, 2U);
  EXPECT_EQ(engines[1].name, "copy");
}

// ---- Cost --------------------------------------------------------------------------------------

std::uint64_t cost(const Stream& stream, FakeSpace& space) {
  clipper::Processor processor;
  drm_halyard_clipper_payload payload{};
  payload.stream = space.allocate(stream.bytes().size(), false);
  payload.stream_size = static_cast<std::uint32_t>(stream.bytes().size());
  payload.bindings = space.allocate(4096, false);
  payload.binding_count = static_cast<std::uint32_t>(stream.bindings().size());
  space.copy_in(payload.stream, stream.bytes());
  space.copy_in(payload.bindings, std::as_bytes(std::span(stream.bindings())));
  std::string error;
  const auto execution = processor.start(
      std::as_bytes(std::span(&payload, 1)), 0, space, [] { return std::uint64_t{0}; }, error);
  while (execution->step() == Outcome::kRunning) {
  }
  return execution->cycles();
}

TEST(Cost, IsTheLongerOfComputationAndTraffic) {
  FakeSpace space(2048);
  const std::uint64_t memory = space.allocate(1 << 20, false);
  const auto of = [&](const std::function<void(Stream&)>& build) {
    Stream stream;
    stream.bind(memory, 1 << 20);
    build(stream);
    return cost(stream, space);
  };
  EXPECT_EQ(of([](Stream& s) { s.nop(); }), 64U);
  // 64 x 64 x 64 products at 256 a cycle; 48 KiB of traffic take 768.
  EXPECT_EQ(of([](Stream& s) {
              s.add(DRM_HALYARD_CLIPPER_MATMUL, Epilogue{},
                    {dense(0, kF32, {64, 64}), dense(0, kF32, {64, 64}), absent(), absent(),
                     dense(0, kF32, {64, 64}, 0x8000)});
            }),
            64U + 1024U);
  // 4096 elements at 64 a cycle take 64, 16 KiB of traffic 256.
  EXPECT_EQ(of([](Stream& s) { s.fill(0, dense(0, kF32, {4096})); }), 64U + 256U);
}

}  // namespace
}  // namespace halyard::emu::test
