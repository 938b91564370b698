"""lookupAll, lookupOne, lookupAny, lookupUnique."""

import collections.abc

import pytest

from object_database import Index, Indexed, OneOf


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
