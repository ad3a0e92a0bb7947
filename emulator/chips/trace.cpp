// SPDX-License-Identifier: MIT
#include "chips/trace.hpp"

#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace halyard::emu {

namespace {

static_assert(std::endian::native == std::endian::little,
              "records go to the file as they are in memory");

struct FileHeader {
  char magic[8];
  std::uint32_t record_size;
  std::uint32_t zero;
};
static_assert(sizeof(FileHeader) == 16);
constexpr FileHeader kFileHeader{{'H', 'A', 'L', 'Y', 'T', 'R', 'C', '1'}, sizeof(TraceRecord), 0};

std::uint32_t thread_number() {
  static std::atomic<std::uint32_t> next{0};
  thread_local const std::uint32_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

std::uint64_t now_ns() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

}  // namespace

Trace::Trace(const std::string& path) : file_(std::fopen(path.c_str(), "wbe")) {
  // Whole records at a time, so that the file can be read however the process ends.
  constexpr std::size_t kBuffer = 2048 * sizeof(TraceRecord);
  if (!file_ || std::setvbuf(file_.get(), nullptr, _IOFBF, kBuffer) != 0 ||
      std::fwrite(&kFileHeader, sizeof(kFileHeader), 1, file_.get()) != 1 ||
      std::fflush(file_.get()) != 0) {
    throw std::system_error(errno, std::generic_category(), "trace file " + path);
  }
}

Trace::~Trace() = default;

void Trace::flush() {
  const std::scoped_lock guard(mutex_);
  if (file_) std::fflush(file_.get());
}

void Trace::write(TraceKind kind, std::uint64_t where, std::uint64_t value, std::uint8_t size) {
  TraceRecord record{};
  record.kind = static_cast<std::uint8_t>(kind);
  record.size = size;
  record.thread = thread_number();
  record.where = where;
  record.value = value;
  const std::scoped_lock guard(mutex_);
  record.time_ns = now_ns();  // under the lock: times never go backwards in the file
  // A full disk must not stop the card; read_trace() names the torn end.
  [[maybe_unused]] const std::size_t written = std::fwrite(&record, sizeof(record), 1, file_.get());
}

std::vector<TraceRecord> read_trace(const std::string& path) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) throw std::runtime_error(path + ": " + std::strerror(errno));
  FileHeader header{};
  if (std::fread(&header, sizeof(header), 1, file.get()) != 1 ||
      std::memcmp(header.magic, kFileHeader.magic, sizeof(header.magic)) != 0) {
    throw std::runtime_error(path + ": not a Halyard trace");
  }
  if (header.record_size != sizeof(TraceRecord) || header.zero != 0) {
    throw std::runtime_error(path + ": a trace of another version");
  }
  std::vector<TraceRecord> records;
  TraceRecord record{};
  std::size_t got = 0;
  while ((got = std::fread(&record, 1, sizeof(record), file.get())) == sizeof(record))
    records.push_back(record);
  if (std::ferror(file.get()) != 0) throw std::runtime_error(path + ": read error");
  if (got != 0)
    throw std::runtime_error(path + ": ends within record " + std::to_string(records.size()));
  return records;
}

}  // namespace halyard::emu
