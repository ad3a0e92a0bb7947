// SPDX-License-Identifier: MIT
#include "chips/sloop/execution.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "chips/tensor/execute.hpp"
#include "chips/tensor/operand_memory.hpp"

namespace halyard::emu::sloop {

namespace {

constexpr std::uint64_t kMaxTransfer = std::uint64_t{1} << kSlotShift;

std::string check_compute(const drm_halyard_sloop_payload& payload) {
  if (payload.source % 64 != 0) return "the stream's address is not a multiple of 64";
  if (payload.size % kTaskSize != 0) return "the stream's size is not a multiple of 384";
  if (payload.size > UINT32_MAX) return "the stream is not below 4 GiB";
  if (payload.binding_count > DRM_HALYARD_SLOOP_MAX_BINDINGS)
    return "there are more than 256 bindings";
  if (payload.bindings % alignof(drm_halyard_sloop_binding) != 0)
    return "the bindings' address is not a multiple of 8";
  if (payload.binding_count == 0 && payload.bindings != 0) return "bindings without a count";
  if (payload.target != 0) return "target is not zero";
  if (payload.pattern != 0) return "pattern is not zero";
  return {};
}

std::string check_transfer(const drm_halyard_sloop_payload& payload) {
  if (payload.bindings != 0) return "bindings is not zero";
  if (payload.binding_count != 0) return "binding_count is not zero";
  if (payload.size > kMaxTransfer) return "the size is above 2^48";
  if (payload.job == DRM_HALYARD_SLOOP_JOB_COPY) {
    if (payload.pattern != 0) return "pattern is not zero";
    if (payload.target - payload.source < payload.size ||
        payload.source - payload.target < payload.size)
      return "source and target overlap";
    return {};
  }
  if (payload.source != 0) return "source is not zero";
  if (payload.target % 4 != 0) return "the target's address is not a multiple of 4";
  if (payload.size % 4 != 0) return "the size is not a multiple of 4";
  return {};
}

}  // namespace

std::string check_payload(const drm_halyard_sloop_payload& payload, std::uint32_t engine_class) {
  if (payload.job > DRM_HALYARD_SLOOP_JOB_FILL) return "there is no such job";
  if (engine_class > DRM_HALYARD_SLOOP_ENGINE_DMA) return "there is no such engine class";
  const bool compute = payload.job == DRM_HALYARD_SLOOP_JOB_COMPUTE;
  if (compute != (engine_class == DRM_HALYARD_SLOOP_ENGINE_COMPUTE))
    return "the engine class does not run such a job";
  if (payload.flags != 0) return "flags is not zero";
  return compute ? check_compute(payload) : check_transfer(payload);
}

void JobExecution::start(const drm_halyard_sloop_payload& payload, AddressSpace& space,
                         const Clock& clock) {
  payload_ = payload;
  space_ = &space;
  clock_ = &clock;
  offset_ = 0;
  have_bindings_ = fetched_ = false;
  cancelled_.store(false, std::memory_order_relaxed);
  completed_ = 0;
  cycles_ = 0;
  task_.tag = 0;
  fault_ = Fault{};
}

std::uint64_t JobExecution::command_address() const {
  return (payload_.job == DRM_HALYARD_SLOOP_JOB_FILL ? payload_.target : payload_.source) + offset_;
}

Outcome JobExecution::step() {
  if (!fetched_ && offset_ == payload_.size) return Outcome::kDone;
  const auto pin = space_->pin();
  if (!fetched_) {
    if (const Outcome outcome = fetch_pinned(); outcome != Outcome::kRunning) return outcome;
  }
  return execute_pinned();
}

Outcome JobExecution::fetch() {
  if (offset_ == payload_.size) return Outcome::kDone;
  const auto pin = space_->pin();
  return fetch_pinned();
}

Outcome JobExecution::execute() {
  const auto pin = space_->pin();
  return execute_pinned();
}

Outcome JobExecution::faulted() {
  fault_.command = completed_;
  fault_.tag = task_.tag;
  return Outcome::kFault;
}

Outcome JobExecution::fail(FaultCause cause, std::uint64_t address, std::string text) {
  fault_.cause = cause;
  fault_.address = address;
  fault_.access = Access::kRead;
  fault_.text = std::move(text);
  return faulted();
}

bool JobExecution::refuse_cancelled() {
  fail(FaultCause::kIllegalCommand, 0, "the job was cancelled");
  return false;
}

Outcome JobExecution::retire(std::uint64_t bytes, std::uint64_t cycles) {
  cycles_ += cycles;
  ++completed_;
  offset_ += bytes;
  fetched_ = false;
  return offset_ == payload_.size ? Outcome::kDone : Outcome::kRunning;
}

Outcome JobExecution::fetch_pinned() {
  if (is_compute()) {
    task_.tag = 0;
    if ((!have_bindings_ && !fetch_bindings()) || !fetch_task()) return faulted();
  }
  fetched_ = true;
  return Outcome::kRunning;
}

Outcome JobExecution::execute_pinned() {
  return is_compute() ? run_task() : run_piece();
}

// ---- Streams
// -------------------------------------------------------------------------------------

bool JobExecution::fetch_bindings() {
  const auto table = std::span(bindings_).first(payload_.binding_count);
  if (!table.empty() &&
      !tensor::copy_in(*space_, payload_.bindings, std::as_writable_bytes(table), fault_))
    return false;
  have_bindings_ = true;
  return true;
}

bool JobExecution::fetch_task() {
  drm_halyard_sloop_task raw;
  if (!tensor::copy_in(*space_, command_address(), std::as_writable_bytes(std::span(&raw, 1)),
                       fault_))
    return false;
  return decode_task(raw, std::span(bindings_).first(payload_.binding_count), task_, fault_);
}

Outcome JobExecution::run_task() {
  if (task_.work.op == tensor::Op::kWord) return store_time();
  if (task_.work.op != tensor::Op::kNone &&
      !tensor::execute(task_.work, *space_, cancelled_, fault_))
    return faulted();
  return retire(kTaskSize, tensor::command_cycles(kCostModel, task_.work));
}

Outcome JobExecution::store_time() {
  auto* word = tensor::resolve_word(task_.work, *space_, Access::kWrite, fault_);
  if (word == nullptr) return faulted();
  std::atomic_ref(*word).store((*clock_)(), std::memory_order_release);
  return retire(kTaskSize, tensor::command_cycles(kCostModel, task_.work));
}

// ---- Transfers
// -----------------------------------------------------------------------------------

Outcome JobExecution::run_piece() {
  const auto bytes = std::min<std::uint64_t>(kPieceSize, payload_.size - offset_);
  const bool moved =
      payload_.job == DRM_HALYARD_SLOOP_JOB_COPY ? copy_piece(bytes) : fill_piece(bytes);
  if (!moved) return faulted();
  return retire(bytes,
                kCostModel.command + (bytes + kTransferBytesPerCycle - 1) / kTransferBytesPerCycle);
}

bool JobExecution::copy_piece(std::uint64_t bytes) {
  for (std::uint64_t done = 0; done < bytes;) {
    const std::uint64_t at = offset_ + done;
    const auto source =
        space_->translate(payload_.source + at, bytes - done, Access::kRead, fault_);
    if (source.empty()) return false;
    const auto target =
        space_->translate(payload_.target + at, source.size(), Access::kWrite, fault_);
    if (target.empty()) return false;
    if (cancelled_.load(std::memory_order_relaxed)) return refuse_cancelled();
    // Two segments may be the same memory.
    std::memmove(target.data(), source.data(), target.size());
    done += target.size();
  }
  return true;
}

bool JobExecution::fill_piece(std::uint64_t bytes) {
  const auto pattern = std::as_bytes(std::span(&payload_.pattern, 1));
  for (std::uint64_t done = 0; done < bytes;) {
    const auto target =
        space_->translate(payload_.target + offset_ + done, bytes - done, Access::kWrite, fault_);
    if (target.empty()) return false;
    if (cancelled_.load(std::memory_order_relaxed)) return refuse_cancelled();
    for (std::size_t i = 0; i < std::min(target.size(), pattern.size()); ++i)
      target[i] = pattern[(done + i) % pattern.size()];
    for (std::size_t have = pattern.size(); have < target.size(); have *= 2)
      std::memcpy(target.data() + have, target.data(), std::min(have, target.size() - have));
    done += target.size();
  }
  return true;
}

}  // namespace halyard::emu::sloop
