// How both sides prove that they know a token without sending it: HMAC-SHA256 under the token over
// a label and the TLS channel binding. A man in the middle has two channels, hence two bindings,
// and can replay neither side's proof. Pure functions.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "odb/core/messages.h"
#include "odb/net/byte_stream.h"

namespace odb::net {

// Names a token without giving it away; the same on every channel.
TokenId token_id(std::string_view token);

// What a client sends (Authenticate), and what the server answers (Authenticated). The labels
// differ, so neither can be sent back as the other.
Proof client_proof(std::string_view token, const ChannelBinding& binding);
Proof server_proof(std::string_view token, const ChannelBinding& binding);

// Whether a received proof is the right one, in time that does not depend on it. A proof of any
// other length is wrong.
bool is_client_proof(std::span<const std::byte> proof, std::string_view token,
                     const ChannelBinding& binding);
bool is_server_proof(std::span<const std::byte> proof, std::string_view token,
                     const ChannelBinding& binding);

// Compares in time that depends on the lengths only.
bool equal_in_constant_time(std::span<const std::byte> a, std::span<const std::byte> b);

// 256 random bits in base64url: 43 characters.
std::string make_token();

// A token with fewer characters than 128 bits take in base64url: whoever gets a proof (an impostor
// server, say) can try guesses against it offline.
inline constexpr std::size_t kTokenCharactersMin = 22;
bool is_weak(std::string_view token);

}  // namespace odb::net
