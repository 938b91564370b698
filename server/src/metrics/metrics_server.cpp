#include "metrics_server.h"

#include <prometheus/text_serializer.h>

#include <boost/asio/io_context.hpp>
#include <iterator>
#include <mutex>
#include <thread>
#include <utility>

#include "families.h"
#include "http_listener.h"
#include "odb/server/server.h"

namespace odb::server::metrics {

namespace {

// How long the server's thread may take to answer.
constexpr std::chrono::milliseconds kAnswerTimeout{1'000};

constexpr unsigned kOk = 200;
constexpr unsigned kNotFound = 404;
constexpr unsigned kUnavailable = 503;

HttpAnswer not_now(const std::string& why) { return {.status = kUnavailable, .body = why + "\n"}; }

}  // namespace

class MetricsServer::Impl {
 public:
  explicit Impl(std::vector<net::Socket> sockets)
      : port_(net::local_port(sockets.front())),
        listener_(io_, std::move(sockets),
                  [this](const std::string& path) { return answer(path); }),
        thread_([this] { io_.run(); }) {}
  ~Impl() {
    io_.stop();
    thread_.join();
  }

  std::uint16_t port() const { return port_; }
  void set_waiting(std::string reason) {
    const std::lock_guard lock(mutex_);
    waiting_ = std::move(reason);
  }
  void serve(const Server* server) {
    const std::lock_guard lock(mutex_);
    server_ = server;
    if (server == nullptr) waiting_ = "the server has stopped";
  }
  void begin_stop() {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }

 private:
  // On the listener's thread. The server cannot go while it is asked.
  HttpAnswer answer(const std::string& path) {
    const std::lock_guard lock(mutex_);
    if (path == "/metrics") return show_metrics();
    if (path == "/healthz") return show_health();
    if (path == "/readyz") return show_readiness();
    return {.status = kNotFound, .body = "expected /metrics, /healthz or /readyz\n"};
  }

  // Why it is not ready; empty when it is.
  std::string obstacle(const std::optional<Statistics>& statistics) const {
    if (server_ == nullptr) return waiting_;
    if (is_stopping_) return "the server is stopping";
    if (!statistics) return kSilent;
    if (statistics->store_standing == StoreStanding::kReady) return {};
    return "the store (" + statistics->store + ") is " +
           std::string(to_string(statistics->store_standing)) + ": " + statistics->store_trouble;
  }
  std::optional<Statistics> ask() const {
    return server_ == nullptr ? std::nullopt : server_->statistics_within(kAnswerTimeout);
  }

  HttpAnswer show_metrics() {
    const std::optional<Statistics> statistics = ask();
    if (server_ != nullptr && !statistics) return not_now(kSilent);
    auto all = process_families(obstacle(statistics).empty());
    if (statistics) {
      std::vector<prometheus::MetricFamily> more = families(*statistics);
      std::move(more.begin(), more.end(), std::back_inserter(all));
      const auto conflicts = server_->conflict_counts_within(kAnswerTimeout);
      if (!conflicts) return not_now(kSilent);
      all.push_back(conflicts_.family(*conflicts));
    }
    return {.content_type = "text/plain; version=0.0.4; charset=utf-8",
            .body = prometheus::TextSerializer().Serialize(all)};
  }

  HttpAnswer show_health() const {
    if (server_ != nullptr && !ask()) return not_now(kSilent);
    return {.status = kOk, .body = "alive\n"};
  }

  HttpAnswer show_readiness() const {
    const std::string why_not = obstacle(ask());
    if (!why_not.empty()) return not_now(why_not);
    return {.status = kOk, .body = "ready\n"};
  }

  static constexpr const char* kSilent = "the server's thread does not answer";

  std::mutex mutex_;
  const Server* server_ = nullptr;  // guarded by mutex_, as what follows
  std::string waiting_ = "the server is starting";
  bool is_stopping_ = false;
  ConflictSeries conflicts_;

  boost::asio::io_context io_{1};
  const std::uint16_t port_;
  HttpListener listener_;
  std::thread thread_;
};

Result<std::unique_ptr<MetricsServer>> MetricsServer::start(const net::Endpoint& endpoint) {
  auto sockets = net::listen_tcp(endpoint);
  if (!sockets) {
    return Error{sockets.error().code, "--metrics: " + sockets.error().message};
  }
  return std::unique_ptr<MetricsServer>(
      new MetricsServer(std::make_unique<Impl>(*std::move(sockets))));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;

std::uint16_t MetricsServer::port() const { return impl_->port(); }
void MetricsServer::set_waiting(std::string reason) { impl_->set_waiting(std::move(reason)); }
void MetricsServer::serve(const Server& server) { impl_->serve(&server); }
void MetricsServer::begin_stop() { impl_->begin_stop(); }
void MetricsServer::serve_no_more() { impl_->serve(nullptr); }

}  // namespace odb::server::metrics
