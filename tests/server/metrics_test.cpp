// What /metrics shows, and what its server says when the store's does not answer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <prometheus/text_serializer.h>

#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include "metrics/families.h"
#include "metrics/metrics_server.h"
#include "odb/server/server.h"

namespace odb::server::metrics {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ConflictCount conflict(ConflictKind kind, const std::string& type, std::uint64_t count,
                       const std::string& field = "field") {
  return {kind, {"todo", type}, field, count};
}

std::string text(const prometheus::MetricFamily& family) {
  return prometheus::TextSerializer().Serialize({family});
}

TEST(MetricsOfConflicts, AreSummedByTypeAndKind) {
  ConflictSeries series;
  const std::string shown = text(series.family({conflict(ConflictKind::kField, "Task", 3, "a"),
                                                conflict(ConflictKind::kField, "Task", 4, "b"),
                                                conflict(ConflictKind::kIndex, "Task", 5)}));
  EXPECT_THAT(shown, HasSubstr("total{type=\"todo.Task\",kind=\"field\"} 7\n"));
  EXPECT_THAT(shown, HasSubstr("total{type=\"todo.Task\",kind=\"index\"} 5\n"));
}

TEST(MetricsOfConflicts, BeyondTheLimitAreThoseOfOtherTypes) {
  ConflictSeries series(2);
  series.family({conflict(ConflictKind::kField, "A", 1), conflict(ConflictKind::kField, "B", 1)});
  const auto family = series.family(
      {conflict(ConflictKind::kField, "D", 100), conflict(ConflictKind::kField, "C", 10),
       conflict(ConflictKind::kField, "B", 2), conflict(ConflictKind::kField, "A", 1)});
  EXPECT_EQ(family.metric.size(), 3U);
  const std::string shown = text(family);
  EXPECT_THAT(shown, HasSubstr("type=\"todo.A\",kind=\"field\"} 1\n"));
  EXPECT_THAT(shown, HasSubstr("type=\"todo.B\",kind=\"field\"} 2\n")) << "those met first stay";
  EXPECT_THAT(shown, HasSubstr("type=\"other\",kind=\"field\"} 110\n"));
}

TEST(MetricsOfConflicts, ThousandsOfTypesMakeBoundedlyManySeries) {
  ConflictSeries series;
  std::vector<ConflictCount> counts;
  counts.reserve(4000);
  for (int i = 0; i < 4000; ++i) {
    counts.push_back(conflict(ConflictKind::kField, "Type" + std::to_string(i), 1));
  }
  EXPECT_LE(series.family(counts).metric.size(), kConflictSeriesMax + 6) << "and one of each kind";
}

TEST(MetricsOfStages, BucketsAreCumulative) {
  Statistics statistics;
  statistics.stages.durable.add(std::chrono::microseconds{20}, 2);
  statistics.stages.durable.add(std::chrono::milliseconds{3}, 1);
  std::string shown;
  for (const auto& family : families(statistics)) {
    if (family.name == "odb_commit_stage_seconds") shown = text(family);
  }
  EXPECT_THAT(shown, HasSubstr("bucket{stage=\"durable\",le=\"1e-05\"} 0\n"));
  EXPECT_THAT(shown, HasSubstr("bucket{stage=\"durable\",le=\"0.001\"} 2\n"));
  EXPECT_THAT(shown, HasSubstr("bucket{stage=\"durable\",le=\"0.005\"} 3\n"));
  EXPECT_THAT(shown, HasSubstr("bucket{stage=\"durable\",le=\"+Inf\"} 3\n"));
  EXPECT_THAT(shown, HasSubstr("count{stage=\"durable\"} 3\n"));
  EXPECT_THAT(shown, HasSubstr("count{stage=\"told\"} 0\n"));
}

// The first line and the body of what is answered.
struct Answer {
  std::string status;
  std::string body;
};

Answer get(std::uint16_t port, const std::string& path) {
  boost::asio::ip::tcp::iostream stream("127.0.0.1", std::to_string(port));
  stream << "GET " << path << " HTTP/1.1\r\nHost: odb\r\n\r\n" << std::flush;
  Answer answer;
  std::getline(stream, answer.status);
  std::ostringstream rest;
  rest << stream.rdbuf();
  answer.body = rest.str().substr(rest.str().find("\r\n\r\n") + 4);
  return answer;
}

// Lets a test keep the server's thread busy.
class BusyStore final : public Store {
 public:
  explicit BusyStore(StoreHost*& host) : host_(host) {}
  void start(StoreListener& listener, StoreHost& host) override {
    listener_ = &listener;
    host_ = &host;
  }
  void append(const CommitBatch& batch) override { listener_->on_durable(batch.last()); }
  void reserve_ids(ObjectId below) override { listener_->on_ids_reserved(below); }
  std::string name() const override { return "busy"; }

 private:
  StoreHost*& host_;
  StoreListener* listener_ = nullptr;
};

TEST(MetricsServerOf, AThreadThatDoesNotAnswerSaysSoAndGoesOnAfterwards) {
  auto metrics = MetricsServer::start({"127.0.0.1", 0});
  ASSERT_TRUE(metrics);
  const std::uint16_t port = (*metrics)->port();
  EXPECT_THAT(get(port, "/healthz").status, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(get(port, "/readyz").body, "the server is starting\n");
  (*metrics)->set_waiting("waiting for the owner");
  EXPECT_EQ(get(port, "/readyz").body, "waiting for the owner\n");

  StoreHost* host = nullptr;
  auto server =
      Server::start({.listening = Listening::kNot, .store = std::make_unique<BusyStore>(host)});
  ASSERT_TRUE(server);
  (*metrics)->serve(**server);
  EXPECT_EQ(get(port, "/readyz").body, "ready\n");

  std::promise<void> released;
  host->post([&released] { released.get_future().wait(); });
  for (const char* path : {"/healthz", "/readyz", "/metrics"}) {
    const Answer answer = get(port, path);
    EXPECT_THAT(answer.status, StartsWith("HTTP/1.1 503")) << path;
    EXPECT_EQ(answer.body, "the server's thread does not answer\n") << path;
  }
  EXPECT_FALSE((*server)->statistics_within(milliseconds{20}));
  released.set_value();
  ASSERT_TRUE((*server)->statistics_within(milliseconds{60'000}));
  EXPECT_THAT(get(port, "/healthz").status, StartsWith("HTTP/1.1 200"));

  (*metrics)->begin_stop();
  EXPECT_EQ(get(port, "/readyz").body, "the server is stopping\n");
  EXPECT_THAT(get(port, "/metrics").body, HasSubstr("\nodb_ready 0\n"));
  (*metrics)->serve_no_more();
  (*server)->stop();
  EXPECT_EQ(get(port, "/readyz").body, "the server has stopped\n");
}

}  // namespace
}  // namespace odb::server::metrics
