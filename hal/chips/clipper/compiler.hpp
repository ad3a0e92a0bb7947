// SPDX-License-Identifier: MIT
#pragma once

#include <drm/halyard_clipper.h>

#include "graph.hpp"
#include "plugin.hpp"

namespace halyard::hal::clipper {

/// Turns a graph into a command stream. Transposes and reshapes become strides where they can; a
/// bias, a scale and an activation after a product become its epilogue. Throws
/// Error(HALYARD_UNSUPPORTED) naming the node.
ProgramImage compile_graph(const Graph& graph, const drm_halyard_clipper_info& info, bool profile);

}  // namespace halyard::hal::clipper
