"""What objects do: construction, attributes, identity, deletion."""

import copy
import gc
import pickle
import weakref

import pytest

from object_database import (
    Indexed,
    ObjectDoesntExistException,
    OneOf,
    UsageException,
)


def test_fields_are_read_and_written_as_attributes(db, tasks):
    with db.transaction():
        task = tasks("read", priority=3)
        task.priority += 1
        assert task.priority == 4
    with db.view():
        assert (task.title, task.status, task.priority, task.parent) == ("read", "open", 4, None)


def test_a_class_without_init_is_constructed_by_keyword(db, schema):
    @schema.define
    class Point:
        x = int
        y = int

    db.subscribeToSchema(schema)
    with db.transaction():
        point = Point(y=2)
        with pytest.raises(TypeError, match=r"Point\(\) has no field z"):
            Point(z=1)
        with pytest.raises(TypeError, match="by keyword"):
            Point(1)
        assert Point.lookupAll() == (point,)
    with db.view():
        assert (point.x, point.y) == (0, 2)


def test_an_init_that_raises_leaves_nothing(db, schema):
    @schema.define
    class Task:
        title = Indexed(str)

        def __init__(self, use):
            self.title = "half done"
            use(self)
            raise RuntimeError("no")

    db.subscribeToSchema(schema)
    leaked = []
    for use in (leaked.append, hash):  # hash needs an identity: the object exists early
        with db.transaction():
            with pytest.raises(RuntimeError, match="no"):
                Task(use)
            assert Task.lookupAll() == () and Task.lookupAll(title="half done") == ()
        with db.view():
            assert Task.lookupAll() == ()
    with db.view(), pytest.raises(UsageException, match="construction failed"):
        leaked[0].title


def test_an_object_can_be_used_inside_its_init(db, schema):
    @schema.define
    class Node:
        name = str
        owner = OneOf(None, schema.Node)

        def __init__(self, name, depth=0):
            self.name = name
            assert self.name == name and self.owner is None
            if depth:
                child = Node(name + "'", depth - 1)
                child.owner = self
                self.name = name.upper()

    db.subscribeToSchema(schema)
    with db.transaction():
        root = Node("a", 2)
    with db.view():
        owners = {node.name: node.owner and node.owner.name for node in Node.lookupAll()}
        assert owners == {"A": None, "A'": "A", "a''": "A'"}
        assert root.owner is None


def test_super_in_methods_reaches_the_base(db, schema):
    @schema.define
    class Base:
        log = str

        def __init__(self):
            self.log = "base"

    @schema.define
    class Derived(Base):
        def __init__(self):
            super().__init__()
            self.log += " derived"

    db.subscribeToSchema(schema)
    with db.transaction():
        derived = Derived()
        assert derived.log == "base derived"
        assert Base.lookupAll() == ()


def test_properties_with_setters_and_methods_work(db, schema):
    @schema.define
    class Task:
        status = str

        @property
        def is_done(self):
            return self.status == "done"

        @is_done.setter
        def is_done(self, value):
            self.status = "done" if value else "open"

    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task()
        task.is_done = True
    with db.view():
        assert task.status == "done" and task.is_done


def test_a_misspelt_field_is_refused(db, tasks):
    with db.transaction():
        task = tasks("a")
        with pytest.raises(AttributeError, match="Task has no field 'titel'"):
            task.titel = "b"
        with pytest.raises(AttributeError):
            task.titel
        with pytest.raises(TypeError, match="title cannot be deleted"):
            del task.title


def test_objects_are_equal_by_type_and_identity(db, connect, schema, tasks):
    with db.transaction():
        a, b = tasks("a"), tasks("b")
    again = tasks.fromIdentity(a._identity)
    assert a == again and hash(a) == hash(again) and a is not again
    assert a != b and a != a._identity and a != "a"
    assert len({a, again, b}) == 2
    other = connect()
    other.subscribeToSchema(schema)
    with other.view():
        assert set(tasks.lookupAll()) == {a, b}  # handles belong to no connection
        assert again.title == "a"


def test_objects_of_different_types_differ(db, schema, tasks):
    @schema.define
    class Other:
        x = int

    assert Other.fromIdentity(5) != tasks.fromIdentity(5)


def test_repr_names_type_and_identity_and_needs_no_view(db, schema, tasks):
    with db.transaction():
        task = tasks("a")
    assert repr(task) == str(task) == f"<{schema.name}.Task {task._identity}>"


def test_str_of_the_class_is_respected(db, schema):
    @schema.define
    class Task:
        title = str

        def __str__(self):
            return f"task {self.title}"

    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task(title="a")
        assert str(task) == f"{task}" == "task a"
        assert repr(task).startswith(f"<{schema.name}.Task ")


def test_deleted_objects_do_not_exist(db, tasks):
    with db.transaction():
        task = tasks("a")
        assert task.exists()
    with db.transaction():
        task.delete()
        assert not task.exists()
        with pytest.raises(ObjectDoesntExistException):
            task.title
        with pytest.raises(ObjectDoesntExistException):
            task.title = "b"
        assert tasks.lookupAll() == ()
    with db.view():
        assert not task.exists()
        with pytest.raises(ObjectDoesntExistException, match=str(task._identity)):
            task.title
    with db.transaction(), pytest.raises(ObjectDoesntExistException):
        task.delete()


def test_del_runs_inside_the_deleting_transaction_and_never_on_collection(db, schema):
    seen = []

    @schema.define
    class Owner:
        name = str
        child = OneOf(None, schema.Child)

        def __del__(self):
            seen.append(self.name)
            if self.child is not None:
                self.child.delete()

    @schema.define
    class Child:
        name = str

        def __del__(self):
            seen.append(self.name)
            self.delete()  # happens anyway

    db.subscribeToSchema(schema)
    with db.transaction():
        owner = Owner(name="owner", child=Child(name="child"))
    for _ in range(3):
        with db.view():
            Owner.lookupOne().child
        gc.collect()
    assert seen == []
    with db.transaction():
        owner.delete()
        assert seen == ["owner", "child"]
    with db.view():
        assert Owner.lookupAll() == () and Child.lookupAll() == ()
    del owner
    gc.collect()
    assert seen == ["owner", "child"]


def test_a_del_that_raises_keeps_the_object(db, schema):
    @schema.define
    class Task:
        title = str

        def __del__(self):
            raise RuntimeError("not this one")

    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task(title="a")
        with pytest.raises(RuntimeError, match="not this one"):
            task.delete()
        assert task.exists()


def test_objects_are_never_pickled_but_copy_to_themselves(db, tasks):
    with db.transaction():
        task = tasks("a")
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="cannot be pickled"):
            pickle.dumps(task, protocol)
    assert copy.copy(task) is task and copy.deepcopy([task]) == [task]


def test_objects_can_be_weakly_referenced(tasks):
    task = tasks.fromIdentity(1)
    reference = weakref.ref(task)
    assert reference() is task
    del task
    assert reference() is None


def test_a_class_outside_any_schema_makes_no_objects(db, tasks):
    class Loose(tasks):
        pass

    with db.transaction(), pytest.raises(TypeError, match="not defined in a schema"):
        Loose("a")


def test_identities_are_numbers_from_one(tasks):
    with pytest.raises(TypeError):
        tasks.fromIdentity(0)
    with pytest.raises(TypeError):
        tasks.fromIdentity("1")
    with pytest.raises(OverflowError):
        tasks.fromIdentity(-1)
