// What travels between a client and Redis: commands and replies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace odb::server::redis {

struct Reply {
  enum class Kind : std::uint8_t { kNil, kInteger, kText, kError, kArray };

  Kind kind = Kind::kNil;
  std::int64_t integer = 0;
  std::string text;  // of kText and kError
  std::vector<Reply> elements;

  bool is_error() const { return kind == Kind::kError; }
  // The first word of an error: "OOM".
  std::string_view error_code() const;
};

// Arguments of a command, ready to be sent; how many there are comes before all of them.
class Arguments {
 public:
  void add(std::string_view argument);
  void add(std::uint64_t number) { add(std::to_string(number)); }
  void add(const Arguments& more) {
    bytes_ += more.bytes_;
    count_ += more.count_;
  }
  // Adds the bytes that `write` appends to a string as one argument.
  template <class Write>
  void add_written(const Write& write) {
    scratch_.clear();
    write(scratch_);
    add(std::string_view(scratch_));
  }

  std::size_t count() const { return count_; }
  std::size_t size() const { return bytes_.size(); }
  bool empty() const { return count_ == 0; }
  const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
  std::string scratch_;
  std::size_t count_ = 0;
};

void append_command(std::string& out, const Arguments& arguments);
// One command of several parts, without copying them together first.
void append_command(std::string& out, std::initializer_list<const Arguments*> parts);
void append_command(std::string& out, std::initializer_list<std::string_view> arguments);

// As much of a reply as may stand in a log: without what it might quote of a command.
std::string describe(const Reply& reply);

}  // namespace odb::server::redis
