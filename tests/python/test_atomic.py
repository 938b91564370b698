"""Updates that read nothing, and so conflict with nothing of their kind."""

import threading

import pytest

import object_database
from object_database import (
    AtomicOperation,
    ConstDict,
    Indexed,
    NumberOverflowException,
    ObjectDoesntExistException,
    OdbException,
    OneOf,
    TupleOf,
    UsageException,
)
from support import WAIT_S

INT_MAX = 2**63 - 1


@pytest.fixture
def Counter(schema):
    @schema.define
    class Counter:
        name = Indexed(str)
        count = Indexed(int)
        level = float
        tags = TupleOf(OneOf(None, str))
        scores = ConstDict(str, int)

    return Counter


@pytest.fixture
def counter(db, schema, Counter):
    db.subscribeToSchema(schema)
    with db.transaction():
        return Counter(name="a", count=5, level=0.5, tags=["x"], scores={"a": 1, "b": 2})


def test_each_kind_does_what_it_says(db, counter):
    with db.transaction():
        counter.atomicAdd(count=2, level=1)
        counter.atomicAppend(tags="y")
        counter.atomicAppend(tags=None)
        counter.atomicInsert(scores={"b": 3, "c": 4})
        counter.atomicErase(scores="a")
        counter.atomicErase(scores="not there")
    with db.view():
        assert (counter.count, counter.level) == (7, 1.5)
        assert counter.tags == ("x", "y", None)
        assert counter.scores == {"b": 3, "c": 4}


def test_a_transaction_sees_its_own_updates(db, Counter, counter):
    with db.transaction():
        counter.atomicAdd(count=-3)
        assert counter.count == 2
        assert Counter.lookupAll(count=2) == (counter,)
        counter.count = 10
        counter.atomicAdd(count=1)
        assert counter.count == 11
        made = Counter(name="made")
        made.atomicAdd(count=4)
        made.atomicAppend(tags="z")
    with db.view():
        assert counter.count == 11 and made.count == 4 and made.tags == ("z",)


def test_updates_read_nothing_and_are_told_as_what_they_are(db, Counter, counter):
    with db.transaction() as transaction:
        counter.atomicAdd(count=2)
        counter.atomicAppend(tags="y")
        counter.atomicInsert(scores={"c": 4})
        counter.atomicErase(scores="a")
        assert transaction.getFieldReads() == set()
        assert transaction.getFieldWrites() == {
            (counter, "count"): [AtomicOperation("add", None, 2)],
            (counter, "tags"): [AtomicOperation("append", None, "y")],
            (counter, "scores"): [
                AtomicOperation("insert", "c", 4),
                AtomicOperation("erase", "a", None),
            ],
        }
        assert transaction.getIndexWrites() == (
            [(Counter, "count", (7,), counter)],
            [(Counter, "count", (5,), counter)],
        )


def test_updates_of_others_are_kept(db, connect, schema, counter):
    other = connect()
    other.subscribeToSchema(schema)
    with db.transaction():
        counter.atomicAdd(count=1)
        counter.atomicInsert(scores={"mine": 1})
        with object_database.MaskView(), other.transaction():
            counter.atomicAdd(count=1)
            counter.atomicInsert(scores={"theirs": 1})
            counter.atomicAppend(tags="theirs")
    with db.view():
        assert counter.count == 7
        assert counter.scores == {"a": 1, "b": 2, "mine": 1, "theirs": 1}


def test_many_clients_increment_one_counter_without_conflict(server, schema, counter):
    clients, increments = 10, 50
    failures = []

    def increment():
        db = object_database.connect("localhost", server.port, server.token)
        try:
            db.subscribeToSchema(schema)
            for _ in range(increments):
                with db.transaction():
                    counter.atomicAdd(count=1)
        except OdbException as error:
            failures.append(error)
        finally:
            db.disconnect()

    threads = [threading.Thread(target=increment) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not failures  # a conflict would be one: nothing is tried again
    db = object_database.connect("localhost", server.port, server.token)
    db.subscribeToSchema(schema)
    with db.view():
        assert counter.count == 5 + clients * increments
    db.disconnect()


def test_an_overflow_is_refused(db, counter):
    with pytest.raises(NumberOverflowException) as caught:
        with db.transaction():
            counter.atomicAdd(count=INT_MAX)
    assert isinstance(caught.value, (OdbException, OverflowError))
    assert "count" in str(caught.value)
    with pytest.raises(NumberOverflowException):
        with db.transaction():
            counter.count = INT_MAX
            counter.atomicAdd(count=1)
    with db.view():
        assert counter.count == 5


def test_an_object_that_is_gone_is_not_updated(db, counter):
    with db.transaction():
        counter.delete()
    with pytest.raises(ObjectDoesntExistException):
        with db.transaction():
            counter.atomicAdd(count=1)


@pytest.mark.parametrize(
    "method, keywords, message",
    [
        ("atomicAdd", {"name": "x"}, "Counter.name is of type str: atomicAdd needs an int"),
        ("atomicAdd", {"count": "x"}, "Counter.count: expected int, given 'x'"),
        ("atomicAdd", {"count": 1.5}, "Counter.count: expected int"),
        ("atomicAdd", {"missing": 1}, "Counter has no field missing"),
        ("atomicAdd", {}, "takes fields by keyword"),
        ("atomicAppend", {"tags": 3}, "Counter.tags: expected OneOf"),
        ("atomicAppend", {"scores": 3}, "atomicAppend needs a TupleOf"),
        ("atomicInsert", {"scores": {"a": "x"}}, "Counter.scores"),
        ("atomicInsert", {"tags": {"a": 1}}, "atomicInsert needs a ConstDict"),
        ("atomicErase", {"scores": 3}, "Counter.scores: expected str"),
        ("atomicErase", {"count": 3}, "atomicErase needs a ConstDict"),
    ],
)
def test_what_does_not_fit_is_refused(db, counter, method, keywords, message):
    with db.transaction() as transaction:
        with pytest.raises(TypeError, match=message):
            getattr(counter, method)(**keywords)
        assert transaction.getFieldWrites() == {}


def test_updates_need_a_transaction(db, counter):
    with db.view(), pytest.raises(UsageException, match="transaction"):
        counter.atomicAdd(count=1)
    with pytest.raises(UsageException, match="transaction"):
        counter.atomicAdd(count=1)
