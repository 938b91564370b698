"""Alternatives that hold values of themselves: expression trees."""

import functools

import pytest

from object_database import (
    Alternative,
    ConstDict,
    Indexed,
    NamedTuple,
    OneOf,
    Schema,
    Tuple,
    TupleOf,
)

Expr = Alternative(
    "Expr",
    Constant={"value": int},
    Name={"name": str},
    Add={"left": lambda: Expr, "right": lambda: Expr},
    Call={
        "function": str,
        "arguments": TupleOf(lambda: Expr),
        "named": ConstDict(str, lambda: Expr),
        "otherwise": OneOf(None, lambda: Expr),
        "pair": OneOf(int, Tuple(str, lambda: Expr)),
    },
    evaluate=lambda self: (
        self.left.evaluate() + self.right.evaluate() if self.matches.Add else self.value
    ),
)


def constant(value):
    return Expr.Constant(value=value)


def add(left, right):
    return Expr.Add(left=left, right=right)


TREES = [
    constant(0),
    constant(3),
    Expr.Name(name="x"),
    add(constant(1), add(constant(2), Expr.Name(name="y"))),
    Expr.Call(function="f", arguments=[constant(1), add(constant(2), constant(3))]),
    Expr.Call(named={"a": constant(1), "b": constant(0)}, otherwise=add(constant(1), constant(2))),
    Expr.Call(pair=("p", constant(7)), otherwise=Expr.Call(pair=4)),
    functools.reduce(add, map(constant, range(200))),
]


@pytest.fixture
def Formula(db, schema):
    @schema.define
    class Formula:
        expr = Indexed(Expr)
        parts = TupleOf(Expr)

    db.subscribeToSchema(schema)
    return Formula


@pytest.mark.parametrize("tree", TREES, ids=map(str, range(len(TREES))))
def test_a_tree_reads_as_it_was_written(db, connect, schema, Formula, tree):
    with db.transaction():
        formula = Formula(expr=tree, parts=[tree, tree])
    other = connect()
    other.subscribeToSchema(schema)
    with other.view():
        assert formula.expr == tree and formula.parts == (tree, tree)
        assert hash(formula.expr) == hash(tree) and repr(formula.expr) == repr(tree)
        assert Formula.lookupAll(expr=tree) == (formula,)


def test_members_and_methods_work_at_every_level():
    tree = add(constant(1), add(constant(2), constant(3)))
    assert tree.right.left.value == 2 and tree.right.matches.Add and tree.evaluate() == 6
    assert tree.replacing(left=constant(10)).evaluate() == 15
    assert tree == add(constant(1), add(constant(2), constant(3))) != add(tree, tree)


def test_the_default_is_the_first_alternatives(db, Formula):
    assert Expr.Add() == add(constant(0), constant(0))
    assert Expr.Call().otherwise is None and Expr.Call().arguments == ()
    with db.transaction():
        formula = Formula()
        written = Formula(expr=constant(0))
        assert set(Formula.lookupAll(expr=constant(0))) == {formula, written}
    with db.view():
        assert formula.expr == written.expr == constant(0)
        assert set(Formula.lookupAll(expr=constant(0))) == {formula, written}


def test_a_schema_may_mention_it_before_it_is_there(db, schema):
    schema.define(
        Alternative("Tree", Leaf={"value": int}, Node={"children": TupleOf(schema.Tree)})
    )
    Tree = schema.Tree

    @schema.define
    class Forest:
        tree = schema.Tree

    schema.freeze()
    db.subscribeToSchema(schema)
    tree = Tree.Node(children=[Tree.Leaf(value=1), Tree.Node(children=[Tree.Leaf(value=2)])])
    with db.transaction():
        forest = Forest(tree=tree)
    with db.view():
        assert forest.tree == tree and forest.tree.children[1].children[0].value == 2


def test_a_tree_may_hold_references(db, schema):
    List = Alternative("List", Empty={}, Item={"head": schema.User, "tail": lambda: List})

    @schema.define
    class User:
        friends = List

    db.subscribeToSchema(schema)
    with db.transaction():
        a, b = User(), User()
        a.friends = List.Item(head=b, tail=List.Item(head=a))
    with db.view():
        assert a.friends.head == b and a.friends.tail.head == a
        assert a.friends.tail.tail.matches.Empty and b.friends.matches.Empty


def test_what_does_not_fit_is_refused_with_its_place(db, schema, Formula):
    with pytest.raises(TypeError, match=r"Expr\.Add\.left: expected Expr, given 3 \(int\)"):
        Expr.Add(left=3)
    with pytest.raises(TypeError, match=r"Call\.arguments.*element 1: expected Expr, given 'x'"):
        Expr.Call(arguments=[constant(1), "x"])
    with db.transaction(), pytest.raises(TypeError, match=r"Formula\.expr: expected Expr, given 3"):
        Formula(expr=3)


def test_a_tree_has_a_limit_of_nodes(db, Formula):
    doubled = constant(1)
    for _ in range(16):
        doubled = add(doubled, doubled)
    with db.transaction():
        with pytest.raises(TypeError, match=r"Formula\.expr: .*more than 65536 nodes"):
            Formula(expr=doubled)
        Formula(expr=doubled.left)


def test_a_tree_of_any_depth_can_be_dropped_and_a_deep_one_is_not_compared():
    def deep():
        return functools.reduce(add, map(constant, range(50_000)))

    one, other = deep(), deep()
    with pytest.raises(RecursionError):
        assert one == other
    with pytest.raises(RecursionError, match="hashing a value"):
        hash(one)
    with pytest.raises(RecursionError):
        repr(one)


def test_the_first_alternative_cannot_need_another_value():
    with pytest.raises(TypeError, match="the first alternative of Loop needs another value of it"):
        Loop = Alternative("Loop", Again={"next": lambda: Loop}, End={})


def test_a_function_must_mean_the_alternative_itself(schema):
    Wrong = Alternative("Wrong", End={}, More={"next": lambda: Expr})
    with pytest.raises(TypeError, match="Wrong: a function in its definition must return Wrong"):
        schema.define(type("Task", (), {"wrong": Wrong}))
    with pytest.raises(TypeError, match=r"Keyed\.More\.next: .*cannot be a key inside of itself"):
        Keyed = Alternative("Keyed", End={}, More={"next": ConstDict(lambda: Keyed, int)})
    with pytest.raises(TypeError, match=r"Task\.size: .*inside its own definition only"):
        schema.define(type("Task", (), {"size": TupleOf(lambda: int)}))


def test_a_mentioned_alternative_must_be_defined_in_its_schema(schema):
    Tree = Alternative("Tree", Leaf={}, Node={"next": schema.Tree})
    with pytest.raises(TypeError, match=rf"refers to itself as {schema.name}\.Tree: define it"):
        schema.define(type("Forest", (), {"tree": Tree}))


def test_programs_that_declare_it_alike_understand_each_other(db, connect, schema, Formula):
    again = Schema(schema.name)
    Theirs = Alternative(
        "Expr",
        **{
            "Constant": {"value": int},
            "Name": {"name": str},
            "Add": {"left": again.Expr, "right": again.Expr},
            "Call": {
                "function": str,
                "arguments": TupleOf(again.Expr),
                "named": ConstDict(str, again.Expr),
                "otherwise": OneOf(None, again.Expr),
                "pair": OneOf(int, Tuple(str, again.Expr)),
            },
        },
    )
    again.define(Theirs)
    Read = again.define(type("Formula", (), {"expr": Indexed(again.Expr)}))
    other = connect()
    other.subscribeToSchema(again)
    with db.transaction():
        formula = Formula(expr=TREES[3])
    other.flush()
    with other.view():
        read = Read.fromIdentity(formula._identity).expr
        assert isinstance(read, Theirs) and repr(read) == repr(TREES[3])


@pytest.fixture
def Raw(connect, schema):
    """A list as another program has it, beside the Alternative that this one sees in it."""
    schema.define(Alternative("Chain", End={"value": int}, More={"next": schema.Chain}))
    Node = Alternative("Chain", End={"value": int}, More={"next": NamedTuple(node=int)})

    @schema.define
    class Holder:
        chain = schema.Chain

    raw = Schema(schema.name)
    raw.define(type("Holder", (), {"chain": TupleOf(Node)}))
    return raw.Holder, Node


def test_it_is_stored_as_a_list_of_nodes_with_the_root_first(connect, schema, Raw):
    RawHolder, Node = Raw
    theirs, ours = connect(), connect()
    theirs.subscribeToType(RawHolder)
    ours.subscribeToSchema(schema)
    Chain = schema.Chain
    with ours.transaction():
        holder = schema.Holder(chain=Chain.More(next=Chain.More(next=Chain.End(value=3))))
        empty = schema.Holder(chain=Chain.End())
    theirs.flush()
    with theirs.transaction():
        assert RawHolder.fromIdentity(empty._identity).chain == ()
        read = RawHolder.fromIdentity(holder._identity)
        assert read.chain == (
            Node.More(next={"node": 1}),
            Node.More(next={"node": 2}),
            Node.End(value=3),
        )
        read.chain = [Node.More(next={"node": 0})]
    ours.flush()
    with ours.view():
        assert holder.chain == Chain.More(next=Chain.End())


@pytest.mark.parametrize("place", [-1, 1, 2, 3, 10**18])
def test_a_malformed_list_of_another_program_raises(connect, schema, Raw, place):
    RawHolder, Node = Raw
    db = connect()
    db.subscribeToType(RawHolder)
    db.subscribeToSchema(schema)
    with db.transaction():
        raw = RawHolder(chain=[Node.More(next={"node": 1}), Node.More(next={"node": place})])
    with db.view(), pytest.raises(TypeError, match=f"Chain is malformed.* to place {place},"):
        schema.Holder.fromIdentity(raw._identity).chain


def test_options_that_do_not_fit_leave_no_nodes_behind(connect, schema):
    schema.define(
        Alternative(
            "Pairs",
            End={},
            More={"pair": OneOf(None, Tuple(schema.Pairs, int), Tuple(schema.Pairs, str))},
        )
    )
    place = NamedTuple(node=int)
    pair = OneOf(None, Tuple(place, int), Tuple(place, str))
    Node = Alternative("Pairs", End={}, More={"pair": pair})
    raw = Schema(schema.name)

    @schema.define
    class Holder:
        pairs = schema.Pairs

    @raw.define
    class Holder:  # noqa: F811
        pairs = TupleOf(Node)

    db = connect()
    db.subscribeToSchema(schema)
    db.subscribeToSchema(raw)
    Pairs = schema.Pairs
    with db.transaction():
        holder = schema.Holder(pairs=Pairs.More(pair=(Pairs.End(), "a")))
    with db.view():
        assert holder.pairs.pair == (Pairs.End(), "a")
        stored = Holder.fromIdentity(holder._identity).pairs
        assert stored == (Node.More(pair=(place(node=1), "a")), Node.End())
