// DumpWriter: writes what a source hands out as a dump.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "odb/server/store.h"
#include "odb/tool/dump_lines.h"
#include "odb/tool/progress.h"

namespace odb::tool {

// Writes to FILE.partial, which gets its name when it is whole and on the disk; so a file with the
// name is always whole. One that was broken off is gone on with when it is of the same version of
// the same history, and begun anew otherwise. "-" is stdout, where nothing is gone on with. Takes
// objects in sorted order.
class DumpWriter final : public server::StoreLoader {
 public:
  // kBadConfiguration: FILE exists, or another process writes it.
  static Result<std::unique_ptr<DumpWriter>> open(const std::string& file, Progress& progress);
  ~DumpWriter() override;
  DumpWriter(const DumpWriter&) = delete;
  DumpWriter& operator=(const DumpWriter&) = delete;

  Result<void> on_database(const server::StoredDatabase& stored) override;
  Result<void> on_types(std::vector<CatalogType> types) override;
  Result<void> on_object(TypeId type, ObjectId object, Version version,
                         std::vector<Value> fields) override;
  Result<void> on_outcomes(ClientOutcomes) override { return {}; }
  Result<DumpCount> finish();

  // What of it was there already; and whether something was that is of no use any more.
  std::uint64_t objects_resumed() const { return resumed_; }
  bool has_begun_anew() const { return has_begun_anew_; }

 private:
  class File;
  DumpWriter(std::unique_ptr<File> file, Progress& progress);

  const std::unique_ptr<File> file_;
  Progress& progress_;
  DumpHeader header_;
  std::vector<CatalogType> types_;
  std::vector<std::unique_ptr<ObjectLines>> lines_;  // by TypeId
  std::pair<TypeId, ObjectId> last_;
  std::uint64_t objects_ = 0;
  std::uint64_t resumed_ = 0;
  bool has_begun_anew_ = false;
};

// What a dump that was broken off begins with: what it is of, and the lines of its types.
struct PartialDump {
  DumpHeader header;
  std::string types;
};
// Nothing when there is none. For a server, which may still be able to read that version.
std::optional<PartialDump> find_partial_dump(const std::string& file);

}  // namespace odb::tool
