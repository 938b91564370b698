// FailingFiles: the machine's files, until they fail: a disk that is full or does not sync, a
// process that is killed, a machine that loses power and with it what was not synced.
#pragma once

#include <rocksdb/file_system.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "support/random_value.h"

namespace odb::test {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

class FailingFiles final : public rocksdb::FileSystemWrapper {
 public:
  using IOStatus = rocksdb::IOStatus;
  using IOOptions = rocksdb::IOOptions;
  using Context = rocksdb::IODebugContext;

  FailingFiles() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  const char* Name() const override { return "failing files"; }

  // ---- what fails ----

  // After so many bytes more; nothing: there is room again.
  void fill_up(std::optional<std::size_t> room) {
    const std::lock_guard lock(mutex_);
    room_ = room;
  }
  void fail_syncs(bool fails) {
    const std::lock_guard lock(mutex_);
    syncs_fail_ = fails;
  }
  // From now on syncs wait.
  void hold_syncs() {
    const std::lock_guard lock(mutex_);
    are_held_ = true;
  }
  void release_syncs() {
    const std::lock_guard lock(mutex_);
    are_held_ = false;
    changed_.notify_all();
  }
  // Until a sync waits.
  bool await_held() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [this] { return held_ > 0; });
  }
  // What a power cut would leave of a file that is written in place.
  std::string synced_content(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return files_[path].content.value_or("");
  }
  std::size_t syncs() {
    const std::lock_guard lock(mutex_);
    return syncs_;
  }

  // The process ends here: nothing that it still does has any effect.
  void kill() {
    const std::lock_guard lock(mutex_);
    end();
  }
  // The machine fails here. Of what was not synced, a beginning that `random` chooses is left, of
  // which some bytes may be others; nothing with kNone.
  enum class Left : std::uint8_t { kNone, kSome };
  void lose_power(Random& random, Left left) {
    const std::lock_guard lock(mutex_);
    end();
    for (const auto& [path, file] : files_) {
      std::error_code gone;
      const auto size = std::filesystem::file_size(path, gone);
      if (gone) continue;
      if (file.content) {
        write_file(path, *file.content);
      } else if (size > file.synced) {
        tear(path, file.synced, size, random, left);
      }
    }
  }

  // ---- as RocksDB sees it ----

  IOStatus NewWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           Context* context) override {
    const std::lock_guard lock(mutex_);
    if (is_over_) return over();
    auto status = FileSystemWrapper::NewWritableFile(name, options, result, context);
    if (!status.ok()) return status;
    files_[name] = {};
    *result = std::make_unique<Writable>(std::move(*result), *this, name);
    return status;
  }
  IOStatus ReopenWritableFile(const std::string& name, const rocksdb::FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                              Context* context) override {
    const std::lock_guard lock(mutex_);
    if (is_over_) return over();
    auto status = FileSystemWrapper::ReopenWritableFile(name, options, result, context);
    if (status.ok()) *result = std::make_unique<Writable>(std::move(*result), *this, name);
    return status;
  }
  IOStatus NewRandomRWFile(const std::string& name, const rocksdb::FileOptions& options,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                           Context* context) override {
    const std::lock_guard lock(mutex_);
    if (is_over_) return over();
    auto status = FileSystemWrapper::NewRandomRWFile(name, options, result, context);
    if (!status.ok()) return status;
    files_[name].content = read_file(name);
    *result = std::make_unique<InPlace>(std::move(*result), *this, name);
    return status;
  }
  IOStatus DeleteFile(const std::string& name, const IOOptions& options,
                      Context* context) override {
    const std::lock_guard lock(mutex_);
    if (is_over_) return over();
    files_.erase(name);
    return FileSystemWrapper::DeleteFile(name, options, context);
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      Context* context) override {
    const std::lock_guard lock(mutex_);
    if (is_over_) return over();
    if (auto file = files_.extract(from)) files_[to] = std::move(file.mapped());
    return FileSystemWrapper::RenameFile(from, to, options, context);
  }

 private:
  struct File {
    std::uint64_t synced = 0;
    std::optional<std::string> content{};  // as synced, of one that is written in place
  };

  class Writable final : public rocksdb::FSWritableFileOwnerWrapper {
   public:
    Writable(std::unique_ptr<rocksdb::FSWritableFile> file, FailingFiles& files, std::string name)
        : FSWritableFileOwnerWrapper(std::move(file)), files_(files), name_(std::move(name)) {}

    using FSWritableFileOwnerWrapper::Append;
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    Context* context) override {
      const std::lock_guard lock(files_.mutex_);
      if (files_.is_over_) return over();
      const std::size_t fits = files_.take_room(data.size());
      const auto status = FSWritableFileOwnerWrapper::Append({data.data(), fits}, options, context);
      return fits < data.size() ? IOStatus::NoSpace(name_, "no space left on device") : status;
    }
    IOStatus Append(const rocksdb::Slice& data, const IOOptions& options,
                    const rocksdb::DataVerificationInfo&, Context* context) override {
      return Append(data, options, context);
    }
    IOStatus Truncate(std::uint64_t size, const IOOptions& options, Context* context) override {
      const std::lock_guard lock(files_.mutex_);
      if (files_.is_over_) return over();
      return FSWritableFileOwnerWrapper::Truncate(size, options, context);
    }
    IOStatus Sync(const IOOptions& options, Context* context) override {
      std::unique_lock lock(files_.mutex_);
      if (auto may = files_.may_sync(lock); !may.ok()) return may;
      auto status = FSWritableFileOwnerWrapper::Sync(options, context);
      if (status.ok()) files_.files_[name_].synced = std::filesystem::file_size(name_);
      return status;
    }
    IOStatus Fsync(const IOOptions& options, Context* context) override {
      return Sync(options, context);
    }
    IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, Context*) override {
      return IOStatus::OK();  // a hint
    }

   private:
    FailingFiles& files_;
    const std::string name_;
  };

  class InPlace final : public rocksdb::FSRandomRWFileOwnerWrapper {
   public:
    InPlace(std::unique_ptr<rocksdb::FSRandomRWFile> file, FailingFiles& files, std::string name)
        : FSRandomRWFileOwnerWrapper(std::move(file)), files_(files), name_(std::move(name)) {}

    IOStatus Write(std::uint64_t offset, const rocksdb::Slice& data, const IOOptions& options,
                   Context* context) override {
      const std::lock_guard lock(files_.mutex_);
      if (files_.is_over_) return over();
      return FSRandomRWFileOwnerWrapper::Write(offset, data, options, context);
    }
    IOStatus Sync(const IOOptions& options, Context* context) override {
      std::unique_lock lock(files_.mutex_);
      if (auto may = files_.may_sync(lock); !may.ok()) return may;
      auto status = FSRandomRWFileOwnerWrapper::Sync(options, context);
      if (status.ok()) files_.files_[name_].content = read_file(name_);
      return status;
    }

   private:
    FailingFiles& files_;
    const std::string name_;
  };

  static IOStatus over() { return IOStatus::IOError("it is over"); }

  void end() {
    is_over_ = true;
    are_held_ = false;
    changed_.notify_all();
  }

  std::size_t take_room(std::size_t size) {
    if (!room_) return size;
    const std::size_t fits = std::min(size, *room_);
    *room_ -= fits;
    return fits;
  }

  IOStatus may_sync(std::unique_lock<std::mutex>& lock) {
    ++syncs_;
    ++held_;
    changed_.notify_all();
    changed_.wait(lock, [this] { return !are_held_; });
    --held_;
    if (is_over_) return over();
    return syncs_fail_ ? IOStatus::IOError("the disk does not sync") : IOStatus::OK();
  }

  static void tear(const std::string& path, std::uint64_t synced, std::uint64_t size,
                   Random& random, Left left) {
    const auto more = static_cast<std::size_t>(size - synced);
    const std::size_t kept = left == Left::kNone ? 0 : below(random, more + 1);
    std::filesystem::resize_file(path, synced + kept);
    if (kept == 0 || below(random, 2) == 0) return;
    std::string content = read_file(path);
    content[synced + below(random, kept)] ^= static_cast<char>(1 + below(random, 255));
    write_file(path, content);
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, File> files_;
  std::optional<std::size_t> room_;
  std::size_t syncs_ = 0;
  std::size_t held_ = 0;
  bool syncs_fail_ = false;
  bool are_held_ = false;
  bool is_over_ = false;
};

}  // namespace odb::test
