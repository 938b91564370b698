// The part of Session that subscribes, loads and unsubscribes.
//
// A snapshot is read in pieces, each at the last published version, while commits go on. The
// interest counts for an object only once its piece has been sent (InterestIndex), so deltas and
// pieces together show the subscriber each object exactly once and then every change of it.
#include <algorithm>
#include <variant>

#include "odb/server/server_core.h"
#include "odb/server/session.h"
#include "session_jobs.h"

namespace odb::server {

namespace {

std::optional<IndexId> index_of(const Interest& interest) {
  if (const auto* key = std::get_if<IndexInterest>(&interest)) return key->index;
  if (const auto* range = std::get_if<IndexRangeInterest>(&interest)) return range->range.index;
  return std::nullopt;
}

}  // namespace

bool Session::has_snapshots() const {
  return !jobs_->subscriptions.empty() || !jobs_->loads.empty();
}

// ---- requests ----

void Session::on(Subscribe& message) {
  const SubscriptionId subscription = message.subscription;
  const Catalog& catalog = *core_.pipeline().published_catalog();
  if (subscriptions_.size() >= core_.limits().subscriptions_per_session_max) {
    return refuse(subscription, {ErrorCode::kTooManySubscriptions,
                                 "the session has its maximum of " +
                                     std::to_string(core_.limits().subscriptions_per_session_max) +
                                     " subscriptions"});
  }
  if (auto valid = check_interest(catalog, message.interest); !valid) {
    return refuse(subscription, valid.error());
  }
  if (!core_.policy().may_subscribe(actor_, message.interest)) {
    return refuse(subscription, {ErrorCode::kUnsupported, "not allowed to subscribe to this"});
  }
  if (subscriptions_.contains(subscription)) {
    return refuse(subscription,
                  {ErrorCode::kUnexpectedMessage,
                   "subscription number " + std::to_string(subscription.value) + " is in use"});
  }
  // Who subscribes is told of the types, and of what is added to them, before any object.
  tell_catalog_once(schema_of(catalog, message.interest));
  subscriptions_.insert(subscription);
  core_.interests().add(id_, subscription, message.interest, message.loading, catalog);
  if (message.loading == Loading::kLazy) jobs_->lazy.emplace(subscription, message.interest);
  jobs_->subscriptions.push_back(
      {subscription, SnapshotReader(std::move(message.interest), message.loading), std::nullopt});
}

void Session::on(Unsubscribe& message) {
  const SubscriptionId subscription = message.subscription;
  if (subscriptions_.erase(subscription) == 0) {
    return refuse(subscription,
                  {ErrorCode::kUnknownSubscription,
                   "there is no subscription number " + std::to_string(subscription.value)});
  }
  jobs_->lazy.erase(subscription);
  auto& jobs = jobs_->subscriptions;
  const auto is_own = [&](const Jobs::OfSubscription& job) {
    return job.subscription == subscription;
  };
  const bool is_under_way = !jobs.empty() && is_own(jobs.front()) && !jobs.front().again;
  const bool is_queued = std::any_of(jobs.begin(), jobs.end(),
                                     [&](const auto& job) { return is_own(job) && !job.again; });
  if (is_under_way || jobs.empty()) {
    std::erase_if(jobs, is_own);
    return unsubscribe(subscription);
  }
  // Never in the middle of another one's load: what the client holds is not brought again by that,
  // so it must not go meanwhile. One that was to load ends in its place, another behind all.
  if (is_queued) {
    for (Jobs::OfSubscription& job : jobs) {
      if (is_own(job) && !job.again) job.reader.reset();
    }
    std::erase_if(jobs, [&](const auto& job) { return is_own(job) && job.again; });
  } else {
    jobs.push_back({subscription, std::nullopt, std::nullopt});
  }
}

void Session::load_lazy_again(const std::string& schema) {
  for (const auto& [subscription, interest] : jobs_->lazy) {
    if (schema_of(*core_.pipeline().published_catalog(), interest) != schema) continue;
    jobs_->subscriptions.push_back(
        {subscription, SnapshotReader(interest, Loading::kLazy), std::nullopt, true});
  }
}

void Session::unsubscribe(SubscriptionId subscription) {
  core_.interests().remove(id_, subscription);
  send(Unsubscribed{subscription, core_.pipeline().published()});
}

void Session::on(Release& message) {
  if (jobs_->subscriptions.empty()) return release(message);
  jobs_->subscriptions.push_back({SubscriptionId{}, std::nullopt, std::move(message)});
}

void Session::release(const Release& message) {
  for (const ObjectId object : message.objects) {
    if (core_.interests().has_created(id_, object)) core_.interests().remove_created(object);
  }
  send(Flushed{message.request, core_.pipeline().published()});
}

void Session::on(LoadObjects& message) {
  const CommitPipeline& pipeline = core_.pipeline();
  if (jobs_->loads.size() >= core_.limits().loads_per_session_max) {
    return refuse(message.request,
                  {ErrorCode::kTooManyRequests,
                   "the session has its maximum of " +
                       std::to_string(core_.limits().loads_per_session_max) + " loads under way"});
  }
  if (auto valid = check_interest(*pipeline.published_catalog(), message.what); !valid) {
    return refuse(message.request, valid.error());
  }
  if (!core_.policy().may_subscribe(actor_, message.what)) {
    return refuse(message.request, {ErrorCode::kUnsupported, "not allowed to read this"});
  }
  if (message.version > pipeline.published()) {
    return refuse(message.request,
                  {ErrorCode::kMalformedMessage, "a read at a version yet to come"});
  }
  if (message.version < core_.state().horizon()) {
    return refuse(message.request,
                  {ErrorCode::kTooOld, "version " + std::to_string(message.version.value) +
                                           " is older than the horizon, version " +
                                           std::to_string(core_.state().horizon().value)});
  }
  if (const auto index = index_of(message.what);
      index && core_.state().entries(*index)->built() > message.version) {
    return refuse(message.request,
                  {ErrorCode::kUnknownIndex, "index number " + std::to_string(index->value) +
                                                 " was defined after version " +
                                                 std::to_string(message.version.value)});
  }
  tell_catalog_once(schema_of(*pipeline.published_catalog(), message.what));
  jobs_->loads.push_back({message.request, core_.state().pin(message.version),
                          SnapshotReader(std::move(message.what), Loading::kEager), now_});
}

// A client that does not read what it asked for must not keep old versions for ever.
void Session::drop_old_loads() {
  auto& loads = jobs_->loads;
  while (!loads.empty() && now_ - loads.front().begun >= core_.limits().held_time_max) {
    const RequestId request = loads.front().request;
    loads.pop_front();
    refuse(request, {ErrorCode::kTooOld, "the load took longer than " +
                                             std::to_string(core_.limits().held_time_max.count()) +
                                             " ms, for which a version may be held"});
  }
}

void Session::tell_catalog_once(const std::string& schema) {
  if (!knows_schema(schema)) tell_catalog(schema, RequestId{}, core_.pipeline().published());
}

// ---- pieces ----

bool Session::send_snapshots(Time now) {
  now_ = now;
  while (phase_ == Phase::kOpen && has_snapshots() && link_.queued_bytes() < kSnapshotQueueBytes) {
    // Somebody waits for a load; a subscription takes as long as it takes.
    if (!jobs_->loads.empty()) {
      send_load_piece();
    } else {
      do_subscription_job();
    }
  }
  return phase_ == Phase::kOpen && has_snapshots();
}

void Session::send_load_piece() {
  Jobs::Load& job = jobs_->loads.front();
  const CommitPipeline& pipeline = core_.pipeline();
  ObjectsLoaded answer{job.request, {}, false};
  const SnapshotSource source{core_.state(), *pipeline.published_catalog(), core_.policy(), actor_,
                              core_.snapshot_piece()};
  answer.last = !job.reader.read(source, job.version.version(), answer.rows);
  if (answer.last) jobs_->loads.pop_front();
  send(std::move(answer));
}

void Session::do_subscription_job() {
  Jobs::OfSubscription& job = jobs_->subscriptions.front();
  const SubscriptionId subscription = job.subscription;
  if (!job.reader) {
    const std::optional<Release> released = std::move(job.release);
    jobs_->subscriptions.pop_front();
    return released ? release(*released) : unsubscribe(subscription);
  }
  const CommitPipeline& pipeline = core_.pipeline();
  const Version version = pipeline.published();
  InterestIndex& interests = core_.interests();
  const bool again = job.again;
  if (!again) job.reader->add_arrivals(interests.take_arrivals(id_, subscription));
  SnapshotChunk chunk{subscription, version, {}};
  const SnapshotSource source{core_.state(), *pipeline.published_catalog(), core_.policy(), actor_,
                              core_.snapshot_piece()};
  const bool more = job.reader->read(source, version, chunk.rows);
  if (more && !again) {
    interests.set_position(id_, subscription, job.reader->position());
  } else if (!more) {
    if (!again) interests.set_loaded(id_, subscription);
    jobs_->subscriptions.pop_front();
  }
  if (!chunk.rows.objects.empty()) send(std::move(chunk));
  if (!more) send(SubscriptionLoaded{subscription, version});
}

}  // namespace odb::server
