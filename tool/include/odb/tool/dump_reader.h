// A dump as a source.
#pragma once

#include <memory>
#include <string>

#include "odb/tool/dump_lines.h"
#include "odb/tool/source.h"

namespace odb::tool {

// The file has been read once by then: it is whole, and as it was written. kBadConfiguration: it
// cannot be read, is no dump, or of a newer version. kDataDamaged: it is cut off, or altered;
// load() says likewise what line does not fit the schema, naming type, field, expected and found.
class DumpSource final : public Source {
 public:
  static Result<std::unique_ptr<DumpSource>> open(const std::string& file);
  ~DumpSource() override;

  const DumpHeader& header() const;
  const DumpCount& count() const;  // of the objects, with the checksum of all
  Result<server::StoredDatabase> load(server::StoreLoader& loader) override;
  std::string name() const override;  // "the dump FILE"

 private:
  class File;
  explicit DumpSource(std::unique_ptr<File> file);
  const std::unique_ptr<File> file_;
};

// A memory store that begins with what a source has, in a history of its own.
std::unique_ptr<server::Store> make_restored_memory_store(std::unique_ptr<Source> source);

}  // namespace odb::tool
