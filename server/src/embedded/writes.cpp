#include "writes.h"

#include <utility>

#include "keys.h"
#include "odb/wire/records.h"

namespace odb::server::embedded {

namespace {

std::string text_of(std::uint64_t number) {
  std::string text;
  append_number(text, number);
  return text;
}

}  // namespace

void AppendedWrites::add(const CommitBatch& batch, Log log) {
  last_ = batch.last();
  forgotten_up_to_ = batch.outcomes.forgotten_up_to();
  if (log == Log::kKept) {
    writes_.put_written(log_key(last_),
                        [&](std::string& out) { wire::append_log_record(out, batch.records); });
  }
  for (const TouchedObject& touched : touched_objects(batch)) {
    const std::string key = row_key(touched.type, touched.object);
    const Row* row = batch.state.find(touched.type, touched.object, last_);
    if (row == nullptr) {
      writes_.remove(key);
      continue;
    }
    writes_.put_written(key, [&](std::string& out) {
      wire::append_object_record(out, row->version(), row->fields());
    });
  }
  // A client that was forgotten and came back at once is there: forgotten first.
  for (const ClientId client : batch.forgotten) {
    outcomes_.erase(client);
    writes_.remove(outcomes_key(client));
  }
  for (const ClientId client : touched_clients(batch)) {
    const auto found = batch.outcomes.find(client);
    if (!found) continue;  // forgotten already
    std::string& record = outcomes_[client];
    record.clear();
    wire::append_outcomes_record(record, *found);
  }
  for (const TypeId type : touched_types(batch)) {
    writes_.put_written(type_key(type), [&](std::string& out) {
      wire::append_type_record(out, *batch.state.catalog()->find(type));
    });
  }
}

void AppendedWrites::cut_log(Version from, Version to) {
  writes_.remove_range(log_key(next(from)), log_key(next(to)));
}

Writes AppendedWrites::finish() {
  for (const auto& [client, record] : outcomes_) writes_.put(outcomes_key(client), record);
  outcomes_.clear();
  if (last_ != Version{}) writes_.put(kVersion, text_of(last_.value));
  if (forgotten_up_to_ != Version{}) writes_.put(kForgottenUpTo, text_of(forgotten_up_to_.value));
  return std::exchange(writes_, {});
}

}  // namespace odb::server::embedded
