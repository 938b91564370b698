#include "wire/sample_messages.h"

#include <limits>

namespace odb::wire {
namespace {

Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (int value : values) out.push_back(static_cast<std::byte>(value));
  return out;
}

template <class Array>
Array counting(int first) {
  Array array{};
  for (std::byte& byte : array) byte = static_cast<std::byte>(first++);
  return array;
}

CellOperation set(std::uint32_t field, Value value) {
  return {CellOperation::Kind::kSet, {field}, std::move(value), {}};
}

// Every cell operation and the changes that a client may ask for.
Changeset sample_changes() {
  using Kind = CellOperation::Kind;
  Changeset changes;
  changes.begin(ObjectChange::Kind::kCreate, {3}, {1001});
  changes.add_cell(set(0, Value::text("read")));
  changes.add_cell(set(1, Value::none()));
  changes.begin(ObjectChange::Kind::kUpdate, {3}, {1000});
  changes.add_cell({Kind::kAdd, {2}, Value::integer(-1), {}});
  changes.add_cell({Kind::kAppend, {4}, Value::text("urgent"), {}});
  changes.add_cell({Kind::kInsert, {5}, Value::real(0.5), Value::text("weight")});
  changes.add_cell({Kind::kErase, {5}, {}, Value::text("height")});
  changes.begin(ObjectChange::Kind::kDelete, {4}, {7});
  return changes;
}

Changeset changes_of_all_values() {
  Changeset changes;
  changes.begin(ObjectChange::Kind::kUpdate, {3}, {1000});
  std::uint32_t field = 0;
  for (Value& value : sample_values()) changes.add_cell(set(field++, std::move(value)));
  return changes;
}

ReadSet sample_reads() {
  ReadSet reads;
  reads.cells = {{{3}, {1}, {1000}}, {{3}, {2}, {1001}}};
  reads.existences = {{{4}, {7}}};
  reads.indexes = {{{9}, std::string("\x04open\0", 6)}, {{9}, ""}};
  reads.memberships = {{{3}}, {{4}}};
  return reads;
}

Commit smallest_commit() {
  Commit commit;
  commit.sequence = {7};
  commit.lowest_unresolved = {6};
  commit.request.snapshot = {100};
  commit.request.reads.cells = {{{3}, {1}, {1000}}};
  commit.request.writes.begin(ObjectChange::Kind::kUpdate, {3}, {1000});
  commit.request.writes.add_cell(set(1, Value::integer(5)));
  return commit;
}

SchemaDefinition sample_schema() {
  SchemaDefinition schema{"todo", {}};
  TypeDefinition task{"Task", {}, {}};
  int number = 0;
  for (Type& type : sample_types()) {
    task.fields.push_back({"field" + std::to_string(number++), std::move(type)});
  }
  task.indexes = {{"field2", {"field2"}, Uniqueness::kMany},
                  {"by_both", {"field1", "field4"}, Uniqueness::kUnique}};
  schema.types = {task, {"Empty", {}, {}}};
  return schema;
}

CatalogType sample_catalog_type() {
  CatalogType type;
  type.id = {3};
  type.name = {"todo", "Task"};
  type.fields = {{"title", Type::text(), Value::text("")},
                 {"parent", Type::reference({"todo", "Task"}), std::nullopt},
                 {"status", Type::one_of({Type::none(), Type::integer()}), Value::none()}};
  type.fields[1].type.target_id = {3};
  type.indexes = {{{9}, {3}, "status_title", {{2}, {0}}, Uniqueness::kMany},
                  {{10}, {3}, "title", {{0}}, Uniqueness::kUnique}};
  return type;
}

RowBlock sample_rows() {
  RowBlock rows;
  rows.type = {3};
  rows.field_count = 10;
  for (std::uint64_t i = 1; i <= 3; ++i) {
    const auto number = static_cast<std::int64_t>(i);
    const bool odd = i % 2 != 0;
    rows.objects.push_back({1000 + i});
    rows.values.push_back(Value::none());
    rows.values.push_back(Value::boolean(odd));
    rows.values.push_back(Value::integer(-number));
    rows.values.push_back(Value::real(0.25 * static_cast<double>(i)));
    rows.values.push_back(Value::text(std::string(7 * i, 'a')));
    rows.values.push_back(Value::data(bytes({1, static_cast<int>(i)})));
    rows.values.push_back(Value::timestamp(1'700'000'000'000'000'000 + number));
    rows.values.push_back(Value::reference({4}, {i}));
    rows.values.push_back(odd ? Value::integer(number) : Value::none());
    rows.values.push_back(odd ? Value::integer(number) : Value::text("mixed"));
  }
  return rows;
}

}  // namespace

std::vector<Value> sample_values() {
  return {
      Value::none(),
      Value::boolean(true),
      Value::boolean(false),
      Value::integer(-42),
      Value::integer(std::numeric_limits<std::int64_t>::max()),
      Value::real(1.5),
      Value::real(-std::numeric_limits<double>::infinity()),
      Value::text("caf\xC3\xA9"),
      Value::text(std::string("a text that is too long to stand inline, with a NUL \0 in it", 59)),
      Value::data(bytes({0, 255, 1})),
      Value::data(Bytes(40, std::byte{0xAB})),
      Value::timestamp(1'700'000'000'123'456'789),
      Value::reference({3}, {1000}),
      Value::list({}),
      Value::list({Value::integer(1), Value::list({Value::text("inner")})}),
      Value::tuple({Value::integer(1), Value::text("two")}),
      Value::dict({{Value::text("b"), Value::integer(2)}, {Value::text("a"), Value::integer(1)}}),
      Value::structure({Value::real(0.5), Value::none()}),
      Value::variant(2, {Value::integer(3)}),
  };
}

std::vector<Type> sample_types() {
  Type reference = Type::reference({"todo", "Task"});
  reference.target_id = {3};
  const Type point = Type::structure("Point", {"x", "y"}, {Type::real(), Type::real()});
  return {
      Type::none(),
      Type::boolean(),
      Type::integer(),
      Type::real(),
      Type::text(),
      Type::data(),
      Type::timestamp(),
      reference,
      Type::one_of({Type::none(), Type::literal_of(Value::text("open"))}),
      Type::literal_of(Value::integer(3)),
      Type::list(Type::text()),
      Type::tuple({Type::integer(), Type::text()}),
      Type::dict(Type::text(), Type::list(Type::integer())),
      point,
      Type::variant("Shape", {"Dot", "Nothing"}, {point, Type::structure("Nothing", {}, {})}),
  };
}

Samples<ClientMessage> client_samples() {
  Commit full{.sequence = {8}, .lowest_unresolved = {8}, .part = 2, .last = false};
  full.request = {{100}, sample_reads(), sample_changes()};
  Commit with_range = smallest_commit();
  with_range.keeps_created = true;
  with_range.request.reads.ranges = {{{9}, std::string("\x04open\0", 6), "\x04p"},
                                     {{9}, "", "\xFF"}};
  Commit all_values = smallest_commit();
  all_values.request.writes = changes_of_all_values();
  return {
      {"hello", Hello{1, 0, {"lazy", "views"}, "odb 0.1.0"}},
      {"authenticate", Authenticate{counting<TokenId>(1), counting<Proof>(100)}},
      {"open_session", OpenSession{{0x0123456789ABCDEF, 0xFEDCBA9876543210}, {}, false}},
      {"open_session_named", OpenSession{{1, 2}, "worker 7", true}},
      {"resume", Resume{{1, 2}, {300}, {}, {}, {}, {}, {}, {}}},
      {"resume_full",
       Resume{{1, 2},
              {300},
              {"todo", "core"},
              {Subscribe{{1}, SchemaInterest{"todo"}},
               Subscribe{{2}, IndexInterest{{9}, {Value::text("open")}}, Loading::kLazy}},
              {ObjectsInterest{{3}, {{1000}, {1001}}}},
              {{{1}, 1000}},
              {6001},
              {17}}},
      {"request_ids", RequestIds{10'000}},
      {"define_schema", DefineSchema{{1}, sample_schema()}},
      {"subscribe_to_schema", Subscribe{{1}, SchemaInterest{"todo"}}},
      {"subscribe_to_type", Subscribe{{2}, TypeInterest{{3}}}},
      {"subscribe_to_index",
       Subscribe{{3}, IndexInterest{{9}, {Value::text("open"), Value::integer(3)}}}},
      {"subscribe_to_objects", Subscribe{{4}, ObjectsInterest{{3}, {{1000}, {1001}}}}},
      {"subscribe_lazily", Subscribe{{5}, TypeInterest{{3}}, Loading::kLazy}},
      {"subscribe_to_range",
       Subscribe{
           {6},
           IndexRangeInterest{{{9},
                               {Value::text("open")},
                               RangeBound{Value::integer(2), RangeBound::Edge::kInclusive},
                               RangeBound{Value::integer(9), RangeBound::Edge::kExclusive}}}}},
      {"subscribe_to_whole_range", Subscribe{{7}, IndexRangeInterest{{{9}, {}, {}, {}}}}},
      {"unsubscribe", Unsubscribe{{4}}},
      {"release", Release{{8}, {3}, {{1000}, {1001}}}},
      {"commit_smallest", smallest_commit()},
      {"commit_full", full},
      {"commit_with_range", with_range},
      {"commit_all_values", all_values},
      {"load_objects", LoadObjects{{5}, {100}, ObjectsInterest{{3}, {{1000}, {1001}}}}},
      {"load_index", LoadObjects{{5}, {100}, IndexInterest{{9}, {Value::text("open")}}}},
      {"flush", Flush{{6}}},
      {"status_request", StatusRequest{{6}}},
      {"oldest_open_version", OldestOpenVersion{{99}}},
      {"heartbeat", Heartbeat{}},
      {"goodbye", Goodbye{}},
  };
}

Samples<ServerMessage> server_samples() {
  Changeset seen = sample_changes();
  seen.begin(ObjectChange::Kind::kEnter, {3}, {50});
  seen.add_cell(set(0, Value::text("now visible")));
  seen.begin(ObjectChange::Kind::kLeave, {3}, {51});
  Changeset seen_lazily;
  seen_lazily.begin(ObjectChange::Kind::kEnterLazily, {3}, {52});
  seen_lazily.add_cell(set(0, Value::text("only what is indexed")));
  const auto conflict = [](ConflictKey key) {
    return CommitDone{{7}, Conflict{std::move(key), {100}, {105}, "alice", {1, 2}, {33}}};
  };
  RowBlock lazy_rows = sample_rows();
  for (std::size_t i = 0; i < lazy_rows.values.size(); ++i) {
    if (i % lazy_rows.field_count != 4) lazy_rows.values[i] = Value::not_loaded();
  }
  return {
      {"hello", Hello{1, 0, {"lazy"}, "odb 0.1.0"}},
      {"authenticated", Authenticated{counting<Proof>(50)}},
      {"session_opened", SessionOpened{{12},
                                       {1, 2},
                                       {100},
                                       "alice",
                                       {{{1}, 1000}, {{5001}, 1000}},
                                       256,
                                       1 << 20,
                                       5000,
                                       15000,
                                       {6001}}},
      {"resumed", Resumed{true, {1, 2}, {100}, {6001}}},
      {"ids_granted", IdsGranted{{{6001}, 1000}}},
      {"credits_granted", CreditsGranted{16}},
      {"schema_defined", SchemaDefined{{1}, {101}, {sample_catalog_type()}}},
      {"snapshot_chunk", SnapshotChunk{{1}, {100}, sample_rows()}},
      {"snapshot_chunk_lazy", SnapshotChunk{{1}, {100}, lazy_rows}},
      {"unsubscribed", Unsubscribed{{1}, {100}}},
      {"subscription_loaded", SubscriptionLoaded{{1}, {100}}},
      {"commit_accepted", CommitDone{{7}, Accepted{{101}}}},
      {"commit_conflict_cell", conflict(CellRead{{3}, {1}, {1000}})},
      {"commit_conflict_existence", conflict(ExistenceRead{{3}, {1000}})},
      {"commit_conflict_index", conflict(IndexRead{{9}, "\x04open"})},
      {"commit_conflict_range", conflict(IndexRangeRead{{9}, "\x04open", "\x04p"})},
      {"commit_conflict_membership", conflict(MembershipRead{{3}})},
      {"commit_error", CommitDone{{7}, Error{ErrorCode::kUnknownObject, "no object 7"}}},
      {"commits_accepted",
       CommitsAccepted{{{{7}, {101}, true}, {{8}, {102}, false}, {{9}, {105}, true}}}},
      {"delta", Delta{{101}, "alice", seen}},
      {"delta_lazy", Delta{{101}, "alice", seen_lazily}},
      {"deltas", Deltas{{{{101}, "alice", seen}, {{102}, "bob", {}}, {{105}, "alice", seen}}}},
      {"objects_loaded", ObjectsLoaded{{5}, sample_rows()}},
      {"objects_loaded_more", ObjectsLoaded{{5}, sample_rows(), false}},
      {"flushed", Flushed{{6}, {101}}},
      {"status", ServerStatus{{6},
                              {1, 2},
                              {101},
                              {6001},
                              "odb 0.1.0",
                              "memory",
                              {"core", "todo"},
                              {{"sessions", 3}, {"memory_resident_bytes", 1e6}}}},
      {"heartbeat", Heartbeat{{101}}},
      {"request_refused", RequestRefused{{}, {ErrorCode::kUnsupported, "unknown message kind"}}},
      {"request_refused_request", RequestRefused{RequestId{5}, {ErrorCode::kTooOld, "too old"}}},
      {"request_refused_subscription",
       RequestRefused{SubscriptionId{3}, {ErrorCode::kUnknownIndex, "no index 9"}}},
      {"goodbye", Goodbye{{ErrorCode::kShuttingDown, "the server stops"}}},
  };
}

}  // namespace odb::wire
