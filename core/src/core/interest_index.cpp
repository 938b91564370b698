#include "odb/core/interest_index.h"

#include <algorithm>
#include <boost/icl/interval_map.hpp>
#include <iterator>
#include <map>

#include "odb/core/error.h"
#include "odb/core/key_codec.h"

namespace odb {

// For each index the registrations that cover a key: the line of keys cut into segments wherever a
// range begins or ends, each from its key up to the next one's.
struct InterestIndex::Ranges {
  using Segments = std::map<std::string, Listed, std::less<>>;

  // The segment that begins at `key`, cut off from the one before it when there is none yet.
  static Segments::iterator cut(Segments& segments, const std::string& key) {
    const auto after = segments.upper_bound(key);
    if (after == segments.begin()) return segments.emplace_hint(after, key, Listed{});
    const auto at = std::prev(after);
    if (at->first == key) return at;
    return segments.emplace_hint(after, key, at->second);
  }

  void add(IndexId index, Registration& registration) {
    if (registration.span.from >= registration.span.to) return;
    Segments& segments = by_index[index];
    const auto end = cut(segments, registration.span.to);
    for (auto at = cut(segments, registration.span.from); at != end; ++at) {
      at->second.push_back(&registration);
    }
  }
  void remove(IndexId index, const Registration& registration) {
    if (registration.span.from >= registration.span.to) return;
    Segments& segments = by_index.at(index);
    const auto begin = segments.find(registration.span.from);
    const auto end = std::next(segments.find(registration.span.to));
    for (auto at = begin; std::next(at) != end; ++at) unlist(at->second, &registration);
    // Segments that are alike now become one again; what lies before the first needs none.
    for (auto at = begin; at != end;) {
      const bool same = at == segments.begin() ? at->second.empty()
                                               : is_permutation(std::prev(at)->second, at->second);
      at = same ? segments.erase(at) : std::next(at);
    }
    if (segments.empty()) by_index.erase(index);
  }
  static bool is_permutation(const Listed& a, const Listed& b) {
    return a.size() == b.size() && std::is_permutation(a.begin(), a.end(), b.begin());
  }

  // Null when no range covers the key.
  const Listed* find(IndexId index, std::string_view key) const {
    const auto segments = by_index.find(index);
    if (segments == by_index.end()) return nullptr;
    const auto after = segments->second.upper_bound(key);
    return after == segments->second.begin() ? nullptr : &std::prev(after)->second;
  }

  boost::unordered_flat_map<IndexId, Segments> by_index;
};

// Whose object each is that somebody created and still sees for that. Identities are granted in
// ranges, so that what one session creates one after the other takes one entry.
struct InterestIndex::Creators {
  // 0: nobody's.
  SessionId of(ObjectId object) const {
    if (is_in_run(object)) return run_session_;
    const auto found = by_object_.find(object.value);
    return found == by_object_.end() ? SessionId{} : SessionId{found->second};
  }
  bool is_empty() const { return run_begin_ == run_end_ && by_object_.empty(); }

  void add(SessionId session, ObjectId object) {
    if (of(object) != SessionId{}) return;
    if (object.value == run_end_ && session == run_session_) {
      ++run_end_;
      return;
    }
    settle();
    run_session_ = session;
    run_begin_ = object.value;
    run_end_ = object.value + 1;
  }
  void remove(ObjectId object) {
    if (is_in_run(object)) settle();
    if (!by_object_.empty()) by_object_.erase(Interval::right_open(object.value, object.value + 1));
  }
  void remove_all_of(SessionId session) {
    settle();
    std::vector<Interval> created;
    for (const auto& [objects, creator] : by_object_) {
      if (creator == session.value) created.push_back(objects);
    }
    for (const Interval& objects : created) by_object_.erase(objects);
  }

 private:
  using Map = boost::icl::interval_map<std::uint64_t, std::uint64_t>;  // identities to a session
  using Interval = Map::interval_type;

  bool is_in_run(ObjectId object) const {
    return run_begin_ <= object.value && object.value < run_end_;
  }
  void settle() {
    if (run_begin_ == run_end_) return;
    by_object_.set({Interval::right_open(run_begin_, run_end_), run_session_.value});
    run_begin_ = run_end_ = 0;
  }

  Map by_object_;
  // What was created last, one after the other, and is not in the map yet.
  std::uint64_t run_begin_ = 0;
  std::uint64_t run_end_ = 0;
  SessionId run_session_;
};

InterestIndex::InterestIndex()
    : ranges_(std::make_unique<Ranges>()), creators_(std::make_unique<Creators>()) {}
InterestIndex::~InterestIndex() = default;

void InterestIndex::list_type(Registration& registration, TypeId type) {
  registration.types.push_back(type);
  by_type_[type].push_back(&registration);
}

void InterestIndex::add(SessionId session, SubscriptionId subscription, const Interest& interest,
                        Loading loading, const Catalog& catalog) {
  auto owned = std::make_unique<Registration>();
  Registration& registration = *owned;
  registration.session = session;
  registration.interest = interest;
  registration.loading = loading;
  const bool fresh = registrations_.emplace(Name(session, subscription), std::move(owned)).second;
  ODB_CHECK(fresh);
  subscriptions_of_[session].push_back(subscription);

  if (const auto* schema = std::get_if<SchemaInterest>(&interest)) {
    by_schema_[schema->schema].push_back(&registration);
    for (const TypeId type : catalog.types_of(schema->schema)) list_type(registration, type);
  } else if (const auto* type = std::get_if<TypeInterest>(&interest)) {
    list_type(registration, type->type);
  } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
    registration.index_key = encode_key(index->key);
    by_index_[index->index][registration.index_key].push_back(&registration);
  } else if (const auto* range = std::get_if<IndexRangeInterest>(&interest)) {
    auto span = encode_index_range(catalog, range->range);
    ODB_CHECK(span.has_value());
    registration.span = *std::move(span);
    ranges_->add(range->range.index, registration);
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
  Registration* registration = found->second.get();
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
  } else if (const auto* range = std::get_if<IndexRangeInterest>(&registration->interest)) {
    ranges_->remove(range->range.index, *registration);
  }
  registrations_.erase(found);
  std::erase(subscriptions_of_.at(session), subscription);
}

void InterestIndex::remove(SessionId session) {
  if (const auto found = subscriptions_of_.find(session); found != subscriptions_of_.end()) {
    for (const SubscriptionId subscription : std::vector(found->second)) {
      remove(session, subscription);
    }
    subscriptions_of_.erase(session);
  }
  creators_->remove_all_of(session);
}

bool InterestIndex::empty() const { return registrations_.empty() && creators_->is_empty(); }

void InterestIndex::add_created(SessionId session, ObjectId object) {
  creators_->add(session, object);
}

void InterestIndex::remove_created(ObjectId object) { creators_->remove(object); }

bool InterestIndex::has_created(SessionId session, ObjectId object) const {
  return creators_->of(object) == session;
}

boost::unordered_flat_set<ObjectId> InterestIndex::take_arrivals(SessionId session,
                                                                 SubscriptionId subscription) {
  return std::exchange(registrations_.at(Name(session, subscription))->arrivals, {});
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
                          const Row* before, const Row* after, std::vector<Match>& out) {
  const auto add_all = [&](const Listed& listed) {
    for (const Registration* registration : listed) {
      if (!registration->covers(type.id, object)) continue;
      // Objects are listed by identity alone: an interest may name one of another type.
      const auto* objects = std::get_if<ObjectsInterest>(&registration->interest);
      if (objects != nullptr && objects->type != type.id) continue;
      out.push_back(
          {registration->session, before != nullptr, after != nullptr, registration->loading});
    }
  };
  if (const auto found = by_type_.find(type.id); found != by_type_.end()) add_all(found->second);
  if (!by_object_.empty()) {
    if (const auto found = by_object_.find(object); found != by_object_.end()) {
      add_all(found->second);
    }
  }
  if (const SessionId creator = creators_->of(object); creator != SessionId{}) {
    out.push_back({creator, before != nullptr, after != nullptr, Loading::kEager});
  }
  if (by_index_.empty() && ranges_->by_index.empty()) return;
  for (const CatalogIndex& index : type.indexes) {
    match_index(state, index, object, before, after, out);
  }
}

void InterestIndex::match_index(const VersionedState& state, const CatalogIndex& index,
                                ObjectId object, const Row* before, const Row* after,
                                std::vector<Match>& out) {
  const auto keys = by_index_.find(index.id);
  if (keys == by_index_.end() && !ranges_->by_index.contains(index.id)) return;
  const auto add = [&](Registration& registration, bool then, bool now) {
    if (registration.covers(index.type, object)) {
      out.push_back({registration.session, then, now, registration.loading});
    } else if (now && registration.position != SnapshotPosition{} &&
               std::holds_alternative<IndexRangeInterest>(registration.interest)) {
      registration.arrivals.insert(object);
    }
  };
  const auto add_all = [&](const std::string& key, bool then, bool now) {
    if (keys != by_index_.end()) {
      const auto listed = keys->second.find(key);
      if (listed != keys->second.end()) {
        for (Registration* registration : listed->second) add(*registration, then, now);
      }
    }
    if (const Listed* listed = ranges_->find(index.id, key)) {
      for (Registration* registration : *listed) add(*registration, then, now);
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
