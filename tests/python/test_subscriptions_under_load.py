"""Subscriptions that come and go, lazily and not, while others write and read."""

import random
import threading

import pytest

from object_database import (
    Index,
    Indexed,
    ObjectDoesntExistException,
    RevisionConflictException,
)
from support import WAIT_S

OBJECTS, ROUNDS = 100, 40


@pytest.fixture
def Item(schema):
    @schema.define
    class Item:
        group = Indexed(str)
        number = Indexed(int)
        text = str
        level = int
        by_group_and_number = Index("group", "number")

    return Item


class Load:
    """Threads that go on until `end` is set; the first failure of one ends all."""

    def __init__(self, seed):
        self.seed = seed
        self.end = threading.Event()
        self.failures = []
        self._threads = []

    def start(self, body, *arguments):
        dice = random.Random(f"{self.seed} {len(self._threads)}")

        def run():
            while not self.end.is_set():
                try:
                    body(dice, *arguments)
                except (RevisionConflictException, ObjectDoesntExistException):
                    pass  # others write and delete
                except BaseException as error:
                    self.failures.append(error)
                    self.end.set()

        self._threads.append(threading.Thread(target=run))
        self._threads[-1].start()

    def join(self):
        self.end.set()
        for thread in self._threads:
            thread.join(WAIT_S)
        assert not self.failures and not any(thread.is_alive() for thread in self._threads)


def write(dice, db, Item, items):
    with db.transaction():
        item = dice.choice(items)
        if not item.exists():
            return
        change = dice.randrange(6)
        if change == 0:
            item.text = f"text {dice.randrange(100)}"
        elif change == 1:
            item.group = str(dice.randrange(5))
        elif change == 2:
            item.number = dice.randrange(OBJECTS)
        elif change == 3:
            item.atomicAdd(level=1)
        elif change == 4:
            item.atomicAdd(number=1)
        elif dice.random() < 0.05:
            item.delete()


def subscribe(dice, db, Item, items):
    lazily = {"lazySubscription": dice.random() < 0.7}
    low = dice.randrange(OBJECTS)
    group = str(dice.randrange(5))
    ways = [
        lambda: db.subscribeToType(Item, **lazily),
        lambda: db.subscribeToSchema(Item.__schema__, **lazily),
        lambda: db.subscribeToIndex(Item, group=group, **lazily),
        lambda: db.subscribeToRange(Item, "number", atLeast=low, **lazily),
        lambda: db.subscribeToRange(Item, group=group, below=low, **lazily),
        lambda: db.subscribeToObjects(dice.sample(items, 10)),
    ]
    subscription = dice.choice(ways)()
    db.flush()
    subscription.unsubscribe()


def read_in_a_view(dice, db, Item):
    with db.view():
        for item in Item.lookupRange("number", atLeast=dice.randrange(OBJECTS), limit=10):
            assert item.text.startswith("text") and item.level >= 0
            assert item in Item.lookupAll(group=item.group, number=item.number)


def read_in_a_transaction(dice, db, Item):
    with db.transaction().nocommit():
        group, low = str(dice.randrange(5)), dice.randrange(OBJECTS)
        found = Item.lookupRange(group=group, atLeast=low)
        for item in found[:5]:
            assert item.group == group and item.number >= low and item.text.startswith("text")
        everything = Item.lookupAll()
        assert set(found) == {i for i in everything if i.group == group and i.number >= low}


def contents(db, Item):
    with db.view():
        return [(i._identity, i.group, i.number, i.text, i.level) for i in Item.lookupAll()]


def test_what_is_read_is_right_whatever_is_subscribed_to(connect, schema, Item):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    author, db = connect(), connect()
    author.subscribeToSchema(schema)
    db.addSchema(schema)
    with author.transaction():
        items = [Item(group=str(n % 5), number=n, text=f"text {n}") for n in range(OBJECTS)]
    load = Load(seed)
    for _ in range(2):
        load.start(write, author, Item, items)
        load.start(read_in_a_view, db, Item)
        load.start(read_in_a_transaction, db, Item)
        load.start(subscribe, db, Item, items)
    dice = random.Random(seed)
    for _ in range(ROUNDS):
        subscribe(dice, db, Item, items)
    load.join()
    assert not db.isSubscribedToType(Item)
    db.subscribeToSchema(schema, lazySubscription=True)
    author.flush()
    db.flush()
    assert contents(db, Item) == contents(author, Item)
