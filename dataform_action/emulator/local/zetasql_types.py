"""Converts BigQuery's schemas to the types of ZetaSQL, and back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from dataform_action.emulator.bigquery.errors import BigQueryError
from dataform_action.emulator.bigquery.queries import Resource

#: The names in a TableSchema, and those in ZetaSQL.
_KINDS: Mapping[str, str] = MappingProxyType(
    {
        "INTEGER": "INT64",
        "FLOAT": "DOUBLE",
        "BOOLEAN": "BOOL",
        **{name: name for name in ("STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP")},
        **{name: name for name in ("NUMERIC", "BIGNUMERIC", "GEOGRAPHY", "JSON", "INTERVAL")},
    }
)
_ALIASES: Mapping[str, str] = MappingProxyType(
    {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "STRUCT": "RECORD"}
)


def make_type(field: Resource) -> Any:  # noqa: ANN401
    """Make the type of a field of a TableSchema."""
    from zetasql import types  # noqa: PLC0415

    kind = types.TypeKind
    given = str(field["type"]).upper()
    name = _ALIASES.get(given, given)
    if name == "RECORD":
        fields = [
            types.StructField(field_name=inner["name"], field_type=make_type(inner))
            for inner in field.get("fields", ())
        ]
        made = types.Type(type_kind=kind.TYPE_STRUCT, struct_type=types.StructType(field=fields))
    elif name == "RANGE":
        element = make_type(field["rangeElementType"])
        made = types.Type(
            type_kind=kind.TYPE_RANGE, range_type=types.RangeType(element_type=element)
        )
    elif name in _KINDS:
        made = types.Type(type_kind=kind[f"TYPE_{_KINDS[name]}"])
    else:
        raise BigQueryError(f"Invalid value for type: {given}")
    if field.get("mode") == "REPEATED":
        array = types.ArrayType(element_type=made)
        made = types.Type(type_kind=kind.TYPE_ARRAY, array_type=array)
    return made


def column_fields(columns: Sequence[Any]) -> list[Resource]:
    """Return the fields of a result; raise BigQueryError if two have the same name."""
    names: list[str] = []
    for column in columns:
        anonymous = not column.name or column.name.startswith("$")
        number = sum(name.startswith("f") and name.endswith("_") for name in names)
        names.append(f"f{number}_" if anonymous else str(column.name))
    repeated = [name for name, count in Counter(map(str.lower, names)).items() if count > 1]
    if repeated:
        found = ", ".join(repeated)
        message = "Duplicate column names in the result are not supported when a destination table"
        raise BigQueryError(f"{message} is present. Found duplicate(s): {found}", "invalidQuery")
    return [
        _make_field(name, column.column.type) for name, column in zip(names, columns, strict=True)
    ]


def _make_field(name: str, kind: Any) -> Resource:  # noqa: ANN401
    shown = str(kind.type_kind.name).removeprefix("TYPE_")
    if shown == "ARRAY":
        return {**_make_field(name, kind.array_type.element_type), "mode": "REPEATED"}
    field: dict[str, object] = {"name": name, "type": "RECORD", "mode": "NULLABLE"}
    if shown == "STRUCT":
        inner = [_make_field(one.field_name, one.field_type) for one in kind.struct_type.field]
        return field | {"fields": inner}
    if shown == "RANGE":
        element = _make_field("", kind.range_type.element_type)["type"]
        return field | {"type": "RANGE", "rangeElementType": {"type": element}}
    back = {theirs: ours for ours, theirs in _KINDS.items()}
    return field | {"type": back[shown]}
