// Blocks of rows, by column.
#pragma once

#include "odb/core/changeset.h"
#include "schemas/types.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_rows(schema::RowBlock::Builder out, const RowBlock& rows);
RowBlock read_rows(schema::RowBlock::Reader in, ReadContext& context);

// At least what the block takes on the wire.
std::size_t encoded_bytes_bound(const RowBlock& rows);

}  // namespace odb::wire
