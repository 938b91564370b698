// Writes: what takes effect together in a data directory.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lagging_rows.h"
#include "odb/server/store.h"

namespace odb::server::embedded {

// In their order: of two with one key the later counts.
class Writes {
 public:
  enum class Kind : std::uint8_t {
    kPut,
    kRemove,
    kRemoveRange,  // from the first key to the second, without that
  };

  void put(std::string_view key, std::string_view value) { add(Kind::kPut, key, value); }
  void remove(std::string_view key) { add(Kind::kRemove, key, {}); }
  void remove_range(std::string_view from, std::string_view to) {
    add(Kind::kRemoveRange, from, to);
  }
  // The value is what `write` appends to a string.
  template <class Write>
  void put_written(std::string_view key, const Write& write) {
    const std::size_t at = bytes_.size();
    add(Kind::kPut, key, {});
    const std::size_t begin = bytes_.size();
    write(bytes_);
    const auto size = static_cast<std::uint32_t>(bytes_.size() - begin);
    std::memcpy(bytes_.data() + at + 1 + sizeof size, &size, sizeof size);
  }

  void append(const Writes& later) { bytes_ += later.bytes_; }

  bool empty() const { return bytes_.empty(); }
  std::size_t size_bytes() const { return bytes_.size(); }
  // Keeps its memory for the next, but not more of it than that.
  void clear(std::size_t bytes_kept_max) {
    if (bytes_.capacity() > bytes_kept_max) bytes_ = {};
    bytes_.clear();
  }

  // take(Kind, first, second) for each.
  template <class Take>
  void for_each(const Take& take) const {
    std::string_view left = bytes_;
    while (!left.empty()) {
      const auto kind = static_cast<Kind>(left.front());
      std::uint32_t sizes[2];
      std::memcpy(sizes, left.data() + 1, sizeof sizes);
      left.remove_prefix(1 + sizeof sizes);
      take(kind, left.substr(0, sizes[0]), left.substr(sizes[0], sizes[1]));
      left.remove_prefix(std::size_t{sizes[0]} + sizes[1]);
    }
  }

 private:
  void add(Kind kind, std::string_view first, std::string_view second) {
    const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(first.size()),
                                    static_cast<std::uint32_t>(second.size())};
    bytes_ += static_cast<char>(kind);
    bytes_.append(reinterpret_cast<const char*>(sizes), sizeof sizes);
    bytes_ += first;
    bytes_ += second;
  }

  std::string bytes_;
};

// What appends change that go out together: the log, rows as the state had them after the append
// with which they were due, outcomes and the version. Of the last two only the newest is written.
class AppendedWrites {
 public:
  // The log gets the append, and rows are written as `lagging` says.
  void add(const CommitBatch& batch, LaggingRows& lagging);
  // A store that is being filled keeps no log, which would only say what it was filled with.
  void add_unlogged(const CommitBatch& batch);
  // Versions up to `to` leave the log, of which those up to `from` have before.
  void cut_log(Version from, Version to);

  std::size_t size_bytes() const { return log_.size() + writes_.size_bytes(); }
  Version last() const { return last_; }
  Version rows_up_to() const { return rows_up_to_; }
  // What `lagging` gave up, for LaggingRows::give_back() should this fail; also after finish().
  std::span<const LaggingRows::Item> rows_taken() const { return rows_taken_; }
  // In place of what `all` had. No writes are left here.
  void finish(Writes& all);

 private:
  void put_row(const CommitBatch& batch, const TouchedObject& touched);
  void put_rest(const CommitBatch& batch);

  std::string log_;
  Writes writes_;
  std::map<ClientId, std::string> outcomes_;
  std::vector<LaggingRows::Item> rows_taken_;
  Version last_;
  Version rows_up_to_;
  Version forgotten_up_to_;
};

}  // namespace odb::server::embedded
