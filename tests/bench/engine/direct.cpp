// SPDX-License-Identifier: MIT
#include "direct.hpp"

#include <dlfcn.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

namespace halyard::engine::bench {
namespace {

using dnnl::algorithm;
using dnnl::convolution_forward;
using dnnl::memory;
using dnnl::prop_kind;
using dnnl::reorder;

/// cblas_sgemm(order, transpose a, transpose b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)
using CblasSgemm = void (*)(int, int, int, int, int, int, float, const float*, int, const float*,
                            int, float, float*, int);

convolution_forward::primitive_desc describe(const dnnl::engine& engine, const memory::desc& in,
                                             const memory::desc& weight, const memory::desc& out,
                                             const ConvShape& shape) {
  const memory::dims strides = {shape.stride, shape.stride};
  const memory::dims pads = {shape.pad, shape.pad};
#if DNNL_VERSION_MAJOR >= 3
  return {engine,
          prop_kind::forward_inference,
          algorithm::convolution_direct,
          in,
          weight,
          out,
          strides,
          pads,
          pads};
#else
  const convolution_forward::desc description(prop_kind::forward_inference,
                                              algorithm::convolution_direct, in, weight, out,
                                              strides, pads, pads);
  return {description, engine};
#endif
}

}  // namespace

SgemmFunction load_openblas() {
  void* library = dlopen("libopenblas.so.0", RTLD_NOW);
  if (library == nullptr) {
    return {};
  }
  const auto sgemm = reinterpret_cast<CblasSgemm>(dlsym(library, "cblas_sgemm"));
  if (sgemm == nullptr) {
    return {};
  }
  return [sgemm](int size, const float* a, const float* b, float* c) {
    constexpr int kRowMajor = 101;
    constexpr int kNoTranspose = 111;
    sgemm(kRowMajor, kNoTranspose, kNoTranspose, size, size, size, 1.0F, a, size, b, size, 0.0F, c,
          size);
  };
}

void dnnl_multiply(std::int64_t size, const float* a, const float* b, float* c) {
  dnnl_sgemm('N', 'N', size, size, size, 1.0F, a, size, b, size, 0.0F, c, size);
}

void dnnl_multiply(std::int64_t size, const std::int8_t* a, const std::int8_t* b, std::int32_t* c) {
  const std::int32_t offset = 0;
  dnnl_gemm_s8s8s32('N', 'N', 'F', size, size, size, 1.0F, a, size, 0, b, size, 0, 0.0F, c, size,
                    &offset);
}

double ConvShape::operations() const {
  const std::int64_t taps = in_channels / groups * kernel * kernel;
  return 2.0 * static_cast<double>(images * out_channels * out_size() * out_size() * taps);
}

struct DirectConvolution::State {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  Layout layout;
  memory in, weight, out;                       ///< the caller's
  memory chosen_in, chosen_weight, chosen_out;  ///< the primitive's; the same where they agree
  convolution_forward primitive;
  reorder reorder_in, reorder_weight, reorder_out;
};

DirectConvolution::DirectConvolution(const ConvShape& shape, bool int8, Layout layout, void* in,
                                     void* weight, void* out)
    : state_(std::make_unique<State>()) {
  using Tag = memory::format_tag;
  State& s = *state_;
  s.layout = layout;
  const auto type = int8 ? memory::data_type::s8 : memory::data_type::f32;
  const auto sum_type = int8 ? memory::data_type::s32 : memory::data_type::f32;
  const bool grouped = shape.groups > 1;
  const memory::dims in_dims = {shape.images, shape.in_channels, shape.size, shape.size};
  const memory::dims out_dims = {shape.images, shape.out_channels, shape.out_size(),
                                 shape.out_size()};
  memory::dims weight_dims = {shape.out_channels / shape.groups, shape.in_channels / shape.groups,
                              shape.kernel, shape.kernel};
  if (grouped) {
    weight_dims.insert(weight_dims.begin(), shape.groups);
  }
  const Tag weight_tag = grouped ? Tag::goihw : Tag::oihw;
  const auto tag = [layout](Tag plain) { return layout == Layout::kPlain ? plain : Tag::any; };
  const auto description =
      describe(s.engine, {in_dims, type, tag(Tag::nchw)}, {weight_dims, type, tag(weight_tag)},
               {out_dims, sum_type, tag(Tag::nchw)}, shape);
  s.in = memory({in_dims, type, Tag::nchw}, s.engine, in);
  s.weight = memory({weight_dims, type, weight_tag}, s.engine, weight);
  s.out = memory({out_dims, sum_type, Tag::nchw}, s.engine, out);
  const auto choose = [&s](const memory& plain, const memory::desc& wanted) {
    return wanted == plain.get_desc() ? plain : memory(wanted, s.engine);
  };
  s.chosen_in = choose(s.in, description.src_desc());
  s.chosen_weight = choose(s.weight, description.weights_desc());
  s.chosen_out = choose(s.out, description.dst_desc());
  s.primitive = convolution_forward(description);
  s.reorder_in = reorder(s.in, s.chosen_in);
  s.reorder_weight = reorder(s.weight, s.chosen_weight);
  s.reorder_out = reorder(s.chosen_out, s.out);
  s.reorder_in.execute(s.stream, s.in, s.chosen_in);
  s.reorder_weight.execute(s.stream, s.weight, s.chosen_weight);
  s.stream.wait();
}

DirectConvolution::~DirectConvolution() = default;

void DirectConvolution::run() {
  State& s = *state_;
  const bool moves = s.layout == Layout::kChosen;
  const auto move = [&](reorder& mover, memory& from, memory& to) {
    if (moves && from.get() != to.get()) {
      mover.execute(s.stream, from, to);
    }
  };
  move(s.reorder_in, s.in, s.chosen_in);
  move(s.reorder_weight, s.weight, s.chosen_weight);
  s.primitive.execute(s.stream, {{DNNL_ARG_SRC, s.chosen_in},
                                 {DNNL_ARG_WEIGHTS, s.chosen_weight},
                                 {DNNL_ARG_DST, s.chosen_out}});
  move(s.reorder_out, s.chosen_out, s.out);
  s.stream.wait();
}

}  // namespace halyard::engine::bench
