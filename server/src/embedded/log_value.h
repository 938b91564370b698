// What stands under one key of a data directory's log: the appends that went out together.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "odb/core/commit_record.h"
#include "odb/core/error.h"

namespace odb::server::embedded {

// Each append is a LogRecord after its size.
void append_to_log_value(std::string& out, std::span<const CommitRecord* const> append);
// The appends in their order. kDataDamaged for what is none, or does not end with `last`.
Result<std::vector<std::vector<CommitRecord>>> decode_log_value(std::string_view value,
                                                                Version last);

}  // namespace odb::server::embedded
