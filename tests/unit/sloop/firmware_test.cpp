// SPDX-License-Identifier: MIT
/// \file
/// What the boot ROM says of images, and the description that they are made from.

#include "chips/sloop/firmware.hpp"

#include <cstring>
#include <stdexcept>

#include "machine.hpp"

namespace halyard::emu::test {

namespace {

using sloop::boot_rom;
using sloop::Description;
using sloop::Firmware;
using sloop::verify_image;

std::uint32_t verify(std::span<const std::byte> image, std::uint32_t protocol = SLP_PROTOCOL) {
  Firmware firmware;
  return verify_image(image, protocol, boot_rom(), firmware);
}

/// The repository's image with a header changed and signed again.
template <typename Change>
std::vector<std::byte> changed(Change change) {
  const Description description = test_description();
  const auto payload = sloop::encode_program(description.program);
  slp_firmware_header header = sloop::make_header(description, payload);
  change(header);
  return sloop::seal_image(header, payload, test_key());
}

std::vector<std::byte> image_of(const std::vector<std::byte>& payload) {
  return sloop::seal_image(sloop::make_header(test_description(), payload), payload, test_key());
}

TEST(Firmware, TheRepositorysImageIsAccepted) {
  const Description description = test_description();
  Firmware firmware;
  EXPECT_EQ(
      verify_image(sloop::build_image(description, test_key()), SLP_PROTOCOL, boot_rom(), firmware),
      std::uint32_t{SLP_BOOT_OK});
  EXPECT_EQ(firmware.name, description.name);
  EXPECT_EQ(firmware.version, 0x01020000U);
  EXPECT_EQ(firmware.program.slice, description.program.slice);
  EXPECT_EQ(firmware.program.watchdog, description.program.watchdog);
  EXPECT_EQ(firmware.program.log, description.program.log);
}

TEST(Firmware, TheRomTrustsTheTestKey) {
  EXPECT_EQ(test_key().public_key(), boot_rom().key);
}

TEST(Firmware, EveryTruncationIsRefused) {
  const auto image = test_image();
  for (std::size_t size = 0; size < image.size(); ++size)
    ASSERT_EQ(verify(std::span(image).first(size)), std::uint32_t{SLP_BOOT_TRUNCATED}) << size;
}

TEST(Firmware, BytesBehindTheImageAreRefused) {
  auto image = test_image();
  image.push_back(std::byte{0});
  EXPECT_EQ(verify(image), std::uint32_t{SLP_BOOT_WRONG_SIZE});
}

TEST(Firmware, EveryFlippedBitIsNoticed) {
  const auto image = test_image();
  for (std::size_t bit = 0; bit < image.size() * 8; ++bit) {
    auto bad = image;
    bad[bit / 8] ^= std::byte{static_cast<unsigned char>(1U << bit % 8)};
    ASSERT_NE(verify(bad), std::uint32_t{SLP_BOOT_OK}) << "bit " << bit;
  }
}

TEST(Firmware, ChangedPayloadIsAWrongHash) {
  auto image = test_image();
  image.back() ^= std::byte{1};
  EXPECT_EQ(verify(image), std::uint32_t{SLP_BOOT_BAD_HASH});
}

TEST(Firmware, ChangedHeaderIsAWrongSignature) {
  auto image = test_image();
  image[offsetof(slp_firmware_header, version)] ^= std::byte{1};
  EXPECT_EQ(verify(image), std::uint32_t{SLP_BOOT_BAD_SIGNATURE});
}

TEST(Firmware, AnotherKeyIsAWrongSignature) {
  // Any other Ed25519 key: this one stands in RFC 8410.
  const sloop::SigningKey other(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n");
  EXPECT_EQ(verify(sloop::build_image(test_description(), other)),
            std::uint32_t{SLP_BOOT_BAD_SIGNATURE});
}

struct HeaderCase {
  const char* name;
  void (*change)(slp_firmware_header&);
  std::uint32_t status;
};

class HeaderRefusal : public testing::TestWithParam<HeaderCase> {};

TEST_P(HeaderRefusal, OfASignedHeader) {
  EXPECT_EQ(verify(changed(GetParam().change)), GetParam().status);
}

INSTANTIATE_TEST_SUITE_P(
    Firmware, HeaderRefusal,
    testing::Values(
        HeaderCase{"Magic", [](auto& h) { h.magic = 0x464c457f; }, SLP_BOOT_BAD_MAGIC},
        HeaderCase{"HeaderSize", [](auto& h) { h.header_size = 256; }, SLP_BOOT_BAD_HEADER},
        HeaderCase{"Reserved", [](auto& h) { h.reserved = 1; }, SLP_BOOT_BAD_HEADER},
        HeaderCase{"Reserved2", [](auto& h) { h.reserved2[31] = 1; }, SLP_BOOT_BAD_HEADER},
        HeaderCase{"NameWithoutEnd", [](auto& h) { std::memset(h.name, 'x', sizeof(h.name)); },
                   SLP_BOOT_BAD_HEADER},
        HeaderCase{"NoPayload", [](auto& h) { h.payload_size = 0; }, SLP_BOOT_BAD_HEADER},
        HeaderCase{"Chip", [](auto& h) { h.chip = 0x434c5031; }, SLP_BOOT_WRONG_CHIP},
        HeaderCase{"PayloadLonger", [](auto& h) { ++h.payload_size; }, SLP_BOOT_TRUNCATED},
        HeaderCase{"PayloadHuge", [](auto& h) { h.payload_size = ~0U; }, SLP_BOOT_TRUNCATED},
        HeaderCase{"PayloadShorter", [](auto& h) { --h.payload_size; }, SLP_BOOT_WRONG_SIZE},
        HeaderCase{"Security", [](auto& h) { h.security = 1; }, SLP_BOOT_ROLLBACK},
        HeaderCase{"TooOld",
                   [](auto& h) {
                     h.protocol_min = 1;
                     h.protocol_max = SLP_PROTOCOL - 1;
                   },
                   SLP_BOOT_TOO_OLD},
        HeaderCase{"TooNew",
                   [](auto& h) {
                     h.protocol_min = SLP_PROTOCOL + 1;
                     h.protocol_max = SLP_PROTOCOL + 2;
                   },
                   SLP_BOOT_TOO_NEW}),
    [](const auto& test) { return test.param.name; });

TEST(Firmware, EveryStatusHasItsSentence) {
  for (std::uint32_t status = 0; status < SLP_NUM_BOOT_STATUS; ++status)
    EXPECT_STRNE(sloop::boot_status_text(status), "unknown") << status;
  EXPECT_STREQ(sloop::boot_status_text(SLP_NUM_BOOT_STATUS), "unknown");
}

// ---- The payload
// ---------------------------------------------------------------------------------

TEST(Program, MalformedTablesAreRefused) {
  const auto good = sloop::encode_program(test_description().program);
  ASSERT_EQ(verify(image_of(good)), std::uint32_t{SLP_BOOT_OK});
  auto shorter = good;
  shorter.resize(good.size() - 8);
  auto longer = good;
  longer.resize(good.size() + 8);
  auto twice = good;
  std::memcpy(twice.data(), twice.data() + 8, 8);
  auto unknown_key = good;
  unknown_key[0] = std::byte{99};
  auto no_slice = good;
  std::memset(no_slice.data() + 4, 0, 4);
  for (const auto& bad : {shorter, longer, twice, unknown_key, no_slice})
    EXPECT_EQ(verify(image_of(bad)), std::uint32_t{SLP_BOOT_BAD_PAYLOAD});
}

// ---- Descriptions
// --------------------------------------------------------------------------------

class DescriptionRefusal : public testing::TestWithParam<std::pair<const char*, const char*>> {};

constexpr char kDescription[] =
    R"({"name": "n", "version": "1.2.3", "protocol": {"min": 2, "max": 3}, "security": 1,)"
    R"("program": {"slice_us": [100, 200, 300, 400], "watchdog_ms": 50, "log": "info"}})";

std::string replaced(const char* what, const char* by) {
  std::string text = kDescription;
  text.replace(text.find(what), std::strlen(what), by);
  return text;
}

TEST(Description, IsRead) {
  const Description description = sloop::parse_description(kDescription);
  EXPECT_EQ(description.name, "n");
  EXPECT_EQ(description.version, 0x01020003U);
  EXPECT_EQ(description.protocol_min, 2);
  EXPECT_EQ(description.protocol_max, 3);
  EXPECT_EQ(description.security, 1U);
  EXPECT_EQ(description.program.slice.at(3), 400us);
  EXPECT_EQ(description.program.watchdog, 50ms);
}

TEST_P(DescriptionRefusal, NamesTheField) {
  EXPECT_THROW(sloop::parse_description(replaced(GetParam().first, GetParam().second)),
               std::runtime_error);
}

INSTANTIATE_TEST_SUITE_P(
    Description, DescriptionRefusal,
    testing::Values(std::pair("{\"name\"", "{\"nom\""), std::pair("\"n\"", "7"),
                    std::pair("\"n\"", "\"a name that takes more than 31 bytes\""),
                    std::pair("1.2.3", "1.2"), std::pair("1.2.3", "1.2.3.4"),
                    std::pair("1.2.3", "256.0.0"), std::pair("1.2.3", "1.x.3"),
                    std::pair("\"min\": 2", "\"min\": 4"), std::pair("\"min\": 2", "\"min\": -1"),
                    std::pair("\"max\": 3", "\"max\": 65536"),
                    std::pair("\"security\": 1", "\"s\": 1"),
                    std::pair("[100, 200, 300, 400]", "[100, 200, 300]"),
                    std::pair("[100, 200, 300, 400]", "[1, 200, 300, 400]"), std::pair("50,", "5,"),
                    std::pair("\"info\"", "\"loud\""), std::pair("{\"slice", "{{\"slice")));

TEST(SigningKey, RefusesWhatIsNone) {
  EXPECT_THROW(sloop::SigningKey("no key"), std::runtime_error);
}

}  // namespace

}  // namespace halyard::emu::test
