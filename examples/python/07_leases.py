"""A work queue whose claims end with the worker that made them, however it ends.
Teaches: connections are objects, and an object may be owned by one: when the connection ends, the server
deletes the object in an ordinary transaction. So a claim needs no timeout and nobody who cleans up.
Start `odb_server --inmem localhost 8000 --service-token TOKEN` first."""

import argparse
import os
import subprocess
import sys
import time

from object_database import Indexed, OwnedBy, Schema, connect, core_schema

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="localhost")
parser.add_argument("--port", type=int, default=8000)
parser.add_argument("--token", default=os.environ.get("ODB_SERVICE_TOKEN", ""))
parser.add_argument("--stall", action="store_true", help="claim a job and never get on with it")
args = parser.parse_args()

schema = Schema("claims_in_python")


@schema.define
class Job:
    what = str


@schema.define
class Claim:
    """A job is taken as long as there is a claim on it."""

    job = Indexed(Job, unique=True)
    worker = OwnedBy(core_schema.Connection)


def claim(db):
    """A job that nobody had and that is this worker's now, or None."""
    with db.transaction():
        for job in Job.lookupAll():
            if Claim.lookupAny(job=job) is None:
                Claim(job=job, worker=db.connectionObject)
                return job
    return None


db = connect(args.host, args.port, args.token, name="stalls" if args.stall else "goes on")
db.subscribeToSchema(schema, core_schema)
if args.stall:
    claim(db)
    while True:
        time.sleep(60)

with db.transaction():
    Job(what="the only job")
environment = {**os.environ, "ODB_SERVICE_TOKEN": args.token}
where = ["--host", args.host, "--port", str(args.port)]
other = subprocess.Popen([sys.executable, __file__, "--stall", *where], env=environment)
db.waitForCondition(lambda: Claim.lookupAny() is not None, timeout=60)
with db.view():
    print("the job is claimed by the worker that", Claim.lookupAny().worker.name)
assert claim(db) is None

other.kill()
other.wait()
print("that worker is killed")
db.waitForCondition(lambda: Claim.lookupAny() is None, timeout=60)
job = claim(db)
with db.view():
    print("the job is claimed by the worker that", Claim.lookupAny().worker.name)
with db.transaction():
    job.delete()
