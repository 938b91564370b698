"""odb_server over a real Redis: what survives, and what it says when Redis misbehaves."""

import re
import signal
import socket
import subprocess
import time

import pytest

from redis_process import RedisProcess
from server_process import WAIT_SECONDS, ServerProcess, failed_start, wait_for
from shop import Load

FAST = ("--store-timeout", "1s", "--lease-time", "1s", "--lease-wait", "500ms")
STORE_LOST = 3


@pytest.fixture
def redis(tmp_path):
    process = RedisProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def serve(program, clean_environment, redis):
    """Starts servers over the test's Redis."""
    started = []

    def start_one(*options, wait=True, env=None, port=0, times=FAST):
        server = ServerProcess(program, *times, *options, store=("--redis", redis.address),
                               wait=wait, env=env, port=port)
        started.append(server)
        return server

    yield start_one
    for server in started:
        server.kill()


# ---- what survives ----


def test_a_restart_keeps_everything(serve, shop, redis):
    first = serve()
    one = shop(first)
    for i in range(50):
        one.add(f"item {i}")
    one.close()
    assert first.stop() == 0
    version = redis.ask("HGET", "odb:meta", "version")
    history = redis.ask("HGET", "odb:meta", "history")
    assert redis.ask("HGET", "odb:meta", "clean") == version

    again = shop(serve())
    assert len(again.names()) == 50
    with again.db.view():
        items = {item.name: item for item in again.Item.lookupAll(name="item 7")}
        assert list(items) == ["item 7"], "by the index, too"
    again.add("another")
    assert redis.ask("HGET", "odb:meta", "version") == str(int(version) + 1)
    assert redis.ask("HGET", "odb:meta", "history") == history
    assert len(redis.ask("--scan", "--pattern", "odb:row:*").splitlines()) == 51


@pytest.mark.parametrize("victim", ["server", "redis", "both"])
def test_nothing_acknowledged_is_lost_when_killed_under_load(serve, shop, redis, victim):
    server = serve()
    load = Load([shop(server) for _ in range(3)])
    if victim != "redis":
        server.process.kill()
    if victim != "server":
        redis.kill()
    load.wait()
    if victim != "server":
        redis.start()
    if victim == "redis":
        assert wait_for(lambda: "is back" in server.log())
    else:
        server = serve()
    load.check(shop(server).names())


@pytest.mark.parametrize("survivor", ["server", "nobody"])
def test_half_of_what_redis_was_writing_never_takes_effect(serve, shop, redis, survivor):
    """Redis cuts off a torn command, but not the transaction that it stands in."""
    server = serve()
    one = shop(server)
    one.add("before")
    if survivor == "nobody":
        server.process.kill()
    redis.kill()
    redis.tear(("HINCRBY", "odb:meta", "rows", "5"), ("HSET", "odb:meta", "version", "1000000"))
    redis.start()
    if survivor == "nobody":
        server = serve()
    else:
        assert wait_for(lambda: "is back" in server.log())
    shop(server).add("between")
    version = redis.ask("HGET", "odb:meta", "version")
    server.process.kill()
    redis.restart()
    again = shop(serve())
    assert again.names() == ["before", "between"]
    assert redis.ask("HGET", "odb:meta", "version") == version
    assert redis.ask("HGET", "odb:meta", "rows") == "2"


def test_a_killed_server_is_replaced_at_once(serve, redis):
    slow = ("--lease-time", "1min", "--lease-wait", "1s")
    first = serve(times=slow)
    first.process.kill()
    first.process.wait()
    begun = time.monotonic()
    assert serve(times=slow).serves()
    assert time.monotonic() - begun < 10


# ---- one owner ----


def test_a_second_server_is_refused_and_the_first_goes_on(serve, shop):
    first = serve()
    line = failed_start(serve(wait=False))
    assert "another server owns this database" in line
    shop(first).add("still here")


def test_a_server_that_was_stopped_for_long_is_fenced(serve, shop, redis):
    first = serve()
    one = shop(first)
    one.add("before")
    first.send_signal(signal.SIGSTOP)
    assert wait_for(lambda: redis.ask("EXISTS", "odb:lease") == "0")
    second = shop(serve())
    second.add("after")
    first.send_signal(signal.SIGCONT)
    assert first.wait() == STORE_LOST
    assert "another server owns the database now" in first.log()
    assert second.names() == ["after", "before"]


# ---- a Redis that misbehaves ----


def test_a_flushed_redis_ends_the_server(serve, shop, redis):
    server = serve()
    shop(server).add("gone")
    redis.ask("FLUSHALL")
    assert server.wait() == STORE_LOST
    assert len(re.findall(r"the store is lost: .*removed", server.log())) == 1
    assert shop(serve()).names() == []


def test_while_redis_is_away_commits_fail_and_reads_go_on(serve, shop, redis, odb):
    server = serve()
    one = shop(server)
    one.add("before")
    redis.kill()
    assert wait_for(lambda: "is away" in server.log())
    begun = time.monotonic()
    with pytest.raises(Exception, match="not committed"):
        one.add("meanwhile")
    assert time.monotonic() - begun < 5
    assert one.names() == ["before"]
    assert shop(server).names() == ["before"], "a new client, too"
    redis.start()
    assert wait_for(lambda: "is back" in server.log())
    one.add("afterwards")
    assert one.names() == ["afterwards", "before"]


def test_a_read_only_redis_refuses_and_later_takes(serve, shop, redis):
    one = shop(serve())
    one.add("before")
    redis.ask("REPLICAOF", "127.0.0.1", "1")
    with pytest.raises(Exception, match="READONLY"):
        one.add("meanwhile")
    redis.ask("REPLICAOF", "NO", "ONE")
    one.add("afterwards")
    assert one.names() == ["afterwards", "before"]


# ---- starting ----


def test_a_wrong_password_is_one_clear_line(serve, redis, tmp_path):
    redis.ask("CONFIG", "SET", "requirepass", "right")
    file = tmp_path / "password"
    file.write_text("wrong-one\n")
    line = failed_start(serve("--redis-password-file", str(file), wait=False))
    assert "does not accept this user and password" in line
    assert "wrong-one" not in line
    assert "wants a password" in failed_start(serve(wait=False))
    assert redis.ask("-a", "right", "--no-auth-warning", "DBSIZE") == "0"
    file.write_text("right\n")
    assert serve("--redis-password-file", str(file)).serves()
    assert serve("--redis-prefix", "two:", env={"ODB_REDIS_PASSWORD": "right"}).serves()


def test_nobody_at_the_address_is_one_clear_line(program, clean_environment):
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    result = subprocess.run([program, "--redis", f"127.0.0.1:{port}", "127.0.0.1", "0"],
                            capture_output=True, text=True, timeout=WAIT_SECONDS)
    assert result.returncode == 1
    assert f"cannot connect to Redis at 127.0.0.1:{port}" in result.stderr


def test_keys_of_something_else_are_left_alone(serve, redis):
    redis.ask("SET", "odb:theirs", "1")
    assert "odb:theirs" in failed_start(serve(wait=False))
    assert redis.ask("DBSIZE") == "1"


def test_it_says_how_durable_this_redis_is(serve, redis):
    assert "appendfsync always" in serve().log()
    redis.ask("CONFIG", "SET", "appendfsync", "everysec")
    log = serve("--redis-prefix", "b:").log()
    assert "last second or two" in log
    redis.ask("CONFIG", "SET", "appendonly", "no")
    assert "are lost when Redis ends" in serve("--redis-prefix", "c:").log()
