#include "odb/core/interest_index.h"

#include <algorithm>

#include "odb/core/error.h"
#include "odb/core/key_codec.h"

namespace odb {

void InterestIndex::list_type(Registration& registration, TypeId type) {
  registration.types.push_back(type);
  by_type_[type].push_back(&registration);
}

void InterestIndex::add(SessionId session, SubscriptionId subscription, const Interest& interest,
                        const Catalog& catalog) {
  auto owned = std::make_unique<Registration>();
  Registration& registration = *owned;
  registration.session = session;
  registration.interest = interest;
  const bool fresh = registrations_.emplace(Name(session, subscription), std::move(owned)).second;
  ODB_CHECK(fresh);

  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    by_schema_[schema->schema].push_back(&registration);
    for (const TypeId type : catalog.types_of(schema->schema)) list_type(registration, type);
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    list_type(registration, type->type);
  } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    registration.index_key = encode_key(index->key);
    by_index_[index->index][registration.index_key].push_back(&registration);
  } else {
    for (const ObjectId object : std::get<ObjectsInterest>(interest).objects) {
      Listed& listed = by_object_[object];
      if (std::find(listed.begin(), listed.end(), &registration) == listed.end()) {
        listed.push_back(&registration);
      }
    }
  }
}

void InterestIndex::unlist(Listed& listed, const Registration* registration) {
  const auto found = std::find(listed.begin(), listed.end(), registration);
  if (found == listed.end()) return;
  *found = listed.back();
  listed.pop_back();
}

void InterestIndex::remove(SessionId session, SubscriptionId subscription) {
  const auto found = registrations_.find(Name(session, subscription));
  if (found == registrations_.end()) return;
  const Registration* registration = found->second.get();
  const auto drop = [&](auto& map, const auto& key) {
    const auto at = map.find(key);
    if (at == map.end()) return;
    unlist(at->second, registration);
    if (at->second.empty()) map.erase(at);
  };
  for (const TypeId type : registration->types) drop(by_type_, type);
  if (const auto* schema = std::get_if<SchemaInterest>(&registration->interest)) {
    drop(by_schema_, schema->schema);
  } else if (const auto* index = std::get_if<IndexInterest>(&registration->interest)) {
    const auto at = by_index_.find(index->index);
    drop(at->second, registration->index_key);
    if (at->second.empty()) by_index_.erase(at);
  } else if (const auto* objects = std::get_if<ObjectsInterest>(&registration->interest)) {
    for (const ObjectId object : objects->objects) drop(by_object_, object);
  }
  registrations_.erase(found);
}

void InterestIndex::set_position(SessionId session, SubscriptionId subscription,
                                 SnapshotPosition position) {
  registrations_.at(Name(session, subscription))->position = position;
}

void InterestIndex::set_loaded(SessionId session, SubscriptionId subscription) {
  registrations_.at(Name(session, subscription))->loaded = true;
}

void InterestIndex::extend(const Catalog& catalog) {
  for (auto& [schema, listed] : by_schema_) {
    const std::vector<TypeId> types = catalog.types_of(schema);
    for (Registration* registration : listed) {
      for (const TypeId type : types) {
        const auto& known = registration->types;
        if (std::find(known.begin(), known.end(), type) == known.end()) {
          list_type(*registration, type);
        }
      }
    }
  }
}

void InterestIndex::match(const VersionedState& state, const CatalogType& type, ObjectId object,
                          const Row* before, const Row* after, std::vector<Match>& out) const {
  const auto add_all = [&](const Listed& listed) {
    for (const Registration* registration : listed) {
      if (!registration->covers(type.id, object)) continue;
      // Objects are listed by identity alone: an interest may name one of another type.
      const auto* objects = std::get_if<ObjectsInterest>(&registration->interest);
      if (objects != nullptr && objects->type != type.id) continue;
      out.push_back({registration->session, before != nullptr, after != nullptr});
    }
  };
  if (const auto found = by_type_.find(type.id); found != by_type_.end()) add_all(found->second);
  if (!by_object_.empty()) {
    if (const auto found = by_object_.find(object); found != by_object_.end()) {
      add_all(found->second);
    }
  }
  if (by_index_.empty()) return;
  for (const CatalogIndex& index : type.indexes) {
    match_index(state, index, object, before, after, out);
  }
}

void InterestIndex::match_index(const VersionedState& state, const CatalogIndex& index,
                                ObjectId object, const Row* before, const Row* after,
                                std::vector<Match>& out) const {
  const auto found = by_index_.find(index.id);
  if (found == by_index_.end()) return;
  const auto add_all = [&](const std::string& key, bool then, bool now) {
    const auto listed = found->second.find(key);
    if (listed == found->second.end()) return;
    for (const Registration* registration : listed->second) {
      if (!registration->covers(index.type, object)) continue;
      out.push_back({registration->session, then, now});
    }
  };
  const std::string old_key = before == nullptr ? std::string() : state.key_of(index, *before);
  const std::string new_key = after == nullptr ? std::string() : state.key_of(index, *after);
  if (before != nullptr && after != nullptr && old_key == new_key) {
    add_all(old_key, true, true);
    return;
  }
  if (before != nullptr) add_all(old_key, true, false);
  if (after != nullptr) add_all(new_key, false, true);
}

}  // namespace odb
