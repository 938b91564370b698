// LeasedStore: what one server sees of a store that another one may take over.
#pragma once

#include <optional>
#include <string>

#include "sim_store.h"
#include "world.h"

namespace odb::sim {

// Which rule of taking over is broken on purpose.
enum class LeaseFault : std::uint8_t {
  kNone,
  kNoFence,  // a server that is not the owner any more acknowledges what it appends
  kNoClock,  // a server counts as the owner for as long as nobody tells it otherwise
};

// Stands between a server's core and the store. Cut off, neither side hears of the other; fenced,
// because another server has the store, what it appends comes to nothing.
class LeasedStore final : public server::Store, private server::StoreListener {
 public:
  LeasedStore(SimStore& store, World& world, LeaseFault fault)
      : store_(store), world_(world), fault_(fault) {}

  // Store
  Result<std::optional<server::StoredDatabase>> load(server::StoreLoader& loader) override {
    return store_.load(loader);
  }
  Result<void> begin(HistoryId history) override { return store_.begin(history); }
  void start(server::StoreListener& listener, server::StoreHost& host) override {
    listener_ = &listener;
    store_.start(*this, host);
  }
  void append(const server::CommitBatch& batch) override;
  void reserve_ids(ObjectId below) override;
  bool is_surely_owned() const override;
  std::string name() const override { return "sim, leased"; }

  // ---- what the cluster decides ----
  // The lease is not renewed any more, and lasts until then.
  void cut_off(Time lease_until);
  bool is_cut_off() const { return lease_until_.has_value(); }
  Time lease_until() const { return *lease_until_; }
  // Before anybody has taken over. What it appended meanwhile never arrived.
  void reconnect();
  // Another server has the store.
  void fence() { is_fenced_ = true; }
  // It learns of that.
  void tell_lost();

 private:
  // StoreListener
  void on_durable(Version up_to) override;
  void on_append_failed(Version from, const Error& reason) override;
  void on_ids_reserved(ObjectId below) override;
  void on_overdue(Version up_to) override;
  // Not while it is cut off: the cluster sees to that.
  void on_away(const Error& reason) override { listener_->on_away(reason); }
  void on_back() override { listener_->on_back(); }
  void on_lost(const Error& reason) override { listener_->on_lost(reason); }

  SimStore& store_;
  World& world_;
  const LeaseFault fault_;
  server::StoreListener* listener_ = nullptr;
  std::optional<Time> lease_until_;
  bool is_fenced_ = false;
  // While it is cut off: what it has not heard, and what it has not sent.
  std::optional<Version> durable_;
  std::optional<Version>
      failed_from_;  // appends from this version on, in the store or on their way
  std::optional<Version> overdue_;
  std::optional<ObjectId> reserved_;
  std::optional<ObjectId> ids_never_sent_;
};

}  // namespace odb::sim
