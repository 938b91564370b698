// Snapshots sent piece by piece while commits, schema changes and failures go on.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "client_copy.h"
#include "support/random_value.h"
#include "test_cluster.h"

namespace odb::server {
namespace {

using test::below;
using test::ClientCopy;
using test::FakeStore;
using test::number;
using test::TestClient;
using test::TestServer;

constexpr TypeId kBlob{1};
constexpr TypeId kNote{2};
constexpr std::uint32_t kBody = 0;
constexpr std::uint32_t kGroup = 1;
constexpr IndexId kByGroup{1};
constexpr IndexId kNotesByGroup{2};

SchemaDefinition blobs() {
  const std::vector<FieldDefinition> fields = {{"body", Type::text()}, {"group", Type::integer()}};
  return {"blobs",
          {{"Blob", fields, {{"group", {"group"}}}}, {"Note", fields, {{"group", {"group"}}}}}};
}

// One writer, one subscriber with one or two interests, and a store that lags and sometimes fails.
class RandomLoad {
 public:
  explicit RandomLoad(std::uint64_t seed)
      : random_(seed),
        server_({}, TestServer::kAllowAll, FakeStore::Completion::kAtOnce),
        writer_(server_),
        reader_(server_) {
    writer_.open();
    reader_.open();
    writer_.define(blobs());
    for (int i = 0; i < 15; ++i) write();
    server_.store.set_completion(FakeStore::Completion::kWhenTold);
  }

  void run() {
    for (std::uint64_t number = 1; number <= 1 + below(random_, 2); ++number) {
      interests_.push_back(random_interest());
      reader_.send(Subscribe{SubscriptionId{number}, interests_.back()});
    }
    for (int i = 0; i < 60; ++i) step();
    server_.store.complete_all();
    while (reader_.session().has_snapshots()) reader_.load_piece();
    drain();
  }

  void check() {
    EXPECT_EQ(copy_.loaded().size(), interests_.size());
    const Catalog& catalog = *server_.core.pipeline().published_catalog();
    EXPECT_EQ(copy_.filled_up(catalog), expected(catalog));
  }
  std::size_t pieces() const { return pieces_; }

 private:
  void step() {
    const std::size_t dice = below(random_, 20);
    if (dice < 8) {
      write();
    } else if (dice < 13) {
      reader_.load_piece();
    } else if (dice < 16) {
      server_.store.complete(below(random_, 4));
    } else if (dice < 17) {
      const auto& appended = server_.store.appended();
      if (!appended.empty()) server_.store.lose_from(test::pick(random_, appended).version);
    } else if (dice < 18) {
      define_more();
    } else {
      drain();
    }
  }

  Interest random_interest() {
    switch (below(random_, 4)) {
      case 0:
        return SchemaInterest{"blobs"};
      case 1:
        return TypeInterest{below(random_, 2) == 0 ? kBlob : kNote};
      case 2:
        return IndexInterest{below(random_, 2) == 0 ? kByGroup : kNotesByGroup,
                             {number(static_cast<std::int64_t>(below(random_, 2)))}};
      default: {
        ObjectsInterest interest{kBlob, {}};
        for (std::uint64_t id = 1; id < 40; ++id) {
          if (below(random_, 2) == 0) interest.objects.push_back(ObjectId{id});
        }
        std::shuffle(interest.objects.begin(), interest.objects.end(), random_);
        return interest;
      }
    }
  }

  // Blobs have odd identities, notes even ones; deleted ones are never used again.
  void write() {
    test::Changes changes;
    std::vector<std::uint64_t> ids;
    for (std::size_t i = 1 + below(random_, 3); i > 0; --i) ids.push_back(1 + below(random_, 39));
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    const VersionedState& state = server_.core.state();
    for (const std::uint64_t id : ids) {
      const TypeId type = id % 2 == 1 ? kBlob : kNote;
      const Row* newest = state.objects(type)->newest(ObjectId{id});
      const test::Cells cells = random_cells();
      if (newest == nullptr) {
        changes.create(type, id, cells);
      } else if (newest->deleted()) {
        continue;
      } else if (below(random_, 4) == 0) {
        changes.erase(type, id);
      } else {
        changes.update(type, id, cells);
      }
    }
    writer_.commit(changes);
    writer_.take_all();
  }
  test::Cells random_cells() {
    static const std::vector<Value> kBodies = {Value::text(""),
                                               Value::text(std::string(50'000, 'a')),
                                               Value::text(std::string(140'000, 'b'))};
    test::Cells cells;
    if (below(random_, 2) == 0) cells.push_back({kBody, test::pick(random_, kBodies)});
    if (below(random_, 3) > 0) {
      cells.push_back({kGroup, number(static_cast<std::int64_t>(below(random_, 2)))});
    }
    return cells;
  }
  void define_more() {
    const std::string name = "extra" + std::to_string(below(random_, 3));
    const char* type = below(random_, 2) == 0 ? "Blob" : "Note";
    writer_.send(DefineSchema{RequestId{1}, {"blobs", {{type, {{name, Type::integer()}}}}}});
    writer_.take_all();
  }
  void drain() {
    for (const ServerMessage& message : reader_.take_all()) {
      if (std::holds_alternative<SnapshotChunk>(message)) ++pieces_;
      copy_.take(message);
    }
  }

  bool wants(TypeId type, ObjectId object, const Row& row) const {
    for (const Interest& interest : interests_) {
      if (std::holds_alternative<SchemaInterest>(interest)) return true;
      if (const auto* of_type = std::get_if<TypeInterest>(&interest)) {
        if (of_type->type == type) return true;
      } else if (const auto* index = std::get_if<IndexInterest>(&interest)) {
        const TypeId indexed = index->index == kByGroup ? kBlob : kNote;
        if (indexed == type && row.fields()[kGroup] == index->key[0]) return true;
      } else {
        const auto& objects = std::get<ObjectsInterest>(interest);
        if (objects.type == type &&
            std::count(objects.objects.begin(), objects.objects.end(), object) > 0) {
          return true;
        }
      }
    }
    return false;
  }
  ClientCopy::Objects expected(const Catalog& catalog) const {
    ClientCopy::Objects out;
    const VersionedState& state = server_.core.state();
    for (std::uint64_t id = 1; id < 40; ++id) {
      const TypeId type = id % 2 == 1 ? kBlob : kNote;
      const Row* row = state.find(type, ObjectId{id}, state.version());
      if (row == nullptr || !wants(type, ObjectId{id}, *row)) continue;
      const CatalogType& described = *catalog.find(type);
      auto& fields = out[{type, ObjectId{id}}];
      for (std::uint32_t field = 0; field < described.fields.size(); ++field) {
        fields[field] = VersionedState::field_of(described, *row, FieldId{field});
      }
    }
    return out;
  }

  test::Random random_;
  TestServer server_;
  TestClient writer_;
  TestClient reader_;
  std::vector<Interest> interests_;
  ClientCopy copy_;
  std::size_t pieces_ = 0;
};

TEST(Snapshot, AndDeltasTogetherAreExactWhateverHappensBetweenThePieces) {
  const std::uint64_t seed = test::random_seed();
  std::size_t pieces = 0;
  for (std::uint64_t round = 0; round < 200; ++round) {
    SCOPED_TRACE("ODB_TEST_SEED=" + std::to_string(seed + round));
    RandomLoad load(seed + round);
    load.run();
    load.check();
    pieces += load.pieces();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(pieces, 500u) << "snapshots came in too few pieces to mean anything";
}

TEST(Snapshot, PausesWhileMuchIsQueuedAndGoesOnAfterwards) {
  TestServer server;
  TestClient writer(server);
  TestClient reader(server);
  writer.open();
  reader.open();
  writer.define(blobs());
  for (std::uint64_t id = 1; id <= 40; ++id) {
    writer.commit(
        test::Changes().create(kBlob, id, {{kBody, Value::text(std::string(60'000, 'x'))}}));
    writer.expect_accepted();
  }
  reader.send(Subscribe{SubscriptionId{1}, TypeInterest{kBlob}});
  std::size_t rows = 0;
  int rounds = 0;
  while (reader.session().has_snapshots()) {
    reader.load();
    EXPECT_LT(reader.link().queued_bytes(), kSnapshotQueueBytes + 300'000);
    for (const ServerMessage& message : reader.take_all()) {
      if (const auto* chunk = std::get_if<SnapshotChunk>(&message))
        rows += chunk->rows.objects.size();
    }
    ASSERT_LT(++rounds, 100);
  }
  EXPECT_EQ(rows, 40u);
  EXPECT_GT(rounds, 2);
}

}  // namespace
}  // namespace odb::server
