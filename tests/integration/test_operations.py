"""Every command of docs/operations.md, in its order; operations/README.md says what stands in for what."""

import os
import pathlib
import re
import socket
import subprocess
import sys

import pytest

from redis_process import RedisProcess

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "operations"))
TIMEOUT_SECONDS = 120


def blocks(text):
    """(heading, commands) of each fenced sh block."""
    found, heading = [], ""
    for part in re.finditer(r"^#+ ([^\n]+)$|^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if part.group(1):
            heading = part.group(1)
        else:
            found.append((heading, part.group(2)))
    return found


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def scratch(tmp_path, monkeypatch, clean_environment):
    port, metrics_port, redis_port, second_port, second_metrics_port = free_ports(5)
    (tmp_path / "redis").mkdir()
    redis = RedisProcess(tmp_path / "redis", "--port", str(redis_port), "--bind", "127.0.0.1")
    monkeypatch.setenv("ODB_SCRATCH_REDIS_PORT", str(redis_port))
    monkeypatch.setenv("ODB_SCRATCH", str(tmp_path))
    monkeypatch.setenv("ODB_SCRATCH_PORT", str(port))
    monkeypatch.setenv("ODB_SCRATCH_METRICS_PORT", str(metrics_port))
    monkeypatch.setenv("ODB_SCRATCH_SECOND_PORT", str(second_port))
    monkeypatch.setenv("ODB_SCRATCH_SECOND_METRICS_PORT", str(second_metrics_port))
    monkeypatch.setenv("PATH", f"{HERE / 'operations'}:{tmp_path / 'usr/bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "usr/lib/python3/dist-packages"))
    (tmp_path / "var/lib/odb").mkdir(parents=True, mode=0o700)
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    yield tmp_path
    subprocess.run([HERE / "operations/systemctl", "stop", "odb-server"], timeout=TIMEOUT_SECONDS)
    second = tmp_path / "var/lib/odb/standby.pid"
    if second.exists():
        subprocess.run(["kill", second.read_text().strip()], stderr=subprocess.DEVNULL)
    redis.kill()


def test_every_command_of_the_document_works_in_its_order(root, scratch, packages):
    import mapping

    found = blocks((root / "docs/operations.md").read_text())
    headings = [heading for heading, _ in found]
    for wanted in ("Install", "Start", "Watch", "Back up", "Restore", "Upgrade", "Move to Redis",
                   "Take over", "Remove"):
        assert wanted in headings
    for heading, commands in found:
        result = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", mapping.mapped(commands)], cwd=packages,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
        assert result.returncode == 0, (
            f"under \"{heading}\":\n{commands}{result.stdout}{result.stderr}")
        if heading == "Back up":
            assert (scratch / "var/backups/odb/tuesday.odb").is_file()
        if heading in ("Restore", "The directory itself, put back", "Move to Redis"):
            assert re.search(r"odb_objects [1-9]", result.stdout), "what was there is there again"
    log = (scratch / "odb.log").read_text()
    assert " error " not in log, log


def test_a_command_that_fails_is_noticed(scratch):
    result = subprocess.run(["bash", "-euo", "pipefail", "-c", "false | cat\ntrue"])
    assert result.returncode != 0
