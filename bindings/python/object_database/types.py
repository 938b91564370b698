"""The types of fields: what a program writes, and the codec that each stands for."""

import datetime
import sys
import types
import typing
from types import FunctionType
from typing import Any, Dict, Iterator, List, Optional

from object_database import _odb
from object_database.values import (
    AlternativeValue,
    StructValue,
    alternative_class,
    struct_class,
)

_SCALARS = {
    bool: "bool",
    int: "int",
    float: "float",
    str: "str",
    bytes: "bytes",
    datetime.datetime: "datetime",
    type(None): "None",
}
_NUMPY_SCALARS = {"integer": "int", "floating": "float", "bool_": "bool", "bool": "bool"}


class FieldType:
    """A type of fields that is no Python class. Calling it makes a value of it.

    `parts` are the types that it is made of, as they were written. One whose parts have a function
    among them waits for the Alternative that the function stands for, and has no codec.
    """

    __slots__ = ("_codec", "parts")

    def __init__(self, codec: "Optional[_odb.Codec]", parts: "tuple[Any, ...]" = ()) -> None:
        self._codec = codec
        self.parts = parts

    @property
    def codec(self) -> "_odb.Codec":
        if self._codec is None:
            raise TypeError(
                "a function as a type stands for an Alternative inside its own definition only"
            )
        return self._codec

    def __call__(self, *args: Any) -> Any:
        if len(args) > 1:
            raise TypeError(f"{self!r} takes one value")
        if not args:
            return self.codec.default(repr(self))
        return self.codec.convert(args[0], repr(self))

    def __repr__(self) -> str:
        if self._codec is None:
            return f"{type(self).__name__}({', '.join(map(repr, self.parts))})"
        return self._codec.name

    # `OneOf(int, str) | None` in annotations
    def __or__(self, other: Any) -> Any:
        return OneOf(self, other)

    def __ror__(self, other: Any) -> Any:
        return OneOf(other, self)


class ForwardReference:
    """A type of a schema that is mentioned before it is defined.

    `schema` is the one that it is to be defined in; `is_used` tells whether a field of a defined
    type refers to it, so that a mere look at `schema.Name` demands nothing.
    """

    __slots__ = ("definition", "schema", "is_used")

    def __init__(self, definition: "_odb.TypeDefinition", schema: Any = None) -> None:
        self.definition = definition
        self.schema = schema
        self.is_used = False

    def __repr__(self) -> str:
        return f"{self.definition.schema_name}.{self.definition.type_name}"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{self!r} is not defined yet")

    def __or__(self, other: Any) -> Any:
        return OneOf(self, other)

    def __ror__(self, other: Any) -> Any:
        return OneOf(other, self)


class _Constructor(type):
    """Lets `OneOf[None, str]` mean `OneOf(None, str)`, as annotations are written."""

    def __getitem__(cls, arguments: Any) -> Any:
        return cls(*arguments) if isinstance(arguments, tuple) else cls(arguments)


def _is_open(parts: "tuple[Any, ...]") -> bool:
    """Whether a function is among the types, or among the parts of one."""
    return any(
        isinstance(part, FunctionType) or (isinstance(part, FieldType) and part._codec is None)
        for part in parts
    )


class OneOf(FieldType, metaclass=_Constructor):
    """A value of one of several types, or one of several values: OneOf(None, str), OneOf(1, 2)."""

    __slots__ = ("options",)

    def __init__(self, *options: Any) -> None:
        if not options:
            raise TypeError("OneOf needs at least one option")
        flat: List[Any] = []
        for option in options:
            option = option if _is_literal(option) else _resolved(option)
            flat.extend(option.options if isinstance(option, OneOf) else [option])
        self.options = tuple(flat)
        if _is_open(self.options):
            return super().__init__(None, self.options)
        codecs = [_option_codec(option) for option in flat]
        super().__init__(_odb.Codec.one_of(codecs), self.options)


class TupleOf(FieldType, metaclass=_Constructor):
    """Any number of values of one type. Reads as a tuple; lists and other sequences convert."""

    __slots__ = ()

    def __init__(self, element: Any) -> None:
        if _is_open((element,)):
            return super().__init__(None, (element,))
        super().__init__(_odb.Codec.list_of(codec_of(element)), (element,))


class ListOf(TupleOf):
    """The same as TupleOf: what is stored cannot be changed in place, so it reads as a tuple."""

    __slots__ = ()


class Tuple(FieldType, metaclass=_Constructor):
    """As many values as there are types, one of each."""

    __slots__ = ()

    def __init__(self, *elements: Any) -> None:
        if _is_open(elements):
            return super().__init__(None, elements)
        codecs = [codec_of(element) for element in elements]
        super().__init__(_odb.Codec.tuple_of(codecs), elements)


class ConstDict(FieldType, metaclass=_Constructor):
    """A mapping from one type to another. Reads as a dict that cannot be changed."""

    __slots__ = ()

    def __init__(self, key: Any, value: Any) -> None:
        if _is_open((key, value)):
            return super().__init__(None, (key, value))
        super().__init__(_odb.Codec.dict_of(codec_of(key), codec_of(value)), (key, value))


_named_tuples: Dict[Any, type] = {}


def NamedTuple(**fields: Any) -> Any:
    """A type of values with named fields; the same fields give the same type."""
    codecs = {name: codec_of(field) for name, field in fields.items()}
    name = "NamedTuple(" + ", ".join(f"{key}={codec.name}" for key, codec in codecs.items()) + ")"
    try:
        key = tuple((field, id(spec), spec) for field, spec in fields.items())
        known = _named_tuples.get(key)
    except TypeError:
        key, known = None, None
    if known is None:
        known = struct_class("NamedTuple", codecs, name)
        known._parts = tuple(fields.values())  # type: ignore[attr-defined]
        if key is not None:
            _named_tuples[key] = known
    return known


class _SelfReference(FieldType):
    """What stands for an Alternative in its own fields."""

    __slots__ = ("origins",)

    def __init__(self, name: str) -> None:
        super().__init__(_odb.Codec.self_reference(name))
        self.origins: List[Any] = []  # the functions and forward references that meant it

    def put_into(self, spec: Any, place: str) -> Any:
        """`spec` with this in the place of each function and each forward reference that means the
        Alternative."""
        is_mentioned = (
            isinstance(spec, ForwardReference) and spec.definition.type_name == self.codec.name
        )
        if is_mentioned or isinstance(spec, FunctionType):
            self.origins.append(spec)
            return self
        spec = _resolved(spec)
        if not isinstance(spec, FieldType):
            return spec
        parts = tuple(self.put_into(part, place) for part in spec.parts)
        if all(new is old for new, old in zip(parts, spec.parts)):
            return spec
        if isinstance(spec, ConstDict) and parts[0] is not spec.parts[0]:
            raise TypeError(f"{place}: an Alternative cannot be a key inside of itself")
        return type(spec)(*parts)  # type: ignore[call-arg]

    def check(self, cls: type) -> None:
        """Raises TypeError unless what stood in the definition means `cls`, now that it has a
        name."""
        while self.origins:
            origin = self.origins[-1]
            if isinstance(origin, ForwardReference):
                if origin.schema is not None and getattr(origin.schema, cls.__name__) is not cls:
                    raise TypeError(
                        f"{cls.__name__} refers to itself as {origin!r}: define it there, with"
                        f" schema.define, before it is used"
                    )
            elif origin() is not cls:
                raise TypeError(
                    f"{cls.__name__}: a function in its definition must return {cls.__name__}"
                    f" itself, given one that returns {origin()!r}"
                )
            self.origins.pop()


def Alternative(name: str, **alternatives: Any) -> Any:
    """A type of values that are one of several named structs. Functions become its methods.

    In the fields a function stands for the type itself, `Add={"left": lambda: Expr}`, as does a
    forward reference of its name, `schema.Expr`, inside of OneOf, TupleOf, Tuple and the values of
    ConstDict too. The first alternative is the default, so it cannot need another value.
    """
    methods = {key: each for key, each in alternatives.items() if isinstance(each, FunctionType)}
    own = _SelfReference(name)
    specs: List[Any] = []
    choices: Dict[str, Dict[str, _odb.Codec]] = {}
    for choice, fields in alternatives.items():
        if choice in methods:
            continue
        if not isinstance(fields, dict):
            raise TypeError(f"{name}.{choice}: expected a dict of fields, given {fields!r}")
        if hasattr(AlternativeValue, choice):
            raise TypeError(f"{name}: an alternative cannot be called {choice}")
        choices[choice] = {}
        for field, spec in fields.items():
            specs.append(own.put_into(spec, f"{name}.{choice}.{field}"))
            choices[choice][field] = codec_of(specs[-1])
    if not choices:
        raise TypeError(f"{name} needs at least one alternative")
    made = alternative_class(name, choices, methods, own.codec if own.origins else None)
    made._parts = tuple(specs)  # type: ignore[attr-defined]
    if own.origins:
        made._self_reference = own  # type: ignore[attr-defined]
    return made


def parts_of(spec: Any) -> "tuple[Any, ...]":
    """The types that `spec` is made of, one level down; none for a scalar or a reference."""
    resolved = _resolved(spec)
    if isinstance(resolved, FieldType):
        return resolved.parts
    if isinstance(resolved, type) and issubclass(resolved, StructValue):
        return resolved._parts
    return ()


def types_within(spec: Any) -> "Iterator[Any]":
    """The types of schemas, defined or only mentioned, that values of `spec` refer to."""
    if isinstance(spec, ForwardReference) or getattr(spec, "__schema__", None) is not None:
        yield spec
    for part in parts_of(spec):
        yield from types_within(part)


def _is_literal(option: Any) -> bool:
    return isinstance(option, (bool, int, float, str, bytes)) and not isinstance(option, type)


def _option_codec(option: Any) -> "_odb.Codec":
    return _odb.Codec.literal(option) if _is_literal(option) else codec_of(option)


def _from_typing(spec: Any) -> Optional[Any]:
    """The field type of an annotation in the words of `typing`; None when it is not one."""
    origin = typing.get_origin(spec)
    arguments = typing.get_args(spec)
    if origin is typing.Union or (sys.version_info >= (3, 10) and origin is types.UnionType):
        return OneOf(*arguments)
    if origin is typing.Literal:
        return OneOf(*arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return TupleOf(arguments[0])
        return Tuple(*arguments)
    if origin is list:
        return ListOf(*arguments)
    if origin is dict:
        return ConstDict(*arguments)
    return None


def _resolved(spec: Any) -> Any:
    from_typing = _from_typing(spec)
    return spec if from_typing is None else from_typing


def _numpy_scalar(spec: type) -> Optional[str]:
    """What a NumPy scalar type holds, found without importing NumPy."""
    for base in spec.__mro__:
        if base.__module__ == "numpy" and base.__name__ in _NUMPY_SCALARS:
            return _NUMPY_SCALARS[base.__name__]
    return None


def find_codec(spec: Any) -> "Optional[_odb.Codec]":
    """The codec of a type; None when `spec` is not one."""
    if spec is None:
        return _odb.Codec.scalar("None")
    if isinstance(spec, FieldType):
        return spec.codec
    if isinstance(spec, ForwardReference):
        return _odb.Codec.reference(spec.definition)
    if isinstance(spec, type):
        if spec in _SCALARS:
            return _odb.Codec.scalar(_SCALARS[spec])
        definition = spec.__dict__.get("_odb_type")
        if definition is not None:
            return _odb.Codec.reference(definition)
        if issubclass(spec, StructValue):
            if spec._self_reference is not None:
                spec._self_reference.check(spec)
            return spec._odb_codec
        numpy = _numpy_scalar(spec)
        return None if numpy is None else _odb.Codec.scalar(numpy)
    from_typing = _from_typing(spec)
    return None if from_typing is None else find_codec(from_typing)


def codec_of(spec: Any) -> "_odb.Codec":
    codec = find_codec(spec)
    if codec is None:
        raise TypeError(
            f"{spec!r} is no type of fields: expected None, bool, int, float, str, bytes, datetime,"
            " a type of a schema, OneOf, TupleOf, ListOf, Tuple, ConstDict, NamedTuple, Alternative"
        )
    return codec
