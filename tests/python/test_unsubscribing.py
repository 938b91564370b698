"""Subscriptions as handles, and what remains when they end."""

import pytest

import object_database
from object_database import DisconnectedException, Subscription, UsageException


@pytest.fixture
def author(connect, schema, Task):
    @schema.define
    class Other:
        name = str

    connection = connect()
    connection.subscribeToSchema(schema)
    return connection


@pytest.fixture
def stored(author, schema, Task):
    """Four tasks of another connection: two open, two done, with priorities 0 to 3."""
    with author.transaction():
        schema.Other(name="other")
        return [Task(str(n), "open" if n < 2 else "done", n) for n in range(4)]


def held(db, stored):
    with db.view():
        return [task.exists() for task in stored]


ALL, NONE = [True] * 4, [False] * 4

WAYS = {
    "schema": (
        lambda db, Task, tasks: db.subscribeToSchema(Task.__schema__),
        lambda db, Task, tasks: db.unsubscribeFromSchema(Task.__schema__),
        lambda db, Task, tasks: db.isSubscribedToSchema(Task.__schema__),
        ALL,
    ),
    "type": (
        lambda db, Task, tasks: db.subscribeToType(Task),
        lambda db, Task, tasks: db.unsubscribeFromType(Task),
        lambda db, Task, tasks: db.isSubscribedToType(Task),
        ALL,
    ),
    "index": (
        lambda db, Task, tasks: db.subscribeToIndex(Task, status="open"),
        lambda db, Task, tasks: db.unsubscribeFromIndex(Task, status="open"),
        lambda db, Task, tasks: db.isSubscribedToIndex(Task, status="open"),
        [True, True, False, False],
    ),
    "range": (
        lambda db, Task, tasks: db.subscribeToRange(
            Task, by_status_and_priority=("done",), atLeast=3
        ),
        lambda db, Task, tasks: db.unsubscribeFromRange(
            Task, by_status_and_priority="done", atLeast=3
        ),
        lambda db, Task, tasks: db.isSubscribedToRange(Task, status="done", atLeast=3),
        [False, False, False, True],
    ),
    "index with bounds": (
        lambda db, Task, tasks: db.subscribeToIndex(Task, status="open", below=1),
        lambda db, Task, tasks: db.unsubscribeFromIndex(Task, status="open", below=1),
        lambda db, Task, tasks: db.isSubscribedToIndex(Task, status="open", below=1),
        [True, False, False, False],
    ),
    "object": (
        lambda db, Task, tasks: db.subscribeToObject(tasks[1]),
        lambda db, Task, tasks: db.unsubscribeFromObject(tasks[1]),
        None,
        [False, True, False, False],
    ),
    "objects": (
        lambda db, Task, tasks: db.subscribeToObjects([tasks[0], tasks[3]]),
        lambda db, Task, tasks: db.unsubscribeFromObjects([tasks[3], tasks[0]]),
        None,
        [True, False, False, True],
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_what_was_subscribed_to_goes_with_the_subscription(db, Task, stored, way):
    subscribe, unsubscribe, is_subscribed, expected = WAYS[way]
    db.addSchema(Task.__schema__)
    assert held(db, stored) == NONE
    handle = subscribe(db, Task, stored)
    assert isinstance(handle, Subscription)
    assert handle.isLoaded and handle.objectsLoaded >= sum(expected)
    assert held(db, stored) == expected
    assert is_subscribed is None or is_subscribed(db, Task, stored)
    before = db.view()
    unsubscribe(db, Task, stored)
    assert held(db, stored) == NONE
    assert is_subscribed is None or not is_subscribed(db, Task, stored)
    with before:
        assert [task.exists() for task in stored] == expected  # an open view keeps it
    with pytest.raises(UsageException, match="no subscription"):
        unsubscribe(db, Task, stored)


@pytest.mark.parametrize("way", WAYS)
def test_a_handle_ends_its_own_subscription_once(db, Task, stored, way):
    subscribe, unsubscribe, is_subscribed, expected = WAYS[way]
    first, second = subscribe(db, Task, stored), subscribe(db, Task, stored)
    first.unsubscribe()
    first.unsubscribe()
    assert held(db, stored) == expected
    assert is_subscribed is None or is_subscribed(db, Task, stored)
    second.unsubscribe()
    assert held(db, stored) == NONE
    with pytest.raises(UsageException, match="no subscription"):
        unsubscribe(db, Task, stored)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("other", WAYS)
def test_ending_one_hides_nothing_that_another_wants(db, author, Task, stored, way, other):
    WAYS[way][0](db, Task, stored)
    WAYS[other][0](db, Task, stored)
    WAYS[way][1](db, Task, stored)
    assert held(db, stored) == WAYS[other][3]
    with author.transaction():
        for task in stored:
            task.title = "still told " + task.title
    db.flush()
    with db.view():
        for task, is_held in zip(stored, WAYS[other][3]):
            assert not is_held or task.title.startswith("still told")
    WAYS[other][1](db, Task, stored)
    assert held(db, stored) == NONE


def test_objects_of_one_subscription_end_one_by_one(db, author, Task, stored):
    handle = db.subscribeToObjects(stored)
    db.unsubscribeFromObject(stored[1])
    assert held(db, stored) == [True, False, True, True]
    db.unsubscribeFromObjects(stored[2:])
    assert held(db, stored) == [True, False, False, False]
    with author.transaction():
        stored[0].title = "still told"
    db.flush()
    with db.view():
        assert stored[0].title == "still told"
    with pytest.raises(UsageException, match="no subscription"):
        db.unsubscribeFromObjects([stored[0], stored[1]])
    assert held(db, stored) == [True, False, False, False]  # that changed nothing
    handle.unsubscribe()
    assert held(db, stored) == NONE


def test_one_handle_stands_for_several_types(db, schema, Task, stored):
    handle = db.subscribeToType(Task, schema.Other)
    assert handle.objectsLoaded == 5
    db.unsubscribeFromType(Task)
    assert held(db, stored) == NONE and db.isSubscribedToType(schema.Other)
    handle.unsubscribe()
    assert not db.isSubscribedToType(schema.Other)


def test_a_schema_without_some_types_ends_as_a_whole(db, schema, Task, stored):
    db.subscribeToSchema(schema, excluding=[schema.Other])
    assert held(db, stored) == ALL
    db.unsubscribeFromSchema(schema)
    assert held(db, stored) == NONE and not db.isSubscribedToType(Task)


def test_a_handle_waits_until_it_is_loaded(db, Task, stored):
    handle = db.subscribeToType(Task, block=False)
    handle.wait(30)
    assert handle.isLoaded and handle.objectsLoaded == 4 and "loaded, 4 objects" in repr(handle)
    assert held(db, stored) == ALL


def test_what_was_subscribed_to_again_is_held_again(db, author, Task, stored):
    for _ in range(5):
        db.subscribeToType(Task)
        assert held(db, stored) == ALL
        db.unsubscribeFromType(Task)
        assert held(db, stored) == NONE
    with author.transaction():
        stored[0].title = "changed meanwhile"
    db.subscribeToType(Task)
    with db.view():
        assert stored[0].title == "changed meanwhile"


def test_objects_of_ones_own_stay_until_they_are_released(db, Task, schema):
    db.subscribeToNone(Task)
    with db.transaction():
        mine = Task("mine")
    assert held(db, [mine]) == [True]
    db.releaseObjects([mine])
    assert held(db, [mine]) == [False]
    with db.transaction():
        assert mine.title == "mine"  # fetched


def test_unknown_subscriptions_are_named(db, schema, Task):
    with pytest.raises(UsageException, match=f"no subscription to {schema.name}.Task"):
        db.unsubscribeFromType(Task)
    with pytest.raises(UsageException, match="is not subscribed to"):
        db.unsubscribeFromIndex(Task, status="open")
    with pytest.raises(TypeError, match="limit"):
        db.subscribeToRange(Task, "status", limit=3)


def test_after_the_end_of_the_link_a_subscription_cannot_end(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    handle = db.subscribeToSchema(schema)
    db.disconnect()
    with pytest.raises(DisconnectedException):
        handle.unsubscribe()
