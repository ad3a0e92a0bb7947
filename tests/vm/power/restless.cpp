// SPDX-License-Identifier: MIT
/// \file
/// A client that uses whatever card there is until it is told to end (SIGTERM): when a card goes in
/// the midst of it, it waits for the next one. What fails otherwise, a wrong result above all, ends
/// it with 1.

#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <stdexcept>
#include <thread>

#include "user.hpp"

namespace {

using namespace std::chrono_literals;

std::atomic<bool> stop = false;

/// The card has gone, or has not come yet: no failure here.
bool is_absence(halyard_status status) {
  return status == HALYARD_DEVICE_LOST || status == HALYARD_NO_DEVICE ||
         status == HALYARD_NO_PERMISSION;
}

bool works(halyard::test::User& user, int i) {
  try {
    const auto first = user.start(static_cast<float>(i % 100));
    const auto second = user.start(static_cast<float>(i % 50));
    return user.is_right(first) && user.is_right(second);
  } catch (const halyard::Error& error) {
    if (error.code() != HALYARD_HANG) throw;
    return false;
  }
}

/// Uses one card until it is lost.
void use_card() {
  halyard::test::User user;
  for (int i = 0; !stop; ++i) {
    if (works(user, i)) continue;
    // A card that goes takes along what is in its memory, and it is some job that is found not to
    // move then; one that is there has no excuse.
    halyard::test::User().run();
    throw std::runtime_error("a result is wrong, or a job hangs");
  }
}

}  // namespace

int main() {
  std::signal(SIGTERM, [](int) { stop = true; });
  while (!stop) {
    try {
      use_card();
    } catch (const halyard::Error& error) {
      if (!is_absence(error.code())) {
        std::printf("restless: %s\n", error.what());
        return 1;
      }
      std::this_thread::sleep_for(5ms);
    } catch (const std::exception& error) {
      std::printf("restless: %s\n", error.what());
      return 1;
    }
  }
  return 0;
}
