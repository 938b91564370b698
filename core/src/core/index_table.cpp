#include "odb/core/index_table.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <new>

#include "odb/core/error.h"

namespace odb {

IndexTable::Entry* IndexTable::Entry::create(std::string_view key, ObjectId object, Version version,
                                             int height) {
  const std::size_t links_bytes = static_cast<std::size_t>(height) * sizeof(Link);
  const std::size_t key_end = key_offset() + key.size();
  auto* memory =
      static_cast<std::byte*>(::operator new(links_bytes + std::max(sizeof(Entry), key_end)));
  Entry* entry = new (memory + links_bytes) Entry();
  entry->object_ = object;
  entry->added_ = version;
  entry->key_bytes_ = static_cast<std::uint32_t>(key.size());
  entry->height_ = static_cast<std::uint8_t>(height);
  for (int level = 0; level < height; ++level) {
    new (&entry->link(level)) Link(nullptr);
  }
  key.copy(reinterpret_cast<char*>(entry) + key_offset(), key.size());
  return entry;
}

void IndexTable::Entry::destroy(Entry* entry) {
  void* memory = &entry->link(entry->height_ - 1);
  entry->~Entry();
  ::operator delete(memory);
}

std::size_t IndexTable::Entry::key_offset() { return offsetof(Entry, height_) + sizeof(height_); }

std::string_view IndexTable::Entry::key() const {
  return {reinterpret_cast<const char*>(this) + key_offset(), key_bytes_};
}

bool IndexTable::Entry::before(std::string_view other_key, ObjectId other_object) const {
  const int order = key().compare(other_key);
  return order < 0 || (order == 0 && object_ < other_object);
}

IndexTable::IndexTable() : head_(Entry::create({}, ObjectId{}, Version{}, kHeightMax)) {}

IndexTable::~IndexTable() {
  for (Entry* entry = head_; entry != nullptr;) {
    Entry* following = entry->link(0).load(std::memory_order_relaxed);
    free_entry(entry);
    entry = following;
  }
}

void IndexTable::free_entry(Entry* entry) { Entry::destroy(entry); }

IndexTable::Entry* IndexTable::seek(std::string_view key, ObjectId object, Entry** before) const {
  Entry* at = head_;
  Entry* following = nullptr;
  for (int level = kHeightMax - 1; level >= 0; --level) {
    for (;;) {
      following = at->link(level).load(std::memory_order_acquire);
      if (following == nullptr || !following->before(key, object)) break;
      at = following;
    }
    if (before != nullptr) before[level] = at;
  }
  // Not the link read again: the writer may have put an entry before the place meanwhile.
  return following;
}

const IndexTable::Entry* IndexTable::find(std::string_view key, ObjectId from,
                                          Version version) const {
  const Entry* entry = seek(key, from, nullptr);
  if (entry == nullptr || entry->key() != key) return nullptr;
  return entry->lives_at(version) ? entry : next(entry, version);
}

const IndexTable::Entry* IndexTable::next(const Entry* entry, Version version) {
  const std::string_view key = entry->key();
  for (;;) {
    entry = entry->link(0).load(std::memory_order_acquire);
    if (entry == nullptr || entry->key() != key) return nullptr;
    if (entry->lives_at(version)) return entry;
  }
}

const IndexTable::Entry* IndexTable::first_from(std::string_view key, Version version) const {
  const Entry* entry = seek(key, ObjectId{}, nullptr);
  return entry == nullptr || entry->lives_at(version) ? entry : following(entry, version);
}

const IndexTable::Entry* IndexTable::following(const Entry* entry, Version version) {
  do {
    entry = entry->link(0).load(std::memory_order_acquire);
  } while (entry != nullptr && !entry->lives_at(version));
  return entry;
}

// Links lead forward only: the last entry before the pair is sought, then, if nothing of its pair
// lives, the one before that.
const IndexTable::Entry* IndexTable::living_before(std::string_view key, ObjectId object,
                                                   Version version) const {
  std::array<Entry*, kHeightMax> before;
  for (;;) {
    seek(key, object, before.data());
    const Entry* last = before[0];
    if (last == head_) return nullptr;
    if (last->lives_at(version)) return last;
    // Entries of one pair, each from another time, stand side by side.
    for (const Entry* entry = seek(last->key(), last->object(), nullptr);
         entry != nullptr && entry->object() == last->object() && entry->key() == last->key();
         entry = entry->link(0).load(std::memory_order_acquire)) {
      if (entry->lives_at(version)) return entry;
    }
    key = last->key();
    object = last->object();
  }
}

const IndexTable::Entry* IndexTable::last_before(std::string_view key, Version version) const {
  return living_before(key, ObjectId{}, version);
}

const IndexTable::Entry* IndexTable::preceding(const Entry* entry, Version version) const {
  return living_before(entry->key(), entry->object(), version);
}

std::optional<Version> IndexTable::modified_between(std::string_view from, std::string_view to,
                                                    Version since) const {
  if (last_modified_ <= since) return std::nullopt;
  Version last = since;
  for (const Entry* entry = seek(from, ObjectId{}, nullptr); entry != nullptr && entry->key() < to;
       entry = entry->link(0).load(std::memory_order_acquire)) {
    last = std::max(last, entry->added_);
    const std::uint64_t removed = entry->removed_.load(std::memory_order_acquire);
    if (removed != Entry::kLiving) last = std::max(last, Version{removed});
  }
  if (last == since) return std::nullopt;
  return last;
}

int IndexTable::random_height() {
  // xorshift64 (Marsaglia 2003); each level keeps a quarter of the one below.
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  int height = 1;
  for (std::uint64_t bits = random_; height < kHeightMax && (bits & 3) == 0; bits >>= 2) ++height;
  return height;
}

IndexTable::Entry* IndexTable::add(std::string_view key, ObjectId object, Version version) {
  std::array<Entry*, kHeightMax> before;
  seek(key, object, before.data());
  const int height = random_height();
  Entry* entry = Entry::create(key, object, version, height);
  last_modified_ = version;
  for (int level = 0; level < height; ++level) {
    auto& link = before[static_cast<std::size_t>(level)]->link(level);
    entry->link(level).store(link.load(std::memory_order_relaxed), std::memory_order_relaxed);
    link.store(entry, std::memory_order_release);
  }
  return entry;
}

IndexTable::Filler::Filler(IndexTable& table) : table_(table) {
  ODB_CHECK(table.head_->link(0).load(std::memory_order_relaxed) == nullptr);
  last_.fill(table.head_);
}

void IndexTable::Filler::add(std::string_view key, ObjectId object, Version version) {
  const int height = table_.random_height();
  Entry* entry = Entry::create(key, object, version, height);
  for (int level = 0; level < height; ++level) {
    auto& last = last_[static_cast<std::size_t>(level)];
    last->link(level).store(entry, std::memory_order_release);
    last = entry;
  }
  table_.last_modified_ = version;
}

IndexTable::Entry* IndexTable::remove(std::string_view key, ObjectId object, Version version) {
  Entry* entry = seek(key, object, nullptr);
  while (entry != nullptr && entry->removed_.load(std::memory_order_relaxed) != Entry::kLiving) {
    entry = entry->link(0).load(std::memory_order_relaxed);
  }
  ODB_CHECK(entry != nullptr && entry->object() == object && entry->key() == key);
  entry->removed_.store(version.value, std::memory_order_release);
  last_modified_ = version;
  return entry;
}

void IndexTable::revive(Entry* entry) {
  entry->removed_.store(Entry::kLiving, std::memory_order_release);
}

void IndexTable::unlink(Entry* entry) {
  std::array<Entry*, kHeightMax> before;
  seek(entry->key(), entry->object(), before.data());
  for (int level = entry->height_ - 1; level >= 0; --level) {
    // Several entries of one pair may stand side by side: walk to the one that links to this.
    Entry* at = before[static_cast<std::size_t>(level)];
    Entry* following = at->link(level).load(std::memory_order_relaxed);
    while (following != entry) {
      ODB_CHECK(following != nullptr);
      at = following;
      following = at->link(level).load(std::memory_order_relaxed);
    }
    at->link(level).store(entry->link(level).load(std::memory_order_relaxed),
                          std::memory_order_release);
  }
}

std::optional<Version> IndexTable::modified(std::string_view key) const {
  const auto found = modified_.find(key);
  if (found == modified_.end()) return std::nullopt;
  return found->second;
}

Version IndexTable::set_modified(std::string_view key, Version version) {
  const auto found = modified_.find(key);
  if (found == modified_.end()) {
    modified_.emplace(key, version);
    return Version{};
  }
  return std::exchange(found->second, version);
}

void IndexTable::restore_modified(std::string_view key, Version version) {
  const auto found = modified_.find(key);
  ODB_CHECK(found != modified_.end());
  if (version == Version{}) {
    modified_.erase(found);
  } else {
    found->second = version;
  }
}

void IndexTable::forget_modified(std::string_view key, Version up_to) {
  const auto found = modified_.find(key);
  if (found != modified_.end() && found->second <= up_to) modified_.erase(found);
}

}  // namespace odb
