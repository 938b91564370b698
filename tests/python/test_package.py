"""The names of the package, where programs import them from, and what type checkers see."""

import importlib
import os
import pathlib
import shutil
import subprocess
import textwrap

import pytest

import object_database
from object_database import exceptions

NAMES = """
    connect Schema Indexed Index current_transaction core_schema OneOf TupleOf ListOf ConstDict
    NamedTuple Tuple Alternative RevisionConflictException DisconnectedException
    ObjectDoesntExistException ServerError SubscribeLazilyByDefault MaskView revisionConflictRetry
    FieldNotDefaultInitializable Reactor ConflictCount
""".split()

SUBMODULES = {
    "schema": "Schema Indexed Index OneOf TupleOf ListOf ConstDict NamedTuple Tuple Alternative",
    "view": "View Transaction current_transaction RevisionConflictException DisconnectedException"
    " ObjectDoesntExistException MaskView revisionConflictRetry",
    "core_schema": "core_schema",
    "database_connection": "DatabaseConnection connect",
    "reactor": "Reactor",
    "exceptions": "OdbException RevisionConflictException DisconnectedException ServerError",
}


@pytest.mark.parametrize("name", NAMES)
def test_the_package_has_the_name(name):
    assert hasattr(object_database, name) and name in object_database.__all__


@pytest.mark.parametrize("name", ["InMemServer", "TcpServer"])
def test_servers_are_in_submodules_of_their_own(name):
    module = {"InMemServer": "inmem_server", "TcpServer": "tcp_server"}[name]
    assert isinstance(getattr(importlib.import_module(f"object_database.{module}"), name), type)


@pytest.mark.parametrize("module", SUBMODULES)
def test_the_submodule_has_its_names(module):
    loaded = importlib.import_module(f"object_database.{module}")
    for name in SUBMODULES[module].split():
        assert getattr(loaded, name) is getattr(object_database, name)


def test_all_exceptions_have_one_base():
    found = [
        each
        for each in vars(exceptions).values()
        if isinstance(each, type) and each.__module__ == exceptions.__name__
    ]
    assert len(found) > 10
    for each in found:
        assert issubclass(each, exceptions.OdbException)


def test_numpy_is_not_imported():
    code = "import sys, object_database; sys.exit('numpy' in sys.modules)"
    package = pathlib.Path(object_database.__file__).parents[1]
    environment = dict(os.environ, PYTHONPATH=str(package))
    assert subprocess.run(["/usr/bin/python3", "-c", code], env=environment).returncode == 0


EXAMPLE = """
    from typing import Literal, Optional, Sequence

    from object_database import (
        ConstDict,
        DatabaseConnection,
        DatabaseObject,
        FieldNotDefaultInitializable,
        Index,
        Indexed,
        Schema,
        TupleOf,
        connect,
    )

    schema = Schema("todo")

    @schema.define
    class Task(DatabaseObject):
        title: Indexed[str]
        status: Literal["open", "done"]
        priority: int
        parent: "Optional[Task]"
        tags: TupleOf[str]
        sizes: ConstDict[str, int]
        by_status_and_priority = Index("status", "priority")

        def __init__(self, title: str, priority: int = 0) -> None:
            self.title, self.priority = title, priority

        @property
        def is_done(self) -> bool:
            return self.status == "done"

    def example() -> str:
        db = connect("localhost", 8000, "TOKEN", timeout=1.5)
        db.subscribeToSchema(schema, excluding=[])
        with db.transaction().withCommitTimeout(3) as transaction:
            task = Task("read", priority=3)
            task.tags = ["a", "b"]
            task.sizes = {"a": 1}
            transaction.noconfirm()
        with db.view():
            found: Sequence[Task] = Task.lookupAll(title="read")
            one: Optional[Task] = Task.lookupAny(title="read")
            tag: str = found[0].tags[0]
            size: int = found[0].sizes["a"]
            number: int = found[0]._identity + size + db.flush(1.0)
            return found[0].title + tag + str(number) + str(one)

    async def asynchronous_example(db: DatabaseConnection) -> int:
        async with db.transaction().withCommitTimeout(3) as transaction:
            task = Task("read", priority=3)
            transaction.noconfirm()
        async with db.view() as view:
            version: int = view.transaction_id() + await db.aflush()
        async for change in db.changes(Task, queued_max=10):
            version += change.version + len(change.created)
        async with db.changes() as changes:
            change = await changes.__anext__()
        await db.flush(1.0)
        try:
            Task(title="unread")
        except FieldNotDefaultInitializable as error:
            assert error.field == "title"
        table: Optional[str] = task._repr_html_()
        return version + len(Task.lookupAll()._repr_html_()) + len(table or "")
"""

MORE = """
    from typing import Sequence

    from object_database import (
        DatabaseObject, Index, Indexed, MaskView, Schema, SubscribeLazilyByDefault, Subscription,
        revisionConflictRetry,
    )
    from object_database.inmem_server import InMemServer
    from object_database.tcp_server import TcpServer

    schema = Schema("todo")

    @schema.define
    @SubscribeLazilyByDefault
    class Task(DatabaseObject):
        status: Indexed[str]
        priority: Indexed[int]
        by_status_and_priority = Index("status", "priority")

    @revisionConflictRetry
    def increment(task: Task) -> int:
        task.atomicAdd(priority=1)
        return task.priority

    @revisionConflictRetry(attempts=3)
    def decrement(task: Task) -> None:
        task.atomicAdd(priority=-1)

    def example() -> int:
        with InMemServer() as server, TcpServer("localhost", 0, auth_token="x") as other:
            db = server.connect()
            handle: Subscription = db.subscribeToSchema(schema, lazySubscription=None)
            db.subscribeToRange(Task, "priority", atLeast=2).unsubscribe()
            handle.wait(1.0)
            with db.transaction() as transaction:
                task = Task(status="open", priority=3)
                transaction.markIndexRead(Task, status="open")
            with db.view():
                db.requestLazyObjects([task])
                with MaskView():
                    number: int = increment(task)
                    decrement(task)
                found: Sequence[Task] = Task.lookupRange(status="open", atLeast=2, limit=3)
                is_done: bool = db.waitForCondition(lambda: found[0].priority > 3, timeout=1)
                return number + Task.count() + Task.countRange("priority", below=9) + other.port
"""

WRONG = """
    from object_database import DatabaseObject, Indexed, Schema

    schema = Schema("todo")

    @schema.define
    class Task(DatabaseObject):
        title: Indexed[str]

    def example(task: Task) -> int:
        task.title = 3
        return Task.lookupOne().title
"""


def check_types(tmp_path, example):
    mypy = shutil.which("mypy", path="/usr/bin:/bin") or shutil.which("mypy")
    if mypy is None:
        pytest.skip("mypy is not installed: the stubs are not checked")
    (tmp_path / "example.py").write_text(textwrap.dedent(example))
    package = pathlib.Path(object_database.__file__).parents[1]
    return subprocess.run(
        [mypy, "--strict", "--cache-dir", str(tmp_path / "cache"), "example.py"],
        cwd=tmp_path,
        env=dict(os.environ, MYPYPATH=str(package)),
        capture_output=True,
        text=True,
    )


def test_mypy_accepts_an_annotated_program(tmp_path):
    result = check_types(tmp_path, EXAMPLE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy_accepts_the_whole_object_model(tmp_path):
    result = check_types(tmp_path, MORE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_mypy_finds_what_does_not_fit(tmp_path):
    result = check_types(tmp_path, WRONG)
    assert result.returncode == 1
    assert result.stdout.count("error:") == 2, result.stdout + result.stderr


def test_the_annotated_program_is_one_that_runs(tmp_path):
    namespace = {"__name__": "example"}
    exec(textwrap.dedent(EXAMPLE), namespace)
    fields = namespace["Task"]._odb_declaration.fields
    assert list(fields) == ["title", "status", "priority", "parent", "tags", "sizes"]
