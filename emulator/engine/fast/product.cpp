// SPDX-License-Identifier: MIT
#include "product.hpp"

#include <algorithm>
#include <array>

#include "../scalar.hpp"
#include "kernels.hpp"
#include "workers.hpp"

namespace halyard::engine {
namespace {

// Sizes of blocks where operands are packed or sums do not go into the output. By measurement with
// a second-level cache of 1 MiB.
constexpr std::int64_t kBlockRows = 256;
constexpr std::int64_t kBlockDepth = 8192;
constexpr std::int64_t kBlockBytes = 1 << 20;  // of the packed right operand
constexpr std::int64_t kColumnStep = 48;       // what the library's inner loop takes at a time
constexpr std::int64_t kMaxBlockColumns = 960;
// What a source of quantised blocks is asked for begins and ends with such.
static_assert(kBlockDepth % kMaxBlockElements == 0 && kRowChunk % kMaxBlockElements == 0);

/// Groups of small products per thread: a few, so that a late helper finds less left to do.
constexpr std::size_t kGroupsPerThread = 4;

template <typename T>
constexpr DType type_of() {
  if constexpr (std::is_same_v<T, float>) {
    return DType::kF32;
  } else if constexpr (std::is_same_v<T, std::int8_t>) {
    return DType::kI8;
  } else {
    return DType::kI32;
  }
}

std::int64_t columns_per_block(std::int64_t depth, std::int64_t element) {
  const std::int64_t fitting = kBlockBytes / (std::min(depth, kBlockDepth) * element);
  return std::clamp(fitting / kColumnStep * kColumnStep, kColumnStep, kMaxBlockColumns);
}

/// The kernels for a right operand of one type: its columns' products, or its rows added.
template <typename T>
struct FewRows {
  Kernels::Dots<T> dots;
  Kernels::AddRows<T> add_rows;

  /// sums[j] (+)= x * column j, `n` elements deep.
  void multiply(const float* x, const Row& row, const Row& column, float* sums, std::size_t columns,
                std::size_t n, bool accumulate) const {
    const auto* data = reinterpret_cast<const T*>(row.data);
    if (column.stride == 1) {
      auto* part = accumulate ? scratch<float>(ScratchUse::kPartialSums, columns) : sums;
      dots(x, data, row.stride, part, columns, n);
      if (accumulate) {
        kernels().binary_f32[static_cast<std::size_t>(Binary::kAdd)](sums, part, sums, columns);
      }
      return;
    }
    if (!accumulate) {
      std::fill_n(sums, columns, 0.0F);
    }
    add_rows(x, data, column.stride, sums, n, columns);
  }
};

/// Of elements that lie one by one along `row` or along `column`.
void multiply_elements(const float* x, const Row& row, const Row& column, float* sums,
                       std::size_t columns, std::size_t n, bool accumulate) {
  const Kernels& k = kernels();
  switch (row.type) {
    case DType::kF16:
      return FewRows<std::uint16_t>{k.dots_f16, k.add_rows_f16}.multiply(x, row, column, sums,
                                                                         columns, n, accumulate);
    case DType::kBF16:
      return FewRows<std::uint16_t>{k.dots_bf16, k.add_rows_bf16}.multiply(x, row, column, sums,
                                                                           columns, n, accumulate);
    default:
      return FewRows<float>{k.dots_f32, k.add_rows_f32}.multiply(x, row, column, sums, columns, n,
                                                                 accumulate);
  }
}

}  // namespace

template <typename T>
MatrixSource<T>::MatrixSource(std::byte* data, DType type, std::int64_t rows, std::int64_t columns,
                              std::int64_t row_stride, std::int64_t column_stride)
    // A stride along a single element means nothing: give it the value that makes the matrix plain.
    : data_(data),
      type_(type),
      row_stride_(rows > 1 ? row_stride : columns * (columns > 1 ? column_stride : 1)),
      column_stride_(columns > 1 ? column_stride : 1) {
  if (type != type_of<T>()) {
    return;
  }
  const auto* elements = reinterpret_cast<const T*>(data);
  if (column_stride_ == 1 && row_stride_ >= columns) {
    plain_ = {elements, row_stride_, false};
  } else if ((rows == 1 || row_stride_ == 1) && column_stride_ >= rows) {
    plain_ = {elements, column_stride_, true};
  }
}

template <typename T>
Panel<T> MatrixSource<T>::panel(std::int64_t row, std::int64_t rows, std::int64_t column,
                                std::int64_t columns, ScratchUse use) const {
  if (plain_.data != nullptr) {
    return plain_.at(row, column);
  }
  // Copy along the shorter stride.
  const bool transposed = std::abs(row_stride_) < std::abs(column_stride_);
  const std::int64_t lines = transposed ? columns : rows;
  const std::int64_t length = transposed ? rows : columns;
  auto* packed = scratch<T>(use, static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < lines; ++i) {
    const Row line = transposed ? Row{at(row, column + i), type_, row_stride_}
                                : Row{at(row + i, column), type_, column_stride_};
    load_row(line, packed + i * length, static_cast<std::size_t>(length));
  }
  return {packed, length, transposed};
}

template <typename T>
std::int64_t MatrixSource<T>::few_rows() const {
  const bool one_by_one = row_stride_ == 1 || column_stride_ == 1;
  return std::is_same_v<T, float> && one_by_one ? kFewRows : 0;
}

template <typename T>
void MatrixSource<T>::multiply_row(const float* x, std::int64_t row, std::int64_t depth,
                                   std::int64_t column, std::int64_t columns, float* sums,
                                   bool accumulate) const {
  multiply_elements(x, {at(row, column), type_, column_stride_},
                    {at(row, column), type_, row_stride_}, sums, static_cast<std::size_t>(columns),
                    static_cast<std::size_t>(depth), accumulate);
}

template <typename T>
Product<T>::Product(std::int64_t rows, std::int64_t columns, std::int64_t depth, const Source<T>& a,
                    const Source<T>& b, const Target& target)
    : rows_(rows), columns_(columns), depth_(depth), a_(a), b_(b), target_(target) {}

/// Can the output take the library's sums?
template <typename T>
bool Product<T>::is_direct() const {
  return target_.type == type_of<Sum>() && target_.width == columns_ &&
         (target_.column_stride == 1 || columns_ == 1) &&
         (target_.row_stride >= columns_ || rows_ == 1);
}

template <typename T>
std::int64_t Product<T>::stride_of_sums(Block columns) const {
  if (!is_direct()) {
    return columns.size;
  }
  return rows_ == 1 ? columns_ : target_.row_stride;
}

/// In the output, or in scratch.
template <typename T>
typename Product<T>::Sum* Product<T>::sums_of(Block rows, Block columns) const {
  if (is_direct()) {
    const std::int64_t first = rows.begin * stride_of_sums(columns) + columns.begin;
    return reinterpret_cast<Sum*>(target_.data) + first;
  }
  return scratch<Sum>(ScratchUse::kSums, static_cast<std::size_t>(rows.size * columns.size));
}

template <typename T>
void Product<T>::run(std::size_t index, std::size_t parts) const {
  const auto range = [&](std::int64_t size, std::int64_t step) {
    const std::int64_t steps = (size + step - 1) / step;
    const auto i = static_cast<std::int64_t>(index);
    const auto n = static_cast<std::int64_t>(parts);
    const std::int64_t begin = std::min(steps * i / n * step, size);
    return Block{begin, std::min(steps * (i + 1) / n * step, size) - begin};
  };
  if (columns_ >= rows_) {
    run_range({0, rows_}, range(columns_, kColumnStep));
  } else {
    run_range(range(rows_, kColumnStep), {0, columns_});
  }
}

template <typename T>
bool Product<T>::is_few_rows() const {
  return rows_ <= b_.few_rows() && a_.row(0, 0).data != nullptr;
}

template <typename T>
void Product<T>::run_few_rows(Block rows, Block columns) const {
  if constexpr (std::is_same_v<T, float>) {
    const std::int64_t stride = stride_of_sums(columns);
    float* sums = sums_of(rows, columns);
    // One row reads the right operand once, best in long runs. Of several the others find in the
    // cache what the first has read.
    const std::int64_t span = rows.size == 1 ? kBlockDepth : std::int64_t{kRowChunk};
    auto* left = scratch<float>(ScratchUse::kLeft, static_cast<std::size_t>(span));
    for (std::int64_t k = 0; k < depth_; k += span) {
      const std::int64_t depth = std::min(span, depth_ - k);
      for (std::int64_t i = 0; i < rows.size; ++i) {
        const float* x = view_f32(a_.row(rows.begin + i, k), left, static_cast<std::size_t>(depth));
        b_.multiply_row(x, k, depth, columns.begin, columns.size, sums + i * stride, k > 0);
      }
    }
    finish(rows, columns, sums, stride);
  }
}

template <typename T>
void Product<T>::run_range(Block rows, Block columns) const {
  if (is_few_rows()) {
    for (std::int64_t i = 0; i < columns.size; i += kMaxBlockColumns) {
      run_few_rows(rows, {columns.begin + i, std::min(kMaxBlockColumns, columns.size - i)});
    }
    return;
  }
  const bool blocked = a_.packs() || !is_direct();
  const std::int64_t height = blocked ? std::min(kBlockRows, rows.size) : rows.size;
  const std::int64_t width = b_.packs() || !is_direct()
                                 ? columns_per_block(b_.packs() ? depth_ : 1, sizeof(T))
                                 : columns.size;
  for (std::int64_t i = 0; i < columns.size; i += width) {
    run_columns(rows, {columns.begin + i, std::min(width, columns.size - i)}, height);
  }
}

template <typename T>
void Product<T>::run_columns(Block rows, Block columns, std::int64_t height_limit) const {
  const std::int64_t span = a_.packs() || b_.packs() ? std::min(kBlockDepth, depth_) : depth_;
  const std::int64_t stride = stride_of_sums(columns);
  Panel<T> right{};
  for (std::int64_t i = 0; i < rows.size; i += height_limit) {
    const Block part{rows.begin + i, std::min(height_limit, rows.size - i)};
    Sum* sums = sums_of(part, columns);
    for (std::int64_t k = 0; k < depth_; k += span) {
      const std::int64_t depth = std::min(span, depth_ - k);
      const Panel<T> left = a_.panel(part.begin, part.size, k, depth, ScratchUse::kLeft);
      if (i == 0 || span < depth_) {
        right = b_.panel(k, depth, columns.begin, columns.size, ScratchUse::kRight);
      }
      multiply(part.size, columns.size, depth, left, right, sums, stride, k > 0);
    }
    finish(part, columns, sums, stride);
  }
}

template <typename T>
void Product<T>::finish(Block rows, Block columns, Sum* sums, std::int64_t stride) const {
  Finisher finisher(*target_.epilogue);
  if (is_direct() && finisher.is_identity()) {
    return;
  }
  const auto n = static_cast<std::size_t>(columns.size);
  if (!target_.channels_are_rows) {
    finisher.set_channels(columns.begin, n);
  }
  for (std::int64_t i = 0; i < rows.size; ++i) {
    if (target_.channels_are_rows) {
      finisher.set_channel(target_.first_channel + rows.begin + i, n);
    }
    finish_row(finisher, rows.begin + i, columns, sums + i * stride);
  }
}

template <typename T>
template <typename Store>
void Product<T>::for_each_piece(std::int64_t row, Block columns, const Store& store) const {
  const auto element = static_cast<std::int64_t>(size_of(target_.type));
  std::int64_t done = 0;
  while (done < columns.size) {
    const std::int64_t column = columns.begin + done;
    const std::int64_t x = column % target_.width;
    const std::int64_t y = column / target_.width % target_.height;
    const std::int64_t image = column / target_.width / target_.height;
    const std::int64_t count = std::min(target_.width - x, columns.size - done);
    const std::int64_t offset = row * target_.row_stride + x * target_.column_stride +
                                y * target_.line_stride + image * target_.image_stride;
    store(done, Row{target_.data + offset * element, target_.type, target_.column_stride},
          static_cast<std::size_t>(count));
    done += count;
  }
}

template <typename T>
void Product<T>::finish_row(const Finisher& finisher, std::int64_t row, Block columns,
                            Sum* sums) const {
  const auto n = static_cast<std::size_t>(columns.size);
  if constexpr (std::is_same_v<T, std::int8_t>) {
    if (finisher.rescales()) {
      auto* bytes = scratch<std::int8_t>(ScratchUse::kBytes, n);
      finisher.apply(sums, bytes, n);
      for_each_piece(row, columns, [&](std::int64_t begin, const Row& out, std::size_t count) {
        copy_row({reinterpret_cast<std::byte*>(bytes + begin), DType::kI8, 1}, out, count);
      });
      return;
    }
  }
  finisher.apply(sums, n);
  if (!is_direct()) {
    for_each_piece(row, columns, [&](std::int64_t begin, const Row& out, std::size_t count) {
      store_row(sums + begin, out, count);
    });
  }
}

void run_divided(std::size_t items, std::int64_t work,
                 FunctionRef<void(std::size_t, std::size_t, std::size_t)> task) {
  Workers& workers = Workers::instance();
  const std::size_t width = workers.width();
  const std::size_t enough = width * kGroupsPerThread;
  const std::int64_t total = work * static_cast<std::int64_t>(items);
  if (width == 1 || total < 2 * kWorkPerTask) {
    for (std::size_t i = 0; i < items; ++i) {
      task(i, 0, 1);
    }
  } else if (items >= enough) {
    const auto worthwhile = static_cast<std::size_t>(total / kWorkPerTask);
    const std::size_t groups = std::min(enough, worthwhile);
    workers.run(groups, [&](std::size_t group) {
      for (std::size_t i = items * group / groups; i < items * (group + 1) / groups; ++i) {
        task(i, 0, 1);
      }
    });
  } else {
    const auto worthwhile = std::max<std::size_t>(static_cast<std::size_t>(work / kWorkPerTask), 1);
    const std::size_t parts = std::min({(enough + items - 1) / items, width, worthwhile});
    workers.run(items * parts, [&](std::size_t i) { task(i / parts, i % parts, parts); });
  }
}

template class MatrixSource<float>;
template class MatrixSource<std::int8_t>;
template class Product<float>;
template class Product<std::int8_t>;

}  // namespace halyard::engine
