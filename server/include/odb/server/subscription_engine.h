// SubscriptionEngine: a published version becomes one delta for each session that it touches.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "odb/core/interest_index.h"
#include "odb/core/messages.h"
#include "odb/core/versioned_state.h"
#include "odb/server/access_policy.h"
#include "odb/server/commit_pipeline.h"
#include "odb/server/store.h"
#include "odb/wire/frame.h"

namespace odb::server {

// A delta that a SubscriptionEngine holds.
using DeltaNumber = std::uint32_t;

// Learns which sessions see what of a version.
class DeltaReceiver {
 public:
  virtual ~DeltaReceiver() = default;
  virtual const std::string& actor_of(SessionId session) const = 0;
  // The session is to be told this, after what it was to be told before.
  virtual void deliver(SessionId session, DeltaNumber delta) = 0;
};

// Whose commit it is, while its session is there.
struct Author {
  SessionId session;           // 0: nobody's
  bool keeps_created = false;  // sees what it created, whatever it subscribed to
  bool takes_outcome = false;  // takes the outcome for its delta where that says the same
};

// Holds the deltas that it makes until all that was published together is there: who is to be told
// several gets them in one message, and sessions that see the same share its bytes.
class SubscriptionEngine {
 public:
  SubscriptionEngine(const VersionedState& state, const AccessPolicy& policy);

  InterestIndex& interests() { return interests_; }

  // Requires that record.version is the last one published and still within the horizon, with the
  // version before it; `catalog` as of then, for the state's may be ahead.
  AuthorsDelta publish(const CommitRecord& record, const Catalog& catalog, const Author& author,
                       DeltaReceiver& receiver);

  // What the deltas held take, about.
  std::size_t held_bytes() const { return held_bytes_; }
  std::size_t bytes_of(DeltaNumber delta) const { return held_[delta].bytes; }
  // One message of these, at least one; null when they do not fit one message. Whoever takes only
  // single ones asks for one at a time.
  wire::EncodedMessage encode(std::span<const DeltaNumber> deltas);
  // Their numbers mean nothing any more.
  void drop_held();

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
  struct Held {
    Delta delta;
    std::size_t bytes = 0;
    wire::EncodedMessage alone;  // null: not encoded yet
  };

  DeltaNumber hold(const CommitRecord& record, const Catalog& catalog, const std::string& actions);
  void project(Changeset& out, const CommitRecord& record, const Catalog& catalog,
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

  std::vector<Held> held_;  // the first held_used_; the others are kept for their memory
  std::size_t held_used_ = 0;
  std::size_t held_bytes_ = 0;
  boost::unordered_map<std::vector<DeltaNumber>, wire::EncodedMessage> together_;  // of those held
};

}  // namespace odb::server
