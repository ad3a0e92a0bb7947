// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Address translation: page tables in guest memory, a TLB per context, and what the checker sees
/// of both.

#include <clipper/clipper_regs.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "chips/chip.hpp"
#include "chips/clipper/counters.hpp"
#include "chips/clipper/rules.hpp"
#include "chips/common/bus_errors.hpp"
#include "chips/judge.hpp"

namespace halyard::emu::clipper {

/// Why a translation failed: CLP_FAULT_*, 0 when it did not.
struct TranslationFault {
  std::uint32_t cause = 0;
  std::uint64_t address = 0;
};

/// Thread-safe. Everything that reads guest memory wants the caller to hold Host::pin_dma().
/// Lock order: pin, the card's mutex, a context's mutex.
class Mmu {
 public:
  using Time = std::chrono::steady_clock::time_point;

  /// `flush_grace`: for how long an entry may differ from its translation before the flush counts
  /// as forgotten.
  Mmu(Judge& judge, Counters& counters, std::chrono::milliseconds flush_grace)
      : judge_(judge), counters_(counters), flush_grace_(flush_grace) {}

  void attach(Host* host) {
    host_ = host;
    bus_errors_.attach(host);
  }

  void set_root(unsigned ctx, std::uint64_t root);
  [[nodiscard]] std::uint64_t root(unsigned ctx) const;
  /// A context begins with an empty TLB.
  void set_enabled(unsigned ctx, bool enabled);
  [[nodiscard]] bool enabled(unsigned ctx) const;
  void reset();

  /// Host memory of at most `size` bytes at `address`; shorter where bus addresses are not
  /// contiguous. Empty with `fault` set. Privileged accesses are the card's own: they do not need
  /// CLP_PTE_USER.
  std::span<std::byte> translate(unsigned ctx, std::uint64_t address, std::size_t size,
                                 Access access, bool privileged, TranslationFault& fault);

  /// Drops a context's translations; accesses under way may still use them.
  void flush(unsigned ctx);
  void flush_all();
  /// Drops translations that lead to, or were read from, a range of bus addresses.
  void drop_bus_range(std::uint64_t address, std::uint64_t size);

  /// A bus address was not to be had: reports which rule that breaks.
  void report_bus_error(std::uint64_t bus, const char* what) { bus_errors_.report(bus, what); }
  /// While excused, bus errors are nobody's fault: a reset or a lost link overtook the access.
  void excuse_bus_errors(bool excused) { bus_errors_.excuse(excused); }

  /// A job begins: translations are compared with their entries once more at their next use.
  void begin_epoch() { epoch_.fetch_add(1, std::memory_order_relaxed); }
  /// Compares all translations with their entries and reports what was not flushed in time. True
  /// when some differ and still have time.
  bool audit(Time now);

 private:
  struct TlbEntry {
    std::uint64_t page = 0;     ///< virtual address of the page
    std::uint64_t pte = 0;      ///< the leaf entry; 0 when this TLB entry is not in use
    std::uint64_t pte_bus = 0;  ///< where it was read
    std::uint64_t epoch = 0;    ///< of the last comparison
    std::uint64_t found = 0;    ///< what memory holds instead, when `suspect`
    Time suspect_since;
    bool suspect = false;
  };
  /// Direct-mapped. The upper bits of a page's number take part in its slot: a driver lays out the
  /// ends of an address space alike.
  struct Tlb {
    static constexpr unsigned kSmallBits = 10;
    static constexpr unsigned kLargeBits = 6;
    std::array<TlbEntry, std::size_t{1} << kSmallBits> small;
    std::array<TlbEntry, std::size_t{1} << kLargeBits> large;
    /// Left without a flush although their entries had changed: CLP-M1 holds of them, too.
    std::vector<TlbEntry> evicted;

    static constexpr std::size_t kMostEvicted = 64;
    static std::size_t slot(std::uint64_t page, unsigned bits) {
      return (page ^ page >> bits ^ page >> 2 * bits ^ page >> 3 * bits) % (std::size_t{1} << bits);
    }
    TlbEntry& small_slot(std::uint64_t va) { return small[slot(va >> CLP_PAGE_SHIFT, kSmallBits)]; }
    TlbEntry& large_slot(std::uint64_t va) {
      return large[slot(va >> CLP_LARGE_PAGE_SHIFT, kLargeBits)];
    }
  };
  struct Context {
    mutable std::mutex mutex;  ///< protects the members below
    std::uint64_t root = 0;
    bool enabled = false;
    std::unique_ptr<Tlb> tlb;  ///< made when first enabled
  };
  struct Page {
    std::uint64_t bus = 0;   ///< of the address asked for
    std::uint64_t left = 0;  ///< bytes up to the end of the page
    std::uint64_t pte = 0;
  };

  bool lookup(unsigned ctx, Context& context, std::uint64_t va, Page& page,
              TranslationFault& fault);
  bool walk(unsigned ctx, Context& context, std::uint64_t va, Page& page, TranslationFault& fault);
  bool read_entry(std::uint64_t bus, std::uint64_t& entry);
  void compare(TlbEntry& entry, Time now);
  bool compare_and_report(unsigned ctx, TlbEntry& entry, Time now);
  void evict(Tlb& tlb, TlbEntry& entry);
  static void drop(Context& context);
  std::uint32_t check_permission(unsigned ctx, std::uint64_t va, std::uint64_t pte, Access access,
                                 bool privileged);

  Judge& judge_;
  Counters& counters_;
  std::chrono::milliseconds flush_grace_;
  Host* host_ = nullptr;
  std::atomic<std::uint64_t> epoch_{1};
  BusErrors bus_errors_{judge_,
                        {.unmapped = rules::kDmaUnmapped,
                         .after_unmap = rules::kDmaAfterUnmap,
                         .bus_master_off = rules::kBusMasterOff}};
  std::array<Context, CLP_NUM_CONTEXTS> contexts_;
};

}  // namespace halyard::emu::clipper
