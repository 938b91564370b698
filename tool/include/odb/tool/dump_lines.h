// The lines of a dump; docs/tool.md describes them.
//
//   {"odb_dump":1,...}                                what it is of
//   {"type":{"id":1,"schema":"todo","name":"Task",...}}   each type, by its number
//   {"types":1,"sha256":"..."}                        of the lines above
//   {"type":1,"id":17,"fields":["write",3]}           each object, by type and identity
//   {"objects":1,"sha256":"..."}                      of all lines above
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/error.h"
#include "odb/core/ids.h"
#include "odb/core/schema.h"
#include "odb/tool/value_json.h"

namespace odb::tool {

inline constexpr int kDumpFormat = 1;

// What a dump is of.
struct DumpHeader {
  HistoryId history;
  Version version;
  ObjectId ids_below;  // no identity from here on was granted
  friend bool operator==(const DumpHeader&, const DumpHeader&) = default;
};

// A line of counts: the types so far, or the objects.
struct DumpCount {
  std::uint64_t count = 0;
  std::string sha256;
  friend bool operator==(const DumpCount&, const DumpCount&) = default;
};

// Each line ends with \n where it is made, and comes without it where it is read. Errors are of
// kBadConfiguration and say what was expected and found.
std::string header_line(const DumpHeader& header);
Result<DumpHeader> parse_header(std::string_view line);
std::string type_line(const CatalogType& type);
Result<CatalogType> parse_type(std::string_view line);
inline constexpr std::string_view kTypesCount = "types";
inline constexpr std::string_view kObjectsCount = "objects";
std::string count_line(std::string_view what, const DumpCount& count);
Result<DumpCount> parse_count(std::string_view what, std::string_view line);

// A type as JSON: "int", {"list":"text"}, {"one_of":["none",{"reference":["todo","Task"]}]}.
boost::json::value to_json(const Type& type);
Result<Type> type_from_json(const boost::json::value& json);
// As a line has it within {"type":...}.
boost::json::value to_json(const CatalogType& type);

std::string to_text(HistoryId history);  // 32 hexadecimal digits

// The lines of the objects of one type.
class ObjectLines {
 public:
  explicit ObjectLines(const CatalogType& type);  // which outlives it
  std::size_t field_count() const { return fields_.size(); }

  // Fields that the object is too old to have are written with their defaults.
  void append(std::string& out, ObjectId object, std::span<const Value> fields) const;
  // What follows `{"type":N,"id":M` in a line, both of which have been taken.
  bool take_fields(JsonCursor& in, std::vector<Value>& fields) const;
  // The fields as one JSON object, by their names.
  void append_named(std::string& out, std::span<const Value> fields) const;
  void append_field(std::string& out, FieldId field, std::span<const Value> fields) const;

 private:
  const CatalogType& type_;
  const std::string begin_;
  std::vector<ValueJson> fields_;
};

// Takes `{"type":N,"id":M`.
bool take_object_begin(JsonCursor& in, TypeId& type, ObjectId& object);

}  // namespace odb::tool
