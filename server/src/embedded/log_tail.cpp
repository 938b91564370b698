#include "log_tail.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "damage.h"
#include "replay.h"

namespace odb::server::embedded {

namespace {

Error log_damaged(const std::string& what) { return damaged("its log " + what); }

bool fits(const Changeset& changes, const ObjectChange& change, const Catalog& catalog) {
  using Kind = ObjectChange::Kind;
  const bool is_committed =
      change.kind == Kind::kCreate || change.kind == Kind::kUpdate || change.kind == Kind::kDelete;
  const CatalogType* type = catalog.find(change.type);
  if (!is_committed || type == nullptr) return false;
  const auto cells = changes.cells_of(change);
  return std::all_of(cells.begin(), cells.end(), [&](const CellOperation& cell) {
    return cell.field.value < type->fields.size();
  });
}

}  // namespace

LogTail::LogTail() : state_(VersionedState::Journal::kTrimOnly) {}

Result<void> LogTail::begin(const std::vector<CatalogType>& types, Version complete_up_to) {
  last_ = complete_up_to_ = complete_up_to;
  std::vector<CatalogType> without_indexes = types;
  for (CatalogType& type : without_indexes) type.indexes.clear();
  auto catalog = Catalog().with(without_indexes);
  if (!catalog) return log_damaged("cannot be applied: " + catalog.error().message);
  state_.load_catalog(std::make_shared<const Catalog>(*std::move(catalog)));
  return {};
}

Result<void> LogTail::add(CommitRecord record) {
  if (record.version != next(last_)) {
    return log_damaged("lacks version " + std::to_string(next(last_).value) +
                       ", which some objects have not been written for yet");
  }
  last_ = record.version;
  for (const ObjectChange& change : record.changes.objects) {
    // Types only grow, so those of now are good for every record.
    if (!fits(record.changes, change, *state_.catalog())) {
      return log_damaged("does not fit the types at version " + std::to_string(last_.value));
    }
    touched_.emplace(change.object, change.type);
  }
  records_.push_back(std::move(record));
  return {};
}

Result<void> LogTail::add_row(TypeId type, ObjectId object, Version version,
                              std::vector<Value> fields) {
  const CatalogType* known = state_.catalog()->find(type);
  const auto touched = touched_.find(object);
  if (touched == touched_.end() || touched->second != type || known == nullptr ||
      fields.size() > known->fields.size()) {
    return log_damaged("and its objects do not fit together: object " +
                       std::to_string(object.value) + " of type " + std::to_string(type.value));
  }
  Row::Owner row =
      Row::create(Row::Kind::kUpdated, version, static_cast<std::uint32_t>(fields.size()));
  std::move(fields.begin(), fields.end(), row->mutable_fields().begin());
  state_.load(type, object, std::move(row));
  return {};
}

Result<void> LogTail::apply(const Take& take) {
  if (auto loaded = state_.finish_load(complete_up_to_); !loaded) return loaded;
  for (CommitRecord& record : std::exchange(records_, {})) replay(state_, std::move(record));
  std::vector<std::pair<TypeId, ObjectId>> touched;
  touched.reserve(touched_.size());
  for (const auto& [object, type] : touched_) touched.emplace_back(type, object);
  std::sort(touched.begin(), touched.end());
  for (const auto& [type, object] : touched) {
    if (auto taken = take(type, object, state_.find(type, object, last_)); !taken) return taken;
  }
  return {};
}

}  // namespace odb::server::embedded
