#include "commit_parts.h"

#include <utility>

#include "odb/wire/codec.h"

namespace odb::detail {

namespace {

// Collects reads and writes, and encodes a part whenever there is enough for one.
class PartWriter {
 public:
  // Of `envelope` all but the request and the number of the part.
  explicit PartWriter(const Commit& envelope)
      : part_(empty(envelope)), envelope_(empty(envelope)) {}

  CommitRequest& make_room(std::size_t bytes) {
    if (bytes_ > 0 && bytes_ + bytes > kCommitPartBytes) end_part(false);
    bytes_ += bytes;
    return part_.request;
  }
  CommitParts finish() {
    end_part(true);
    return std::move(messages_);
  }

 private:
  static Commit empty(const Commit& envelope) {
    Commit out{.sequence = envelope.sequence,
               .lowest_unresolved = envelope.lowest_unresolved,
               .keeps_created = envelope.keeps_created};
    out.request.snapshot = envelope.request.snapshot;
    return out;
  }
  void end_part(bool last) {
    part_.part = static_cast<std::uint32_t>(messages_.size());
    part_.last = last;
    messages_.push_back(wire::encode(part_));
    part_ = envelope_;
    bytes_ = 0;
  }

  Commit part_;
  const Commit envelope_;
  std::size_t bytes_ = 0;
  CommitParts messages_;
};

std::size_t bytes_of(const ObjectChange& change, const Changeset& writes) {
  std::size_t bytes = 24;
  for (const CellOperation& cell : writes.cells_of(change)) {
    bytes += 8 + wire::encoded_bytes(cell.value) + wire::encoded_bytes(cell.key);
  }
  return bytes;
}

}  // namespace

CommitParts encode_in_parts(const Commit& commit) {
  const CommitRequest& request = commit.request;
  PartWriter parts(commit);
  for (const CellRead& read : request.reads.cells) {
    parts.make_room(sizeof read).reads.cells.push_back(read);
  }
  for (const ExistenceRead& read : request.reads.existences) {
    parts.make_room(sizeof read).reads.existences.push_back(read);
  }
  for (const IndexRead& read : request.reads.indexes) {
    parts.make_room(24 + read.key.size()).reads.indexes.push_back(read);
  }
  for (const IndexRangeRead& read : request.reads.ranges) {
    parts.make_room(32 + read.from.size() + read.to.size()).reads.ranges.push_back(read);
  }
  for (const MembershipRead& read : request.reads.memberships) {
    parts.make_room(sizeof read).reads.memberships.push_back(read);
  }
  for (const ObjectChange& change : request.writes.objects) {
    Changeset& writes = parts.make_room(bytes_of(change, request.writes)).writes;
    writes.begin(change.kind, change.type, change.object);
    for (const CellOperation& cell : request.writes.cells_of(change)) writes.add_cell(cell);
  }
  return parts.finish();
}

}  // namespace odb::detail
