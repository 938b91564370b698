"""Connecting, losing the link, and ending it."""

import socket
import threading
import time

import pytest

import object_database
from object_database import (
    AuthenticationException,
    ConnectionFailedException,
    DisconnectedException,
    OdbException,
    TimeoutException,
)
from support import WAIT_S, ServerProcess


def free_port():
    with socket.socket() as probe:
        probe.bind(("localhost", 0))
        return probe.getsockname()[1]


def test_a_wrong_token_is_refused_with_words_about_the_token(server):
    with pytest.raises(AuthenticationException, match="token") as caught:
        object_database.connect("localhost", server.port, "a wrong one")
    assert "a wrong one" not in str(caught.value) and server.token not in str(caught.value)
    assert isinstance(caught.value, OdbException)


def test_a_failed_connect_names_host_and_port():
    port = free_port()
    with pytest.raises(ConnectionFailedException, match=f"localhost:{port}") as caught:
        object_database.connect("localhost", port, "token")
    assert isinstance(caught.value, OdbException) and isinstance(caught.value, ConnectionError)


def test_of_several_servers_the_first_that_takes_it_is_the_one(server):
    for hosts, port in (
        ([("localhost", free_port()), ("localhost", server.port)], None),
        (["localhost", "127.0.0.1"], server.port),
    ):
        db = object_database.connect(hosts, port, server.token)
        assert db.isConnected()
        db.disconnect()


def test_a_server_that_never_answers_does_not_hold_up_the_others(server):
    with socket.create_server(("localhost", 0)) as silent:
        begun = time.monotonic()
        db = object_database.connect(
            [silent.getsockname()[:2], ("localhost", server.port)], None, server.token, timeout=WAIT_S
        )
        assert time.monotonic() - begun < 5
        db.disconnect()


def test_a_server_without_a_port_is_named():
    with pytest.raises(TypeError, match="localhost has no port"):
        object_database.connect(["localhost"], None, "token")


def test_an_unknown_host_is_named():
    with pytest.raises(OdbException, match="no-such-host.invalid"):
        object_database.connect("no-such-host.invalid", 8000, "token")


def test_a_server_that_says_nothing_runs_into_the_timeout():
    with socket.socket() as silent:
        silent.bind(("localhost", 0))
        silent.listen()
        port = silent.getsockname()[1]
        start = time.monotonic()
        with pytest.raises(TimeoutException, match=f"localhost:{port}") as caught:
            object_database.connect("localhost", port, "token", timeout=0.2)
        assert 0.2 <= time.monotonic() - start < WAIT_S
        assert isinstance(caught.value, TimeoutError)


def test_with_retry_the_server_may_come_later(build_dir):
    """No server listens when connect begins: that one fails first, then finds one."""
    port = free_port()
    connected = threading.Event()
    results = []

    def connect():
        try:
            results.append(object_database.connect("localhost", port, "token", 0.3, retry=True))
        except OdbException as error:
            results.append(error)
        connected.set()

    threading.Thread(target=connect).start()
    assert connected.wait(WAIT_S)
    assert isinstance(results[0], OdbException) and str(port) in str(results[0])
    with ServerProcess(build_dir) as server:
        object_database.connect("localhost", server.port, server.token, retry=True).disconnect()


def test_ports_and_timeouts_are_checked():
    with pytest.raises(ValueError, match="port"):
        object_database.connect("localhost", 70000, "token")
    with pytest.raises(ValueError, match="timeout"):
        object_database.connect("localhost", 8000, "token", timeout=-1)


def test_flush_brings_the_cache_up_to_date_and_returns_the_version(db, connect, schema, tasks):
    other = connect()
    other.subscribeToSchema(schema)
    with other.transaction():
        tasks("a")
    assert db.flush() >= other.currentTransactionId() == db.currentTransactionId()
    with db.view():
        assert len(tasks.lookupAll()) == 1


def test_a_flush_that_takes_too_long_raises(own_server):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    own_server.pause()
    with pytest.raises(TimeoutException):
        db.flush(timeout=0.1)
    own_server.resume()
    db.flush(WAIT_S)
    db.disconnect()


def test_after_disconnect_everything_that_needs_the_server_raises(connect, schema, Task):
    db = connect()
    db.subscribeToSchema(schema)
    assert "connected" in repr(db)
    db.disconnect()
    db.disconnect(block=True)
    assert "disconnected" in repr(db)
    with pytest.raises(DisconnectedException):
        db.flush()
    with pytest.raises(DisconnectedException):
        db.subscribeToType(Task)


WAITS = {
    "commit": lambda db, task: commit(db, task),
    "flush": lambda db, task: db.flush(),
    "subscribe": lambda db, task: db.subscribeToIndex(type(task), status="other"),
}


def commit(db, task):
    with db.transaction():
        task.title = "b"


@pytest.mark.parametrize("end", ["kill", "disconnect"])
def test_everything_that_waits_wakes_when_the_link_ends(own_server, schema, Task, end):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)
    with db.transaction():
        task = Task("a")
    own_server.pause()
    outcomes = {}

    def wait(name, body):
        try:
            body(db, task)
        except BaseException as error:
            outcomes[name] = error

    threads = [threading.Thread(target=wait, args=each) for each in WAITS.items()]
    for thread in threads:
        thread.start()
    own_server.kill() if end == "kill" else db.disconnect()
    for thread in threads:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert set(outcomes) == set(WAITS)
    for error in outcomes.values():
        assert isinstance(error, DisconnectedException)
    with db.view():
        assert task.title == "a"
    db.disconnect()


def test_other_threads_run_while_one_waits(own_server):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    own_server.pause()
    progress = threading.Event()
    thread = threading.Thread(target=lambda: (db.flush(WAIT_S), progress.set()))
    thread.start()
    for _ in range(1000):  # this thread has the GIL whenever it wants it
        assert not progress.is_set()
    own_server.resume()
    assert progress.wait(WAIT_S)
    thread.join()
    db.disconnect()


def test_a_dropped_connection_ends_by_itself(server, schema, Task):
    db = object_database.connect("localhost", server.port, server.token)
    db.subscribeToSchema(schema)
    db.registerOnTransactionHandler(lambda *unused: None)
    with db.transaction():
        task = Task("a")
    view = db.view()
    del db
    with view:
        assert task.title == "a"


def test_a_connection_dropped_in_its_own_callback_ends(server, schema, Task):
    dropped = threading.Event()
    holder = [object_database.connect("localhost", server.port, server.token)]
    holder[0].subscribeToSchema(schema)

    def drop(result):
        holder.clear()
        dropped.set()

    with holder[0].transaction().onConfirmed(drop):
        Task("a")
    assert dropped.wait(WAIT_S)


def test_many_connections_work_side_by_side(server, schema, Task):
    connections = [
        object_database.connect("localhost", server.port, server.token) for _ in range(8)
    ]
    for connection in connections:
        connection.subscribeToSchema(schema)
    for number, connection in enumerate(connections):
        with connection.transaction():
            Task(str(number))
    for connection in connections:
        connection.flush()
        with connection.view():
            assert [task.title for task in Task.lookupAll()] == [str(n) for n in range(8)]
        connection.disconnect()
