// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The rules that the checker holds a driver to, by their numbers in the manual's chapter "Rules
/// for drivers".

#include <string_view>

namespace halyard::emu::clipper::rules {

// Registers
inline constexpr std::string_view kAccessWidth = "CLP-R1";
inline constexpr std::string_view kUndefinedRegister = "CLP-R2";
inline constexpr std::string_view kAccessDirection = "CLP-R3";
inline constexpr std::string_view kReservedBits = "CLP-R4";
inline constexpr std::string_view kNotReady = "CLP-R5";
inline constexpr std::string_view kUnannouncedReset = "CLP-R6";

// Queues
inline constexpr std::string_view kQueueConfigured = "CLP-Q1";
inline constexpr std::string_view kQueueInvalid = "CLP-Q2";
inline constexpr std::string_view kDoorbellRange = "CLP-Q3";
inline constexpr std::string_view kDoorbellDisabled = "CLP-Q4";
inline constexpr std::string_view kRingEntryChanged = "CLP-Q5";
inline constexpr std::string_view kRingEntryMalformed = "CLP-Q6";
inline constexpr std::string_view kQueueDisabledBusy = "CLP-Q7";
inline constexpr std::string_view kQueueMemory = "CLP-Q8";
inline constexpr std::string_view kQueueResetting = "CLP-Q9";

// Memory: contexts and page tables
inline constexpr std::string_view kMissingFlush = "CLP-M1";
inline constexpr std::string_view kMalformedEntry = "CLP-M2";
inline constexpr std::string_view kContextConfigured = "CLP-M3";
inline constexpr std::string_view kContextInUse = "CLP-M4";
inline constexpr std::string_view kPrivilegedPage = "CLP-M5";

// Power
inline constexpr std::string_view kSleepingAccess = "CLP-P1";
inline constexpr std::string_view kSleepWhileEnabled = "CLP-P2";

// DMA
inline constexpr std::string_view kDmaUnmapped = "CLP-D1";
inline constexpr std::string_view kDmaAfterUnmap = "CLP-D2";
inline constexpr std::string_view kBusMasterOff = "CLP-D3";
inline constexpr std::string_view kBusMasterCleared = "CLP-D4";

// Fault queue
inline constexpr std::string_view kFaultQueueOverflow = "CLP-F1";
inline constexpr std::string_view kFaultQueueConfig = "CLP-F2";

}  // namespace halyard::emu::clipper::rules
