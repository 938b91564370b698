#include "odb/net/token_table.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>
#include <utility>

#include "odb/core/type.h"
#include "odb/net/authentication.h"

namespace odb::net {
namespace {

constexpr std::string_view kBlanks = " \t\r";

Error bad_configuration(std::string message) {
  return {ErrorCode::kBadConfiguration, std::move(message)};
}

bool has_control_characters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) {
    const auto code = static_cast<unsigned char>(c);
    return code < 0x20 || code == 0x7F;
  });
}

// Cuts the next word off the front of `line`; empty when there is none.
std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(kBlanks));
  line.remove_prefix(word.size());
  return word;
}

}  // namespace

// Adds one token, or tells what is wrong with it.
Result<void> TokenTable::add(NamedToken named) {
  const std::string& name = named.name;
  if (name.empty()) return bad_configuration("a token needs a name");
  if (name.size() > kNameBytesMax) {
    return bad_configuration("the name of a token has at most " + std::to_string(kNameBytesMax) +
                             " bytes, found " + std::to_string(name.size()));
  }
  if (!is_valid_utf8(name) || has_control_characters(name)) {
    return bad_configuration("the name of a token is text in UTF-8 without control characters");
  }
  if (named.token.empty()) return bad_configuration("the token of \"" + name + "\" is empty");
  const TokenId id = token_id(named.token);
  for (const Entry& entry : entries_) {
    if (entry.named.name == name) {
      return bad_configuration("the name \"" + name + "\" occurs twice");
    }
    if (entry.id == id) {
      return bad_configuration("\"" + entry.named.name + "\" and \"" + name +
                               "\" have the same token");
    }
  }
  entries_.push_back({id, std::move(named)});
  return {};
}

Result<TokenTable> TokenTable::create(std::vector<NamedToken> tokens) {
  if (tokens.empty()) return bad_configuration("a server needs at least one token");
  TokenTable table;
  for (NamedToken& named : tokens) {
    if (auto added = table.add(std::move(named)); !added) return added.error();
  }
  return table;
}

Result<TokenTable> TokenTable::from_file(const std::string& file) {
  struct Closer {
    void operator()(std::FILE* opened) const { std::fclose(opened); }
  };
  const std::unique_ptr<std::FILE, Closer> opened(std::fopen(file.c_str(), "rb"));
  std::string text(kFileBytesMax + 1, '\0');
  const std::size_t size = opened ? std::fread(text.data(), 1, text.size(), opened.get()) : 0;
  if (!opened || std::ferror(opened.get()) != 0) {
    return bad_configuration("token file " + file +
                             " cannot be read: " + std::generic_category().message(errno));
  }
  if (size > kFileBytesMax) {
    return bad_configuration("token file " + file + " is larger than " +
                             std::to_string(kFileBytesMax) + " bytes");
  }
  text.resize(size);
  return parse(text, file);
}

Result<TokenTable> TokenTable::parse(std::string_view text, const std::string& file) {
  TokenTable table;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view name = next_word(line);
    if (name.empty() || name.starts_with('#')) continue;
    const std::string_view token = next_word(line);

    const std::string place = "token file " + file + ", line " + std::to_string(number) + ": ";
    if (token.empty()) return bad_configuration(place + "expected a name and a token");
    if (!next_word(line).empty()) {
      return bad_configuration(place + "expected a name and a token, found more than two words");
    }
    if (auto added = table.add({std::string(name), std::string(token)}); !added) {
      return bad_configuration(place + added.error().message);
    }
  }
  if (table.entries_.empty()) {
    return bad_configuration("token file " + file + " contains no token");
  }
  return table;
}

TokenTable::TokenTable() : decoy_(make_token()) {}

std::optional<TokenTable::Admission> TokenTable::authenticate(const TokenId& id, const Proof& proof,
                                                              const ChannelBinding& binding) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (equal_in_constant_time(entry.id, id)) found = &entry;
  }
  const std::string& token = found ? found->named.token : decoy_;
  const bool is_right = is_client_proof(proof, token, binding);
  if (!found || !is_right) return std::nullopt;
  return Admission{found->named.name, server_proof(token, binding)};
}

std::vector<std::string> TokenTable::weak_names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (is_weak(entry.named.token)) names.push_back(entry.named.name);
  }
  return names;
}

}  // namespace odb::net
