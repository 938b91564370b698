// InterestIndex: who wants to see a change. Its work grows with the change and those whom it
// touches.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <compare>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/ids.h"
#include "odb/core/interest.h"
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
  };

  // Requires that the pair is new and the interest's names and numbers are in the catalog.
  void add(SessionId session, SubscriptionId subscription, const Interest& interest,
           const Catalog& catalog);
  void remove(SessionId session, SubscriptionId subscription);

  void set_position(SessionId session, SubscriptionId subscription, SnapshotPosition position);
  void set_loaded(SessionId session, SubscriptionId subscription);

  // Types that `catalog` adds to schemas join the interests in these schemas.
  void extend(const Catalog& catalog);

  // Appends who sees this change of one object; a session may appear several times. `before` and
  // `after` are null when the object does not exist then.
  void match(const VersionedState& state, const CatalogType& type, ObjectId object,
             const Row* before, const Row* after, std::vector<Match>& out) const;

  bool empty() const { return registrations_.empty(); }

 private:
  struct Registration {
    SessionId session;
    Interest interest;
    std::vector<TypeId> types;  // it is listed under these types
    std::string index_key;      // encoded, of an IndexInterest
    bool loaded = false;
    SnapshotPosition position;

    bool covers(TypeId type, ObjectId object) const {
      return loaded || SnapshotPosition{type, object} <= position;
    }
  };
  using Listed = std::vector<Registration*>;
  using Name = std::pair<SessionId, SubscriptionId>;
  using IndexKey = std::pair<IndexId, std::string>;

  void list_type(Registration& registration, TypeId type);
  static void unlist(Listed& listed, const Registration* registration);
  void match_index(const VersionedState& state, const CatalogIndex& index, ObjectId object,
                   const Row* before, const Row* after, std::vector<Match>& out) const;

  boost::unordered_flat_map<Name, std::unique_ptr<Registration>> registrations_;
  boost::unordered_flat_map<TypeId, Listed> by_type_;
  boost::unordered_flat_map<std::string, Listed> by_schema_;
  boost::unordered_flat_map<ObjectId, Listed> by_object_;
  boost::unordered_flat_map<IndexId, boost::unordered_flat_map<std::string, Listed>> by_index_;
};

}  // namespace odb
