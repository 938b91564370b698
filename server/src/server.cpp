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
#include <thread>
#include <utility>

#include "connection.h"
#include "odb/net/authentication.h"
#include "odb/net/random.h"
#include "odb/net/socket.h"
#include "odb/net/tls_context.h"
#include "odb/server/database.h"
#include "odb/version.h"

namespace odb::server {

namespace {

constexpr std::chrono::milliseconds kTickInterval{250};
// Descriptors ran out: how long to leave new connections in the kernel's queue.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr int kAcceptsPerTurn = 64;
// While the server stops and waits for its store.
constexpr std::chrono::milliseconds kStopTickInterval{10};
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
       std::vector<net::Socket> listeners, std::unique_ptr<Database> database)
      : options_(std::move(options)),
        tokens_(std::move(tokens)),
        tls_(std::move(tls)),
        sockets_(std::move(listeners)),
        port_(sockets_.empty() ? std::uint16_t{0} : net::local_port(sockets_.front())),
        timer_(io_),
        turn_timer_(io_),
        core_({.tokens = tokens_,
               .store = *options_.store,
               .engine = engine_,
               .policy = policy_,
               .limits = options_.limits,
               .software = std::string("odb ") + kVersionText,
               .clock = [] { return std::chrono::steady_clock::now(); },
               .resident_bytes = &resident_bytes,
               .host = this,
               .on_store_lost = options_.on_store_lost},
              std::move(database)) {
    for (net::Socket& socket : sockets_) listeners_.emplace_back(io_, socket.descriptor());
  }

  ~Impl() override {
    stop();
    for (auto& listener : listeners_) {
      if (listener.is_open()) listener.release();
    }
  }

  void start() {
    now_ = std::chrono::steady_clock::now();
    for (std::size_t i = 0; i < listeners_.size(); ++i) accept(i);
    tick();
    thread_ = std::thread([this] { run(); });
  }

  void stop() {
    if (!thread_.joinable()) return;
    boost::asio::post(io_, [this] { begin_stop(); });
    thread_.join();
    options_.store->stop();
  }

  std::uint16_t port() const { return port_; }
  std::string store_name() const { return options_.store->name(); }
  const std::string& token() const { return options_.tokens.front().token; }
  std::size_t session_count() const { return session_count_.load(std::memory_order_relaxed); }
  std::string fingerprint() const { return tls_.fingerprint(); }

  Result<net::Socket> open_link() {
    auto pair = net::socket_pair();
    if (!pair) return pair.error();
    const Error stopped{ErrorCode::kShuttingDown, "the server has stopped"};
    if (ended_) return stopped;
    auto end = std::make_shared<net::Socket>(std::move(pair->first));
    boost::asio::post(io_, [this, end] {
      if (!stopping_) add(std::move(*end));
    });
    return std::move(pair->second);
  }

  std::optional<std::vector<ConflictCount>> conflict_counts(Time deadline) {
    return ask(&ServerCore::conflict_counts, deadline);
  }
  std::optional<Statistics> statistics(Time deadline) {
    return ask(&ServerCore::statistics, deadline);
  }

  // ConnectionHost
  ServerCore& core() override { return core_; }
  Time now() const override { return now_; }
  void needs_flush(Connection& connection) override {
    if (std::exchange(connection.is_queued_for_flush, true)) return;
    to_flush_.push_back(connection.shared_from_this());
  }
  void finish_batch() override {
    core_.finish_batch();
    flush_all();
    await_turn();
  }
  void remove(Connection& connection) override {
    connections_.erase(&connection);
    session_count_.store(connections_.size(), std::memory_order_relaxed);
    if (stopping_ && connections_.empty()) io_.stop();
  }

 private:
  // StoreHost
  void post(std::function<void()> work) override { boost::asio::post(io_, std::move(work)); }
  bool can_watch() const override { return true; }
  void watch(int descriptor, std::function<bool()> on_readable) override {
    await_readable(std::make_shared<boost::asio::posix::stream_descriptor>(io_, descriptor),
                   std::move(on_readable));
  }

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

  // Asks the core, on its thread; nothing when that does not answer by the deadline.
  template <class Answer>
  std::optional<Answer> ask(Answer (ServerCore::*question)() const, Time deadline) {
    auto task = std::make_shared<std::packaged_task<Answer()>>(
        [this, question] { return (core_.*question)(); });
    auto answer = task->get_future();
    boost::asio::post(io_, [task] { (*task)(); });
    // What is posted while the thread ends never runs.
    while (answer.wait_for(kThreadEndInterval) != std::future_status::ready) {
      if (ended_) return (core_.*question)();
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
    core_.note_told();
  }

  void accept(std::size_t listener) {
    listeners_[listener].async_wait(boost::asio::posix::descriptor_base::wait_read,
                                    [this, listener](const boost::system::error_code& error) {
                                      if (error || stopping_) return;
                                      accept_waiting(listener);
                                    });
  }

  void accept_waiting(std::size_t listener) {
    for (int i = 0; i < kAcceptsPerTurn; ++i) {
      auto accepted = net::accept_tcp(sockets_[listener]);
      if (!accepted) {
        spdlog::warn("cannot accept connections for now: {}", accepted.error().message);
        auto pause = std::make_shared<boost::asio::steady_timer>(io_, kAcceptPause);
        pause->async_wait([this, listener, pause](const boost::system::error_code& error) {
          if (!error && !stopping_) accept(listener);
        });
        return;
      }
      if (!accepted->has_value()) break;
      add(std::move(**accepted));
    }
    accept(listener);
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
    core_.tick(now_);
    std::vector<std::shared_ptr<Connection>> all;
    all.reserve(connections_.size());
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->tick();
    if (stopping_ && !has_said_goodbye_) finish_stop();
    if (stopping_ && now_ >= stop_deadline_) {
      for (const auto& connection : all) connection->close();
      io_.stop();
      return;
    }
    timer_.expires_after(stopping_ ? kStopTickInterval : kTickInterval);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (!error) tick();
    });
  }

  // So that nobody waits longer for a turn because nothing else happens.
  void await_turn() {
    const auto deadline = core_.turns_deadline();
    if (!deadline || awaits_turn_) return;
    awaits_turn_ = true;
    turn_timer_.expires_at(*deadline);
    turn_timer_.async_wait([this](const boost::system::error_code& error) {
      awaits_turn_ = false;
      if (!error) core_.end_turns(now_);  // what it tells goes out with the end of this batch
    });
  }

  void begin_stop() {
    if (std::exchange(stopping_, true)) return;
    stop_deadline_ = now_ + options_.limits.linger;
    for (auto& listener : listeners_) listener.release();
    sockets_.clear();
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    for (const auto& connection : all) connection->read();  // what has arrived is still answered
    core_.finish_batch();
    finish_stop();
    if (!has_said_goodbye_) tick();
  }

  // Once the store has confirmed what it was given, or half of the time for that has gone.
  void finish_stop() {
    const CommitPipeline& pipeline = core_.pipeline();
    if (pipeline.published() < pipeline.accepted() &&
        now_ < stop_deadline_ - options_.limits.linger / 2) {
      return;
    }
    has_said_goodbye_ = true;
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, connection] : connections_) all.push_back(connection);
    core_.shut_down();
    flush_all();
    // Those without a session, and those with nothing to say, are not waited for.
    for (const auto& connection : all) connection->end();
    flush_all();
    if (connections_.empty()) io_.stop();
  }

  ServerOptions options_;
  net::TokenTable tokens_;
  net::TlsServerContext tls_;
  std::vector<net::Socket> sockets_;
  const std::uint16_t port_;
  const CommitEngine engine_;
  const AccessPolicy policy_;
  boost::asio::io_context io_{1};
  std::vector<boost::asio::posix::stream_descriptor> listeners_;
  boost::asio::steady_timer timer_;
  boost::asio::steady_timer turn_timer_;
  bool awaits_turn_ = false;
  Time now_;
  ServerCore core_;
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
  if (options.store == nullptr) options.store = std::make_unique<MemoryStore>();
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
    listeners = net::listen_tcp({options.host, options.port});
    if (!listeners) return listeners.error();
  }
  auto database = open_database(*options.store, net::make_history_id(), options.limits);
  if (!database) return database.error();
  if ((*database)->ids_below == ObjectId{1}) (*database)->ids_below = make_first_id();
  auto impl = std::make_unique<Impl>(std::move(options), *std::move(tokens), *std::move(tls),
                                     *std::move(listeners), *std::move(database));
  impl->start();
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() { stop(); }

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
