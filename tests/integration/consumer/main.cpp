#include <odb/odb.h>
#include <odb/server/server.h>
#include <odb/version.h>

#include <cstdint>
#include <iostream>
#include <string>

struct Note {
  std::string text{};
  std::int64_t stars = 0;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text, stars))

int main() {
  auto server = odb::server::Server::start({.host = "127.0.0.1"});
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  odb::Schema schema("notes");
  schema.define<Note>();
  odb::Database db = odb::connect("127.0.0.1", (*server)->port(), (*server)->token());
  db.subscribe(schema);
  odb::Transaction tx = db.transaction();
  tx.create(Note{.text = "installed", .stars = 5});
  tx.commit();
  odb::View view = db.view();
  for (const auto& [ref, note] : view.all<Note>()) {
    std::cout << odb::kVersionText << " " << note.text << " " << note.stars << "\n";
  }
}
