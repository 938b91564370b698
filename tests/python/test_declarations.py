"""How classes become types. Needs no server."""

import typing

import numpy
import pytest

from object_database import (
    ConstDict,
    DatabaseObject,
    Index,
    Indexed,
    ListOf,
    NamedTuple,
    OneOf,
    Schema,
    Tuple,
    TupleOf,
)


def fields_of(cls):
    return {name: codec.name for name, (_, codec) in cls._odb_declaration.fields.items()}


def test_fields_are_declared_by_assignment_or_by_annotation(schema):
    @schema.define
    class Assigned:
        title = Indexed(str)
        priority = int

    @schema.define
    class Annotated:
        title: Indexed[str]
        priority: int

    assert fields_of(Assigned) == fields_of(Annotated) == {"title": "str", "priority": "int"}
    assert Assigned._odb_declaration.indexed == Annotated._odb_declaration.indexed


def test_annotations_may_be_strings_and_use_the_words_of_typing(schema):
    @schema.define
    class Task:
        parent: "typing.Optional[Task]"
        status: typing.Literal["open", "done"]
        tags: "tuple[str, ...]"
        size: "Indexed[int | None]"
        counts: "dict[str, int]"

    assert fields_of(Task) == {
        "parent": f"OneOf({schema.name}.Task, None)",
        "status": "OneOf('open', 'done')",
        "tags": "TupleOf(str)",
        "size": "OneOf(int, None)",
        "counts": "ConstDict(str, int)",
    }


def test_square_brackets_mean_the_same_as_calls(schema):
    @schema.define
    class Task:
        parent: OneOf[None, schema.Task]
        tags: TupleOf[str]
        place: Tuple[int, float]
        counts: ConstDict[str, int]

    assert fields_of(Task) == {
        "parent": f"OneOf(None, {schema.name}.Task)",
        "tags": "TupleOf(str)",
        "place": "Tuple(int, float)",
        "counts": "ConstDict(str, int)",
    }


def test_types_may_be_mentioned_before_they_are_defined(schema):
    @schema.define
    class Task:
        project = schema.Project

    @schema.define
    class Project:
        name = str

    assert schema.Project is Project
    assert fields_of(Task) == {"project": f"{schema.name}.Project"}


def test_numpy_scalar_types_stand_for_what_they_hold(schema):
    @schema.define
    class Sample:
        count = numpy.int32
        weight = numpy.float32
        valid = numpy.bool_

    assert fields_of(Sample) == {"count": "int", "weight": "float", "valid": "bool"}


def test_methods_properties_statics_and_constants_stay_with_the_class(schema):
    @schema.define
    class Task:
        """What is to be done."""

        LIMIT = 3
        status = str

        @staticmethod
        def twice(x):
            return 2 * x

        @classmethod
        def called(cls):
            return cls.__name__

        @property
        def is_done(self):
            return self.status == "done"

        class Nested:
            pass

    assert Task.LIMIT == 3
    assert Task.twice(4) == 8
    assert Task.called() == "Task"
    assert Task.__doc__ == "What is to be done."
    assert isinstance(Task.is_done, property)
    assert fields_of(Task) == {"status": "str"}
    assert Task.__name__ == Task.__qualname__.rpartition(".")[2] == "Task"
    assert Task.__module__ == __name__


def test_a_type_inherits_the_fields_of_types_and_mixins(schema):
    class Named:
        name = Indexed(str)

        def greeting(self):
            return "hello"

    @schema.define
    class Base(Named):
        size = int

    @schema.define
    class Derived(Base):
        color = str

    assert fields_of(Derived) == {"name": "str", "size": "int", "color": "str"}
    assert issubclass(Derived, Base) and issubclass(Derived, Named)
    assert issubclass(Derived, DatabaseObject)


def test_a_class_may_say_itself_that_it_is_a_database_object(schema):
    @schema.define
    class Task(DatabaseObject):
        title: str

    assert fields_of(Task) == {"title": "str"}


def test_what_is_no_type_is_refused_with_its_place(schema):
    with pytest.raises(TypeError, match=rf"{schema.name}\.Task\.size.*is no type of fields"):

        @schema.define
        class Task:
            size = set


@pytest.mark.parametrize("name", ["delete", "exists", "lookupAll", "_identity"])
def test_fields_cannot_hide_what_every_object_has(schema, name):
    with pytest.raises(TypeError, match=f"cannot be called {name}"):
        schema.define(type("Task", (), {name: int}))


def test_a_value_beside_an_annotation_is_refused(schema):
    with pytest.raises(TypeError, match="priority.*default"):

        @schema.define
        class Task:
            priority: int = 3


def test_an_index_over_an_unknown_field_is_refused(schema):
    with pytest.raises(TypeError, match="by_size.*no field 'size'"):

        @schema.define
        class Task:
            title = str
            by_size = Index("size")


def test_a_type_without_fields_is_refused(schema):
    with pytest.raises(TypeError, match="at least one field"):

        @schema.define
        class Task:
            pass


def test_a_type_is_defined_once(schema):
    @schema.define
    class Task:
        title = str

    with pytest.raises(TypeError, match="defined already"):
        schema.define(type("Task", (), {"title": str}))


def test_a_frozen_schema_takes_no_more_types():
    schema = Schema("frozen")

    @schema.define
    class Task:
        title = str

    schema.freeze()
    with pytest.raises(TypeError, match="frozen"):
        schema.define(type("Other", (), {"title": str}))
    with pytest.raises(AttributeError, match="no type Other"):
        schema.Other


def test_freezing_finds_types_that_are_mentioned_and_not_defined(schema):
    @schema.define
    class Task:
        project = schema.Project

    with pytest.raises(TypeError, match=rf"{schema.name}\.Project is referred to but not defined"):
        schema.freeze()


def test_a_schema_knows_its_name():
    assert Schema("todo").name == "todo"


def test_types_print_as_they_are_written(schema):
    assert repr(OneOf(None, str)) == "OneOf(None, str)"
    assert repr(OneOf("open", "done")) == "OneOf('open', 'done')"
    assert repr(OneOf(OneOf(None, int), str)) == "OneOf(None, int, str)"
    assert repr(TupleOf(Tuple(int, str))) == "TupleOf(Tuple(int, str))"
    assert repr(ListOf(int)) == "TupleOf(int)"
    assert repr(ConstDict(str, bytes)) == "ConstDict(str, bytes)"
    assert NamedTuple(x=float, y=float) is NamedTuple(x=float, y=float)


def test_types_make_values_when_called():
    assert TupleOf(str)(["a", "b"]) == ("a", "b")
    assert ConstDict(str, int)() == {}
    with pytest.raises(TypeError, match="element 1: expected int, given 'x'"):
        TupleOf(int)([1, "x"])
