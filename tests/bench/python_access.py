"""Reads and writes of fields from Python: python_access.py PORT, with the token in the environment.

Prints one line of JSON: reads and writes per second and microseconds of lookupAll() an object, or why there are none.
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

WORKING_SET = 1_000  # objects; together with their rows they stay in a processor's caches
WRITTEN_ONCE = 100_000

# As C++ defines it in model.h.
schema = Schema("bench_items")


@schema.define
class Item:
    number = int
    measure = float
    label = str


def reads_per_second(items):
    """Of one field of each, the sum checked."""
    begin = time.perf_counter()
    total = 0
    for item in items:
        total += item.number
    seconds = time.perf_counter() - begin
    return len(items) / seconds, total


def writes_per_second(items):
    begin = time.perf_counter()
    for item in items:
        item.number = 7
    return len(items) / (time.perf_counter() - begin)


def touches_per_second(items):
    """Of the same loop without reads: what Python needs to get hold of each object."""
    begin = time.perf_counter()
    for item in items:
        pass
    return len(items) / (time.perf_counter() - begin)


def check(is_right):
    if not is_right:
        raise SystemExit("the objects are not those that were written")


def main():
    shuffle = random.Random(20240607).shuffle
    database = connect("127.0.0.1", int(sys.argv[1]), os.environ["ODB_SERVICE_TOKEN"])
    database.subscribeToSchema(schema)
    rates = {}
    with database.view():
        begin = time.perf_counter()
        items = list(Item.lookupAll())
        rates["lookup_all_us"] = (time.perf_counter() - begin) * 1e6 / len(items)
        expected = len(items) * (len(items) - 1) // 2
        rates["iterating"], total = reads_per_second(items)
        check(total == expected)
        few = items[:WORKING_SET]
        shuffle(few)
        few_reads = few * (len(items) // WORKING_SET)
        rates["working_set"], total = reads_per_second(few_reads)
        check(total == sum(range(WORKING_SET)) * (len(items) // WORKING_SET))
        ordered = items[:]
        shuffle(items)
        rates["touches"] = touches_per_second(items)
        rates["random"], total = reads_per_second(items)
        check(total == expected)
    with database.transaction().nocommit():
        rates["writes_working_set"] = writes_per_second(few_reads)
    with database.transaction().nocommit():
        rates["writes_random"] = writes_per_second(items[:WRITTEN_ONCE])
    with database.transaction().nocommit() as transaction:
        rates["writes_once"] = writes_per_second(ordered[:WRITTEN_ONCE])
        check(len(transaction.getFieldWrites()) == min(WRITTEN_ONCE, len(items)))
    print(json.dumps(rates))


main()
