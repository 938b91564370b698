// Changesets, read sets and conflicts. The hot ones are read in place.
#pragma once

#include "odb/core/changeset.h"
#include "schemas/message.capnp.h"
#include "schemas/types.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_changes(schema::Changeset::Builder out, const Changeset& changes);
void read_changes(schema::Changeset::Reader in, ReadContext& context, Changeset& out);

// The read set's and the writes' part of a commit.
void write_request(schema::Commit::Builder out, const CommitRequest& request);
void read_request(schema::Commit::Reader in, ReadContext& context, CommitRequest& out);

void write_conflict(schema::Conflict::Builder out, const Conflict& conflict);
Conflict read_conflict(schema::Conflict::Reader in);

}  // namespace odb::wire
