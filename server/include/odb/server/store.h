// Store: where the server keeps versions durably.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "odb/core/changeset.h"
#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/schema.h"

namespace odb::server {

// One committed version, as the store keeps it: either changes or a schema change.
struct CommitRecord {
  Version version;
  std::string actor;
  ClientId client;
  Sequence sequence;
  Changeset changes;
  std::optional<SchemaDefinition> schema;
};

// What a store tells the server. Calls may come from within append() or reserve_ids(), or later;
// always on the server's own thread of control.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  // Every version up to this one is durable.
  virtual void on_durable(Version up_to) = 0;
  // `from` and every later version appended so far are surely not in the store and never will be.
  virtual void on_append_failed(Version from, const Error& reason) = 0;
  // Identities below this one will never be granted again, whatever happens.
  virtual void on_ids_reserved(ObjectId below) = 0;
};

// Appends are in the order of versions and take effect in that order.

class Store {
 public:
  virtual ~Store() = default;
  virtual void start(StoreListener& listener) = 0;  // once, before anything else
  // Copies what it needs before it returns.
  virtual void append(std::span<const CommitRecord* const> batch) = 0;
  virtual void reserve_ids(ObjectId below) = 0;
  virtual std::string name() const = 0;  // "memory", for logs
};

// Keeps nothing: everything counts as durable at once and is gone when the process ends.
class MemoryStore final : public Store {
 public:
  void start(StoreListener& listener) override { listener_ = &listener; }
  void append(std::span<const CommitRecord* const> batch) override {
    listener_->on_durable(batch.back()->version);
  }
  void reserve_ids(ObjectId below) override { listener_->on_ids_reserved(below); }
  std::string name() const override { return "memory"; }

 private:
  StoreListener* listener_ = nullptr;
};

}  // namespace odb::server
