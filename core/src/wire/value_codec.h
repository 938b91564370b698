// Values and types.
#pragma once

#include <capnp/list.h>

#include <span>
#include <vector>

#include "odb/core/type.h"
#include "odb/core/value.h"
#include "schemas/types.capnp.h"
#include "wire/read_context.h"

namespace odb::wire {

void write_value(schema::Value::Builder out, const Value& value);
void write_values(capnp::List<schema::Value>::Builder out, std::span<const Value> values);
void write_type(schema::Type::Builder out, const Type& type);

// `depth` counts the values around this one.
Value read_value(const schema::Value::Reader& in, ReadContext& context, int depth = 0);
std::vector<Value> read_values(capnp::List<schema::Value>::Reader in, ReadContext& context,
                               int depth = 0);
Type read_type(schema::Type::Reader in, ReadContext& context, int depth = 0);

}  // namespace odb::wire
