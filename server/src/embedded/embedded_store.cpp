#include "embedded_store.h"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <optional>
#include <utility>

#include "damage.h"
#include "directory.h"
#include "filling.h"
#include "keys.h"
#include "loading.h"
#include "mark_file.h"
#include "recovery.h"
#include "worker.h"

namespace odb::server {

namespace embedded {

namespace {

void describe(const EmbeddedOptions& options) {
  switch (options.durability) {
    case Durability::kCommit:
      return spdlog::info("{}: what is acknowledged is on the disk", options.folder);
    case Durability::kInterval:
      return spdlog::warn(
          "{}: when the machine fails, what was acknowledged in the last {} ms or so may be lost "
          "(--durability interval)",
          options.folder, options.sync_interval.count());
    case Durability::kOs:
      return spdlog::warn(
          "{}: when the machine fails, what was acknowledged in the last half minute or more may "
          "be lost (--durability os)",
          options.folder);
  }
}

class EmbeddedStore final : public Store {
 public:
  EmbeddedStore(EmbeddedOptions options, Machine machine)
      : options_(std::move(options)), machine_(std::move(machine)) {}
  ~EmbeddedStore() override { EmbeddedStore::stop(); }

  Result<std::optional<StoredDatabase>> load(StoreLoader& loader) override {
    auto directory = Directory::open(options_.folder);
    if (!directory) return directory.error();
    directory_ = *std::move(directory);
    describe(options_);
    place_ = {directory_->tables(), machine_.files};
    auto mark = MarkFile::read(directory_->mark());
    std::error_code ignored;
    if (!std::filesystem::exists(place_.folder + "/CURRENT", ignored)) {
      // It was begun, and nothing was acknowledged yet. The first mark, which comes before
      // everything else, may be half written.
      const bool has_mark_only = !std::filesystem::exists(place_.folder, ignored) ||
                                 std::filesystem::is_empty(place_.folder, ignored);
      if (!mark && !has_mark_only) return mark.error();
      if (!mark || !*mark || (*mark)->acknowledged == 0) return std::optional<StoredDatabase>();
      return damaged(place_.folder + "/CURRENT is missing");
    }
    if (!mark) return mark.error();
    if (!*mark) return damaged(directory_->mark() + " is missing, or empty");
    mark_ = **mark;
    auto stored = load_from_tables(loader);
    if (stored && stored->has_value() && (*stored)->may_have_lost) {
      spdlog::warn(
          "the machine failed, and the data directory may have lost acknowledged commits: a new "
          "history begins at version {}",
          (*stored)->version.value);
    }
    return stored;
  }

  Result<void> begin(HistoryId history) override {
    if (auto claimed = directory_->claim(); !claimed) return claimed;
    auto marks = MarkFile::open(directory_->mark(), place_);
    if (!marks) return marks.error();
    marks_ = *std::move(marks);
    // Until the next mark there is nothing to lose, wherever this ends.
    if (mark_.number == 0) {
      if (auto marked = put_mark(0); !marked) return marked;
    }
    if (cut_) {
      spdlog::info("{}: cut off what was being written when the last server ended", cut_->file);
      if (auto done = Tables::cut_off(place_, *cut_); !done) return done;
    }
    auto tables = Tables::open(place_);
    if (!tables) return tables.error();
    tables_ = *std::move(tables);
    Writes writes = std::exchange(rows_behind_, {});
    std::string version;
    append_number(version, version_.value);
    writes.put(kRowsUpTo, version);
    std::string id;
    append_number(id, history.high);
    append_number(id, history.low);
    writes.put(kHistory, id);
    if (options_.filling) {
      writes.put(kFilling, to_text(*options_.filling));
    } else {
      writes.remove(kFilling);
    }
    if (auto written = tables_->write(writes, Sync::kYes); !written) return written;
    return put_mark(tables_->sequence());
  }

  void start(StoreListener& listener, StoreHost& host) override {
    listener_ = &listener;
    teller_.start(listener);
    worker_ = std::make_unique<Worker>(options_,
                                       Worker::Parts{place_, directory_->mark(), std::move(tables_),
                                                     std::move(marks_), mark_, machine_.lagging},
                                       [this, &host] {
                                         host.post([this] {
                                           if (!is_stopped_) take_news();
                                         });
                                       });
  }

  void append(const CommitBatch& batch) override {
    if (teller_.refusal()) {
      return listener_->on_append_failed(batch.records.front()->version, *teller_.refusal());
    }
    worker_->append(batch, teller_.generation());
  }

  void reserve_ids(ObjectId below) override { worker_->reserve(below); }

  void stop() override {
    is_stopped_ = true;
    worker_.reset();
    tables_.reset();
    marks_.reset();
    directory_.reset();
  }

  std::string name() const override { return "the data directory " + options_.folder; }

 private:
  Result<std::optional<StoredDatabase>> load_from_tables(StoreLoader& loader) {
    const bool is_same_boot = !mark_.boot.empty() && mark_.boot == machine_.boot;
    auto scan = scan_wal(place_.folder);
    if (!scan) return scan.error();
    auto recovery = decide(mark_, *scan, is_same_boot ? Boot::kSame : Boot::kAnother);
    if (!recovery) return recovery.error();
    cut_ = std::move(recovery->cut);
    auto tables = Tables::open_to_read(place_, cut_);
    if (!tables) return tables.error();
    if ((*tables)->sequence() < recovery->sequence_least) {
      const std::string where = scan->damage
                                    ? scan->damage->to_string()
                                    : (scan->last_file.empty() ? place_.folder : scan->last_file);
      return damaged("it ends at " + std::to_string((*tables)->sequence()) + ", but " +
                     std::to_string(recovery->sequence_least) +
                     " was acknowledged: something was removed or cut off (" + where + ")");
    }
    auto loaded = load_database(**tables, loader, options_.filling);
    if (!loaded) return loaded.error();
    rows_behind_ = std::move(loaded->rows);
    if (loaded->stored) {
      version_ = loaded->stored->version;
      loaded->stored->may_have_lost = recovery->may_have_lost;
    }
    return loaded->stored;
  }

  // All up to this sequence is on the disk, and more may follow.
  Result<void> put_mark(std::uint64_t sequence) {
    mark_.acknowledged = mark_.synced = sequence;
    mark_.state = Mark::State::kServing;
    mark_.durability = options_.durability;
    mark_.boot = machine_.boot;
    ++mark_.number;
    if (auto noted = marks_->write(mark_); !noted) return noted;
    if (auto synced = marks_->sync(); !synced) return synced;
    return directory_->sync();
  }

  void take_news() {
    for (const News& item : worker_->take_news()) teller_.tell(item);
  }

  const EmbeddedOptions options_;
  const Machine machine_;
  std::unique_ptr<Directory> directory_;  // released last
  Place place_;
  Mark mark_;
  std::optional<WalCut> cut_;
  Version version_;     // that was loaded
  Writes rows_behind_;  // as loading left them
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<MarkFile> marks_;
  StoreListener* listener_ = nullptr;
  NewsTeller teller_;
  bool is_stopped_ = false;
  std::unique_ptr<Worker> worker_;
};

}  // namespace

std::unique_ptr<Store> make_store(EmbeddedOptions options, Machine machine) {
  return std::make_unique<EmbeddedStore>(std::move(options), std::move(machine));
}

}  // namespace embedded

std::unique_ptr<Store> make_embedded_store(EmbeddedOptions options) {
  return embedded::make_store(std::move(options), {.boot = embedded::boot_id()});
}

}  // namespace odb::server
