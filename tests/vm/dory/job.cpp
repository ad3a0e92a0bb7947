// SPDX-License-Identifier: MIT
#include "job.hpp"

#include <algorithm>
#include <utility>

namespace halyard::test {

Program load(Client& client, const Stream& stream) {
  Program program;
  program.size = static_cast<std::uint32_t>(stream.bytes().size());
  program.memory = client.make_buffer(program.size);
  std::ranges::copy(stream.bytes(), program.memory.map.bytes().begin());
  return program;
}

Job Program::job(std::uint32_t queue, const std::vector<const Buffer*>& outputs) const {
  Job job;
  job.queue = queue;
  job.payload = {.slot = 0, .flags = 0, .offset = 0, .size = size};
  job.uses(memory.handle, 0);
  for (const Buffer* buffer : outputs)
    job.uses(buffer->handle, DRM_HALYARD_BUFFER_WRITE);
  return job;
}

Stream fill_word(std::uint32_t value) {
  Stream stream;
  return stream.fill(dense(1, kI32, {1}), value).end();
}

Job User::job(const Stream& stream) {
  programs_.push_back(load(client, stream));
  return programs_.back().job(queue, {&out});
}

}  // namespace halyard::test
