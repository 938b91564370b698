"""odb_server over a data directory: what survives, and which directories it refuses."""

import os
import pathlib
import shutil
import stat
import subprocess
import tempfile

import pytest

from server_process import TOKEN, WAIT_SECONDS, ServerProcess, failed_start, wait_for
from shop import Load

DURABILITIES = ("commit", "interval=10", "os")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def serve(program, clean_environment, folder):
    """Starts servers over the test's directory."""
    started = []

    def start_one(*options, wait=True, at=None, **settings):
        server = ServerProcess(program, *options, store=("--data-dir", str(at or folder)),
                               wait=wait, **settings)
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.kill()


def content(folder):
    """What stands in a directory, but for who has locked it."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.name != "lock"}


# ---- what survives ----


@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_restart_keeps_everything(serve, shop, durability):
    server = serve("--durability", durability)
    one = shop(server)
    for i in range(50):
        one.add(f"item {i}")
    one.close()
    assert server.stop() == 0
    again = shop(serve("--durability", durability))
    assert len(again.names()) == 50
    with again.db.view():
        assert [item.name for item in again.Item.lookupAll(name="item 7")] == ["item 7"]
    again.add("another")
    assert len(again.names()) == 51


@pytest.mark.parametrize("durability", DURABILITIES)
def test_nothing_acknowledged_is_lost_when_killed_under_load(serve, shop, durability):
    server = serve("--durability", durability)
    load = Load([shop(server) for _ in range(3)])
    server.process.kill()
    load.wait()
    server = serve("--durability", durability)
    assert "new history" not in server.log(), "the machine has not failed"
    load.check(shop(server).names())


def test_it_opens_after_many_kills_in_a_row(serve, shop):
    names = []
    for i in range(5):
        server = serve()
        one = shop(server)
        assert one.names() == names
        names.append(f"item {i}")
        one.add(names[-1])
        server.process.kill()
        server.process.wait()
    assert shop(serve()).names() == names


def test_it_says_what_may_be_lost(serve, tmp_path):
    assert "what is acknowledged is on the disk" in serve().log()
    assert "in the last 250 ms" in serve("--durability", "interval=250ms", at=tmp_path / "a").log()
    assert "in the last half minute" in serve("--durability", "os", at=tmp_path / "b").log()


# ---- one owner ----


def test_a_second_server_is_refused_by_the_name_of_the_first_which_goes_on(serve, shop, folder):
    first = serve()
    line = failed_start(serve(wait=False))
    assert f"{folder} is in use by odb_server, process {first.process.pid} on " in line
    assert TOKEN not in line
    shop(first).add("still here")
    first.process.kill()
    first.process.wait()
    assert shop(serve()).names() == ["still here"]


# ---- wrong directories ----


def test_a_file_is_no_directory(serve, folder):
    folder.write_text("theirs")
    assert "is not a directory" in failed_start(serve(wait=False))
    assert folder.read_text() == "theirs"


def test_the_directory_of_something_else_is_left_alone(serve, folder):
    folder.mkdir()
    (folder / "theirs").write_text("theirs")
    assert "is not odb's: it holds theirs" in failed_start(serve(wait=False))
    assert os.listdir(folder) == ["theirs"]


def test_only_the_last_folder_of_a_path_is_made(serve, folder):
    assert "cannot make" in failed_start(serve(wait=False, at=folder / "a" / "b"))
    assert not folder.exists()


def test_a_directory_that_cannot_be_written_is_refused(program):
    # Not below the test's own folder, which other users may not enter.
    with tempfile.TemporaryDirectory() as place:
        os.chmod(place, 0o755)
        result = subprocess.run(
            [program, "--data-dir", place, "127.0.0.1", "0"], capture_output=True, text=True,
            timeout=WAIT_SECONDS, user=65534 if os.getuid() == 0 else None,
            preexec_fn=None if os.getuid() == 0 else lambda: os.chmod(place, 0o555))
        if result.returncode == 126 or "Permission denied: '" in result.stderr:
            pytest.skip("another user cannot run the program")
        assert result.returncode == 1
        assert f"cannot write in {place}: Permission denied" in result.stderr
        assert os.listdir(place) == []


def test_a_newer_format_is_refused(serve, folder):
    assert serve().stop() == 0
    (folder / "format").write_text("odb data directory 1000\n")
    before = content(folder)
    line = failed_start(serve(wait=False))
    assert "has format 1000, this version knows those up to 2" in line
    assert content(folder) == before


# ---- damage ----


def kill_with_items(serve, shop, count=200):
    server = serve()
    one = shop(server)
    for i in range(count):
        one.add(f"item {i}", "a note" * 20)
    server.process.kill()
    server.process.wait()


def newest(folder, pattern):
    return max(path for path in (folder / "tables").glob(pattern) if path.stat().st_size > 0)


@pytest.mark.parametrize("pattern", ["*.log", "*.sst", "MANIFEST-*"])
@pytest.mark.parametrize("how", ["flip", "truncate"])
def test_a_damaged_file_is_named_and_nothing_is_served(serve, shop, folder, pattern, how):
    if pattern == "*.log":
        kill_with_items(serve, shop)
    else:
        server = serve()
        shop(server).add("item", "a note" * 200)
        assert server.stop() == 0
    file = newest(folder, pattern)
    whole = file.read_bytes()
    if how == "flip":
        file.write_bytes(whole[:len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) +
                         whole[len(whole) // 2 + 1:])
    else:
        file.write_bytes(whole[:len(whole) // 2])
    before = content(folder)
    server = serve(wait=False)
    line = failed_start(server)
    assert "the data directory is damaged" in line
    assert str(folder) in line
    if (pattern, how) != ("MANIFEST-*", "truncate"):
        assert file.name in line
    assert server.stdout == b"", "it never listened"
    assert content(folder) == before, "nothing was changed"
    file.write_bytes(whole)
    assert serve().serves()


def test_a_missing_file_is_noticed(serve, shop, folder):
    kill_with_items(serve, shop)
    kept = newest(folder, "*.log")
    shutil.move(kept, folder.parent / "kept")
    assert "was removed or cut off" in failed_start(serve(wait=False))
    shutil.move(folder.parent / "kept", kept)
    (folder / "mark").rename(folder.parent / "mark")
    assert "mark is missing" in failed_start(serve(wait=False))
    (folder.parent / "mark").rename(folder / "mark")
    assert len(shop(serve()).names()) == 200


# ---- a full disk ----


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MiB; falls back to a limit of the process where none can be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)],
                             capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("needs the right to mount")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_on_a_full_disk_commits_are_refused_and_nothing_is_lost(serve, shop, small_disk):
    server = serve(at=small_disk / "data")
    one = shop(server)
    one.add("before")
    ballast = small_disk / "ballast"
    with pytest.raises(OSError), ballast.open("wb") as file:
        while True:
            file.write(b"x" * 4096)
            file.flush()
    acknowledged = ["before"]
    with pytest.raises(Exception, match="not committed"):
        for i in range(100):
            one.add(f"item {i}", "n" * 100_000)
            acknowledged.append(f"item {i}")
    assert set(one.names()) == set(acknowledged), "reads go on"
    with pytest.raises(Exception, match="not committed"):
        one.add("still full", "n" * 100_000)
    ballast.unlink()
    assert wait_for(lambda: "can be written again" in server.log())
    one.add("room again")
    acknowledged.append("room again")
    server.process.kill()
    server.process.wait()
    assert shop(serve(at=small_disk / "data")).names() == sorted(acknowledged)


def test_a_backup_of_a_stopped_server_is_a_database(serve, shop, folder, tmp_path):
    server = serve()
    shop(server).add("kept")
    assert server.stop() == 0
    shutil.copytree(folder, tmp_path / "backup")
    server = serve()
    shop(server).add("later")
    assert shop(serve(at=tmp_path / "backup")).names() == ["kept"]


def test_what_it_makes_is_its_own(serve, folder):
    serve()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
