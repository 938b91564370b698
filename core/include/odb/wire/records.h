// Records of durable stores to bytes and back; schemas/record.capnp is their form.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/commit_record.h"
#include "odb/core/error.h"
#include "odb/core/schema.h"
#include "odb/core/value.h"

namespace odb::wire {

struct ObjectRecord {
  Version version;
  std::vector<Value> fields;
  friend bool operator==(const ObjectRecord&, const ObjectRecord&) = default;
};

// Each appends one record to `out`; MessageTooLarge when it does not fit one.
void append_object_record(std::string& out, Version version, std::span<const Value> fields);
void append_type_record(std::string& out, const CatalogType& type);
void append_outcomes_record(std::string& out, const ClientOutcomes& outcomes);
void append_log_record(std::string& out, std::span<const CommitRecord* const> commits);

// Bytes of any alignment. kMalformedMessage or kMessageTooDeep for what is not such a record.
Result<ObjectRecord> decode_object_record(std::string_view bytes);
Result<CatalogType> decode_type_record(std::string_view bytes);
Result<ClientOutcomes> decode_outcomes_record(std::string_view bytes);  // of no client yet
Result<std::vector<CommitRecord>> decode_log_record(std::string_view bytes);

}  // namespace odb::wire
