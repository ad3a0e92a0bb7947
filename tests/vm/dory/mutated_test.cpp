// SPDX-License-Identifier: MIT
/// \file
/// Mutated command streams through the driver: it accepts what the check in this process accepts,
/// and what it accepts ends on the card as it ends on the model here. The card's own checker fails
/// the run when an operand leaves a buffer.

#include <algorithm>
#include <cerrno>
#include <vector>

#include <gtest/gtest.h>

#include "containment.hpp"
#include "job.hpp"
#include "mutator.hpp"

namespace halyard::test {
namespace {

class Mutated : public testing::Test {
 protected:
  Mutated() {
    for (const RegionSpec& region : regions_)
      buffers_.push_back(client_.make_buffer(region.size));
  }

  /// The stream stands in the last region.
  Job job(const Words& words) {
    Job job;
    job.queue = queue_;
    for (std::size_t i = 0; i < buffers_.size(); ++i)
      job.uses(buffers_[i].handle, regions_[i].write ? DRM_HALYARD_BUFFER_WRITE : 0);
    const auto stream = std::as_bytes(std::span(words));
    const auto slot = static_cast<std::uint32_t>(buffers_.size() - 1);
    std::ranges::copy(stream, buffers_.back().map.bytes().begin());
    job.payload = {
        .slot = slot, .flags = 0, .offset = 0, .size = static_cast<std::uint32_t>(stream.size())};
    return job;
  }

  /// As the model has it: 1, or the negative errno of the fence.
  void expect_end(const Words& words, int wanted) {
    const int got = client_.run(job(words));
    ASSERT_EQ(got, wanted);
    if (got == 1) return;
    ASSERT_EQ(client_.queue_destroy(queue_), 0);  // it is banned
    queue_ = client_.make_queue();
  }

  Client client_;
  const Regions regions_ = {{.size = 16384, .write = false}, {.size = 16384, .write = true},
                            {.size = 4096, .write = true},   {.size = 4096, .write = false},
                            {.size = 8192, .write = true},   {.size = 4096, .write = false},
                            {.size = 16384, .write = false}};
  std::vector<Buffer> buffers_;
  std::uint32_t queue_ = client_.make_queue();
};

TEST_F(Mutated, StreamsEndAsOnTheModel) {
  // QEMU executes a masked load by reading what the mask leaves out, too.
  constexpr std::size_t kSlack = 64;
  Containment model(regions_, kSlack);
  Random random(4);
  unsigned done = 0;
  unsigned failed = 0;
  unsigned refused = 0;
  for (unsigned i = 0; i < 3000; ++i) {
    Words words = valid_stream(random);
    for (auto left = 1 + random() % 5; left > 0; --left)
      mutate(words, regions_, random);
    const Verdict verdict = model.run(words);
    ASSERT_EQ(verdict.wrong, "") << "stream " << i;
    if (verdict.too_long) continue;
    if (!verdict.accepted) {
      ASSERT_EQ(client_.submit(job(words)), EINVAL) << "stream " << i;
      ++refused;
      continue;
    }
    ASSERT_NO_FATAL_FAILURE(expect_end(words, verdict.done ? 1 : -EILSEQ)) << "stream " << i;
    ++(verdict.done ? done : failed);
  }
  EXPECT_GT(done, 100U);
  EXPECT_GT(failed, 50U);
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace halyard::test
