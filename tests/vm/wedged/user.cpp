// SPDX-License-Identifier: MIT
#include "user.hpp"

#include <xf86drm.h>

#include <cerrno>

#include "lost.hpp"

namespace halyard::test {

User::User()
    : worker(make_worker()),
      target(worker->make(2 * kPage)),
      memory(worker->client().map(target.handle, target.size)),
      job(worker->fill(target, 0, kPage, kPattern)) {}

void User::submit(const File& before) {
  Client& client = worker->client();
  const std::uint32_t last = client.make_syncobj(true);
  if (before.get() >= 0) {
    require(drmSyncobjImportSyncFile(client.fd(), last, before.get()) == 0 ? 0 : errno,
            "SYNCOBJ_FD_TO_HANDLE");
  }
  for (int i = 0; i < kJobs; ++i) {
    const std::uint32_t done = client.make_syncobj();
    AnyJob next = job;
    require(client.submit(next.wait(last).signal(done)), "SUBMIT");
    fences.push_back(export_fence(client, done));
  }
}

}  // namespace halyard::test
