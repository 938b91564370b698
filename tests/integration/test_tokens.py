"""odb_server: where tokens come from, and that they never show."""

import os
import re
import stat

import pytest

from server_process import TOKEN

PLACE = ("--inmem", "127.0.0.1", "0")


@pytest.fixture
def token_file(tmp_path):
    def write(text, mode=0o600):
        file = tmp_path / "tokens"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        file.chmod(mode)
        return str(file)

    return write


def test_a_strong_token_is_made_and_printed_once(start):
    server = start("--log-level", "trace", token=None)
    assert server.serves()
    assert server.stop() == 0
    tokens = re.findall(r"^odb_server: made a token: (\S+)$", server.log(), re.MULTILINE)
    assert len(tokens) == 1
    assert len(tokens[0]) == 43  # 256 bits in base64url
    assert server.log().count(tokens[0]) == 1
    assert tokens[0].encode() not in server.stdout


def test_each_start_makes_another_token(start):
    made = set()
    for _ in range(2):
        server = start(token=None)
        server.stop()
        made.update(re.findall(r"made a token: (\S+)", server.log()))
    assert len(made) == 2


def test_a_token_is_printed_although_the_log_is_off(start):
    server = start("--log-level", "off", token=None)
    server.stop()
    assert re.fullmatch(r"odb_server: made a token: \S+\n", server.log())


def test_no_token_is_made_when_the_start_fails(run, start):
    result = run("--inmem", "127.0.0.1", str(start().port))
    assert result.returncode == 1
    assert "token" not in result.stderr


@pytest.mark.parametrize("give", ["option", "environment", "file", "named file"])
def test_a_given_token_never_shows(start, token_file, give):
    if give == "option":
        server = start("--log-level", "trace")
    elif give == "environment":
        server = start("--log-level", "trace", token=None, env={"ODB_SERVICE_TOKEN": TOKEN})
    else:
        text = TOKEN if give == "file" else f"alice {TOKEN}\nbob {TOKEN}-2\n"
        server = start("--log-level", "trace", "--service-token-file", token_file(text), token=None)
    assert server.serves()
    assert server.stop() == 0
    assert TOKEN not in server.log()
    assert "made a token" not in server.log()
    assert TOKEN.encode() not in server.stdout


def test_a_weak_token_earns_a_warning_without_showing(start):
    server = start(token="hunter2")
    server.stop()
    assert re.search(r'warning the token of "service" is weak', server.log())
    assert "hunter2" not in server.log()


def test_a_strong_token_earns_no_warning(start):
    server = start()
    server.stop()
    assert "warning" not in server.log()


def test_weak_named_tokens_are_named(start, token_file):
    file = token_file(f"alice {TOKEN}\nbob short\n")
    server = start("--service-token-file", file, token=None)
    server.stop()
    assert 'the token of "bob" is weak' in server.log()
    assert "alice" not in server.log()


def test_a_file_that_others_can_read_earns_a_warning(start, token_file):
    file = token_file(TOKEN, mode=0o644)
    assert os.stat(file).st_mode & stat.S_IROTH
    server = start("--service-token-file", file, token=None)
    server.stop()
    assert "is readable by other users" in server.log()


def test_option_and_file_exclude_each_other(run, token_file):
    result = run(*PLACE, "--service-token", TOKEN, "--service-token-file", token_file(TOKEN))
    assert result.returncode == 2
    assert "exclude each other" in result.stderr
    assert TOKEN not in result.stderr


@pytest.mark.parametrize("text, expected", [
    ("", "contains no token"),
    ("# nothing\n\n", "contains no token"),
    ("alice SECRET-1 SECRET-2\n", "line 1: expected a name and a token"),
    ("alice SECRET-1\nbob\n", "line 2: expected a name and a token"),
    ("alice SECRET-1\nalice SECRET-2\n", "line 2"),
    ("alice SECRET-1\nbob SECRET-1\n", "line 2"),
    (b"\xff\xfe SECRET-1\n", "line 1"),
    (b"x" * (2 * 1024 * 1024), "is larger than"),
], ids=["empty", "only comments", "three words", "one word", "name twice", "token twice",
        "not UTF-8", "too large"])
def test_a_wrong_token_file_is_refused_with_its_line(run, token_file, text, expected):
    file = token_file(text)
    result = run(*PLACE, "--service-token-file", file)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1
    assert file in result.stderr and expected in result.stderr
    assert "SECRET" not in result.stderr


def test_an_unreadable_token_file_is_refused(run, tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        result = run(*PLACE, "--service-token-file", str(path))
        assert result.returncode == 2
        assert f"token file {path} cannot be read" in result.stderr


def test_an_empty_token_is_refused(run):
    result = run(*PLACE, "--service-token", "")
    assert result.returncode == 2
    assert "--service-token is empty" in result.stderr
