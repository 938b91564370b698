"""A dump made by hand, as docs/tool.md describes it."""

import hashlib
import json


def write_dump(path, objects, types=None, format=1, ids_below=None):
    """`objects`: (type, id, fields), in order."""
    types = types or [TASK]
    digest = hashlib.sha256()
    count = 0
    last = 0
    lines = [{"odb_dump": format, "software": "a test", "history": "0" * 31 + "7", "version": 12,
              "ids_below": ids_below or 1 << 40}]
    lines += [{"type": type_} for type_ in types]
    with open(path, "wb") as file:
        def put(text):
            digest.update(text)
            file.write(text)
        head = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
        put(head)
        put(b'{"types":%d,"sha256":"%s"}\n'
            % (len(types), hashlib.sha256(head).hexdigest().encode()))
        page = []
        for type_, id_, fields in objects:
            page.append('{"type":%d,"id":%d,"fields":%s}\n' % (type_, id_, fields))
            count += 1
            if len(page) == 10_000:
                put("".join(page).encode())
                page.clear()
        put("".join(page).encode())
        file.write(b'{"objects":%d,"sha256":"%s"}\n' % (count, digest.hexdigest().encode()))
    return path


TASK = {"id": 1, "schema": "todo", "name": "Task",
        "fields": [["title", "text"], ["status", "text"], ["priority", "int"], ["effort", "float"],
                   ["parent", {"one_of": ["none", {"reference": ["todo", "Task"]}]}]],
        "indexes": [{"id": 1, "name": "status", "fields": ["status"], "unique": False,
                     "owner": False}]}


def tasks(count, first=1):
    for i in range(first, first + count):
        parent = "null" if i % 3 else str(i)
        yield 1, i, f'["write chapter {i}","{"open" if i % 2 else "done"}",{i},{i}.5,{parent}]'


def object_lines(path):
    """What a dump holds but for its first line and its checksums."""
    with open(path, "rb") as file:
        return [line for line in file if line.startswith(b'{"type":')]
