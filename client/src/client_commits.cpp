// The part of ClientCore that commits, and the identities that new objects get.
#include <algorithm>
#include <iterator>
#include <utility>

#include "client_core.h"
#include "commit_parts.h"
#include "messages.h"
#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

// New objects of one type come in runs of this many consecutive ids, which tables are paged by.
constexpr std::uint64_t kIdChunk = 64;
constexpr std::uint64_t kIdsAskedMax = 1'000'000;
constexpr std::size_t kGrantedMax = 256;  // ranges

// Empties it, and keeps what memory it has.
void reset(CommitTicket& ticket) {
  ticket.outcome.reset();
  ticket.callback = nullptr;
  ticket.created.clear();
  ticket.writes.objects.clear();
  ticket.writes.cells.clear();
  ticket.message.clear();
  ticket.parts.clear();
  ticket.bytes = 0;
}

// Into the memory that `to` has, if that is enough.
template <class Item>
void move_items(std::vector<Item>& from, std::vector<Item>& to) {
  if (from.size() > to.capacity()) {
    to = std::move(from);
  } else {
    to.assign(std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
  }
}

}  // namespace

// ---- tickets ----

// With many commits in flight an allocator finds no memory that was just freed: what a commit needs
// until its outcome comes is worth keeping for the next.
std::shared_ptr<CommitTicket> ClientCore::new_ticket() {
  if (spare_.empty()) return std::make_shared<CommitTicket>();
  std::shared_ptr<CommitTicket> ticket = std::move(spare_.back());
  spare_.pop_back();
  return ticket;
}

void ClientCore::recycle(std::shared_ptr<CommitTicket> ticket) {
  // Somebody else may hold it still: the stream, of a message that is not sent in full.
  if (ticket.use_count() != 1 || spare_.size() >= kSpareTicketsMax) return;
  if (ticket->bytes > kSpareTicketBytesMax || !ticket->parts.empty()) return;
  reset(*ticket);
  spare_.push_back(std::move(ticket));
}

// ---- commits ----

std::shared_ptr<CommitTicket> ClientCore::commit(CommitRequest request, HistoryId history,
                                                 CommitCallback callback) {
  last_sequence_ = Sequence{last_sequence_.value + 1};
  std::shared_ptr<CommitTicket> ticket = new_ticket();
  ticket->sequence = last_sequence_;
  ticket->callback = std::move(callback);
  if (phase_ == Phase::kEnded) {
    finish(ticket, Error{end_reason_.code, "not committed: " + end_reason_.message});
    return ticket;
  }
  if (history != history_) {
    finish(ticket, history_has_ended());
    return ticket;
  }
  // What nothing covers is this client's own to see. Both sides know it from the commit.
  const auto is_uncovered = [&](const ObjectChange& change) {
    return change.kind == ObjectChange::Kind::kCreate && !cache_->coverage().has_type(change.type);
  };
  const auto& changes = request.writes.objects;
  if (std::any_of(changes.begin(), changes.end(), is_uncovered)) {
    for (const ObjectChange& change : changes) {
      if (change.kind != ObjectChange::Kind::kCreate) continue;
      ticket->created.push_back({change.type, change.object});
      cache_->expect_created({change.type, change.object});
    }
  }
  if (!encode(*ticket, request) || ticket->bytes > commit_bytes_max_) {
    finish(ticket,
           Error{ErrorCode::kTransactionTooLarge,
                 "the transaction takes " +
                     (ticket->bytes == 0 ? "more than " + std::to_string(wire::kMessageBytesMax)
                                         : std::to_string(ticket->bytes)) +
                     " bytes, the server's limit is " + std::to_string(commit_bytes_max_)});
    return ticket;
  }
  if (waiting_bytes_ > 0 && waiting_bytes_ + ticket->bytes > kWaitingBytesMax) {
    finish(ticket, Error{ErrorCode::kTooManyCommitsInFlight,
                         "not committed: more than " + std::to_string(kWaitingBytesMax) +
                             " bytes of commits wait for the server"});
    return ticket;
  }
  if (phase_ == Phase::kOpen && credits_ > 0 && waiting_.empty()) {
    send(ticket);
    return ticket;
  }
  waiting_bytes_ += ticket->bytes;
  waiting_.push_back(ticket);
  return ticket;
}

// False: there is no message so large.
bool ClientCore::encode(CommitTicket& ticket, CommitRequest& request) {
  Commit commit{.sequence = ticket.sequence,
                .lowest_unresolved = lowest_unresolved_,
                .keeps_created = !ticket.created.empty(),
                .request = std::move(request)};
  try {
    if (wire::encoded_bytes(commit.request) <= kCommitPartBytes) {
      wire::append_encoded(ticket.message, commit);
      ticket.bytes = ticket.message.size();
    } else {
      ticket.parts = encode_in_parts(commit);
      for (const wire::EncodedMessage& part : ticket.parts) ticket.bytes += part->size();
    }
  } catch (const wire::MessageTooLarge&) {
    return false;
  }
  move_items(commit.request.writes.objects, ticket.writes.objects);
  move_items(commit.request.writes.cells, ticket.writes.cells);
  return true;
}

void ClientCore::send_waiting() {
  while (phase_ == Phase::kOpen && credits_ > 0 && !waiting_.empty()) {
    std::shared_ptr<CommitTicket> ticket = std::move(waiting_.front());
    waiting_.pop_front();
    waiting_bytes_ -= ticket->bytes;
    send(std::move(ticket));
  }
}

void ClientCore::send(std::shared_ptr<CommitTicket> ticket) {
  --credits_;
  const Sequence sequence = ticket->sequence;
  last_sent_sequence_ = std::max(last_sent_sequence_, sequence);
  if (ticket->parts.empty()) {
    outgoing_.emplace_back(ticket, &ticket->message);  // keeps the ticket until it is sent
  } else {
    outgoing_.insert(outgoing_.end(), ticket->parts.begin(), ticket->parts.end());
    if (!identity_.reconnects) ticket->parts.clear();  // never to be sent again
  }
  commits_.emplace(sequence, std::move(ticket));
  last_sent_ = now_;
}

bool ClientCore::withdraw(const CommitTicket& ticket, Error reason) {
  const auto found = std::find_if(waiting_.begin(), waiting_.end(),
                                  [&](const auto& waiting) { return waiting.get() == &ticket; });
  // One that goes out again may have taken effect.
  if (found == waiting_.end() || ticket.sequence <= last_sent_sequence_) return false;
  const std::shared_ptr<CommitTicket> withdrawn = std::move(*found);
  waiting_bytes_ -= withdrawn->bytes;
  waiting_.erase(found);
  finish(withdrawn, std::move(reason));
  return true;
}

void ClientCore::on(CommitDone& message) {
  finish_sent(message.sequence, std::move(message.outcome), AsDelta::kNo);
}

void ClientCore::on(CommitsAccepted& message) {
  for (const CommitsAccepted::Commit& commit : message.commits) {
    if (has_ended()) return;  // at one that was nonsense
    finish_sent(commit.sequence, Accepted{commit.version},
                commit.is_delta ? AsDelta::kYes : AsDelta::kNo);
  }
}

void ClientCore::finish_sent(Sequence sequence, CommitOutcome&& outcome, AsDelta as_delta) {
  const auto found = commits_.find(sequence);
  if (found == commits_.end()) return on_unexpected("the outcome of a commit that was never sent");
  const std::shared_ptr<CommitTicket> ticket = std::move(found->second);
  commits_.erase(found);
  while (lowest_unresolved_ <= last_sequence_ && !commits_.contains(lowest_unresolved_) &&
         (waiting_.empty() || lowest_unresolved_ < waiting_.front()->sequence)) {
    lowest_unresolved_ = Sequence{lowest_unresolved_.value + 1};
  }
  ++credits_;
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    if (as_delta == AsDelta::kYes) {
      check(receiving_cache().apply(accepted->version, actor_, ticket->writes));
    }
    cache_->see_version(accepted->version);
  } else if (const auto* conflict = std::get_if<Conflict>(&outcome)) {
    conflicts_.add(conflict->key);
  }
  finish(ticket, std::move(outcome));
  send_waiting();
}

void ClientCore::finish(const std::shared_ptr<CommitTicket>& ticket, CommitOutcome&& outcome) {
  // One whose outcome is unknown may take effect yet, and then the server tells of its objects.
  const auto* error = std::get_if<Error>(&outcome);
  const bool may_exist = std::holds_alternative<Accepted>(outcome) ||
                         (error != nullptr && error->code == ErrorCode::kOutcomeUnknown);
  if (!may_exist) {
    for (const ObjectRef object : ticket->created) cache_->forget_created(object);
  }
  ticket->outcome = std::move(outcome);
  if (ticket->callback) completed_.push_back(ticket);
}

// ---- identities ----

std::optional<ObjectId> ClientCore::allocate(TypeId type) {
  IdChunk& chunk = id_chunks_[type];
  if (chunk.next == chunk.end) {
    ask_for_ids();
    if (ids_.empty()) return std::nullopt;
    IdRange& range = ids_.front();
    const std::uint64_t count = std::min(kIdChunk, range.count);
    chunk = {range.first.value, range.first.value + count};
    range.first = ObjectId{range.first.value + count};
    range.count -= count;
    ids_left_ -= count;
    if (range.count == 0) ids_.pop_front();
  }
  return ObjectId{chunk.next++};
}

void ClientCore::take_ids(const IdRange& range) {
  ids_.push_back(range);
  ids_left_ += range.count;
  ids_last_grant_ = range.count;
  if (!identity_.reconnects) return;
  if (!granted_.empty() &&
      granted_.back().first.value + granted_.back().count == range.first.value) {
    granted_.back().count += range.count;
  } else {
    granted_.push_back(range);
    // What was granted so long ago has been used.
    if (granted_.size() > kGrantedMax) granted_.erase(granted_.begin());
  }
}

void ClientCore::ask_for_ids() {
  if (ids_asked_ > 0 || ids_left_ > ids_last_grant_ / 2 || phase_ != Phase::kOpen) return;
  ids_asked_ = std::clamp<std::uint64_t>(ids_last_grant_ * 2, kIdChunk, kIdsAskedMax);
  send(RequestIds{ids_asked_});
}

}  // namespace odb::detail
