"""A reactor keeps a summary right: how many orders are open, and what they are worth together.
Teaches: a function that runs again whenever a commit touches what it read, and only then; waiting.
Start `odb_server --inmem localhost 8000 --service-token TOKEN` first."""

import argparse
import os

from object_database import Indexed, OneOf, Reactor, Schema, connect

parser = argparse.ArgumentParser()
parser.add_argument("--host", default="localhost")
parser.add_argument("--port", type=int, default=8000)
parser.add_argument("--token", default=os.environ.get("ODB_SERVICE_TOKEN", ""))
args = parser.parse_args()

schema = Schema("shop_in_python")


@schema.define
class Order:
    state = Indexed(OneOf("open", "paid"))
    cents = int
    note = str


@schema.define
class Summary:
    open_orders = int
    cents = int


db = connect(args.host, args.port, args.token)
db.subscribeToSchema(schema)
with db.transaction():
    summary = Summary()
    big = Order(cents=50_000)


def summarize():
    with db.transaction():
        orders = Order.lookupAll(state="open")
        now = (len(orders), sum(order.cents for order in orders))
        if (summary.open_orders, summary.cents) != now:  # write only what differs
            summary.open_orders, summary.cents = now


def wait_for(open_orders, cents):
    def is_so():
        with db.view():
            return (summary.open_orders, summary.cents) == (open_orders, cents)

    waiting = Reactor(db, is_so)
    assert waiting.blockUntilTrue(timeout=30)
    waiting.teardown()
    print(open_orders, "open orders,", cents, "cents")


with db.view():
    before = sum(order.cents for order in Order.lookupAll(state="open")) - 50_000
    others = len(Order.lookupAll(state="open")) - 1  # of an earlier run of this example

with Reactor(db, summarize).running():
    wait_for(others + 1, before + 50_000)
    with db.transaction():
        for number in range(1, 11):
            Order(cents=number * 100)
    wait_for(others + 11, before + 55_500)
    with db.transaction():
        big.state = "paid"
    wait_for(others + 10, before + 5_500)
    with db.transaction():
        big.note = "the reactor sleeps through this: it reads neither notes nor paid orders"
