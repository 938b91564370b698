// Reading a whole database from Redis.
#pragma once

#include <optional>

#include "keys.h"
#include "link.h"
#include "odb/server/store.h"
#include "possession.h"

namespace odb::server::redis {

// Hands out what there is; nothing when no server has begun a history there. Renews the possession
// while it reads. kBadConfiguration names what is damaged.
Result<std::optional<StoredDatabase>> load_database(Possession& possession, const Keys& keys,
                                                    Link& link, const RedisOptions& options,
                                                    StoreLoader& loader);

}  // namespace odb::server::redis
