// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The libraries called directly, as an application would that has no engine.

#include <cstdint>
#include <functional>
#include <memory>

namespace halyard::engine::bench {

/// c = a * b of square row-major matrices by OpenBLAS, or nothing where it is not installed. It
/// takes as many threads as the machine has processors.
using SgemmFunction = std::function<void(int size, const float* a, const float* b, float* c)>;
SgemmFunction load_openblas();

/// The same by oneDNN.
void dnnl_multiply(std::int64_t size, const float* a, const float* b, float* c);
void dnnl_multiply(std::int64_t size, const std::int8_t* a, const std::int8_t* b, std::int32_t* c);

/// A convolution with a square kernel on square images, the padding on all sides.
struct ConvShape {
  std::int64_t images, in_channels, size, out_channels, kernel, stride, pad, groups;

  [[nodiscard]] std::int64_t out_size() const { return (size + 2 * pad - kernel) / stride + 1; }
  [[nodiscard]] double operations() const;
};

/// One oneDNN convolution, of tensors NCHW and OIHW that it is given once: float32, or int8 with
/// int32 sums.
class DirectConvolution {
 public:
  enum class Layout : unsigned char {
    kPlain,    ///< computes on NCHW
    kChosen,   ///< reorders into the layouts that the library likes, computes, reorders back
    kPrepared  ///< only computes: as if all tensors already had those layouts
  };

  DirectConvolution(const ConvShape& shape, bool int8, Layout layout, void* in, void* weight,
                    void* out);
  ~DirectConvolution();
  DirectConvolution(const DirectConvolution&) = delete;
  DirectConvolution& operator=(const DirectConvolution&) = delete;

  void run();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace halyard::engine::bench
