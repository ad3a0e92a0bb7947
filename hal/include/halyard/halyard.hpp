// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// C++20 over halyard.h: RAII, spans, exceptions. Header-only, so that no C++ ABI crosses the
/// library.
///
/// Handles are cheap to copy and share the object. A moved-from or default-made handle is empty;
/// using it is a mistake of the caller's. Functions throw halyard::Error. Thread rules are those of
/// halyard.h.

#include <halyard/halyard.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace halyard {

inline constexpr halyard_dtype f32 = HALYARD_F32;
inline constexpr halyard_dtype f16 = HALYARD_F16;
inline constexpr halyard_dtype bf16 = HALYARD_BF16;
inline constexpr halyard_dtype i8 = HALYARD_I8;
inline constexpr halyard_dtype u8 = HALYARD_U8;
inline constexpr halyard_dtype i32 = HALYARD_I32;

/// A failure, with everything the library knows of it.
class Error : public std::runtime_error {
 public:
  explicit Error(const halyard_error& error) : std::runtime_error(error.message), error_(error) {}

  [[nodiscard]] halyard_status code() const { return error_.status; }
  [[nodiscard]] std::string_view device() const { return error_.device; }
  [[nodiscard]] std::uint32_t queue() const { return error_.queue; }
  /// Index of the failed command in its program, HALYARD_NO_COMMAND when none is concerned.
  [[nodiscard]] std::uint32_t command() const { return error_.command; }
  /// Name of the graph's node that the command came from.
  [[nodiscard]] std::string_view command_name() const { return error_.command_name; }
  [[nodiscard]] std::uint64_t fault_address() const { return error_.fault_address; }
  [[nodiscard]] bool fault_write() const { return error_.fault_write != 0; }
  [[nodiscard]] int system_error() const { return error_.system_error; }

 private:
  halyard_error error_;
};

namespace detail {

template <class T>
T sized() {
  T value{};
  value.size = sizeof(T);
  return value;
}

inline void check(halyard_status status) {
  if (status == HALYARD_OK) return;
  auto error = sized<halyard_error>();
  halyard_last_error(&error);
  error.status = status;
  throw Error(error);
}

/// Calls an enumerating function until the room suffices.
template <class T, class Call>
std::vector<T> list(Call call) {
  std::size_t count = 0;
  check(call(nullptr, &count));
  std::vector<T> items;
  for (;;) {
    items.assign(count, sized<T>());
    std::size_t room = count;
    check(call(items.data(), &room));
    if (room <= count) {
      items.resize(room);
      return items;
    }
    count = room;
  }
}

template <class T>
struct Traits;

template <auto Retain, auto Release>
struct Counted {
  template <class T>
  static void retain(T* object) {
    Retain(object);
  }
  template <class T>
  static void release(T* object) {
    Release(object);
  }
};

template <>
struct Traits<halyard_device> : Counted<halyard_device_retain, halyard_device_release> {};
template <>
struct Traits<halyard_buffer> : Counted<halyard_buffer_retain, halyard_buffer_release> {};
template <>
struct Traits<halyard_timeline> : Counted<halyard_timeline_retain, halyard_timeline_release> {};
template <>
struct Traits<halyard_graph> : Counted<halyard_graph_retain, halyard_graph_release> {};
template <>
struct Traits<halyard_command_list>
    : Counted<halyard_command_list_retain, halyard_command_list_release> {};
template <>
struct Traits<halyard_program> : Counted<halyard_program_retain, halyard_program_release> {};
template <>
struct Traits<halyard_queue> : Counted<halyard_queue_retain, halyard_queue_release> {};

/// Shared ownership of a C object.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* adopted) : object_(adopted) {}
  Ref(const Ref& other) : object_(other.object_) {
    if (object_ != nullptr) Traits<T>::retain(object_);
  }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_ != nullptr) Traits<T>::release(object_);
  }
  [[nodiscard]] T* get() const { return object_; }

 private:
  T* object_ = nullptr;
};

/// What all handles have in common.
template <class T>
class Handle {
 public:
  Handle() = default;
  explicit Handle(T* adopted) : ref_(adopted) {}
  /// The C object; stays this handle's.
  [[nodiscard]] T* get() const { return ref_.get(); }
  explicit operator bool() const { return ref_.get() != nullptr; }

 private:
  Ref<T> ref_;
};

inline std::int64_t deadline(std::chrono::nanoseconds timeout) {
  if (timeout == std::chrono::nanoseconds::max()) return HALYARD_FOREVER;
  if (timeout <= std::chrono::nanoseconds::zero()) return 0;
  // libstdc++'s and libc++'s steady_clock is CLOCK_MONOTONIC on Linux.
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  if (timeout > std::chrono::nanoseconds::max() - now) return HALYARD_FOREVER;
  return std::chrono::nanoseconds(now + timeout).count();
}

}  // namespace detail

/// Waits without end.
inline constexpr std::chrono::nanoseconds forever = std::chrono::nanoseconds::max();

/// All devices, also those that cannot be used; halyard_enumerate().
inline std::vector<halyard_device_info> enumerate() {
  return detail::list<halyard_device_info>([](halyard_device_info* infos, std::size_t* count) {
    return halyard_enumerate(infos, count);
  });
}

/// Watches devices come and go. One thread at a time.
class Monitor {
 public:
  Monitor() {
    halyard_monitor* monitor = nullptr;
    detail::check(halyard_monitor_create(&monitor));
    monitor_.reset(monitor);
  }

  /// For poll(): readable when next() has an event. The monitor keeps it.
  [[nodiscard]] int fd() const { return halyard_monitor_fd(monitor_.get()); }

  /// Nothing when none came in time.
  std::optional<halyard_monitor_event> next(std::chrono::nanoseconds timeout = forever) {
    auto event = detail::sized<halyard_monitor_event>();
    const auto status = halyard_monitor_next(monitor_.get(), detail::deadline(timeout), &event);
    if (status == HALYARD_TIMEOUT) return std::nullopt;
    detail::check(status);
    return event;
  }

 private:
  struct Release {
    void operator()(halyard_monitor* monitor) const { halyard_monitor_release(monitor); }
  };
  std::unique_ptr<halyard_monitor, Release> monitor_;
};

class Timeline;

/// A point on a timeline, which it keeps alive.
class Point {
 public:
  Point() = default;
  Point(detail::Ref<halyard_timeline> timeline, std::uint64_t value)
      : timeline_(std::move(timeline)), value_(value) {}

  [[nodiscard]] std::uint64_t value() const { return value_; }
  [[nodiscard]] halyard_point raw() const { return {timeline_.get(), value_}; }

  /// Throws Error: HALYARD_TIMEOUT, or why the point failed.
  void wait(std::chrono::nanoseconds timeout = forever) const {
    const auto point = raw();
    detail::check(halyard_wait(&point, 1, detail::deadline(timeout)));
  }

  /// Adds 1 to `eventfd` when the point is reached or fails.
  void notify(int eventfd) const {
    detail::check(halyard_timeline_notify(timeline_.get(), value_, eventfd));
  }

 private:
  detail::Ref<halyard_timeline> timeline_;
  std::uint64_t value_ = 0;
};

inline std::vector<halyard_point> raw_points(std::span<const Point> points) {
  std::vector<halyard_point> raw;
  raw.reserve(points.size());
  for (const auto& point : points)
    raw.push_back(point.raw());
  return raw;
}

/// Waits for all of them.
inline void wait_all(std::span<const Point> points, std::chrono::nanoseconds timeout = forever) {
  const auto raw = raw_points(points);
  detail::check(halyard_wait(raw.data(), raw.size(), detail::deadline(timeout)));
}

/// Waits for any; tells which.
inline std::size_t wait_any(std::span<const Point> points,
                            std::chrono::nanoseconds timeout = forever) {
  const auto raw = raw_points(points);
  std::size_t index = 0;
  detail::check(halyard_wait_any(raw.data(), raw.size(), detail::deadline(timeout), &index));
  return index;
}

/// A counter that jobs and the host advance.
class Timeline : public detail::Handle<halyard_timeline> {
 public:
  using Handle::Handle;

  [[nodiscard]] Point at(std::uint64_t value) const {
    halyard_timeline_retain(get());
    return {detail::Ref<halyard_timeline>(get()), value};
  }
  void signal(std::uint64_t value) { detail::check(halyard_timeline_signal(get(), value)); }
  [[nodiscard]] std::uint64_t query() const {
    std::uint64_t value = 0;
    detail::check(halyard_timeline_query(get(), &value));
    return value;
  }
  /// A descriptor for another process or device; the caller closes it.
  [[nodiscard]] int export_fd() const {
    int fd = -1;
    detail::check(halyard_timeline_export(get(), &fd));
    return fd;
  }
};

/// Memory that host and device share.
class Buffer : public detail::Handle<halyard_buffer> {
 public:
  using Handle::Handle;

  [[nodiscard]] std::uint64_t size() const { return halyard_buffer_size(get()); }

  /// The host's view as elements of T; as many as fit.
  template <class T = std::byte>
  requires std::is_trivially_copyable_v<T>
  [[nodiscard]] std::span<T> map() const {
    void* memory = halyard_buffer_map(get());
    if (memory == nullptr) {
      auto error = detail::sized<halyard_error>();
      detail::check(halyard_last_error(&error));
    }
    return {static_cast<T*>(memory), static_cast<std::size_t>(size()) / sizeof(T)};
  }

  /// A dma-buf descriptor, which the caller closes.
  [[nodiscard]] int export_dmabuf() const {
    int fd = -1;
    detail::check(halyard_buffer_export(get(), &fd));
    return fd;
  }
};

/// A tensor of a graph.
class Tensor {
 public:
  Tensor(halyard_tensor index, const halyard_tensor_desc& desc) : index_(index), desc_(desc) {}

  [[nodiscard]] halyard_tensor index() const { return index_; }
  [[nodiscard]] halyard_dtype dtype() const { return desc_.dtype; }
  [[nodiscard]] std::span<const std::uint32_t> dims() const {
    return {desc_.dims, static_cast<std::size_t>(desc_.rank)};
  }
  [[nodiscard]] std::uint64_t elements() const {
    std::uint64_t count = 1;
    for (const auto dim : dims())
      count *= dim;
    return count;
  }
  [[nodiscard]] std::uint64_t bytes() const { return elements() * halyard_dtype_size(desc_.dtype); }

 private:
  halyard_tensor index_;
  halyard_tensor_desc desc_;
};

struct Conv2d {
  std::uint32_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  std::uint32_t groups = 1;
};

struct Pool2d {
  std::uint32_t kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1;
  std::uint32_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  bool count_padding = false;
};

/// A computation under construction. One thread at a time.
class Graph : public detail::Handle<halyard_graph> {
 public:
  Graph() : Handle(make()) {}

  Tensor input(const std::string& name, std::initializer_list<std::uint32_t> dims,
               halyard_dtype dtype = f32) {
    return input(name, std::span<const std::uint32_t>(dims.begin(), dims.size()), dtype);
  }
  Tensor input(const std::string& name, std::span<const std::uint32_t> dims,
               halyard_dtype dtype = f32) {
    const auto desc = describe(dims, dtype);
    halyard_tensor out = 0;
    detail::check(halyard_graph_input(get(), name.c_str(), &desc, &out));
    return {out, desc};
  }

  template <class T>
  Tensor constant(std::span<const T> data, std::span<const std::uint32_t> dims,
                  halyard_dtype dtype) {
    const auto desc = describe(dims, dtype);
    halyard_tensor out = 0;
    detail::check(halyard_graph_constant(get(), &desc, data.data(), data.size_bytes(), &out));
    return {out, desc};
  }
  template <class T>
  Tensor constant(std::span<const T> data, std::initializer_list<std::uint32_t> dims,
                  halyard_dtype dtype) {
    return constant(data, std::span<const std::uint32_t>(dims.begin(), dims.size()), dtype);
  }

  /// Declares an output; returns the graph, to be compiled at once.
  Graph& output(const std::string& name, const Tensor& tensor) {
    detail::check(halyard_graph_output(get(), name.c_str(), tensor.index()));
    return *this;
  }
  void set_name(const Tensor& tensor, const std::string& name) {
    detail::check(halyard_graph_set_name(get(), tensor.index(), name.c_str()));
  }

  Tensor matmul(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_MATMUL, {a, b}); }
  Tensor conv2d(const Tensor& in, const Tensor& weight, const Conv2d& p = {}) {
    const halyard_conv2d_params params{sizeof(params), p.stride_h, p.stride_w, p.dilation_h,
                                       p.dilation_w,   p.pad_top,  p.pad_left, p.pad_bottom,
                                       p.pad_right,    p.groups};
    return add_op(HALYARD_OP_CONV2D, {in, weight}, &params);
  }
  Tensor add(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_ADD, {a, b}); }
  Tensor sub(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_SUB, {a, b}); }
  Tensor mul(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_MUL, {a, b}); }
  Tensor div(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_DIV, {a, b}); }
  Tensor max(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_MAX, {a, b}); }
  Tensor min(const Tensor& a, const Tensor& b) { return add_op(HALYARD_OP_MIN, {a, b}); }
  Tensor relu(const Tensor& in) { return add_op(HALYARD_OP_RELU, {in}); }
  Tensor gelu(const Tensor& in) { return add_op(HALYARD_OP_GELU, {in}); }
  Tensor silu(const Tensor& in) { return add_op(HALYARD_OP_SILU, {in}); }
  Tensor sigmoid(const Tensor& in) { return add_op(HALYARD_OP_SIGMOID, {in}); }
  Tensor tanh(const Tensor& in) { return add_op(HALYARD_OP_TANH, {in}); }
  Tensor max_pool2d(const Tensor& in, const Pool2d& p) {
    return pool(HALYARD_OP_MAX_POOL2D, in, p);
  }
  Tensor avg_pool2d(const Tensor& in, const Pool2d& p) {
    return pool(HALYARD_OP_AVG_POOL2D, in, p);
  }
  Tensor softmax(const Tensor& in) { return add_op(HALYARD_OP_SOFTMAX, {in}); }
  Tensor layer_norm(const Tensor& in, const Tensor& gain, const Tensor& bias,
                    float epsilon = 1e-5F) {
    const halyard_norm_params params{sizeof(params), epsilon};
    return add_op(HALYARD_OP_LAYER_NORM, {in, gain, bias}, &params);
  }
  Tensor rms_norm(const Tensor& in, const Tensor& gain, float epsilon = 1e-5F) {
    const halyard_norm_params params{sizeof(params), epsilon};
    return add_op(HALYARD_OP_RMS_NORM, {in, gain}, &params);
  }
  Tensor transpose(const Tensor& in, std::span<const std::uint32_t> perm) {
    auto params = detail::sized<halyard_transpose_params>();
    for (std::size_t i = 0; i < perm.size() && i < HALYARD_MAX_RANK; ++i)
      params.perm[i] = perm[i];
    return add_op(HALYARD_OP_TRANSPOSE, {in}, &params);
  }
  Tensor reshape(const Tensor& in, std::span<const std::uint32_t> dims) {
    auto params = detail::sized<halyard_reshape_params>();
    params.rank = static_cast<std::uint32_t>(dims.size());
    for (std::size_t i = 0; i < dims.size() && i < HALYARD_MAX_RANK; ++i)
      params.dims[i] = dims[i];
    return add_op(HALYARD_OP_RESHAPE, {in}, &params);
  }
  Tensor reshape(const Tensor& in, std::initializer_list<std::uint32_t> dims) {
    return reshape(in, std::span<const std::uint32_t>(dims.begin(), dims.size()));
  }
  Tensor cast(const Tensor& in, halyard_dtype dtype) {
    const halyard_cast_params params{sizeof(params), dtype};
    return add_op(HALYARD_OP_CAST, {in}, &params);
  }
  Tensor gather(const Tensor& in, const Tensor& index) {
    return add_op(HALYARD_OP_GATHER, {in, index});
  }
  /// Elementwise on one, by its number.
  Tensor unary(halyard_op op, const Tensor& in) { return add_op(op, {in}); }
  Tensor order(const Tensor& in, std::uint32_t count, bool descending = false) {
    const halyard_order_params params{sizeof(params), count, descending ? 1U : 0U};
    return add_op(HALYARD_OP_ORDER, {in}, &params);
  }
  Tensor rotate(const Tensor& in, const Tensor& angle, float factor = 1) {
    const halyard_rotate_params params{sizeof(params), factor};
    return add_op(HALYARD_OP_ROTATE, {in, angle}, &params);
  }
  Tensor quantize(const Tensor& in, const Tensor& scale, halyard_dtype dtype,
                  std::uint32_t axis = 0, std::int32_t zero_point = 0) {
    return scaled(HALYARD_OP_QUANTIZE, in, scale, dtype, axis, zero_point);
  }
  Tensor dequantize(const Tensor& in, const Tensor& scale, halyard_dtype dtype,
                    std::uint32_t axis = 0, std::int32_t zero_point = 0) {
    return scaled(HALYARD_OP_DEQUANTIZE, in, scale, dtype, axis, zero_point);
  }
  Tensor requantize(const Tensor& in, const Tensor& scale, std::uint32_t axis = 0,
                    std::int32_t zero_point = 0) {
    return scaled(HALYARD_OP_REQUANTIZE, in, scale, i8, axis, zero_point);
  }
  /// A product with the elements of blocks, whose bytes `weights` is.
  Tensor linear(const Tensor& in, const Tensor& weights, halyard_format format) {
    const halyard_linear_params params{sizeof(params), format};
    return add_op(HALYARD_OP_LINEAR, {in, weights}, &params);
  }
  /// The elements of blocks, whose bytes `in` is.
  Tensor unpack(const Tensor& in, halyard_format format, halyard_dtype dtype = f32) {
    const halyard_unpack_params params{sizeof(params), format, dtype};
    return add_op(HALYARD_OP_UNPACK, {in}, &params);
  }

  /// The CPU reference: computes on the calling thread with host memory.
  void evaluate(std::span<const halyard_host_tensor> tensors) const {
    detail::check(halyard_graph_evaluate(get(), tensors.data(), tensors.size()));
  }

 private:
  static halyard_graph* make() {
    halyard_graph* graph = nullptr;
    detail::check(halyard_graph_create(&graph));
    return graph;
  }
  static halyard_tensor_desc describe(std::span<const std::uint32_t> dims, halyard_dtype dtype) {
    halyard_tensor_desc desc{};
    desc.dtype = dtype;
    desc.rank = static_cast<std::uint32_t>(dims.size());
    for (std::size_t i = 0; i < dims.size() && i < HALYARD_MAX_RANK; ++i)
      desc.dims[i] = dims[i];
    return desc;
  }
  Tensor add_op(halyard_op op, std::initializer_list<Tensor> inputs, const void* params = nullptr) {
    std::array<halyard_tensor, 4> indices{};
    std::size_t count = 0;
    for (const auto& input : inputs)
      indices[count++] = input.index();
    halyard_tensor out = 0;
    detail::check(halyard_graph_add(get(), op, indices.data(), count, params, &out));
    halyard_tensor_desc desc{};
    detail::check(halyard_graph_get_desc(get(), out, &desc));
    return {out, desc};
  }
  Tensor pool(halyard_op op, const Tensor& in, const Pool2d& p) {
    const halyard_pool2d_params params{
        sizeof(params), p.kernel_h, p.kernel_w,   p.stride_h,  p.stride_w,
        p.pad_top,      p.pad_left, p.pad_bottom, p.pad_right, p.count_padding ? 1U : 0U};
    return add_op(op, {in}, &params);
  }
  Tensor scaled(halyard_op op, const Tensor& in, const Tensor& scale, halyard_dtype dtype,
                std::uint32_t axis, std::int32_t zero_point) {
    const halyard_quantize_params params{sizeof(params), dtype, axis, zero_point};
    return add_op(op, {in, scale}, &params);
  }
};

/// A strided tensor in a binding of a command list.
class View {
 public:
  /// An operand that is absent.
  View() : raw_(detail::sized<halyard_view>()) {}

  /// Row-major without gaps.
  View(std::uint32_t binding, halyard_dtype dtype, std::span<const std::uint32_t> dims,
       std::uint64_t offset = 0)
      : View() {
    raw_.binding = binding;
    raw_.dtype = dtype;
    raw_.rank = static_cast<std::uint32_t>(dims.size());
    raw_.offset = offset;
    std::int64_t stride = 1;
    for (std::size_t i = std::min<std::size_t>(dims.size(), HALYARD_MAX_RANK); i-- > 0;) {
      raw_.dims[i] = dims[i];
      raw_.strides[i] = stride;
      stride *= dims[i];
    }
  }
  View(std::uint32_t binding, halyard_dtype dtype, std::initializer_list<std::uint32_t> dims,
       std::uint64_t offset = 0)
      : View(binding, dtype, std::span<const std::uint32_t>(dims.begin(), dims.size()), offset) {}

  /// The same with other strides, in elements, one for each dimension.
  [[nodiscard]] View with_strides(std::span<const std::int64_t> strides) const {
    View view = *this;
    for (std::size_t i = 0; i < strides.size() && i < HALYARD_MAX_RANK; ++i)
      view.raw_.strides[i] = strides[i];
    return view;
  }
  [[nodiscard]] View with_strides(std::initializer_list<std::int64_t> strides) const {
    return with_strides(std::span<const std::int64_t>(strides.begin(), strides.size()));
  }

  [[nodiscard]] const halyard_view& raw() const { return raw_; }

 private:
  halyard_view raw_;
};

/// What an operation of a command list takes besides its views; one of the C interface's structs.
/// Their `size` is filled in.
class CommandParams {
 public:
  CommandParams() = default;
  template <class T>
  requires std::is_trivially_copyable_v<T> && std::is_same_v<decltype(T::size), std::size_t>
  CommandParams(T params) : bytes_(sizeof(T)) {
    params.size = sizeof(T);
    std::memcpy(bytes_.data(), &params, sizeof(T));
  }
  [[nodiscard]] const void* raw() const { return bytes_.empty() ? nullptr : bytes_.data(); }

 private:
  std::vector<std::byte> bytes_;
};

/// Commands on memory under construction. One thread at a time.
class CommandList : public detail::Handle<halyard_command_list> {
 public:
  CommandList() : Handle(make()) {}

  /// Memory that each submit supplies; returns the binding's index.
  std::uint32_t bind(const std::string& name, std::uint64_t bytes,
                     std::uint32_t access = HALYARD_ACCESS_READ_WRITE) {
    std::uint32_t index = 0;
    detail::check(halyard_command_list_bind(get(), name.c_str(), bytes, access, &index));
    return index;
  }
  template <class T>
  std::uint32_t constant(std::span<const T> data) {
    std::uint32_t index = 0;
    detail::check(halyard_command_list_constant(get(), data.data(), data.size_bytes(), &index));
    return index;
  }
  std::uint32_t scratch(std::uint64_t bytes) {
    std::uint32_t index = 0;
    detail::check(halyard_command_list_scratch(get(), bytes, &index));
    return index;
  }

  /// Inputs, then the output. An empty name: one is made.
  void add(halyard_op op, std::span<const View> views, const CommandParams& params = {},
           const std::string& name = {}) {
    const auto list = raw_views(views);
    detail::check(halyard_command_list_add(get(), op, list.data(), list.size(), params.raw(),
                                           name.empty() ? nullptr : name.c_str()));
  }
  void add(halyard_op op, std::initializer_list<View> views, const CommandParams& params = {},
           const std::string& name = {}) {
    add(op, std::span<const View>(views.begin(), views.size()), params, name);
  }
  /// Copies what `in` shows, and converts.
  void copy(const View& in, const View& out, const std::string& name = {}) {
    add(HALYARD_OP_CAST, {in, out}, halyard_cast_params{0, out.raw().dtype}, name);
  }

  static std::vector<halyard_view> raw_views(std::span<const View> views) {
    std::vector<halyard_view> raw;
    raw.reserve(views.size());
    for (const auto& view : views)
      raw.push_back(view.raw());
    return raw;
  }

 private:
  static halyard_command_list* make() {
    halyard_command_list* list = nullptr;
    detail::check(halyard_command_list_create(&list));
    return list;
  }
};

/// A graph or a command list made ready for one kind of chip.
class Program : public detail::Handle<halyard_program> {
 public:
  using Handle::Handle;

  [[nodiscard]] std::vector<halyard_binding_info> bindings() const {
    return detail::list<halyard_binding_info>(
        [this](halyard_binding_info* infos, std::size_t* count) {
          return halyard_program_get_bindings(get(), infos, count);
        });
  }
  [[nodiscard]] halyard_program_info info() const {
    auto info = detail::sized<halyard_program_info>();
    detail::check(halyard_program_get_info(get(), &info));
    return info;
  }
  [[nodiscard]] std::vector<std::byte> save() const {
    std::size_t bytes = 0;
    detail::check(halyard_program_save(get(), nullptr, &bytes));
    std::vector<std::byte> data(bytes);
    detail::check(halyard_program_save(get(), data.data(), &bytes));
    return data;
  }
};

/// Device timestamps of one job.
class Profile {
 public:
  explicit Profile(halyard_device* device) {
    halyard_profile* profile = nullptr;
    detail::check(halyard_profile_create(device, &profile));
    profile_.reset(profile);
  }
  [[nodiscard]] halyard_profile* get() const { return profile_.get(); }
  [[nodiscard]] std::vector<halyard_profile_entry> entries() const {
    return detail::list<halyard_profile_entry>(
        [this](halyard_profile_entry* entries, std::size_t* count) {
          return halyard_profile_get(get(), entries, count);
        });
  }

 private:
  struct Release {
    void operator()(halyard_profile* profile) const { halyard_profile_release(profile); }
  };
  std::unique_ptr<halyard_profile, Release> profile_;
};

/// A buffer for a binding of a program.
struct Binding {
  const char* name = nullptr;  ///< null: by position
  const Buffer& buffer;
  std::uint64_t offset = 0;
};

/// What a queue operation awaits and signals besides the queue's own timeline.
struct Sync {
  std::span<const Point> waits{};
  std::span<const Point> signals{};
  Profile* profile = nullptr;
};

/// Jobs of one queue run in order.
class Queue : public detail::Handle<halyard_queue> {
 public:
  using Handle::Handle;

  Point submit(const Program& program, std::initializer_list<Binding> bindings,
               const Sync& sync = {}) {
    return submit(program, std::span<const Binding>(bindings.begin(), bindings.size()), sync);
  }
  Point submit(const Program& program, std::span<const Binding> bindings, const Sync& sync = {}) {
    std::vector<halyard_binding> raw;
    raw.reserve(bindings.size());
    for (const auto& binding : bindings)
      raw.push_back({binding.name, binding.buffer.get(), binding.offset});
    return run(sync, [&](const halyard_sync* s, halyard_point* point) {
      return halyard_queue_submit(get(), program.get(), raw.data(), raw.size(), s, point);
    });
  }
  Point copy(const Buffer& dst, std::uint64_t dst_offset, const Buffer& src,
             std::uint64_t src_offset, std::uint64_t bytes, const Sync& sync = {}) {
    return run(sync, [&](const halyard_sync* s, halyard_point* point) {
      return halyard_queue_copy(get(), dst.get(), dst_offset, src.get(), src_offset, bytes, s,
                                point);
    });
  }
  Point fill(const Buffer& dst, std::uint64_t offset, std::uint64_t bytes, std::uint32_t pattern,
             const Sync& sync = {}) {
    return run(sync, [&](const halyard_sync* s, halyard_point* point) {
      return halyard_queue_fill(get(), dst.get(), offset, bytes, pattern, s, point);
    });
  }
  Point barrier(const Sync& sync = {}) {
    return run(sync, [&](const halyard_sync* s, halyard_point* point) {
      return halyard_queue_barrier(get(), s, point);
    });
  }

 private:
  template <class Call>
  Point run(const Sync& sync, Call call) {
    const auto waits = raw_points(sync.waits);
    const auto signals = raw_points(sync.signals);
    const halyard_sync raw{sizeof(raw),    waits.data(),
                           waits.size(),   signals.data(),
                           signals.size(), sync.profile ? sync.profile->get() : nullptr};
    halyard_point point{};
    detail::check(call(&raw, &point));
    halyard_timeline_retain(point.timeline);
    return {detail::Ref<halyard_timeline>(point.timeline), point.value};
  }
};

/// A device.
class Device : public detail::Handle<halyard_device> {
 public:
  using Handle::Handle;

  /// The first usable device, or an error that says why there is none.
  static Device open() { return open_raw(nullptr); }
  /// By path, "sim:<chip>", or kind of chip.
  static Device open(const std::string& path) { return open_raw(path.c_str()); }

  [[nodiscard]] halyard_device_info info() const {
    auto info = detail::sized<halyard_device_info>();
    detail::check(halyard_device_get_info(get(), &info));
    return info;
  }
  [[nodiscard]] std::vector<halyard_engine_info> engines() const {
    return detail::list<halyard_engine_info>(
        [this](halyard_engine_info* infos, std::size_t* count) {
          return halyard_device_get_engines(get(), infos, count);
        });
  }

  struct Jobs {
    std::uint64_t completed = 0, failed = 0;
  };
  [[nodiscard]] Jobs jobs() const {
    Jobs jobs;
    detail::check(halyard_device_get_jobs(get(), &jobs.completed, &jobs.failed));
    return jobs;
  }

  /// Where buffers may be; programs work in the first.
  [[nodiscard]] std::vector<halyard_memory_info> memory() const {
    return detail::list<halyard_memory_info>(
        [this](halyard_memory_info* infos, std::size_t* count) {
          return halyard_device_get_memory(get(), infos, count);
        });
  }

  [[nodiscard]] Buffer allocate(std::uint64_t bytes) const { return allocate(bytes, 0); }
  /// In the host's own memory.
  [[nodiscard]] Buffer allocate_host(std::uint64_t bytes) const {
    return allocate(bytes, HALYARD_BUFFER_HOST);
  }
  [[nodiscard]] Buffer wrap(std::span<std::byte> memory, bool read_only = false) const {
    halyard_buffer* buffer = nullptr;
    detail::check(halyard_buffer_wrap(get(), memory.data(), memory.size(),
                                      read_only ? HALYARD_BUFFER_READ_ONLY : 0, &buffer));
    return Buffer(buffer);
  }
  /// The descriptor stays the caller's.
  [[nodiscard]] Buffer import_dmabuf(int fd) const {
    halyard_buffer* buffer = nullptr;
    detail::check(halyard_buffer_import(get(), fd, &buffer));
    return Buffer(buffer);
  }
  [[nodiscard]] Timeline create_timeline() const {
    halyard_timeline* timeline = nullptr;
    detail::check(halyard_timeline_create(get(), &timeline));
    return Timeline(timeline);
  }
  [[nodiscard]] Timeline import_timeline(int fd) const {
    halyard_timeline* timeline = nullptr;
    detail::check(halyard_timeline_import(get(), fd, &timeline));
    return Timeline(timeline);
  }
  [[nodiscard]] Queue create_queue(std::uint32_t engine_class = 0,
                                   halyard_priority priority = HALYARD_PRIORITY_NORMAL) const {
    const halyard_queue_desc desc{sizeof(desc), engine_class, priority};
    halyard_queue* queue = nullptr;
    detail::check(halyard_queue_create(get(), &desc, &queue));
    return Queue(queue);
  }
  [[nodiscard]] Program compile(const Graph& graph) const {
    halyard_program* program = nullptr;
    detail::check(halyard_program_compile(get(), graph.get(), &program));
    return Program(program);
  }
  /// One command for each of the list's.
  [[nodiscard]] Program record(const CommandList& list) const {
    halyard_program* program = nullptr;
    detail::check(halyard_program_record(get(), list.get(), &program));
    return Program(program);
  }
  /// Whether record() would take such a command. Throws when no device would.
  [[nodiscard]] bool supports(halyard_op op, std::initializer_list<View> views,
                              const CommandParams& params = {}) const {
    const auto list = CommandList::raw_views({views.begin(), views.size()});
    const auto status = halyard_device_supports(get(), op, list.data(), list.size(), params.raw());
    if (status == HALYARD_UNSUPPORTED) return false;
    detail::check(status);
    return true;
  }
  [[nodiscard]] Program load(std::span<const std::byte> saved) const {
    halyard_program* program = nullptr;
    detail::check(halyard_program_load(get(), saved.data(), saved.size(), &program));
    return Program(program);
  }
  [[nodiscard]] Profile create_profile() const { return Profile(get()); }

 private:
  [[nodiscard]] Buffer allocate(std::uint64_t bytes, std::uint32_t flags) const {
    halyard_buffer* buffer = nullptr;
    detail::check(halyard_buffer_create(get(), bytes, flags, &buffer));
    return Buffer(buffer);
  }
  static Device open_raw(const char* path) {
    halyard_device* device = nullptr;
    detail::check(halyard_device_open(path, &device));
    return Device(device);
  }
};

}  // namespace halyard
