"""odb_server: how it ends."""

import os
import signal
import subprocess
import sys

import pytest

from server_process import TOKEN, WAIT_SECONDS, is_closed

STOPS = [signal.SIGTERM, signal.SIGINT]


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_an_idle_server_with_0(start, number):
    server = start()
    assert server.stop(number) == 0
    assert "stopped" in server.log()


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_ends_a_server_with_clients(start, number):
    server = start()
    with server.tls() as idle, server.tcp() as before_its_handshake:
        assert server.stop(number) == 0
        assert is_closed(idle)
        assert is_closed(before_its_handshake)


@pytest.mark.parametrize("number", STOPS)
def test_a_signal_while_starting_ends_it_with_0(start, number):
    # The signal is there before the program is: blocked, hence pending.
    server = start(block_signals=True, wait=False)
    server.send_signal(number)
    assert server.wait() == 0


def test_after_a_signal_nobody_is_let_in(start):
    server = start()
    assert server.stop() == 0
    with pytest.raises(OSError):
        server.tcp()


def test_a_second_signal_ends_it_at_once(start):
    # A client that does not finish its handshake cannot hold the server back, so what the second
    # signal is for only shows when both come together: either way the end is quick and without noise.
    server = start("--linger", "1h")
    with server.tls():
        server.send_signal(signal.SIGTERM)
        server.send_signal(signal.SIGINT)
        assert server.wait() in (0, 128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert "terminate" not in server.log()


CONFLICT = """
import sys
from object_database import *

schema = Schema("todo")

@schema.define
class Task:
    priority = int

ada, bob = (connect("localhost", int(sys.argv[1]), sys.argv[2]) for _ in range(2))
for db in (ada, bob):
    db.subscribeToSchema(schema)
with ada.transaction():
    task = Task()
try:
    with ada.transaction():
        task.priority += 1
        bob.flush()
        with MaskView(), bob.transaction():
            task.priority = 5
except RevisionConflictException:
    print("conflict")
"""


def test_at_its_end_it_tells_where_commits_conflicted(start, build_dir):
    server = start("--log-level", "info")
    script = subprocess.run(
        [sys.executable, "-c", CONFLICT, str(server.port), TOKEN],
        env=dict(os.environ, PYTHONPATH=str(build_dir / "python")),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
    )
    assert (script.stdout, script.stderr) == ("conflict\n", "")
    assert server.stop() == 0
    assert "commits conflicted on todo.Task.priority (field): 1" in server.log()
