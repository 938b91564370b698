"""What the server tells whoever started it by NOTIFY_SOCKET, as systemd's Type=notify expects."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess

import pytest

from redis_process import RedisProcess
from server_process import WAIT_SECONDS, failed_start, wait_for


@pytest.fixture
def supervisor(tmp_path):
    """A datagram socket and what arrived there, each as {name: value}."""

    class Supervisor:
        def __init__(self, address):
            self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.socket.bind(address)
            self.socket.settimeout(WAIT_SECONDS)

        def hear(self):
            text = self.socket.recv(65536).decode()
            return dict(line.split("=", 1) for line in text.splitlines())

        def hears_nothing(self):
            self.socket.setblocking(False)
            try:
                self.socket.recv(65536)
                return False
            except BlockingIOError:
                return True
            finally:
                self.socket.settimeout(WAIT_SECONDS)

    made = []

    def make(address=str(tmp_path / "notify")):
        made.append(Supervisor(address))
        return made[-1]

    yield make
    for one in made:
        one.socket.close()


def test_it_is_ready_when_it_listens_and_says_that_it_stops(start, supervisor, tmp_path):
    heard = supervisor()
    server = start(env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    assert heard.hear() == {"READY": "1", "STATUS": f"listens on 127.0.0.1:{server.port}"}
    assert server.serves()
    assert heard.hears_nothing()
    assert server.stop() == 0
    assert heard.hear() == {"STOPPING": "1"}
    assert heard.hears_nothing()


def test_it_is_not_ready_while_it_waits_for_its_store(start, supervisor, tmp_path):
    heard = supervisor()
    redis = RedisProcess(tmp_path)
    try:
        owner = start(store=("--redis", redis.address))
        waiting = start("--lease-wait", "1h", store=("--redis", redis.address), wait=False,
                        env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
        assert wait_for(lambda: "waiting for the server" in waiting.log())
        assert heard.hears_nothing()
        assert owner.stop() == 0
        assert heard.hear()["READY"] == "1"
        waiting.wait_until_listening()
    finally:
        redis.kill()


def test_a_start_that_fails_is_never_ready(start, supervisor, tmp_path):
    heard = supervisor()
    taken = start()
    failed = start(wait=False, port=taken.port, env={"NOTIFY_SOCKET": str(tmp_path / "notify")})
    failed_start(failed)
    assert heard.hears_nothing()


def test_an_abstract_name_is_understood(start, supervisor):
    name = f"odb-notify-{os.getpid()}"
    heard = supervisor("\0" + name)
    start(env={"NOTIFY_SOCKET": "@" + name})
    assert heard.hear()["READY"] == "1"


def test_nobody_at_the_socket_is_no_reason_not_to_serve(start, tmp_path):
    server = start(env={"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    assert server.serves()
    assert wait_for(lambda: "cannot tell the supervisor" in server.log())
    assert server.stop() == 0


def test_a_watchdog_is_told_while_the_servers_thread_answers(start, supervisor, tmp_path):
    heard = supervisor()
    server = start(env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"})
    assert heard.hear()["READY"] == "1"
    for _ in range(3):
        assert heard.hear() == {"WATCHDOG": "1"}
    server.send_signal(signal.SIGTERM)
    said = heard.hear()
    while said == {"WATCHDOG": "1"}:
        said = heard.hear()
    assert said == {"STOPPING": "1"}


def test_a_watchdog_of_another_process_is_not_told(start, supervisor, tmp_path):
    heard = supervisor()
    server = start(env={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "30000",
                        "WATCHDOG_PID": "1"})
    assert heard.hear()["READY"] == "1"
    assert server.stop() == 0
    assert heard.hear() == {"STOPPING": "1"}


def test_the_unit_is_one_that_systemd_takes(root, tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("needs systemd-analyze")
    unit = (root / "packaging/odb-server.service").read_text()
    assert "Type=notify" in unit
    # Where this machine has it, so that nothing but the unit itself is checked.
    true = shutil.which("true")
    copy = pathlib.Path(tmp_path / "odb-server.service")
    copy.write_text(unit.replace("/usr/bin/odb_server", true))
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)],
                            capture_output=True, text=True, timeout=WAIT_SECONDS)
    about_it = [line for line in result.stderr.splitlines() if "odb-server.service" in line]
    assert not about_it, result.stderr
