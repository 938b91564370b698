// Candidate: tries to own the store, until it does.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "odb/server/database.h"
#include "odb/server/store.h"

namespace odb::server {

// Has a thread of its own, because a store waits where it stands. What passes (the store is away,
// another server has it) is tried again; what does not is the end: a wrong password, a damaged
// database.
class Candidate {
 public:
  struct Elected {
    std::unique_ptr<Store> store;
    std::unique_ptr<Database> database;
  };
  using MakeStore = std::function<std::unique_ptr<Store>()>;

  // `former`, when there is one, is given up first. `on_done` runs once, as the last act of the
  // candidate's thread, unless it is stopped before.
  Candidate(MakeStore make_store, std::unique_ptr<Store> former, const Limits& limits,
            std::function<void(Result<Elected>)> on_done);
  // Stops waiting, soon.
  ~Candidate();
  Candidate(const Candidate&) = delete;
  Candidate& operator=(const Candidate&) = delete;

 private:
  void run(std::unique_ptr<Store> former);
  Result<Elected> try_once();

  const MakeStore make_store_;
  const Limits limits_;
  const std::function<void(Result<Elected>)> on_done_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  Store* loading_ = nullptr;
  bool is_stopping_ = false;
  std::chrono::milliseconds pause_{0};
  std::thread thread_;
};

}  // namespace odb::server
