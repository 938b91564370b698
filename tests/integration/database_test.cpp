// What users of the C++ library rely on, over real TLS sockets.
#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

class DatabaseOverTls : public TodoServer {};

TEST_F(DatabaseOverTls, OneClientSeesWhatAnotherCommits) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> task = create(ada, {.title = "write", .priority = 3});
  bob.flush();
  const View view = bob.view();
  EXPECT_EQ(view.get<&Task::title>(task), "write");
  EXPECT_EQ(view.get<&Task::priority>(task), 3);
  EXPECT_EQ(view.lookup<&Task::status>("open").size(), 1u);
  EXPECT_TRUE(view.lookup<&Task::status>("done").empty());
}

TEST_F(DatabaseOverTls, ReadsItsOwnCommitAsSoonAsCommitReturns) {
  start();
  Database db = client();
  for (int i = 0; i < 100; ++i) {
    const Ref<Task> task = create(db, {.title = std::to_string(i)});
    ASSERT_EQ(db.view().get<&Task::title>(task), std::to_string(i));
  }
}

TEST_F(DatabaseOverTls, AViewStaysAsItIsWhileCommitsComeIn) {
  start();
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "one", .priority = 1});
  const View before = ada.view();
  {
    Transaction tx = ada.transaction();
    tx.set<&Task::priority>(task, 2);
    tx.set<&Task::status>(task, "done");
    tx.commit();
  }
  create(ada, {.title = "two"});
  EXPECT_EQ(before.get<&Task::priority>(task), 1);
  EXPECT_EQ(before.lookup<&Task::status>("open").size(), 1u);
  EXPECT_EQ(ada.view().get<&Task::priority>(task), 2);
}

TEST_F(DatabaseOverTls, AConflictNamesObjectFieldVersionsAndActor) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const Ref<Task> task = create(ada, {.title = "shared"});
  bob.flush();
  Transaction mine = ada.transaction();
  Transaction theirs = bob.transaction();
  const Version read = mine.version();
  mine.set<&Task::priority>(task, mine.get<&Task::priority>(task) + 1);
  theirs.set<&Task::priority>(task, theirs.get<&Task::priority>(task) + 1);
  const Version won = theirs.commit();
  try {
    mine.commit();
    FAIL() << "committed although the field had changed";
  } catch (const ConflictError& error) {
    const auto& cell = std::get<CellRead>(error.conflict().key);
    EXPECT_EQ(cell.object, task.object);
    EXPECT_EQ(error.conflict().read, read);
    EXPECT_EQ(error.conflict().won, won);
    EXPECT_EQ(error.conflict().actor, "bob");
    const std::string what = error.what();
    EXPECT_NE(what.find("todo.Task"), std::string::npos) << what;
    EXPECT_NE(what.find("priority"), std::string::npos) << what;
    EXPECT_NE(what.find("bob"), std::string::npos) << what;
  }
  EXPECT_EQ(ada.view().get<&Task::priority>(task), 1);
}

TEST_F(DatabaseOverTls, AConflictNamesWhatWasLookedUp) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  Transaction mine = ada.transaction();
  EXPECT_TRUE(mine.lookup<&Task::status>("stuck").empty());
  mine.create(Task{.title = "mine"});
  Transaction theirs = bob.transaction();
  theirs.create(Task{.title = "theirs", .status = "stuck"});
  const Version won = theirs.commit();
  try {
    mine.commit();
    FAIL() << "committed although what it had looked up is there now";
  } catch (const ConflictError& error) {
    const Conflict& conflict = error.conflict();
    char client[9];
    std::snprintf(client, sizeof client, "%08x", static_cast<unsigned>(conflict.client.high >> 32));
    EXPECT_EQ(error.what(), "conflict on \"stuck\" in index todo.Task.status: read at version " +
                                std::to_string(conflict.read.value) +
                                ", changed by bob in version " + std::to_string(won.value) +
                                ", request " + std::to_string(conflict.sequence.value) +
                                " of client " + client);
  }
}

TEST_F(DatabaseOverTls, WritersOfDifferentFieldsDoNotConflict) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "shared"});
  Transaction one = db.transaction();
  Transaction other = db.transaction();
  one.set<&Task::priority>(task, one.get<&Task::priority>(task) + 1);
  other.set<&Task::status>(task, other.get<&Task::status>(task) + "!");
  one.commit();
  EXPECT_NO_THROW(other.commit());
}

TEST_F(DatabaseOverTls, TryCommitReturnsTheConflict) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "shared"});
  Transaction tx = db.transaction();
  tx.get<&Task::priority>(task);
  tx.set<&Task::status>(task, "done");
  db.transact([&](Transaction& t) { t.set<&Task::priority>(task, 9); });
  EXPECT_TRUE(std::holds_alternative<Conflict>(tx.try_commit()));
}

TEST_F(DatabaseOverTls, TransactLosesNoIncrementAmongManyClients) {
  start();
  Database db = client();
  const Ref<Task> counter = create(db, {.title = "counter"});
  std::vector<std::future<void>> writers;
  for (int i = 0; i < 4; ++i) {
    writers.push_back(std::async(std::launch::async, [&] {
      Database own = client(kBob);
      for (int n = 0; n < 50; ++n) {
        own.transact([&](Transaction& tx) {
          tx.set<&Task::priority>(counter, tx.get<&Task::priority>(counter) + 1);
        });
      }
    }));
  }
  for (auto& writer : writers) writer.get();
  db.flush();
  EXPECT_EQ(db.view().get<&Task::priority>(counter), 200);
}

TEST_F(DatabaseOverTls, ATransactionWithoutWritesEndsLocally) {
  start();
  Database db = client();
  const Ref<Task> task = create(db, {.title = "read me"});
  Transaction tx = db.transaction();
  tx.get<&Task::title>(task);
  const Version version = tx.version();
  server_->stop();
  EXPECT_EQ(tx.commit(), version);
}

TEST_F(DatabaseOverTls, CreatedAndDeletedInOneTransactionIsNoWrite) {
  start();
  Database db = client();
  Transaction tx = db.transaction();
  const Ref<Task> task = tx.create(Task{.title = "brief"});
  tx.remove(task);
  const Version before = db.version();
  EXPECT_EQ(tx.commit(), before);
}

TEST_F(DatabaseOverTls, ADuplicateInAUniqueIndexIsRefusedAndNamed) {
  start();
  Database db = client();
  create(db, {.title = "only one"});
  Transaction tx = db.transaction();
  tx.create(Task{.title = "only one"});
  try {
    tx.commit();
    FAIL() << "committed a duplicate";
  } catch (const UniqueViolationError& error) {
    EXPECT_NE(std::string(error.what()).find("todo.Task.title"), std::string::npos);
  }
  EXPECT_EQ(db.view().lookup<&Task::title>("only one").size(), 1u);
}

TEST_F(DatabaseOverTls, AReferenceCanBeUsedBeforeItsObjectIsCommitted) {
  start();
  Database db = client();
  Transaction tx = db.transaction();
  const Ref<Task> parent = tx.create(Task{.title = "parent"});
  const Ref<Task> child = tx.create(Task{.title = "child", .parent = parent});
  tx.commit();
  EXPECT_EQ(db.view().get<&Task::parent>(child), parent);
}

TEST_F(DatabaseOverTls, AnAsynchronousCommitTellsItsOutcomeOnce) {
  start();
  Database db = client();
  std::promise<CommitOutcome> outcome;
  Transaction tx = db.transaction();
  tx.create(Task{.title = "later"});
  tx.commit_async([&](const CommitOutcome& done) { outcome.set_value(done); });
  EXPECT_TRUE(std::holds_alternative<Accepted>(outcome.get_future().get()));
}

TEST_F(DatabaseOverTls, PipelinedCommitsBeyondTheCreditsAllSucceed) {
  server::Limits limits;
  limits.commit_credits = 4;
  start(limits);
  Database db = client();
  constexpr int kCommits = 2000;
  std::promise<void> all;
  std::atomic<int> accepted = 0;
  for (int i = 0; i < kCommits; ++i) {
    Transaction tx = db.transaction();
    tx.create(Task{.title = std::to_string(i)});
    tx.commit_async([&](const CommitOutcome& done) {
      if (std::holds_alternative<Accepted>(done) && ++accepted == kCommits) all.set_value();
    });
  }
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(60)), std::future_status::ready);
  EXPECT_EQ(db.view().lookup<&Task::status>("open").size(), std::size_t{kCommits});
}

TEST_F(DatabaseOverTls, HandlersSeeEveryVersionInOrderWithItsActor) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  std::mutex mutex;
  std::vector<std::uint64_t> versions;
  std::promise<void> all;
  bob.on_commit([&](const Change& change) {
    const std::lock_guard lock(mutex);
    EXPECT_EQ(change.actor, "ada");
    EXPECT_EQ(change.view.version(), change.version);
    EXPECT_EQ(change.created_of<Task>().size(), 1u);
    EXPECT_EQ(change.index_additions.size(), 2u);
    versions.push_back(change.version.value);
    if (versions.size() == 100) all.set_value();
  });
  for (int i = 0; i < 100; ++i) create(ada, {.title = std::to_string(i)});
  ASSERT_EQ(all.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  for (std::size_t i = 1; i < versions.size(); ++i) EXPECT_EQ(versions[i], versions[i - 1] + 1);
}

TEST_F(DatabaseOverTls, AHandlerMayCommitAndWait) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  std::promise<void> answered;
  std::atomic<bool> once = false;
  bob.on_commit([&](const Change& change) {
    if (change.actor != "ada" || once.exchange(true)) return;
    create(bob, {.title = "answer"});
    bob.flush();
    answered.set_value();
  });
  create(ada, {.title = "question"});
  ASSERT_EQ(answered.get_future().wait_for(std::chrono::seconds(30)), std::future_status::ready);
  ada.flush();
  EXPECT_EQ(ada.view().lookup<&Task::title>("answer").size(), 1u);
}

TEST_F(DatabaseOverTls, ARemovedHandlerDoesNotRunAgain) {
  start();
  Database db = client();
  std::atomic<int> calls = 0;
  const HandlerId handler = db.on_commit([&](const Change&) { ++calls; });
  create(db, {.title = "one"});
  db.remove_handler(handler);
  const int before = calls;
  create(db, {.title = "two"});
  db.flush();
  EXPECT_EQ(calls, before);
}

TEST_F(DatabaseOverTls, AnIndexSubscriptionHoldsItsValueOnly) {
  start();
  Database ada = client(kAda);
  const Ref<Task> open_one = create(ada, {.title = "a", .status = "open"});
  const Ref<Task> done_one = create(ada, {.title = "b", .status = "done"});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  bob.subscribe(where<&Task::status>("open"));
  EXPECT_TRUE(bob.view().exists(open_one));
  EXPECT_FALSE(bob.view().exists(done_one));

  // One moves in and arrives complete, the other moves out.
  Transaction tx = ada.transaction();
  tx.set<&Task::status>(open_one, "done");
  tx.set<&Task::status>(done_one, "open");
  tx.commit();
  bob.flush();
  EXPECT_FALSE(bob.view().exists(open_one));
  EXPECT_EQ(bob.view().get<&Task::title>(done_one), "b");
}

TEST_F(DatabaseOverTls, ATransactionFetchesWhatNoSubscriptionCovers) {
  start();
  Database ada = client(kAda);
  const Ref<Task> done_one = create(ada, {.title = "b", .status = "done"});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  bob.subscribe(where<&Task::status>("open"));
  Transaction tx = bob.transaction();
  const Ref<Task> removed = create(ada, {.title = "c", .status = "done"});
  ada.transact([&](Transaction& later) {
    later.set<&Task::title>(done_one, "later");
    later.remove(removed);
  });
  bob.flush();
  // As of the version that the transaction reads, whatever was committed since.
  EXPECT_EQ(tx.get<&Task::title>(done_one), "b");
  EXPECT_TRUE(tx.exists(done_one));
  EXPECT_FALSE(tx.exists(removed)) << "created after the transaction began";
  EXPECT_EQ(tx.lookup<&Task::status>("done"), std::vector{done_one});
  EXPECT_TRUE(tx.lookup<&Task::status>("open").empty());
  EXPECT_EQ(tx.refs<Task>(), std::vector{done_one});
  // What was fetched was read: the change since is a conflict.
  tx.create(Task{.title = "d"});
  EXPECT_TRUE(std::holds_alternative<Conflict>(tx.try_commit()));
  EXPECT_FALSE(bob.view().exists(done_one)) << "nothing of it stays in the cache";
}

TEST_F(DatabaseOverTls, AroundWaitRunsTheWaitsOfReadsAndNothingElse) {
  start();
  Database ada = client(kAda);
  const Ref<Task> task = create(ada, {.title = "far away", .priority = 3});
  int waits = 0;
  ConnectOptions options;
  options.around_wait = [&](const std::function<void()>& wait) {
    ++waits;
    wait();
  };
  Database bob = connect_only(kBob, std::move(options));
  bob.subscribe(todo_schema(), Loading::kLazy);
  const View view = bob.view();
  EXPECT_EQ(view.lookup<&Task::title>("far away"), std::vector{task});
  EXPECT_EQ(waits, 0);
  EXPECT_EQ(view.get<&Task::priority>(task), 3);
  EXPECT_EQ(view.get<&Task::priority>(task), 3);
  EXPECT_EQ(bob.view().get<&Task::priority>(task), 3);
  EXPECT_EQ(waits, 1);
}

TEST_F(DatabaseOverTls, WaitsForAVersionAndForWhatAViewDoesNotShow) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const View before = bob.view();
  EXPECT_EQ(code_of([&] { bob.wait_for_change(before, std::chrono::milliseconds(0)); }),
            ErrorCode::kTimeout);
  std::future<void> changed = std::async(std::launch::async, [&] { bob.wait_for_change(before); });
  create(ada, {.title = "new"});
  changed.get();
  EXPECT_EQ(bob.view().lookup<&Task::title>("new").size(), 1u);
  bob.wait_for_version(ada.version());  // is there already
  const Version later{ada.version().value + 1};
  EXPECT_EQ(code_of([&] { bob.wait_for_version(later, std::chrono::milliseconds(0)); }),
            ErrorCode::kTimeout);
  std::future<ErrorCode> interrupted =
      std::async(std::launch::async, [&] { return code_of([&] { bob.wait_for_version(later); }); });
  server_->stop();
  EXPECT_NE(interrupted.get(), ErrorCode::kNone);
}

TEST_F(DatabaseOverTls, SingleObjectsCanBeSubscribedTo) {
  start();
  Database ada = client(kAda);
  const Ref<Task> one = create(ada, {.title = "one"});
  const Ref<Task> two = create(ada, {.title = "two"});
  Database bob = connect_only(kBob);
  bob.define(todo_schema());
  bob.subscribe(objects(std::vector{one}));
  EXPECT_TRUE(bob.view().exists(one));
  EXPECT_FALSE(bob.view().exists(two));
  Transaction tx = ada.transaction();
  tx.remove(one);
  tx.commit();
  bob.flush();
  EXPECT_FALSE(bob.view().exists(one));
}

TEST_F(DatabaseOverTls, ManyMoreObjectsThanTheFirstIdentitiesCanBeCreated) {
  start();
  Database db = client();
  Transaction tx = db.transaction();
  for (int i = 0; i < 20'000; ++i) tx.create(Task{.title = std::to_string(i)});
  tx.commit();
  EXPECT_EQ(db.view().lookup<&Task::status>("open").size(), 20'000u);
}

TEST_F(DatabaseOverTls, AValueOfThirtyTwoMebibytesArrivesWhole) {
  start();
  Database ada = client(kAda);
  Database bob = client(kBob);
  const std::string big(32 * 1024 * 1024, 'x');
  const Ref<Task> task = create(ada, {.title = "big", .status = big});
  bob.flush();
  EXPECT_EQ(bob.view().get<&Task::status>(task), big);
  Database late = client(kBob);
  EXPECT_EQ(late.view().get<&Task::status>(task), big);
}

TEST_F(DatabaseOverTls, ATransactionAboveTheLimitIsRefusedAndLosesNothing) {
  server::Limits limits;
  limits.commit_bytes_max = 64 * 1024;
  start(limits);
  Database db = client();
  Transaction tx = db.transaction();
  tx.create(Task{.title = "too big", .status = std::string(100 * 1024, 'x')});
  EXPECT_EQ(code_of([&] { tx.commit(); }), ErrorCode::kTransactionTooLarge);
  EXPECT_NO_THROW(create(db, {.title = "small"}));
}

TEST_F(DatabaseOverTls, AnotherClientsNewFieldsAndTypesDoNotDisturb) {
  start();
  Database ada = client(kAda);
  const Ref<Task> old_task = create(ada, {.title = "old"});
  Database bob = connect_only(kBob);
  Schema wider("todo");
  wider.define(TypeDefinition{"Task", {{"title", Type::text()}, {"color", Type::text()}}, {}});
  wider.define(TypeDefinition{"Note", {{"text", Type::text()}}, {{"", {"text"}}}});
  bob.subscribe(wider);
  const CatalogType& task = *bob.catalog()->find(TypeName{"todo", "Task"});
  const CatalogType& note = *bob.catalog()->find(TypeName{"todo", "Note"});
  Transaction tx = bob.transaction();
  tx.set(old_task, *task.find_field("color"), Value::text("red"));
  const ObjectRef made = tx.create(note.id, {{FieldId{0}, Value::text("hello")}});
  tx.commit();
  ada.flush();
  EXPECT_EQ(ada.view().get<&Task::title>(old_task), "old");
  EXPECT_EQ(ada.view().get(made, FieldId{0}).as_text(), "hello");
  EXPECT_EQ(ada.view().get(old_task, *task.find_field("color")).as_text(), "red");
}

TEST_F(DatabaseOverTls, ASchemaThatContradictsTheStoredOneIsRefusedByName) {
  start();
  Database ada = client(kAda);
  Database bob = connect_only(kBob);
  Schema other("todo");
  other.define(TypeDefinition{"Task", {{"priority", Type::text()}}, {}});
  try {
    bob.define(other);
    FAIL() << "accepted a contradiction";
  } catch (const SchemaError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kSchemaContradiction);
    for (const char* part : {"todo", "Task", "priority", "int", "text"}) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
    }
  }
  EXPECT_NO_THROW(create(ada, {.title = "still here"}));
}

TEST_F(DatabaseOverTls, SnapshotsLoadWhileOthersCommitAtFullSpeed) {
  start();
  Database ada = client(kAda);
  // Pairs whose priorities always add up to 0: a torn snapshot would show another sum.
  std::vector<Ref<Task>> pairs;
  Transaction make = ada.transaction();
  for (int i = 0; i < 4000; ++i) {
    pairs.push_back(make.create(Task{.title = std::to_string(i)}));
  }
  make.commit();
  std::atomic<bool> stop = false;
  auto writer = std::async(std::launch::async, [&] {
    for (std::size_t i = 0; !stop; ++i) {
      const std::size_t pair = (i * 7919) % (pairs.size() / 2) * 2;
      Transaction tx = ada.transaction();
      tx.set<&Task::priority>(pairs[pair], static_cast<std::int64_t>(i));
      tx.set<&Task::priority>(pairs[pair + 1], -static_cast<std::int64_t>(i));
      tx.commit();
    }
  });
  for (int round = 0; round < 5; ++round) {
    Database bob = client(kBob);
    const View view = bob.view();
    for (std::size_t i = 0; i < pairs.size(); i += 2) {
      ASSERT_EQ(view.get<&Task::priority>(pairs[i]) + view.get<&Task::priority>(pairs[i + 1]), 0);
    }
  }
  stop = true;
  writer.get();
}

}  // namespace
}  // namespace odb::test
