// SPDX-License-Identifier: MIT
#include "containment.hpp"

#include <algorithm>
#include <thread>
#include <utility>

namespace dory_test {

namespace emu = halyard::emu;

namespace {

constexpr std::uint32_t kStreamBus = 0x10000000;
/// Of one operation; a broadcast reaches any number of multiply-adds in a region of any size.
constexpr std::uint64_t kMaxCycles = 1 << 16;

constexpr std::uint32_t region_bus(std::size_t region) {
  return 0x20000000 + static_cast<std::uint32_t>(region) * 0x10000;
}

constexpr bool is_breach(std::uint32_t error) {
  return error == DORY_ERROR_STREAM || error == DORY_ERROR_BOUNDS ||
         error == DORY_ERROR_PERMISSION || error == DORY_ERROR_BUS;
}

/// Small numbers of every type, and no infinities among the floats.
void fill(std::span<std::byte> memory) {
  std::uint8_t value = 1;
  for (std::byte& b : memory)
    b = static_cast<std::byte>(value = static_cast<std::uint8_t>(value * 5 + 1) & 0x3f);
}

}  // namespace

Containment::Containment(Regions regions, std::size_t slack) : regions_(std::move(regions)) {
  space_.attach(&host_);
  bus_errors_.attach(&host_);
  for (const RegionSpec& region : regions_) {
    memories_.push_back(std::make_unique<Memory>(region.size, slack));
    fill(memories_.back()->pristine);
  }
}

Containment::~Containment() {
  if (card_ != nullptr) card_->detach();
}

void Containment::place_stream(std::span<const std::uint32_t> words) {
  stream_ = std::make_unique<GuardedMemory>(words.size_bytes());
  std::ranges::copy(std::as_bytes(words), stream_->bytes().begin());
  host_.clear();
  host_.map(kStreamBus, stream_->bytes(), false);
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    Memory& memory = *memories_[i];
    std::ranges::copy(memory.pristine, memory.memory.bytes().begin());
    host_.map(region_bus(i), memory.memory.bytes(), regions_[i].write);
  }
}

bool Containment::validate(std::span<const std::uint32_t> words) const {
  std::vector<dory_region> regions(regions_.size());
  std::ranges::transform(regions_, regions.begin(), [](const RegionSpec& region) {
    return dory_region{.size = region.size, .write = region.write};
  });
  dory_refusal refusal{};
  return dory_validate(words.data(), static_cast<std::uint32_t>(words.size_bytes()), regions.data(),
                       static_cast<u32>(regions.size()), emu::dory::implemented_opcodes(),
                       &refusal) == 0;
}

void Containment::execute(Verdict& verdict) {
  std::array<emu::dory::Region, DORY_NUM_REGIONS> regions{};
  for (std::size_t i = 0; i < regions_.size(); ++i)
    regions.at(i) = {region_bus(i), regions_[i].size, regions_[i].write};
  const auto size = static_cast<std::uint32_t>(stream_->bytes().size());
  space_.load(regions, {kStreamBus, size, false});
  execution_.start(emu::dory::region_address(emu::dory::RegionSpace::kStream, 0), size, space_,
                   [] { return std::uint64_t{42}; });
  emu::Outcome outcome = emu::Outcome::kRunning;
  while (outcome == emu::Outcome::kRunning) {
    outcome = execution_.fetch();
    if (outcome != emu::Outcome::kRunning) break;
    verdict.too_long = execution_.next_cycles() > kMaxCycles;
    if (verdict.too_long) break;
    outcome = execution_.execute();
  }
  verdict.done = outcome == emu::Outcome::kDone;
  verdict.error = execution_.error();
  verdict.operations = execution_.completed();
}

void Containment::judge(Verdict& verdict) {
  if (const auto escape = host_.escape()) verdict.wrong = "the card escaped: " + *escape;
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    if (!regions_[i].write &&
        !std::ranges::equal(memories_[i]->memory.bytes(), memories_[i]->pristine))
      verdict.wrong = "region " + std::to_string(i) + " was written to";
  }
  if (verdict.accepted && is_breach(verdict.error))
    verdict.wrong = "the check let through what the card refused, error " +
                    std::to_string(verdict.error) + ": " + execution_.fault().text;
  if (!verdict.accepted && verdict.done)
    verdict.wrong = "the check refused what the card executed without error";
}

Verdict Containment::run(std::span<const std::uint32_t> words) {
  Verdict verdict;
  place_stream(words);
  verdict.accepted = validate(words);
  if (!words.empty()) execute(verdict);
  judge(verdict);
  return verdict;
}

// ---- The whole card
// ------------------------------------------------------------------------------

void Containment::write_register(std::uint64_t offset, std::uint32_t value) {
  card_->bar_write(DORY_BAR, offset, std::as_bytes(std::span(&value, 1)));
}

std::uint32_t Containment::read_register(std::uint64_t offset) {
  std::uint32_t value = 0;
  card_->bar_read(DORY_BAR, offset, std::as_writable_bytes(std::span(&value, 1)));
  return value;
}

Verdict Containment::run_on_card(std::span<const std::uint32_t> words) {
  if (card_ == nullptr) {
    card_ = std::make_unique<emu::dory::Card>(emu::ChipOptions{}, judge_, trace_,
                                              emu::dory::CardTiming{.reset = {}});
    card_->attach(host_);
    while (read_register(DORY_STATUS) != 0)
      std::this_thread::yield();
  }
  Verdict verdict;
  place_stream(words);
  verdict.accepted = validate(words);
  for (std::size_t i = 0; i < regions_.size(); ++i) {
    write_register(DORY_REGION(i) + DORY_REGION_BASE, region_bus(i));
    write_register(DORY_REGION(i) + DORY_REGION_LIMIT, regions_[i].size);
    write_register(DORY_REGION(i) + DORY_REGION_FLAGS, regions_[i].write ? 1 : 0);
  }
  write_register(DORY_STREAM, kStreamBus);
  write_register(DORY_STREAM_SIZE, static_cast<std::uint32_t>(words.size_bytes()));
  write_register(DORY_RUN, 1);
  while ((read_register(DORY_STATUS) & DORY_STATUS_BUSY) != 0)
    std::this_thread::yield();
  verdict.done = (read_register(DORY_STATUS) & DORY_STATUS_DONE) != 0;
  verdict.error = read_register(DORY_ERROR_CAUSE);
  verdict.operations = read_register(DORY_COMMANDS);
  judge(verdict);
  return verdict;
}

}  // namespace dory_test
