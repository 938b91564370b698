#include "writes.h"

#include "keys.h"
#include "odb/wire/records.h"

namespace odb::server::embedded {

void add_append(Writes& writes, const CommitBatch& batch) {
  writes.put_written(log_key(batch.last()),
                     [&](std::string& out) { wire::append_log_record(out, batch.records); });
  for (const TouchedObject& touched : touched_objects(batch)) {
    const std::string key = row_key(touched.type, touched.object);
    const Row* row = batch.state.find(touched.type, touched.object, batch.last());
    if (row == nullptr) {
      writes.remove(key);
      continue;
    }
    writes.put_written(key, [&](std::string& out) {
      wire::append_object_record(out, row->version(), row->fields());
    });
  }
  // A client that was forgotten and came back at once is there: forgotten first.
  for (const ClientId client : batch.forgotten) writes.remove(outcomes_key(client));
  for (const ClientId client : touched_clients(batch)) {
    const auto found = batch.outcomes.find(client);
    if (!found) continue;  // forgotten already
    writes.put_written(outcomes_key(client),
                       [&](std::string& out) { wire::append_outcomes_record(out, *found); });
  }
  for (const TypeId type : touched_types(batch)) {
    writes.put_written(type_key(type), [&](std::string& out) {
      wire::append_type_record(out, *batch.state.catalog()->find(type));
    });
  }
  std::string version;
  append_number(version, batch.last().value);
  writes.put(kVersion, version);
  if (batch.outcomes.forgotten_up_to() == Version{}) return;
  std::string forgotten;
  append_number(forgotten, batch.outcomes.forgotten_up_to().value);
  writes.put(kForgottenUpTo, forgotten);
}

void cut_log(Writes& writes, Version cut_from, Version cut_to) {
  writes.remove_range(log_key(next(cut_from)), log_key(next(cut_to)));
}

}  // namespace odb::server::embedded
