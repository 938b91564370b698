// Whole databases, dumped, restored into real stores, and dumped again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "tool/support.h"

namespace odb::tool {
namespace {

using testing::HasSubstr;

SchemaDefinition every_type() {
  const Type point = Type::structure("Point", {"x", "y"}, {Type::integer(), Type::real()});
  return {"all",
          {{"Thing",
            {{"flag", Type::boolean()},
             {"number", Type::integer()},
             {"real", Type::real()},
             {"text", Type::text()},
             {"data", Type::data()},
             {"when", Type::timestamp()},
             {"other", Type::one_of({Type::none(), Type::reference({"all", "Thing"})})},
             {"list", Type::list(Type::integer())},
             {"pair", Type::tuple({Type::text(), Type::real()})},
             {"dict", Type::dict(Type::text(), Type::list(Type::integer()))},
             {"point", point},
             {"shape", Type::variant("Shape", {"Dot", "Nothing"},
                                     {point, Type::structure("Nothing", {}, {})})}},
            {{.name = "by_number_and_text", .fields = {"number", "text"}}}}}};
}

Value random_bytes(std::mt19937_64& random) {
  std::string bytes;
  for (std::size_t i = random() % 40; i > 0; --i) bytes += static_cast<char>(random());
  return Value::data(std::as_bytes(std::span(bytes)));
}
std::string random_text(std::mt19937_64& random) {
  static const std::vector<std::string> kPieces = {
      "a", "\"", "\\", "\n", std::string("\0", 1), "ü", "€", "\xF0\x9F\x98\x80", "/", " "};
  std::string text;
  for (std::size_t i = random() % 20; i > 0; --i) text += kPieces[random() % kPieces.size()];
  return text;
}
double random_real(std::mt19937_64& random) {
  switch (random() % 6) {
    case 0:
      return std::numeric_limits<double>::quiet_NaN();
    case 1:
      return -std::numeric_limits<double>::infinity();
    case 2:
      return -0.0;
    default:
      return std::ldexp(static_cast<double>(random()), static_cast<int>(random() % 200) - 100);
  }
}

std::vector<MadeObject> random_things(const CatalogType& type, std::uint64_t count,
                                      std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<MadeObject> objects;
  std::uint64_t id = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    id += 1 + random() % 100;
    const auto integer = [&] { return Value::integer(static_cast<std::int64_t>(random())); };
    std::vector<Value> integers;
    for (std::size_t j = random() % 4; j > 0; --j) integers.push_back(integer());
    const Value list = Value::list(integers);
    const Value dot[] = {integer(), Value::real(random_real(random))};
    objects.push_back(
        {type.id,
         ObjectId{id},
         {Value::boolean(random() % 2 == 0), integer(), Value::real(random_real(random)),
          Value::text(random_text(random)), random_bytes(random),
          Value::timestamp(static_cast<std::int64_t>(random())),
          random() % 2 == 0 ? Value::none()
                            : Value::reference(type.id, ObjectId{1 + random() % id}),
          list, Value::tuple({Value::text(random_text(random)), Value::real(random_real(random))}),
          Value::dict({{Value::text(random_text(random)), list}}),
          Value::structure({dot[0], dot[1]}),
          random() % 2 == 0 ? Value::variant(1, {}) : Value::variant(0, {dot[0], dot[1]})}});
  }
  return objects;
}

TEST(RoundTrip, KeepsValuesOfEveryType) {
  const Folder folder;
  const std::uint64_t seed = 20;
  const auto types = catalog_of(every_type());
  MadeSource source(types, random_things(types[0], 5000, seed));
  ASSERT_TRUE(dump_to(folder / "first", source));
  auto dump = DumpSource::open(folder / "first");
  ASSERT_TRUE(dump) << dump.error().message;
  auto filled = restore_to(folder / "data", **dump);
  ASSERT_TRUE(filled) << filled.error().message;
  EXPECT_EQ(filled->objects, 5000u);
  ASSERT_TRUE(dump_to(folder / "second", *read_directory(folder / "data")));
  EXPECT_EQ(content_of(folder / "second"), content_of(folder / "first"));
  EXPECT_GT(content_of(folder / "first").size(), 500'000u);
  // And once more from store to store.
  ASSERT_TRUE(restore_to(folder / "copy", *read_directory(folder / "data")));
  ASSERT_TRUE(dump_to(folder / "third", *read_directory(folder / "copy")));
  EXPECT_EQ(content_of(folder / "third"), content_of(folder / "first"));
}

TEST(RoundTrip, KeepsIdentitiesAboveAllThatWereGranted) {
  const Folder folder;
  MadeSource source(catalog_of(todo()), tasks(10));
  ASSERT_TRUE(restore_to(folder / "data", source));
  server::Limits limits;
  const auto store = server::make_embedded_store({.folder = folder / "data"});
  auto database = server::open_database(*store, HistoryId{1, 1}, limits);
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ((*database)->ids_below, ObjectId{1'000'000'000});
  EXPECT_FALSE((*database)->is_new_history);
  EXPECT_NE((*database)->history, (HistoryId{7, 9}));  // not that of the dump
  store->stop();
}

TEST(Restore, RefusesAStoreThatIsNotEmpty) {
  const Folder folder;
  MadeSource source(catalog_of(todo()), tasks(10));
  ASSERT_TRUE(restore_to(folder / "data", source));
  auto again = restore_to(folder / "data", source);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("is not empty"));
}

TEST(Restore, RefusesWhatIsNotUnique) {
  const Folder folder;
  auto objects = tasks(10);
  objects[4].fields[0] = objects[3].fields[0];
  MadeSource source(catalog_of(todo()), objects);
  auto refused = restore_to(folder / "data", source);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("title"));
  EXPECT_FALSE(std::filesystem::exists(folder / "data"));
}

// A store that goes away after so many versions, as a full disk does.
class LimitedStore final : public server::Store {
 public:
  LimitedStore(std::unique_ptr<server::Store> store, Version last)
      : store_(std::move(store)), last_(last) {}
  Result<std::optional<server::StoredDatabase>> load(server::StoreLoader& loader) override {
    return store_->load(loader);
  }
  Result<void> begin(HistoryId history) override { return store_->begin(history); }
  void start(server::StoreListener& listener, server::StoreHost& host) override {
    listener_ = &listener;
    store_->start(listener, host);
  }
  void append(const server::CommitBatch& batch) override {
    if (batch.last() > last_) return listener_->on_away({ErrorCode::kUnavailable, "no space left"});
    store_->append(batch);
  }
  void reserve_ids(ObjectId below) override { store_->reserve_ids(below); }
  void stop() override { store_->stop(); }
  std::string name() const override { return store_->name(); }

 private:
  const std::unique_ptr<server::Store> store_;
  const Version last_;
  server::StoreListener* listener_ = nullptr;
};

TEST(Restore, ThatWasBrokenOffIsServedByNobodyAndGoesOn) {
  const Folder folder;
  const std::string data = folder / "data";
  MadeSource source(catalog_of(todo()), tasks(10'000));
  Progress progress("restoring");
  auto whole = read_whole(source, progress);
  ASSERT_TRUE(whole);
  const MakeStore limited = [&](server::Filling filling) -> std::unique_ptr<server::Store> {
    return std::make_unique<LimitedStore>(data_directory(data)(std::move(filling)), Version{5});
  };
  auto broken = fill_store(**whole, "a test", limited, progress);
  ASSERT_FALSE(broken);
  EXPECT_THAT(broken.error().message, HasSubstr("no space left"));
  EXPECT_THAT(broken.error().message, HasSubstr("the same command goes on"));

  // Neither a server nor another restore takes it.
  server::Limits limits;
  const auto store = server::make_embedded_store({.folder = data});
  auto served = server::open_database(*store, HistoryId{1, 1}, limits);
  ASSERT_FALSE(served);
  EXPECT_THAT(served.error().message, HasSubstr("holds only part"));
  auto other = fill_store(**whole, "another test", data_directory(data), progress);
  ASSERT_FALSE(other);
  EXPECT_THAT(other.error().message, HasSubstr("(a test, up to 5 of 11)"));

  auto filled = fill_store(**whole, "a test", data_directory(data), progress);
  ASSERT_TRUE(filled) << filled.error().message;
  EXPECT_EQ(filled->resumed, 4000u);  // a commit of types, and four of a thousand objects
  ASSERT_TRUE(dump_to(folder / "restored", *read_directory(data)));
  ASSERT_TRUE(dump_to(folder / "made", source));
  EXPECT_EQ(content_of(folder / "restored"), content_of(folder / "made"));
}

TEST(MemoryStore, BeginsWithADumpInAHistoryOfItsOwn) {
  const Folder folder;
  MadeSource source(catalog_of(todo()), tasks(10));
  ASSERT_TRUE(dump_to(folder / "dump", source));
  auto dump = DumpSource::open(folder / "dump");
  ASSERT_TRUE(dump);
  const auto store = make_restored_memory_store(*std::move(dump));
  server::Limits limits;
  auto database = server::open_database(*store, HistoryId{1, 1}, limits);
  ASSERT_TRUE(database) << database.error().message;
  EXPECT_EQ((*database)->state.version(), Version{500});
  EXPECT_NE((*database)->history, (HistoryId{7, 9}));
  const Row* row = (*database)->state.find(TypeId{1}, ObjectId{4}, Version{500});
  ASSERT_NE(row, nullptr);
  EXPECT_EQ(row->fields()[0], Value::text("task 4"));
}

}  // namespace
}  // namespace odb::tool
