#include "odb/tool/dump_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "odb/net/random.h"
#include "odb/tool/checksum.h"

namespace odb::tool {

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;
// The last line holds a count and a checksum.
constexpr std::uint64_t kLastLineBytesMax = 1024;

std::string last_error() { return std::generic_category().message(errno); }

}  // namespace

class DumpSource::File {
 public:
  explicit File(std::string name) : name_(std::move(name)) {}
  ~File() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  Result<void> open() {
    descriptor_ = ::open(name_.c_str(), O_RDONLY | O_CLOEXEC);
    struct stat status {};
    if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
      return Error{ErrorCode::kBadConfiguration, "cannot read " + name_ + ": " + last_error()};
    }
    if (!S_ISREG(status.st_mode)) return bad("it is not a file");
    size_ = static_cast<std::uint64_t>(status.st_size);
    if (auto begun = read_first_line(); !begun) return begun;
    if (auto found = read_last_line(); !found) return found;
    return check_sum();
  }

  Result<server::StoredDatabase> load(server::StoreLoader& loader) {
    server::StoredDatabase stored;
    stored.history = header_.history;
    stored.version = header_.version;
    stored.ids_below = header_.ids_below;
    if (auto taken = loader.on_database(stored); !taken) return taken.error();
    rewind();
    if (auto read = next_line(); !read) return read.error();  // the header
    if (auto read = load_types(loader); !read) return read.error();
    if (auto read = load_objects(loader); !read) return read.error();
    return stored;
  }

  const std::string& name() const { return name_; }
  const DumpHeader& header() const { return header_; }
  const DumpCount& count() const { return count_; }

 private:
  Error bad(const std::string& what) const {
    return {ErrorCode::kBadConfiguration, name_ + ": " + what};
  }
  Error damaged(const std::string& what) const {
    return {ErrorCode::kDataDamaged, name_ + ": " + what};
  }
  Error bad_line(const std::string& what) const {
    return damaged("line " + std::to_string(line_) + ": " + what);
  }

  Result<std::size_t> read_at(std::uint64_t offset, char* into, std::size_t bytes) const {
    std::size_t done = 0;
    while (done < bytes) {
      const ssize_t got =
          ::pread(descriptor_, into + done, bytes - done, static_cast<off_t>(offset + done));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return bad("cannot be read: " + last_error());
      if (got == 0) break;
      done += static_cast<std::size_t>(got);
    }
    return done;
  }

  Result<void> read_first_line() {
    std::string begin(std::min<std::uint64_t>(size_, kLastLineBytesMax), '\0');
    auto got = read_at(0, begin.data(), begin.size());
    if (!got) return got.error();
    auto header = parse_header(std::string_view(begin).substr(0, begin.find('\n')));
    if (!header) return bad(header.error().message);
    header_ = *header;
    return {};
  }

  Result<void> read_last_line() {
    const std::uint64_t from = size_ - std::min(size_, kLastLineBytesMax);
    std::string end(size_ - from, '\0');
    auto got = read_at(from, end.data(), end.size());
    if (!got) return got.error();
    const auto cut_off = [&] {
      return damaged("it is cut off: its last line is not the count of its objects");
    };
    if (end.empty() || end.back() != '\n') return cut_off();
    end.pop_back();
    const std::size_t begin = end.rfind('\n');
    if (begin == std::string::npos) return cut_off();
    auto count = parse_count(kObjectsCount, std::string_view(end).substr(begin + 1));
    if (!count) return cut_off();
    count_ = *std::move(count);
    lines_end_ = from + begin + 1;
    return {};
  }

  Result<void> check_sum() {
    Checksum checksum;
    std::string block(kBufferBytes, '\0');
    for (std::uint64_t at = 0; at < lines_end_;) {
      if (is_interrupted()) return interrupted();
      auto got = read_at(at, block.data(), std::min<std::uint64_t>(block.size(), lines_end_ - at));
      if (!got) return got.error();
      if (*got == 0) return bad("it has become shorter while it was read");
      checksum.add(std::string_view(block.data(), *got));
      at += *got;
    }
    const std::string found = checksum.hex();
    if (found == count_.sha256) return {};
    return damaged("it has been altered: expected SHA-256 " + count_.sha256.substr(0, 64) +
                   ", found " + found);
  }

  void rewind() {
    line_ = 0;
    at_ = 0;
    buffer_.clear();
    used_ = 0;
  }

  // Valid until the next one; nothing at the end.
  Result<std::optional<std::string_view>> next_line() {
    ++line_;
    for (std::size_t searched = 0;;) {
      const std::string_view left = std::string_view(buffer_).substr(used_);
      const std::size_t end = left.find('\n', searched);
      if (end != std::string_view::npos) {
        used_ += end + 1;
        return std::optional(left.substr(0, end));
      }
      searched = left.size();
      if (at_ == lines_end_) {
        if (!left.empty()) return bad_line("it is cut off");
        return std::optional<std::string_view>();
      }
      buffer_.erase(0, used_);
      used_ = 0;
      const std::size_t kept = buffer_.size();
      // A line that is longer than the buffer doubles it.
      const std::uint64_t more =
          std::min<std::uint64_t>(lines_end_ - at_, std::max(kBufferBytes, kept));
      buffer_.resize(kept + more);
      auto got = read_at(at_, buffer_.data() + kept, more);
      if (!got) return got.error();
      if (*got == 0) return bad("it has become shorter while it was read");
      buffer_.resize(kept + *got);
      at_ += *got;
    }
  }

  Result<void> load_types(server::StoreLoader& loader) {
    std::vector<CatalogType> types;
    for (;;) {
      auto line = next_line();
      if (!line) return line.error();
      if (!line->has_value()) return bad_line("expected the count of its types, found the end");
      if (!(*line)->starts_with("{\"type\":{")) {
        auto count = parse_count(kTypesCount, **line);
        if (!count) return bad_line(count.error().message);
        if (count->count != types.size()) {
          return bad_line("expected " + std::to_string(count->count) + " types, found " +
                          std::to_string(types.size()));
        }
        break;
      }
      auto type = parse_type(**line);
      if (!type) return bad_line(type.error().message);
      types.push_back(*std::move(type));
    }
    auto catalog = Catalog().with(types);
    if (!catalog) return bad(catalog.error().message);
    catalog_ = *std::move(catalog);
    lines_.clear();
    for (const auto& type : catalog_.types()) {
      lines_.push_back(type == nullptr ? nullptr : std::make_unique<ObjectLines>(*type));
    }
    std::vector<CatalogType> resolved;
    resolved.reserve(types.size());
    for (const CatalogType& type : types) resolved.push_back(*catalog_.find(type.id));
    return loader.on_types(std::move(resolved));
  }

  Result<void> load_objects(server::StoreLoader& loader) {
    std::uint64_t objects = 0;
    std::pair<TypeId, ObjectId> before;
    for (;; ++objects) {
      auto line = next_line();
      if (!line) return line.error();
      if (!line->has_value()) break;
      JsonCursor in(**line);
      TypeId type;
      ObjectId object;
      if (!take_object_begin(in, type, object)) return bad_line(in.message());
      const CatalogType* const known = catalog_.find(type);
      if (known == nullptr) {
        return bad_line("object " + std::to_string(object.value) + " is of type " +
                        std::to_string(type.value) + ", which the dump does not define");
      }
      std::vector<Value> fields;
      if (!lines_[type.value - 1]->take_fields(in, fields)) {
        return bad_line(describe(*known, object, fields.size()) + ": " + in.message());
      }
      if (std::pair(type, object) <= before) {
        return bad_line(describe(*known, object, 0) +
                        " is not in its place: objects are sorted by type and identity");
      }
      if (object >= header_.ids_below) {
        return bad_line(describe(*known, object, 0) + " has an identity that is not below " +
                        std::to_string(header_.ids_below.value) + ", as the first line says");
      }
      before = {type, object};
      auto taken = loader.on_object(type, object, header_.version, std::move(fields));
      if (!taken) return taken;
      if (is_interrupted()) return interrupted();
    }
    if (objects == count_.count) return {};
    return damaged("it is damaged: expected " + std::to_string(count_.count) + " objects, found " +
                   std::to_string(objects));
  }

  // "object 17 of todo.Task, field title"; of fields, so many have been begun.
  static std::string describe(const CatalogType& type, ObjectId object, std::size_t fields) {
    std::string text = "object " + std::to_string(object.value) + " of " + to_string(type.name);
    if (fields > 0) text += ", field " + type.fields[fields - 1].name;
    return text;
  }

  const std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
  std::uint64_t lines_end_ = 0;  // where the last line begins
  DumpHeader header_;
  DumpCount count_;

  std::uint64_t line_ = 0;
  std::uint64_t at_ = 0;
  std::string buffer_;
  std::size_t used_ = 0;
  Catalog catalog_;
  std::vector<std::unique_ptr<ObjectLines>> lines_;  // by TypeId - 1
};

DumpSource::DumpSource(std::unique_ptr<File> file) : file_(std::move(file)) {}
DumpSource::~DumpSource() = default;

Result<std::unique_ptr<DumpSource>> DumpSource::open(const std::string& file) {
  auto opened = std::make_unique<File>(file);
  if (auto read = opened->open(); !read) return read.error();
  return std::unique_ptr<DumpSource>(new DumpSource(std::move(opened)));
}

const DumpHeader& DumpSource::header() const { return file_->header(); }
const DumpCount& DumpSource::count() const { return file_->count(); }
Result<server::StoredDatabase> DumpSource::load(server::StoreLoader& loader) {
  return file_->load(loader);
}
std::string DumpSource::name() const { return "the dump " + file_->name(); }

namespace {

class RestoredMemoryStore final : public server::Store {
 public:
  explicit RestoredMemoryStore(std::unique_ptr<Source> source) : source_(std::move(source)) {}

  Result<std::optional<server::StoredDatabase>> load(server::StoreLoader& loader) override {
    auto stored = source_->load(loader);
    source_.reset();
    if (!stored) return stored.error();
    stored->history = net::make_history_id();
    return std::optional(*stored);
  }
  void start(server::StoreListener& listener, server::StoreHost& host) override {
    memory_.start(listener, host);
  }
  void append(const server::CommitBatch& batch) override { memory_.append(batch); }
  void reserve_ids(ObjectId below) override { memory_.reserve_ids(below); }
  std::string name() const override { return memory_.name(); }

 private:
  std::unique_ptr<Source> source_;
  server::MemoryStore memory_;
};

}  // namespace

std::unique_ptr<server::Store> make_restored_memory_store(std::unique_ptr<Source> source) {
  return std::make_unique<RestoredMemoryStore>(std::move(source));
}

}  // namespace odb::tool
