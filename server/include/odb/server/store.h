// Store: where the server keeps versions durably.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "odb/core/commit_record.h"
#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/schema.h"
#include "odb/core/versioned_state.h"
#include "odb/server/outcome_table.h"

namespace odb::server {

using odb::CommitRecord;  // what a store keeps

// What one append makes durable. A store keeps the records (a log), or what they lead to: each
// touched object and schema once, as the state has them now, and the outcomes of the clients.
struct CommitBatch {
  std::span<const CommitRecord* const> records;  // consecutive versions, at least one
  const VersionedState& state;                   // its newest version is the last record's
  const OutcomeTable& outcomes;                  // as of the last record
  std::span<const ClientId> forgotten;           // whose outcomes need not be kept any more

  Version last() const { return records.back()->version; }
};

struct TouchedObject {
  TypeId type;
  ObjectId object;
  friend auto operator<=>(const TouchedObject&, const TouchedObject&) = default;
};
// Each once, ascending.
std::vector<TouchedObject> touched_objects(const CommitBatch& batch);
std::vector<ClientId> touched_clients(const CommitBatch& batch);  // those with outcomes
std::vector<TypeId> touched_types(const CommitBatch& batch);      // by schema changes

// What a store has when a server starts.
struct StoredDatabase {
  HistoryId history;
  Version version;
  ObjectId ids_below{1};             // as the last reserve_ids() that became durable
  Version outcomes_forgotten_up_to;  // as OutcomeTable has it
  // Versions that somebody was told of may be missing. The server then begins a new history.
  bool may_have_lost = false;
  // It is not whole: whoever loads it goes on filling it.
  bool is_filling = false;
};

// What a store is being filled from that was empty (odb restore, odb migrate), until it is whole:
// then it is at the version `whole_at`. Before that nobody is served from it: load() refuses, but
// for one who fills it from the same.
struct Filling {
  std::string source;  // one line
  Version whole_at;
  friend bool operator==(const Filling&, const Filling&) = default;
};

// Takes what a store has while it reads it: first on_database, then the types, then the rest in any
// order. An error ends the loading and is load()'s.
class StoreLoader {
 public:
  virtual ~StoreLoader() = default;
  // What load() will say, but for may_have_lost, which may not be known yet.
  virtual Result<void> on_database(const StoredDatabase& /*stored*/) { return {}; }
  virtual Result<void> on_types(std::vector<CatalogType> types) = 0;  // all, once
  // The object's fields as `version` left them; one that comes again is ignored.
  virtual Result<void> on_object(TypeId type, ObjectId object, Version version,
                                 std::vector<Value> fields) = 0;
  virtual Result<void> on_outcomes(ClientOutcomes outcomes) = 0;
  // The log in the order of versions, each append as it was, after everything else; only for those
  // who want it, since nothing needs it to start.
  virtual bool wants_log() const { return false; }
  virtual Result<void> on_log(std::vector<CommitRecord> /*append*/) { return {}; }

  // For a store that reads what another server still writes: all objects of `version` have been
  // handed out, some of them as a later version left them, some of those deleted since not at all.
  // Then each later version in order. What of it an object has already is left out.
  virtual Result<void> on_loaded(Version version);
  virtual Result<void> on_version(CommitRecord record);
};

// What a store tells the server, on the server's own thread of control: from within append() or
// reserve_ids(), or posted through the StoreHost.
class StoreListener {
 public:
  virtual ~StoreListener() = default;
  // Every version up to this one is durable.
  virtual void on_durable(Version up_to) = 0;
  // `from` and every later version appended so far are surely not in the store and never will be.
  virtual void on_append_failed(Version from, const Error& reason) = 0;
  // Identities below this one will never be granted again, whatever happens.
  virtual void on_ids_reserved(ObjectId below) = 0;
  // The store takes nothing until on_back(). What it has not confirmed may still become durable.
  virtual void on_away(const Error& /*reason*/) {}
  virtual void on_back() {}
  // Versions up to this one have waited too long: their authors are told that the outcome is
  // unknown. They may still become durable, or fail.
  virtual void on_overdue(Version /*up_to*/) {}
  // The store is not this server's any more, or lost what was durable: nothing will be taken again.
  virtual void on_lost(const Error& /*reason*/) {}
};

// How a store reaches the server's thread.
class StoreHost {
 public:
  virtual ~StoreHost() = default;
  // Any thread may.
  virtual void post(std::function<void()> work) = 0;

  // Whether watch() may be called. It calls `on_readable` on the server's thread whenever there is
  // something to read, until that returns false, and closes the descriptor then. Only from the
  // server's thread: with it a store needs no other one to hear from a server of its own.
  virtual bool can_watch() const { return false; }
  virtual void watch(int /*descriptor*/, std::function<bool()> /*on_readable*/) {}
};

// Calls come in the order load, begin, start, then appends and reservations, then stop; all from
// the server's own thread of control. Appends are in the order of versions and take effect in that
// order.
class Store {
 public:
  virtual ~Store() = default;
  // Takes possession, so that no other server writes, and hands out what is there; nothing when the
  // store is empty.
  virtual Result<std::optional<StoredDatabase>> load(StoreLoader& /*loader*/) {
    return std::optional<StoredDatabase>();
  }
  // Makes a load() that waits or reads end soon, with kShuttingDown. Any thread.
  virtual void cancel_load() {}
  // From here on versions belong to this history: the loaded one or a new one. Durable when it
  // returns.
  virtual Result<void> begin(HistoryId /*history*/) { return {}; }
  virtual void start(StoreListener& listener, StoreHost& host) = 0;
  // Copies what it needs before it returns.
  virtual void append(const CommitBatch& batch) = 0;
  virtual void reserve_ids(ObjectId below) = 0;
  // Whether no other server can own the store at this moment, as far as this one's clock can tell:
  // what it knows is then the newest there is.
  virtual bool is_surely_owned() const { return true; }
  // Gives up possession. Nobody is told anything after it returns.
  virtual void stop() {}
  virtual std::string name() const = 0;  // "memory", for logs
};

// Keeps nothing: everything counts as durable at once and is gone when the process ends.
class MemoryStore final : public Store {
 public:
  void start(StoreListener& listener, StoreHost&) override { listener_ = &listener; }
  void append(const CommitBatch& batch) override { listener_->on_durable(batch.last()); }
  void reserve_ids(ObjectId below) override { listener_->on_ids_reserved(below); }
  std::string name() const override { return "memory"; }

 private:
  StoreListener* listener_ = nullptr;
};

}  // namespace odb::server
