// ConnectionObjects: the objects of core.Connection, and the end of what they own.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <cstdint>
#include <string>

#include "odb/core/versioned_state.h"
#include "odb/server/commit_pipeline.h"
#include "odb/server/session.h"

namespace odb::server {

struct ConnectionInfo {
  std::string name;  // of the program
  std::string actor;
  std::string address;
  std::int64_t since_ns = 0;  // UTC
  ClientId client;
};

// Keeps the database in line with who is connected, by ordinary commits of the server's own: a
// connection that has opened gets its object, one that has ended loses it together with all objects
// that it owned (IndexRole::kOwner). Nothing is committed before somebody knows the schema "core",
// since nobody could see it. A commit that the store could not take is made again later.
//
// Belongs to ServerCore and its thread.
class ConnectionObjects {
 public:
  ConnectionObjects(const VersionedState& state, CommitPipeline& pipeline)
      : state_(state), pipeline_(pipeline) {}

  void opened(ObjectId connection, ConnectionInfo info);
  void ended(ObjectId connection);
  // The link broke: ended at that time, unless the client comes back.
  void lost(ObjectId connection, Time ends_at);
  // A client of this actor came back to this one; false when it has ended, or never was.
  bool adopt(ObjectId connection, const std::string& actor);
  // Those that were there when the server started count as lost from the first call on.
  void find_left_behind();
  void expire(Time now, std::chrono::milliseconds grace);

  // Commits what has changed since the last call.
  void update();
  // What became of one of these commits; its origin carries the same request number.
  void on_outcome(RequestId commit, const CommitOutcome& outcome);
  // A commit failed: the next update() makes it again.
  bool needs_retry() const { return compare_all_; }

  // That of core.Connection; 0 while it is not known.
  TypeId type() const;  // 0 while nobody knows it

 private:
  void create(const CatalogType& type, ObjectId connection, const ConnectionInfo& info);
  void remove(const CatalogType& type, ObjectId connection, const ConnectionInfo& info);
  bool is_under_way(ObjectId connection) const;
  void submit(Changeset changes, ObjectId connection, const ConnectionInfo& info);

  const VersionedState& state_;
  CommitPipeline& pipeline_;
  boost::unordered_flat_map<ObjectId, ConnectionInfo> live_;   // those lost for now included
  boost::unordered_flat_map<ObjectId, Time> lost_;             // when they end
  boost::unordered_flat_map<ObjectId, ConnectionInfo> ended_;  // until their removal is durable
  boost::unordered_flat_set<ObjectId> changed_;                // since the last update
  boost::unordered_flat_map<RequestId, ObjectId> commits_;     // under way
  RequestId last_commit_;
  bool was_known_ = false;  // the type, at the last update
  bool compare_all_ = false;
  mutable std::shared_ptr<const Catalog> type_as_of_;
  mutable TypeId type_;
};

}  // namespace odb::server
