// SPDX-License-Identifier: MIT
#include "chips/clipper/execution.hpp"

#include <clipper/clipper_regs.h>

#include <utility>

#include "chips/clipper/decoder.hpp"
#include "chips/tensor/execute.hpp"
#include "chips/tensor/operand_memory.hpp"

namespace halyard::emu::clipper {

namespace {

/// Gathers an extent's end without overflow.
bool wraps(std::uint64_t address, std::uint64_t size) {
  std::uint64_t end = 0;
  return __builtin_add_overflow(address, size, &end);
}

}  // namespace

std::string check_job(const JobDescriptor& job) {
  if (job.stream % 8 != 0) return "the stream's address is not a multiple of 8";
  if (job.stream_size % kCommandSize != 0) return "the stream's size is not a multiple of 64";
  if (job.bindings % alignof(drm_halyard_clipper_binding) != 0)
    return "the bindings' address is not a multiple of 8";
  if (job.binding_count > CLP_BINDINGS_MAX) return "there are more than 256 bindings";
  if (wraps(job.stream, job.stream_size)) return "the stream wraps around the address space";
  if (wraps(job.bindings, job.binding_count * sizeof(drm_halyard_clipper_binding)))
    return "the bindings wrap around the address space";
  return {};
}

void JobExecution::start(const JobDescriptor& job, std::uint32_t engine_class, AddressSpace& space,
                         const Clock& clock) {
  job_ = job;
  engine_class_ = engine_class;
  space_ = &space;
  clock_ = clock;
  offset_ = next_offset_ = 0;
  have_bindings_ = fetched_ = signalled_ = false;
  cancelled_.store(false, std::memory_order_relaxed);
  completed_ = 0;
  cycles_ = 0;
  fault_ = Fault{};
  bindings_ = {};
}

Outcome JobExecution::step() {
  if (!fetched_ && offset_ == job_.stream_size) return Outcome::kDone;
  const auto pin = space_->pin();
  if (!fetched_) {
    if (const Outcome outcome = fetch_pinned(); outcome != Outcome::kRunning) return outcome;
  }
  return execute_pinned();
}

Outcome JobExecution::fetch() {
  if (offset_ == job_.stream_size) return Outcome::kDone;
  const auto pin = space_->pin();
  return fetch_pinned();
}

Outcome JobExecution::execute() {
  const auto pin = space_->pin();
  return execute_pinned();
}

Outcome JobExecution::faulted() {
  fault_.command = completed_;
  fault_.tag = command_.tag;
  return Outcome::kFault;
}

Outcome JobExecution::fail(FaultCause cause, std::uint64_t address, std::string text) {
  fault_.cause = cause;
  fault_.address = address;
  fault_.access = Access::kRead;
  fault_.text = std::move(text);
  return faulted();
}

Outcome JobExecution::fetch_pinned() {
  if (offset_ == job_.stream_size) return Outcome::kDone;
  command_.tag = 0;
  if ((!have_bindings_ && !fetch_bindings()) || !fetch_command()) return faulted();
  fetched_ = true;
  return Outcome::kRunning;
}

bool JobExecution::fetch_bindings() {
  std::span<drm_halyard_clipper_binding> table;
  if (job_.binding_count <= kInlineBindings) {
    table = std::span(inline_bindings_).first(job_.binding_count);
  } else {
    more_bindings_.resize(job_.binding_count);
    table = more_bindings_;
  }
  if (!tensor::copy_in(*space_, job_.bindings, std::as_writable_bytes(table), fault_)) return false;
  bindings_ = table;
  have_bindings_ = true;
  return true;
}

bool JobExecution::fetch_command() {
  drm_halyard_clipper_command header;
  std::array<drm_halyard_clipper_operand, kMaxOperands> operands;
  std::uint64_t address = command_address();
  if (!tensor::copy_in(*space_, address, std::as_writable_bytes(std::span(&header, 1)), fault_))
    return false;
  if (!decode_header(header, engine_class_, command_, fault_)) return false;
  const std::uint32_t left = job_.stream_size - offset_ - std::uint32_t{kCommandSize};
  if (command_.count * kOperandSize > left) {
    fault_.cause = FaultCause::kIllegalCommand;
    fault_.text = "the stream ends within the command's operands";
    return false;
  }
  address += kCommandSize;
  const auto raw = std::span(operands).first(command_.count);
  if (!tensor::copy_in(*space_, address, std::as_writable_bytes(raw), fault_)) return false;
  next_offset_ = offset_ + static_cast<std::uint32_t>(kCommandSize + command_.count * kOperandSize);
  return decode_operands(raw, bindings_, engine_class_, command_, fault_);
}

Outcome JobExecution::execute_pinned() {
  signalled_ = false;
  switch (command_.opcode) {
    case DRM_HALYARD_CLIPPER_NOP:
      return retire();
    case DRM_HALYARD_CLIPPER_FENCE_WAIT:
      return wait_fence();
    case DRM_HALYARD_CLIPPER_FENCE_SIGNAL:
      return store_value(command_.params_as<drm_halyard_clipper_fence>().value);
    case DRM_HALYARD_CLIPPER_TIMESTAMP:
      return store_value(clock_());
    default:
      return compute();
  }
}

Outcome JobExecution::retire() {
  cycles_ += tensor::command_cycles(kCostModel, command_.work);
  ++completed_;
  offset_ = next_offset_;
  fetched_ = false;
  return offset_ == job_.stream_size ? Outcome::kDone : Outcome::kRunning;
}

Outcome JobExecution::compute() {
  return tensor::execute(command_.work, *space_, cancelled_, fault_) ? retire() : faulted();
}

std::uint64_t* JobExecution::resolve_value(Access access) {
  return tensor::resolve_word(command_.work, *space_, access, fault_);
}

Outcome JobExecution::wait_fence() {
  auto* word = resolve_value(Access::kRead);
  if (word == nullptr) return faulted();
  const auto current = std::atomic_ref(*word).load(std::memory_order_acquire);
  if (current < command_.params_as<drm_halyard_clipper_fence>().value) return Outcome::kWaiting;
  return retire();
}

bool JobExecution::would_go_on() {
  const auto pin = space_->pin();
  auto* word = resolve_value(Access::kRead);
  if (word == nullptr) {
    fault_ = Fault{};
    return true;
  }
  return std::atomic_ref(*word).load(std::memory_order_acquire) >=
         command_.params_as<drm_halyard_clipper_fence>().value;
}

Outcome JobExecution::store_value(std::uint64_t value) {
  auto* word = resolve_value(Access::kWrite);
  if (word == nullptr) return faulted();
  std::atomic_ref(*word).store(value, std::memory_order_release);
  signalled_ = command_.opcode == DRM_HALYARD_CLIPPER_FENCE_SIGNAL;
  return retire();
}

}  // namespace halyard::emu::clipper
