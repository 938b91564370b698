// How long a client whose link broke takes to have what it missed.
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "clock.h"
#include "figures.h"
#include "model.h"
#include "statistics.h"
#include "support/proxy.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "resume";
constexpr std::size_t kCounters = 64;
constexpr std::int64_t kMissed = 1000;
constexpr std::chrono::seconds kPatience{30};

// One reader behind a proxy, and a writer that needs none.
class Absence {
 public:
  explicit Absence(const json::object& arguments)
      : proxy_(static_cast<std::uint16_t>(integer(arguments, "port"))),
        writer_(connect_to(arguments)),
        reader_(connect_reader()) {
    writer_.define(counter_schema());
    counters_ = create_counters(writer_, kCounters);
    reader_.subscribe(counter_schema());
  }

  // From the moment that the link lets bytes pass again until everything is there: microseconds.
  double measure(std::int64_t missed) {
    proxy_.hold();
    breaks_ = false;
    back_at_ns_ = 0;
    proxy_.cut(false);
    wait([&] { return breaks_.load(); });
    for (std::int64_t i = 0; i < missed; ++i) {
      Transaction transaction = writer_.transaction();
      transaction.set<&Counter::count>(counters_[static_cast<std::size_t>(i) % kCounters],
                                       ++count_);
      transaction.commit_async([](const CommitOutcome& outcome) { check_accepted(outcome); });
    }
    const Version last = writer_.flush();
    // So that the new link stands already and only waits for the proxy.
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    const std::int64_t begin = now_ns();
    proxy_.release();
    wait([&] { return back_at_ns_.load() != 0; });
    if (reader_.version() < last) throw std::runtime_error("back without what was missed");
    return static_cast<double>(back_at_ns_ - begin) * 1e-3;
  }

 private:
  Database connect_reader() {
    ConnectOptions options;
    options.on_link = [this](const LinkEvent& event) {
      if (event.kind == LinkEvent::Kind::kConnected) back_at_ns_ = now_ns();
      if (event.kind == LinkEvent::Kind::kReconnecting) breaks_ = true;
    };
    return connect_to(proxy_.port(), std::move(options));
  }

  template <class Condition>
  static void wait(Condition&& is_so) {
    const auto until = std::chrono::steady_clock::now() + kPatience;
    while (!is_so()) {
      if (std::chrono::steady_clock::now() > until)
        throw std::runtime_error("it does not come back");
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  }

  test::Proxy proxy_;
  std::atomic<bool> breaks_ = false;
  std::atomic<std::int64_t> back_at_ns_ = 0;
  Database writer_;
  Database reader_;
  std::vector<Ref<Counter>> counters_;
  std::int64_t count_ = 0;
};

}  // namespace

json::object resume_worker(const json::object& arguments, WorkerChannel&) {
  Absence absence(arguments);
  std::vector<double> after_none;
  std::vector<double> after_many;
  for (std::int64_t i = 0; i < integer(arguments, "rounds"); ++i) {
    after_none.push_back(absence.measure(0));
    after_many.push_back(absence.measure(kMissed));
  }
  return {{"none", median(after_none)}, {"many", median(after_many)}};
}

void measure_resume(Run& run) {
  const std::int64_t rounds = run.scaled(10, 3);
  repeat(run, kFigure, [&](int) {
    const ServerProcess server(run);
    const json::object found = server.run_worker("resume", {{"rounds", rounds}});
    Line& line = run.report.line(kFigure, "after 1000 missed commits, beside after none", "us",
                                 {Goal::Kind::kFloorTimes, 2});
    line.samples.push_back(number(found, "many"));
    line.floor_samples.push_back(number(found, "none"));
  });
}

}  // namespace odb::bench
