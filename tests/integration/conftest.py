"""Fixtures of the process tests: they run the built odb_server as a user would."""

import os
import pathlib
import signal
import subprocess
import sys

import pytest

from server_process import ServerProcess
from shop import Shop

ROOT = pathlib.Path(__file__).resolve().parents[2]

# What is started in the background of a script ignores Ctrl-C, and so would all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def build_dir():
    return pathlib.Path(os.environ.get("ODB_BUILD_DIR", ROOT / "build" / "release"))


@pytest.fixture(scope="session")
def program(build_dir):
    path = build_dir / "bin" / "odb_server"
    assert path.is_file(), f"{path} is missing: run scripts/build.sh"
    return str(path)


@pytest.fixture(scope="session")
def odb(build_dir):
    sys.path.insert(0, str(build_dir / "python"))
    return pytest.importorskip("object_database")


@pytest.fixture(scope="session")
def packages(root, build_dir):
    """The folder with the Debian packages of what is built."""
    result = subprocess.run(
        [root / "scripts/package.sh", "--no-build"], stdin=subprocess.DEVNULL, capture_output=True,
        text=True, timeout=600, env={**os.environ, "ODB_BUILD_DIR": str(build_dir)})
    assert result.returncode == 0, result.stdout + result.stderr
    return root / "build/packages"


@pytest.fixture
def shop(odb):
    """Opens shops at servers."""
    opened = []

    def open_one(server):
        opened.append(Shop(odb, server.port))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def clean_environment(monkeypatch):
    for name in [name for name in os.environ if name.startswith("ODB_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def start(program, clean_environment):
    """Starts servers that end with the test: start("--linger", "1s", port=0, env={...})."""
    started = []

    def start_one(*options, **settings):
        server = ServerProcess(program, *options, **settings)
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.kill()


@pytest.fixture
def run(program, clean_environment):
    """Runs the program to its end and returns what subprocess.run() does."""

    def run_once(*arguments, env=None):
        return subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **(env or {})},
        )

    return run_once


@pytest.fixture
def certificate(tmp_path):
    """make("name") -> (certificate file, key file), self-signed, in PEM."""

    def make(name):
        cert, key = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", key, "-out", cert],
            check=True,
            capture_output=True,
        )
        return str(cert), str(key)

    return make
