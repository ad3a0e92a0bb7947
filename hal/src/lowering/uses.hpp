// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "graph.hpp"

namespace halyard::hal::lowering {

/// Who needs which tensor of a graph.
class Uses {
 public:
  explicit Uses(const Graph& graph)
      : users_(graph.nodes().size()), is_output_(graph.nodes().size()) {
    for (halyard_tensor t = 0; t < graph.nodes().size(); ++t) {
      for (const auto input : graph.nodes()[t].inputs)
        users_[input].push_back(t);
    }
    for (const auto& output : graph.outputs())
      is_output_[output.tensor] = true;
  }

  /// Nodes that read it, one entry per read.
  [[nodiscard]] std::span<const halyard_tensor> users(halyard_tensor tensor) const {
    return users_[tensor];
  }
  [[nodiscard]] bool is_output(halyard_tensor tensor) const { return is_output_[tensor]; }
  [[nodiscard]] bool needed(halyard_tensor tensor) const {
    return is_output_[tensor] || !users_[tensor].empty();
  }
  /// The one node that reads it, when nobody else ever sees it.
  [[nodiscard]] std::optional<halyard_tensor> only_user(halyard_tensor tensor) const {
    if (is_output_[tensor] || users_[tensor].size() != 1) return std::nullopt;
    return users_[tensor].front();
  }

 private:
  std::vector<std::vector<halyard_tensor>> users_;
  std::vector<bool> is_output_;
};

}  // namespace halyard::hal::lowering
