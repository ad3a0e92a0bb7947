// SPDX-License-Identifier: MIT
/// \file
/// Which tasks and payloads are refused, and why.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>

#include "chips/sloop/command.hpp"
#include "chips/sloop/execution.hpp"
#include "chips/sloop/processor.hpp"
#include "samples.hpp"
#include "segment_memory.hpp"

namespace halyard::emu::test {

namespace {

constexpr drm_halyard_sloop_binding kBinding{.address = at(1), .size = kSampleBytes};

std::string refusal(const Task& raw) {
  sloop::Task decoded;
  Fault fault;
  return sloop::decode_task(raw, std::span(&kBinding, 1), decoded, fault) ? "" : fault.text;
}

const Task& sample(const char* name) {
  for (const Sample& one : samples()) {
    if (one.name == name) return one.task;
  }
  throw std::out_of_range(name);
}

TEST(Decode, SamplesAreAccepted) {
  for (const Sample& one : samples())
    EXPECT_EQ(refusal(one.task), "") << one.name;
}

/// A field that the opcode does not use, in each opcode that does not use it.
TEST(Decode, UnusedFieldsAreZero) {
  struct Field {
    const char* name;
    void (*set)(Task&);
    std::vector<unsigned> users;
  };
  const Field fields[] = {
      {"function", [](Task& t) { t.function = 1; }, {3, 5, 7, 17, 18, 19, 20}},
      {"activation", [](Task& t) { t.activation = 1; }, {1, 2, 3, 4}},
      {"zero_point", [](Task& t) { t.zero_point = -1; }, {1, 2, 10, 11, 12}},
      {"axis", [](Task& t) { t.axis = 1; }, {10, 11, 12}},
      {"epsilon", [](Task& t) { t.epsilon = 1; }, {7}},
      {"pattern", [](Task& t) { t.pattern = 1; }, {13, 15}},
      {"kernel", [](Task& t) { t.kernel_w = 1; }, {5}},
      {"stride", [](Task& t) { t.stride_h = 1; }, {2, 5}},
      {"dilation", [](Task& t) { t.dilation_w = 1; }, {2}},
      {"pad", [](Task& t) { t.pad_right = 1; }, {2, 5}},
      {"groups", [](Task& t) { t.groups = 1; }, {2}},
      {"reserved", [](Task& t) { t.reserved[3] = 1; }, {}},
  };
  for (const Sample& one : samples()) {
    for (const Field& field : fields) {
      if (std::ranges::find(field.users, one.task.opcode) != field.users.end()) continue;
      Task raw = one.task;
      field.set(raw);
      EXPECT_THAT(refusal(raw), testing::HasSubstr(std::string(field.name) + " is not zero"))
          << one.name;
    }
  }
}

TEST(Decode, UnusedOperandsAreZero) {
  Operand Task::*const roles[] = {&Task::out, &Task::a, &Task::b, &Task::bias, &Task::scale};
  for (const Sample& one : samples()) {
    for (const auto role : roles) {
      Task raw = one.task;
      if ((raw.*role).dtype != 0) continue;
      (raw.*role).offset = 4;
      EXPECT_NE(refusal(raw), "") << one.name;
    }
  }
}

TEST(Decode, NeededOperandsArePresent) {
  for (const Sample& one : samples()) {
    Task raw = one.task;
    if (raw.out.dtype == 0) continue;
    raw.out = {};
    EXPECT_THAT(refusal(raw), testing::HasSubstr("may not be absent")) << one.name;
  }
}

struct Case {
  const char* name;
  const char* sample;
  void (*change)(Task&);
  const char* text;
};

class Refusal : public testing::TestWithParam<Case> {};

TEST_P(Refusal, SaysWhy) {
  Task raw = sample(GetParam().sample);
  ASSERT_EQ(refusal(raw), "");
  GetParam().change(raw);
  EXPECT_THAT(refusal(raw), testing::HasSubstr(GetParam().text));
}

INSTANTIATE_TEST_SUITE_P(
    Decode, Refusal,
    testing::Values(
        Case{"Opcode", "nop", [](Task& raw) { raw.opcode = DRM_HALYARD_SLOOP_NUM_OPCODES; },
             "unknown opcode"},
        Case{"BinaryFunction", "binary0_f32", [](Task& raw) { raw.function = 6; },
             "unknown operation 6"},
        Case{"PoolFunction", "pool0", [](Task& raw) { raw.function = 3; }, "unknown function 3"},
        Case{"NormFunction", "norm1_f32", [](Task& raw) { raw.function = 2; },
             "unknown function 2"},
        Case{"NoFormat", "unpack", [](Task& raw) { raw.function = 0; }, "unknown format 0"},
        Case{"Format", "unpack", [](Task& raw) { raw.function = DRM_HALYARD_SLOOP_TQ2_0 + 1; },
             "unknown format 19"},
        Case{"PartOfABlock", "unpack", [](Task& raw) { raw.a.dims[1] = 35; }, "no multiple of 18"},
        Case{"GapsInBlocks", "unpack", [](Task& raw) { raw.a.strides[1] = 2; }, "gaps"},
        Case{"LinearFormat", "linear", [](Task& raw) { raw.function = 0; }, "unknown format 0"},
        Case{"LinearElements", "linear", [](Task& raw) { raw.a.dims[1] = 63; }, "is 63, not 64"},
        Case{"FunctionFunction", "function_0_f32", [](Task& raw) { raw.function = 11; },
             "unknown function 11"},
        Case{"OrderFunction", "order_f32", [](Task& raw) { raw.function = 2; },
             "unknown function 2"},
        Case{"OrderCount", "order_f32",
             [](Task& raw) { raw.out.dims[1] = 31, raw.out.strides[0] = 31; }, "31 of 30"},
        Case{"RotateFactor", "rotate_f32", [](Task& raw) { raw.pattern = 0x7fc00000; }, "factor"},
        Case{"RotateAngle", "rotate_f32", [](Task& raw) { raw.b.dims[3] = 2; }, "angle"},
        Case{"ScatterIndex", "scatter_f32", [](Task& raw) { raw.b.dims[0] = 4; }, "index"},
        Case{"Activation", "activate1", [](Task& raw) { raw.activation = 6; },
             "unknown activation 6"},
        Case{"RmsWithBias", "norm0_f32", [](Task& raw) { raw.function = 1; }, "takes no bias"},
        Case{"Type", "softmax_f32", [](Task& raw) { raw.a.dtype = 7; }, "unknown type 7"},
        Case{"Padding", "softmax_f32", [](Task& raw) { raw.a.pad = 1; },
             "padding that is not zero"},
        Case{"Rank0", "softmax_f32", [](Task& raw) { raw.a.rank = 0; }, "rank 0"},
        Case{"Rank7", "softmax_f32", [](Task& raw) { raw.a.rank = 7; }, "rank 7"},
        Case{"Dim0", "softmax_f32", [](Task& raw) { raw.a.dims[1] = 0; }, "dimension 1 of zero"},
        Case{"DimBeyondRank", "softmax_f32", [](Task& raw) { raw.a.dims[2] = 1; },
             "beyond its rank"},
        Case{"StrideBeyondRank", "softmax_f32", [](Task& raw) { raw.a.strides[5] = 1; },
             "beyond its rank"},
        Case{"TooMany", "softmax_f32", [](Task& raw) { raw.a.dims[0] = raw.a.dims[1] = ~0U; },
             "too many elements"},
        Case{"Binding", "softmax_f32", [](Task& raw) { raw.a.binding = 1; }, "binding 1 of 1"},
        Case{"Before", "softmax_f32", [](Task& raw) { raw.a.strides[0] = -1000; },
             "outside its binding"},
        Case{"Behind", "softmax_f32", [](Task& raw) { raw.a.offset = kSampleBytes - 8; },
             "outside its binding"},
        Case{"FarBehind", "softmax_f32", [](Task& raw) { raw.a.offset = ~std::uint64_t{7}; },
             "outside its binding"},
        Case{"Unaligned", "softmax_f32", [](Task& raw) { raw.a.offset += 2; }, "not aligned"},
        Case{"Shapes", "softmax_f32", [](Task& raw) { raw.out.dims[1] = 6; }, "softmax: "},
        Case{"OutputOverlaps", "softmax_f32", [](Task& raw) { raw.out.strides[0] = 0; },
             "softmax: "},
        Case{"WidePattern", "fill_u8", [](Task& raw) { raw.pattern = 256; },
             "wider than an element"},
        Case{"TimestampUnaligned", "timestamp", [](Task& raw) { raw.out.offset += 4; },
             "not aligned to 8"},
        Case{"TimestampOfFloats", "timestamp",
             [](Task& raw) { raw.out.dtype = DRM_HALYARD_SLOOP_F32; }, "two adjacent I32"}),
    [](const auto& test) { return test.param.name; });

// ---- Payloads
// ------------------------------------------------------------------------------------

TEST(Payload, TransfersAreChecked) {
  using sloop::check_payload;
  constexpr std::uint32_t kDma = DRM_HALYARD_SLOOP_ENGINE_DMA;
  const auto copy = copy_payload(at(0), at(1), 4096);
  const auto fill = fill_payload(at(0), 4096, 1);
  ASSERT_EQ(check_payload(copy, kDma), "");
  ASSERT_EQ(check_payload(fill, kDma), "");
  EXPECT_NE(check_payload(copy, DRM_HALYARD_SLOOP_ENGINE_COMPUTE), "");
  EXPECT_NE(check_payload(copy, 2), "");
  const auto refused = [](auto payload, auto change) {
    change(payload);
    return !check_payload(payload, kDma).empty();
  };
  using P = drm_halyard_sloop_payload;
  EXPECT_TRUE(refused(copy, [](P& p) { p.flags = 1; }));
  EXPECT_TRUE(refused(copy, [](P& p) { p.bindings = 8; }));
  EXPECT_TRUE(refused(copy, [](P& p) { p.binding_count = 1; }));
  EXPECT_TRUE(refused(copy, [](P& p) { p.pattern = 1; }));
  EXPECT_TRUE(refused(copy, [](P& p) { p.size = (std::uint64_t{1} << 48) + 1; }));
  EXPECT_TRUE(refused(copy, [](P& p) { p.target = p.source + 4095; }));
  EXPECT_TRUE(refused(copy, [](P& p) { p.source = p.target + 1; }));
  EXPECT_FALSE(refused(copy, [](P& p) { p.target = p.source + 4096; }));
  EXPECT_TRUE(refused(fill, [](P& p) { p.source = 4; }));
  EXPECT_TRUE(refused(fill, [](P& p) { p.target = 2; }));
  EXPECT_TRUE(refused(fill, [](P& p) { p.size = 6; }));
}

TEST(Processor, RunsJobsInAnyAddressSpace) {
  SegmentMemory memory;
  sloop::Processor processor;
  const auto payload = fill_payload(at(1), 64, 0x11223344);
  std::string error;
  const auto bytes = std::as_bytes(std::span(&payload, 1));
  auto job = processor.start(
      bytes, DRM_HALYARD_SLOOP_ENGINE_DMA, memory.space(), [] { return std::uint64_t{0}; }, error);
  ASSERT_NE(job, nullptr) << error;
  EXPECT_EQ(job->step(), Outcome::kDone);
  EXPECT_EQ(job->completed(), 1U);
  EXPECT_EQ(job->cycles(), 96U + 2U);
  EXPECT_EQ(memory.segment(1)[63], std::byte{0x11});
  EXPECT_EQ(processor.start(
                bytes.first(8), 1, memory.space(), [] { return std::uint64_t{0}; }, error),
            nullptr);
  EXPECT_THAT(error, testing::HasSubstr("8 bytes, not 48"));
  EXPECT_EQ(processor.start(
                bytes, 0, memory.space(), [] { return std::uint64_t{0}; }, error),
            nullptr);
}

}  // namespace

}  // namespace halyard::emu::test
