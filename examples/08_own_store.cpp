// A store of one's own: the server keeps its commits in a file of this program (file_store.h).
// Teaches: Store, what a server takes from it when it starts, and that everything is there again.
//
//   example_08_own_store FILE
#include <odb/odb.h>
#include <odb/server/server.h>

#include <iostream>

#include "file_store.h"

struct Entry {
  std::string text{};
};
BOOST_DESCRIBE_STRUCT(Entry, (), (text))

// Serves the file, adds an entry to what is there, and says how many there are.
int add_entry(const std::string& file) {
  odb::server::ServerOptions options;
  options.store = std::make_unique<odb::example::FileStore>(file);
  auto server = odb::server::Server::start(std::move(options));
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  odb::Schema schema("diary");
  schema.define<Entry>();
  odb::Database db = odb::connect("localhost", (*server)->port(), (*server)->token());
  db.subscribe(schema);
  odb::Transaction tx = db.transaction();
  tx.create(Entry{.text = "dear diary"});
  tx.commit();
  const odb::View view = db.view();
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : view.all<Entry>()) ++entries;
  std::cout << (*server)->store_name() << " holds " << entries << " entries\n";
  return 0;
}

int main(int argc, char** argv) {
  const std::string file = argc > 1 ? argv[1] : "diary.odb";
  if (const int failed = add_entry(file)) return failed;
  return add_entry(file);  // another server over the same file
}
