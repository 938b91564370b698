// What a session has under way that takes several messages to answer.
#pragma once

#include <deque>
#include <map>
#include <optional>

#include "odb/server/session.h"
#include "snapshot_reader.h"

namespace odb::server {

struct Session::Jobs {
  // A subscription that is loading. What ends one, or lets go of objects, takes its turn behind
  // those that load: they do not bring again what the client holds already.
  struct OfSubscription {
    SubscriptionId subscription;
    std::optional<SnapshotReader> reader;  // nothing: unsubscribe, or release
    std::optional<Release> release;
    bool again = false;  // it was loaded before: a new index needs fields that were left out
  };
  // Objects that were asked for as of a version.
  struct Load {
    RequestId request;
    VersionedState::Pin version;
    SnapshotReader reader;
    Time begun{};
  };

  std::deque<OfSubscription> subscriptions;
  std::map<SubscriptionId, Interest> lazy;  // every lazy subscription
  std::deque<Load> loads;
};

}  // namespace odb::server
