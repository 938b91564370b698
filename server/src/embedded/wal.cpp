#include "wal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "checksum.h"

namespace odb::server::embedded {

namespace {

namespace fs = std::filesystem;

// RocksDB's format: blocks of fragments, of which one or several make a batch. Each has a masked
// checksum, a length and a kind in front; a batch begins with its first sequence and its count.
constexpr std::size_t kBlockBytes = 32 * 1024;
constexpr std::size_t kHeaderBytes = 7;
constexpr std::size_t kBatchHeaderBytes = 12;
// A sequence that is so far ahead is none.
constexpr std::uint64_t kSequenceStepMax = std::uint64_t{1} << 40;

enum Kind : unsigned char { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

template <class Number>
Number number_at(std::string_view bytes, std::size_t at) {
  Number number = 0;
  for (std::size_t i = sizeof number; i > 0; --i) {
    number = static_cast<Number>((std::uint64_t{number} << 8) |
                                 static_cast<unsigned char>(bytes[at + i - 1]));
  }
  return number;
}

bool is_whole(std::string_view bytes, std::size_t at, std::size_t size) {
  const std::uint32_t masked = number_at<std::uint32_t>(bytes, at) - 0xA282EAD8u;
  return checksum(bytes.substr(at + kHeaderBytes - 1, 1 + size)) == (masked >> 17 | masked << 15);
}

class Reader {
 public:
  explicit Reader(std::string_view bytes, std::uint64_t up_to = ~std::uint64_t{0})
      : bytes_(bytes), up_to_(up_to) {}

  WalScan run() {
    while (!scan_.damage && take_fragment()) {
    }
    return std::move(scan_);
  }
  std::uint64_t end() const { return whole_; }

 private:
  // False at the end.
  bool take_fragment() {
    const std::size_t block_left = kBlockBytes - at_ % kBlockBytes;
    const std::size_t left = bytes_.size() - at_;
    if (left == 0) return head_.empty() ? false : damage(WalDamage::Shape::kCutOff);
    if (block_left < kHeaderBytes) return skip(block_left);
    if (left < kHeaderBytes) return damage(WalDamage::Shape::kCutOff);
    const std::size_t size = number_at<std::uint16_t>(bytes_, at_ + 4);
    const auto kind = static_cast<unsigned char>(bytes_[at_ + 6]);
    if (kind < kFull || kind > kLast || kHeaderBytes + size > block_left) {
      return damage(WalDamage::Shape::kGarbled);
    }
    if (kHeaderBytes + size > left) return damage(WalDamage::Shape::kCutOff);
    if (!is_whole(bytes_, at_, size)) return damage(WalDamage::Shape::kGarbled);
    const bool is_begin = kind == kFull || kind == kFirst;
    if (is_begin == is_within_) return damage(WalDamage::Shape::kGarbled);
    is_within_ = kind == kFirst || kind == kMiddle;
    head_ += bytes_.substr(at_ + kHeaderBytes, std::min(size, kBatchHeaderBytes - head_.size()));
    at_ += kHeaderBytes + size;
    return is_within_ || take_batch();
  }

  bool skip(std::size_t block_left) {
    // What is left of a block is filled when the next batch comes.
    if (bytes_.size() - at_ < block_left) return damage(WalDamage::Shape::kCutOff);
    at_ += block_left;
    return true;
  }

  bool take_batch() {
    if (head_.size() < kBatchHeaderBytes) return damage(WalDamage::Shape::kGarbled);
    const auto first = number_at<std::uint64_t>(head_, 0);
    const auto count = number_at<std::uint32_t>(head_, 8);
    if (scan_.last_sequence != 0 && first != scan_.last_sequence + 1) {
      return damage(WalDamage::Shape::kGarbled);
    }
    const std::uint64_t last = first + count - 1;
    if (last > up_to_) return false;
    scan_.last_sequence = last;
    whole_ = at_;
    head_.clear();
    return true;
  }

  bool damage(WalDamage::Shape shape) {
    WalDamage& found = scan_.damage.emplace();
    found.offset = whole_;
    found.shape = shape;
    found.is_followed = shape == WalDamage::Shape::kGarbled && is_followed();
    return false;
  }

  // Whether a later batch begins somewhere behind. Its length may be what is damaged of the one
  // here, so each byte may be where it does.
  bool is_followed() const {
    std::uint64_t before = scan_.last_sequence;
    // The beginning of the damaged one itself may be whole.
    if (head_.size() >= 8) before = std::max(before, number_at<std::uint64_t>(head_, 0));
    for (std::size_t at = at_; at + kHeaderBytes + 8 <= bytes_.size(); ++at) {
      const auto kind = static_cast<unsigned char>(bytes_[at + 6]);
      if (kind != kFull && kind != kFirst) continue;
      const std::size_t size = number_at<std::uint16_t>(bytes_, at + 4);
      const std::size_t room = std::min(kBlockBytes - at % kBlockBytes, bytes_.size() - at);
      if (size < 8 || kHeaderBytes + size > room) continue;
      const auto sequence = number_at<std::uint64_t>(bytes_, at + kHeaderBytes);
      if (sequence <= before || sequence - before > kSequenceStepMax) continue;
      if (is_whole(bytes_, at, size)) return true;
    }
    return false;
  }

  const std::string_view bytes_;
  const std::uint64_t up_to_;
  WalScan scan_;
  std::size_t at_ = 0;
  std::size_t whole_ = 0;  // where the last whole batch ends
  bool is_within_ = false;
  std::string head_;  // the first bytes of the batch under way
};

Error cannot(const std::string& what, const std::string& file) {
  return {ErrorCode::kBadConfiguration,
          "cannot " + what + " " + file + ": " + std::generic_category().message(errno)};
}

// A whole file in memory, as long as it lives.
class MappedFile {
 public:
  static Result<MappedFile> open(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return cannot("read", path);
    struct stat status {};
    MappedFile mapped;
    if (::fstat(file, &status) == 0 && status.st_size > 0) {
      const auto size = static_cast<std::size_t>(status.st_size);
      void* at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
      if (at != MAP_FAILED) mapped.bytes_ = {static_cast<const char*>(at), size};
      if (at == MAP_FAILED) {
        Error error = cannot("read", path);
        ::close(file);
        return error;
      }
    }
    ::close(file);
    return mapped;
  }
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
  std::string_view bytes() const { return bytes_; }

 private:
  MappedFile() = default;
  std::string_view bytes_;
};

// In the order in which they were begun.
Result<std::vector<std::string>> logs_in(const std::string& folder) {
  std::vector<std::pair<unsigned long long, std::string>> found;
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end;
       entry.increment(failed)) {
    const std::string stem = entry->path().stem().string();
    if (entry->path().extension() != ".log" || stem.empty() ||
        stem.find_first_not_of("0123456789") != std::string::npos) {
      continue;
    }
    found.emplace_back(std::strtoull(stem.c_str(), nullptr, 10), entry->path().string());
  }
  if (failed) {
    return Error{ErrorCode::kBadConfiguration, "cannot list " + folder + ": " + failed.message()};
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> files;
  for (auto& [number, file] : found) files.push_back(std::move(file));
  return files;
}

}  // namespace

std::string WalDamage::to_string() const {
  return file +
         (shape == Shape::kCutOff ? " ends within a batch of commits, at byte "
                                  : " has a wrong checksum behind byte ") +
         std::to_string(offset);
}

WalScan scan_wal_bytes(std::string_view bytes) { return Reader(bytes).run(); }

Result<WalScan> scan_wal(const std::string& folder) {
  auto files = logs_in(folder);
  if (!files) return files.error();
  WalScan all;
  for (std::size_t i = 0; i < files->size(); ++i) {
    const std::string& path = (*files)[i];
    auto file = MappedFile::open(path);
    if (!file) return file.error();
    if (file->bytes().empty()) continue;
    if (all.damage) {
      // An interrupted batch is the last one, wherever it stands.
      all.damage->later_files.push_back(path);
      all.damage->is_followed =
          all.damage->is_followed || scan_wal_bytes(file->bytes()).last_sequence != 0;
      continue;
    }
    WalScan scan = scan_wal_bytes(file->bytes());
    all.last_file = path;
    all.last_sequence = std::max(all.last_sequence, scan.last_sequence);
    all.damage = std::move(scan.damage);
    if (all.damage) all.damage->file = path;
  }
  return all;
}

Result<std::optional<WalCut>> find_cut(const std::string& folder, std::uint64_t sequence) {
  auto files = logs_in(folder);
  if (!files) return files.error();
  std::optional<WalCut> cut;
  for (const std::string& path : *files) {
    auto file = MappedFile::open(path);
    if (!file) return file.error();
    if (file->bytes().empty()) continue;
    if (cut) {
      cut->later_files.push_back(path);
      continue;
    }
    Reader reader(file->bytes(), sequence);
    static_cast<void>(reader.run());
    if (reader.end() < file->bytes().size()) cut = WalCut{path, reader.end(), {}};
  }
  return cut;
}

}  // namespace odb::server::embedded
