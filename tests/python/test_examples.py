"""The Python examples run as their first lines say."""

import os
import pathlib
import subprocess
import sys

import pytest

from support import WAIT_S

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples" / "python"

# What must stand in the output. The producers and consumers are the demo's, which has its own test.
ENDS = {
    "03_conflict.py": "",
    "04_work_queue.py": "ada",
    "06_reactor.py": "",
    "07_leases.py": "the job is claimed by the worker that goes on",
}


@pytest.mark.parametrize("name", sorted(ENDS))
def test_the_example_runs(name, own_server, build_dir):
    environment = dict(os.environ, PYTHONPATH=str(build_dir / "python"))
    environment["ODB_SERVICE_TOKEN"] = own_server.token
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, "--port", str(own_server.port)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=4 * WAIT_S,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert ENDS[name] in done.stdout and done.stderr == ""


def test_no_example_is_left_out():
    programs = {path.name for path in EXAMPLES.glob("0*.py")}
    assert programs - set(ENDS) == {"01_producer.py", "02_consumer.py"}
