#include "wire/segment.h"

#include <cstring>
#include <string>

#include "odb/core/type.h"

namespace odb::wire {

// Reading a message once takes its own size; columns are looked at twice.
capnp::ReaderOptions reader_limits(std::size_t bytes) {
  capnp::ReaderOptions options;
  options.traversalLimitInWords = 4 * (bytes / kWordBytes) + 256;
  // A level of values or types takes two of Cap'n Proto's (list, struct), and types may hold a
  // literal. This limit is only the last resort: read_type and read_value enforce theirs first.
  options.nestingLimit = 2 * (kDepthMax + kDepthMax) + 32;
  return options;
}

Error translate(const kj::Exception& exception) {
  const kj::StringPtr description = exception.getDescription();
  const std::string said(description.begin(), description.size());
  const bool deep = said.find("too deeply-nested") != std::string::npos;
  return {deep ? ErrorCode::kMessageTooDeep : ErrorCode::kMalformedMessage,
          "the message does not decode: " + said.substr(0, 300)};
}

Result<void> check_segment(std::span<const std::byte> bytes) {
  if (bytes.empty() || bytes.size() % kWordBytes != 0) {
    return Error{ErrorCode::kMalformedMessage, "a message of " + std::to_string(bytes.size()) +
                                                   " bytes, expected a multiple of 8"};
  }
  std::uint64_t root;
  std::memcpy(&root, bytes.data(), sizeof root);
  if (root == 0) {
    return Error{ErrorCode::kMalformedMessage, "the message does not decode: it is empty"};
  }
  return {};
}

}  // namespace odb::wire
