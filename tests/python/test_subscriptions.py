"""What a connection holds, and what it may be asked."""

import time

import pytest

import object_database
from object_database import (
    NotSubscribedException,
    ObjectDoesntExistException,
    Schema,
    SchemaException,
    core_schema,
)


@pytest.fixture
def stored(connect, schema, Task):
    """Three tasks, made by another connection."""

    @schema.define
    class Other:
        name = str

    author = connect()
    author.subscribeToSchema(schema)
    with author.transaction():
        Other(name="other")
        return [Task("a"), Task("b"), Task("c", "done")]


def test_a_schema_is_subscribed_to_as_a_whole(db, schema, Task, stored):
    assert not db.isSubscribedToSchema(schema)
    db.subscribeToSchema(schema)
    assert db.isSubscribedToSchema(schema) and db.isSubscribedToType(Task)
    assert db.isSubscribedToIndex(Task, status="open")
    with db.view():
        assert len(Task.lookupAll()) == 3 and len(schema.Other.lookupAll()) == 1


def test_types_can_be_excluded(db, schema, Task, stored):
    db.subscribeToSchema(schema, excluding=[schema.Other])
    assert db.isSubscribedToType(Task) and not db.isSubscribedToType(schema.Other)
    assert not db.isSubscribedToSchema(schema)
    with db.view():
        assert len(Task.lookupAll()) == 3
        assert len(schema.Other.lookupAll()) == 0  # a view shows what the client holds
    with db.transaction():
        assert len(schema.Other.lookupAll()) == 1  # a transaction fetches what it lacks


def test_a_type_is_subscribed_to(db, schema, Task, stored):
    db.subscribeToType(Task, lazySubscription=True)
    assert db.isSubscribedToType(Task) and not db.isSubscribedToType(schema.Other)
    with db.view():
        assert Task.lookupAll() == tuple(stored)


def test_an_index_value_is_subscribed_to(db, connect, schema, Task, stored):
    a, b, c = stored
    db.subscribeToIndex(Task, status="open")
    assert db.isSubscribedToIndex(Task, status="open")
    assert not db.isSubscribedToIndex(Task, status="done") and not db.isSubscribedToType(Task)
    with db.view():
        assert Task.lookupAll(status="open") == (a, b)
    with db.transaction():
        assert Task.lookupAll(status="open") == (a, b)
        assert Task.lookupAll(status="done") == (c,)  # fetched
        assert c.title == "c"
    with db.view():
        assert not c.exists()
    other = connect()
    other.subscribeToSchema(schema)
    with other.transaction():
        a.status, c.status = "done", "open"
    db.flush()
    with db.view():
        assert Task.lookupAll(status="open") == (b, c)


def test_an_index_over_two_fields_is_subscribed_to(db, Task, stored):
    db.subscribeToIndex(Task, by_status_and_priority=("done", 0))
    assert db.isSubscribedToIndex(Task, status="done", priority=0)
    with db.view():
        assert Task.lookupAll(status="done", priority=0) == (stored[2],)
    with pytest.raises(TypeError, match="no index"):
        db.subscribeToIndex(Task, priority=0)
    with pytest.raises(TypeError):
        db.subscribeToIndex(Task)


def test_objects_are_subscribed_to(db, schema, Task, stored):
    a, b, c = stored
    db.subscribeToObject(a)
    db.subscribeToObjects([c])
    with db.transaction():
        assert a.title == "a" and c.title == "c"
        assert b.title == "b"  # fetched
    with db.view(), pytest.raises(ObjectDoesntExistException):
        b.title


def test_none_lets_a_program_write_what_it_does_not_hold(db, connect, schema, Task):
    db.subscribeToNone(Task)
    assert not db.isSubscribedToType(Task)
    with db.transaction():
        Task("made blind")
    other = connect()
    other.subscribeToSchema(schema)
    with other.view():
        assert Task.lookupOne().title == "made blind"


def test_a_subscription_can_load_in_the_background(db, schema, Task, stored):
    db.subscribeToSchema(schema, block=False)
    deadline = time.monotonic() + 10
    while not db.isSubscribedToType(Task) and time.monotonic() < deadline:
        db.flush()  # each takes in what has come meanwhile; none waits for the snapshot
    assert db.isSubscribedToType(Task)
    with db.view():
        assert len(Task.lookupAll()) == 3


def test_an_unknown_type_says_that_its_schema_is_missing(db, schema, Task):
    message = rf"subscribeToSchema\({schema.name}\)"
    with db.view(), pytest.raises(NotSubscribedException, match=message):
        Task.lookupAll()


def test_a_schema_can_be_added_without_subscribing(db, schema, Task):
    db.addSchema(schema)
    assert not db.isSubscribedToSchema(schema)
    with db.transaction():
        assert Task("a").title == "a"


def test_types_defined_after_subscribing_come_with_the_next_call(db, schema, Task):
    db.subscribeToSchema(schema)

    @schema.define
    class Later:
        name = str

    db.subscribeToSchema(schema)
    with db.transaction():
        Later(name="x")
    with db.view():
        assert Later.lookupOne().name == "x"


def test_a_schema_may_refer_to_another(db, schema, Task):
    second = Schema(schema.name + "b")

    @second.define
    class Note:
        about = Task

    db.subscribeToSchema(second)
    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task("a")
        Note(about=task)
    with db.view():
        assert Note.lookupOne().about == task


def test_a_contradicting_schema_is_refused(db, connect, schema, Task):
    db.subscribeToSchema(schema)
    other = Schema(schema.name)

    @other.define
    class Task:  # noqa: F811
        title = int

    with pytest.raises(SchemaException, match=rf"{schema.name}.*Task.*title"):
        connect().subscribeToSchema(other)


def test_a_schema_with_a_gap_is_refused(db, schema):
    @schema.define
    class Task:
        project = schema.Project

    with pytest.raises(TypeError, match="Project is referred to but not defined"):
        db.subscribeToSchema(schema)


def test_the_core_schema_can_be_subscribed_to(own_server):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(core_schema)
    assert db.isSubscribedToSchema(core_schema)
    db.disconnect()


def test_what_is_no_schema_or_type_is_refused(db):
    with pytest.raises(TypeError, match="expected a schema"):
        db.subscribeToSchema(int)
    with pytest.raises(TypeError, match="expected a type of a schema"):
        db.subscribeToType(int)
