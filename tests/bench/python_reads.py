"""Reads of subscribed objects from Python: python_reads.py PORT, with the token in the environment.

Prints one line of JSON: reads per second, or why there are none.
"""

import json
import os
import random
import sys
import time

try:
    from object_database import Schema, connect
except ImportError as error:
    print(json.dumps({"skipped": f"object_database cannot be imported: {error}"}))
    sys.exit(0)

# As C++ defines it in model.h.
schema = Schema("bench_items")


@schema.define
class Item:
    number = int
    measure = float
    label = str


def rate_of(items):
    """Reads per second of one field of each."""
    begin = time.perf_counter()
    total = 0
    for item in items:
        total += item.number
    seconds = time.perf_counter() - begin
    if total != len(items) * (len(items) - 1) // 2:
        raise SystemExit("the objects are not those that were written")
    return len(items) / seconds


def main():
    database = connect("127.0.0.1", int(sys.argv[1]), os.environ["ODB_SERVICE_TOKEN"])
    database.subscribeToSchema(schema)
    with database.view():
        items = list(Item.lookupAll())
        shuffled = items[:]
        random.Random(20240607).shuffle(shuffled)
        print(json.dumps({"iterating": rate_of(items), "random": rate_of(shuffled)}))


main()
