#include "wire/row_codec.h"

#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "odb/wire/codec.h"
#include "wire/value_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

// A column of nones or bools, or one left out, takes no bytes, or bits, for 16 bytes of memory a
// value. Blocks with more values must not have such columns, so that a small message cannot ask for
// much memory.
constexpr std::size_t kBareValuesMax = kRowBlockValuesMax;

using Column = schema::Column;

// The values of one field, over all rows.
class Field {
 public:
  Field(std::span<const Value> values, std::size_t field, std::size_t stride, unsigned rows)
      : values_(values.data() + field), stride_(stride), rows_(rows) {}
  unsigned rows() const { return rows_; }
  const Value& operator[](unsigned row) const { return values_[row * stride_]; }

 private:
  const Value* values_;
  std::size_t stride_;
  unsigned rows_;
};

// How a column can travel.
struct Shape {
  ValueKind kind = ValueKind::kNone;  // of all values but the nones
  bool mixed = false;                 // there is no such kind
  bool omitted = false;               // no value is loaded
  bool some_absent = false;
  TypeId target;          // of references
  std::size_t bytes = 0;  // of texts or data
};

std::string_view bytes_of(const Value& value) {
  if (value.kind() == ValueKind::kText) return value.as_text();
  const auto data = value.as_data();
  return {reinterpret_cast<const char*>(data.data()), data.size()};
}

Shape shape_of(const Field& field) {
  Shape shape;
  shape.omitted = field.rows() > 0 && !field[0].is_loaded();
  if (shape.omitted) return shape;
  for (unsigned row = 0; row < field.rows(); ++row) {
    const Value& value = field[row];
    const ValueKind kind = value.kind();
    if (kind == ValueKind::kNone) {
      shape.some_absent = true;
      continue;
    }
    if (shape.kind == ValueKind::kNone) {
      shape.kind = kind;
      if (kind == ValueKind::kReference) shape.target = value.object_type();
    }
    shape.mixed = kind != shape.kind || kind > ValueKind::kReference ||
                  (kind == ValueKind::kReference && value.object_type() != shape.target);
    if (shape.mixed) return shape;
    if (kind == ValueKind::kText || kind == ValueKind::kData) shape.bytes += bytes_of(value).size();
  }
  return shape;
}

// Sets list[row] for each row that has a value.
template <class List, class Get>
void write_present(List list, const Field& field, Get get) {
  for (unsigned row = 0; row < field.rows(); ++row) {
    if (!field[row].is_none()) list.set(row, get(field[row]));
  }
}

template <class Group>
void write_bytes(Group out, const Field& field, std::size_t total) {
  auto lengths = out.initLengths(field.rows());
  auto bytes = out.initBytes(static_cast<unsigned>(total));
  kj::byte* to = bytes.begin();
  for (unsigned row = 0; row < field.rows(); ++row) {
    if (field[row].is_none()) continue;
    const std::string_view value = bytes_of(field[row]);
    lengths.set(row, static_cast<std::uint32_t>(value.size()));
    std::memcpy(to, value.data(), value.size());
    to += value.size();
  }
}

void write_column(Column::Builder out, const Field& field, bool bare_allowed) {
  const unsigned rows = field.rows();
  const Shape shape = shape_of(field);
  const bool bare = shape.kind == ValueKind::kNone || shape.kind == ValueKind::kBool;
  if (shape.omitted) return out.setOmitted();
  if (shape.mixed || (bare && !bare_allowed)) {
    auto values = out.initValues(rows);
    for (unsigned row = 0; row < rows; ++row) write_value(values[row], field[row]);
    return;
  }
  switch (shape.kind) {
    case ValueKind::kBool:
      write_present(out.initBooleans(rows), field, [](const Value& v) { return v.as_bool(); });
      break;
    case ValueKind::kInt:
      write_present(out.initIntegers(rows), field, [](const Value& v) { return v.as_int(); });
      break;
    case ValueKind::kFloat:
      write_present(out.initReals(rows), field, [](const Value& v) { return v.as_float(); });
      break;
    case ValueKind::kTimestamp:
      write_present(out.initTimestamps(rows), field,
                    [](const Value& v) { return v.as_timestamp(); });
      break;
    case ValueKind::kText:
      write_bytes(out.initTexts(), field, shape.bytes);
      break;
    case ValueKind::kData:
      write_bytes(out.initData(), field, shape.bytes);
      break;
    case ValueKind::kReference: {
      auto references = out.initReferences();
      references.setType(shape.target.value);
      write_present(references.initObjects(rows), field,
                    [](const Value& v) { return v.object().value; });
      break;
    }
    default:
      return out.setNone();
  }
  if (shape.some_absent) {
    auto absent = out.initAbsent(rows);
    for (unsigned row = 0; row < rows; ++row) absent.set(row, field[row].is_none());
  }
}

// How many rows a column has; one of nones, or one left out, has any number.
std::optional<unsigned> rows_of(Column::Reader column) {
  switch (column.which()) {
    case Column::NONE:
    case Column::OMITTED:
      return std::nullopt;
    case Column::BOOLEANS:
      return column.getBooleans().size();
    case Column::INTEGERS:
      return column.getIntegers().size();
    case Column::REALS:
      return column.getReals().size();
    case Column::TIMESTAMPS:
      return column.getTimestamps().size();
    case Column::TEXTS:
      return column.getTexts().getLengths().size();
    case Column::DATA:
      return column.getData().getLengths().size();
    case Column::REFERENCES:
      return column.getReferences().getObjects().size();
    case Column::VALUES:
      return column.getValues().size();
  }
  malformed("unknown kind of column " + std::to_string(static_cast<unsigned>(column.which())));
}

void check_column(Column::Reader column, std::size_t field, unsigned rows, bool bare_allowed) {
  const auto found = rows_of(column);
  if (found.value_or(rows) != rows) {
    malformed("column " + std::to_string(field) + " with " + std::to_string(*found) +
              " rows, expected " + std::to_string(rows));
  }
  const bool bare = column.which() == Column::NONE || column.which() == Column::BOOLEANS ||
                    column.which() == Column::OMITTED;
  if (bare && !bare_allowed) {
    malformed("a column of nones or bools, or one left out, in a block of more than " +
              std::to_string(kBareValuesMax) + " values");
  }
}

// Reads the rows that are not absent: make(row) gives the value.
class ColumnReader {
 public:
  ColumnReader(Column::Reader column, std::size_t field, std::span<Value> to, std::size_t stride,
               unsigned rows)
      : field_(field), to_(to.data() + field), stride_(stride), rows_(rows) {
    if (!column.hasAbsent()) return;
    absent_ = column.getAbsent();
    if (absent_->size() != rows) {
      malformed("column " + std::to_string(field) + " with " + std::to_string(absent_->size()) +
                " marks of absence, expected " + std::to_string(rows));
    }
  }

  template <class Make>
  void read(Make make) {
    for (unsigned row = 0; row < rows_; ++row) {
      if (!absent_ || !(*absent_)[row]) to_[row * stride_] = make(row);
    }
  }

  template <class Group, class Make>
  void read_bytes(Group group, Make make) {
    const auto lengths = group.getLengths();
    const auto bytes = group.getBytes();
    const auto* at = reinterpret_cast<const char*>(bytes.begin());
    std::size_t left = bytes.size();
    for (unsigned row = 0; row < rows_; ++row) {
      const std::size_t length = lengths[row];
      if (length > left) fail_bytes(bytes.size());
      if (!absent_ || !(*absent_)[row]) to_[row * stride_] = make(std::string_view(at, length));
      at += length;
      left -= length;
    }
    if (left != 0) fail_bytes(bytes.size());
  }

 private:
  [[noreturn]] void fail_bytes(std::size_t bytes) {
    malformed("column " + std::to_string(field_) + " with " + std::to_string(bytes) +
              " bytes, which is not the sum of its lengths");
  }

  std::size_t field_;
  Value* to_;
  std::size_t stride_;
  unsigned rows_;
  std::optional<capnp::List<bool>::Reader> absent_;
};

void read_column(Column::Reader column, ColumnReader reader, ReadContext& context) {
  switch (column.which()) {
    case Column::NONE:
      break;
    case Column::OMITTED:
      reader.read([](unsigned) { return Value::not_loaded(); });
      break;
    case Column::BOOLEANS:
      reader.read([in = column.getBooleans()](unsigned row) { return Value::boolean(in[row]); });
      break;
    case Column::INTEGERS:
      reader.read([in = column.getIntegers()](unsigned row) { return Value::integer(in[row]); });
      break;
    case Column::REALS:
      reader.read([in = column.getReals()](unsigned row) { return Value::real(in[row]); });
      break;
    case Column::TIMESTAMPS:
      reader.read(
          [in = column.getTimestamps()](unsigned row) { return Value::timestamp(in[row]); });
      break;
    case Column::TEXTS:
      reader.read_bytes(column.getTexts(), Value::text);
      break;
    case Column::DATA:
      reader.read_bytes(column.getData(), [](std::string_view bytes) {
        return Value::data(std::as_bytes(std::span(bytes)));
      });
      break;
    case Column::REFERENCES:
      reader.read([in = column.getReferences().getObjects(),
                   type = TypeId{column.getReferences().getType()}](unsigned row) {
        return Value::reference(type, ObjectId{in[row]});
      });
      break;
    case Column::VALUES:
      reader.read([in = column.getValues(), &context](unsigned row) {
        return read_value(in[row], context);
      });
      break;
  }
}

}  // namespace

void write_rows(schema::RowBlock::Builder out, const RowBlock& rows) {
  ODB_CHECK(rows.values.size() == rows.objects.size() * rows.field_count);
  out.setType(rows.type.value);
  set_list(out.initObjects(count_of(rows.objects)), rows.objects,
           [](ObjectId object) { return object.value; });
  auto columns = out.initColumns(rows.field_count);
  const bool bare_allowed = rows.values.size() <= kBareValuesMax;
  for (unsigned i = 0; i < rows.field_count; ++i) {
    write_column(columns[i], Field(rows.values, i, rows.field_count, count_of(rows.objects)),
                 bare_allowed);
  }
}

RowBlock read_rows(schema::RowBlock::Reader in, ReadContext& context) {
  RowBlock rows;
  rows.type = TypeId{in.getType()};
  rows.objects =
      context.read_list<ObjectId>(in.getObjects(), [](std::uint64_t id) { return ObjectId{id}; });
  const auto columns = in.getColumns();
  // Each count is below 2^29, so the product cannot overflow.
  const std::size_t values = rows.objects.size() * columns.size();
  const unsigned row_count = count_of(rows.objects);
  const bool bare_allowed = values <= kBareValuesMax;
  unsigned field = 0;
  for (auto column : columns) check_column(column, field++, row_count, bare_allowed);
  if (!bare_allowed) context.charge(values, sizeof(Value));
  rows.field_count = columns.size();
  rows.values.resize(values);
  field = 0;
  for (auto column : columns) {
    read_column(column, ColumnReader(column, field, rows.values, columns.size(), row_count),
                context);
    ++field;
  }
  return rows;
}

std::size_t encoded_bytes_bound(const RowBlock& rows) {
  std::size_t bytes = rows.objects.size() * 8 + rows.field_count * std::size_t{96};
  for (const Value& value : rows.values) bytes += encoded_bytes(value);
  return bytes;
}

}  // namespace odb::wire
