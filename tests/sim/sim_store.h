// SimStore: a store that keeps what it has from one server to the next, and takes its time: it
// completes several appends at once, fails some, refuses some, hangs, goes away and comes back, and
// may forget.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "odb/server/store.h"

namespace odb::sim {

// Told what a store does, to judge what the server makes of it.
class StoreWatch {
 public:
  virtual ~StoreWatch() = default;
  virtual void on_appended(const CommitRecord& /*record*/) {}
  // It is in the store, whether the server learns of it or not.
  virtual void on_stored(const CommitRecord& /*record*/) {}
  virtual void on_append_failed(const CommitRecord& /*record*/) {}
  // The server is told that these wait for too long.
  virtual void on_overdue(const CommitRecord& /*record*/) {}
  virtual void on_away() {}
  virtual void on_back() {}
  // The server is told that it has no store any more.
  virtual void on_lost() {}
  // Later versions are gone, acknowledged ones too.
  virtual void on_forgotten(Version /*kept*/) {}
  virtual void on_misuse(const std::string& /*what*/) {}
};

// What it has survives servers: each takes it up with load(), and ends with stop() or
// end_server(). Everything else that happens to it is for the owner to decide.
class SimStore final : public server::Store {
 public:
  enum class Honesty : std::uint8_t {
    kHonest,
    // Mutants:
    kEarly,           // says durable as soon as it has been asked
    kLosesSilently,   // the newest versions are gone when the server ends
    kForgetsClients,  // which commits of which clients took effect
  };

  explicit SimStore(StoreWatch& watch, Honesty honesty = Honesty::kHonest)
      : watch_(watch), honesty_(honesty) {}

  // Store
  Result<std::optional<server::StoredDatabase>> load(server::StoreLoader& loader) override;
  Result<void> begin(HistoryId history) override;
  void start(server::StoreListener& listener, server::StoreHost&) override {
    listener_ = &listener;
  }
  void append(const server::CommitBatch& batch) override;
  void reserve_ids(ObjectId below) override { asked_below_ = below; }
  void stop() override { end_server(0); }
  std::string name() const override { return "sim"; }

  // ---- what the owner decides ----
  std::size_t waiting() const { return waiting_.size(); }  // versions
  bool has_reservation() const { return asked_below_.has_value(); }
  bool is_away() const { return is_away_; }
  Version version() const { return stored_.empty() ? Version{} : stored_.back().record.version; }

  // The first `count` versions that wait are durable now. Batches may be cut anywhere.
  void complete(std::size_t count);
  // The first `count` stay, the others are surely lost.
  void fail_after(std::size_t count);
  void complete_reservation();
  // While it refuses, an append fails before it returns.
  void set_refusing(bool refusing) { refusing_ = refusing; }

  // Takes nothing until it is back; what waits goes on waiting.
  void go_away();
  void come_back();
  // The authors of what waits are told that the outcome is unknown.
  void tell_overdue();
  // The server is to take nothing from it any more.
  void tell_lost();

  // The server is gone. Of what waited, the first `kept` versions are in the store.
  void end_server(std::size_t kept);
  // Without a server. Later versions are gone, which the next one is told.
  void forget_after(Version kept);
  void forget_all();  // as if it had never been

 private:
  // One version, and what came with it.
  struct Stored {
    CommitRecord record;
    std::optional<ClientOutcomes> outcomes;  // of its client
    std::vector<ClientId> forgotten;
    Version forgotten_up_to;
    ObjectId ids_below{1};  // when it was stored
  };

  void store_first();
  Result<void> tell_objects(server::StoreLoader& loader) const;
  Result<void> tell_outcomes(server::StoreLoader& loader) const;

  StoreWatch& watch_;
  const Honesty honesty_;
  server::StoreListener* listener_ = nullptr;
  HistoryId history_;
  std::vector<Stored> stored_;
  std::deque<Stored> waiting_;
  ObjectId ids_below_{1};
  std::optional<ObjectId> asked_below_;
  bool refusing_ = false;
  bool is_away_ = false;
  bool may_have_lost_ = false;
};

}  // namespace odb::sim
