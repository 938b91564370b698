"""What a class says about its fields and indexes, read into a declaration."""

import inspect
import sys
import typing
from types import CellType, FunctionType
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple

from object_database import _odb
from object_database.types import FieldType, ForwardReference, codec_of
from object_database.values import StructValue


# Look-ups that a field of the same name takes the place of.
_MAY_BE_FIELDS = frozenset(("count",))


class Indexed:
    """A field with an index of its own: `title = Indexed(str)` or `title: Indexed[str]`."""

    __slots__ = ("type", "unique")

    def __init__(self, type: Any, unique: bool = False) -> None:
        self.type = type
        self.unique = unique

    def __class_getitem__(cls, type: Any) -> "Indexed":
        return cls(type)

    def __repr__(self) -> str:
        return f"Indexed({self.type!r})"


class OwnedBy(Indexed):
    """A field that says which connection an object belongs to, as in
    `worker = OwnedBy(core_schema.Connection)` or `OwnedBy(OneOf(None, core_schema.Connection))`.

    When that connection ends, for whatever reason, the object is deleted with it, in one
    transaction. The field is indexed. `__del__` does not run: no program deletes it.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return f"OwnedBy({self.type!r})"


class Index:
    """An index over several fields: `by_status_and_priority = Index("status", "priority")`."""

    __slots__ = ("fields", "unique")

    def __init__(self, *fields: str, unique: bool = False) -> None:
        if not fields or not all(isinstance(field, str) for field in fields):
            raise TypeError("Index needs the names of the fields that it is over")
        self.fields = fields
        self.unique = unique

    def __repr__(self) -> str:
        return f"Index({', '.join(map(repr, self.fields))})"


class Declaration:
    """The fields and indexes of one class."""

    def __init__(self) -> None:
        self.fields: Dict[str, Tuple[Any, "_odb.Codec"]] = {}
        self.indexed: Dict[str, bool] = {}  # field: whether unique
        self.owners: Set[str] = set()  # those of them that say who owns the object
        self.indexes: Dict[str, Index] = {}
        self.attributes: Dict[str, Any] = {}  # what stays with the class

    def inherit(self, other: "Declaration") -> None:
        self.fields.update(other.fields)
        self.indexed.update(other.indexed)
        self.owners = (self.owners - set(other.fields)) | other.owners
        self.indexes.update(other.indexes)

    def field_list(self) -> "List[Tuple[str, _odb.Codec]]":
        return [(name, codec) for name, (_, codec) in self.fields.items()]

    def index_list(self, place: str) -> List[Tuple[str, List[int], bool, bool]]:
        """Each with its name, fields, whether it is unique, and whether it is an owner."""
        positions = {name: position for position, name in enumerate(self.fields)}
        out = [
            (name, [positions[name]], unique, name in self.owners)
            for name, unique in self.indexed.items()
        ]
        for name, index in self.indexes.items():
            for field in index.fields:
                if field not in positions:
                    raise TypeError(f"{place}.{name}: there is no field {field!r} to index")
            out.append((name, [positions[field] for field in index.fields], index.unique, False))
        return out


class _Names(Dict[str, Any]):
    """Where the names in an annotation are looked up: the caller's, then the class itself."""

    def __init__(self, known: Mapping[str, Any], own_name: str, own: ForwardReference) -> None:
        super().__init__(known)
        self[own_name] = own


def _annotations(
    cls: type, own: ForwardReference, caller_locals: Mapping[str, Any], place: str
) -> Dict[str, Any]:
    raw = inspect.get_annotations(cls)
    module = sys.modules.get(cls.__module__)
    scope = dict(vars(module)) if module is not None else {}
    scope.update(caller_locals)
    names = _Names(scope, cls.__name__, own)
    out = {}
    for name, annotation in raw.items():
        out[name] = _evaluate(annotation, names, f"{place}.{name}")
    return out


def _evaluate(annotation: Any, names: Mapping[str, Any], place: str) -> Any:
    """Annotations and the strings in them, as `from __future__ import annotations` leaves them."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        try:
            return _evaluate(eval(annotation, dict(names)), names, place)
        except NameError as error:
            raise TypeError(f"{place}: the annotation {annotation!r} cannot be read: {error}")
    if isinstance(annotation, Indexed):
        return type(annotation)(_evaluate(annotation.type, names, place), annotation.unique)
    if typing.get_origin(annotation) in (None, typing.Literal, typing.ClassVar):
        return annotation
    arguments = tuple(_evaluate(each, names, place) for each in typing.get_args(annotation))
    if typing.get_origin(annotation) is typing.Union or not hasattr(annotation, "__origin__"):
        from object_database.types import OneOf

        return OneOf(*arguments)
    return annotation.copy_with(arguments) if hasattr(annotation, "copy_with") else annotation


def _is_type(value: Any) -> bool:
    """Whether a class attribute of this value declares a field."""
    if value is None or isinstance(value, (Indexed, Index, FieldType, ForwardReference)):
        return True
    if isinstance(value, type) and issubclass(value, StructValue):
        return True
    return isinstance(value, type) or typing.get_origin(value) is not None


def _is_nested_class(value: Any, cls: type) -> bool:
    return isinstance(value, type) and value.__qualname__.startswith(cls.__qualname__ + ".")


def read_class(
    cls: type, own: ForwardReference, caller_locals: Mapping[str, Any], place: str
) -> Declaration:
    """What `cls` itself declares; `place` names it in errors."""
    out = Declaration()
    annotated = _annotations(cls, own, caller_locals, place)
    given = dict(vars(cls))
    for name, annotation in annotated.items():
        if annotation is typing.ClassVar or typing.get_origin(annotation) is typing.ClassVar:
            continue
        if name in given:
            if _is_type(given[name]):
                continue  # `title: str = Indexed(str)`: the value says more
            raise TypeError(
                f"{place}.{name}: a field has its type's default, or what __init__ gives it:"
                f" remove `= {given[name]!r}`"
            )
        _declare(out, name, annotation, place)
    for name, value in given.items():
        is_special = name.startswith("__") and name.endswith("__")
        declares = not is_special and _is_type(value) and not _is_nested_class(value, cls)
        if declares:
            _declare(out, name, value, place)
        else:
            out.attributes[name] = value
    return out


def _declare(out: Declaration, name: str, value: Any, place: str) -> None:
    if hasattr(_odb.DatabaseObject, name) and name not in _MAY_BE_FIELDS:
        raise TypeError(f"{place}: a field cannot be called {name}: objects have that name already")
    if isinstance(value, Index):
        out.indexes[name] = value
        return
    if isinstance(value, Indexed):
        out.indexed[name] = value.unique
        if isinstance(value, OwnedBy):
            out.owners.add(name)
        value = value.type
    try:
        out.fields[name] = (value, codec_of(value))
    except TypeError as error:
        raise TypeError(f"{place}.{name}: {error}") from None


def move_super_cells(attributes: Mapping[str, Any], old: type, new: type) -> None:
    """Makes `super()` and `__class__` in methods mean the class that replaced theirs."""
    for attribute in attributes.values():
        for function in _functions_of(attribute):
            for cell in function.__closure__ or ():
                if _contents(cell) is old:
                    cell.cell_contents = new


def _functions_of(attribute: Any) -> List[FunctionType]:
    if isinstance(attribute, property):
        found = [attribute.fget, attribute.fset, attribute.fdel]
    else:
        found = [inspect.unwrap(getattr(attribute, "__func__", attribute))] if (
            callable(attribute) or isinstance(attribute, (staticmethod, classmethod))
        ) else []
    return [each for each in found if isinstance(each, FunctionType)]


def _contents(cell: CellType) -> Optional[Any]:
    try:
        return cell.cell_contents
    except ValueError:  # still empty
        return None
