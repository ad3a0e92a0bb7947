// SPDX-License-Identifier: MIT
// The C interface: graphs.
#include <halyard/halyard.h>

#include "api/handles.hpp"
#include "api/params.hpp"

using namespace halyard::hal;

halyard_status halyard_graph_create(halyard_graph** out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = wrap<halyard_graph>(make_ref<GraphObject>());
  });
}

HALYARD_DEFINE_REFERENCES(halyard_graph);

halyard_status halyard_graph_input(halyard_graph* graph, const char* name,
                                   const halyard_tensor_desc* desc, halyard_tensor* out) {
  return guard([&] {
    auto& result = require(out, "out");
    result = unwrap(graph, "graph").graph.add_input(&require(name, "name"), require(desc, "desc"));
  });
}

halyard_status halyard_graph_constant(halyard_graph* graph, const halyard_tensor_desc* desc,
                                      const void* data, size_t bytes, halyard_tensor* out) {
  return guard([&] {
    auto& result = require(out, "out");
    const auto* contents = static_cast<const std::byte*>(data);
    if (bytes > 0) require(contents, "data");
    result = unwrap(graph, "graph").graph.add_constant(require(desc, "desc"), {contents, bytes});
  });
}

halyard_status halyard_graph_output(halyard_graph* graph, const char* name, halyard_tensor tensor) {
  return guard([&] { unwrap(graph, "graph").graph.add_output(&require(name, "name"), tensor); });
}

halyard_status halyard_graph_get_desc(const halyard_graph* graph, halyard_tensor tensor,
                                      halyard_tensor_desc* desc) {
  return guard([&] {
    auto& result = require(desc, "desc");
    result = unwrap(graph, "graph").graph.node(tensor).desc;
  });
}

halyard_status halyard_graph_set_name(halyard_graph* graph, halyard_tensor tensor,
                                      const char* name) {
  return guard([&] { unwrap(graph, "graph").graph.set_name(tensor, &require(name, "name")); });
}

halyard_status halyard_graph_add(halyard_graph* graph, halyard_op op, const halyard_tensor* inputs,
                                 size_t input_count, const void* params, halyard_tensor* out) {
  return guard([&] {
    auto& result = require(out, "out");
    auto& object = unwrap(graph, "graph");
    if (input_count > 0) require(inputs, "inputs");
    result = object.graph.add_operation(op, {inputs, input_count}, read_params(op, params));
  });
}

halyard_status halyard_graph_evaluate(const halyard_graph* graph,
                                      const halyard_host_tensor* tensors, size_t count) {
  return guard([&] {
    const auto& object = unwrap(graph, "graph");
    if (count > 0) require(tensors, "tensors");
    for (size_t i = 0; i < count; ++i) {
      require(tensors[i].name, "a tensor's name");
      require(tensors[i].data, "a tensor's data");
    }
    evaluate(object.graph, {tensors, count});
  });
}
