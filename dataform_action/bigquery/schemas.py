"""BigQuery: read the schema of a table or a result as columns with types in GoogleSQL.

https://cloud.google.com/bigquery/docs/reference/rest/v2/tables#TableFieldSchema
"""

from __future__ import annotations

import re

from dataform_action.plan import Column
from dataform_action.transport.response import Json

#: What ``parse_columns`` reads of a schema. The inner ``fields`` are read as a whole.
SCHEMA_FIELDS = "schema/fields(name,type,mode,fields,rangeElementType)"
#: The names of legacy SQL, which the API uses as well.
_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}
#: The name of a type that is not known; no query can use it.
_UNKNOWN = "UNKNOWN"
#: Records have at most 15 levels in BigQuery.
_MOST_LEVELS = 20


def parse_columns(schema: Json) -> tuple[Column, ...]:
    """Return the columns of a TableSchema. Parameters of types, such as lengths, are left out."""
    return tuple(Column(name, _type_of(field, _MOST_LEVELS)) for name, field in _fields_of(schema))


def _fields_of(schema: Json) -> list[tuple[str, dict[str, Json]]]:
    fields = schema.get("fields") if isinstance(schema, dict) else None
    found = fields if isinstance(fields, list) else []
    return [(str(field.get("name", "")), field) for field in found if isinstance(field, dict)]


def _type_of(field: dict[str, Json], levels: int) -> str:
    given = str(field.get("type", "")).upper()
    name = _NAMES.get(given, given)
    if levels == 0 or re.fullmatch(r"[A-Z][A-Z0-9_]*", name, re.ASCII) is None:
        return _UNKNOWN
    if name == "STRUCT":
        inner = (f"{_shown(name)} {_type_of(part, levels - 1)}" for name, part in _fields_of(field))
        name = f"STRUCT<{', '.join(inner)}>"
    elif name == "RANGE":
        element = field.get("rangeElementType")
        name = f"RANGE<{_type_of(element if isinstance(element, dict) else {}, 1)}>"
    return f"ARRAY<{name}>" if field.get("mode") == "REPEATED" else name


def _shown(name: str) -> str:
    """Return the name of a field, quoted if it has special characters."""
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name, re.ASCII):
        return name
    escaped = name.replace("\\", "\\\\").replace("`", "\\`").replace("\n", "\\n")
    return f"`{escaped}`"
