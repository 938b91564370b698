// Whether the server's memory stays where it is under a steady load: an hour's commits, at a
// thousand a second, in minutes.
#include <atomic>
#include <chrono>
#include <deque>
#include <mutex>
#include <thread>

#include "figures.h"
#include "model.h"
#include "redis_server.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "steady-load";
constexpr std::int64_t kCommits = 3'600'000;
constexpr std::int64_t kCommitsQuick = 200'000;
constexpr std::int64_t kQuarters = 4;
constexpr int kInFlight = 64;
constexpr std::size_t kObjectsKept = 10'000;
constexpr std::chrono::milliseconds kSettle{300};

// Each commit creates an object and deletes an old one. All but run() runs on the
// database's background thread.
class Churn {
 public:
  explicit Churn(Database& database) : database_(database) {}

  void run(std::int64_t commits) {
    left_ = commits;
    running_ = kInFlight;
    for (int i = 0; i < kInFlight; ++i) commit();
    for (int left = running_; left > 0; left = running_) running_.wait(left);
  }

 private:
  void commit() {
    if (left_.fetch_sub(1) <= 0) {
      --running_;
      running_.notify_one();
      return;
    }
    Transaction transaction = database_.transaction();
    const Ref<Item> item = transaction.create(make_item(++number_));
    {
      const std::lock_guard lock(mutex_);
      if (kept_.size() > kObjectsKept) {
        transaction.remove(kept_.front());
        kept_.pop_front();
      }
    }
    transaction.commit_async([this, item](const CommitOutcome& outcome) {
      check_accepted(outcome);
      {
        const std::lock_guard lock(mutex_);
        kept_.push_back(item);
      }
      commit();
    });
  }

  Database& database_;
  std::atomic<std::int64_t> left_ = 0;
  std::atomic<std::int64_t> number_ = 0;
  std::atomic<int> running_ = 0;
  std::mutex mutex_;
  std::deque<Ref<Item>> kept_;
};

void measure(Run& run, const std::string& what, std::vector<std::string> store) {
  const std::int64_t commits = run.scaled(kCommits, kCommitsQuick);
  ServerProcess server(run, {}, std::move(store));
  Worker worker = server.start_worker("steady-load", {{"commits", commits}});
  std::vector<double> mebibytes;
  for (std::int64_t i = 0; i < kQuarters; ++i) {
    static_cast<void>(worker.read());
    std::this_thread::sleep_for(kSettle);
    mebibytes.push_back(static_cast<double>(server.process().resident_bytes()) / (1024 * 1024));
    worker.write({});
  }
  static_cast<void>(worker.read());
  Line& line = run.report.line(
      kFigure, what + ": the server's memory after an hour's commits, beside a quarter's", "MiB",
      {Goal::Kind::kFloorTimes, 1.05});
  line.samples.push_back(mebibytes.back());
  line.floor_samples.push_back(mebibytes.front());
}

}  // namespace

json::object steady_load_worker(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.define(item_schema(Indexing::kNumber));
  const std::int64_t quarter = integer(arguments, "commits") / kQuarters;
  Churn churn(database);
  for (std::int64_t i = 0; i < kQuarters; ++i) {
    churn.run(quarter);
    channel.exchange({{"quarter", i + 1}});
  }
  database.disconnect();  // ends the thread that still is inside the last call
  return {};
}

// Once, whatever the repetitions: it takes minutes, and memory varies little.
void measure_steady_load(Run& run) {
  show_progress(kFigure, 1, 1);
  measure(run, "memory", {"--inmem"});
  const RedisServer redis("everysec");
  measure(run, "Redis", {"--redis", "unix:" + redis.socket()});
}

}  // namespace odb::bench
