// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace halyard::emu::test {

clipper::CardTiming fast_timing() {
  return {.reset = 50us,
          .flush_grace = 50ms,
          .audit = 10ms,
          .quantum = 2ms,
          .poll_first = 20us,
          .poll_last = 500us};
}

// ---- Machine -----------------------------------------------------------------------------------

Machine::Machine(const ChipOptions& options, bool start_it, const clipper::CardTiming& timing) {
  card = std::make_unique<clipper::Card>(options, judge, trace, timing);
  card->attach(host);
  if (start_it) start();
}

bool Machine::wait_ready() {
  return eventually([&] {
    return (read(CLP_STATUS) & (CLP_STATUS_READY | CLP_STATUS_RESETTING)) == CLP_STATUS_READY;
  });
}

void Machine::start() {
  if (!wait_ready()) throw std::runtime_error("the card does not become ready");
  if (faultq_ == 0) faultq_ = pages(sizeof(clp_fault) << kFaultOrder);
  std::memset(host.at(faultq_), 0, sizeof(clp_fault) << kFaultOrder);
  fault_head_ = 0;
  write64(CLP_FAULTQ_BASE_LO, faultq_);
  write(CLP_FAULTQ_ORDER, kFaultOrder);
  write(CLP_IRQ_ENABLE, (1U << CLP_NUM_VECTORS) - 1);
  write(CLP_CONTROL, CLP_CONTROL_ENABLE);
}

void Machine::reset() {
  write(CLP_CONTROL, 0);
  write(CLP_CONTROL, CLP_CONTROL_RESET);
}

void Machine::flush(unsigned ctx) {
  write(CLP_TLB_FLUSH, ctx);
  if (!eventually([&] { return read(CLP_TLB_STATUS) == 0; }))
    throw std::runtime_error("a flush does not end");
}

void Machine::inject(std::uint32_t kind, std::uint32_t target, std::uint32_t arg,
                     std::uint32_t count, std::uint32_t skip) {
  write(CLP_INJECT_KIND, kind);
  write(CLP_INJECT_TARGET, target);
  write(CLP_INJECT_SKIP, skip);
  write(CLP_INJECT_COUNT, count);
  write(CLP_INJECT_ARG, arg);
  write(CLP_INJECT_ARM, 1);
}

std::uint64_t Machine::pages(std::uint64_t bytes, std::uint64_t alignment) {
  next_page_ = (next_page_ + alignment - 1) / alignment * alignment;
  const std::uint64_t bus = next_page_;
  next_page_ += (bytes + kPageSize - 1) / kPageSize * kPageSize;
  if (next_page_ > FakeHost::kBase + host.bytes().size())
    throw std::runtime_error("out of test memory");
  return bus;
}

bool Machine::fault_pending() {
  auto& record =
      memory<clp_fault>(faultq_ + (fault_head_ % (1U << kFaultOrder)) * sizeof(clp_fault));
  return std::atomic_ref(record.sequence).load(std::memory_order_acquire) == fault_head_ + 1;
}

const clp_fault* Machine::next_fault() {
  if (!eventually([&] { return fault_pending(); })) return nullptr;
  const auto& record =
      memory<clp_fault>(faultq_ + (fault_head_ % (1U << kFaultOrder)) * sizeof(clp_fault));
  write(CLP_FAULTQ_HEAD, ++fault_head_);
  return &record;
}

// ---- Context -----------------------------------------------------------------------------------

Context::Context(Machine& machine, unsigned number, bool enable)
    : machine_(machine), number_(number), root_(machine.pages(kPageSize)) {
  machine_.write64(CLP_CTX(number) + CLP_CTX_PGD_LO, root_);
  if (enable) machine_.write(CLP_CTX(number) + CLP_CTX_CONTROL, CLP_CTX_CONTROL_ENABLE);
}

std::uint64_t& Context::entry(std::uint64_t address, unsigned level) {
  std::uint64_t table = root_;
  for (unsigned at = CLP_PT_LEVELS - 1;; --at) {
    const std::uint64_t index = (address >> (CLP_PAGE_SHIFT + 9 * at)) % CLP_PT_ENTRIES;
    auto& pte = machine_.memory<std::uint64_t>(table + index * sizeof(std::uint64_t));
    if (at == level) return pte;
    if (pte == 0) std::atomic_ref(pte).store(machine_.pages(kPageSize) | CLP_PTE_VALID);
    table = pte & CLP_PTE_ADDR;
  }
}

void Context::map(std::uint64_t address, std::uint64_t bus, std::uint64_t flags) {
  std::atomic_ref(entry(address, 0)).store(bus | flags);
}

void Context::map_large(std::uint64_t address, std::uint64_t bus, std::uint64_t flags) {
  std::atomic_ref(entry(address, 1)).store(bus | flags | CLP_PTE_LARGE);
}

std::uint64_t Context::allocate(std::uint64_t bytes, std::uint64_t flags, bool scattered) {
  const std::uint64_t address = next_address_;
  const std::uint64_t count = (bytes + kPageSize - 1) / kPageSize;
  for (std::uint64_t i = 0; i < count; ++i) {
    map(address + i * kPageSize, machine_.pages(kPageSize), flags);
    if (scattered) machine_.pages(kPageSize);
  }
  next_address_ += (count + 1) * kPageSize;
  return address;
}

std::uint64_t Context::bus(std::uint64_t address) {
  const std::uint64_t large = entry(address, 1);
  if ((large & CLP_PTE_LARGE) != 0) return (large & CLP_PTE_ADDR) + address % kLargePageSize;
  return (entry(address, 0) & CLP_PTE_ADDR) + address % kPageSize;
}

void Context::write(std::uint64_t address, std::span<const std::byte> data) {
  while (!data.empty()) {
    const auto count = std::min<std::size_t>(data.size(), kPageSize - address % kPageSize);
    std::memcpy(machine_.host.at(bus(address)), data.data(), count);
    address += count;
    data = data.subspan(count);
  }
}

void Context::read(std::uint64_t address, std::span<std::byte> data) {
  while (!data.empty()) {
    const auto count = std::min<std::size_t>(data.size(), kPageSize - address % kPageSize);
    std::memcpy(data.data(), machine_.host.at(bus(address)), count);
    address += count;
    data = data.subspan(count);
  }
}

// ---- TestQueue ---------------------------------------------------------------------------------

TestQueue::TestQueue(Machine& machine, Context& context, unsigned number, const Options& options)
    : machine_(machine), context_(context), number_(number), options_(options) {
  ring_ = context.allocate(sizeof(clp_job) << options.order, kKernelPage);
  status_ = context.allocate(sizeof(clp_queue_status), kKernelPage);
  configure();
  if (options.enable) enable();
}

void TestQueue::configure() {
  machine_.write64(base() + CLP_QUEUE_RING_LO, ring_);
  machine_.write(base() + CLP_QUEUE_RING_ORDER, options_.order);
  machine_.write(base() + CLP_QUEUE_CONFIG,
                 context_.number() | options_.engine_class << 8 | options_.priority << 16);
  machine_.write64(base() + CLP_QUEUE_STATUS_BLOCK_LO, status_);
}

void TestQueue::enable() {
  tail_ = 0;
  machine_.write(base() + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_ENABLE);
}

bool TestQueue::reset() {
  machine_.write(base() + CLP_QUEUE_CONTROL, CLP_QUEUE_CONTROL_RESET);
  return wait_state(CLP_QUEUE_STATE_DISABLED);
}

clp_job TestQueue::make_job(const Stream& stream) {
  clp_job job{};
  const auto& bindings = stream.bindings();
  if (!stream.bytes().empty()) {
    job.stream = context_.allocate(stream.bytes().size());
    context_.write(job.stream, stream.bytes());
  }
  if (!bindings.empty()) {
    job.bindings = context_.allocate(bindings.size() * sizeof(bindings[0]));
    context_.write(job.bindings, std::as_bytes(std::span(bindings)));
  }
  job.stream_size = static_cast<std::uint32_t>(stream.bytes().size());
  job.binding_count = static_cast<std::uint32_t>(bindings.size());
  job.fence = next_fence_++;
  job.flags = CLP_JOB_IRQ;
  return job;
}

void TestQueue::enqueue(const clp_job& job) {
  entry(tail_) = job;
  ++tail_;
}

std::uint64_t TestQueue::enqueue(const Stream& stream) {
  const clp_job job = make_job(stream);
  enqueue(job);
  return job.fence;
}

std::uint64_t TestQueue::fence() {
  return std::atomic_ref(status().fence).load(std::memory_order_acquire);
}

bool TestQueue::wait(std::uint64_t value) {
  return eventually([&] { return fence() >= value; });
}

bool TestQueue::wait_state(std::uint32_t wanted) {
  return eventually([&] { return state() == wanted; });
}

// ---- The card as a client ----------------------------------------------------------------------

namespace {

class CardClient final : public Client {
 public:
  std::uint64_t allocate(std::size_t size, bool scattered) override {
    return context_.allocate(size, kUserPage, scattered);
  }
  void write(std::uint64_t address, std::span<const std::byte> data) override {
    context_.write(address, data);
  }
  void read(std::uint64_t address, std::span<std::byte> data) override {
    context_.read(address, data);
  }
  Result run(const Stream& stream, std::uint32_t engine_class) override {
    TestQueue& queue = engine_class == DRM_HALYARD_CLIPPER_ENGINE_COPY ? copy_ : tensor_;
    const std::uint64_t fence = queue.submit(stream);
    if (!eventually([&] { return queue.fence() >= fence || machine_.fault_pending(); }))
      throw std::runtime_error("the job does not end");
    if (queue.fence() >= fence) return {};
    const clp_fault record = *machine_.next_fault();
    if (!queue.reset()) throw std::runtime_error("the queue does not reset");
    queue.enable();
    return {.cause = record.cause,
            .address = record.address,
            .access = record.access,
            .command = record.command,
            .tag = record.tag,
            .text = {}};
  }
  ~CardClient() override {
    for (const Finding& finding : machine_.judge.findings())
      std::fprintf(stderr, "%s: %s\n", finding.rule.c_str(), finding.text.c_str());
    if (!machine_.judge.findings().empty()) std::abort();
  }

 private:
  Machine machine_;
  Context context_{machine_, 5};
  TestQueue tensor_{machine_, context_, 3};
  TestQueue copy_{machine_, context_, 4, {.engine_class = DRM_HALYARD_CLIPPER_ENGINE_COPY}};
};

}  // namespace

std::unique_ptr<Client> make_card_client() {
  return std::make_unique<CardClient>();
}

}  // namespace halyard::emu::test
