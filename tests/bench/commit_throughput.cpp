// How many commits a second clients get through that keep many in flight.
#include "commit_throughput.h"

#include <cmath>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "figures.h"
#include "pipeline.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "commit-throughput";
constexpr int kInFlight = 64;

double cpu_seconds_of_this_process() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

std::vector<Ref<Note>> create_notes(Database& database, std::size_t count) {
  std::vector<Ref<Note>> notes;
  Transaction transaction = database.transaction();
  for (std::size_t i = 0; i < count; ++i) {
    notes.push_back(transaction.create(Note{std::string(kNoteTextBytes, 'a'), 0}));
  }
  transaction.commit();
  return notes;
}

// Writes the text, and moves the object on to the next value of the index.
Pipeline::Write edit_of(std::vector<Ref<Note>> notes) {
  return [notes = std::move(notes)](Transaction& transaction, std::size_t place) {
    const Ref<Note> note = notes[place];
    const std::int64_t status = (transaction.get<&Note::status>(note) + 1) % kNoteStatuses;
    transaction.set<&Note::status>(note, status);
    transaction.set<&Note::text>(note,
                                 std::string(kNoteTextBytes, static_cast<char>('a' + status % 26)));
  };
}

// Prepares objects of its own for each commit under way, and what commits do to them.
Pipeline::Write prepare(Database& database, CommitKind kind, std::size_t in_flight,
                        std::size_t counters_each) {
  if (kind == CommitKind::kIndexed) {
    database.define(note_schema());
    std::vector<Ref<Note>> notes = create_notes(database, in_flight);
    database.subscribe(objects(notes));
    return edit_of(std::move(notes));
  }
  database.define(counter_schema());
  std::vector<Ref<Counter>> counters = create_counters(database, in_flight * counters_each);
  database.subscribe(objects(counters));
  return increment_of(std::move(counters), in_flight);
}

}  // namespace

Pipeline::Write increment_of(std::vector<Ref<Counter>> counters, std::size_t in_flight) {
  std::vector<std::size_t> turns(in_flight);
  for (std::size_t place = 0; place < in_flight; ++place) turns[place] = place;
  return [counters = std::move(counters), turns = std::move(turns), in_flight](
             Transaction& transaction, std::size_t place) mutable {
    const Ref<Counter> counter = counters[turns[place]];
    turns[place] += in_flight;
    if (turns[place] >= counters.size()) turns[place] = place;
    transaction.set<&Counter::count>(counter, transaction.get<&Counter::count>(counter) + 1);
  };
}

json::object commit_throughput_worker(const json::object& arguments, WorkerChannel& channel) {
  Database database = connect_to(arguments);
  const auto in_flight = static_cast<std::size_t>(integer(arguments, "in_flight"));
  const auto kind = static_cast<CommitKind>(integer(arguments, "kind"));
  const auto counters = static_cast<std::size_t>(integer(arguments, "counters"));
  Pipeline pipeline(database, in_flight, prepare(database, kind, in_flight, counters));
  const Window window = agree_on_window(channel);
  const LinkBytes before = link_bytes();
  const double cpu_before = cpu_seconds_of_this_process();
  pipeline.run_during(window);
  const LinkBytes used = link_bytes() - before;
  database.disconnect();
  if (pipeline.samples().empty()) throw std::runtime_error("no commit ended inside the window");
  const Percentiles found = percentiles(pipeline.samples());
  return {{"count", pipeline.samples().size()},
          {"total", pipeline.total()},
          {"p50", found.p50_us},
          {"p99", found.p99_us},
          {"p999", found.p999_us},
          {"sent", used.sent},
          {"received", used.received},
          {"cpu_seconds", cpu_seconds_of_this_process() - cpu_before}};
}

Throughput measure_throughput(const Run& run, const Pinning& pinning, const CommitLoad& load,
                              std::int64_t window_ms, std::vector<std::string> store) {
  ServerProcess server(run, pinning.server_cpu, std::move(store));
  const double cpu_before = server.process().cpu_seconds();
  const json::object arguments{{"port", server.port()},
                               {"in_flight", load.in_flight},
                               {"counters", load.counters},
                               {"kind", static_cast<std::int64_t>(load.kind)}};
  const Workers workers =
      start_workers(load.clients, "commit-throughput", arguments, pinning.client_cpu, run.token);
  const WindowResults found = measure_in_window(workers, window_ms);
  const double commits = found.total("total");
  Throughput throughput;
  throughput.commits_per_second = found.per_second();
  throughput.commits = static_cast<std::int64_t>(commits);
  throughput.latency = found.median_latency();
  throughput.bytes_sent = found.total("sent") / commits;
  throughput.bytes_received = found.total("received") / commits;
  throughput.server_cpu_us = (server.process().cpu_seconds() - cpu_before) * 1e6 / commits;
  throughput.client_cpu_us = found.total("cpu_seconds") * 1e6 / commits;
  return throughput;
}

FloorTraffic traffic_of(const Throughput& throughput, const CommitLoad& load) {
  FloorTraffic traffic;
  traffic.request_bytes = std::llround(throughput.bytes_sent);
  traffic.answer_bytes = std::llround(throughput.bytes_received);
  traffic.clients = load.clients;
  traffic.in_flight = load.in_flight;
  return traffic;
}

void measure_commit_throughput(Run& run) {
  const std::int64_t window_ms = run.scaled(2'000, 500);
  for (const int clients : {1, 4}) {
    const std::string who = std::to_string(clients) + (clients == 1 ? " client" : " clients");
    const CommitLoad load{CommitKind::kCounter, clients, kInFlight};
    const FloorTraffic traffic = traffic_of(measure_throughput(run, {}, load, window_ms), load);
    repeat(run, std::string(kFigure) + ", " + who, [&](int) {
      for (const Pinning& pinning : pinnings()) {
        const double floor = measure_floor_throughput(traffic, pinning, window_ms);
        const Throughput odb = measure_throughput(run, pinning, load, window_ms);
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
