// A consumer: subscribes to a schema and prints every object as it is created or changed, by
// anyone. Teaches: subscribe, on_commit, the view that comes with each change, reading fields. It
// sees what the Python producer makes as well as what the C++ one does.
#include <chrono>
#include <iostream>
#include <thread>

#include "arguments.h"
#include "reading.h"

int main(int argc, char** argv) try {
  const Arguments arguments = Arguments::parse(argc, argv);
  odb::Database db = odb::connect(arguments.host, arguments.port, arguments.token);
  db.subscribe(readings_schema());

  const auto print = [](const odb::Change& change, const char* what, odb::Ref<Reading> ref) {
    const Reading reading = change.view.get<Reading>(ref);
    std::cout << "c++ consumer: version " << change.version.value << " by " << change.actor << " "
              << what << " " << reading.sensor << " #" << reading.number << " = " << reading.value
              << " (made by " << reading.made_by << ")" << std::endl;
  };
  db.on_commit([&](const odb::Change& change) {
    for (const auto ref : change.created_of<Reading>()) print(change, "created", ref);
    for (const auto ref : change.changed_of<Reading>()) print(change, "changed", ref);
  });

  const auto end = std::chrono::steady_clock::now() + arguments.seconds;
  while (db.is_connected() && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  const odb::View view = db.view();
  std::cout << "c++ consumer: " << view.lookup<&Reading::made_by>("python").size()
            << " readings made by python, " << view.lookup<&Reading::made_by>("c++").size()
            << " by c++" << std::endl;
} catch (const odb::Exception& error) {
  std::cerr << "consumer: " << error.what() << "\n";
  return 1;
}
