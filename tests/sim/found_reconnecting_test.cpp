// What the simulator found about servers that restart and stores that hang, told in short.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cache.h"
#include "odb/client/detail/transaction_state.h"
#include "odb/client/schema.h"
#include "odb/server/database.h"
#include "scripted_cluster.h"
#include "sim_schema.h"

namespace odb::sim {
namespace {

using Direction = net::MemoryLink::Direction;

const Schema& counters() {
  static const Schema schema =
      Schema("counters")
          .define({.name = "Counter", .fields = {{"value", Type::integer()}}, .indexes = {}});
  return schema;
}
const Schema& others() {
  static const Schema schema = Schema("others").define(
      {.name = "Other", .fields = {{"text", Type::text()}}, .indexes = {{"text", {"text"}}}});
  return schema;
}

// Ann and Bob, with a schema that both know.
class Two {
 public:
  explicit Two(std::optional<Cut> cut = std::nullopt) : cluster(cut, Downfall::kNone) {
    for (ScriptedClient* client : {&ann, &bob}) {
      until([&] { return client->core().is_open(); });
      define(*client, counters());
    }
  }

  void until(const std::function<bool()>& is_so) { ASSERT_TRUE(cluster.until(is_so)); }
  bool is_in_history(std::uint64_t number) {
    const auto is_there = [&](ScriptedClient& client) {
      return client.core().is_open() && client.core().history().low == number;
    };
    return is_there(ann) && is_there(bob);
  }
  void define(ScriptedClient& client, const Schema& schema) {
    const auto ticket = client.core().define(schema);
    until([&] { return ticket->version.has_value(); });
  }
  TypeId counter(ScriptedClient& client) {
    return client.core().cache().catalog()->catalog->find(TypeName{"counters", "Counter"})->id;
  }
  SubscriptionId subscribe(ScriptedClient& client) {
    const SubscriptionId id =
        client.core().subscribe(TypeInterest{counter(client)}, Loading::kEager);
    until([&] { return client.core().subscription(id).version.has_value(); });
    return id;
  }
  std::shared_ptr<detail::CommitTicket> create(ScriptedClient& client, ObjectId& object) {
    until([&] {
      const auto allocated = client.core().allocate(counter(client));
      if (allocated) object = *allocated;
      return allocated.has_value();
    });
    return client.commit([&](auto& transaction) {
      transaction.create({counter(client), object}, {{FieldId{0}, Value::integer(0)}});
    });
  }
  std::shared_ptr<detail::CommitTicket> add(ScriptedClient& client, ObjectId object) {
    return client.commit([&](auto& transaction) {
      transaction.apply(
          {counter(client), object},
          {.kind = CellOperation::Kind::kAdd, .field = FieldId{0}, .value = Value::integer(1)});
    });
  }
  void expect_accepted(const std::shared_ptr<detail::CommitTicket>& ticket) {
    until([&] { return ticket->outcome.has_value(); });
    EXPECT_TRUE(std::holds_alternative<Accepted>(*ticket->outcome));
  }

  ScriptedCluster cluster;
  ScriptedClient& ann = cluster.cut();
  ScriptedClient& bob = cluster.other();
};

// The server told of it as its own, the client had forgotten it.
TEST(FoundReconnecting, WhatAnUnknownCommitCreatesInTheEndStaysItsClients) {
  Two two;
  two.subscribe(two.bob);
  two.cluster.stop_storing();
  ObjectId object;
  const auto created = two.create(two.ann, object);
  two.until([&] { return two.cluster.store().waiting() == 1; });
  two.cluster.store().tell_overdue();
  two.until([&] { return created->outcome.has_value(); });
  EXPECT_EQ(std::get<Error>(*created->outcome).code, ErrorCode::kOutcomeUnknown);

  const SubscriptionId all = two.subscribe(two.ann);
  two.cluster.go_on_storing();
  const auto ending = two.ann.core().unsubscribe(all);
  two.until([&] { return ending->version.has_value(); });
  two.expect_accepted(two.add(two.bob, object));
  two.until([&] { return two.ann.core().cache().version() == two.bob.core().cache().version(); });
  EXPECT_TRUE(two.ann.core().is_open());
  const Row* row = two.ann.core().cache().snapshot()->find(two.counter(two.ann), object);
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->fields()[0], Value::integer(1));
}

// The client gave up for good.
TEST(FoundReconnecting, ANewHistoryMayBeginWithAStoreThatIsAway) {
  Two two;
  two.subscribe(two.ann);
  two.cluster.begin_new_history();
  two.cluster.store().go_away();
  for (int i = 0; i < 20; ++i) two.cluster.turn();
  two.cluster.store().come_back();
  two.until([&] { return two.is_in_history(2); });
  ObjectId object;
  two.expect_accepted(two.create(two.bob, object));
  two.until([&] {
    return two.ann.core().cache().snapshot()->find(two.counter(two.ann), object) != nullptr;
  });
}

// In the new history the types have other numbers. A subscription got its new number before it was
// loaded, and then once more over the next link.
TEST(FoundReconnecting, ALinkMayBreakAnywhereWhileANewHistoryIsLoaded) {
  const auto run = [](std::optional<Cut> cut) {
    Two two(cut);
    two.subscribe(two.ann);
    two.define(two.bob, others());
    two.define(two.ann, others());
    const SubscriptionId texts =
        two.ann.core().subscribe(IndexInterest{two.ann.core()
                                                   .cache()
                                                   .catalog()
                                                   ->catalog->find(TypeName{"others", "Other"})
                                                   ->find_index("text")
                                                   ->id,
                                               {Value::text("a")}},
                                 Loading::kEager);
    two.until([&] { return two.ann.core().subscription(texts).version.has_value(); });
    two.cluster.begin_new_history();
    two.until([&] { return two.is_in_history(2); });
    EXPECT_FALSE(two.ann.core().subscription(texts).error);
    ObjectId object;
    two.expect_accepted(two.create(two.bob, object));
    two.until([&] {
      return two.ann.core().cache().snapshot()->find(two.counter(two.ann), object) != nullptr;
    });
    return std::pair(two.cluster.bytes(Direction::kToServer),
                     two.cluster.bytes(Direction::kToClient));
  };
  const auto [to_server, to_client] = run(std::nullopt);
  for (std::uint64_t byte = 0; byte < to_server && !testing::Test::HasFailure(); ++byte) {
    SCOPED_TRACE("cut after byte " + std::to_string(byte) + " to the server");
    run(Cut{Direction::kToServer, byte, 1});
  }
  for (std::uint64_t byte = 0; byte < to_client && !testing::Test::HasFailure(); ++byte) {
    SCOPED_TRACE("cut after byte " + std::to_string(byte) + " to the client");
    run(Cut{Direction::kToClient, byte, 1});
  }
}

// Another server that loses as much would grant them once more.
TEST(FoundReconnecting, ANewHistoryGrantsNoIdentitiesOfBefore) {
  StoreWatch nobody;
  SimStore store(nobody);
  const server::Limits limits;
  ASSERT_TRUE(server::open_database(store, {1, 1}, limits));
  std::vector<ObjectId> first;
  for (std::uint64_t history = 2; history <= 4; ++history) {
    store.forget_after(Version{});
    const auto database = server::open_database(store, {1, history}, limits);
    ASSERT_TRUE(database);
    EXPECT_TRUE((*database)->is_new_history);
    first.push_back((*database)->ids_below);
  }
  const std::uint64_t room = 1 << 24;
  EXPECT_GT(first[0].value, room);
  EXPECT_GE(first[1].value, first[0].value + room);
  EXPECT_GE(first[2].value, first[1].value + room);
}

// The field was left out because the client had not known it before.
TEST(FoundReconnecting, AReloadTellsOfFieldsThatATypeHasGrownBy) {
  const auto types = [](const Schema& schema) {
    const auto catalog = Catalog().merged(schema.definition());
    std::vector<CatalogType> out;
    for (const auto& type : catalog->types()) out.push_back(*type);
    return out;
  };
  Schema grown("counters");
  grown.define({.name = "Counter",
                .fields = {{"value", Type::integer()}, {"extra", Type::integer()}},
                .indexes = {}});
  const TypeId counter{1};
  const auto load = [&](detail::Cache& cache, std::vector<Value> values, Version version) {
    RowBlock rows{.type = counter, .objects = {ObjectId{7}}};
    rows.field_count = static_cast<std::uint32_t>(values.size());
    rows.values = std::move(values);
    EXPECT_TRUE(cache.stage(SubscriptionId{1}, std::move(rows)));
    cache.finish_load(SubscriptionId{1}, TypeInterest{counter}, Loading::kEager, version);
  };
  detail::Cache before;
  EXPECT_TRUE(before.learn(types(counters())));
  before.watch_changes(true);
  load(before, {Value::integer(1)}, Version{5});
  detail::Cache after(before.step());
  EXPECT_TRUE(after.learn(types(grown)));
  load(after, {Value::integer(1), Value::integer(2)}, Version{9});
  after.replace(before);
  const std::vector<Change> changes = after.take_changes();
  ASSERT_EQ(changes.size(), 1u);
  ASSERT_EQ(changes[0].changed.size(), 1u);
  EXPECT_EQ(changes[0].changed[0].fields, std::vector<FieldId>{FieldId{1}});
}

}  // namespace
}  // namespace odb::sim
