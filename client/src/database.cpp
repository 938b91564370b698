#include "odb/client/database.h"

#include <algorithm>
#include <map>
#include <thread>
#include <utility>

#include "connection.h"
#include "messages.h"
#include "odb/client/core_schema.h"
#include "odb/client/detail/read_watch.h"

namespace odb {

namespace {

// What is left of a time that several waits share.
class Remaining {
 public:
  using Timeout = std::optional<std::chrono::milliseconds>;

  explicit Remaining(Timeout timeout) {
    if (timeout) until_ = Clock::now() + *timeout;
  }
  Timeout operator()() const {
    if (!until_) return std::nullopt;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*until_ - Clock::now());
    return std::max(left, std::chrono::milliseconds(0));
  }

 private:
  using Clock = std::chrono::steady_clock;

  std::optional<Clock::time_point> until_;
};

}  // namespace

// ---- Subscription ----

bool Subscription::is_loaded() const {
  return std::all_of(ids_.begin(), ids_.end(),
                     [&](SubscriptionId id) { return connection_->is_loaded(id); });
}

void Subscription::wait(std::optional<std::chrono::milliseconds> timeout) const {
  const Remaining remaining(timeout);
  for (const SubscriptionId id : ids_) connection_->wait_loaded(id, remaining());
}

void Subscription::unsubscribe(std::optional<std::chrono::milliseconds> timeout) {
  const Remaining remaining(timeout);
  for (const SubscriptionId id : ids_) connection_->unsubscribe(id, remaining());
}

std::uint64_t Subscription::objects_loaded() const {
  std::uint64_t sum = 0;
  for (const SubscriptionId id : ids_) sum += connection_->objects_loaded(id);
  return sum;
}

// ---- Transaction ----

Transaction::Transaction(std::shared_ptr<detail::Connection> connection,
                         std::shared_ptr<const detail::Snapshot> snapshot)
    : connection_(std::move(connection)), state_(std::move(snapshot)) {}

std::optional<ObjectRef> Transaction::lookup_any(IndexId index, std::span<const Value> values) {
  const std::vector<ObjectRef> found = lookup(index, values);
  if (found.empty()) return std::nullopt;
  return found.front();
}

ObjectRef Transaction::lookup_unique(IndexId index, std::span<const Value> values) {
  return detail::only_one(catalog(), index, lookup(index, values));
}

ObjectRef Transaction::create(TypeId type, std::vector<std::pair<FieldId, Value>> fields) {
  return create_from(type, fields);
}

ObjectRef Transaction::create_from(TypeId type, std::span<std::pair<FieldId, Value>> fields) {
  const ObjectRef object{type, connection_->allocate(type, {})};
  state_.create(object, fields);
  return object;
}

Version Transaction::commit(std::optional<std::chrono::milliseconds> timeout) {
  CommitOutcome outcome = try_commit(timeout);
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) return accepted->version;
  if (auto* conflict = std::get_if<Conflict>(&outcome)) {
    std::string message = describe_conflict(catalog(), *conflict);
    throw ConflictError(std::move(*conflict), std::move(message));
  }
  throw_error(std::get<Error>(std::move(outcome)));
}

CommitOutcome Transaction::try_commit(std::optional<std::chrono::milliseconds> timeout) {
  if (!state_.has_writes() && !state_.has_ended()) {
    state_.end();
    return Accepted{version()};
  }
  const HistoryId history = state_.snapshot().history();
  return connection_->commit(state_.take_request(), history, timeout);
}

void Transaction::commit_async(CommitCallback done) {
  if (!state_.has_writes() && !state_.has_ended()) {
    state_.end();
    done(Accepted{version()});
    return;
  }
  const HistoryId history = state_.snapshot().history();
  connection_->commit_async(state_.take_request(), history, std::move(done));
}

// ---- Database ----

Database connect(const std::string& host, std::uint16_t port, const std::string& token,
                 ConnectOptions options) {
  return connect(std::vector<ServerAddress>{{host, port}}, token, std::move(options));
}

Database connect(std::vector<ServerAddress> servers, const std::string& token,
                 ConnectOptions options) {
  std::vector<net::Endpoint> endpoints;
  endpoints.reserve(servers.size());
  for (ServerAddress& server : servers) endpoints.push_back({std::move(server.host), server.port});
  return Database(detail::Connection::open(std::move(endpoints), token, std::move(options)));
}

Database connect_over(int descriptor, const std::string& token, ConnectOptions options) {
  return Database(detail::Connection::open(net::Socket(descriptor), token, std::move(options)));
}

Database& Database::operator=(Database&& other) noexcept {
  std::swap(connection_, other.connection_);
  return *this;
}

Database::~Database() {
  if (connection_ != nullptr) connection_->disconnect();
}

void Database::define(const Schema& schema, std::optional<std::chrono::milliseconds> timeout) {
  connection_->define(schema, timeout);
}

Subscription Database::subscribe(const Schema& schema,
                                 std::optional<std::chrono::milliseconds> timeout) {
  return subscribe(schema, Loading::kEager, timeout);
}

Subscription Database::subscribe(const Schema& schema, Loading loading,
                                 std::optional<std::chrono::milliseconds> timeout) {
  connection_->define(schema, timeout);
  return subscribe(SchemaInterest{schema.name()}, loading, timeout);
}

Subscription Database::subscribe(const Schema& schema, const Excluding& excluding, Loading loading,
                                 std::optional<std::chrono::milliseconds> timeout) {
  std::vector<std::string> wanted;
  for (const TypeDefinition& type : schema.definition().types) wanted.push_back(type.name);
  for (std::size_t i = 0; i < excluding.names.size(); ++i) {
    std::string name = excluding.names[i];
    if (i < excluding.slots.size()) {
      const auto& bindings = schema.bindings();
      const auto bound = std::find_if(bindings.begin(), bindings.end(), [&](const auto& binding) {
        return binding.slot == excluding.slots[i];
      });
      if (bound != bindings.end()) name = bound->type_name;
    }
    if (std::erase(wanted, name) > 0) continue;
    throw SchemaError({ErrorCode::kUnknownType,
                       "excluding: schema " + schema.name() + " does not define " + name});
  }
  connection_->define(schema, timeout);
  const std::shared_ptr<const Catalog> known = catalog();
  std::vector<SubscriptionId> ids;
  for (const std::string& name : wanted) {
    const CatalogType* const type = known->find(TypeName{schema.name(), name});
    ids.push_back(connection_->subscribe(TypeInterest{type->id}, loading));
  }
  Subscription subscription(connection_, std::move(ids));
  subscription.wait(timeout);
  return subscription;
}

Subscription Database::subscribe(Interest interest,
                                 std::optional<std::chrono::milliseconds> timeout) {
  return subscribe(std::move(interest), Loading::kEager, timeout);
}

Subscription Database::subscribe(Interest interest, Loading loading,
                                 std::optional<std::chrono::milliseconds> timeout) {
  Subscription subscription = subscribe_async(std::move(interest), loading);
  subscription.wait(timeout);
  return subscription;
}

Subscription Database::subscribe_async(Interest interest, Loading loading) {
  return {connection_, {connection_->subscribe(std::move(interest), loading)}};
}

void Database::release(std::span<const ObjectRef> objects,
                       std::optional<std::chrono::milliseconds> timeout) {
  std::map<TypeId, std::vector<ObjectId>> by_type;
  for (const ObjectRef& object : objects) by_type[object.type].push_back(object.object);
  for (auto& [type, ids] : by_type) connection_->release(type, std::move(ids), timeout);
}

View Database::view() const { return View(connection_->snapshot()); }

View Database::view(Version version) const { return View(connection_->snapshot_at(version)); }

Transaction Database::transaction(Version version) {
  return {connection_, connection_->snapshot_at(version)};
}

Transaction Database::transaction() { return {connection_, connection_->snapshot()}; }

HandlerId Database::on_commit(ChangeHandler handler) {
  return connection_->on_commit(std::move(handler));
}

void Database::remove_handler(HandlerId handler) { connection_->remove_handler(handler); }

Version Database::flush(std::optional<std::chrono::milliseconds> timeout) {
  return connection_->flush(timeout);
}

ServerStatus Database::status(std::optional<std::chrono::milliseconds> timeout) {
  return connection_->status(timeout);
}

void Database::wait_for_version(Version version, std::optional<std::chrono::milliseconds> timeout) {
  connection_->wait_for_version(version, timeout);
}

void Database::wait_for_change(const View& since,
                               std::optional<std::chrono::milliseconds> timeout) {
  connection_->wait_for_change(since.snapshot().step(), timeout);
}

Ref<Connection> Database::connection_object() { return connection_->connection_object(); }

ObjectId Database::connection_identity() const { return connection_->connection_identity(); }

Version Database::version() const { return connection_->version(); }
std::shared_ptr<const Catalog> Database::catalog() const { return connection_->catalog(); }
const std::string& Database::actor() const { return connection_->actor(); }
bool Database::is_subscribed(const Interest& interest) const {
  const View now = view();
  const Catalog& catalog = now.catalog();
  if (auto possible = check_interest(catalog, interest); !possible) {
    throw_error(std::move(possible.error()));
  }
  return now.snapshot().coverage().has(interest, catalog);
}

bool Database::is_subscribed(const Schema& schema) const {
  const View now = view();
  return now.snapshot().coverage().has(SchemaInterest{schema.name()}, now.catalog());
}

std::vector<ConflictCount> Database::conflict_counts() const {
  return connection_->conflict_counts();
}
HistoryId Database::history() const { return connection_->history(); }
bool Database::is_connected() const { return connection_->is_connected(); }
void Database::disconnect() { connection_->disconnect(); }

std::chrono::microseconds Database::conflict_pause(int attempt) {
  return detail::pause_after_conflict(attempt);
}

void Database::pause_after_conflict(int attempt) { connection_->pause_after_conflict(attempt); }

}  // namespace odb
