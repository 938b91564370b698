#include "random_programs.h"

#include <algorithm>
#include <utility>

#include "odb/client/core_schema.h"
#include "odb/client/errors.h"

namespace odb::sim {

namespace {

constexpr std::size_t kSubscriptionsMax = 8;

std::vector<ObjectId> ids_of(const std::vector<ObjectRef>& objects) {
  std::vector<ObjectId> ids;
  for (const ObjectRef& object : objects) ids.push_back(object.object);
  return ids;
}

}  // namespace

RandomProgram::RandomProgram(World& world, SimClient& client, const Habits& habits)
    : world_(world), client_(client), habits_(habits) {}

void RandomProgram::step() {
  // Without a link it goes on with what it has.
  if (!client_.is_usable() || (!client_.is_open() && !chance(world_.random, 30))) return;
  if (client_.catalog().types_of(kSchemaName).empty()) return prepare();
  const std::size_t what = below(world_.random, 100);
  if (client_.subscription_count() == 0 || what < 2) return subscribe();
  if (habits_.lets_go && chance(world_.random, 2)) {
    return chance(world_.random, 60) ? client_.unsubscribe_something()
                                     : client_.release_something();
  }
  if (what < 4) {
    client_.begin_flush();
    return;
  }
  if (what < 7) return client_.keep_snapshot();
  if (what < 9) return client_.reread_snapshots();
  if (what < 12) return client_.check_cache();
  if (what < 13 && habits_.grows_schema && chance(world_.random, 10)) {
    return client_.define(grown_schema());
  }
  if (open_.empty() || (what < 35 && open_.size() < habits_.open_max)) {
    if (client_.commits_in_flight() < habits_.in_flight_max) begin();
    return;
  }
  const std::size_t place = below(world_.random, open_.size());
  Open& transaction = *open_[place];
  if (transaction.fetch != nullptr) {
    finish_fetch(transaction);
    if (transaction.state.has_ended())
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(place));
    return;
  }
  if (transaction.steps_left-- > 0) return advance(transaction);
  end(transaction);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(place));
}

// Until it knows the types.
void RandomProgram::prepare() {
  if (client_.is_waiting()) return;
  // After a new history those who define it may be gone.
  if (habits_.defines || chance(world_.random, 5)) {
    if (chance(world_.random, 30)) client_.define(core_schema());
    client_.define(base_schema());
  } else {
    client_.subscribe(SchemaInterest{kSchemaName});  // refused until somebody has defined it
  }
}

void RandomProgram::subscribe() {
  if (client_.subscription_count() >= kSubscriptionsMax) return;
  Random& random = world_.random;
  const CatalogType& type = random_type(random, client_.catalog());
  const std::size_t what = below(random, 11);
  const Loading loading =
      habits_.loads_lazily && chance(random, 50) ? Loading::kLazy : Loading::kEager;
  if ((habits_.sees_all && client_.subscription_count() == 0) || what == 0) {
    return client_.subscribe(SchemaInterest{kSchemaName}, loading);
  }
  if (const CatalogType* connection = client_.catalog().find(connection_type_name());
      connection != nullptr && chance(random, 20)) {
    return client_.subscribe(TypeInterest{connection->id}, loading);
  }
  if (what < 3) return client_.subscribe(TypeInterest{type.id}, loading);
  if (what < 8 && !type.indexes.empty()) {
    const CatalogIndex& index = pick(random, type.indexes);
    if (what < 5) {
      auto range = random_range(random, type, index, world_.picker());
      if (range) client_.subscribe(IndexRangeInterest{*std::move(range)}, loading);
      return;
    }
    auto key = random_key(random, type, index, world_.picker());
    if (key) client_.subscribe(IndexInterest{index.id, *std::move(key)}, loading);
    return;
  }
  // Some of these objects do not exist any more, or not yet; some are of another type.
  const TypeId named = chance(random, 10) ? random_type(random, client_.catalog()).id : type.id;
  ObjectsInterest interest{type.id, {}};
  for (std::size_t count = 1 + below(random, 4); count > 0; --count) {
    if (const auto object = world_.pick_object(named)) interest.objects.push_back(*object);
  }
  if (!interest.objects.empty()) client_.subscribe(std::move(interest), loading);
}

// ---- transactions ----

void RandomProgram::begin() {
  Random& random = world_.random;
  auto attempt = std::make_shared<Attempt>();
  attempt->client = client_.id();
  attempt->actor = client_.actor();
  attempt->acknowledged_before = world_.checker.acknowledged();
  auto snapshot = client_.snapshot();
  attempt->history = snapshot->history();
  auto open = std::make_unique<Open>(
      Open{detail::TransactionState(std::move(snapshot)), std::move(attempt), client_.interests()});
  open->steps_left = 1 + below(random, 4);
  const std::size_t style = below(random, 100);
  open->reads = style >= 15;                 // blind writes only
  open->writes = style < 15 || style >= 23;  // reads only
  open->fetches = habits_.fetches && chance(random, 60);
  open_.push_back(std::move(open));
}

void RandomProgram::advance(Open& transaction) {
  for (std::size_t count = 1 + below(world_.random, 2); count > 0; --count) {
    if (transaction.reads && (!transaction.writes || chance(world_.random, 50))) {
      read(transaction);
    } else {
      write(transaction);
    }
  }
}

void RandomProgram::end(Open& transaction) {
  if (chance(world_.random, 3)) return;  // dropped
  if (!transaction.state.has_writes()) {
    // Every answer was checked at the snapshot's version as it came.
    transaction.state.end();
    ++world_.report.counts.read_only;
    return;
  }
  transaction.attempt->request = transaction.state.take_request();
  client_.submit(std::move(transaction.attempt), chance(world_.random, 50));
}

const Catalog& RandomProgram::catalog(const Open& transaction) const {
  return *transaction.state.snapshot().catalog().catalog;
}

std::optional<ObjectRef> RandomProgram::some_object(const Open& transaction) {
  const TypeId type = random_type(world_.random, catalog(transaction)).id;
  const auto object = world_.pick_object(type);
  if (!object) return std::nullopt;
  return ObjectRef{type, *object};
}

void RandomProgram::observe(Open& transaction, Observation observation) {
  observation.writes_before = transaction.attempt->writes.size();
  const detail::SnapshotOrigin& origin = transaction.state.snapshot().origin();
  world_.checker.on_read(origin.history, origin.version, observation, transaction.attempt->writes);
  transaction.attempt->observations.push_back(std::move(observation));
}

bool RandomProgram::any_loaded(const Open& transaction,
                               const std::function<bool(const Interest&)>& covers) const {
  return std::any_of(
      transaction.interests.begin(), transaction.interests.end(),
      [&](const HeldInterest& held) { return held.loaded && covers(held.interest); });
}

// ---- reads ----

void RandomProgram::read(Open& transaction) {
  const std::size_t what = below(world_.random, 100);
  Read read = what < 45   ? random_cell_read(transaction)
              : what < 60 ? random_existence_read(transaction)
              : what < 75 ? random_index_read(transaction)
              : what < 92 ? random_range_read(transaction)
                          : random_membership_read(transaction);
  if (read) read(transaction);
}

void RandomProgram::ask(Open& transaction, const Interest& what, bool is_covered,
                        const Read& read) {
  try {
    read(transaction);
  } catch (const NotSubscribedError&) {
    ++world_.report.counts.not_subscribed;
    if (is_covered) world_.report.fail("a covered read was refused as not subscribed");
    if (transaction.fetches) {
      fetch(transaction, what, [this, what, read](Open& again) { ask(again, what, false, read); });
    }
  } catch (const DisconnectedError&) {
    // A snapshot of the simulation fetches nothing by itself: a field is not loaded, of this object
    // or of one that the transaction wrote and that a look-up has to place.
    if (transaction.fetches && std::holds_alternative<ObjectsInterest>(what)) {
      fetch(transaction, what,
            [this, what, is_covered, read](Open& again) { ask(again, what, is_covered, read); });
    }
  }
}

void RandomProgram::fetch(Open& transaction, Interest what, Read again) {
  transaction.fetch = client_.load(transaction.state.snapshot().origin(), what);
  transaction.fetched = std::move(what);
  transaction.again = std::move(again);
}

void RandomProgram::finish_fetch(Open& transaction) {
  const auto ticket = transaction.fetch;
  if (!ticket->is_done()) return;
  transaction.fetch = nullptr;
  if (ticket->error) {
    if (ticket->error->code != ErrorCode::kTooOld && !client_.has_ended()) {
      world_.report.fail("a fetch was refused: " + ticket->error->message);
    }
    return transaction.state.end();
  }
  if (const auto* objects = std::get_if<ObjectsInterest>(&transaction.fetched)) {
    client_.complete(transaction.state.snapshot(), *objects, ticket->blocks);
  }
  transaction.state.add_fetched(transaction.fetched, ticket->blocks);
  std::exchange(transaction.again, nullptr)(transaction);
}

RandomProgram::Read RandomProgram::random_cell_read(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return nullptr;
  const CatalogType& type = *catalog(transaction).find(object->type);
  const FieldId field{static_cast<std::uint32_t>(below(world_.random, type.fields.size()))};
  const bool is_covered = any_loaded(transaction, [&](const Interest& interest) {
    return covers_object(interest, catalog(transaction), *object);
  });
  return [this, object, field, is_covered](Open& open) {
    ask(open, ObjectsInterest{object->type, {object->object}}, is_covered, [=, this](Open& asked) {
      std::optional<Value> value;
      try {
        value = asked.state.get(*object, field);
      } catch (const NotFoundError&) {
      }
      observe(asked, {.kind = Observation::Kind::kCell,
                      .object = *object,
                      .field = field,
                      .value = std::move(value)});
    });
  };
}

RandomProgram::Read RandomProgram::random_existence_read(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return nullptr;
  const bool is_covered = any_loaded(transaction, [&](const Interest& interest) {
    return covers_object(interest, catalog(transaction), *object);
  });
  return [this, object, is_covered](Open& open) {
    ask(open, ObjectsInterest{object->type, {object->object}}, is_covered, [=, this](Open& asked) {
      const bool exists = asked.state.exists(*object);
      observe(asked, {.kind = Observation::Kind::kExistence, .object = *object, .exists = exists});
    });
  };
}

// A blind write may leave open where its object stands in an index now; and an index that was
// defined after objects had come lazily is complete only when they have come again.
bool RandomProgram::may_not_know(const Open& transaction, const CatalogIndex& index) const {
  const TypeId type = index.type;
  const auto& coverage = transaction.state.snapshot().coverage();
  if (coverage.incomplete_indexes.contains(index.id)) return true;
  const auto& writes = transaction.attempt->writes;
  return std::any_of(writes.begin(), writes.end(), [&](const OwnWrite& write) {
    const Row* row = transaction.state.snapshot().find(type, write.object.object);
    return write.kind == ObjectChange::Kind::kUpdate && write.object.type == type &&
           (row == nullptr || row->extent() == Row::Extent::kPartial);
  });
}

RandomProgram::Read RandomProgram::random_index_read(Open& transaction) {
  const CatalogType& type = random_type(world_.random, catalog(transaction));
  if (type.indexes.empty()) return nullptr;
  const CatalogIndex& index = pick(world_.random, type.indexes);
  const auto key = random_key(world_.random, type, index, world_.picker());
  if (!key) return nullptr;
  const bool is_covered =
      !may_not_know(transaction, index) && any_loaded(transaction, [&](const auto& interest) {
        return covers_key(interest, catalog(transaction), index, *key);
      });
  return [this, id = index.id, key = *key, is_covered](Open& open) {
    ask(open, IndexInterest{id, key}, is_covered, [=, this](Open& asked) {
      const std::vector<ObjectId> found = ids_of(asked.state.lookup(id, key));
      observe(asked, {.kind = Observation::Kind::kLookup, .index = id, .key = key, .found = found});
    });
  };
}

RandomProgram::Read RandomProgram::random_range_read(Open& transaction) {
  Random& random = world_.random;
  const CatalogType& type = random_type(random, catalog(transaction));
  if (type.indexes.empty()) return nullptr;
  const CatalogIndex& index = pick(random, type.indexes);
  const auto range = random_range(random, type, index, world_.picker());
  if (!range) return nullptr;
  RangeOptions options;
  if (chance(random, 30)) options.order = ScanOrder::kDescending;
  if (chance(random, 30)) options.limit = below(random, 4);
  const KeySpan span = encode_index_range(catalog(transaction), *range).value();
  const bool is_covered =
      !may_not_know(transaction, index) && any_loaded(transaction, [&](const auto& interest) {
        return covers_range(interest, catalog(transaction), index, span);
      });
  return [this, range = *range, options, is_covered](Open& open) {
    ask(open, IndexRangeInterest{range}, is_covered, [=, this](Open& asked) {
      const std::vector<ObjectId> found = ids_of(asked.state.range(range, options));
      observe(
          asked,
          {.kind = Observation::Kind::kRange, .range = range, .options = options, .found = found});
    });
  };
}

RandomProgram::Read RandomProgram::random_membership_read(Open& transaction) {
  const TypeId type = random_type(world_.random, catalog(transaction)).id;
  const bool is_covered = any_loaded(transaction, [&](const Interest& interest) {
    return covers_type(interest, catalog(transaction), type);
  });
  return [this, type, is_covered](Open& open) {
    ask(open, TypeInterest{type}, is_covered, [=, this](Open& asked) {
      const std::vector<ObjectId> found = ids_of(asked.state.all(type));
      observe(asked, {.kind = Observation::Kind::kMembership, .type = type, .found = found});
    });
  };
}

// ---- writes ----

void RandomProgram::write(Open& transaction) {
  const CatalogType& type = random_type(world_.random, catalog(transaction));
  const std::size_t living = world_.checker.model().living(type.id).size();
  const std::size_t what = below(world_.random, 100);
  if (living < 3 ? what < 60 : living < 6 && what < 12) return create(transaction, type);
  if (living > 2 && what > 88) return remove(transaction);
  if (what > 65) return apply(transaction);
  set(transaction);
}

void RandomProgram::apply(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return;
  const CatalogType& type = *catalog(transaction).find(object->type);
  const FieldId field{static_cast<std::uint32_t>(below(world_.random, type.fields.size()))};
  const auto operation =
      random_operation(world_.random, field, type.fields[field.value].type, world_.picker());
  if (!operation) return;
  try {
    transaction.state.apply(*object, *operation);
  } catch (const NotFoundError&) {
    return observe(transaction, {.kind = Observation::Kind::kExistence, .object = *object});
  }
  transaction.attempt->writes.push_back({ObjectChange::Kind::kUpdate, *object, {*operation}});
}

void RandomProgram::set(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return;
  const CatalogType& type = *catalog(transaction).find(object->type);
  const FieldId field{static_cast<std::uint32_t>(below(world_.random, type.fields.size()))};
  auto value = random_value(world_.random, type.fields[field.value].type, world_.picker());
  if (!value) return;
  try {
    transaction.state.set(*object, field, *value);
  } catch (const NotFoundError&) {  // an answer, too
    return observe(transaction, {.kind = Observation::Kind::kExistence, .object = *object});
  }
  transaction.attempt->writes.push_back(
      {ObjectChange::Kind::kUpdate, *object, {{.field = field, .value = *std::move(value)}}});
}

void RandomProgram::create(Open& transaction, const CatalogType& type) {
  OwnWrite write{ObjectChange::Kind::kCreate, {type.id, {}}, {}};
  std::vector<std::pair<FieldId, Value>> cells;
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    if (type.fields[i].fallback && chance(world_.random, 30)) continue;
    auto value = random_value(world_.random, type.fields[i].type, world_.picker());
    if (!value) return;
    cells.emplace_back(FieldId{i}, *value);
    write.cells.push_back({.field = FieldId{i}, .value = *std::move(value)});
  }
  const auto object = client_.core().allocate(type.id);
  if (!object) return;  // none granted yet
  write.object.object = *object;
  world_.named[type.id].push_back(*object);
  transaction.state.create(write.object, std::move(cells));
  transaction.attempt->writes.push_back(std::move(write));
}

void RandomProgram::remove(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return;
  try {
    transaction.state.remove(*object);
  } catch (const NotFoundError&) {
    return observe(transaction, {.kind = Observation::Kind::kExistence, .object = *object});
  }
  transaction.attempt->writes.push_back({ObjectChange::Kind::kDelete, *object, {}});
}

}  // namespace odb::sim
