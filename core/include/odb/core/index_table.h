// IndexTable: one index as an ordered set of (key, object) entries, each with the versions it lives
// in.
#pragma once

#include <array>
#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "odb/core/ids.h"

namespace odb {

// A skip list (Pugh 1990) with one writer and any number of readers at once, without locks: links
// are published with release stores; what the writer unlinks is freed by the caller when no reader
// can stand on it any more.
class IndexTable {
 private:
  static constexpr int kHeightMax = 16;

 public:
  class Entry;

  IndexTable();
  ~IndexTable();
  IndexTable(const IndexTable&) = delete;
  IndexTable& operator=(const IndexTable&) = delete;

  // ---- readers, any thread that pins a version ----

  // The first entry with this key and an object at or after `from` that lives at `version`; null
  // when there is none. Objects come in the order of their ids.
  const Entry* find(std::string_view key, ObjectId from, Version version) const;
  // The next entry with the same key that lives at `version`.
  static const Entry* next(const Entry* entry, Version version);

  // Entries in the order of (key, object), whatever their keys. The first with at least this key;
  // the one after another; the last with a smaller key; the one before another.
  const Entry* first_from(std::string_view key, Version version) const;
  static const Entry* following(const Entry* entry, Version version);
  const Entry* last_before(std::string_view key, Version version) const;
  const Entry* preceding(const Entry* entry, Version version) const;

  // ---- the writer ----

  // Adds an entry that lives from `version` on. The pair must have no living entry.
  Entry* add(std::string_view key, ObjectId object, Version version);
  // Ends the living entry of the pair at `version`.
  Entry* remove(std::string_view key, ObjectId object, Version version);
  void revive(Entry* entry);  // undoes remove
  void unlink(Entry* entry);  // after which the caller retires it
  static void free_entry(Entry* entry);

  // Fills a table that has no entries yet from pairs in ascending order: no place is sought.
  class Filler {
   public:
    explicit Filler(IndexTable& table);
    void add(std::string_view key, ObjectId object, Version version);

   private:
    IndexTable& table_;
    std::array<Entry*, kHeightMax> last_;  // on each level
  };

  // The last version within the journal that changed the set of this key; nothing when none did.
  std::optional<Version> modified(std::string_view key) const;
  Version set_modified(std::string_view key, Version version);   // returns the one before, or 0
  void restore_modified(std::string_view key, Version version);  // 0: forget
  void forget_modified(std::string_view key, Version up_to);

  // The last version after `since` that added or removed an entry with from <= key < to. Requires
  // `since` at or above the horizon, or an answer: without one nothing is known of what is older.
  std::optional<Version> modified_between(std::string_view from, std::string_view to,
                                          Version since) const;
  // When the index was built: before, it has no entries, whatever there was.
  Version built() const { return built_; }
  void set_built(Version version) { built_ = version; }
  void set_last_modified(Version version) { last_modified_ = version; }
  // No key changed after this version.
  Version last_modified() const { return last_modified_; }

 private:
  struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
      return std::hash<std::string_view>{}(text);
    }
  };

  // Fills `before` with the last entry before (key, object) on each level.
  Entry* seek(std::string_view key, ObjectId object, Entry** before) const;
  int random_height();

  const Entry* living_before(std::string_view key, ObjectId object, Version version) const;

  Entry* head_;
  Version built_;
  Version last_modified_;  // or a later one that was rolled back
  std::uint64_t random_ = 0x2545F4914F6CDD1Dull;
  boost::unordered_flat_map<std::string, Version, StringHash, std::equal_to<>> modified_;
};

class IndexTable::Entry {
 public:
  ObjectId object() const { return object_; }
  std::string_view key() const;
  bool lives_at(Version version) const {
    return added_ <= version && version.value < removed_.load(std::memory_order_acquire);
  }

 private:
  friend class IndexTable;
  static constexpr std::uint64_t kLiving = ~std::uint64_t{0};

  using Link = std::atomic<Entry*>;

  static Entry* create(std::string_view key, ObjectId object, Version version, int height);
  static void destroy(Entry* entry);
  // Before the entry, the lowest level last.
  Link& link(int level) { return reinterpret_cast<Link*>(this)[-1 - level]; }
  const Link& link(int level) const { return reinterpret_cast<const Link*>(this)[-1 - level]; }
  static std::size_t key_offset();
  bool before(std::string_view key, ObjectId object) const;

  ObjectId object_;
  Version added_;
  std::atomic<std::uint64_t> removed_ = kLiving;
  std::uint32_t key_bytes_ = 0;
  std::uint8_t height_ = 0;
  // Then the key, at once.
};

}  // namespace odb
