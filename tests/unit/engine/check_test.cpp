// SPDX-License-Identifier: MIT
//
// One refusal per condition of engine.hpp. Both implementations refuse with the same words and
// write nothing; the operands that a case starts from are accepted, so that the change makes the
// refusal.
#include <limits>

#include "tensors.hpp"

namespace halyard::engine::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

/// Memory for the operands: far less than hostile shapes claim, as nothing may touch it.
struct Memory {
  alignas(64) std::array<std::byte, 4096> bytes{};
  std::size_t used = 0;

  Tensor tensor(DType type, const Dims& dims) {
    const Storage shape(type, dims);
    Tensor tensor = shape;
    tensor.data = bytes.data() + used;
    used += 256;
    return tensor;
  }
};

/// Runs with both implementations and expects the same refusal from them.
template <typename Run>
void expect_refusal(const Run& run, const std::string& reason) {
  EXPECT_EQ(run(reference()), reason);
  EXPECT_EQ(run(fast()), reason);
}

// ----------------------------------------------------------------------- what holds for any
// operand

class OperandTest : public ::testing::Test {
 protected:
  void expect_refusal_of_in(const std::string& reason) {
    expect_refusal([&](const Arithmetic& with) { return with.copy(in_, out_); }, reason);
  }
  void expect_refusal_of_out(const std::string& reason) {
    expect_refusal([&](const Arithmetic& with) { return with.fill(out_, 1); }, reason);
  }

  Memory memory_;
  Tensor in_ = memory_.tensor(DType::kF32, {2, 3});
  Tensor out_ = memory_.tensor(DType::kF32, {2, 3});
};

TEST_F(OperandTest, IsAcceptedAsItIs) {
  EXPECT_EQ(reference().copy(in_, out_), "");
  EXPECT_EQ(fast().copy(in_, out_), "");
}

TEST_F(OperandTest, Absent) {
  in_.data = nullptr;
  expect_refusal_of_in("in is absent");
}

TEST_F(OperandTest, UnknownType) {
  in_.type = static_cast<DType>(17);
  expect_refusal_of_in("in has an unknown type");
}

TEST_F(OperandTest, RankZero) {
  in_.rank = 0;
  expect_refusal_of_in("in has rank 0, not 1 to 6");
}

TEST_F(OperandTest, RankBeyondTheArrays) {
  in_.rank = 0xffffffff;
  expect_refusal_of_in("in has rank 4294967295, not 1 to 6");
}

TEST_F(OperandTest, ZeroDimension) {
  in_.dims[1] = 0;
  expect_refusal_of_in("dimension 1 of in is zero");
}

TEST_F(OperandTest, Misaligned) {
  in_.data += 2;
  expect_refusal_of_in("in is not aligned to its elements of 4 bytes");
}

TEST_F(OperandTest, OutputAbsent) {
  out_.data = nullptr;
  expect_refusal_of_out("out is absent");
}

TEST_F(OperandTest, OutputOfStrideZero) {
  out_.strides[0] = 0;
  expect_refusal_of_out("elements of out overlap");
}

TEST_F(OperandTest, OutputOfOverlappingRows) {
  out_.strides[0] = -2;
  expect_refusal_of_out("elements of out overlap");
}

TEST_F(OperandTest, OutputWithExtentBeyond64Bits) {
  out_.rank = 6;
  out_.dims.fill(0xffffffff);
  out_.strides = {1, 2147483647, 2147483647, 2147483647, 2147483647, 2147483647};
  expect_refusal_of_out("elements of out overlap");
}

TEST_F(OperandTest, MoreWorkThanACallMayAskFor) {
  out_.rank = 2;
  out_.dims = {0x7fffffff, 1U << 10U};
  out_.strides = {1 << 10, 1};
  expect_refusal_of_out("more work than one call may ask for");
}

TEST_F(OperandTest, CopyOfAnotherRank) {
  in_.rank = 1;
  expect_refusal_of_in("ranks of in and out differ: 1 and 2");
}

TEST_F(OperandTest, CopyOfOtherDims) {
  in_.dims[1] = 4;
  expect_refusal_of_in("dimension 1 of in is 4, not 3");
}

// -------------------------------------------------------------------------------------------
// matmul

class MatmulRefusal : public ::testing::Test {
 protected:
  void expect(const std::string& reason) {
    expect_refusal([&](const Arithmetic& with) { return with.matmul(a_, b_, out_, epilogue_); },
                   reason);
  }
  void make_int8(DType output) {
    a_.type = b_.type = DType::kI8;
    out_.type = output;
    if (output == DType::kI8) {
      epilogue_.scale = memory_.tensor(DType::kF32, {5});
    }
  }

  Memory memory_;
  Tensor a_ = memory_.tensor(DType::kF32, {2, 3});
  Tensor b_ = memory_.tensor(DType::kF32, {3, 5});
  Tensor out_ = memory_.tensor(DType::kF32, {2, 5});
  Epilogue epilogue_;
};

TEST_F(MatmulRefusal, NotOfWhatItStartsFrom) {
  expect("");
  make_int8(DType::kI32);
  expect("");
  make_int8(DType::kI8);
  expect("");
}

TEST_F(MatmulRefusal, RankOfOut) {
  out_.rank = 1;
  expect("out has rank 1, not 2 to 4");
  out_ = memory_.tensor(DType::kF32, {1, 1, 1, 2, 5});
  expect("out has rank 5, not 2 to 4");
}

TEST_F(MatmulRefusal, RankOfA) {
  a_ = memory_.tensor(DType::kF32, {1, 2, 3});
  expect("a has rank 3, not 2");
}

TEST_F(MatmulRefusal, RankOfB) {
  b_.rank = 1;
  expect("b has rank 1, not 2");
}

TEST_F(MatmulRefusal, TypeOfA) {
  a_.type = DType::kU8;
  expect("a may not be of type u8");
}

TEST_F(MatmulRefusal, TypesThatDiffer) {
  b_.type = DType::kF16;
  expect("types of a and b differ: f32 and f16");
}

TEST_F(MatmulRefusal, TypeOfOut) {
  out_.type = DType::kF16;
  expect("out may not be of type f16");
  make_int8(DType::kF32);
  expect("out may not be of type f32");
}

TEST_F(MatmulRefusal, BatchOfA) {
  a_ = memory_.tensor(DType::kF32, {2, 2, 3});
  b_ = memory_.tensor(DType::kF32, {3, 3, 5});
  out_ = memory_.tensor(DType::kF32, {3, 2, 5});
  expect("dimension 0 of a is 2, neither 1 nor 3");
}

TEST_F(MatmulRefusal, BatchOfB) {
  a_ = memory_.tensor(DType::kF32, {3, 2, 3});
  b_ = memory_.tensor(DType::kF32, {2, 3, 5});
  out_ = memory_.tensor(DType::kF32, {3, 2, 5});
  expect("dimension 0 of b is 2, neither 1 nor 3");
}

TEST_F(MatmulRefusal, Rows) {
  a_.dims[0] = 4;
  expect("dimension 0 of a is 4, not 2");
}

TEST_F(MatmulRefusal, Columns) {
  b_.dims[1] = 4;
  expect("dimension 1 of b is 4, not 5");
}

TEST_F(MatmulRefusal, Depth) {
  b_.dims[0] = 4;
  expect("dimension 0 of b is 4, not 3");
}

TEST_F(MatmulRefusal, Work) {
  // One byte of memory is enough to ask for this.
  a_.dims = {2, 0xffffffff};
  b_.dims = {0xffffffff, 1000};
  out_.dims = {2, 1000};
  a_.strides = b_.strides = {0, 0};
  out_.strides = {1000, 1};
  expect("more work than one call may ask for");
}

TEST_F(MatmulRefusal, UnknownActivation) {
  epilogue_.activation = static_cast<Activation>(6);
  expect("unknown activation");
}

TEST_F(MatmulRefusal, ActivationOfInt32) {
  make_int8(DType::kI32);
  epilogue_.activation = Activation::kTanh;
  expect("integer results take no activation but ReLU");
}

TEST_F(MatmulRefusal, ScaleThatIsMissing) {
  make_int8(DType::kI8);
  epilogue_.scale = {};
  expect("scale is absent, which an i8 output needs");
}

TEST_F(MatmulRefusal, ScaleThatHasNoUse) {
  epilogue_.scale = memory_.tensor(DType::kF32, {1});
  expect("scale is only for i8 outputs");
  make_int8(DType::kI32);
  expect("scale is only for i8 outputs");
}

TEST_F(MatmulRefusal, SizeOfScale) {
  make_int8(DType::kI8);
  epilogue_.scale.dims[0] = 4;
  expect("dimension 0 of scale is 4, not 5");
}

TEST_F(MatmulRefusal, RankOfScale) {
  make_int8(DType::kI8);
  epilogue_.scale.rank = 2;
  epilogue_.scale.dims[1] = 1;
  expect("scale has rank 2, not 1");
}

TEST_F(MatmulRefusal, TypeOfScale) {
  make_int8(DType::kI8);
  epilogue_.scale.type = DType::kF16;
  expect("scale may not be of type f16");
}

TEST_F(MatmulRefusal, ZeroPointWithoutUse) {
  epilogue_.zero_point = 1;
  expect("a zero point is only for i8 outputs");
}

TEST_F(MatmulRefusal, ZeroPointOutsideInt8) {
  make_int8(DType::kI8);
  epilogue_.zero_point = 128;
  expect("zero point 128 is outside i8");
  epilogue_.zero_point = -129;
  expect("zero point -129 is outside i8");
}

TEST_F(MatmulRefusal, SizeOfBias) {
  epilogue_.bias = memory_.tensor(DType::kF32, {1});
  expect("dimension 0 of bias is 1, not 5");
}

TEST_F(MatmulRefusal, TypeOfBias) {
  epilogue_.bias = memory_.tensor(DType::kI32, {5});
  expect("bias may not be of type i32");
  make_int8(DType::kI32);
  epilogue_.bias.type = DType::kF32;
  expect("bias may not be of type f32");
}

// -------------------------------------------------------------------------------------------
// conv2d

class Conv2dRefusal : public ::testing::Test {
 protected:
  void expect(const std::string& reason) {
    expect_refusal(
        [&](const Arithmetic& with) { return with.conv2d(in_, weight_, out_, params_, epilogue_); },
        reason);
  }

  Memory memory_;
  Tensor in_ = memory_.tensor(DType::kF32, {1, 4, 5, 6});
  Tensor weight_ = memory_.tensor(DType::kF32, {6, 2, 3, 3});
  Tensor out_ = memory_.tensor(DType::kF32, {1, 6, 3, 4});
  Conv2dParams params_{.groups = 2};
  Epilogue epilogue_;
};

TEST_F(Conv2dRefusal, NotOfWhatItStartsFrom) {
  expect("");
}

TEST_F(Conv2dRefusal, Ranks) {
  in_.rank = 3;
  expect("in has rank 3, not 4");
  in_.rank = 4;
  weight_.rank = 3;
  expect("weight has rank 3, not 4");
  weight_.rank = 4;
  out_.rank = 3;
  expect("out has rank 3, not 4");
}

TEST_F(Conv2dRefusal, Groups) {
  params_.groups = 0;
  expect("0 groups do not divide 4 input and 6 output channels");
  params_.groups = 4;
  expect("4 groups do not divide 4 input and 6 output channels");
  params_.groups = 3;
  expect("3 groups do not divide 4 input and 6 output channels");
}

TEST_F(Conv2dRefusal, Types) {
  weight_.type = DType::kBF16;
  expect("types of in and weight differ: f32 and bf16");
  weight_.type = in_.type = DType::kI32;
  expect("in may not be of type i32");
}

TEST_F(Conv2dRefusal, Images) {
  out_.dims[0] = 2;
  expect("dimension 0 of out is 2, not 1");
}

TEST_F(Conv2dRefusal, ChannelsOfTheWeights) {
  weight_.dims[0] = 4;
  expect("dimension 0 of weight is 4, not 6");
  weight_.dims[0] = 6;
  weight_.dims[1] = 4;
  expect("dimension 1 of weight is 4, not 2");
}

TEST_F(Conv2dRefusal, ZeroParameters) {
  params_.stride_h = 0;
  expect("kernel, stride or dilation along the height is zero");
  params_ = {.dilation_w = 0, .groups = 2};
  expect("kernel, stride or dilation along the width is zero");
}

TEST_F(Conv2dRefusal, PaddingOfTheKernelsSize) {
  params_.pad_top = 3;
  expect("padding along the height is not smaller than the kernel, which spans 3");
  params_ = {.pad_right = 5, .dilation_w = 2, .groups = 2};
  expect("padding along the width is not smaller than the kernel, which spans 5");
}

TEST_F(Conv2dRefusal, KernelLargerThanTheInput) {
  params_.dilation_h = 3;
  expect("kernel spans 7 along the height, the padded input only 5");
}

TEST_F(Conv2dRefusal, SizeOfOut) {
  out_.dims[3] = 3;
  expect("out is 3 along the width, not 4");
  out_.dims[3] = 4;
  params_.stride_h = 2;
  expect("out is 3 along the height, not 2");
}

TEST_F(Conv2dRefusal, ParametersNearTheEndOfTheirRange) {
  weight_.dims[2] = 0xffffffff;
  params_.dilation_h = 0xffffffff;
  params_.pad_top = params_.pad_bottom = 0xffffffff;
  expect("kernel spans 18446744060824649731 along the height, the padded input only 8589934595");
}

TEST_F(Conv2dRefusal, BiasIsPerOutputChannel) {
  epilogue_.bias = memory_.tensor(DType::kF32, {4});
  expect("dimension 0 of bias is 4, not 6");
}

// ------------------------------------------------------------------------- elementwise and pooling

class BinaryRefusal : public ::testing::Test {
 protected:
  void expect(const std::string& reason) {
    expect_refusal(
        [&](const Arithmetic& with) { return with.binary(op_, a_, b_, out_, activation_); },
        reason);
  }

  Memory memory_;
  Binary op_ = Binary::kAdd;
  Activation activation_ = Activation::kNone;
  Tensor a_ = memory_.tensor(DType::kI8, {2, 3});
  Tensor b_ = memory_.tensor(DType::kI8, {2, 1});
  Tensor out_ = memory_.tensor(DType::kI8, {2, 3});
};

TEST_F(BinaryRefusal, NotOfWhatItStartsFrom) {
  expect("");
}

TEST_F(BinaryRefusal, UnknownOperation) {
  op_ = static_cast<Binary>(6);
  expect("unknown operation");
}

TEST_F(BinaryRefusal, Types) {
  b_.type = DType::kI32;
  expect("types of b and out differ: i32 and i8");
  b_.type = DType::kI8;
  a_.type = DType::kU8;
  expect("types of a and out differ: u8 and i8");
  out_.type = DType::kU8;
  expect("out may not be of type u8");
}

TEST_F(BinaryRefusal, Dims) {
  b_.dims[0] = 3;
  expect("dimension 0 of b is 3, neither 1 nor 2");
  a_.rank = 1;
  expect("a has rank 1, not 2");
}

TEST_F(BinaryRefusal, ActivationOfIntegers) {
  activation_ = Activation::kGelu;
  expect("integer results take no activation but ReLU");
}

TEST(ActivateRefusal, TypesDimsAndActivation) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {4});
  Tensor out = memory.tensor(DType::kF32, {4});
  auto activation = Activation::kTanh;
  const auto run = [&](const Arithmetic& with) { return with.activate(activation, in, out); };
  expect_refusal(run, "");
  in.dims[0] = 3;
  expect_refusal(run, "dimension 0 of in is 3, not 4");
  in.dims[0] = 4;
  in.type = DType::kF16;
  expect_refusal(run, "types of in and out differ: f16 and f32");
  in.type = out.type = DType::kU8;
  expect_refusal(run, "out may not be of type u8");
  in.type = out.type = DType::kI32;
  expect_refusal(run, "integer results take no activation but ReLU");
  activation = static_cast<Activation>(200);
  expect_refusal(run, "unknown activation");
}

TEST(PoolRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kI8, {1, 2, 4, 4});
  Tensor out = memory.tensor(DType::kI8, {1, 2, 2, 2});
  const PoolParams good{.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 2};
  PoolParams params = good;
  const auto run = [&](const Arithmetic& with) { return with.pool2d(in, out, params); };
  expect_refusal(run, "");
  params.kind = static_cast<Pool>(2);
  expect_refusal(run, "unknown kind of pooling");
  params = good;
  params.kernel_h = 0;
  expect_refusal(run, "kernel, stride or dilation along the height is zero");
  params = good;
  params.pad_left = 2;
  expect_refusal(run, "padding along the width is not smaller than the kernel, which spans 2");
  params = good;
  params.kernel_w = 5;
  expect_refusal(run, "kernel spans 5 along the width, the padded input only 4");
  params = good;
  params.stride_h = 1;
  expect_refusal(run, "out is 2 along the height, not 3");
  params = good;
  out.dims[1] = 3;
  expect_refusal(run, "dimension 1 of out is 3, not 2");
  out.dims[1] = 2;
  out.type = DType::kF32;
  expect_refusal(run, "types of in and out differ: i8 and f32");
  in.type = out.type = DType::kI32;
  expect_refusal(run, "out may not be of type i32");
  in.type = out.type = DType::kI8;
  in.rank = 3;
  expect_refusal(run, "in has rank 3, not 4");
}

// ---------------------------------------------------------------------------- rows, moves,
// rescaling

TEST(SoftmaxRefusal, TypesAndDims) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {2, 3});
  Tensor out = memory.tensor(DType::kF32, {2, 3});
  const auto run = [&](const Arithmetic& with) { return with.softmax(in, out); };
  expect_refusal(run, "");
  in.dims[0] = 1;
  expect_refusal(run, "dimension 0 of in is 1, not 2");
  in.dims[0] = 2;
  in.type = DType::kBF16;
  expect_refusal(run, "types of in and out differ: bf16 and f32");
  in.type = out.type = DType::kI8;
  expect_refusal(run, "out may not be of type i8");
}

TEST(NormRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF16, {2, 3});
  Tensor out = memory.tensor(DType::kF16, {2, 3});
  Tensor gain = memory.tensor(DType::kF32, {3});
  Tensor bias = memory.tensor(DType::kF16, {3});
  auto kind = Norm::kLayer;
  float epsilon = 0.0F;
  const auto run = [&](const Arithmetic& with) {
    return with.norm(kind, in, gain, bias, out, epsilon);
  };
  expect_refusal(run, "");
  for (const float bad : {-1e-9F, kNan, std::numeric_limits<float>::infinity()}) {
    epsilon = bad;
    expect_refusal(run, "epsilon is negative or not finite");
  }
  epsilon = 1.0F;
  gain.type = DType::kBF16;
  expect_refusal(run, "gain may not be of type bf16");
  gain.type = DType::kF32;
  gain.dims[0] = 2;
  expect_refusal(run, "dimension 0 of gain is 2, not 3");
  gain.dims[0] = 3;
  bias.rank = 2;
  bias.dims[1] = 1;
  expect_refusal(run, "bias has rank 2, not 1");
  bias.rank = 1;
  in.type = out.type = DType::kI32;
  expect_refusal(run, "out may not be of type i32");
  in.type = out.type = DType::kF16;
  kind = static_cast<Norm>(2);
  expect_refusal(run, "unknown kind of norm");
}

TEST(GatherRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {3, 2});
  Tensor index = memory.tensor(DType::kI32, {4});
  Tensor out = memory.tensor(DType::kF32, {4, 2});
  const auto run = [&](const Arithmetic& with) { return with.gather(in, index, out); };
  expect_refusal(run, "");
  index.type = DType::kF32;
  expect_refusal(run, "index may not be of type f32");
  index.type = DType::kI32;
  index.dims[0] = 5;
  expect_refusal(run, "dimension 0 of index is 5, not 4");
  index.dims[0] = 4;
  index.rank = 2;
  index.dims[1] = 1;
  expect_refusal(run, "dimension 1 of index is 1, not 2");
  index.dims[1] = 2;
  expect_refusal(run, "");
  index.rank = 1;
  in.dims[1] = 3;
  expect_refusal(run, "dimension 1 of out is 2, not 3");
  in.dims[1] = 2;
  in.type = DType::kI32;
  expect_refusal(run, "types of in and out differ: i32 and f32");
  in.type = DType::kF32;
  in.rank = 1;
  expect_refusal(run, "out has rank 2, not 1");
}

TEST(ScatterRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {4, 2});
  Tensor index = memory.tensor(DType::kI32, {4});
  Tensor out = memory.tensor(DType::kF16, {9, 2});
  const auto run = [&](const Arithmetic& with) { return with.scatter(in, index, out); };
  expect_refusal(run, "");
  index.type = DType::kF32;
  expect_refusal(run, "index may not be of type f32");
  index.type = DType::kI32;
  index.dims[0] = 5;
  expect_refusal(run, "dimension 0 of index is 5, not 4");
  index.dims[0] = 4;
  index.rank = 2;
  index.dims[1] = 3;
  expect_refusal(run, "dimension 1 of index is 3, not 2");
  index.rank = 1;
  out.dims[1] = 1;
  expect_refusal(run, "dimension 1 of out is 1, not 2");
  out.dims[1] = 2;
  out.rank = 1;
  expect_refusal(run, "out has rank 1, not 2");
  out.rank = 2;
  out.strides[0] = 1;
  expect_refusal(run, "elements of out overlap");
}

TEST(RotateRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {4, 3, 2});
  Tensor angle = memory.tensor(DType::kF32, {4, 1, 1});
  Tensor out = memory.tensor(DType::kF32, {4, 3, 2});
  float factor = 1;
  const auto run = [&](const Arithmetic& with) { return with.rotate(in, angle, out, factor); };
  expect_refusal(run, "");
  for (const float bad : {kNan, std::numeric_limits<float>::infinity()}) {
    factor = bad;
    expect_refusal(run, "factor is not finite");
  }
  factor = 1;
  angle.type = DType::kF16;
  expect_refusal(run, "angle may not be of type f16");
  angle.type = DType::kF32;
  angle.dims[1] = 2;
  expect_refusal(run, "dimension 1 of angle is 2, neither 1 nor 3");
  angle.dims[1] = 1;
  angle.dims[2] = 2;
  expect_refusal(run, "dimension 2 of angle is 2, not 1");
  angle.dims[2] = 1;
  angle.rank = 2;
  expect_refusal(run, "angle has rank 2, not 3");
  angle.rank = 3;
  in.dims[2] = out.dims[2] = 1;
  expect_refusal(run, "dimension 2 of out is 1, not 2");
  in.dims[2] = out.dims[2] = 2;
  in.dims[0] = 3;
  expect_refusal(run, "dimension 0 of in is 3, not 4");
  in.dims[0] = 4;
  in.type = DType::kF16;
  expect_refusal(run, "types of in and out differ: f16 and f32");
  in.type = out.type = DType::kI32;
  expect_refusal(run, "out may not be of type i32");
}

TEST(FunctionRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {4, 2});
  Tensor out = memory.tensor(DType::kF32, {4, 2});
  Function function = Function::kSign;
  const auto run = [&](const Arithmetic& with) { return with.function(function, in, out); };
  expect_refusal(run, "");
  function = static_cast<Function>(11);
  expect_refusal(run, "unknown function");
  function = Function::kExp;
  in.dims[0] = 3;
  expect_refusal(run, "dimension 0 of in is 3, not 4");
  in.dims[0] = 4;
  in.type = DType::kF16;
  expect_refusal(run, "types of in and out differ: f16 and f32");
  in.type = out.type = DType::kI32;
  expect_refusal(run, "out may not be of type i32");
}

TEST(OrderRefusal, EachCondition) {
  Memory memory;
  Tensor in = memory.tensor(DType::kF32, {4, 5});
  Tensor out = memory.tensor(DType::kI32, {4, 3});
  const auto run = [&](const Arithmetic& with) { return with.order(in, out, true); };
  expect_refusal(run, "");
  out.dims[1] = 6;
  expect_refusal(run, "elements of out overlap");
  out.strides[0] = 6;
  expect_refusal(run, "6 of 5 elements are not to be had");
  out.dims[1] = 3;
  out.dims[0] = 3;
  expect_refusal(run, "dimension 0 of out is 3, not 4");
  out.dims[0] = 4;
  out.rank = 1;
  expect_refusal(run, "out has rank 1, not 2");
  out.rank = 2;
  out.type = DType::kF32;
  expect_refusal(run, "out may not be of type f32");
  out.type = DType::kI32;
  in.type = DType::kI32;
  expect_refusal(run, "in may not be of type i32");
}

class RescalingRefusal : public ::testing::Test {
 protected:
  Memory memory_;
  Tensor floats_ = memory_.tensor(DType::kF32, {2, 3});
  Tensor bytes_ = memory_.tensor(DType::kI8, {2, 3});
  Tensor words_ = memory_.tensor(DType::kI32, {2, 3});
  Tensor scale_ = memory_.tensor(DType::kF32, {3});
  std::uint32_t axis_ = 1;
  std::int32_t zero_point_ = 0;
};

TEST_F(RescalingRefusal, Quantize) {
  const auto run = [&](const Arithmetic& with) {
    return with.quantize(floats_, scale_, bytes_, axis_, zero_point_);
  };
  expect_refusal(run, "");
  axis_ = 2;
  expect_refusal(run, "axis 2 is outside the rank 2");
  axis_ = 0xffffffff;
  expect_refusal(run, "axis 4294967295 is outside the rank 2");
  axis_ = 0;
  expect_refusal(run, "dimension 0 of scale is 3, not 2");
  axis_ = 1;
  scale_.type = DType::kI32;
  expect_refusal(run, "scale may not be of type i32");
  scale_.type = DType::kF32;
  zero_point_ = 128;
  expect_refusal(run, "zero point 128 is outside i8");
  bytes_.type = DType::kU8;
  expect_refusal(run, "");
  zero_point_ = -1;
  expect_refusal(run, "zero point -1 is outside u8");
  zero_point_ = 0;
  bytes_.type = DType::kF16;
  expect_refusal(run, "out may not be of type f16");
  bytes_.type = DType::kI8;
  floats_.type = DType::kI32;
  expect_refusal(run, "in may not be of type i32");
  floats_.type = DType::kF32;
  floats_.dims[0] = 1;
  expect_refusal(run, "dimension 0 of in is 1, not 2");
}

TEST_F(RescalingRefusal, Dequantize) {
  const auto run = [&](const Arithmetic& with) {
    return with.dequantize(bytes_, scale_, floats_, axis_, zero_point_);
  };
  expect_refusal(run, "");
  zero_point_ = -129;
  expect_refusal(run, "zero point -129 is outside i8");
  zero_point_ = 0;
  bytes_.type = DType::kF32;
  expect_refusal(run, "in may not be of type f32");
  bytes_.type = DType::kI8;
  floats_.type = DType::kI32;
  expect_refusal(run, "out may not be of type i32");
  axis_ = 6;
  expect_refusal(run, "axis 6 is outside the rank 2");
}

TEST_F(RescalingRefusal, Requantize) {
  const auto run = [&](const Arithmetic& with) {
    return with.requantize(words_, scale_, bytes_, axis_, zero_point_);
  };
  expect_refusal(run, "");
  zero_point_ = 200;
  expect_refusal(run, "zero point 200 is outside i8");
  zero_point_ = 0;
  bytes_.type = DType::kU8;
  expect_refusal(run, "out may not be of type u8");
  bytes_.type = DType::kI8;
  words_.type = DType::kF32;
  expect_refusal(run, "in may not be of type f32");
  scale_ = {};
  words_.type = DType::kI32;
  expect_refusal(run, "scale is absent");
}

}  // namespace
}  // namespace halyard::engine::testing
