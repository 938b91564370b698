#include "odb/tool/fill_store.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "odb/net/random.h"

namespace odb::tool {

namespace {

constexpr std::size_t kCommitObjectsMax = 1000;
constexpr std::size_t kCommitBytesMax = 1 << 20;
// Commits that the store has not confirmed yet. It makes groups of what waits.
constexpr std::uint64_t kInFlightMax = 64;

// Everything is of one version: what was before it is not known.
constexpr Version kFirst{1};

Error not_empty(const std::string& store) {
  return {ErrorCode::kBadConfiguration, store + " is not empty: expected one without a database"};
}

class CountingLoader final : public server::StoreLoader {
 public:
  CountingLoader(server::StoreLoader& next, Progress& progress)
      : next_(next), progress_(progress) {}

  Result<void> on_database(const server::StoredDatabase& stored) override {
    return next_.on_database(stored);
  }
  Result<void> on_types(std::vector<CatalogType> types) override {
    return next_.on_types(std::move(types));
  }
  Result<void> on_object(TypeId type, ObjectId object, Version,
                         std::vector<Value> fields) override {
    progress_.add(1);
    return next_.on_object(type, object, kFirst, std::move(fields));
  }
  Result<void> on_outcomes(ClientOutcomes) override { return {}; }

 private:
  server::StoreLoader& next_;
  Progress& progress_;
};

// A store that is to be filled: nothing in it, or a part of what it will be filled with.
class EmptyLoader final : public server::StoreLoader {
 public:
  Result<void> on_types(std::vector<CatalogType> types) override {
    has_types_ = !types.empty();
    return {};
  }
  Result<void> on_object(TypeId, ObjectId, Version, std::vector<Value>) override {
    has_types_ = true;
    return {};
  }
  Result<void> on_outcomes(ClientOutcomes) override { return {}; }
  bool has_something() const { return has_types_; }

 private:
  bool has_types_ = false;
};

SchemaDefinition definition_of(const Catalog& catalog, const std::string& schema) {
  SchemaDefinition definition{.name = schema, .types = {}};
  for (const TypeId id : catalog.types_of(schema)) {
    const CatalogType& type = *catalog.find(id);
    TypeDefinition& defined = definition.types.emplace_back();
    defined.name = type.name.type;
    for (const CatalogField& field : type.fields)
      defined.fields.push_back({field.name, field.type});
    for (const CatalogIndex& index : type.indexes) {
      IndexDefinition& made = defined.indexes.emplace_back();
      made.name = index.name;
      for (const FieldId field : index.fields) made.fields.push_back(type.fields[field.value].name);
      made.uniqueness = index.uniqueness;
      made.role = index.role;
    }
  }
  return definition;
}

// The database as commits, always the same ones: first each schema, then the objects in order.
class Commits {
 public:
  explicit Commits(const WholeDatabase& whole) : whole_(whole) {
    const Catalog& catalog = *whole.database.state.catalog();
    std::set<std::string> schemas;
    for (const auto& type : catalog.types()) {
      if (type != nullptr && schemas.insert(type->name.schema).second) {
        schemas_.push_back(type->name.schema);
      }
    }
  }

  // Into `record`; false at the end.
  bool next(CommitRecord& record) {
    record = CommitRecord{};
    record.version = Version{++version_};
    record.actor = "odb";
    objects_ = 0;
    if (next_schema_ < schemas_.size()) {
      record.schema = definition_of(*whole_.database.state.catalog(), schemas_[next_schema_++]);
      return true;
    }
    add_objects(record.changes);
    return objects_ > 0;
  }
  std::size_t objects() const { return objects_; }  // of the last one

  static std::uint64_t count(const WholeDatabase& whole) {
    Commits commits(whole);
    CommitRecord record;
    std::uint64_t count = 0;
    while (commits.next(record)) ++count;
    return count;
  }

 private:
  void add_objects(Changeset& changes) {
    const Catalog& catalog = *whole_.database.state.catalog();
    std::size_t bytes = 0;
    for (; type_.value <= catalog.types().size(); ++type_.value, from_ = ObjectId{1}) {
      const CatalogType* const type = catalog.find(type_);
      if (type == nullptr) continue;
      const ObjectTable& table = *whole_.database.state.objects(type_);
      for (auto found = table.find_from(from_); found.newest != nullptr;
           found = table.find_from(from_)) {
        // A commit is of one type: so its objects come in the order in which they stand.
        if (objects_ >= kCommitObjectsMax || bytes >= kCommitBytesMax) return;
        from_ = ObjectId{found.id.value + 1};
        ++objects_;
        for (const Value& value : found.newest->fields()) {
          bytes += sizeof(Value) + value.heap_bytes();
        }
        // Stores write objects as the state has them, and no log while they are filled.
        changes.begin(ObjectChange::Kind::kCreate, type_, found.id);
      }
    }
  }

  const WholeDatabase& whole_;
  std::vector<std::string> schemas_;
  std::size_t next_schema_ = 0;
  std::uint64_t version_ = 0;
  TypeId type_{1};
  ObjectId from_{1};
  std::size_t objects_ = 0;
};

// Hears from the store on the thread that fills it.
class Filler final : private server::StoreListener, private server::StoreHost {
 public:
  Filler(server::Store& store, Version durable) : store_(store), durable_(durable) {
    store_.start(*this, *this);
  }
  ~Filler() override { store_.stop(); }
  Filler(const Filler&) = delete;
  Filler& operator=(const Filler&) = delete;

  Result<void> reserve_ids(ObjectId below) {
    store_.reserve_ids(below);
    return wait([&] { return reserved_ >= below; });
  }
  Result<void> append(const server::CommitBatch& batch) {
    store_.append(batch);
    return wait([&] { return durable_.value + kInFlightMax >= batch.last().value; });
  }
  Result<void> finish(Version last) {
    return wait([&] { return durable_ >= last; });
  }
  Version durable() const { return durable_; }

 private:
  void on_durable(Version up_to) override { durable_ = up_to; }
  void on_append_failed(Version, const Error& reason) override { fail(reason); }
  void on_ids_reserved(ObjectId below) override { reserved_ = below; }
  void on_away(const Error& reason) override { fail(reason); }
  void on_lost(const Error& reason) override { fail(reason); }
  void fail(const Error& reason) {
    if (!failure_) failure_ = reason;
  }

  void post(std::function<void()> work) override {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(work));
    changed_.notify_one();
  }

  template <class Condition>
  Result<void> wait(const Condition& is_met) {
    constexpr std::chrono::milliseconds kGlance{100};
    std::unique_lock lock(mutex_);
    for (;;) {
      while (!posted_.empty()) {
        const auto work = std::move(posted_.front());
        posted_.pop_front();
        lock.unlock();
        work();
        lock.lock();
      }
      if (failure_) return *failure_;
      if (is_interrupted()) return interrupted();
      if (is_met()) return {};
      changed_.wait_for(lock, kGlance, [this] { return !posted_.empty(); });
    }
  }

  server::Store& store_;
  Version durable_;
  ObjectId reserved_;
  std::optional<Error> failure_;
  std::mutex mutex_;  // guards posted_
  std::condition_variable changed_;
  std::deque<std::function<void()>> posted_;
};

// Where it stands: 0 when it is empty.
Result<Version> begin(server::Store& store, HistoryId history) {
  EmptyLoader loader;
  auto stored = store.load(loader);
  if (!stored) return stored.error();
  Version stands;
  if (stored->has_value()) {
    stands = (*stored)->version;
    // One that a server was started with, and that nobody has used, is empty too.
    if (!(*stored)->is_filling && (stands != Version{} || loader.has_something())) {
      return not_empty(store.name());
    }
  }
  if (auto begun = store.begin(history); !begun) return begun.error();
  return stands;
}

}  // namespace

Result<std::unique_ptr<WholeDatabase>> read_whole(Source& source, Progress& progress) {
  auto whole = std::make_unique<WholeDatabase>();
  auto read = server::read_database(
      [&](server::StoreLoader& loader) -> Result<std::optional<server::StoredDatabase>> {
        CountingLoader counting(loader, progress);
        auto stored = source.load(counting);
        if (!stored) return stored.error();
        whole->stored = *stored;
        return std::optional(*std::move(stored));
      },
      whole->database);
  if (!read) return read.error();
  for (const auto& type : whole->database.state.catalog()->types()) {
    if (type == nullptr) continue;
    const ObjectTable& table = *whole->database.state.objects(type->id);
    for (auto found = table.find_from(ObjectId{1}); found.newest != nullptr;
         found = table.find_from(ObjectId{found.id.value + 1})) {
      ++whole->objects;
    }
  }
  return whole;
}

Result<Filled> fill_store(const WholeDatabase& whole, const std::string& source,
                          const MakeStore& make_store, Progress& progress) {
  const Version last{Commits::count(whole)};
  const auto store = make_store({.source = source, .whole_at = last});
  Filled filled{.history = net::make_history_id(), .version = last, .objects = whole.objects};
  auto stands = begin(*store, filled.history);
  if (!stands) {
    store->stop();
    return stands.error();
  }
  Filler filler(*store, *stands);
  const auto broken_off = [&](const Error& why) {
    return Error{why.code, why.message + "; " + store->name() + " holds " +
                               std::to_string(filler.durable().value) + " of " +
                               std::to_string(last.value) +
                               " parts, and the same command goes on from there"};
  };
  if (auto reserved = filler.reserve_ids(whole.stored.ids_below); !reserved) {
    return broken_off(reserved.error());
  }
  const server::OutcomeTable outcomes(whole.limits);
  Commits commits(whole);
  CommitRecord record;
  progress.expect(whole.objects);
  std::uint64_t done = 0;
  while (commits.next(record)) {
    progress.set(done += commits.objects());
    if (record.version <= *stands) {
      filled.resumed = done;
      continue;
    }
    const CommitRecord* const records[] = {&record};
    auto appended = filler.append({records, whole.database.state, outcomes, {}});
    if (!appended) return broken_off(appended.error());
  }
  if (auto finished = filler.finish(last); !finished) return broken_off(finished.error());
  return filled;
}

}  // namespace odb::tool
