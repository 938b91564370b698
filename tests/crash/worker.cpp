#include "worker.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <thread>
#include <utility>

namespace odb::crash {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kAnswerTimeout{60};     // every commit is answered by then
constexpr milliseconds kRefusedPause{3};  // before the next try, when the server cannot commit
constexpr std::size_t kOwnItemsMax = 20;
constexpr std::uint64_t kElementsPerWindow = 40;
constexpr std::size_t kListsPerWindow = 4;

// Of a server that goes and comes back. Too old: it remembers no versions from before it started.
bool is_to_be_expected(ErrorCode refusal) {
  return refusal == ErrorCode::kUnavailable || refusal == ErrorCode::kDisconnected ||
         refusal == ErrorCode::kTooOld;
}

ConnectOptions connect_options(const WorkerOptions& options,
                               std::function<void(const LinkEvent&)> on_link) {
  ConnectOptions connect;
  connect.retry = true;
  connect.timeout = seconds(30);
  connect.offline_wait = options.offline_wait;
  connect.on_link = std::move(on_link);
  connect.name = "crash loop client " + std::to_string(options.number);
  return connect;
}

}  // namespace

Worker::Worker(const WorkerOptions& options, const Stage& stage, list_append::Clock& clock,
               Findings& findings)
    : options_(options), stage_(stage), clock_(clock), findings_(findings), random_(options.seed) {
  database_.emplace(
      odb::connect("127.0.0.1", options_.port, options_.token,
                   connect_options(options_, [this](const LinkEvent& event) { on_link(event); })));
  database_->subscribe(crash_schema());
  for (const auto& [item, content] : database_->view().all<Item>()) told_items_[item] = content;
  database_->on_commit([this](const Change& change) { on_change(change); });
}

void Worker::begin_round(Round& round) {
  round_ = &round;
  links_lost_ = 0;
  const std::lock_guard lock(mutex_);
  deeds_.clear();
}

void Worker::catch_up() {
  const auto deadline = std::chrono::steady_clock::now() + kAnswerTimeout;
  for (;;) {
    try {
      database_->flush();
      return;
    } catch (const DisconnectedError&) {  // it does not wait for long by itself
      if (std::chrono::steady_clock::now() > deadline) throw;
      std::this_thread::sleep_for(kRefusedPause);
    }
  }
}

void Worker::fail(const std::string& what) {
  findings_.add("client " + std::to_string(options_.number) + ": " + what);
}

// ---- what it is told ----

void Worker::on_link(const LinkEvent& event) {
  if (event.new_history) fail("was told of a new history");
  if (event.kind == LinkEvent::Kind::kGone) fail("its connection is gone: " + event.reason.message);
  if (event.kind != LinkEvent::Kind::kReconnecting) return;
  ++links_lost_;
  const std::lock_guard lock(mutex_);
  for (Deed& deed : deeds_) deed.was_interrupted = deed.was_interrupted || !deed.is_told;
}

void Worker::on_change(const Change& change) {
  const std::lock_guard lock(mutex_);
  if (change.version <= told_version_) {
    fail("was told of version " + std::to_string(change.version.value) + " after version " +
         std::to_string(told_version_.value));
  }
  told_version_ = change.version;
  for (const Ref<Item> item : change.created_of<Item>()) {
    if (!told_items_.emplace(item, change.view.get(item)).second) {
      fail("was told twice that item " + change.view.get<&Item::name>(item) + " was created");
    }
  }
  for (const Ref<Item> item : change.deleted_of<Item>()) {
    if (told_items_.erase(item) == 0) fail("was told that an item is gone that it did not know");
  }
}

std::map<ObjectRef, Item> Worker::told_items() const {
  const std::lock_guard lock(mutex_);
  return told_items_;
}

void Worker::on_told(Deed& deed, const CommitOutcome& outcome) {
  const std::lock_guard lock(mutex_);
  if (deed.is_told) fail("was told an outcome twice");
  deed.is_told = true;
  deed.noted.ended = clock_.now();
  deed.noted.outcome = list_append::Outcome::kFailed;
  is_refused_ = false;
  if (const auto* accepted = std::get_if<Accepted>(&outcome)) {
    deed.version = accepted->version;
    deed.noted.outcome = list_append::Outcome::kCommitted;
  } else if (const auto* error = std::get_if<Error>(&outcome)) {
    deed.refused_with = error->code;
    is_refused_ = true;
    if (error->code == ErrorCode::kOutcomeUnknown) {
      deed.noted.outcome = list_append::Outcome::kUnknown;
    } else if (!is_to_be_expected(error->code)) {
      fail("transaction " + std::to_string(deed.number) + " was refused: " + error->message);
    }
  } else {
    deed.refused_with = ErrorCode::kConflict;
  }
  --in_flight_;
  told_.notify_one();
}

// ---- what it does ----

void Worker::work(const std::atomic<bool>& stop) {
  try {
    while (!stop) step();
    wait_for_room(1);
  } catch (const std::exception& error) {
    fail(std::string("thrown: ") + error.what());
  }
}

void Worker::wait_for_room(std::size_t in_flight_max) {
  std::unique_lock lock(mutex_);
  if (!told_.wait_for(lock, kAnswerTimeout, [&] { return in_flight_ < in_flight_max; })) {
    fail("a commit is not answered in " + std::to_string(kAnswerTimeout.count()) + " s");
  }
}

void Worker::step() {
  wait_for_room(static_cast<std::size_t>(options_.in_flight_max));
  bool is_refused = false;
  {
    const std::lock_guard lock(mutex_);
    is_refused = std::exchange(is_refused_, false);
  }
  if (is_refused) std::this_thread::sleep_for(kRefusedPause);
  if (test::below(random_, 100) < 10) {
    look();
  } else {
    write();
  }
}

list_append::Transaction Worker::begin_note() {
  list_append::Transaction noted;
  noted.process = {static_cast<std::uint64_t>(options_.number)};
  noted.begun = clock_.now();
  noted.name = "client " + std::to_string(options_.number) + " transaction " +
               std::to_string(++last_number_);
  return noted;
}

// Reads lists, sometimes all that was committed before.
void Worker::look() {
  std::optional<list_append::Moment> flushed_since;
  if (test::below(random_, 4) == 0) {
    flushed_since = clock_.now();
    try {
      database_->flush();
    } catch (const DisconnectedError&) {
      flushed_since.reset();  // offline for longer than it wants to wait
    }
  }
  Deed deed;
  deed.noted = begin_note();
  deed.number = last_number_;
  deed.noted.strict_since = flushed_since;
  Transaction transaction = database_->transaction();
  if (transaction.version() < last_seen_) fail("its versions went back");
  last_seen_ = transaction.version();
  for (int i = 0; i < 3; ++i) read_list(transaction, deed.noted);
  transaction.abort();
  deed.noted.ended = clock_.now();
  deed.noted.outcome = list_append::Outcome::kCommitted;
  deed.is_told = true;
  const std::lock_guard lock(mutex_);
  deeds_.push_back(std::move(deed));
}

void Worker::write() {
  Deed deed;
  deed.noted = begin_note();
  deed.number = last_number_;
  deed.noted.strict_since = deed.noted.begun;
  Transaction transaction = database_->transaction();
  try {
    fill(transaction, deed);
  } catch (const DisconnectedError&) {
    return;  // no identity for a new object is left, and none to be had
  }
  const auto& ledgers = round_->ledgers[static_cast<std::size_t>(options_.number)];
  transaction.append<&Ledger::numbers>(test::pick(random_, ledgers), deed.number);
  Deed* kept = nullptr;
  {
    const std::lock_guard lock(mutex_);
    ++in_flight_;
    kept = &deeds_.emplace_back(std::move(deed));
  }
  commit(std::move(transaction), *kept);
}

void Worker::fill(Transaction& transaction, Deed& deed) {
  const std::size_t what = test::below(random_, 100);
  if (what < 40) {
    add(transaction, deed);
  } else if (what < 50) {
    raise(transaction, deed);
  } else if (what < 60) {
    pair(transaction, deed);
  } else if (what < 75) {
    if (own_items_.size() < kOwnItemsMax) {
      create(transaction, deed);
    } else {
      remove(transaction, deed);
    }
  }
  if (what < 60 && test::below(random_, 3) > 0) return;
  for (std::size_t count = 1 + test::below(random_, 3); count > 0; --count) {
    if (test::below(random_, 3) == 0) {
      append_to_list(transaction, deed.noted);
    } else {
      read_list(transaction, deed.noted);
    }
  }
}

void Worker::commit(Transaction transaction, Deed& deed) {
  transaction.commit_async([this, &deed](const CommitOutcome& outcome) { on_told(deed, outcome); });
}

// ---- parts of transactions ----

// One of a few that move on, so that none grows long.
Ref<List> Worker::some_list() {
  const std::size_t windows = round_->lists.size() / kListsPerWindow;
  const std::size_t window =
      std::min<std::size_t>(round_->elements / kElementsPerWindow, windows - 1);
  return round_->lists[window * kListsPerWindow + test::below(random_, kListsPerWindow)];
}

void Worker::read_list(Transaction& transaction, list_append::Transaction& noted) {
  const Ref<List> list = some_list();
  list_append::Read read{{list.object.value}, {}};
  for (const std::int64_t element : transaction.get<&List::elements>(list)) {
    read.elements.push_back({static_cast<std::uint64_t>(element)});
  }
  noted.operations.emplace_back(std::move(read));
}

void Worker::append_to_list(Transaction& transaction, list_append::Transaction& noted) {
  const Ref<List> list = some_list();
  const std::uint64_t element = ++round_->elements;
  transaction.append<&List::elements>(list, static_cast<std::int64_t>(element));
  noted.operations.emplace_back(list_append::Append{{list.object.value}, {element}});
}

void Worker::add(Transaction& transaction, Deed& deed) {
  for (std::size_t count = 1 + test::below(random_, 3); count > 0; --count) {
    const Ref<Counter> counter = test::pick(random_, stage_.counters);
    const auto amount = static_cast<std::int64_t>(1 + test::below(random_, 100));
    transaction.add<&Counter::value>(counter, amount);
    deed.added[counter] += amount;
  }
}

void Worker::raise(Transaction& transaction, Deed& deed) {
  const Ref<Register> raised = test::pick(random_, stage_.registers);
  transaction.set<&Register::value>(raised, transaction.get<&Register::value>(raised) + 1);
  deed.raised = raised;
}

void Worker::pair(Transaction& transaction, Deed& deed) {
  const std::size_t place = test::below(random_, stage_.pairs.size());
  const auto& [left, right] = stage_.pairs[place];
  const std::int64_t seen = transaction.get<&Half::value>(left);
  if (seen != transaction.get<&Half::value>(right)) {
    fail("the halves of pair " + std::to_string(place) + " differ in one snapshot");
  }
  const std::int64_t value = deed.number * 1000 + options_.number;
  transaction.set<&Half::value>(left, value);
  transaction.set<&Half::value>(right, value);
  deed.paired = {static_cast<std::int64_t>(place), value};
}

void Worker::create(Transaction& transaction, Deed& deed) {
  Item item;
  item.name = std::to_string(options_.number) + "/" + std::to_string(deed.number);
  item.group = kGroups[test::below(random_, std::size(kGroups))];
  deed.created = item;
  transaction.create(item);
}

void Worker::remove(Transaction& transaction, Deed& deed) {
  const auto [name, item] = own_items_.back();
  own_items_.pop_back();
  transaction.remove(item);
  deed.deleted = name;
}

}  // namespace odb::crash
