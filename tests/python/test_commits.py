"""How transactions end: conflicts, confirmations, refusals."""

import queue
import threading

import pytest

import object_database
from object_database import (
    DisconnectedException,
    Indexed,
    OdbException,
    RevisionConflictException,
    UniqueViolationException,
)
from support import WAIT_S


@pytest.fixture
def task(db, tasks):
    with db.transaction():
        return tasks("a")


def read_title(db, task):
    db.flush()
    with db.view():
        return task.title


def test_a_commit_is_seen_at_once_by_its_author_and_live_by_others(db, connect, schema, task):
    other = connect()
    other.subscribeToSchema(schema)
    with db.transaction():
        task.title = "b"
    with db.view():
        assert task.title == "b"
    other.flush()
    with other.view():
        assert task.title == "b"
    with other.transaction():
        task.title = "c"
    db.flush()
    with db.view():
        assert task.title == "c"


def test_a_stale_read_conflicts_and_names_type_field_and_object(db, schema, tasks, task):
    loser = db.transaction()
    with db.transaction():
        task.title = "won"
    with pytest.raises(RevisionConflictException) as caught:
        with loser:
            task.priority = len(task.title)
    conflict = caught.value
    assert (conflict.type, conflict.field, conflict.object) == (tasks, "title", task)
    assert conflict.version == db.currentTransactionId()
    for named in (f"{schema.name}.Task", "title", str(task._identity)):
        assert named in str(conflict)
    assert isinstance(conflict, OdbException)
    with db.view():
        assert task.priority == 0  # the loser changed nothing


def test_a_stale_lookup_conflicts_and_names_the_index(db, tasks, task):
    loser = db.transaction()
    with db.transaction():
        tasks("phantom")
    with pytest.raises(RevisionConflictException) as caught:
        with loser:
            task.priority = len(tasks.lookupAll(status="open"))
    assert (caught.value.type, caught.value.index) == (tasks, "status")
    assert caught.value.value == ("open",)


def test_a_conflict_tells_versions_actor_and_request(db, connect, schema, tasks, task):
    winner = connect()
    winner.subscribeToSchema(schema)
    requests = []
    for _ in range(2):
        loser = db.transaction()
        with winner.transaction():
            task.title = "taken"
        with pytest.raises(RevisionConflictException) as caught:
            with loser:
                task.priority = len(task.title)
        conflict = caught.value
        assert conflict.readVersion == loser.transaction_id() < conflict.version
        assert conflict.version == winner.currentTransactionId()
        assert conflict.actor == "service" and conflict.value is None
        requests.append(conflict.request)
        db.flush()
    (client, number), (same_client, later) = requests
    assert client == same_client > 0 and later == number + 1


def test_a_stale_count_conflicts_and_names_the_type(db, tasks, task):
    loser = db.transaction()
    with db.transaction():
        tasks("phantom")
    with pytest.raises(RevisionConflictException) as caught:
        with loser:
            task.priority = len(tasks.lookupAll())
    assert caught.value.type is tasks


def test_a_write_to_a_deleted_object_conflicts(db, tasks, task):
    loser = db.transaction()
    with db.transaction():
        task.delete()
    with pytest.raises(RevisionConflictException) as caught:
        with loser:
            task.title = "b"
    assert (caught.value.type, caught.value.object) == (tasks, task)


def test_writes_to_different_fields_and_blind_writes_do_not_conflict(db, task):
    first, second = db.transaction(), db.transaction()
    with first:
        task.title = "b"
    with second:
        task.priority = 3
        task.title = "c"
    with db.view():
        assert (task.title, task.priority) == ("c", 3)


def test_a_conflict_can_be_retried(db, task):
    attempts = []

    def increment():
        with db.transaction():
            before = task.priority
            if not attempts:
                attempts.append(1)
                overtake()
            task.priority = before + 1

    def overtake():
        def body():
            with db.transaction():
                task.priority += 10

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()

    with pytest.raises(RevisionConflictException):
        increment()
    increment()
    with db.view():
        assert task.priority == 11


def test_nocommit_changes_nothing(db, task):
    with db.transaction().nocommit():
        task.title = "b"
        assert task.title == "b"
    assert read_title(db, task) == "a"


def test_noconfirm_does_not_wait_and_still_commits(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task("a")
    own_server.pause()
    with db.transaction().noconfirm():
        task.title = "b"
    with db.view():
        assert task.title == "a"  # a snapshot never includes commits in flight
    own_server.resume()
    assert read_title(db, task) == "b"
    db.disconnect()


def test_on_confirmed_tells_of_success(db, task):
    results = queue.Queue()
    with db.transaction().onConfirmed(results.put):
        task.title = "b"
    result = results.get(timeout=WAIT_S)
    assert result.matches.Success
    assert not result.matches.RevisionConflict and not result.matches.Disconnected
    with db.view():
        assert task.title == "b"


def test_on_confirmed_tells_of_a_conflict(db, schema, task):
    results = queue.Queue()
    loser = db.transaction().onConfirmed(results.put)
    with db.transaction():
        task.title = "won"
    with loser:
        task.priority = len(task.title)
    result = results.get(timeout=WAIT_S)
    assert result.matches.RevisionConflict
    assert f"{schema.name}.Task.title" in result.key and str(task._identity) in result.key


@pytest.mark.parametrize("end", ["kill", "disconnect"])
def test_on_confirmed_tells_of_a_lost_link(own_server, schema, Task, end):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task("a")
    results = queue.Queue()
    own_server.pause()
    with db.transaction().onConfirmed(results.put):
        task.title = "b"
    own_server.kill() if end == "kill" else db.disconnect()
    assert results.get(timeout=3).matches.Disconnected
    db.disconnect()


def test_on_confirmed_answers_when_nothing_was_written(db, task):
    results = []
    with db.transaction().onConfirmed(results.append):
        task.title
    assert results[0].matches.Success


def test_callbacks_may_use_the_connection(db, task):
    done = queue.Queue()

    def callback(result):
        db.flush()
        with db.view():
            done.put(task.title)

    with db.transaction().onConfirmed(callback):
        task.title = "b"
    assert done.get(timeout=WAIT_S) == "b"


def test_confirmations_come_in_the_order_of_commits(db, task):
    versions = queue.Queue()
    for number in range(50):
        with db.transaction().onConfirmed(lambda result: versions.put(result.version)):
            task.priority = number
    got = [versions.get(timeout=WAIT_S) for _ in range(50)]
    assert got == sorted(got)
    with db.view():
        assert task.priority == 49


def test_a_unique_index_refuses_the_second(db, schema):
    @schema.define
    class User:
        name = Indexed(str, unique=True)

    db.subscribeToSchema(schema)
    with db.transaction():
        User(name="ann")
    with pytest.raises(UniqueViolationException, match="User.*name"):
        with db.transaction():
            User(name="ann")
    with db.view():
        assert len(User.lookupAll()) == 1


def test_a_refusal_reaches_on_confirmed(db, schema):
    @schema.define
    class User:
        name = Indexed(str, unique=True)

    db.subscribeToSchema(schema)
    with db.transaction():
        User(name="ann")
    results = queue.Queue()
    with db.transaction().onConfirmed(results.put):
        User(name="ann")
    result = results.get(timeout=WAIT_S)
    assert result.matches.Refused and "name" in result.message


def test_a_commit_timeout_leaves_the_outcome_unknown(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task("a")
    own_server.pause()
    with pytest.raises(object_database.OutcomeUnknownException):
        with db.transaction().withCommitTimeout(0.1):
            task.title = "b"
    own_server.resume()
    assert read_title(db, task) == "b"
    db.disconnect()


def test_timeouts_and_callbacks_are_checked(db):
    with pytest.raises(ValueError):
        db.transaction().withCommitTimeout(-1)
    with pytest.raises(TypeError):
        db.transaction().onConfirmed("no function")


def test_a_dead_connection_refuses_commits(connect, schema, Task):
    db = connect()
    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task("a")
    transaction = db.transaction()
    db.disconnect()
    with pytest.raises(DisconnectedException):
        with transaction:
            task.title = "b"
    with db.view():
        assert task.title == "a"  # what is held can still be read
