"""The schema that the producers and consumers share; ../reading.h is the same in C++."""

from __future__ import annotations

import argparse
import os

from object_database import Indexed, Schema

schema = Schema("readings")


@schema.define
class Reading:
    sensor = Indexed(str)
    number = int
    value = float
    made_by = Indexed(str)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", default="localhost")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--token", default=os.environ.get("ODB_SERVICE_TOKEN", ""))
    parser.add_argument("--seconds", type=float, default=10)
    return parser.parse_args()
