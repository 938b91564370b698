#include "tables.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>
#include <rocksdb/memtablerep.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>
#include <vector>

#include "damage.h"

namespace odb::server::embedded {

namespace {

// What bounds the memory that all this takes: two memtables, one being written and one on its way
// to the disk, and what of the tables is open. Nothing is read while the server runs, so there is
// next to no cache.
constexpr std::size_t kMemtableBytes = 64 * 1024 * 1024;
constexpr int kMemtablesMax = 3;
constexpr std::size_t kCacheBytes = 4 * 1024 * 1024;
constexpr int kOpenFilesMax = 256;
constexpr std::size_t kBatchBytesKeptMax = 1024 * 1024;
constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kReadaheadBytes = 2 * 1024 * 1024;

rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }

// What RocksDB has to say goes where everything else does, and into no file of its own.
class Log final : public rocksdb::Logger {
 public:
  Log() : Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* format, std::va_list arguments) override {
    std::array<char, 1000> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    spdlog::debug("RocksDB: {}", line.data());
  }
};

// After an error everything is opened anew, behind what was acknowledged (worker.h): RocksDB is not
// to resume by itself beside that.
class NoRecovery final : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason, rocksdb::Status,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// Shows a log up to where it counts.
class CutFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  CutFile(std::unique_ptr<rocksdb::FSSequentialFile> file, std::uint64_t left)
      : FSSequentialFileOwnerWrapper(std::move(file)), left_(left) {}

  rocksdb::IOStatus Read(std::size_t size, const rocksdb::IOOptions& options,
                         rocksdb::Slice* result, char* scratch,
                         rocksdb::IODebugContext* context) override {
    auto status = FSSequentialFileOwnerWrapper::Read(
        static_cast<std::size_t>(std::min<std::uint64_t>(size, left_)), options, result, scratch,
        context);
    if (status.ok()) left_ -= result->size();
    return status;
  }
  rocksdb::IOStatus Skip(std::uint64_t size) override {
    const std::uint64_t skipped = std::min(size, left_);
    left_ -= skipped;
    return FSSequentialFileOwnerWrapper::Skip(skipped);
  }

 private:
  std::uint64_t left_;
};

class CutFiles final : public rocksdb::FileSystemWrapper {
 public:
  CutFiles(const std::shared_ptr<rocksdb::FileSystem>& files, WalCut cut)
      : FileSystemWrapper(files), cut_(std::move(cut)) {}
  const char* Name() const override { return "odb cut files"; }

  rocksdb::IOStatus NewSequentialFile(const std::string& name, const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                      rocksdb::IODebugContext* context) override {
    auto status = FileSystemWrapper::NewSequentialFile(name, options, result, context);
    if (!status.ok()) return status;
    const bool is_later = std::any_of(cut_.later_files.begin(), cut_.later_files.end(),
                                      [&](const std::string& file) { return same(file, name); });
    if (is_later || same(cut_.file, name)) {
      *result = std::make_unique<CutFile>(std::move(*result), is_later ? 0 : cut_.offset);
    }
    return status;
  }

 private:
  static bool same(std::string_view path, std::string_view other) {
    return path.substr(path.rfind('/') + 1) == other.substr(other.rfind('/') + 1);
  }
  const WalCut cut_;
};

rocksdb::Options make_options(rocksdb::Env* env) {
  rocksdb::Options options;
  options.env = env;
  options.info_log = std::make_shared<Log>();
  options.listeners.push_back(std::make_shared<NoRecovery>());
  options.paranoid_checks = true;
  // What may be missing has been cut off before: see recovery.h. Anything else is damage.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kAbsoluteConsistency;
  options.track_and_verify_wals_in_manifest = true;
  options.max_open_files = kOpenFilesMax;
  options.write_buffer_size = kMemtableBytes;
  // Nothing is read from a memtable but all of it, once: it need not be sorted until then.
  options.memtable_factory = std::make_shared<rocksdb::VectorRepFactory>();
  options.allow_concurrent_memtable_write = false;
  options.max_write_buffer_number = kMemtablesMax;
  options.max_background_jobs = 2;
  options.bytes_per_sync = 1024 * 1024;  // so that the disk is not flooded at the end of a file
  options.level_compaction_dynamic_level_bytes = true;
  options.compression = rocksdb::kLZ4Compression;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  table.block_size = kBlockBytes;
  table.format_version = 5;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

Error cannot_open(const std::string& folder, const rocksdb::Status& status) {
  std::string what = status.ToString();
  if (what.find('/') == std::string::npos) what += " (in " + folder + ")";
  if (status.IsCorruption()) return damaged(what);
  return {ErrorCode::kBadConfiguration, "cannot open the data directory: " + what};
}

Error unavailable(const rocksdb::Status& status) {
  return {ErrorCode::kUnavailable, status.ToString()};
}

}  // namespace

struct Tables::Open {
  std::unique_ptr<rocksdb::Env> env;  // outlives the database
  std::string folder;
  std::unique_ptr<rocksdb::DB> db;
  std::unique_ptr<rocksdb::Iterator> reader;
  rocksdb::WriteBatch batch;  // of write(), kept for its memory
};

namespace {

std::unique_ptr<rocksdb::Env> make_env(const Place& place, const std::optional<WalCut>& cut) {
  std::shared_ptr<rocksdb::FileSystem> files =
      place.files != nullptr ? place.files : rocksdb::FileSystem::Default();
  if (cut) files = std::make_shared<CutFiles>(files, *cut);
  return rocksdb::NewCompositeEnv(files);
}

}  // namespace

Tables::Tables(std::unique_ptr<Open> open) : open_(std::move(open)) {}

Tables::~Tables() {
  if (open_->db == nullptr) return;
  open_->reader.reset();
  // What is not in the tables yet is in the log; and whoever closes after an error knows of it.
  open_->db->Close().PermitUncheckedError();
}

Result<std::unique_ptr<Tables>> Tables::open_to_read(const Place& place,
                                                     const std::optional<WalCut>& cut) {
  auto open = std::make_unique<Open>();
  open->env = make_env(place, cut);
  open->folder = place.folder;
  rocksdb::DB* db = nullptr;
  const auto status =
      rocksdb::DB::OpenForReadOnly(make_options(open->env.get()), place.folder, &db);
  if (!status.ok()) return cannot_open(place.folder, status);
  open->db.reset(db);
  rocksdb::ReadOptions options;
  options.readahead_size = kReadaheadBytes;
  options.fill_cache = false;
  open->reader.reset(db->NewIterator(options));
  return std::unique_ptr<Tables>(new Tables(std::move(open)));
}

Result<void> Tables::cut_off(const Place& place, const WalCut& cut) {
  const auto files = place.files != nullptr ? place.files : rocksdb::FileSystem::Default();
  // The last file first: what is left at any time has no gap.
  std::vector<std::pair<std::string, std::uint64_t>> sizes{{cut.file, cut.offset}};
  for (const std::string& file : cut.later_files) sizes.emplace_back(file, 0);
  for (auto size = sizes.rbegin(); size != sizes.rend(); ++size) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    auto status = files->ReopenWritableFile(size->first, rocksdb::FileOptions(), &file, nullptr);
    if (status.ok()) status = file->Truncate(size->second, rocksdb::IOOptions(), nullptr);
    if (status.ok()) status = file->Fsync(rocksdb::IOOptions(), nullptr);
    if (!status.ok()) return unavailable(status);
  }
  return {};
}

Result<std::unique_ptr<Tables>> Tables::open(const Place& place) {
  auto open = std::make_unique<Open>();
  open->env = make_env(place, std::nullopt);
  open->folder = place.folder;
  rocksdb::Options options = make_options(open->env.get());
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  const auto status = rocksdb::DB::Open(options, place.folder, &db);
  if (!status.ok()) return cannot_open(place.folder, status);
  open->db.reset(db);
  return std::unique_ptr<Tables>(new Tables(std::move(open)));
}

Result<void> Tables::for_each(std::string_view begin, const Take& take) {
  return for_each(begin, begin, take);
}

Result<void> Tables::for_each(std::string_view begin, std::string_view from, const Take& take) {
  rocksdb::Iterator& at = *open_->reader;
  for (at.Seek(slice(from)); at.Valid() && at.key().starts_with(slice(begin)); at.Next()) {
    if (auto taken = take(at.key().ToStringView(), at.value().ToStringView()); !taken) {
      return taken;
    }
  }
  if (!at.status().ok()) return cannot_open(open_->folder, at.status());
  return {};
}

Result<void> Tables::write(const Writes& writes, Sync sync) {
  rocksdb::WriteBatch& batch = open_->batch;
  if (batch.Data().capacity() > kBatchBytesKeptMax) batch = rocksdb::WriteBatch();
  batch.Clear();
  writes.for_each([&](Writes::Kind kind, std::string_view first, std::string_view second) {
    // They fail for column families that do not exist only.
    switch (kind) {
      case Writes::Kind::kPut:
        return batch.Put(slice(first), slice(second)).PermitUncheckedError();
      case Writes::Kind::kRemove:
        return batch.Delete(slice(first)).PermitUncheckedError();
      case Writes::Kind::kRemoveRange:
        return batch.DeleteRange(slice(first), slice(second)).PermitUncheckedError();
    }
  });
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::kYes;
  const auto status = open_->db->Write(options, &batch);
  if (!status.ok()) return unavailable(status);
  return {};
}

Result<void> Tables::sync() {
  const auto status = open_->db->SyncWAL();
  if (!status.ok()) return unavailable(status);
  return {};
}

std::uint64_t Tables::sequence() const { return open_->db->GetLatestSequenceNumber(); }

Result<void> Tables::flush() {
  const auto status = open_->db->Flush(rocksdb::FlushOptions());
  if (!status.ok()) return unavailable(status);
  return {};
}

}  // namespace odb::server::embedded
