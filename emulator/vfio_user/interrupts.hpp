// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "vfio_user/protocol.hpp"
#include "vfio_user/unique_fd.hpp"

namespace halyard::emu::vfio_user {

/// The function's interrupts as the client sees them: an index each for INTx, MSI, MSI-X, error and
/// request, a line per vector, an eventfd per armed line. Thread-safe.
class Interrupts {
 public:
  struct Info {
    std::uint32_t flags;  ///< VFIO_IRQ_INFO_*
    std::uint32_t count;
  };

  Interrupts(bool intx, unsigned msi_vectors, unsigned msix_vectors);

  /// False when there is no such index.
  [[nodiscard]] bool info(std::uint32_t index, Info& info) const;

  /// Arms, disarms, masks, unmasks or fires lines. Takes what it needs out of `fds`. Returns 0 or
  /// EINVAL.
  int set(const SetIrqsRequest& request, std::span<UniqueFd> fds);

  /// Signals `vector` by MSI-X when the client has armed that, else by MSI, else by INTx. With MSI
  /// the vector is taken modulo the number of armed MSI vectors, as a driver that got fewer than it
  /// asked for shares them. A masked line keeps the interrupt until it is unmasked; a line that is
  /// not armed loses it, and so does MSI(-X), which is a memory write, unless `may_write`. True
  /// when something was signalled.
  bool raise(unsigned vector, bool may_write);

  /// Command register's Interrupt Disable.
  void set_intx_enabled(bool enabled);

  /// Pending bits of MSI-X, as the PBA shows them: bit vector % 64 of word vector / 64.
  [[nodiscard]] std::uint64_t pending_bits(unsigned word) const;

  /// Disarms everything: the client is gone.
  void clear();

 private:
  struct Line {
    UniqueFd event;
    bool masked = false;
    bool pending = false;
  };
  using Lines = std::vector<Line>;

  static bool signal(Line& line);

  mutable std::mutex mutex_;    ///< protects the below; never held over a wait
  std::array<Lines, 5> lines_;  ///< by VFIO_PCI_*_IRQ_INDEX
  bool intx_enabled_ = true;
};

}  // namespace halyard::emu::vfio_user
