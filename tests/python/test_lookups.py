"""lookupAll, lookupOne, lookupAny, lookupUnique."""

import collections.abc
import datetime

import pytest

from object_database import (
    Alternative,
    ConstDict,
    DisconnectedException,
    Index,
    Indexed,
    NamedTuple,
    OneOf,
    Tuple,
    TupleOf,
)


@pytest.fixture
def three(db, tasks):
    with db.transaction():
        return [tasks("a", priority=1), tasks("b", priority=2), tasks("c", "done", 1)]


def test_lookups_find_by_the_value_of_an_indexed_field(db, tasks, three):
    a, b, c = three
    with db.view():
        assert tasks.lookupAll(status="open") == (a, b)
        assert tasks.lookupAll(title="c") == (c,)
        assert tasks.lookupAll(title="nothing") == ()
        assert tasks.lookupAll() == (a, b, c)


def test_lookups_find_by_several_fields(db, tasks, three):
    a, b, c = three
    with db.view():
        assert tasks.lookupAll(by_status_and_priority=("open", 2)) == (b,)
        assert tasks.lookupAll(status="open", priority=1) == (a,)
        assert tasks.lookupAll(priority=1, status="done") == (c,)
        with pytest.raises(TypeError, match="expected a tuple of 2 values"):
            tasks.lookupAll(by_status_and_priority="open")


def test_a_lookup_without_an_index_says_so(db, tasks, three):
    with db.view():
        with pytest.raises(TypeError, match=r"Task has no index over \(priority\); it has title"):
            tasks.lookupAll(priority=1)
        with pytest.raises(TypeError, match=r"no index over \(title, priority\)"):
            tasks.lookupOne(title="a", priority=1)
        with pytest.raises(TypeError, match=r"no index over \(nonsense\)"):
            tasks.lookupAny(nonsense=1)


def test_a_lookup_with_a_value_that_does_not_fit_names_the_field(db, schema, tasks):
    message = rf"{schema.name}\.Task\.title: expected str, given 1"
    with db.view(), pytest.raises(TypeError, match=message):
        tasks.lookupAll(title=1)


def test_the_result_is_a_sequence(db, tasks, three):
    with db.view():
        found = tasks.lookupAll()
    assert len(found) == 3 and list(found) == three
    assert found[0] == three[0] and found[-1] == three[2] and found[1:] == tuple(three[1:])
    assert three[1] in found and tasks.fromIdentity(10**9) not in found and "x" not in found
    assert found == tuple(three) and tuple(three) == found and found != tuple(three[:2])
    assert hash(found) == hash(tuple(three))
    assert list(reversed(found)) == three[::-1]
    assert repr(found) == repr(tuple(three))
    assert isinstance(found, collections.abc.Sequence)
    assert found.index(three[1]) == 1 and found.count(three[1]) == 1
    assert bool(found)
    with pytest.raises(IndexError):
        found[3]


def test_one_any_and_unique_differ_in_what_they_demand(db, tasks, three):
    a, b, c = three
    with db.view():
        assert tasks.lookupOne(status="open") in (a, b)
        assert tasks.lookupAny(status="open") in (a, b)
        assert tasks.lookupAny(status="lost") is None
        assert tasks.lookupUnique(status="done") == c
        with pytest.raises(TypeError, match="no Task found with status='lost'"):
            tasks.lookupOne(status="lost")
        with pytest.raises(TypeError, match="no Task found with status='lost'"):
            tasks.lookupUnique(status="lost")
        with pytest.raises(TypeError, match="Task not unique: found 2 with status='open'"):
            tasks.lookupUnique(status="open")


def test_a_transaction_finds_its_own_writes(db, tasks, three):
    a, b, c = three
    with db.transaction():
        d = tasks("d")
        a.status = "done"
        b.delete()
        assert tasks.lookupAll(status="open") == (d,)
        assert tasks.lookupAll(status="done") == (a, c)
        assert tasks.lookupAll() == (a, c, d)


def test_objects_and_none_can_be_looked_up(db, tasks, schema):
    @schema.define
    class Note:
        about = Indexed(OneOf(None, tasks))
        by_about = Index("about")

    db.subscribeToSchema(schema)
    with db.transaction():
        task = tasks("a")
        note, loose = Note(about=task), Note()
    with db.view():
        assert Note.lookupAll(about=task) == (note,)
        assert Note.lookupAll(about=None) == (loose,)
        assert Note.lookupAll(by_about=task) == Note.lookupAll(by_about=(task,)) == (note,)


def test_every_type_can_be_indexed(db, connect, tasks, schema):
    when = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)
    shape = Alternative("Shape", Circle={"radius": float}, Empty={})
    point = NamedTuple(x=float, y=float)
    with db.transaction():
        task = tasks("a")
    samples = {  # two values of each type, the default first where there is one
        "boolean": (bool, False, True),
        "number": (int, 0, -(2**63)),
        "real": (float, 0.0, float("inf")),
        "text": (str, "", "ä" * 100),
        "data": (bytes, b"", bytes(100)),
        "time": (datetime.datetime, datetime.datetime.fromtimestamp(0, when.tzinfo), when),
        "optional": (OneOf(None, int), None, 7),
        "union": (OneOf(int, str), 0, "seven"),
        "literal": (OneOf("new", "old"), "new", "old"),
        "reference": (OneOf(None, tasks), None, task),
        "list": (TupleOf(int), (), (1, 2)),
        "pair": (Tuple(int, str), (0, ""), (1, "b")),
        "dictionary": (ConstDict(str, int), {}, {"a": 1}),
        "struct": (point, point(x=0.0, y=0.0), point(x=1.0, y=2.0)),
        "variant": (shape, shape.Circle(radius=0.0), shape.Empty()),
    }
    fields = {name: Indexed(kind) for name, (kind, _, _) in samples.items()}
    fields["all"] = Index(*samples)
    Sample = schema.define(type("Sample", (), fields))
    reader = connect()
    reader.subscribeToSchema(schema)
    db.subscribeToSchema(schema)
    with db.transaction():
        plain = Sample()
        other = Sample(**{name: value for name, (_, _, value) in samples.items()})
    reader.flush()
    for connection in (db, reader):
        with connection.view():
            for name, (_, default, value) in samples.items():
                assert Sample.lookupAll(**{name: default}) == (plain,), name
                assert Sample.lookupAll(**{name: value}) == (other,), name
            assert Sample.lookupUnique(all=tuple(each[2] for each in samples.values())) == other


def test_counting_loads_nothing(db, connect, tasks):
    with db.transaction():
        for number in range(5):
            tasks(str(number), priority=number)
    lazy = connect()
    lazy.subscribeToType(tasks, lazySubscription=True)
    with lazy.view():
        task = tasks.lookupAny(title="1")
        lazy.disconnect()
        assert tasks.count() == tasks.count(status="open") == 5
        assert tasks.countRange("title", atLeast="2") == 3
        with pytest.raises(DisconnectedException):
            task.parent
