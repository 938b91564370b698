#include "odb/client/errors.h"

#include <utility>

namespace odb {

void throw_error(Error error) {
  switch (error.code) {
    case ErrorCode::kConnectFailed:
    case ErrorCode::kServerNotTrusted:
    case ErrorCode::kUnsupportedProtocol:
      throw ConnectError(std::move(error));
    case ErrorCode::kAuthenticationFailed:
    case ErrorCode::kAuthenticationTimeout:
      throw AuthenticationError(std::move(error));
    case ErrorCode::kDisconnected:
    case ErrorCode::kPeerSilent:
    case ErrorCode::kShuttingDown:
    case ErrorCode::kSlowSubscriber:
    case ErrorCode::kTooManySessions:
    case ErrorCode::kMalformedFrame:
    case ErrorCode::kMalformedMessage:
    case ErrorCode::kFrameTooLarge:
    case ErrorCode::kMessageTooLarge:
    case ErrorCode::kMessageTooDeep:
    case ErrorCode::kUnexpectedMessage:
      throw DisconnectedError(std::move(error));
    case ErrorCode::kTimeout:
      throw TimeoutError(std::move(error));
    case ErrorCode::kOutcomeUnknown:
      throw OutcomeUnknownError(std::move(error));
    case ErrorCode::kUnknownObject:
      throw NotFoundError(std::move(error));
    case ErrorCode::kNotSubscribed:
      throw NotSubscribedError(std::move(error));
    case ErrorCode::kUniqueViolation:
      throw UniqueViolationError(std::move(error));
    case ErrorCode::kTooOld:
      throw TooOldError(std::move(error));
    case ErrorCode::kUnknownSchema:
    case ErrorCode::kUnknownType:
    case ErrorCode::kUnknownField:
    case ErrorCode::kUnknownIndex:
    case ErrorCode::kSchemaContradiction:
    case ErrorCode::kInvalidSchema:
    case ErrorCode::kTooManyTypes:
      throw SchemaError(std::move(error));
    case ErrorCode::kWrongType:
    case ErrorCode::kInvalidUtf8:
    case ErrorCode::kValueOutOfRange:
    case ErrorCode::kMissingField:
    case ErrorCode::kValueTooDeep:
    case ErrorCode::kNumberOverflow:
      throw ValueError(std::move(error));
    case ErrorCode::kReadOnly:
    case ErrorCode::kTransactionEnded:
      throw UsageError(std::move(error));
    default:
      throw Exception(std::move(error));
  }
}

}  // namespace odb
