#include "wire/plain_commit.h"

#include <cstdint>
#include <string_view>

#include "schemas/message.capnp.h"
#include "wire/plain_segment.h"

namespace odb::wire {
namespace {

using Shape = PlainSegment::Shape;
using Struct = PlainSegment::Struct;
using List = PlainSegment::List;
using Operation = CellOperation::Kind;

// Positions in the structs are those in the code that capnp generates, and stay: schemas only grow.
template <class T>
constexpr Shape shape_of() {
  return {T::_capnpPrivate::dataWordSize, T::_capnpPrivate::pointerCount};
}

bool read_value(PlainSegment& segment, const Struct& in, Value& out) {
  std::span<const std::byte> bytes;
  switch (static_cast<schema::Value::Which>(in.get<std::uint16_t>(0))) {
    case schema::Value::NONE:
      return true;
    case schema::Value::BOOLEAN:
      out = Value::boolean((in.get<std::uint8_t>(2) & 1) != 0);
      return true;
    case schema::Value::INTEGER:
      out = Value::integer(in.get<std::int64_t>(1));
      return true;
    case schema::Value::REAL:
      out = Value::real(in.get<double>(1));
      return true;
    case schema::Value::TIMESTAMP:
      out = Value::timestamp(in.get<std::int64_t>(1));
      return true;
    case schema::Value::REFERENCE:
      out = Value::reference(TypeId{in.get<std::uint32_t>(1)}, ObjectId{in.get<std::uint64_t>(1)});
      return true;
    case schema::Value::TEXT:
      if (!segment.read(in.pointer(0), bytes)) return false;
      out = Value::text({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
      return true;
    case schema::Value::DATA:
      if (!segment.read(in.pointer(0), bytes)) return false;
      out = Value::data(bytes);
      return true;
    default:
      return false;
  }
}

bool read_cell_reads(PlainSegment& segment, const std::byte* pointer, std::vector<CellRead>& out) {
  List reads;
  if (!segment.read(pointer, shape_of<schema::CellRead>(), reads)) return false;
  out.reserve(reads.size);
  for (std::size_t i = 0; i < reads.size; ++i) {
    const Struct in = reads[i];
    out.push_back({TypeId{in.get<std::uint32_t>(2)}, FieldId{in.get<std::uint32_t>(3)},
                   ObjectId{in.get<std::uint64_t>(0)}});
  }
  return true;
}

bool read_objects(const List& in, std::size_t operations, std::vector<ObjectChange>& out) {
  std::uint64_t cells = 0;
  out.reserve(in.size);
  for (std::size_t i = 0; i < in.size; ++i) {
    const Struct from = in[i];
    ObjectChange object;
    const auto kind = from.get<std::uint16_t>(8);
    object.kind = static_cast<ObjectChange::Kind>(kind);
    object.object = ObjectId{from.get<std::uint64_t>(0)};
    object.type = TypeId{from.get<std::uint32_t>(2)};
    object.cells_begin = static_cast<std::uint32_t>(cells);
    object.cells_count = from.get<std::uint32_t>(3);
    cells += object.cells_count;
    if (kind > static_cast<std::uint16_t>(ObjectChange::Kind::kDelete) ||
        object.object == ObjectId{} || object.type == TypeId{}) {
      return false;
    }
    out.push_back(object);
  }
  return cells == operations;
}

// Operations have one operand here: those of dicts are too rare.
bool read_cells(PlainSegment& segment, const List& operations, const List& operands,
                std::vector<CellOperation>& out) {
  if (operations.size != operands.size) return false;
  out.reserve(operations.size);
  for (std::size_t i = 0; i < operations.size; ++i) {
    const Struct from = operations[i];
    const auto kind = from.get<std::uint16_t>(2);
    if (kind > static_cast<std::uint16_t>(Operation::kAppend)) return false;
    CellOperation& cell = out.emplace_back();
    cell.kind = static_cast<Operation>(kind);
    cell.field = FieldId{from.get<std::uint32_t>(0)};
    if (!read_value(segment, operands[i], cell.value)) return false;
  }
  return true;
}

bool read_writes(PlainSegment& segment, const std::byte* pointer, Changeset& out) {
  if (PlainSegment::is_null(pointer)) return true;
  Struct writes;
  List objects;
  List operations;
  List operands;
  return segment.read(pointer, shape_of<schema::Changeset>(), writes) &&
         segment.read(writes.pointer(0), shape_of<schema::ObjectChange>(), objects) &&
         segment.read(writes.pointer(1), shape_of<schema::CellOperation>(), operations) &&
         segment.read(writes.pointer(2), shape_of<schema::Value>(), operands) &&
         read_objects(objects, operations.size, out.objects) &&
         read_cells(segment, operations, operands, out.cells);
}

}  // namespace

bool read_plain_commit(std::span<const std::byte> payload, Commit& out) {
  if (payload.empty() || payload.size() % 8 != 0) return false;
  PlainSegment segment(payload);
  Struct message;
  Struct in;
  if (!segment.read(payload.data(), shape_of<schema::ClientMessage>(), message) ||
      message.get<std::uint16_t>(0) != schema::ClientMessage::COMMIT ||
      !segment.read(message.pointer(0), shape_of<schema::Commit>(), in)) {
    return false;
  }
  out.sequence = Sequence{in.get<std::uint64_t>(0)};
  out.lowest_unresolved = Sequence{in.get<std::uint64_t>(1)};
  out.request.snapshot = Version{in.get<std::uint64_t>(2)};
  out.part = in.get<std::uint32_t>(6);
  const auto flags = in.get<std::uint8_t>(28);
  out.last = (flags & 1) == 0;  // true by default
  out.keeps_created = (flags & 2) != 0;
  out.request.tries_again = (flags & 4) != 0;
  return out.sequence != Sequence{} && PlainSegment::is_null(in.pointer(1)) &&  // broadReads
         read_cell_reads(segment, in.pointer(0), out.request.reads.cells) &&
         read_writes(segment, in.pointer(2), out.request.writes);
}

}  // namespace odb::wire
