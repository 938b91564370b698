// One session by script, and again with its link cut at every byte of it, in either direction: the
// client comes back, and in the end everything is as if nothing had happened.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "odb/client/detail/transaction_state.h"
#include "odb/client/schema.h"
#include "scripted_cluster.h"

namespace odb::sim {
namespace {

using Direction = net::MemoryLink::Direction;

const Schema& schema() {
  static const Schema schema =
      Schema("cut")
          .define({.name = "Counter", .fields = {{"value", Type::integer()}}, .indexes = {}})
          .define({.name = "Note",
                   .fields = {{"kind", Type::integer()}, {"text", Type::text()}},
                   .indexes = {{"kind", {"kind"}}}});
  return schema;
}

// The script. Each step waits, so that one that waits for ever has a name.
class Script {
 public:
  explicit Script(ScriptedCluster& cluster)
      : cluster_(cluster), ann_(cluster.cut()), bob_(cluster.other()) {}

  // A sentence when it does not go as it should.
  std::string run() {
    static_cast<void>(open() && count() && read_lazily() && finish() && check());
    return wrong_;
  }

 private:
  // What is asked of a client that has to connect anew is asked again.
  template <class Ask>
  bool asked(ScriptedClient& client, const Ask& ask) {
    auto ticket = ask();
    return cluster_.until([&] {
      if (client.core().has_ended() || !ticket->error) return ticket->version.has_value();
      ticket = ask();
      return false;
    });
  }

  bool open() {
    for (ScriptedClient* client : {&bob_, &ann_}) {
      if (!cluster_.until([&] { return client->core().is_open(); })) return fail("it never opens");
      const auto define = [&] { return client->core().define(schema()); };
      if (!asked(*client, define)) return fail("the schema is never defined");
      const Catalog& catalog = *client->core().cache().catalog()->catalog;
      counter_ = catalog.find(TypeName{"cut", "Counter"})->id;
      note_ = catalog.find(TypeName{"cut", "Note"})->id;
      client->watched = counter_;
      const SubscriptionId all = client->core().subscribe(TypeInterest{counter_}, Loading::kEager);
      const auto loaded = [&] { return client->core().subscription(all).version.has_value(); };
      if (!cluster_.until(loaded)) return fail("the counters are never loaded");
    }
    return true;
  }

  bool count() {
    // Two in flight, the second without waiting for the first.
    if (!allocate(ann_, counter_, first_)) return fail("no identities come");
    if (!allocate(ann_, counter_, second_)) return fail("no identities come");
    create(ann_, first_);
    create(ann_, second_);
    if (!settle("the first counters")) return false;
    const auto has_second = [&] { return bob_.told.contains(second_); };
    if (!cluster_.until(has_second)) return fail("bob never sees a counter");
    add(bob_, first_, 10);
    tickets_.push_back(bob_.commit([&](auto& transaction) {
      transaction.remove({counter_, second_});
    }));
    if (!allocate(bob_, note_, text_)) return fail("no identities come");
    tickets_.push_back(bob_.commit([&](auto& transaction) {
      transaction.create({note_, text_}, {{FieldId{0}, Value::integer(1)},
                                          {FieldId{1}, Value::text("what is read lazily")}});
    }));
    if (!settle("what bob does")) return false;
    add(ann_, first_, 1);
    add(ann_, first_, 100);
    return settle("what ann adds");
  }

  bool read_lazily() {
    const SubscriptionId notes = ann_.core().subscribe(TypeInterest{note_}, Loading::kLazy);
    const auto loaded = [&] { return ann_.core().subscription(notes).version.has_value(); };
    if (!cluster_.until(loaded)) return fail("the notes are never loaded");
    std::shared_ptr<detail::LoadTicket> load;
    const auto read = [&] {
      load = ann_.core().load(ann_.core().cache().snapshot()->origin(),
                              ObjectsInterest{note_, {text_}});
    };
    read();
    const bool came = cluster_.until([&] {
      if (load->error) read();  // older than the server that there is now
      return load->complete;
    });
    if (!came) return fail("the note is never read");
    if (load->blocks.size() != 1 || load->blocks[0].values.size() != 2 ||
        load->blocks[0].values[1] != Value::text("what is read lazily")) {
      return fail("another note is read");
    }
    const auto ending = ann_.core().unsubscribe(notes);
    if (!cluster_.until([&] { return ending->is_done(); })) return fail("the notes never end");
    return !ending->error || fail("the end of the notes is refused: " + ending->error->message);
  }

  bool finish() {
    add(bob_, first_, 1000);
    if (!settle("bob's last")) return false;
    for (ScriptedClient* client : {&ann_, &bob_}) {
      if (!asked(*client, [&] { return client->core().flush(); }))
        return fail("it is never flushed");
    }
    return true;
  }

  bool check() {
    const std::map<ObjectId, std::int64_t> expected = {{first_, 1111}};
    for (ScriptedClient* client : {&ann_, &bob_}) {
      if (!client->wrong.empty()) {
        return fail("a handler is told of what is " + client->wrong.front());
      }
      if (client->told != expected) return fail("a handler was not told everything");
      const auto snapshot = client->core().cache().snapshot();
      std::map<ObjectId, std::int64_t> held;
      for (auto id = snapshot->next_object(counter_, ObjectId{1}); id;
           id = snapshot->next_object(counter_, ObjectId{id->value + 1})) {
        held[*id] = snapshot->find(counter_, *id)->fields()[0].as_int();
      }
      if (held != expected) return fail("a cache holds something else");
      if (snapshot->version() != Version{9}) {
        return fail("it ends at version " + std::to_string(snapshot->version().value));
      }
    }
    return true;
  }

  bool allocate(ScriptedClient& client, TypeId type, ObjectId& object) {
    return cluster_.until([&] {
      const auto allocated = client.core().allocate(type);
      if (allocated) object = *allocated;
      return allocated.has_value();
    });
  }
  void create(ScriptedClient& client, ObjectId object) {
    tickets_.push_back(client.commit([&](auto& transaction) {
      transaction.create({counter_, object}, {{FieldId{0}, Value::integer(0)}});
    }));
  }
  void add(ScriptedClient& client, ObjectId object, std::int64_t number) {
    tickets_.push_back(client.commit([&](auto& transaction) {
      transaction.apply({counter_, object}, {.kind = CellOperation::Kind::kAdd,
                                             .field = FieldId{0},
                                             .value = Value::integer(number)});
    }));
  }
  bool settle(const std::string& what) {
    for (const auto& ticket : std::exchange(tickets_, {})) {
      if (!cluster_.until([&] { return ticket->outcome.has_value(); })) {
        return fail("the outcome of " + what + " never comes");
      }
      if (!std::holds_alternative<Accepted>(*ticket->outcome)) return fail(what + " is refused");
    }
    return true;
  }
  bool fail(std::string wrong) {
    wrong_ = std::move(wrong);
    return false;
  }

  ScriptedCluster& cluster_;
  ScriptedClient& ann_;
  ScriptedClient& bob_;
  TypeId counter_;
  TypeId note_;
  ObjectId first_;
  ObjectId second_;
  ObjectId text_;
  std::vector<std::shared_ptr<detail::CommitTicket>> tickets_;
  std::string wrong_;
};

struct Lengths {
  std::uint64_t to_server = 0;
  std::uint64_t to_client = 0;
};

Lengths measure() {
  ScriptedCluster cluster(std::nullopt, Downfall::kNone);
  EXPECT_EQ(Script(cluster).run(), "");
  return {cluster.bytes(Direction::kToServer), cluster.bytes(Direction::kToClient)};
}

void cut_everywhere(Downfall downfall) {
  const Lengths lengths = measure();
  ASSERT_GT(lengths.to_server, 1000u);
  ASSERT_GT(lengths.to_client, 1000u);
  std::uint64_t runs = 0;
  for (const auto& [direction, length] : {std::pair(Direction::kToServer, lengths.to_server),
                                          std::pair(Direction::kToClient, lengths.to_client)}) {
    for (std::uint64_t position = 0; position < length; ++position, ++runs) {
      ScriptedCluster cluster(Cut{direction, position}, downfall);
      const std::string wrong = Script(cluster).run();
      const char* where = direction == Direction::kToServer ? "to the server" : "to the client";
      ASSERT_EQ(wrong, "") << "cut after byte " << position << " " << where;
      ASSERT_TRUE(cluster.was_cut()) << "at byte " << position << " " << where;
      ASSERT_EQ(cluster.servers(), downfall == Downfall::kNone ? 1u : 2u);
    }
  }
  std::printf("cut at each of %lu bytes to the server and %lu to the client: %lu runs\n",
              lengths.to_server, lengths.to_client, runs);
}

TEST(CutLinks, AtNoByteChangeWhatHappens) { cut_everywhere(Downfall::kNone); }
TEST(CutLinks, AtNoByteChangeWhatHappensWhenTheServerDiesToo) { cut_everywhere(Downfall::kAtOnce); }
TEST(CutLinks, AtNoByteChangeWhatHappensWhenTheServerDiesBeforeItHasStoredAnything) {
  cut_everywhere(Downfall::kBeforeStoring);
}
TEST(CutLinks, AtNoByteChangeWhatHappensWhenTheServerDiesBeforeItHasAnswered) {
  cut_everywhere(Downfall::kBeforeAnswering);
}

// The script is worth something only if it notices.
TEST(CutLinks, FindOutAServerThatForgetsWhatTookEffect) {
  const Lengths lengths = measure();
  std::uint64_t found = 0;
  for (std::uint64_t position = 0; position < lengths.to_client; ++position) {
    ScriptedCluster cluster(Cut{Direction::kToClient, position}, Downfall::kBeforeAnswering,
                            SimStore::Honesty::kForgetsClients);
    if (!Script(cluster).run().empty()) ++found;
  }
  EXPECT_GT(found, 0u);
}

}  // namespace
}  // namespace odb::sim
