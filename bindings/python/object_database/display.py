"""How objects and look-up results show themselves: repr, and tables for notebooks.

Nothing here reads in the sense of a transaction: what is shown cannot make a commit conflict, and
the server is not asked.
"""

import html
import itertools
import threading
from typing import Any, Iterable, List

from object_database import _odb

FIELDS_SHOWN_MAX = 8  # of one object in its repr
VALUE_TEXT_MAX = 60  # characters of one value
OBJECTS_SHOWN_MAX = 20  # of a look-up result in its repr
ROWS_SHOWN_MAX = 50  # of a look-up result in a table

_NO_VALUE = "..."


class _Nesting(threading.local):
    """Objects inside of what is shown show only their identities: they may refer to each other."""

    depth = 0


_nesting = _Nesting()


def object_repr(object: Any) -> str:
    """<todo.Task 42: title='read', status='open'>; outside of a view <todo.Task 42>."""
    fields = _odb.peek(object) if _nesting.depth == 0 else None
    if fields is None:
        return f"<{_title(object)}>"
    if fields is False:
        return f"<{_title(object)}: deleted>"
    shown = [
        f"{name}={_text(value)}"
        for name, value in itertools.islice(fields.items(), FIELDS_SHOWN_MAX)
    ]
    if len(fields) > FIELDS_SHOWN_MAX:
        shown.append(_NO_VALUE)
    return f"<{_title(object)}: {', '.join(shown)}>"


def result_repr(objects: Any) -> str:
    """As that of a tuple of the objects; of a long one the first, and how many more there are."""
    if len(objects) <= OBJECTS_SHOWN_MAX:
        return repr(tuple(objects))
    shown = ", ".join(repr(each) for each in itertools.islice(objects, OBJECTS_SHOWN_MAX))
    return f"({shown}, ... {len(objects) - OBJECTS_SHOWN_MAX} more)"


def object_html(object: Any) -> str:
    """A table of fields and values; the repr where these cannot be seen."""
    fields = _odb.peek(object)
    if not isinstance(fields, dict):
        return f"<code>{html.escape(object_repr(object))}</code>"
    rows = [_row(["th", "td"], [name, _text(value)]) for name, value in fields.items()]
    return _table(_title(object), rows)


def result_html(objects: Any) -> str:
    """A table with a row for each object, the first of them if there are many; the repr where
    their fields cannot be seen."""
    shown = list(itertools.islice(objects, ROWS_SHOWN_MAX))
    seen = [_odb.peek(each) for each in shown]
    if not any(seen):
        return f"<code>{html.escape(result_repr(objects))}</code>"
    cls = type(shown[0])
    names = list(cls._odb_declaration.fields)
    rows = [_row(["th"] * (len(names) + 1), ["identity", *names])]
    rows.extend(_object_row(each, fields, names) for each, fields in zip(shown, seen))
    caption = f"{len(objects)} {_type_name(cls)}"
    if len(objects) > len(shown):
        caption += f", the first {len(shown)} of them"
    return _table(caption, rows)


def _object_row(object: Any, fields: Any, names: List[str]) -> str:
    """`fields` is what peek() told of the object."""
    texts = [_text(fields[name]) if fields else _NO_VALUE for name in names]
    return _row(["th"] + ["td"] * len(names), [str(object._identity), *texts])


def _row(tags: List[str], texts: Iterable[str]) -> str:
    cells = (f"<{tag}>{html.escape(text)}</{tag}>" for tag, text in zip(tags, texts))
    return f"<tr>{''.join(cells)}</tr>"


def _table(caption: str, rows: List[str]) -> str:
    return f"<table><caption>{html.escape(caption)}</caption>{''.join(rows)}</table>"


def _type_name(cls: Any) -> str:
    return f"{cls._odb_type.schema_name}.{cls._odb_type.type_name}"


def _title(object: Any) -> str:
    return f"{_type_name(type(object))} {object._identity}"


def _text(value: Any) -> str:
    if value is Ellipsis:
        return _NO_VALUE
    _nesting.depth += 1
    try:
        text = repr(value)
    except RecursionError:  # a value that is nested too deep to print
        text = _NO_VALUE
    finally:
        _nesting.depth -= 1
    return text if len(text) <= VALUE_TEXT_MAX else text[: VALUE_TEXT_MAX - 3] + _NO_VALUE
