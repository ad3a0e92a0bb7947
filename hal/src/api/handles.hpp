// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the C interface's opaque pointers point to.

#include <halyard/halyard.h>

#include <utility>

#include "command_list.hpp"
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

struct CommandListObject final : Object {
  CommandList list;
};

struct GraphObject final : Object {
  Graph graph;
};

/// The class behind an opaque type.
template <class Handle>
struct Behind;
#define HALYARD_OBJECT(handle, object) \
  template <>                          \
  struct Behind<handle> {              \
    using Type = object;               \
  }
HALYARD_OBJECT(halyard_device, Device);
HALYARD_OBJECT(halyard_buffer, BufferObject);
HALYARD_OBJECT(halyard_timeline, Timeline);
HALYARD_OBJECT(halyard_command_list, CommandListObject);
HALYARD_OBJECT(halyard_graph, GraphObject);
HALYARD_OBJECT(halyard_program, ProgramObject);
HALYARD_OBJECT(halyard_queue, Queue);
HALYARD_OBJECT(halyard_profile, Profile);
#undef HALYARD_OBJECT

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
Handle* retain_handle(Handle* handle) noexcept {
  if (handle != nullptr) reinterpret_cast<typename Behind<Handle>::Type*>(handle)->retain();
  return handle;
}
template <class Handle>
void release_handle(Handle* handle) noexcept {
  if (handle != nullptr) reinterpret_cast<typename Behind<Handle>::Type*>(handle)->release();
}

}  // namespace halyard::hal

/// Defines what every counted type of the C interface has: <type>_retain() and <type>_release().
#define HALYARD_DEFINE_REFERENCES(type)         \
  type* type##_retain(type* object) {           \
    return halyard::hal::retain_handle(object); \
  }                                             \
  void type##_release(type* object) {           \
    halyard::hal::release_handle(object);       \
  }                                             \
  static_assert(true, "takes the semicolon")
