#include "odb/server/subscription_engine.h"

#include <algorithm>
#include <utility>

#include "odb/core/messages.h"
#include "odb/wire/codec.h"

namespace odb::server {

SubscriptionEngine::SubscriptionEngine(const VersionedState& state, const AccessPolicy& policy)
    : state_(state), policy_(policy) {}

SubscriptionEngine::Projection& SubscriptionEngine::projection_of(SessionId session,
                                                                  std::size_t changes) {
  // The first few are looked at one by one, for most commits concern no more sessions.
  constexpr std::size_t kFew = 16;
  for (std::size_t i = 0; i < std::min(kFew, projections_used_); ++i) {
    if (projections_[i].session == session) return projections_[i];
  }
  if (projections_used_ >= kFew) {
    const auto [at, fresh] = place_of_.emplace(session, projections_used_);
    if (!fresh) return projections_[at->second];
  }
  if (projections_used_ == projections_.size()) projections_.emplace_back();
  Projection& projection = projections_[projections_used_++];
  projection.session = session;
  projection.actions.assign(changes, static_cast<char>(Action::kSkip));
  return projection;
}

void SubscriptionEngine::note(const InterestIndex::Match& match, std::size_t change,
                              std::size_t changes) {
  char& action = projection_of(match.session, changes).actions[change];
  // A session may see the object through several interests, through one before and another after.
  const auto seen = static_cast<Action>(action);
  const bool seen_after =
      seen == Action::kPass || seen == Action::kEnter || seen == Action::kEnterLazily;
  const bool before = match.before || seen == Action::kPass || seen == Action::kLeave;
  const bool after = match.after || seen_after;
  const bool eager = seen == Action::kEnter || (match.after && match.loading == Loading::kEager);
  Action now = Action::kSkip;
  if (before) {
    now = after ? Action::kPass : Action::kLeave;
  } else if (after) {
    now = eager ? Action::kEnter : Action::kEnterLazily;
  }
  action = static_cast<char>(now);
}

// Whether somebody who sees it so sees just the changes of the record.
bool SubscriptionEngine::is_as_sent(const CommitRecord& record, const std::string& actions) {
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const auto action = static_cast<Action>(actions[i]);
    switch (record.changes.objects[i].kind) {
      case ObjectChange::Kind::kCreate:
        if (action != Action::kEnter) return false;
        break;
      case ObjectChange::Kind::kDelete:
        if (action != Action::kLeave) return false;
        break;
      default:
        if (action != Action::kPass) return false;
    }
  }
  return true;
}

AuthorsDelta SubscriptionEngine::publish(const CommitRecord& record, const Catalog& catalog,
                                         const Author& author, DeltaReceiver& receiver) {
  if (author.keeps_created) {
    for (const ObjectChange& change : record.changes.objects) {
      if (change.kind != ObjectChange::Kind::kCreate) continue;
      interests_.add_created(author.session, change.object);
    }
  }
  if (interests_.empty()) return AuthorsDelta::kSent;
  if (!place_of_.empty()) place_of_.clear();
  projections_used_ = 0;
  const std::size_t changes = record.changes.objects.size();
  const Version before_version = previous(record.version);
  for (std::size_t i = 0; i < changes; ++i) {
    const ObjectChange& change = record.changes.objects[i];
    const CatalogType* type = catalog.find(change.type);
    const Row* newest = state_.objects(change.type)->newest(change.object);
    matches_.clear();
    interests_.match(state_, *type, change.object, ObjectTable::visible(newest, before_version),
                     ObjectTable::visible(newest, record.version), matches_);
    for (const InterestIndex::Match& match : matches_) {
      const std::string& actor =
          match.session == author.session ? record.actor : receiver.actor_of(match.session);
      if (!policy_.may_see(actor, *type)) continue;
      note(match, i, changes);
    }
    if (change.kind == ObjectChange::Kind::kDelete) interests_.remove_created(change.object);
  }

  // One delta for each distinct projection.
  boost::unordered_flat_map<std::string_view, DeltaNumber> made;
  const std::string* last_actions = nullptr;
  DeltaNumber last = 0;
  AuthorsDelta authors = AuthorsDelta::kSent;
  for (std::size_t i = 0; i < projections_used_; ++i) {
    const Projection& projection = projections_[i];
    if (author.takes_outcome && projection.session == author.session &&
        is_as_sent(record, projection.actions)) {
      authors = AuthorsDelta::kOutcome;
      continue;
    }
    if (last_actions == nullptr || projection.actions != *last_actions) {
      const auto [at, fresh] = made.try_emplace(projection.actions);
      if (fresh) at->second = hold(record, catalog, projection.actions);
      last = at->second;
      last_actions = &projection.actions;
    }
    receiver.deliver(projection.session, last);
  }
  return authors;
}

DeltaNumber SubscriptionEngine::hold(const CommitRecord& record, const Catalog& catalog,
                                     const std::string& actions) {
  if (held_used_ == held_.size()) held_.emplace_back();
  Held& held = held_[held_used_];
  held.delta.version = record.version;
  held.delta.actor = record.actor;
  held.alone.reset();
  held.delta.changes.objects.clear();
  held.delta.changes.cells.clear();
  project(held.delta.changes, record, catalog, actions);
  held.bytes = wire::encoded_bytes(held.delta.changes);
  held_bytes_ += held.bytes;
  return static_cast<DeltaNumber>(held_used_++);
}

wire::EncodedMessage SubscriptionEngine::encode(std::span<const DeltaNumber> deltas) {
  try {
    if (deltas.size() == 1) {
      Held& held = held_[deltas.front()];
      if (held.alone == nullptr) held.alone = wire::encode(held.delta);
      return held.alone;
    }
    wire::EncodedMessage& message =
        together_[std::vector<DeltaNumber>(deltas.begin(), deltas.end())];
    if (message != nullptr) return message;
    std::vector<const Delta*> parts;
    parts.reserve(deltas.size());
    for (const DeltaNumber delta : deltas) parts.push_back(&held_[delta].delta);
    message = wire::encode(parts);
    return message;
  } catch (const wire::MessageTooLarge&) {
    return nullptr;
  }
}

void SubscriptionEngine::drop_held() {
  // A large batch, or a large delta, is not to cost memory for ever.
  constexpr std::size_t kKeptBytes = 1024 * 1024;
  if (held_bytes_ > kKeptBytes) held_.clear();
  held_used_ = 0;
  held_bytes_ = 0;
  if (!together_.empty()) together_.clear();
}

// What somebody sees of the record.
void SubscriptionEngine::project(Changeset& out, const CommitRecord& record, const Catalog& catalog,
                                 const std::string& actions) const {
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const ObjectChange& change = record.changes.objects[i];
    switch (static_cast<Action>(actions[i])) {
      case Action::kSkip:
        break;
      case Action::kPass:
        out.begin(change.kind, change.type, change.object);
        for (const CellOperation& cell : record.changes.cells_of(change)) {
          out.add_cell(cell);
        }
        break;
      case Action::kEnter:
        if (change.kind == ObjectChange::Kind::kCreate) {
          out.begin(change.kind, change.type, change.object);
          for (const CellOperation& cell : record.changes.cells_of(change)) {
            out.add_cell(cell);
          }
        } else {
          append_row(out, record, catalog, change, Loading::kEager);
        }
        break;
      case Action::kEnterLazily:
        append_row(out, record, catalog, change, Loading::kLazy);
        break;
      case Action::kLeave:
        out.begin(change.kind == ObjectChange::Kind::kDelete ? ObjectChange::Kind::kDelete
                                                             : ObjectChange::Kind::kLeave,
                  change.type, change.object);
        break;
    }
  }
}

void SubscriptionEngine::append_row(Changeset& out, const CommitRecord& record,
                                    const Catalog& catalog, const ObjectChange& change,
                                    Loading loading) const {
  const Row* row = state_.find(change.type, change.object, record.version);
  if (loading == Loading::kEager) {
    out.begin(ObjectChange::Kind::kEnter, change.type, change.object);
    std::uint32_t field = 0;
    for (const Value& value : row->fields()) {
      out.add_cell({.field = FieldId{field++}, .value = value});
    }
    return;
  }
  out.begin(ObjectChange::Kind::kEnterLazily, change.type, change.object);
  const CatalogType& type = *catalog.find(change.type);
  std::vector<bool> is_indexed(type.fields.size());
  for (const CatalogIndex& index : type.indexes) {
    for (const FieldId field : index.fields) is_indexed[field.value] = true;
  }
  for (std::uint32_t i = 0; i < type.fields.size(); ++i) {
    const FieldId field{i};
    if (is_indexed[i]) {
      out.add_cell({.field = field, .value = VersionedState::field_of(type, *row, field)});
    }
  }
}

}  // namespace odb::server
