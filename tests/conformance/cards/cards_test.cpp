// SPDX-License-Identifier: MIT
// One process, several cards: buffers go from one to the next by dma-buf, and no job waits for the
// host. HALYARD_PLATFORM says which platform's.
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace halyard::test {
namespace {

constexpr std::uint32_t kElements = 4096;
constexpr std::uint64_t kBytes = kElements * sizeof(float);

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

bool in_process() {
  const char* platform = std::getenv("HALYARD_PLATFORM");
  return platform != nullptr && std::string(platform) == "sim";
}

/// A device with what it needs to take part.
class Card {
 public:
  explicit Card(const std::string& path)
      : device(Device::open(path)),
        compute(device.create_queue()),
        mover(programs_reach_host() ? compute
                                    : device.create_queue(device.engines().back().engine_class)),
        timeline(device.create_timeline()),
        program(device.compile(add_relu_graph(kElements))) {}

  [[nodiscard]] std::string name() const {
    const auto info = device.info();
    return std::string(info.chip) + " at " + info.path;
  }
  [[nodiscard]] bool programs_reach_host() const { return device.memory()[0].is_host != 0; }

  /// The next point of the card's own timeline.
  Point next_point() { return timeline.at(++points_); }

  Device device;
  Queue compute, mover;  ///< the mover reaches host memory
  Timeline timeline;
  Program program;  ///< y = relu(x + c)

 private:
  std::uint64_t points_ = 0;
};

/// A buffer of a card, and when it has its contents.
struct Parcel {
  Buffer buffer;
  Point ready;
};

/// A point of one card as a point of another.
Point seen_by(const Card& card, Card& owner, const Point& point) {
  if (in_process()) {
    // Timelines of this platform do not leave their device: the host stands in.
    point.wait(kPatience);
    auto reached = card.device.create_timeline();
    reached.signal(1);
    return reached.at(1);
  }
  const Descriptor shared(owner.timeline.export_fd());
  return card.device.import_timeline(shared.get()).at(point.value());
}

/// The card's own view of a parcel of another; nothing when it takes no foreign memory.
std::optional<Buffer> import(const Card& card, const Buffer& buffer) {
  const Descriptor shared(buffer.export_dmabuf());
  try {
    return card.device.import_dmabuf(shared.get());
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), HALYARD_UNSUPPORTED) << card.name() << ": " << error.what();
    return std::nullopt;
  }
}

Point copy(Card& card, const Buffer& to, const Buffer& from, const Point& after) {
  const std::array<Point, 1> waits{after};
  const std::array<Point, 1> signals{card.next_point()};
  card.mover.copy(to, 0, from, 0, kBytes, {.waits = waits, .signals = signals});
  return signals[0];
}

/// Brings what `from` has to where programs of `to` reach it.
Parcel deliver(Card& from, const Parcel& parcel, Card& to) {
  auto seen = import(to, parcel.buffer);
  if (!seen) {
    // The receiver offers memory of its own, and the sender's engine writes to it.
    Parcel offered{to.device.allocate(kBytes), {}};
    const auto target = import(from, offered.buffer);
    if (!target) throw std::runtime_error("neither takes the other's memory");
    offered.ready = seen_by(to, from, copy(from, *target, parcel.buffer, parcel.ready));
    return offered;
  }
  Parcel arrived{*seen, seen_by(to, from, parcel.ready)};
  if (to.programs_reach_host()) return arrived;
  const auto near = to.device.allocate(kBytes);
  const auto ready = copy(to, near, arrived.buffer, arrived.ready);
  return {near, ready};
}

Parcel compute(Card& card, const Parcel& in) {
  Parcel out{card.device.allocate(kBytes), card.next_point()};
  const std::array<Point, 1> waits{in.ready};
  const std::array<Point, 1> signals{out.ready};
  card.compute.submit(card.program, {{"x", in.buffer}, {"y", out.buffer}},
                      {.waits = waits, .signals = signals});
  return out;
}

class CardsTest : public testing::Test {
 protected:
  void SetUp() override {
    for (const auto& info : enumerate()) {
      ASSERT_EQ(info.usable, 1U) << info.path << ": " << info.problem;
      // In process there is one of each kind, which may be opened twice.
      for (int i = 0; i < (in_process() ? 2 : 1); ++i)
        cards_.push_back(std::make_unique<Card>(info.path));
    }
    ASSERT_GE(cards_.size(), 2U);
  }

  std::vector<std::unique_ptr<Card>> cards_;
};

TEST_F(CardsTest, PassBuffersOnWithoutTheHost) {
  auto* at = cards_.front().get();
  Parcel parcel{at->device.allocate(kBytes), at->next_point()};
  const auto x = parcel.buffer.map<float>();
  std::iota(x.begin(), x.begin() + kElements, -100.0F);
  std::vector<float> expected(x.begin(), x.begin() + kElements);
  at->timeline.signal(parcel.ready.value());
  // Each to each: all strides around the circle.
  std::size_t place = 0;
  for (std::size_t stride = 1; stride < cards_.size(); ++stride) {
    for (std::size_t hop = 0; hop < cards_.size(); ++hop) {
      place = (place + stride) % cards_.size();
      auto* next = cards_[place].get();
      SCOPED_TRACE(at->name() + " to " + next->name());
      if (next != at) parcel = deliver(*at, parcel, *next);
      parcel = compute(*next, parcel);
      at = next;
      for (std::uint32_t i = 0; i < kElements; ++i)
        expected[i] = std::max(expected[i] + static_cast<float>(i), 0.0F);
    }
  }
  parcel.ready.wait(kPatience);
  const auto y = parcel.buffer.map<float>();
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), y.begin()));
}

TEST_F(CardsTest, AwaitAPointThatAnotherHasNotPromisedYet) {
  if (in_process()) GTEST_SKIP() << "the sim platform has timelines in one device only";
  for (std::size_t i = 0; i < cards_.size(); ++i) {
    auto& first = *cards_[i];
    auto& second = *cards_[(i + 1) % cards_.size()];
    SCOPED_TRACE(first.name() + " to " + second.name());
    const auto point = first.next_point();
    const std::array<Point, 1> waits{seen_by(second, first, point)};
    const auto memory = second.device.allocate(64);
    const auto done = second.compute.fill(memory, 0, 4, 7, {.waits = waits});
    EXPECT_EQ(error_of([&] { done.wait(kMoment); }).code(), HALYARD_TIMEOUT);
    EXPECT_EQ(memory.map<std::uint32_t>()[0], 0U);
    const std::array<Point, 1> signals{point};
    first.compute.barrier({.signals = signals});
    done.wait(kPatience);
    EXPECT_EQ(memory.map<std::uint32_t>()[0], 7U);
  }
}

TEST_F(CardsTest, AllWorkAtOnce) {
  std::vector<Buffer> ins, outs;
  std::vector<Point> ends;
  for (const auto& card : cards_) {
    ins.push_back(card->device.allocate(kBytes));
    outs.push_back(card->device.allocate(kBytes));
    ins.back().map<float>()[5] = static_cast<float>(ins.size());
  }
  for (int round = 0; round < 20; ++round) {
    ends.clear();
    for (std::size_t i = 0; i < cards_.size(); ++i) {
      ends.push_back(
          cards_[i]->compute.submit(cards_[i]->program, {{"x", ins[i]}, {"y", outs[i]}}));
    }
  }
  wait_all(ends, kPatience);
  for (std::size_t i = 0; i < cards_.size(); ++i)
    EXPECT_EQ(outs[i].map<float>()[5], static_cast<float>(i + 1) + 5);
}

}  // namespace
}  // namespace halyard::test
