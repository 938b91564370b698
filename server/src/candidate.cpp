#include "candidate.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "odb/net/random.h"

namespace odb::server {

namespace {

constexpr std::chrono::milliseconds kPauseMin{100};
constexpr std::chrono::milliseconds kPauseMax{1'000};

// Whether it may be otherwise later, without anybody doing something to this server.
bool is_temporary(ErrorCode code) {
  switch (code) {
    case ErrorCode::kConnectFailed:
    case ErrorCode::kDisconnected:
    case ErrorCode::kTimeout:
    case ErrorCode::kUnavailable:
    case ErrorCode::kServerAlreadyRunning:
      return true;
    default:
      return false;
  }
}

}  // namespace

Candidate::Candidate(MakeStore make_store, std::unique_ptr<Store> former, const Limits& limits,
                     std::function<void(Result<Elected>)> on_done)
    : make_store_(std::move(make_store)),
      limits_(limits),
      on_done_(std::move(on_done)),
      thread_([this, former = std::move(former)]() mutable { run(std::move(former)); }) {}

Candidate::~Candidate() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
    if (loading_ != nullptr) loading_->cancel_load();
    changed_.notify_all();
  }
  thread_.join();
}

void Candidate::run(std::unique_ptr<Store> former) {
  if (former != nullptr) former->stop();
  former.reset();
  std::string told;
  for (;;) {
    auto elected = try_once();
    {
      std::unique_lock lock(mutex_);
      if (is_stopping_) {
        lock.unlock();
        if (elected) elected->store->stop();
        return;
      }
      if (!elected && is_temporary(elected.error().code)) {
        if (std::exchange(told, elected.error().message) != elected.error().message) {
          spdlog::warn("waiting as standby: {}", elected.error().message);
        }
        pause_ = std::clamp(pause_ * 2, kPauseMin, kPauseMax);
        changed_.wait_for(lock, pause_, [this] { return is_stopping_; });
        if (is_stopping_) return;
        continue;
      }
    }
    return on_done_(std::move(elected));
  }
}

Result<Candidate::Elected> Candidate::try_once() {
  Elected elected{.store = make_store_(), .database = nullptr};
  {
    const std::lock_guard lock(mutex_);
    if (is_stopping_) return Error{ErrorCode::kShuttingDown, "the server is stopping"};
    loading_ = elected.store.get();
  }
  auto database = open_database(*elected.store, net::make_history_id(), limits_);
  const std::lock_guard lock(mutex_);
  loading_ = nullptr;
  if (!database) return database.error();
  elected.database = *std::move(database);
  return elected;
}

}  // namespace odb::server
