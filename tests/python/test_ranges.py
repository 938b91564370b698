"""Look-ups by range, and counts."""

import random

import pytest

from object_database import Indexed, RevisionConflictException

PRIORITIES = [5, 1, 4, 1, 5, 9, 2, 6]


@pytest.fixture
def Job(schema):
    from object_database import Index, OneOf

    @schema.define
    class Job:
        name = Indexed(str)
        priority = Indexed(int)
        status = OneOf("open", "done")
        note = str
        by_status_and_priority = Index("status", "priority")

        def __init__(self, priority=0, status="open"):
            self.name = f"{status} {priority}"
            self.priority = priority
            self.status = status

    return Job


@pytest.fixture
def jobs(db, schema, Job):
    db.subscribeToSchema(schema)
    with db.transaction():
        for priority in PRIORITIES:
            Job(priority)
            Job(priority, "done")
    return Job


WHERE = ["view", "transaction"]


def priorities(found):
    return [job.priority for job in found]


@pytest.mark.parametrize("where", WHERE)
def test_bounds_are_inclusive_or_exclusive(db, jobs, where):
    look = jobs.lookupRange
    ordered = sorted(PRIORITIES)
    with getattr(db, where)():
        for lower, upper, expected in [
            ({}, {}, ordered),
            ({"atLeast": 2}, {}, [2, 4, 5, 5, 6, 9]),
            ({"above": 2}, {}, [4, 5, 5, 6, 9]),
            ({}, {"atMost": 4}, [1, 1, 2, 4]),
            ({}, {"below": 4}, [1, 1, 2]),
            ({"atLeast": 2}, {"below": 5}, [2, 4]),
            ({"above": 2}, {"atMost": 5}, [4, 5, 5]),
            ({"atLeast": 5}, {"atMost": 5}, [5, 5]),
            ({"atLeast": 7}, {"atMost": 3}, []),
            ({"above": None, "atLeast": 6}, {"below": None}, [6, 9]),
        ]:
            both = {**lower, **upper}
            twice = [each for each in expected for _ in range(2)]
            assert priorities(look("priority", **both)) == twice
            assert jobs.countRange("priority", **both) == len(twice)
            opened = look(by_status_and_priority=("open",), **both)
            assert priorities(opened) == expected
            assert {job.status for job in opened} <= {"open"}
            assert look(by_status_and_priority="open", **both) == opened
            assert look(status="open", **both) == opened
            assert jobs.countRange(status="open", **both) == len(expected)


@pytest.mark.parametrize("where", WHERE)
def test_order_and_limit(db, jobs, where):
    with getattr(db, where)():
        assert priorities(jobs.lookupRange(status="done", limit=3)) == [1, 1, 2]
        assert priorities(jobs.lookupRange(status="done", reverse=True, limit=2)) == [9, 6]
        assert priorities(jobs.lookupRange("priority", reverse=True))[0] == 9
        assert jobs.lookupRange("priority", limit=0) == ()
        assert len(jobs.lookupRange("priority", limit=None)) == 16


@pytest.mark.parametrize("where", WHERE)
def test_a_whole_key_or_a_whole_index_is_a_range_too(db, jobs, where):
    with getattr(db, where)():
        assert jobs.lookupRange(priority=5) == jobs.lookupAll(priority=5)
        assert jobs.lookupRange(by_status_and_priority=("done", 1)) == jobs.lookupAll(
            status="done", priority=1
        )
        assert jobs.lookupRange(priority=1, status="done") == jobs.lookupAll(
            status="done", priority=1
        )
        in_order = jobs.lookupRange("by_status_and_priority")
        assert [(job.status, job.priority) for job in in_order] == sorted(
            (job.status, job.priority) for job in in_order
        )
        assert len(in_order) == 16
        found = jobs.lookupRange(priority=5)
        assert found[0] in found and found[1:] == tuple(found)[1:]


@pytest.mark.parametrize("where", WHERE)
def test_counts(db, jobs, where):
    with getattr(db, where)():
        assert jobs.count() == 16
        assert jobs.count(priority=5) == 4
        assert jobs.count(by_status_and_priority=("done", 5)) == 2
        assert jobs.count(status="open", priority=9) == 1
        assert jobs.count(priority=77) == 0


def test_a_transaction_sees_its_own_writes_in_ranges(db, jobs):
    with db.transaction():
        made = jobs(3)
        gone = jobs.lookupAll(by_status_and_priority=("open", 4))[0]
        gone.delete()
        moved = jobs.lookupAll(by_status_and_priority=("open", 9))[0]
        moved.priority = 0
        found = jobs.lookupRange(status="open")
        assert priorities(found) == [0, 1, 1, 2, 3, 5, 5, 6]
        assert found[0] == moved and found[4] == made
        assert jobs.countRange("priority", atMost=3) == 8
        assert jobs.count() == 16
    with db.view():
        assert priorities(jobs.lookupRange(status="open")) == [0, 1, 1, 2, 3, 5, 5, 6]


def test_against_a_plain_list(db, jobs):
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _ in range(60):
        with db.transaction():
            for job in jobs.lookupAll():
                if dice.random() < 0.2:
                    job.priority = dice.randrange(10)
                    job.status = dice.choice(["open", "done"])
            known = [(job.status, job.priority, job._identity) for job in jobs.lookupAll()]
            low, high = dice.randrange(10), dice.randrange(10)
            status, limit = dice.choice(["open", "done"]), dice.choice([None, 1, 3])
            reverse = dice.random() < 0.5
            expected = sorted(
                (p, i) for s, p, i in known if s == status and low < p <= high
            )
            if reverse:
                expected.reverse()
            for _ in range(2):
                found = jobs.lookupRange(
                    status=status, above=low, atMost=high, reverse=reverse, limit=limit
                )
                assert [(job.priority, job._identity) for job in found] == expected[:limit]


def test_a_stale_range_conflicts_and_names_the_index(db, jobs):
    for change in (lambda: jobs(8), lambda: jobs.lookupAll(priority=9)[0].delete()):
        loser = db.transaction()
        with db.transaction():
            change()
        with pytest.raises(RevisionConflictException) as caught:
            with loser:
                jobs.lookupRange("priority", atLeast=7)
                jobs(0)
        assert (caught.value.type, caught.value.index) == (jobs, "priority")
        assert "priority" in str(caught.value)


def test_commits_outside_a_range_do_not_disturb(db, jobs):
    transaction = db.transaction()
    with db.transaction():
        jobs(3)
    with transaction:
        assert jobs.countRange("priority", atLeast=7) == 2
        jobs.lookupRange("priority", limit=1)  # up to the first entry only
        jobs(0)


def test_a_background_commit_tells_of_a_stale_range(db, jobs):
    import queue

    results = queue.Queue()
    loser = db.transaction().onConfirmed(results.put)
    with db.transaction():
        jobs(8)
    with loser:
        jobs.lookupRange("priority", atLeast=7)
        jobs(0)
    result = results.get(timeout=30)
    assert result.matches.RevisionConflict and "priority" in result.key


def test_range_reads_are_told(db, jobs):
    with db.transaction() as transaction:
        jobs.lookupRange(status="open", atLeast=2, below=9)
        jobs.countRange("priority", above=3)
        jobs.lookupRange(priority=5)
        assert transaction.getIndexReads() == {
            (jobs, "by_status_and_priority", ("open",), (("atLeast", 2), ("below", 9))),
            (jobs, "priority", (), (("above", 3),)),
            (jobs, "priority", (5,)),
        }


def test_a_range_is_subscribed_to(db, connect, schema, Job, jobs):
    other = connect()
    other.subscribeToRange(Job, status="open", atLeast=5)
    assert other.isSubscribedToRange(Job, status="open", atLeast=6)
    assert not other.isSubscribedToRange(Job, status="open", atLeast=4)
    assert not other.isSubscribedToType(Job)
    with other.view():
        assert priorities(Job.lookupRange(status="open")) == [5, 5, 6, 9]
        moved = Job.lookupRange(status="open", limit=1)[0]
    with db.transaction():
        Job(7)
        Job(3)
        moved.priority = 4
    other.flush()
    with other.view():
        assert priorities(Job.lookupRange(status="open")) == [5, 6, 7, 9]
    with other.transaction():
        assert priorities(Job.lookupRange(status="open", atMost=4)) == [1, 1, 2, 3, 4, 4]  # fetched


@pytest.mark.parametrize(
    "arguments, keywords, message",
    [
        ((), {}, "expected an index"),
        (("status",), {}, r"no index over \(status\); it has name, priority, by_status_and"),
        (("note",), {"atLeast": "x"}, r"no index over \(note\)"),
        ((), {"note": "x"}, r"no index over \(note\)"),
        ((), {"priority": 5, "atLeast": 2}, "no field is left"),
        ((), {"by_status_and_priority": ("open", 2), "below": 5}, "no field is left"),
        ((), {"by_status_and_priority": ("open", 2, 3)}, "at most 2 values"),
        ((), {"status": "lost"}, "status"),
        (("priority",), {"atLeast": "x"}, "Job.priority: expected int"),
        (("priority",), {"atLeast": 1, "above": 2}, "atLeast and above exclude"),
        (("priority",), {"atMost": 1, "below": 2}, "atMost and below exclude"),
        (("priority",), {"status": "open"}, "not both"),
        (("priority", "status"), {}, "at most one argument"),
        ((3,), {}, "name of an index"),
        (("priority",), {"limit": "x"}, "integer"),
    ],
)
def test_what_is_no_range_is_refused(db, jobs, arguments, keywords, message):
    with db.view(), pytest.raises(TypeError, match=message):
        jobs.lookupRange(*arguments, **keywords)


def test_other_mistakes_are_refused(db, jobs):
    with db.view():
        with pytest.raises(TypeError, match=r"no index over \(note\); it has name, priority"):
            jobs.lookupAll(note="x")
        with pytest.raises(TypeError, match=r"no index over \(note\)"):
            jobs.count(note="x")
        with pytest.raises(TypeError, match="neither reverse nor limit"):
            jobs.countRange("priority", limit=3)
        with pytest.raises((OverflowError, TypeError)):
            jobs.lookupRange("priority", limit=-1)
