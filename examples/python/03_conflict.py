"""Four threads add to one counter at the same time: a commit that meets another raises, and is run again.
Teaches: RevisionConflictException and what it says; every thread has its own current transaction.
Start `odb_server --inmem localhost 8000 --service-token TOKEN` first."""

import argparse
import os
import threading

from object_database import RevisionConflictException, Schema, connect

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="localhost")
parser.add_argument("--port", type=int, default=8000)
parser.add_argument("--token", default=os.environ.get("ODB_SERVICE_TOKEN", ""))
args = parser.parse_args()

schema = Schema("counting_in_python")


@schema.define
class Counter:
    value = int


db = connect(args.host, args.port, args.token)
db.subscribeToSchema(schema)
with db.transaction():
    counter = Counter()

conflicts = []


def add(times: int) -> None:
    own = connect(args.host, args.port, args.token)
    own.subscribeToSchema(schema)
    for _ in range(times):
        while True:
            try:
                with own.transaction():
                    counter.value += 1
                break
            except RevisionConflictException as conflict:
                conflicts.append(str(conflict))


threads = [threading.Thread(target=add, args=(50,)) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

db.flush()
with db.view():
    print(f"200 additions met {len(conflicts)} conflicts; the counter says {counter.value}")
    assert counter.value == 200
if conflicts:
    print("one of them:", conflicts[0])
