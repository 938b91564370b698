#include "list_append_mutants.h"

#include <algorithm>
#include <functional>
#include <utility>

namespace odb::sim {

namespace {

bool is_append(const CellOperation& cell) { return cell.kind == CellOperation::Kind::kAppend; }

const ObjectChange* find(const Changeset& writes, ObjectId object) {
  const auto found = std::find_if(writes.objects.begin(), writes.objects.end(),
                                  [&](const auto& change) { return change.object == object; });
  return found == writes.objects.end() ? nullptr : &*found;
}

bool writes_cell(const Changeset& writes, const CellRead& read) {
  const ObjectChange* change = find(writes, read.object);
  if (change == nullptr) return false;
  const auto cells = writes.cells_of(*change);
  return std::any_of(cells.begin(), cells.end(),
                     [&](const CellOperation& cell) { return cell.field == read.field; });
}

// What is accepted is applied as it stands in the request, which belongs to the pipeline.
Changeset& writes_of(const CommitRequest& request) {
  return const_cast<CommitRequest&>(request).writes;
}

// Each cell as often as `times` says.
void repeat_cells(Changeset& writes, const std::function<int(const CellOperation&)>& times) {
  Changeset repeated;
  for (const ObjectChange& change : writes.objects) {
    repeated.begin(change.kind, change.type, change.object);
    for (const CellOperation& cell : writes.cells_of(change)) {
      for (int left = times(cell); left > 0; --left) repeated.add_cell(cell);
    }
  }
  writes = std::move(repeated);
}

}  // namespace

Judgement SkewedEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  CommitRequest skewed = request;
  std::erase_if(skewed.reads.cells,
                [&](const CellRead& read) { return !writes_cell(request.writes, read); });
  return CommitEngine::judge(skewed, state);
}

Judgement LeakyEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  Judgement judgement = CommitEngine::judge(request, state);
  if (std::holds_alternative<Conflict>(judgement)) {
    for (const ObjectChange& change : request.writes.objects) {
      if (change.kind != ObjectChange::Kind::kUpdate) continue;
      for (const CellOperation& cell : request.writes.cells_of(change)) {
        if (is_append(cell)) leak_ = Leak{change.type, change.object, cell};
      }
    }
  } else if (std::holds_alternative<Acceptable>(judgement) && leak_ &&
             find(request.writes, leak_->object) == nullptr &&
             state.find(leak_->type, leak_->object, state.version()) != nullptr) {
    Changeset& writes = writes_of(request);
    writes.begin(ObjectChange::Kind::kUpdate, leak_->type, leak_->object);
    writes.add_cell(std::exchange(leak_, std::nullopt)->append);
  }
  return judgement;
}

Judgement StutteringEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  Judgement judgement = CommitEngine::judge(request, state);
  if (std::holds_alternative<Acceptable>(judgement)) {
    repeat_cells(writes_of(request), [](const auto& cell) { return is_append(cell) ? 2 : 1; });
  }
  return judgement;
}

Judgement DroppingEngine::judge(const CommitRequest& request, const VersionedState& state) const {
  Judgement judgement = CommitEngine::judge(request, state);
  const auto& cells = request.writes.cells;
  const auto appends = std::count_if(cells.begin(), cells.end(), is_append);
  if (std::holds_alternative<Acceptable>(judgement) && appends > 1) {
    repeat_cells(writes_of(request), [seen = 0, appends](const auto& cell) mutable {
      return is_append(cell) && ++seen == appends ? 0 : 1;
    });
  }
  return judgement;
}

}  // namespace odb::sim
