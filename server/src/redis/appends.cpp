#include "appends.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "scripts.h"

namespace odb::server::redis {

namespace {

// With these Redis has written nothing and may write again later.
constexpr std::array<std::string_view, 8> kRefusals = {
    "OOM", "READONLY", "MISCONF", "NOREPLICAS", "LOADING", "MASTERDOWN", "BUSY", "CLUSTERDOWN"};

bool is_refusal(const Reply& reply) {
  return std::find(kRefusals.begin(), kRefusals.end(), reply.error_code()) != kRefusals.end();
}

// "ODBOWNER name" -> name
std::string owner_in(const Reply& reply) {
  const std::size_t space = reply.text.find(' ');
  return space == std::string::npos ? "nobody" : reply.text.substr(space + 1);
}

std::string said(const Reply& reply) { return "Redis answers: " + describe(reply); }

}  // namespace

void Appends::append(Batch batch, std::uint64_t generation) {
  if (is_lost_ || generation != generation_) return;  // its failure is on its way already
  if (is_away_) {
    return fail_from(batch.first(), {ErrorCode::kUnavailable, "Redis is away"});
  }
  if (!queue_.empty() && queue_.back().can_take(batch)) {
    queue_.back().merge(batch);
  } else {
    queue_.push_back(std::move(batch));
  }
}

void Appends::reserve(ObjectId below) {
  ids_queued_ = std::max(ids_queued_.value_or(ObjectId{}), below);
}

Appends::Sendable Appends::next_to_send(Time now) {
  if (is_away_ || is_lost_ || resending_) return {};
  for (Sent& sent : in_flight_) {
    if (sent.is_sent) continue;
    sent.is_sent = true;
    ++outstanding_;
    if (sent.batch) return {&*sent.batch, std::nullopt};
    return {nullptr, sent.ids};
  }
  if (in_flight_.size() >= kInFlightMax) return {};
  if (std::exchange(ids_refused_, false)) ids_not_before_ = now + kRetryInterval;
  if (ids_queued_ && now >= ids_not_before_) {
    in_flight_.push_back({});
    in_flight_.back().ids = *std::exchange(ids_queued_, std::nullopt);
    in_flight_.back().at = now;
    ++outstanding_;
    return {nullptr, in_flight_.back().ids};
  }
  if (queue_.empty()) return {};
  in_flight_.push_back({});
  in_flight_.back().batch = std::move(queue_.front());
  in_flight_.back().at = now;
  queue_.pop_front();
  ++outstanding_;
  return {&*in_flight_.back().batch, std::nullopt};
}

void Appends::on_reply(const Reply& reply) {
  if (is_lost_ || outstanding_ == 0) return;
  --outstanding_;
  if (resending_ || (reply.is_error() && reply.error_code() == "NOSCRIPT")) {
    // Redis has forgotten the scripts, hence done nothing of this, nor of what came after it.
    if (!reply.is_error()) return lose({ErrorCode::kUnavailable, said(reply)});
    resending_ = true;
    for (Sent& sent : in_flight_) {
      if (!sent.is_sent) continue;
      sent.is_sent = false;
      break;
    }
    return;
  }
  Sent sent = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (sent.batch) return settle_batch(sent, reply);
  if (!reply.is_error()) {
    news_.push_back(IdsReserved{sent.ids});
  } else if (is_refusal(reply)) {
    reserve(sent.ids);
    ids_refused_ = true;
  } else {
    lose({ErrorCode::kUnavailable, said(reply)});
  }
}

void Appends::settle_batch(Sent& sent, const Reply& reply) {
  const Version first = sent.batch->first();
  if (!reply.is_error()) {
    if (sent.is_dead || reply.kind != Reply::Kind::kInteger) {
      return lose({ErrorCode::kUnavailable, said(reply) + ", which makes no sense here"});
    }
    durable_ = sent.batch->last();
    news_.push_back(Durable{durable_});
    return;
  }
  if (is_refusal(reply)) {
    if (!sent.is_dead) fail_from(first, {ErrorCode::kUnavailable, said(reply)});
    return;
  }
  if (sent.is_dead && reply.error_code() == kWrongVersion) return;  // built on what failed
  if (!sent.is_dead) fail_from(first, {ErrorCode::kUnavailable, said(reply)});
  if (reply.error_code() != kNotOwner) return lose({ErrorCode::kUnavailable, said(reply)});
  lose_ownership(owner_in(reply));
}

void Appends::on_renewal(const Reply& reply) {
  if (reply.is_error() && reply.error_code() == kNotOwner) lose_ownership(owner_in(reply));
}

void Appends::lose_ownership(const std::string& owner) {
  lose({ErrorCode::kUnavailable, owner == "nobody"
                                     ? "the database is gone from Redis: somebody removed it"
                                     : "another server owns the database now: " + owner});
}

void Appends::fail_from(Version from, const Error& reason) {
  ++generation_;
  queue_.clear();
  for (Sent& sent : in_flight_) {
    if (sent.batch && sent.batch->first() >= from) sent.is_dead = true;
  }
  news_.push_back(Failed{from, reason, generation_});
}

void Appends::on_gone(const Error& reason) {
  if (is_away_ || is_lost_) return;
  is_away_ = true;
  resending_ = false;
  outstanding_ = 0;
  while (!in_flight_.empty()) {
    Sent& last = in_flight_.back();
    if (!last.batch) {
      reserve(last.ids);
    } else if (!last.is_dead) {
      break;
    }
    in_flight_.pop_back();
  }
  for (const Sent& sent : in_flight_) {
    if (!sent.batch) reserve(sent.ids);
  }
  std::erase_if(in_flight_, [](const Sent& sent) { return !sent.batch || sent.is_dead; });
  // First, so that nothing that fails is judged anew in vain.
  news_.push_back(Away{reason});
  if (!queue_.empty()) fail_from(queue_.front().first(), reason);
}

void Appends::on_resumed(Version version) {
  if (is_lost_) return;
  if (version < durable_) {
    return lose({ErrorCode::kUnavailable,
                 "Redis is at version " + std::to_string(version.value) + ", version " +
                     std::to_string(durable_.value) +
                     " was acknowledged: it has lost commits (restarted from an older file?)"});
  }
  Version reached = durable_;
  while (!in_flight_.empty() && in_flight_.front().batch->last() <= version) {
    reached = in_flight_.front().batch->last();
    in_flight_.pop_front();
  }
  if (reached != version) {
    return lose({ErrorCode::kUnavailable, "Redis is at version " + std::to_string(version.value) +
                                              ", which this server did not write"});
  }
  if (reached > durable_) {
    durable_ = reached;
    news_.push_back(Durable{durable_});
  }
  if (!in_flight_.empty()) {
    const Version first = in_flight_.front().batch->first();
    in_flight_.clear();
    fail_from(first, {ErrorCode::kUnavailable, "the connection to Redis broke"});
  }
  is_away_ = false;
  news_.push_back(Back{});
}

void Appends::lose(Error reason) {
  if (std::exchange(is_lost_, true)) return;
  news_.push_back(Lost{std::move(reason)});
}

void Appends::find_overdue(Time sent_before) {
  std::optional<Version> up_to;
  for (Sent& sent : in_flight_) {
    if (!sent.batch || sent.is_dead || sent.is_overdue || sent.at > sent_before) continue;
    sent.is_overdue = true;
    up_to = sent.batch->last();
  }
  if (up_to) news_.push_back(Overdue{*up_to});
}

}  // namespace odb::server::redis
