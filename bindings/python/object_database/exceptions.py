"""All exceptions of this package. Each is an `OdbException`.

Values and arguments that do not fit raise Python's own `TypeError`, naming type, field, what was
expected and what was given.
"""

from typing import Any, Optional, Tuple


class OdbException(Exception):
    """The base of all exceptions of this package."""

    code: int = 0  # of docs/errors.md; 0 for those that Python itself raises


class RevisionConflictException(OdbException):
    """Another commit changed what the transaction had read. Nothing was written; run it again."""

    type: Optional[Any] = None  # the class
    object: Optional[Any] = None  # None when a look-up is no longer true
    field: Optional[str] = None  # None when the whole object, or a look-up, is meant
    index: Optional[str] = None  # of the look-up
    value: Optional[Tuple[Any, ...]] = None  # that was looked up in it; None when not known here
    readVersion: int = 0  # what the transaction read
    version: int = 0  # that won; 0 when it is too old to be known
    actor: str = ""  # whose commit that was
    request: Optional[Tuple[int, int]] = None  # which client's, and its number there


class DisconnectedException(OdbException):
    """The link to the server ended, or belongs to the process that was forked."""


class OutcomeUnknownException(DisconnectedException):
    """The link or the time ended before a commit's outcome came: it may have taken effect."""


class ConnectionFailedException(OdbException, ConnectionError):
    """There is no server at that host and port, or not one to be trusted."""


class AuthenticationException(OdbException):
    """The server refused the token."""


class TimeoutException(OdbException, TimeoutError):
    """The time given for a wait ran out."""


class ObjectDoesntExistException(OdbException):
    """The object does not exist in the current view."""


class FieldNotDefaultInitializable(OdbException, TypeError):
    """An object was made without a value for a field whose type has no default.

    A reference has none, nor has a type that needs one. Nothing was created.
    """

    type: Optional[Any] = None  # the class
    field: str = ""


class NotSubscribedException(OdbException):
    """A read that no loaded subscription covers, or a type that the connection does not know."""


class UniqueViolationException(OdbException):
    """A commit would give two objects the same value of a unique index."""


class NumberOverflowException(OdbException, OverflowError):
    """An atomic addition whose result an int of the database cannot hold. Nothing was written."""


class TooOldException(OdbException):
    """A version that can no longer be read."""


class ChangesLostException(OdbException):
    """A consumer of `changes()` fell behind, and its queue had no place for the next change."""


class SchemaException(OdbException):
    """A schema contradicts the one that the server has, or is wrong in itself."""


class UsageException(OdbException):
    """The program used a view, transaction or object where it cannot be used."""


class ServerError(OdbException):
    """The server refused something for a reason that has no exception of its own."""
