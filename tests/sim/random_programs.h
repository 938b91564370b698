// RandomProgram: what one client's program does, one step at a time.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "odb/client/detail/transaction_state.h"
#include "program.h"
#include "sim_client.h"
#include "world.h"

namespace odb::sim {

// Several transactions open at a time, each spread over many steps, several commits in flight,
// subscriptions taken here and there, snapshots kept and read again.
class RandomProgram final : public Program {
 public:
  struct Habits {
    bool defines = true;  // else it waits for somebody to define the schema
    bool grows_schema = false;
    bool sees_all = false;     // subscribes to the whole schema first
    bool fetches = true;       // what its subscriptions do not cover
    bool loads_lazily = true;  // some of what it subscribes to
    bool lets_go = true;       // of subscriptions and of what it created
    std::size_t open_max = 2;
    std::size_t in_flight_max = 4;
  };

  RandomProgram(World& world, SimClient& client, const Habits& habits);

  void step() override;

 private:
  struct Open;
  using Read = std::function<void(Open&)>;

  struct Open {
    detail::TransactionState state;
    std::shared_ptr<Attempt> attempt;
    std::vector<HeldInterest> interests;  // when it began
    std::size_t steps_left = 0;
    bool reads = true;
    bool writes = true;
    bool fetches = false;  // what it does not hold; else it does without the answer
    // A fetch under way, after which the read that needs it is tried again.
    std::shared_ptr<detail::LoadTicket> fetch;
    Interest fetched;
    Read again;
  };

  void prepare();
  void subscribe();
  void begin();
  void advance(Open& transaction);
  void end(Open& transaction);

  void read(Open& transaction);
  Read random_cell_read(Open& transaction);
  Read random_existence_read(Open& transaction);
  Read random_index_read(Open& transaction);
  Read random_range_read(Open& transaction);
  Read random_membership_read(Open& transaction);
  // Asks, and tells the checker of the answer. Without one, because nothing that is loaded covers
  // it, fetches `what` and asks again later.
  void ask(Open& transaction, const Interest& what, bool is_covered, const Read& read);
  bool may_not_know(const Open& transaction, const CatalogIndex& index) const;
  void fetch(Open& transaction, Interest what, Read again);
  void finish_fetch(Open& transaction);
  void write(Open& transaction);
  void set(Open& transaction);
  void apply(Open& transaction);
  void create(Open& transaction, const CatalogType& type);
  void remove(Open& transaction);

  const Catalog& catalog(const Open& transaction) const;
  std::optional<ObjectRef> some_object(const Open& transaction);
  void observe(Open& transaction, Observation observation);
  bool any_loaded(const Open& transaction,
                  const std::function<bool(const Interest&)>& covers) const;

  World& world_;
  SimClient& client_;
  const Habits habits_;
  std::vector<std::unique_ptr<Open>> open_;
};

}  // namespace odb::sim
