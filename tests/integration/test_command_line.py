"""odb_server: options, environment, configuration file, and what it says about wrong ones."""

import re
import socket
import subprocess

import pytest

from server_process import TOKEN, WAIT_SECONDS

PLACE = ("--inmem", "127.0.0.1", "0")


def refusal(result, status):
    """The one line that says what is wrong."""
    assert result.returncode == status, result
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1 and lines[0].startswith("odb_server: "), result.stderr
    return lines[0]


def option_names(help_text):
    return set(re.findall(r"^\s+(--[a-z-]+)", help_text, re.MULTILINE))


def limit_options(root):
    header = (root / "server/include/odb/server/limits.h").read_text()
    struct = re.search(r"struct Limits \{(.*?)\n\};", header, re.DOTALL).group(1)
    members = re.findall(r"^\s+std::\S+ (\w+)(?: =|\{)", struct, re.MULTILINE)
    assert len(members) >= 12
    return {"--" + member.replace("_", "-") for member in members}


def test_help_shows_every_option_with_its_environment_variable(run, root):
    result = run("--help")
    assert result.returncode == 0
    assert result.stderr == ""
    names = option_names(result.stdout)
    assert names == limit_options(root) | {
        "--store-timeout", "--lease-time", "--lease-wait",
        "--retain-versions", "--retain-time", "--log-versions-max",
        "--redis", "--redis-user", "--redis-password-file", "--redis-database", "--redis-prefix",
        "--data-dir", "--durability", "--inmem", "--service-token", "--service-token-file", "--tls-cert", "--tls-key",
        "--restore", "--metrics", "--log-level", "--config", "--help", "--version"}
    for name in names - {"--help", "--version"}:
        variable = "ODB_" + name[2:].replace("-", "_").upper()
        assert f"(Env:{variable})" in result.stdout
    assert "HOST (Env:ODB_HOST)" in result.stdout
    assert "PORT (Env:ODB_PORT)" in result.stdout


def test_version_is_that_of_the_project(run, root):
    project = re.search(r"project\(odb VERSION (\S+)", (root / "CMakeLists.txt").read_text())
    result = run("--version")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"odb_server {project.group(1)}\n"


def test_one_line_on_stdout_ends_in_host_and_port(start):
    server = start()
    assert server.serves()
    assert server.stop() == 0
    assert server.stdout.decode() == f"odb_server listens on 127.0.0.1:{server.port}\n"


def test_an_ipv6_address_is_shown_in_brackets(program, clean_environment):
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("needs an IPv6 loopback")
    arguments = [program, "--inmem", "::1", "0", "--service-token", TOKEN]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True) as server:
        line = server.stdout.readline()
        server.terminate()
        assert re.search(r" \[::1\]:\d+\n$", line)
        assert server.wait(WAIT_SECONDS) == 0


# ---- stores ----


def test_two_stores_exclude_each_other_wherever_they_are_named(run):
    expected = "--inmem, --redis and --data-dir exclude each other"
    assert expected in refusal(run(*PLACE, "--data-dir", "somewhere"), 2)
    assert expected in refusal(run("--data-dir", "somewhere", "--redis", "127.0.0.1:6379",
                                   "localhost", "0"), 2)
    assert expected in refusal(run(*PLACE, env={"ODB_REDIS": "127.0.0.1:6379"}), 2)
    assert expected in refusal(run(*PLACE, "--redis", "127.0.0.1:6379"), 2)


@pytest.mark.parametrize("options, expected", [
    (("--redis", "somewhere"), "--redis: expected HOST:PORT or unix:PATH"),
    (("--redis", "host:70000"), "--redis: expected HOST:PORT or unix:PATH"),
    (("--redis", "unix:"), "--redis: expected HOST:PORT or unix:PATH"),
    (("--redis", "h:1", "--redis-database", "x"), "--redis-database: expected a number"),
    (("--redis", "h:1", "--redis-prefix", ""), "--redis-prefix"),
    (("--redis", "h:1", "--redis-user", "ann"), "--redis-user needs a password"),
    (("--redis", "h:1", "--redis-password-file", "/no/such/file"), "/no/such/file"),
    (("--redis", "h:1", "--redis-password", "secret"), "unknown option --redis-password"),
])
def test_wrong_redis_options_are_named(run, options, expected):
    line = refusal(run(*options, "127.0.0.1", "0"), 2)
    assert expected in line
    assert "secret" not in line


def test_no_store_is_refused(run):
    assert "expected --inmem, --redis or --data-dir" in refusal(run("localhost", "0"), 2)


@pytest.mark.parametrize("options, expected", [
    (("--inmem", "--durability", "os"), "--durability needs --data-dir"),
    (("--data-dir", "d", "--durability", "never"), "--durability: expected commit"),
    (("--data-dir", "d", "--durability", "interval"), "--durability: expected commit"),
    (("--data-dir", "d", "--durability", "interval=0"), "interval=TIME with 1ms to 1h"),
    (("--data-dir", "d", "--durability", "interval=2h"), "interval=TIME with 1ms to 1h"),
])
def test_wrong_data_dir_options_are_named(run, options, expected):
    assert expected in refusal(run(*options, "127.0.0.1", "0"), 2)


# ---- wrong command lines ----


@pytest.mark.parametrize("arguments, expected", [
    (("--inmem",), "expected HOST and PORT"),
    (("--inmem", "localhost"), "expected HOST and PORT"),
    (("--inmem", "localhost", "eight"), "PORT: expected a number from 0 to 65535"),
    (("--inmem", "localhost", "65536"), "PORT: expected a number from 0 to 65535"),
    (("--inmem", "localhost", "0", "more"), "1 arguments too many"),
    ((*PLACE, "--no-such-option"), "unknown option --no-such-option"),
    ((*PLACE, "-x"), "unknown option -x"),
    ((*PLACE, "--log-level", "loud"), "--log-level"),
    ((*PLACE, "--linger"), "--linger"),
    ((*PLACE, "--linger", "soon"), "--linger: expected 0ms to 24h, found soon"),
    ((*PLACE, "--linger", "-1"), "--linger: expected 0ms to 24h, found -1"),
    ((*PLACE, "--commit-bytes-max", "64MB"), "--commit-bytes-max: expected 1KiB to"),
    ((*PLACE, "--commit-bytes-max", "1TiB"), "--commit-bytes-max: expected 1KiB to"),
    ((*PLACE, "--commit-credits", "0"), "--commit-credits: expected 1 to 4294967295, found 0"),
    ((*PLACE, "--sessions-max", "99999999999999999999"), "--sessions-max: expected 1 to"),
    ((*PLACE, "--session-queue-bytes-max", "1KiB"), "at least --commit-bytes-max"),
    ((*PLACE, "--heartbeat-interval", "1min"), "--silence-timeout must be longer"),
    ((*PLACE, "--linger", "1s", "--linger", "2s"), "--linger"),
])
def test_a_wrong_command_line_is_refused_in_one_line(run, arguments, expected):
    assert expected in refusal(run(*arguments), 2)


def test_a_token_after_a_misspelt_option_is_not_shown(run):
    result = run("--inmem", "--servce-token", TOKEN, "localhost", "0")
    assert "unknown option --servce-token" in refusal(result, 2)
    assert TOKEN not in result.stderr


def test_an_unknown_host_is_refused(run):
    line = refusal(run("--inmem", "no-such-host.invalid", "0"), 1)
    assert "no-such-host.invalid" in line


def test_a_port_in_use_is_refused(run, start):
    port = start().port
    line = refusal(run("--inmem", "127.0.0.1", str(port), "--service-token", TOKEN), 1)
    assert f"127.0.0.1:{port}" in line and "another program uses this port" in line


# ---- environment and file ----


def test_every_option_may_come_from_the_environment(start):
    server = start(token=None, env={"ODB_SERVICE_TOKEN": TOKEN, "ODB_LOG_LEVEL": "off",
                                    "ODB_LINGER": "1s", "ODB_SESSIONS_MAX": "10"})
    assert server.serves()
    assert server.stop() == 0
    assert server.log() == ""  # a token was there and the log is off


def test_a_wrong_value_in_the_environment_is_refused(run):
    assert "--linger" in refusal(run(*PLACE, env={"ODB_LINGER": "soon"}), 2)


def test_place_and_store_may_come_from_the_environment(run):
    # The unknown host shows that it was read.
    line = refusal(run(env={"ODB_INMEM": "true", "ODB_HOST": "host.invalid", "ODB_PORT": "1"}), 1)
    assert "host.invalid:1" in line


def test_every_option_may_come_from_the_file(run, tmp_path):
    file = tmp_path / "odb.toml"
    file.write_text('# odb\ninmem = true\nhost = "host.invalid"\nport = 7\nlinger = "1s"\n')
    assert "host.invalid:7" in refusal(run("--config", str(file)), 1)
    assert "host.invalid:7" in refusal(run(env={"ODB_CONFIG": str(file)}), 1)


def test_command_line_wins_over_environment_over_file(run, tmp_path):
    file = tmp_path / "odb.toml"
    file.write_text('inmem = true\nhost = "file.invalid"\nport = 1\n')
    assert "file.invalid:1" in refusal(run("--config", str(file)), 1)
    line = refusal(run("--config", str(file), env={"ODB_HOST": "environment.invalid"}), 1)
    assert "environment.invalid:1" in line
    line = refusal(run("--config", str(file), "line.invalid", "2",
                       env={"ODB_HOST": "environment.invalid"}), 1)
    assert "line.invalid:2" in line


@pytest.mark.parametrize("text, expected", [
    ("lingr = 1\n", "unknown key lingr"),
    ("[section]\nlinger = 1\n", "keys stand in no section"),
    ("linger = soon\n", "--linger"),
])
def test_a_wrong_file_is_refused(run, tmp_path, text, expected):
    file = tmp_path / "odb.toml"
    file.write_text(text)
    assert expected in refusal(run(*PLACE, "--config", str(file)), 2)


def test_a_missing_file_is_refused(run, tmp_path):
    missing = str(tmp_path / "missing.toml")
    assert missing in refusal(run(*PLACE, "--config", missing), 2)
