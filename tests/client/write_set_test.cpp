#include "odb/client/detail/write_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace odb::detail {
namespace {

using Kind = ObjectChange::Kind;

constexpr TypeId kType{3};

Value number(int value) { return Value::integer(value); }

CellOperation addition(FieldId field, int value) {
  return {CellOperation::Kind::kAdd, field, number(value), {}};
}

// Every object with its own list of cells.
class Model {
 public:
  struct Object {
    ObjectId id;
    Kind kind = Kind::kUpdate;
    bool created_here = false;
    std::vector<CellOperation> cells;
  };

  Object& find_or_add(ObjectId id) {
    for (Object& object : objects_) {
      if (object.id == id) return object;
    }
    return objects_.emplace_back(Object{.id = id, .cells = {}});
  }
  Changeset changes() const {
    Changeset out;
    for (const Object& object : objects_) {
      if (object.created_here && object.kind == Kind::kDelete) continue;
      out.begin(object.kind, kType, object.id);
      for (const CellOperation& cell : object.cells) out.add_cell(cell);
    }
    return out;
  }
  const std::vector<Object>& objects() const { return objects_; }

 private:
  std::vector<Object> objects_;  // in the order of first writes
};

void expect_equal(const WriteSet& writes, const Model& model) {
  ASSERT_EQ(writes.changes(), model.changes());
  ASSERT_EQ(writes.has_changes(), !model.changes().empty());
  ASSERT_EQ(writes.size(), model.objects().size());
  for (const Model::Object& object : model.objects()) {
    const auto place = writes.find(object.id);
    ASSERT_TRUE(place.has_value());
    const WriteSet::Write write = writes.at(*place);
    EXPECT_EQ(write.kind, object.kind);
    EXPECT_EQ(write.created_here, object.created_here);
    EXPECT_EQ(std::vector(write.cells.begin(), write.cells.end()), object.cells);
  }
}

TEST(WriteSet, IsWhatAListForEachObjectWouldBe) {
  for (unsigned seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random(seed);
    WriteSet writes;
    Model model;
    const unsigned objects = 1 + random() % 30;
    for (int step = 0; step < 150; ++step) {
      const ObjectId id{1 + random() % objects};
      const FieldId field{static_cast<std::uint32_t>(random() % 4)};
      switch (random() % 8) {
        case 0: {
          std::array<std::pair<FieldId, Value>, 2> fields = {
              {{FieldId{0}, number(step)}, {field, number(-step)}}};
          writes.create({kType, id}, fields);
          Model::Object& object = model.find_or_add(id);
          object.kind = Kind::kCreate;
          object.created_here = true;
          object.cells = {{.field = FieldId{0}, .value = number(step), .key = {}},
                          {.field = field, .value = number(-step), .key = {}}};
          break;
        }
        case 1: {
          Model::Object& object = model.find_or_add(id);
          const auto place = writes.find_or_add({kType, id});
          if (object.kind == Kind::kDelete) break;
          writes.remove(place);
          object.kind = Kind::kDelete;
          object.cells.clear();
          break;
        }
        case 2:
        case 3:
        case 4: {
          writes.set(writes.find_or_add({kType, id}), field, number(step));
          auto& cells = model.find_or_add(id).cells;
          const auto set = std::find_if(cells.begin(), cells.end(), [&](const auto& cell) {
            return cell.field == field && cell.kind == CellOperation::Kind::kSet;
          });
          if (set != cells.end()) {
            set->value = number(step);
            break;
          }
          std::erase_if(cells, [&](const auto& cell) { return cell.field == field; });
          cells.push_back({.field = field, .value = number(step), .key = {}});
          break;
        }
        default:
          writes.add_cell(writes.find_or_add({kType, id}), addition(field, step));
          model.find_or_add(id).cells.push_back(addition(field, step));
      }
    }
    expect_equal(writes, model);
    EXPECT_EQ(writes.take(), model.changes());
    EXPECT_FALSE(writes.has_changes());
  }
}

TEST(WriteSet, FindsObjectsInWhateverOrderTheyCame) {
  WriteSet writes;
  for (const std::uint64_t id : {50, 60, 70, 10, 80, 90, 100, 110, 120, 130, 20, 140, 30}) {
    EXPECT_FALSE(writes.find(ObjectId{id}).has_value());
    const WriteSet::Place place = writes.find_or_add({kType, ObjectId{id}});
    EXPECT_EQ(place, writes.size() - 1);
    EXPECT_EQ(writes.find_or_add({kType, ObjectId{id}}), place);
  }
  EXPECT_EQ(writes.find(ObjectId{20}), 10u);
  EXPECT_FALSE(writes.find(ObjectId{25}).has_value());
}

// Column by column, so that each object's cells move again and again.
TEST(WriteSet, KeepsNoMoreCellsThanTwiceTheUsed) {
  WriteSet writes;
  Model model;
  for (std::uint32_t field = 0; field < 50; ++field) {
    for (std::uint64_t id = 1; id <= 20; ++id) {
      writes.set(writes.find_or_add({kType, ObjectId{id}}), FieldId{field}, number(7));
      model.find_or_add(ObjectId{id})
          .cells.push_back({.field = FieldId{field}, .value = number(7), .key = {}});
    }
    EXPECT_LE(writes.cells_held(), 2 * 20 * (field + 1) + 20);
  }
  expect_equal(writes, model);
}

}  // namespace
}  // namespace odb::detail
