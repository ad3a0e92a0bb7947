// SPDX-License-Identifier: MIT
/// \file
/// What one client leaves in memory the next one does not find there. That the next one has the
/// same memory is counted, not hoped for: of no more memory than there is each of the two has so
/// much that some must have been both's.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "dmabuf.hpp"
#include "worker.hpp"

namespace halyard::test {
namespace {

constexpr std::uint32_t kPoison = 0x0ddba11;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
/// Of one object: what any host has in one piece.
constexpr std::uint64_t kPiece = kMiB;
/// What is left of the host's memory to be given away, and what each client takes of it.
constexpr std::uint64_t kLeft = 256 * kMiB;
constexpr std::uint64_t kTaken = 160 * kMiB;
/// Free memory is not counted page by page.
constexpr std::uint64_t kBlur = 24 * kMiB;
/// How long the card is at the victim's memory's last job.
constexpr unsigned kSlowUs = 500'000;

// ---- Memory of the host -------------------------------------------------------------------------

/// "MemFree" and the like, in bytes.
std::uint64_t meminfo(const std::string& key) {
  std::ifstream file("/proc/meminfo");
  std::string word;
  std::uint64_t value = 0;
  while (file >> word) {
    if (word == key + ":" && file >> value) return value * 1024;
  }
  throw std::runtime_error("no " + key + " in /proc/meminfo");
}

/// As much as can be given away at all: what is free, and what would be given up for it, which
/// memory in use is not without swap.
std::uint64_t can_be_given() {
  return meminfo("MemFree") + meminfo("Buffers") + meminfo("Cached") + meminfo("SReclaimable") -
         meminfo("Shmem");
}

/// Holds all of the host's memory but about kLeft.
class Ballast {
 public:
  /// Again for each place: what the kernel gives back late would be left beside it, and what it has
  /// taken meanwhile would be missing. Without swap, too little is worse than a failure: programs
  /// are read again and again.
  void fill() {
    std::ofstream("/proc/sys/vm/drop_caches") << 3;
    while (can_be_given() < kLeft && !maps_.empty())
      maps_.pop_back();
    while (can_be_given() > kLeft + kStep) {
      Mapping map(kStep, -1, 0, PROT_READ | PROT_WRITE);
      require(madvise(map.bytes().data(), map.bytes().size(), MADV_POPULATE_WRITE) == 0 ? 0 : errno,
              "MADV_POPULATE_WRITE");
      maps_.push_back(std::move(map));
    }
  }

 private:
  static constexpr std::uint64_t kStep = 8 * kMiB;

  std::vector<Mapping> maps_;
};

// ---- Where and how ------------------------------------------------------------------------------

/// Memory as the places of it are named in the tests.
enum class Place {
  kJobs,    ///< where jobs work, whatever that is made of
  kHost,    ///< the host's, of a card that has memory of its own
  kEvicted  ///< the host's, which objects have when the card's is full
};

/// What becomes of who had it first.
enum class End { kFreed, kKilled, kKilledInAJob };

/// Who of the next owner's looks at it first: a job that copies it, or the process by its mapping.
enum class Look { kJob, kMap };

struct Case {
  const char* name;
  End end;
  Look look;
};

constexpr Case kCases[] = {{"FreedAJobLooks", End::kFreed, Look::kJob},
                           {"FreedAProcessLooks", End::kFreed, Look::kMap},
                           {"KilledAProcessLooks", End::kKilled, Look::kMap},
                           {"KilledInAJobAJobLooks", End::kKilledInAJob, Look::kJob}};

std::vector<drm_halyard_query_memory> regions_of(const Client& client) {
  std::array<drm_halyard_query_memory, 8> regions{};
  drm_halyard_dev_query argument{.type = DRM_HALYARD_QUERY_MEMORY,
                                 .size = sizeof(regions),
                                 .pointer = reinterpret_cast<std::uint64_t>(regions.data())};
  require(client.call(DRM_IOCTL_HALYARD_DEV_QUERY, argument), "DEV_QUERY");
  return {regions.begin(), regions.begin() + argument.size / sizeof(regions[0])};
}

/// Bytes of the card's own memory, 0 when it has none.
std::uint64_t card_memory(const Client& client) {
  const auto first = regions_of(client).front();
  return (first.flags & DRM_HALYARD_MEMORY_HOST) != 0 ? 0 : first.size;
}

/// Bytes that this client's objects, each of whole MiB, have on the card.
std::uint64_t resident_on_card(const Client& client) {
  return fdinfo(client, std::string("drm-resident-") + regions_of(client).front().name) * kMiB;
}

/// Objects of the place, until it is used up as far as it is to be.
std::vector<Target> take(Worker& worker, Place place, std::uint64_t bytes) {
  std::vector<Target> targets;
  for (std::uint64_t taken = 0; taken < bytes; taken += kPiece)
    targets.push_back(
        worker.reach(worker.client().make_bo(kPiece, place == Place::kHost ? 1 : 0), kPiece));
  return targets;
}

// ---- Who has it first ---------------------------------------------------------------------------

/// Another process that fills memory with poison.
class Poisoner {
 public:
  Poisoner(Place place, std::uint64_t bytes, End end) : end_(end) {
    std::array<int, 2> ready{}, go{};
    require(pipe(ready.data()) == 0 && pipe(go.data()) == 0 ? 0 : errno, "pipe");
    ready_ = {File(ready[0]), File(ready[1])};
    go_ = {File(go[0]), File(go[1])};
    pid_ = fork_child(false);
    if (pid_ == 0) run(place, bytes);
    // So that the end of the process is the end of what it says.
    ready_[1].close();
    EXPECT_EQ(wait(), 'p');
  }
  Poisoner(const Poisoner&) = delete;
  Poisoner& operator=(const Poisoner&) = delete;

  /// It has none of the memory any more, or will soon.
  void end() {
    if (end_ == End::kFreed) {
      tell();
      EXPECT_EQ(wait(), 'f');
      tell();
      EXPECT_EQ(wait_child(pid_), 0);
      return;
    }
    if (end_ == End::kKilledInAJob) {
      inject("slow", -1, 0, 1, kSlowUs);
      tell();
      EXPECT_EQ(wait(), 's');
      EXPECT_TRUE(wait_for_injection());
    }
    EXPECT_EQ(kill(pid_, SIGKILL), 0);
    EXPECT_EQ(wait_child(pid_), 128 + SIGKILL);
  }

 private:
  [[noreturn]] void run(Place place, std::uint64_t bytes) const {
    try {
      live(place, bytes);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "the process with the poison: %s\n", error.what());
      _Exit(EXIT_FAILURE);
    }
    _Exit(EXIT_SUCCESS);
  }

  void live(Place place, std::uint64_t bytes) const {
    const auto worker = make_worker();
    const auto targets = take(*worker, place, bytes);
    for (const Target& target : targets)
      require(worker->attempt(worker->fill(target, 0, kPiece, kPoison)) == 1 ? 0 : EIO, "fill");
    if (place != Place::kHost && card_memory(worker->client()) != 0)
      require(resident_on_card(worker->client()) >= card_memory(worker->client()) / 8 * 5 ? 0 : EIO,
              "poison on the card");
    say('p');
    await();
    if (end_ == End::kKilledInAJob) {
      for (const Target& target : targets)
        require(worker->client().submit(worker->fill(target, 0, kPiece, kPoison)), "SUBMIT");
      say('s');
      pause();
    }
    for (const Target& target : targets) {
      if (target.va != 0)
        require(worker->client().unmap(worker->client().vm(), target.va, kPiece), "VM_BIND");
      require(worker->client().close_bo(target.handle), "GEM_CLOSE");
    }
    say('f');
    await();
  }

  void say(char word) const { require(write(ready_[1].get(), &word, 1) == 1 ? 0 : errno, "write"); }
  void await() const {
    char word = 0;
    require(read(go_[0].get(), &word, 1) == 1 ? 0 : EIO, "read");
  }
  void tell() const { require(write(go_[1].get(), "", 1) == 1 ? 0 : errno, "write"); }
  [[nodiscard]] char wait() const {
    char word = 0;
    require(read(ready_[0].get(), &word, 1) == 1 ? 0 : EIO, "the process with the poison");
    return word;
  }

  const End end_;
  std::array<File, 2> ready_, go_;
  int pid_ = 0;
};

// ---- Who has it next ----------------------------------------------------------------------------

/// Looks at objects in all the ways that there are.
class Looker {
 public:
  explicit Looker(Worker& worker) : worker_(worker), seen_(worker.make(kPiece)) {
    map_ = worker.client().map(seen_.handle, kPiece);
  }

  /// Whether a job that copies the object out finds nothing in it.
  [[nodiscard]] bool empty_to_job(const Target& target) {
    std::memset(map_.bytes().data(), 0xff, kPiece);
    require(worker_.attempt(worker_.copy(target, 0, seen_, 0, kPiece)) == 1 ? 0 : EIO, "copy");
    return is_zero(map_);
  }
  [[nodiscard]] bool empty_in_map(const Target& target) const {
    return is_zero(worker_.client().map(target.handle, kPiece));
  }
  [[nodiscard]] bool empty_in_dmabuf(const Target& target) const {
    const File file = export_buffer(worker_.client(), target.handle);
    return is_zero(Mapping(kPiece, file.get(), 0, PROT_READ | PROT_WRITE));
  }
  /// By another client that imports it, in its mapping and by its job.
  [[nodiscard]] bool empty_to_importer(const Target& target) {
    if (!importer_) {
      importer_ = make_worker();
      looker_ = std::make_unique<Looker>(*importer_);
    }
    const File file = export_buffer(worker_.client(), target.handle);
    const Target imported = importer_->reach(import_buffer(importer_->client(), file), kPiece);
    return looker_->empty_in_map(imported) && looker_->empty_to_job(imported);
  }

 private:
  static bool is_zero(const Mapping& map) {
    static const std::vector<std::byte> zeros(kPiece);
    return std::memcmp(map.bytes().data(), zeros.data(), kPiece) == 0;
  }

  Worker& worker_;
  Target seen_;
  Mapping map_;
  std::unique_ptr<Worker> importer_;
  std::unique_ptr<Looker> looker_;
};

class Poison : public testing::TestWithParam<Case> {
 protected:
  static void SetUpTestSuite() { ballast_ = std::make_unique<Ballast>(); }
  static void TearDownTestSuite() { ballast_.reset(); }

  /// A job sees its memory on the card when that has some, a process first in the host's.
  [[nodiscard]] std::vector<Place> places() const {
    if (card_ == 0) return {Place::kJobs};
    if (GetParam().look == Look::kJob) return {Place::kJobs, Place::kHost};
    return {Place::kEvicted, Place::kHost};
  }

  void expect_not_found(Place place) const;

  const std::uint64_t card_ = card_memory(Client());

 private:
  static std::unique_ptr<Ballast> ballast_;
};

std::unique_ptr<Ballast> Poison::ballast_;

/// Waits until as much can be given away as before.
void wait_until_free(std::uint64_t before) {
  for (int i = 0; i < 4000 && can_be_given() + kBlur < before; ++i)
    sleep_ms(5);
  ASSERT_GE(can_be_given() + kBlur, before) << "the memory is not given back";
}

void Poison::expect_not_found(Place place) const {
  const bool on_card = card_ != 0 && place == Place::kJobs;
  const std::uint64_t wanted = on_card ? card_ / 4 * 3 : kTaken;
  ballast_->fill();
  const auto worker = make_worker();
  Looker looker(*worker);
  const std::uint64_t there = can_be_given();
  Poisoner(place, wanted + (place == Place::kEvicted ? card_ : 0), GetParam().end).end();
  wait_until_free(there);

  const auto targets = take(*worker, place, wanted);
  const auto found = std::ranges::count_if(targets, [&](const Target& target) {
    return !(GetParam().look == Look::kJob ? looker.empty_to_job(target)
                                           : looker.empty_in_map(target));
  });
  EXPECT_EQ(found, 0) << "of " << targets.size() << " pieces";
  // Who has that much has some that the other had.
  if (on_card) {
    EXPECT_GE(resident_on_card(worker->client()), card_ / 8 * 5);
  } else {
    EXPECT_LT(there + kBlur, 2 * kTaken);
  }
  for (const Target& target : targets) {
    EXPECT_TRUE(looker.empty_in_dmabuf(target));
    EXPECT_TRUE(looker.empty_to_importer(target));
  }
}

TEST_P(Poison, IsNotFound) {
  constexpr std::array kPlaces = {"where jobs work", "in a card's host memory",
                                  "evicted from the card"};
  for (const Place place : places()) {
    SCOPED_TRACE(kPlaces.at(static_cast<unsigned>(place)));
    expect_not_found(place);
  }
}

INSTANTIATE_TEST_SUITE_P(When, Poison, testing::ValuesIn(kCases),
                         [](const auto& chosen) { return chosen.param.name; });

}  // namespace
}  // namespace halyard::test
