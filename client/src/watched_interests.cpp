#include "odb/client/detail/watched_interests.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <map>
#include <variant>

#include "connection.h"

namespace odb::detail {

namespace {

// The server is told at once; its answer is waited for so long.
constexpr std::chrono::milliseconds kEndTimeout{5'000};

// The same in fewer pieces: single objects of a type together.
std::vector<Interest> merged(const std::vector<Interest>& interests) {
  std::vector<Interest> out;
  std::map<TypeId, std::vector<ObjectId>> objects;
  for (const Interest& interest : interests) {
    if (const auto* single = std::get_if<ObjectsInterest>(&interest)) {
      auto& of_type = objects[single->type];
      of_type.insert(of_type.end(), single->objects.begin(), single->objects.end());
    } else if (std::find(out.begin(), out.end(), interest) == out.end()) {
      out.push_back(interest);
    }
  }
  for (auto& [type, of_type] : objects) {
    std::sort(of_type.begin(), of_type.end());
    of_type.erase(std::unique(of_type.begin(), of_type.end()), of_type.end());
    out.push_back(ObjectsInterest{type, std::move(of_type)});
  }
  return out;
}

}  // namespace

WatchedInterests::WatchedInterests(std::shared_ptr<Connection> connection)
    : connection_(std::move(connection)) {}

WatchedInterests::~WatchedInterests() { end(); }

bool WatchedInterests::watch(const TransactionState& transaction) {
  if (transaction.fetched().empty()) return false;
  std::vector<SubscriptionId> loading;
  for (Interest& interest : merged(transaction.fetched())) {
    const SubscriptionId subscription = connection_->subscribe(interest, Loading::kEager);
    loading.push_back(subscription);
    const std::lock_guard lock(mutex_);
    watched_.push_back({subscription, std::move(interest)});
  }
  for (const SubscriptionId subscription : loading) connection_->wait_loaded(subscription, {});
  return true;
}

void WatchedInterests::keep_only(const ReadTrigger& reads) {
  std::vector<Watched> ended;
  {
    const std::lock_guard lock(mutex_);
    if (watched_.empty()) return;
    const std::shared_ptr<const Catalog> catalog = connection_->catalog();
    const auto needed =
        std::stable_partition(watched_.begin(), watched_.end(), [&](const Watched& watched) {
          Coverage coverage;
          coverage.add(watched.interest, *catalog);
          return reads.reads_any_of(coverage, *catalog);
        });
    ended.assign(std::move_iterator(needed), std::move_iterator(watched_.end()));
    watched_.erase(needed, watched_.end());
  }
  unsubscribe(ended);
}

void WatchedInterests::end() noexcept {
  std::vector<Watched> ended;
  {
    const std::lock_guard lock(mutex_);
    ended.swap(watched_);
  }
  unsubscribe(ended);
}

void WatchedInterests::unsubscribe(const std::vector<Watched>& ended) noexcept {
  try {
    for (const Watched& watched : ended) {
      connection_->unsubscribe(watched.subscription, kEndTimeout);
    }
  } catch (...) {
    // The connection has ended, and all subscriptions with it.
  }
}

}  // namespace odb::detail
