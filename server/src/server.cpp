#include "odb/server/server.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/unordered/unordered_flat_map.hpp>
#include <fstream>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "candidate.h"
#include "connection.h"
#include "listeners.h"
#include "odb/net/authentication.h"
#include "odb/net/random.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"
#include "odb/server/database.h"
#include "odb/version.h"
#include "telling_pace.h"

namespace odb::server {

namespace {

constexpr std::chrono::milliseconds kTickInterval{250};
// While the server stops and waits for its store.
constexpr std::chrono::milliseconds kStopTickInterval{10};
// How long clients may take to be told that another server takes over.
constexpr std::chrono::milliseconds kHandOverTime{500};
// How long a server stays the owner without being sure that it is. One that was stopped for a while
// finds out meanwhile.
constexpr std::chrono::milliseconds kUnsureTime{1'000};
// How often a thread that asks the server's looks whether that has ended.
constexpr std::chrono::milliseconds kThreadEndInterval{10};

// One of 2^23 places, each with room for 2^24 identities before the next: below 2^48 altogether.
ObjectId make_first_id() {
  return ObjectId{((net::make_history_id().low & ((1u << 23) - 1)) << 24) + 1};
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all_pages = 0;
  std::uint64_t resident_pages = 0;
  if (!(file >> all_pages >> resident_pages)) return 0;
  return resident_pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

}  // namespace

class Server::Impl final : public ConnectionHost, private StoreHost {
 public:
  Impl(ServerOptions options, net::TokenTable tokens, net::TlsServerContext tls,
       std::vector<net::Socket> listeners, std::string store_name,
       std::unique_ptr<Database> database)
      : options_(std::move(options)),
        tokens_(std::move(tokens)),
        tls_(std::move(tls)),
        store_name_(std::move(store_name)),
        listeners_(io_, {options_.host, options_.port}, std::move(listeners),
                   [this](net::Socket socket) { add(std::move(socket)); }),
        timer_(io_),
        turn_timer_(io_),
        telling_timer_(io_) {
    if (database != nullptr) make_core(std::move(database));
  }

  ~Impl() override { stop(); }

  void start() {
    now_ = std::chrono::steady_clock::now();
    if (core_ != nullptr) {
      role_ = Role::kOwner;
      listeners_.accept();
    } else {
      boost::asio::post(io_, [this] { begin_waiting(nullptr); });
    }
    tick();
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] { begin_stop(); });
    thread_.join();
    if (options_.store != nullptr) options_.store->stop();
  }

  std::uint16_t port() const { return listeners_.port(); }
  Role role() const { return role_; }
  std::string store_name() const { return store_name_; }
  const std::string& token() const { return options_.tokens.front().token; }
  std::size_t session_count() const { return session_count_.load(std::memory_order_relaxed); }
  std::string fingerprint() const { return tls_.fingerprint(); }

  Result<net::Socket> open_link() {
    auto pair = net::socket_pair();
    if (!pair) return pair.error();
    const Error stopped{ErrorCode::kShuttingDown, "the server has stopped"};
    if (ended_) return stopped;
    if (role_ == Role::kStandby) {
      return Error{ErrorCode::kShuttingDown, "the server waits as standby"};
    }
    auto end = std::make_shared<net::Socket>(std::move(pair->first));
    boost::asio::post(io_, [this, end] {
      if (!stopping_ && is_serving()) add(std::move(*end));
    });
    return std::move(pair->second);
  }

  std::optional<std::vector<ConflictCount>> conflict_counts(Time deadline) {
    return ask<std::vector<ConflictCount>>([this] { return conflicts_so_far(); }, deadline);
  }
  std::optional<Statistics> statistics(Time deadline) {
    return ask<Statistics>([this] { return statistics_now(); }, deadline);
  }

  // ConnectionHost
  ServerCore& core() override { return *core_; }
  Time now() const override { return now_; }
  void needs_flush(Connection& connection) override {
    if (std::exchange(connection.is_queued_for_flush, true)) return;
    to_flush_.push_back(connection.shared_from_this());
  }
  void finish_batch() override {
    if (core_ == nullptr) return;
    core_->finish_batch();
    flush_all();
    tell_subscribers();
    await_turn();
  }
  void remove(Connection& connection) override {
    connections_.erase(&connection);
    session_count_.store(connections_.size(), std::memory_order_relaxed);
    if (stopping_ && connections_.empty()) io_.stop();
  }

 private:
  // StoreHost. What a store posts and watches ends with the term that it serves: it may be stopped
  // later, on another thread, but before the next one begins.
  void post(std::function<void()> work) override {
    boost::asio::post(io_, [this, term = term_.load(), work = std::move(work)] {
      if (core_ != nullptr && term == term_) work();
    });
  }
  bool can_watch() const override { return true; }
  void watch(int descriptor, std::function<bool()> on_readable) override {
    await_readable(std::make_shared<boost::asio::posix::stream_descriptor>(io_, descriptor),
                   [this, term = term_.load(), on_readable = std::move(on_readable)] {
                     return core_ != nullptr && term == term_ && on_readable();
                   });
  }

  // ---- roles ----

  void make_core(std::unique_ptr<Database> database) {
    CoreParts parts{.tokens = tokens_,
                    .store = *options_.store,
                    .engine = engine_,
                    .policy = policy_,
                    .limits = options_.limits,
                    .software = std::string("odb ") + kVersionText,
                    .clock = [] { return std::chrono::steady_clock::now(); },
                    .resident_bytes = &resident_bytes,
                    .host = this,
                    .on_store_lost = options_.on_store_lost,
                    .gathers_deltas = true};
    if (options_.standby) {
      parts.when_lost = WhenLost::kHandOver;
      parts.on_store_lost = [this](const Error& reason) {
        post([this, reason] { begin_handing_over(reason); });
      };
    }
    core_ = std::make_unique<ServerCore>(std::move(parts), std::move(database));
  }

  void set_role(Role role) {
    role_ = role;
    options_.standby->on_role(role, listeners_.port());
  }

  bool is_serving() const { return core_ != nullptr && !hands_over_until_; }

  // Tries to own the store; what this server had of it before is given up first.
  void begin_waiting(std::unique_ptr<Store> former) {
    if (stopping_) return;
    set_role(Role::kStandby);
    wait_for_store(std::move(former));
  }

  void wait_for_store(std::unique_ptr<Store> former) {
    candidate_ = std::make_unique<Candidate>(
        options_.standby->make_store, std::move(former), options_.limits,
        [this](Result<Candidate::Elected> elected) {
          auto result = std::make_shared<Result<Candidate::Elected>>(std::move(elected));
          boost::asio::post(io_, [this, result] { begin_term(std::move(*result)); });
        });
  }

  void begin_term(Result<Candidate::Elected> elected) {
    candidate_.reset();
    if (stopping_) {
      if (elected) elected->store->stop();
      return;
    }
    if (elected) {
      if (auto listening = listeners_.listen(); !listening) {
        elected->store->stop();
        elected = listening.error();
      }
    }
    if (!elected) {
      spdlog::error("this server gives up waiting: {}", elected.error().message);
      options_.standby->on_failed(elected.error());
      return;
    }
    options_.store = std::move(elected->store);
    if (elected->database->ids_below == ObjectId{1}) elected->database->ids_below = make_first_id();
    spdlog::info("this server owns the database now, at version {}",
                 elected->database->state.version().value);
    make_core(std::move(elected->database));
    core_->tick(now_);
    listeners_.accept();
    set_role(Role::kOwner);
  }

  // Another server has the store: everybody is sent there, and what this one knows is of no use.
  void begin_handing_over(const Error& reason) {
    if (stopping_ || hands_over_until_) return;
    spdlog::warn("this server turns standby: {}", reason.message);
    hands_over_until_ = now_ + std::min<Time::duration>(options_.limits.linger, kHandOverTime);
    listeners_.refuse();
    core_->hand_over();
    core_->shut_down({ErrorCode::kShuttingDown,
                      "this server does not own the database any more: another one takes over"});
    for (const auto& connection : all_connections()) connection->end();
    flush_all();
    finish_handing_over();
  }

  // A server that is cut off from its store does not hear that another one has it.
  void look_after_lease() {
    if (!options_.standby || !is_serving() || core_->is_surely_newest())
      return unsure_since_.reset();
    if (!unsure_since_) unsure_since_ = now_;
    if (now_ - *unsure_since_ < kUnsureTime) return;
    begin_handing_over(
        {ErrorCode::kUnavailable, "the store is out of reach, and another server may have it"});
  }

  // Once everybody has been told, or has had the time for it.
  void finish_handing_over() {
    if (!hands_over_until_ || stopping_) return;
    if (!connections_.empty() && now_ < *hands_over_until_) return;
    for (const auto& connection : all_connections()) connection->close();
    hands_over_until_.reset();
    to_flush_.clear();
    ++term_;
    core_.reset();
    begin_waiting(std::move(options_.store));
  }

  std::vector<ConflictCount> conflicts_so_far() const {
    return core_ == nullptr ? std::vector<ConflictCount>() : core_->conflict_counts();
  }
  Statistics statistics_now() const {
    if (core_ != nullptr) return core_->statistics();
    Statistics out;
    out.store = store_name_;
    out.store_standing = StoreStanding::kElsewhere;
    out.store_trouble = "another server owns it, and this one waits as standby";
    out.memory.resident = resident_bytes();
    return out;
  }

  // ---- connections ----

  void await_readable(std::shared_ptr<boost::asio::posix::stream_descriptor> descriptor,
                      std::function<bool()> on_readable) {
    auto& watched = *descriptor;
    watched.async_wait(
        boost::asio::posix::descriptor_base::wait_read,
        [this, descriptor = std::move(descriptor),
         on_readable = std::move(on_readable)](const boost::system::error_code& error) mutable {
          if (error || !on_readable()) return;
          await_readable(std::move(descriptor), std::move(on_readable));
        });
  }

  // Asks the server's thread; nothing when that does not answer by the deadline.
  template <class Answer>
  std::optional<Answer> ask(std::function<Answer()> question, Time deadline) {
    auto task = std::make_shared<std::packaged_task<Answer()>>(question);
    auto answer = task->get_future();
    boost::asio::post(io_, [task] { (*task)(); });
    // What is posted while the thread ends never runs.
    while (answer.wait_for(kThreadEndInterval) != std::future_status::ready) {
      if (ended_) return question();
      if (std::chrono::steady_clock::now() >= deadline) return std::nullopt;
    }
    return answer.get();
  }

  void run() {
    // One handler at a time, so that every handler sees the time it started at.
    const auto work = boost::asio::make_work_guard(io_);
    while (!io_.stopped()) {
      io_.run_one();
      now_ = std::chrono::steady_clock::now();
      finish_batch();  // what ended or was granted meanwhile may have made commits
    }
    ended_ = true;
  }

  void flush_all() {
    // Flushing may end connections, which may queue others.
    while (!to_flush_.empty()) {
      flushing_.swap(to_flush_);
      for (const auto& connection : flushing_) {
        connection->is_queued_for_flush = false;
        connection->flush();
      }
      flushing_.clear();
    }
    if (core_ != nullptr && !core_->has_untold_subscribers()) core_->note_told();
  }

  void tell_subscribers() {
    if (core_ == nullptr || !core_->has_untold_subscribers()) return;
    const Time begin = std::chrono::steady_clock::now();
    if (begin < pace_.due()) return await_telling();
    core_->tell_subscribers();
    flush_all();
    pace_.told(begin, std::chrono::steady_clock::now());
  }

  // At the end of the batch in which the timer fires.
  void await_telling() {
    if (std::exchange(awaits_telling_, true)) return;
    telling_timer_.expires_at(pace_.due());
    telling_timer_.async_wait(
        [this](const boost::system::error_code&) { awaits_telling_ = false; });
  }

  void add(net::Socket socket) {
    // Beyond the sessions that may be, a few connections more are let in to be told so.
    if (connections_.size() >=
        options_.limits.sessions_max + options_.limits.sessions_max / 8 + 8) {
      return;
    }
    auto stream = std::make_unique<net::TlsStream>(tls_, std::move(socket));
    auto connection = std::make_shared<Connection>(io_, *this, std::move(stream));
    connections_.emplace(connection.get(), connection);
    session_count_.store(connections_.size(), std::memory_order_relaxed);
    connection->start();
  }

  void tick() {
    if (core_ != nullptr) core_->tick(now_);
    const std::vector<std::shared_ptr<Connection>> all = all_connections();
    for (const auto& connection : all) connection->tick();
    look_after_lease();
    finish_handing_over();
    if (stopping_ && !has_said_goodbye_) finish_stop();
    if (stopping_ && now_ >= stop_deadline_) {
      for (const auto& connection : all) connection->close();
      io_.stop();
      return;
    }
    const bool is_ending = stopping_ || hands_over_until_;
    timer_.expires_after(is_ending ? kStopTickInterval : kTickInterval);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) tick();
    });
  }

  // So that nobody waits longer for a turn because nothing else happens.
  void await_turn() {
    if (core_ == nullptr) return;
    const auto deadline = core_->turns_deadline();
    if (!deadline || awaits_turn_) return;
    awaits_turn_ = true;
    turn_timer_.expires_at(*deadline);
    turn_timer_.async_wait([this](const boost::system::error_code& error) {
      awaits_turn_ = false;
      if (!error && core_ != nullptr)
        core_->end_turns(now_);  // what it tells goes out with the end of this batch
    });
  }

  std::vector<std::shared_ptr<Connection>> all_connections() const {
    std::vector<std::shared_ptr<Connection>> all;
    all.reserve(connections_.size());
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    return all;
  }

  void begin_stop() {
    if (std::exchange(stopping_, true)) return;
    stop_deadline_ = now_ + options_.limits.linger;
    candidate_.reset();
    listeners_.close();
    // What has arrived is still answered.
    for (const auto& connection : all_connections()) connection->read();
    finish_batch();
    finish_stop();
    if (!has_said_goodbye_) tick();
  }

  // Once the store has confirmed what it was given, or half of the time for that has gone.
  void finish_stop() {
    if (core_ != nullptr && core_->pipeline().published() < core_->pipeline().accepted() &&
        now_ < stop_deadline_ - options_.limits.linger / 2) {
      return;
    }
    has_said_goodbye_ = true;
    const std::vector<std::shared_ptr<Connection>> all = all_connections();
    if (core_ != nullptr) core_->shut_down();
    flush_all();
    // Those without a session, and those with nothing to say, are not waited for.
    for (const auto& connection : all) connection->end();
    flush_all();
    if (connections_.empty()) io_.stop();
  }

  ServerOptions options_;
  net::TokenTable tokens_;
  net::TlsServerContext tls_;
  const std::string store_name_;
  const CommitEngine engine_;
  const AccessPolicy policy_;
  boost::asio::io_context io_{1};
  Listeners listeners_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer turn_timer_;
  bool awaits_turn_ = false;
  boost::asio::steady_timer telling_timer_;
  bool awaits_telling_ = false;
  TellingPace pace_;
  Time now_;
  std::unique_ptr<ServerCore> core_;  // null: standby
  std::unique_ptr<Candidate> candidate_;
  std::optional<Time> hands_over_until_;
  std::optional<Time> unsure_since_;     // whether this server still has the store
  std::atomic<std::uint64_t> term_ = 1;  // as the owner
  std::atomic<Role> role_ = Role::kStandby;
  boost::unordered_flat_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::vector<std::shared_ptr<Connection>> to_flush_;
  std::vector<std::shared_ptr<Connection>> flushing_;
  std::atomic<std::size_t> session_count_ = 0;
  std::atomic<bool> ended_ = false;  // the thread touches nothing any more
  bool stopping_ = false;
  bool has_said_goodbye_ = false;
  Time stop_deadline_;
  std::thread thread_;
};

Result<std::unique_ptr<Server>> Server::start(ServerOptions options) {
  if (options.limits.session_queue_bytes_max < options.limits.commit_bytes_max) {
    return Error{ErrorCode::kBadConfiguration,
                 "the session queue limit must be at least the commit size limit"};
  }
  if (options.tls_certificate_file.empty() != options.tls_key_file.empty()) {
    return Error{ErrorCode::kBadConfiguration,
                 "a TLS certificate and its key must be given together"};
  }
  std::string store_name;
  if (options.standby) {
    if (options.store != nullptr || !options.standby->make_store) {
      return Error{ErrorCode::kBadConfiguration,
                   "a standby makes its stores itself: expected a function and no store"};
    }
    store_name = options.standby->make_store()->name();
    if (!options.standby->on_role) options.standby->on_role = [](Role, std::uint16_t) {};
    if (!options.standby->on_failed) options.standby->on_failed = [](const Error&) {};
  } else if (options.store == nullptr) {
    options.store = std::make_unique<MemoryStore>();
  }
  if (options.store != nullptr) store_name = options.store->name();
  if (options.tokens.empty()) options.tokens.push_back({"service", net::make_token()});
  auto tokens = net::TokenTable::create(options.tokens);
  if (!tokens) return tokens.error();
  auto tls =
      options.tls_certificate_file.empty()
          ? Result<net::TlsServerContext>(net::TlsServerContext::self_signed())
          : net::TlsServerContext::from_files(options.tls_certificate_file, options.tls_key_file);
  if (!tls) return tls.error();
  Result<std::vector<net::Socket>> listeners = std::vector<net::Socket>();
  if (options.listening == Listening::kTcp) {
    const net::Endpoint endpoint{options.host, options.port};
    listeners = options.standby ? net::bind_tcp(endpoint) : net::listen_tcp(endpoint);
    if (!listeners) return listeners.error();
  }
  std::unique_ptr<Database> database;
  if (!options.standby) {
    auto opened = open_database(*options.store, net::make_history_id(), options.limits);
    if (!opened) return opened.error();
    database = *std::move(opened);
    if (database->ids_below == ObjectId{1}) database->ids_below = make_first_id();
  }
  auto impl =
      std::make_unique<Impl>(std::move(options), *std::move(tokens), *std::move(tls),
                             *std::move(listeners), std::move(store_name), std::move(database));
  impl->start();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

Role Server::role() const { return impl_->role(); }
std::uint16_t Server::port() const { return impl_->port(); }
const std::string& Server::token() const { return impl_->token(); }
std::size_t Server::session_count() const { return impl_->session_count(); }
std::string Server::store_name() const { return impl_->store_name(); }
std::string Server::certificate_fingerprint() const { return impl_->fingerprint(); }
Result<net::Socket> Server::open_link() { return impl_->open_link(); }
std::vector<ConflictCount> Server::conflict_counts() const {
  return *impl_->conflict_counts(Time::max());
}
std::optional<std::vector<ConflictCount>> Server::conflict_counts_within(
    std::chrono::milliseconds timeout) const {
  return impl_->conflict_counts(std::chrono::steady_clock::now() + timeout);
}
Statistics Server::statistics() const { return *impl_->statistics(Time::max()); }
std::optional<Statistics> Server::statistics_within(std::chrono::milliseconds timeout) const {
  return impl_->statistics(std::chrono::steady_clock::now() + timeout);
}
void Server::stop() { impl_->stop(); }

void log_trouble_to_stderr() {
  auto logger =
      std::make_shared<spdlog::logger>("odb", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_level(spdlog::level::warn);
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace odb::server
