// TokenTable: the tokens that a server accepts, each with the name of the actor who holds it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/messages.h"
#include "odb/net/byte_stream.h"

namespace odb::net {

struct NamedToken {
  std::string name;  // the actor: appears in deltas, conflicts and logs
  std::string token;
};

// Immutable, hence usable from any thread.
class TokenTable {
 public:
  static constexpr std::size_t kFileBytesMax = 1024 * 1024;
  static constexpr std::size_t kNameBytesMax = 64;

  // Refuses no tokens, empty ones, a name or token that occurs twice: kBadConfiguration. No error
  // of this class ever contains a token.
  static Result<TokenTable> create(std::vector<NamedToken> tokens);

  // A file with one `name token` per line; empty lines and those that start with # are skipped.
  // kBadConfiguration names the file and the line.
  static Result<TokenTable> from_file(const std::string& file);
  static Result<TokenTable> parse(std::string_view text, const std::string& file);

  // Who it is, and the proof that the server owes in return.
  struct Admission {
    std::string actor;
    Proof server_proof{};
  };
  // Nothing for an unknown token and for a wrong proof alike, after the same work.
  std::optional<Admission> authenticate(const TokenId& id, const Proof& proof,
                                        const ChannelBinding& binding) const;

  // Names whose tokens are weak (authentication.h), for a warning.
  std::vector<std::string> weak_names() const;

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    TokenId id{};
    NamedToken named;
  };
  TokenTable();
  Result<void> add(NamedToken named);

  std::vector<Entry> entries_;
  std::string decoy_;  // stands in for an unknown token
};

}  // namespace odb::net
