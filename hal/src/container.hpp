// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The file format of saved programs.
///
/// Little-endian, no padding. A string is its length in 32 bits and its bytes; a blob is its length
/// in 64 bits and its bytes.
///
///     "HALYPROG"           8 bytes
///     format version       u32
///     plug-in ABI          u32
///     size of the file     u64
///     chip                 string
///     chip revision        u32
///     image, without and with timestamps; the second one's constants are left out when they equal
///     the first one's:
///       scratch, profile   u64, u64
///       bindings           u32, each: name string, dtype u32, rank u32, dims 6 x u32, bytes u64,
///       output u32 command names      u32, each: string stream             blob constants follow
///       u32: 1 or 0 constants          blob, when they follow
///     SHA-256 of all that  32 bytes

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "plugin.hpp"

namespace halyard::hal {

/// What a program is made for.
struct ChipIdentity {
  std::string_view chip;
  std::uint32_t revision = 0;
};

/// An image whose constants may be elsewhere.
struct ImageView {
  const ProgramImage& image;
  std::span<const std::byte> constants;
};

/// Writes at most `out.size()` bytes; returns how many there are.
std::size_t write_container(const ChipIdentity& identity, const ImageView& plain,
                            const ImageView& profiled, std::span<std::byte> out);

struct LoadedProgram {
  ProgramImage plain, profiled;
};

/// Checks everything that does not need to know the chip. Throws Error: HALYARD_MALFORMED with
/// where, HALYARD_VERSION_MISMATCH for another chip, revision, plug-in ABI or format.
LoadedProgram read_container(std::span<const std::byte> file, const ChipIdentity& identity);

}  // namespace halyard::hal
