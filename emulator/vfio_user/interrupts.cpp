// SPDX-License-Identifier: MIT
#include "vfio_user/interrupts.hpp"

#include <fcntl.h>
#include <linux/vfio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace halyard::emu::vfio_user {

static_assert(VFIO_PCI_NUM_IRQS == 5);

namespace {

bool armed(const auto& line) {
  return static_cast<bool>(line.event);
}

/// An eventfd whose counter is full, or a pipe in its place, must not block an engine.
void make_non_blocking(const UniqueFd& fd) {
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags >= 0) ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK);
}

}  // namespace

Interrupts::Interrupts(bool intx, unsigned msi_vectors, unsigned msix_vectors) {
  lines_[VFIO_PCI_INTX_IRQ_INDEX].resize(intx ? 1 : 0);
  lines_[VFIO_PCI_MSI_IRQ_INDEX].resize(msi_vectors);
  lines_[VFIO_PCI_MSIX_IRQ_INDEX].resize(msix_vectors);
  // Present because QEMU warns without it, never signalled because QEMU then stops the machine.
  lines_[VFIO_PCI_ERR_IRQ_INDEX].resize(1);
}

bool Interrupts::info(std::uint32_t index, Info& info) const {
  if (index >= lines_.size()) return false;
  info.count = static_cast<std::uint32_t>(lines_[index].size());
  info.flags = VFIO_IRQ_INFO_EVENTFD;
  if (index == VFIO_PCI_INTX_IRQ_INDEX) info.flags |= VFIO_IRQ_INFO_MASKABLE;
  return true;
}

int Interrupts::set(const SetIrqsRequest& request, std::span<UniqueFd> fds) {
  if (request.index >= lines_.size()) return EINVAL;
  Lines& lines = lines_[request.index];
  if (request.start + request.count > lines.size()) return EINVAL;

  const std::scoped_lock guard(mutex_);
  if (request.count == 0) {  // the parser lets only "disable the index" through
    for (Line& line : lines)
      line = {};
    return 0;
  }
  for (std::uint32_t i = 0; i < request.count; ++i) {
    Line& line = lines[request.start + i];
    if (request.data == IrqData::kEventFd) {
      line.event = fds.empty() ? UniqueFd{} : std::move(fds[i]);
      if (line.event) make_non_blocking(line.event);
      line.pending = false;
      continue;
    }
    if (request.data == IrqData::kBool && request.bools[i] == std::byte{0}) continue;
    switch (request.action) {
      case IrqAction::kMask:
        line.masked = true;
        break;
      case IrqAction::kUnmask:
        line.masked = false;
        if (std::exchange(line.pending, false)) signal(line);
        break;
      case IrqAction::kTrigger:
        signal(line);
        break;
    }
  }
  return 0;
}

bool Interrupts::signal(Line& line) {
  if (!armed(line)) return false;
  if (line.masked) {
    line.pending = true;
    return false;
  }
  const std::uint64_t one = 1;
  // A full counter means that the client has yet to see an earlier signal: this one is coalesced
  // with it.
  return ::write(line.event.get(), &one, sizeof(one)) == sizeof(one);
}

bool Interrupts::raise(unsigned vector, bool may_write) {
  const std::scoped_lock guard(mutex_);
  Lines& msix = lines_[VFIO_PCI_MSIX_IRQ_INDEX];
  if (std::any_of(msix.begin(), msix.end(), armed<Line>)) {
    return may_write && vector < msix.size() && signal(msix[vector]);
  }
  Lines& msi = lines_[VFIO_PCI_MSI_IRQ_INDEX];
  const auto last = std::find_if(msi.rbegin(), msi.rend(), armed<Line>);
  if (last != msi.rend()) {
    return may_write && signal(msi[vector % static_cast<unsigned>(msi.rend() - last)]);
  }
  Lines& intx = lines_[VFIO_PCI_INTX_IRQ_INDEX];
  return !intx.empty() && intx_enabled_ && signal(intx[0]);
}

void Interrupts::set_intx_enabled(bool enabled) {
  const std::scoped_lock guard(mutex_);
  intx_enabled_ = enabled;
}

std::uint64_t Interrupts::pending_bits(unsigned word) const {
  const std::scoped_lock guard(mutex_);
  const Lines& msix = lines_[VFIO_PCI_MSIX_IRQ_INDEX];
  std::uint64_t bits = 0;
  const std::size_t first = std::size_t{word} * 64;
  for (std::size_t i = 0; i < 64 && first + i < msix.size(); ++i) {
    if (msix[first + i].pending) bits |= std::uint64_t{1} << i;
  }
  return bits;
}

void Interrupts::clear() {
  const std::scoped_lock guard(mutex_);
  for (Lines& lines : lines_) {
    for (Line& line : lines)
      line = {};
  }
  intx_enabled_ = true;
}

}  // namespace halyard::emu::vfio_user
