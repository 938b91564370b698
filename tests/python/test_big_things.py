"""Programs at the size of the large ones: many objects, fields, types and subscriptions."""

from object_database import Indexed
from support import WAIT_S

OBJECTS = 500_000
FIELDS = 200
TYPES = 10_000
SUBSCRIPTIONS = 500  # of each of two kinds
VALUES = 2_000


def test_one_transaction_creates_half_a_million_objects(db, connect, schema):
    @schema.define
    class Item:
        number = int

    reader = connect()
    reader.subscribeToSchema(schema)
    db.subscribeToSchema(schema)
    with db.transaction():
        for number in range(OBJECTS):
            Item(number=number)
    reader.flush(WAIT_S)
    for connection in (db, reader):
        with connection.view():
            items = Item.lookupAll()
            assert len(items) == OBJECTS
            assert sum(item.number for item in items) == OBJECTS * (OBJECTS - 1) // 2


def test_a_value_of_32_mebibytes_arrives_whole(db, connect, tasks):
    big = "x" * (32 << 20)
    reader = connect()
    reader.subscribeToType(tasks)
    with db.transaction():
        task = tasks("big", status=big)
    reader.flush(WAIT_S)
    with reader.view():
        assert task.status == big
    late = connect()
    late.subscribeToType(tasks)
    with late.view():
        assert task.status == big and tasks.lookupOne(status=big) == task


def test_a_type_has_two_hundred_fields(db, connect, schema):
    fields = {f"field_{i}": str for i in range(FIELDS - 1)}
    Wide = schema.define(type("Wide", (), dict(fields, last=Indexed(int))))
    reader = connect()
    reader.subscribeToSchema(schema)
    db.subscribeToSchema(schema)
    with db.transaction():
        wide = Wide(**{name: f"value of {name}" for name in fields}, last=7)
    for number in range(100):
        with db.transaction():
            wide.field_17 = str(number)
    reader.flush(WAIT_S)
    with reader.view():
        assert Wide.lookupOne(last=7) == wide and wide.field_17 == "99"
        del fields["field_17"]
        assert all(getattr(wide, name) == f"value of {name}" for name in fields)


def test_a_schema_has_ten_thousand_types(db, connect, schema):
    types = [
        schema.define(type(f"Type{i}", (), {"number": Indexed(int), "text": str}))
        for i in range(TYPES)
    ]
    db.subscribeToSchema(schema)
    with db.transaction():
        made = [cls(number=number) for number, cls in enumerate(types)]
    reader = connect()
    reader.subscribeToSchema(schema)
    with reader.view():
        for number, cls in enumerate(types):
            assert cls.lookupOne(number=number) == made[number]


def test_one_connection_has_a_thousand_subscriptions(db, connect, tasks):
    with db.transaction():
        made = [tasks(str(i), status=f"status {i}") for i in range(3 * SUBSCRIPTIONS)]
    reader = connect()
    handles = []
    for i in range(SUBSCRIPTIONS):
        handles.append(reader.subscribeToIndex(tasks, status=f"status {i}", block=False))
        handles.append(reader.subscribeToObject(made[SUBSCRIPTIONS + i]))
    for handle in handles:
        handle.wait(WAIT_S)
    inside, outside = made[: 2 * SUBSCRIPTIONS], made[2 * SUBSCRIPTIONS :]
    with db.transaction():
        for task in made:
            task.priority = 5
    reader.flush(WAIT_S)
    with reader.view():
        assert all(task.priority == 5 for task in inside)
        assert not any(task.exists() for task in outside)
    for handle in handles:
        handle.unsubscribe()
    with reader.view():
        assert not any(task.exists() for task in inside)


def test_two_thousand_values_of_an_index_are_subscribed_to(db, connect, tasks):
    with db.transaction():
        made = [tasks(str(i), status=f"status {i}") for i in range(2 * VALUES)]
    reader = connect()
    handles = [
        reader.subscribeToIndex(tasks, status=f"status {i}", block=False) for i in range(VALUES)
    ]
    for handle in handles:
        handle.wait(WAIT_S)
    with db.transaction():
        for i in range(0, VALUES, 2):
            made[VALUES + i].status = f"status {i}"
            made[i].status = "elsewhere"
    reader.flush(WAIT_S)
    with reader.view():
        for i in range(VALUES):
            expected = made[VALUES + i] if i % 2 == 0 else made[i]
            assert tasks.lookupAll(status=f"status {i}") == (expected,)
