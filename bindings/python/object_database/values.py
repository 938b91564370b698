"""Values with members: NamedTuple, Alternative, and the immutable dict that ConstDict reads as."""

from types import FunctionType
from typing import Any, Dict, List, NoReturn, Optional, Tuple

from object_database import _odb

_CLASS_ATTRIBUTES = {"__slots__": (), "__module__": "object_database"}


def _immutable(self: Any, *args: Any, **kwargs: Any) -> NoReturn:
    raise TypeError("a ConstDict is immutable: make a dict of it, change that, and write it")


class FrozenDict(Dict[Any, Any]):
    """What a ConstDict reads as: a dict that cannot be changed, and so can be hashed."""

    __slots__ = ()

    __setitem__ = __delitem__ = __ior__ = _immutable  # type: ignore[assignment]
    clear = pop = popitem = setdefault = update = _immutable  # type: ignore[assignment]

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __copy__(self) -> "FrozenDict":
        return self

    def __deepcopy__(self, memo: Any) -> "FrozenDict":
        return self


class StructValue(_odb.StructValue):
    """A value of a NamedTuple: made by keyword, immutable, compared by its fields."""

    __slots__ = ()
    _fields: Tuple[str, ...] = ()
    _parts: Tuple[Any, ...] = ()  # the types of all fields, as they were written
    _odb_codec: "_odb.Codec"
    _self_reference: Any = None  # of an Alternative that holds values of itself

    def __new__(cls, *args: Any, **fields: Any) -> Any:
        if args:
            raise TypeError(f"{cls.__qualname__} takes its fields by keyword")
        return cls._odb_codec.construct(fields)

    def replacing(self, **fields: Any) -> Any:
        """The same value with other values of these fields."""
        given = {name: getattr(self, name) for name in self._fields}
        given.update(fields)
        return type(self)(**given)

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: Any) -> Any:
        return self


def struct_class(
    title: str, codecs: "Dict[str, _odb.Codec]", name: str, base: type = StructValue
) -> type:
    """The class of the values of one struct; `title` is how a value prints."""
    for field in codecs:
        if hasattr(base, field):
            raise TypeError(f"{title}: a field cannot be called {field}")
    members: Dict[str, Any] = dict(_CLASS_ATTRIBUTES)
    members.update((field, _odb.StructField(place)) for place, field in enumerate(codecs))
    members["_fields"] = members["__match_args__"] = tuple(codecs)
    members["__qualname__"] = title
    cls = type(title, (base,), members)
    cls._odb_codec = _odb.Codec.structure(  # type: ignore[attr-defined]
        name, cls, list(codecs), list(codecs.values())
    )
    return cls


class Matches:
    """`value.matches.Constant`: whether that is the alternative that the value is of."""

    __slots__ = ("_names", "_name")

    def __init__(self, names: Tuple[str, ...], name: str) -> None:
        self._names = names
        self._name = name

    def __getattr__(self, name: str) -> bool:
        if name not in self._names:
            raise AttributeError(f"there is no alternative {name}, only {', '.join(self._names)}")
        return name == self._name

    def __repr__(self) -> str:
        return f"<matches {self._name}>"


class AlternativeValue(StructValue):
    """A value of an Alternative; each alternative has a subclass."""

    __slots__ = ()
    _alternatives: Tuple[str, ...] = ()
    _name = ""

    def __new__(cls, *args: Any, **fields: Any) -> Any:
        if not cls._name:
            choices = ", ".join(f"{cls.__name__}.{name}" for name in cls._alternatives)
            raise TypeError(f"{cls.__name__} has alternatives: call one of {choices}")
        return StructValue.__new__(cls, *args, **fields)

    @property
    def matches(self) -> Matches:
        return Matches(self._alternatives, self._name)


def alternative_class(
    name: str,
    alternatives: "Dict[str, Dict[str, _odb.Codec]]",
    methods: Dict[str, FunctionType],
    self_reference: "Optional[_odb.Codec]" = None,
) -> type:
    """The class of the values of an Alternative; `self_reference` when its fields hold such."""
    members: Dict[str, Any] = dict(_CLASS_ATTRIBUTES)
    members.update(methods)
    members["_alternatives"] = tuple(alternatives)
    base = type(name, (AlternativeValue,), members)
    codecs: List[_odb.Codec] = []
    for choice, fields in alternatives.items():
        cls = struct_class(f"{name}.{choice}", fields, f"{name}.{choice}", base)
        cls._name = choice  # type: ignore[attr-defined]
        codecs.append(cls._odb_codec)  # type: ignore[attr-defined]
        setattr(base, choice, cls)
    codec = _odb.Codec.variant(name, base, list(alternatives), codecs)
    if self_reference is not None:
        first = getattr(base, next(iter(alternatives)))
        codec = _odb.Codec.recursive(self_reference, codec, base, first)
    base._odb_codec = codec  # type: ignore[attr-defined]
    return base
