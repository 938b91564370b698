// Database: what a server serves, as it begins with it.
#pragma once

#include <memory>

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

// Loads what the store has and begins, durably: with the store's own history, or with `fresh` when
// the store is empty or may have lost versions. The store is the caller's alone from here on.
// kBadConfiguration and others when it cannot be used; it is given up then.
Result<std::unique_ptr<Database>> open_database(Store& store, HistoryId fresh,
                                                const Limits& limits);

}  // namespace odb::server
