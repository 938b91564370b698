#include "batch.h"

#include <algorithm>

#include "odb/wire/records.h"

namespace odb::server::redis {

namespace {

// Lua cannot hand more than some 8000 values to a command.
constexpr std::size_t kLogFieldsMax = 4000;
constexpr std::size_t kBytesMax = 8 * 1024 * 1024;

}  // namespace

Batch::Batch(const CommitBatch& batch, const Keys& keys, Log log)
    : first_(batch.records.front()->version),
      last_(batch.last()),
      forgotten_up_to_(batch.outcomes.forgotten_up_to()) {
  if (log == Log::kKept) {
    log_.add("commits");
    log_.add_written([&](std::string& out) { wire::append_log_record(out, batch.records); });
  }
  for (const CommitRecord* record : batch.records) {
    for (const ObjectChange& change : record->changes.objects) {
      if (change.kind == ObjectChange::Kind::kCreate) ++rows_added_;
      if (change.kind == ObjectChange::Kind::kDelete) --rows_added_;
    }
  }
  for (const TouchedObject& touched : touched_objects(batch)) {
    const Row* row = batch.state.find(touched.type, touched.object, batch.last());
    const std::string key = keys.row(touched.type, touched.object);
    if (row == nullptr) {
      removed_.add(key);
    } else {
      rows_.add(key);
      rows_.add_written([&](std::string& out) {
        wire::append_object_record(out, row->version(), row->fields());
      });
    }
  }
  for (const ClientId client : touched_clients(batch)) {
    const auto found = batch.outcomes.find(client);
    if (!found) continue;  // forgotten already
    outcomes_.add(to_text(client));
    outcomes_.add_written([&](std::string& out) { wire::append_outcomes_record(out, *found); });
  }
  for (const ClientId client : batch.forgotten) forgotten_.add(to_text(client));
  for (const TypeId type : touched_types(batch)) {
    types_.add(type.value);
    types_.add_written([&](std::string& out) {
      wire::append_type_record(out, *batch.state.catalog()->find(type));
    });
  }
}

std::size_t Batch::bytes() const {
  return log_.size() + outcomes_.size() + forgotten_.size() + types_.size() + rows_.size() +
         removed_.size();
}

bool Batch::can_take(const Batch& more) const {
  // A client that was forgotten and came back must not be forgotten after it has been set.
  return more.first_ == next(last_) && bytes() + more.bytes() <= kBytesMax &&
         log_.count() + more.log_.count() <= kLogFieldsMax && forgotten_.empty() &&
         more.forgotten_.empty();
}

void Batch::merge(const Batch& more) {
  last_ = more.last_;
  forgotten_up_to_ = std::max(forgotten_up_to_, more.forgotten_up_to_);
  rows_added_ += more.rows_added_;
  log_.add(more.log_);
  outcomes_.add(more.outcomes_);
  types_.add(more.types_);
  // Set first, then unlinked: an object that is gone does not come back.
  rows_.add(more.rows_);
  removed_.add(more.removed_);
}

void Batch::append_to(std::string& out, const std::string& digest, const std::string& fence,
                      const Keys& keys, Version cut) const {
  Arguments command;
  command.add("EVALSHA");
  command.add(digest);
  command.add("4");
  for (const std::string* key : {&keys.meta, &keys.log, &keys.outcomes, &keys.schema}) {
    command.add(*key);
  }
  command.add(fence);
  command.add(first_.value - 1);
  command.add(last_.value);
  command.add(cut.value);
  command.add(std::to_string(rows_added_));
  command.add(forgotten_up_to_.value);
  for (const Arguments* part : {&log_, &outcomes_, &forgotten_, &types_, &rows_, &removed_}) {
    command.add(part->count());
  }
  append_command(out, {&command, &log_, &outcomes_, &forgotten_, &types_, &rows_, &removed_});
}

}  // namespace odb::server::redis
