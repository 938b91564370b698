// Appends: which versions are on their way to Redis, and what its answers mean. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "batch.h"
#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "resp.h"
#include "store_news.h"

namespace odb::server::redis {

// Appends enter as they come from the server, go out in order, several at a time, and are confirmed
// in order. After a failure the server takes everything back from that version on; what it had
// appended before it learned of the failure carries an older generation and is dropped here.
class Appends {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit Appends(Version durable) : durable_(durable) {}

  // Sent and not answered; what is queued meanwhile goes out together.
  // One is being done by Redis, one is there already when it has finished.
  static constexpr std::size_t kInFlightMax = 2;
  // Whether an append that comes now would go out now.
  bool has_room() const { return queue_.empty() && in_flight_.size() < kInFlightMax; }

  void append(Batch batch, std::uint64_t generation);
  void reserve(ObjectId below);

  // What to send next; null: nothing now. Points to what stays until it is answered.
  struct Sendable {
    const Batch* batch = nullptr;
    std::optional<ObjectId> ids;
  };
  Sendable next_to_send(Time now);

  // The answer to the oldest thing sent.
  void on_reply(const Reply& reply);
  // Every answer to what needed a script that Redis had forgotten has come: load it, then send
  // again.
  bool needs_scripts() const { return resending_ && outstanding_ == 0; }
  void scripts_loaded() { resending_ = false; }

  // The connection is gone. Nothing goes out until on_resumed().
  void on_gone(const Error& reason);
  // Connected again, still the owner, and what was sent before cannot arrive any more.
  void on_resumed(Version version);
  void lose(Error reason);
  void lose_ownership(const std::string& owner);  // "nobody": there is no database any more
  void on_renewal(const Reply& reply);

  // Tells of appends that have been under way since before `sent_before`.
  void find_overdue(Time sent_before);

  // Something waits to be tried again, kRetryInterval after it was refused.
  static constexpr std::chrono::milliseconds kRetryInterval{200};
  bool waits_to_retry() const { return ids_queued_.has_value(); }

  bool is_lost() const { return is_lost_; }
  bool is_away() const { return is_away_; }
  bool has_unsettled() const { return !in_flight_.empty() || !queue_.empty(); }
  Version durable() const { return durable_; }
  bool has_news() const { return !news_.empty(); }
  std::vector<News> take_news() { return std::exchange(news_, {}); }

 private:
  struct Sent {
    std::optional<Batch> batch;  // or ids
    ObjectId ids;
    Time at{};
    bool is_dead = false;  // told as failed: its answer means nothing
    bool is_sent = true;
    bool is_overdue = false;
  };

  void settle_batch(Sent& sent, const Reply& reply);
  void fail_from(Version from, const Error& reason);

  Version durable_;
  std::uint64_t generation_ = 0;
  std::deque<Batch> queue_;
  std::optional<ObjectId> ids_queued_;
  bool ids_refused_ = false;  // Redis does not take them now
  Time ids_not_before_{};
  std::deque<Sent> in_flight_;
  std::size_t outstanding_ = 0;  // answers to come
  bool resending_ = false;
  bool is_away_ = false;
  bool is_lost_ = false;
  std::vector<News> news_;
};

}  // namespace odb::server::redis
