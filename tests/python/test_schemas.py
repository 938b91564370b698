"""Several schemas, types that refer to each other, and what the server makes of two programs."""

import threading

import pytest

from object_database import (
    Alternative,
    ConstDict,
    Index,
    Indexed,
    NamedTuple,
    OdbException,
    OneOf,
    Schema,
    SchemaException,
    TupleOf,
)


@pytest.fixture
def other(schema):
    return Schema(schema.name + "other")


def fields_of(cls):
    return {name: codec.name for name, (_, codec) in cls._odb_declaration.fields.items()}


# ---- references ----


def test_types_refer_to_each_other(db, schema):
    @schema.define
    class Task:
        owner = OneOf(None, schema.User)
        helpers = TupleOf(schema.User)

    @schema.define
    class User:
        tasks = TupleOf(schema.Task)
        by_name = ConstDict(str, schema.Task)

    db.subscribeToSchema(schema)
    with db.transaction():
        user = User()
        task = Task(owner=user, helpers=[user])
        user.tasks = [task]
        user.by_name = {"a": task}
    with db.view():
        assert task.owner.tasks == (task,) and task.helpers[0].by_name == {"a": task}


def test_a_type_of_another_schema_may_be_mentioned_before_it_is_defined(db, schema, other):
    @schema.define
    class Task:
        owner = other.User
        watchers = TupleOf(other.User)

    @other.define
    class User:
        name = str

    db.subscribeToSchema(schema, other)
    with db.transaction():
        task = Task(owner=User(name="ann"))
    with db.view():
        assert task.owner.name == "ann" and task.watchers == ()


def test_a_reference_inside_a_container_makes_the_other_schema_known(db, schema, other):
    @other.define
    class User:
        name = str

    @schema.define
    class Task:
        place = NamedTuple(users=TupleOf(User))

    db.subscribeToSchema(schema)
    db.subscribeToType(User)
    with db.transaction():
        task = Task(place={"users": [User(name="ann")]})
    with db.view():
        assert [user.name for user in task.place.users] == ["ann"]


@pytest.mark.parametrize("first", ["schema", "other"])
def test_two_schemas_may_refer_to_each_other(db, schema, other, first):
    @schema.define
    class Task:
        owner = other.User
        title = Indexed(str)

    @other.define
    class User:
        name = str
        task = Indexed(OneOf(None, schema.Task))
        by_name_and_task = Index("name", "task")

    db.subscribeToSchema(*([schema, other] if first == "schema" else [other, schema]))
    with db.transaction():
        user = User(name="ann")
        user.task = Task(owner=user, title="a")
    with db.view():
        assert User.lookupOne(by_name_and_task=("ann", user.task)) == user
        assert user.task.owner == user


def test_schemas_that_need_each_other_for_every_object_are_refused(db, schema, other):
    @schema.define
    class Task:
        title = str
        owner = other.User

    @other.define
    class User:
        name = str
        task = schema.Task

    with pytest.raises(SchemaException, match="default"):
        db.subscribeToSchema(schema)


# ---- types that are mentioned and not defined ----


def test_subscribing_finds_what_is_mentioned_and_not_defined(db, schema, other):
    @schema.define
    class Task:
        owner = TupleOf(other.User)

    message = rf"{other.name}\.User is referred to but not defined.*{schema.name}\.Task\.owner"
    with pytest.raises(TypeError, match=message):
        db.subscribeToSchema(schema)
    with pytest.raises(TypeError, match=message):
        db.subscribeToType(Task)
    with pytest.raises(TypeError, match=message):
        schema.freeze()


def test_looking_at_a_name_demands_nothing(schema):
    @schema.define
    class Task:
        title = str

    assert hasattr(schema, "Tsak")
    schema.freeze()
    assert not hasattr(schema, "Tsak")


# ---- inheritance ----


def test_fields_indexes_methods_and_properties_come_from_mixins_and_types(db, schema):
    class Named:
        name = Indexed(str)

        @property
        def title(self):
            return self.name.title()

        @title.setter
        def title(self, value):
            self.name = value.lower()

    class Sized:
        size: int
        by_size_and_name = Index("size", "name")

        def grow(self):
            self.size += 1

        @staticmethod
        def unit():
            return "m"

    @schema.define
    class Base(Named, Sized):
        @classmethod
        def called(cls):
            return cls.__name__

    @schema.define
    class Derived(Base):
        color = str

    db.subscribeToSchema(schema)
    with db.transaction():
        derived = Derived(name="a", color="red")
        derived.title = "THING"
        derived.grow()
    with db.view():
        assert Derived.lookupAll(by_size_and_name=(1, "thing")) == (derived,)
        assert Derived.lookupAll(name="thing") == (derived,) and Base.lookupAll() == ()
        assert derived.title == "Thing" and derived.unit() == "m"
        assert (Base.called(), derived.called()) == ("Base", "Derived")


def test_del_is_inherited_from_mixins_and_types_and_reaches_super(db, schema):
    seen = []

    class Logged:
        def __del__(self):
            seen.append(f"mixin {self.name}")

    @schema.define
    class Base(Logged):
        name = str

    @schema.define
    class Plain(Base):
        size = int

    @schema.define
    class Loud(Base):
        def __del__(self):
            seen.append(f"loud {self.name}")
            super().__del__()

    db.subscribeToSchema(schema)
    for cls, expected in [
        (Base, ["mixin a"]),
        (Plain, ["mixin a"]),
        (Loud, ["loud a", "mixin a"]),
    ]:
        with db.transaction():
            cls(name="a")
        assert seen == []
        with db.transaction():
            cls.lookupOne().delete()
        assert seen == expected
        seen.clear()


def test_a_method_cannot_hide_an_inherited_field(schema):
    class Named:
        name = str

    with pytest.raises(TypeError, match=rf"{schema.name}\.Task\.name hides the field"):

        @schema.define
        class Task(Named):
            def name(self):
                return "no"


# ---- supporting types ----


def test_types_of_fields_may_be_kept_on_the_schema(db, schema):
    schema.Point = NamedTuple(x=float, y=float)
    schema.Tags = TupleOf(str)

    @schema.define
    class Place:
        at = schema.Point
        corners = TupleOf(schema.Point)
        tags = schema.Tags

    db.subscribeToSchema(schema)
    with db.transaction():
        place = Place(at=schema.Point(x=1.0), corners=[schema.Point()], tags=schema.Tags(["a"]))
    with db.view():
        assert place.at == schema.Point(x=1.0, y=0.0) and place.tags == ("a",)
        assert place.corners == (schema.Point(),)


def test_an_alternative_is_defined_under_its_own_name(db, schema):
    made = schema.define(
        Alternative("Shape", Circle={"radius": float}, Owned={"by": OneOf(None, schema.User)})
    )
    assert schema.Shape is made

    @schema.define
    class User:
        shape = schema.Shape

    schema.freeze()
    db.subscribeToSchema(schema)
    with db.transaction():
        user = User(shape=schema.Shape.Circle(radius=2))
    with db.view():
        assert user.shape.matches.Circle and user.shape.radius == 2.0


def test_a_schema_refuses_what_is_no_type_of_fields(schema):
    with pytest.raises(TypeError, match=rf"{schema.name}\.limit: expected a type of fields"):
        schema.limit = 3
    with pytest.raises(TypeError, match="@schema.define"):
        schema.Task = type("Task", (), {"title": str})
    with pytest.raises(TypeError, match="cannot be called freeze"):
        schema.freeze = TupleOf(str)


def test_a_name_stands_for_one_type(schema):
    schema.Point = NamedTuple(x=float)
    with pytest.raises(TypeError, match="Point is defined already"):
        schema.Point = NamedTuple(y=float)
    with pytest.raises(TypeError, match="Point is defined already"):
        schema.define(type("Point", (), {"x": float}))

    @schema.define
    class Task:
        project = schema.Project

    with pytest.raises(TypeError, match="Project: a field refers to it as to a type of objects"):
        schema.Project = NamedTuple(x=float)
    with pytest.raises(TypeError, match="cannot be deleted"):
        del schema.Point


def test_a_frozen_schema_refuses_assignments(schema):
    schema.Point = NamedTuple(x=float)
    schema.freeze()
    assert schema.Point().x == 0.0
    with pytest.raises(TypeError, match=rf"{schema.name}\.Line: the schema is frozen"):
        schema.Line = TupleOf(schema.Point)
    with pytest.raises(TypeError, match="frozen"):
        schema.define(Alternative("Shape", Empty={}))


# ---- one schema name, two programs ----


def define_task(name, **fields):
    schema = Schema(name)
    return schema, schema.define(type("Task", (), fields))


def test_two_programs_may_know_different_fields_of_a_type(connect, schema):
    first, Old = define_task(schema.name, title=Indexed(str))
    second, New = define_task(
        schema.name, title=Indexed(str), priority=Indexed(int), tags=TupleOf(str)
    )
    old_db, new_db = connect(), connect()
    old_db.subscribeToSchema(first)
    with old_db.transaction():
        Old(title="before")
    new_db.subscribeToSchema(second)
    with new_db.transaction():
        before = New.lookupOne(title="before")
        assert (before.priority, before.tags) == (0, ())
        before.priority = 4
    old_db.flush()
    with old_db.transaction():
        assert Old.lookupOne(title="before").title == "before"
        Old(title="after")
    new_db.flush()
    with new_db.view():
        assert [task.title for task in New.lookupAll(priority=0)] == ["after"]
        assert New.lookupOne(priority=4).title == "before"


def test_two_programs_may_know_different_types_of_a_schema(connect, schema):
    first, second = Schema(schema.name), Schema(schema.name)

    @first.define
    class Task:
        title = str

    @second.define
    class User:
        task = OneOf(None, second.Task)

    Theirs = second.define(type("Task", (), {"title": str}))
    one, two = connect(), connect()
    one.subscribeToSchema(first)
    with one.transaction():
        task = Task(title="a")
    two.subscribeToSchema(second)
    with two.transaction():
        user = User(task=Theirs.fromIdentity(task._identity))
    with two.view():
        assert user.task.title == "a"


def test_a_changed_type_is_refused_with_what_differs(connect, schema):
    first, _ = define_task(schema.name, title=str, priority=int)
    second, _ = define_task(schema.name, title=str, priority=str)
    connect().subscribeToSchema(first)
    with pytest.raises(SchemaException) as raised:
        connect().subscribeToSchema(second)
    for word in (schema.name, "Task", "priority", "int", "text"):
        assert word in str(raised.value)


def test_a_new_field_without_default_is_refused(connect, schema):
    first, _ = define_task(schema.name, title=str)
    second = Schema(schema.name)
    second.define(type("User", (), {"name": str}))
    second.define(type("Task", (), {"title": str, "owner": second.User}))
    connect().subscribeToSchema(first)
    with pytest.raises(SchemaException, match="Task.*owner.*default"):
        connect().subscribeToSchema(second)


def test_an_index_that_comes_later_holds_what_exists_while_commits_go_on(connect, schema):
    first, Old = define_task(schema.name, title=str, priority=int)
    second, New = define_task(schema.name, title=str, priority=Indexed(int))
    writer, reader = connect(), connect()
    writer.subscribeToSchema(first)
    with writer.transaction():
        for number in range(2_000):
            Old(title="before", priority=number % 10)
    stop, written = threading.Event(), []

    def write():
        while not stop.is_set():
            with writer.transaction():
                Old(title="meanwhile", priority=len(written) % 10)
            written.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        reader.subscribeToSchema(second)
        reader.flush()
        with reader.view():
            tasks = New.lookupAll()
            for priority in range(10):
                expected = tuple(task for task in tasks if task.priority == priority)
                assert New.lookupAll(priority=priority) == expected and len(expected) >= 200
    finally:
        stop.set()
        thread.join()
    reader.flush()
    with reader.view():
        found = sum(New.count(priority=priority) for priority in range(10))
        assert found == 2_000 + len(written)


def test_an_index_over_values_that_repeat_cannot_become_unique(connect, schema):
    first, Old = define_task(schema.name, title=str)
    second, _ = define_task(schema.name, title=Indexed(str, unique=True))
    db = connect()
    db.subscribeToSchema(first)
    with db.transaction():
        Old(title="twice")
        Old(title="twice")
    with pytest.raises(OdbException, match="title") as raised:
        connect().subscribeToSchema(second)
    assert schema.name in str(raised.value) and "Task" in str(raised.value)
    with db.transaction():
        Old.lookupAll()[0].title = "once"
    connect().subscribeToSchema(second)
