// SPDX-License-Identifier: MIT
#include "machine.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace halyard::emu::test {

namespace {

std::string read_file(const std::string& name) {
  std::ifstream file(HALYARD_SLOOP_FIRMWARE_FOLDER "/" + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Waits until the entry's sequence is that of `index`.
template <typename Entry>
std::optional<Entry> take(Machine& machine, std::uint64_t ring, std::uint32_t order,
                          std::uint32_t index, std::chrono::milliseconds time) {
  auto& entry = machine.memory<Entry>(ring + (index % (1U << order)) * sizeof(Entry));
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::atomic_ref(entry.sequence).load(std::memory_order_acquire) != index + 1) {
    if (std::chrono::steady_clock::now() > end) return std::nullopt;
    std::this_thread::sleep_for(50us);
  }
  return entry;
}

}  // namespace

const sloop::SigningKey& test_key() {
  static const sloop::SigningKey key(read_file("test-key.pem"));
  return key;
}

sloop::Description test_description() {
  return sloop::parse_description(read_file("firmware.json"));
}

std::vector<std::byte> test_image() {
  sloop::Description description = test_description();
  description.program.slice.fill(200us);
  description.program.watchdog = 20ms;
  return sloop::build_image(description, test_key());
}

// ---- Machine -----------------------------------------------------------------------------------

Machine::Machine(Until until, std::vector<std::string> inject) {
  const ChipOptions options{.inject = std::move(inject), .settings = {"dram=64M", "window=16M"}};
  card = std::make_unique<sloop::Card>(options, judge, trace,
                                       sloop::CardTiming{.reset = 100us, .boot = 100us});
  card->attach(host);
  if (until == Until::kReset) return;
  if (!wait_state(SLP_BOOT_STATE_ROM)) throw std::runtime_error("the card stays in reset");
  if (until == Until::kRunning) boot();
}

void Machine::inject(std::uint32_t kind, std::uint32_t target, std::uint32_t arg,
                     std::uint32_t count, std::uint32_t skip) {
  write(SLP_INJECT_KIND, kind);
  write(SLP_INJECT_TARGET, target);
  write(SLP_INJECT_SKIP, skip);
  write(SLP_INJECT_COUNT, count);
  write(SLP_INJECT_ARG, arg);
  write(SLP_INJECT_ARM, 1);
}

bool Machine::wait_state(std::uint32_t state) {
  return eventually([&] { return read(SLP_BOOT_STATE) == state; });
}

std::uint32_t Machine::verify(std::span<const std::byte> image, std::uint32_t protocol) {
  std::ranges::copy(image, card->dram().at(read(SLP_BOOT_WINDOW), image.size()).begin());
  write(SLP_BOOT_IMAGE_SIZE, static_cast<std::uint32_t>(image.size()));
  write(SLP_BOOT_PROTOCOL, protocol);
  write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_VERIFY);
  if (!eventually([&] { return state() != SLP_BOOT_STATE_VERIFYING; }))
    throw std::runtime_error("the boot ROM does not come to an end");
  EXPECT_EQ(state(), read(SLP_BOOT_STATUS) == SLP_BOOT_OK ? std::uint32_t{SLP_BOOT_STATE_VERIFIED}
                                                          : std::uint32_t{SLP_BOOT_STATE_REFUSED});
  return read(SLP_BOOT_STATUS);
}

void Machine::set_up_rings() {
  if (admin_requests == 0) {
    admin_requests = pages(sizeof(slp_admin_request) << kOrder);
    admin_responses = pages(sizeof(slp_admin_response) << kOrder);
    events = pages(sizeof(slp_event) << kOrder);
  }
  std::memset(host.at(admin_responses), 0, sizeof(slp_admin_response) << kOrder);
  std::memset(host.at(events), 0, sizeof(slp_event) << kOrder);
  request_tail_ = response_head_ = event_head_ = 0;
  write64(SLP_ADMIN_REQUESTS_LO, admin_requests);
  write64(SLP_ADMIN_RESPONSES_LO, admin_responses);
  write(SLP_ADMIN_ORDER, kOrder);
  write64(SLP_EVENTS_LO, events);
  write(SLP_EVENTS_ORDER, kOrder);
  write(SLP_IRQ_ENABLE, (1U << SLP_NUM_VECTORS) - 1);
}

void Machine::boot() {
  if (verify(test_image()) != SLP_BOOT_OK) throw std::runtime_error("the firmware is refused");
  set_up_rings();
  write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_START);
  if (!wait_state(SLP_BOOT_STATE_RUNNING)) throw std::runtime_error("the firmware does not start");
}

void Machine::halt() {
  write(SLP_BOOT_COMMAND, SLP_BOOT_COMMAND_HALT);
  EXPECT_TRUE(wait_state(SLP_BOOT_STATE_HALTED));
}

void Machine::reset() {
  if (state() == SLP_BOOT_STATE_RUNNING) halt();
  write(SLP_CONTROL, SLP_CONTROL_RESET);
  EXPECT_TRUE(wait_state(SLP_BOOT_STATE_ROM));
}

std::uint32_t Machine::post(slp_admin_request request) {
  request.id = next_id_++;
  memory<slp_admin_request>(admin_requests + (request_tail_ % (1U << kOrder)) * sizeof(request)) =
      request;
  write(SLP_ADMIN_REQUEST_TAIL, ++request_tail_);
  return request.id;
}

std::optional<slp_admin_response> Machine::next_response(std::chrono::milliseconds time) {
  auto response = take<slp_admin_response>(*this, admin_responses, kOrder, response_head_, time);
  if (response) write(SLP_ADMIN_RESPONSE_HEAD, ++response_head_);
  return response;
}

std::optional<slp_event> Machine::next_event(std::chrono::milliseconds time) {
  auto event = take<slp_event>(*this, events, kOrder, event_head_, time);
  if (event) write(SLP_EVENT_HEAD, ++event_head_);
  return event;
}

std::optional<slp_admin_response> Machine::request(slp_admin_request request,
                                                   std::chrono::milliseconds time) {
  const std::uint32_t id = post(request);
  auto response = next_response(time);
  if (response) {
    EXPECT_EQ(response->id, id);
  }
  return response;
}

std::optional<slp_admin_response> Machine::request(std::uint32_t op, std::uint32_t target,
                                                   std::chrono::milliseconds time) {
  slp_admin_request raw{};
  raw.op = op;
  raw.target = target;
  return request(raw, time);
}

std::uint64_t Machine::pages(std::uint64_t bytes) {
  const std::uint64_t bus = next_page_;
  next_page_ += (bytes + 4095) & ~std::uint64_t{4095};
  return bus;
}

std::uint64_t Machine::card_pages(std::uint64_t bytes) {
  const std::uint64_t address = next_card_page_;
  next_card_page_ += (bytes + 4095) & ~std::uint64_t{4095};
  return address;
}

slp_segment card_segment(std::uint64_t base, std::uint64_t size, bool write) {
  return {.base = base,
          .size = size,
          .flags = write ? std::uint32_t{SLP_SEGMENT_WRITE} : 0,
          .entries = 0};
}

// ---- TestQueue ---------------------------------------------------------------------------------

TestQueue::TestQueue(Machine& machine, unsigned number, const Options& options)
    : machine_(machine),
      number_(number),
      options_(options),
      requests_(machine.pages(sizeof(slp_request) << options.order)),
      responses_(machine.pages(sizeof(slp_response) << options.order)),
      status_(machine.pages(sizeof(slp_queue_status))),
      area_(machine.card_pages(2 * kDataSize)),
      data_(area_ + kDataSize) {
  if (machine.request(SLP_ADMIN_CONTEXT_CREATE, number)->status != SLP_ADMIN_OK ||
      create() != SLP_ADMIN_OK)
    throw std::runtime_error("the queue cannot be made");
}

slp_admin_request TestQueue::create_request() const {
  slp_admin_request request{};
  request.op = SLP_ADMIN_QUEUE_CREATE;
  request.target = number_;
  request.queue.requests = requests_;
  request.queue.responses = responses_;
  request.queue.status = status_;
  request.queue.context = number_;
  request.queue.engine_class = options_.engine_class;
  request.queue.priority = options_.priority;
  request.queue.ring_order = options_.order;
  return request;
}

std::uint32_t TestQueue::create() {
  std::memset(machine_.host.at(responses_), 0, sizeof(slp_response) << options_.order);
  tail_ = head_ = 0;
  const auto response = machine_.request(create_request());
  return response ? response->status : ~0U;
}

std::optional<slp_admin_response> TestQueue::destroy(std::chrono::milliseconds time) {
  return machine_.request(SLP_ADMIN_QUEUE_DESTROY, number_, time);
}

slp_queue_status TestQueue::status() {
  auto& block = machine_.memory<slp_queue_status>(status_);
  slp_queue_status copy{};
  copy.commands = std::atomic_ref(block.commands).load(std::memory_order_acquire);
  copy.busy_ns = std::atomic_ref(block.busy_ns).load(std::memory_order_relaxed);
  copy.state = std::atomic_ref(block.state).load(std::memory_order_relaxed);
  copy.engine = std::atomic_ref(block.engine).load(std::memory_order_relaxed);
  return copy;
}

std::uint64_t TestQueue::enqueue(const slp_request& request) {
  entry(tail_++) = request;
  return request.id;
}

std::uint64_t TestQueue::enqueue(const drm_halyard_sloop_payload& payload,
                                 const std::vector<slp_segment>& segments) {
  slp_job job{};
  job.payload = payload;
  job.segment_count = static_cast<std::uint32_t>(segments.size());
  slp_request request{};
  request.id = next_id_++;
  request.job_size =
      static_cast<std::uint32_t>(sizeof(job) + segments.size() * sizeof(slp_segment));
  request.job = last_job_ = machine_.pages(request.job_size);
  std::memcpy(machine_.host.at(request.job), &job, sizeof(job));
  std::ranges::copy(std::as_bytes(std::span(segments)),
                    machine_.host.at(request.job) + sizeof(job));
  return enqueue(request);
}

std::uint64_t TestQueue::submit(const drm_halyard_sloop_payload& payload,
                                const std::vector<slp_segment>& segments) {
  const std::uint64_t id = enqueue(payload, segments);
  ring();
  return id;
}

std::optional<slp_response> TestQueue::response(std::chrono::milliseconds time) {
  auto response = take<slp_response>(machine_, responses_, options_.order, head_, time);
  if (response) machine_.write(base() + SLP_QUEUE_RESPONSE_HEAD, ++head_);
  return response;
}

std::uint32_t TestQueue::run(const drm_halyard_sloop_payload& payload,
                             const std::vector<slp_segment>& segments) {
  const std::uint64_t id = submit(payload, segments);
  const auto answer = response();
  if (!answer) return ~0U;
  EXPECT_EQ(answer->id, id);
  return answer->status;
}

std::uint64_t TestQueue::submit_tasks(const std::vector<Task>& tasks) {
  // Each job has its own stream: one that still runs reads its own.
  const std::uint64_t stream = next_id_ % 64 * (kDataSize / 64);
  const std::uint64_t bindings = stream + tasks.size() * sizeof(Task);
  if (tasks.size() * sizeof(Task) + 16 > kDataSize / 64) throw std::length_error("stream");
  auto memory = machine_.card->dram().at(area_ + stream, kDataSize / 64);
  std::memcpy(memory.data(), tasks.data(), tasks.size() * sizeof(Task));
  const drm_halyard_sloop_binding binding{.address = at(1), .size = kDataSize};
  std::memcpy(memory.data() + tasks.size() * sizeof(Task), &binding, sizeof(binding));
  return submit(compute_payload(at(0, stream), tasks.size(), at(0, bindings), 1),
                {card_segment(area_, kDataSize, false), card_segment(data_, kDataSize)});
}

std::uint32_t TestQueue::run_tasks(const std::vector<Task>& tasks) {
  const std::uint64_t id = submit_tasks(tasks);
  const auto answer = response();
  if (!answer) return ~0U;
  EXPECT_EQ(answer->id, id);
  return answer->status;
}

}  // namespace halyard::emu::test
