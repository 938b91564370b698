// MarkFile: where the marks of a data directory stand.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "mark.h"
#include "odb/core/error.h"
#include "tables.h"

namespace rocksdb {
class FSRandomRWFile;
}

namespace odb::server::embedded {

// Of one thread at a time.
class MarkFile {
 public:
  // Nothing: there is no such file. kDataDamaged: it has no mark that is whole.
  static Result<std::optional<Mark>> read(const std::string& path);
  // Makes it when it does not exist.
  static Result<std::unique_ptr<MarkFile>> open(const std::string& path, const Place& place);
  ~MarkFile();
  MarkFile(const MarkFile&) = delete;
  MarkFile& operator=(const MarkFile&) = delete;

  // A process that is killed afterwards leaves it behind; a machine that fails need not.
  Result<void> write(const Mark& mark);
  Result<void> sync();

 private:
  explicit MarkFile(std::unique_ptr<rocksdb::FSRandomRWFile> file);
  std::unique_ptr<rocksdb::FSRandomRWFile> file_;
};

}  // namespace odb::server::embedded
