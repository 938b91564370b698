"""Every type of the type table: what fits, what it reads back as, and what is refused how."""

import collections
import datetime
import decimal
import math

import numpy
import pytest

from object_database import (
    Alternative,
    ConstDict,
    ListOf,
    NamedTuple,
    OneOf,
    Tuple,
    TupleOf,
)

UTC = datetime.timezone.utc
INDIA = datetime.timezone(datetime.timedelta(hours=5, minutes=30))

Point = NamedTuple(x=float, y=float)
Expr = Alternative(
    "Expr",
    Constant={"value": int},
    Name={"name": str},
    Empty={},
    is_constant=lambda self: self.matches.Constant,
)


def moment(*args, zone=UTC):
    return datetime.datetime(*args, tzinfo=zone)


LEAP_DAY = moment(2024, 2, 29, 23, 59, 59, 123456)
BEFORE_EPOCH = moment(1969, 12, 31, 23, 59, 59, 999999)

# type, what is written, what is read
FITS = [
    (None, None, None),
    (bool, True, True),
    (bool, numpy.bool_(True), True),
    (int, 7, 7),
    (int, -(2**63), -(2**63)),
    (int, 2**63 - 1, 2**63 - 1),
    (int, numpy.int64(-5), -5),
    (int, numpy.uint8(200), 200),
    (int, True, 1),
    (float, 1.5, 1.5),
    (float, 3, 3.0),
    (float, numpy.float32(0.5), 0.5),
    (float, numpy.float64(0.25), 0.25),
    (float, numpy.int16(4), 4.0),
    (float, decimal.Decimal("0.5"), 0.5),
    (float, math.inf, math.inf),
    (str, "", ""),
    (str, "Grüße, 世界 \N{PILE OF POO}", "Grüße, 世界 \N{PILE OF POO}"),
    (str, "nul \0 inside", "nul \0 inside"),
    (str, numpy.str_("text"), "text"),
    (str, "long " * 1000, "long " * 1000),
    (bytes, b"", b""),
    (bytes, b"\x00\xff", b"\x00\xff"),
    (datetime.datetime, LEAP_DAY, LEAP_DAY),
    (datetime.datetime, moment(2024, 1, 1, 3, zone=INDIA), moment(2023, 12, 31, 21, 30)),
    (datetime.datetime, BEFORE_EPOCH, BEFORE_EPOCH),
    (datetime.datetime, moment(1700, 1, 1), moment(1700, 1, 1)),
    (OneOf(None, int), None, None),
    (OneOf(None, int), 4, 4),
    (OneOf("open", "done"), "done", "done"),
    (OneOf(1, 2), 2, 2),
    (OneOf(False, "x", 1.5, b"y"), False, False),
    (OneOf(int, bool), True, True),
    (OneOf(float, int), 3, 3),
    (OneOf(int, float), 3.5, 3.5),
    (OneOf(None, float), 3, 3.0),
    (OneOf(TupleOf(int), TupleOf(str)), ["a"], ("a",)),
    (OneOf(Point, Expr), Expr.Constant(value=1), Expr.Constant(value=1)),
    (TupleOf(str), ("a", "b"), ("a", "b")),
    (TupleOf(str), ["a", "b"], ("a", "b")),
    (TupleOf(float), numpy.array([1.0, 2.0]), (1.0, 2.0)),
    (TupleOf(int), range(3), (0, 1, 2)),
    (TupleOf(TupleOf(int)), [[1], (2, 3), []], ((1,), (2, 3), ())),
    (ListOf(int), [1, 2], (1, 2)),
    (Tuple(int, str), (1, "x"), (1, "x")),
    (Tuple(int, str), [1, "x"], (1, "x")),
    (ConstDict(str, int), {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    (ConstDict(int, TupleOf(str)), {2: ["b"], 1: []}, {1: (), 2: ("b",)}),
    (ConstDict(str, int), collections.ChainMap({"a": 1}), {"a": 1}),
    (Point, Point(x=1, y=2.5), Point(x=1.0, y=2.5)),
    (Point, {"x": 1}, Point(x=1.0, y=0.0)),
    (Expr, Expr.Constant(value=3), Expr.Constant(value=3)),
    (Expr, Expr.Empty(), Expr.Empty()),
    (ConstDict(ConstDict(str, int), Point), {}, {}),
]


@pytest.fixture
def Holder(db, schema):
    """Makes a type with one field of the given type, on `db`."""

    def make(field_type):
        Holder = schema.define(type("Holder", (), {"field": field_type}))
        db.subscribeToSchema(schema)
        return Holder

    return make


@pytest.mark.parametrize("field_type, written, read", FITS, ids=repr)
def test_a_value_that_fits_reads_back(db, connect, schema, Holder, field_type, written, read):
    Holder = Holder(field_type)
    with db.transaction():
        holder = Holder(field=written)
        assert holder.field == read  # the transaction sees its own write
    other = connect()
    other.subscribeToSchema(schema)
    for connection in (db, other):
        with connection.view():
            assert holder.field == read
            assert type(holder.field) is type(read) or isinstance(read, dict)


DEFAULTS = [
    (None, None),
    (bool, False),
    (int, 0),
    (float, 0.0),
    (str, ""),
    (bytes, b""),
    (datetime.datetime, moment(1970, 1, 1)),
    (OneOf(None, int), None),
    (OneOf("open", "done"), "open"),
    (OneOf(int, str), 0),
    (TupleOf(str), ()),
    (Tuple(int, str), (0, "")),
    (ConstDict(str, int), {}),
    (Point, Point(x=0, y=0)),
    (Expr, Expr.Constant(value=0)),
]


@pytest.mark.parametrize("field_type, default", DEFAULTS, ids=repr)
def test_an_unset_field_has_its_types_default(db, Holder, field_type, default):
    Holder = Holder(field_type)
    with db.transaction():
        holder = Holder()
    with db.view():
        assert holder.field == default
        assert type(holder.field) is type(default) or isinstance(default, dict)


# type, what is given, what the message says beside the place
REFUSED = [
    (None, 0, "expected None, given 0 (int)"),
    (bool, 1, "expected bool, given 1 (int)"),
    (bool, "yes", "expected bool, given 'yes' (str)"),
    (int, 1.0, "expected int, given 1.0 (float)"),
    (int, "1", "expected int, given '1' (str)"),
    (int, None, "expected int, given None (NoneType)"),
    (int, 2**63, "outside the range of 64-bit integers"),
    (int, numpy.uint64(2**63), "outside the range of 64-bit integers"),
    (int, numpy.float64(1), "expected int, given"),
    (int, numpy.array([1, 2]), "expected int, given"),
    (float, "1.5", "expected float, given '1.5' (str)"),
    (float, 10**400, "outside the range of floats"),
    (float, 1j, "expected float, given 1j (complex)"),
    (float, numpy.array([1.0]), "expected float, given"),
    (str, b"bytes", "expected str, given b'bytes' (bytes)"),
    (str, 1, "expected str, given 1 (int)"),
    (str, "\ud800", "no UTF-8 form"),
    (bytes, "text", "expected bytes, given 'text' (str)"),
    (bytes, bytearray(b"x"), "expected bytes, given bytearray(b'x') (bytearray)"),
    (datetime.datetime, datetime.datetime(2024, 1, 1), "naive"),
    (datetime.datetime, datetime.date(2024, 1, 1), "expected datetime"),
    (datetime.datetime, moment(3000, 1, 1), "outside the years"),
    (OneOf(None, int), "x", "expected OneOf(None, int), given 'x' (str)"),
    (OneOf("open", "done"), "opne", "expected OneOf('open', 'done'), given 'opne' (str)"),
    (OneOf(1, 2), 3, "expected OneOf(1, 2), given 3 (int)"),
    (OneOf(1, 2), 1.0, "expected OneOf(1, 2), given 1.0 (float)"),
    (OneOf(1, 2), True, "expected OneOf(1, 2), given True (bool)"),
    (TupleOf(str), "abc", "expected TupleOf(str), given 'abc' (str)"),
    (TupleOf(str), ["a", 1], "element 1: expected str, given 1 (int)"),
    (TupleOf(str), {"a"}, "expected TupleOf(str), given {'a'} (set)"),
    (TupleOf(TupleOf(int)), [[1], [None]], "given [None] (list): element 0: expected int"),
    (Tuple(int, str), (1,), "it has 1 elements"),
    (Tuple(int, str), (1, 2), "element 1: expected str, given 2 (int)"),
    (ConstDict(str, int), {1: 1}, "a key: expected str, given 1 (int)"),
    (ConstDict(str, int), {"a": "b"}, "the value of 'a': expected int, given 'b' (str)"),
    (ConstDict(str, int), [("a", 1)], "expected ConstDict(str, int)"),
    (Point, (1.0, 2.0), "expected NamedTuple(x=float, y=float), given (1.0, 2.0) (tuple)"),
    (Point, {"z": 1}, "has no field z"),
    (Expr, 3, "expected Expr, given 3 (int)"),
    (Expr, {"value": 3}, "expected Expr"),
    (str, object(), "expected str, given <object object"),
]


@pytest.mark.parametrize("field_type, given, message", REFUSED, ids=repr)
def test_a_value_that_does_not_fit_is_refused(db, schema, Holder, field_type, given, message):
    Holder = Holder(field_type)
    with db.transaction():
        holder = Holder()
        with pytest.raises(TypeError) as on_write:
            holder.field = given
        with pytest.raises(TypeError) as on_construction:
            Holder(field=given)
        for refused in (on_write, on_construction):
            assert message in str(refused.value)
        place = f"{schema.name}.Holder.field: "
        assert str(on_write.value).startswith(place) or isinstance(given, dict)
        assert Holder.lookupAll() == (holder,)  # the refused construction left nothing


def test_nan_reads_back(db, Holder):
    Holder = Holder(float)
    with db.transaction():
        holder = Holder(field=math.nan)
    with db.view():
        assert math.isnan(holder.field)


def test_a_reference_reads_as_the_object_it_refers_to(db, schema):
    @schema.define
    class Node:
        name = str

    @schema.define
    class Edge:
        start = Node
        end = OneOf(None, Node)
        other = OneOf(Node, schema.Edge, str)
        all = TupleOf(Node)

    db.subscribeToSchema(schema)
    with db.transaction():
        a, b = Node(name="a"), Node(name="b")
        edge = Edge(start=a, end=b, other=b, all=Node.lookupAll())
        second = Edge(start=b, other=edge)
    with db.view():
        assert edge.start == a and edge.start.name == "a"
        assert edge.end == b and edge.other == b
        assert edge.all == (a, b)
        assert second.end is None and second.other == edge
    with db.transaction():
        with pytest.raises(TypeError, match=rf"start: expected {schema.name}\.Node, given .*Edge"):
            edge.start = edge
        with pytest.raises(TypeError, match="expected.*given None"):
            edge.start = None


def test_a_reference_has_no_default_and_must_be_given(db, schema):
    @schema.define
    class Node:
        next = schema.Node

    db.subscribeToSchema(schema)
    with db.transaction():
        with pytest.raises(TypeError, match=rf"{schema.name}\.Node\.next.*must be given"):
            Node()
        assert Node.lookupAll() == ()


def test_a_named_tuple_has_fields_equality_and_a_hash():
    point = Point(x=1, y=2)
    assert (point.x, point.y) == (1.0, 2.0)
    assert point == Point(y=2, x=1) and hash(point) == hash(Point(x=1, y=2))
    assert point != Point(x=1, y=3)
    assert repr(point) == "NamedTuple(x=1.0, y=2.0)"
    assert point.replacing(y=5) == Point(x=1, y=5)
    with pytest.raises(AttributeError):
        point.x = 3
    with pytest.raises(AttributeError):
        point.z
    with pytest.raises(TypeError, match="has no field z"):
        Point(z=1)
    with pytest.raises(TypeError, match="x: expected float, given 'a'"):
        Point(x="a")


def test_an_alternative_tells_which_it_is():
    three, name = Expr.Constant(value=3), Expr.Name(name="x")
    assert three.value == 3
    assert three.matches.Constant and not three.matches.Name
    assert three == Expr.Constant(value=3) and three != Expr.Constant(value=4) and three != name
    assert len({three, Expr.Constant(value=3), name, Expr.Empty(), Expr.Empty()}) == 3
    assert repr(three) == "Expr.Constant(value=3)" and repr(Expr.Empty()) == "Expr.Empty()"
    assert isinstance(three, Expr) and three.is_constant() and not name.is_constant()
    with pytest.raises(AttributeError):
        three.name
    with pytest.raises(AttributeError, match="no alternative Other"):
        three.matches.Other
    with pytest.raises(TypeError, match=r"call one of Expr\.Constant, Expr\.Name"):
        Expr()
    with pytest.raises(TypeError, match="has no field other"):
        Expr.Constant(other=1)


def test_what_a_dict_reads_as_cannot_be_changed(db, Holder):
    Holder = Holder(ConstDict(str, int))
    with db.transaction():
        holder = Holder(field={"a": 1})
        read = holder.field
        for change in (
            lambda: read.update(b=2),
            lambda: read.__setitem__("b", 2),
            lambda: read.pop("a"),
            lambda: read.clear(),
        ):
            with pytest.raises(TypeError, match="immutable"):
                change()
        assert hash(read) == hash(holder.field)
        holder.field = {**read, "b": 2}
        assert holder.field == {"a": 1, "b": 2}


def test_named_tuples_and_alternatives_hold_references(db, schema):
    Choice = Alternative(
        "Choice", One={"task": schema.Task}, Many={"tasks": TupleOf(schema.Task)}
    )

    @schema.define
    class Task:
        pair = OneOf(None, NamedTuple(task=schema.Task, weight=float))
        choice = OneOf(None, Choice)

    db.subscribeToSchema(schema)
    with db.transaction():
        first = Task()
        second = Task(pair={"task": first, "weight": 2}, choice=Choice.One(task=first))
        third = Task(choice=Choice.Many(tasks=[first, second]))
    with db.view():
        assert second.pair.task == first and second.pair.weight == 2.0
        assert first.pair is None and first.choice is None
        assert second.choice.task == first and second.choice.matches.One
        assert third.choice.tasks == (first, second)


def test_a_value_without_a_declared_type_is_never_pickled(db, Holder):
    class Plain:
        def __reduce__(self):
            raise AssertionError("pickled")

    Holder = Holder(OneOf(None, str))
    with db.transaction():
        with pytest.raises(TypeError, match="Plain"):
            Holder(field=Plain())
