"""Where transactions conflict most."""

import pytest

from object_database import ConflictCount, MaskView, RevisionConflictException
from object_database.inmem_server import InMemServer


@pytest.fixture
def server():
    with InMemServer() as embedded:
        yield embedded


@pytest.fixture
def clients(server, schema, Task):
    connections = [server.connect(), server.connect()]
    for connection in connections:
        connection.subscribeToSchema(schema)
    yield connections
    for connection in connections:
        connection.disconnect()


def test_counts_are_by_type_field_and_index(server, clients, schema, Task):
    ada, bob = clients
    with ada.transaction():
        task = Task("a")
    bob.flush()
    assert ada.conflictCounts() == bob.conflictCounts() == server.conflictCounts() == ()

    def conflicting(db, other, read, change):
        db.flush()
        other.flush()
        with pytest.raises(RevisionConflictException):
            with db.transaction():
                read()
                with MaskView(), other.transaction():
                    change()
                Task("never")

    def set_priority():
        task.priority = 5

    for _ in range(3):
        conflicting(ada, bob, lambda: task.priority, set_priority)
    for number in range(2):
        conflicting(
            bob,
            ada,
            lambda: Task.lookupAll(status="done"),
            lambda: Task(f"done {number}", status="done"),
        )
    conflicting(bob, ada, Task.lookupAll, lambda: Task("b"))

    of_field = ConflictCount("field", schema.name, "Task", "priority", 3)
    of_index = ConflictCount("index", schema.name, "Task", "status", 2)
    of_type = ConflictCount("membership", schema.name, "Task", "", 1)
    assert ada.conflictCounts() == (of_field,)
    assert bob.conflictCounts() == (of_index, of_type)
    assert server.conflictCounts() == (of_field, of_index, of_type)


def test_they_read_as_words():
    field = ConflictCount("field", "todo", "Task", "priority", 3)
    assert repr(field) == "<3 conflicts: todo.Task.priority (field)>"
    assert repr(ConflictCount("elsewhere", "", "", "", 9)) == "<9 conflicts: others (elsewhere)>"
