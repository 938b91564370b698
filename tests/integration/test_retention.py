"""--retain-versions, --retain-time and --log-versions-max: how far back the log in a store reaches."""

import pytest

from redis_process import RedisProcess
from server_process import TOKEN

COMMITS = 600
CUT_TO = 300  # Redis cuts by whole nodes of its stream


@pytest.fixture
def log_length(start, odb, tmp_path):
    """How many appends are in the log after COMMITS commits, one after the other."""
    redis = RedisProcess(tmp_path, appendfsync="no")

    def measure(*options):
        server = start(*options, store=("--redis", redis.address))
        schema = odb.Schema("log")

        @schema.define
        class Counter:
            count = int

        db = odb.connect("127.0.0.1", server.port, TOKEN)
        db.subscribeToSchema(schema)
        with db.transaction():
            counter = Counter()
        for count in range(COMMITS):
            with db.transaction():
                counter.count = count
        db.disconnect()
        assert server.stop() == 0
        return int(redis.ask("XLEN", "odb:log"))

    yield measure
    redis.kill()


def test_the_log_keeps_the_newest_versions(log_length):
    assert 50 <= log_length("--retain-versions", "50") <= CUT_TO


def test_the_log_keeps_young_versions_beyond_their_number(log_length):
    assert log_length("--retain-versions", "50", "--retain-time", "1h") >= COMMITS


def test_the_log_lets_go_of_versions_that_are_old_enough(log_length):
    assert log_length("--retain-versions", "50", "--retain-time", "1ms") <= CUT_TO


def test_the_limit_of_the_log_wins_over_both(log_length):
    assert 50 <= log_length("--retain-time", "1h", "--log-versions-max", "50") <= CUT_TO


def test_a_restart_does_not_shorten_the_time(log_length):
    kept = log_length("--retain-versions", "50", "--retain-time", "1h")
    assert log_length("--retain-versions", "50", "--retain-time", "1h") >= kept + COMMITS
