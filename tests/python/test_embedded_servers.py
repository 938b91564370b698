"""Servers inside the process."""

import contextlib
import os
import pathlib
import socket
import threading

import pytest

from object_database import (
    AuthenticationException,
    ConnectionFailedException,
    DisconnectedException,
    ServerError,
    UsageException,
    connect,
)
from object_database.inmem_server import InMemServer
from object_database.tcp_server import TcpServer
from support import WAIT_S, Script

TOKEN = "a token that only these tests know"

MAKE = {
    "in memory": lambda: InMemServer(auth_token=TOKEN),
    "tcp": lambda: TcpServer("localhost", 0, auth_token=TOKEN),
}


@pytest.fixture(params=MAKE)
def make(request):
    return MAKE[request.param]


def test_clients_share_what_it_holds(make, schema, Task):
    server = make()
    server.start()
    ada, bob = server.connect(TOKEN), server.connect()
    ada.subscribeToSchema(schema)
    bob.subscribeToSchema(schema)
    with ada.transaction():
        task = Task("shared")
    bob.flush()
    with bob.view():
        assert task.title == "shared"
    ada.disconnect()
    bob.disconnect()
    server.stop()


def test_it_is_a_context_manager(make):
    with make() as server:
        assert "on localhost:" in repr(server) or "in this process" in repr(server)
        server.connect().disconnect()
    assert "stopped" in repr(server)


def test_its_port_is_free_again_when_it_stops():
    with TcpServer("localhost", 0, auth_token=TOKEN) as server:
        assert f"on localhost:{server.port}" in repr(server)
        port = server.port
    with pytest.raises(ConnectionFailedException):
        connect("localhost", port, TOKEN)


def listening_ports():
    """Of this process: TCP sockets that wait for connections."""
    own, ports = set(), set()
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # the one that the listing itself needs
            own.add(os.readlink(f"/proc/self/fd/{number}"))
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *_, inode = line.split()[:10]
            if state == "0A" and f"socket:[{inode}]" in own:
                ports.add(int(local.rpartition(":")[2], 16))
    return ports


def test_one_in_memory_listens_nowhere(schema, Task):
    before = listening_ports()
    with InMemServer() as server:
        db = server.connect()
        assert listening_ports() == before
        assert "this process" in repr(db) and not hasattr(server, "port")
        db.subscribeToSchema(schema)
        with db.transaction():
            task = Task("kept in memory")
        with db.view():
            assert task.title == "kept in memory"
        db.disconnect()
    with TcpServer("localhost", 0):
        assert listening_ports() > before


def test_other_programs_connect_to_its_port(build_dir):
    with TcpServer("localhost", 0, auth_token=TOKEN) as server:
        server.token = TOKEN  # as Script expects it
        script = Script(
            build_dir,
            server,
            """
            db = connected()
            with db.transaction():
                Thing(name="from outside")
            print("done")
            """,
        )
        assert script.end() == (0, "done", "")


@pytest.mark.parametrize("wait", ["flush", "condition", "version"])
def test_a_stop_wakes_its_clients(make, schema, Task, wait):
    server = make()
    server.start()
    db = server.connect()
    db.subscribeToSchema(schema)
    started, outcome = threading.Event(), []

    def body():
        try:
            if wait == "condition":
                db.waitForCondition(lambda: started.set(), WAIT_S)
            elif wait == "version":
                started.set()
                db.waitForTransactionId(10**9, WAIT_S)
            else:
                while True:
                    db.flush()
                    started.set()
        except DisconnectedException as error:
            outcome.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    assert started.wait(WAIT_S)
    server.stop()
    thread.join(WAIT_S)
    assert len(outcome) == 1
    server.stop()


def test_tokens_are_checked(make):
    with make() as server:
        assert server.auth_token == TOKEN
        for wrong in ("", "another"):
            with pytest.raises(AuthenticationException, match="token"):
                server.connect(wrong)


def test_without_a_token_it_makes_one():
    with InMemServer() as server, TcpServer("localhost", 0) as other:
        assert len(server.auth_token) >= 20 and server.auth_token != other.auth_token
        server.connect().disconnect()
        server.connect("").disconnect()
        with pytest.raises(AuthenticationException):
            server.connect(other.auth_token)


def test_a_new_start_is_a_new_server(make, schema, Task):
    server = make()
    for _ in range(2):
        with server:
            db = server.connect()
            db.subscribeToSchema(schema)
            with db.view():
                assert Task.lookupAll() == ()
            with db.transaction():
                Task("gone with the server")
            with pytest.raises(UsageException, match="runs already"):
                server.start()
            db.disconnect()
    with pytest.raises(UsageException, match="does not run"):
        server.connect()
    with pytest.raises(UsageException, match="does not run"):
        server.auth_token


def test_a_port_that_is_taken_is_named():
    with socket.socket() as taken:
        taken.bind(("localhost", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServerError, match=str(port)) as caught:
            TcpServer("127.0.0.1", port).start()
        assert caught.value.code == 129
    with pytest.raises(ValueError, match="port"):
        TcpServer("localhost", 70000).start()
    with pytest.raises(TypeError, match="store"):
        TcpServer("localhost", 0, store="somewhere")


def test_a_program_may_end_without_stopping_it(build_dir, server):
    script = Script(
        build_dir,
        server,
        """
        from object_database.inmem_server import InMemServer
        own = InMemServer()
        own.start()
        db = own.connect()
        db.subscribeToSchema(schema)
        with db.transaction():
            Thing(name="x")
        if os.fork() == 0:
            try:
                own.auth_token
            except UsageException:
                os._exit(7)
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        """,
    )
    assert script.end() == (0, "7", "")


def test_clients_do_not_load_the_server(build_dir, server):
    script = Script(
        build_dir, server, """print("object_database._odb_server" in sys.modules)"""
    )
    assert script.end() == (0, "False", "")
