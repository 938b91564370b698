"""The schema that the server itself keeps: who is connected."""

from datetime import datetime

from object_database.declarations import Indexed
from object_database.schema import Schema

core_schema = Schema("core")


@core_schema.define
class Connection:
    """An open connection to the server, `db.connectionObject` for one's own.

    The server makes it when the connection opens and deletes it when that ends, in transactions as
    any other; nobody else can write it.
    """

    name = Indexed(str)  # of the program
    actor = Indexed(str)  # the name of the token that it showed
    address = str
    since = datetime


core_schema.freeze()
