// A work queue whose claims end with the worker that made them, however it ends.
// Teaches: connections are objects, and objects may be owned by one: when the connection ends, the
// server deletes them in an ordinary commit. So a claim needs no timeout and nobody who cleans up.
#include <odb/odb.h>
#include <odb/server/server.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

struct Job {
  std::string what{};
};
BOOST_DESCRIBE_STRUCT(Job, (), (what))

// A job is taken as long as there is a claim on it.
struct Claim {
  odb::Ref<Job> job{};
  odb::Ref<odb::Connection> worker{};
};
BOOST_DESCRIBE_STRUCT(Claim, (), (job, worker))

namespace {

odb::Schema queue_schema() {
  odb::Schema schema("claims");
  schema.define<Job>();
  schema.define<Claim>(odb::unique<&Claim::job>(), odb::owned_by<&Claim::worker>());
  return schema;
}

odb::Database connect(std::uint16_t port, const std::string& token, const std::string& name) {
  odb::ConnectOptions options;
  options.name = name;
  odb::Database db = odb::connect("localhost", port, token, options);
  db.subscribe(queue_schema());
  db.subscribe(odb::core_schema());
  return db;
}

// Claims a job that nobody has; nothing when there is none.
std::optional<odb::Ref<Job>> claim(odb::Database& db) {
  const odb::Ref<odb::Connection> self = db.connection_object();
  std::optional<odb::Ref<Job>> claimed;
  db.transact([&](odb::Transaction& tx) {
    claimed.reset();
    for (const auto& [job, fields] : tx.all<Job>()) {
      if (!tx.lookup<&Claim::job>(job).empty()) continue;
      tx.create(Claim{.job = job, .worker = self});
      claimed = job;
      return;
    }
  });
  return claimed;
}

// A worker that claims a job and never gets on with it.
[[noreturn]] void stall(std::uint16_t port) {
  odb::Database db = connect(port, std::getenv("ODB_SERVICE_TOKEN"), "the worker that stalls");
  claim(db);
  for (;;) ::pause();
}

// This program again, in a process of its own.
pid_t start_stalling_worker(char* program, std::uint16_t port, const std::string& token) {
  ::setenv("ODB_SERVICE_TOKEN", token.c_str(), 1);
  std::string port_text = std::to_string(port);
  char* const arguments[] = {program, port_text.data(), nullptr};
  pid_t process = 0;
  return ::posix_spawn(&process, program, nullptr, nullptr, arguments, environ) == 0 ? process : -1;
}

// Who has claimed a job.
std::vector<std::string> workers(const odb::View& view) {
  std::vector<std::string> names;
  for (const auto& [ref, claim] : view.all<Claim>()) {
    names.push_back(view.get<&odb::Connection::name>(claim.worker));
  }
  return names;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2) stall(static_cast<std::uint16_t>(std::stoi(argv[1])));

  auto server = odb::server::Server::start({});
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  const std::uint16_t port = (*server)->port();
  odb::Database db = connect(port, (*server)->token(), "the worker that goes on");
  db.transact([](odb::Transaction& tx) { tx.create(Job{.what = "the only job"}); });

  const pid_t other = start_stalling_worker(argv[0], port, (*server)->token());
  if (other < 0) return 1;
  odb::Reactor::block_until_true(
      db, [](odb::Transaction& tx) { return tx.all<Claim>().begin() != tx.all<Claim>().end(); });
  std::cout << "the job is claimed by " << workers(db.view()).front() << "\n";
  if (claim(db)) return 1;  // nothing is left to claim

  ::kill(other, SIGKILL);
  ::waitpid(other, nullptr, 0);
  std::cout << "that worker is killed\n";

  // Its claim goes with it, and whoever waits for work sees that as any other change.
  odb::Reactor::block_until_true(
      db, [](odb::Transaction& tx) { return tx.all<Claim>().begin() == tx.all<Claim>().end(); });
  const std::optional<odb::Ref<Job>> job = claim(db);
  if (!job) return 1;
  std::cout << "the job is claimed by " << workers(db.view()).front() << "\n";
  db.transact([&](odb::Transaction& tx) { tx.remove(*job); });
}
