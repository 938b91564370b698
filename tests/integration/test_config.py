"""Every option may stand in the environment and in the file of --config; the packaged file has all."""

import re

import pytest

from redis_process import RedisProcess
from test_command_line import option_names, refusal

NO_REDIS = ("--redis", "unix:/nowhere/redis.sock")
IN_MEMORY = ("--inmem",)
PLACE = ("127.0.0.1", "0")
REFUSED, FAILED = 2, 1

# A value that shows that it was taken: what else is given, the value, exit code, and what is said.
SHOWN_BY = {
    "HOST": (IN_MEMORY, "host.invalid", FAILED, "host.invalid"),
    "PORT": (IN_MEMORY, "65536", REFUSED, "PORT: expected"),
    "--inmem": ((*NO_REDIS, *PLACE), "true", REFUSED, "exclude each other"),
    "--redis": (PLACE, "nonsense", REFUSED, "--redis: expected HOST:PORT"),
    "--redis-user": ((*NO_REDIS, *PLACE), "ann", REFUSED, "--redis-user needs a password"),
    "--redis-password-file": ((*NO_REDIS, *PLACE), "/no/file", REFUSED, "/no/file"),
    "--redis-database": ((*NO_REDIS, *PLACE), "x", REFUSED, "--redis-database: expected"),
    "--standby": ((*IN_MEMORY, *PLACE), "true", REFUSED, "--standby needs --redis"),
    "--data-dir": (PLACE, "/dev/null/data", FAILED, "/dev/null"),
    "--durability": (("--data-dir", "/dev/null", *PLACE), "never", REFUSED, "--durability: exp"),
    "--service-token": ((*IN_MEMORY, *PLACE, "--service-token-file", "/no/file"), "token",
                        REFUSED, "exclude each other"),
    "--service-token-file": ((*IN_MEMORY, *PLACE), "/no/file", REFUSED, "/no/file"),
    "--tls-cert": ((*IN_MEMORY, *PLACE), "/no/file", REFUSED, "must be given together"),
    "--tls-key": ((*IN_MEMORY, *PLACE), "/no/file", REFUSED, "must be given together"),
    "--metrics": ((*IN_MEMORY, *PLACE), "nonsense", REFUSED, "--metrics: expected HOST:PORT"),
    "--restore": ((*IN_MEMORY, *PLACE), "/no/file", FAILED, "/no/file"),
    "--log-level": ((*IN_MEMORY, *PLACE), "loud", REFUSED, "--log-level"),
}
ELSEWHERE = {"--config", "--help", "--version", "--redis-prefix"}


@pytest.fixture
def shown_by(run):
    """{option: how to see that it was taken}, of all but ELSEWHERE; limits refuse what is no number."""
    names = option_names(run("--help").stdout) | {"HOST", "PORT"}
    limits = {name: ((*IN_MEMORY, *PLACE), "nonsense", REFUSED, name)
              for name in names - ELSEWHERE - set(SHOWN_BY)}
    assert set(SHOWN_BY) <= names
    assert len(limits) >= 20
    return {**SHOWN_BY, **limits}



def test_every_option_is_taken_from_the_environment(run, shown_by):
    for name, (given, value, status, expected) in shown_by.items():
        variable = "ODB_" + name.lstrip("-").replace("-", "_").upper()
        place = {"ODB_HOST": "127.0.0.1", "ODB_PORT": "0"} if "127.0.0.1" not in given else {}
        result = run(*given, env={**place, variable: value})
        assert expected in refusal(result, status), name


def test_every_option_is_taken_from_the_file(run, shown_by, tmp_path):
    file = tmp_path / "server.conf"
    for name, (given, value, status, expected) in shown_by.items():
        place = {} if "127.0.0.1" in given else {"host": "127.0.0.1", "port": "0"}
        keys = {**place, name.lstrip("-").lower(): value}
        file.write_text("".join(f'{key} = "{text}"\n' for key, text in keys.items()))
        assert expected in refusal(run(*given, "--config", str(file)), status), name


@pytest.mark.parametrize("source", ["environment", "file"])
def test_the_prefix_of_keys_is_taken_from_both(start, tmp_path, source):
    redis = RedisProcess(tmp_path)
    try:
        file = tmp_path / "server.conf"
        file.write_text('redis-prefix = "shop:"\n' if source == "file" else "")
        env = {"ODB_REDIS_PREFIX": "shop:"} if source == "environment" else {}
        start("--config", str(file), store=("--redis", redis.address), env=env)
        assert redis.ask("HGET", "shop:meta", "version") != ""
    finally:
        redis.kill()


def test_an_unknown_key_is_refused_by_name(run, tmp_path):
    file = tmp_path / "server.conf"
    for key in ("retain-version", "config.inner"):
        file.write_text(f'{key} = "x"\n')
        line = refusal(run(*IN_MEMORY, *PLACE, "--config", str(file)), REFUSED)
        assert f"unknown key {key} " in line
    file.write_text('[section]\nhost = "x"\n')
    line = refusal(run(*IN_MEMORY, *PLACE, "--config", str(file)), REFUSED)
    assert "keys stand in no section, found [section]" in line


# ---- the file that the package installs ----


def settings(text, commented):
    pattern = r"^#([a-z-]+) = (.+)$" if commented else r"^([a-z-]+) = (.+)$"
    found = re.findall(pattern, text, re.MULTILINE)
    assert len(found) == len(dict(found)), "a key stands there twice"
    return dict(found)


def test_the_packaged_file_has_every_option_with_its_default(run, root):
    text = (root / "packaging/server.conf").read_text()
    help_text = run("--help").stdout
    every = {**settings(text, True), **settings(text, False)}
    names = option_names(help_text) - {"--help", "--version", "--config"}
    assert set(every) == {name[2:] for name in names} | {"host", "port"}
    defaults = dict(re.findall(r"--([a-z-]+) \w+(?::\{[^}]*\})?=(\S+) \(Env:", help_text))
    assert len(defaults) >= 20
    for key, value in defaults.items():
        assert every[key].strip('"') == value, key
    assert settings(text, False).keys() == {"host", "port", "data-dir"}


def test_the_packaged_file_starts_a_server_with_all_its_defaults(start, root, tmp_path):
    text = (root / "packaging/server.conf").read_text()
    defaults = [f"{key} = {value}" for key, value in settings(text, True).items()
                if "<" not in value and key not in ("inmem", "redis-database", "redis-prefix", "standby")]
    assert len(defaults) >= 20
    file = tmp_path / "server.conf"
    file.write_text(text.replace("/var/lib/odb", str(tmp_path / "data"))
                    .replace("port = 8000", "port = 0") + "\n".join(defaults) + "\n")
    server = start("--config", str(file), store=())
    assert server.serves()
    assert (tmp_path / "data/format").is_file()
    assert server.stop() == 0
