// The keys of one database in Redis. docs/redis.md describes them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "odb/server/store.h"

namespace odb::server::redis {

inline constexpr const char* kFormat = "odb 1";

class Keys {
 public:
  explicit Keys(std::string prefix);

  const std::string meta;      // hash
  const std::string lease;     // the owner's id, while it lasts
  const std::string schema;    // hash: type -> CatalogType
  const std::string outcomes;  // hash: client -> OutcomesRecord
  const std::string log;       // stream: an entry for each append, of LogRecords
  const std::string rows;      // what comes before "TYPE:OBJECT": ObjectRecord

  std::string row(TypeId type, ObjectId object) const;
  // Nothing: it is not the key of a row.
  std::optional<TouchedObject> parse_row(std::string_view key) const;
  bool is_ours(std::string_view key) const;  // a row or one of the others
  std::string pattern() const;               // matches every key under the prefix

 private:
  const std::string prefix_;
};

std::string to_text(const ClientId& client);  // 32 hexadecimal digits
std::optional<ClientId> parse_client(std::string_view text);
std::string to_text(const HistoryId& history);
std::optional<HistoryId> parse_history(std::string_view text);
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace odb::server::redis
