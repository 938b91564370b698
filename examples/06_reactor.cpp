// A reactor keeps a summary right: how many orders are open, and what they are worth together.
// Teaches: a function that runs again whenever a commit touches what it read, and for nothing else;
// writing only what differs, so that it comes to rest; waiting until a condition is true.
#include <odb/odb.h>
#include <odb/server/server.h>

#include <atomic>
#include <iostream>

enum class State { open, paid };
BOOST_DESCRIBE_ENUM(State, open, paid)

struct Order {
  State state = State::open;
  std::int64_t cents = 0;
  std::string note{};
};
BOOST_DESCRIBE_STRUCT(Order, (), (state, cents, note))

struct Summary {
  std::int64_t open_orders = 0;
  std::int64_t cents = 0;
};
BOOST_DESCRIBE_STRUCT(Summary, (), (open_orders, cents))

namespace {

odb::Schema shop_schema() {
  odb::Schema schema("shop");
  schema.define<Order>(odb::index<&Order::state>());
  schema.define<Summary>();
  return schema;
}

}  // namespace

int main() {
  auto server = odb::server::Server::start({});
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  odb::Database db = odb::connect("localhost", (*server)->port(), (*server)->token());
  db.subscribe(shop_schema());

  odb::Ref<Summary> summary;
  odb::Ref<Order> big;
  db.transact([&](odb::Transaction& tx) {
    summary = tx.create(Summary{});
    big = tx.create(Order{.cents = 50'000});
  });

  std::atomic<int> runs = 0;
  odb::Reactor reactor(db, [&](odb::Transaction& tx) {
    ++runs;
    Summary now;
    for (const odb::Ref<Order> order : tx.lookup<&Order::state>(State::open)) {
      ++now.open_orders;
      now.cents += tx.get<&Order::cents>(order);
    }
    const Summary before = tx.get(summary);
    if (before.open_orders != now.open_orders || before.cents != now.cents) {
      tx.update(summary, now);
    }
  });

  const auto wait_for = [&](std::int64_t open_orders, std::int64_t cents) {
    odb::Reactor::block_until_true(db, [&](odb::Transaction& tx) {
      const Summary now = tx.get(summary);
      return now.open_orders == open_orders && now.cents == cents;
    });
    std::cout << open_orders << " open orders, " << cents << " cents\n";
  };
  wait_for(1, 50'000);
  db.transact([&](odb::Transaction& tx) {
    for (int i = 1; i <= 10; ++i) tx.create(Order{.cents = i * 100});
  });
  wait_for(11, 55'500);
  db.transact([&](odb::Transaction& tx) { tx.set<&Order::state>(big, State::paid); });
  wait_for(10, 5'500);

  reactor.stop();
  const int so_far = runs;
  reactor.start();  // begins with a run, which finds nothing to write
  for (int i = 0; i < 100; ++i) {
    // The reactor reads neither notes nor paid orders: it sleeps through these.
    db.transact([&](odb::Transaction& tx) {
      tx.set<&Order::note>(tx.lookup<&Order::state>(State::open).front(), std::to_string(i));
      tx.set<&Order::cents>(big, i);
    });
  }
  reactor.stop();
  std::cout << "100 commits beside what it reads: " << runs - so_far << " run, the first\n";
  return runs - so_far <= 1 ? 0 : 1;
}
