// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The one interface between a chip model and what surrounds it.
///
/// A model shows two faces. `Chip` is the PCIe function: registers, rings, MMU, interrupts; the
/// vfio_user room puts it into a virtual machine. `CommandProcessor` is the part of it that
/// executes one job's command stream in an address space; the HAL's in-process platform drives that
/// alone, so the arithmetic, the checks and the faults are the same code in both.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace halyard::emu {

enum class Access : std::uint8_t { kRead, kWrite };

// ---------------------------------------------------------------------------------------------
// Executing jobs
// ---------------------------------------------------------------------------------------------

/// Why a command failed. The codes are common to all chips, as the kernel reports them.
enum class FaultCause : std::uint8_t {
  kNone,
  kIllegalCommand,  ///< malformed, unknown, or operands that do not fit together
  kOutOfBounds,     ///< an operand reaches outside its binding
  kUnmapped,        ///< no translation for the address
  kPermission,      ///< translation forbids the access
  kEngineHang,      ///< injected: the engine stopped
  kEcc,             ///< injected: uncorrectable memory error
};

struct Fault {
  FaultCause cause = FaultCause::kNone;
  std::uint64_t address = 0;  ///< in the job's address space; 0 when no address is concerned
  Access access = Access::kRead;
  std::uint32_t command = 0;  ///< index of the command in its stream
  std::uint32_t tag = 0;      ///< the command's own tag
  std::string text;           ///< one sentence for a person
};

/// An address space of the client, as the command processor sees it.
class AddressSpace {
 public:
  virtual ~AddressSpace() = default;

  /// Host memory of at most `size` bytes at `address`, at least 1: shorter where the memory behind
  /// the range is not contiguous. The bytes stay valid while a pin() is held. A Fault with cause
  /// and address otherwise.
  virtual std::span<std::byte> translate(std::uint64_t address, std::size_t size, Access access,
                                         Fault& fault) = 0;

  /// Memory handed out by translate() stays mapped while the returned lock is held.
  [[nodiscard]] virtual std::shared_lock<std::shared_mutex> pin() = 0;
};

enum class Outcome : std::uint8_t {
  kRunning,  ///< one command was executed, more follow
  kWaiting,  ///< the next command waits for memory to change: run something else, call again
  kDone,     ///< the stream has ended
  kFault,    ///< see fault(); the job cannot be continued
};

/// One job's execution. Not thread-safe; one thread at a time.
class Execution {
 public:
  virtual ~Execution() = default;

  /// Executes one command: the grain of preemption.
  virtual Outcome step() = 0;

  [[nodiscard]] virtual const Fault& fault() const = 0;

  /// Cycles spent so far by the chip's documented cost model.
  [[nodiscard]] virtual std::uint64_t cycles() const = 0;

  /// Commands completed so far.
  [[nodiscard]] virtual std::uint32_t completed() const = 0;
};

struct EngineInfo {
  std::string name;         ///< as in the kernel's fdinfo: "tensor", "copy"
  std::uint32_t klass = 0;  ///< the chip's number of this kind, as the uAPI reports it
  std::uint32_t count = 1;  ///< engines of this kind
};

/// On a chip without MMU a job's address space is its list of buffers: the byte at `offset` of the
/// buffer at position `slot` has the address `slot << kSlotShift | offset`.
inline constexpr unsigned kSlotShift = 48;

/// A region of memory, as DEV_QUERY reports it.
struct RegionInfo {
  std::string name = "host";
  std::uint64_t size = 0;  ///< bytes; 0: as much as the host has
  bool host = true;        ///< the host's own memory, else the card's
  bool contiguous =
      false;  ///< each buffer is one piece for the device: nobody else's memory will do
};

/// What the kernel reports of a chip besides its engines and its blob; the defaults fit a chip with
/// page tables.
struct ProcessorInfo {
  std::uint32_t revision = 1U << 16U;              ///< major 31:16, minor 15:0
  bool has_mmu = true;                             ///< addresses are translated per address space
  std::uint64_t va_start = 0x200000;               ///< first address that may be bound
  std::uint64_t va_end = std::uint64_t{1} << 47U;  ///< one past the last
  std::uint32_t page_size = 4096;
  std::uint32_t large_page_size = 0x200000;  ///< worth aligning to; 0: none
  std::vector<RegionInfo> regions = {{}};    ///< jobs work in the first
  std::uint32_t job_buffers_max = 256;       ///< buffers that one job may bring
};

/// The command interpreter of a chip without its PCIe side. Thread-safe.
class CommandProcessor {
 public:
  virtual ~CommandProcessor() = default;

  [[nodiscard]] virtual ProcessorInfo info() const { return {}; }

  [[nodiscard]] virtual std::vector<EngineInfo> engines() const = 0;

  /// The blob that DEV_QUERY returns for this chip, byte for byte.
  [[nodiscard]] virtual std::vector<std::byte> chip_blob() const = 0;

  /// Starts a job whose payload is byte for byte what SUBMIT takes for this chip. `engine_class` is
  /// the queue's. `clock` gives the device timestamp in nanoseconds. Null with a reason in `error`
  /// when the payload itself is refused (what the kernel's chip driver would refuse with EINVAL).
  virtual std::unique_ptr<Execution> start(std::span<const std::byte> payload,
                                           std::uint32_t engine_class, AddressSpace& space,
                                           const std::function<std::uint64_t()>& clock,
                                           std::string& error) = 0;
};

// ---------------------------------------------------------------------------------------------
// The PCIe function
// ---------------------------------------------------------------------------------------------

struct BarInfo {
  std::uint64_t size = 0;  ///< 0: absent. A power of two, at least 4096.
  bool is_64bit = false;
  bool prefetchable = false;
  int memory_fd =
      -1;  ///< >= 0: backed by this memfd and mapped into the guest; else every access is trapped
};

struct PciInfo {
  std::uint16_t vendor = 0, device = 0, subsystem_vendor = 0, subsystem = 0;
  std::uint8_t revision = 0;
  std::uint32_t class_code = 0;  ///< 24 bits
  BarInfo bars[6];
  unsigned msix_vectors = 0;
  unsigned msix_bar = 0;  ///< BAR that holds the table and the PBA
  std::uint32_t msix_table_offset = 0, msix_pba_offset = 0;
  unsigned msi_vectors = 0;  ///< power of two, 0 when absent
  bool intx = false;  ///< has INTA: each raise() asserts it until the driver's next BAR access
};

enum class PowerState : std::uint8_t { kD0, kD3hot };
enum class ResetKind : std::uint8_t { kFunction, kBus, kPowerOn };

/// What a card may ask of the machine it sits in. Thread-safe.
class Host {
 public:
  virtual ~Host() = default;

  /// Guest memory at a bus address: at most `size` bytes, shorter where the mapping ends, empty
  /// when the address is not mapped, does not allow the access, or bus mastering is off. Valid
  /// while a pin_dma() is held.
  virtual std::span<std::byte> dma(std::uint64_t address, std::size_t size, Access access) = 0;

  /// Held by a worker while it uses guest memory; an unmap waits for it. Never held over a wait,
  /// and never twice by one thread: a waiting unmap goes before later pins.
  [[nodiscard]] virtual std::shared_lock<std::shared_mutex> pin_dma() = 0;

  /// Signals an interrupt vector. Edge semantics: coalesced, lost when disabled.
  virtual void raise(unsigned vector) = 0;

  [[nodiscard]] virtual bool bus_master() const = 0;
};

class Judge;
class Trace;

/// A card. Calls from the Host's side (bar_read, bar_write, reset, ...) come from one thread; the
/// chip's engines are threads of its own. No call may block on guest memory or for longer than a
/// few milliseconds.
class Chip {
 public:
  virtual ~Chip() = default;

  [[nodiscard]] virtual const PciInfo& pci() const = 0;

  /// Attached once, before any other call; detach() stops every engine before the host goes away.
  virtual void attach(Host& host) = 0;
  virtual void detach() = 0;

  /// `data` is 1, 2, 4 or 8 bytes. The access lies inside the BAR.
  virtual void bar_read(unsigned bar, std::uint64_t offset, std::span<std::byte> data) = 0;
  virtual void bar_write(unsigned bar, std::uint64_t offset, std::span<const std::byte> data) = 0;

  virtual void reset(ResetKind kind) = 0;
  virtual void set_power(PowerState state) = 0;
  virtual void set_bus_master(bool enabled) = 0;
  /// The host unmapped [address, address + size); the chip drops every cached translation of it.
  virtual void dma_unmapped(std::uint64_t address, std::uint64_t size) = 0;
};

/// Options of a card from the command line, as the chip's manual describes them.
struct ChipOptions {
  std::vector<std::string> inject = {};    ///< `--inject`
  std::vector<std::string> settings = {};  ///< `--set NAME=VALUE`
};

/// A kind of chip, as linked into this process.
struct ChipKind {
  std::string_view name;  ///< the word that names the chip's folders
  std::string_view description;
  /// Throws std::invalid_argument when an option is not understood.
  std::unique_ptr<Chip> (*make)(const ChipOptions& options, Judge& judge, Trace& trace);
  std::unique_ptr<CommandProcessor> (*make_processor)();
  std::uint16_t vendor, device;
};

/// Every kind that the configuration enabled; generated from the chips' folders by the build.
std::span<const ChipKind> chip_kinds();

/// Null when no such kind is linked in.
const ChipKind* find_chip_kind(std::string_view name);

}  // namespace halyard::emu
