#include "loading.h"

#include <spdlog/spdlog.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "damage.h"
#include "filling.h"
#include "keys.h"
#include "log_tail.h"
#include "log_value.h"
#include "odb/wire/records.h"

namespace odb::server::embedded {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kProgressInterval{1};
constexpr std::size_t kPageRows = 1024;
constexpr std::size_t kPageBytes = 1024 * 1024;
constexpr std::size_t kPagesMax = 8;

struct LoadedRow {
  TypeId type;
  ObjectId object;
  wire::ObjectRecord record;
};

Result<LoadedRow> decode_row(std::string_view key, std::string_view value) {
  std::string_view left = key.substr(kRows.size());
  const auto type = take_number<std::uint32_t>(left);
  const auto object = take_number<std::uint64_t>(left);
  if (!type || !object || !left.empty()) return damaged("a row has a key that is none");
  auto record = wire::decode_object_record(value);
  if (!record) {
    return damaged("object " + std::to_string(*object) + " of type " + std::to_string(*type) +
                   ": " + record.error().message);
  }
  return LoadedRow{TypeId{*type}, ObjectId{*object}, *std::move(record)};
}

// Rows on their way from the thread that reads and decodes to the one that takes them in.
class Pages {
 public:
  using Page = std::vector<LoadedRow>;

  // The reader's side. False: nobody wants more.
  bool put(Page page) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return is_unwanted_ || pages_.size() < kPagesMax; });
    if (!is_unwanted_) pages_.push_back(std::move(page));
    changed_.notify_all();
    return !is_unwanted_;
  }
  void end(Result<void> result) {
    const std::lock_guard lock(mutex_);
    end_ = std::move(result);
    changed_.notify_all();
  }

  // The other side. Nothing at the end.
  Result<std::optional<Page>> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return end_ || !pages_.empty(); });
    if (pages_.empty()) {
      if (!*end_) return end_->error();
      return std::optional<Page>();
    }
    std::optional<Page> page(std::move(pages_.front()));
    pages_.pop_front();
    changed_.notify_all();
    return page;
  }
  void want_no_more() {
    const std::lock_guard lock(mutex_);
    is_unwanted_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Page> pages_;
  std::optional<Result<void>> end_;
  bool is_unwanted_ = false;
};

class Loading {
 public:
  Loading(Tables& tables, StoreLoader& loader, const std::optional<Filling>& filling)
      : tables_(tables), loader_(loader), filling_(filling) {}

  Result<LoadedDatabase> run() {
    auto stored = load_meta();
    if (!stored) return stored.error();
    if (!stored->has_value()) return LoadedDatabase();
    const auto mark = meta_.find(kFilling);
    if (mark != meta_.end()) {
      auto whole = check_filling(mark->second, (*stored)->version, filling_, "the data directory");
      if (!whole) return whole.error();
      (*stored)->is_filling = *whole == FillingState::kPartly;
    }
    if (auto taken = loader_.on_database(**stored); !taken) return taken.error();
    version_ = (*stored)->version;
    for (const auto step : {&Loading::load_types, &Loading::load_outcomes, &Loading::load_tail,
                            &Loading::load_rows, &Loading::apply_tail, &Loading::hand_out_log}) {
      if (auto done = (this->*step)(); !done) return done.error();
    }
    return LoadedDatabase{*std::move(stored), std::move(rows_behind_)};
  }

 private:
  Result<std::uint64_t> number(std::string_view key, std::uint64_t otherwise) const {
    const auto found = meta_.find(key);
    if (found == meta_.end()) return otherwise;
    std::string_view left = found->second;
    const auto number = take_number<std::uint64_t>(left);
    if (!number || !left.empty()) return damaged(std::string(key) + " is no number");
    return *number;
  }

  Result<std::optional<StoredDatabase>> load_meta() {
    auto read = tables_.for_each(kMeta, [&](std::string_view key, std::string_view value) {
      meta_.emplace(key, value);
      return Result<void>();
    });
    if (!read) return read.error();
    const auto history = meta_.find(kHistory);
    if (history == meta_.end()) return std::optional<StoredDatabase>();
    std::string_view left = history->second;
    const auto high = take_number<std::uint64_t>(left);
    const auto low = take_number<std::uint64_t>(left);
    if (!high || !low || !left.empty()) return damaged("its history has another size");
    const auto version = number(kVersion, 0);
    const auto ids_below = number(kIdsBelow, 1);
    const auto forgotten = number(kForgottenUpTo, 0);
    for (const auto* found : {&version, &ids_below, &forgotten}) {
      if (!*found) return found->error();
    }
    StoredDatabase stored;
    stored.history = {*high, *low};
    stored.version = Version{*version};
    stored.ids_below = ObjectId{*ids_below};
    stored.outcomes_forgotten_up_to = Version{*forgotten};
    return std::optional(stored);
  }

  Result<void> load_types() {
    std::vector<CatalogType> types;
    auto read = tables_.for_each(kTypes, [&](std::string_view key, std::string_view value) {
      std::string_view left = key.substr(kTypes.size());
      const auto number = take_number<std::uint32_t>(left);
      auto type = wire::decode_type_record(value);
      if (!number || !left.empty() || !type || type->id.value != *number) {
        return Result<void>(damaged(
            "a type " + (type ? "stands where it should not" : "- " + type.error().message)));
      }
      types.push_back(*std::move(type));
      return Result<void>();
    });
    if (!read) return read;
    const auto rows_up_to = number(kRowsUpTo, version_.value);
    if (!rows_up_to) return rows_up_to.error();
    if (auto begun = tail_.begin(types, Version{*rows_up_to}); !begun) return begun;
    return loader_.on_types(std::move(types));
  }

  Result<void> load_outcomes() {
    return tables_.for_each(kOutcomes, [&](std::string_view key, std::string_view value) {
      std::string_view left = key.substr(kOutcomes.size());
      const auto high = take_number<std::uint64_t>(left);
      const auto low = take_number<std::uint64_t>(left);
      auto outcomes = wire::decode_outcomes_record(value);
      if (!high || !low || !left.empty() || !outcomes) {
        return Result<void>(damaged("the outcomes of a client do not decode"));
      }
      outcomes->client = {*high, *low};
      return loader_.on_outcomes(*std::move(outcomes));
    });
  }

  // One thread reads and decodes, this one takes in.
  Result<void> load_rows() {
    Pages pages;
    std::thread reader([&] { pages.end(read_rows(pages)); });
    Result<void> result;
    for (;;) {
      auto page = pages.take();
      if (!page) result = page.error();
      if (!page || !page->has_value()) break;
      result = take_in(**page);
      if (!result) break;
    }
    pages.want_no_more();
    reader.join();
    return result;
  }

  Result<void> read_rows(Pages& pages) {
    Pages::Page page;
    std::size_t bytes = 0;
    const Error unwanted{ErrorCode::kShuttingDown, "nobody wants more"};
    auto read = tables_.for_each(kRows, [&](std::string_view key, std::string_view value) {
      auto row = decode_row(key, value);
      if (!row) return Result<void>(row.error());
      page.push_back(*std::move(row));
      bytes += value.size();
      if (page.size() < kPageRows && bytes < kPageBytes) return Result<void>();
      bytes = 0;
      return pages.put(std::exchange(page, {})) ? Result<void>() : Result<void>(unwanted);
    });
    if (!read) return read;
    if (!pages.put(std::move(page))) return unwanted;
    return {};
  }

  // take(append) for each that ends after `after`, in the order of versions. The log of format 1
  // comes before that of today.
  template <class Take>
  Result<void> for_each_append(Version after, const Take& take) {
    auto read =
        tables_.for_each(kAppends, log_key(next(after), kAppends),
                         [&](std::string_view key, std::string_view value) {
                           auto last = last_of(key, kAppends);
                           if (!last) return Result<void>(last.error());
                           auto append = wire::decode_log_record(value);
                           if (!append || append->empty() || append->back().version != *last) {
                             return Result<void>(damaged("a record of the log does not decode"));
                           }
                           return take(*std::move(append));
                         });
    if (!read) return read;
    return tables_.for_each(kLog, log_key(next(after)),
                            [&](std::string_view key, std::string_view value) {
                              auto last = last_of(key, kLog);
                              if (!last) return Result<void>(last.error());
                              auto appends = decode_log_value(value, *last);
                              if (!appends) return Result<void>(appends.error());
                              for (std::vector<CommitRecord>& append : *appends) {
                                if (append.back().version <= after) continue;
                                if (auto taken = take(std::move(append)); !taken) return taken;
                              }
                              return Result<void>();
                            });
  }

  static Result<Version> last_of(std::string_view key, std::string_view kind) {
    key.remove_prefix(kind.size());
    const auto last = take_number<std::uint64_t>(key);
    if (!last || !key.empty()) return damaged("a record of the log has a key that is none");
    return Version{*last};
  }

  Result<void> load_tail() {
    auto read = for_each_append(tail_.last(), [&](std::vector<CommitRecord> append) {
      for (CommitRecord& record : append) {
        if (record.version < next(tail_.last())) continue;
        if (auto added = tail_.add(std::move(record)); !added) return added;
      }
      return Result<void>();
    });
    if (!read) return read;
    if (tail_.last() == version_) return {};
    return damaged("its log ends at version " + std::to_string(tail_.last().value) +
                   ", but it is at " + std::to_string(version_.value));
  }

  Result<void> apply_tail() {
    return tail_.apply([&](TypeId type, ObjectId object, const Row* row) {
      const std::string key = row_key(type, object);
      if (row == nullptr) {
        rows_behind_.remove(key);
        return Result<void>();
      }
      rows_behind_.put_written(key, [&](std::string& out) {
        wire::append_object_record(out, row->version(), row->fields());
      });
      return loader_.on_object(type, object, row->version(),
                               {row->fields().begin(), row->fields().end()});
    });
  }

  // All of it is read, whether anybody wants it or not.
  Result<void> hand_out_log() {
    if (loader_.wants_log()) {
      return for_each_append(Version{}, [&](std::vector<CommitRecord> append) {
        return loader_.on_log(std::move(append));
      });
    }
    const auto ignore = [](std::string_view, std::string_view) { return Result<void>(); };
    if (auto read = tables_.for_each(kAppends, ignore); !read) return read;
    return tables_.for_each(kLog, ignore);
  }

  Result<void> take_in(Pages::Page& page) {
    for (LoadedRow& row : page) {
      auto taken = tail_.touches(row.object)
                       ? tail_.add_row(row.type, row.object, row.record.version,
                                       std::move(row.record.fields))
                       : loader_.on_object(row.type, row.object, row.record.version,
                                           std::move(row.record.fields));
      if (!taken) return taken;
    }
    rows_ += page.size();
    if (Clock::now() - told_at_ >= kProgressInterval) {
      told_at_ = Clock::now();
      spdlog::info("loaded {} objects", rows_);
    }
    return {};
  }

  Tables& tables_;
  StoreLoader& loader_;
  const std::optional<Filling>& filling_;
  std::map<std::string, std::string, std::less<>> meta_;
  Version version_;
  LogTail tail_;
  Writes rows_behind_;
  std::uint64_t rows_ = 0;
  Clock::time_point told_at_ = Clock::now();
};

}  // namespace

Result<LoadedDatabase> load_database(Tables& tables, StoreLoader& loader,
                                     const std::optional<Filling>& filling) {
  return Loading(tables, loader, filling).run();
}

}  // namespace odb::server::embedded
