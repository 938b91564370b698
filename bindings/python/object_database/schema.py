"""Schema: a named set of types, defined by decorated classes."""

import collections.abc
import sys
from typing import Any, Dict, Iterator, List, Set, Type, TypeVar, cast

from object_database import _odb
from object_database.declarations import (
    Declaration,
    Index,
    Indexed,
    OwnedBy,
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
    find_codec,
    types_within,
)
from object_database.values import AlternativeValue

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
    "OwnedBy",
    "Schema",
    "SubscribeLazilyByDefault",
    "Tuple",
    "TupleOf",
]

_Class = TypeVar("_Class")

_LEFT_BEHIND = ("__dict__", "__weakref__", "__slots__", "__annotations__")


class Schema:
    """A named set of types. Used on any number of connections.

    `@schema.define` makes a class one of its types. `schema.Task` is that class, or, before it is
    defined, a reference to it that may stand in fields, those of other schemas included.

    Types of fields may be kept here too, under any name: `schema.Point = NamedTuple(x=float)`, or
    `schema.define(Alternative("Shape", ...))` under the alternative's own.
    """

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError("a schema needs a name")
        self._name = name
        self._is_frozen = False
        self._types: Dict[str, type] = {}
        self._supporting: Dict[str, Any] = {}  # types of fields that have a name here
        self._mentioned: Dict[str, ForwardReference] = {}

    @property
    def name(self) -> str:
        return self._name

    def define(self, cls: Type[_Class]) -> Type[_Class]:
        """Makes `cls` a type of this schema, and returns the class to use in its place.

        An Alternative is kept under its name, for fields, and returned as it is.
        """
        if isinstance(cls, type) and issubclass(cls, AlternativeValue):
            setattr(self, cls.__name__, cls)
            return cls
        return cast(Type[_Class], self._define(cls, sys._getframe(1).f_locals))

    def freeze(self) -> None:
        """No more types can be defined or assigned.

        Every type that fields refer to must be defined by now, or TypeError names it and the field.
        """
        self._check_complete()
        self._is_frozen = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._types:
            return self._types[name]
        if name in self._supporting:
            return self._supporting[name]
        if self._is_frozen:
            raise AttributeError(f"schema {self._name} has no type {name}")
        return self._mention(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            return super().__setattr__(name, value)
        place = f"{self._name}.{name}"
        self._check_open(place)
        if hasattr(Schema, name):
            raise TypeError(f"{place}: a type cannot be called {name}: schemas have that name")
        if name in self._types or name in self._supporting:
            raise TypeError(f"{place} is defined already")
        is_alternative = isinstance(value, type) and issubclass(value, AlternativeValue)
        if not is_alternative and find_codec(value) is None:
            raise TypeError(
                f"{place}: expected a type of fields, as NamedTuple(...), given {value!r};"
                " a class becomes a type with the decorator @schema.define"
            )
        if self._is_referred_to(name):
            raise TypeError(
                f"{place}: a field refers to it as to a type of objects: assign it before the field"
            )
        self._supporting[name] = value

    def __delattr__(self, name: str) -> None:
        raise TypeError(f"{self._name}.{name}: a schema's types cannot be deleted")

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._types, *self._supporting]

    def __repr__(self) -> str:
        return f"<schema {self._name}: {', '.join(self._types) or 'no types'}>"

    def _mention(self, name: str) -> ForwardReference:
        if name not in self._mentioned:
            definition = _odb.TypeDefinition(self._name, name)
            self._mentioned[name] = ForwardReference(definition, self)
        return self._mentioned[name]

    def _is_referred_to(self, name: str) -> bool:
        return name in self._mentioned and self._mentioned[name].is_used

    def _check_open(self, place: str) -> None:
        if self._is_frozen:
            raise TypeError(f"{place}: the schema is frozen")

    def _define(self, cls: type, caller_locals: Dict[str, Any]) -> type:
        if not isinstance(cls, type):
            raise TypeError(f"schema.define takes a class, given {cls!r}")
        place = f"{self._name}.{cls.__name__}"
        self._check_open(place)
        if hasattr(Schema, cls.__name__):
            raise TypeError(f"{place}: a type cannot be called that: schemas have that name")
        if cls.__name__ in self._types or cls.__name__ in self._supporting:
            raise TypeError(f"{place} is defined already")
        own = self._mention(cls.__name__)
        declaration, declared_here = _read_bases(cls, own, caller_locals, place)
        for spec, _ in declaration.fields.values():
            for target in types_within(spec):
                if isinstance(target, ForwardReference):
                    target.is_used = True
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
        return new

    def _references(self) -> "Iterator[tuple[str, Schema, Any]]":
        """Each field that refers to a type: its place, the schema of that type, and the type."""
        for cls in self._types.values():
            declaration = cls._odb_declaration  # type: ignore[attr-defined]
            for field, (spec, _) in declaration.fields.items():
                for target in types_within(spec):
                    place = f"{self._name}.{cls.__name__}.{field}"
                    yield place, _schema_of(target), target

    def _check_complete(self) -> None:
        for place, schema, target in self._references():
            if isinstance(target, ForwardReference) and not target.definition.is_complete:
                raise TypeError(
                    f"{target!r} is referred to but not defined: {place} needs it; define it with"
                    f" @schema.define in schema {schema.name}"
                )
        for name, reference in self._mentioned.items():
            if reference.is_used and name not in self._types:
                raise TypeError(f"{self._name}.{name} is referred to but not defined")

    def _definitions(self) -> "List[_odb.TypeDefinition]":
        """What a connection tells the server."""
        self._check_complete()
        return [cls._odb_type for cls in self._types.values()]  # type: ignore[attr-defined]

    def _needed(self) -> "List[Schema]":
        """The other schemas that fields refer to, each once."""
        found = {schema: None for _, schema, _ in self._references() if schema is not self}
        return list(found)

    def _reachable(self) -> "Set[Schema]":
        """The schemas that this one needs, those that they need, and so on."""
        found: Set[Schema] = set()
        ahead = [self]
        while ahead:
            new = [each for each in ahead.pop()._needed() if each not in found]
            found.update(new)
            ahead.extend(new)
        return found

    def _mutual(self) -> "Set[Schema]":
        """The other schemas that this one needs and that need this one."""
        return {each for each in self._reachable() - {self} if self in each._reachable()}

    def _can_grow_into(self, schemas: "Set[Schema]") -> bool:
        """Whether all fields that refer to those schemas have a default, so that they can be added
        to types that the server knows."""
        for cls in self._types.values():
            declaration = cls._odb_declaration  # type: ignore[attr-defined]
            for spec, codec in declaration.fields.values():
                refers = any(_schema_of(each) in schemas for each in types_within(spec))
                if refers and not codec.has_default:
                    return False
        return True


def _schema_of(target: Any) -> Any:
    """The schema of a type, or of one that is only mentioned."""
    return getattr(target, "__schema__", None) or target.schema


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
    _check_not_hidden(everything, declared_here, place)
    everything.inherit(declared_here)
    return everything, declared_here


def _check_not_hidden(inherited: Declaration, declared_here: Declaration, place: str) -> None:
    """A method or constant must not stand where a base has a field."""
    for name in declared_here.attributes:
        if name in inherited.fields:
            raise TypeError(f"{place}.{name} hides the field {name} of a base: rename one of them")


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
