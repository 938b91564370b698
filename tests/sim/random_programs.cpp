#include "random_programs.h"

#include <algorithm>
#include <utility>

#include "odb/client/errors.h"

namespace odb::sim {

namespace {

constexpr std::size_t kSubscriptionsMax = 8;

}  // namespace

RandomProgram::RandomProgram(World& world, SimClient& client, const Habits& habits)
    : world_(world), client_(client), habits_(habits) {}

void RandomProgram::step() {
  if (!client_.is_open()) return;
  if (client_.catalog().types().empty()) return prepare();
  const std::size_t what = below(world_.random, 100);
  if (client_.subscription_count() == 0 || what < 2) return subscribe();
  if (what < 4) return client_.begin_flush();
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
  if (transaction.steps_left-- > 0) return advance(transaction);
  end(transaction);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(place));
}

// Until it knows the types.
void RandomProgram::prepare() {
  if (client_.is_waiting()) return;
  if (habits_.defines) {
    client_.define(base_schema());
  } else {
    client_.subscribe(SchemaInterest{kSchemaName});  // refused until somebody has defined it
  }
}

void RandomProgram::subscribe() {
  if (client_.subscription_count() >= kSubscriptionsMax) return;
  Random& random = world_.random;
  const CatalogType& type = random_type(random, client_.catalog());
  const std::size_t what = below(random, 10);
  if ((habits_.sees_all && client_.subscription_count() == 0) || what == 0) {
    return client_.subscribe(SchemaInterest{kSchemaName});
  }
  if (what < 3) return client_.subscribe(TypeInterest{type.id});
  if (what < 7 && !type.indexes.empty()) {
    const CatalogIndex& index = pick(random, type.indexes);
    auto key = random_key(random, type, index, world_.picker());
    if (key) client_.subscribe(IndexInterest{index.id, *std::move(key)});
    return;
  }
  // Some of these objects do not exist any more, or not yet; some are of another type.
  const TypeId named = chance(random, 10) ? random_type(random, client_.catalog()).id : type.id;
  ObjectsInterest interest{type.id, {}};
  for (std::size_t count = 1 + below(random, 4); count > 0; --count) {
    if (const auto object = world_.pick_object(named)) interest.objects.push_back(*object);
  }
  if (!interest.objects.empty()) client_.subscribe(std::move(interest));
}

// ---- transactions ----

void RandomProgram::begin() {
  Random& random = world_.random;
  auto attempt = std::make_shared<Attempt>();
  attempt->client = client_.id();
  attempt->actor = client_.actor();
  attempt->acknowledged_before = world_.checker.acknowledged();
  auto open = std::make_unique<Open>(
      Open{detail::TransactionState(client_.snapshot()), std::move(attempt), client_.interests()});
  open->steps_left = 1 + below(random, 4);
  const std::size_t style = below(random, 100);
  open->reads = style >= 15;                 // blind writes only
  open->writes = style < 15 || style >= 23;  // reads only
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
  world_.checker.on_read(transaction.state.snapshot().version(), observation,
                         transaction.attempt->writes);
  transaction.attempt->observations.push_back(std::move(observation));
}

bool RandomProgram::any_loaded(const Open& transaction,
                               const std::function<bool(const Interest&)>& covers) const {
  return std::any_of(
      transaction.interests.begin(), transaction.interests.end(),
      [&](const HeldInterest& held) { return held.loaded && covers(held.interest); });
}

void RandomProgram::on_not_subscribed(bool is_covered) {
  ++world_.report.counts.not_subscribed;
  if (is_covered) world_.report.fail("a covered read was refused as not subscribed");
}

// ---- reads ----

void RandomProgram::read(Open& transaction) {
  const std::size_t what = below(world_.random, 100);
  if (what < 50) return read_cell(transaction);
  if (what < 65) return read_existence(transaction);
  if (what < 90) return read_index(transaction);
  read_membership(transaction);
}

void RandomProgram::read_cell(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return;
  const CatalogType& type = *catalog(transaction).find(object->type);
  const FieldId field{static_cast<std::uint32_t>(below(world_.random, type.fields.size()))};
  Observation observation{.kind = Observation::Kind::kCell, .object = *object, .field = field};
  try {
    observation.value = transaction.state.get(*object, field);
  } catch (const NotFoundError&) {
  } catch (const NotSubscribedError&) {
    return on_not_subscribed(any_loaded(transaction, [&](const Interest& interest) {
      return covers_object(interest, catalog(transaction), *object);
    }));
  }
  observe(transaction, std::move(observation));
}

void RandomProgram::read_existence(Open& transaction) {
  const auto object = some_object(transaction);
  if (!object) return;
  Observation observation{.kind = Observation::Kind::kExistence, .object = *object};
  try {
    observation.exists = transaction.state.exists(*object);
  } catch (const NotSubscribedError&) {
    return on_not_subscribed(any_loaded(transaction, [&](const Interest& interest) {
      return covers_object(interest, catalog(transaction), *object);
    }));
  }
  observe(transaction, std::move(observation));
}

void RandomProgram::read_index(Open& transaction) {
  const CatalogType& type = random_type(world_.random, catalog(transaction));
  if (type.indexes.empty()) return;
  const CatalogIndex& index = pick(world_.random, type.indexes);
  auto key = random_key(world_.random, type, index, world_.picker());
  if (!key) return;
  Observation observation{
      .kind = Observation::Kind::kLookup, .index = index.id, .key = *std::move(key)};
  try {
    for (const ObjectRef& found : transaction.state.lookup(index.id, observation.key)) {
      observation.found.push_back(found.object);
    }
  } catch (const NotSubscribedError&) {
    // A blind write may leave open whether its object has this key now.
    const auto& writes = transaction.attempt->writes;
    const bool is_open = std::any_of(writes.begin(), writes.end(), [&](const OwnWrite& write) {
      return write.kind == ObjectChange::Kind::kUpdate && write.object.type == type.id &&
             transaction.state.snapshot().find(type.id, write.object.object) == nullptr;
    });
    return on_not_subscribed(!is_open && any_loaded(transaction, [&](const Interest& interest) {
      return covers_key(interest, catalog(transaction), index, observation.key);
    }));
  }
  observe(transaction, std::move(observation));
}

void RandomProgram::read_membership(Open& transaction) {
  const CatalogType& type = random_type(world_.random, catalog(transaction));
  Observation observation{.kind = Observation::Kind::kMembership, .type = type.id};
  try {
    for (const ObjectRef& found : transaction.state.all(type.id)) {
      observation.found.push_back(found.object);
    }
  } catch (const NotSubscribedError&) {
    return on_not_subscribed(any_loaded(transaction, [&](const Interest& interest) {
      return covers_type(interest, catalog(transaction), type.id);
    }));
  }
  observe(transaction, std::move(observation));
}

// ---- writes ----

void RandomProgram::write(Open& transaction) {
  const CatalogType& type = random_type(world_.random, catalog(transaction));
  const std::size_t living = world_.checker.model().living(type.id).size();
  const std::size_t what = below(world_.random, 100);
  if (living < 3 ? what < 60 : living < 6 && what < 12) return create(transaction, type);
  if (living > 2 && what > 88) return remove(transaction);
  set(transaction);
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
      {ObjectChange::Kind::kUpdate, *object, {{field, *std::move(value)}}});
}

void RandomProgram::create(Open& transaction, const CatalogType& type) {
  OwnWrite write{ObjectChange::Kind::kCreate, {type.id, {}}, {}};
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    if (type.fields[i].fallback && chance(world_.random, 30)) continue;
    auto value = random_value(world_.random, type.fields[i].type, world_.picker());
    if (!value) return;
    write.cells.emplace_back(FieldId{i}, *std::move(value));
  }
  const auto object = client_.core().allocate(type.id);
  if (!object) return;  // none granted yet
  write.object.object = *object;
  world_.named[type.id].push_back(*object);
  transaction.state.create(write.object, write.cells);
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
