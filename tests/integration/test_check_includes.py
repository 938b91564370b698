"""scripts/check_includes.sh catches what breaks the include rule."""

import subprocess

import pytest


def check(root, tree):
    return subprocess.run([root / "scripts/check_includes.sh", tree], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True)


def write(tree, path, *includes):
    file = tree / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#pragma once\n" + "".join(f"#include {name}\n" for name in includes))


def test_the_repository_keeps_the_rule(root):
    result = check(root, root)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("path, include", [
    ("core/include/odb/core/a.h", '"odb/wire/codec.h"'),
    ("core/include/odb/core/a.h", "<sys/socket.h>"),
    ("core/src/core/a.cpp", "<boost/asio.hpp>"),
    ("core/src/core/a.cpp", "<capnp/message.h>"),
    ("core/include/odb/wire/a.h", "<capnp/message.h>"),
    ("core/include/odb/wire/a.h", "<kj/common.h>"),
    ("core/include/odb/wire/a.h", '"schemas/message.capnp.h"'),
    ("core/src/wire/a.cpp", '"odb/net/socket.h"'),
    ("core/src/wire/a.cpp", "<openssl/ssl.h>"),
    ("core/include/odb/net/a.h", "<openssl/ssl.h>"),
    ("core/src/net/a.cpp", "<capnp/message.h>"),
    ("core/src/net/a.cpp", '"odb/server/server.h"'),
    ("server/src/a.cpp", '"odb/client/view.h"'),
    ("server/src/a.cpp", '"odb/odb.h"'),
    ("server/src/a.cpp", "<openssl/ssl.h>"),
    ("server/src/a.cpp", "<capnp/message.h>"),
    ("server/src/a.cpp", "<CLI/CLI.hpp>"),
    ("server/src/a.cpp", "<rocksdb/db.h>"),
    ("server/src/embedded/worker.cpp", "<rocksdb/db.h>"),
    ("server/include/odb/server/a.h", "<spdlog/spdlog.h>"),
    ("client/src/a.cpp", '"odb/server/server.h"'),
    ("client/src/a.cpp", "<openssl/ssl.h>"),
    ("client/include/odb/client/a.h", '"odb/net/socket.h"'),
    ("client/include/odb/client/a.h", "<boost/asio/post.hpp>"),
    ("bindings/python/src/a.cpp", '"odb/net/socket.h"'),
    ("bindings/python/src/a.cpp", '"odb/wire/codec.h"'),
    ("bindings/python/src/a.cpp", '"../../../client/src/cache.h"'),
    ("examples/a.cpp", '"odb/core/value.h"'),
    ("examples/a.cpp", '"odb/server/session.h"'),
    ("server/elsewhere/a.cpp", "<vector>"),
])
def test_a_violation_is_caught(root, tmp_path, path, include):
    write(tmp_path, "core/src/core/good.cpp", "<vector>")
    write(tmp_path, path, include)
    result = check(root, tmp_path)
    assert result.returncode == 1
    assert path in result.stdout


def test_what_the_rule_allows_passes(root, tmp_path):
    write(tmp_path, "core/include/odb/core/a.h", "<vector>", '"odb/core/ids.h"',
          "<boost/unordered/unordered_flat_map.hpp>")
    write(tmp_path, "core/src/wire/a.cpp", '"wire/a.h"', "<capnp/message.h>",
          '"schemas/message.capnp.h"', '"odb/core/ids.h"')
    write(tmp_path, "core/src/net/a.cpp", '"net/openssl.h"', "<openssl/ssl.h>", "<sys/socket.h>")
    write(tmp_path, "server/src/a.cpp", '"odb/net/socket.h"', "<spdlog/spdlog.h>")
    write(tmp_path, "server/src/embedded/tables.cpp", '"tables.h"', "<rocksdb/db.h>")
    write(tmp_path, "server/src/main.cpp", "<CLI/CLI.hpp>")
    write(tmp_path, "client/src/a.cpp", '"odb/net/socket.h"', '"cache.h"')
    write(tmp_path, "bindings/python/src/a.cpp", '"odb/odb.h"', "<pybind11/stl.h>")
    write(tmp_path, "examples/a.cpp", "<odb/odb.h>")
    result = check(root, tmp_path)
    assert result.returncode == 0, result.stdout
