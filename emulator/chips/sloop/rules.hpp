// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The rules that the checker holds a driver to, by their numbers in the manual's chapter "Rules
/// for drivers".

#include <string_view>

namespace halyard::emu::sloop::rules {

// Registers
inline constexpr std::string_view kAccessWidth = "SLP-R1";
inline constexpr std::string_view kUndefinedRegister = "SLP-R2";
inline constexpr std::string_view kAccessDirection = "SLP-R3";
inline constexpr std::string_view kReservedBits = "SLP-R4";
inline constexpr std::string_view kNotReady = "SLP-R5";
inline constexpr std::string_view kUnannouncedReset = "SLP-R6";

// Boot
inline constexpr std::string_view kBootCommandState = "SLP-B1";
inline constexpr std::string_view kBootImageSize = "SLP-B2";
inline constexpr std::string_view kRingsConfigured = "SLP-B3";
inline constexpr std::string_view kNotRunning = "SLP-B4";

// Admin and event rings
inline constexpr std::string_view kAdminTail = "SLP-A1";
inline constexpr std::string_view kAdminHead = "SLP-A2";
inline constexpr std::string_view kAdminRefused = "SLP-A3";
inline constexpr std::string_view kEventHead = "SLP-A4";
inline constexpr std::string_view kEventOverflow = "SLP-A5";

// Queues
inline constexpr std::string_view kNoQueue = "SLP-Q1";
inline constexpr std::string_view kRequestTail = "SLP-Q2";
inline constexpr std::string_view kResponseHead = "SLP-Q3";
inline constexpr std::string_view kRequestChanged = "SLP-Q4";
inline constexpr std::string_view kJobChanged = "SLP-Q5";
inline constexpr std::string_view kRequestMalformed = "SLP-Q6";

// Power
inline constexpr std::string_view kSleepingAccess = "SLP-P1";
inline constexpr std::string_view kSleepWhileRunning = "SLP-P2";

// DMA
inline constexpr std::string_view kDmaUnmapped = "SLP-D1";
inline constexpr std::string_view kDmaAfterUnmap = "SLP-D2";
inline constexpr std::string_view kBusMasterOff = "SLP-D3";
inline constexpr std::string_view kBusMasterCleared = "SLP-D4";

}  // namespace halyard::emu::sloop::rules
