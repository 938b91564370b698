// RedisTls: a client of Redis over the project's own TLS stream, so that the peer's link costs what
// odb's does. Commands are queued and travel together, replies come in their order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls_link.h"

namespace odb::bench {

// Appends a command in Redis' protocol (RESP 2).
void append_command(std::string& out, std::span<const std::string_view> arguments);
void append_command(std::string& out, std::initializer_list<std::string_view> arguments);

struct RedisReply {
  enum class Kind : std::uint8_t { kNone, kText, kInteger, kArray };
  Kind kind = Kind::kNone;
  std::int64_t integer = 0;
  std::string_view text;  // of a status or a bulk string
  std::vector<RedisReply> elements;
};

// Cuts replies out of a stream of bytes. Errors that Redis replies with, and bytes that are no
// replies, throw std::runtime_error.
class RedisReplies {
 public:
  std::span<std::byte> prepare();
  void commit(std::size_t bytes) { end_ += bytes; }
  // Texts in it are valid until the next call of prepare().
  std::optional<RedisReply> next();

 private:
  std::optional<std::string_view> line(std::size_t& at) const;
  std::optional<RedisReply> parse(std::size_t& at, int depth) const;

  std::vector<char> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

// Belongs to one thread; its calls wait.
class RedisTls {
 public:
  explicit RedisTls(std::uint16_t port) : link_(port) {}

  void queue(std::initializer_list<std::string_view> command) { append_command(out_, command); }
  void queue(std::span<const std::string_view> command) { append_command(out_, command); }
  void send();

  RedisReply read();                                                    // waits for the next reply
  std::optional<RedisReply> read_arrived() { return replies_.next(); }  // of what was read already

  // Sends one command by itself.
  RedisReply call(std::initializer_list<std::string_view> command);
  // The digest of a script, to be called by.
  std::string load_script(const std::string& script);
  // A number out of INFO, such as used_memory.
  std::int64_t info(const std::string& section, const std::string& name);

 private:
  TlsLink link_;
  std::string out_;
  RedisReplies replies_;
};

}  // namespace odb::bench
