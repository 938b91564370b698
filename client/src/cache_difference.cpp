#include "cache_difference.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "odb/core/key_codec.h"

namespace odb::detail {

namespace {

class Difference {
 public:
  Difference(const Snapshot& before, const std::shared_ptr<const Snapshot>& after)
      : before_(before),
        after_(*after),
        change_{.version = after->version(),
                .actor = {},
                .created = {},
                .changed = {},
                .deleted = {},
                .index_additions = {},
                .index_removals = {},
                .view = View(after)} {}

  Change run() && {
    const bool same_history = before_.history() == after_.history();
    for (const auto& type : before_.catalog().catalog->types()) {
      if (type != nullptr) compare_old(*type, same_history);
    }
    for (const auto& type : after_.catalog().catalog->types()) {
      if (type != nullptr) add_new(*type, same_history);
    }
    return std::move(change_);
  }

 private:
  void compare_old(const CatalogType& type, bool same_history) {
    each(before_, type.id, [&](ObjectId id, const Row& row) {
      const Row* now = same_history ? after_.find(type.id, id) : nullptr;
      if (now != nullptr) return compare(type, {type.id, id}, row, *now);
      change_.deleted.push_back({{type.id, id}, {}});
      note_keys(change_.index_removals, type, {type.id, id}, row);
    });
  }

  void add_new(const CatalogType& type, bool same_history) {
    each(after_, type.id, [&](ObjectId id, const Row& row) {
      if (same_history && before_.find(type.id, id) != nullptr) return;
      Change::Object created{{type.id, id}, {}};
      for (std::uint32_t i = 0; i < type.fields.size(); ++i) created.fields.push_back(FieldId{i});
      change_.created.push_back(std::move(created));
      note_keys(change_.index_additions, type, {type.id, id}, row);
    });
  }

  // The type may have grown: before that its new fields had their defaults.
  void compare(const CatalogType& type, ObjectRef object, const Row& was, const Row& now) {
    const CatalogType& grown = *after_.catalog().catalog->find(type.id);
    Change::Object changed{object, {}};
    for (std::uint32_t i = 0; i < grown.fields.size(); ++i) {
      const Value old_value = value_of(grown, was, FieldId{i});
      const Value new_value = value_of(grown, now, FieldId{i});
      if (!old_value.is_loaded() || !new_value.is_loaded() || old_value == new_value) continue;
      changed.fields.push_back(FieldId{i});
    }
    if (changed.fields.empty()) return;
    change_.changed.push_back(std::move(changed));
    std::vector<Change::IndexEntry> old_keys;
    std::vector<Change::IndexEntry> new_keys;
    note_keys(old_keys, type, object, was);
    note_keys(new_keys, grown, object, now);
    const auto take_missing = [](std::vector<Change::IndexEntry>& from,
                                 const std::vector<Change::IndexEntry>& in,
                                 std::vector<Change::IndexEntry>& out) {
      for (const Change::IndexEntry& entry : from) {
        bool found = false;
        for (const Change::IndexEntry& other : in) {
          found = found || (other.index == entry.index && other.values == entry.values);
        }
        if (!found) out.push_back(entry);
      }
    };
    take_missing(old_keys, new_keys, change_.index_removals);
    take_missing(new_keys, old_keys, change_.index_additions);
  }

  static void note_keys(std::vector<Change::IndexEntry>& out, const CatalogType& type,
                        ObjectRef object, const Row& row) {
    for (const CatalogIndex& index : type.indexes) {
      if (!VersionedState::is_listed(index, row)) continue;
      std::vector<Value> values;
      for (const FieldId field : index.fields) values.push_back(value_of(type, row, field));
      out.push_back({index.id, std::move(values), object});
    }
  }

  static Value value_of(const CatalogType& type, const Row& row, FieldId field) {
    const Row* whole = row.loaded();
    return VersionedState::field_of(type, whole == nullptr ? row : *whole, field);
  }

  template <class Visit>
  static void each(const Snapshot& snapshot, TypeId type, const Visit& visit) {
    for (auto id = snapshot.next_object(type, ObjectId{1}); id;
         id = snapshot.next_object(type, ObjectId{id->value + 1})) {
      visit(*id, *snapshot.find(type, *id));
    }
  }

  const Snapshot& before_;
  const Snapshot& after_;
  Change change_;
};

}  // namespace

Change difference(const Snapshot& before, const std::shared_ptr<const Snapshot>& after) {
  return Difference(before, after).run();
}

}  // namespace odb::detail
