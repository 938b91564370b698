"""scripts/demo.sh shows something, ends, and leaves no process behind."""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from server_process import wait_for

MARK = "ODB_DEMO_TEST"  # in the environment of every process that the demo starts


def processes(mark):
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                environment = (entry / "environ").read_bytes()
                if (entry / "stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                    continue
            except OSError:
                continue
            if f"{MARK}={mark}".encode() in environment.split(b"\0"):
                found.append(int(entry.name))
    return found


def heed_interrupts():
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a runner in the background ignores them


@pytest.fixture
def demo(root, build_dir, request, tmp_path):
    if build_dir != root / "build" / "release":
        pytest.skip("the demo runs what is in build/release")
    mark = f"{os.getpid()}-{request.node.name}"
    started = []

    def start(*arguments):
        output = open(tmp_path / "output", "w+")
        process = subprocess.Popen([root / "scripts/demo.sh", *arguments], stdout=output,
                                   stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env={**os.environ, MARK: mark}, start_new_session=True,
                                   preexec_fn=heed_interrupts)
        started.append(process)
        process.read = lambda: (tmp_path / "output").read_text()
        process.others = lambda: [pid for pid in processes(mark) if pid != process.pid]
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
    for pid in processes(mark):
        os.kill(pid, signal.SIGKILL)


def test_it_shows_both_languages_and_ends_by_itself(demo):
    process = demo("--seconds", "4")
    assert process.wait(300) == 0, process.read()
    for consumer in ("c++", "python"):
        for producer in ("c++", "python"):
            assert re.search(rf"^{re.escape(consumer)} consumer: .*made by {re.escape(producer)}",
                             process.read(), re.MULTILINE), process.read()
    assert wait_for(lambda: not process.others(), 10)
    assert "Traceback" not in process.read() and "rror" not in process.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_killed_in_the_middle_it_leaves_nothing(demo, number):
    process = demo("--seconds", "120")
    assert wait_for(lambda: "c++ consumer: " in process.read(), 300), process.read()
    began = time.monotonic()
    process.send_signal(number)
    process.wait(60)
    assert wait_for(lambda: not process.others(), 20)
    assert time.monotonic() - began < 30
    assert "Traceback" not in process.read()


@pytest.mark.parametrize("arguments", [("--seconds",), ("--seconds", "soon"), ("--foo",), ("1",)])
def test_a_wrong_argument_is_refused(demo, arguments):
    process = demo(*arguments)
    assert process.wait(60) == 2
    assert "usage:" in process.read()
