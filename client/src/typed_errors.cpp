// What mappings throw. Messages tell kinds and bounds, never values: those are user data.
#include <span>
#include <string>

#include "odb/client/mapping_base.h"
#include "odb/client/mapping_recursive.h"

namespace odb::detail {

void throw_wrong_kind(ValueKind expected, const Value& found) {
  throw ValueError({ErrorCode::kWrongType, "expected " + std::string(to_string(expected)) +
                                               ", found " + std::string(to_string(found.kind()))});
}

void throw_out_of_range(std::string_view expected) {
  throw ValueError({ErrorCode::kValueOutOfRange, "expected " + std::string(expected)});
}

void throw_int_out_of_range(std::int64_t min, std::uint64_t max) {
  throw_out_of_range("an integer between " + std::to_string(min) + " and " + std::to_string(max));
}

void throw_wrong_size(std::size_t expected, std::size_t found) {
  throw ValueError({ErrorCode::kWrongType, "expected " + std::to_string(expected) +
                                               " elements, found " + std::to_string(found)});
}

void throw_no_alternative(std::size_t alternatives) {
  throw ValueError({ErrorCode::kWrongType, "expected one of the variant's " +
                                               std::to_string(alternatives) + " alternatives"});
}

void throw_no_enumerator(std::string_view enum_name) {
  throw ValueError(
      {ErrorCode::kWrongType, "expected one of the enumerators of " + std::string(enum_name)});
}

void throw_too_many_nodes(std::size_t nodes_max) {
  throw_out_of_range("a value of at most " + std::to_string(nodes_max) +
                     " nodes; a part that it holds twice counts twice");
}

void throw_nodes_too_deep(std::size_t depth_max) {
  throw ValueError({ErrorCode::kValueTooDeep, "expected a value that is nested at most " +
                                                  std::to_string(depth_max) + " levels deep"});
}

void throw_misplaced_node(std::int64_t place) {
  throw ValueError(
      {ErrorCode::kWrongType, "the stored value is malformed: a node refers to place " +
                                  std::to_string(place) + ", which is not behind its own"});
}

void throw_in_member(std::string_view struct_name, std::string_view member,
                     const ValueError& error) {
  throw ValueError({error.code(), std::string(struct_name) + "." + std::string(member) + ": " +
                                      error.error().message});
}

}  // namespace odb::detail
