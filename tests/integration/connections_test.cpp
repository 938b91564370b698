// Connections as objects, over real TLS sockets.
#include <string>
#include <vector>

#include "todo_server.h"

namespace odb::test {
namespace {

struct Lease {
  std::string what{};
  Ref<Connection> holder{};
};
BOOST_DESCRIBE_STRUCT(Lease, (), (what, holder))

struct Seat {
  std::int64_t number = 0;
  std::optional<Ref<Connection>> taken_by{};
};
BOOST_DESCRIBE_STRUCT(Seat, (), (number, taken_by))

Schema lease_schema() {
  Schema schema("leases");
  schema.define<Lease>(unique<&Lease::what>(), owned_by<&Lease::holder>());
  schema.define<Seat>(owned_by<&Seat::taken_by>("by_guest"));
  return schema;
}

class Connections : public TodoServer {
 protected:
  Database client(const std::string& token = kAda, const std::string& name = "tests") {
    ConnectOptions options;
    options.name = name;
    Database db = connect_only(token, options);
    db.subscribe(lease_schema());
    db.subscribe(core_schema());
    return db;
  }
  // Until the newest view shows it; throws when that takes too long.
  template <class Condition>
  static void wait_until(Database& db, const Condition& is_true) {
    for (View view = db.view(); !is_true(view); view = db.view()) {
      db.wait_for_change(view, std::chrono::seconds(20));
    }
  }
  static std::size_t count(const View& view) {
    std::size_t connections = 0;
    for ([[maybe_unused]] const auto& each : view.all<Connection>()) ++connections;
    return connections;
  }
  static Ref<Lease> take(Database& db, const std::string& what) {
    const Ref<Connection> self = db.connection_object();
    Transaction tx = db.transaction();
    const Ref<Lease> lease = tx.create(Lease{.what = what, .holder = self});
    tx.commit();
    return lease;
  }
};

TEST_F(Connections, ComeAndGoWithClients) {
  start();
  Database ada = client(kAda, "watcher");
  const View alone = ada.view();
  const auto self = ada.connection_object();
  EXPECT_EQ(alone.get<&Connection::name>(self), "watcher");
  EXPECT_EQ(alone.get<&Connection::actor>(self), "ada");
  EXPECT_NE(alone.get<&Connection::address>(self), "");
  EXPECT_LT(std::chrono::system_clock::now() - alone.get<&Connection::since>(self),
            std::chrono::minutes(1));
  EXPECT_EQ(count(alone), 1u);
  {
    Database bob = client(kBob, "worker 7");
    ada.flush();
    const auto found = ada.view().lookup<&Connection::name>("worker 7");
    ASSERT_EQ(found.size(), 1u);
    EXPECT_EQ(found[0], bob.connection_object());
    EXPECT_EQ(ada.view().get<&Connection::actor>(found[0]), "bob");
  }
  wait_until(ada, [](const View& view) { return count(view) == 1; });
  EXPECT_TRUE(ada.view().exists(self));
}

TEST_F(Connections, AreNamedAfterTheProgramUnlessTold) {
  start();
  Database db = connect_only();
  db.subscribe(core_schema());
  EXPECT_EQ(db.view().get<&Connection::name>(db.connection_object()),
            std::string(::program_invocation_short_name));
}

TEST_F(Connections, TakeAlongWhatTheyOwn) {
  start();
  Database ada = client();
  const Ref<Lease> adas = take(ada, "a");
  Ref<Seat> free;
  ada.transact([&](Transaction& tx) { free = tx.create(Seat{.number = 1}); });
  auto bob = std::make_unique<Database>(client(kBob));
  const Ref<Lease> bobs = take(*bob, "b");
  Ref<Seat> taken;
  const auto bob_himself = bob->connection_object();
  bob->transact(
      [&](Transaction& tx) { taken = tx.create(Seat{.number = 2, .taken_by = bob_himself}); });
  ada.flush();
  EXPECT_EQ(ada.view().lookup<&Lease::holder>(bob_himself), std::vector<Ref<Lease>>{bobs});

  bob.reset();
  wait_until(ada, [&](const View& view) { return !view.exists(bob_himself); });
  const View after = ada.view();  // all of it in one commit
  EXPECT_FALSE(after.exists(bobs));
  EXPECT_FALSE(after.exists(taken));
  EXPECT_TRUE(after.exists(adas));
  EXPECT_TRUE(after.exists(free));

  Transaction late = ada.transaction();
  late.set<&Seat::taken_by>(free, bob_himself);
  EXPECT_THROW(late.commit(), ConflictError);
}

TEST_F(Connections, LeasesAreExclusiveAndFreeAgainWhenTheHolderIsGone) {
  start();
  Database ada = client();
  auto bob = std::make_unique<Database>(client(kBob));
  take(*bob, "the lock");
  EXPECT_EQ(code_of([&] { take(ada, "the lock"); }), ErrorCode::kUniqueViolation);
  bob.reset();
  wait_until(ada, [](const View& view) { return view.lookup<&Lease::what>("the lock").empty(); });
  EXPECT_EQ(code_of([&] { take(ada, "the lock"); }), ErrorCode::kNone);
}

TEST_F(Connections, AreWrittenByTheServerOnly) {
  start();
  Database ada = client();
  const auto self = ada.connection_object();
  Transaction rename = ada.transaction();
  rename.set<&Connection::name>(self, "queen");
  EXPECT_EQ(code_of([&] { rename.commit(); }), ErrorCode::kServerWrites);
  Transaction create = ada.transaction();
  create.create(Connection{});
  EXPECT_EQ(code_of([&] { create.commit(); }), ErrorCode::kServerWrites);
}

TEST_F(Connections, ANameTooLongIsRefused) {
  start();
  ConnectOptions options;
  options.name = std::string(257, 'x');
  EXPECT_EQ(code_of([&] { connect_only(kAda, options); }), ErrorCode::kValueOutOfRange);
}

}  // namespace
}  // namespace odb::test
