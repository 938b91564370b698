// VersionedState: all objects and index entries at every version from the horizon to the newest.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/changeset.h"
#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/index_table.h"
#include "odb/core/object_table.h"
#include "odb/core/schema.h"
#include "odb/core/state_size.h"

namespace odb {

// The newest row in place, before-images behind it back to the horizon. The server keeps its
// database in one, a client its cache (where versions are the cache's own steps).
//
// Threads: one writer at a time (the members under "writer"), any number of readers at once. A
// reader first pins a version; what it finds at that version stays valid until it lets go of the
// pin.
class VersionedState {
 public:
  enum class Journal : std::uint8_t {
    kRollback,  // every step can be rolled back until the horizon passes it (server)
    kTrimOnly,  // steps are never rolled back, and index changes not remembered by key (client)
  };

  explicit VersionedState(Journal journal = Journal::kRollback);
  ~VersionedState();
  VersionedState(const VersionedState&) = delete;
  VersionedState& operator=(const VersionedState&) = delete;

  // ---- pins ----

  // Holds back the horizon: `version` stays readable until the pin is gone. Any thread.
  class Pin {
   public:
    Pin() = default;
    Pin(Pin&& other) noexcept;
    Pin& operator=(Pin&& other) noexcept;
    ~Pin();
    Version version() const { return version_; }

   private:
    friend class VersionedState;
    Pin(VersionedState* state, Version version) : state_(state), version_(version) {}
    VersionedState* state_ = nullptr;
    Version version_;
  };
  // Requires `version` between the horizon and the newest, and the caller to be the writer or to
  // hold another pin on it.
  Pin pin(Version version);
  // The oldest version that is pinned. Any thread.
  std::optional<Version> oldest_pinned() const;

  // ---- readers ----

  // The row of an object at `version`; null when it does not exist then.
  const Row* find(TypeId type, ObjectId object, Version version) const;

  // The tables themselves, for repeated reads; null before the type or index is known. They live as
  // long as the state.
  const ObjectTable* objects(TypeId type) const;
  const IndexTable* entries(IndexId index) const;

  // ---- writer ----

  const std::shared_ptr<const Catalog>& catalog() const { return catalog_; }
  Version version() const { return version_; }  // the newest, durable or not
  Version horizon() const { return horizon_; }  // the oldest that can be read

  // Makes `changes` version `version` (> version()). Requires them to be valid here: types and
  // fields known, values fitting, updated objects existing, created ones not; see CommitEngine.
  void apply(Version version, const Changeset& changes);

  // Makes `catalog` version `version`: the current one with types, fields and indexes added. New
  // indexes are built from what exists.
  void apply_catalog(Version version, std::shared_ptr<const Catalog> catalog);

  // Takes over a row made elsewhere as an object of `version`, which must be the version of the
  // step under way (version() after begin_step). The object must not exist.
  void begin_step(Version version);
  void adopt(TypeId type, ObjectId object, Row::Owner row);
  // Fills in what the newest row of the object, a partial one, has not loaded, from values that are
  // those of now; likewise a part of the step under way.
  void refine(TypeId type, ObjectId object, std::span<const Value> fields);

  // What a store had, into a state that has nothing yet: the catalog, then each object once, with
  // the version that last wrote it, then what remains to be done when all are there. `version` is
  // the newest and becomes the horizon: nothing is known of what was before.
  void load_catalog(std::shared_ptr<const Catalog> catalog);
  void load(TypeId type, ObjectId object, Row::Owner row);
  // kUniqueViolation when two objects have one key of a unique index.
  Result<void> finish_load(Version version);

  // As if no version above `version` had been. Requires kRollback and version >= horizon.
  void rollback_to(Version version);

  // Moves the horizon up to `version`, or as far as pins allow, and frees what nobody can read any
  // more.
  void trim_to(Version version);

  // The key of an object's row under an index. Fields that the row lacks have the type's default.
  std::string key_of(const CatalogIndex& index, const Row& row) const;
  // Whether a row has its place in an index: a partial row lacks the fields of an index that was
  // defined after it came.
  static bool is_listed(const CatalogIndex& index, const Row& row);
  // The row's value of a field, or the type's default when the row is older than the field.
  static Value field_of(const CatalogType& type, const Row& row, FieldId field);

  // When the set of objects of this type, or of this index key, last changed.
  Version membership_modified(TypeId type) const;
  std::optional<Version> index_modified(IndexId index, std::string_view key) const;

  // How many steps the journal holds; for limits and tests.
  std::size_t journal_size() const { return journal_.size(); }
  std::size_t journal_bytes() const { return journal_.size() * sizeof(Step); }
  // Counted as one goes. The writer's thread.
  const StateSize& size() const { return size_; }

 private:
  // What one step changed, so that it can be undone (rollback) or made final (trim).
  struct Step {
    enum class Kind : std::uint8_t { kRow, kEntryAdded, kEntryRemoved, kCatalog };

    // Of a kRow.
    struct ObjectRow {
      ObjectTable* objects;
      Row* row;
      ObjectId object;
    };
    // Of a kEntryAdded or kEntryRemoved.
    struct IndexEntry {
      IndexTable* entries;
      IndexTable::Entry* entry;
    };

    Step(Kind kind, Version version) : kind_(static_cast<std::uint64_t>(kind)) {
      version_ = version.value & kVersionMask;
      of_row = {};
    }
    Kind kind() const { return static_cast<Kind>(kind_); }
    Version version() const { return Version{version_}; }

    union {  // of a kCatalog neither: see catalogs_before_
      ObjectRow of_row;
      IndexEntry of_entry;
    };
    Version modified_before{};  // of the type's membership or of the index key

   private:
    static constexpr std::uint64_t kVersionMask = (std::uint64_t{1} << 62) - 1;
    std::uint64_t kind_ : 2;
    std::uint64_t version_ : 62;
  };
  static_assert(sizeof(Step) == 40, "there is one for each object that the log still tells of");
  // Unlinked, but a reader that pinned `version` or an older one may still stand on it.
  struct Retired {
    enum class Kind : std::uint8_t { kRow, kNode, kEntry };
    Kind kind;
    Version version;
    void* what;
  };
  struct Tables;  // tables by id, published for readers

  ObjectTable& table(TypeId type);
  IndexTable& entries_for_writer(IndexId index);
  void apply_one(Version version, const Changeset& changes, const ObjectChange& change);
  void replace_row(Version version, const CatalogType& type, ObjectTable& objects, ObjectId object,
                   Row::Owner row);
  void update_indexes(Version version, const CatalogType& type, ObjectId object, const Row* before,
                      const Row* after);
  void add_entry(Version version, IndexId index, std::string_view key, ObjectId object);
  void remove_entry(Version version, IndexId index, std::string_view key, ObjectId object);
  void build_index(Version version, const CatalogIndex& index);
  Result<void> fill_index(Version version, const CatalogIndex& index);
  void undo(const Step& step);
  void forget(const Step& step);
  void count_row(const Row& row);
  void free_row(Row* row);
  void count_entry(std::string_view key);
  void retire_entry(IndexTable::Entry* entry);
  void retire_row(Row* row);
  void erase_slot(ObjectTable& objects, ObjectId object);
  void free_retired();
  void unpin(Version version);
  const Journal mode_;
  std::shared_ptr<const Catalog> catalog_;
  Version version_;
  Version horizon_;
  std::unique_ptr<Tables> tables_;
  std::deque<Step> journal_;
  std::deque<std::shared_ptr<const Catalog>> catalogs_before_;  // one for each kCatalog in it
  std::deque<Retired> retired_;
  StateSize size_;

  mutable std::mutex pins_mutex_;
  std::map<Version, std::size_t> pins_;  // guarded by pins_mutex_
};

}  // namespace odb
