// Changesets, read sets and conflicts. The hot ones are read in place.
#pragma once

#include <cstdint>
#include <span>

#include "odb/core/changeset.h"
#include "schemas/message.capnp.h"
#include "schemas/types.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_changes(schema::Changeset::Builder out, const Changeset& changes);
// One behind the other.
void write_changes(schema::Changeset::Builder out, std::span<const Changeset* const> parts);

// Reads what was written of several changesets, in their order.
class ChangesReader {
 public:
  ChangesReader(schema::Changeset::Reader in, ReadContext& context);
  // The next `objects` changes with their cells.
  void read(std::uint32_t objects, Changeset& out);
  std::uint32_t objects() const { return objects_.size(); }  // in all
  void finish() const;                                       // nothing may be left

 private:
  Value next_operand();

  capnp::List<schema::ObjectChange>::Reader objects_;
  capnp::List<schema::CellOperation>::Reader operations_;
  capnp::List<schema::Value>::Reader operands_;
  ReadContext& context_;
  std::uint32_t object_ = 0;  // the next of each list
  std::uint32_t operation_ = 0;
  std::uint32_t operand_ = 0;
};

// All of one.
void read_changes(schema::Changeset::Reader in, ReadContext& context, Changeset& out);

// The read set's and the writes' part of a commit.
void write_request(schema::Commit::Builder out, const CommitRequest& request);
void read_request(schema::Commit::Reader in, ReadContext& context, CommitRequest& out);

void write_conflict(schema::Conflict::Builder out, const Conflict& conflict);
Conflict read_conflict(schema::Conflict::Reader in);

}  // namespace odb::wire
