"""Connections as objects: who is there, and what goes with them."""

import signal

import pytest

import object_database
from object_database import (
    Indexed,
    ObjectDoesntExistException,
    OneOf,
    OwnedBy,
    RevisionConflictException,
    Schema,
    ServerError,
    core_schema,
)
from support import WAIT_S, Script

# Each test has a server of its own: once the schema "core" is known, every client that comes or goes
# makes a version.


@pytest.fixture
def join(own_server):
    connections = []

    def make(name=""):
        connection = object_database.connect(
            "localhost", own_server.port, own_server.token, name=name
        )
        connections.append(connection)
        return connection

    yield make
    for connection in connections:
        connection.disconnect()


schema = Schema("leases")


@schema.define
class Lease:
    what = Indexed(str, unique=True)
    holder = OwnedBy(core_schema.Connection)


@schema.define
class Seat:
    number = int
    guest: OwnedBy[OneOf(None, core_schema.Connection)]


def names():
    return sorted(connection.name for connection in core_schema.Connection.lookupAll())


def test_they_come_and_go_with_clients(join):
    watcher = join("watcher")
    watcher.subscribeToSchema(core_schema)
    with watcher.view():
        own = watcher.connectionObject
        assert names() == ["watcher"]
        assert own.actor == "service" and own.exists() and own.since.tzinfo is not None
        assert own.address
    worker = join("worker 7")
    watcher.waitForCondition(lambda: names() == ["watcher", "worker 7"], timeout=WAIT_S)
    with watcher.view():
        assert core_schema.Connection.lookupOne(name="worker 7") == worker.connectionObject
    worker.disconnect()
    watcher.waitForCondition(lambda: names() == ["watcher"], timeout=WAIT_S)


def test_a_script_is_named_after_its_file(join, monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/producer.py", "--fast"])
    db = join()
    db.subscribeToSchema(core_schema)
    with db.view():
        assert names() == ["producer.py"]


def test_what_they_own_goes_with_them_in_one_transaction(join):
    stays, leaves = join("stays"), join("leaves")
    stays.subscribeToSchema(schema, core_schema)
    leaves.subscribeToSchema(schema)
    with stays.transaction():
        kept = Lease(what="kept", holder=stays.connectionObject)
        free = Seat(number=1)
    gone = leaves.connectionObject
    with leaves.transaction():
        lost = Lease(what="lost", holder=gone)
        taken = Seat(number=2, guest=gone)
    stays.flush()
    with stays.view():
        assert list(Lease.lookupAll(holder=gone)) == [lost]
    leaves.disconnect()
    stays.waitForCondition(lambda: not gone.exists(), timeout=WAIT_S)
    with stays.view():
        assert [lost.exists(), taken.exists(), kept.exists(), free.exists()] == [
            False,
            False,
            True,
            True,
        ]
        with pytest.raises(ObjectDoesntExistException):
            gone.name
    with pytest.raises(RevisionConflictException):
        with stays.transaction():
            free.guest = gone


def test_they_go_when_their_process_is_killed(join, own_server, build_dir):
    watcher = join("watcher")
    watcher.subscribeToSchema(schema, core_schema)
    script = Script(
        build_dir,
        own_server,
        """
        leases = Schema("leases")

        @leases.define
        class Lease:
            what = Indexed(str, unique=True)
            holder = OwnedBy(core_schema.Connection)

        db = connected()
        db.subscribeToSchema(leases)
        with db.transaction():
            Lease(what="a lock", holder=db.connectionObject)
        print("taken")
        input()
        """,
    )
    assert script.read_line() == "taken"
    watcher.flush()
    with pytest.raises(object_database.UniqueViolationException):
        with watcher.transaction():
            Lease(what="a lock", holder=watcher.connectionObject)
    script.process.send_signal(signal.SIGKILL)
    watcher.waitForCondition(lambda: Lease.lookupAny(what="a lock") is None, timeout=WAIT_S)
    with watcher.transaction():
        Lease(what="a lock", holder=watcher.connectionObject)
    script.process.communicate()


def test_only_the_server_writes_them(join):
    db = join()
    db.subscribeToSchema(core_schema)
    with pytest.raises(ServerError, match="only the server"):
        with db.transaction():
            db.connectionObject.name = "somebody else"
    with pytest.raises(ServerError, match="only the server"):
        with db.transaction():
            core_schema.Connection(name="nobody")
    with pytest.raises(ServerError, match="only the server"):
        with db.transaction():
            db.connectionObject.delete()


def test_only_a_connection_can_own(join):
    wrong = Schema("wrong")

    @wrong.define
    class Lease:
        holder = OwnedBy(str)

    with pytest.raises(object_database.SchemaException, match="expected an owner to be one field"):
        join().subscribeToSchema(wrong)


def test_a_name_too_long_is_refused(join):
    with pytest.raises(TypeError, match="takes 257 bytes, more than 256"):
        join("x" * 257)
