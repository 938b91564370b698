"""Subscription: what a connection's subscribeTo... returns. SubscribeLazilyByDefault."""

import threading
import time
from typing import Any, Callable, Dict, Hashable, Iterable, List, Optional, Type, TypeVar

from object_database import _odb
from object_database.exceptions import OdbException, UsageException

__all__ = ["SubscribeLazilyByDefault", "Subscription"]

_Class = TypeVar("_Class")


def SubscribeLazilyByDefault(cls: Type[_Class]) -> Type[_Class]:
    """Decorates a class of a schema: subscriptions that do not say load it lazily.

        @schema.define
        @SubscribeLazilyByDefault
        class Photo:
            name = Indexed(str)
            pixels = bytes

    Identities and indexed fields arrive at once, the other fields when they are first read.
    """
    cls.__object_database_lazy_subscription__ = True  # type: ignore[attr-defined]
    return cls


class Entry:
    """One thing subscribed to, as often as it was asked for: a part of a Subscription."""

    __slots__ = ("key", "natives", "objects", "subscribe_again")

    def __init__(self, key: Hashable, natives: "List[_odb.Subscription]") -> None:
        self.key = key
        self.natives = natives
        # Of single objects: which ones, and how to subscribe to some of them.
        self.objects: List[Any] = []
        self.subscribe_again: Optional[Callable[[List[Any]], _odb.Subscription]] = None

    def take_natives(self) -> "List[_odb.Subscription]":
        natives, self.natives = self.natives, []
        return natives


def end_all(natives: "Iterable[_odb.Subscription]", timeout: Optional[float]) -> None:
    """Ends all of them, within `timeout` seconds together, and raises the first failure then."""
    deadline = None if timeout is None else time.monotonic() + timeout
    failure: Optional[OdbException] = None
    for native in natives:
        try:
            native.unsubscribe(None if deadline is None else max(0.0, deadline - time.monotonic()))
        except OdbException as error:
            failure = failure or error
    if failure is not None:
        raise failure


class Subscription:
    """What a connection was asked to hold. Dropping it changes nothing; it may be ignored.

    What several subscriptions cover stays until the last of them ends. May be used from any thread.
    """

    def __init__(self, registry: "Registry", entries: List[Entry]) -> None:
        self._registry = registry
        self._entries = entries

    @property
    def isLoaded(self) -> bool:
        """Whether everything has arrived."""
        return all(native.is_loaded() for native in self._natives())

    @property
    def objectsLoaded(self) -> int:
        """How many objects have arrived so far, counted for each thing subscribed to."""
        return sum(native.objects_loaded() for native in self._natives())

    def wait(self, timeout: Optional[float] = None) -> None:
        """Returns when everything has arrived; at most `timeout` seconds later.

        Raises TimeoutException, DisconnectedException, and what the server refused it with.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        for native in self._natives():
            native.wait(None if deadline is None else max(0.0, deadline - time.monotonic()))

    def unsubscribe(self, timeout: Optional[float] = None) -> None:
        """Ends it. What nothing else covers has left new views when this returns; those that are
        open keep it. Does nothing when it has ended. Raises TimeoutException after `timeout`
        seconds, and DisconnectedException.
        """
        ending = [entry for entry in self._entries if self._registry.remove(entry)]
        end_all([native for entry in ending for native in entry.take_natives()], timeout)

    def __repr__(self) -> str:
        state = "loaded" if self.isLoaded else "loading"
        return f"<subscription, {state}, {self.objectsLoaded} objects>"

    def _natives(self) -> "List[_odb.Subscription]":
        return [native for entry in self._entries for native in list(entry.natives)]


class Registry:
    """The subscriptions of one connection, by what they are to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: Dict[Hashable, List[Entry]] = {}

    def subscribe(
        self, entries: List[Entry], block: bool, timeout: Optional[float]
    ) -> Subscription:
        subscription = Subscription(self, entries)
        for entry in entries:
            self._add(entry)
        if block:
            try:
                subscription.wait(timeout)
            except BaseException:
                self._abandon(subscription)
                raise
        return subscription

    def end(self, key: Hashable, what: str, timeout: Optional[float]) -> None:
        """Ends the latest subscription to `key`. Raises UsageException when there is none."""
        with self._lock:
            known = self._entries.get(key)
            entry = known.pop() if known else None
            if known is not None and not known:
                del self._entries[key]
        if entry is None:
            raise UsageException(f"there is no subscription to {what} to end")
        end_all(entry.take_natives(), timeout)

    def end_objects(self, key: Hashable, objects: Iterable[Any], timeout: Optional[float]) -> None:
        """Ends the latest subscription to each of these objects of one type."""
        left: Dict[int, List[Any]] = {}
        entries: Dict[int, Entry] = {}
        with self._lock:
            known = self._entries.get(key, [])
            for each in objects:
                for entry in reversed(known):
                    remaining = left.get(id(entry), entry.objects)
                    if each in remaining:
                        left[id(entry)] = [other for other in remaining if other != each]
                        entries[id(entry)] = entry
                        break
                else:
                    raise UsageException(f"there is no subscription to {each!r} to end")
            for number, entry in entries.items():
                entry.objects = left[number]
                if not entry.objects:
                    known.remove(entry)
        for entry in entries.values():
            self._shrink(entry, timeout)

    def remove(self, entry: Entry) -> bool:
        """Whether it was still there."""
        with self._lock:
            known = self._entries.get(entry.key, [])
            if entry not in known:
                return False
            known.remove(entry)
            if not known:
                del self._entries[entry.key]
            return True

    def _add(self, entry: Entry) -> None:
        with self._lock:
            self._entries.setdefault(entry.key, []).append(entry)

    def _abandon(self, subscription: Subscription) -> None:
        """A call that raises has subscribed to nothing. The server is told, not waited for."""
        try:
            subscription.unsubscribe(0)
        except OdbException:
            pass

    @staticmethod
    def _shrink(entry: Entry, timeout: Optional[float]) -> None:
        before = entry.take_natives()
        if entry.objects and entry.subscribe_again is not None:
            # The objects that stay are covered throughout.
            entry.natives = [entry.subscribe_again(entry.objects)]
            entry.natives[0].wait(timeout)
        end_all(before, timeout)
