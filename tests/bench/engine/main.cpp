// SPDX-License-Identifier: MIT
//
// usage: bench_engine [--json FILE] [--rounds N] [--only TEXT] [--wall]
//
// The engine against the libraries called directly, in one process, in turns: one thread each, by
// processor time, which other programs disturb little. With --wall both sides have all the
// processors that the process may use and the clock on the wall counts; that needs an idle machine.
// Convolutions: a rival starts from NCHW tensors and leaves one, like the engine, in the faster of
// the two ways that oneDNN has ("plain" and "reordered"); "(prepared)" is the primitive alone on
// tensors that already lie as it likes, and no rival.
#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "direct.hpp"
#include "engine/engine.hpp"
#include "measure.hpp"

namespace halyard::engine::bench {
namespace {

constexpr double kFloatAim = 0.9;
constexpr double kInt8Aim = 0.7;

struct Options {
  std::string json;
  std::string only;
  int rounds = 9;
  Clock clock = Clock::kProcessor;
};

template <typename T>
constexpr DType kTypeOf = std::is_same_v<T, float>         ? DType::kF32
                          : std::is_same_v<T, std::int8_t> ? DType::kI8
                                                           : DType::kI32;

/// Deterministic small numbers.
template <typename T>
std::vector<T> numbers(std::size_t count) {
  std::vector<T> values(count);
  std::uint32_t state = 1;
  for (T& value : values) {
    state = state * 1664525U + 1013904223U;
    value = static_cast<T>(static_cast<std::int32_t>(state >> 24U) - 128);
  }
  return values;
}

template <typename T>
Tensor tensor(std::vector<T>& values, const std::vector<std::int64_t>& dims) {
  Tensor view{.data = reinterpret_cast<std::byte*>(values.data()),
              .type = kTypeOf<T>,
              .rank = static_cast<unsigned>(dims.size())};
  std::int64_t stride = 1;
  for (std::size_t i = dims.size(); i-- > 0;) {
    view.dims.at(i) = static_cast<std::uint32_t>(dims[i]);
    view.strides.at(i) = static_cast<std::int32_t>(stride);
    stride *= dims[i];
  }
  return view;
}

void require(const std::string& reason) {
  if (!reason.empty()) {
    std::fprintf(stderr, "bench_engine: %s\n", reason.c_str());
    std::exit(1);
  }
}

class Bench {
 public:
  explicit Bench(Options options) : options_(std::move(options)) {}

  void run() {
    const SgemmFunction openblas = load_openblas();
    for (const int size : {64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048}) {
      matmul_f32(size, openblas);
    }
    for (const int size : {64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048}) {
      matmul_int8(size);
    }
    // images, channels, size, channels, kernel, stride, pad, groups
    const std::vector<ConvShape> shapes = {
        {1, 3, 224, 64, 7, 2, 3, 1},   {1, 64, 56, 64, 3, 1, 1, 1},   {1, 64, 56, 256, 1, 1, 0, 1},
        {1, 128, 56, 128, 3, 2, 1, 1}, {1, 128, 28, 128, 3, 1, 1, 1}, {1, 256, 14, 256, 3, 1, 1, 1},
        {1, 512, 7, 512, 3, 1, 1, 1},  {1, 2048, 7, 512, 1, 1, 0, 1}, {8, 64, 56, 64, 3, 1, 1, 1},
        {8, 256, 14, 256, 3, 1, 1, 1}, {1, 64, 112, 64, 3, 1, 1, 64}, {1, 64, 112, 64, 3, 2, 1, 64},
        {1, 64, 28, 64, 3, 1, 1, 4},   {64, 1, 8, 16, 3, 1, 1, 1},    {64, 16, 8, 32, 3, 1, 1, 1}};
    for (const ConvShape& shape : shapes) {
      convolution<float, float>("f32 conv", shape, kFloatAim);
    }
    for (const ConvShape& shape : shapes) {
      convolution<std::int8_t, std::int32_t>("int8 conv", shape, kInt8Aim);
    }
    print_summary(rows_);
    if (!options_.json.empty() && !write_json(rows_, options_.json)) {
      require("cannot write " + options_.json);
    }
  }

 private:
  void compare(const std::string& group, const std::string& shape, double operations, double aim,
               const std::vector<Contender>& contenders) {
    if ((group + ' ' + shape).find(options_.only) == std::string::npos) {
      return;
    }
    Row row{.group = group,
            .shape = shape,
            .operations = operations,
            .aim = aim,
            .timings = measure(contenders, options_.rounds, options_.clock)};
    print(row, rows_.empty() ? nullptr : &rows_.back());
    rows_.push_back(std::move(row));
  }

  void matmul_f32(int size, const SgemmFunction& openblas) {
    const auto count = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
    auto a = numbers<float>(count);
    auto b = numbers<float>(count);
    std::vector<float> c(count);
    std::vector<float> d(count);
    const Tensor left = tensor(a, {size, size});
    const Tensor right = tensor(b, {size, size});
    const Tensor out = tensor(c, {size, size});
    compare("f32 matmul", std::to_string(size), 2.0 * size * static_cast<double>(count), kFloatAim,
            {{"engine", [&] { require(fast().matmul(left, right, out, {})); }},
             {"oneDNN", [&] { dnnl_multiply(size, a.data(), b.data(), d.data()); }},
             {"OpenBLAS", openblas ? std::function<void()>(
                                         [&] { openblas(size, a.data(), b.data(), d.data()); })
                                   : nullptr}});
  }

  void matmul_int8(int size) {
    const auto count = static_cast<std::size_t>(size) * static_cast<std::size_t>(size);
    auto a = numbers<std::int8_t>(count);
    auto b = numbers<std::int8_t>(count);
    std::vector<std::int32_t> c(count);
    std::vector<std::int32_t> d(count);
    const Tensor left = tensor(a, {size, size});
    const Tensor right = tensor(b, {size, size});
    const Tensor out = tensor(c, {size, size});
    compare("int8 matmul", std::to_string(size), 2.0 * size * static_cast<double>(count), kInt8Aim,
            {{"engine", [&] { require(fast().matmul(left, right, out, {})); }},
             {"oneDNN", [&] { dnnl_multiply(size, a.data(), b.data(), d.data()); }}});
  }

  template <typename T, typename Sum>
  void convolution(const std::string& group, const ConvShape& shape, double aim) {
    const std::string name = std::to_string(shape.images) + "x" +
                             std::to_string(shape.in_channels) + "x" + std::to_string(shape.size) +
                             "^2 -> " + std::to_string(shape.out_channels) + " k" +
                             std::to_string(shape.kernel) + " s" + std::to_string(shape.stride) +
                             " g" + std::to_string(shape.groups);
    if ((group + ' ' + name).find(options_.only) == std::string::npos) {
      return;  // the rivals alone take a while to build
    }
    const std::int64_t pixels = shape.size * shape.size;
    const std::int64_t out_pixels = shape.out_size() * shape.out_size();
    const std::vector<std::int64_t> weight_dims = {
        shape.out_channels, shape.in_channels / shape.groups, shape.kernel, shape.kernel};
    const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    auto in = numbers<T>(size(shape.images * shape.in_channels * pixels));
    auto weight =
        numbers<T>(size(shape.out_channels * weight_dims[1] * shape.kernel * shape.kernel));
    std::vector<Sum> out(size(shape.images * shape.out_channels * out_pixels));
    std::vector<Sum> other(out.size());
    const Tensor input = tensor(in, {shape.images, shape.in_channels, shape.size, shape.size});
    const Tensor kernel = tensor(weight, weight_dims);
    const Tensor result =
        tensor(out, {shape.images, shape.out_channels, shape.out_size(), shape.out_size()});
    const auto length = [](std::int64_t n) { return static_cast<std::uint32_t>(n); };
    const Conv2dParams params{.stride_h = length(shape.stride),
                              .stride_w = length(shape.stride),
                              .pad_top = length(shape.pad),
                              .pad_left = length(shape.pad),
                              .pad_bottom = length(shape.pad),
                              .pad_right = length(shape.pad),
                              .groups = length(shape.groups)};
    constexpr bool kInt8 = std::is_same_v<T, std::int8_t>;
    const auto rival = [&](DirectConvolution::Layout layout) {
      const auto direct = std::make_shared<DirectConvolution>(shape, kInt8, layout, in.data(),
                                                              weight.data(), other.data());
      return std::function<void()>([direct] { direct->run(); });
    };
    // oneDNN has no vector code for int8 in plain NCHW.
    compare(group, name, shape.operations(), aim,
            {{"engine", [&] { require(fast().conv2d(input, kernel, result, params, {})); }},
             {"oneDNN plain", kInt8 ? nullptr : rival(DirectConvolution::Layout::kPlain)},
             {"oneDNN reordered", rival(DirectConvolution::Layout::kChosen)},
             {"(prepared)", rival(DirectConvolution::Layout::kPrepared)}});
    check_results(out, other, group + ' ' + name);
  }

  /// The last rival that wrote `other` started from the same numbers.
  template <typename Sum>
  static void check_results(const std::vector<Sum>& out, const std::vector<Sum>& other,
                            const std::string& name) {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const double scale = 1.0 + std::abs(static_cast<double>(other[i]));
      if (std::abs(static_cast<double>(out[i]) - static_cast<double>(other[i])) > 1e-3 * scale) {
        require("the engine and oneDNN disagree on " + name);
      }
    }
  }

  Options options_;
  std::vector<Row> rows_;
};

/// Leaves the process one processor. OpenMP counts them before main() runs, hence the second start.
void stay_on_one_processor(char** arguments) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) == 1) {
    return;
  }
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(std::max(sched_getcpu(), 0)), &set);
  if (sched_setaffinity(0, sizeof set, &set) == 0) {
    execv("/proc/self/exe", arguments);
  }
  require("cannot stay on one processor");
}

Options parse(int count, char** arguments) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string name = arguments[i];
    if (i + 1 < count && name == "--json") {
      options.json = arguments[++i];
    } else if (i + 1 < count && name == "--only") {
      options.only = arguments[++i];
    } else if (i + 1 < count && name == "--rounds") {
      options.rounds = std::max(1, std::atoi(arguments[++i]));
    } else if (name == "--wall") {
      options.clock = Clock::kWall;
    } else {
      std::fprintf(stderr,
                   "usage: bench_engine [--json FILE] [--rounds N] [--only TEXT] [--wall]\n");
      std::exit(2);
    }
  }
  return options;
}

}  // namespace
}  // namespace halyard::engine::bench

int main(int argc, char** argv) {
  using namespace halyard::engine::bench;
  const Options options = parse(argc, argv);
  if (options.clock == Clock::kProcessor) {
    stay_on_one_processor(argv);
  }
  Bench(options).run();
  return 0;
}
