#include "odb/server/outcome_table.h"

#include <algorithm>
#include <utility>

#include "odb/core/error.h"

namespace odb::server {

namespace {

bool is_before(const AcceptedCommit& commit, Sequence sequence) {
  return commit.sequence < sequence;
}

}  // namespace

OutcomeTable::Finding OutcomeTable::look_up(ClientId client, const std::string& actor,
                                            Sequence sequence, Delivery delivery,
                                            Version snapshot) const {
  const Client* found = find_client(client);
  if (found == nullptr) {
    // Had it been committed and its client forgotten, its version would be one of those up to
    // forgotten_up_to_, and above its snapshot.
    if (delivery == Delivery::kFirst || snapshot >= forgotten_up_to_) return New{};
    return Unknown{};
  }
  const Client& known = *found;
  if (known.actor != actor) return Foreign{};
  const auto kept = known.kept();
  const auto at = std::lower_bound(kept.begin(), kept.end(), sequence, is_before);
  if (at != kept.end() && at->sequence == sequence) return Accepted{at->version};
  if (sequence < known.kept_from) return Unknown{};
  return New{};
}

void OutcomeTable::accept(ClientId id, const std::string& actor, AcceptedCommit commit,
                          Sequence lowest_unresolved) {
  const bool is_last = !clients_.empty() && clients_.back().id == id;
  const auto [found, fresh] = is_last ? std::pair(by_id_.end(), false) : by_id_.try_emplace(id);
  if (fresh) {
    clients_.push_back({.id = id, .actor = actor});
    found->second = std::prev(clients_.end());
    // A client that was forgotten may have committed lower sequences.
    if (forgotten_up_to_ != Version{}) found->second->kept_from = commit.sequence;
  } else if (!is_last) {
    clients_.splice(clients_.end(), clients_, found->second);
  }
  Client& client = clients_.back();
  client.last = commit.version;
  keep_from(client, lowest_unresolved);
  if (client.kept().size() >= limits_.outcomes_per_client_max) {
    keep_from(client, Sequence{client.kept().front().sequence.value + 1});
  }
  if (client.accepted.empty() || client.accepted.back().sequence < commit.sequence) {
    client.accepted.push_back(commit);
  } else {
    const auto at =
        std::lower_bound(client.accepted.begin() + static_cast<std::ptrdiff_t>(client.first),
                         client.accepted.end(), commit.sequence, is_before);
    client.accepted.insert(at, commit);
  }
  if (clients_.size() > limits_.outcome_clients_max) forget_oldest();
}

const OutcomeTable::Client* OutcomeTable::find_client(ClientId id) const {
  if (!clients_.empty() && clients_.back().id == id) return &clients_.back();
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &*found->second;
}

void OutcomeTable::keep_from(Client& client, Sequence sequence) {
  if (sequence <= client.kept_from) return;
  client.kept_from = sequence;
  while (client.first < client.accepted.size() &&
         client.accepted[client.first].sequence < sequence) {
    ++client.first;
  }
  if (client.first == client.accepted.size()) {
    client.accepted.clear();
    client.first = 0;
  } else if (client.first > client.accepted.size() / 2) {
    // Each entry is moved once for each that is dropped.
    client.accepted.erase(client.accepted.begin(),
                          client.accepted.begin() + static_cast<std::ptrdiff_t>(client.first));
    client.first = 0;
  }
}

void OutcomeTable::roll_back(ClientId id, Sequence sequence) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  Client& client = *found->second;
  for (std::size_t i = client.accepted.size(); i > client.first; --i) {
    const auto at = client.accepted.begin() + static_cast<std::ptrdiff_t>(i - 1);
    if (at->sequence < sequence) return;
    if (at->sequence == sequence) {
      client.accepted.erase(at);
      return;
    }
  }
}

void OutcomeTable::forget_oldest() {
  const Client& oldest = clients_.front();
  forgotten_up_to_ = std::max(forgotten_up_to_, oldest.last);
  forgotten_.push_back(oldest.id);
  by_id_.erase(oldest.id);
  clients_.pop_front();
}

std::optional<ClientOutcomes> OutcomeTable::find(ClientId id) const {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return std::nullopt;
  const Client& client = *found->second;
  const auto kept = client.kept();
  return ClientOutcomes{id, client.actor, client.kept_from, {kept.begin(), kept.end()}};
}

std::vector<ClientId> OutcomeTable::take_forgotten() {
  // One that committed again meanwhile is known again.
  std::erase_if(forgotten_, [this](ClientId id) { return by_id_.contains(id); });
  return std::exchange(forgotten_, {});
}

void OutcomeTable::load(ClientOutcomes outcomes) {
  const auto [found, fresh] = by_id_.try_emplace(outcomes.client);
  if (!fresh) return;
  Client client{.id = outcomes.client,
                .actor = std::move(outcomes.actor),
                .kept_from = outcomes.kept_from,
                .accepted = std::move(outcomes.accepted)};
  for (const AcceptedCommit& commit : client.accepted) {
    client.last = std::max(client.last, commit.version);
  }
  clients_.push_back(std::move(client));
  found->second = std::prev(clients_.end());
}

void OutcomeTable::finish_load() {
  clients_.sort([](const Client& a, const Client& b) { return a.last < b.last; });
  while (clients_.size() > limits_.outcome_clients_max) forget_oldest();
}

}  // namespace odb::server
