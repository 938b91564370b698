"""DatabaseConnection: a connection to a server, with the cache of what is subscribed to."""

import atexit
import functools
import os
import sys
import time
import weakref
from typing import Any, Callable, Dict, Iterable, List, Optional, Sequence, Set, Tuple, Union

from object_database import _odb, aio
from object_database.core_schema import core_schema
from object_database.exceptions import TimeoutException, UsageException
from object_database.schema import Schema
from object_database.subscriptions import Entry, Registry, Subscription
from object_database.view import ConflictCount

__all__ = ["DatabaseConnection", "connect"]

Handler = Callable[[Dict[Any, Any], List[Any], List[Any], int], None]
LinkHandler = Callable[[str, str, bool], Any]
ViewWatcher = Callable[[_odb.View], Any]

_DEFAULT_TIMEOUT_S = 60.0
Hosts = Union[str, Sequence[Union[str, Tuple[str, int]]]]

_RANGE_WORDS = frozenset(("atLeast", "above", "atMost", "below"))


class DatabaseConnection(_odb.Connection):
    """Made by `connect`. May be used from any thread; not in a forked child.

    `view()`, `transaction()`, `flush(timeout)` and `currentTransactionId()` come from its base.
    Timeouts are in seconds; without one, waits end after a minute. Ctrl-C ends any wait at once.
    """

    def __init__(
        self,
        host: Hosts,
        port: Optional[int],
        auth_token: str,
        timeout: float = 10.0,
        retry: bool = False,
        name: str = "",
        reconnectFor: float = 600.0,
        offlineWait: Optional[float] = None,
    ) -> None:
        self._link_handlers: Tuple[LinkHandler, ...] = ()
        servers = _servers(host, port)
        super().__init__(
            servers,
            auth_token,
            timeout,
            retry,
            name or _program_name(),
            reconnectFor,
            offlineWait,
            _passing_on(weakref.ref(self)),
        )
        self._begin(", ".join(f"{name}:{number}" for name, number in servers))

    @classmethod
    def _over(cls, descriptor: int, auth_token: str, timeout: float) -> "DatabaseConnection":
        """To a server inside this process, over a socket that it made; takes that over."""
        self = cls.__new__(cls)
        self._link_handlers = ()
        _odb.Connection.__init__(self, descriptor, auth_token, timeout, _program_name())
        self._begin("this process")
        return self

    def _begin(self, name: str) -> None:
        self._name = name
        self._defined: Dict[Schema, int] = {}  # with how many types
        self._handlers: List[Tuple[Handler, int]] = []
        self._subscriptions = Registry()
        self._view_watchers: Tuple[ViewWatcher, ...] = ()

    def __repr__(self) -> str:
        if not hasattr(self, "_name"):  # connecting failed: a traceback may show it
            return "<connection that was not made>"
        state = "connected" if self._is_connected() else "disconnected"
        return f"<connection to {self._name}, {state}>"

    def conflictCounts(self) -> Tuple[ConflictCount, ...]:
        """What the transactions of this connection have conflicted on, the most frequent first."""
        return tuple(ConflictCount(*each) for each in self._conflict_counts())

    # ---- schemas and subscriptions ----

    def addSchema(self, schema: Schema, timeout: Optional[float] = None) -> None:
        """Makes the server know the schema's types, without subscribing to any of them."""
        self._add_schema(schema, timeout, set())

    def subscribeToSchema(
        self,
        *schemas: Schema,
        excluding: Iterable[Any] = (),
        lazySubscription: Optional[bool] = None,
        block: bool = True,
        timeout: Optional[float] = None,
    ) -> Subscription:
        """Subscribes to all types of the schemas but those in `excluding`.

        Returns when everything is loaded; with block=False, once the server knows the types. With
        lazySubscription=True identities and indexed fields are loaded, the other fields when they
        are first read; False loads everything, None what is each type's default, see
        SubscribeLazilyByDefault. Of the handle that it returns nothing depends: a subscription
        lasts until it is ended. When this raises, nothing is subscribed to.
        """
        excluded = set(excluding)
        entries = []
        for schema in schemas:
            self.addSchema(schema, timeout)
            types = list(schema._types.values())
            wanted = [cls for cls in types if cls not in excluded]
            ways = {_is_lazy(cls, lazySubscription) for cls in wanted}
            if types and len(wanted) == len(types) and len(ways) == 1:
                natives = [self._subscribe_schema(schema.name, ways.pop())]
            else:
                natives = [
                    self._subscribe_type(_definition(cls), _is_lazy(cls, lazySubscription))
                    for cls in wanted
                ]
            entries.append(Entry(("schema", schema), natives))
        return self._subscriptions.subscribe(entries, block, timeout)

    def subscribeToType(
        self,
        *types: Any,
        lazySubscription: Optional[bool] = None,
        block: bool = True,
        timeout: Optional[float] = None,
    ) -> Subscription:
        """Subscribes to all objects of these types; otherwise as subscribeToSchema."""
        for cls in types:
            self._add_schema_of(cls, timeout)
        entries = []
        for cls in types:
            native = self._subscribe_type(_definition(cls), _is_lazy(cls, lazySubscription))
            entries.append(Entry(("type", cls), [native]))
        return self._subscriptions.subscribe(entries, block, timeout)

    def subscribeToIndex(
        self,
        cls: Any,
        block: bool = True,
        timeout: Optional[float] = None,
        lazySubscription: Optional[bool] = None,
        **fields: Any,
    ) -> Subscription:
        """Subscribes to the objects with these values of an index, as in lookupAll; with bounds
        such as atLeast among them, to those of a range, as in lookupRange.
        """
        if not _RANGE_WORDS.isdisjoint(fields):
            return self.subscribeToRange(cls, None, block, timeout, lazySubscription, **fields)
        self._add_schema_of(cls, timeout)
        definition = _definition(cls)
        native = self._subscribe_index(definition, fields, _is_lazy(cls, lazySubscription))
        key = ("index", cls, self._index_key(definition, fields))
        return self._subscriptions.subscribe([Entry(key, [native])], block, timeout)

    def subscribeToRange(
        self,
        cls: Any,
        index: Optional[str] = None,
        block: bool = True,
        timeout: Optional[float] = None,
        lazySubscription: Optional[bool] = None,
        **range: Any,
    ) -> Subscription:
        """Subscribes to the objects in a part of an index, given as in lookupRange:

            db.subscribeToRange(Task, "priority", atLeast=2)
            db.subscribeToRange(Task, by_status_and_priority=("open",), below=9)
        """
        _check_range(range)
        self._add_schema_of(cls, timeout)
        definition = _definition(cls)
        native = self._subscribe_range(definition, index, range, _is_lazy(cls, lazySubscription))
        key = ("range", cls, self._range_key(definition, index, range))
        return self._subscriptions.subscribe([Entry(key, [native])], block, timeout)

    def subscribeToObject(
        self, object: Any, block: bool = True, timeout: Optional[float] = None
    ) -> Subscription:
        """Subscribes to one object, whether it exists yet or not."""
        return self.subscribeToObjects([object], block, timeout)

    def subscribeToObjects(
        self, objects: Iterable[Any], block: bool = True, timeout: Optional[float] = None
    ) -> Subscription:
        """Subscribes to these objects, of one type or several."""
        by_type = _by_type(objects)
        for cls in by_type:
            self._add_schema_of(cls, timeout)
        entries = []
        for cls, group in by_type.items():
            subscribe = functools.partial(self._subscribe_objects, _definition(cls))
            entry = Entry(("objects", cls), [subscribe(group)])
            entry.objects = group
            entry.subscribe_again = subscribe
            entries.append(entry)
        return self._subscriptions.subscribe(entries, block, timeout)

    def subscribeToNone(
        self, cls: Any, block: bool = True, timeout: Optional[float] = None
    ) -> Subscription:
        """Makes the type known, so that objects can be created; subscribes to none of them."""
        self._add_schema_of(cls, timeout)
        return self._subscriptions.subscribe([], block, timeout)

    # Each of these ends the latest subscription made by its counterpart above with the same
    # arguments, and raises UsageException when there is none. What other subscriptions cover stays.
    # When it returns, what none covers has left new views; those that are open keep it. Raises
    # TimeoutException after `timeout` seconds.

    def unsubscribeFromSchema(self, *schemas: Schema, timeout: Optional[float] = None) -> None:
        """Ends the latest subscribeToSchema of each of these schemas."""
        for schema in schemas:
            self._subscriptions.end(("schema", schema), repr(schema), timeout)

    def unsubscribeFromType(self, *types: Any, timeout: Optional[float] = None) -> None:
        """Ends the latest subscribeToType of each of these types."""
        for cls in types:
            self._subscriptions.end(("type", cls), _definition_name(cls), timeout)

    def unsubscribeFromIndex(
        self, cls: Any, timeout: Optional[float] = None, **fields: Any
    ) -> None:
        """Ends the latest subscribeToIndex with these values, or bounds."""
        if not _RANGE_WORDS.isdisjoint(fields):
            return self.unsubscribeFromRange(cls, None, timeout, **fields)
        self._check_known(cls)
        key = ("index", cls, self._index_key(_definition(cls), fields))
        self._subscriptions.end(key, f"{_definition_name(cls)} with {fields}", timeout)

    def unsubscribeFromRange(
        self, cls: Any, index: Optional[str] = None, timeout: Optional[float] = None, **range: Any
    ) -> None:
        """Ends the latest subscribeToRange of this part of the index."""
        _check_range(range)
        self._check_known(cls)
        key = ("range", cls, self._range_key(_definition(cls), index, range))
        what = f"{_definition_name(cls)} {index or ''} with {range}"
        self._subscriptions.end(key, what, timeout)

    def unsubscribeFromObject(self, object: Any, timeout: Optional[float] = None) -> None:
        """Ends the latest subscription to this object."""
        self.unsubscribeFromObjects([object], timeout)

    def unsubscribeFromObjects(
        self, objects: Iterable[Any], timeout: Optional[float] = None
    ) -> None:
        """Ends the latest subscription to each of these objects, however they were grouped."""
        for cls, group in _by_type(objects).items():
            self._subscriptions.end_objects(("objects", cls), group, timeout)

    def releaseObjects(self, objects: Iterable[Any], timeout: Optional[float] = None) -> None:
        """Lets go of objects that this connection created: without that it holds them, covered by a
        subscription or not, until they are deleted. Returns when those that none covers have left
        new views; raises TimeoutException after `timeout` seconds.
        """
        self._release_objects(list(objects), timeout)

    def requestLazyObjects(self, objects: Iterable[Any]) -> None:
        """Loads the fields of lazily loaded objects that are not there yet, in one round trip for
        each type, for the current view or else for those to come. Without it each object is fetched
        when one of its fields is first read.
        """
        self._request_lazy_objects(list(objects))

    def isSubscribedToSchema(self, schema: Schema) -> bool:
        """Whether every type of the schema is loaded."""
        types = schema._types.values()
        return schema in self._defined and all(self.isSubscribedToType(cls) for cls in types)

    def isSubscribedToType(self, cls: Any) -> bool:
        return self._is_subscribed_type(_definition(cls))

    def isSubscribedToIndex(self, cls: Any, **fields: Any) -> bool:
        """Whether all objects with these values are loaded, by whatever subscription."""
        if not _RANGE_WORDS.isdisjoint(fields):
            return self.isSubscribedToRange(cls, **fields)
        return self._is_subscribed_index(_definition(cls), fields)

    def isSubscribedToRange(self, cls: Any, index: Optional[str] = None, **range: Any) -> bool:
        """Whether all objects in this part of the index are loaded, by whatever subscription."""
        _check_range(range)
        return self._is_subscribed_range(_definition(cls), index, range)

    # ---- waiting for others ----

    def waitForCondition(
        self, cond: Callable[[], Any], timeout: Optional[float] = None
    ) -> bool:
        """Calls cond() in a new view whenever something changed, until it is true: True. After
        `timeout` seconds, a minute when none is given: False. Raises what cond raises, and
        DisconnectedException when the link ends.
        """
        limit = _DEFAULT_TIMEOUT_S if timeout is None else timeout
        deadline = time.monotonic() + limit
        while True:
            view = self.view()
            with view:
                if cond():
                    return True
            try:
                self._wait_for_change(view, max(0.0, deadline - time.monotonic()))
            except TimeoutException:
                return False

    def waitForTransactionId(self, id: int, timeout: Optional[float] = None) -> None:
        """Returns when new views show this version or a later one. Raises TimeoutException after
        `timeout` seconds, DisconnectedException when the link ends.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        if self.currentTransactionId() < id:
            # The server tells at once of what there is, and of what is to come by and by.
            _odb.Connection.flush(self, timeout)
        self._wait_for_version(
            id, None if deadline is None else max(0.0, deadline - time.monotonic())
        )

    def currentTransactionIdForSchema(self, schema: Schema) -> int:
        """The version up to which views show every change of the schema's objects; 0 unless all of
        its types are subscribed to.
        """
        return self.currentTransactionId() if self.isSubscribedToSchema(schema) else 0

    def currentTransactionIdForType(self, cls: Any) -> int:
        """The version up to which views show every change of the type's objects; 0 unless it is
        subscribed to.
        """
        return self.currentTransactionId() if self.isSubscribedToType(cls) else 0

    # ---- transactions of everybody ----

    def registerOnTransactionHandler(self, handler: Handler) -> None:
        """Calls handler(writes, index_additions, index_removals, version) after each commit that
        changes what this connection is subscribed to, its own commits included.

        The calls come one at a time, in the order of versions, on a thread of the connection, where
        the handler may use the connection, waiting included. `writes` is a dict from (object, field
        name) to the new value; (object, " exists") is True for a created object, which has all its
        loaded fields there, and None for a deleted one. The index entries are tuples (type, index
        name, values, object).
        """
        self._handlers.append((handler, self._on_commit(handler)))

    def dropTransactionHandler(self, handler: Handler) -> None:
        """The handler does not run again once this returns."""
        for place, (known, number) in enumerate(self._handlers):
            if known == handler:
                del self._handlers[place]
                return self._remove_handler(number)

    def addViewWatcher(self, callback: ViewWatcher) -> None:
        """Calls callback(view) whenever a view or transaction of this connection ends: when it has
        been left, or commit() was called, and before anything is committed. getFieldReads() and its
        sisters tell then what was read and written. What the callback raises goes to
        sys.unraisablehook.
        """
        if not callable(callback):
            raise TypeError("a view watcher must be callable")
        self._view_watchers = (*self._view_watchers, callback)

    def dropViewWatcher(self, callback: ViewWatcher) -> None:
        """The callback is not called for views that end from now on."""
        self._view_watchers = tuple(each for each in self._view_watchers if each != callback)

    def changes(self, *types: Any, queued_max: int = aio.CHANGES_QUEUED_MAX) -> "aio.Changes":
        """`async for change in db.changes(Task)`: the commits from now on that touch these types.

        Without types, those that touch anything that this connection is subscribed to. Needs a
        running event loop. See `aio.Changes` for how it ends.
        """
        for cls in types:
            _definition(cls)
        return aio.Changes(self, types, queued_max)

    # ---- being up to date ----

    def flush(self, timeout: Optional[float] = None) -> Any:
        """Waits until the cache holds everything that was committed anywhere before the call.

        Returns the version. Where an event loop runs in this thread, waiting would stop that loop:
        there the result is a future, `await db.flush()`, and the wait goes on beside the loop.
        """
        if aio.is_in_loop():
            return aio.run_beside_loop(lambda: super(DatabaseConnection, self).flush(timeout))
        return super().flush(timeout)

    async def aflush(self, timeout: Optional[float] = None) -> int:
        """The same for coroutines: `await db.aflush()`."""
        version: int = await self.flush(timeout)
        return version

    @property
    def connectionObject(self) -> Any:
        """This connection as an object of `core_schema.Connection`.

        Others see it as long as this connection lasts. Objects whose field is OwnedBy it are deleted
        with it.
        """
        self.addSchema(core_schema)
        return core_schema.Connection.fromIdentity(self._connection_object())

    # ---- the link ----

    def isConnected(self) -> bool:
        """Whether there is a link to the server now."""
        return self._is_connected()

    def registerOnLinkHandler(self, handler: LinkHandler) -> None:
        """Has `handler(state, reason, newHistory)` called when the link breaks ("reconnecting"), is
        made again ("connected") or given up ("gone"), on the thread of transaction handlers.

        `newHistory` says that the server knows nothing of before: objects of then are no more.
        """
        if not callable(handler):
            raise TypeError("a handler must be callable")
        self._link_handlers = (*self._link_handlers, handler)

    def dropLinkHandler(self, handler: LinkHandler) -> None:
        """It is not called again, but for a call that is under way."""
        self._link_handlers = tuple(each for each in self._link_handlers if each != handler)

    # ---- the end ----

    def disconnect(self, block: bool = False) -> None:
        """Ends the connection: everything that waits raises DisconnectedException.

        With block=True or without, the link is closed when this returns.
        """
        self._disconnect()

    # ---- inside ----

    def _add_schema(self, schema: Schema, timeout: Optional[float], under_way: Set[Schema]) -> None:
        if not isinstance(schema, Schema):
            raise TypeError(f"expected a schema, given {schema!r}")
        definitions = schema._definitions()
        if self._defined.get(schema) == len(definitions) or schema in under_way:
            return
        # The server must know the types that fields refer to. Of schemas that refer to each other
        # one becomes known without the fields that do, then the others, then those fields.
        mutual = schema._mutual() - under_way
        cycle = {schema, *mutual}
        first = schema
        if not schema._can_grow_into(mutual):
            first = next((each for each in mutual if each._can_grow_into(cycle - {each})), schema)
        if first is not schema and not under_way:
            self._add_schema(first, timeout, under_way)
        under_way.add(schema)
        if mutual:
            self._define(schema.name, definitions, timeout, {each.name for each in mutual})
        for needed in schema._needed():
            self._add_schema(needed, timeout, under_way)
        self._define(schema.name, definitions, timeout, set())
        self._defined[schema] = len(definitions)

    def _add_schema_of(self, cls: Any, timeout: Optional[float]) -> None:
        _definition(cls)
        self.addSchema(cls.__schema__, timeout)

    def _check_known(self, cls: Any) -> None:
        _definition(cls)
        if cls.__schema__ not in self._defined:
            raise UsageException(f"{_definition_name(cls)} is not subscribed to")


def _definition(cls: Any) -> Any:
    definition = cls.__dict__.get("_odb_type") if isinstance(cls, type) else None
    if definition is None:
        raise TypeError(f"expected a type of a schema, given {cls!r}")
    return definition


def _definition_name(cls: Any) -> str:
    definition = _definition(cls)
    return f"{definition.schema_name}.{definition.type_name}"


def _is_lazy(cls: Any, asked: Optional[bool]) -> bool:
    return cls.isLazyByDefault() if asked is None else bool(asked)


def _check_range(range: Dict[str, Any]) -> None:
    for word in ("reverse", "limit"):
        if word in range:
            raise TypeError(f"what is subscribed to has no order: {word} has no place here")


def _by_type(objects: Iterable[Any]) -> Dict[Any, List[Any]]:
    out: Dict[Any, List[Any]] = {}
    for each in objects:
        out.setdefault(type(each), []).append(each)
    return out


def _passing_on(connection: "weakref.ref[DatabaseConnection]") -> LinkHandler:
    """The connection keeps what calls its handlers, so that must not keep the connection."""

    def call(state: str, reason: str, new_history: bool) -> None:
        alive = connection()
        if alive is not None:
            for handler in alive._link_handlers:
                handler(state, reason, new_history)

    return call


def _program_name() -> str:
    script = sys.argv[0] if getattr(sys, "argv", None) else ""
    return os.path.basename(script).encode("utf-8", "replace").decode() or "python"


def _servers(host: Hosts, port: Optional[int]) -> List[Tuple[str, int]]:
    servers = []
    for server in [host] if isinstance(host, str) else host:
        name, number = (server, port) if isinstance(server, str) else server
        if number is None:
            raise TypeError(f"{name} has no port: expected a number, or a pair (host, port)")
        servers.append((name, number))
    return servers


def connect(
    host: Hosts,
    port: Optional[int],
    auth_token: str,
    timeout: float = 10.0,
    retry: bool = False,
    name: str = "",
    reconnectFor: float = 600.0,
    offlineWait: Optional[float] = None,
) -> DatabaseConnection:
    """Connects to a server. With `retry`, waits up to `timeout` seconds for one to be there.

    `host` may be a list of names, or of pairs (host, port), when another server takes over where one
    has ended: the connection is to the first that takes it, and follows.

    A link that breaks is made again, for as long as `reconnectFor` seconds; 0 makes it the end of the
    connection. Meanwhile views go on reading, and what needs the server waits for it up to
    `offlineWait` seconds (1, or 15 with several servers) before it raises DisconnectedException. See
    `registerOnLinkHandler`.

    `name` is what the program calls itself where others see it, in `core_schema.Connection`: the
    name of its script unless given.
    """
    return DatabaseConnection(
        host, port, auth_token, timeout, retry, name, reconnectFor, offlineWait
    )


# A connection has a thread of its own, which must not outlive the interpreter.
atexit.register(_odb.disconnect_all)
