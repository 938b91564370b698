#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tool/support.h"

namespace odb::tool {
namespace {

using testing::HasSubstr;

class Discard final : public server::StoreLoader {
 public:
  Result<void> on_types(std::vector<CatalogType>) override { return {}; }
  Result<void> on_object(TypeId, ObjectId, Version, std::vector<Value>) override {
    ++objects;
    return {};
  }
  Result<void> on_outcomes(ClientOutcomes) override { return {}; }
  std::size_t objects = 0;
};

// Why this is no dump; empty when it is one.
std::string refusal(const std::string& file) {
  auto source = DumpSource::open(file);
  if (!source) return source.error().message;
  Discard discard;
  auto loaded = (*source)->load(discard);
  return loaded ? std::string() : loaded.error().message;
}

class Dump : public testing::Test {
 protected:
  void SetUp() override {
    MadeSource source(catalog_of(todo()), tasks(20));
    ASSERT_TRUE(dump_to(file_, source));
  }
  // The lines of the dump without the last.
  std::vector<std::string> lines() const {
    std::vector<std::string> found;
    std::istringstream in(read_file(file_));
    for (std::string line; std::getline(in, line);) found.push_back(line);
    found.pop_back();
    return found;
  }
  std::string refusal_of(const std::vector<std::string>& changed, std::uint64_t objects = 20) {
    const std::string other = folder_ / "other";
    write_file(other, dump_of(changed, objects));
    return refusal(other);
  }

  const Folder folder_;
  const std::string file_ = folder_ / "dump";
};

TEST_F(Dump, HoldsEverything) {
  auto source = DumpSource::open(file_);
  ASSERT_TRUE(source) << source.error().message;
  EXPECT_EQ((*source)->header(), (DumpHeader{{7, 9}, {500}, {1'000'000'000}}));
  EXPECT_EQ((*source)->count().count, 20u);
  Discard discard;
  EXPECT_TRUE((*source)->load(discard));
  EXPECT_EQ(discard.objects, 20u);
  EXPECT_EQ(refusal_of(lines()), "");  // what the other tests change is refused for the change
  EXPECT_EQ(lines()[3], "{\"type\":1,\"id\":1,\"fields\":[\"task 1\",1]}");
}

TEST_F(Dump, IsNotOverwritten) {
  const std::string before = read_file(file_);
  MadeSource source(catalog_of(todo()), tasks(3));
  auto again = dump_to(file_, source);
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().message, HasSubstr("exists"));
  EXPECT_EQ(read_file(file_), before);
}

TEST_F(Dump, ThatIsCutOffAnywhereIsRefused) {
  const std::string whole = read_file(file_);
  const std::string other = folder_ / "other";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(other, whole.substr(0, size));
    ASSERT_NE(refusal(other), "") << size;
  }
  EXPECT_THAT(refusal(other), HasSubstr("cut off"));
}

TEST_F(Dump, ThatIsAlteredAnywhereIsRefused) {
  const std::string whole = read_file(file_);
  const std::string other = folder_ / "other";
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string changed = whole;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    write_file(other, changed);
    ASSERT_NE(refusal(other), "") << at;
  }
}

TEST_F(Dump, OfANewerVersionIsRefused) {
  auto changed = lines();
  changed[0].replace(changed[0].find(":1"), 2, ":2");
  EXPECT_THAT(refusal_of(changed), HasSubstr("format 2, this version knows those up to 1"));
}

TEST_F(Dump, ThatIsSomethingElseIsRefused) {
  const std::string other = folder_ / "other";
  write_file(other, "-- a dump of another program\n");
  EXPECT_THAT(refusal(other), HasSubstr("no dump of odb"));
  EXPECT_THAT(refusal(folder_ / "missing"), HasSubstr("cannot read"));
  EXPECT_THAT(refusal(folder_ / ""), HasSubstr("not a file"));
}

TEST_F(Dump, WithUnknownTypesIsRefused) {
  auto changed = lines();
  changed[5] = "{\"type\":9,\"id\":3,\"fields\":[\"task 3\",3]}";
  EXPECT_THAT(refusal_of(changed), HasSubstr("line 6: object 3 is of type 9, which the dump does"));
  changed = lines();
  changed[1].replace(changed[1].find("\"text\""), 6, "\"blob\"");
  EXPECT_THAT(refusal_of(changed),
              HasSubstr("todo.Task, field title: expected a type, found \"blob\""));
}

TEST_F(Dump, WithValuesThatDoNotFitNamesTypeFieldExpectedAndFound) {
  auto changed = lines();
  changed[5] = "{\"type\":1,\"id\":3,\"fields\":[\"task 3\",\"high\"]}";
  EXPECT_THAT(
      refusal_of(changed),
      HasSubstr("line 6: object 3 of todo.Task, field priority: expected int, found a text"));
  changed[5] = "{\"type\":1,\"id\":3,\"fields\":[\"task 3\"]}";
  EXPECT_THAT(refusal_of(changed), HasSubstr("object 3 of todo.Task, field title: expected ','"));
  changed[5] = "{\"type\":1,\"id\":3,\"fields\":[\"task 3\",3,4]}";
  EXPECT_THAT(refusal_of(changed), HasSubstr("expected ']}'"));
}

TEST_F(Dump, WithObjectsOutOfPlaceIsRefused) {
  auto changed = lines();
  std::swap(changed[5], changed[6]);
  EXPECT_THAT(refusal_of(changed), HasSubstr("object 3 of todo.Task is not in its place"));
  changed = lines();
  changed[6] = changed[5];
  EXPECT_THAT(refusal_of(changed), HasSubstr("object 3 of todo.Task is not in its place"));
  changed = lines();
  changed.push_back("{\"type\":1,\"id\":1000000000,\"fields\":[\"task\",3]}");
  EXPECT_THAT(refusal_of(changed, 21), HasSubstr("not below 1000000000"));
  EXPECT_THAT(refusal_of(lines(), 21), HasSubstr("expected 21 objects, found 20"));
}

TEST_F(Dump, WithHostileLinesIsRefused) {
  for (const std::string line :
       {"", "{", "[]", "{\"type\":1}", "{\"type\":-1,\"id\":3,\"fields\":[]}",
        "{\"type\":4294967297,\"id\":3,\"fields\":[]}",
        "{\"type\":1,\"id\":99999999999999999999,\"fields\":[]}",
        "{\"type\":1,\"id\":3,\"fields\":[\"task 3\",3]} ",
        "{\"id\":3,\"type\":1,\"fields\":[\"task 3\",3]}"}) {
    auto changed = lines();
    changed[5] = line;
    EXPECT_THAT(refusal_of(changed), HasSubstr("line 6: ")) << line;
  }
  auto changed = lines();
  changed[1] =
      "{\"type\":{\"id\":1,\"schema\":\"todo\",\"name\":\"T\",\"indexes\":[],\"fields\":[[\"a\"," +
      std::string(100'000, '[');
  EXPECT_NE(refusal_of(changed), "");
  changed = lines();
  changed[1].replace(changed[1].find("\"id\":1"), 6, "\"id\":0");
  EXPECT_NE(refusal_of(changed), "");
}

TEST_F(Dump, ThatWasBrokenOffIsGoneOnWith) {
  const std::string other = folder_ / "other";
  MadeSource source(catalog_of(todo()), tasks(20));
  source.break_after(12);
  Progress progress("dumping");
  {
    auto writer = DumpWriter::open(other, progress);
    ASSERT_TRUE(writer);
    ASSERT_FALSE(source.load(**writer));
  }
  EXPECT_FALSE(std::filesystem::exists(other));
  // So far nothing of it has been written: the lines are kept until there are enough of them.
  const std::string whole = read_file(file_);
  const std::string cut = whole.substr(0, whole.find("{\"type\":1,\"id\":9,") + 10);
  write_file(other + ".partial", cut);
  MadeSource again(catalog_of(todo()), tasks(20));
  auto writer = DumpWriter::open(other, progress);
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE(again.load(**writer));
  ASSERT_TRUE((*writer)->finish());
  EXPECT_EQ((*writer)->objects_resumed(), 8u);
  EXPECT_FALSE((*writer)->has_begun_anew());
  EXPECT_EQ(read_file(other), whole);
  EXPECT_FALSE(std::filesystem::exists(other + ".partial"));
}

TEST_F(Dump, OfAnotherVersionIsBegunAnew) {
  const std::string other = folder_ / "other";
  write_file(other + ".partial", read_file(file_).substr(0, 900));
  MadeSource again(catalog_of(todo()), tasks(20));
  again.set_version(Version{501});
  Progress progress("dumping");
  auto writer = DumpWriter::open(other, progress);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(again.load(**writer));
  ASSERT_TRUE((*writer)->finish());
  EXPECT_TRUE((*writer)->has_begun_anew());
  EXPECT_EQ((*writer)->objects_resumed(), 0u);
  EXPECT_EQ(refusal(other), "");
}

TEST_F(Dump, IsWrittenByOneAtATime) {
  Progress progress("dumping");
  const std::string other = folder_ / "other";
  auto first = DumpWriter::open(other, progress);
  ASSERT_TRUE(first);
  auto second = DumpWriter::open(other, progress);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().message, HasSubstr("is being written by another process"));
}

}  // namespace
}  // namespace odb::tool
