#include "loop.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <utility>

#include "odb/net/authentication.h"

namespace odb::crash {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr int kStallMax = 2'000;  // ms
constexpr int kLinksOneIn = 5;    // rounds, without Redis
constexpr int kCounters = 8;
constexpr int kRegisters = 6;
constexpr int kPairs = 6;
constexpr int kListsPerRound = 160;
constexpr int kLedgersPerClient = 16;
constexpr seconds kBackTimeout{30};  // until the server takes commits again
// Most clients wait for the server to come back. Some are told instead that an outcome is unknown.
constexpr milliseconds kPatient{20'000};
constexpr milliseconds kImpatient{30};
constexpr int kAnImpatientOneIn = 4;

const char* name_of(Victim victim) {
  switch (victim) {
    case Victim::kServer:
      return "server";
    case Victim::kRedis:
      return "Redis";
    case Victim::kBoth:
      return "both";
    case Victim::kLinks:
      return "links";
    case Victim::kStall:
      return "Redis for a while";
  }
  return "?";
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

void Tally::add(const Tally& other) {
  for (const auto member :
       {&Tally::acknowledged, &Tally::conflicts, &Tally::refused, &Tally::unknown,
        &Tally::unknown_but_done, &Tally::answered_late, &Tally::looks, &Tally::links_lost}) {
    this->*member += other.*member;
  }
}

std::string Tally::to_string() const {
  return std::to_string(acknowledged) + " acknowledged (" + std::to_string(answered_late) +
         " after their link broke), " + std::to_string(conflicts) + " conflicts, " +
         std::to_string(refused) + " refused while away, " + std::to_string(unknown) +
         " unknown (" + std::to_string(unknown_but_done) + " done), " + std::to_string(looks) +
         " looks, " + std::to_string(links_lost) + " links lost";
}

Loop::Loop(const Options& options, const std::filesystem::path& folder)
    : options_(options),
      token_(net::make_token()),
      random_(options.seed),
      system_(options, folder, token_) {
  set_the_stage();
  proxy_.emplace(system_.port());
  for (int i = 0; i < options_.clients; ++i) {
    const bool is_impatient = i % kAnImpatientOneIn == kAnImpatientOneIn - 1;
    workers_.push_back(std::make_unique<Worker>(
        WorkerOptions{.number = i,
                      .port = i % 2 == 0 ? system_.port() : proxy_->port(),
                      .token = token_,
                      .seed = random_(),
                      .in_flight_max = options_.commits_in_flight,
                      .offline_wait = is_impatient ? kImpatient : kPatient},
        stage_, clock_, findings_));
  }
  partial_.emplace(connect());
  partial_->define(crash_schema());
  partial_->subscribe(where<&Item::group>(std::string(kGroups[0])));
  lazy_.emplace(connect());
  lazy_->define(crash_schema());
  lazy_->subscribe(type<Item>(), Loading::kLazy);
}

Database Loop::connect() const {
  ConnectOptions options;
  options.retry = true;
  options.timeout = seconds(30);
  options.offline_wait = kPatient;
  options.name = "crash loop";
  return odb::connect("127.0.0.1", system_.port(), token_, options);
}

void Loop::set_the_stage() {
  Database db = connect();
  db.subscribe(crash_schema());
  Transaction transaction = db.transaction();
  for (int i = 0; i < kCounters; ++i) stage_.counters.push_back(transaction.create(Counter{}));
  for (int i = 0; i < kRegisters; ++i) stage_.registers.push_back(transaction.create(Register{}));
  for (int i = 0; i < kPairs; ++i) {
    const Half half{.pair = i, .value = 0};
    const Ref<Half> left = transaction.create(half);
    stage_.pairs.emplace_back(left, transaction.create(half));
  }
  version_ = transaction.commit();
  history_ = db.history();
  expected_.emplace(stage_);
}

std::vector<std::string> Loop::run() {
  Tally sum;
  const auto begin = Clock::now();
  for (int round = 1; round <= options_.rounds; ++round) {
    const auto round_begin = Clock::now();
    const Victim victim = next_victim(round);
    begin_round();
    work_and_kill(victim);
    system_.check_healthy();
    const Tally tally = check_round();
    sum.add(tally);
    std::printf("round %d, %s gone: %s; version %llu; %.1f s\n", round, name_of(victim),
                tally.to_string().c_str(), static_cast<unsigned long long>(version_.value),
                seconds_since(round_begin));
    std::fflush(stdout);
    std::vector<std::string> found = findings_.take();
    if (!found.empty()) return found;
  }
  std::printf(
      "%d rounds; killed %d times the server, %d times Redis, %d times both; links cut %d times, "
      "Redis "
      "stalled %d times; %s; %.0f s\n",
      options_.rounds, kills_[0], kills_[1], kills_[2], kills_[3], kills_[4],
      sum.to_string().c_str(), seconds_since(begin));
  return {};
}

// ---- a round ----

Victim Loop::next_victim(int round) {
  switch (options_.mode) {
    case Mode::kServer:
      return Victim::kServer;
    case Mode::kRedis:
      return Victim::kRedis;
    case Mode::kBoth:
      return Victim::kBoth;
    case Mode::kLinks:
      return Victim::kLinks;
    case Mode::kStall:
      return Victim::kStall;
    case Mode::kMixed:
      if (options_.store != StoreKind::kRedis) {
        return round % kLinksOneIn == 0 ? Victim::kLinks : Victim::kServer;
      }
      return static_cast<Victim>(static_cast<std::size_t>(round) % kVictims);
  }
  return Victim::kServer;
}

void Loop::begin_round() {
  round_ = std::make_unique<Round>();
  Database db = connect();
  db.subscribe(crash_schema());
  Transaction transaction = db.transaction();
  for (int i = 0; i < kListsPerRound; ++i) round_->lists.push_back(transaction.create(List{}));
  for (int client = 0; client < options_.clients; ++client) {
    auto& ledgers = round_->ledgers.emplace_back();
    for (int i = 0; i < kLedgersPerClient; ++i) {
      ledgers.push_back(transaction.create(Ledger{.client = client}));
    }
  }
  transaction.commit();
  for (const auto& worker : workers_) {
    worker->catch_up();
    worker->begin_round(*round_);
  }
}

void Loop::work_and_kill(Victim victim) {
  std::atomic<bool> stop = false;
  std::vector<std::thread> threads;
  for (const auto& worker : workers_) {
    threads.emplace_back([&] { worker->work(stop); });
  }
  const auto between = [&](int low, int high) {
    return milliseconds(low + static_cast<int>(test::below(
                                  random_, static_cast<std::size_t>(std::max(1, high - low)))));
  };
  try {
    std::this_thread::sleep_for(between(options_.load_ms_min, options_.load_ms_max));
    kill_and_start(victim, between(0, victim == Victim::kStall ? kStallMax : 200));
    // Sometimes again, while clients and server are still taking up where they were.
    while (test::below(random_, 3) == 0) {
      std::this_thread::sleep_for(between(0, 100));
      kill_and_start(victim, between(0, 50));
    }
    std::this_thread::sleep_for(between(100, 400));
  } catch (const std::exception& error) {
    findings_.add(error.what());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
}

void Loop::kill_and_start(Victim victim, milliseconds pause) {
  ++kills_[static_cast<std::size_t>(victim)];
  if (victim == Victim::kLinks) proxy_->cut(true);
  system_.kill(victim);
  std::this_thread::sleep_for(pause);
  system_.start(victim);
  proxy_->allow();
}

// What was under way when its link broke may still take effect until its client has a new one, and
// what the store has not confirmed until something later is durable.
void Loop::let_everything_end(Database& fresh) {
  for (const auto& worker : workers_) worker->catch_up();
  const auto deadline = Clock::now() + kBackTimeout;
  for (;;) {
    Transaction transaction = fresh.transaction();
    transaction.add<&Counter::value>(stage_.counters.front(), 0);
    const CommitOutcome outcome = transaction.try_commit();
    if (std::holds_alternative<Accepted>(outcome)) return;
    if (Clock::now() > deadline) throw std::runtime_error("the server takes no commits any more");
    std::this_thread::sleep_for(milliseconds(20));
  }
}

// So that the database does not grow with the rounds.
void Loop::clean_up(Database& fresh) {
  Transaction transaction = fresh.transaction();
  for (const auto& [list, elements] : lists_before_) transaction.remove(list);
  lists_before_.clear();
  for (const auto& ledgers : round_->ledgers) {
    for (const Ref<Ledger> ledger : ledgers) transaction.remove(ledger);
  }
  for (const Ref<List> list : round_->lists) {
    lists_before_[list] = transaction.get<&List::elements>(list);
  }
  version_ = transaction.commit();
}

}  // namespace odb::crash
