"""A work queue: workers look for open jobs by an index, claim one, do it, and mark it done.
Teaches: look-ups inside a transaction; two workers that claim one job conflict, so none is done twice.
Start `odb_server --inmem localhost 8000 --service-token TOKEN` first."""

import argparse
import collections
import os
import threading

from object_database import Indexed, OneOf, RevisionConflictException, Schema, connect

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="localhost")
parser.add_argument("--port", type=int, default=8000)
parser.add_argument("--token", default=os.environ.get("ODB_SERVICE_TOKEN", ""))
args = parser.parse_args()

schema = Schema("queue_in_python")


@schema.define
class Job:
    what = str
    status = Indexed(OneOf("open", "claimed", "done"))
    worker = str


JOBS = 60


def claim(db, name):
    """One open job that is now this worker's, or None."""
    while True:
        try:
            with db.transaction():
                job = Job.lookupAny(status="open")
                if job is not None:
                    job.status = "claimed"
                    job.worker = name
            return job
        except RevisionConflictException:
            pass  # somebody else was first: look again


def work(name):
    db = connect(args.host, args.port, args.token)
    db.subscribeToSchema(schema)
    committed = threading.Event()
    db.registerOnTransactionHandler(lambda *change: committed.set())
    while True:
        committed.clear()
        job = claim(db, name)
        if job is not None:
            with db.transaction():
                job.status = "done"
            continue
        with db.view():
            if len(Job.lookupAll(status="done")) >= JOBS:
                return
        committed.wait(timeout=1)


db = connect(args.host, args.port, args.token)
db.subscribeToSchema(schema)
workers = [threading.Thread(target=work, args=(name,)) for name in ("ada", "bob", "eve")]
for worker in workers:
    worker.start()
for number in range(JOBS):
    with db.transaction():
        Job(what=f"job {number}")
for worker in workers:
    worker.join()

db.flush()
with db.view():
    shares = collections.Counter(job.worker for job in Job.lookupAll())
    print(dict(shares))
    assert sum(shares.values()) == JOBS
