"""The schema that odb itself uses; it has no types yet."""

from object_database.schema import Schema

core_schema = Schema("core")
