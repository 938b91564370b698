"""The current view: where objects can be read and written, and by whom."""

import asyncio
import contextvars
import ctypes
import threading

import pytest

from object_database import RevisionConflictException, UsageException, current_transaction


@pytest.fixture
def task(db, tasks):
    with db.transaction():
        return tasks("a")


def test_outside_a_view_nothing_can_be_read_or_written(tasks, task):
    for use in (
        lambda: task.title,
        lambda: task.exists(),
        lambda: tasks.lookupAll(),
        lambda: tasks.lookupOne(title="a"),
    ):
        with pytest.raises(UsageException, match="view"):
            use()
    for use in (lambda: setattr(task, "title", "b"), lambda: tasks("b"), lambda: task.delete()):
        with pytest.raises(UsageException, match="transaction"):
            use()


def test_a_view_cannot_be_written(db, tasks, task):
    with db.view():
        for use in (lambda: setattr(task, "title", "b"), lambda: tasks("b"), lambda: task.delete()):
            with pytest.raises(UsageException, match="transaction"):
                use()
        assert task.title == "a"


def test_a_view_is_a_snapshot(db, task):
    old = db.view()
    with db.transaction():
        task.title = "b"
    with old:
        assert task.title == "a"
    with db.view():
        assert task.title == "b"
    with old:  # and may be entered again
        assert task.title == "a"


def test_views_do_not_nest_in_one_context(db, task):
    for outer in (db.view, db.transaction):
        for inner in (db.view, db.transaction):
            with outer():
                with pytest.raises(UsageException, match="current already"):
                    with inner():
                        pass
                assert task.title == "a"  # the outer one goes on


def test_leaving_makes_room_for_the_next(db, task):
    with db.view():
        pass
    with db.transaction():
        task.title = "b"
    with pytest.raises(UsageException):
        task.title


def test_current_transaction_is_that_of_the_context(db):
    assert current_transaction() is None
    with db.view():
        assert current_transaction() is None
    with db.transaction() as transaction:
        assert current_transaction() is transaction
    assert current_transaction() is None


def test_an_exception_leaves_without_a_commit(db, task):
    with pytest.raises(KeyError):
        with db.transaction():
            task.title = "b"
            raise KeyError("x")
    with db.view():
        assert task.title == "a"


def test_a_transaction_is_used_once(db, task):
    transaction = db.transaction()
    with transaction:
        task.title = "b"
        transaction.commit()
        with pytest.raises(UsageException, match="has ended"):
            task.title
    with pytest.raises(UsageException, match="has ended"):
        transaction.commit()
    with transaction, pytest.raises(UsageException, match="has ended"):
        task.title
    with db.view():
        assert task.title == "b"


def test_views_know_their_version_and_connection(db, task):
    before = db.currentTransactionId()
    with db.transaction() as transaction:
        assert transaction.transaction_id() == before
        assert transaction.db() is db
        task.title = "b"
    assert db.currentTransactionId() == before + 1
    with db.view() as view:
        assert view.transaction_id() == before + 1
        assert view.db() is db


def test_an_older_version_can_be_asked_for(db, task):
    then = db.currentTransactionId()
    with db.view(transaction_id=then):
        assert task.title == "a"
    with db.transaction(then):
        task.title = "b"
    with db.view(then) as view:
        assert view.transaction_id() == then and task.title == "a"
    with db.view():
        assert task.title == "b"
    with pytest.raises(RevisionConflictException), db.transaction(then):
        task.title += "c"
    with pytest.raises(UsageException, match="not there yet"):
        db.view(db.currentTransactionId() + 1)


def test_a_transaction_tells_what_it_read_and_wrote(db, tasks, task):
    with db.transaction():
        doomed = tasks("doomed")
    with db.transaction() as transaction:
        task.title
        assert transaction.getFieldReads() == {(task, "title")}
        tasks.lookupAll(status="open")
        tasks.lookupAll()
        assert transaction.getIndexReads() == {(tasks, "status", ("open",)), (tasks, None, ())}
        assert transaction.getFieldWrites() == {}
        task.title = "b"
        made = tasks("c")
        doomed.delete()
        writes = transaction.getFieldWrites()
        assert writes[task, "title"] == "b" and writes[made, "title"] == "c"
        assert writes[made, " exists"] is True and writes[doomed, " exists"] is None
        additions, removals = transaction.getIndexWrites()
        assert (tasks, "title", ("b",), task) in additions
        assert (tasks, "title", ("a",), task) in removals
        assert (tasks, "by_status_and_priority", ("open", 0), made) in additions
        assert (tasks, "status", ("open",), doomed) in removals
        assert (tasks, "status", ("open",), task) not in additions + removals
    with db.view() as view:
        task.title
        assert not view.getFieldReads() and not view.getFieldWrites()
        assert not view.getIndexReads() and view.getIndexWrites() == ([], [])


def test_each_thread_has_its_own_current_view(db, task):
    old = db.view()
    entered, changed = threading.Event(), threading.Event()
    seen = []

    def read_old():
        with pytest.raises(UsageException):
            task.title  # the other thread's transaction is not this one's
        with old:
            entered.set()
            assert changed.wait(30)
            seen.append(task.title)

    with db.transaction():
        thread = threading.Thread(target=read_old)
        thread.start()
        assert entered.wait(30)
        task.title = "b"
    with db.view():
        changed.set()
        thread.join()
        assert task.title == "b"
    assert seen == ["a"]


def test_each_task_has_its_own_current_view(db, task):
    async def main():
        wrote, read = asyncio.Event(), asyncio.Event()

        async def writer():
            with db.transaction():
                task.title = "b"
                wrote.set()
                await read.wait()
                assert task.title == "b"

        async def reader():
            await wrote.wait()
            with pytest.raises(UsageException):
                task.title
            with db.view():
                await asyncio.sleep(0)
                assert task.title == "a"
            read.set()

        await asyncio.gather(writer(), reader())

    asyncio.run(main())
    with db.view():
        assert task.title == "b"


def test_a_child_task_reads_its_parents_view_and_may_enter_its_own(db, task):
    async def main():
        async def child():
            assert task.title == "a"
            with db.transaction():
                task.title = "b"
            with db.view():
                return task.title

        with db.view():
            assert await asyncio.create_task(child()) == "b"
            assert task.title == "a"

    asyncio.run(main())


def test_a_child_task_cannot_use_its_parents_transaction(db, task):
    async def main():
        async def child():
            write = lambda: setattr(task, "title", "b")  # noqa: E731
            for use in (lambda: task.title, write, current_transaction):
                with pytest.raises(UsageException, match="belongs to the task"):
                    use()

        with db.transaction():
            await asyncio.create_task(child())

    asyncio.run(main())


def test_a_context_that_outlives_the_view_reads_nothing(db, task):
    with db.view():
        context = contextvars.copy_context()
        assert context.run(lambda: task.title) == "a"
    with pytest.raises(UsageException, match="has been left"):
        context.run(lambda: task.title)


def test_many_threads_read_one_view(db, tasks):
    with db.transaction():
        made = [tasks(str(number)) for number in range(100)]
    view = db.view()
    failures = []

    def read():
        with view:
            if [task.title for task in made] != [str(number) for number in range(100)]:
                failures.append("wrong")

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


class HeapUse(ctypes.Structure):
    """struct mallinfo2 of glibc"""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def bytes_in_use():
    mallinfo2 = ctypes.CDLL(None).mallinfo2
    mallinfo2.restype = HeapUse
    use = mallinfo2()
    return use.uordblks + use.hblkhd


def test_a_view_that_is_dropped_gives_its_memory_back(db, task):
    size, rounds = 100_000, 100

    def write():
        for number in range(rounds):
            with db.transaction():
                task.title = chr(ord("a") + number % 26) * size

    write()
    before = bytes_in_use()
    view = db.view()
    with view:
        first = task.title
    write()
    while_open = bytes_in_use()
    assert while_open - before >= (rounds - 2) * size
    with view:
        assert task.title == first
    del view
    write()
    assert bytes_in_use() - before < rounds * size // 4
