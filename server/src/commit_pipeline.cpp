#include "odb/server/commit_pipeline.h"

#include <utility>

namespace odb::server {

CommitPipeline::CommitPipeline(VersionedState& state, OutcomeTable& outcomes,
                               const CommitEngine& engine, Store& store, CommitListener& listener,
                               const Limits& limits)
    : state_(state),
      outcomes_(outcomes),
      engine_(engine),
      store_(store),
      listener_(listener),
      limits_(limits),
      durable_(state.version()),
      published_(state.version()),
      published_catalog_(state.catalog()),
      log_first_(next(state.version())) {}

void CommitPipeline::submit(CommitOrigin&& origin, CommitRequest&& request, std::size_t bytes) {
  judge_commit(origin, request, bytes);
}

void CommitPipeline::define(CommitOrigin origin, SchemaDefinition schema, std::size_t bytes) {
  judge_schema(origin, schema, bytes);
}

// Whether a commit needs no judging: what became of it is known, or cannot be.
bool CommitPipeline::answer_known(CommitOrigin& origin, CommitRequest& request, std::size_t bytes) {
  if (origin.sequence == Sequence{}) return false;
  const auto finding = outcomes_.look_up(origin.client, origin.actor, origin.sequence,
                                         origin.delivery, request.snapshot);
  if (std::holds_alternative<OutcomeTable::New>(finding)) return false;
  if (const auto* accepted = std::get_if<Accepted>(&finding)) {
    if (accepted->version <= published_) {
      listener_.on_outcome(origin, *accepted, AuthorsDelta::kSent);
    } else {
      refuse({std::move(origin), std::move(request), bytes}, CommitOutcome(*accepted));
    }
    return true;
  }
  const std::string which = "commit " + std::to_string(origin.sequence.value) + " of this client ";
  if (std::holds_alternative<OutcomeTable::Foreign>(finding)) {
    tell_error(origin, {ErrorCode::kUnsupported, "this client's id belongs to another actor"});
  } else if (origin.delivery == Delivery::kFirst) {
    tell_error(origin, {ErrorCode::kSequenceReused, which + "is below those whose outcome it has"});
  } else {
    tell_error(origin, {ErrorCode::kOutcomeUnknown,
                        which + "may have been committed: it is not remembered"});
  }
  return true;
}

Error CommitPipeline::unavailable(const Error& reason) const {
  return {ErrorCode::kUnavailable, "not committed: the store could not take it: " + reason.message};
}

void CommitPipeline::tell_error(const CommitOrigin& origin, Error error) {
  listener_.on_outcome(origin, std::move(error), AuthorsDelta::kSent);
}

// To whom the pending version or refusal belongs.
void CommitPipeline::tell(const Pending& pending, Error error) {
  const SchemaDefinition* schema = nullptr;
  if (!pending.record) {
    schema = std::get_if<SchemaDefinition>(&pending.refused->submission.what);
  } else if (pending.record->schema) {
    schema = &*pending.record->schema;
  }
  if (schema != nullptr) {
    listener_.on_schema_defined(pending.origin, schema->name, std::move(error));
  } else {
    tell_error(pending.origin, std::move(error));
  }
}

void CommitPipeline::refuse_away(const CommitOrigin& origin, const SchemaDefinition& schema) {
  // A client that only wants to read defines its schema, too.
  const auto merged = published_catalog_->merged(schema);
  if (merged && *merged == *published_catalog_) {
    listener_.on_schema_defined(origin, schema.name, published_);
  } else {
    listener_.on_schema_defined(origin, schema.name, unavailable(*away_));
  }
}

void CommitPipeline::judge(Submission& submission) {
  if (auto* request = std::get_if<CommitRequest>(&submission.what)) {
    judge_commit(submission.origin, *request, submission.bytes);
  } else {
    judge_schema(submission.origin, std::get<SchemaDefinition>(submission.what), submission.bytes);
  }
}

void CommitPipeline::judge_commit(CommitOrigin& origin, CommitRequest& request, std::size_t bytes) {
  if (answer_known(origin, request, bytes)) return;
  if (away_) return tell_error(origin, unavailable(*away_));
  Judgement judgement = engine_.judge(request, state_);
  if (auto* conflict = std::get_if<Conflict>(&judgement)) {
    name_winner(*conflict);
    return refuse({std::move(origin), std::move(request), bytes},
                  CommitOutcome(std::move(*conflict)));
  }
  if (auto* error = std::get_if<Error>(&judgement)) {
    return refuse({std::move(origin), std::move(request), bytes}, CommitOutcome(std::move(*error)));
  }
  const Version version = next(state_.version());
  state_.apply(version, request.writes);
  accept(origin, bytes, version).changes = std::move(request.writes);
}

void CommitPipeline::judge_schema(CommitOrigin& origin, SchemaDefinition& schema,
                                  std::size_t bytes) {
  if (away_) return refuse_away(origin, schema);
  auto merged = state_.catalog()->merged(schema);
  if (!merged) {
    return refuse({std::move(origin), std::move(schema), bytes}, std::move(merged.error()));
  }
  if (*merged == *state_.catalog()) {
    // Nothing to add. The answer still waits until what it tells is durable.
    return refuse({std::move(origin), std::move(schema), bytes}, Error{});
  }
  if (auto fits = engine_.judge_catalog(*merged, state_); !fits) {
    return refuse({std::move(origin), std::move(schema), bytes}, std::move(fits.error()));
  }
  const Version version = next(state_.version());
  state_.apply_catalog(version, std::make_shared<const Catalog>(*std::move(merged)));
  accept(origin, bytes, version).schema = std::move(schema);
  pending_.back().catalog = state_.catalog();
}

// The state has it as `version`. What it changes is the caller's to add to the record.
CommitRecord& CommitPipeline::accept(CommitOrigin& taken, std::size_t bytes, Version version) {
  Pending& pending = pending_.emplace_back();
  pending.version = version;
  pending.bytes = bytes;
  pending.origin = std::move(taken);
  const CommitOrigin& origin = pending.origin;
  CommitRecord& record = pending.record.emplace();
  record.version = version;
  record.actor = origin.actor;
  record.client = origin.client;
  record.sequence = origin.sequence;
  record.lowest_unresolved = origin.lowest_unresolved;
  if (origin.sequence != Sequence{}) {
    outcomes_.accept(origin.client, origin.actor, {origin.sequence, version},
                     origin.lowest_unresolved);
  }
  log_.push_back({origin.actor, origin.client, origin.sequence, bytes});
  log_bytes_ += bytes;
  unsent_.push_back(&record);
  return record;
}

void CommitPipeline::refuse(Submission submission, std::variant<CommitOutcome, Error> refusal) {
  if (pending_.empty() && state_.version() == published_) {
    const auto* schema = std::get_if<SchemaDefinition>(&submission.what);
    tell_refusal(submission.origin, schema == nullptr ? "" : schema->name, std::move(refusal));
    return;
  }
  Pending& pending = pending_.emplace_back();
  pending.version = state_.version();
  pending.origin = submission.origin;
  pending.refused = std::make_unique<Refused>(Refused{std::move(submission), std::move(refusal)});
}

void CommitPipeline::tell_refusal(const CommitOrigin& origin, std::string schema,
                                  std::variant<CommitOutcome, Error> refusal) {
  if (auto* outcome = std::get_if<CommitOutcome>(&refusal)) {
    listener_.on_outcome(origin, std::move(*outcome), AuthorsDelta::kSent);
    return;
  }
  Error& error = std::get<Error>(refusal);
  if (error.code == ErrorCode::kNone) {
    listener_.on_schema_defined(origin, schema, published_);
  } else {
    listener_.on_schema_defined(origin, schema, std::move(error));
  }
}

void CommitPipeline::flush() {
  if (unsent_.empty()) return;
  std::vector<const CommitRecord*> batch = std::exchange(unsent_, {});
  const std::vector<ClientId> forgotten = outcomes_.take_forgotten();
  store_.append({batch, state_, outcomes_, forgotten});
  if (!unsent_.empty()) return;  // called from within: something failed, and more was judged
  batch.clear();
  unsent_ = std::move(batch);  // for its memory
}

void CommitPipeline::on_durable(Version up_to) {
  if (up_to <= durable_) return;
  durable_ = up_to;
  publish_durable();
}

void CommitPipeline::publish(Pending& pending) {
  if (!pending.record) {
    if (pending.is_told) return;
    const auto* schema = std::get_if<SchemaDefinition>(&pending.refused->submission.what);
    return tell_refusal(pending.origin, schema == nullptr ? "" : schema->name,
                        std::move(pending.refused->answer));
  }
  published_ = pending.version;
  if (pending.catalog != nullptr) published_catalog_ = pending.catalog;
  const auto schema =
      pending.record->schema ? std::optional(pending.record->schema->name) : std::nullopt;
  const AuthorsDelta authors =
      listener_.on_published(*std::move(pending.record), pending.origin,
                             pending.is_told ? Telling::kNothing : Telling::kOutcome);
  if (pending.is_told) return;
  if (schema) {
    listener_.on_schema_defined(pending.origin, *schema, pending.version);
  } else {
    listener_.on_outcome(pending.origin, Accepted{pending.version}, authors);
  }
}

void CommitPipeline::publish_durable() {
  if (publishing_) return;  // called from within a listener: the loop below goes on
  publishing_ = true;
  while (!pending_.empty() && pending_.front().version <= durable_) {
    // Stays where it is meanwhile: what listeners submit comes behind it, and what fails is newer.
    publish(pending_.front());
    pending_.pop_front();
  }
  publishing_ = false;
  listener_.on_all_told();
  trim();
}

// Whether it is a schema that added nothing, and that cannot even be any more.
bool CommitPipeline::rests_on_what_failed(const Refused& refused) const {
  const auto* answer = std::get_if<Error>(&refused.answer);
  if (answer == nullptr || answer->code != ErrorCode::kNone) return false;
  return !state_.catalog()->merged(std::get<SchemaDefinition>(refused.submission.what)).has_value();
}

void CommitPipeline::on_append_failed(Version from, const Error& reason) {
  if (from > state_.version() || from <= durable_) return;
  const Version last = previous(from);
  state_.rollback_to(last);
  unsent_.clear();
  while (log_first_.value + log_.size() > from.value) {
    log_bytes_ -= log_.back().bytes;
    if (log_.back().sequence != Sequence{}) {
      outcomes_.roll_back(log_.back().client, log_.back().sequence);
    }
    log_.pop_back();
  }

  std::deque<Pending> undone;
  while (!pending_.empty() && pending_.back().version >= from) {
    undone.push_front(std::move(pending_.back()));
    pending_.pop_back();
  }
  // Whatever is still pending below `from` was sent before and keeps its place.
  const Error error = unavailable(reason);
  for (Pending& pending : undone) {
    if (pending.is_told) continue;
    if (pending.record || rests_on_what_failed(*pending.refused)) {
      tell(pending, error);
    } else {
      // What refused it may never have been: judge it again. It may be a copy of one that took
      // effect, and what is not remembered of its client any more is unknown.
      pending.refused->submission.origin.delivery = Delivery::kResent;
      judge(pending.refused->submission);
    }
  }
  flush();
}

void CommitPipeline::on_lost(const Error& reason) {
  away_ = reason;
  on_overdue(state_.version());
}

void CommitPipeline::on_overdue(Version up_to) {
  const Error unknown{ErrorCode::kOutcomeUnknown,
                      "the store has not confirmed the commit in time: it may take effect or not"};
  const Error refused = unavailable({ErrorCode::kUnavailable, "it does not answer in time"});
  for (std::size_t i = 0; i < pending_.size() && pending_[i].version <= up_to; ++i) {
    Pending& pending = pending_[i];
    // Nobody waits for one of the server's own, and whoever made it must learn its end.
    if (pending.origin.session == SessionId{}) continue;
    if (std::exchange(pending.is_told, true)) continue;
    const auto* refusal =
        pending.record ? nullptr : std::get_if<CommitOutcome>(&pending.refused->answer);
    const auto* first = refusal == nullptr ? nullptr : std::get_if<Accepted>(refusal);
    if (first != nullptr && first->version <= published_) {
      // Sent again, and waiting behind others for no good any more.
      listener_.on_outcome(pending.origin, *first, AuthorsDelta::kSent);
    } else {
      tell(pending, pending.record || first != nullptr ? unknown : refused);
    }
  }
}

void CommitPipeline::name_winner(Conflict& conflict) const {
  const Version won = conflict.won;
  if (won < log_first_ || won.value >= log_first_.value + log_.size()) return;
  const LogEntry& winner = log_[won.value - log_first_.value];
  conflict.actor = winner.actor;
  conflict.client = winner.client;
  conflict.sequence = winner.sequence;
}

void CommitPipeline::trim() {
  const auto is_too_much = [&] {
    return log_.size() > limits_.retained_versions_max || log_bytes_ > limits_.retained_bytes_max;
  };
  if (!is_too_much()) return;
  // Loads under way keep the state readable back to their versions, for a while; so does this.
  const std::optional<Version> pinned = state_.oldest_pinned();
  Version horizon = state_.horizon();
  while (log_first_ <= published_ && is_too_much()) {
    // Removing this entry makes its version the horizon.
    if (pinned && log_first_ > *pinned) break;
    if (held_ && log_first_ > *held_ && log_bytes_ <= limits_.held_bytes_max) break;
    log_bytes_ -= log_.front().bytes;
    log_.pop_front();
    horizon = log_first_;
    log_first_ = next(log_first_);
  }
  if (horizon > state_.horizon()) state_.trim_to(horizon);
}

}  // namespace odb::server
