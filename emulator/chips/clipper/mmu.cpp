// SPDX-License-Identifier: MIT
#include "chips/clipper/mmu.hpp"

#include <algorithm>
#include <utility>

#include "chips/clipper/rules.hpp"
#include "chips/common/registers.hpp"

namespace halyard::emu::clipper {

namespace {

constexpr std::uint64_t kSmallPage = std::uint64_t{1} << CLP_PAGE_SHIFT;
constexpr std::uint64_t kLargePage = std::uint64_t{1} << CLP_LARGE_PAGE_SHIFT;
constexpr unsigned kIndexBits = 9;
static_assert(1U << kIndexBits == CLP_PT_ENTRIES);

std::uint64_t page_size(std::uint64_t pte) {
  return (pte & CLP_PTE_LARGE) != 0 ? kLargePage : kSmallPage;
}

bool is_leaf(unsigned level, std::uint64_t pte) {
  return level == 0 || (level == 1 && (pte & CLP_PTE_LARGE) != 0);
}

/// Bits that a valid entry of this level may have set.
std::uint64_t allowed_bits(unsigned level, std::uint64_t pte) {
  std::uint64_t bits = CLP_PTE_VALID | CLP_PTE_ADDR;
  if (is_leaf(level, pte)) bits |= CLP_PTE_WRITE | CLP_PTE_USER;
  if (level == 1 && is_leaf(level, pte)) {
    bits |= CLP_PTE_LARGE;
    bits &= ~(kLargePage - kSmallPage);
  }
  return bits;
}

}  // namespace

void Mmu::set_root(unsigned ctx, std::uint64_t root) {
  const std::scoped_lock guard(contexts_.at(ctx).mutex);
  contexts_.at(ctx).root = root;
}

std::uint64_t Mmu::root(unsigned ctx) const {
  const std::scoped_lock guard(contexts_.at(ctx).mutex);
  return contexts_.at(ctx).root;
}

void Mmu::set_enabled(unsigned ctx, bool enabled) {
  Context& context = contexts_.at(ctx);
  const std::scoped_lock guard(context.mutex);
  if (enabled && context.tlb == nullptr) context.tlb = std::make_unique<Tlb>();
  drop(context);
  context.enabled = enabled;
}

bool Mmu::enabled(unsigned ctx) const {
  const std::scoped_lock guard(contexts_.at(ctx).mutex);
  return contexts_.at(ctx).enabled;
}

void Mmu::reset() {
  for (Context& context : contexts_) {
    const std::scoped_lock guard(context.mutex);
    context.root = 0;
    context.enabled = false;
    drop(context);
  }
}

void Mmu::drop(Context& context) {
  if (context.tlb == nullptr) return;
  for (TlbEntry& entry : context.tlb->small)
    entry = TlbEntry{};
  for (TlbEntry& entry : context.tlb->large)
    entry = TlbEntry{};
  context.tlb->evicted.clear();
}

void Mmu::flush(unsigned ctx) {
  if (ctx >= CLP_NUM_CONTEXTS) return;
  const std::scoped_lock guard(contexts_.at(ctx).mutex);
  drop(contexts_.at(ctx));
}

void Mmu::flush_all() {
  for (unsigned ctx = 0; ctx < CLP_NUM_CONTEXTS; ++ctx)
    flush(ctx);
}

void Mmu::drop_bus_range(std::uint64_t address, std::uint64_t size) {
  const auto inside = [&](std::uint64_t bus, std::uint64_t length) {
    return bus < address ? address - bus < length : bus - address < size;
  };
  for (Context& context : contexts_) {
    const std::scoped_lock guard(context.mutex);
    if (context.tlb == nullptr) continue;
    const auto drop_inside = [&](TlbEntry& entry) {
      if (entry.pte != 0 && (inside(entry.pte & CLP_PTE_ADDR, page_size(entry.pte)) ||
                             inside(entry.pte_bus, sizeof(entry.pte))))
        entry = TlbEntry{};
    };
    std::ranges::for_each(context.tlb->small, drop_inside);
    std::ranges::for_each(context.tlb->large, drop_inside);
    std::ranges::for_each(context.tlb->evicted, drop_inside);
  }
  bus_errors_.note_unmapped(address, size);
}

bool Mmu::read_entry(std::uint64_t bus, std::uint64_t& entry) {
  const auto memory = host_->dma(bus, sizeof(entry), Access::kRead);
  if (memory.size() < sizeof(entry)) return false;
  // The driver writes entries while the card runs.
  entry = std::atomic_ref(*reinterpret_cast<std::uint64_t*>(memory.data()))
              .load(std::memory_order_acquire);
  return true;
}

bool Mmu::walk(unsigned ctx, Context& context, std::uint64_t va, Page& page,
               TranslationFault& fault) {
  const auto fail = [&](std::uint32_t cause) {
    fault = {cause, va};
    return false;
  };
  counters_.add(CLP_PERF_TLB_MISSES);
  std::uint64_t table = context.root;
  for (unsigned level = CLP_PT_LEVELS - 1;; --level) {
    const unsigned shift = CLP_PAGE_SHIFT + kIndexBits * level;
    const std::uint64_t bus = table + (va >> shift) % CLP_PT_ENTRIES * sizeof(std::uint64_t);
    std::uint64_t pte = 0;
    if (!read_entry(bus, pte)) {
      bus_errors_.report(bus, "page table read");
      return fail(CLP_FAULT_BUS);
    }
    if ((pte & CLP_PTE_VALID) == 0) return fail(CLP_FAULT_UNMAPPED);
    if ((pte & ~allowed_bits(level, pte)) != 0) {
      judge_.report(rules::kMalformedEntry, "entry " + hex(pte) + " of level " +
                                                std::to_string(level) + " for address " + hex(va) +
                                                " of context " + std::to_string(ctx));
      return fail(CLP_FAULT_PTE_MALFORMED);
    }
    if (is_leaf(level, pte)) {
      const std::uint64_t mask = page_size(pte) - 1;
      page = {(pte & CLP_PTE_ADDR) + (va & mask), mask + 1 - (va & mask), pte};
      TlbEntry& entry = level == 0 ? context.tlb->small_slot(va) : context.tlb->large_slot(va);
      evict(*context.tlb, entry);
      entry.page = va & ~mask;
      entry.pte = pte;
      entry.pte_bus = bus;
      entry.epoch = epoch_.load(std::memory_order_relaxed);
      return true;
    }
    table = pte & CLP_PTE_ADDR;
  }
}

bool Mmu::lookup(unsigned ctx, Context& context, std::uint64_t va, Page& page,
                 TranslationFault& fault) {
  if (!context.enabled || va >> CLP_VA_BITS != 0) {
    fault = {CLP_FAULT_UNMAPPED, va};
    return false;
  }
  for (TlbEntry* entry : {&context.tlb->small_slot(va), &context.tlb->large_slot(va)}) {
    const std::uint64_t mask = page_size(entry->pte) - 1;
    if (entry->pte == 0 || entry->page != (va & ~mask)) continue;
    counters_.add(CLP_PERF_TLB_HITS);
    if (entry->epoch != epoch_.load(std::memory_order_relaxed))
      compare(*entry, std::chrono::steady_clock::now());
    page = {(entry->pte & CLP_PTE_ADDR) + (va & mask), mask + 1 - (va & mask), entry->pte};
    return true;
  }
  return walk(ctx, context, va, page, fault);
}

std::uint32_t Mmu::check_permission(unsigned ctx, std::uint64_t va, std::uint64_t pte,
                                    Access access, bool privileged) {
  if (access == Access::kWrite && (pte & CLP_PTE_WRITE) == 0) return CLP_FAULT_PERMISSION;
  if (!privileged && (pte & CLP_PTE_USER) == 0) return CLP_FAULT_PERMISSION;
  if (privileged && (pte & CLP_PTE_USER) != 0)
    judge_.report(rules::kPrivilegedPage, "the page at " + hex(va) + " of context " +
                                              std::to_string(ctx) +
                                              " holds a ring or a status block, and command "
                                              "streams may use it");
  return 0;
}

std::span<std::byte> Mmu::translate(unsigned ctx, std::uint64_t address, std::size_t size,
                                    Access access, bool privileged, TranslationFault& fault) {
  Page page;
  std::uint64_t length = 0;
  {
    Context& context = contexts_.at(ctx);
    const std::scoped_lock guard(context.mutex);
    if (!lookup(ctx, context, address, page, fault)) return {};
    if (const auto cause = check_permission(ctx, address, page.pte, access, privileged)) {
      fault = {cause, address};
      return {};
    }
    length = page.left;
    // Looks ahead as far as bus addresses go on; what fails there fails when it is asked for.
    while (length < size) {
      Page next;
      TranslationFault later;
      if (!lookup(ctx, context, address + length, next, later) || next.bus != page.bus + length ||
          check_permission(ctx, address + length, next.pte, access, privileged) != 0)
        break;
      length += next.left;
    }
  }
  const auto memory = host_->dma(page.bus, std::min<std::uint64_t>(length, size), access);
  if (memory.empty()) {
    bus_errors_.report(page.bus, access == Access::kRead ? "read" : "write");
    fault = {CLP_FAULT_BUS, address};
    return {};
  }
  counters_.add(access == Access::kRead ? CLP_PERF_BYTES_READ : CLP_PERF_BYTES_WRITTEN,
                memory.size());
  return memory;
}

void Mmu::compare(TlbEntry& entry, Time now) {
  entry.epoch = epoch_.load(std::memory_order_relaxed);
  std::uint64_t found = 0;
  if (read_entry(entry.pte_bus, found) && found == entry.pte) {
    entry.suspect = false;
  } else if (!entry.suspect) {
    entry.suspect = true;
    entry.suspect_since = now;
    entry.found = found;
  }
}

/// What the driver has changed, and not flushed, is not forgotten with its place in the TLB.
void Mmu::evict(Tlb& tlb, TlbEntry& entry) {
  if (entry.pte != 0) compare(entry, std::chrono::steady_clock::now());
  if (entry.suspect && tlb.evicted.size() < Tlb::kMostEvicted) tlb.evicted.push_back(entry);
  entry = TlbEntry{};
}

bool Mmu::compare_and_report(unsigned ctx, TlbEntry& entry, Time now) {
  if (entry.pte == 0) return false;
  compare(entry, now);
  if (!entry.suspect) return false;
  if (now - entry.suspect_since < flush_grace_) return true;
  judge_.report(rules::kMissingFlush, "the entry for " + hex(entry.page) + " of context " +
                                          std::to_string(ctx) + " changed from " + hex(entry.pte) +
                                          " to " + hex(entry.found) + " and was not flushed");
  entry = TlbEntry{};
  return false;
}

bool Mmu::audit(Time now) {
  bool suspects = false;
  for (unsigned ctx = 0; ctx < CLP_NUM_CONTEXTS; ++ctx) {
    Context& context = contexts_.at(ctx);
    const std::scoped_lock guard(context.mutex);
    if (!context.enabled) continue;
    for (TlbEntry& entry : context.tlb->small)
      suspects |= compare_and_report(ctx, entry, now);
    for (TlbEntry& entry : context.tlb->large)
      suspects |= compare_and_report(ctx, entry, now);
    for (TlbEntry& entry : context.tlb->evicted)
      suspects |= compare_and_report(ctx, entry, now);
    std::erase_if(context.tlb->evicted, [](const TlbEntry& entry) { return !entry.suspect; });
  }
  return suspects;
}

}  // namespace halyard::emu::clipper
