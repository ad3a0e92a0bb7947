// SPDX-License-Identifier: MIT
#include "backend.hpp"

#include <cstdlib>
#include <fstream>
#include <memory>

#include "log.hpp"
#include "program.hpp"

namespace halyard::ggml {
namespace {

class Stream {
 public:
  explicit Stream(GgmlDevice& device)
      : device_(device), programs_(device.hal(), device.buffer_type()) {}

  [[nodiscard]] GgmlDevice& device() const { return device_; }

  void compute(ggml_cgraph* graph) {
    if (!queue_) queue_ = device_.hal().create_queue();
    try {
      programs_.run(graph, queue_);
    } catch (...) {
      queue_ = Queue();  // it takes no more jobs; the next graph gets another
      throw;
    }
  }

  /// A line in the file that HALYARD_GGML_STATISTICS names: what the device counted, for tests that
  /// must know who did the work. No message of ggml's: programs leave out what comes at their end.
  void report() const {
    const char* path = secure_getenv("HALYARD_GGML_STATISTICS");
    if (path == nullptr) return;
    const auto jobs = device_.hal().jobs();
    std::ofstream(path, std::ios::app)
        << device_.name() + ": " + std::to_string(jobs.completed) + " jobs completed, " +
               std::to_string(jobs.failed) + " failed, " + std::to_string(programs_.recorded()) +
               " command lists recorded, " + std::to_string(programs_.empty()) +
               " graphs of no elements\n";
  }

 private:
  GgmlDevice& device_;
  Programs programs_;
  Queue queue_;
};

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

ggml_status graph_compute(ggml_backend_t backend, ggml_cgraph* graph) {
  try {
    stream_of(backend).compute(graph);
    return GGML_STATUS_SUCCESS;
  } catch (const Error& error) {
    log(GGML_LOG_LEVEL_ERROR,
        std::string(get_name(backend)) + ": " + halyard_status_name(error.code()) + ": " +
            error.what() +
            (error.command_name().empty() ? ""
                                          : " (node " + std::string(error.command_name()) + ")"));
    return error.code() == HALYARD_OUT_OF_MEMORY ? GGML_STATUS_ALLOC_FAILED : GGML_STATUS_FAILED;
  } catch (const std::exception& error) {
    log(GGML_LOG_LEVEL_ERROR, std::string(get_name(backend)) + ": " + error.what());
    return GGML_STATUS_FAILED;
  }
}

// Made up once, for ever.
ggml_guid guid_value = {0x68, 0x61, 0x6c, 0x79, 0x61, 0x72, 0x64, 0x2d,
                        0x8f, 0x21, 0x4c, 0x0b, 0xb1, 0x5e, 0x6a, 0x93};

ggml_backend_i backend_interface() {
  ggml_backend_i interface {};
  interface.get_name = get_name;
  interface.free = free_backend;
  interface.graph_compute = graph_compute;
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
