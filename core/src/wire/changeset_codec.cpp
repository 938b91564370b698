#include "wire/changeset_codec.h"

#include <string>
#include <utility>

#include "odb/wire/codec.h"
#include "wire/value_codec.h"
#include "wire/write_helpers.h"

namespace odb::wire {
namespace {

using Operation = CellOperation::Kind;

static_assert(static_cast<int>(Operation::kErase) ==
              static_cast<int>(schema::CellOperationKind::ERASE));
static_assert(static_cast<int>(ObjectChange::Kind::kEnterLazily) ==
              static_cast<int>(schema::ObjectChangeKind::ENTER_LAZILY));

constexpr bool has_key(Operation kind) {
  return kind == Operation::kInsert || kind == Operation::kErase;
}
constexpr bool has_value(Operation kind) { return kind != Operation::kErase; }

// Operations and operands that travel: those that belong to an object, in the order of the objects.
struct Counts {
  unsigned objects = 0;
  unsigned operations = 0;
  unsigned operands = 0;
};

void add_to(Counts& counts, const Changeset& changes) {
  counts.objects += count_of(changes.objects);
  for (const ObjectChange& object : changes.objects) {
    for (const CellOperation& cell : changes.cells_of(object)) {
      counts.operands +=
          static_cast<unsigned>(has_key(cell.kind)) + static_cast<unsigned>(has_value(cell.kind));
    }
    counts.operations += object.cells_count;
  }
}

CellRead read_cell_read(const schema::CellRead::Reader& in) {
  return {TypeId{in.getType()}, FieldId{in.getField()}, ObjectId{in.getObject()}};
}
ExistenceRead read_existence_read(const schema::ExistenceRead::Reader& in) {
  return {TypeId{in.getType()}, ObjectId{in.getObject()}};
}
std::string read_key(capnp::Data::Reader key) {
  return std::string(reinterpret_cast<const char*>(key.begin()), key.size());
}
IndexRead read_index_read(const schema::IndexRead::Reader& in) {
  return {IndexId{in.getIndex()}, read_key(in.getKey())};
}
IndexRangeRead read_range_read(const schema::IndexRangeRead::Reader& in) {
  return {IndexId{in.getIndex()}, read_key(in.getFrom()), read_key(in.getTo())};
}
void write_range_read(schema::IndexRangeRead::Builder out, const IndexRangeRead& read) {
  out.setIndex(read.index.value);
  out.setFrom(as_data(read.from));
  out.setTo(as_data(read.to));
}

}  // namespace

void write_changes(schema::Changeset::Builder out, std::span<const Changeset* const> parts) {
  Counts counts;
  for (const Changeset* part : parts) add_to(counts, *part);
  if (counts.objects == 0) return;
  auto objects = out.initObjects(counts.objects);
  auto operations = capnp::List<schema::CellOperation>::Builder();
  auto operands = capnp::List<schema::Value>::Builder();
  if (counts.operations != 0) {
    operations = out.initOperations(counts.operations);
    operands = out.initOperands(counts.operands);
  }
  unsigned written = 0;
  unsigned operation = 0;
  unsigned operand = 0;
  for (const Changeset* part : parts) {
    for (const ObjectChange& object : part->objects) {
      auto change = objects[written++];
      change.setObject(object.object.value);
      change.setType(object.type.value);
      change.setCells(object.cells_count);
      change.setKind(static_cast<schema::ObjectChangeKind>(object.kind));
      for (const CellOperation& cell : part->cells_of(object)) {
        auto to = operations[operation++];
        to.setField(cell.field.value);
        to.setKind(static_cast<schema::CellOperationKind>(cell.kind));
        if (has_key(cell.kind)) write_value(operands[operand++], cell.key);
        if (has_value(cell.kind)) write_value(operands[operand++], cell.value);
      }
    }
  }
}

void write_changes(schema::Changeset::Builder out, const Changeset& changes) {
  const Changeset* const one = &changes;
  write_changes(out, std::span(&one, 1));
}

ChangesReader::ChangesReader(schema::Changeset::Reader in, ReadContext& context)
    : objects_(in.getObjects()),
      operations_(in.getOperations()),
      operands_(in.getOperands()),
      context_(context) {}

Value ChangesReader::next_operand() {
  if (operand_ == operands_.size()) {
    malformed("operations with only " + std::to_string(operand_) + " operands");
  }
  return read_value(operands_[operand_++], context_);
}

void ChangesReader::read(std::uint32_t objects, Changeset& out) {
  if (objects > objects_.size() - object_) {
    malformed("more changes than the " + std::to_string(objects_.size()) + " that are there");
  }
  context_.charge(objects, sizeof(ObjectChange));
  out.objects.reserve(objects);
  std::uint64_t cells = 0;
  for (const std::uint32_t end = object_ + objects; object_ < end; ++object_) {
    const auto from = objects_[object_];
    ObjectChange object;
    object.kind = read_enum(from.getKind(), ObjectChange::Kind::kEnterLazily, "kind of change");
    object.type = TypeId{from.getType()};
    object.object = ObjectId{from.getObject()};
    if (object.type.value == 0 || object.object.value == 0) {
      malformed("a change of type or object 0");
    }
    object.cells_begin = static_cast<std::uint32_t>(cells);
    object.cells_count = from.getCells();
    cells += object.cells_count;
    out.objects.push_back(object);
  }
  if (cells > operations_.size() - operation_) {
    malformed("changes of " + std::to_string(cells) + " cells with " +
              std::to_string(operations_.size() - operation_) + " operations");
  }
  context_.charge(cells, sizeof(CellOperation));
  out.cells.reserve(cells);
  for (const std::uint64_t end = operation_ + cells; operation_ < end; ++operation_) {
    const auto from = operations_[operation_];
    CellOperation& cell = out.cells.emplace_back();
    cell.kind = read_enum(from.getKind(), Operation::kErase, "kind of cell operation");
    cell.field = FieldId{from.getField()};
    if (has_key(cell.kind)) cell.key = next_operand();
    if (has_value(cell.kind)) cell.value = next_operand();
  }
}

void ChangesReader::finish() const {
  if (object_ != objects_.size()) {
    malformed("changes of " + std::to_string(object_) + " objects, found " +
              std::to_string(objects_.size()));
  }
  if (operation_ != operations_.size()) {
    malformed("changes of " + std::to_string(operation_) + " cells with " +
              std::to_string(operations_.size()) + " operations");
  }
  if (operand_ != operands_.size()) {
    malformed("operations with " + std::to_string(operand_) + " operands, found " +
              std::to_string(operands_.size()));
  }
}

void read_changes(schema::Changeset::Reader in, ReadContext& context, Changeset& out) {
  ChangesReader reader(in, context);
  reader.read(reader.objects(), out);
  reader.finish();
}

void write_request(schema::Commit::Builder out, const CommitRequest& request) {
  out.setSnapshot(request.snapshot.value);
  if (request.tries_again) out.setTriesAgain(true);
  const ReadSet& reads = request.reads;
  if (!reads.cells.empty()) {
    write_list(out.initCellReads(count_of(reads.cells)), reads.cells,
               [](schema::CellRead::Builder to, const CellRead& read) {
                 to.setObject(read.object.value);
                 to.setType(read.type.value);
                 to.setField(read.field.value);
               });
  }
  if (!reads.existences.empty() || !reads.indexes.empty() || !reads.ranges.empty() ||
      !reads.memberships.empty()) {
    auto broad = out.initBroadReads();
    write_list(broad.initExistences(count_of(reads.existences)), reads.existences,
               [](schema::ExistenceRead::Builder to, const ExistenceRead& read) {
                 to.setObject(read.object.value);
                 to.setType(read.type.value);
               });
    write_list(broad.initIndexes(count_of(reads.indexes)), reads.indexes,
               [](schema::IndexRead::Builder to, const IndexRead& read) {
                 to.setIndex(read.index.value);
                 to.setKey(as_data(read.key));
               });
    if (!reads.ranges.empty()) {
      write_list(broad.initRanges(count_of(reads.ranges)), reads.ranges, write_range_read);
    }
    set_list(broad.initMemberships(count_of(reads.memberships)), reads.memberships,
             [](const MembershipRead& read) { return read.type.value; });
  }
  if (!request.writes.objects.empty()) write_changes(out.initWrites(), request.writes);
}

void read_request(schema::Commit::Reader in, ReadContext& context, CommitRequest& request) {
  request.snapshot = Version{in.getSnapshot()};
  request.tries_again = in.getTriesAgain();
  request.reads.cells = context.read_list<CellRead>(in.getCellReads(), read_cell_read);
  if (in.hasBroadReads()) {
    const auto broad = in.getBroadReads();
    request.reads.existences =
        context.read_list<ExistenceRead>(broad.getExistences(), read_existence_read);
    request.reads.indexes = context.read_list<IndexRead>(broad.getIndexes(), read_index_read);
    request.reads.ranges = context.read_list<IndexRangeRead>(broad.getRanges(), read_range_read);
    request.reads.memberships = context.read_list<MembershipRead>(
        broad.getMemberships(), [](std::uint32_t type) { return MembershipRead{TypeId{type}}; });
  }
  read_changes(in.getWrites(), context, request.writes);
  for (const ObjectChange& object : request.writes.objects) {
    if (object.kind > ObjectChange::Kind::kDelete) {
      malformed("a commit with a change of a kind that only deltas have");
    }
  }
}

void write_conflict(schema::Conflict::Builder out, const Conflict& conflict) {
  auto key = out.initKey();
  if (const auto* cell = std::get_if<CellRead>(&conflict.key)) {
    auto to = key.initCell();
    to.setObject(cell->object.value);
    to.setType(cell->type.value);
    to.setField(cell->field.value);
  } else if (const auto* existence = std::get_if<ExistenceRead>(&conflict.key)) {
    auto to = key.initExistence();
    to.setObject(existence->object.value);
    to.setType(existence->type.value);
  } else if (const auto* index = std::get_if<IndexRead>(&conflict.key)) {
    auto to = key.initIndex();
    to.setIndex(index->index.value);
    to.setKey(as_data(index->key));
  } else if (const auto* range = std::get_if<IndexRangeRead>(&conflict.key)) {
    write_range_read(key.initRange(), *range);
  } else {
    key.setMembership(std::get<MembershipRead>(conflict.key).type.value);
  }
  out.setRead(conflict.read.value);
  out.setWon(conflict.won.value);
  out.setActor(as_text(conflict.actor));
  out.getClient().setHigh(conflict.client.high);
  out.getClient().setLow(conflict.client.low);
  out.setSequence(conflict.sequence.value);
}

Conflict read_conflict(schema::Conflict::Reader in) {
  Conflict conflict;
  const auto key = in.getKey();
  switch (key.which()) {
    case schema::ReadKey::CELL:
      conflict.key = read_cell_read(key.getCell());
      break;
    case schema::ReadKey::EXISTENCE:
      conflict.key = read_existence_read(key.getExistence());
      break;
    case schema::ReadKey::INDEX:
      conflict.key = read_index_read(key.getIndex());
      break;
    case schema::ReadKey::RANGE:
      conflict.key = read_range_read(key.getRange());
      break;
    case schema::ReadKey::MEMBERSHIP:
      conflict.key = MembershipRead{TypeId{key.getMembership()}};
      break;
    default:
      malformed("unknown kind of conflict " + std::to_string(static_cast<unsigned>(key.which())));
  }
  conflict.read = Version{in.getRead()};
  conflict.won = Version{in.getWon()};
  conflict.actor = read_text(in.getActor());
  conflict.client = {in.getClient().getHigh(), in.getClient().getLow()};
  conflict.sequence = Sequence{in.getSequence()};
  return conflict;
}

std::size_t encoded_bytes(const Changeset& changes) {
  constexpr std::size_t kObjectBytes = 24;
  constexpr std::size_t kOperationBytes = 8;
  constexpr std::size_t kListsBytes = 24 + 24;  // pointers and tags
  std::size_t bytes = kListsBytes + changes.objects.size() * kObjectBytes;
  for (const CellOperation& cell : changes.cells) {
    bytes += kOperationBytes;
    if (has_key(cell.kind)) bytes += encoded_bytes(cell.key);
    if (has_value(cell.kind)) bytes += encoded_bytes(cell.value);
  }
  return bytes;
}

std::size_t encoded_bytes(const CommitRequest& request) {
  const ReadSet& reads = request.reads;
  std::size_t bytes = encoded_bytes(request.writes) + reads.cells.size() * 16 +
                      reads.existences.size() * 16 + reads.memberships.size() * 4;
  for (const IndexRead& index : reads.indexes) bytes += 16 + (index.key.size() + 7) / 8 * 8;
  for (const IndexRangeRead& range : reads.ranges) {
    bytes += 24 + (range.from.size() + 7) / 8 * 8 + (range.to.size() + 7) / 8 * 8;
  }
  return bytes;
}

}  // namespace odb::wire
