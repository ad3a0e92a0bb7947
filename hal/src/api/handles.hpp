// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the C interface's opaque pointers point to.

#include <halyard/halyard.h>

#include <utility>

#include "device.hpp"
#include "graph.hpp"
#include "last_error.hpp"
#include "memory.hpp"
#include "profile.hpp"
#include "program.hpp"
#include "queue.hpp"
#include "ref.hpp"
#include "timeline.hpp"

namespace halyard::hal {

/// Memory with the device that it must not outlive.
struct BufferObject final : Object {
  BufferObject(Ref<Device> owner, Ref<Memory> contents)
      : device(std::move(owner)), memory(std::move(contents)) {}
  const Ref<Device> device;
  const Ref<Memory> memory;
};

struct ProgramObject final : Object {
  ProgramObject(Ref<Device> owner, Ref<ProgramData> contents)
      : device(std::move(owner)), data(std::move(contents)) {}
  const Ref<Device> device;
  const Ref<ProgramData> data;
};

struct GraphObject final : Object {
  Graph graph;
};

/// The class behind an opaque type.
template <class Handle>
struct Behind;
template <>
struct Behind<halyard_device> {
  using Type = Device;
};
template <>
struct Behind<halyard_buffer> {
  using Type = BufferObject;
};
template <>
struct Behind<halyard_timeline> {
  using Type = Timeline;
};
template <>
struct Behind<halyard_graph> {
  using Type = GraphObject;
};
template <>
struct Behind<halyard_program> {
  using Type = ProgramObject;
};
template <>
struct Behind<halyard_queue> {
  using Type = Queue;
};
template <>
struct Behind<halyard_profile> {
  using Type = Profile;
};

/// Throws Error(HALYARD_INVALID_ARGUMENT) for NULL.
template <class Handle>
typename Behind<Handle>::Type& unwrap(Handle* handle, const char* name) {
  return reinterpret_cast<typename Behind<Handle>::Type&>(require(handle, name));
}
template <class Handle>
const typename Behind<Handle>::Type& unwrap(const Handle* handle, const char* name) {
  return reinterpret_cast<const typename Behind<Handle>::Type&>(require(handle, name));
}

template <class Handle>
Ref<typename Behind<Handle>::Type> share(Handle* handle, const char* name) {
  return Ref<typename Behind<Handle>::Type>::share(&unwrap(handle, name));
}

/// Gives the reference to the caller.
template <class Handle>
Handle* wrap(Ref<typename Behind<Handle>::Type> object) {
  return reinterpret_cast<Handle*>(object.leak());
}

template <class Handle>
Handle* retain(Handle* handle) noexcept {
  if (handle != nullptr) reinterpret_cast<typename Behind<Handle>::Type*>(handle)->retain();
  return handle;
}
template <class Handle>
void release(Handle* handle) noexcept {
  if (handle != nullptr) reinterpret_cast<typename Behind<Handle>::Type*>(handle)->release();
}

}  // namespace halyard::hal
