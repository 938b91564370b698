"""Reactors: when their function runs, how often, and how they end."""

import logging
import math
import queue
import threading
import time

import pytest

import object_database.reactor
from object_database import (
    DisconnectedException,
    MaskView,
    NotSubscribedException,
    Reactor,
    UsageException,
    connect as connect_to,
)
from object_database.reactor import Timeout
from support import WAIT_S, Script


@pytest.fixture
def reactor_of(db):
    """Makes reactors on `db` that are torn down with the test."""
    made = []

    def make(function, **options):
        made.append(Reactor(db, function, **options))
        return made[-1]

    yield make
    for reactor in made:
        reactor.teardown()


@pytest.fixture
def other(connect, schema, tasks):
    """A second connection, subscribed to the same."""
    connection = connect()
    connection.subscribeToSchema(schema)
    return connection


@pytest.fixture
def task(db, tasks, other):
    with db.transaction():
        made = tasks("a", priority=1)
    other.flush()
    return made


def change(db, task, **fields):
    with db.transaction():
        for name, value in fields.items():
            setattr(task, name, value)


def becomes_true(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


@pytest.mark.parametrize("kind", ["view", "transaction"])
def test_it_runs_again_when_what_it_read_changes(db, other, task, reactor_of, kind):
    seen = queue.Queue()

    def function():
        with getattr(db, kind)():
            seen.put(task.priority)

    reactor = reactor_of(function)
    assert not reactor.isRunning()
    with reactor.running() as same:
        assert same is reactor and reactor.isRunning()
        assert seen.get(timeout=WAIT_S) == 1
        change(other, task, priority=2)
        assert seen.get(timeout=WAIT_S) == 2
        change(db, task, priority=3)
        assert seen.get(timeout=WAIT_S) == 3
    assert not reactor.isRunning()
    change(db, task, priority=4)
    assert seen.empty()
    reactor.start()
    assert seen.get(timeout=WAIT_S) == 4
    reactor.stop()


READS = {
    "cell": lambda cls, task: task.exists() and task.priority,
    "existence": lambda cls, task: task.exists(),
    "value": lambda cls, task: cls.lookupAny(status="open"),
    "values": lambda cls, task: cls.lookupAll(by_status_and_priority=("open", 1)),
    "range": lambda cls, task: cls.lookupRange(
        by_status_and_priority=("open",), atLeast=2, atMost=3
    ),
    "count": lambda cls, task: cls.countRange(
        by_status_and_priority=("open",), above=1, below=4
    ),
    "membership": lambda cls, task: cls.lookupAll(),
}


@pytest.mark.parametrize("kind", ["view", "transaction"])
def test_it_runs_for_exactly_what_it_read(db, other, tasks, task, reactor_of, kind):
    with other.transaction():
        neighbour = tasks("neighbour")
    db.flush()
    runs = dict.fromkeys(READS, 0)

    def function_of(name):
        def function():
            runs[name] += 1
            with getattr(db, kind)():
                READS[name](tasks, task)

        return function

    reactors = {name: reactor_of(function_of(name)) for name in READS}
    for reactor in reactors.values():
        reactor.next()

    def woken():
        db.flush()  # with it every change before has been judged
        before = dict(runs)
        for reactor in reactors.values():
            while reactor.next(timeout=0) is not Timeout:
                pass
        return {name: runs[name] - before[name] for name in READS if runs[name] != before[name]}

    assert woken() == {}
    change(other, neighbour, priority=5, title="n")
    assert woken() == {}
    change(other, task, title="b", parent=neighbour)
    assert woken() == {}
    change(other, task, priority=2)
    assert woken() == {"cell": 1, "values": 1, "range": 1, "count": 1}
    change(other, task, priority=3)
    assert woken() == {"cell": 1, "range": 1, "count": 1}
    change(other, task, status="done")
    assert woken() == {"value": 1, "range": 1, "count": 1}
    change(other, task, status="late")
    assert woken() == {}
    with other.transaction():
        tasks("c", status="late", priority=1)
    assert woken() == {"membership": 1}
    with other.transaction():
        task.delete()
    assert woken() == {"cell": 1, "existence": 1, "membership": 1}


@pytest.mark.parametrize("kind", ["view", "transaction"])
def test_a_limited_range_wakes_no_further_than_it_gives(db, other, tasks, reactor_of, kind):
    with other.transaction():
        for title in ("b", "d", "f", "h"):
            tasks(title)
    db.flush()
    found = {}

    def reactor_for(name, **options):
        def function():
            with getattr(db, kind)():
                found[name] = [task.title for task in tasks.lookupRange("title", **options)]

        return reactor_of(function)

    up = reactor_for("up", limit=2)
    down = reactor_for("down", limit=2, reverse=True)
    all_of_it = reactor_for("all", limit=9)

    def woken_by(title):
        with other.transaction():
            tasks(title)
        db.flush()
        return [each is not Timeout for each in (r.next(timeout=0) for r in (up, down, all_of_it))]

    for reactor in (up, down, all_of_it):
        reactor.next()
    assert found == {"up": ["b", "d"], "down": ["h", "f"], "all": ["b", "d", "f", "h"]}
    assert woken_by("e") == [False, False, True]
    assert woken_by("a") == [True, False, True]
    assert found["up"] == ["a", "b"]
    assert woken_by("i") == [False, True, True]
    assert found["down"] == ["i", "h"]


def test_several_views_and_transactions_of_one_run_count(db, other, tasks, task, reactor_of):
    with other.transaction():
        second = tasks("second")
    db.flush()

    def function():
        with db.view():
            task.priority
        with db.transaction():
            second.priority
        with db.transaction().nocommit():
            task.status
        ended = db.transaction()
        with ended:
            second.status
            ended.commit()

    reactor = reactor_of(function)
    reactor.next()
    for each in ({"priority": 9}, {"status": "x"}):
        for which in (task, second):
            change(db, which, **each)
            assert reactor.next(timeout=0) is None
            assert reactor.next(timeout=0) is Timeout
    change(db, task, title="not read")
    assert reactor.next(timeout=0) is Timeout


def test_what_others_read_meanwhile_does_not_count(db, other, task, reactor_of):
    outer = db.view()

    def elsewhere():
        with db.view():
            task.status

    def function():
        with db.view():
            task.priority
        with other.view():
            task.title
        with outer:
            task.status
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()

    reactor = reactor_of(function)
    reactor.next()
    change(db, task, title="x", status="y")
    assert reactor.next(timeout=0) is Timeout
    elsewhere()
    with db.view():
        task.parent  # after the run
    change(db, task, parent=task)
    assert reactor.next(timeout=0) is Timeout
    change(db, task, priority=2)
    assert reactor.next(timeout=0) is None


def test_its_own_commits_wake_it_until_nothing_is_left_to_do(db, task, reactor_of):
    runs = []

    def function():
        runs.append(1)
        with db.transaction():
            if task.priority < 5:
                task.priority += 1

    reactor = reactor_of(function)
    while reactor.next(timeout=0) is not Timeout:
        assert len(runs) < 20
    assert len(runs) == 5  # from 1 to 5 in four, and one that finds nothing to do
    with db.view():
        assert task.priority == 5


def test_its_own_commit_of_what_it_did_not_read_does_not_wake_it(db, task, reactor_of):
    def function():
        with db.transaction():
            task.status = str(task.priority)

    reactor = reactor_of(function)
    reactor.next()
    assert reactor.next(timeout=0) is Timeout


def test_it_misses_nothing_that_is_committed_while_it_runs(db, other, task, reactor_of):
    seen = []

    def function():
        with db.view():
            if not seen:
                change_elsewhere(2)  # after the snapshot, before the read
            seen.append(task.priority)
        if len(seen) == 2:
            change_elsewhere(3)  # after the view has been left

    def change_elsewhere(priority):
        thread = threading.Thread(target=change, args=(other, task), kwargs={"priority": priority})
        thread.start()
        thread.join()
        db.flush()

    reactor = reactor_of(function)
    for _ in range(3):
        assert reactor.next(timeout=0) is None
    assert reactor.next(timeout=0) is Timeout
    assert seen == [1, 2, 3]


def test_what_it_saw_already_does_not_wake_it(db, task, reactor_of):
    def function():
        with db.transaction():
            task.priority = 7  # blind: nothing is read
        with db.view():
            return task.priority

    reactor = reactor_of(function)
    assert reactor.next() == 7
    assert reactor.next(timeout=0) is Timeout


def test_it_misses_none_of_many_commits_one_after_the_other(db, other, tasks, task, reactor_of):
    with other.transaction():
        echo = tasks("echo")
    db.flush()

    def function():
        with db.transaction():
            if echo.priority != task.priority:
                echo.priority = task.priority

    def echo_is_there():
        with other.view():
            return echo.priority == task.priority

    with reactor_of(function).running():
        waiting = Reactor(other, echo_is_there)
        for number in range(100, 200):
            change(other, task, priority=number)
            assert waiting.blockUntilTrue(timeout=WAIT_S), number
        waiting.teardown()


def test_a_conflict_is_retried_within_the_run(db, other, task, reactor_of):
    calls = []

    def function():
        with db.transaction():
            priority = task.priority
            if len(calls) < 3:
                thread = threading.Thread(
                    target=change, args=(other, task), kwargs={"priority": priority + 10}
                )
                thread.start()
                thread.join()
            calls.append(priority)
            task.status = str(priority)
        return "done"

    reactor = reactor_of(function)
    assert reactor.next() == "done"
    assert calls == [1, 11, 21, 31]
    assert reactor.next(timeout=0) is Timeout
    with db.view():
        assert task.status == "31"


def test_next_returns_what_the_function_returns_and_raises_what_it_raises(db, task, reactor_of):
    answers = ["first", ValueError("broken"), None]

    def function():
        with db.view():
            task.priority
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    reactor = reactor_of(function)
    assert reactor.next() == "first"
    change(db, task, priority=2)
    with pytest.raises(ValueError, match="broken"):
        reactor.next(timeout=0)
    assert reactor.next(timeout=0) is None  # at once
    assert reactor.next(timeout=0) is Timeout
    assert answers == []


def test_exceptions_are_logged_and_the_run_tried_again(db, task, reactor_of, caplog, monkeypatch):
    monkeypatch.setattr(object_database.reactor, "_ERROR_PAUSE_S", 0.01)
    monkeypatch.setattr(object_database.reactor, "_ERROR_PAUSE_MAX_S", 0.02)
    seen = queue.Queue()
    calls = []

    def function():
        calls.append(time.monotonic())
        with db.transaction():
            task.status = "not committed"
            if len(calls) <= 3:
                raise ValueError("broken")
            task.status = "open"
            seen.put(task.priority)

    with reactor_of(function).running():
        assert seen.get(timeout=WAIT_S) == 1
        change(db, task, priority=2)
        assert seen.get(timeout=WAIT_S) == 2
    pauses = [later - before for before, later in zip(calls, calls[1:4])]
    assert pauses[0] >= 0.01 and pauses[1] >= 0.02 and pauses[2] >= 0.02
    logged = [record for record in caplog.records if record.name == "object_database.reactor"]
    assert [record.levelno for record in logged] == [logging.ERROR] * 3
    assert [str(record.exc_info[1]) for record in logged] == ["broken"] * 3


def test_block_until_true(db, other, task, reactor_of):
    runs = []

    def is_three():
        runs.append(1)
        with db.view():
            return task.priority == 3

    reactor = reactor_of(is_three)
    assert reactor.blockUntilTrue(timeout=0.02) is False
    assert len(runs) == 1
    thread = threading.Thread(
        target=lambda: [change(other, task, priority=number) for number in (2, 3)]
    )
    thread.start()
    assert reactor.blockUntilTrue() is True
    thread.join()
    assert len(runs) <= 3
    assert reactor.blockUntilTrue(timeout=0) is False  # it has not changed since


def test_one_that_read_nothing_says_so_and_ends(reactor_of, caplog):
    reactor = reactor_of(lambda: None)
    reactor.start()
    assert becomes_true(lambda: not reactor.isRunning())
    assert reactor.willNeverWake()
    assert "never wake" in caplog.text
    with pytest.raises(UsageException, match="never wake"):
        reactor.next()
    assert reactor.next(timeout=0.01) is Timeout


def test_it_runs_at_the_time_that_it_asked_for_and_not_before(reactor_of):
    at = time.time() + 0.2
    runs = []

    def function():
        began = time.time()
        assert Reactor.curTimestamp() <= began
        assert Reactor.curTimestampIsAfter(Reactor.curTimestamp())
        assert not Reactor.curTimestampIsAfter(math.inf)
        runs.append((Reactor.curTimestampIsAfter(at), began))

    reactor = reactor_of(function)
    reactor.next()
    reactor.next()
    assert [is_after for is_after, _ in runs] == [False, True]
    assert runs[1][1] >= at
    assert Reactor.curTimestampIsAfter(at) and Reactor.curTimestamp() >= at  # outside of one: now
    with pytest.raises(ValueError):
        Reactor.curTimestampIsAfter(math.nan)


def test_reading_the_clock_alone_does_not_wake_it(reactor_of):
    reactor = reactor_of(Reactor.curTimestamp)
    assert abs(reactor.next() - time.time()) < WAIT_S
    assert reactor.willNeverWake()


def test_it_sleeps_no_longer_than_it_may(db, task, reactor_of):
    runs = queue.Queue()
    with reactor_of(lambda: runs.put(1), maxSleepTime=0.01).running():
        for _ in range(3):
            runs.get(timeout=WAIT_S)


def test_it_runs_again_when_what_nothing_covers_changes(db, connect, tasks, task):
    bare = connect()
    bare.subscribeToNone(tasks)
    reads = {
        "field": lambda: task.priority,
        "value": lambda: len(tasks.lookupAll(status="new")),
        "range": lambda: len(tasks.lookupRange(status="new", atLeast=0)),
        "members": lambda: len(tasks.lookupAll()),
        "existence": lambda: task.exists(),
    }

    def grow(title):
        with db.transaction():
            tasks(title, status="new", priority=1)

    def remove():
        with db.transaction():
            task.delete()

    changes = {
        "field": lambda: change(db, task, priority=77),
        "value": lambda: grow("one"),
        "range": lambda: grow("two"),
        "members": lambda: grow("three"),
        "existence": remove,
    }
    for kind, read in reads.items():

        def function():
            with bare.transaction():
                return read()

        reactor = Reactor(bare, function)
        before = reactor.next(timeout=WAIT_S)
        assert reactor.next(timeout=0) is Timeout
        changes[kind]()
        assert reactor.next(timeout=WAIT_S) != before, kind
        reactor.teardown()
    # Nothing of it stays subscribed to.
    assert not bare.isSubscribedToType(tasks)
    with bare.view():
        assert tasks.lookupAll() == ()


@pytest.mark.parametrize("writes", [False, True])
def test_it_misses_no_change_between_fetching_and_subscribing(db, connect, tasks, task, writes):
    bare = connect()
    bare.subscribeToNone(tasks)
    seen = []

    def function():
        with bare.transaction() as transaction:
            seen.append(task.priority)
            if writes:
                tasks(f"saw {seen[-1]}")
            if len(seen) == 1:
                with MaskView():
                    change(db, task, priority=41)
            assert transaction.transaction_id() > 0

    reactor = Reactor(bare, function)
    reactor.next()
    while seen[-1] != 41:
        assert reactor.next(timeout=WAIT_S) is None
    db.flush()
    with db.view():
        assert tasks.lookupAny(title=f"saw {seen[0]}") is None
        assert (tasks.lookupAny(title="saw 41") is not None) == writes
    reactor.teardown()


def test_what_is_marked_as_read_must_be_covered(connect, tasks, task):
    bare = connect()
    bare.subscribeToNone(tasks)

    def function():
        with bare.transaction() as transaction:
            transaction.markFieldRead(task, "priority")

    reactor = Reactor(bare, function)
    with pytest.raises(NotSubscribedException, match="a reactor cannot wait"):
        reactor.next()
    bare.subscribeToType(tasks)
    assert reactor.next() is None
    reactor.teardown()


def test_the_end_of_the_connection_ends_it(connect, schema, tasks, task):
    connection = connect()
    connection.subscribeToSchema(schema)

    def function():
        with connection.view():
            task.priority

    threaded, by_hand = Reactor(connection, function), Reactor(connection, function)
    by_hand.next()
    threaded.start()
    assert becomes_true(lambda: threaded._core.is_armed())
    assert threaded.endReason() is None
    connection.disconnect()
    assert becomes_true(lambda: not threaded.isRunning())
    assert "disconnected" in threaded.endReason()
    for _ in range(2):
        with pytest.raises(DisconnectedException):
            by_hand.next()


def test_the_end_of_the_connection_ends_it(own_server, schema, Task):
    connection = connect_to("localhost", own_server.port, own_server.token, reconnectFor=0)
    connection.subscribeToSchema(schema)

    def function():
        with connection.view():
            Task.lookupAll()

    reactor = Reactor(connection, function)
    reactor.start()
    assert becomes_true(lambda: reactor._core.is_armed())
    own_server.kill()
    assert becomes_true(lambda: not reactor.isRunning())
    assert reactor.endReason()
    reactor.teardown()
    connection.disconnect()


def test_wrong_uses_are_refused(db, task, reactor_of):
    ran = queue.Queue()
    errors = []

    def function():
        with db.view():
            task.priority
        for use in (reactor.start, reactor.next):
            with pytest.raises(UsageException):
                use()
        reactor.stop()
        ran.put(1)

    reactor = reactor_of(function)
    reactor.start()
    ran.get(timeout=WAIT_S)
    assert becomes_true(lambda: not reactor.isRunning())
    assert errors == []

    def recursive():
        recursing.next()

    recursing = reactor_of(recursive)
    with pytest.raises(UsageException, match="runs already"):
        recursing.next()

    torn_down = reactor_of(function)
    torn_down.teardown()
    torn_down.teardown()
    with pytest.raises(UsageException, match="torn down"):
        torn_down.next()
    with pytest.raises(TypeError):
        Reactor(db, "no function")


def test_one_reactor_may_wait_inside_another(db, task, reactor_of):
    def inner_function():
        with db.view():
            return task.status == "open"

    def outer_function():
        with db.view():
            task.priority
        assert reactor_of(inner_function).blockUntilTrue(timeout=WAIT_S)
        assert Reactor.curTimestamp() == Reactor.curTimestamp() < time.time()
        with db.view():
            task.title

    outer = reactor_of(outer_function)
    outer.next()
    change(db, task, status="x")
    assert outer.next(timeout=0) is Timeout
    for fields in ({"priority": 3, "status": "open"}, {"title": "b"}):
        change(db, task, **fields)
        assert outer.next(timeout=0) is None
        assert outer.next(timeout=0) is Timeout


def test_stop_ends_a_wait_in_next(db, task, reactor_of):
    def function():
        with db.view():
            return task.priority

    reactor = reactor_of(function)
    reactor.next()
    answers = queue.Queue()
    thread = threading.Thread(target=lambda: answers.put(reactor.next()))
    thread.start()
    while thread.is_alive():  # whether it waits already cannot be told from outside
        reactor.stop()
    assert answers.get(timeout=WAIT_S) is Timeout


@pytest.mark.parametrize("wait", ["next()", "next(1000)", "blockUntilTrue()"])
def test_ctrl_c_ends_a_wait_at_once(build_dir, server, wait):
    script = Script(
        build_dir,
        server,
        f"""
        db = connected()
        def function():
            with db.view():
                Thing.lookupAny(name="never there")
        reactor = Reactor(db, function)
        reactor.next()
        try:
            print("waiting")
            reactor.{wait}
        except KeyboardInterrupt:
            print("interrupted")
        """,
    )
    assert script.read_line() == "waiting"
    script.interrupt_wait()
    assert script.end() == (0, "interrupted", "")


@pytest.mark.parametrize(
    "function", ["with db.view(): Thing.lookupAll()", "time.sleep(0.0001)", "sum(range(1000))"]
)
def test_a_script_that_never_stops_its_reactor_exits_cleanly(build_dir, server, function):
    script = Script(
        build_dir,
        server,
        f"""
        import time
        db = connected()
        ran = threading.Event()
        def function():
            {function}
            ran.set()
        reactors = [Reactor(db, function, maxSleepTime=0.0001) for _ in range(3)]
        for reactor in reactors:
            reactor.start()
        ran.wait()
        print("done")
        """,
    )
    assert script.end() == (0, "done", "")


def test_a_forked_child_leaves_its_parents_reactor_alone(build_dir, server):
    script = Script(
        build_dir,
        server,
        """
        db = connected()
        ran = threading.Semaphore(0)
        def function():
            with db.view():
                Thing.lookupAll()
            ran.release()
        reactor = Reactor(db, function)
        reactor.start()
        ran.acquire()
        child = os.fork()
        if child == 0:
            assert not reactor.isRunning()
            try:
                Reactor(db, function)
            except DisconnectedException:
                reactor.stop()
                reactor = None
                sys.exit(0)
        assert os.waitpid(child, 0)[1] == 0
        with db.transaction():
            Thing(name="a")
        ran.acquire()
        print("ran again")
        """,
    )
    assert script.end() == (0, "ran again", "")
