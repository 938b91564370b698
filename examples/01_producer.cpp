// A producer: creates objects and changes them, each in a transaction of its own.
// Teaches: a plain struct is a type, connect, create, set, transact.
// Run a consumer beside it (02_consumer, or python/02_consumer.py) to see what it does.
#include <chrono>
#include <cmath>
#include <iostream>
#include <thread>

#include "arguments.h"
#include "reading.h"

int main(int argc, char** argv) try {
  const Arguments arguments = Arguments::parse(argc, argv);
  odb::Database db = odb::connect(arguments.host, arguments.port, arguments.token);
  db.subscribe(readings_schema());

  const auto end = std::chrono::steady_clock::now() + arguments.seconds;
  for (std::int64_t number = 1; std::chrono::steady_clock::now() < end; ++number) {
    odb::Transaction tx = db.transaction();
    const odb::Ref<Reading> reading =
        tx.create(Reading{.sensor = "thermometer",
                          .number = number,
                          .value = 20 + std::sin(0.3 * double(number)),
                          .made_by = "c++"});
    tx.commit();

    // A read-modify-write: runs again if somebody changes the reading in between.
    db.transact([&](odb::Transaction& t) {
      t.set<&Reading::value>(reading, std::round(10 * t.get<&Reading::value>(reading)) / 10);
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
  }
} catch (const odb::Exception& error) {
  std::cerr << "producer: " << error.what() << "\n";
  return 1;
}
