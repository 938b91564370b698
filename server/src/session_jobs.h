// What a session has under way that takes several messages to answer.
#pragma once

#include <deque>
#include <optional>

#include "odb/server/session.h"
#include "snapshot_reader.h"

namespace odb::server {

struct Session::Jobs {
  // A subscription that is loading, or the end of one that is to take its turn behind those.
  struct OfSubscription {
    SubscriptionId subscription;
    std::optional<SnapshotReader> reader;  // nothing: unsubscribe
  };
  // Objects that were asked for as of a version.
  struct Load {
    RequestId request;
    VersionedState::Pin version;
    SnapshotReader reader;
    Time begun{};
  };

  std::deque<OfSubscription> subscriptions;
  std::deque<Load> loads;
};

}  // namespace odb::server
