"""MaskView, view watchers, reads by hand, retries, and waiting for what others do."""

import asyncio
import threading
import time

import pytest

import object_database
from object_database import (
    DisconnectedException,
    MaskView,
    RevisionConflictException,
    TimeoutException,
    UsageException,
    current_transaction,
    revisionConflictRetry,
)
from support import WAIT_S


@pytest.fixture
def task(db, tasks):
    with db.transaction():
        return tasks("a")


# ---- MaskView ----


def test_a_mask_hides_the_current_view(db, task):
    with db.transaction() as outer:
        task.title = "b"
        with MaskView():
            assert current_transaction() is None
            with pytest.raises(UsageException, match="needs a current view"):
                task.title
            with db.view():
                assert task.title == "a"
            with db.transaction() as inner:
                assert current_transaction() is inner
                task.priority = 3
        assert current_transaction() is outer and task.title == "b"
    with db.view():
        assert (task.title, task.priority) == ("b", 3)


def test_masks_nest_and_do_no_harm_without_a_view(db, task):
    mask = MaskView()
    with mask, mask:
        with db.view():
            with MaskView(), MaskView():
                with pytest.raises(UsageException):
                    task.title
            assert task.title == "a"
    with pytest.raises(UsageException):
        task.title
    with pytest.raises(UsageException, match="left already"):
        mask.__exit__(None, None, None)


def test_an_exception_leaves_a_mask(db, task):
    with db.view():
        with pytest.raises(KeyError):
            with MaskView():
                raise KeyError("x")
        assert task.title == "a"


# ---- view watchers ----


def test_a_connections_watcher_sees_every_view_end(db, tasks, task):
    seen, current = [], []

    def watch(view):
        current.append(current_transaction())
        seen.append((view.getFieldReads(), view.getFieldWrites()))

    db.addViewWatcher(watch)
    with db.view():
        task.title
    with db.transaction():
        task.priority = len(task.title)
    with pytest.raises(KeyError):
        with db.transaction():
            task.status = "never"
            raise KeyError("x")
    with db.transaction() as transaction:
        task.title = "b"
        transaction.commit()
    db.dropViewWatcher(watch)
    with db.view():
        pass
    assert seen == [
        (set(), {}),
        ({(task, "title")}, {(task, "priority"): 1}),
        (set(), {(task, "status"): "never"}),
        (set(), {(task, "title"): "b"}),
    ]
    assert current == [None, None, None, transaction]  # the last one was not left yet


def test_a_views_own_watcher_is_called_once(db, task):
    seen = []
    view = db.view()
    view.addViewWatcher(seen.append)
    for _ in range(2):
        with view:
            pass
    assert seen == [view]
    with pytest.raises(TypeError, match="callable"):
        view.addViewWatcher(3)
    with pytest.raises(TypeError, match="callable"):
        db.addViewWatcher(3)


def test_a_watcher_that_raises_changes_nothing(db, task, monkeypatch):
    told = []
    monkeypatch.setattr("sys.unraisablehook", lambda problem: told.append(problem.exc_type))
    transaction = db.transaction()

    def watch(view):
        raise KeyError("x")

    transaction.addViewWatcher(watch)
    with transaction:
        task.title = "b"
    assert told == [KeyError]
    with db.view():
        assert task.title == "b"


# ---- reads by hand ----


def lose(db, transaction, win, also=lambda: None):
    with db.transaction():
        win()
    with pytest.raises(RevisionConflictException) as caught:
        with transaction:
            also()
    return caught.value


def test_a_field_marked_as_read_conflicts(db, tasks, task):
    transaction = db.transaction()

    def mark():
        transaction.markFieldRead(task, "title")
        assert (task, "title") in transaction.getFieldReads()
        tasks("written")

    conflict = lose(db, transaction, lambda: setattr(task, "title", "won"), mark)
    assert (conflict.object, conflict.field) == (task, "title")


def test_an_index_marked_as_read_conflicts(db, tasks, task):
    transaction = db.transaction()

    def mark():
        transaction.markIndexRead(tasks, status="open")
        assert transaction.getIndexReads() == {(tasks, "status", ("open",))}
        task.priority = 1

    conflict = lose(db, transaction, lambda: tasks("phantom"), mark)
    assert (conflict.type, conflict.index) == (tasks, "status")


def test_own_objects_may_be_marked_and_views_take_marks(db, tasks, task):
    with db.transaction() as transaction:
        made = tasks("made")
        transaction.markFieldRead(made, "title")
    with db.view() as view:
        view.markFieldRead(task, "title")
        view.markIndexRead(tasks, status="open")
        assert view.getFieldReads() == set()
        with pytest.raises(TypeError, match="has no field missing"):
            view.markFieldRead(task, "missing")
        with pytest.raises(TypeError, match="no index"):
            view.markIndexRead(tasks, priority=3)
        with pytest.raises(TypeError, match="expected an object"):
            view.markFieldRead(3, "title")


# ---- retries ----


def test_a_conflict_runs_the_function_again(db, task):
    runs = []

    @revisionConflictRetry
    def append(letter):
        """Has a docstring."""
        transaction = db.transaction()
        if len(runs) < 3:
            with db.transaction():
                task.title = task.title + "!"
        runs.append(letter)
        with transaction:
            task.title = task.title + letter
            return task.title

    assert append.__doc__ == "Has a docstring."
    assert append("x") == "a!!!x"
    assert runs == ["x"] * 4


def test_many_threads_lose_no_increment(server, db, schema, task):
    def increment():
        own = object_database.connect("localhost", server.port, server.token)
        own.subscribeToSchema(schema)

        @revisionConflictRetry
        def once():
            with own.transaction():
                task.priority += 1

        for _ in range(20):
            once()
        own.disconnect()

    threads = [threading.Thread(target=increment) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    db.flush()
    with db.view():
        assert task.priority == 100


def test_retries_are_bounded_and_other_exceptions_go_on():
    runs = []

    @revisionConflictRetry(attempts=5)
    def lose():
        runs.append(1)
        raise RevisionConflictException("always")

    with pytest.raises(RevisionConflictException, match="always"):
        lose()
    assert len(runs) == 5

    @revisionConflictRetry
    def fail():
        runs.append(1)
        raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert len(runs) == 6
    with pytest.raises(ValueError, match="at least once"):
        revisionConflictRetry(fail, attempts=0)


def test_coroutines_are_tried_again_too():
    runs = []

    @revisionConflictRetry
    async def lose(times):
        runs.append(1)
        await asyncio.sleep(0)
        if len(runs) <= times:
            raise RevisionConflictException("again")
        return len(runs)

    assert asyncio.run(lose(3)) == 4


# ---- waiting for others ----


def test_a_condition_is_waited_for(db, connect, schema, tasks, task):
    other = connect()
    other.subscribeToSchema(schema)
    asked = threading.Event()

    def is_done():
        asked.set()
        return task.status == "done" and tasks.lookupAll(status="done")

    results = []
    thread = threading.Thread(target=lambda: results.append(db.waitForCondition(is_done, WAIT_S)))
    thread.start()
    assert asked.wait(WAIT_S)
    with other.transaction():
        task.title = "something else"
    with other.transaction():
        task.status = "done"
    thread.join(WAIT_S)
    assert results == [True]


def test_a_condition_that_does_not_come_true_is_false(db, task):
    start = time.monotonic()
    assert db.waitForCondition(lambda: False, 0.05) is False
    assert time.monotonic() - start >= 0.05
    assert db.waitForCondition(lambda: task.title == "a", 0) is True
    with pytest.raises(KeyError):
        db.waitForCondition(lambda: {}["x"], WAIT_S)


def test_a_subscription_that_loads_is_a_change(connect, schema, tasks, task):
    late = connect()
    late.subscribeToNone(tasks)
    asked = threading.Event()

    def is_there():
        asked.set()
        return task.exists()

    results = []
    thread = threading.Thread(
        target=lambda: results.append(late.waitForCondition(is_there, WAIT_S))
    )
    thread.start()
    assert asked.wait(WAIT_S)
    late.subscribeToSchema(schema)
    thread.join(WAIT_S)
    assert results == [True]


def test_a_version_is_waited_for(db, connect, schema, task):
    other = connect()
    newest = db.currentTransactionId()
    other.waitForTransactionId(newest, WAIT_S)
    assert other.currentTransactionId() >= newest
    with pytest.raises(TimeoutException):
        db.waitForTransactionId(newest + 10**6, 0.05)
    results = []
    thread = threading.Thread(
        target=lambda: (db.waitForTransactionId(newest + 1, WAIT_S), results.append(1))
    )
    thread.start()
    other.subscribeToSchema(schema)
    with other.transaction():
        task.title = "b"
    thread.join(WAIT_S)
    assert results == [1]
    with db.view():
        assert task.title == "b"


def test_a_wait_for_a_condition_ends_with_the_link(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)
    asked, outcome = threading.Event(), []

    def wait():
        try:
            db.waitForCondition(asked.set, WAIT_S)
        except DisconnectedException as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert asked.wait(WAIT_S)
    db.disconnect()
    thread.join(WAIT_S)
    assert len(outcome) == 1


def test_the_version_of_what_is_subscribed_to_is_told(db, connect, schema, tasks, task):
    assert db.currentTransactionIdForSchema(schema) == db.currentTransactionId() > 0
    assert db.currentTransactionIdForType(tasks) == db.currentTransactionId()
    other = connect()
    other.addSchema(schema)
    assert other.currentTransactionIdForSchema(schema) == 0
    assert other.currentTransactionIdForType(tasks) == 0


# ---- refusals ----


def test_a_transaction_that_waits_is_not_used_by_another_thread(own_server, schema, Task):
    author = object_database.connect("localhost", own_server.port, own_server.token)
    author.subscribeToSchema(schema)
    with author.transaction():
        stored = Task("a")
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToNone(Task)
    own_server.pause()
    transaction, outcome = db.transaction(), []

    def read():
        with transaction:
            outcome.append(stored.title)  # fetched: waits

    thread = threading.Thread(target=read)
    thread.start()
    refusal = None
    while refusal is None and thread.is_alive():
        try:
            transaction.getFieldReads()
        except UsageException as error:
            refusal = str(error)
    assert refusal is not None and "in use by another thread" in refusal
    with pytest.raises(UsageException, match="in use by another thread"):
        transaction.commit()
    own_server.resume()
    thread.join(WAIT_S)
    assert outcome == ["a"]
    author.disconnect()
    db.disconnect()


def test_other_threads_run_while_one_waits_for_identities(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)
    own_server.pause()
    transaction, made = db.transaction().nocommit(), []

    def create():
        with transaction:
            for _ in range(20_000):  # more than a connection has identities for at first
                made.append(Task())

    thread = threading.Thread(target=create)
    thread.start()
    refusal = None
    while refusal is None and thread.is_alive():
        try:
            transaction.getIndexReads()
        except UsageException as error:
            refusal = str(error)
    assert refusal is not None and "in use by another thread" in refusal
    own_server.resume()
    thread.join(WAIT_S)
    assert len(made) == 20_000
    db.disconnect()
