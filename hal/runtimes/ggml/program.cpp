// SPDX-License-Identifier: MIT
#include "program.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "buffer.hpp"
#include "commands.hpp"
#include "device.hpp"
#include "operations.hpp"

namespace halyard::ggml {

/// What a graph is, apart from where its buffers are: its nodes, how far they reach into which
/// buffers, and a key that equal graphs have in common.
class Programs::Scan {
 public:
  Scan(ggml_cgraph* graph, ggml_backend_buffer_type_t type) : type_(type) {
    for (int i = 0; i < ggml_graph_n_nodes(graph); ++i) {
      const auto* node = ggml_graph_node(graph, i);
      empty_ = empty_ || (!is_view(node) && ggml_is_empty(node));
      if (does_nothing(node)) continue;
      nodes_.push_back(node);
      add(node, true);
      for (const auto* source : node->src) {
        put(source != nullptr);
        if (source != nullptr) add(source, false);
      }
      put(node->op);
      key_.append(reinterpret_cast<const char*>(node->op_params), sizeof(node->op_params));
    }
  }

  [[nodiscard]] const std::string& key() const { return key_; }
  [[nodiscard]] std::span<const ggml_tensor* const> nodes() const { return nodes_; }
  /// Some operation's result has no elements.
  [[nodiscard]] bool empty() const { return empty_; }
  [[nodiscard]] std::span<const Commands::BindingUse> uses() const { return uses_; }

  [[nodiscard]] std::vector<Binding> bindings() const {
    std::vector<Binding> bindings;
    for (const auto* buffer : buffers_)
      bindings.push_back({nullptr, buffer->memory()});
    return bindings;
  }

  [[nodiscard]] Location locate(const ggml_tensor* tensor) const {
    const auto index = static_cast<std::size_t>(
        std::find(buffers_.begin(), buffers_.end(), &context(tensor)) - buffers_.begin());
    return {Commands::kFirst + static_cast<std::uint32_t>(index), offset(tensor)};
  }

 private:
  [[nodiscard]] const BufferContext& context(const ggml_tensor* tensor) const {
    const auto* context = context_of(tensor);
    if (context == nullptr || context->device().buffer_type() != type_) {
      throw std::runtime_error(std::string("tensor ") + tensor->name +
                               " is in no buffer of this device");
    }
    return *context;
  }
  [[nodiscard]] std::uint64_t offset(const ggml_tensor* tensor) const {
    return context(tensor).offset_of(tensor);
  }

  template <class T>
  void put(const T& value) {
    key_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  void add(const ggml_tensor* tensor, bool written) {
    const auto& buffer = context(tensor);
    const auto found = std::find(buffers_.begin(), buffers_.end(), &buffer);
    const auto index = static_cast<std::size_t>(found - buffers_.begin());
    if (found == buffers_.end()) {
      buffers_.push_back(&buffer);
      uses_.emplace_back();
    }
    auto& use = uses_[index];
    use.bytes = std::max<std::uint64_t>(use.bytes, offset(tensor) + ggml_nbytes(tensor));
    use.written = use.written || written;
    put(index);
    put(offset(tensor));
    put(tensor->type);
    put(tensor->ne);
    put(tensor->nb);
  }

  ggml_backend_buffer_type_t type_;
  std::vector<const ggml_tensor*> nodes_;
  bool empty_ = false;
  std::vector<const BufferContext*> buffers_;
  std::vector<Commands::BindingUse> uses_;
  std::string key_;
};

/// Halves what the chip does not take in one program.
void Programs::record(const Scan& scan, std::size_t first, std::size_t count,
                      std::vector<Program>& programs) {
  Commands commands([&scan](const ggml_tensor* tensor) { return scan.locate(tensor); });
  for (const auto* node : scan.nodes().subspan(first, count))
    append(node, commands);
  try {
    programs.push_back(device_.record(commands.list(scan.uses())));
    ++recorded_;
  } catch (const Error& error) {
    if (error.code() != HALYARD_UNSUPPORTED || count == 1) throw;
    record(scan, first, count / 2, programs);
    record(scan, first + count / 2, count - count / 2, programs);
  }
}

const Programs::Entry& Programs::find(const Scan& scan) {
  if (const auto it = by_key_.find(scan.key()); it != by_key_.end()) {
    entries_.splice(entries_.begin(), entries_, it->second);
    return entries_.front();
  }
  Entry entry{scan.key(), {}};
  record(scan, 0, scan.nodes().size(), entry.programs);
  entries_.push_front(std::move(entry));
  by_key_.emplace(entries_.front().key, entries_.begin());
  if (entries_.size() > kMaxEntries) {
    by_key_.erase(entries_.back().key);
    entries_.pop_back();
  }
  return entries_.front();
}

void Programs::run(ggml_cgraph* graph, Queue& queue, std::span<const Point> waits) {
  const Scan scan(graph, type_);
  if (scan.nodes().empty()) {
    if (scan.empty()) ++empty_;
    if (!waits.empty()) wait_all(waits);
    return;
  }
  const auto bindings = scan.bindings();
  Point done;
  for (const auto& program : find(scan).programs)
    done = queue.submit(program, bindings, {.waits = waits});
  // The driver ends a job that takes too long: the wait has an end.
  done.wait();
}

}  // namespace halyard::ggml
