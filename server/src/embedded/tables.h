// Tables: the keys and values of a data directory. RocksDB stands behind it, and nowhere else.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "odb/core/error.h"
#include "wal.h"
#include "writes.h"

namespace rocksdb {
class FileSystem;
}

namespace odb::server::embedded {

// Where tables stand. Tests bring a file system that fails, forgets and fills up.
struct Place {
  std::string folder;
  std::shared_ptr<rocksdb::FileSystem> files;  // null: the machine's
};

enum class Sync : std::uint8_t { kNo, kYes };

// write() is one thread's at a time, sync() any thread's beside it.
class Tables {
 public:
  // As they are, without what stands behind `cut`, and without changing anything.
  static Result<std::unique_ptr<Tables>> open_to_read(const Place& place,
                                                      const std::optional<WalCut>& cut);
  // Durable when it returns. Nobody has the tables open.
  static Result<void> cut_off(const Place& place, const WalCut& cut);
  // Makes them when they do not exist.
  static Result<std::unique_ptr<Tables>> open(const Place& place);
  ~Tables();
  Tables(const Tables&) = delete;
  Tables& operator=(const Tables&) = delete;

  // take(key, value) for each key that begins so (and is not below `from`), in their order, until
  // it says an error. What it is given ends with the call. Only of those that were opened to read,
  // by one thread at a time.
  using Take = std::function<Result<void>(std::string_view, std::string_view)>;
  Result<void> for_each(std::string_view begin, const Take& take);
  Result<void> for_each(std::string_view begin, std::string_view from, const Take& take);

  // All or nothing. After an error nothing can be written any more, and what of it will be found
  // again is not known.
  Result<void> write(const Writes& writes, Sync sync);
  Result<void> sync();             // everything written before the call
  std::uint64_t sequence() const;  // of the last single write
  // Out of the log, so that the next start is quick.
  Result<void> flush();

 private:
  struct Open;
  explicit Tables(std::unique_ptr<Open> open);
  std::unique_ptr<Open> open_;
};

}  // namespace odb::server::embedded
