"""Several odb_server over one real Redis: who takes over, who is fenced, and what clients notice."""

import signal
import socket
import threading
import time
from random import Random

import pytest

from redis_process import RedisProcess
from server_process import TOKEN, WAIT_SECONDS, wait_for
from standby import Fleet, Writer

# From the owner's end until another one listens: the lease of 2 s, or the time for which a Redis that
# has just begun waits for its owner, 3 s; and what a busy machine takes.
TAKE_OVER_SECONDS = 5.0


@pytest.fixture
def redis(tmp_path):
    process = RedisProcess(tmp_path)
    yield process
    process.kill()


@pytest.fixture
def fleet(program, clean_environment, redis):
    servers = Fleet(program, redis)
    yield servers
    servers.close()


@pytest.fixture
def pair(fleet):
    """(owner, standby)"""
    owner = fleet.start()
    assert wait_for(owner.is_owner)
    standby = fleet.start()
    assert wait_for(lambda: "waiting for the server that owns this database" in standby.log())
    assert standby.is_standby()
    return owner, standby


@pytest.fixture
def write(odb):
    """Starts writers: write(servers, "ann")."""
    writers = []

    def start_one(servers, name="ann"):
        writers.append(Writer(odb, servers, name).start())
        assert writers[-1].goes_on()
        return writers[-1]

    yield start_one
    for writer in writers:
        writer.is_stopping = True
        writer.db.disconnect()


def taken_over(standby, within=TAKE_OVER_SECONDS):
    """How long it took, from now on."""
    begun = time.monotonic()
    assert wait_for(standby.is_owner), standby.log()
    took = time.monotonic() - begun
    assert took < within
    return took


# ---- roles ----


def test_a_standby_refuses_connections_until_it_owns(pair):
    owner, standby = pair
    assert owner.serves()
    assert standby.refuses()
    assert owner.stop() == 0
    taken_over(standby)
    assert standby.serves()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_standby_ends_at_once_when_told_to(pair, number):
    owner, standby = pair
    begun = time.monotonic()
    assert standby.stop(number) == 0
    assert time.monotonic() - begun < 1
    assert owner.serves()


def test_a_standby_waits_for_a_redis_that_is_not_there_yet(fleet, redis):
    redis.kill()
    waiting = fleet.start()
    assert wait_for(lambda: "cannot connect to Redis" in waiting.log())
    assert waiting.is_standby()
    redis.start()
    assert wait_for(waiting.is_owner)
    assert waiting.serves()


def test_a_standby_that_is_told_to_end_while_redis_is_away_ends_at_once(fleet, redis):
    redis.kill()
    waiting = fleet.start()
    assert wait_for(lambda: "cannot connect to Redis" in waiting.log())
    begun = time.monotonic()
    assert waiting.stop() == 0
    assert time.monotonic() - begun < 1


def test_a_wrong_password_ends_a_standby_with_one_line(fleet, redis):
    redis.ask("CONFIG", "SET", "requirepass", "right")
    waiting = fleet.start()
    assert waiting.wait() == 1
    lines = [line for line in waiting.log().splitlines() if line.startswith("odb_server: ")]
    assert len(lines) == 1 and "wants a password" in lines[0]


def test_standby_needs_redis(run):
    result = run("--inmem", "--standby", "127.0.0.1", "0")
    assert result.returncode == 2
    assert "--standby needs --redis" in result.stderr


def test_a_port_in_use_is_told_when_it_takes_over(fleet, pair):
    owner, _ = pair
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(AssertionError, match="another program uses this port"):
            fleet.start(port=port)
    assert owner.serves()


# ---- taking over ----


def test_it_takes_over_when_the_owner_is_killed(pair, write, odb):
    owner, standby = pair
    writers = [write(pair, "ann"), write(pair, "bob")]
    owner.process.kill()
    taken_over(standby)
    for writer in writers:
        assert writer.goes_on()
        writer.stop()
        assert writer.errors == [], "a commit waits until the other server is there"
        assert max(writer.pauses) < TAKE_OVER_SECONDS + 1
        writer.check(odb, pair)


def test_it_takes_over_at_once_when_the_owner_ends_in_an_orderly_way(pair, write, odb):
    owner, standby = pair
    writer = write(pair)
    assert owner.stop() == 0
    taken_over(standby, within=1)
    assert writer.goes_on()
    writer.stop()
    assert writer.errors == []
    assert max(writer.pauses) < 2
    writer.check(odb, pair)


def test_a_stopped_owner_is_fenced_turns_standby_and_takes_over_again(pair, write, odb):
    first, second = pair
    writers = [write(pair, "ann"), write(pair, "bob")]
    first.send_signal(signal.SIGSTOP)
    taken_over(second)
    for writer in writers:
        assert writer.goes_on(), "clients notice that it says nothing"
    first.send_signal(signal.SIGCONT)
    assert wait_for(first.is_standby), first.log()
    assert "turns standby" in first.log()
    assert first.refuses()
    assert second.is_owner()
    for writer in writers:
        assert writer.goes_on()
    second.process.kill()
    taken_over(first)
    for writer in writers:
        assert writer.goes_on()
        writer.stop()
        assert writer.errors == []
        assert max(writer.pauses) < TAKE_OVER_SECONDS + 2
        writer.check(odb, pair)
    assert first.times_as_owner() == 2


def test_a_short_pause_changes_nothing(pair, write):
    owner, standby = pair
    writer = write(pair)
    owner.send_signal(signal.SIGSTOP)
    time.sleep(0.5)  # the pause itself, a quarter of the lease
    owner.send_signal(signal.SIGCONT)
    assert writer.goes_on()
    assert owner.is_owner() and standby.times_as_owner() == 0
    assert writer.errors == []


def test_of_two_standbys_one_takes_over_and_then_the_other(fleet, pair, write, odb):
    first, second = pair
    third = fleet.start()
    writer = write(fleet.servers)
    first.process.kill()
    assert wait_for(lambda: second.is_owner() or third.is_owner())
    owner, other = (second, third) if second.is_owner() else (third, second)
    assert writer.goes_on()
    assert other.times_as_owner() == 0
    owner.process.kill()
    taken_over(other)
    assert writer.goes_on()
    writer.stop()
    assert writer.errors == []
    writer.check(odb, fleet.servers)


def test_what_changes_while_a_standby_reads_is_there_when_it_takes_over(fleet, odb):
    """It reads rows of different versions, and the log makes one version of them."""
    owner = fleet.start()
    assert wait_for(owner.is_owner)
    schema = odb.Schema("moving")

    @schema.define
    class Thing:
        name = odb.Indexed(str)
        number = int
        log = odb.TupleOf(int)

    def content(db):
        with db.view():
            return sorted((thing.name, thing.number, tuple(thing.log), thing._identity)
                          for thing in Thing.lookupAll())

    db = odb.connect("127.0.0.1", owner.port, TOKEN)
    db.subscribeToSchema(schema)
    for start in range(0, 30_000, 5_000):
        with db.transaction():
            for i in range(start, start + 5_000):
                Thing(name=f"{i}", number=i)
    with db.view():
        things = list(Thing.lookupAll())
    random = Random(7)
    is_stopping = False
    turn = 0

    def move():
        nonlocal turn
        while not is_stopping:
            turn += 1
            with db.transaction():
                for thing in random.sample(things, 20):
                    if not thing.exists():
                        continue
                    if random.random() < 0.1:
                        thing.delete()
                    else:
                        thing.number += 1
                        thing.log = thing.log + (turn,)
                        thing.name = f"moved {turn}"
                things.append(Thing(name=f"new {turn}", number=-turn))

    mover = threading.Thread(target=move, daemon=True)
    mover.start()
    standby = fleet.start()
    assert wait_for(lambda: "this standby follows, from version" in standby.log()), standby.log()
    seen = turn
    assert wait_for(lambda: turn >= seen + 20), "some of it comes by the log alone"
    is_stopping = True
    mover.join(WAIT_SECONDS)
    db.flush()
    expected = content(db)
    db.disconnect()
    owner.process.kill()
    assert wait_for(standby.is_owner)
    assert "read anew" not in standby.log(), "what it has read was of use"
    fresh = odb.connect("127.0.0.1", standby.port, TOKEN)
    fresh.subscribeToSchema(schema)
    assert content(fresh) == expected
    with fresh.view():
        for name, number, log, identity in random.sample(expected, 200):
            assert identity in [thing._identity for thing in Thing.lookupAll(name=name)]
    with fresh.transaction():
        Thing(name="after")
    fresh.disconnect()


# ---- Redis, and the way to it ----


def test_when_redis_is_restarted_nothing_is_lost_and_somebody_goes_on(fleet, pair, write, odb, redis):
    writer = write(pair)
    redis.restart()
    assert writer.goes_on()
    fleet.wait_for_owner()
    assert sum(server.is_owner() for server in pair) == 1
    writer.stop()
    writer.check(odb, pair)


class RedisProxy:
    """Passes bytes on to Redis until it is cut; what stood is closed, what comes is refused."""

    def __init__(self, redis, path):
        self.redis = redis
        self.path = str(path)
        self.connections = []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"unix:{self.path}"

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.redis.socket)
            self.connections += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(one, other), daemon=True).start()

    @staticmethod
    def _pass(one, other):
        try:
            while data := one.recv(65536):
                other.sendall(data)
        except OSError:
            pass
        for end in (one, other):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def test_an_owner_cut_off_from_redis_gives_over_to_one_that_is_not(fleet, redis, write, odb,
                                                                   tmp_path):
    proxy = RedisProxy(redis, tmp_path / "proxy.sock")
    owner = fleet.start(address=proxy.address)
    assert wait_for(owner.is_owner)
    standby = fleet.start()
    pair = (owner, standby)
    writer = write(pair)
    proxy.cut()
    assert wait_for(standby.is_owner)
    assert wait_for(owner.is_standby), owner.log()
    assert writer.goes_on(), "clients are sent away by an owner that hears nothing from Redis"
    writer.stop()
    writer.check(odb, pair)
    assert owner.refuses()


# ---- many times ----


def test_nothing_is_lost_repeated_or_reordered_over_many_take_overs(fleet, pair, write, odb):
    first, second = pair
    writers = [write(pair, name) for name in ("ann", "bob", "eve")]
    owner, standby = first, second
    for turn in range(5):
        ways = [signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP]
        way = ways[turn % len(ways)]
        owner.send_signal(way)
        assert wait_for(standby.is_owner), standby.log()
        for writer in writers:
            assert writer.goes_on()
        if way == signal.SIGSTOP:
            owner.send_signal(signal.SIGCONT)
            assert wait_for(owner.is_standby), owner.log()
        else:
            owner.process.wait(WAIT_SECONDS)
            owner = fleet.start_again(owner)
            assert wait_for(owner.is_standby)
        owner, standby = standby, owner
    for writer in writers:
        writer.stop()
        assert writer.errors == []
        writer.check(odb, (owner, standby))
