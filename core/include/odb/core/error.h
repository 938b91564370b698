// Typed errors and the result type that carries them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace odb {

// Every way in which odb refuses something. The numbers are stable: they travel on the wire, stand
// in docs/errors.md, and are never reused.
enum class ErrorCode : std::uint16_t {
  kNone = 0,

  // 1xx: the link and the protocol.
  kMalformedFrame = 100,         // frame header or fragment sequence is not ours
  kMalformedMessage = 101,       // a frame's payload does not decode
  kFrameTooLarge = 102,          // frame above kFrameBytesMax
  kMessageTooLarge = 103,        // message above its limit, over all fragments
  kMessageTooDeep = 104,         // nesting above its limit
  kUnsupportedProtocol = 105,    // another major protocol version
  kUnsupported = 106,            // a request that this server knows of but does not offer
  kUnexpectedMessage = 107,      // a message that has no place in this state of the session
  kAuthenticationFailed = 110,   // unknown token, or wrong proof
  kAuthenticationTimeout = 111,  // not authenticated within the deadline
  kServerNotTrusted = 112,       // the server could not prove that it knows the token
  kConnectFailed = 120,          // no server, or no TLS 1.3 server, at that address
  kDisconnected = 121,           // the link ended
  kPeerSilent = 122,             // nothing received for too long
  kTimeout = 123,                // the caller's time ran out
  kShuttingDown = 124,           // the server stops
  kSlowSubscriber = 125,         // did not read; its queue went over the limit
  kTooManySessions = 126,
  kTooManyCommitsInFlight = 127,  // sent without credit
  kServerAlreadyRunning = 128,
  kAddressInUse = 129,
  kBadConfiguration = 130,  // option, certificate or token file that cannot be used
  kDataDamaged = 131,       // a store or a dump is not what was written

  // 2xx: schemas and types.
  kUnknownSchema = 200,
  kUnknownType = 201,
  kUnknownField = 202,
  kUnknownIndex = 203,
  kSchemaContradiction = 204,  // differs from the stored schema in a way that cannot be merged
  kInvalidSchema = 205,        // wrong in itself: duplicate names, unsupported index, empty name
  kTooManyTypes = 206,

  // 3xx: values.
  kWrongType = 300,
  kInvalidUtf8 = 301,
  kValueOutOfRange = 302,
  kMissingField = 303,  // a field without a default was not given
  kValueTooDeep = 304,
  kNumberOverflow = 305,  // an addition whose result the number cannot hold

  // 4xx: transactions.
  kConflict = 400,
  kUniqueViolation = 401,
  kTooOld = 402,         // snapshot or read older than the horizon
  kUnknownObject = 403,  // the object does not exist
  kObjectExists = 404,   // created twice
  kIdOutOfRange = 405,   // created outside the ranges granted to the session
  kTransactionTooLarge = 406,
  kOutcomeUnknown = 407,  // whether it took effect cannot be known, or not yet
  kUnavailable = 408,     // surely not committed: the store cannot take it
  kSequenceReused = 409,
  kNotSubscribed = 410,     // a read that no loaded subscription covers
  kReadOnly = 411,          // a write in a view
  kTransactionEnded = 412,  // used after commit or abort
  kTooManySubscriptions = 413,
  kTooManyRequests = 414,      // more loads under way than a session may have
  kUnknownSubscription = 415,  // ends a subscription that is not there
  kUnknownVersion = 416,       // a read at a version that is not there yet
  kServerWrites = 417,         // objects that only the server writes
  kInternal = 500,
};

// "kUnknownField" -> "unknown field": the words that documentation and messages use.
std::string_view to_string(ErrorCode code);

// What went wrong. `message` is a full sentence for a person: what was wrong, and what was
// expected.
struct Error {
  ErrorCode code = ErrorCode::kNone;
  std::string message;

  friend bool operator==(const Error&, const Error&) = default;
};

// Either a value or the error that prevented it, spelled like std::expected.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit as in std
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }
  T& value() & { return std::get<0>(state_); }
  const T& value() const& { return std::get<0>(state_); }
  T&& value() && { return std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }
  Error& error() & { return std::get<1>(state_); }
  const Error& error() const& { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit as in std

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }
  Error& error() { return *error_; }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

// Stops the program: an invariant does not hold, so going on could corrupt data. Never for bad
// input.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

#define ODB_CHECK(condition) \
  ((condition) ? static_cast<void>(0) : ::odb::check_failed(#condition, __FILE__, __LINE__))

}  // namespace odb
