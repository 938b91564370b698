#include "odb/tool/source.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <utility>

#include "odb/core/core_schema.h"

namespace odb::tool {

namespace {

volatile std::sig_atomic_t interrupted_by = 0;

// Leaves out what is of the moment.
class LastingLoader final : public server::StoreLoader {
 public:
  explicit LastingLoader(server::StoreLoader& next) : next_(next) {}

  Result<void> on_database(const server::StoredDatabase& stored) override {
    return next_.on_database(stored);
  }
  Result<void> on_types(std::vector<CatalogType> types) override {
    for (const CatalogType& type : types) {
      if (type.name == connection_type_name()) connection_ = type.id;
    }
    return next_.on_types(std::move(types));
  }
  Result<void> on_object(TypeId type, ObjectId object, Version version,
                         std::vector<Value> fields) override {
    if (is_interrupted()) return interrupted();
    if (type == connection_) return {};
    return next_.on_object(type, object, version, std::move(fields));
  }
  Result<void> on_outcomes(ClientOutcomes outcomes) override {
    return next_.on_outcomes(std::move(outcomes));
  }
  bool wants_log() const override { return next_.wants_log(); }
  Result<void> on_log(std::vector<CommitRecord> append) override {
    if (is_interrupted()) return interrupted();
    return next_.on_log(std::move(append));
  }

 private:
  server::StoreLoader& next_;
  TypeId connection_;
};

class StoreSource final : public Source {
 public:
  StoreSource(std::unique_ptr<server::Store> store, Order order)
      : store_(std::move(store)), order_(order) {}
  ~StoreSource() override { store_->stop(); }

  Result<server::StoredDatabase> load(server::StoreLoader& loader) override {
    LastingLoader lasting(loader);
    auto stored = store_->load(lasting);
    if (!stored) return stored.error();
    if (!stored->has_value()) {
      return Error{ErrorCode::kBadConfiguration, name() + " is empty: there is no database in it"};
    }
    return **stored;
  }
  Order order() const override { return order_; }
  std::string name() const override { return store_->name(); }

 private:
  const std::unique_ptr<server::Store> store_;
  const Order order_;
};

}  // namespace

std::unique_ptr<Source> make_store_source(std::unique_ptr<server::Store> store, Order order) {
  return std::make_unique<StoreSource>(std::move(store), order);
}

Result<void> SortingLoader::on_object(TypeId type, ObjectId object, Version version,
                                      std::vector<Value> fields) {
  objects_.push_back({type, object, version, std::move(fields)});
  return {};
}

Result<void> SortingLoader::finish() {
  const auto place = [](const Object& object) { return std::pair(object.type, object.object); };
  std::sort(objects_.begin(), objects_.end(),
            [&](const Object& a, const Object& b) { return place(a) < place(b); });
  const Object* before = nullptr;
  for (Object& object : objects_) {
    const bool is_again = before != nullptr && place(*before) == place(object);
    before = &object;
    if (is_again) continue;
    auto taken =
        next_.on_object(object.type, object.object, object.version, std::move(object.fields));
    if (!taken) return taken;
  }
  return {};
}

void catch_interrupts() {
  struct sigaction action {};
  action.sa_handler = [](int signal) { interrupted_by = signal; };
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
}

bool is_interrupted() { return interrupted_by != 0; }

Error interrupted() { return {ErrorCode::kShuttingDown, "interrupted"}; }

}  // namespace odb::tool
