"""Links that break, and servers that go and come back."""

import queue
import subprocess
import time

import pytest

import object_database
from object_database import DisconnectedException, ObjectDoesntExistException
from support import TOKEN, WAIT_S, ServerProcess


def connected(server, **options):
    return object_database.connect("localhost", server.port, server.token, **options)


def events_of(db):
    events = queue.Queue()
    db.registerOnLinkHandler(lambda *event: events.put(event))
    return events


class ServerAtPort(ServerProcess):
    """A server that takes the place of another."""

    def __init__(self, build_dir, port):
        super().__init__(build_dir)
        self.wanted = str(port)

    def __enter__(self):
        self._process = subprocess.Popen(
            [str(self.program), "--inmem", "localhost", self.wanted, "--service-token", TOKEN],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        line = self._process.stdout.readline()
        assert line, "the server ended before it listened"
        self.port = int(line.strip().rpartition(":")[2])
        return self


def test_a_server_that_comes_back_without_its_objects_begins_a_new_history(
    own_server, build_dir, schema, Task
):
    db = connected(own_server)
    db.subscribeToSchema(schema)
    events = events_of(db)
    with db.transaction():
        old = Task("old")
    changes = queue.Queue()
    db.registerOnTransactionHandler(lambda *change: changes.put(change))
    own_server.kill()
    assert events.get(timeout=WAIT_S)[0] == "reconnecting"
    assert not db.isConnected()
    with db.view():
        assert old.title == "old"  # from the cache
    with ServerAtPort(build_dir, own_server.port):
        assert events.get(timeout=WAIT_S) == ("connected", "", True)
        assert db.isConnected()
        writes, _, _, _ = changes.get(timeout=WAIT_S)
        assert writes == {(old, " exists"): None}
        with db.transaction():
            new = Task("new")
        with db.view():
            assert Task.lookupAll() == (new,) and not old.exists()
            with pytest.raises(ObjectDoesntExistException):
                old.title
        db.disconnect()


def test_what_needs_the_server_waits_for_it_a_while(own_server, schema, Task):
    db = connected(own_server, offlineWait=0.5)
    db.subscribeToSchema(schema)
    events = events_of(db)
    own_server.kill()
    events.get(timeout=WAIT_S)
    began = time.monotonic()
    with pytest.raises(DisconnectedException):
        db.flush()
    assert time.monotonic() - began < WAIT_S
    with pytest.raises(DisconnectedException):
        with db.transaction():
            Task("never")
    with db.view():
        assert Task.lookupAll() == ()
    db.disconnect()


def test_a_link_that_is_not_to_be_made_again_is_gone(own_server, schema):
    db = connected(own_server, reconnectFor=0)
    events = events_of(db)
    own_server.kill()
    assert events.get(timeout=WAIT_S)[0] == "gone"
    with pytest.raises(DisconnectedException):
        db.flush()
    db.disconnect()


def test_a_handler_that_was_dropped_is_told_nothing(own_server):
    db = connected(own_server)
    heard, dropped = events_of(db), []
    db.registerOnLinkHandler(dropped.append)
    db.dropLinkHandler(dropped.append)
    own_server.kill()
    heard.get(timeout=WAIT_S)
    assert dropped == []
    with pytest.raises(TypeError, match="callable"):
        db.registerOnLinkHandler(1)
    db.disconnect()
