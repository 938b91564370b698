#include "writes.h"

#include <utility>

#include "keys.h"
#include "log_value.h"
#include "odb/wire/records.h"

namespace odb::server::embedded {

namespace {

constexpr std::size_t kBytesKeptMax = 1024 * 1024;

std::string text_of(std::uint64_t number) {
  std::string text;
  append_number(text, number);
  return text;
}

}  // namespace

void AppendedWrites::add(const CommitBatch& batch, LaggingRows& lagging) {
  const std::size_t log_before = log_.size();
  append_to_log_value(log_, batch.records);
  const std::size_t taken_before = rows_taken_.size();
  const std::vector<TouchedObject> touched = touched_objects(batch);
  if (!lagging.touch(touched, batch.records.front()->version, log_.size() - log_before)) {
    for (const TouchedObject& object : touched) put_row(batch, object);
  }
  lagging.take_due(rows_taken_);
  for (std::size_t i = taken_before; i < rows_taken_.size(); ++i) {
    put_row(batch, rows_taken_[i].object);
  }
  rows_up_to_ = lagging.complete_up_to(batch.last());
  put_rest(batch);
}

void AppendedWrites::add_unlogged(const CommitBatch& batch) {
  for (const TouchedObject& touched : touched_objects(batch)) put_row(batch, touched);
  rows_up_to_ = batch.last();
  put_rest(batch);
}

void AppendedWrites::put_row(const CommitBatch& batch, const TouchedObject& touched) {
  const std::string key = row_key(touched.type, touched.object);
  const Row* row = batch.state.find(touched.type, touched.object, batch.last());
  if (row == nullptr) return writes_.remove(key);
  writes_.put_written(key, [&](std::string& out) {
    wire::append_object_record(out, row->version(), row->fields());
  });
}

void AppendedWrites::put_rest(const CommitBatch& batch) {
  last_ = batch.last();
  forgotten_up_to_ = batch.outcomes.forgotten_up_to();
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
  for (const std::string_view kind : {kAppends, kLog}) {
    writes_.remove_range(log_key(next(from), kind), log_key(next(to), kind));
  }
}

void AppendedWrites::finish(Writes& all) {
  all.clear(kBytesKeptMax);
  if (!log_.empty()) all.put(log_key(last_), log_);
  all.append(std::exchange(writes_, {}));
  log_.clear();
  for (const auto& [client, record] : outcomes_) all.put(outcomes_key(client), record);
  outcomes_.clear();
  if (last_ != Version{}) {
    all.put(kVersion, text_of(last_.value));
    all.put(kRowsUpTo, text_of(rows_up_to_.value));
  }
  if (forgotten_up_to_ != Version{}) all.put(kForgottenUpTo, text_of(forgotten_up_to_.value));
}

}  // namespace odb::server::embedded
