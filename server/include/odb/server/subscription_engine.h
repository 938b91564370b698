// SubscriptionEngine: a published version becomes one delta for each session that it touches.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <functional>
#include <string>
#include <vector>

#include "odb/core/interest_index.h"
#include "odb/core/versioned_state.h"
#include "odb/server/access_policy.h"
#include "odb/server/commit_pipeline.h"
#include "odb/server/store.h"
#include "odb/wire/frame.h"

namespace odb::server {

// What a session is sent for a version. Sessions that see the same share the bytes.
class DeltaReceiver {
 public:
  virtual ~DeltaReceiver() = default;
  virtual const std::string& actor_of(SessionId session) const = 0;
  // `delta` is null when what the session is to be told does not fit one message.
  virtual void deliver(SessionId session, const wire::EncodedMessage& delta) = 0;
};

// Whose commit it is, while its session is there.
struct Author {
  SessionId session;           // 0: nobody's
  bool keeps_created = false;  // sees what it created, whatever it subscribed to
  bool takes_outcome = false;  // takes the outcome for its delta where that says the same
};

class SubscriptionEngine {
 public:
  SubscriptionEngine(const VersionedState& state, const AccessPolicy& policy);

  InterestIndex& interests() { return interests_; }

  // Requires that record.version is the last one published and still within the horizon, with the
  // version before it; `catalog` as of then, for the state's may be ahead.
  AuthorsDelta publish(const CommitRecord& record, const Catalog& catalog, const Author& author,
                       DeltaReceiver& receiver);

 private:
  // What one change is to one session.
  enum class Action : char { kSkip, kPass, kEnter, kEnterLazily, kLeave };

  // One action for each change of the record; sessions with equal ones get the same bytes.
  struct Projection {
    SessionId session;
    std::string actions;
  };

  Projection& projection_of(SessionId session, std::size_t changes);
  void note(const InterestIndex::Match& match, std::size_t change, std::size_t changes);
  static bool is_as_sent(const CommitRecord& record, const std::string& actions);
  wire::EncodedMessage encode(const CommitRecord& record, const Catalog& catalog,
                              const std::string& actions) const;
  void append_row(Changeset& out, const CommitRecord& record, const Catalog& catalog,
                  const ObjectChange& change, Loading loading) const;

  const VersionedState& state_;
  const AccessPolicy& policy_;
  InterestIndex interests_;

  // Kept between calls for their memory.
  std::vector<InterestIndex::Match> matches_;
  std::vector<Projection> projections_;
  std::size_t projections_used_ = 0;
  boost::unordered_flat_map<SessionId, std::size_t> place_of_;  // in projections_
};

}  // namespace odb::server
