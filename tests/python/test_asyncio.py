"""The package in coroutines. Each test runs a loop of its own."""

import asyncio
import gc
import threading

import pytest
from support import WAIT_S, Script

import object_database
from object_database import (
    ChangesLostException,
    DisconnectedException,
    OutcomeUnknownException,
    RevisionConflictException,
    UsageException,
    current_transaction,
)


def run(coroutine):
    async def limited():
        return await asyncio.wait_for(coroutine, WAIT_S)

    return asyncio.run(limited())


def test_transactions_and_views_are_asynchronous_context_managers(db, tasks):
    async def main():
        async with db.transaction() as transaction:
            assert current_transaction() is transaction
            task = tasks("a", priority=3)
            await asyncio.sleep(0)
            task.priority += 1
        assert current_transaction() is None
        async with db.view() as view:
            assert view.transaction_id() == db.currentTransactionId()
            assert tasks.lookupOne(title="a").priority == 4

    run(main())


def test_tasks_interleave_each_with_its_own_view(db, tasks):
    async def make(title, mine, theirs):
        async with db.transaction() as transaction:
            task = tasks(title)
            mine.set()
            await theirs.wait()  # both are inside now
            assert current_transaction() is transaction
            assert tasks.lookupAll(title=title) == (task,)
            task.priority = 1
        async with db.view():
            assert task.title == title

    async def main():
        first, second = asyncio.Event(), asyncio.Event()
        await asyncio.gather(make("a", first, second), make("b", second, first))

    run(main())
    with db.view():
        assert {task.title for task in tasks.lookupAll()} == {"a", "b"}


def test_a_conflict_raises_where_the_block_ends(db, tasks):
    async def increment(task, read, go_on):
        async with db.transaction():
            task.priority += 1
            read.set()
            await go_on.wait()

    async def main():
        async with db.transaction():
            task = tasks("a")
        read, go_on = asyncio.Event(), asyncio.Event()
        slow = asyncio.create_task(increment(task, read, go_on))
        await read.wait()
        async with db.transaction():
            task.priority += 10
        go_on.set()
        with pytest.raises(RevisionConflictException, match="priority") as raised:
            await slow
        assert (raised.value.object, raised.value.field) == (task, "priority")
        assert raised.value.type is tasks and raised.value.version == db.currentTransactionId()
        async with db.view():
            assert task.priority == 10

    run(main())


def test_a_stale_lookup_names_the_value(db, tasks):
    async def main():
        slow = db.transaction()
        async with db.transaction():
            tasks("phantom")
        with pytest.raises(RevisionConflictException, match='"open" in index') as raised:
            async with slow:
                tasks("another", priority=len(tasks.lookupAll(status="open")))
        assert (raised.value.index, raised.value.value) == ("status", ("open",))

    run(main())


def test_an_exception_or_nocommit_commits_nothing(db, tasks):
    async def main():
        with pytest.raises(RuntimeError, match="no"):
            async with db.transaction():
                tasks("a")
                raise RuntimeError("no")
        async with db.transaction().nocommit():
            tasks("b")
        async with db.view():
            assert tasks.lookupAll() == ()

    run(main())


def test_a_task_that_is_cancelled_inside_commits_nothing(db, tasks):
    async def write(inside):
        async with db.transaction():
            tasks("a")
            inside.set()
            await asyncio.Event().wait()

    async def main():
        inside = asyncio.Event()
        writing = asyncio.create_task(write(inside))
        await inside.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        await db.flush()
        async with db.view():
            assert tasks.lookupAll() == ()

    run(main())


def test_a_transaction_belongs_to_the_task_that_entered_it(db, tasks):
    async def child(task):
        with pytest.raises(UsageException, match="belongs to the task"):
            task.priority = 1
        async with db.view():  # a current view of its own
            assert tasks.lookupAll() == ()

    async def main():
        async with db.transaction():
            await asyncio.create_task(child(tasks("a")))
        async with db.view():
            assert tasks.lookupOne(title="a").priority == 0

    run(main())


def test_confirmations_come_before_the_block_is_left(db, tasks):
    async def main():
        results = []
        async with db.transaction().onConfirmed(results.append):
            tasks("a")
        assert [result.matches.Success for result in results] == [True]

    run(main())


def test_a_commit_does_not_stop_the_loop(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)

    async def main():
        async with db.transaction():
            task = Task("a")

        async def write():
            async with db.transaction():
                task.title = "b"

        own_server.pause()
        writing = asyncio.create_task(write())
        flushing = db.flush()
        for _ in range(100):
            await asyncio.sleep(0)
        assert not writing.done() and not flushing.done()
        own_server.resume()
        await writing
        await flushing
        async with db.view():
            assert task.title == "b"

    run(main())
    db.disconnect()


def test_a_commit_whose_time_runs_out_has_an_unknown_outcome(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)

    async def main():
        async with db.transaction():
            task = Task("a")
        own_server.pause()
        with pytest.raises(OutcomeUnknownException, match="0.05 s"):
            async with db.transaction().withCommitTimeout(0.05):
                task.title = "b"
        own_server.resume()
        await db.flush()

    run(main())
    db.disconnect()


def test_a_commit_on_a_broken_link_raises(own_server, schema, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)

    async def main():
        with pytest.raises(DisconnectedException):
            async with db.transaction():
                Task("a")
                own_server.kill()

    run(main())
    db.disconnect()


def test_flush_waits_in_place_without_a_loop_and_beside_it_with_one(db, connect, schema, tasks):
    other = connect()
    other.subscribeToSchema(schema)
    with db.transaction():
        tasks("a")
    version = db.currentTransactionId()
    assert other.flush() == other.flush(WAIT_S) == other.flush(timeout=WAIT_S) == version

    async def main():
        async with db.transaction():
            tasks("b")
        assert await other.flush() == await other.aflush(WAIT_S) == version + 1
        async with other.view():
            assert len(tasks.lookupAll()) == 2

    run(main())
    other.disconnect()

    async def after_the_end():
        with pytest.raises(DisconnectedException):
            await other.flush()

    run(after_the_end())


# ---- changes ----


def test_changes_tell_what_each_commit_did_to_a_type(db, schema, tasks):
    @schema.define
    class Other:
        x = int

    db.subscribeToSchema(schema)

    async def main():
        async with db.changes(tasks) as changes:
            async with db.transaction():
                kept, dropped = tasks("a"), tasks("b")
                Other(x=1)
            created = db.currentTransactionId()
            async with db.transaction():
                Other(x=2)  # not what was asked for
            async with db.transaction():
                kept.priority = 1
                dropped.delete()
            first, second = await anext(changes), await anext(changes)
            assert first.version == created and second.version == created + 2
            assert set(first.created) == {kept, dropped}
            assert first.changed == first.deleted == second.created == ()
            assert second.changed == (kept,) and second.deleted == (dropped,)
        with pytest.raises(StopAsyncIteration):
            await anext(changes)

    run(main())


def test_changes_without_types_are_those_of_all(db, schema, tasks):
    async def main():
        changes = db.changes()
        async with db.transaction():
            task = tasks("a")
        async for change in changes:
            assert change.created == (task,)
            break

    run(main())


def test_a_consumer_that_falls_behind_gets_what_waits_and_then_an_error(db, tasks):
    async def main():
        changes = db.changes(tasks, queued_max=3)
        versions, all_arrived = set(), threading.Event()

        def count(writes, additions, removals, version):  # runs after the handler of `changes`
            versions.add(version)
            if len(versions) == 5:
                all_arrived.set()

        db.registerOnTransactionHandler(count)
        for i in range(5):
            with db.transaction():
                tasks(str(i))
        assert all_arrived.wait(WAIT_S)  # meanwhile the loop does not get to run
        seen = []
        with pytest.raises(ChangesLostException, match="more than 3 changes"):
            async for change in changes:
                seen.append(change.created[0])
        with db.view():
            assert [task.title for task in seen] == ["0", "1", "2"]

    run(main())


def test_a_waiting_consumer_can_be_cancelled_and_loses_nothing(db, tasks):
    async def main():
        changes = db.changes(tasks)
        waiting = asyncio.create_task(anext(changes))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        async with db.transaction():
            task = tasks("a")
        assert (await anext(changes)).created == (task,)

    run(main())


def test_a_dropped_consumer_takes_its_handler_along(db, tasks):
    async def consume():
        async for _ in db.changes(tasks):
            pass

    async def main():
        before = db._remove_handler
        removed = []
        db._remove_handler = lambda number: (removed.append(number), before(number))
        consuming = asyncio.create_task(consume())
        await asyncio.sleep(0)
        consuming.cancel()
        await asyncio.gather(consuming, return_exceptions=True)
        del consuming
        await asyncio.sleep(0)  # the loop lets go of what ended the task
        gc.collect()
        assert len(removed) == 1

    run(main())


@pytest.mark.parametrize("ending", ["disconnect", "kill"])
def test_changes_end_with_the_link(own_server, schema, Task, ending):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.subscribeToSchema(schema)

    async def main():
        changes = db.changes(Task)
        async with db.transaction():
            Task("a")
        assert len((await anext(changes)).created) == 1
        waiting = asyncio.create_task(anext(changes))
        await asyncio.sleep(0)
        own_server.kill() if ending == "kill" else db.disconnect()
        with pytest.raises(DisconnectedException, match="no more changes"):
            await waiting

    run(main())
    db.disconnect()


def test_changes_need_a_loop_a_type_and_a_place(db, tasks):
    with pytest.raises(UsageException, match="event loop"):
        db.changes(tasks)

    async def main():
        with pytest.raises(TypeError, match="expected a type of a schema"):
            db.changes(int)
        with pytest.raises(ValueError, match="at least 1"):
            db.changes(tasks, queued_max=0)

    run(main())


def test_a_thread_beside_the_loop_waits_in_place(db, tasks):
    async def main():
        results = []
        thread = threading.Thread(target=lambda: results.append(db.flush()))
        thread.start()
        await asyncio.get_running_loop().run_in_executor(None, thread.join)
        assert results == [db.currentTransactionId()]

    run(main())


# ---- the end of the program ----


def test_a_program_that_ends_amid_waits_and_changes_exits_cleanly(build_dir, own_server):
    script = Script(
        build_dir,
        own_server,
        """
        import asyncio

        async def main():
            db = connected()
            changes = db.changes(Thing)
            watching = asyncio.create_task(anext(changes))
            print("ready")
            input()
            flushing = db.flush()
            async with db.transaction().noconfirm():
                Thing(name="a")
            await asyncio.sleep(0)

        asyncio.run(main())
        print("ended")
        """,
    )
    assert script.read_line() == "ready"
    own_server.pause()
    script.go_on()
    assert script.end() == (0, "ended", "")


def test_ctrl_c_ends_a_commit_that_waits(build_dir, own_server):
    script = Script(
        build_dir,
        own_server,
        """
        import asyncio

        async def main():
            db = connected()
            async with db.transaction():
                Thing(name="a")
                print("ready")
                input()
            print("committed")

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            print("interrupted")
        """,
    )
    assert script.read_line() == "ready"
    own_server.pause()
    script.go_on()
    script.interrupt_wait()
    assert script.end() == (0, "interrupted", "")
