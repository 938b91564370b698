"""odb, the operator's tool: real servers, both stores, and what it refuses."""

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time

import pytest

from dump_file import TASK, object_lines, tasks, write_dump
from redis_process import RedisProcess
from server_process import TOKEN, WAIT_SECONDS, wait_for

MANY = int(os.environ.get("ODB_TEST_TOOL_OBJECTS", "1000000"))


@pytest.fixture(scope="session")
def tool_program(build_dir):
    path = build_dir / "bin" / "odb"
    assert path.is_file(), f"{path} is missing: run scripts/build.sh"
    return str(path)


@pytest.fixture
def tool(tool_program, clean_environment, tmp_path):
    """tool("dump", ...) runs odb to its end; of `status` 0 unless said otherwise."""

    def run(*arguments, status=0, env=None, **settings):
        settings = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                    "stderr": subprocess.PIPE, "text": True, "timeout": 300, **settings}
        done = subprocess.run([tool_program, *map(str, arguments)],
                              env={**os.environ, "HOME": str(tmp_path), "ODB_SERVICE_TOKEN": TOKEN,
                                   **(env or {})}, **settings)
        assert done.returncode == status, (arguments, done)
        if status not in (0, 3, 4):
            lines = done.stderr.splitlines()
            assert len(lines) == 1 and lines[0].startswith("odb: "), done
        return done

    return run


def refusal(tool, *arguments, status=1, **settings):
    """The one line that says why."""
    return tool(*arguments, status=status, **settings).stderr.strip()


@pytest.fixture
def redis(tmp_path):
    folder = tmp_path / "redis"
    folder.mkdir()
    process = RedisProcess(folder, appendfsync="everysec")
    yield process
    process.kill()


@pytest.fixture
def small(tmp_path):
    return write_dump(tmp_path / "small.dump", tasks(100))


@pytest.fixture
def folder(tool, tmp_path, small):
    """A data directory with what the small dump holds."""
    path = tmp_path / "data"
    tool("restore", small, "--data-dir", path)
    return path


def at(server):
    return "--server", f"127.0.0.1:{server.port}"


def content(folder):
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
            for path in sorted(pathlib.Path(folder).rglob("*")) if path.name != "lock"}


# ---- whole databases ----


def test_a_million_objects_come_through_every_store_unchanged(tool, tmp_path, redis):
    first = write_dump(tmp_path / "first", tasks(MANY))
    expected = object_lines(first)
    tool("restore", first, "--data-dir", tmp_path / "one")
    tool("dump", tmp_path / "second", "--data-dir", tmp_path / "one")
    assert object_lines(tmp_path / "second") == expected
    tool("migrate", "--from", f"data-dir:{tmp_path / 'one'}", "--to", f"redis:{redis.address}")
    shutil.rmtree(tmp_path / "one")
    tool("dump", tmp_path / "third", "--redis", redis.address)
    assert object_lines(tmp_path / "third") == expected


def test_a_server_serves_what_was_restored_and_dumps_it(tool, tmp_path, start, folder, small, odb):
    server = start(store=("--data-dir", str(folder)))
    dumped = json.loads(tool("dump", tmp_path / "dump", *at(server), "--json").stdout)
    assert dumped["objects"] == 100
    assert object_lines(tmp_path / "dump") == object_lines(small)
    db = odb.connect("127.0.0.1", server.port, TOKEN)
    schema = odb.Schema("todo")

    @schema.define
    class Task:
        title = str
        status = odb.Indexed(str)
        priority = int
        effort = float
        parent = odb.OneOf(None, schema.Task)

    db.subscribeToSchema(schema)
    with db.transaction():
        fresh = Task(title="new", status="open")
    assert fresh._identity >= 1 << 40  # above all that the dumped database had granted
    with db.view():
        assert len(Task.lookupAll(status="open")) == 51
        assert Task.fromIdentity(3).parent._identity == 3
    db.disconnect()
    assert server.stop() == 0
    assert json.loads(tool("verify", "--data-dir", folder, "--json").stdout)["objects"] == 101


def test_a_memory_server_begins_with_a_dump(tool, tmp_path, start, small):
    server = start("--restore", str(small))
    tool("dump", tmp_path / "dump", *at(server))
    assert object_lines(tmp_path / "dump") == object_lines(small)


def test_a_memory_server_refuses_a_dump_that_is_damaged(run, small):
    small.write_bytes(small.read_bytes()[:-200])
    done = run("--inmem", "--restore", str(small), "localhost", "0", "--service-token", TOKEN)
    assert done.returncode == 1 and "cut off" in done.stderr
    done = run("--data-dir", "x", "--restore", str(small), "localhost", "0")
    assert done.returncode == 2 and "--restore needs --inmem" in done.stderr


def test_stdout_takes_a_dump(tool, small, folder, tmp_path):
    (tmp_path / "dump").write_text(tool("dump", "-", "--data-dir", folder).stdout)
    assert object_lines(tmp_path / "dump") == object_lines(small)
    tool("verify", tmp_path / "dump")


# ---- what is refused, and changes nothing ----


def refuse_dump(tool, tmp_path, file, *words):
    line = refusal(tool, "restore", file, "--data-dir", tmp_path / "fresh")
    assert all(word in line for word in words), line
    assert not (tmp_path / "fresh").exists()
    return line


def test_bad_dumps_are_refused(tool, tmp_path, small):
    whole = small.read_bytes()
    bad = tmp_path / "bad"
    bad.write_bytes(whole[:3000])
    refuse_dump(tool, tmp_path, bad, "cut off")
    bad.write_bytes(whole.replace(b"chapter 17", b"chapter 71"))
    refuse_dump(tool, tmp_path, bad, "altered", "SHA-256")
    write_dump(bad, tasks(3), format=2)
    refuse_dump(tool, tmp_path, bad, "format 2", "newer odb")
    write_dump(bad, [(7, 1, "[]")])
    refuse_dump(tool, tmp_path, bad, "object 1 is of type 7", "does not define")
    write_dump(bad, tasks(3), types=[{**TASK, "fields": [["title", "picture"]], "indexes": []}])
    refuse_dump(tool, tmp_path, bad, "todo.Task, field title", '"picture"')
    write_dump(bad, [(1, 5, '["a","b","c",1.5,null]')])
    refuse_dump(tool, tmp_path, bad, "object 5 of todo.Task, field priority", "expected int")
    bad.write_text("something else\n")
    refuse_dump(tool, tmp_path, bad, "no dump of odb")
    refuse_dump(tool, tmp_path, tmp_path / "missing", "cannot read")


def test_bad_data_directories_are_refused(tool, tmp_path, small, folder):
    file = tmp_path / "file"
    file.write_text("a file")
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "important").write_text("another program's")
    for where, words in ((file, "is not a directory"), (foreign, "is not odb's")):
        assert words in refusal(tool, "restore", small, "--data-dir", where)
    assert file.read_text() == "a file" and os.listdir(foreign) == ["important"]
    for where, words in ((file, "is not a directory"), (foreign, "holds no database of odb"),
                         (tmp_path / "missing", "cannot use")):
        for command in (("dump", tmp_path / "x"), ("verify",), ("schema",)):
            assert words in refusal(tool, *command, "--data-dir", where)
    assert os.listdir(foreign) == ["important"] and not (tmp_path / "missing").exists()
    before = content(folder)
    assert "is not empty" in refusal(tool, "restore", small, "--data-dir", folder)
    assert content(folder) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
def test_a_data_directory_that_cannot_be_written_is_refused(tool_program, tmp_path, small):
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        where = pathlib.Path(top) / "data"
        where.mkdir()
        os.chmod(where, 0o555)
        dump = pathlib.Path(top) / "dump"
        shutil.copy(small, dump)
        os.chmod(dump, 0o644)
        program = pathlib.Path(top) / "odb"
        shutil.copy(tool_program, program)
        done = subprocess.run([program, "restore", dump, "--data-dir", where], text=True,
                              capture_output=True, user=65534, timeout=60, env={})
        assert done.returncode == 1 and "cannot write" in done.stderr, done
        assert os.listdir(where) == []


def test_a_store_that_a_server_has_is_refused(tool, tmp_path, start, folder, small, redis):
    server = start(store=("--data-dir", str(folder)))
    line = refusal(tool, "dump", tmp_path / "x", "--data-dir", folder)
    assert f"in use by odb_server, process {server.process.pid}" in line
    assert "in use" in refusal(tool, "restore", small, "--data-dir", folder)
    assert not (tmp_path / "x").exists()
    start(store=("--redis", redis.address))
    assert "another server owns" in refusal(tool, "restore", small, "--redis", redis.address)


def test_a_redis_that_is_not_empty_is_refused(tool, small, redis):
    tool("restore", small, "--redis", redis.address)
    rows = redis.ask("DBSIZE")
    assert "is not empty" in refusal(tool, "restore", small, "--redis", redis.address)
    assert redis.ask("DBSIZE") == rows
    redis.ask("SET", "other:key", "another program's")
    line = refusal(tool, "restore", small, "--redis", redis.address, "--redis-prefix", "other:")
    assert "not odb's" in line and redis.ask("GET", "other:key") == "another program's"
    assert "cannot connect" in refusal(tool, "verify", "--redis", "unix:/nowhere")


def test_a_file_that_exists_is_not_overwritten(tool, small, folder):
    before = small.read_bytes()
    assert "exists" in refusal(tool, "dump", small, "--data-dir", folder)
    assert small.read_bytes() == before


def test_a_full_disk_ends_a_dump(tool, folder, tmp_path):
    with open("/dev/full", "w") as full:
        assert "No space left" in refusal(tool, "dump", "-", "--data-dir", folder, stdout=full)
        assert "No space left" in refusal(tool, "schema", "--data-dir", folder, stdout=full)

    def limit():  # as a full disk, only that the error has another name
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))

    line = refusal(tool, "dump", tmp_path / "x", "--data-dir", folder, preexec_fn=limit)
    assert "File too large" in line and "the same command goes on from there" in line
    assert not (tmp_path / "x").exists() and (tmp_path / "x.partial").exists()
    done = json.loads(tool("dump", tmp_path / "x", "--data-dir", folder, "--json").stdout)
    assert done["objects"] == 100 and done["resumed"] > 0
    tool("verify", tmp_path / "x")


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small disk")
def test_a_full_disk_ends_a_restore_which_goes_on_when_there_is_room(tool, tmp_path, run):
    dump = write_dump(tmp_path / "dump", tasks(200_000))
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "odb", disk],
                             capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("cannot mount")
    try:
        line = refusal(tool, "restore", dump, "--data-dir", disk / "data")
        assert "goes on from there" in line or "space" in line, line
        done = run("--data-dir", str(disk / "data"), "localhost", "0")
        assert done.returncode == 1
        subprocess.run(["mount", "-o", "remount,size=600m", disk], check=True)
        tool("restore", dump, "--data-dir", disk / "data")
        tool("dump", tmp_path / "again", "--data-dir", disk / "data")
        assert object_lines(tmp_path / "again") == object_lines(dump)
    finally:
        subprocess.run(["umount", disk], check=True)


# ---- broken off ----


def has_begun(data):
    mark = data / "mark"
    return mark.exists() and any(mark.read_bytes())


def interrupt(tool_program, arguments, when, number=signal.SIGINT):
    process = subprocess.Popen([tool_program, *map(str, arguments)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert wait_for(lambda: process.poll() is not None or when())
    process.send_signal(number)
    _, errors = process.communicate(timeout=WAIT_SECONDS)
    return process.returncode, errors


def test_an_interrupted_dump_goes_on(tool, tool_program, tmp_path):
    big = write_dump(tmp_path / "big", tasks(400_000))
    tool("restore", big, "--data-dir", tmp_path / "data")
    partial = tmp_path / "x.partial"
    status, errors = interrupt(tool_program, ("dump", tmp_path / "x", "--data-dir",
                                              tmp_path / "data"),
                               lambda: partial.exists() and partial.stat().st_size > 0)
    assert (status, errors) == (130, "odb: interrupted\n")
    assert partial.exists() and not (tmp_path / "x").exists()
    done = json.loads(tool("dump", tmp_path / "x", "--data-dir", tmp_path / "data",
                           "--json").stdout)
    assert done["objects"] == 400_000 and 0 < done["resumed"] < 400_000
    assert object_lines(tmp_path / "x") == object_lines(big) and not partial.exists()


@pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGKILL))
def test_a_broken_off_restore_is_not_served_and_goes_on(tool, tool_program, tmp_path, run, number):
    big = write_dump(tmp_path / "big", tasks(400_000))
    data = tmp_path / "data"
    status, errors = interrupt(tool_program, ("restore", big, "--data-dir", data),
                               lambda: has_begun(data), number)
    assert status == (130 if number == signal.SIGINT else -signal.SIGKILL), errors
    done = run("--data-dir", str(data), "localhost", "0")
    assert done.returncode == 1 and "holds only part" in done.stderr, done
    assert "holds only part" in refusal(tool, "dump", tmp_path / "x", "--data-dir", data)
    other = write_dump(tmp_path / "other", tasks(5))
    assert "holds only part" in refusal(tool, "restore", other, "--data-dir", data)
    tool("restore", big, "--data-dir", data)
    tool("dump", tmp_path / "x", "--data-dir", data)
    assert object_lines(tmp_path / "x") == object_lines(big)


def test_a_dump_of_a_server_goes_on_with_the_version_that_it_began(tool, tmp_path, todo_server):
    tool("bench", "--seconds", "0.1", *at(todo_server))
    whole = tmp_path / "whole"
    tool("dump", whole, *at(todo_server))
    version = json.loads(whole.read_text().splitlines()[0])["version"]
    (tmp_path / "x.partial").write_bytes(whole.read_bytes()[:5000])
    tool("bench", "--seconds", "0.2", *at(todo_server))  # many versions later
    done = json.loads(tool("dump", tmp_path / "x", *at(todo_server), "--json").stdout)
    assert done["version"] == version and done["resumed"] > 10 and done["objects"] == 100
    assert object_lines(tmp_path / "x") == object_lines(whole)


def test_a_dump_of_a_server_begins_anew_when_the_version_is_gone(tool, tmp_path, start, small):
    server = start("--restore", str(small), "--retained-versions-max", "10")
    tool("bench", "--seconds", "0.1", *at(server))
    whole = tmp_path / "whole"
    tool("dump", whole, *at(server))
    (tmp_path / "x.partial").write_bytes(whole.read_bytes()[:5000])
    tool("bench", "--seconds", "0.2", *at(server))
    done = tool("dump", tmp_path / "x", *at(server))
    assert "began anew" in done.stderr and "100 objects" in done.stdout
    assert object_lines(tmp_path / "x") == object_lines(whole)


def test_two_dumps_to_one_file_are_one_too_many(tool, tool_program, tmp_path):
    big = write_dump(tmp_path / "big", tasks(400_000))
    for name in ("one", "two"):
        tool("restore", big, "--data-dir", tmp_path / name)
    first = subprocess.Popen([tool_program, "dump", tmp_path / "x", "--data-dir",
                              tmp_path / "one"], stdout=subprocess.DEVNULL)
    assert wait_for(lambda: (tmp_path / "x.partial").exists())
    line = refusal(tool, "dump", tmp_path / "x", "--data-dir", tmp_path / "two")
    assert "is being written by another process" in line or "exists" in line
    assert "in use by odb, process" in refusal(tool, "dump", tmp_path / "y", "--data-dir",
                                               tmp_path / "one")
    assert first.wait(WAIT_SECONDS) == 0
    tool("verify", tmp_path / "x")


# ---- a server that runs ----


@pytest.fixture
def todo_server(start, small):
    return start("--restore", str(small))


def test_status_says_how_a_server_is(tool, todo_server):
    status = json.loads(tool("status", *at(todo_server), "--json", "--over", "0.1").stdout)
    assert status["version"] == 12 and status["store"] == "memory"
    assert status["schemas"] == ["todo"] and len(status["history"]) == 32
    figures = status["figures"]
    assert figures["sessions"] == 1 and figures["objects"] == 100
    assert figures["memory_resident_bytes"] > 1e6 and "commits_total" in status["rates"]
    text = tool("status", *at(todo_server), "--over", "0").stdout
    assert re.search(r"^version +12$", text, re.M) and "MiB" in text


def test_schema_shows_types_and_counts(tool, todo_server, folder):
    for where in (at(todo_server), ("--data-dir", folder)):
        text = tool("schema", *where).stdout
        assert "todo.Task: 100 objects" in text and "one_of(none, todo.Task)" in text
        found = json.loads(tool("schema", "todo.Task", *where, "--json").stdout)
        assert found["types"][0]["objects"] == 100
        assert found["types"][0]["fields"] == TASK["fields"]
    assert "no type nothing" in refusal(tool, "schema", "nothing", *at(todo_server))


def test_objects_are_shown(tool, todo_server):
    lines = tool("get", "todo.Task", "3", "4", *at(todo_server), "--json").stdout.splitlines()
    assert [json.loads(line) for line in lines] == [
        {"type": "todo.Task", "id": 3,
         "fields": {"title": "write chapter 3", "status": "open", "priority": 3, "effort": 3.5,
                    "parent": 3}},
        {"type": "todo.Task", "id": 4,
         "fields": {"title": "write chapter 4", "status": "done", "priority": 4, "effort": 4.5,
                    "parent": None}}]
    assert tool("get", "Task", "999", *at(todo_server), status=4).stdout.count("\n") == 1
    table = tool("ls", "Task", "status=open", "--limit", "2", *at(todo_server)).stdout
    assert table.splitlines()[0].split() == ["id", "title", "status", "priority", "effort",
                                             "parent"]
    assert "48 more" in table
    assert len(tool("ls", "Task", "--limit", "0", "--json",
                    *at(todo_server)).stdout.splitlines()) == 100
    assert "no index" in refusal(tool, "ls", "Task", "priority=3", *at(todo_server))
    assert "no type Tasks" in refusal(tool, "ls", "Tasks", *at(todo_server))
    assert "expected FIELD=VALUE" in refusal(tool, "ls", "Task", "open", *at(todo_server))


def test_watch_shows_commits_as_they_come(tool_program, todo_server, odb, clean_environment):
    db = odb.connect("127.0.0.1", todo_server.port, TOKEN)
    schema = odb.Schema("todo")

    @schema.define
    class Task:
        title = str
        status = odb.Indexed(str)

    db.subscribeToSchema(schema)
    watching = subprocess.Popen([tool_program, "watch", "todo.Task", "--json", *at(todo_server)],
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env={**os.environ, "ODB_SERVICE_TOKEN": TOKEN})
    try:
        # What is committed before it has subscribed does not show.
        os.set_blocking(watching.stdout.fileno(), False)
        seen = []

        def commit_and_look():
            with db.transaction():
                Task.fromIdentity(1).status = f"at {time.monotonic()}"
            time.sleep(0.05)
            seen.extend(json.loads(line) for line in watching.stdout)
            return seen

        assert wait_for(commit_and_look)
        assert seen[0]["what"] == "changed" and seen[0]["id"] == 1
        assert seen[0]["fields"]["status"].startswith("at ")
        with db.transaction():
            Task.fromIdentity(2).delete()

        def deleted():
            seen.extend(json.loads(line) for line in watching.stdout)
            return seen[-1]["what"] == "deleted"

        assert wait_for(deleted)
        assert seen[-1]["id"] == 2 and "fields" not in seen[-1]
        watching.send_signal(signal.SIGINT)
        assert watching.wait(WAIT_SECONDS) == 0
    finally:
        watching.kill()
        db.disconnect()


def test_verify_finds_nothing_wrong_with_what_is_well(tool, todo_server, folder, small):
    for where in (at(todo_server), ("--data-dir", folder), (small,)):
        found = json.loads(tool("verify", *where, "--json").stdout)
        assert found["ok"] and found["objects"] == 100 and found["index_entries"] == 100


def test_verify_finds_damage(tool, folder, small):
    small.write_bytes(small.read_bytes().replace(b"chapter 17", b"chapter 71"))
    found = json.loads(tool("verify", small, "--json", status=3).stdout)
    assert not found["ok"] and "altered" in found["wrong"][0]
    tables = max((folder / "tables").glob("*.sst"), key=lambda path: path.stat().st_size)
    broken = bytearray(tables.read_bytes())
    broken[len(broken) // 3] ^= 0xFF
    tables.write_bytes(broken)
    assert tool("verify", "--data-dir", folder, status=3).stderr.count("\n") == 1


def test_bench_measures_and_leaves_nothing(tool, todo_server):
    found = json.loads(tool("bench", "--seconds", "0.5", *at(todo_server), "--json").stdout)
    assert found["commits"] > 10 and 0 < found["p50_us"] <= found["p99_us"]
    assert "odb_bench.Row: 0 objects" in tool("schema", "odb_bench", *at(todo_server)).stdout


def test_a_server_that_is_not_there_is_one_line(tool, todo_server):
    assert "127.0.0.1:1" in refusal(tool, "status", "--server", "127.0.0.1:1")
    assert "token" in refusal(tool, "status", *at(todo_server), env={"ODB_SERVICE_TOKEN": "wrong"})


# ---- where, and how ----


def test_places_come_from_options_environment_and_profile(tool, tmp_path, todo_server, folder):
    address = f"127.0.0.1:{todo_server.port}"
    assert "memory" in tool("status", "--over", "0", env={"ODB_SERVER": address}).stdout
    profiles = tmp_path / ".config" / "odb" / "profiles"
    profiles.parent.mkdir(parents=True)
    profiles.write_text(f"# mine\n[here]\nserver = {address}\ntoken = {TOKEN}\n"
                        f"[files]\ndata-dir = {folder}\n")
    profiles.chmod(0o600)
    assert "memory" in tool("status", "--profile", "here", "--over", "0",
                            env={"ODB_SERVICE_TOKEN": ""}).stdout
    tool("verify", env={"ODB_PROFILE": "files"})
    assert "no profile other" in refusal(tool, "status", "--profile", "other")
    profiles.chmod(0o640)
    assert "mode 0600" in refusal(tool, "status", "--profile", "here")
    profiles.chmod(0o600)
    profiles.write_text("[here]\nsecret = 3\n")
    assert "line 2: unknown key secret" in refusal(tool, "status", "--profile", "here")
    assert "where is the database?" in refusal(tool, "status")
    assert "exclude each other" in refusal(tool, "verify", "--data-dir", folder, "--redis", "x:1")


def test_a_wrong_command_line_ends_with_2(tool):
    for arguments in (("unknown",), (), ("dump",), ("dump", "x", "--wrong"), ("bench", "--clients",
                                                                              "0")):
        refusal(tool, *arguments, status=2)
    assert "frob is no command; expected one of status, schema" in refusal(tool, "frob", status=2)
    assert tool("--version").stdout.startswith("odb ")
    assert "Exit codes" in tool("--help").stdout


def test_errors_come_as_json_too(tool_program, clean_environment):
    done = subprocess.run([tool_program, "verify", "/nowhere", "--json"], capture_output=True,
                          text=True)
    assert done.returncode == 1 and done.stdout == ""
    assert "cannot read /nowhere" in json.loads(done.stderr)["error"]["message"]


def test_bash_completes(tool, tool_program, tmp_path):
    script = tmp_path / "completion"
    script.write_text(tool("completion", "bash").stdout)

    def complete(*words):
        line = " ".join(f"'{word}'" for word in words)
        return subprocess.run(
            ["bash", "-c", f"source {script}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
             "_odb; printf '%s\\n' \"${COMPREPLY[@]}\""],
            capture_output=True, text=True, check=True).stdout.split()

    assert complete("odb", "re") == ["restore"]
    assert set(complete("odb", "")) >= {"status", "schema", "get", "ls", "watch", "dump", "restore",
                                        "migrate", "verify", "bench", "completion"}
    assert complete("odb", "dump", "--da") == ["--data-dir"]
    assert complete("odb", "completion", "b") == ["bash"]
    assert tool("completion", "zsh").stdout.startswith("#compdef odb")
