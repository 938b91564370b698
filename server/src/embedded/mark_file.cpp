#include "mark_file.h"

#include <rocksdb/file_system.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "damage.h"

namespace odb::server::embedded {

namespace {

Error failed(const rocksdb::IOStatus& status) {
  return {ErrorCode::kUnavailable, status.ToString()};
}

}  // namespace

Result<std::optional<Mark>> MarkFile::read(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) return std::optional<Mark>();
  std::array<char, 2 * kMarkPlaceBytes> bytes{};
  std::ifstream in(path, std::ios::binary);
  in.read(bytes.data(), bytes.size());
  const std::string_view content(bytes.data(), static_cast<std::size_t>(in.gcount()));
  // Made, and then nothing more: there is nothing that it could speak of.
  if (content.find_first_not_of('\0') == std::string_view::npos) return std::optional<Mark>();
  auto mark = newest_mark(content);
  if (!mark) {
    return damaged(path + " has no mark with a right checksum");
  }
  return mark;
}

Result<std::unique_ptr<MarkFile>> MarkFile::open(const std::string& path, const Place& place) {
  const auto files = place.files != nullptr ? place.files : rocksdb::FileSystem::Default();
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    // RocksDB opens such a file only when it is there.
    std::unique_ptr<rocksdb::FSWritableFile> made;
    auto status = files->NewWritableFile(path, rocksdb::FileOptions(), &made, nullptr);
    if (status.ok()) {
      status = made->Append(std::string(2 * kMarkPlaceBytes, '\0'), rocksdb::IOOptions(), nullptr);
    }
    if (status.ok()) status = made->Sync(rocksdb::IOOptions(), nullptr);
    if (status.ok()) status = made->Close(rocksdb::IOOptions(), nullptr);
    if (!status.ok()) return failed(status);
  }
  std::unique_ptr<rocksdb::FSRandomRWFile> file;
  const auto status = files->NewRandomRWFile(path, rocksdb::FileOptions(), &file, nullptr);
  if (!status.ok()) return failed(status);
  return std::unique_ptr<MarkFile>(new MarkFile(std::move(file)));
}

MarkFile::MarkFile(std::unique_ptr<rocksdb::FSRandomRWFile> file) : file_(std::move(file)) {}
MarkFile::~MarkFile() = default;

Result<void> MarkFile::write(const Mark& mark) {
  const auto status =
      file_->Write(mark.number % 2 * kMarkPlaceBytes, encode(mark), rocksdb::IOOptions(), nullptr);
  if (!status.ok()) return failed(status);
  return {};
}

Result<void> MarkFile::sync() {
  const auto status = file_->Sync(rocksdb::IOOptions(), nullptr);
  if (!status.ok()) return failed(status);
  return {};
}

}  // namespace odb::server::embedded
