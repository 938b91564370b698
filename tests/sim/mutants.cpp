#include "mutants.h"

#include <utility>

#include "odb/core/core_schema.h"

namespace odb::sim {

Judgement ForgetfulEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  CommitRequest forgotten = request;
  switch (forgets_) {
    case Forgets::kCells:
      forgotten.reads.cells.clear();
      break;
    case Forgets::kExistences:
      forgotten.reads.existences.clear();
      break;
    case Forgets::kIndexes:
      forgotten.reads.indexes.clear();
      break;
    case Forgets::kRanges:
      forgotten.reads.ranges.clear();
      break;
    case Forgets::kMemberships:
      forgotten.reads.memberships.clear();
      break;
  }
  return CommitEngine::judge(forgotten, state);
}

Judgement LenientEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  // What is accepted is applied as it stands in the request, which belongs to the pipeline.
  Changeset& writes = const_cast<CommitRequest&>(request).writes;
  Changeset possible;
  for (const ObjectChange& change : writes.objects) {
    const bool exists = state.find(change.type, change.object, state.version()) != nullptr;
    if (change.kind != ObjectChange::Kind::kCreate && !exists) continue;
    possible.begin(change.kind, change.type, change.object);
    for (const CellOperation& cell : writes.cells_of(change)) possible.add_cell(cell);
  }
  CommitRequest lenient = request;
  lenient.writes = possible;
  Judgement judgement = CommitEngine::judge(lenient, state);
  if (std::holds_alternative<Acceptable>(judgement)) writes = std::move(possible);
  return judgement;
}

Judgement DuplicatingEngine::judge(const CommitRequest& request,
                                   const VersionedState& state) const {
  Judgement judgement = CommitEngine::judge(request, state);
  const auto* error = std::get_if<Error>(&judgement);
  if (error != nullptr && error->code == ErrorCode::kUniqueViolation) return Acceptable{};
  return judgement;
}

Judgement CarelessEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  Judgement judgement = CommitEngine::judge(request, state);
  const auto* conflict = std::get_if<Conflict>(&judgement);
  const auto* existence =
      conflict == nullptr ? nullptr : std::get_if<ExistenceRead>(&conflict->key);
  if (existence == nullptr) return judgement;
  const CatalogType* type = state.catalog()->find(existence->type);
  return type->name == connection_type_name() ? Judgement(Acceptable{}) : judgement;
}

Judgement CoarseEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  for (const CellRead& read : request.reads.cells) {
    const Row* row = state.find(read.type, read.object, state.version());
    if (row != nullptr && row->version() > request.snapshot) {
      return Conflict{read, request.snapshot, row->version(), {}};
    }
  }
  return CommitEngine::judge(request, state);
}

Judgement BlamingEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  Judgement judgement = CommitEngine::judge(request, state);
  if (auto* conflict = std::get_if<Conflict>(&judgement)) conflict->won = next(request.snapshot);
  return judgement;
}

}  // namespace odb::sim
