// What it costs to be watched: commits a second with a scrape of /metrics each second, and without.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>

#include "commit_throughput.h"
#include "figures.h"
#include "odb/net/socket.h"
#include "tls_link.h"

namespace odb::bench {

namespace {

constexpr char kFigure[] = "metrics-cost";
constexpr std::chrono::seconds kScrapeInterval{1};

// Scrapes as Prometheus does, until it is destroyed.
class Scraper {
 public:
  explicit Scraper(std::uint16_t port) : port_(port), thread_([this] { run(); }) {}
  ~Scraper() { end(); }
  Scraper(const Scraper&) = delete;
  Scraper& operator=(const Scraper&) = delete;

  // How many scrapes were answered.
  int end() {
    if (!thread_.joinable()) return scrapes_;
    {
      const std::lock_guard lock(mutex_);
      is_ending_ = true;
    }
    ending_.notify_one();
    thread_.join();
    return scrapes_;
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (!ending_.wait_for(lock, kScrapeInterval, [this] { return is_ending_; })) {
      if (scrape()) ++scrapes_;
    }
  }
  bool scrape() const {
    const net::Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port_);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket.descriptor(), reinterpret_cast<const sockaddr*>(&address),
                  sizeof address) != 0) {
      return false;
    }
    const std::string request = "GET /metrics HTTP/1.1\r\nHost: odb\r\n\r\n";
    if (::send(socket.descriptor(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return false;
    std::string answer;
    char bytes[16384];
    for (;;) {
      const ssize_t got = ::recv(socket.descriptor(), bytes, sizeof bytes, 0);
      if (got <= 0) break;
      answer.append(bytes, static_cast<std::size_t>(got));
    }
    return answer.starts_with("HTTP/1.1 200") &&
           answer.find("odb_commits_total") != std::string::npos;
  }

  const std::uint16_t port_;
  std::mutex mutex_;
  std::condition_variable ending_;
  bool is_ending_ = false;
  int scrapes_ = 0;
  std::thread thread_;
};

double measure(const Run& run, const CommitLoad& load, std::int64_t window_ms) {
  return measure_throughput(run, {}, load, window_ms).commits_per_second;
}

double measure_watched(const Run& run, const CommitLoad& load, std::int64_t window_ms) {
  const std::uint16_t port = free_port();
  Scraper scraper(port);
  const double found =
      measure_throughput(run, {}, load, window_ms,
                         {"--inmem", "--metrics", "127.0.0.1:" + std::to_string(port)})
          .commits_per_second;
  if (scraper.end() == 0) throw std::runtime_error("no scrape was answered");
  return found;
}

}  // namespace

// The floor is the same server without --metrics. One after the other in turns, so that what else
// the machine does meets both.
void measure_metrics_cost(Run& run) {
  const std::int64_t window_ms = run.scaled(4'000, 1'500);
  for (const int clients : {1, 4}) {
    const CommitLoad load{CommitKind::kCounter, clients, 64};
    const std::string what = std::to_string(clients) + (clients == 1 ? " client" : " clients");
    repeat(run, std::string(kFigure) + ", " + what, [&](int repetition) {
      const bool is_watched_first = repetition % 2 == 0;
      const double first =
          is_watched_first ? measure_watched(run, load, window_ms) : measure(run, load, window_ms);
      const double second =
          is_watched_first ? measure(run, load, window_ms) : measure_watched(run, load, window_ms);
      Line& line = run.report.line(kFigure, what + ", a scrape each second", "commits/s",
                                   {Goal::Kind::kFloorAtLeast, 0.98});
      line.samples.push_back(is_watched_first ? first : second);
      line.floor_samples.push_back(is_watched_first ? second : first);
    });
  }
}

}  // namespace odb::bench
