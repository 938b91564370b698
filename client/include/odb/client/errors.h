// Exceptions of the client. Every one is an odb::Exception with a code of docs/errors.md.
#pragma once

#include <stdexcept>
#include <string>

#include "odb/core/changeset.h"
#include "odb/core/error.h"

namespace odb {

class Exception : public std::runtime_error {
 public:
  explicit Exception(Error error) : std::runtime_error(error.message), error_(std::move(error)) {}
  ErrorCode code() const { return error_.code; }
  const Error& error() const { return error_; }

 private:
  Error error_;
};

class Catalog;

// "todo.Task.status of object 42"; of an index the values that were looked up.
std::string describe_conflict_key(const Catalog& catalog, const ConflictKey& key);
// "conflict on todo.Task.status of object 42: read at version 7, changed by alice in version 9,
// request 3 of client 9f3a77b1".
std::string describe_conflict(const Catalog& catalog, const Conflict& conflict);

// Another commit changed what the transaction had read. Nothing was written; run it again.
class ConflictError : public Exception {
 public:
  ConflictError(Conflict conflict, std::string message)
      : Exception({ErrorCode::kConflict, std::move(message)}), conflict_(std::move(conflict)) {}
  const Conflict& conflict() const { return conflict_; }

 private:
  Conflict conflict_;
};

// A class name cannot stand in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
#define ODB_DEFINE_EXCEPTION(name) \
  class name : public Exception {  \
   public:                         \
    using Exception::Exception;    \
  };
// NOLINTEND(bugprone-macro-parentheses)

ODB_DEFINE_EXCEPTION(ConnectError)         // no server there, or not one to be trusted
ODB_DEFINE_EXCEPTION(AuthenticationError)  // the token was refused
ODB_DEFINE_EXCEPTION(DisconnectedError)    // the link ended
ODB_DEFINE_EXCEPTION(
    OutcomeUnknownError)  // it ended, or time ran out, before a commit's outcome came
ODB_DEFINE_EXCEPTION(TimeoutError)
ODB_DEFINE_EXCEPTION(
    NotFoundError)  // the object does not exist; or a look-up found none or several
ODB_DEFINE_EXCEPTION(NotSubscribedError)  // a transaction's read that no loaded subscription covers
ODB_DEFINE_EXCEPTION(UniqueViolationError)
ODB_DEFINE_EXCEPTION(TooOldError)  // older than the server's horizon
ODB_DEFINE_EXCEPTION(SchemaError)  // codes 2xx
ODB_DEFINE_EXCEPTION(ValueError)   // codes 3xx
ODB_DEFINE_EXCEPTION(UsageError)   // a finished transaction used again, a write in a view
#undef ODB_DEFINE_EXCEPTION

// Throws the exception of this error's code; Exception itself for the codes without one.
[[noreturn]] void throw_error(Error error);

}  // namespace odb
