// Database: what a server serves, as it begins with it.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/versioned_state.h"
#include "odb/server/limits.h"
#include "odb/server/outcome_table.h"
#include "odb/server/store.h"

namespace odb::server {

struct Database {
  explicit Database(const Limits& given) : limits(given) {}

  const Limits limits;
  VersionedState state;
  OutcomeTable outcomes{limits};
  HistoryId history;
  // No identity below it is granted again. Of a new history it may be set anywhere: far from those
  // of others, so that what clients refer to of an earlier one is not there, instead of being
  // something else.
  ObjectId ids_below{1};
  bool is_new_history = true;
};

// What hands out a database, as Store::load() does.
using LoadDatabase = std::function<Result<std::optional<StoredDatabase>>(StoreLoader&)>;

// Takes in what `load` hands out, and checks all of it: whether it fits its schema, its unique
// indexes, its versions and identities. Nothing when there is nothing. `database` is new; after an
// error it is of no use. Begins nothing: for programs that only look, or take it elsewhere.
Result<std::optional<StoredDatabase>> read_database(const LoadDatabase& load, Database& database);

// Loads what the store has and begins, durably: with the store's own history, or with `fresh` when
// the store is empty or may have lost versions. The store is the caller's alone from here on.
// kBadConfiguration and others when it cannot be used; it is given up then.
Result<std::unique_ptr<Database>> open_database(Store& store, HistoryId fresh,
                                                const Limits& limits);

}  // namespace odb::server
