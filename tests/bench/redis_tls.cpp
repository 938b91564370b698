#include "redis_tls.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <stdexcept>

namespace odb::bench {

namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::int64_t kElementsMax = 1'000'000;
constexpr std::int64_t kTextBytesMax = 64 * 1024 * 1024;
constexpr int kDepthMax = 8;

std::int64_t parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) {
    throw std::runtime_error("Redis replies with what is no number");
  }
  return value;
}

void append_bulk(std::string& out, char kind, std::size_t size) {
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, size);
  out += kind;
  out.append(digits, end);
  out += "\r\n";
}

}  // namespace

void append_command(std::string& out, std::span<const std::string_view> arguments) {
  append_bulk(out, '*', arguments.size());
  for (const std::string_view argument : arguments) {
    append_bulk(out, '$', argument.size());
    out += argument;
    out += "\r\n";
  }
}

void append_command(std::string& out, std::initializer_list<std::string_view> arguments) {
  append_command(out, std::span(arguments.begin(), arguments.size()));
}

std::span<std::byte> RedisReplies::prepare() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // Doubles for a reply that is larger than what one read gives.
  if (buffer_.size() < end_ + kReadBytes) {
    buffer_.resize(std::max(2 * buffer_.size(), end_ + kReadBytes));
  }
  return std::as_writable_bytes(std::span(buffer_).subspan(end_));
}

std::optional<RedisReply> RedisReplies::next() {
  std::size_t at = begin_;
  std::optional<RedisReply> reply = parse(at, 0);
  if (reply) begin_ = at;
  return reply;
}

// The line at `at`, which moves behind it.
std::optional<std::string_view> RedisReplies::line(std::size_t& at) const {
  const std::string_view rest(buffer_.data() + at, end_ - at);
  const std::size_t length = rest.find("\r\n");
  if (length == std::string_view::npos) return std::nullopt;
  at += length + 2;
  return rest.substr(0, length);
}

std::optional<RedisReply> RedisReplies::parse(std::size_t& at, int depth) const {
  if (at == end_) return std::nullopt;
  const std::optional<std::string_view> head = line(at);
  if (!head) return std::nullopt;
  if (head->empty() || depth > kDepthMax) throw std::runtime_error("Redis replies with nonsense");
  const std::string_view value = head->substr(1);
  RedisReply reply;
  switch (head->front()) {
    case '+':
      reply.kind = RedisReply::Kind::kText;
      reply.text = value;
      return reply;
    case '-':
      throw std::runtime_error("Redis refuses: " + std::string(value.substr(0, 200)));
    case ':':
      reply.kind = RedisReply::Kind::kInteger;
      reply.integer = parse_integer(value);
      return reply;
    case '$': {
      const std::int64_t bytes = parse_integer(value);
      if (bytes < 0) return reply;
      if (bytes > kTextBytesMax) throw std::runtime_error("Redis replies with too much");
      const auto size = static_cast<std::size_t>(bytes);
      if (end_ - at < size + 2) return std::nullopt;
      reply.kind = RedisReply::Kind::kText;
      reply.text = std::string_view(buffer_.data() + at, size);
      at += size + 2;
      return reply;
    }
    case '*': {
      const std::int64_t count = parse_integer(value);
      if (count < 0) return reply;
      if (count > kElementsMax) throw std::runtime_error("Redis replies with too much");
      reply.kind = RedisReply::Kind::kArray;
      for (std::int64_t i = 0; i < count; ++i) {
        std::optional<RedisReply> element = parse(at, depth + 1);
        if (!element) return std::nullopt;
        reply.elements.push_back(*std::move(element));
      }
      return reply;
    }
    default:
      throw std::runtime_error("Redis replies with nonsense");
  }
}

void RedisTls::send() {
  link_.write(out_);
  out_.clear();
}

RedisReply RedisTls::read() {
  for (;;) {
    if (std::optional<RedisReply> reply = replies_.next()) return *std::move(reply);
    replies_.commit(link_.read(replies_.prepare()));
  }
}

RedisReply RedisTls::call(std::initializer_list<std::string_view> command) {
  queue(command);
  send();
  return read();
}

std::string RedisTls::load_script(const std::string& script) {
  return std::string(call({"SCRIPT", "LOAD", script}).text);
}

std::int64_t RedisTls::info(const std::string& section, const std::string& name) {
  const RedisReply reply = call({"INFO", section});
  const std::size_t found = reply.text.find("\n" + name + ":");
  if (found == std::string_view::npos) throw std::runtime_error("INFO lacks " + name);
  const std::string_view rest = reply.text.substr(found + name.size() + 2);
  return parse_integer(rest.substr(0, rest.find("\r\n")));
}

}  // namespace odb::bench
