"""Transaction handlers: everything that is committed, in order."""

import queue
import sys

import pytest

from support import WAIT_S


@pytest.fixture
def changes(db, tasks):
    """What a handler was called with."""
    calls = queue.Queue()
    db.registerOnTransactionHandler(lambda *arguments: calls.put(arguments))
    return calls


def test_a_handler_is_told_what_was_created_changed_and_deleted(db, tasks, changes):
    with db.transaction():
        task = tasks("a", priority=1)
    writes, additions, removals, version = changes.get(timeout=WAIT_S)
    assert writes == {
        (task, " exists"): True,
        (task, "title"): "a",
        (task, "status"): "open",
        (task, "priority"): 1,
        (task, "parent"): None,
    }
    assert set(additions) == {
        (tasks, "title", ("a",), task),
        (tasks, "status", ("open",), task),
        (tasks, "by_status_and_priority", ("open", 1), task),
    }
    assert removals == [] and version == db.currentTransactionId()

    with db.transaction():
        task.title = "b"
    writes, additions, removals, version = changes.get(timeout=WAIT_S)
    assert writes == {(task, "title"): "b"}
    assert additions == [(tasks, "title", ("b",), task)]
    assert removals == [(tasks, "title", ("a",), task)]

    with db.transaction():
        task.delete()
    writes, additions, removals, version = changes.get(timeout=WAIT_S)
    assert writes == {(task, " exists"): None}
    assert additions == [] and len(removals) == 3


def test_handlers_are_called_in_the_order_of_versions(db, connect, schema, tasks, changes):
    other = connect()
    other.subscribeToSchema(schema)
    with db.transaction():
        task = tasks("a")
    other.flush()
    for number in range(20):
        for connection in (db, other):
            with connection.transaction():
                task.priority = number
    versions = [changes.get(timeout=WAIT_S)[3] for _ in range(41)]
    assert versions == sorted(set(versions))


def test_a_handler_may_use_the_connection(db, tasks):
    seen = queue.Queue()

    def handler(writes, additions, removals, version):
        for task, field in writes:
            if field == "title" and writes[task, field] == "ping":
                with db.transaction():
                    task.title = "pong"
                db.flush()
                with db.view():
                    seen.put(task.title)

    db.registerOnTransactionHandler(handler)
    with db.transaction():
        tasks("ping")
    assert seen.get(timeout=WAIT_S) == "pong"


def test_a_dropped_handler_is_not_called_again(db, tasks, changes):
    class Counter:
        calls = 0

        def handle(self, *unused):
            self.calls += 1

    counter = Counter()
    db.registerOnTransactionHandler(counter.handle)
    with db.transaction():
        tasks("a")
    changes.get(timeout=WAIT_S)
    db.dropTransactionHandler(counter.handle)  # an equal bound method
    so_far = counter.calls
    with db.transaction():
        tasks("b")
    changes.get(timeout=WAIT_S)
    with db.transaction():
        tasks("c")
    changes.get(timeout=WAIT_S)
    assert counter.calls == so_far <= 1
    db.dropTransactionHandler(counter.handle)  # a second time does nothing


def test_an_exception_in_a_handler_is_reported_and_harms_nobody(db, tasks, changes, monkeypatch):
    reported = queue.Queue()
    monkeypatch.setattr(sys, "unraisablehook", lambda what: reported.put(what.exc_type))

    def broken(*unused):
        raise RuntimeError("broken")

    db.registerOnTransactionHandler(broken)
    with db.transaction():
        tasks("a")
    assert reported.get(timeout=WAIT_S) is RuntimeError
    assert changes.get(timeout=WAIT_S)[3] == db.currentTransactionId()
    db.dropTransactionHandler(broken)


def test_a_handler_may_drop_itself(db, tasks, changes):
    calls = []

    def once(*unused):
        calls.append(1)
        db.dropTransactionHandler(once)

    db.registerOnTransactionHandler(once)
    for title in "ab":
        with db.transaction():
            tasks(title)
        changes.get(timeout=WAIT_S)
    db.disconnect()
    assert calls == [1]


def test_a_handler_is_callable(db):
    with pytest.raises(TypeError):
        db.registerOnTransactionHandler("no function")
