"""The package in coroutines: transactions, views, waits and changes that never stop the event loop.

    async with db.transaction():
        Task("read")

    async with db.view():
        print(Task.lookupOne(title="read"))

    async for change in db.changes(Task):
        print(change.created)

Each asyncio task has a current view of its own, so tasks may interleave at every `await`. What can
still stop the loop for a round trip is a read that no loaded subscription covers, and, now and
then, the creation of an object, which needs a supply of new identities.
"""

import asyncio
import collections
import dataclasses
import threading
import weakref
from typing import TYPE_CHECKING, Any, Callable, Deque, Dict, Optional, Tuple, TypeVar

from object_database import _odb
from object_database.exceptions import (
    ChangesLostException,
    DisconnectedException,
    OutcomeUnknownException,
    UsageException,
)

if TYPE_CHECKING:
    from object_database.database_connection import DatabaseConnection

__all__ = ["CHANGES_QUEUED_MAX", "Change", "Changes"]

CHANGES_QUEUED_MAX = 1024  # changes that wait for one consumer
COMMIT_TIMEOUT_S = 60.0  # unless withCommitTimeout says otherwise, as for commits that block
LINK_CHECK_S = 0.1  # how often a consumer that waits looks whether the link is still there

_T = TypeVar("_T")


def is_in_loop() -> bool:
    """Whether an event loop runs in this thread."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def run_beside_loop(function: Callable[[], _T]) -> "asyncio.Future[_T]":
    """Starts `function`, which may wait, on a thread of its own; the future has what it returns."""
    loop = asyncio.get_running_loop()
    future: "asyncio.Future[_T]" = loop.create_future()

    def run() -> None:
        try:
            result = function()
        except BaseException as error:
            _call_soon(loop, _fail, future, error)
        else:
            _call_soon(loop, _succeed, future, result)

    threading.Thread(target=run, name="object_database wait", daemon=True).start()
    return future


def _call_soon(loop: asyncio.AbstractEventLoop, function: Any, *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(function, *args)
    except RuntimeError:  # the loop is closed: nobody waits any more
        pass


def _succeed(future: "asyncio.Future[Any]", result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: "asyncio.Future[Any]", error: BaseException) -> None:
    if not future.done():
        future.set_exception(error)


# ---- views and transactions ----


async def _enter(self: Any) -> Any:
    """`async with`: current in this task until the block is left."""
    return self.__enter__()


async def _leave(self: Any, type: Any, value: Any, traceback: Any) -> None:
    self.__exit__(type, value, traceback)


async def _commit(self: Any, type: Any, value: Any, traceback: Any) -> None:
    """Commits, and lets other tasks run until the outcome is there; raises as commit() does.

    A task that is cancelled meanwhile does not learn the outcome: the commit goes on.
    """
    loop = asyncio.get_running_loop()
    ended: "asyncio.Future[None]" = loop.create_future()

    def done(error: Optional[BaseException]) -> None:
        if error is None:
            _call_soon(loop, _succeed, ended, None)
        else:
            _call_soon(loop, _fail, ended, error)

    timeout = self._commit_timeout
    if not self._exit_async(type is not None, done):
        return
    if timeout is None:
        timeout = COMMIT_TIMEOUT_S
    try:
        await asyncio.wait([ended], timeout=timeout)
        if not ended.done():
            raise OutcomeUnknownException(
                f"the commit's outcome did not come within {timeout} s: it may have taken effect"
            )
        ended.result()
    finally:
        ended.cancel()  # whoever has left does not want to hear of it


# The classes are of C++, where a coroutine is hard to write.
_odb.View.__aenter__ = _enter  # type: ignore[method-assign]
_odb.View.__aexit__ = _leave  # type: ignore[method-assign]
_odb.Transaction.__aexit__ = _commit  # type: ignore[method-assign]


# ---- changes ----


@dataclasses.dataclass(frozen=True)
class Change:
    """What one commit did to the objects of the types that were asked for."""

    version: int
    created: Tuple[Any, ...]  # or moved into what is subscribed to
    changed: Tuple[Any, ...]
    deleted: Tuple[Any, ...]  # or moved out of it


class _Queue:
    """Filled by a thread of the connection, emptied by the consumer's loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, types: Tuple[Any, ...], queued_max: int
    ) -> None:
        self.ready = asyncio.Event()
        self._loop = loop
        self._types = frozenset(types)
        self._queued_max = queued_max
        self._lock = threading.Lock()  # guards the two below
        self._changes: Deque[Change] = collections.deque()
        self._has_lost = False

    def put(self, writes: Dict[Any, Any], additions: Any, removals: Any, version: int) -> None:
        """A transaction handler."""
        change = self._select(writes, version)
        if change is None:
            return
        with self._lock:
            if self._has_lost:
                return
            self._has_lost = len(self._changes) >= self._queued_max
            if not self._has_lost:
                self._changes.append(change)
        _call_soon(self._loop, self.ready.set)

    def take(self) -> Optional[Change]:
        """The oldest change; None when there is none. Raises once the rest is lost."""
        with self._lock:
            if self._changes:
                return self._changes.popleft()
            if self._has_lost:
                raise ChangesLostException(
                    f"more than {self._queued_max} changes waited for this consumer: read the"
                    " current state in a view and begin again with changes()"
                )
            self.ready.clear()
            return None

    def _select(self, writes: Dict[Any, Any], version: int) -> Optional[Change]:
        kinds: Dict[Any, str] = {}
        for (object, field), value in writes.items():
            if self._types and type(object) not in self._types:
                continue
            if field == " exists":
                kinds[object] = "deleted" if value is None else "created"
            else:
                kinds.setdefault(object, "changed")
        if not kinds:
            return None
        created, changed, deleted = (
            tuple(object for object, each in kinds.items() if each == kind)
            for kind in ("created", "changed", "deleted")
        )
        return Change(version, created, changed, deleted)


class Changes:
    """What `db.changes(...)` returns: an asynchronous iterator over `Change`s, in version order.

    It begins with the call of `changes()`, and shows what the connection is subscribed to. A task
    may be cancelled while it waits; nothing is lost by that. At most `queued_max` changes wait for
    the consumer: when one more comes, it gets those that wait and then ChangesLostException. When
    the link ends it gets those that wait and then DisconnectedException. `aclose()`, leaving
    `async with db.changes(...) as changes:`, and dropping it end it at once.
    """

    def __init__(
        self, connection: "DatabaseConnection", types: Tuple[Any, ...], queued_max: int
    ) -> None:
        if queued_max < 1:
            raise ValueError(f"queued_max: expected at least 1, given {queued_max}")
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            raise UsageException("changes() needs a running event loop: use it in a coroutine")
        self._connection = connection
        self._queue = _Queue(self._loop, types, queued_max)
        number = connection._on_commit(self._queue.put)
        self._stop = weakref.finalize(self, connection._remove_handler, number)
        self._stop.atexit = False  # by then the connection has ended

    def __aiter__(self) -> "Changes":
        return self

    async def __anext__(self) -> Change:
        while self._stop.alive:
            is_connected = self._connection._is_connected()
            try:
                change = self._queue.take()
            except ChangesLostException:
                self._stop()
                raise
            if change is not None:
                return change
            if not is_connected:
                self._stop()
                raise DisconnectedException("the connection ended: no more changes will come")
            look_again = self._loop.call_later(LINK_CHECK_S, self._queue.ready.set)
            try:
                await self._queue.ready.wait()
            finally:
                look_again.cancel()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """Ends it: whoever iterates stops."""
        self._stop()
        self._queue.ready.set()

    async def __aenter__(self) -> "Changes":
        return self

    async def __aexit__(self, type: Any, value: Any, traceback: Any) -> None:
        await self.aclose()
