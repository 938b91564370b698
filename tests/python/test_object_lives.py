"""Creation that fails, objects of no consequence, and references to what is gone."""

import pytest

import object_database
from object_database import (
    FieldNotDefaultInitializable,
    Indexed,
    NamedTuple,
    ObjectDoesntExistException,
    OdbException,
    OneOf,
    Schema,
    TupleOf,
)
from object_database import exceptions


@pytest.fixture
def Owned(db, schema):
    """A type whose objects need an owner."""

    @schema.define
    class User:
        name = str

    @schema.define
    class Owned:
        title = Indexed(str)
        owner = User

    db.subscribeToSchema(schema)
    return Owned


def test_the_exception_has_its_name_and_base():
    assert exceptions.FieldNotDefaultInitializable is object_database.FieldNotDefaultInitializable
    assert issubclass(FieldNotDefaultInitializable, OdbException)
    assert issubclass(FieldNotDefaultInitializable, TypeError)


def test_a_field_without_default_must_be_given(db, schema, Owned):
    with db.transaction() as transaction:
        with pytest.raises(FieldNotDefaultInitializable) as raised:
            Owned(title="a")
        assert str(raised.value).startswith(f"{schema.name}.Owned.owner: {schema.name}.User ")
        assert (raised.value.type, raised.value.field) == (Owned, "owner")
        assert Owned.lookupAll() == () and Owned.lookupAll(title="a") == ()
        assert transaction.getFieldWrites() == {}
    with db.transaction():
        Owned(title="a", owner=schema.User(name="ann"))
    with db.view():
        assert Owned.lookupOne(title="a").owner.name == "ann"


def test_an_init_must_set_a_field_without_default_before_reading_it(db, schema):
    @schema.define
    class Node:
        parent = schema.Node

        def __init__(self, parent=None):
            if parent is not None:
                self.parent = parent
            self.parent.exists()

    db.subscribeToSchema(schema)
    with db.transaction():
        with pytest.raises(FieldNotDefaultInitializable, match="parent.*read before it is set"):
            Node()
        with pytest.raises(ObjectDoesntExistException):
            Node(Node.fromIdentity(10**15)).parent.parent
        assert len(Node.lookupAll()) == 1


def test_a_struct_that_needs_a_reference_has_no_default(db, schema):
    @schema.define
    class User:
        name = str

    @schema.define
    class Task:
        place = NamedTuple(owner=User)

    db.subscribeToSchema(schema)
    with db.transaction(), pytest.raises(FieldNotDefaultInitializable, match=r"Task\.place"):
        Task()


def test_defaults_are_those_of_the_types(db, schema):
    @schema.define
    class Everything:
        count = int
        weight = float
        name = str
        data = bytes
        done = bool
        status = OneOf("open", "done")
        tags = TupleOf(str)
        place = NamedTuple(x=float, y=int)

    db.subscribeToSchema(schema)
    with db.transaction():
        made = Everything()
    with db.view():
        assert (made.count, made.weight, made.name, made.data) == (0, 0.0, "", b"")
        assert (made.done, made.status, made.tags, made.place.y) == (False, "open", (), 0)


def test_another_programs_field_without_default_is_missed_by_its_name(connect, schema, Owned):
    subset = Schema(schema.name)
    Untold = subset.define(type("Owned", (), {"title": Indexed(str)}))
    db = connect()
    db.subscribeToSchema(subset)
    with db.transaction():
        with pytest.raises(FieldNotDefaultInitializable, match=rf"{schema.name}\.Owned\.owner"):
            Untold(title="a")
        assert Untold.lookupAll() == ()


@pytest.mark.parametrize("uses_itself", [False, True])
def test_an_init_that_raises_leaves_nothing_in_any_set(db, schema, uses_itself):
    @schema.define
    class Task:
        title = Indexed(str)
        parent = OneOf(None, schema.Task)

        def __init__(self):
            self.title = "half done"
            if uses_itself:
                self.parent = self
                assert Task.lookupAll(title="half done") == (self,)
            raise RuntimeError("no")

    db.subscribeToSchema(schema)
    before = db.currentTransactionId()
    with db.transaction() as transaction:
        with pytest.raises(RuntimeError, match="no"):
            Task()
        assert transaction.getFieldWrites() == {}
        assert transaction.getIndexWrites() == ([], [])
        assert Task.lookupAll() == () and Task.lookupAll(title="half done") == ()
    assert db.flush() == before
    with db.view():
        assert Task.lookupAll() == ()


def test_create_and_delete_in_one_transaction_is_no_write(db, tasks):
    seen = []
    db.registerOnTransactionHandler(lambda *change: seen.append(change))
    before = db.flush()
    with db.transaction() as transaction:
        task = tasks("a")
        task.priority = 3
        task.delete()
        assert transaction.getFieldWrites() == {}
    assert db.flush() == before and seen == []
    with db.view():
        assert not task.exists() and tasks.lookupAll(title="a") == ()


def test_dangling_references_read_as_objects_that_do_not_exist(db, tasks):
    with db.transaction():
        parent = tasks("parent")
        child = tasks("child", parent=parent)
    with db.transaction():
        parent.delete()
    with db.view():
        assert child.parent == parent and not child.parent.exists()
        with pytest.raises(ObjectDoesntExistException, match=f"Task.*{parent._identity}"):
            child.parent.title
    with db.transaction():
        with pytest.raises(ObjectDoesntExistException):
            child.parent.title = "b"
        with pytest.raises(ObjectDoesntExistException):
            child.parent.delete()
        child.parent = None
    with db.view():
        assert child.parent is None


def test_identities_of_no_object_do_not_exist(db, tasks):
    nobody = tasks.fromIdentity(10**15)
    with db.view():
        assert not nobody.exists()
        with pytest.raises(ObjectDoesntExistException):
            nobody.title
    with db.transaction():
        assert not nobody.exists()


def test_static_and_class_methods_create_and_find(db, schema):
    @schema.define
    class Task:
        title = Indexed(str)

        @classmethod
        def named(cls, title):
            return cls.lookupAny(title=title) or cls(title=title)

        @staticmethod
        def count():
            return len(Task.lookupAll())

    db.subscribeToSchema(schema)
    with db.transaction():
        assert Task.named("a") == Task.named("a") != Task.named("b")
        assert Task.count() == 2
