// SPDX-License-Identifier: MIT
/// \file
/// Images that are whole and signed, and still not for this card and driver: each is refused with
/// its own reason. The images are made here, with the test key.

#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "chips/sloop/firmware/builder.hpp"
#include "firmware.hpp"

namespace halyard::test {
namespace {

using emu::sloop::Description;
using emu::sloop::SigningKey;

std::string source(const char* name) {
  return read_text(std::string(HALYARD_SLOOP_FIRMWARE_FOLDER "/") + name);
}

std::string text_of(const std::vector<std::byte>& image) {
  return {reinterpret_cast<const char*>(image.data()), image.size()};
}

class SignedFirmware : public FirmwareTest {
 protected:
  template <typename Change>
  void refuse(Change change, const char* reason) {
    const auto payload = emu::sloop::encode_program(description_.program);
    slp_firmware_header header = emu::sloop::make_header(description_, payload);
    change(header);
    put_image(text_of(emu::sloop::seal_image(header, payload, key_)));
    EXPECT_EQ(reload(), ENOEXEC);
    expect_out_of_use(reason);
  }

  const SigningKey key_{source("test-key.pem")};
  Description description_ = emu::sloop::parse_description(source("firmware.json"));
};

TEST_F(SignedFirmware, AnotherVersionRuns) {
  description_.version = 0x02010005;
  description_.name = "another";
  put_image(text_of(emu::sloop::build_image(description_, key_)));
  EXPECT_EQ(reload(), 0);
  EXPECT_STREQ(query().version, "2.1.5 (another)");
}

TEST_F(SignedFirmware, TooOld) {
  refuse(
      [](auto& header) {
        header.protocol_min = 1;
        header.protocol_max = SLP_PROTOCOL - 1;
      },
      "too old");
}

TEST_F(SignedFirmware, TooNew) {
  refuse([](auto& header) { header.protocol_min = header.protocol_max = SLP_PROTOCOL + 1; },
         "too new");
}

TEST_F(SignedFirmware, RolledBack) {
  refuse([](auto& header) { header.security = 1; }, "security number");
}

TEST_F(SignedFirmware, ForAnotherChip) {
  refuse([](auto& header) { header.chip ^= 1; }, "another chip");
}

TEST_F(SignedFirmware, MalformedHeader) {
  refuse([](auto& header) { header.reserved2[7] = 1; }, "header is malformed");
}

TEST_F(SignedFirmware, NoProgram) {
  const std::vector<std::byte> payload(48, std::byte{0x55});
  put_image(text_of(
      emu::sloop::seal_image(emu::sloop::make_header(description_, payload), payload, key_)));
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("no program");
}

/// Ed25519, but not the key that the card trusts: it stands in RFC 8410.
TEST_F(SignedFirmware, ByAnotherKey) {
  const SigningKey other(
      "-----BEGIN PRIVATE KEY-----\n"
      "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
      "-----END PRIVATE KEY-----\n");
  put_image(text_of(emu::sloop::build_image(description_, other)));
  EXPECT_EQ(reload(), ENOEXEC);
  expect_out_of_use("signature");
}

}  // namespace
}  // namespace halyard::test
