#include "following.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "loading.h"
#include "odb/wire/records.h"

namespace odb::server::redis {

namespace {

constexpr std::size_t kPageEntries = 1000;

Error unfit(const std::string& what) {
  return {ErrorCode::kUnavailable, "the database is read anew: " + what};
}

// While it is being written nothing can be called damaged.
Error translate(const Error& error) {
  return error.code == ErrorCode::kDataDamaged ? unfit(error.message) : error;
}

}  // namespace

Result<void> Following::step() {
  if (!begun_) {
    if (auto begun = begin(); !begun || !begun_) return begun;
  }
  return read_log();
}

// What it reads is of different versions, none older than the one that stood there before; the log
// since then tells the rest, see StoreLoader::on_version().
Result<void> Following::begin() {
  auto stored = load_meta(possession_, keys_, options_);
  if (!stored) return translate(stored.error());
  if (!stored->has_value()) return {};
  version_ = (*stored)->version;
  if (auto loaded = load_followed(possession_, keys_, link_, options_, loader_); !loaded) {
    return translate(loaded.error());
  }
  if (auto taken = loader_.on_loaded(version_); !taken) return translate(taken.error());
  begun_ = **stored;
  if (auto read = read_log(); !read) return read;
  spdlog::info("this standby follows, from version {}", version_.value);
  return {};
}

Result<void> Following::read_log() {
  for (;;) {
    auto is_last = read_page();
    if (!is_last) return translate(is_last.error());
    if (*is_last) return {};
  }
}

Result<bool> Following::read_page() {
  const std::string from = std::to_string(version_.value + 1) + "-0";
  auto reply =
      possession_.ask({"XRANGE", keys_.log, from, "+", "COUNT", std::to_string(kPageEntries)});
  if (!reply) return reply.error();
  if (reply->is_error()) return unfit(describe(*reply));
  for (const Reply& entry : reply->elements) {
    if (auto taken = take(entry); !taken) return taken.error();
  }
  return reply->elements.size() < kPageEntries;
}

Result<void> Following::take(const Reply& entry) {
  if (entry.elements.size() != 2) return unfit(keys_.log + ": " + describe(entry));
  const std::vector<Reply>& fields = entry.elements[1].elements;
  for (std::size_t i = 0; i + 1 < fields.size(); i += 2) {
    auto records = wire::decode_log_record(fields[i + 1].text);
    if (!records) return unfit(keys_.log + ": " + records.error().message);
    for (CommitRecord& record : *records) {
      if (record.version <= version_) continue;
      if (record.version != next(version_)) {
        return unfit("its log begins at version " + std::to_string(record.version.value) +
                     " only, after " + std::to_string(version_.value) +
                     "; a greater --log-versions-max keeps more");
      }
      version_ = record.version;
      if (auto taken = loader_.on_version(std::move(record)); !taken) return taken;
    }
  }
  return {};
}

Result<std::optional<StoredDatabase>> Following::finish() {
  if (!begun_) return std::optional<StoredDatabase>();
  auto stored = load_meta(possession_, keys_, options_);
  if (!stored) return translate(stored.error());
  if (!stored->has_value() || (*stored)->history != begun_->history) {
    return unfit("it has begun a new history");
  }
  if (auto read = read_log(); !read) return read.error();
  if (version_ != (*stored)->version) {
    return unfit("its log ends at version " + std::to_string(version_.value) + ", it is at " +
                 std::to_string((*stored)->version.value));
  }
  if (auto loaded = load_outcomes(possession_, keys_, loader_); !loaded) {
    return translate(loaded.error());
  }
  return *std::move(stored);
}

}  // namespace odb::server::redis
