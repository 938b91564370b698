// OutcomeTable: which commits of which clients took effect, so that none takes effect twice.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <list>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/commit_record.h"
#include "odb/core/ids.h"
#include "odb/server/limits.h"

namespace odb::server {

// Whether a commit may have been sent before.
enum class Delivery : std::uint8_t { kFirst, kResent };

// Pure. Accepted, not yet durable commits are in it too: whoever rolls them back takes them out.
// Bounded by Limits::outcome_clients_max (the client that committed longest ago goes first) and
// Limits::outcomes_per_client_max (the oldest go first). What was dropped is unknown, never
// guessed.
class OutcomeTable {
 public:
  explicit OutcomeTable(const Limits& limits) : limits_(limits) {}

  struct New {};      // surely not committed: judge it
  struct Unknown {};  // it may have been committed; nothing is known of it any more
  struct Foreign {};  // the client belongs to another actor
  using Finding = std::variant<New, Accepted, Unknown, Foreign>;

  // What is known of a commit that arrives. `snapshot`: the version that it read, which it cannot
  // have become.
  Finding look_up(ClientId client, const std::string& actor, Sequence sequence, Delivery delivery,
                  Version snapshot) const;

  // It took effect. `lowest_unresolved`: the client knows the outcomes of all lower sequences; 0
  // says nothing.
  void accept(ClientId client, const std::string& actor, AcceptedCommit commit,
              Sequence lowest_unresolved);
  // It did not, after all. Unknown ones are ignored.
  void roll_back(ClientId client, Sequence sequence);

  // For stores. What is kept of a client; nothing when it is not known.
  std::optional<ClientOutcomes> find(ClientId client) const;
  // Clients dropped for the limit since the last call.
  std::vector<ClientId> take_forgotten();
  // No client that was dropped for the limit had committed anything after this version.
  Version forgotten_up_to() const { return forgotten_up_to_; }

  // What a store had. Clients in any order.
  void load(ClientOutcomes outcomes);
  void load_forgotten_up_to(Version version) { forgotten_up_to_ = version; }
  // Once all are loaded: puts them into the order of their last commits.
  void finish_load();

  std::size_t client_count() const { return by_id_.size(); }

 private:
  struct Client {
    ClientId id;
    std::string actor;
    Sequence kept_from;
    Version last;                          // commit of this client
    std::vector<AcceptedCommit> accepted;  // those before `first` are dropped
    std::size_t first = 0;

    std::span<const AcceptedCommit> kept() const { return std::span(accepted).subspan(first); }
  };
  using Clients = std::list<Client>;  // the one that committed longest ago first

  // Null when it is not known. Commits of one client mostly come several together.
  const Client* find_client(ClientId client) const;
  static void keep_from(Client& client, Sequence sequence);
  void forget_oldest();

  const Limits& limits_;
  Clients clients_;
  boost::unordered_flat_map<ClientId, Clients::iterator> by_id_;
  std::vector<ClientId> forgotten_;
  Version forgotten_up_to_;
};

}  // namespace odb::server
