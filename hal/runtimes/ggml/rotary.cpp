// SPDX-License-Identifier: MIT
// Rotary position embeddings: an angle is a position times a frequency, a rotation one command.

#include <cmath>

#include "operations.hpp"
#include "params.hpp"

namespace halyard::ggml {
namespace {

constexpr std::size_t kSections = GGML_MROPE_SECTIONS;

/// What a node says, and where in a row the elements of its pairs are.
struct Rotary {
  explicit Rotary(const ggml_tensor* node);

  [[nodiscard]] bool several_positions() const { return (mode & GGML_ROPE_TYPE_MROPE) != 0; }
  [[nodiscard]] bool is_vision() const { return mode == GGML_ROPE_TYPE_VISION; }
  [[nodiscard]] std::uint32_t sections() const { return several_positions() ? kSections : 1; }

  std::int32_t mode;
  std::uint32_t dims;   ///< that give the frequencies
  std::uint32_t first;  ///< element that is rotated
  std::uint32_t pairs;
  std::uint32_t step, apart;  ///< elements between pairs, and between the two of one
  float base, scale, blend, magnitude;
  float low = 0, high = 0;  ///< pairs between which the blend goes from all to nothing
  std::array<std::int32_t, kSections> lengths{};  ///< of sections, in pairs
};

Rotary::Rotary(const ggml_tensor* node)
    : mode(param<std::int32_t>(node, 2)),
      dims(static_cast<std::uint32_t>(param<std::int32_t>(node, 1))),
      first(static_cast<std::uint32_t>(param<std::int32_t>(node, 15))),
      base(param<float>(node, 5)),
      scale(param<float>(node, 6)),
      blend(param<float>(node, 7)),
      magnitude(param<float>(node, 8)) {
  const auto row = static_cast<std::uint64_t>(node->ne[0]);
  if (dims == 0 || dims % 2 != 0) throw Unsupported("an odd number of dimensions");
  pairs = is_vision() ? dims : dims / 2;
  step = mode == GGML_ROPE_TYPE_NORMAL ? 2 : 1;
  apart = mode == GGML_ROPE_TYPE_NORMAL ? 1 : pairs;
  if (std::uint64_t{first} + 2 * std::uint64_t{pairs} > row)
    throw Unsupported("more dimensions than a row has");
  for (std::size_t i = 0; i < kSections; ++i)
    lengths.at(i) = param<std::int32_t>(node, 11 + i);
  if (blend != 0) {
    float ends[2];
    ggml_rope_yarn_corr_dims(static_cast<int>(dims), param<std::int32_t>(node, 4), base,
                             param<float>(node, 9), param<float>(node, 10), ends);
    low = ends[0], high = ends[1];
    magnitude *= 1 + 0.1F * std::log(1 / scale);
  }
}

/// Which of the four positions pair `k` takes.
std::size_t section_of(const Rotary& rotary, std::int32_t k) {
  const auto& [t, h, w, e] = rotary.lengths;
  const auto all = t + h + w + e;
  if (all <= 0) throw Unsupported("no sections");
  const auto at = k % all;
  if (rotary.mode == GGML_ROPE_TYPE_IMROPE) {
    const auto which = static_cast<std::size_t>(at % 3);
    return at < 3 * rotary.lengths.at(which) ? which : 3;
  }
  if (at < t) return 0;
  if (at < t + h) return 1;
  return at < t + h + w ? 2 : 3;
}

/// The powers of one factor, as ggml multiplies them up; each section's begin anew where it does,
/// in images.
class Powers {
 public:
  explicit Powers(const Rotary& rotary)
      : rotary_(rotary), factor_(std::pow(rotary.base, -2 / static_cast<float>(rotary.dims))) {}

  float next(std::int32_t k, std::size_t section) {
    if (rotary_.is_vision()) begin(k);
    const float power = powers_.at(section);
    for (auto& one : powers_)
      one *= factor_;
    return power;
  }

 private:
  void begin(std::int32_t k) {
    const auto& lengths = rotary_.lengths;
    const auto at = k % (lengths[0] + lengths[1] + lengths[2] + lengths[3]);
    std::int32_t start = 0;
    for (std::size_t i = 0; i < kSections; start += lengths.at(i), ++i) {
      if (at != start) continue;
      powers_.at(i) = 1;
      return;
    }
  }

  const Rotary& rotary_;
  float factor_;
  std::array<float, kSections> powers_{1, 1, 1, 1};
};

/// What is left of the frequency of pair `k` when positions are scaled (YaRN).
float scale_of(const Rotary& rotary, std::uint32_t k) {
  if (rotary.blend == 0) return rotary.scale;
  const float along =
      (static_cast<float>(k) - rotary.low) / std::max(0.001F, rotary.high - rotary.low);
  const float mix = (1 - std::clamp(along, 0.0F, 1.0F)) * rotary.blend;
  return rotary.scale * (1 - mix) + mix;
}

/// [section, pair]; 0 where a pair takes another section's position.
std::vector<float> frequencies(const Rotary& rotary, bool backward) {
  std::vector<float> values(std::size_t{rotary.sections()} * rotary.pairs);
  Powers powers(rotary);
  for (std::uint32_t k = 0; k < rotary.pairs; ++k) {
    const auto i = static_cast<std::int32_t>(k);
    const auto section = rotary.several_positions() ? section_of(rotary, i) : 0;
    const float frequency = powers.next(i, section) * scale_of(rotary, k);
    values.at(section * rotary.pairs + k) = backward ? -frequency : frequency;
  }
  return values;
}

/// [token, pair]
Strided angles(const ggml_tensor* node, const Rotary& rotary, Commands& commands) {
  const auto sections = rotary.sections();
  const auto tokens = static_cast<std::uint32_t>(node->ne[2]);
  const auto positions = commands.scratch({sections, tokens}, HALYARD_F32);
  const auto given = commands.tensor(node->src[1]);
  if (given.elements() != positions.elements()) throw Unsupported("such positions");
  commands.copy(given.reshaped({sections, tokens}), positions);
  auto rates = commands.constant(frequencies(rotary, node->op == GGML_OP_ROPE_BACK),
                                 {sections, rotary.pairs});
  if (node->src[2] != nullptr) {
    const auto factors = commands.tensor(node->src[2]).at(0, 0).at(0, 0);
    if (factors.dims[1] < rotary.pairs) throw Unsupported("so few frequency factors");
    const auto divided = commands.scratch(rates.dims, HALYARD_F32);
    binary(HALYARD_OP_DIV, rates, factors.slice(1, 0, rotary.pairs), divided, commands);
    rates = divided;
  }
  auto result = commands.scratch({tokens, rotary.pairs}, HALYARD_F32);
  // Of the sum over the sections one term is not zero.
  if (sections > 1) {
    commands.add(HALYARD_OP_MATMUL, {positions.swapped(0, 1), rates, result});
  } else {
    binary(HALYARD_OP_MUL, positions.swapped(0, 1), rates, result, commands);
  }
  return result;
}

/// The last dimension as one of pairs and one of the two in each.
Strided in_pairs(const Strided& row, const Rotary& rotary) {
  auto pairs = row.slice(3, rotary.first, rotary.pairs);
  const auto element = row.strides[3];
  pairs.strides[3] = element * rotary.step;
  pairs.dims.push_back(2);
  pairs.strides.push_back(element * rotary.apart);
  return pairs;
}

}  // namespace

void append_rope(const ggml_tensor* node, Commands& commands) {
  const Rotary rotary(node);
  const auto in = commands.tensor(node->src[0]), out = commands.tensor(node);
  auto angle = angles(node, rotary, commands);
  angle.dims = {1, angle.dims[0], 1, angle.dims[1], 1};
  angle.strides = {0, angle.strides[0], 0, angle.strides[1], 0};
  commands.add(HALYARD_OP_ROTATE, {in_pairs(in, rotary), angle, in_pairs(out, rotary)},
               halyard_rotate_params{0, rotary.magnitude});
  if (in.binding == out.binding && in.offset == out.offset) return;
  const auto behind = rotary.first + 2 * rotary.pairs, row = out.dims[3];
  if (rotary.first > 0) commands.copy(in.slice(3, 0, rotary.first), out.slice(3, 0, rotary.first));
  if (behind < row) {
    commands.copy(in.slice(3, behind, row - behind), out.slice(3, behind, row - behind));
  }
}

}  // namespace halyard::ggml
