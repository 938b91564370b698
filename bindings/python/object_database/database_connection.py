"""DatabaseConnection: a connection to a server, with the cache of what is subscribed to."""

import atexit
from typing import Any, Callable, Dict, Iterable, List, Optional, Set, Tuple

from object_database import _odb, aio
from object_database.schema import Schema

__all__ = ["DatabaseConnection", "connect"]

Handler = Callable[[Dict[Any, Any], List[Any], List[Any], int], None]


class DatabaseConnection(_odb.Connection):
    """Made by `connect`. May be used from any thread; not in a forked child.

    `view()`, `transaction()`, `flush(timeout)` and `currentTransactionId()` come from its base.
    Timeouts are in seconds; without one, waits end after a minute. Ctrl-C ends any wait at once.
    """

    def __init__(
        self, host: str, port: int, auth_token: str, timeout: float = 10.0, retry: bool = False
    ) -> None:
        super().__init__(host, port, auth_token, timeout, retry)
        self._name = f"{host}:{port}"
        self._defined: Dict[Schema, int] = {}  # with how many types
        self._handlers: List[Tuple[Handler, int]] = []

    def __repr__(self) -> str:
        state = "connected" if self._is_connected() else "disconnected"
        return f"<connection to {self._name}, {state}>"

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
    ) -> None:
        """Subscribes to all types of the schemas but those in `excluding`.

        Returns when everything is loaded; with block=False, once the server knows the types.
        `lazySubscription` is accepted, and every subscription loads its objects at once.
        """
        excluded = set(excluding)
        subscriptions = []
        for schema in schemas:
            self.addSchema(schema, timeout)
            types = list(schema._types.values())
            wanted = [cls for cls in types if cls not in excluded]
            if types and len(wanted) == len(types):
                subscriptions.append(self._subscribe_schema(schema.name))
            else:
                subscriptions.extend(self._subscribe_type(_definition(cls)) for cls in wanted)
        self._wait(subscriptions, block, timeout)

    def subscribeToType(
        self,
        *types: Any,
        lazySubscription: Optional[bool] = None,
        block: bool = True,
        timeout: Optional[float] = None,
    ) -> None:
        """Subscribes to all objects of these types."""
        for cls in types:
            self._add_schema_of(cls, timeout)
        self._wait([self._subscribe_type(_definition(cls)) for cls in types], block, timeout)

    def subscribeToIndex(
        self, cls: Any, block: bool = True, timeout: Optional[float] = None, **fields: Any
    ) -> None:
        """Subscribes to the objects with these values of an index, as in look-ups."""
        self._add_schema_of(cls, timeout)
        self._wait([self._subscribe_index(_definition(cls), fields)], block, timeout)

    def subscribeToObject(
        self, object: Any, block: bool = True, timeout: Optional[float] = None
    ) -> None:
        self.subscribeToObjects([object], block, timeout)

    def subscribeToObjects(
        self, objects: Iterable[Any], block: bool = True, timeout: Optional[float] = None
    ) -> None:
        by_type: Dict[Any, List[Any]] = {}
        for each in objects:
            by_type.setdefault(type(each), []).append(each)
        for cls in by_type:
            self._add_schema_of(cls, timeout)
        subscriptions = [
            self._subscribe_objects(_definition(cls), group) for cls, group in by_type.items()
        ]
        self._wait(subscriptions, block, timeout)

    def subscribeToNone(
        self, cls: Any, block: bool = True, timeout: Optional[float] = None
    ) -> None:
        """Makes the type known, so that objects can be created; subscribes to none of them."""
        self._add_schema_of(cls, timeout)

    def isSubscribedToSchema(self, schema: Schema) -> bool:
        """Whether every type of the schema is loaded."""
        types = schema._types.values()
        return schema in self._defined and all(self.isSubscribedToType(cls) for cls in types)

    def isSubscribedToType(self, cls: Any) -> bool:
        return self._is_subscribed_type(_definition(cls))

    def isSubscribedToIndex(self, cls: Any, **fields: Any) -> bool:
        """Whether all objects with these values are loaded, by whatever subscription."""
        return self._is_subscribed_index(_definition(cls), fields)

    # ---- transactions of everybody ----

    def registerOnTransactionHandler(self, handler: Handler) -> None:
        """Calls handler(writes, index_additions, index_removals, version) after each commit that
        changes what this connection is subscribed to, its own commits included.

        The calls come one at a time, in the order of versions, on a thread of the connection, where
        the handler may use the connection, waiting included. `writes` is a dict from (object, field
        name) to the new value; (object, " exists") is True for a created object, which has all its
        fields there, and None for a deleted one. The index entries are tuples (type, index name,
        values, object).
        """
        self._handlers.append((handler, self._on_commit(handler)))

    def dropTransactionHandler(self, handler: Handler) -> None:
        """The handler does not run again once this returns."""
        for place, (known, number) in enumerate(self._handlers):
            if known == handler:
                del self._handlers[place]
                return self._remove_handler(number)

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

    @staticmethod
    def _wait(subscriptions: Iterable[Any], block: bool, timeout: Optional[float]) -> None:
        if block:
            for subscription in subscriptions:
                subscription.wait(timeout)


def _definition(cls: Any) -> Any:
    definition = cls.__dict__.get("_odb_type") if isinstance(cls, type) else None
    if definition is None:
        raise TypeError(f"expected a type of a schema, given {cls!r}")
    return definition


def connect(
    host: str, port: int, auth_token: str, timeout: float = 10.0, retry: bool = False
) -> DatabaseConnection:
    """Connects to a server. With `retry`, waits up to `timeout` seconds for one to be there."""
    return DatabaseConnection(host, port, auth_token, timeout, retry)


# A connection has a thread of its own, which must not outlive the interpreter.
atexit.register(_odb.disconnect_all)
