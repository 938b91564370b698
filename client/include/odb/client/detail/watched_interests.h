// WatchedInterests: the subscriptions of a reactor to what its runs read and nothing else covers.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "odb/client/detail/read_trigger.h"
#include "odb/client/detail/transaction_state.h"
#include "odb/core/ids.h"
#include "odb/core/interest.h"

namespace odb::detail {

class Connection;

// Any thread. Without a subscription the server would not tell of changes to what was fetched.
class WatchedInterests {
 public:
  explicit WatchedInterests(std::shared_ptr<Connection> connection);
  ~WatchedInterests();  // as end()
  WatchedInterests(const WatchedInterests&) = delete;
  WatchedInterests& operator=(const WatchedInterests&) = delete;

  // Subscribes to what the transaction has fetched, and returns when that is loaded; false when
  // there is nothing. From then on changes are told; of those since the transaction's version only
  // its commit, or reading again, can tell. Throws what a subscription throws.
  bool watch(const TransactionState& transaction);

  // Ends those subscriptions that none of these reads needs.
  void keep_only(const ReadTrigger& reads);

  // Ends all of them, unless the connection has ended.
  void end() noexcept;

 private:
  struct Watched {
    SubscriptionId subscription;
    Interest interest;
  };
  void unsubscribe(const std::vector<Watched>& ended) noexcept;

  const std::shared_ptr<Connection> connection_;
  std::mutex mutex_;
  std::vector<Watched> watched_;
};

}  // namespace odb::detail
