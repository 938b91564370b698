"""Synchronous commits from Python: python_commits.py PORT COMMITS, with the token in the environment.

Prints one line of JSON: the median in microseconds, or why there is none. The same as commit_latency.cpp
does: read an integer, write it back plus one, and wait for the commit.
"""

import json
import os
import sys
import time

try:
    from object_database import Schema, connect
except ImportError as error:
    print(json.dumps({"skipped": f"object_database cannot be imported: {error}"}))
    sys.exit(0)

WARM_UP = 2_000

schema = Schema("bench_counters")


@schema.define
class Counter:
    count = int


def main():
    database = connect("127.0.0.1", int(sys.argv[1]), os.environ["ODB_SERVICE_TOKEN"])
    database.subscribeToSchema(schema)
    commits = int(sys.argv[2])
    with database.transaction():
        counter = Counter()
    samples = []
    for _ in range(WARM_UP + commits):
        begin = time.perf_counter_ns()
        with database.transaction():
            counter.count += 1
        samples.append(time.perf_counter_ns() - begin)
    with database.view():
        if counter.count != WARM_UP + commits:
            raise SystemExit("commits were lost")
    samples = sorted(samples[WARM_UP:])
    print(json.dumps({"p50": samples[len(samples) // 2] / 1000}))


main()
