"""A consumer: subscribes to a schema and prints every object as it is created or changed, by anyone.
Teaches: registerOnTransactionHandler, reading objects in a view, look-ups by index.
It sees what the C++ producer makes as well as what the Python one does."""

import queue
import time

from object_database import connect
from readings import Reading, arguments, schema

args = arguments()
db = connect(args.host, args.port, args.token)
db.subscribeToSchema(schema)

# Handlers run on the connection's thread: hand over to this one.
commits: queue.Queue = queue.Queue()
db.registerOnTransactionHandler(
    lambda writes, added, removed, version: commits.put((writes, version))
)

end = time.monotonic() + args.seconds
while (left := end - time.monotonic()) > 0:
    try:
        writes, version = commits.get(timeout=left)
    except queue.Empty:
        break
    with db.view():
        for reading in dict.fromkeys(obj for obj, field in writes):
            if reading.exists():
                print(
                    f"python consumer: version {version}: {reading.sensor} #{reading.number}"
                    f" = {reading.value} (made by {reading.made_by})",
                    flush=True,
                )

with db.view():
    print(
        f"python consumer: {len(Reading.lookupAll(made_by='python'))} readings made by python,"
        f" {len(Reading.lookupAll(made_by='c++'))} by c++",
        flush=True,
    )
