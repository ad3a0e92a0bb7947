// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The rules that the checker holds a driver to, by their numbers in the manual's chapter "Rules
/// for drivers".

#include <string_view>

namespace halyard::emu::dory::rules {

// Registers
inline constexpr std::string_view kAccessWidth = "DORY-R1";
inline constexpr std::string_view kUndefinedRegister = "DORY-R2";
inline constexpr std::string_view kAccessDirection = "DORY-R3";
inline constexpr std::string_view kReservedBits = "DORY-R4";
inline constexpr std::string_view kResetting = "DORY-R5";
inline constexpr std::string_view kFunctionResetFirst = "DORY-R6";

// Jobs
inline constexpr std::string_view kRunBusy = "DORY-J1";
inline constexpr std::string_view kConfiguredBusy = "DORY-J2";
inline constexpr std::string_view kRunInvalid = "DORY-J3";
inline constexpr std::string_view kStreamChanged = "DORY-J4";
inline constexpr std::string_view kStreamMalformed = "DORY-J5";
inline constexpr std::string_view kRegionLeft = "DORY-J6";

// Power
inline constexpr std::string_view kSleepingAccess = "DORY-P1";
inline constexpr std::string_view kSleepWhileBusy = "DORY-P2";

// DMA
inline constexpr std::string_view kDmaUnmapped = "DORY-D1";
inline constexpr std::string_view kDmaAfterUnmap = "DORY-D2";
inline constexpr std::string_view kBusMasterOff = "DORY-D3";
inline constexpr std::string_view kBusMasterCleared = "DORY-D4";

}  // namespace halyard::emu::dory::rules
