// Four writers add to one counter at the same time: each commit that meets another is refused
// whole, and `transact` runs it again. Teaches: conflicts are outcomes; what one says; nothing is
// ever lost. The server runs inside this program, so there is nothing to start first.
#include <odb/odb.h>
#include <odb/server/server.h>

#include <atomic>
#include <iostream>
#include <thread>
#include <vector>

struct Counter {
  std::int64_t value = 0;
};
BOOST_DESCRIBE_STRUCT(Counter, (), (value))

int main() {
  auto server = odb::server::Server::start({});
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  const auto connect = [&] {
    return odb::connect("localhost", (*server)->port(), (*server)->token());
  };
  odb::Schema schema("counting");
  schema.define<Counter>();

  odb::Database db = connect();
  db.subscribe(schema);
  odb::Transaction first = db.transaction();
  const odb::Ref<Counter> counter = first.create(Counter{});
  first.commit();

  // By hand: two transactions read the same version; the second to commit learns who was first.
  odb::Transaction mine = db.transaction();
  odb::Transaction other = db.transaction();
  mine.set<&Counter::value>(counter, mine.get<&Counter::value>(counter) + 1);
  other.set<&Counter::value>(counter, other.get<&Counter::value>(counter) + 1);
  mine.commit();
  try {
    other.commit();
  } catch (const odb::ConflictError& conflict) {
    std::cout << conflict.what() << "\n";
  }

  // With transact: bounded retries, with jittered pauses.
  std::atomic<int> attempts = 0;
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&] {
      odb::Database own = connect();
      own.subscribe(schema);
      for (int n = 0; n < 100; ++n) {
        own.transact([&](odb::Transaction& tx) {
          ++attempts;
          tx.set<&Counter::value>(counter, tx.get<&Counter::value>(counter) + 1);
        });
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  db.flush();
  std::cout << "400 additions took " << attempts << " attempts; the counter says "
            << db.view().get<&Counter::value>(counter) << "\n";
  return db.view().get<&Counter::value>(counter) == 401 ? 0 : 1;
}
