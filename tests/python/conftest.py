"""A real server for the tests, and connections to it. See README.md in bindings/python."""

import itertools
import os
import pathlib
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("ODB_BUILD_DIR", ROOT / "build" / "release")).resolve()
sys.path.insert(0, str(BUILD / "python"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

from support import ServerProcess  # noqa: E402

import object_database  # noqa: E402

_schema_numbers = itertools.count(1)

# What is started in the background of a script ignores Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def build_dir():
    return BUILD


@pytest.fixture(scope="session")
def server():
    """One server for all tests that do it no harm; each test uses schemas of its own."""
    with ServerProcess(BUILD) as process:
        yield process


@pytest.fixture
def own_server():
    """A server that the test may stop, pause or kill."""
    with ServerProcess(BUILD) as process:
        yield process


@pytest.fixture
def connect(server):
    """Makes connections that end with the test."""
    connections = []

    def make():
        connections.append(object_database.connect("localhost", server.port, server.token))
        return connections[-1]

    yield make
    for connection in connections:
        connection.disconnect()


@pytest.fixture
def db(connect):
    return connect()


@pytest.fixture
def schema():
    """A schema with a name that no other test uses."""
    return object_database.Schema(f"test{next(_schema_numbers)}")


@pytest.fixture
def Task(schema):
    """The type that most tests need."""

    @schema.define
    class Task:
        title = object_database.Indexed(str)
        status = object_database.Indexed(str)
        priority = int
        parent = object_database.OneOf(None, schema.Task)
        by_status_and_priority = object_database.Index("status", "priority")

        def __init__(self, title="", status="open", priority=0, parent=None):
            self.title = title
            self.status = status
            self.priority = priority
            self.parent = parent

    return Task


@pytest.fixture
def tasks(db, schema, Task):
    """The same type, subscribed to on `db`."""
    db.subscribeToSchema(schema)
    return Task
