// What a session asks for as of a version, and how long versions stay for it.
#include <gtest/gtest.h>

#include <vector>

#include "test_cluster.h"

namespace odb::server {
namespace {

using namespace std::chrono_literals;
using test::Changes;
using test::kByStatus;
using test::kPerson;
using test::kStatus;
using test::kTask;
using test::number;
using test::task;
using test::TestClient;
using test::TestServer;

// Ann writes, Bob asks. At version 2 tasks 1, 2 and 3 have status 1, 2 and 3.
struct ReadsAtAVersion : ::testing::Test {
  explicit ReadsAtAVersion(Limits limits = {}) : server(limits), ann(server), bob(server) {
    ann.open();
    bob.open(test::kBobsToken);
    ann.define(test::todo_schema());
    write(Changes()
              .create(kTask, 1, task("one", 1))
              .create(kTask, 2, task("two", 2))
              .create(kTask, 3, task("three", 3)));
  }
  Version write(const Changeset& changes) {
    ann.commit(changes);
    return ann.expect_accepted();
  }
  Version move(std::uint64_t object, std::int64_t status) {
    return write(Changes().update(kTask, object, {{kStatus, number(status)}}));
  }
  // The objects of all blocks and their status.
  std::vector<std::pair<std::uint64_t, std::int64_t>> load(Version version, Interest what) {
    bob.send(LoadObjects{RequestId{7}, version, std::move(what)});
    bob.load();
    std::vector<std::pair<std::uint64_t, std::int64_t>> found;
    bool last = false;
    for (ServerMessage& message : bob.take_all()) {
      if (std::holds_alternative<SchemaDefined>(message)) continue;
      const auto* loaded = std::get_if<ObjectsLoaded>(&message);
      EXPECT_NE(loaded, nullptr) << message.index();
      if (loaded == nullptr) continue;
      EXPECT_EQ(loaded->request, RequestId{7});
      EXPECT_FALSE(last) << "more after the last";
      last = loaded->last;
      for (std::size_t row = 0; row < loaded->rows.objects.size(); ++row) {
        found.emplace_back(loaded->rows.objects[row].value,
                           loaded->rows.values[row * loaded->rows.field_count + kStatus].as_int());
      }
    }
    EXPECT_TRUE(last);
    return found;
  }
  Error refusal(Version version, Interest what) {
    bob.send(LoadObjects{RequestId{8}, version, std::move(what)});
    const auto refused = bob.expect<RequestRefused>();
    EXPECT_EQ(std::get<RequestId>(refused.about), RequestId{8});
    return refused.error;
  }
  static Interest range(std::int64_t low, std::int64_t high) {
    return IndexRangeInterest{{kByStatus, {}, RangeBound{number(low)}, RangeBound{number(high)}}};
  }

  TestServer server;
  TestClient ann;
  TestClient bob;
};
using Found = std::vector<std::pair<std::uint64_t, std::int64_t>>;

TEST_F(ReadsAtAVersion, ShowEachKindOfInterestAsItWasThen) {
  move(1, 2);
  move(3, 9);
  write(Changes().erase(kTask, 2).create(kTask, 4, task("four", 2)));
  const Version then{2};
  EXPECT_EQ(load(then, TypeInterest{kTask}), (Found{{1, 1}, {2, 2}, {3, 3}}));
  EXPECT_EQ(load(then, ObjectsInterest{kTask, {ObjectId{4}, ObjectId{3}, ObjectId{3}}}),
            (Found{{3, 3}}));
  EXPECT_EQ(load(then, IndexInterest{kByStatus, {number(2)}}), (Found{{2, 2}}));
  EXPECT_EQ(load(then, range(1, 2)), (Found{{1, 1}, {2, 2}}));
  EXPECT_EQ(load(then, range(4, 100)), Found());
  const Version now{5};
  EXPECT_EQ(load(now, TypeInterest{kTask}), (Found{{1, 2}, {3, 9}, {4, 2}}));
  EXPECT_EQ(load(now, IndexInterest{kByStatus, {number(2)}}), (Found{{1, 2}, {4, 2}}));
  EXPECT_EQ(load(Version{1}, TypeInterest{kTask}), Found());
}

TEST_F(ReadsAtAVersion, ComeInPiecesOfOneVersionWhileCommitsGoOn) {
  for (std::uint64_t id = 10; id < 60; ++id)
    write(Changes().create(kTask, id, task(std::to_string(id), 5)));
  const Version then = server.core.pipeline().published();
  bob.send(LoadObjects{RequestId{7}, then, TypeInterest{kTask}});
  std::size_t rows = 0;
  bool last = false;
  for (int pieces = 0; !last; ++pieces) {
    ASSERT_LT(pieces, 100);
    bob.load_piece();
    for (ServerMessage& message : bob.take_all()) {
      const auto* loaded = std::get_if<ObjectsLoaded>(&message);
      if (loaded == nullptr) continue;
      last = loaded->last;
      rows += loaded->rows.objects.size();
      for (std::size_t i = 0; i < loaded->rows.objects.size(); ++i) {
        if (loaded->rows.objects[i].value < 10) continue;
        EXPECT_EQ(loaded->rows.values[i * loaded->rows.field_count + kStatus], number(5));
      }
    }
    for (std::uint64_t id = 10; id < 60; ++id) move(id, 6 + pieces);
  }
  EXPECT_EQ(rows, 53u);
}

TEST_F(ReadsAtAVersion, OfWhatCannotBeAreRefused) {
  EXPECT_EQ(refusal(Version{99}, TypeInterest{kTask}).code, ErrorCode::kMalformedMessage);
  EXPECT_EQ(refusal(Version{2}, TypeInterest{TypeId{9}}).code, ErrorCode::kUnknownType);
  EXPECT_EQ(refusal(Version{2}, IndexInterest{kByStatus, {}}).code, ErrorCode::kWrongType);
}

struct ShortMemory : ReadsAtAVersion {
  ShortMemory() : ReadsAtAVersion(limits()) {}
  static Limits limits() {
    Limits limits;
    limits.retained_versions_max = 3;
    limits.held_bytes_max = 20'000;
    limits.held_time_max = 10s;
    limits.silence_timeout = 10min;
    limits.heartbeat_interval = 10min;
    limits.loads_per_session_max = 2;
    return limits;
  }
};

TEST_F(ShortMemory, AVersionBehindTheHorizonIsTooOld) {
  for (int i = 0; i < 10; ++i) move(1, i);
  EXPECT_EQ(refusal(Version{2}, TypeInterest{kTask}).code, ErrorCode::kTooOld);
}

TEST_F(ShortMemory, AnOpenVersionHoldsTheHorizon) {
  bob.send(OldestOpenVersion{Version{2}});
  for (int i = 0; i < 10; ++i) move(1, i + 10);
  EXPECT_EQ(load(Version{2}, range(1, 1)), (Found{{1, 1}}));
  bob.send(OldestOpenVersion{Version{9}});
  move(1, 30);
  EXPECT_EQ(server.core.state().horizon(), Version{9});
  EXPECT_EQ(refusal(Version{2}, TypeInterest{kTask}).code, ErrorCode::kTooOld);
}

TEST_F(ShortMemory, AnOpenVersionHoldsTheHorizonOnlyUpToItsSize) {
  bob.send(OldestOpenVersion{Version{2}});
  for (int i = 0; i < 1000; ++i) move(1, i + 10);
  EXPECT_GT(server.core.state().horizon(), Version{2});
  EXPECT_LT(server.core.state().horizon(), Version{1000}) << "more than the usual three are kept";
}

TEST_F(ShortMemory, AnOpenVersionHoldsTheHorizonOnlySoLong) {
  bob.send(OldestOpenVersion{Version{2}});
  for (int i = 0; i < 10; ++i) move(1, i + 10);
  server.pass(5s);
  bob.send(OldestOpenVersion{Version{2}});  // to repeat it does not help
  move(1, 30);
  EXPECT_EQ(server.core.state().horizon(), Version{2});
  server.pass(6s);
  move(1, 31);
  EXPECT_GT(server.core.state().horizon(), Version{5});
}

TEST_F(ShortMemory, AClientThatLeftHoldsNothing) {
  {
    TestClient third(server);
    third.open();
    third.send(OldestOpenVersion{Version{2}});
    for (int i = 0; i < 10; ++i) move(1, i + 10);
    EXPECT_EQ(server.core.state().horizon(), Version{2});
  }
  move(1, 30);
  EXPECT_GT(server.core.state().horizon(), Version{5});
}

TEST_F(ShortMemory, ALoadThatIsNotReadEndsInTheEnd) {
  bob.send(LoadObjects{RequestId{1}, Version{2}, TypeInterest{kTask}});
  bob.send(LoadObjects{RequestId{2}, Version{2}, TypeInterest{kTask}});
  bob.send(LoadObjects{RequestId{3}, Version{2}, TypeInterest{kTask}});
  bob.expect<SchemaDefined>();
  const auto refused = bob.expect<RequestRefused>();
  EXPECT_EQ(std::get<RequestId>(refused.about), RequestId{3});
  EXPECT_EQ(refused.error.code, ErrorCode::kTooManyRequests);
  for (int i = 0; i < 10; ++i) move(1, i + 10);
  EXPECT_EQ(server.core.state().horizon(), Version{2}) << "they hold it";
  server.pass(10s);
  EXPECT_EQ(bob.expect_refused().code, ErrorCode::kTooOld);
  EXPECT_EQ(bob.expect_refused().code, ErrorCode::kTooOld);
  move(1, 30);
  EXPECT_GT(server.core.state().horizon(), Version{5});
}

}  // namespace
}  // namespace odb::server
