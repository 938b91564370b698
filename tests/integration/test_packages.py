"""The Debian packages: installed into a fresh Debian 12, and used there."""

import os
import pathlib
import re
import select
import shutil
import subprocess

import pytest

from server_process import TOKEN, WAIT_SECONDS

MIRROR = "http://deb.debian.org/debian"
NAMES = {"server": "odb-server", "python": "python3-object-database", "dev": "odb-store-dev",
         "tools": "odb-tools"}


def call(*command, timeout=600, **settings):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=timeout, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def deb_of(packages, component):
    [deb] = packages.glob(f"{NAMES[component]}_*.deb")
    return deb


def field(deb, name):
    return call("dpkg-deb", "--field", deb, name).strip()


class CleanRoot:
    """A Debian in a folder."""

    def __init__(self, folder):
        self.folder = folder

    def command(self, *command, user=None):
        """What runs `command` there, with /proc."""
        as_user = ["--userspec", f"{user}:{user}"] if user else []
        return ["unshare", "--mount", "sh", "-c",
                'mount -t proc proc "$0/proc" && exec chroot "$@"', str(self.folder), *as_user,
                str(self.folder), *map(str, command)]

    def run(self, *command):
        return call(*self.command(*command), env={
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive",
            "LC_ALL": "C"})


@pytest.fixture(scope="module")
def base(build_dir, packages):
    """A fresh Debian with what the packages depend on; kept beside the build for the next time."""
    if os.geteuid() != 0:
        pytest.skip("needs root, to have a Debian in a folder")
    if shutil.which("debootstrap") is None:
        pytest.skip("needs debootstrap")
    root = CleanRoot(build_dir / "clean_root")
    if not root.folder.is_dir():
        fresh = root.folder.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        call("debootstrap", "--variant=minbase", "bookworm", fresh, MIRROR)
        fresh.rename(root.folder)
    wanted = ", ".join(field(deb_of(packages, each), "Depends") for each in ("server", "tools", "python"))
    stamp = root.folder / "var/cache/wanted"
    if not stamp.is_file() or stamp.read_text() != wanted:
        root.run("apt-get", "update", "-q")
        names = {re.split(r"[ (|]", each.strip())[0] for each in wanted.split(",")}
        root.run("apt-get", "install", "-q", "-y", "--no-install-recommends", *sorted(names))
        stamp.write_text(wanted)
    return root


@pytest.fixture
def clean(base, tmp_path):
    """The packages are not installed, and it is this test's own."""
    copy = tmp_path / "root"
    call("cp", "-a", "--reflink=auto", base.folder, copy)
    yield CleanRoot(copy)
    shutil.rmtree(copy)


def install(root, packages, *components):
    names = []
    for component in components:
        deb = deb_of(packages, component)
        shutil.copy(deb, root.folder)
        names.append("/" + deb.name)
    return root.run("apt-get", "install", "-q", "-y", "--no-install-recommends", *names)


PROGRAM = """
import sys
from object_database import connect, Indexed, Schema

schema = Schema("todo")

@schema.define
class Task:
    title = str
    status = Indexed(str)

db = connect("127.0.0.1", int(sys.argv[1]), sys.argv[2])
db.subscribeToSchema(schema)
with db.transaction():
    Task(title="installed", status="open")
with db.view():
    print(*(task.title for task in Task.lookupAll(status="open")))
"""


def test_server_and_python_package_work_in_a_fresh_debian(clean, packages, root):
    install(clean, packages, "server", "tools", "python")
    version = re.search(r"project\(odb VERSION (\S+)", (root / "CMakeLists.txt").read_text())
    assert clean.run("odb_server", "--version") == f"odb_server {version.group(1)}\n"

    # What the scripts of the package made.
    token = clean.folder / "etc/odb/token"
    assert re.fullmatch(r"[0-9a-f]{64}\n", token.read_text())
    assert (token.stat().st_mode & 0o777, token.stat().st_uid) == (0o600, 0)
    data = clean.folder / "var/lib/odb"
    user = re.search(r"^odb:x:(\d+):", (clean.folder / "etc/passwd").read_text(), re.MULTILINE)
    assert (data.stat().st_mode & 0o777, data.stat().st_uid) == (0o700, int(user.group(1)))

    libraries = clean.run("sh", "-c", "ldd /usr/bin/odb_server /usr/bin/odb "
                          "/usr/lib/python3/dist-packages/object_database/*.so")
    assert "libmimalloc.so" in libraries and "librocksdb.so" in libraries
    assert "not found" not in libraries

    # As the unit starts it, but on a free port.
    command = clean.command("odb_server", "--config", "/etc/odb/server.conf", "127.0.0.1", "0",
                            user="odb")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True,
                          env={"PATH": os.environ["PATH"], "ODB_SERVICE_TOKEN": TOKEN}) as server:
        try:
            ready, _, _ = select.select([server.stdout], [], [], WAIT_SECONDS)
            line = server.stdout.readline() if ready else ""
            assert re.search(r":\d+\n$", line), line + server.stderr.read()
            port = line.strip().rsplit(":", 1)[1]
            said = clean.run("python3", "-c", PROGRAM, port, TOKEN)
            assert said == "installed\n"
            shown = clean.run("env", f"ODB_SERVICE_TOKEN={TOKEN}", "odb", "ls", "todo.Task",
                              "--server", f"127.0.0.1:{port}", "--json")
            assert "installed" in shown
        finally:
            server.terminate()
        assert server.wait(WAIT_SECONDS) == 0
    assert (data / "format").is_file()


def test_what_is_there_survives_upgrades_and_removal(clean, packages):
    install(clean, packages, "server")
    configuration = clean.folder / "etc/odb/server.conf"
    configuration.write_text(configuration.read_text() + "# mine\n")
    token = (clean.folder / "etc/odb/token").read_text()
    kept = clean.folder / "var/lib/odb/kept"
    kept.write_text("data")

    clean.run("dpkg", "--install", "/" + deb_of(packages, "server").name)
    assert configuration.read_text().endswith("# mine\n")
    assert (clean.folder / "etc/odb/token").read_text() == token

    clean.run("apt-get", "remove", "-q", "-y", "odb-server")
    assert not (clean.folder / "usr/bin/odb_server").exists()
    assert configuration.exists() and kept.exists()
    clean.run("apt-get", "purge", "-q", "-y", "odb-server")
    assert not (clean.folder / "etc/odb").exists()
    assert kept.read_text() == "data", "the database is never removed"


def test_another_project_builds_against_the_development_package(packages, root, tmp_path):
    deb = deb_of(packages, "dev")
    for alternatives in field(deb, "Depends").split(", "):
        assert any(subprocess.run(["dpkg-query", "-W", name.strip()],
                                  capture_output=True).returncode == 0
                   for name in alternatives.split("|")), alternatives
    call("dpkg-deb", "--extract", deb, tmp_path / "root")
    call("cmake", "-G", "Ninja", "-S", root / "tests/integration/consumer", "-B",
         tmp_path / "build", f"-DCMAKE_PREFIX_PATH={tmp_path / 'root/usr'}",
         env={**os.environ, "CMAKE_BUILD_TYPE": "Debug"})
    call("ninja", "-C", tmp_path / "build")
    assert call(tmp_path / "build/consumer").endswith("installed 5\n")


def test_a_package_says_what_it_needs_and_what_it_clashes_with(packages):
    server = field(deb_of(packages, "server"), "Depends")
    for library in ("librocksdb", "libmimalloc", "libhiredis", "libcapnp", "libssl3",
                    "libprometheus-cpp-core", "adduser"):
        assert library in server
    python = field(deb_of(packages, "python"), "Depends")
    assert "python3 (>= 3.11)" in python and "libcapnp" in python
    assert field(deb_of(packages, "dev"), "Conflicts") == "libodb-dev", "another odb's headers"
    for deb in packages.glob("*.deb"):
        assert field(deb, "Architecture") == call("dpkg", "--print-architecture").strip()


def test_lintian_finds_nothing_wrong(packages):
    if shutil.which("lintian") is None:
        pytest.skip("needs lintian")
    # An address and a history of packages are for whoever publishes them.
    result = subprocess.run(
        ["lintian", "--allow-root", "--fail-on", "error", "--suppress-tags",
         "bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs",
         *map(str, sorted(packages.glob("*.deb")))],
        capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout


def test_nothing_in_a_package_points_into_the_tree(packages, root, tmp_path):
    for deb in packages.glob("*.deb"):
        folder = tmp_path / deb.stem
        call("dpkg-deb", "--extract", deb, folder)
        for file in folder.rglob("*"):
            if file.is_file():
                assert str(root).encode() not in pathlib.Path(file).read_bytes(), file
