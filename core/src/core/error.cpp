#include "odb/core/error.h"

#include <cstdio>

namespace odb {

// No default case: the compiler then names a code that has no words.
std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone:
      return "none";
    case ErrorCode::kMalformedFrame:
      return "malformed frame";
    case ErrorCode::kMalformedMessage:
      return "malformed message";
    case ErrorCode::kFrameTooLarge:
      return "frame too large";
    case ErrorCode::kMessageTooLarge:
      return "message too large";
    case ErrorCode::kMessageTooDeep:
      return "message too deep";
    case ErrorCode::kUnsupportedProtocol:
      return "unsupported protocol";
    case ErrorCode::kUnsupported:
      return "unsupported";
    case ErrorCode::kUnexpectedMessage:
      return "unexpected message";
    case ErrorCode::kAuthenticationFailed:
      return "authentication failed";
    case ErrorCode::kAuthenticationTimeout:
      return "authentication timeout";
    case ErrorCode::kServerNotTrusted:
      return "server not trusted";
    case ErrorCode::kConnectFailed:
      return "connect failed";
    case ErrorCode::kDisconnected:
      return "disconnected";
    case ErrorCode::kPeerSilent:
      return "peer silent";
    case ErrorCode::kTimeout:
      return "timeout";
    case ErrorCode::kShuttingDown:
      return "shutting down";
    case ErrorCode::kSlowSubscriber:
      return "slow subscriber";
    case ErrorCode::kTooManySessions:
      return "too many sessions";
    case ErrorCode::kTooManyCommitsInFlight:
      return "too many commits in flight";
    case ErrorCode::kServerAlreadyRunning:
      return "server already running";
    case ErrorCode::kAddressInUse:
      return "address in use";
    case ErrorCode::kBadConfiguration:
      return "bad configuration";
    case ErrorCode::kDataDamaged:
      return "data damaged";
    case ErrorCode::kUnknownSchema:
      return "unknown schema";
    case ErrorCode::kUnknownType:
      return "unknown type";
    case ErrorCode::kUnknownField:
      return "unknown field";
    case ErrorCode::kUnknownIndex:
      return "unknown index";
    case ErrorCode::kSchemaContradiction:
      return "schema contradiction";
    case ErrorCode::kInvalidSchema:
      return "invalid schema";
    case ErrorCode::kTooManyTypes:
      return "too many types";
    case ErrorCode::kWrongType:
      return "wrong type";
    case ErrorCode::kInvalidUtf8:
      return "invalid utf8";
    case ErrorCode::kValueOutOfRange:
      return "value out of range";
    case ErrorCode::kMissingField:
      return "missing field";
    case ErrorCode::kValueTooDeep:
      return "value too deep";
    case ErrorCode::kNumberOverflow:
      return "number overflow";
    case ErrorCode::kConflict:
      return "conflict";
    case ErrorCode::kUniqueViolation:
      return "unique violation";
    case ErrorCode::kTooOld:
      return "too old";
    case ErrorCode::kUnknownObject:
      return "unknown object";
    case ErrorCode::kObjectExists:
      return "object exists";
    case ErrorCode::kIdOutOfRange:
      return "id out of range";
    case ErrorCode::kTransactionTooLarge:
      return "transaction too large";
    case ErrorCode::kOutcomeUnknown:
      return "outcome unknown";
    case ErrorCode::kUnavailable:
      return "unavailable";
    case ErrorCode::kSequenceReused:
      return "sequence reused";
    case ErrorCode::kNotSubscribed:
      return "not subscribed";
    case ErrorCode::kReadOnly:
      return "read only";
    case ErrorCode::kTransactionEnded:
      return "transaction ended";
    case ErrorCode::kTooManySubscriptions:
      return "too many subscriptions";
    case ErrorCode::kTooManyRequests:
      return "too many requests";
    case ErrorCode::kUnknownSubscription:
      return "unknown subscription";
    case ErrorCode::kServerWrites:
      return "written by the server only";
    case ErrorCode::kUnknownVersion:
      return "unknown version";
    case ErrorCode::kInternal:
      return "internal";
  }
  return "unknown error";  // a number that a newer peer sent
}

void check_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "%s:%d: check failed: %s\n", file, line, condition);
  std::fflush(stderr);
  std::abort();
}

}  // namespace odb
