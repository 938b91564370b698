"""What the document calls /etc/odb, /var/lib/odb and port 8000 stands elsewhere while it is tested."""

import os
import re

PATHS = ("/etc/odb", "/var/lib/odb", "/var/backups", "/usr/bin/odb_server", "/run/systemd/system")


def mapped(text):
    scratch = os.environ["ODB_SCRATCH"]
    for path in PATHS:
        text = re.sub(r"(?<![\w.])" + re.escape(path) + r"\b", scratch + path, text)
    text = re.sub(r"\b8000\b", os.environ["ODB_SCRATCH_PORT"], text)
    text = re.sub(r"\b6379\b", os.environ["ODB_SCRATCH_REDIS_PORT"], text)
    text = re.sub(r"\b8001\b", os.environ["ODB_SCRATCH_SECOND_PORT"], text)
    text = re.sub(r"\b9188\b", os.environ["ODB_SCRATCH_SECOND_METRICS_PORT"], text)
    return re.sub(r"\b9187\b", os.environ["ODB_SCRATCH_METRICS_PORT"], text)
