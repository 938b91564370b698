// InterestIndex: who wants to see a change. Its work grows with the change and those whom it
// touches.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <compare>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/ids.h"
#include "odb/core/interest.h"
#include "odb/core/messages.h"
#include "odb/core/row.h"
#include "odb/core/schema.h"
#include "odb/core/versioned_state.h"

namespace odb {

// How far the snapshot of a subscription has come: everything up to here has been sent. Snapshots
// go by type, and within a type by object.
struct SnapshotPosition {
  TypeId type;
  ObjectId object;
  friend auto operator<=>(const SnapshotPosition&, const SnapshotPosition&) = default;
};

// Interests of all sessions. One that is still loading covers only what its snapshot has sent, so
// that the snapshot, read piece by piece at the newest published version, and the deltas between
// its pieces together are exact: nothing is missed, nothing comes twice.
class InterestIndex {
 public:
  // Whether a subscriber sees an object before and after a change.
  struct Match {
    SessionId session;
    bool before = false;
    bool after = false;
    Loading loading = Loading::kEager;
  };

  InterestIndex();
  ~InterestIndex();

  // Requires that the pair is new and the interest passes check_interest.
  void add(SessionId session, SubscriptionId subscription, const Interest& interest,
           Loading loading, const Catalog& catalog);
  void remove(SessionId session, SubscriptionId subscription);
  // Every subscription and every created object of a session.
  void remove(SessionId session);

  // The session sees this object, which it created, until it lets go of it or the object is gone.
  // No effect when it is another session's.
  void add_created(SessionId session, ObjectId object);
  void remove_created(ObjectId object);
  bool has_created(SessionId session, ObjectId object) const;

  void set_position(SessionId session, SubscriptionId subscription, SnapshotPosition position);
  void set_loaded(SessionId session, SubscriptionId subscription);
  // Objects that came into the range of a subscription that is still loading, beyond its position,
  // since the last call: its snapshot, which goes by a list of objects, is to include them.
  boost::unordered_flat_set<ObjectId> take_arrivals(SessionId session, SubscriptionId subscription);

  // Types that `catalog` adds to schemas join the interests in these schemas.
  void extend(const Catalog& catalog);

  // Appends who sees this change of one object; a session may appear several times. `before` and
  // `after` are null when the object does not exist then.
  void match(const VersionedState& state, const CatalogType& type, ObjectId object,
             const Row* before, const Row* after, std::vector<Match>& out);

  bool empty() const;

 private:
  struct Registration {
    SessionId session;
    Interest interest;
    Loading loading = Loading::kEager;
    std::vector<TypeId> types;  // it is listed under these types
    std::string index_key;      // encoded, of an IndexInterest
    KeySpan span;               // encoded, of an IndexRangeInterest
    boost::unordered_flat_set<ObjectId> arrivals;
    bool loaded = false;
    SnapshotPosition position;

    bool covers(TypeId type, ObjectId object) const {
      return loaded || SnapshotPosition{type, object} <= position;
    }
  };
  using Listed = std::vector<Registration*>;
  using Name = std::pair<SessionId, SubscriptionId>;

  void list_type(Registration& registration, TypeId type);
  static void unlist(Listed& listed, const Registration* registration);
  void match_index(const VersionedState& state, const CatalogIndex& index, ObjectId object,
                   const Row* before, const Row* after, std::vector<Match>& out);

  struct Ranges;    // registrations by the ranges of keys that they cover
  struct Creators;  // who created what

  boost::unordered_flat_map<Name, std::unique_ptr<Registration>> registrations_;
  boost::unordered_flat_map<SessionId, std::vector<SubscriptionId>> subscriptions_of_;
  boost::unordered_flat_map<TypeId, Listed> by_type_;
  boost::unordered_flat_map<std::string, Listed> by_schema_;
  boost::unordered_flat_map<ObjectId, Listed> by_object_;
  boost::unordered_flat_map<IndexId, boost::unordered_flat_map<std::string, Listed>> by_index_;
  std::unique_ptr<Ranges> ranges_;
  std::unique_ptr<Creators> creators_;
};

}  // namespace odb
