#include "odb/core/commit_engine.h"

#include <string>
#include <utility>

#include "write_check.h"

namespace odb {

namespace {

Conflict conflict(ConflictKey key, const CommitRequest& request, Version won) {
  return {std::move(key), request.snapshot, won, {}, {}, {}};
}

Error too_old(const CommitRequest& request, const VersionedState& state) {
  return {ErrorCode::kTooOld,
          "the transaction read version " + std::to_string(request.snapshot.value) +
              ", older than the horizon, version " + std::to_string(state.horizon().value)};
}

// What the history of one object says about a read of it at the snapshot.
struct Finding {
  enum class Kind : std::uint8_t { kUnchanged, kChanged, kUnknown } kind = Kind::kUnchanged;
  Version won;
};

// Walks an object's versions after the snapshot, newest first, and stops at the first that
// `changes`.
template <class Changes>
Finding examine(const Row* newest, const CommitRequest& request, const VersionedState& state,
                const Changes& changes) {
  if (newest == nullptr) {
    // Absent now. Had it been deleted after a snapshot within the horizon, its last row would be
    // here.
    return {request.snapshot >= state.horizon() ? Finding::Kind::kUnchanged
                                                : Finding::Kind::kUnknown};
  }
  for (const Row* row = newest; row != nullptr && row->version() > request.snapshot;
       row = row->previous()) {
    if (changes(*row)) return {Finding::Kind::kChanged, row->version()};
    if (row->kind() == Row::Kind::kUpdated && row->previous() == nullptr) {
      return {Finding::Kind::kUnknown};  // trimmed: what it replaced is older than the horizon
    }
  }
  return {};
}

const Row* newest_row(const VersionedState& state, TypeId type, ObjectId object) {
  const ObjectTable* objects = state.objects(type);
  return objects == nullptr ? nullptr : objects->newest(object);
}

// Nothing: the reads still hold.
std::optional<Judgement> judge_reads(const CommitRequest& request, const VersionedState& state) {
  for (const CellRead& read : request.reads.cells) {
    const Finding finding = examine(
        newest_row(state, read.type, read.object), request, state,
        [&](const Row& row) { return row.kind() != Row::Kind::kUpdated || row.wrote(read.field); });
    if (finding.kind == Finding::Kind::kUnknown) return too_old(request, state);
    if (finding.kind == Finding::Kind::kChanged) return conflict(read, request, finding.won);
  }
  for (const ExistenceRead& read : request.reads.existences) {
    const Finding finding =
        examine(newest_row(state, read.type, read.object), request, state,
                [](const Row& row) { return row.kind() != Row::Kind::kUpdated; });
    if (finding.kind == Finding::Kind::kUnknown) return too_old(request, state);
    if (finding.kind == Finding::Kind::kChanged) return conflict(read, request, finding.won);
  }
  for (const IndexRead& read : request.reads.indexes) {
    const auto modified = state.index_modified(read.index, read.key);
    if (modified && *modified > request.snapshot) return conflict(read, request, *modified);
    if (request.snapshot < state.horizon()) return too_old(request, state);
  }
  for (const IndexRangeRead& read : request.reads.ranges) {
    const IndexTable* entries = state.entries(read.index);
    if (entries == nullptr || entries->last_modified() <= request.snapshot) continue;
    const auto modified = entries->modified_between(read.from, read.to, request.snapshot);
    if (modified) return conflict(read, request, *modified);
    if (request.snapshot < state.horizon()) return too_old(request, state);
  }
  for (const MembershipRead& read : request.reads.memberships) {
    const Version modified = state.membership_modified(read.type);
    if (modified > request.snapshot) return conflict(read, request, modified);
  }
  return std::nullopt;
}

// Nothing: everything that is written to exists, and everything that is created does not.
std::optional<Judgement> judge_targets(const CommitRequest& request, const VersionedState& state) {
  for (const ObjectChange& change : request.writes.objects) {
    const Row* newest = newest_row(state, change.type, change.object);
    if (change.kind == ObjectChange::Kind::kCreate) {
      if (newest == nullptr) continue;
      return Error{ErrorCode::kObjectExists,
                   "object " + std::to_string(change.object.value) + " was created before"};
    }
    if (newest == nullptr || newest->deleted()) {
      return conflict(ExistenceRead{change.type, change.object}, request,
                      newest == nullptr ? Version{} : newest->version());
    }
  }
  return std::nullopt;
}

// Nothing: nobody gives an object to a connection that has ended, for nothing would end the object
// then.
std::optional<Judgement> judge_owners(const CommitRequest& request, const VersionedState& state) {
  const Catalog& catalog = *state.catalog();
  for (const ObjectChange& change : request.writes.objects) {
    for (const CatalogIndex& index : catalog.find(change.type)->indexes) {
      if (index.role != IndexRole::kOwner) continue;
      for (const CellOperation& cell : request.writes.cells_of(change)) {
        if (cell.field != index.fields.front()) continue;
        if (cell.value.kind() != ValueKind::kReference) continue;
        const ExistenceRead owner{cell.value.object_type(), cell.value.object()};
        const Row* newest = newest_row(state, owner.type, owner.object);
        if (newest != nullptr && !newest->deleted()) continue;
        return conflict(owner, request, newest == nullptr ? Version{} : newest->version());
      }
    }
  }
  return std::nullopt;
}

}  // namespace

Judgement CommitEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  if (request.snapshot > state.version()) {
    return Error{ErrorCode::kMalformedMessage, "the snapshot is of a version yet to come"};
  }
  if (auto well_formed = check_well_formed(request.writes, *state.catalog()); !well_formed) {
    return well_formed.error();
  }
  if (auto refusal = judge_reads(request, state)) return *std::move(refusal);
  if (auto refusal = judge_targets(request, state)) return *std::move(refusal);
  if (auto refusal = judge_owners(request, state)) return *std::move(refusal);
  if (auto possible = check_operations(request.writes, state); !possible) return possible.error();
  if (auto unique = check_unique(request.writes, state); !unique) return unique.error();
  return Acceptable{};
}

Result<void> CommitEngine::judge_catalog(const Catalog& after, const VersionedState& state) const {
  return check_new_unique_indexes(after, state);
}

}  // namespace odb
