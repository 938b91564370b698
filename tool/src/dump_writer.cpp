#include "odb/tool/dump_writer.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

#include "odb/tool/checksum.h"

namespace odb::tool {

namespace {

constexpr std::size_t kBufferBytes = 1 << 20;

Error bad(std::string what) { return {ErrorCode::kBadConfiguration, std::move(what)}; }
std::string last_error() { return std::generic_category().message(errno); }

std::string partial_name(const std::string& file) { return file + ".partial"; }

}  // namespace

// Lines on their way to a file, or to stdout.
class DumpWriter::File {
 public:
  static Result<std::unique_ptr<File>> open(const std::string& name) {
    auto file = std::unique_ptr<File>(new File(name));
    if (name == "-") {
      file->descriptor_ = STDOUT_FILENO;
      return file;
    }
    if (::access(name.c_str(), F_OK) == 0) {
      return bad(name + " exists: expected the name of a file that does not");
    }
    const std::string partial = partial_name(name);
    file->descriptor_ = ::open(partial.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_APPEND, 0600);
    if (file->descriptor_ < 0) return bad("cannot write " + partial + ": " + last_error());
    if (::flock(file->descriptor_, LOCK_EX | LOCK_NB) != 0) {
      return bad(partial + " is being written by another process");
    }
    struct stat mine {
    }, named{};
    if (::fstat(file->descriptor_, &mine) != 0 || ::stat(partial.c_str(), &named) != 0 ||
        mine.st_ino != named.st_ino) {
      return bad(partial + " has just been written by another process");
    }
    file->size_before_ = static_cast<std::uint64_t>(mine.st_size);
    return file;
  }

  ~File() {
    if (descriptor_ > STDERR_FILENO) ::close(descriptor_);
  }

  // Begins with these lines. Hands out those that are there already after the same beginning.
  template <class Take>
  Result<bool> begin(const std::string& lines, const Take& take) {
    const bool goes_on = size_before_ > 0 && find_old_lines(lines, take);
    if (goes_on) {
      if (::ftruncate(descriptor_, static_cast<off_t>(kept_)) != 0) return failed();
      return true;
    }
    if (size_before_ > 0 && ::ftruncate(descriptor_, 0) != 0) return failed();
    checksum_.emplace();
    buffer_ = lines;
    return false;
  }

  std::string& buffer() { return buffer_; }
  bool is_full() const { return buffer_.size() >= kBufferBytes; }

  Result<void> flush() {
    checksum_->add(buffer_);
    auto written = write(buffer_);
    buffer_.clear();
    return written;
  }
  // Of what has been flushed.
  std::string sha256() const { return checksum_->hex(); }

  // With the last line, which no checksum covers.
  Result<void> close(const std::string& line) {
    if (auto written = write(line); !written) return written;
    if (name_ == "-") return {};
    if (::fsync(descriptor_) != 0) return failed();
    // Not over one that somebody else has made meanwhile.
    if (::renameat2(AT_FDCWD, partial_name(name_).c_str(), AT_FDCWD, name_.c_str(),
                    RENAME_NOREPLACE) != 0) {
      return bad("cannot make " + name_ + ": " + last_error());
    }
    const auto folder = std::filesystem::absolute(name_).parent_path();
    const int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_synced = directory >= 0 && ::fsync(directory) == 0;
    const std::string why = is_synced ? "" : last_error();
    if (directory >= 0) ::close(directory);
    if (!is_synced) return bad("cannot sync " + folder.string() + ": " + why);
    return {};
  }

  std::uint64_t size_before() const { return size_before_; }

 private:
  explicit File(std::string name) : name_(std::move(name)) {}

  Result<void> write(std::string_view left) const {
    while (!left.empty()) {
      const ssize_t written = ::write(descriptor_, left.data(), left.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return failed();
      left.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
  }

  Error failed() const {
    const std::string why = last_error();
    if (name_ == "-") return bad("cannot write to stdout: " + why);
    return bad("cannot write " + partial_name(name_) + ": " + why +
               "; the same command goes on from there");
  }

  template <class Take>
  bool find_old_lines(const std::string& lines, const Take& take) {
    std::ifstream in(partial_name(name_), std::ios::binary);
    std::string found(lines.size(), '\0');
    if (!in.read(found.data(), static_cast<std::streamsize>(found.size())) || found != lines) {
      return false;
    }
    checksum_.emplace();
    checksum_->add(lines);
    kept_ = lines.size();
    std::string line;
    while (std::getline(in, line) && !in.eof() && take(line)) {
      line += '\n';
      checksum_->add(line);
      kept_ += line.size();
    }
    return true;
  }

  const std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_before_ = 0;
  std::uint64_t kept_ = 0;
  std::optional<Checksum> checksum_;
  std::string buffer_;
};

DumpWriter::DumpWriter(std::unique_ptr<File> file, Progress& progress)
    : file_(std::move(file)), progress_(progress) {}
DumpWriter::~DumpWriter() = default;

Result<std::unique_ptr<DumpWriter>> DumpWriter::open(const std::string& file, Progress& progress) {
  auto opened = File::open(file);
  if (!opened) return opened.error();
  return std::unique_ptr<DumpWriter>(new DumpWriter(*std::move(opened), progress));
}

Result<void> DumpWriter::on_database(const server::StoredDatabase& stored) {
  header_ = {stored.history, stored.version, stored.ids_below};
  return {};
}

Result<void> DumpWriter::on_types(std::vector<CatalogType> types) {
  types_ = std::move(types);
  std::string lines = header_line(header_);
  for (const CatalogType& type : types_) {
    lines += type_line(type);
    if (lines_.size() <= type.id.value) lines_.resize(type.id.value + 1);
    lines_[type.id.value] = std::make_unique<ObjectLines>(type);
  }
  Checksum checksum;
  checksum.add(lines);
  lines += count_line(kTypesCount, {types_.size(), checksum.hex()});
  auto resumed = file_->begin(lines, [&](std::string_view line) {
    JsonCursor in(line);
    std::pair<TypeId, ObjectId> place;
    // What was cut off within a line, or follows one that was, is written anew.
    if (!take_object_begin(in, place.first, place.second) || place <= last_) return false;
    last_ = place;
    ++objects_;
    return true;
  });
  if (!resumed) return resumed.error();
  resumed_ = objects_;
  has_begun_anew_ = !*resumed && file_->size_before() > 0;
  progress_.add(objects_);
  return {};
}

Result<void> DumpWriter::on_object(TypeId type, ObjectId object, Version,
                                   std::vector<Value> fields) {
  const std::pair place{type, object};
  if (place <= last_) return {};
  const bool is_known = type.value < lines_.size() && lines_[type.value] != nullptr;
  if (!is_known || fields.size() > lines_[type.value]->field_count()) {
    return bad("object " + std::to_string(object.value) + " of type " + std::to_string(type.value) +
               (is_known ? " has too many fields" : ", which no schema defines"));
  }
  last_ = place;
  ++objects_;
  lines_[type.value]->append(file_->buffer(), object, fields);
  if (!file_->is_full()) return {};
  progress_.set(objects_);
  return file_->flush();
}

Result<DumpCount> DumpWriter::finish() {
  if (auto written = file_->flush(); !written) return written.error();
  const DumpCount count{objects_, file_->sha256()};
  if (auto closed = file_->close(count_line(kObjectsCount, count)); !closed) return closed.error();
  return count;
}

std::optional<PartialDump> find_partial_dump(const std::string& file) {
  std::ifstream in(partial_name(file), std::ios::binary);
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  auto header = parse_header(line);
  if (!header) return std::nullopt;
  PartialDump found{*header, {}};
  while (std::getline(in, line) && line.starts_with("{\"type\":{")) found.types += line + "\n";
  return found;
}

}  // namespace odb::tool
