// IndexScan: the entries of a part of an index, in order or in reverse.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include "odb/core/ids.h"
#include "odb/core/index_table.h"
#include "odb/core/interest.h"

namespace odb {

enum class ScanOrder : std::uint8_t { kAscending, kDescending };

// Which entries of a range a look-up gives.
struct RangeOptions {
  ScanOrder order = ScanOrder::kAscending;  // by key, then by object
  std::size_t limit = std::numeric_limits<std::size_t>::max();
};

// For a reader that pins `version`; the table outlives it. In the order of (key, object).
class IndexScan {
 public:
  // No table: no entries.
  IndexScan(const IndexTable* table, KeySpan span, ScanOrder order, Version version)
      : table_(table), span_(std::move(span)), order_(order), version_(version) {}

  // The next entry; null when there is none.
  const IndexTable::Entry* next() {
    if (table_ == nullptr) return nullptr;
    const bool up = order_ == ScanOrder::kAscending;
    if (!begun_) {
      at_ = up ? table_->first_from(span_.from, version_) : table_->last_before(span_.to, version_);
      begun_ = true;
    } else if (at_ != nullptr) {
      at_ = up ? IndexTable::following(at_, version_) : table_->preceding(at_, version_);
    }
    if (at_ != nullptr && !span_.contains(at_->key())) at_ = nullptr;
    return at_;
  }

 private:
  const IndexTable* table_;
  KeySpan span_;
  ScanOrder order_;
  Version version_;
  const IndexTable::Entry* at_ = nullptr;
  bool begun_ = false;
};

}  // namespace odb
