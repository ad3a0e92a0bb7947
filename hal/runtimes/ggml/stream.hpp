// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The work that a back end of ggml's has for its device, in order.

#include <halyard/halyard.hpp>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "buffer.hpp"
#include "device.hpp"
#include "program.hpp"

namespace halyard::ggml {

/// A moment of a stream's.
struct Mark {
  GgmlDevice* device = nullptr;  ///< whose point it is
  std::optional<Point> point;    ///< none: nothing is to wait for
};

/// What an event of ggml's has recorded.
inline Mark& mark_of(ggml_backend_event_t event) {
  return *static_cast<Mark*>(event->context);
}

/// Bytes of a buffer.
struct Place {
  BufferContext& buffer;
  std::uint64_t offset;
};

/// One thread at a time, as ggml's back ends are. Throws Error.
class Stream {
 public:
  explicit Stream(GgmlDevice& device);

  [[nodiscard]] GgmlDevice& device() const { return device_; }

  /// Runs all of the graph, behind what is to do already, and waits for it: ggml learns of a
  /// failure from the graph's status and from nowhere else.
  void compute(ggml_cgraph* graph);
  /// One of the two devices copies, behind what both streams have to do; what they do later comes
  /// after it. False where neither reaches the other's memory.
  bool copy(Stream& from, const Place& source, const Place& target, std::uint64_t bytes);
  /// Reached when all that was given so far is done.
  [[nodiscard]] Mark mark();
  /// What comes from now on starts when the mark, which may be another device's, is reached.
  void await(const Mark& mark);
  /// Waits for all that was given. A failure is that of the next graph, too.
  void synchronize();
  /// A line in the file that HALYARD_GGML_STATISTICS names: what the device counted, for tests that
  /// must know who did the work. No message of ggml's: programs leave out what comes at their end.
  void report() const;

 private:
  /// Of this device, and what `other` has to do is waited for as well.
  bool copy_beside(Stream& other, const Buffer& source, std::uint64_t source_offset,
                   const Buffer& target, std::uint64_t target_offset, std::uint64_t bytes);
  Queue& queue(std::uint32_t engine_class);
  [[nodiscard]] std::vector<Point> waits() const;
  void gave(const Point& point);

  GgmlDevice& device_;
  Programs programs_;
  std::map<std::uint32_t, Queue> queues_;  ///< by class of engines, made when first used
  std::vector<Point> awaited_;             ///< by what comes next
  std::optional<Point> last_;              ///< of what was given last, until it was seen done
};

}  // namespace halyard::ggml
