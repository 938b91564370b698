// The server inside a program: for tests, tools and small systems, on a free port, with real TLS.
// Teaches: ServerOptions, several named tokens (who did it is part of every change), an orderly
// stop. Any other program may connect to it as to odb_server.
#include <odb/odb.h>
#include <odb/server/server.h>

#include <iostream>

struct Note {
  std::string text{};
};
BOOST_DESCRIBE_STRUCT(Note, (), (text))

int main() {
  odb::server::ServerOptions options;
  options.tokens = {{"ada", "a-token-of-ada-with-enough-characters"},
                    {"bob", "a-token-of-bob-with-enough-characters"}};
  options.limits.retained_versions_max = 1000;
  auto server = odb::server::Server::start(std::move(options));
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  std::cout << "listening on port " << (*server)->port() << "\n";

  odb::Schema schema("notes");
  schema.define<Note>(odb::index<&Note::text>());
  odb::Database ada =
      odb::connect("localhost", (*server)->port(), "a-token-of-ada-with-enough-characters");
  odb::Database bob =
      odb::connect("localhost", (*server)->port(), "a-token-of-bob-with-enough-characters");
  ada.subscribe(schema);
  bob.subscribe(schema);
  bob.on_commit([](const odb::Change& change) {
    for (const auto note : change.created_of<Note>()) {
      std::cout << "bob sees a note by " << change.actor << ": "
                << change.view.get<&Note::text>(note) << std::endl;
    }
  });

  odb::Transaction tx = ada.transaction();
  tx.create(Note{.text = "hello"});
  tx.commit();
  bob.flush();
  std::cout << "bob holds " << bob.view().lookup<&Note::text>("hello").size() << " note(s)\n";

  (*server)->stop();
  try {
    ada.flush();
  } catch (const odb::DisconnectedError& error) {
    std::cout << "after the stop: " << error.what() << "\n";
  }
}
