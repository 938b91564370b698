#include "resp.h"

#include <charconv>

namespace odb::server::redis {

namespace {

void append_number(std::string& out, char kind, std::size_t number) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out += kind;
  out.append(digits, end);
  out += "\r\n";
}

void append_argument(std::string& out, std::string_view argument) {
  append_number(out, '$', argument.size());
  out += argument;
  out += "\r\n";
}

}  // namespace

std::string_view Reply::error_code() const {
  return std::string_view(text).substr(0, text.find(' '));
}

void Arguments::add(std::string_view argument) {
  append_argument(bytes_, argument);
  ++count_;
}

void append_command(std::string& out, const Arguments& arguments) {
  append_number(out, '*', arguments.count());
  out += arguments.bytes();
}

void append_command(std::string& out, std::initializer_list<const Arguments*> parts) {
  std::size_t count = 0;
  for (const Arguments* part : parts) count += part->count();
  append_number(out, '*', count);
  for (const Arguments* part : parts) out += part->bytes();
}

void append_command(std::string& out, std::initializer_list<std::string_view> arguments) {
  append_number(out, '*', arguments.size());
  for (const std::string_view argument : arguments) append_argument(out, argument);
}

std::string describe(const Reply& reply) {
  constexpr std::size_t kShown = 200;
  switch (reply.kind) {
    case Reply::Kind::kNil:
      return "nothing";
    case Reply::Kind::kInteger:
      return "the number " + std::to_string(reply.integer);
    case Reply::Kind::kText:
      return "a text of " + std::to_string(reply.text.size()) + " bytes";
    case Reply::Kind::kError:
      return reply.text.substr(0, kShown);
    case Reply::Kind::kArray:
      return "a list of " + std::to_string(reply.elements.size());
  }
  return "nonsense";
}

}  // namespace odb::server::redis
