// Many small commits in flight, beside the bare loop and beside Redis with as many.
#include <string>
#include <vector>

#include "bare_loop.h"
#include "commit_throughput.h"
#include "figures.h"
#include "redis_load.h"

namespace odb::bench {

namespace {

struct Subject {
  std::string figure;
  CommitKind kind = CommitKind::kCounter;
  RedisWork peer = RedisWork::kChecked;
  Goal peer_goal;
  Goal floor_goal;
};

std::string text_of(const CommitLoad& load) {
  return std::to_string(load.clients) + (load.clients == 1 ? " client" : " clients") + " x " +
         std::to_string(load.in_flight);
}

void measure(Run& run, const Subject& subject) {
  const std::int64_t window_ms = run.scaled(2'000, 500);
  for (const CommitLoad& load :
       {CommitLoad{subject.kind, 4, 64}, CommitLoad{subject.kind, 1, 256}}) {
    const FloorTraffic traffic = traffic_of(measure_throughput(run, {}, load, window_ms), load);
    repeat(run, subject.figure + ", " + text_of(load), [&](int) {
      for (const Pinning& pinning : pinnings()) {
        const double bare = measure_bare_loop(traffic, pinning, window_ms);
        const Throughput odb = measure_throughput(run, pinning, load, window_ms);
        const Throughput redis =
            measure_redis_throughput(run, subject.peer, pinning, load, window_ms);
        Line& line = run.report.line(subject.figure, text_of(load) + ", " + pinning.name,
                                     "commits/s", subject.peer_goal, subject.floor_goal);
        line.samples.push_back(odb.commits_per_second);
        line.floor_samples.push_back(bare);
        line.peer_samples.push_back(redis.commits_per_second);
      }
    });
  }
}

}  // namespace

void measure_pipelined(Run& run) {
  Subject subject;
  subject.figure = "pipelined";
  subject.peer_goal = {Goal::Kind::kPeerAtLeast, 3};
  subject.floor_goal = {Goal::Kind::kFloorAtLeast, 0.4};
  measure(run, subject);
  // What else Redis can do with as many in flight.
  const CommitLoad load{CommitKind::kCounter, 4, 64};
  const std::int64_t window_ms = run.scaled(2'000, 500);
  repeat(run, "pipelined, Redis alone", [&](int) {
    run.report.line("pipelined", "bare SET, 4 clients x 64, unpinned", "commits/s")
        .peer_samples.push_back(
            measure_redis_throughput(run, RedisWork::kSet, {}, load, window_ms).commits_per_second);
    run.report.line("pipelined", "XADD of 100 bytes, 4 clients x 64, unpinned", "commits/s")
        .peer_samples.push_back(
            measure_redis_throughput(run, RedisWork::kStream, {}, load, window_ms)
                .commits_per_second);
  });
}

void measure_indexed(Run& run) {
  Subject subject;
  subject.figure = "indexed";
  subject.kind = CommitKind::kIndexed;
  subject.peer = RedisWork::kIndexed;
  subject.peer_goal = {Goal::Kind::kPeerAtLeast, 2};
  measure(run, subject);
}

}  // namespace odb::bench
