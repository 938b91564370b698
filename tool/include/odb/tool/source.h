// Source: where a whole database is read from: a dump, a store, or a server.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "odb/core/error.h"
#include "odb/server/store.h"

namespace odb::tool {

// In which order a source hands out objects.
enum class Order : std::uint8_t { kSorted, kAny };  // by type, then by identity, each once

class Source {
 public:
  virtual ~Source() = default;
  // Hands out everything, on_database first, but never what clients see of each other
  // (core.Connection): that is of the moment. kBadConfiguration, or what the server or store says.
  virtual Result<server::StoredDatabase> load(server::StoreLoader& loader) = 0;
  virtual Order order() const { return Order::kSorted; }
  virtual std::string name() const = 0;  // "the data directory ./db", for messages
};

// A store that nobody else has; it is given up when this ends. Reading changes nothing in it.
std::unique_ptr<Source> make_store_source(std::unique_ptr<server::Store> store, Order order);

// Hands on what another loader is given, sorted and each object once, when finish() is called.
class SortingLoader final : public server::StoreLoader {
 public:
  explicit SortingLoader(server::StoreLoader& next) : next_(next) {}
  Result<void> on_database(const server::StoredDatabase& stored) override {
    return next_.on_database(stored);
  }
  Result<void> on_types(std::vector<CatalogType> types) override {
    return next_.on_types(std::move(types));
  }
  Result<void> on_object(TypeId type, ObjectId object, Version version,
                         std::vector<Value> fields) override;
  Result<void> on_outcomes(ClientOutcomes outcomes) override {
    return next_.on_outcomes(std::move(outcomes));
  }
  Result<void> finish();

 private:
  struct Object {
    TypeId type;
    ObjectId object;
    Version version;
    std::vector<Value> fields;
  };
  server::StoreLoader& next_;
  std::vector<Object> objects_;
};

// Ctrl-C and SIGTERM, as something to ask for every now and then. Once a program has called
// catch_interrupts() they do not end it by themselves.
void catch_interrupts();
bool is_interrupted();
Error interrupted();  // kShuttingDown

}  // namespace odb::tool
