"""Checks SQL with ZetaSQL, the open source of BigQuery's own analyzer.

The package ``zetasql`` has it as WebAssembly, which is compiled for this machine at the first use:
that takes seconds. Later starts read it from the cache of wasmtime.

A script is only parsed, because its statements depend on each other.
"""

import re
import threading
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from dataform_action.emulator.bigquery.errors import BigQueryError
from dataform_action.emulator.bigquery.queries import DryRun, FindTable, Resource
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.local.zetasql_types import column_fields, make_type

_INSTALL = "pip install zetasql"
_LOCATION = re.compile(r" \[at (\d+:\d+)\]")
_MISSING_TABLE = re.compile(r"Table not found: ")
_STATEMENT = re.compile(r"Resolved(.*)Stmt")
_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")
_TYPES = {"Query": "SELECT"}
_SCRIPT_STATEMENTS = (
    *("ASTBeginEndBlock", "ASTVariableDeclaration", "ASTSingleAssignment", "ASTIfStatement"),
    *("ASTExecuteImmediateStatement", "ASTWhileStatement", "ASTForInStatement"),
)


class ZetaSqlAnalyzer:
    """Checks one query at a time."""

    def __init__(self) -> None:
        """Raise ValueError if the package is missing; it is imported at the first use."""
        if find_spec("zetasql") is None:
            raise ValueError(f"The SQL analyzer is not installed. Install it with: {_INSTALL}")
        self._lock = threading.Lock()
        self._engine: _Engine | None = None

    def analyze(self, sql: str, default: Target, find_table: FindTable) -> DryRun:
        """Check a query; raise BigQueryError if it is not valid."""
        with self._lock:
            if self._engine is None:
                self._engine = _Engine()
            if self._engine.is_script(sql):
                return DryRun(statement_type="SCRIPT")
            paths = self._engine.find_paths(sql)
            tables = {path: _find(path, default, find_table) for path in paths}
            statement = self._engine.analyze(sql, tables)
        kind = type(statement).__name__
        found = _STATEMENT.fullmatch(kind)
        name = found[1] if found else kind
        columns = getattr(statement, "output_column_list", None) or []
        sizes = [int(table.get("numBytes") or 0) for table in tables.values()]
        return DryRun(
            columns=column_fields(columns),
            tables=list(dict.fromkeys(_name(table) for table in tables.values())),
            bytes_processed=sum(sizes),
            statement_type=_TYPES.get(name, _WORD.sub("_", name).upper()),
        )


class _Engine:
    """The analyzer itself, for the dialect of BigQuery."""

    def __init__(self) -> None:
        import wasmtime  # noqa: PLC0415
        from zetasql import types  # noqa: PLC0415
        from zetasql.core import wasm_client  # noqa: PLC0415
        from zetasql.core.local_service import ZetaSqlLocalService  # noqa: PLC0415

        class CachedConfig(wasmtime.Config):  # type: ignore[misc]
            def __init__(self) -> None:
                super().__init__()
                self.cache = True

        wasm_client.Config = CachedConfig
        self._types = types
        self._service = ZetaSqlLocalService.get_instance()
        language = types.LanguageOptions.maximum_features()
        language.product_mode = types.ProductMode.PRODUCT_EXTERNAL
        language.reserved_keywords = ["QUALIFY"]
        self._language = language
        self._options = types.AnalyzerOptions(language_options=language)
        self._options.error_message_mode = types.ErrorMessageMode.ERROR_MESSAGE_ONE_LINE
        self._functions = types.ZetaSQLBuiltinFunctionOptions(language_options=language)

    def is_script(self, sql: str) -> bool:
        """Return whether a text is a script; raise BigQueryError if it cannot be parsed."""
        parsed = self._call("parse", sql_statement=sql, options=self._language, allow_script=True)
        statements = parsed.parsed_script.statement_list_node.statement_list
        return len(statements) != 1 or type(statements[0]).__name__ in _SCRIPT_STATEMENTS

    def find_paths(self, sql: str) -> list[tuple[str, ...]]:
        """Return the names of tables in a statement, each as its parts."""
        found = self._call(
            "extract_table_names_from_statement", sql_statement=sql, options=self._language
        )
        return [tuple(entry.table_name_segment) for entry in found.table_name]

    def analyze(self, sql: str, tables: Mapping[tuple[str, ...], Resource]) -> Any:  # noqa: ANN401
        """Return the resolved statement."""
        catalog = self._types.SimpleCatalog(name="bigquery", table=[], catalog=[])
        catalog.builtin_function_options = self._functions
        for path, table in tables.items():
            self._add(catalog, path, table)
        response = self._call(
            "analyze", sql_statement=sql, options=self._options, simple_catalog=catalog
        )
        return response.resolved_statement

    def _add(self, catalog: Any, path: Sequence[str], table: Resource) -> None:  # noqa: ANN401
        *outer, name = path
        for part in outer:
            inner = next((one for one in catalog.catalog if one.name == part), None)
            if inner is None:
                inner = self._types.SimpleCatalog(name=part, table=[], catalog=[])
                catalog.catalog.append(inner)
            catalog = inner
        columns = [
            self._types.SimpleColumn(
                name=field["name"], type=make_type(field), is_writable_column=True
            )
            for field in (table.get("schema") or {}).get("fields", ())
        ]
        catalog.table.append(self._types.SimpleTable(name=name, column=columns))

    def _call(self, method: str, **arguments: Any) -> Any:  # noqa: ANN401
        from zetasql.core.exceptions import ServerError  # noqa: PLC0415

        try:
            return getattr(self._service, method)(**arguments)
        except ServerError as error:
            text = str(error.raw_error).partition("Message: ")[2] or str(error)
            raise BigQueryError(_LOCATION.sub(r" at [\1]", text), "invalidQuery") from error


def _find(path: Sequence[str], default: Target, find_table: FindTable) -> Resource:
    """Find the table that a name means; raise BigQueryError if there is none."""
    parts = ".".join(path).split(".")
    if len(parts) > 3:
        parts = [".".join(parts[:-2]), *parts[-2:]]
    if len(parts) == 1 and not default.schema:
        name = parts[0]
        message = f'Table "{name}" must be qualified with a dataset (e.g. dataset.table).'
        raise BigQueryError(message, "invalid")
    missing = [default.database, default.schema][: 3 - len(parts)]
    target = Target(*missing, *parts)
    table = find_table(target)
    if table is None:
        name = f"{target.database}:{target.schema}.{target.name}"
        raise BigQueryError(f"Not found: Table {name} was not found", "notFound")
    reference = {
        "projectId": target.database,
        "datasetId": target.schema,
        "tableId": target.name,
    }
    return {"tableReference": reference, **table}


def _name(table: Resource) -> str:
    reference = table["tableReference"]
    return ".".join(reference[part] for part in ("projectId", "datasetId", "tableId"))
