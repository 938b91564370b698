#include "log_value.h"

#include <utility>

#include "damage.h"
#include "keys.h"
#include "odb/wire/records.h"

namespace odb::server::embedded {

void append_to_log_value(std::string& out, std::span<const CommitRecord* const> append) {
  const std::size_t at = out.size();
  append_number(out, std::uint32_t{0});
  wire::append_log_record(out, append);
  std::string size;
  append_number(size, static_cast<std::uint32_t>(out.size() - at - sizeof(std::uint32_t)));
  out.replace(at, size.size(), size);
}

Result<std::vector<std::vector<CommitRecord>>> decode_log_value(std::string_view value,
                                                                Version last) {
  const Error wrong =
      damaged("the log up to version " + std::to_string(last.value) + " does not decode");
  std::vector<std::vector<CommitRecord>> appends;
  while (!value.empty()) {
    const auto size = take_number<std::uint32_t>(value);
    if (!size || *size > value.size()) return wrong;
    auto append = wire::decode_log_record(value.substr(0, *size));
    if (!append || append->empty()) return wrong;
    appends.push_back(*std::move(append));
    value.remove_prefix(*size);
  }
  if (appends.empty() || appends.back().back().version != last) return wrong;
  return appends;
}

}  // namespace odb::server::embedded
