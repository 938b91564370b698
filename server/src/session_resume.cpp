// The part of Session for clients that come back.
//
// The client says what it holds and as of which version. When every version after that one is still
// in the ReplayLog, those that concern it are sent as deltas, as if it had been there, and then it
// is as any other subscriber; else it is told to subscribe anew.
#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "odb/server/server_core.h"
#include "odb/server/session.h"
#include "odb/server/subscription_engine.h"
#include "odb/wire/codec.h"
#include "session_jobs.h"

namespace odb::server {

namespace {

// Those of one session, kept until all of them are known.
class MissedDeltas final : public DeltaReceiver {
 public:
  explicit MissedDeltas(const std::string& actor) : actor_(actor) {}
  const std::string& actor_of(SessionId) const override { return actor_; }
  void deliver(SessionId, DeltaNumber delta) override { numbers.push_back(delta); }

  std::vector<DeltaNumber> numbers;

 private:
  const std::string& actor_;
};

}  // namespace

void Session::on(Resume& message) {
  if (!std::exchange(resumes_, false)) {
    return say_goodbye({ErrorCode::kUnexpectedMessage,
                        "a session is resumed first of all, and when it was opened for that"});
  }
  resent_up_to_ = message.sent_up_to;
  core_.take_over(*this, message);
  const bool continued = can_resume(message) && replay(message);
  last_version_sent_ = core_.pipeline().published();
  send(Resumed{continued, core_.history(), last_version_sent_, connection_});
}

bool Session::can_resume(const Resume& message) const {
  const Version published = core_.pipeline().published();
  if (message.history != core_.history() || message.version > published ||
      message.version < core_.state().horizon() ||
      !core_.replay().covers(message.version, published) ||
      message.subscriptions.size() > core_.limits().subscriptions_per_session_max) {
    return false;
  }
  bool schema_changed = false;  // then lazy rows and coverage are the client's to see anew
  core_.replay().each_after(message.version, [&](const ReplayLog::Entry& missed) {
    schema_changed = schema_changed || missed.record.schema.has_value();
  });
  if (schema_changed) return false;
  const Catalog& catalog = *core_.pipeline().published_catalog();
  std::set<SubscriptionId> numbers;
  return std::all_of(message.created.begin(), message.created.end(),
                     [&](const ObjectsInterest& objects) {
                       return check_interest(catalog, objects).has_value();
                     }) &&
         std::all_of(message.subscriptions.begin(), message.subscriptions.end(),
                     [&](const Subscribe& each) {
                       return numbers.insert(each.subscription).second &&
                              check_interest(catalog, each.interest).has_value() &&
                              core_.policy().may_subscribe(actor_, each.interest);
                     });
}

// Sends what the client missed. An engine of its own, which knows only this session's interests,
// finds that in the log; from now on the shared one goes on. False when that is more than the
// session's queue may hold: then nothing has happened.
bool Session::replay(const Resume& message) {
  const Catalog& catalog = *core_.pipeline().published_catalog();
  SubscriptionEngine missed(core_.state(), core_.policy());
  for (const Subscribe& each : message.subscriptions) {
    missed.interests().add(id_, each.subscription, each.interest, each.loading, catalog);
    missed.interests().set_loaded(id_, each.subscription);
  }
  MissedDeltas deltas(actor_);
  std::vector<ObjectId> created;
  for (const ObjectsInterest& objects : message.created) {
    created.insert(created.end(), objects.objects.begin(), objects.objects.end());
  }
  for (const ObjectId object : created) missed.interests().add_created(id_, object);
  std::set<std::string> seen_of;  // schemas
  for (const Subscribe& each : message.subscriptions) {
    seen_of.insert(schema_of(catalog, each.interest));
  }
  for (const ObjectsInterest& objects : message.created) {
    seen_of.insert(schema_of(catalog, objects));
  }
  core_.replay().each_after(message.version, [&](const ReplayLog::Entry& entry) {
    const bool keeps = entry.keeps_created && entry.record.client == client_;
    missed.publish(entry.record, catalog, {.session = id_, .keeps_created = keeps}, deltas);
    if (!keeps) return;
    for (const ObjectChange& change : entry.record.changes.objects) {
      if (change.kind != ObjectChange::Kind::kCreate) continue;
      created.push_back(change.object);
      seen_of.insert(catalog.find(change.type)->name.schema);
    }
  });
  if (link_.queued_bytes_with(missed.held_bytes()) > core_.limits().session_queue_bytes_max / 2) {
    return false;
  }

  for (const std::string& schema : message.schemas) {
    if (catalog.has_schema(schema)) schemas_.insert(schema);
  }
  // The client may not have heard of what was added to others before it came to see objects of
  // them.
  for (const std::string& schema : seen_of) {
    if (!knows_schema(schema)) tell_catalog(schema, RequestId{}, message.version);
  }
  for (const Subscribe& each : message.subscriptions) {
    core_.interests().add(id_, each.subscription, each.interest, each.loading, catalog);
    core_.interests().set_loaded(id_, each.subscription);
    subscriptions_.insert(each.subscription);
    if (each.loading == Loading::kLazy) jobs_->lazy.emplace(each.subscription, each.interest);
  }
  for (const ObjectId object : created) {
    if (missed.interests().has_created(id_, object)) core_.interests().add_created(id_, object);
  }
  send_held();
  send_deltas(missed, deltas.numbers);
  return true;
}

// ---- what its client had before ----

void Session::adopt_ids(const std::vector<IdRange>& ranges) { add_ranges(ids_, ranges); }

}  // namespace odb::server
