"""The Python interface of odb, a distributed transactional object store with typed schemas.

    from object_database import connect, Schema, Indexed

    schema = Schema("todo")

    @schema.define
    class Task:
        title = Indexed(str)
        priority = int

    db = connect("localhost", 8000, "TOKEN")
    db.subscribeToSchema(schema)

    with db.transaction():
        Task(title="read", priority=3)

    with db.view():
        print(Task.lookupOne(title="read").priority)
"""

from object_database.aio import Change, Changes
from object_database.core_schema import core_schema
from object_database.database_connection import DatabaseConnection, connect
from object_database.exceptions import (
    AuthenticationException,
    ChangesLostException,
    ConnectionFailedException,
    DisconnectedException,
    FieldNotDefaultInitializable,
    NotSubscribedException,
    NumberOverflowException,
    ObjectDoesntExistException,
    OdbException,
    OutcomeUnknownException,
    RevisionConflictException,
    SchemaException,
    ServerError,
    TimeoutException,
    TooOldException,
    UniqueViolationException,
    UsageException,
)
from object_database.reactor import Reactor
from object_database.schema import (
    Alternative,
    ConstDict,
    DatabaseObject,
    Index,
    Indexed,
    ListOf,
    NamedTuple,
    OneOf,
    OwnedBy,
    Schema,
    Tuple,
    TupleOf,
)
from object_database.subscriptions import SubscribeLazilyByDefault, Subscription
from object_database.view import (
    AtomicOperation,
    ConflictCount,
    MaskView,
    Transaction,
    TransactionResult,
    View,
    current_transaction,
    revisionConflictRetry,
)

__all__ = [
    "Alternative",
    "AtomicOperation",
    "AuthenticationException",
    "Change",
    "Changes",
    "ChangesLostException",
    "ConflictCount",
    "ConnectionFailedException",
    "ConstDict",
    "DatabaseConnection",
    "DatabaseObject",
    "DisconnectedException",
    "FieldNotDefaultInitializable",
    "Index",
    "Indexed",
    "ListOf",
    "MaskView",
    "NamedTuple",
    "NotSubscribedException",
    "NumberOverflowException",
    "ObjectDoesntExistException",
    "OdbException",
    "OneOf",
    "OutcomeUnknownException",
    "OwnedBy",
    "Reactor",
    "RevisionConflictException",
    "Schema",
    "SchemaException",
    "ServerError",
    "SubscribeLazilyByDefault",
    "Subscription",
    "TimeoutException",
    "TooOldException",
    "Transaction",
    "TransactionResult",
    "Tuple",
    "TupleOf",
    "UniqueViolationException",
    "UsageException",
    "View",
    "connect",
    "core_schema",
    "current_transaction",
    "revisionConflictRetry",
]
