#include "filling.h"

#include <charconv>

namespace odb::server {

std::string to_text(const Filling& filling) {
  return std::to_string(filling.whole_at.value) + " " + filling.source;
}

Result<FillingState> check_filling(std::string_view mark, Version version,
                                   const std::optional<Filling>& own, const std::string& where) {
  if (mark.empty()) return FillingState::kWhole;
  Filling found;
  const char* const end = mark.data() + mark.size();
  const auto [last, error] = std::from_chars(mark.data(), end, found.whole_at.value);
  if (error != std::errc() || last == end || *last != ' ') {
    return Error{ErrorCode::kDataDamaged, where + " is damaged: its mark of filling is none"};
  }
  found.source = std::string(last + 1, end);
  if (version >= found.whole_at) return FillingState::kWhole;
  if (own == found) return FillingState::kPartly;
  return Error{ErrorCode::kBadConfiguration,
               where + " holds only part of what it was to be filled with (" + found.source +
                   ", up to " + std::to_string(version.value) + " of " +
                   std::to_string(found.whole_at.value) +
                   "): run the same odb restore or odb migrate again, or remove it"};
}

}  // namespace odb::server
