// How many commits a second clients get through that keep many in flight.
#include <atomic>
#include <cmath>
#include <ctime>
#include <memory>

#include "clock.h"
#include "figures.h"
#include "floor.h"
#include "model.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "commit-throughput";
constexpr int kInFlight = 64;

// Keeps one commit under way for each of its objects. All but start() runs on the database's
// background thread.
class Pipeline {
 public:
  Pipeline(Database& database, std::vector<Ref<Counter>> counters, Window window)
      : database_(database), counters_(std::move(counters)), window_(window) {}

  void start() {
    running_ = static_cast<int>(counters_.size());
    for (std::size_t i = 0; i < counters_.size(); ++i) commit(i);
  }
  void wait() const {
    for (int left = running_; left > 0; left = running_) running_.wait(left);
  }
  std::int64_t count() const { return count_; }  // inside the window
  std::int64_t total() const { return total_; }

 private:
  void commit(std::size_t place) {
    Transaction transaction = database_.transaction();
    const Ref<Counter> counter = counters_[place];
    transaction.set<&Counter::count>(counter, transaction.get<&Counter::count>(counter) + 1);
    transaction.commit_async([this, place](const CommitOutcome& outcome) {
      check_accepted(outcome);
      finished(place);
    });
  }

  void finished(std::size_t place) {
    const std::int64_t now = now_ns();
    ++total_;
    if (now >= window_.from_ns && now < window_.until_ns) ++count_;
    if (now < window_.until_ns) return commit(place);
    --running_;
    running_.notify_one();
  }

  Database& database_;
  const std::vector<Ref<Counter>> counters_;
  const Window window_;
  std::int64_t count_ = 0;
  std::int64_t total_ = 0;
  std::atomic<int> running_ = 0;
};

struct Throughput {
  double commits_per_second = 0;
  // A commit:
  double bytes_sent = 0;
  double bytes_received = 0;
  double server_cpu_us = 0;
  double client_cpu_us = 0;
};

double cpu_seconds_of_this_process() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

Throughput measure(const Run& run, const Pinning& pinning, int clients, std::int64_t window_ms) {
  ServerProcess server(run, pinning.server_cpu);
  const double cpu_before = server.process().cpu_seconds();
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < clients; ++i) {
    workers.push_back(std::make_unique<Worker>(
        "commit-throughput", json::object{{"port", server.port()}}, pinning.client_cpu, run.token));
  }
  const WindowResults found = measure_in_window(workers, window_ms);
  const double commits = found.total("total");
  return {.commits_per_second = found.per_second(),
          .bytes_sent = found.total("sent") / commits,
          .bytes_received = found.total("received") / commits,
          .server_cpu_us = (server.process().cpu_seconds() - cpu_before) * 1e6 / commits,
          .client_cpu_us = found.total("cpu_seconds") * 1e6 / commits};
}

}  // namespace

json::object commit_throughput_worker(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  database.define(counter_schema());
  std::vector<Ref<Counter>> counters = create_counters(database, kInFlight);
  database.subscribe(objects(counters));
  const Window window = agree_on_window(channel);
  const LinkBytes before = link_bytes();
  const double cpu_before = cpu_seconds_of_this_process();
  Pipeline pipeline(database, std::move(counters), window);
  pipeline.start();
  pipeline.wait();
  const LinkBytes used = link_bytes() - before;
  database.disconnect();  // ends the thread that still is inside the pipeline's last call
  return {{"count", pipeline.count()},
          {"total", pipeline.total()},
          {"sent", used.sent},
          {"received", used.received},
          {"cpu_seconds", cpu_seconds_of_this_process() - cpu_before}};
}

void measure_commit_throughput(Run& run) {
  const std::int64_t window_ms = run.scaled(2'000, 500);
  for (const int clients : {1, 4}) {
    const std::string who = std::to_string(clients) + (clients == 1 ? " client" : " clients");
    const Throughput sizes = measure(run, {}, clients, window_ms);
    const FloorTraffic traffic{.request_bytes = std::llround(sizes.bytes_sent),
                               .answer_bytes = std::llround(sizes.bytes_received),
                               .clients = clients,
                               .in_flight = kInFlight};
    repeat(run, std::string(kFigure) + ", " + who, [&](int) {
      for (const Pinning& pinning : pinnings()) {
        const double floor = measure_floor_throughput(traffic, pinning, window_ms);
        const Throughput odb = measure(run, pinning, clients, window_ms);
        Line& line = run.report.line(kFigure, who + ", " + pinning.name, "commits/s",
                                     {Goal::Kind::kAtLeast, 100'000});
        line.samples.push_back(odb.commits_per_second);
        line.floor_samples.push_back(floor);
        if (pinning.server_cpu) continue;
        run.report.line(kFigure, who + ", processor time of the server a commit", "us")
            .samples.push_back(odb.server_cpu_us);
        run.report.line(kFigure, who + ", processor time of the client a commit", "us")
            .samples.push_back(odb.client_cpu_us);
      }
    });
  }
}

}  // namespace odb::bench
