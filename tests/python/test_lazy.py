"""Lazy subscriptions: fields that are fetched when they are first read."""

import textwrap
import threading

import pytest

import object_database
from object_database import (
    ConstDict,
    DisconnectedException,
    Indexed,
    ObjectDoesntExistException,
    OneOf,
    Schema,
    SubscribeLazilyByDefault,
    TimeoutException,
    TupleOf,
)
from support import WAIT_S, Script


@pytest.fixture
def Photo(schema):
    @schema.define
    @SubscribeLazilyByDefault
    class Photo:
        name = Indexed(str)
        pixels = bytes
        tags = TupleOf(str)
        likes = int
        next = OneOf(None, schema.Photo)

    return Photo


@pytest.fixture
def author(connect, schema, Photo):
    """Another connection, which holds everything."""
    connection = connect()
    connection.subscribeToSchema(schema, lazySubscription=False)
    return connection


@pytest.fixture
def photos(author, Photo):
    with author.transaction():
        return [Photo(name=str(n), pixels=bytes([n]), tags=[str(n)]) for n in range(10)]


def stop_and_read(own_server, read):
    """What `read` does while the server cannot answer."""
    own_server.pause()
    try:
        return read()
    finally:
        own_server.resume()


def test_types_say_how_they_are_subscribed_to_by_default(schema, Photo, Task):
    assert Photo.isLazyByDefault() is True and Task.isLazyByDefault() is False
    assert object_database.schema.SubscribeLazilyByDefault is SubscribeLazilyByDefault


@pytest.fixture
def own_photos(own_server, schema, Photo):
    """A connection to a server that can be paused, with three photos of somebody else's on it."""
    author = object_database.connect("localhost", own_server.port, own_server.token)
    author.subscribeToSchema(schema)
    with author.transaction():
        made = [Photo(name=str(n), likes=n) for n in range(3)]
    db = object_database.connect("localhost", own_server.port, own_server.token)
    yield db, made
    db.disconnect()
    author.disconnect()


SUBSCRIBE = {
    "schema": lambda db, schema, Photo, **lazy: db.subscribeToSchema(schema, **lazy),
    "type": lambda db, schema, Photo, **lazy: db.subscribeToType(Photo, **lazy),
    "index": lambda db, schema, Photo, **lazy: db.subscribeToIndex(Photo, name="2", **lazy),
    "range": lambda db, schema, Photo, **lazy: db.subscribeToRange(Photo, "name", **lazy),
}


@pytest.mark.parametrize("way", SUBSCRIBE)
@pytest.mark.parametrize("lazy", [True, False, None])
def test_a_lazy_subscription_has_the_index_and_fetches_the_rest(
    own_server, own_photos, schema, Photo, way, lazy
):
    db, photos = own_photos
    SUBSCRIBE[way](db, schema, Photo, lazySubscription=lazy)

    def read_what_is_there():
        with db.view():
            photo = Photo.lookupOne(name="2")
            assert photo.name == "2" and photo.exists() and photo == photos[2]
            if lazy is False:
                assert photo.likes == 2

    stop_and_read(own_server, read_what_is_there)
    outcome = []

    def read_the_rest():
        with db.view():
            outcome.append(photos[2].likes)

    own_server.pause()
    thread = threading.Thread(target=read_the_rest)
    thread.start()
    if lazy is False:
        thread.join(WAIT_S)
        assert outcome == [2]
    own_server.resume()
    thread.join(WAIT_S)
    assert outcome == [2]
    stop_and_read(own_server, read_the_rest)  # is there now
    assert outcome == [2, 2]


def test_a_schema_of_both_kinds_loads_each_type_its_own_way(own_server, own_photos, schema, Photo):
    db, photos = own_photos

    @schema.define
    class Note:
        text = str
        other = str

    author = object_database.connect("localhost", own_server.port, own_server.token)
    author.subscribeToSchema(schema)
    with author.transaction():
        note = Note(text="eager")
    db.subscribeToSchema(schema)
    assert db.isSubscribedToSchema(schema)

    def read():
        with db.view():
            assert note.text == "eager" and photos[0].name == "0"

    stop_and_read(own_server, read)
    with db.view():
        assert photos[1].likes == 1
    author.disconnect()


def test_a_field_is_as_the_view_has_it_however_many_commits_came_since(db, author, Photo, photos):
    db.subscribeToType(Photo)
    old = db.view()
    for n in range(200):
        with author.transaction():
            photos[0].pixels = b"new %d" % n
            photos[1].delete() if n == 0 else None
    db.flush()
    with old:
        assert photos[0].pixels == bytes([0])
        assert photos[1].pixels == bytes([1]) and photos[1].tags == ("1",)
    with db.view():
        assert photos[0].pixels == b"new 199"
        with pytest.raises(ObjectDoesntExistException):
            photos[1].pixels


def test_many_are_fetched_in_one_round_trip(own_server, own_photos, Photo):
    db, photos = own_photos
    db.subscribeToType(Photo)
    db.requestLazyObjects(photos)

    def read():
        with db.view():
            assert [photo.likes for photo in photos] == [0, 1, 2]

    stop_and_read(own_server, read)


def test_what_is_requested_in_a_view_is_that_of_the_view(own_server, own_photos, schema, Photo):
    db, photos = own_photos
    db.subscribeToType(Photo)
    with db.view():
        db.requestLazyObjects(photos[:2])
        stop_and_read(own_server, lambda: [photo.likes for photo in photos[:2]])
    with db.transaction():
        db.requestLazyObjects(photos)
        assert stop_and_read(own_server, lambda: [each.likes for each in photos]) == [0, 1, 2]
    with pytest.raises(TypeError, match="expected objects"):
        db.requestLazyObjects([3])


def test_objects_that_are_not_loaded_are_written_and_deleted(db, author, Photo, photos):
    db.subscribeToType(Photo)
    with db.transaction():
        photos[0].likes = 5
        photos[1].atomicAdd(likes=2)
        photos[2].delete()
        photos[3].name = "moved"
        photos[4].atomicAppend(tags="more")
        assert photos[5].exists() and not photos[2].exists()
    author.flush()
    for connection in (author, db):
        with connection.view():
            assert photos[0].likes == 5 and photos[0].pixels == bytes([0])
            assert photos[1].likes == 2 and photos[1].tags == ("1",)
            assert not photos[2].exists()
            assert Photo.lookupOne(name="moved") == photos[3] and photos[3].pixels == bytes([3])
            assert photos[4].tags == ("4", "more")


def test_a_transaction_conflicts_about_what_it_fetched(db, author, Photo, photos):
    db.subscribeToType(Photo)
    loser = db.transaction()
    with author.transaction():
        photos[0].pixels = b"won"
    with pytest.raises(object_database.RevisionConflictException) as caught:
        with loser:
            assert photos[0].pixels == bytes([0])
            photos[0].likes = 1
    assert caught.value.field == "pixels"


def test_handlers_get_what_changed_of_objects_that_are_not_loaded(db, author, Photo, photos):
    db.subscribeToType(Photo)
    seen, arrived = [], threading.Event()

    def handler(writes, additions, removals, version):
        seen.append(writes)
        arrived.set()

    db.registerOnTransactionHandler(handler)
    with author.transaction():
        photos[0].atomicAppend(tags="more")
        photos[1].likes = 7
    assert arrived.wait(WAIT_S)
    assert seen == [{(photos[0], "tags"): ("0", "more"), (photos[1], "likes"): 7}]
    arrived.clear()
    with author.transaction():
        made = Photo(name="made")
    assert arrived.wait(WAIT_S)
    assert seen[1][made, " exists"] is True and seen[1][made, "name"] == "made"


def test_other_threads_run_while_one_fetches(own_server, own_photos, Photo):
    db, photos = own_photos
    db.subscribeToType(Photo)
    outcome = []

    def read():
        with db.view():
            outcome.append(photos[0].likes)

    own_server.pause()
    thread = threading.Thread(target=read)
    thread.start()
    for _ in range(1000):  # this thread has the GIL whenever it wants it
        assert not outcome
    own_server.resume()
    thread.join(WAIT_S)
    assert outcome == [0]


@pytest.mark.parametrize("where", ["view", "transaction"])
def test_a_fetch_ends_with_the_link(own_server, own_photos, Photo, where):
    db, photos = own_photos
    db.subscribeToType(Photo)
    started, outcome = threading.Event(), []

    def read():
        with getattr(db, where)():
            started.set()
            try:
                photos[0].likes
            except DisconnectedException as error:
                outcome.append(error)

    own_server.pause()
    thread = threading.Thread(target=read)
    thread.start()
    assert started.wait(WAIT_S)
    db.disconnect()
    thread.join(WAIT_S)
    assert len(outcome) == 1
    with db.view():
        assert photos[0].name == "0"
        with pytest.raises(DisconnectedException):
            photos[1].likes


def test_many_threads_read_the_same_objects_that_are_not_loaded(db, author, Photo, photos):
    db.subscribeToType(Photo)
    view, failures = db.view(), []

    def read():
        with view:
            if [photo.pixels for photo in photos] != [bytes([n]) for n in range(10)]:
                failures.append("wrong")

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert not failures


@pytest.fixture
def fetching(build_dir, own_server):
    """Makes a program that has a Thing loaded lazily, and runs `body` while the server sleeps."""
    author = object_database.connect("localhost", own_server.port, own_server.token)
    schema = Schema("script")

    @schema.define
    class Thing:
        name = Indexed(str)
        sizes = ConstDict(str, int)

    author.subscribeToSchema(schema)
    with author.transaction():
        Thing(name="a", sizes={"x": 1})

    def run(body):
        script = Script(build_dir, own_server, PROGRAM + textwrap.dedent(body))
        assert script.read_line() == "loaded"
        own_server.pause()
        script.go_on()
        return script

    yield run
    author.disconnect()


PROGRAM = """
schema = Schema("script")
@schema.define
class Thing:
    name = Indexed(str)
    sizes = ConstDict(str, int)
db = connect("localhost", int(sys.argv[1]), sys.argv[2])
db.subscribeToSchema(schema, lazySubscription=True)
with db.view():
    thing = Thing.lookupOne(name="a")
print("loaded")
input()
"""


def test_ctrl_c_ends_a_fetch(fetching, own_server):
    script = fetching(
        """
        try:
            with db.view():
                print("reading")
                thing.sizes
        except KeyboardInterrupt:
            print("interrupted")
        """
    )
    assert script.read_line() == "reading"
    script.interrupt_wait()
    assert script.read_line() == "interrupted"
    own_server.resume()
    assert script.end() == (0, "", "")


def test_a_program_may_end_while_a_thread_fetches(fetching):
    script = fetching(
        """
        def read():
            try:
                with db.view():
                    thing.sizes
            except DisconnectedException:
                print("ended")
        threading.Thread(target=read, daemon=True).start()
        with db.transaction() as transaction:  # another wait, of the main thread
            try:
                transaction.withCommitTimeout(0.01)
                Thing(name="b")
                transaction.commit()
            except OdbException as error:
                print(type(error).__name__)
        """
    )
    assert script.end() == (0, "OutcomeUnknownException\nended", "")


def test_a_subscription_that_times_out_is_none(own_server, schema, Photo, Task):
    db = object_database.connect("localhost", own_server.port, own_server.token)
    db.addSchema(schema)
    own_server.pause()
    with pytest.raises(TimeoutException):
        db.subscribeToType(Photo, Task, timeout=0.05)
    own_server.resume()
    db.flush(WAIT_S)
    for each in (Photo, Task):
        assert not db.isSubscribedToType(each)
        with pytest.raises(object_database.UsageException, match="no subscription"):
            db.unsubscribeFromType(each)
    db.disconnect()
