// SPDX-License-Identifier: MIT
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <stdexcept>

#include "chips/sloop/firmware/builder.hpp"

namespace halyard::emu::sloop {

namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeBio {
  void operator()(BIO* bio) const { BIO_free(bio); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

void require(bool done, const char* what) {
  if (!done) throw std::runtime_error(what);
}

}  // namespace

struct SigningKey::Key {
  std::unique_ptr<EVP_PKEY, FreeKey> key;
};

SigningKey::SigningKey(const std::string& pem) : key_(std::make_unique<Key>()) {
  const std::unique_ptr<BIO, FreeBio> bio(
      BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  key_->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, nullptr, nullptr));
  require(key_->key != nullptr && EVP_PKEY_id(key_->key.get()) == EVP_PKEY_ED25519,
          "the key is not an Ed25519 private key in PEM");
}

SigningKey::~SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;

PublicKey SigningKey::public_key() const {
  PublicKey key;
  std::size_t size = key.size();
  require(EVP_PKEY_get_raw_public_key(key_->key.get(), key.data(), &size) == 1,
          "the key has no public half");
  return key;
}

void SigningKey::sign(std::span<const std::byte> text,
                      std::span<std::uint8_t, 64> signature) const {
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  std::size_t size = signature.size();
  require(
      context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_->key.get()) == 1,
      "Ed25519 is not available");
  require(EVP_DigestSign(context.get(), signature.data(), &size,
                         reinterpret_cast<const unsigned char*>(text.data()), text.size()) == 1,
          "signing failed");
}

}  // namespace halyard::emu::sloop
