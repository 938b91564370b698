"""Reactor: runs a function again whenever what it read has changed."""

import atexit
import contextlib
import logging
import os
import threading
import time
import weakref
from typing import Any, Callable, Iterator, Optional

from object_database import _odb
from object_database.database_connection import DatabaseConnection
from object_database.exceptions import RevisionConflictException, UsageException

__all__ = ["Reactor", "Timeout"]

_ATTEMPTS = 100  # of a run, before its conflict counts as an error
_ERROR_PAUSE_S = 0.1  # after an error; doubles with each further one in a row
_ERROR_PAUSE_MAX_S = 10.0
_END_WAIT_S = 5.0  # for runs under way when the interpreter ends

_logger = logging.getLogger(__name__)


class Timeout:
    """What `Reactor.next` returns, the class itself, when there was nothing to run for."""


class Reactor:
    """Runs `reactorFunction()` again whenever a commit touches exactly what it read.

    The function opens views and transactions of `db` as it likes. What these read on the function's
    thread is learnt: fields, existence, values of indexes, and which objects a type has. Then the
    reactor sleeps until a commit, its own included, changes some of that, or until a time that the
    function asked for (`curTimestampIsAfter`), or `maxSleepTime` seconds have passed. Writing
    another field of the same object, or another value of the index, does not wake it. No commit is
    missed, those while the function ran included; several may be met by one run. A run that writes
    what it read is followed by another, so write only what differs.

    A run that meets a RevisionConflictException is begun again at once. What a transaction reads
    without a subscription that covers it is fetched, and subscribed to for as long as runs read it;
    a transaction that fetched and wrote nothing makes the function run once more at once, because
    nobody told of changes before. Only what was marked as read by hand must be covered, else
    NotSubscribedException is raised. A view answers from what the connection holds, so subscribe
    first.

    With a thread (`start`, `stop`, `with reactor.running():`) other exceptions are logged, and the
    run is tried again after a growing pause of at most ten seconds. It ends when the connection
    does (`endReason`), or, logging so, after a run that read nothing and asked for no time: nothing
    could ever wake it. Without a thread (`next`, `blockUntilTrue`) exceptions are raised.

    May be used from any thread. Call `teardown` when done with it.
    """

    def __init__(
        self,
        db: DatabaseConnection,
        reactorFunction: Callable[[], Any],
        maxSleepTime: Optional[float] = None,
    ) -> None:
        if not callable(reactorFunction):
            raise TypeError("a reactor needs a function to run")
        self.db = db
        self.reactorFunction = reactorFunction
        self.maxSleepTime = maxSleepTime
        self._core = db._reactor()
        self._control = threading.Lock()  # held to start and to stop
        self._thread: Optional[threading.Thread] = None
        self._process = os.getpid()

    # ---- the clock ----

    @staticmethod
    def curTimestamp() -> float:
        """The time at which the run began, in seconds since the epoch; outside of one, now.

        Does not make the reactor run again: see `curTimestampIsAfter` and `maxSleepTime`.
        """
        return _odb.current_timestamp()

    @staticmethod
    def curTimestampIsAfter(ts: float) -> bool:
        """Whether the run began at `ts` or later; when not, the reactor runs again at `ts`."""
        return _odb.current_timestamp_is_after(ts)

    # ---- with a thread ----

    def start(self) -> None:
        """Runs the function now and whenever it is time to, on a thread of the reactor."""
        self._check_not_own_thread("started")
        with self._control:
            if self.isRunning() and not self._core.is_stopped():
                return
            self._join()
            self._core.resume()
            self._thread = threading.Thread(target=self._run_thread, name="reactor", daemon=True)
            self._thread.start()
            _started.add(self)

    def stop(self) -> None:
        """Returns when the run under way has ended and no other will begin.

        In the reactor's own function it returns at once. It ends a wait in `next`, too.
        """
        if self._thread is threading.current_thread():
            return self._core.stop()
        with self._control:
            self._core.stop()
            self._join()

    @contextlib.contextmanager
    def running(self) -> Iterator["Reactor"]:
        """Started inside the block, stopped after it."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def isRunning(self) -> bool:
        """Whether its thread is there."""
        thread = self._thread
        return thread is not None and thread.is_alive()

    def teardown(self) -> None:
        """Stops it for good: it learns of no change from now on."""
        self.stop()
        self._core.close()

    def willNeverWake(self) -> bool:
        """Whether the last run read nothing and asked for no time."""
        return self._core.will_never_wake()

    def endReason(self) -> Optional[str]:
        """Why the connection ended, once it has."""
        return self._core.end_reason()

    # ---- without a thread ----

    def next(self, timeout: Optional[float] = None) -> Any:
        """Waits until what the last run read has changed, runs the function once, and returns what
        it returned; the first time, and after an exception, it runs at once.

        Returns the class `Timeout` when the time is up, or after `stop` in another thread.
        """
        if self.isRunning():
            raise UsageException("next() is for a reactor without a thread: stop it first")
        self._core.resume()
        if self._core.is_armed():
            if timeout is None and self._core.will_never_wake():
                raise UsageException(_NEVER_WAKES)
            if not self._core.wait(timeout):
                return Timeout
        self._core.check_connected()
        return self._run()

    def blockUntilTrue(self, timeout: Optional[float] = None) -> bool:
        """Runs the function as `next` does until it returns something true; False when the time
        is up."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            result = self.next(None if deadline is None else max(0.0, deadline - time.monotonic()))
            if result is Timeout:
                return False
            if result:
                return True

    # ---- inside ----

    def _run(self) -> Any:
        """One run, again after each conflict."""
        attempt = 1
        while True:
            try:
                return self._try_to_run()
            except RevisionConflictException:
                if attempt == _ATTEMPTS:
                    raise
            self._core.pause_after_conflict(attempt)
            attempt += 1

    def _try_to_run(self) -> Any:
        while True:
            self._core.begin(self.maxSleepTime)
            try:
                result = self.reactorFunction()
            except BaseException:
                self._core.finish(False)
                raise
            if self._core.finish(True) or self._core.is_stopped():
                return result

    def _run_thread(self) -> None:
        failures = 0
        while not self._core.is_stopped() and self._core.end_reason() is None:
            try:
                self._run()
                failures = 0
                if self._core.will_never_wake():
                    _logger.error("%s (%r)", _NEVER_WAKES, self.reactorFunction)
                    return
                self._core.wait(None)
            except Exception:
                if self._core.end_reason() is not None:
                    break  # whatever was met because of that
                failures += 1
                pause = min(_ERROR_PAUSE_S * 2 ** min(failures - 1, 30), _ERROR_PAUSE_MAX_S)
                _logger.exception(
                    "a reactor's function failed (%r, %d in a row); it runs again in %.1f s",
                    self.reactorFunction,
                    failures,
                    pause,
                )
                if not self._core.pause(pause):
                    break
        if not self._core.is_stopped():
            _logger.info("a reactor ended with its connection: %s", self._core.end_reason())

    def _check_not_own_thread(self, what: str) -> None:
        if self._thread is threading.current_thread():
            raise UsageException(f"a reactor cannot be {what} by its own function")

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None


_NEVER_WAKES = "a reactor's function read nothing and asked for no time: it would never wake"

_started: "weakref.WeakSet[Reactor]" = weakref.WeakSet()


def _stop_all() -> None:
    """When the interpreter ends: while the connections are there still, and before a thread that
    asks for the interpreter would be killed."""
    threads = []
    for reactor in list(_started):
        if reactor._process == os.getpid():
            reactor._core.stop()
            threads.append(reactor._thread)
    for thread in threads:
        if thread is not None and thread is not threading.current_thread():
            thread.join(_END_WAIT_S)


atexit.register(_stop_all)
