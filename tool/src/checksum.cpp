#include "odb/tool/checksum.h"

#include <openssl/evp.h>

#include <array>

#include "odb/core/error.h"

namespace odb::tool {

struct Checksum::Context {
  EVP_MD_CTX* digest = EVP_MD_CTX_new();
  Context() { ODB_CHECK(digest != nullptr && EVP_DigestInit(digest, EVP_sha256()) == 1); }
  ~Context() { EVP_MD_CTX_free(digest); }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
};

Checksum::Checksum() : context_(std::make_unique<Context>()) {}
Checksum::~Checksum() = default;

void Checksum::add(std::string_view bytes) {
  ODB_CHECK(EVP_DigestUpdate(context_->digest, bytes.data(), bytes.size()) == 1);
}

std::string Checksum::hex() const {
  constexpr std::string_view kHex = "0123456789abcdef";
  const Context copy;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  ODB_CHECK(EVP_MD_CTX_copy_ex(copy.digest, context_->digest) == 1);
  ODB_CHECK(EVP_DigestFinal_ex(copy.digest, digest.data(), &size) == 1);
  std::string text;
  for (unsigned i = 0; i < size; ++i) {
    text += kHex[digest[i] >> 4];
    text += kHex[digest[i] & 15];
  }
  return text;
}

}  // namespace odb::tool
