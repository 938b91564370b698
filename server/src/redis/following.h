// Following: a standby's copy of the database, kept up to date with what the owner writes.
#pragma once

#include <optional>

#include "keys.h"
#include "link.h"
#include "odb/server/store.h"
#include "possession.h"

namespace odb::server::redis {

// Reads everything once, while the owner goes on writing, and then the log. When this server takes
// over, only the end of the log is left to read. One thread at a time.
class Following {
 public:
  Following(Possession& possession, const Keys& keys, Link& link, const RedisOptions& options,
            StoreLoader& loader)
      : possession_(possession), keys_(keys), link_(link), options_(options), loader_(loader) {}

  // What is new since the last call; the first one reads everything, which takes its time.
  // kUnavailable: it cannot be followed from here, because the log has been cut off already or what
  // was read does not fit together; another attempt, with a new loader, may succeed.
  Result<void> step();
  // With possession. What is there, the loader has it all; nothing when there was nothing to follow
  // yet, and the loader has nothing.
  Result<std::optional<StoredDatabase>> finish();

 private:
  Result<void> begin();
  Result<void> read_log();
  Result<bool> read_page();
  Result<void> take(const Reply& entry);

  Possession& possession_;
  const Keys& keys_;
  Link& link_;
  const RedisOptions& options_;
  StoreLoader& loader_;
  std::optional<StoredDatabase> begun_;  // as it was when it began
  Version version_;                      // that the loader has
};

}  // namespace odb::server::redis
