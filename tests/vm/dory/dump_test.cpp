// SPDX-License-Identifier: MIT
/// \file
/// What is kept of failures of the card. Each test takes what it has caused: none meets another's.

#include <cerrno>
#include <cstring>
#include <string>

#include <gtest/gtest.h>

#include "dumps.hpp"
#include "job.hpp"

namespace halyard::test {
namespace {

class Dump : public testing::Test {
 protected:
  static void SetUpTestSuite() { drop_dumps(); }

  void TearDown() override { inject("none"); }

  /// The driver's copy of the stream, which is what the card ran.
  void expect_stream(const TakenDump& dump, const Stream& stream) const {
    const auto bytes = stream.bytes();
    EXPECT_EQ(dump.size("payload"), sizeof(drm_halyard_dory_payload));
    ASSERT_GE(dump.size("job memory"), bytes.size());
    for (std::size_t at = 0; at + 4 <= bytes.size(); at += 4) {
      std::uint32_t word = 0;
      std::memcpy(&word, bytes.data() + at, sizeof(word));
      EXPECT_EQ(dump.word("job memory", at), word) << at;
    }
  }

  User user_;
};

TEST_F(Dump, OfAnError) {
  const Stream stream = fill_word(7);
  inject("operands");
  EXPECT_EQ(user_.run(stream), -EILSEQ);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  EXPECT_EQ(dump.line("device", "chip"), "dory");
  EXPECT_EQ(dump.line("queue", "cause"), "illegal command");
  EXPECT_EQ(dump.line("queue", "error"), std::to_string(-EILSEQ));
  EXPECT_EQ(dump.line("queue", "job"), "1");
  EXPECT_NE(dump.value("registers", "ERROR_CAUSE"), 0U);
  EXPECT_EQ(dump.value("registers", "region1 LIMIT"), user_.out.size);
  EXPECT_FALSE(dump.has("page walk"));
  EXPECT_FALSE(dump.has("firmware"));
  expect_stream(dump, stream);
}

TEST_F(Dump, OfAHang) {
  const Stream stream = fill_word(8);
  inject("hang");
  EXPECT_EQ(user_.run(stream), -ETIME);

  const TakenDump dump;
  SCOPED_TRACE(dump.text());
  EXPECT_EQ(dump.line("queue", "cause"), "timeout");
  expect_stream(dump, stream);
}

}  // namespace
}  // namespace halyard::test
