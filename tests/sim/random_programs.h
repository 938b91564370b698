// RandomProgram: what one client's program does, one step at a time.
#pragma once

#include <memory>
#include <vector>

#include "odb/client/detail/transaction_state.h"
#include "sim_client.h"
#include "world.h"

namespace odb::sim {

// Several transactions open at a time, each spread over many steps, several commits in flight,
// subscriptions taken here and there, snapshots kept and read again.
class RandomProgram {
 public:
  struct Habits {
    bool defines = true;  // else it waits for somebody to define the schema
    bool grows_schema = false;
    bool sees_all = false;  // subscribes to the whole schema first
    std::size_t open_max = 2;
    std::size_t in_flight_max = 4;
  };

  RandomProgram(World& world, SimClient& client, const Habits& habits);

  void step();

 private:
  struct Open {
    detail::TransactionState state;
    std::shared_ptr<Attempt> attempt;
    std::vector<HeldInterest> interests;  // when it began
    std::size_t steps_left = 0;
    bool reads = true;
    bool writes = true;
  };

  void prepare();
  void subscribe();
  void begin();
  void advance(Open& transaction);
  void end(Open& transaction);

  void read(Open& transaction);
  void read_cell(Open& transaction);
  void read_existence(Open& transaction);
  void read_index(Open& transaction);
  void read_membership(Open& transaction);
  void write(Open& transaction);
  void set(Open& transaction);
  void create(Open& transaction, const CatalogType& type);
  void remove(Open& transaction);

  const Catalog& catalog(const Open& transaction) const;
  std::optional<ObjectRef> some_object(const Open& transaction);
  void observe(Open& transaction, Observation observation);
  void on_not_subscribed(bool is_covered);  // a refusal to read; wrong when the answer was covered
  bool any_loaded(const Open& transaction,
                  const std::function<bool(const Interest&)>& covers) const;

  World& world_;
  SimClient& client_;
  const Habits habits_;
  std::vector<std::unique_ptr<Open>> open_;
};

}  // namespace odb::sim
