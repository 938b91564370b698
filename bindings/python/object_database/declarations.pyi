# What type checkers see of a field is the value that it reads as.
from typing import Any, Dict, Generic, List, Mapping, Tuple, Type, TypeVar, Union, overload

from typing_extensions import Self

from object_database._odb import Codec
from object_database.types import ForwardReference

_T = TypeVar("_T")

class Indexed(Generic[_T]):
    type: Any
    unique: bool
    def __init__(self, type: Union[Type[_T], Any], unique: bool = ...) -> None: ...
    @overload
    def __get__(self, instance: None, owner: Any) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: Any) -> _T: ...
    def __set__(self, instance: object, value: _T) -> None: ...

class Index:
    fields: Tuple[str, ...]
    unique: bool
    def __init__(self, *fields: str, unique: bool = ...) -> None: ...

class Declaration:
    fields: Dict[str, Tuple[Any, Codec]]
    attributes: Dict[str, Any]
    def inherit(self, other: Declaration) -> None: ...
    def field_list(self) -> List[Tuple[str, Codec]]: ...
    def index_list(self, place: str) -> List[Tuple[str, List[int], bool]]: ...

def read_class(
    cls: type, own: ForwardReference, caller_locals: Mapping[str, Any], place: str
) -> Declaration: ...
def move_super_cells(attributes: Mapping[str, Any], old: type, new: type) -> None: ...
