// SPDX-License-Identifier: MIT
#include "targets.hpp"

#include <drm/halyard_clipper.h>

#include <algorithm>
#include <array>
#include <bit>
#include <functional>
#include <stdexcept>
#include <utility>

#include "chips/clipper/execution.hpp"
#include "chips/tensor/cost.hpp"
#include "fake_space.hpp"
#include "stream.hpp"

namespace halyard::emu::test {

namespace {

/// More would only cost time.
constexpr std::size_t kMaxStream = 4096;
constexpr std::uint64_t kMaxCycles = 1 << 18;
constexpr std::size_t kPiece = 1 << 14;

/// The bindings of every stream: the last one goes on where nothing is mapped.
enum Piece : std::uint32_t { kInput, kOutput, kBroken, kNumPieces };

/// The address space of all jobs.
class Arena {
 public:
  Arena() {
    // What may be written comes first in the memory behind the addresses; nothing else may change.
    const std::uint64_t output = space_.allocate(kPiece, false);
    const std::uint64_t input = space_.allocate(kPiece, true, false);
    job_.stream = space_.allocate(kMaxStream, true, false);
    job_.bindings = space_.allocate(FakeSpace::kPage, false, false);
    job_.binding_count = kNumPieces;
    std::minstd_rand random(1);
    std::ranges::generate(space_.bytes(), [&] { return static_cast<std::byte>(random()); });
    const std::array<drm_halyard_clipper_binding, kNumPieces> table{
        {{input, kPiece}, {output, kPiece}, {input + kPiece / 2, kPiece}}};
    space_.copy_in(job_.bindings, std::as_bytes(std::span(table)));
  }

  FakeSpace& space() { return space_; }
  /// A job of these commands.
  clipper::JobDescriptor load(std::span<const std::byte> commands) {
    space_.copy_in(job_.stream, commands);
    job_.stream_size = static_cast<std::uint32_t>(commands.size());
    before_.assign(others().begin(), others().end());
    return job_;
  }
  /// What a job may not change is still what it was.
  [[nodiscard]] bool intact() { return std::ranges::equal(others(), before_); }

 private:
  std::span<std::byte> others() { return space_.bytes().subspan(kPiece); }

  FakeSpace space_{32};
  clipper::JobDescriptor job_;
  std::vector<std::byte> before_;
};

template <typename Params>
Stream command(std::uint16_t opcode, const Params& params, std::vector<RawOperand> operands) {
  Stream stream;
  // The output comes last, the inputs one behind the other.
  std::uint64_t offset = 0;
  for (RawOperand& operand : operands) {
    const bool last = &operand == &operands.back();
    if (operand.dtype == 0) continue;
    operand.binding = last ? kOutput : kInput;
    operand.offset = last ? 0 : std::exchange(offset, offset + 2048);
  }
  stream.add(opcode, params, operands);
  return stream;
}

/// A valid command of each kind.
const std::vector<Stream>& samples() {
  constexpr auto kF32 = DRM_HALYARD_CLIPPER_F32, kF16 = DRM_HALYARD_CLIPPER_F16;
  constexpr auto kI8 = DRM_HALYARD_CLIPPER_I8, kI32 = DRM_HALYARD_CLIPPER_I32;
  constexpr auto kU8 = DRM_HALYARD_CLIPPER_U8;
  static const auto of = [](std::uint16_t dtype, std::vector<std::uint32_t> dims) {
    return dense(0, dtype, std::move(dims));
  };
  static const std::vector<Stream> all = [] {
    const drm_halyard_clipper_epilogue none{};
    drm_halyard_clipper_conv2d conv{};
    conv.stride_h = conv.stride_w = conv.dilation_h = conv.dilation_w = 1;
    conv.pad_top = conv.pad_bottom = 1;
    conv.groups = 2;
    drm_halyard_clipper_pool2d pool{};
    pool.kernel_h = pool.kernel_w = pool.stride_h = pool.stride_w = 2;
    const drm_halyard_clipper_norm norm{0, std::bit_cast<std::uint32_t>(1e-5F)};
    const drm_halyard_clipper_quantize quantize{1, -4};
    return std::vector<Stream>{
        command(DRM_HALYARD_CLIPPER_NOP, none, {}),
        command(DRM_HALYARD_CLIPPER_MATMUL, none,
                {of(kF32, {2, 5, 7}), of(kF32, {1, 7, 3}), of(kF32, {3}), absent(),
                 of(kF32, {2, 5, 3})}),
        command(DRM_HALYARD_CLIPPER_MATMUL, none,
                {of(kI8, {4, 8}), of(kI8, {8, 6}), of(kI32, {6}), of(kF32, {6}), of(kI8, {4, 6})}),
        command(DRM_HALYARD_CLIPPER_CONV2D, conv,
                {of(kF32, {1, 4, 6, 5}), of(kF32, {6, 2, 3, 3}), of(kF32, {6}), absent(),
                 of(kF32, {1, 6, 6, 3})}),
        command(DRM_HALYARD_CLIPPER_BINARY, drm_halyard_clipper_binary{},
                {of(kF32, {3, 4, 5}), of(kF32, {3, 1, 5}), of(kF32, {3, 4, 5})}),
        command(DRM_HALYARD_CLIPPER_ACTIVATE,
                drm_halyard_clipper_activate{DRM_HALYARD_CLIPPER_ACT_TANH},
                {of(kF32, {9, 7}), of(kF32, {9, 7})}),
        command(DRM_HALYARD_CLIPPER_POOL2D, pool, {of(kF16, {2, 3, 8, 6}), of(kF16, {2, 3, 4, 3})}),
        command(DRM_HALYARD_CLIPPER_SOFTMAX, none, {of(kF32, {3, 17}), of(kF32, {3, 17})}),
        command(DRM_HALYARD_CLIPPER_NORM, norm,
                {of(kF32, {3, 16}), of(kF32, {16}), of(kF32, {16}), of(kF32, {3, 16})}),
        command(DRM_HALYARD_CLIPPER_COPY, none, {of(kF32, {4, 5}), of(kF16, {4, 5})}),
        command(DRM_HALYARD_CLIPPER_GATHER, none,
                {of(kF16, {6, 5}), of(kI32, {4}), of(kF16, {4, 5})}),
        command(DRM_HALYARD_CLIPPER_ROTATE,
                drm_halyard_clipper_rotate{std::bit_cast<std::uint32_t>(1.5F)},
                {of(kF16, {3, 4, 5, 2}), of(kF32, {3, 1, 5, 1}), of(kF16, {3, 4, 5, 2})}),
        command(DRM_HALYARD_CLIPPER_FUNCTION, drm_halyard_clipper_function{DRM_HALYARD_CLIPPER_LOG},
                {of(kF32, {9, 7}), of(kF32, {9, 7})}),
        command(DRM_HALYARD_CLIPPER_ORDER, drm_halyard_clipper_order{1},
                {of(kF16, {9, 7}), of(kI32, {9, 3})}),
        command(DRM_HALYARD_CLIPPER_SCATTER, none,
                {of(kF32, {4, 5}), of(kI32, {4, 2}), of(kF16, {6, 5})}),
        command(DRM_HALYARD_CLIPPER_QUANTIZE, quantize,
                {of(kF32, {2, 6, 4}), of(kF32, {6}), of(kI8, {2, 6, 4})}),
        command(DRM_HALYARD_CLIPPER_FILL, drm_halyard_clipper_fill{0x3f80}, {of(kF32, {5, 6})}),
        command(DRM_HALYARD_CLIPPER_UNPACK, drm_halyard_clipper_blocks{DRM_HALYARD_CLIPPER_Q6_K},
                {of(kU8, {2, 210}), of(kF16, {2, 256})}),
        command(DRM_HALYARD_CLIPPER_LINEAR, drm_halyard_clipper_blocks{DRM_HALYARD_CLIPPER_Q4_1},
                {of(kF32, {2, 32}), of(kU8, {3, 20}), of(kF32, {2, 3})}),
        command(DRM_HALYARD_CLIPPER_FENCE_SIGNAL, drm_halyard_clipper_fence{77}, {of(kI32, {2})}),
        command(DRM_HALYARD_CLIPPER_FENCE_WAIT, drm_halyard_clipper_fence{77}, {of(kI32, {2})}),
        command(DRM_HALYARD_CLIPPER_TIMESTAMP, none, {of(kI32, {2})}),
    };
  }();
  return all;
}

std::size_t below(std::minstd_rand& random, std::size_t limit) {
  return random() % limit;
}

void flip_some(std::minstd_rand& random, std::span<std::uint8_t> bytes) {
  constexpr std::uint8_t kOdd[] = {0, 1, 2, 7, 0x7f, 0x80, 0xfe, 0xff};
  for (std::size_t n = below(random, 5); n > 0; --n) {
    std::uint8_t& byte = bytes[below(random, bytes.size())];
    byte = random() % 2 == 0 ? static_cast<std::uint8_t>(byte ^ 1U << random() % 8)
                             : kOdd[below(random, std::size(kOdd))];
  }
}

}  // namespace

std::size_t fuzz_stream(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return 0;
  const std::uint32_t engine_class =
      bytes[0] % 2 == 0 ? DRM_HALYARD_CLIPPER_ENGINE_TENSOR : DRM_HALYARD_CLIPPER_ENGINE_COPY;
  const auto rest = std::as_bytes(bytes.subspan(1));
  const auto commands =
      rest.first(std::min(rest.size(), kMaxStream) / clipper::kCommandSize * clipper::kCommandSize);
  static Arena arena;
  clipper::JobExecution execution;
  execution.start(arena.load(commands), engine_class, arena.space(),
                  [] { return std::uint64_t{42}; });
  Outcome outcome = Outcome::kRunning;
  while (outcome == Outcome::kRunning) {
    outcome = execution.fetch();
    if (outcome != Outcome::kRunning) break;
    if (tensor::command_cycles(clipper::kCostModel, execution.command().work) > kMaxCycles) break;
    outcome = execution.execute();
  }
  if (!arena.intact()) throw std::logic_error("a job wrote what it may not write");
  return execution.completed();
}

std::vector<std::uint8_t> mutated_stream(std::minstd_rand& random) {
  std::vector<std::uint8_t> bytes{static_cast<std::uint8_t>(random() % 8 == 0)};
  for (std::size_t n = 1 + below(random, 3); n > 0; --n) {
    const auto& sample = samples().at(below(random, samples().size())).bytes();
    const auto* raw = reinterpret_cast<const std::uint8_t*>(sample.data());
    bytes.insert(bytes.end(), raw, raw + sample.size());
  }
  flip_some(random, bytes);
  return bytes;
}

}  // namespace halyard::emu::test
