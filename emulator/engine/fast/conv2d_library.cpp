// SPDX-License-Identifier: MIT
//
// oneDNN computes a convolution on layouts of its own: input and weights are reordered into them
// and the result is reordered back, which is worth it where each element is used often enough.
// Primitives take milliseconds to make and are kept.
#include <array>
#include <cstdlib>
#include <list>
#include <memory>
#include <mutex>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <vector>

#include "../scalar.hpp"
#include "conv2d.hpp"
#include "finish.hpp"
#include "product.hpp"
#include "rows.hpp"
#include "scratch.hpp"
#include "single_thread.hpp"
#include "workers.hpp"

namespace halyard::engine {
namespace {

using dnnl::memory;
using Strides = std::array<std::int64_t, 4>;

/// Convolutions that are kept; the least recently used is the first to go.
constexpr std::size_t kCacheSize = 128;
/// Scratch that one thread may take for the reordered tensors of a call.
constexpr std::size_t kMaxScratch = std::size_t{64} << 20U;

// By measurement: multiply-accumulates below which the detour costs more than it saves, and output
// pixels (of all images) below which reordering the weights does.
constexpr std::int64_t kLibraryWork = 1 << 17;
constexpr std::int64_t kFewTaps = 32;
constexpr std::int64_t kFloatPixels = 128;
constexpr std::int64_t kInt8Pixels = 512;

/// What a primitive is made for: a convolution of NCHW tensors with int8 or float32 operands, into
/// int32 or float32.
struct Problem {
  ConvShape shape;
  Strides in;
  Strides weight;
  Strides out;
  bool int8;

  friend bool operator==(const Problem&, const Problem&) = default;
};

dnnl::engine& library_engine() {
  static dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::convolution_forward::primitive_desc make_description(const memory::desc& in,
                                                           const memory::desc& weight,
                                                           const memory::desc& out,
                                                           const ConvShape& shape) {
  using dnnl::convolution_forward;
  constexpr auto kKind = dnnl::prop_kind::forward_inference;
  constexpr auto kAlgorithm = dnnl::algorithm::convolution_direct;
  const memory::dims steps = {shape.y.step, shape.x.step};
  const memory::dims dilations = {shape.y.dilation - 1, shape.x.dilation - 1};  // 0 is dense
  const memory::dims begin = {shape.y.pad, shape.x.pad};
  const memory::dims end = {shape.y.pad_end, shape.x.pad_end};
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);  // else runs would share it
#if DNNL_VERSION_MAJOR >= 3
  return {library_engine(), kKind, kAlgorithm, in,        weight, out, steps,
          dilations,        begin, end,        attributes};
#else
  const convolution_forward::desc operation(kKind, kAlgorithm, in, weight, out, steps, dilations,
                                            begin, end);
  return {operation, attributes, library_engine()};
#endif
}

/// Memory for one primitive's run, handed out from one piece of scratch.
class Arena {
 public:
  explicit Arena(std::size_t size) : next_(scratch<std::byte>(ScratchUse::kLibrary, size)) {}

  static std::size_t size_of(const memory::desc& desc) {
    return (desc.get_size() + kAlignment - 1) / kAlignment * kAlignment;
  }
  memory take(const memory::desc& desc) {
    std::byte* place = next_;
    next_ += size_of(desc);
    return {desc, library_engine(), place};
  }

 private:
  static constexpr std::size_t kAlignment = 64;
  std::byte* next_;
};

/// A tensor as the caller has it and as the primitive wants it, and the way from one to the other.
class Side {
 public:
  enum class Direction : unsigned char { kIn, kOut };

  Side(const memory::desc& plain, const memory::desc& wanted, Direction direction)
      : plain_(plain), wanted_(wanted), moves_(plain != wanted) {
    if (!moves_) {
      return;
    }
    const bool into = direction == Direction::kIn;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc description(library_engine(), into ? plain : wanted,
                                                    library_engine(), into ? wanted : plain,
                                                    attributes);
    pad_ = description.scratchpad_desc();
    reorder_ = dnnl::reorder(description);
  }

  [[nodiscard]] std::size_t scratch_size() const {
    return moves_ ? Arena::size_of(wanted_) + Arena::size_of(pad_) : 0;
  }
  /// The memory that the primitive works on.
  memory prepare(std::byte* data, Arena& arena) const {
    return moves_ ? arena.take(wanted_) : memory(wanted_, library_engine(), data);
  }
  void load(dnnl::stream& stream, std::byte* data, memory& prepared, Arena& arena) const {
    if (moves_) {
      memory caller(plain_, library_engine(), data);
      move(stream, caller, prepared, arena);
    }
  }
  void store(dnnl::stream& stream, memory& prepared, std::byte* data, Arena& arena) const {
    if (moves_) {
      memory caller(plain_, library_engine(), data);
      move(stream, prepared, caller, arena);
    }
  }

 private:
  void move(dnnl::stream& stream, memory& from, memory& to, Arena& arena) const {
    reorder_.execute(
        stream,
        {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, arena.take(pad_)}});
  }

  memory::desc plain_;
  memory::desc wanted_;
  memory::desc pad_;  ///< the reorder's own scratch
  bool moves_;
  dnnl::reorder reorder_;
};

/// The caller's tensors as the library calls them.
struct PlainTensors {
  explicit PlainTensors(const Problem& problem) {
    using Type = memory::data_type;
    const ConvShape& shape = problem.shape;
    const Type type = problem.int8 ? Type::s8 : Type::f32;
    const Type sum_type = problem.int8 ? Type::s32 : Type::f32;
    const auto dims_of = [](const Strides& strides) {
      return memory::dims(strides.begin(), strides.end());
    };
    in = {{shape.images, shape.groups * shape.in_channels, shape.y.in, shape.x.in},
          type,
          dims_of(problem.in)};
    out = {{shape.images, shape.groups * shape.out_channels, shape.y.out, shape.x.out},
           sum_type,
           dims_of(problem.out)};
    memory::dims dims = {shape.out_channels, shape.in_channels, shape.y.taps, shape.x.taps};
    memory::dims strides = dims_of(problem.weight);
    if (shape.groups > 1) {
      dims.insert(dims.begin(), shape.groups);
      strides.insert(strides.begin(), shape.out_channels * problem.weight[0]);
    }
    weight = {dims, type, strides};
  }

  memory::desc in;
  memory::desc weight;
  memory::desc out;
};

/// The same with the layouts left to the primitive.
memory::desc any_layout(const memory::desc& plain) {
#if DNNL_VERSION_MAJOR >= 3
  return {plain.get_dims(), plain.get_data_type(), memory::format_tag::any};
#else
  return {plain.dims(), plain.data_type(), memory::format_tag::any};
#endif
}

/// A convolution ready to run, on any number of threads at once.
class LibraryConvolution {
 public:
  explicit LibraryConvolution(const Problem& problem)
      : LibraryConvolution(problem, PlainTensors(problem)) {}

  [[nodiscard]] std::size_t scratch_size() const {
    return in_.scratch_size() + weight_.scratch_size() + out_.scratch_size() + Arena::size_of(pad_);
  }

  void run(std::byte* in, std::byte* weight, std::byte* out) const {
    static thread_local dnnl::stream stream(library_engine());
    const SingleThread single;
    Arena arena(scratch_size());
    memory inputs = in_.prepare(in, arena);
    memory weights = weight_.prepare(weight, arena);
    memory outputs = out_.prepare(out, arena);
    in_.load(stream, in, inputs, arena);
    weight_.load(stream, weight, weights, arena);
    convolution_.execute(stream, {{DNNL_ARG_SRC, inputs},
                                  {DNNL_ARG_WEIGHTS, weights},
                                  {DNNL_ARG_DST, outputs},
                                  {DNNL_ARG_SCRATCHPAD, arena.take(pad_)}});
    out_.store(stream, outputs, out, arena);
    stream.wait();
  }

 private:
  using Description = dnnl::convolution_forward::primitive_desc;

  LibraryConvolution(const Problem& problem, const PlainTensors& plain)
      : LibraryConvolution(plain, make_description(any_layout(plain.in), any_layout(plain.weight),
                                                   any_layout(plain.out), problem.shape)) {}

  LibraryConvolution(const PlainTensors& plain, const Description& description)
      : convolution_(description),
        in_(plain.in, description.src_desc(), Side::Direction::kIn),
        weight_(plain.weight, description.weights_desc(), Side::Direction::kIn),
        out_(plain.out, description.dst_desc(), Side::Direction::kOut),
        pad_(description.scratchpad_desc()) {}

  dnnl::convolution_forward convolution_;
  Side in_;
  Side weight_;
  Side out_;
  memory::desc pad_;  ///< the convolution's own scratch
};

using Shared = std::shared_ptr<const LibraryConvolution>;

/// The convolutions made so far, those of problems that the library refused (null) among them.
class Cache {
 public:
  static Cache& instance() {
    static Cache cache;
    return cache;
  }

  /// Null if the library cannot do it.
  Shared get(const Problem& problem) {
    if (const auto found = find(problem)) {
      return *found;
    }
    Shared made;
    try {
      const SingleThread single;  // a primitive is made for a number of threads
      auto convolution = std::make_shared<const LibraryConvolution>(problem);
      if (convolution->scratch_size() <= kMaxScratch) {
        made = std::move(convolution);
      }
    } catch (const dnnl::error&) {
      // It stays null: the other ways can do everything.
    }
    const std::lock_guard lock(mutex_);
    entries_.emplace_front(problem, made);
    if (entries_.size() > kCacheSize) {
      entries_.pop_back();
    }
    return made;
  }

 private:
  std::optional<Shared> find(const Problem& problem) {
    const std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->first == problem) {
        entries_.splice(entries_.begin(), entries_, entry);
        return entry->second;
      }
    }
    return std::nullopt;
  }

  std::mutex mutex_;
  std::list<std::pair<Problem, Shared>> entries_;  ///< the last used first
};

/// Is the library's int8 convolution exact? It shifts the input to unsigned, which without VNNI
/// instructions saturates or drops a bit; and it converts the sums to float32 and back, which is
/// exact while they stay below 2^24.
bool is_exact(const ConvShape& shape) {
  constexpr std::int64_t kLargestSum = 1 << 24;
  constexpr std::int64_t kLargestProduct = 1 << 14;
  constexpr unsigned kVnni = dnnl_cpu_isa_avx512_core_vnni;  // a mask: later sets include it
  static const bool vnni = (static_cast<unsigned>(dnnl_get_effective_cpu_isa()) & kVnni) == kVnni;
  return vnni && shape.taps() <= kLargestSum / kLargestProduct;
}

/// Strides of a tensor whose axes nest in their order, with values made up for axes of one element,
/// whose own mean nothing.
std::optional<Strides> nested_strides(const Tensor& tensor) {
  Strides strides{};
  std::int64_t extent = 1;
  for (unsigned axis = 4; axis-- > 0;) {
    const std::int64_t size = tensor.dims.at(axis);
    strides.at(axis) = size == 1 ? extent : tensor.strides.at(axis);
    if (strides.at(axis) < extent) {
      return std::nullopt;
    }
    extent = strides.at(axis) * size;
  }
  return strides;
}

Strides contiguous_strides(const ConvShape& shape) {
  const std::int64_t image = shape.groups * shape.out_channels * shape.pixels();
  return {image, shape.pixels(), shape.x.out, 1};
}

/// A part of a convolution: some images, or some output channels with what belongs to them.
struct Part {
  std::int64_t image = 0;
  std::int64_t group = 0;
  std::int64_t channel = 0;  ///< first output channel, over all groups
  ConvShape shape;
};

std::vector<Part> divide(const ConvShape& shape, std::int64_t work) {
  constexpr std::int64_t kChannelStep = 16;
  const auto width = static_cast<std::int64_t>(Workers::instance().width());
  const std::int64_t parts = std::clamp<std::int64_t>(work / kWorkPerTask, 1, width);
  std::vector<Part> result;
  const auto add = [&](std::int64_t size, std::int64_t step, const auto& take) {
    const std::int64_t steps = size / step;
    for (std::int64_t i = 0; i < parts; ++i) {
      const std::int64_t begin = steps * i / parts * step;
      const std::int64_t end = i + 1 == parts ? size : steps * (i + 1) / parts * step;
      Part part{.shape = shape};
      take(part, begin, end - begin);
      result.push_back(part);
    }
  };
  if (parts > 1 && shape.images >= parts) {
    add(shape.images, 1, [](Part& part, std::int64_t begin, std::int64_t count) {
      part.image = begin;
      part.shape.images = count;
    });
  } else if (parts > 1 && shape.groups >= parts) {
    add(shape.groups, 1, [&](Part& part, std::int64_t begin, std::int64_t count) {
      part.group = begin;
      part.channel = begin * shape.out_channels;
      part.shape.groups = count;
    });
  } else if (parts > 1 && shape.groups == 1 && shape.out_channels >= parts * kChannelStep) {
    add(shape.out_channels, kChannelStep, [](Part& part, std::int64_t begin, std::int64_t count) {
      part.channel = begin;
      part.shape.out_channels = count;
    });
  } else {
    result.push_back({.shape = shape});
  }
  return result;
}

/// Sums of one part to results. The sums lie in the output itself, or, if the results are int8,
/// apart.
void finish(const Part& part, std::byte* sums, const Strides& strides, const Tensor& out,
            const Epilogue& epilogue) {
  const ConvShape& shape = part.shape;
  Finisher finisher(epilogue);
  if (finisher.is_identity()) {
    return;
  }
  const auto width = static_cast<std::size_t>(shape.x.out);
  for (std::int64_t image = 0; image < shape.images; ++image) {
    for (std::int64_t c = 0; c < shape.groups * shape.out_channels; ++c) {
      finisher.set_channel(part.channel + c, width);
      for (std::int64_t y = 0; y < shape.y.out; ++y) {
        std::byte* line =
            sums + (image * strides[0] + c * strides[1] + y * strides[2]) * 4;  // 4 bytes each
        if (out.type == DType::kF32) {
          finisher.apply(reinterpret_cast<float*>(line), width);
        } else if (out.type == DType::kI32) {
          finisher.apply(reinterpret_cast<std::int32_t*>(line), width);
        } else {
          auto* bytes = scratch<std::int8_t>(ScratchUse::kBytes, width);
          finisher.apply(reinterpret_cast<std::int32_t*>(line), bytes, width);
          copy_row(
              {reinterpret_cast<std::byte*>(bytes), DType::kI8, 1},
              {address_of(out, (part.image + image) * stride_of(out, 0) +
                                   (part.channel + c) * stride_of(out, 1) + y * stride_of(out, 2)),
               DType::kI8, stride_of(out, 3)},
              width);
        }
      }
    }
  }
}

/// Where this way is the fastest one. By measurement (bench_engine).
bool is_worthwhile(const ConvShape& shape, bool int8) {
  const std::int64_t pixels = shape.images * shape.pixels();
  const std::int64_t work = pixels * shape.groups * shape.out_channels * shape.taps();
  if (shape.groups == 1 && (shape.y.taps * shape.x.taps == 1 || shape.taps() < kFewTaps)) {
    return false;  // the product has nothing or little to pack
  }
  if (shape.out_channels == 1 && !int8) {
    return false;  // depthwise: adding rows keeps up without reordering
  }
  return work >= kLibraryWork && pixels >= (int8 ? kInt8Pixels : kFloatPixels);
}

}  // namespace

bool convolve_by_library(const ConvShape& shape, const Tensor& in, const Tensor& weight,
                         const Tensor& out, const Epilogue& epilogue) {
  const bool int8 = in.type == DType::kI8;
  if (!(int8 ? is_exact(shape) : in.type == DType::kF32) || !is_worthwhile(shape, int8)) {
    return false;
  }
  const auto in_strides = nested_strides(in);
  const auto weight_strides = nested_strides(weight);
  const bool apart = out.type == DType::kI8;
  const auto out_strides = apart ? contiguous_strides(shape) : nested_strides(out);
  if (!in_strides || !weight_strides || !out_strides ||
      (apart && static_cast<std::size_t>(shape.images * out_strides->front()) * 4 > kMaxScratch)) {
    return false;
  }
  const std::int64_t work = shape.images * shape.pixels() * shape.groups * shape.out_channels *
                            shape.taps() / (int8 ? 4 : 1);
  const std::vector<Part> parts = divide(shape, work);
  std::vector<Shared> convolutions;
  for (const Part& part : parts) {
    const Strides sums = apart ? contiguous_strides(part.shape) : *out_strides;
    convolutions.push_back(
        Cache::instance().get({part.shape, *in_strides, *weight_strides, sums, int8}));
    if (!convolutions.back()) {
      return false;
    }
  }
  Workers::instance().run(parts.size(), [&](std::size_t i) {
    const Part& part = parts[i];
    const Strides strides = apart ? contiguous_strides(part.shape) : *out_strides;
    std::byte* sums =
        apart ? scratch<std::byte>(ScratchUse::kSums,
                                   static_cast<std::size_t>(part.shape.images * strides[0]) * 4)
              : address_of(out, part.image * strides[0] + part.channel * strides[1]);
    convolutions[i]->run(address_of(in, part.image * shape.image_stride +
                                            part.group * shape.in_channels * shape.channel_stride),
                         address_of(weight, part.channel * stride_of(weight, 0)), sums);
    finish(part, sums, strides, out, epilogue);
  });
  return true;
}

}  // namespace halyard::engine
