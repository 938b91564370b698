#include "odb/server/connection_objects.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "odb/core/core_schema.h"
#include "odb/core/key_codec.h"

namespace odb::server {

namespace {

// About what a change takes on the wire, for the limits on retained versions.
constexpr std::size_t kBytesAChange = 24;

Value field_value(const std::string& field, const ConnectionInfo& info) {
  if (field == "name") return Value::text(info.name);
  if (field == "actor") return Value::text(info.actor);
  if (field == "address") return Value::text(info.address);
  return Value::timestamp(info.since_ns);
}

}  // namespace

TypeId ConnectionObjects::type() const {
  if (type_as_of_ != state_.catalog()) {
    type_as_of_ = state_.catalog();
    const CatalogType* type = type_as_of_->find(connection_type_name());
    type_ = type == nullptr ? TypeId{} : type->id;
  }
  return type_;
}

void ConnectionObjects::opened(ObjectId connection, ConnectionInfo info) {
  live_.emplace(connection, std::move(info));
  changed_.insert(connection);
}

void ConnectionObjects::ended(ObjectId connection) {
  const auto found = live_.find(connection);
  if (found == live_.end()) return;
  ended_.emplace(connection, std::move(found->second));
  live_.erase(found);
  lost_.erase(connection);
  changed_.insert(connection);
}

void ConnectionObjects::lost(ObjectId connection, Time ends_at) {
  if (live_.contains(connection)) lost_.emplace(connection, ends_at);
}

bool ConnectionObjects::adopt(ObjectId connection, const std::string& actor) {
  const auto found = lost_.find(connection);
  if (found == lost_.end() || live_.at(connection).actor != actor) return false;
  lost_.erase(found);
  return true;
}

void ConnectionObjects::find_left_behind() {
  const CatalogType* type = state_.catalog()->find(connection_type_name());
  const ObjectTable* objects = type == nullptr ? nullptr : state_.objects(type->id);
  if (objects == nullptr) return;
  was_known_ = true;
  const auto text_of = [&](const Row& row, std::string_view field) {
    return std::string(VersionedState::field_of(*type, row, *type->find_field(field)).as_text());
  };
  for (auto found = objects->find_from(ObjectId{1}); found.newest != nullptr;
       found = objects->find_from(ObjectId{found.id.value + 1})) {
    if (found.newest->deleted()) continue;
    live_.emplace(found.id, ConnectionInfo{.name = text_of(*found.newest, "name"),
                                           .actor = text_of(*found.newest, "actor"),
                                           .address = text_of(*found.newest, "address"),
                                           .since_ns = 0,
                                           .client = {}});
    lost_.emplace(found.id, Time::max());
  }
}

void ConnectionObjects::expire(Time now, std::chrono::milliseconds grace) {
  std::vector<ObjectId> over;
  for (auto& [connection, ends_at] : lost_) {
    if (ends_at == Time::max()) ends_at = now + grace;
    if (now >= ends_at) over.push_back(connection);
  }
  for (const ObjectId connection : over) ended(connection);
}

void ConnectionObjects::update() {
  const CatalogType* type = state_.catalog()->find(connection_type_name());
  if (type == nullptr) {
    was_known_ = false;
    changed_.clear();
    ended_.clear();  // they have no objects
    return;
  }
  if (!std::exchange(was_known_, true) || std::exchange(compare_all_, false)) {
    for (const auto& [connection, info] : live_) changed_.insert(connection);
    for (const auto& [connection, info] : ended_) changed_.insert(connection);
  }
  if (changed_.empty()) return;
  const std::vector<ObjectId> changed(changed_.begin(), changed_.end());
  changed_.clear();
  for (const ObjectId connection : changed) {
    const bool exists = state_.find(type->id, connection, state_.version()) != nullptr;
    if (const auto live = live_.find(connection); live != live_.end()) {
      if (!exists) create(*type, connection, live->second);
    } else if (const auto gone = ended_.find(connection); gone != ended_.end()) {
      if (exists) {
        remove(*type, connection, ConnectionInfo(gone->second));
      } else if (!is_under_way(connection)) {
        ended_.erase(gone);
      }
    }
  }
}

void ConnectionObjects::create(const CatalogType& type, ObjectId connection,
                               const ConnectionInfo& info) {
  Changeset changes;
  changes.begin(ObjectChange::Kind::kCreate, type.id, connection);
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    changes.add_cell({.field = FieldId{i}, .value = field_value(type.fields[i].name, info)});
  }
  submit(std::move(changes), connection, info);
}

void ConnectionObjects::remove(const CatalogType& type, ObjectId connection,
                               const ConnectionInfo& info) {
  Changeset changes;
  changes.begin(ObjectChange::Kind::kDelete, type.id, connection);
  std::string key;
  append_key(key, Value::reference(type.id, connection));
  boost::unordered_flat_set<ObjectId> owned;
  for (const auto& each : state_.catalog()->types()) {
    if (each == nullptr) continue;
    for (const CatalogIndex& index : each->indexes) {
      if (index.role != IndexRole::kOwner) continue;
      const IndexTable* entries = state_.entries(index.id);
      if (entries == nullptr) continue;
      const Version newest = state_.version();
      for (const auto* entry = entries->find(key, ObjectId{}, newest); entry != nullptr;
           entry = IndexTable::next(entry, newest)) {
        if (!owned.insert(entry->object()).second) continue;
        changes.begin(ObjectChange::Kind::kDelete, each->id, entry->object());
      }
    }
  }
  submit(std::move(changes), connection, info);
}

void ConnectionObjects::submit(Changeset changes, ObjectId connection, const ConnectionInfo& info) {
  last_commit_ = RequestId{last_commit_.value + 1};
  commits_.emplace(last_commit_, connection);
  const std::size_t bytes = changes.objects.size() * kBytesAChange + 64;
  pipeline_.submit({.session = {},
                    .actor = info.actor,
                    .client = info.client,
                    .sequence = {},
                    .request = last_commit_},
                   {state_.version(), {}, std::move(changes)}, bytes);
}

bool ConnectionObjects::is_under_way(ObjectId connection) const {
  return std::any_of(commits_.begin(), commits_.end(),
                     [&](const auto& commit) { return commit.second == connection; });
}

void ConnectionObjects::on_outcome(RequestId commit, const CommitOutcome& outcome) {
  const auto found = commits_.find(commit);
  if (found == commits_.end()) return;
  const ObjectId connection = found->second;
  commits_.erase(found);
  if (!std::holds_alternative<Accepted>(outcome)) {
    compare_all_ = true;
  } else if (ended_.contains(connection)) {
    changed_.insert(connection);  // the next update sees whether that was all
  }
}

}  // namespace odb::server
