"""The instruction budget: what a commit costs the server's processor, whatever else the machine does.

    budget.py BIN              counts, and fails when that is more than the budget allows
    budget.py BIN --record     counts, and makes that the budget
    budget.py BIN --json       counts, and prints one line of JSON: {"instructions": N} or {"skipped": WHY}

BIN is the folder with odb_server and odb_bench of an optimised build. The server runs under valgrind's
callgrind, with one client that sends commits in batches of 64 (one that keeps 64 in flight would share reads
and writes among them as the machine's load has it); of two runs, one with twice as many commits, the
difference is what commits cost. Instructions inside OpenSSL do not count: they depend on how commits
share TLS records, and are not ours to save.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

IN_FLIGHT = 64
COMMITS = 100 * IN_FLIGHT
MEASUREMENTS = 3  # the budget is held against their median
SLACK = 1.05
TOKEN = "a token that only the budget knows"
TIMEOUT_S = 120
NOT_OURS = ("libssl.so", "libcrypto.so")
BUDGET_FILE = pathlib.Path(__file__).with_name("budget.json")

# Lines of callgrind's output: what belongs to which object file, calls, and costs by line number.
OBJECT = re.compile(r"ob=\((\d+)\)(?: (.*))?")
CALLED_OBJECT = re.compile(r"cob=\((\d+)\)(?: (.*))?")
COST = re.compile(r"[+\-*\d]\d* (\d+)")


class BudgetError(Exception):
    pass


def instructions_of(profile):
    """Those that functions of our own objects executed themselves."""
    names = {}
    total = 0
    counts = False
    is_call = False
    for line in profile:
        if called := CALLED_OBJECT.fullmatch(line := line.rstrip("\n")):
            if called[2] is not None:
                names[called[1]] = called[2]
        elif found := OBJECT.fullmatch(line):
            if found[2] is not None:
                names[found[1]] = found[2]
            counts = not any(name in names[found[1]] for name in NOT_OURS)
        elif line.startswith("calls="):
            is_call = True  # the next cost is the callee's
        elif cost := COST.fullmatch(line):
            if counts and not is_call:
                total += int(cost[1])
            is_call = False
    if total == 0:
        raise BudgetError("callgrind counted nothing")
    return total


def run_server(server_program, bench_program, commits, folder):
    profile = folder / "callgrind.out"
    environment = dict(os.environ, ODB_SERVICE_TOKEN=TOKEN)
    server = subprocess.Popen(
        ["valgrind", "--tool=callgrind", "--quiet", f"--callgrind-out-file={profile}"]
        + [str(server_program), "--inmem", "127.0.0.1", "0", "--log-level", "error"],
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = server.stdout.readline()
        if not line:
            raise BudgetError("odb_server does not start under valgrind")
        arguments = {"port": int(line.rpartition(":")[2]), "commits": commits, "in_flight": IN_FLIGHT}
        subprocess.run(
            [str(bench_program), "worker", "budget-load", json.dumps(arguments)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            timeout=TIMEOUT_S,
            check=True,
        )
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=TIMEOUT_S)
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    with open(profile, encoding="utf-8") as text:
        return instructions_of(text)


def measure(*programs):
    """Instructions a commit: the median of a few measurements."""
    counts = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(MEASUREMENTS):
            once = run_server(*programs, COMMITS, pathlib.Path(folder))
            twice = run_server(*programs, 2 * COMMITS, pathlib.Path(folder))
            counts.append((twice - once) / COMMITS)
    return round(statistics.median(counts)), [round(count) for count in counts]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binaries", metavar="BIN", type=pathlib.Path)
    parser.add_argument("--server", type=pathlib.Path, help="another odb_server than that of BIN")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        why = "valgrind is not installed (scripts/install_deps.sh --checks does)"
        if options.json:
            print(json.dumps({"skipped": why}))
            return 0
        raise BudgetError(why)
    server = options.server or options.binaries / "odb_server"
    found, counts = measure(server, options.binaries / "odb_bench")
    if options.json:
        print(json.dumps({"instructions": found}))
        return 0
    print(f"{found} instructions a commit without OpenSSL, in batches of {IN_FLIGHT}; measured {counts}")
    if options.record:
        BUDGET_FILE.write_text(json.dumps({"instructions_a_commit": found}) + "\n", encoding="utf-8")
        return 0
    budget = json.loads(BUDGET_FILE.read_text(encoding="utf-8"))["instructions_a_commit"]
    again = f"{sys.executable} {__file__} {options.binaries} --record"
    if found > SLACK * budget:
        print(f"over the budget of {budget} by more than 5%. If it is worth that: {again}")
        return 1
    print(f"within the budget of {budget}. To make it the new one: {again}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (BudgetError, subprocess.SubprocessError) as error:
        sys.exit(f"budget.py: {error}")
