// TransactionState: read set and write set over a snapshot. No threads, no connection.
#pragma once

#include <boost/container/small_vector.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "odb/client/detail/snapshot.h"
#include "odb/client/detail/write_set.h"
#include "odb/client/object_ref.h"
#include "odb/core/changeset.h"

namespace odb::detail {

// A set of cells. Most transactions read few, which need no hash table.
class CellReads {
 public:
  void insert(const CellRead& read);
  std::vector<CellRead> sorted() const;

 private:
  static constexpr std::size_t kFew = 8;
  boost::container::small_vector<CellRead, 2> few_;  // the first ones
  boost::unordered_flat_set<CellRead> others_;
};

class TransactionState {
 public:
  explicit TransactionState(std::shared_ptr<const Snapshot> snapshot);

  const Snapshot& snapshot() const { return *snapshot_; }
  const std::shared_ptr<const Snapshot>& shared_snapshot() const { return snapshot_; }
  bool has_ended() const { return ended_; }
  void end() { ended_ = true; }

  bool exists(ObjectRef object);
  // The reference lives until the next write.
  const Value& get(ObjectRef object, FieldId field);
  std::vector<ObjectRef> all(TypeId type);
  std::vector<ObjectRef> lookup(IndexId index, std::span<const Value> values);
  std::vector<ObjectRef> range(const IndexRange& range, const RangeOptions& options);

  // Entries of the read set by hand, as if these had been read.
  void mark_cell(ObjectRef object, FieldId field);
  void mark_index(IndexId index, std::span<const Value> values);

  // The values are moved from.
  void create(ObjectRef object, std::span<std::pair<FieldId, Value>> fields);
  void create(ObjectRef object, std::vector<std::pair<FieldId, Value>> fields) {
    create(object, std::span(fields));
  }
  void set(ObjectRef object, FieldId field, Value value);
  // Add, append, insert or erase: needs no read, so that it never conflicts with others of its
  // kind. Throws ValueError when it cannot be done to a field of this type.
  void apply(ObjectRef object, CellOperation operation);
  void remove(ObjectRef object);

  // What `what` names, read as of the snapshot's version and not covered by it, so that reads find
  // it here. For a program that fetches for itself because the snapshot has no source.
  void add_fetched(const Interest& what, std::vector<RowBlock> blocks);

  // What it has fetched so far, in the order of the reads.
  const std::vector<Interest>& fetched() const { return fetched_interests_; }
  const Coverage& fetched_coverage() const { return fetched_coverage_; }

  bool has_writes() const { return writes_.has_changes(); }
  ReadSet reads() const;
  Changeset writes() const { return writes_.changes(); }
  // Read set and write set as one request; the state has ended then, and has no writes any more.
  CommitRequest take_request();
  // After a conflict its function runs again, at once.
  void will_try_again() { tries_again_ = true; }

  // The given values checked against the index; the encoded key. Throws SchemaError, ValueError.
  static std::string key_of(const Catalog& catalog, IndexId index, std::span<const Value> values);

 private:
  using Write = WriteSet::Write;
  using KeyedObject = std::pair<std::string, ObjectId>;

  void check_open() const;
  const CatalogType& type_of(ObjectRef object) const;
  std::optional<Write> write_of(ObjectRef object) const;
  // The object's row at the snapshot's version, fetched when nothing covers it; null when it does
  // not exist then. Throws NotSubscribedError when there is no source to fetch from.
  const Row* find_row(ObjectRef object);
  void fetch(Interest what, std::string_view not_covered);
  void check_not_absent(ObjectRef object);
  // A field with the transaction's own operations; what stands under them is read.
  const Value& field_after(ObjectRef object, const CatalogType& type,
                           const std::optional<Write>& write, FieldId field);
  WriteSet::Place write_to_existing(ObjectRef object);
  void fold(WriteSet::Place place, const CatalogType& type, CellOperation operation);
  // The key that a written object has now; what that hangs on besides the writes is read when the
  // object may have been moved. Nothing for an object that has no place in what is covered.
  std::optional<std::string> key_of_written(const CatalogType& type, const CatalogIndex& index,
                                            const Write& write);
  std::vector<KeyedObject> own_entries(const CatalogIndex& index,
                                       std::span<const Value> first_values, const KeySpan& span);
  void cover_span(const CatalogIndex& index, const KeySpan& span, Interest what);
  template <class Visit>
  void scan_unwritten(const CatalogIndex& index, const KeySpan& span, ScanOrder order,
                      const Visit& visit);
  [[noreturn]] void throw_absent(ObjectRef object) const;
  static void check_value(const CatalogType& type, FieldId field, const Value& value);

  std::shared_ptr<const Snapshot> snapshot_;
  bool ended_ = false;
  bool tries_again_ = false;
  CellReads cell_reads_;
  boost::unordered_flat_set<ExistenceRead> existence_reads_;
  boost::unordered_flat_set<IndexRead> index_reads_;
  boost::unordered_flat_set<IndexRangeRead> range_reads_;
  boost::unordered_flat_set<MembershipRead> membership_reads_;
  WriteSet writes_;
  std::map<CellRead, Value> folded_;  // fields read with pending operations; at stable addresses

  // What was fetched: rows by object, and what they cover together.
  std::map<ObjectRef, Row::Owner> fetched_;
  Coverage fetched_coverage_;
  std::vector<Interest> fetched_interests_;
};

}  // namespace odb::detail
