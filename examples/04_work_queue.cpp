// A work queue: workers look for open jobs by an index, claim one, do it, and mark it done.
// Teaches: index look-ups inside a transaction; two workers that claim one job conflict, so none is
// done twice; waiting for work by waking on commits instead of polling.
#include <odb/odb.h>
#include <odb/server/server.h>

#include <condition_variable>
#include <iostream>
#include <mutex>
#include <thread>
#include <vector>

enum class Status { open, claimed, done };
BOOST_DESCRIBE_ENUM(Status, open, claimed, done)

struct Job {
  std::string what{};
  Status status = Status::open;
  std::string worker{};
};
BOOST_DESCRIBE_STRUCT(Job, (), (what, status, worker))

namespace {

odb::Schema queue_schema() {
  odb::Schema schema("queue");
  schema.define<Job>(odb::index<&Job::status>());
  return schema;
}

// Claims an open job; nothing when there is none. Which one was claimed is decided by the commit.
std::optional<odb::Ref<Job>> claim(odb::Database& db, const std::string& worker) {
  std::optional<odb::Ref<Job>> claimed;
  db.transact([&](odb::Transaction& tx) {
    claimed = tx.lookup_any<&Job::status>(Status::open);
    if (!claimed) return;
    tx.set<&Job::status>(*claimed, Status::claimed);
    tx.set<&Job::worker>(*claimed, worker);
  });
  return claimed;
}

void work(odb::Database& db, const std::string& name, std::size_t jobs) {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t changes = 0;
  db.on_commit([&](const odb::Change&) {
    const std::lock_guard lock(mutex);
    ++changes;
    changed.notify_one();
  });
  std::uint64_t seen = 0;
  while (db.view().lookup<&Job::status>(Status::done).size() < jobs) {
    {
      const std::lock_guard lock(mutex);
      seen = changes;
    }
    if (const auto job = claim(db, name)) {
      db.transact([&](odb::Transaction& tx) { tx.set<&Job::status>(*job, Status::done); });
      continue;
    }
    std::unique_lock lock(mutex);
    changed.wait_for(lock, std::chrono::seconds(1), [&] { return changes > seen; });
  }
  db.disconnect();  // no handler runs after this
}

}  // namespace

int main() {
  auto server = odb::server::Server::start({});
  if (!server) {
    std::cerr << server.error().message << "\n";
    return 1;
  }
  const auto connect = [&] {
    odb::Database db = odb::connect("localhost", (*server)->port(), (*server)->token());
    db.subscribe(queue_schema());
    return db;
  };

  constexpr std::size_t kJobs = 100;
  odb::Database db = connect();
  std::vector<std::thread> workers;
  for (const char* name : {"ada", "bob", "eve"}) {
    workers.emplace_back([&, name] {
      odb::Database own = connect();
      work(own, name, kJobs);
    });
  }
  for (std::size_t i = 0; i < kJobs; ++i) {
    odb::Transaction tx = db.transaction();
    tx.create(Job{.what = "job " + std::to_string(i)});
    tx.commit();
  }
  for (std::thread& worker : workers) worker.join();

  db.flush();
  std::map<std::string, int> shares;
  for (const auto& [ref, job] : db.view().all<Job>()) ++shares[job.worker];
  for (const auto& [worker, jobs] : shares) std::cout << worker << " did " << jobs << " jobs\n";
}
