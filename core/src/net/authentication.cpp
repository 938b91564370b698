#include "odb/net/authentication.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include "odb/net/random.h"

namespace odb::net {
namespace {

// Fixed length after the label's end, so no two (label, binding) pairs give the same text.
constexpr std::string_view kTokenIdLabel = "odb token id v1";
constexpr std::string_view kClientProofLabel = "odb client proof v1";
constexpr std::string_view kServerProofLabel = "odb server proof v1";

constexpr std::size_t kTokenBytes = 32;

const unsigned char* as_unsigned(const void* bytes) {
  return static_cast<const unsigned char*>(bytes);
}

Proof hmac_sha256(std::string_view token, std::string_view label,
                  std::span<const std::byte> binding) {
  std::string text(label);
  text.push_back('\0');
  text.append(reinterpret_cast<const char*>(binding.data()), binding.size());
  Proof proof;
  unsigned size = 0;
  const void* result =
      HMAC(EVP_sha256(), token.data(), static_cast<int>(token.size()), as_unsigned(text.data()),
           text.size(), reinterpret_cast<unsigned char*>(proof.data()), &size);
  ODB_CHECK(result != nullptr && size == proof.size());
  return proof;
}

std::string base64url(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string text;
  unsigned pending = 0;
  int pending_bits = 0;
  for (const std::byte byte : bytes) {
    pending = pending << 8 | std::to_integer<unsigned>(byte);
    for (pending_bits += 8; pending_bits >= 6; pending_bits -= 6) {
      text.push_back(kDigits[pending >> (pending_bits - 6) & 63]);
    }
  }
  if (pending_bits > 0) text.push_back(kDigits[pending << (6 - pending_bits) & 63]);
  return text;
}

}  // namespace

TokenId token_id(std::string_view token) {
  const Proof digest = hmac_sha256(token, kTokenIdLabel, {});
  TokenId id;
  std::copy_n(digest.begin(), id.size(), id.begin());
  return id;
}

Proof client_proof(std::string_view token, const ChannelBinding& binding) {
  return hmac_sha256(token, kClientProofLabel, binding);
}

Proof server_proof(std::string_view token, const ChannelBinding& binding) {
  return hmac_sha256(token, kServerProofLabel, binding);
}

bool is_client_proof(std::span<const std::byte> proof, std::string_view token,
                     const ChannelBinding& binding) {
  return equal_in_constant_time(proof, client_proof(token, binding));
}

bool is_server_proof(std::span<const std::byte> proof, std::string_view token,
                     const ChannelBinding& binding) {
  return equal_in_constant_time(proof, server_proof(token, binding));
}

bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string make_token() {
  std::array<std::byte, kTokenBytes> bytes;
  random_bytes(bytes);
  return base64url(bytes);
}

bool is_weak(std::string_view token) { return token.size() < kTokenCharactersMin; }

}  // namespace odb::net
