// TransactionState: read set and write set over a snapshot. No threads, no connection.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "odb/client/detail/snapshot.h"
#include "odb/client/object_ref.h"
#include "odb/core/changeset.h"

namespace odb::detail {

class TransactionState {
 public:
  explicit TransactionState(std::shared_ptr<const Snapshot> snapshot);

  const Snapshot& snapshot() const { return *snapshot_; }
  bool has_ended() const { return ended_; }
  void end() { ended_ = true; }

  bool exists(ObjectRef object);
  // The reference lives until the next write.
  const Value& get(ObjectRef object, FieldId field);
  std::vector<ObjectRef> all(TypeId type);
  std::vector<ObjectRef> lookup(IndexId index, std::span<const Value> values);

  void create(ObjectRef object, std::vector<std::pair<FieldId, Value>> fields);
  void set(ObjectRef object, FieldId field, Value value);
  void remove(ObjectRef object);

  bool has_writes() const;
  ReadSet reads() const;
  Changeset writes() const;
  // Read set and write set as one request; the state has ended then.
  CommitRequest take_request();

  // The names of an index's fields and the given values checked against it; the encoded key.
  static std::string key_of(const Catalog& catalog, IndexId index, std::span<const Value> values);

 private:
  struct Write {
    ObjectChange::Kind kind = ObjectChange::Kind::kUpdate;
    bool created_here = false;
    ObjectRef object;
    std::vector<std::pair<FieldId, Value>> cells;
    const Value* find(FieldId field) const;
  };

  void check_open() const;
  const CatalogType& type_of(ObjectRef object) const;
  Write* write_of(ObjectRef object);
  const Write* write_of(ObjectRef object) const;
  Write& write_for(ObjectRef object);
  // The snapshot's row, or null when it surely does not exist; throws NotSubscribedError otherwise.
  const Row* find_covered(ObjectRef object) const;
  void check_not_absent(ObjectRef object);
  // Whether a written object has this key; what that hangs on besides the writes is read. Throws
  // NotSubscribedError when a blind write leaves open what the rest of the key is.
  bool has_key_after(const CatalogType& type, const CatalogIndex& index,
                     std::span<const Value> values, const Write& write);
  [[noreturn]] void throw_absent(ObjectRef object) const;
  static void check_value(const CatalogType& type, FieldId field, const Value& value);

  std::shared_ptr<const Snapshot> snapshot_;
  bool ended_ = false;
  boost::unordered_flat_set<CellRead> cell_reads_;
  boost::unordered_flat_set<ExistenceRead> existence_reads_;
  boost::unordered_flat_set<IndexRead> index_reads_;
  boost::unordered_flat_set<MembershipRead> membership_reads_;
  std::vector<Write> writes_;  // in the order of first writes
  boost::unordered_flat_map<ObjectId, std::size_t> write_places_;
};

}  // namespace odb::detail
