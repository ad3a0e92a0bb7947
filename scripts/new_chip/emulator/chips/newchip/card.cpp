// SPDX-License-Identifier: MIT
#include "chips/newchip/card.hpp"

#include <pci_ids.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "chips/common/registers.hpp"
#include "chips/tensor/operand_memory.hpp"

namespace halyard::emu::newchip {

namespace {

// The rules that the checker holds a driver to; the manual states them.
constexpr RegisterRules kRegisterRules{.width = "NEWCHIP-R1",
                                       .undefined = "NEWCHIP-R2",
                                       .direction = "NEWCHIP-R3",
                                       .reserved = "NEWCHIP-R4",
                                       .not_ready = "NEWCHIP-R5",
                                       .asleep = "NEWCHIP-R6"};
constexpr std::string_view kRunWhileBusy = "NEWCHIP-J1";
constexpr std::string_view kBufferLeft = "NEWCHIP-J2";
constexpr std::string_view kNoMemory = "NEWCHIP-D1";

enum class Block : std::uint8_t { kGlobal };

constexpr std::uint32_t kAll = 0xffffffff;
constexpr RegisterInfo kRegisters[] = {
    {"ID", 0, NEWCHIP_ID, Direction::kReadOnly, true},
    {"REVISION", 0, NEWCHIP_REVISION, Direction::kReadOnly, true},
    {"CONTROL", NEWCHIP_CONTROL_RESET, NEWCHIP_CONTROL, Direction::kReadWrite, true},
    {"IRQ_STATUS", NEWCHIP_IRQ_DONE, NEWCHIP_IRQ_STATUS, Direction::kReadWrite, true},
    {"IRQ_ENABLE", NEWCHIP_IRQ_DONE, NEWCHIP_IRQ_ENABLE, Direction::kReadWrite, true},
    {"JOB_LO", kAll, NEWCHIP_JOB_LO, Direction::kReadWrite},
    {"JOB_HI", kAll, NEWCHIP_JOB_HI, Direction::kReadWrite},
    {"RUN", 1, NEWCHIP_RUN, Direction::kWriteOnly},
    {"STATUS", 0, NEWCHIP_STATUS, Direction::kReadOnly, true},
    {"PROGRESS", 0, NEWCHIP_PROGRESS, Direction::kReadOnly, true},
    {"ERROR", 0, NEWCHIP_ERROR, Direction::kReadOnly},
    {"TIME_LO", 0, NEWCHIP_TIME_LO, Direction::kReadOnly, true},
    {"TIME_HI", 0, NEWCHIP_TIME_HI, Direction::kReadOnly, true},
};
constexpr BlockInfo<Block> kBlocks[] = {
    {nullptr, kRegisters, 0, NEWCHIP_MSIX_TABLE, 1, Block::kGlobal},
};

std::uint64_t now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(now).count());
}

std::uint32_t error_of(FaultCause cause) {
  switch (cause) {
    case FaultCause::kOutOfBounds:
    case FaultCause::kPermission:
      return NEWCHIP_ERROR_BOUNDS;
    case FaultCause::kUnmapped:
      return NEWCHIP_ERROR_BUS;
    default:
      return NEWCHIP_ERROR_COMMAND;
  }
}

std::span<std::byte> refuse(FaultCause cause, std::uint64_t address, Access access,
                            const char* text, Fault& fault) {
  fault.cause = cause;
  fault.address = address;
  fault.access = access;
  fault.text = text;
  return {};
}

}  // namespace

// ---- a job's memory ------------------------------------------------------------------------

std::span<std::byte> BufferSpace::translate(std::uint64_t address, std::size_t size, Access access,
                                            Fault& fault) {
  const std::uint64_t slot = address >> kSlotShift;
  const std::uint64_t offset = address & ((std::uint64_t{1} << kSlotShift) - 1);
  const auto& buffer = job_.buffers[slot];
  if (slot >= job_.num_buffers || offset > buffer.size || size > buffer.size - offset) {
    judge_.report(kBufferLeft, std::to_string(size) + " bytes at " + hex(offset) + " of buffer " +
                                   std::to_string(slot));
    return refuse(FaultCause::kOutOfBounds, address, access, "an operand leaves its buffer", fault);
  }
  if (access == Access::kWrite && (buffer.flags & NEWCHIP_BUFFER_WRITE) == 0) {
    judge_.report(kBufferLeft, "write to buffer " + std::to_string(slot));
    return refuse(FaultCause::kPermission, address, access, "the buffer is read-only", fault);
  }
  const auto memory = host_.dma(buffer.address + offset, size, access);
  if (memory.empty()) {
    judge_.report(kNoMemory, "no memory at " + hex(buffer.address + offset));
    return refuse(FaultCause::kUnmapped, address, access, "the host refused the access", fault);
  }
  return memory;
}

// ---- life ----------------------------------------------------------------------------------

PciInfo Card::make_pci() {
  PciInfo pci;
  pci.vendor = pci.subsystem_vendor = HALYARD_PCI_VENDOR;
  pci.device = pci.subsystem = HALYARD_PCI_DEVICE_NEWCHIP;
  pci.revision = NEWCHIP_REVISION_MAJOR;
  pci.class_code = HALYARD_PCI_CLASS_ACCEL;
  pci.bars[NEWCHIP_REGS_BAR].size = NEWCHIP_REGS_SIZE;
  pci.msix_vectors = NEWCHIP_NUM_VECTORS;
  pci.msix_bar = NEWCHIP_REGS_BAR;
  pci.msix_table_offset = NEWCHIP_MSIX_TABLE;
  pci.msix_pba_offset = NEWCHIP_MSIX_PBA;
  pci.msi_vectors = 1;
  return pci;
}

Card::Card(const ChipOptions& options, Judge& judge, Trace& trace)
    : judge_(judge), trace_(trace), power_on_ns_(now_ns()) {
  if (!options.inject.empty())
    throw std::invalid_argument("this card has no errors to inject: " + options.inject.front());
}

Card::~Card() {
  detach();
}

void Card::attach(Host& host) {
  host_ = &host;
  worker_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

void Card::detach() {
  worker_.request_stop();
  reset(ResetKind::kFunction);
  if (worker_.joinable()) worker_.join();
}

std::uint64_t Card::time_ns() const {
  return now_ns() - power_on_ns_;
}

void Card::reset(ResetKind /*kind*/) {
  const std::scoped_lock guard(mutex_);
  begin_reset();
  irq_status_ = irq_enable_ = 0;
  job_ = 0;
}

/// What runs is told to stop, and what it does afterwards is forgotten.
void Card::begin_reset() {
  resetting_ = status_ == NEWCHIP_STATUS_BUSY && !run_;
  run_ = false;
  status_ = NEWCHIP_STATUS_IDLE;
  progress_ = 0;
  error_ = NEWCHIP_ERROR_NONE;
  irq_status_ = 0;
  if (execution_ != nullptr) execution_->cancel();
}

// ---- registers -----------------------------------------------------------------------------

void Card::bar_read(unsigned /*bar*/, std::uint64_t offset, std::span<std::byte> data) {
  std::ranges::fill(data, std::byte{0xff});
  const std::scoped_lock guard(mutex_);
  const auto ref = find_register<Block>(kBlocks, offset);
  const RegisterAccess access{.offset = offset,
                              .size = data.size(),
                              .not_ready = resetting_ ? "the card is being reset" : nullptr};
  if (!accept_access(access, kRegisterRules, ref, judge_)) return;
  const std::uint32_t value = read_register(ref.info->offset);
  std::memcpy(data.data(), &value, sizeof(value));
}

void Card::bar_write(unsigned /*bar*/, std::uint64_t offset, std::span<const std::byte> data) {
  const std::scoped_lock guard(mutex_);
  const auto ref = find_register<Block>(kBlocks, offset);
  const RegisterAccess access{.offset = offset,
                              .size = data.size(),
                              .write = true,
                              .not_ready = resetting_ ? "the card is being reset" : nullptr};
  if (!accept_access(access, kRegisterRules, ref, judge_)) return;
  std::uint32_t value = 0;
  std::memcpy(&value, data.data(), sizeof(value));
  write_register(ref.info->offset, accept_value(value, kRegisterRules, ref, judge_));
}

std::uint32_t Card::read_register(std::uint32_t offset) {
  switch (offset) {
    case NEWCHIP_ID:
      return NEWCHIP_ID_VALUE;
    case NEWCHIP_REVISION:
      return NEWCHIP_REVISION_MAJOR << 16 | NEWCHIP_REVISION_MINOR;
    case NEWCHIP_CONTROL:
      return resetting_ ? NEWCHIP_CONTROL_RESET : 0;
    case NEWCHIP_IRQ_STATUS:
      return irq_status_;
    case NEWCHIP_IRQ_ENABLE:
      return irq_enable_;
    case NEWCHIP_JOB_LO:
      return low(job_);
    case NEWCHIP_JOB_HI:
      return high(job_);
    case NEWCHIP_STATUS:
      return status_;
    case NEWCHIP_PROGRESS:
      return progress_;
    case NEWCHIP_ERROR:
      return error_;
    case NEWCHIP_TIME_LO:
      return latch(time_ns(), time_hi_);
    case NEWCHIP_TIME_HI:
      return time_hi_;
    default:
      return 0;
  }
}

void Card::write_register(std::uint32_t offset, std::uint32_t value) {
  switch (offset) {
    case NEWCHIP_CONTROL:
      if (value != 0) begin_reset();
      break;
    case NEWCHIP_IRQ_STATUS:
      irq_status_ &= ~value;
      break;
    case NEWCHIP_IRQ_ENABLE:
      irq_enable_ = value;
      break;
    case NEWCHIP_JOB_LO:
      set_low(job_, value);
      break;
    case NEWCHIP_JOB_HI:
      set_high(job_, value);
      break;
    case NEWCHIP_RUN:
      if (status_ == NEWCHIP_STATUS_BUSY) {
        judge_.report(kRunWhileBusy, "RUN while a job is running");
        break;
      }
      status_ = NEWCHIP_STATUS_BUSY;
      progress_ = 0;
      error_ = NEWCHIP_ERROR_NONE;
      run_ = true;
      wake_.notify_one();
      break;
    default:
      break;
  }
}

void Card::set_irq() {
  irq_status_ |= NEWCHIP_IRQ_DONE;
  if ((irq_enable_ & NEWCHIP_IRQ_DONE) != 0) host_->raise(0);
}

// ---- the engine ----------------------------------------------------------------------------

void Card::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return run_; })) {
    run_ = false;
    const std::uint64_t descriptor = job_;
    lock.unlock();
    const std::uint32_t error = run_job(descriptor);
    lock.lock();
    if (resetting_) {
      resetting_ = false;
      continue;
    }
    error_ = error;
    status_ = error == NEWCHIP_ERROR_NONE ? NEWCHIP_STATUS_DONE : NEWCHIP_STATUS_ERROR;
    set_irq();
  }
}

std::uint32_t Card::run_job(std::uint64_t descriptor) {
  newchip_job job{};
  auto bytes = std::as_writable_bytes(std::span(&job, 1));
  for (std::size_t done = 0; done < bytes.size();) {
    const auto pin = host_->pin_dma();
    const auto memory = host_->dma(descriptor + done, bytes.size() - done, Access::kRead);
    if (memory.empty()) {
      judge_.report(kNoMemory, "no memory at " + hex(descriptor + done) + " for the descriptor");
      return NEWCHIP_ERROR_BUS;
    }
    trace_.record(TraceKind::kDmaRead, descriptor + done, memory.size());
    std::memcpy(bytes.data() + done, memory.data(), memory.size());
    done += memory.size();
  }
  if (job.num_buffers > DRM_HALYARD_NEWCHIP_BUFFERS_MAX ||
      job.num_commands > DRM_HALYARD_NEWCHIP_COMMANDS_MAX)
    return NEWCHIP_ERROR_COMMAND;
  return execute(job);
}

std::uint32_t Card::execute(const newchip_job& job) {
  const auto commands = std::span(job.commands).first(job.num_commands);
  BufferSpace space(*host_, job, judge_);
  JobExecution execution({commands.begin(), commands.end()}, space, [this] { return time_ns(); });
  Outcome outcome = Outcome::kRunning;
  std::unique_lock lock(mutex_);
  execution_ = &execution;
  while (outcome == Outcome::kRunning && !resetting_) {
    lock.unlock();
    outcome = execution.step();
    lock.lock();
    if (!resetting_) progress_ = execution.completed();
  }
  execution_ = nullptr;
  return outcome == Outcome::kFault ? error_of(execution.fault().cause) : NEWCHIP_ERROR_NONE;
}

}  // namespace halyard::emu::newchip
