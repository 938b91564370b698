"""Schema: a named set of types, defined by decorated classes."""

import collections.abc
import sys
from typing import Any, Dict, List, Set, Type, TypeVar, cast

from object_database import _odb
from object_database.declarations import (
    Declaration,
    Index,
    Indexed,
    move_super_cells,
    read_class,
)
from object_database.subscriptions import SubscribeLazilyByDefault
from object_database.types import (
    Alternative,
    ConstDict,
    ForwardReference,
    ListOf,
    NamedTuple,
    OneOf,
    Tuple,
    TupleOf,
)

DatabaseObject = _odb.DatabaseObject
collections.abc.Sequence.register(_odb.LookupResult)

__all__ = [
    "Alternative",
    "ConstDict",
    "DatabaseObject",
    "ForwardReference",
    "Index",
    "Indexed",
    "ListOf",
    "NamedTuple",
    "OneOf",
    "Schema",
    "SubscribeLazilyByDefault",
    "Tuple",
    "TupleOf",
]

_Class = TypeVar("_Class")

_LEFT_BEHIND = ("__dict__", "__weakref__", "__slots__", "__del__", "__annotations__")


class Schema:
    """A named set of types. Used on any number of connections.

    `@schema.define` makes a class one of its types. `schema.Task` is that class, or, before it is
    defined, a reference to it that may stand in fields.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError("a schema needs a name")
        self._name = name
        self._is_frozen = False
        self._types: Dict[str, type] = {}
        self._mentioned: Dict[str, ForwardReference] = {}
        self._needed: "List[Schema]" = []  # other schemas that fields refer to

    @property
    def name(self) -> str:
        return self._name

    def define(self, cls: Type[_Class]) -> Type[_Class]:
        """Makes `cls` a type of this schema, and returns the class to use in its place."""
        return cast(Type[_Class], self._define(cls, sys._getframe(1).f_locals))

    def freeze(self) -> None:
        """No more types can be defined. Every type that was mentioned must be defined by now."""
        self._check_complete()
        self._is_frozen = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._types:
            return self._types[name]
        if self._is_frozen:
            raise AttributeError(f"schema {self._name} has no type {name}")
        return self._mention(name)

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._types]

    def __repr__(self) -> str:
        return f"<schema {self._name}: {', '.join(self._types) or 'no types'}>"

    def _mention(self, name: str) -> ForwardReference:
        if name not in self._mentioned:
            self._mentioned[name] = ForwardReference(_odb.TypeDefinition(self._name, name))
        return self._mentioned[name]

    def _define(self, cls: type, caller_locals: Dict[str, Any]) -> type:
        if not isinstance(cls, type):
            raise TypeError(f"schema.define takes a class, given {cls!r}")
        place = f"{self._name}.{cls.__name__}"
        if self._is_frozen:
            raise TypeError(f"{place}: the schema is frozen")
        if cls.__name__ in self._types:
            raise TypeError(f"{place} is defined already")
        own = self._mention(cls.__name__)
        declaration, declared_here = _read_bases(cls, own, caller_locals, place)
        if not declaration.fields:
            raise TypeError(f"{place}: a type needs at least one field")
        indexes = declaration.index_list(place)
        new = _rebuild(cls, declared_here)
        new._odb_type = own.definition  # type: ignore[attr-defined]
        new._odb_declaration = declaration  # type: ignore[attr-defined]
        new.__schema__ = self  # type: ignore[attr-defined]
        own.definition.complete(
            new, declaration.field_list(), indexes, getattr(cls, "__del__", None)
        )
        self._types[cls.__name__] = new
        self._note_needed(declaration)
        return new

    def _note_needed(self, declaration: Declaration) -> None:
        for spec, _ in declaration.fields.values():
            for schema in _schemas_in(spec):
                if schema is not self and schema not in self._needed:
                    self._needed.append(schema)

    def _check_complete(self) -> None:
        for name in self._mentioned:
            if name not in self._types:
                raise TypeError(f"{self._name}.{name} is referred to but not defined")

    def _definitions(self) -> "List[_odb.TypeDefinition]":
        """What a connection tells the server."""
        self._check_complete()
        return [cls._odb_type for cls in self._types.values()]  # type: ignore[attr-defined]


def _read_bases(
    cls: type, own: ForwardReference, caller_locals: Dict[str, Any], place: str
) -> "tuple[Declaration, Declaration]":
    """All fields and indexes, those of the bases first; and what the class itself declares."""
    everything = Declaration()
    for base in reversed(cls.__mro__[1:]):
        known = base.__dict__.get("_odb_declaration")
        if known is not None:
            everything.inherit(known)
        elif base is not object and base is not DatabaseObject:
            everything.inherit(read_class(base, own, caller_locals, place))
    declared_here = read_class(cls, own, caller_locals, place)
    everything.inherit(declared_here)
    return everything, declared_here


def _rebuild(cls: type, declared_here: Declaration) -> type:
    """The class again, on top of DatabaseObject and without what declared its fields."""
    attributes = {
        name: value
        for name, value in declared_here.attributes.items()
        if name not in _LEFT_BEHIND
    }
    attributes["__slots__"] = ()
    attributes["__qualname__"] = cls.__qualname__
    bases = tuple(base for base in cls.__bases__ if base is not object)
    if not any(issubclass(base, DatabaseObject) for base in bases):
        bases = (DatabaseObject, *bases)
    new = _odb.SchemaType(cls.__name__, bases, attributes)
    move_super_cells(declared_here.attributes, cls, new)
    return new


def _schemas_in(spec: Any) -> "Set[Schema]":
    """The schemas of the defined types that a field's type mentions directly or in a OneOf."""
    options = getattr(spec, "options", None)
    if options is not None:
        return {schema for option in options for schema in _schemas_in(option)}
    schema = getattr(spec, "__schema__", None)
    return {schema} if isinstance(schema, Schema) else set()
