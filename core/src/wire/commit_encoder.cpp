#include "wire/commit_encoder.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "odb/wire/codec.h"
#include "odb/wire/frame.h"
#include "schemas/message.capnp.h"
#include "schemas/types.capnp.h"
#include "wire/frame_header.h"

namespace odb::wire {
namespace {

constexpr std::size_t kWordBytes = 8;

template <class Struct>
inline constexpr std::uint64_t kDataWords = Struct::_capnpPrivate::dataWordSize;
template <class Struct>
inline constexpr std::uint64_t kPointers = Struct::_capnpPrivate::pointerCount;
template <class Struct>
inline constexpr std::size_t kStructBytes = (kDataWords<Struct> + kPointers<Struct>)*kWordBytes;

// Where things stand in the structs, as the schema's compiler places them. Fields of a schema never
// move, and a test compares with what Cap'n Proto makes of the same message.
constexpr std::size_t kCommitSequence = 0;
constexpr std::size_t kCommitLowestUnresolved = 8;
constexpr std::size_t kCommitSnapshot = 16;
constexpr std::size_t kCommitPart = 24;
constexpr std::size_t kCommitFlags = 28;
constexpr std::uint8_t kIsNotLast = 1;  // of which the schema's default is true
constexpr std::uint8_t kKeepsCreated = 2;
constexpr std::uint8_t kTriesAgain = 4;
constexpr std::size_t kCommitCellReads = 0;  // pointers by their number
constexpr std::size_t kCommitWrites = 2;
constexpr std::size_t kChangesetObjects = 0;
constexpr std::size_t kChangesetOperations = 1;
constexpr std::size_t kChangesetOperands = 2;

template <class Number>
void put(std::byte* at, Number number) {
  std::memcpy(at, &number, sizeof number);
}

// Fills zeroed memory from its beginning, as Cap'n Proto's builder fills a segment: what is pointed
// to stands behind everything that was made before.
class SegmentWriter {
 public:
  explicit SegmentWriter(std::byte* begin) : next_(begin) {}

  const std::byte* end() const { return next_; }
  std::byte* take_word() { return take(kWordBytes); }

  template <class Struct>
  std::byte* point_to_struct(std::byte* pointer) {
    put(pointer, offset_from(pointer) | size_of<Struct>());
    return take(kStructBytes<Struct>);
  }
  // The first element.
  template <class Struct>
  std::byte* point_to_list(std::byte* pointer, std::size_t count) {
    constexpr std::uint64_t kList = 1;
    constexpr std::uint64_t kComposite = std::uint64_t{7} << 32;
    const std::size_t bytes = count * kStructBytes<Struct>;
    put(pointer, offset_from(pointer) | kList | kComposite |
                     static_cast<std::uint64_t>(bytes / kWordBytes) << 35);
    put(take_word(), static_cast<std::uint64_t>(count) << 2 | size_of<Struct>());
    return take(bytes);
  }
  void point_to_bytes(std::byte* pointer, const void* bytes, std::size_t size) {
    constexpr std::uint64_t kList = 1;
    constexpr std::uint64_t kOfBytes = std::uint64_t{2} << 32;
    put(pointer, offset_from(pointer) | kList | kOfBytes | static_cast<std::uint64_t>(size) << 35);
    std::byte* const to = take((size + kWordBytes - 1) / kWordBytes * kWordBytes);
    if (size > 0) std::memcpy(to, bytes, size);
  }

 private:
  std::byte* take(std::size_t bytes) {
    std::byte* const taken = next_;
    next_ += bytes;
    return taken;
  }
  // From the word behind the pointer to what is taken next.
  std::uint64_t offset_from(const std::byte* pointer) const {
    const auto words = static_cast<std::uint64_t>(next_ - pointer) / kWordBytes - 1;
    return words << 2;
  }
  template <class Struct>
  static constexpr std::uint64_t size_of() {
    return kDataWords<Struct> << 32 | kPointers<Struct> << 48;
  }

  std::byte* next_;
};

void write_value(SegmentWriter& out, std::byte* to, const Value& value);

void write_values(SegmentWriter& out, std::byte* pointer, std::span<const Value> values) {
  std::byte* to = out.point_to_list<schema::Value>(pointer, values.size());
  for (const Value& value : values) {
    write_value(out, to, value);
    to += kStructBytes<schema::Value>;
  }
}

void write_value(SegmentWriter& out, std::byte* to, const Value& value) {
  using V = schema::Value;
  constexpr std::size_t kBoolean = 2;
  constexpr std::size_t kNumber = 4;  // the type of a reference, the alternative of a variant
  constexpr std::size_t kWide = 8;
  std::byte* const pointer = to + kDataWords<V> * kWordBytes;
  switch (value.kind()) {
    case ValueKind::kNone:
    case ValueKind::kNotLoaded:
      return put(to, V::NONE);
    case ValueKind::kBool:
      put(to, V::BOOLEAN);
      return put(to + kBoolean, static_cast<std::uint8_t>(value.as_bool()));
    case ValueKind::kInt:
      put(to, V::INTEGER);
      return put(to + kWide, value.as_int());
    case ValueKind::kFloat:
      put(to, V::REAL);
      return put(to + kWide, value.as_float());
    case ValueKind::kText:
      put(to, V::TEXT);
      return out.point_to_bytes(pointer, value.as_text().data(), value.as_text().size());
    case ValueKind::kData:
      put(to, V::DATA);
      return out.point_to_bytes(pointer, value.as_data().data(), value.as_data().size());
    case ValueKind::kTimestamp:
      put(to, V::TIMESTAMP);
      return put(to + kWide, value.as_timestamp());
    case ValueKind::kReference:
      put(to, V::REFERENCE);
      put(to + kNumber, value.object_type().value);
      return put(to + kWide, value.object().value);
    case ValueKind::kList:
      put(to, V::LIST);
      return write_values(out, pointer, value.elements());
    case ValueKind::kTuple:
      put(to, V::TUPLE);
      return write_values(out, pointer, value.elements());
    case ValueKind::kDict:
      put(to, V::DICT);
      return write_values(out, pointer, value.elements());
    case ValueKind::kStruct:
      put(to, V::STRUCTURE);
      return write_values(out, pointer, value.elements());
    case ValueKind::kVariant:
      put(to, V::VARIANT);
      put(to + kNumber, value.alternative());
      return write_values(out, pointer, value.elements());
  }
}

constexpr bool has_key(CellOperation::Kind kind) {
  return kind == CellOperation::Kind::kInsert || kind == CellOperation::Kind::kErase;
}
constexpr bool has_value(CellOperation::Kind kind) { return kind != CellOperation::Kind::kErase; }

void write_reads(SegmentWriter& out, std::byte* pointer, std::span<const CellRead> reads) {
  std::byte* to = out.point_to_list<schema::CellRead>(pointer, reads.size());
  for (const CellRead& read : reads) {
    put(to, read.object.value);
    put(to + 8, read.type.value);
    put(to + 12, read.field.value);
    to += kStructBytes<schema::CellRead>;
  }
}

void write_operations(SegmentWriter& out, std::byte* pointers, const Changeset& changes) {
  std::size_t operations = 0;
  std::size_t operands = 0;
  for (const ObjectChange& object : changes.objects) {
    operations += object.cells_count;
    for (const CellOperation& cell : changes.cells_of(object)) {
      operands += static_cast<std::size_t>(has_key(cell.kind)) +
                  static_cast<std::size_t>(has_value(cell.kind));
    }
  }
  if (operations == 0) return;
  std::byte* to = out.point_to_list<schema::CellOperation>(
      pointers + kChangesetOperations * kWordBytes, operations);
  std::byte* operand =
      out.point_to_list<schema::Value>(pointers + kChangesetOperands * kWordBytes, operands);
  const auto write_operand = [&](const Value& value) {
    write_value(out, operand, value);
    operand += kStructBytes<schema::Value>;
  };
  for (const ObjectChange& object : changes.objects) {
    for (const CellOperation& cell : changes.cells_of(object)) {
      put(to, cell.field.value);
      put(to + 4, static_cast<schema::CellOperationKind>(cell.kind));
      to += kStructBytes<schema::CellOperation>;
      if (has_key(cell.kind)) write_operand(cell.key);
      if (has_value(cell.kind)) write_operand(cell.value);
    }
  }
}

void write_writes(SegmentWriter& out, std::byte* pointer, const Changeset& changes) {
  std::byte* const pointers = out.point_to_struct<schema::Changeset>(pointer);
  static_assert(kDataWords<schema::Changeset> == 0);
  std::byte* to = out.point_to_list<schema::ObjectChange>(pointers + kChangesetObjects * kWordBytes,
                                                          changes.objects.size());
  for (const ObjectChange& object : changes.objects) {
    put(to, object.object.value);
    put(to + 8, object.type.value);
    put(to + 12, object.cells_count);
    put(to + 16, static_cast<schema::ObjectChangeKind>(object.kind));
    to += kStructBytes<schema::ObjectChange>;
  }
  write_operations(out, pointers, changes);
}

void write_commit(SegmentWriter& out, const Commit& commit) {
  using M = schema::ClientMessage;
  std::byte* const message = out.point_to_struct<M>(out.take_word());
  put(message, M::COMMIT);
  std::byte* const to = out.point_to_struct<schema::Commit>(message + kDataWords<M> * kWordBytes);
  put(to + kCommitSequence, commit.sequence.value);
  put(to + kCommitLowestUnresolved, commit.lowest_unresolved.value);
  put(to + kCommitSnapshot, commit.request.snapshot.value);
  put(to + kCommitPart, commit.part);
  std::uint8_t flags = commit.last ? 0 : kIsNotLast;
  if (commit.keeps_created) flags |= kKeepsCreated;
  if (commit.request.tries_again) flags |= kTriesAgain;
  put(to + kCommitFlags, flags);
  std::byte* const pointers = to + kDataWords<schema::Commit> * kWordBytes;
  const auto& reads = commit.request.reads.cells;
  if (!reads.empty()) write_reads(out, pointers + kCommitCellReads * kWordBytes, reads);
  const Changeset& writes = commit.request.writes;
  if (!writes.empty()) write_writes(out, pointers + kCommitWrites * kWordBytes, writes);
}

}  // namespace

bool append_in_one_frame(Bytes& out, const Commit& commit) {
  const ReadSet& reads = commit.request.reads;
  if (!reads.existences.empty() || !reads.indexes.empty() || !reads.ranges.empty() ||
      !reads.memberships.empty()) {
    return false;
  }
  // The pointer to the root, and the tag of the list of reads.
  constexpr std::size_t kEnvelopeBytes =
      2 * kWordBytes + kStructBytes<schema::ClientMessage> + kStructBytes<schema::Commit>;
  const std::size_t bytes_max = kEnvelopeBytes + encoded_bytes(commit.request);
  if (bytes_max > kFramePayloadBytesMax) return false;
  const std::size_t before = out.size();
  out.resize(before + kFrameHeaderBytes + bytes_max);
  std::byte* const payload = out.data() + before + kFrameHeaderBytes;
  SegmentWriter segment(payload);
  write_commit(segment, commit);
  const auto bytes = static_cast<std::size_t>(segment.end() - payload);
  ODB_CHECK(bytes <= bytes_max);
  write_frame_header(out.data() + before, bytes, 0);
  out.resize(before + kFrameHeaderBytes + bytes);
  return true;
}

}  // namespace odb::wire
