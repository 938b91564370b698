// SimStore: a store that takes its time, completes several appends at once, fails some and refuses
// some.
#pragma once

#include <deque>
#include <optional>
#include <span>
#include <string>

#include "model/checker.h"
#include "odb/server/store.h"

namespace odb::sim {

class SimStore final : public server::Store {
 public:
  enum class Honesty : std::uint8_t {
    kHonest,
    kEarly,  // says durable as soon as it has been asked: a mutant
  };

  SimStore(Checker& checker, Report& report, Honesty honesty)
      : checker_(checker), report_(report), honesty_(honesty) {}

  void start(server::StoreListener& listener, server::StoreHost&) override {
    listener_ = &listener;
  }
  void append(const server::CommitBatch& batch) override;
  void reserve_ids(ObjectId below) override { asked_below_ = below; }
  std::string name() const override { return "sim"; }

  // ---- what the simulation decides ----
  std::size_t waiting() const { return waiting_.size(); }  // versions
  bool has_reservation() const { return asked_below_.has_value(); }

  // The first `count` versions that wait are durable now. Batches may be cut anywhere.
  void complete(std::size_t count);
  // The first `count` stay, the others are surely lost.
  void fail_after(std::size_t count);
  void complete_reservation();
  // While it refuses, an append fails before it returns.
  void set_refusing(bool refusing) { refusing_ = refusing; }

 private:
  Checker& checker_;
  Report& report_;
  const Honesty honesty_;
  server::StoreListener* listener_ = nullptr;
  std::deque<server::CommitRecord> waiting_;
  std::optional<ObjectId> asked_below_;
  bool refusing_ = false;
};

}  // namespace odb::sim
