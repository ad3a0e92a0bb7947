// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "lost.hpp"

namespace halyard::fuzz {

/// Objects of the device that anybody has: buffer objects, address spaces, queues and users, as
/// debugfs lists them, without what only counts; and what is pinned of the calling process. The
/// same as before when nothing was lost.
std::string device_objects();

/// Waits until device_objects() is `expected`, as what is on its way out takes its time. False,
/// with what there is in `now`, when that takes longer than half a minute.
bool wait_for_objects(const std::string& expected, std::string& now);

/// Waits until what was under way is over: device_objects() no longer changes.
void settle();

/// Whether the device in the slot takes calls; if not, or if it is lost, its driver is bound anew.
/// Throws when that fails.
void revive_device(const test::Slot& slot);

}  // namespace halyard::fuzz
