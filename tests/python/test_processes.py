"""What only a process of its own can show: forks, Ctrl-C, and how scripts end."""

import signal
import time

import pytest

from support import Script


def run(build_dir, server, body):
    return Script(build_dir, server, body).end()


def test_a_script_that_never_disconnects_exits_cleanly(build_dir, server):
    code, out, errors = run(
        build_dir,
        server,
        """
        db = connected()
        db.registerOnTransactionHandler(lambda *unused: None)
        with db.transaction().noconfirm():
            Thing(name="a")
        with db.view() as view:
            print("done")
        """,
    )
    assert (code, out, errors) == (0, "done", "")


def test_a_script_that_ends_inside_a_transaction_exits_cleanly(build_dir, server):
    code, out, errors = run(
        build_dir,
        server,
        """
        db = connected()
        transaction = db.transaction()
        transaction.__enter__()
        Thing(name="never committed")
        print("done")
        """,
    )
    assert (code, out, errors) == (0, "done", "")


def test_a_script_with_handlers_that_are_called_at_its_end_exits_cleanly(build_dir, server):
    code, out, errors = run(
        build_dir,
        server,
        """
        db = connected()
        db.registerOnTransactionHandler(lambda writes, a, r, version: sum(range(10000)))
        for number in range(200):
            with db.transaction().onConfirmed(lambda result: None):
                Thing(name=str(number))
        print("done")
        """,
    )
    assert (code, out, errors) == (0, "done", "")


def test_a_daemon_thread_that_waits_does_not_hold_up_the_end(build_dir, own_server):
    script = Script(
        build_dir,
        own_server,
        """
        db = connected()
        print("connected")
        input()
        waiting = threading.Event()
        thread = threading.Thread(target=lambda: (waiting.set(), db.flush(1000)), daemon=True)
        thread.start()
        waiting.wait()
        """,
    )
    assert script.read_line() == "connected"
    own_server.pause()
    script.go_on()
    assert script.end()[0] == 0


INTERRUPTED = {
    "flush": "db.flush(1000)",
    "subscribe": "db.subscribeToIndex(Thing, name='x', timeout=1000)",
    "commit": "commit()",
    "commit as follower": "threading.Thread(target=flush, daemon=True).start(); commit()",
}


@pytest.mark.parametrize("wait", INTERRUPTED)
def test_ctrl_c_ends_a_wait_at_once_and_the_connection_still_works(build_dir, own_server, wait):
    script = Script(
        build_dir,
        own_server,
        f"""
        def commit():
            with db.transaction().withCommitTimeout(1000):
                Thing(name="interrupted")

        def flush():
            try:
                db.flush()
            except object_database.DisconnectedException:
                pass  # the script may end before it

        db = connected()
        print("connected")
        input()
        try:
            print("waiting")
            {INTERRUPTED[wait]}
        except KeyboardInterrupt:
            print("interrupted")
        input()
        with db.transaction():
            Thing(name="later")
        with db.view():
            print(Thing.lookupOne(name="later").name)
        """,
    )
    assert script.read_line() == "connected"
    own_server.pause()
    script.go_on()
    assert script.read_line() == "waiting"
    script.interrupt_wait()
    start = time.monotonic()
    assert script.read_line() == "interrupted"
    assert time.monotonic() - start < 5  # of 1000 s
    own_server.resume()
    script.go_on()
    assert script.end() == (0, "later", "")


def test_ctrl_c_ends_a_connect_at_once(build_dir, own_server):
    own_server.pause()
    script = Script(
        build_dir,
        own_server,
        """
        try:
            print("waiting")
            connect("localhost", int(sys.argv[1]), sys.argv[2], timeout=1000)
        except KeyboardInterrupt:
            print("interrupted")
        """,
    )
    assert script.read_line() == "waiting"
    script.interrupt_wait()
    assert script.end() == (0, "interrupted", "")


FORKED = """
    db = connected()
    with db.transaction():
        thing = Thing(name="a")
    view = db.view()
    child = os.fork()
    if child == 0:
        for use in (
            lambda: db.flush(),
            lambda: db.view(),
            lambda: db.transaction(),
            lambda: db.currentTransactionId(),
            lambda: db.subscribeToSchema(schema),
            lambda: db.subscribeToType(Thing),
            lambda: db.disconnect(),
            lambda: view.__enter__(),
        ):
            try:
                use()
                print("no error from", use.__code__.co_firstlineno)
            except DisconnectedException as error:
                assert "fork" in str(error), error
        mine = connected()
        with mine.view():
            print("child reads", thing.name)
        {end}
    assert os.waitpid(child, 0)[1] == 0
    with db.transaction():
        thing.name = "b"
    with db.view():
        print("parent reads", thing.name)
"""


@pytest.mark.parametrize("end", ["os._exit(0)", "sys.exit(0)", "db = view = None; sys.exit(0)"])
def test_a_connection_used_after_fork_raises_and_the_parent_goes_on(build_dir, server, end):
    code, out, errors = run(build_dir, server, FORKED.format(end=end))
    assert (code, out.splitlines(), errors) == (0, ["child reads a", "parent reads b"], "")


def test_a_view_entered_before_the_fork_raises_in_the_child(build_dir, server):
    code, out, errors = run(
        build_dir,
        server,
        """
        db = connected()
        with db.transaction():
            thing = Thing(name="a")
        with db.transaction():
            child = os.fork()
            if child == 0:
                for use in (lambda: thing.name, lambda: Thing(name="b"), lambda: Thing.lookupAll()):
                    try:
                        use()
                        print("no error")
                    except DisconnectedException:
                        pass
                sys.exit(0)
            assert os.waitpid(child, 0)[1] == 256, "leaving the transaction raised in the child"
            print("parent reads", thing.name)
        """,
    )
    assert code == 0 and out == "parent reads a"


def test_a_terminated_script_leaves_no_trace_at_the_server(build_dir, server):
    script = Script(
        build_dir,
        server,
        """
        db = connected()
        with db.transaction():
            Thing(name="never")
            print("ready")
            threading.Event().wait()
        """,
    )
    assert script.read_line() == "ready"
    script.process.kill()
    assert script.end()[0] == -signal.SIGKILL
    code, out, _ = run(
        build_dir,
        server,
        """
        db = connected()
        with db.view():
            print(Thing.lookupAny(name="never"))
        """,
    )
    assert (code, out) == (0, "None")
