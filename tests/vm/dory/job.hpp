// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Jobs of the chip: a buffer with the stream, and the buffers that it works on.

#include <drm/halyard_dory.h>

#include <cstdint>
#include <vector>

#include "client.hpp"
#include "stream.hpp"

namespace halyard::test {

using namespace dory_test;
using Job = JobOf<drm_halyard_dory_payload>;

inline constexpr std::uint32_t kI32 = DRM_HALYARD_DORY_I32;

/// A stream in a buffer of its own, which is region 0 of its jobs.
struct Program {
  Buffer memory;
  std::uint32_t size = 0;

  /// A job with `outputs` as the regions from 1 on.
  [[nodiscard]] Job job(std::uint32_t queue, const std::vector<const Buffer*>& outputs) const;
};

Program load(Client& client, const Stream& stream);

/// Writes `value` to the first word of region 1.
Stream fill_word(std::uint32_t value);

/// A client with a buffer to write to and a queue.
struct User {
  Client client;
  Buffer out = client.make_buffer(kPage);
  std::uint32_t queue = client.make_queue();

  [[nodiscard]] Job job(const Stream& stream);
  /// 1, or the negative errno of the job's fence. A refusal throws.
  [[nodiscard]] int run(const Stream& stream) { return client.run(job(stream)); }

 private:
  std::vector<Program> programs_;
};

}  // namespace halyard::test
