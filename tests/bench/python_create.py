"""Many objects in one transaction: python_create.py PORT OBJECTS, with the token in the environment.

Prints one line of JSON: when the transaction began, on the clock that all processes share.
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

# As C++ defines it in model.h.
schema = Schema("bench_counters")


@schema.define
class Counter:
    count = int


def main():
    database = connect("127.0.0.1", int(sys.argv[1]), os.environ["ODB_SERVICE_TOKEN"])
    database.addSchema(schema)
    begin = time.monotonic_ns()
    with database.transaction():
        for number in range(int(sys.argv[2])):
            Counter(count=number)
    print(json.dumps({"begin_ns": begin}))


main()
