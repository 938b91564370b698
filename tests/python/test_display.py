"""What people see: repr, tables in notebooks, and completion."""

import threading

import pytest

from object_database import Indexed, OneOf, Schema, TupleOf, display


@pytest.fixture
def Note(db, schema):
    @schema.define
    class Note:
        title = Indexed(str)
        status = OneOf("open", "done")
        about = TupleOf(schema.Note)

    db.subscribeToSchema(schema)
    return Note


def test_an_object_shows_its_fields_inside_a_view_only(db, schema, Note):
    with db.transaction():
        note = Note(title="read")
        name = f"{schema.name}.Note {note._identity}"
        assert repr(note) == f"<{name}: title='read', status='open', about=()>"
        note.status = "done"
        assert "status='done'" in repr(note)
    assert repr(note) == f"<{name}>"
    with db.view():
        assert repr(note) == str(note) == f"<{name}: title='read', status='done', about=()>"
    with db.transaction():
        assert "title='read'" in repr(note)
        note.delete()
        assert repr(note) == f"<{name}: deleted>"
    with db.view():
        assert repr(note) == f"<{name}: deleted>"


def test_objects_inside_of_one_show_their_identity_only(db, schema, Note):
    with db.transaction():
        note = Note(title="a")
        note.about = [note]
        assert repr(note).endswith(f"about=(<{schema.name}.Note {note._identity}>,)>")


def test_long_values_and_many_fields_are_cut(db, schema):
    Wide = schema.define(type("Wide", (), {f"f{i}": str for i in range(20)}))
    db.subscribeToSchema(schema)
    with db.transaction():
        wide = Wide(f0="x" * 1000)
        text = repr(wide)
    assert f"f{display.FIELDS_SHOWN_MAX - 1}=''" in text and text.endswith(", ...>")
    assert f"f{display.FIELDS_SHOWN_MAX}=" not in text
    assert "f0='xxx" in text and "xxx..., f1=" in text and len(text) < 250


def test_looking_at_an_object_is_no_read(db, connect, schema, Note):
    with db.transaction():
        note = Note(title="a")
    other = connect()
    other.subscribeToSchema(schema)

    def write():
        with other.transaction():
            note.title = "b"

    with db.transaction() as transaction:
        assert "title='a'" in repr(note) and "<td>" in note._repr_html_()
        assert transaction.getFieldReads() == set()
        writer = threading.Thread(target=write)
        writer.start()
        writer.join()
        Note(title="c")  # commits: nothing that it read has changed
    with db.view():
        assert note.title == "b" and Note.lookupAny(title="c") is not None


def test_an_object_that_nothing_loaded_shows_its_identity(connect, schema, Note):
    other = connect()
    with other.view():  # which does not know the type
        assert repr(Note.fromIdentity(1)) == f"<{schema.name}.Note 1>"
    other.subscribeToNone(Note)
    with other.view():
        assert repr(Note.fromIdentity(10**15)) == f"<{schema.name}.Note {10**15}>"


def test_an_object_under_construction_says_so(db, schema):
    seen = []

    @schema.define
    class Note:
        title = str

        def __init__(self):
            seen.append((repr(self), self._repr_html_()))

    db.subscribeToSchema(schema)
    with db.transaction():
        Note()
    assert seen == [(f"<{schema.name}.Note under construction>", None)]


def test_a_look_up_result_shows_the_first_objects(db, schema, Note):
    with db.transaction():
        notes = [Note(title=str(i)) for i in range(display.OBJECTS_SHOWN_MAX + 5)]
    with db.view():
        assert repr(Note.lookupAll(title="0")) == f"({notes[0]!r},)"
        text = repr(Note.lookupAll())
        assert text.startswith(f"({notes[0]!r}, {notes[1]!r}, ") and text.endswith("... 5 more)")
        assert repr(notes[display.OBJECTS_SHOWN_MAX]) not in text
        assert repr(Note.lookupAll(title="none")) == "()"


def test_notebooks_get_tables_with_escaped_values(db, schema, Note):
    with db.transaction():
        note = Note(title="<script>&")
        for _ in range(display.ROWS_SHOWN_MAX):
            Note(title="b")
        found = Note.lookupAll()
        table = found._repr_html_()
        one = note._repr_html_()
    assert found._repr_html_().startswith(f"<code>(&lt;{schema.name}.Note {note._identity}&gt;, ")
    assert "<script>" not in table and "&lt;script&gt;&amp;" in table
    count = display.ROWS_SHOWN_MAX
    assert f"<caption>{count + 1} {schema.name}.Note, the first {count} of them</caption>" in table
    assert table.count("<tr>") == count + 1
    header = "<tr><th>identity</th><th>title</th><th>status</th><th>about</th></tr>"
    assert header in table
    assert "<tr><th>title</th><td>&#x27;&lt;script&gt;&amp;&#x27;</td></tr>" in one
    assert note._repr_html_() == f"<code>&lt;{schema.name}.Note {note._identity}&gt;</code>"
    with db.view():
        assert Note.lookupAll(title="none")._repr_html_() == "<code>()</code>"


def test_views_transactions_connections_and_schemas_tell_what_they_are(db, schema, Note):
    with db.view() as view:
        assert repr(view) == f"<view at version {view.transaction_id()} of {db._name}>"
    with db.transaction() as transaction:
        assert repr(transaction).endswith(f" of {db._name}, 0 objects written>")
        Note(title="a")
        assert repr(transaction).startswith("<transaction at version ")
        assert repr(transaction).endswith("1 objects written>")
    assert repr(transaction).endswith(", ended>")
    assert repr(db) == f"<connection to {db._name}, connected>"
    assert repr(schema) == f"<schema {schema.name}: Note>"
    assert repr(Schema("empty")) == "<schema empty: no types>"


def test_completion_knows_fields_and_types(db, schema, Note):
    schema.Tags = TupleOf(str)
    assert {"title", "status", "about", "lookupAll"} <= set(dir(Note))
    assert {"title", "status", "about", "delete", "exists"} <= set(dir(Note.fromIdentity(1)))
    assert {"Note", "Tags", "define", "freeze"} <= set(dir(schema))
