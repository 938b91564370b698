"""View and Transaction: what objects are read and written through."""

from typing import Any, Optional

from object_database import _odb
from object_database.exceptions import (
    DisconnectedException,
    ObjectDoesntExistException,
    RevisionConflictException,
)
from object_database.types import Alternative

View = _odb.View
Transaction = _odb.Transaction

__all__ = [
    "DisconnectedException",
    "ObjectDoesntExistException",
    "RevisionConflictException",
    "Transaction",
    "TransactionResult",
    "View",
    "current_transaction",
]

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
