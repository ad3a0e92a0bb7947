// SPDX-License-Identifier: MIT
#include "backend.hpp"

#include <memory>

#include "log.hpp"
#include "stream.hpp"

namespace halyard::ggml {
namespace {

// Made up once, for ever.
ggml_guid guid_value = {0x68, 0x61, 0x6c, 0x79, 0x61, 0x72, 0x64, 0x2d,
                        0x8f, 0x21, 0x4c, 0x0b, 0xb1, 0x5e, 0x6a, 0x93};

bool is_ours(ggml_backend_t backend) {
  return backend->guid == &guid_value;
}

Stream& stream_of(ggml_backend_t backend) {
  return *static_cast<Stream*>(backend->context);
}

const char* get_name(ggml_backend_t backend) {
  return stream_of(backend).device().name().c_str();
}

void free_backend(ggml_backend_t backend) {
  try {
    stream_of(backend).report();
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, error.what());
  }
  delete &stream_of(backend);
  delete backend;
}

void log_error(ggml_backend_t backend, const Error& error) {
  const auto node = std::string(error.command_name());
  log(GGML_LOG_LEVEL_ERROR, std::string(get_name(backend)) + ": " +
                                halyard_status_name(error.code()) + ": " + error.what() +
                                (node.empty() ? "" : " (node " + node + ")"));
}

ggml_status graph_compute(ggml_backend_t backend, ggml_cgraph* graph) {
  try {
    stream_of(backend).compute(graph);
    return GGML_STATUS_SUCCESS;
  } catch (const Error& error) {
    log_error(backend, error);
    return error.code() == HALYARD_OUT_OF_MEMORY ? GGML_STATUS_ALLOC_FAILED : GGML_STATUS_FAILED;
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(backend)) + ": " + error.what());
    return GGML_STATUS_FAILED;
  }
}

/// Runs what ggml takes no error of: it goes to the log, and what was to be waited for fails the
/// next graph.
template <class Call>
bool attempt(ggml_backend_t backend, Call call) {
  try {
    return call(stream_of(backend));
  } catch (const Error& error) {
    log_error(backend, error);
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(backend)) + ": " + error.what());
  }
  return false;
}

void synchronize(ggml_backend_t backend) {
  attempt(backend, [](Stream& stream) {
    stream.synchronize();
    return true;
  });
}

// The host works in the device's memory itself, when what was given is done.

void set_tensor(ggml_backend_t backend, ggml_tensor* tensor, const void* data, size_t offset,
                size_t size) {
  synchronize(backend);
  ggml_backend_tensor_set(tensor, data, offset, size);
}

void get_tensor(ggml_backend_t backend, const ggml_tensor* tensor, void* data, size_t offset,
                size_t size) {
  synchronize(backend);
  ggml_backend_tensor_get(tensor, data, offset, size);
}

/// False: ggml waits for both and copies by itself.
bool copy_tensor(ggml_backend_t from, ggml_backend_t to, const ggml_tensor* source,
                 ggml_tensor* target) {
  if (!is_ours(from) || !is_ours(to)) return false;
  auto* here = context_of(source);
  auto* there = context_of(target);
  if (here == nullptr || there == nullptr || &there->device() != &stream_of(to).device())
    return false;
  return attempt(to, [&](Stream& stream) {
    return stream.copy(stream_of(from), {*here, here->offset_of(source)},
                       {*there, there->offset_of(target)}, ggml_nbytes(source));
  });
}

void record_event(ggml_backend_t backend, ggml_backend_event_t event) {
  attempt(backend, [event](Stream& stream) {
    mark_of(event) = stream.mark();
    return true;
  });
}

void wait_for_event(ggml_backend_t backend, ggml_backend_event_t event) {
  attempt(backend, [event](Stream& stream) {
    stream.await(mark_of(event));
    return true;
  });
}

ggml_backend_i backend_interface() {
  ggml_backend_i interface {};
  interface.get_name = get_name;
  interface.free = free_backend;
  interface.set_tensor_async = set_tensor;
  interface.get_tensor_async = get_tensor;
  interface.cpy_tensor_async = copy_tensor;
  interface.synchronize = synchronize;
  interface.graph_compute = graph_compute;
  interface.event_record = record_event;
  interface.event_wait = wait_for_event;
  return interface;
}

}  // namespace

ggml_backend_t make_backend(GgmlDevice& device) {
  auto stream = std::make_unique<Stream>(device);
  auto* backend = new ggml_backend{&guid_value, backend_interface(), device.handle(), stream.get()};
  static_cast<void>(stream.release());  // the back end's, until free_backend()
  return backend;
}

}  // namespace halyard::ggml
