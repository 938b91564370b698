// Where commits conflict, as server and client count it; and links inside the process.
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

using ConflictCounts = TodoServer;
using Counts = std::vector<ConflictCount>;

// A commit of `db` that conflicts, because `other` changes meanwhile what `read` reads.
template <class Read, class Change>
void conflict(Database& db, Database& other, const Read& read, const Change& change) {
  db.flush();
  Transaction tx = db.transaction();
  read(tx);
  tx.create(Task{.title = "never"});
  other.transact(change);
  EXPECT_THROW(tx.commit(), ConflictError);
}

TEST_F(ConflictCounts, TellWhereCommitsConflictMost) {
  start();
  Database ada = client();
  Database bob = client(kBob);
  const Ref<Task> task = create(ada, {.title = "a"});
  bob.flush();
  EXPECT_EQ(ada.conflict_counts(), Counts());
  EXPECT_EQ(server_->conflict_counts(), Counts());

  for (int i = 0; i < 3; ++i) {
    conflict(
        ada, bob, [&](Transaction& tx) { tx.get<&Task::priority>(task); },
        [&](Transaction& tx) { tx.set<&Task::priority>(task, i); });
  }
  for (int i = 0; i < 2; ++i) {
    conflict(
        bob, ada, [](Transaction& tx) { tx.lookup<&Task::status>("done"); },
        [&](Transaction& tx) {
          tx.create(Task{.title = "done " + std::to_string(i), .status = "done"});
        });
  }
  conflict(
      bob, ada, [](Transaction& tx) { tx.refs<Task>(); },
      [&](Transaction& tx) { tx.create(Task{.title = "b"}); });

  const TypeName name{"todo", "Task"};
  const ConflictCount of_field{ConflictKind::kField, name, "priority", 3};
  const ConflictCount of_index{ConflictKind::kIndex, name, "status", 2};
  const ConflictCount of_type{ConflictKind::kMembership, name, "", 1};
  EXPECT_EQ(ada.conflict_counts(), Counts{of_field});
  EXPECT_EQ(bob.conflict_counts(), (Counts{of_index, of_type}));
  EXPECT_EQ(server_->conflict_counts(), (Counts{of_field, of_index, of_type}));

  server_->stop();
  EXPECT_EQ(server_->conflict_counts(), (Counts{of_field, of_index, of_type}));
  EXPECT_EQ(ada.conflict_counts(), Counts{of_field});
}

TEST_F(ConflictCounts, CountReadsMarkedByHand) {
  start();
  Database ada = client();
  Database bob = client(kBob);
  const Ref<Task> task = create(ada, {.title = "a"});
  bob.flush();
  conflict(
      bob, ada, [&](Transaction& tx) { tx.mark_read(task, FieldId{2}); },
      [&](Transaction& tx) { tx.set<&Task::priority>(task, 1); });
  const IndexId by_status = bob.catalog()->find(task.type)->find_index("status")->id;
  const Value open[] = {Value::text("open")};
  conflict(
      bob, ada, [&](Transaction& tx) { tx.mark_read(by_status, open); },
      [&](Transaction& tx) { tx.create(Task{.title = "b"}); });
  // Another field, and another value, are not what was marked.
  Transaction tx = bob.transaction();
  tx.mark_read(task, FieldId{0});
  tx.mark_read(by_status, open);
  tx.set<&Task::title>(task, "still a");
  ada.transact([&](Transaction& other) {
    other.set<&Task::priority>(task, 2);
    other.create(Task{.title = "c", .status = "done"});
  });
  EXPECT_NO_THROW(tx.commit());
  const TypeName name{"todo", "Task"};
  EXPECT_EQ(bob.conflict_counts(), (Counts{{ConflictKind::kField, name, "priority", 1},
                                           {ConflictKind::kIndex, name, "status", 1}}));
}

TEST_F(ConflictCounts, DoNotCountOtherRefusals) {
  start();
  Database ada = client();
  create(ada, {.title = "a"});
  EXPECT_THROW(create(ada, {.title = "a"}), UniqueViolationError);
  EXPECT_EQ(ada.conflict_counts(), Counts());
  EXPECT_EQ(server_->conflict_counts(), Counts());
}

class ServerWithoutAPort : public TodoServer {
 protected:
  void start() {
    server::ServerOptions options;
    options.tokens = {{"ada", kAda}};
    options.listening = server::Listening::kNot;
    auto started = server::Server::start(std::move(options));
    ASSERT_TRUE(started) << started.error().message;
    server_ = *std::move(started);
  }
  Database client(const std::string& token = kAda) {
    auto link = server_->open_link();
    EXPECT_TRUE(link.has_value());
    return connect_over(link->release(), token);
  }
};

TEST_F(ServerWithoutAPort, IsReachedFromWithinTheProcess) {
  start();
  EXPECT_EQ(server_->port(), 0);
  Database ada = client();
  Database also = client();
  ada.subscribe(todo_schema());
  also.subscribe(todo_schema());
  const Ref<Task> task = create(ada, {.title = "a"});
  also.flush();
  EXPECT_EQ(also.view().get<&Task::title>(task), "a");
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(ServerWithoutAPort, ChecksTokens) {
  start();
  EXPECT_THROW(client(kBob), AuthenticationError);
}

TEST_F(ServerWithoutAPort, EndsItsLinksWhenItStops) {
  start();
  Database ada = client();
  server_->stop();
  EXPECT_THROW(ada.flush(), DisconnectedError);
  EXPECT_EQ(server_->open_link().error().code, ErrorCode::kShuttingDown);
}

TEST_F(ServerWithoutAPort, HoldsLinksThatNobodyUses) {
  start();
  { auto unused = server_->open_link(); }
  auto silent = server_->open_link();
  Database ada = client();
  EXPECT_NO_THROW(ada.flush());
}

}  // namespace
}  // namespace odb::test
