"""A producer: creates objects and changes them, each in a transaction of its own.
Teaches: connect, subscribeToSchema, the transaction block, constructing and changing objects.
Run a consumer beside it (02_consumer.py, or the C++ one) to see what it does."""

import time

from object_database import connect
from readings import Reading, arguments, schema

args = arguments()
db = connect(args.host, args.port, args.token)
db.subscribeToSchema(schema)

end = time.monotonic() + args.seconds
number = 0
while time.monotonic() < end:
    number += 1
    with db.transaction():
        reading = Reading(sensor="barometer", number=number, value=1013.0, made_by="python")
    with db.transaction():
        reading.value += number / 10
    time.sleep(0.5)
