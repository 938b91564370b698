// Reading a whole database from Redis.
#pragma once

#include <optional>

#include "keys.h"
#include "link.h"
#include "odb/server/store.h"
#include "possession.h"

namespace odb::server::redis {

// Hands out what there is; nothing when no server has begun a history there. Renews the possession
// while it reads. kDataDamaged names what is damaged.
Result<std::optional<StoredDatabase>> load_database(Possession& possession, const Keys& keys,
                                                    Link& link, const RedisOptions& options,
                                                    StoreLoader& loader);

// Parts of that, for who does not own it yet: nothing is renewed, and while the owner writes the
// number of rows means nothing. What is there, without what it holds.
Result<std::optional<StoredDatabase>> load_meta(Possession& possession, const Keys& keys,
                                                const RedisOptions& options);
// Types and rows.
Result<void> load_followed(Possession& possession, const Keys& keys, Link& link,
                           const RedisOptions& options, StoreLoader& loader);
Result<void> load_outcomes(Possession& possession, const Keys& keys, StoreLoader& loader);

}  // namespace odb::server::redis
