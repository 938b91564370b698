"""cmake --install, and a project that uses what it installed."""

import os
import re
import subprocess


def call(*command, **settings):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            timeout=600, **settings)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_another_project_finds_and_uses_the_installed_package(root, build_dir, tmp_path):
    prefix, build = tmp_path / "prefix", tmp_path / "build"
    call("cmake", "--install", build_dir, "--prefix", prefix)
    version = re.search(r"VERSION (\S+)", (root / "CMakeLists.txt").read_text().split("(odb")[1])
    assert call(prefix / "bin/odb_server", "--version") == f"odb_server {version.group(1)}\n"
    assert call(prefix / "bin/odb", "--version") == f"odb {version.group(1)}\n"

    targets = (prefix / "lib/cmake/odb").rglob("*") if (prefix / "lib/cmake/odb").exists() else (
        prefix.rglob("odb*.cmake"))
    for file in targets:
        text = file.read_text()
        assert str(root) not in text and str(build_dir) not in text, f"{file} points into the tree"

    # Without ccache and sanitizers of the tree: as a stranger would.
    call("cmake", "-G", "Ninja", "-S", root / "tests/integration/consumer", "-B", build,
         f"-DCMAKE_PREFIX_PATH={prefix}", env={**os.environ, "CMAKE_BUILD_TYPE": "Debug"})
    call("ninja", "-C", build)
    assert call(build / "consumer") == f"{version.group(1)} installed 5\n"


def test_the_two_versions_must_agree(root, tmp_path):
    (tmp_path / "core/include/odb").mkdir(parents=True)
    (tmp_path / "core/include/odb/version.h").write_text(
        'inline constexpr const char* kVersionText = "9.9.9";\n')
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.25)\n"
        "project(odb VERSION 0.1.0 LANGUAGES NONE)\n"
        f"include({root}/cmake/odb_version.cmake)\n")
    result = subprocess.run(["cmake", "-S", tmp_path, "-B", tmp_path / "build"],
                            capture_output=True, text=True)
    assert result.returncode != 0
    assert "version.h says 9.9.9" in result.stderr
