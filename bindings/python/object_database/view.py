"""View and Transaction: what objects are read and written through."""

import functools
import inspect
import time
from typing import Any, Callable, NamedTuple, Optional, TypeVar, cast, overload

from object_database import _odb
from object_database.exceptions import (
    DisconnectedException,
    ObjectDoesntExistException,
    RevisionConflictException,
)
from object_database.types import Alternative

View = _odb.View
Transaction = _odb.Transaction
MaskView = _odb.MaskView

_Function = TypeVar("_Function", bound=Callable[..., Any])

__all__ = [
    "AtomicOperation",
    "ConflictCount",
    "DisconnectedException",
    "MaskView",
    "ObjectDoesntExistException",
    "RevisionConflictException",
    "Transaction",
    "TransactionResult",
    "View",
    "current_transaction",
    "revisionConflictRetry",
]


class AtomicOperation(NamedTuple):
    """What a transaction does to a field without reading it, as getFieldWrites tells it."""

    kind: str  # "add", "append", "insert" or "erase"
    key: Any  # of the entry of a ConstDict; None for others
    value: Any  # None for "erase"


class ConflictCount(NamedTuple):
    """How many commits conflicted on one field, one index, or one type, see conflictCounts."""

    kind: str  # "field", "existence", "index", "range", "membership" or, for all others, "elsewhere"
    schema: str
    type: str
    name: str  # of the field or index; "" for the kinds that have none
    count: int

    def __repr__(self) -> str:
        place = ".".join(part for part in (self.schema, self.type, self.name) if part)
        return f"<{self.count} conflicts: {place or 'others'} ({self.kind})>"


# What onConfirmed hands to its callback. Refused: the server would not take it, whatever happens
# elsewhere; a unique index that already has the value, for one.
TransactionResult = Alternative(
    "TransactionResult",
    Success={"version": int},
    RevisionConflict={"key": str},
    Disconnected={"message": str},
    Refused={"message": str},
)


def _transaction_result(name: str, detail: Any) -> Any:
    alternative = getattr(TransactionResult, name)
    return alternative(**{alternative._fields[0]: detail})


def current_transaction() -> Optional[Transaction]:
    """The transaction of this thread or task; None outside of one, and in a view."""
    return _odb.current_transaction(False)


_ATTEMPTS = 100


@overload
def revisionConflictRetry(function: _Function) -> _Function: ...
@overload
def revisionConflictRetry(
    function: None = None, *, attempts: int = _ATTEMPTS
) -> Callable[[_Function], _Function]: ...
def revisionConflictRetry(
    function: Optional[_Function] = None, *, attempts: int = _ATTEMPTS
) -> Any:
    """Decorates a function that opens transactions: after a RevisionConflictException it runs
    again, from its beginning and after a short random pause, at most `attempts` times in all; then
    the last exception goes on to the caller. Other exceptions go on at once.

        @revisionConflictRetry
        def increment(counter):
            with db.transaction():
                counter.count += 1

    What the function does besides transactions is done again too. Coroutine functions may be
    decorated as well.
    """
    if function is None:
        return functools.partial(revisionConflictRetry, attempts=attempts)
    if attempts < 1:
        raise ValueError("a function runs at least once")
    call: Callable[..., Any] = function

    @functools.wraps(call)
    def retry(*args: Any, **keywords: Any) -> Any:
        for attempt in range(1, attempts):
            try:
                return call(*args, **keywords)
            except RevisionConflictException:
                time.sleep(_odb.conflict_pause(attempt))
        return call(*args, **keywords)

    @functools.wraps(call)
    async def retry_coroutine(*args: Any, **keywords: Any) -> Any:
        for attempt in range(1, attempts):
            try:
                return await call(*args, **keywords)
            except RevisionConflictException:
                import asyncio  # needed by few

                await asyncio.sleep(_odb.conflict_pause(attempt))
        return await call(*args, **keywords)

    return cast(_Function, retry_coroutine if inspect.iscoroutinefunction(call) else retry)
