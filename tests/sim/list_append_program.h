// ListAppendProgram: appends to lists, reads them, and notes what it did and saw.
#pragma once

#include <memory>
#include <vector>

#include "list_append/history.h"
#include "odb/client/detail/transaction_state.h"
#include "program.h"

namespace odb::sim {

// What all programs of one run share.
struct ListAppendRun {
  list_append::History history;
  list_append::Clock clock;
  std::vector<ObjectId> lists;  // tasks with a log, some of which may never come into being
  std::uint64_t last_element = 0;
};

// Transactions that read and append to one or several lists, open side by side, several commits in
// flight; readers with and without a flush before; clients that hold all lists, or some.
class ListAppendProgram final : public Program {
 public:
  ListAppendProgram(World& world, SimClient& client, ListAppendRun& run)
      : world_(world), client_(client), run_(run) {}

  void step() override;
  void finish() override;  // notes how the lists are in the end

 private:
  struct Open {
    detail::TransactionState state;
    list_append::Transaction noted;
    Version acknowledged_before;
    bool reads_only = false;
    std::size_t steps_left = 0;
    std::shared_ptr<detail::LoadTicket> fetch;
    Interest fetched;
  };

  void prepare();
  void subscribe();
  void flush();
  std::unique_ptr<Open> begin();
  void advance(Open& transaction);
  void finish_fetch(Open& transaction);
  void end(Open& transaction);

  void read(Open& transaction, ObjectRef list);
  void append(Open& transaction, ObjectRef list);
  void append_by_setting(Open& transaction, ObjectRef list);
  void move(Open& transaction, ObjectRef list);
  void create(Open& transaction);

  ObjectId some_list();
  const CatalogType& task() const;
  FieldId field(std::string_view name) const;

  World& world_;
  SimClient& client_;
  ListAppendRun& run_;
  std::vector<std::unique_ptr<Open>> open_;
  std::shared_ptr<detail::RequestTicket> flushing_;
  list_append::Moment flush_begun_;
  std::optional<list_append::Moment> flushed_since_;  // the begin of its last flush that is done
};

}  // namespace odb::sim
