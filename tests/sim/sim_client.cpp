#include "sim_client.h"

#include <algorithm>
#include <utility>

#include "model/change_check.h"
#include "model/translate.h"
#include "odb/wire/codec.h"

namespace odb::sim {

namespace {

constexpr std::size_t kKeptMax = 3;

}  // namespace

SimClient::SimClient(World& world, const detail::ClientIdentity& identity, std::string actor,
                     std::unique_ptr<net::ByteStream> end)
    : world_(world),
      id_(identity.client),
      reconnects_(identity.reconnects),
      actor_(std::move(actor)),
      messages_(std::make_unique<net::MessageStream>(std::move(end), 64 * 1024)),
      core_(identity, messages_->bytes().channel_binding(), world.now) {
  ++world_.report.counts.clients;
  has_handler_ = chance(world.random, 50);
  core_.cache().watch_changes(has_handler_);
}

// ---- the link ----

void SimClient::pump() {
  for (std::size_t budget = 1 + below(world_.random, 8);
       budget > 0 && !core_.has_ended() && !core_.is_offline(); --budget) {
    const net::MessageStream::Received received = messages_->receive();
    if (received.status == net::StreamStatus::kOk) {
      if (auto message = wire::decode_server_message(received.payload)) {
        receive(*std::move(message));
      } else {
        core_.fail(message.error());
      }
      continue;
    }
    if (received.status == net::StreamStatus::kClosed) {
      lose_link({ErrorCode::kDisconnected, "the server closed the link"});
    } else if (received.status == net::StreamStatus::kFailed) {
      lose_link(messages_->error());
    }
    break;
  }
  if (messages_->bytes_received() != bytes_seen_) {
    bytes_seen_ = messages_->bytes_received();
    core_.note_received(world_.now);
  }
  messages_->set_message_bytes_max(core_.message_bytes_max());
  if (core_.is_open() && !std::exchange(is_opened_, true)) {
    world_.connections.push_back(core_.connection());
    if (core_.actor() != actor_) world_.report.fail("a session was opened for another actor");
  }
  settle();
}

void SimClient::attach(std::unique_ptr<net::ByteStream> end) {
  messages_ = std::make_unique<net::MessageStream>(std::move(end), 64 * 1024);
  bytes_seen_ = 0;
  is_opened_ = false;
  core_.attach(messages_->bytes().channel_binding(), world_.now);
}

// A goodbye has been read before the link is found to have ended.
void SimClient::lose_link(Error reason) {
  core_.lose_link(std::move(reason));
  static_cast<void>(core_.take_outgoing());
}

// All was loaded anew: what it created and nothing covers is not held any more.
void SimClient::note_reload(const std::shared_ptr<const detail::Snapshot>& before) {
  ++world_.report.counts.loaded_again;
  has_reloaded_ = true;
  for (auto& [object, created] : created_) created.version.reset();
  const std::vector<Change> changes = core_.cache().take_changes();
  if (changes.size() != (has_handler_ ? 1u : 0u)) {
    world_.report.fail("a reload is told to handlers " + std::to_string(changes.size()) + " times");
  }
  for (const Change& change : changes) {
    if (auto wrong = check_reload(*before, change)) {
      world_.report.fail("client " + std::to_string(id_.low) + ": " + *wrong);
    }
  }
  if (before->history() != core_.history()) begin_history(*before);
}

// What it had asked for is the same by name, in the numbers of another catalog.
void SimClient::begin_history(const detail::Snapshot& before) {
  created_.clear();
  must_have_seen_ = {};
  for (Subscribed& subscription : subscriptions_) {
    auto translated = translate(subscription.interest, *before.catalog().catalog, catalog());
    if (translated) subscription.interest = *std::move(translated);
  }
}

namespace {

// How many deltas the message brings.
std::size_t deltas_of(const ServerMessage& message) {
  const auto* accepted = std::get_if<CommitsAccepted>(&message);
  if (const auto* several = std::get_if<Deltas>(&message)) return several->deltas.size();
  if (accepted == nullptr) return std::holds_alternative<Delta>(message) ? 1 : 0;
  return static_cast<std::size_t>(
      std::count_if(accepted->commits.begin(), accepted->commits.end(),
                    [](const CommitsAccepted::Commit& commit) { return commit.is_delta; }));
}

}  // namespace

void SimClient::receive(ServerMessage message) {
  const detail::Cache* const cache = &core_.cache();
  const std::size_t deltas = deltas_of(message);
  const bool is_reloading = core_.is_reloading();  // then it shows all at once, in the end
  const auto* resumed = std::get_if<Resumed>(&message);
  if (resumed != nullptr && resumed->continued && server_ != world_.servers) {
    ++world_.report.counts.resumed_over_crash;
  }
  const bool may_replace = is_reloading || resumed != nullptr;
  auto before = may_replace || (has_handler_ && deltas > 0) ? core_.cache().snapshot() : nullptr;
  core_.receive(std::move(message), world_.now);
  if (&core_.cache() != cache) return note_reload(before);
  const std::vector<Change> changes = core_.cache().take_changes();
  const bool is_told = has_handler_ && !core_.has_ended() && !is_reloading;
  if (changes.size() != (is_told ? deltas : 0)) {
    world_.report.fail("of " + std::to_string(deltas) + " deltas handlers are told " +
                       std::to_string(changes.size()));
  }
  for (const Change& change : changes) {
    ++world_.report.counts.changes_checked;
    const Model& model = world_.checker.model(before->history());
    if (auto wrong = check_change(model, *before, change)) {
      world_.report.fail("client " + std::to_string(id_.low) + ": " + *wrong);
    }
    before = change.view.shared_snapshot();  // of the next
  }
}

void SimClient::flush() {
  for (auto& message : core_.take_outgoing()) {
    world_.trace.add(*message);
    messages_->send(std::move(message));
  }
  // A failure shows when reading.
  static_cast<void>(messages_->flush());
}

void SimClient::tick() {
  core_.tick(world_.now);
  settle();
}

void SimClient::leave() {
  if (core_.has_ended() || core_.is_offline()) return;
  has_left_ = true;
  flush();
  messages_->send(wire::encode(ClientMessage(Goodbye{})));
  static_cast<void>(messages_->flush());
  core_.fail({ErrorCode::kDisconnected, "the client left"});
  settle();
}

void SimClient::notice_broken_link() {
  if (core_.has_ended() || core_.is_offline()) return;
  flush();
  lose_link({ErrorCode::kDisconnected, "the link broke"});
  settle();
}

void SimClient::give_up_commits() {
  is_giving_up_ = true;
  core_.give_up_commits({ErrorCode::kDisconnected, "the server cannot be reached"});
  settle();
  is_giving_up_ = false;
}

// ---- what a program asks of it ----

void SimClient::define(const Schema& schema) { definitions_.push_back(core_.define(schema)); }

void SimClient::subscribe(Interest interest, Loading loading) {
  ++world_.report.counts.subscriptions;
  const SubscriptionId id = core_.subscribe(interest, loading);
  subscriptions_.push_back({id, std::move(interest), nullptr});
}

void SimClient::unsubscribe_something() {
  if (subscriptions_.empty()) return;
  Subscribed& subscription = subscriptions_[below(world_.random, subscriptions_.size())];
  if (subscription.ending != nullptr) return;
  ++world_.report.counts.unsubscriptions;
  subscription.ending = core_.unsubscribe(subscription.id);
}

void SimClient::release_something() {
  if (created_.empty()) return;
  const auto at = std::next(created_.begin(),
                            static_cast<std::ptrdiff_t>(below(world_.random, created_.size())));
  if (!at->second.version) return;  // may not have taken effect yet
  at->second.version.reset();       // from now on it may be held, and need not
  releases_.push_back({core_.release(at->first.type, {at->first.object}), at->first});
}

std::shared_ptr<detail::LoadTicket> SimClient::load(const detail::SnapshotOrigin& origin,
                                                    Interest what) {
  ++world_.report.counts.loads;
  loads_.push_back(core_.load(origin, std::move(what)));
  if (origin.history != core_.history() && !loads_.back()->error) {
    world_.report.fail("a read of an ended history is not refused at once");
  }
  return loads_.back();
}

void SimClient::complete(const detail::Snapshot& snapshot, const ObjectsInterest& what,
                         std::vector<RowBlock> blocks) {
  std::vector<std::pair<ObjectId, const Row*>> partial;
  for (const ObjectId object : what.objects) {
    const Row* row = snapshot.find(what.type, object);
    if (row != nullptr) partial.emplace_back(object, row);
  }
  core_.cache().complete(partial, std::move(blocks));
}

std::shared_ptr<detail::RequestTicket> SimClient::begin_flush() {
  const Checker& checker = world_.checker;
  flushes_.push_back({core_.flush(), checker.acknowledged(), checker.history()});
  return flushes_.back().ticket;
}

std::shared_ptr<const detail::Snapshot> SimClient::snapshot() {
  auto snapshot = core_.cache().snapshot();
  if (snapshot->version() < must_have_seen_) {
    world_.report.fail("a snapshot of version " + std::to_string(snapshot->version().value) +
                       ", although its client has flushed up to version " +
                       std::to_string(must_have_seen_.value));
  }
  must_have_seen_ = snapshot->version();
  return snapshot;
}

void SimClient::submit(std::shared_ptr<Attempt> attempt, bool with_callback, CommitCallback told) {
  ++in_flight_;
  if (attempt->history == HistoryId{}) attempt->history = core_.history();
  const HistoryId history = attempt->history;
  CommitCallback callback;
  // The sequence is known once the commit is under way; callbacks run later, in settle().
  auto sequence = std::make_shared<Sequence>();
  if (with_callback) {
    callback = [this, sequence, history, told](const CommitOutcome& outcome) {
      on_told(*sequence, history, outcome);
      if (told) told(outcome);
    };
  }
  attempt->request.tries_again = chance(world_.random, 50);  // may be told of a conflict later
  CommitRequest request = attempt->request;
  const auto ticket = core_.commit(std::move(request), history, std::move(callback));
  if (history != core_.history() && !ticket->outcome) {
    world_.report.fail("a transaction of an ended history is not refused at once");
  }
  if (!ticket->outcome) {
    for (const ObjectRef object : ticket->created)
      created_.emplace(object, CreatedObject{ticket->sequence});
  }
  *sequence = ticket->sequence;
  attempt->sequence = ticket->sequence;
  attempt->may_return = reconnects_;
  world_.checker.on_submitted(std::move(attempt));
  if (!with_callback) {
    commits_.push_back({ticket, ticket->sequence, history, std::move(told)});
  }
}

std::vector<HeldInterest> SimClient::interests() const {
  std::vector<HeldInterest> out;
  for (const Subscribed& subscription : subscriptions_) {
    const bool loaded = core_.subscription(subscription.id).version.has_value();
    out.push_back({subscription.interest, loaded && subscription.ending == nullptr});
  }
  return out;
}

void SimClient::on_told(Sequence sequence, HistoryId history, const CommitOutcome& outcome) {
  --in_flight_;
  const bool goes_on = !core_.has_ended() && !is_giving_up_ && history == core_.history();
  world_.checker.on_told(id_, sequence, outcome, goes_on ? Continuity::kKept : Continuity::kLost);
  if (!goes_on) return;
  for (auto& [object, created] : created_) {
    if (created.sequence != sequence) continue;
    if (const auto* accepted = std::get_if<Accepted>(&outcome)) created.version = accepted->version;
  }
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    must_have_seen_ = std::max(must_have_seen_, accepted->version);
  }
}

// Nobody whose link can be made again ends by itself, and everyone learns of a new history.
void SimClient::check_link_events() {
  if (connected_to_ == HistoryId{} && core_.history() != HistoryId{}) {  // for the first time
    connected_to_ = core_.history();
    server_ = world_.servers;
  }
  for (const LinkEvent& event : core_.take_link_events()) {
    if (event.kind == LinkEvent::Kind::kGone && reconnects_ && !has_left_ &&
        connected_to_ != HistoryId{}) {
      world_.report.fail("client " + std::to_string(id_.low) +
                         " does not come back: " + event.reason.message);
    }
    if (event.kind != LinkEvent::Kind::kConnected) continue;
    server_ = world_.servers;
    if (event.new_history != (connected_to_ != core_.history())) {
      world_.report.fail("a client is told wrongly whether a new history has begun");
    }
    connected_to_ = core_.history();
  }
}

void SimClient::settle() {
  check_link_events();
  std::vector<std::shared_ptr<detail::CommitTicket>> completed = core_.take_completed();
  for (const auto& ticket : completed) ticket->callback(*ticket->outcome);
  std::erase_if(commits_, [&](const PendingCommit& commit) {
    if (!commit.ticket->outcome) return false;
    on_told(commit.sequence, commit.history, *commit.ticket->outcome);
    if (commit.told) commit.told(*commit.ticket->outcome);
    return true;
  });
  for (auto& ticket : completed) core_.recycle(std::move(ticket));
  std::erase_if(flushes_, [&](const PendingFlush& flush) {
    if (flush.ticket->version && flush.history == core_.history()) {
      must_have_seen_ = std::max(must_have_seen_, flush.acknowledged);
    }
    return flush.ticket->is_done();
  });
  std::erase_if(definitions_, [](const auto& ticket) { return ticket->is_done(); });
  std::erase_if(loads_, [](const auto& ticket) { return ticket->is_done(); });
  std::erase_if(releases_, [&](const Releasing& release) {
    if (!release.ticket->is_done()) return false;
    // What was loaded anew stays covered as long as the session lasts.
    if (!has_reloaded_) created_.erase(release.object);
    return true;
  });
  std::erase_if(subscriptions_, [&](const Subscribed& subscription) {
    if (subscription.ending != nullptr) {
      const auto& refused = subscription.ending->error;
      if (refused && !core_.has_ended()) {
        world_.report.fail("the end of a subscription was refused: " + refused->message);
      }
      return subscription.ending->is_done();
    }
    const auto& error = core_.subscription(subscription.id).error;
    // After a new history nobody may have defined it yet.
    if (error && !core_.has_ended() && error->code != ErrorCode::kUnknownSchema &&
        !(error->code == ErrorCode::kUnknownType && has_reloaded_)) {
      world_.report.fail("a subscription was refused: " + error->message);
    }
    return error.has_value();
  });
}

// ---- checks ----

void SimClient::check_cache() {
  ++world_.report.counts.caches_checked;
  const auto shown = snapshot();
  const auto wrong = check_snapshot(world_.checker.model(shown->history()), *shown, interests(),
                                    created_, world_.random);
  if (wrong) world_.report.fail("client " + std::to_string(id_.low) + ": " + *wrong);
}

void SimClient::keep_snapshot() {
  if (kept_.size() == kKeptMax) {
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(below(world_.random, kKeptMax)));
  }
  auto kept = snapshot();
  const std::uint64_t shown = digest(*kept);
  kept_.push_back({std::move(kept), shown});
}

void SimClient::reread_snapshots() {
  for (const KeptSnapshot& kept : kept_) {
    ++world_.report.counts.snapshots_reread;
    if (digest(*kept.snapshot) != kept.digest) {
      world_.report.fail("a snapshot of version " + std::to_string(kept.snapshot->version().value) +
                         " has changed");
    }
  }
}

void SimClient::check_is_at(Version version) {
  if (core_.cache().history() != world_.checker.history()) {
    return world_.report.fail("a client is in another history than the server");
  }
  if (core_.cache().version() != version) {
    world_.report.fail(
        "a client is at version " + std::to_string(core_.cache().version().value) +
        " when all is quiet at version " + std::to_string(version.value) + ", commit " +
        std::to_string(world_.checker.model().record(version).sequence.value) + " of client " +
        std::to_string(world_.checker.model().record(version).client.low));
  }
  check_cache();
  reread_snapshots();
}

std::string SimClient::waits_for() const {
  std::size_t endings = 0;
  std::size_t unloaded = 0;
  for (const Subscribed& subscription : subscriptions_) {
    if (subscription.ending != nullptr) ++endings;
    if (!core_.subscription(subscription.id).is_done()) ++unloaded;
  }
  return std::to_string(in_flight_) + " commits, " + std::to_string(loads_.size()) + " loads, " +
         std::to_string(releases_.size()) + " releases, " + std::to_string(flushes_.size()) +
         " flushes, " + std::to_string(definitions_.size()) + " definitions, " +
         std::to_string(unloaded) + " subscriptions, " + std::to_string(endings) +
         " ends of subscriptions";
}

bool SimClient::is_waiting() const {
  const auto loads = [&](const Subscribed& subscription) {
    return subscription.ending != nullptr || !core_.subscription(subscription.id).is_done();
  };
  return in_flight_ > 0 || !loads_.empty() || !releases_.empty() || !flushes_.empty() ||
         !definitions_.empty() || std::any_of(subscriptions_.begin(), subscriptions_.end(), loads);
}

}  // namespace odb::sim
