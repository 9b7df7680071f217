"""BigQuery as the warehouse of a plan: dry runs, and the columns of tables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from dataform_action.bigquery.client import API_URL, BigQuery
from dataform_action.bigquery.dry_runs import DATA_ROLE, dry_run
from dataform_action.bigquery.schemas import SCHEMA_FIELDS, parse_columns
from dataform_action.clock import Retry, once
from dataform_action.errors import CredentialsRefused, Refused
from dataform_action.plan import Column, DryRun, Inconclusive
from dataform_action.validation import is_project_id

Columns = tuple[Column, ...]


class BigQueryWarehouse:
    """Checks SQL with dry runs in ``project_id``. Its methods may be called from several threads.

    The arguments and errors are those of ``BigQuery``. ``on_exchange`` is called from the thread of
    the request.
    """

    def __init__(
        self,
        *,
        project_id: str,
        token: str | Callable[[], str],
        api_url: str = API_URL,
        on_exchange: Callable[[str], object] | None = None,
    ) -> None:
        self._client = BigQuery(
            project_id=project_id, token=token, api_url=api_url, on_exchange=on_exchange
        )
        #: Equal schemas are one object, and so are equal columns: a table usually has the same
        #: columns before and after a change, and thousands of tables may be checked.
        self._schemas: dict[Columns, Columns] = {}
        self._columns: dict[Column, Column] = {}

    def dry_run(self, sql: str, location: str, retry: Retry = once) -> DryRun:
        """Return what BigQuery says of a query; see ``Warehouse``."""
        found = retry(lambda: dry_run(self._client, sql, location))
        return replace(found, columns=self._shared(found.columns))

    def columns(self, table: str, retry: Retry = once) -> Columns | None:
        """Return the columns of a table, or None if it does not exist; see ``Warehouse``."""
        found = retry(lambda: self._read_columns(*_parts(table)))
        return None if found is None else self._shared(found)

    def _shared(self, columns: Columns) -> Columns:
        known = self._schemas.get(columns)
        if known is None:
            known = tuple(self._columns.setdefault(column, column) for column in columns)
            self._schemas[known] = known
        return known

    def _read_columns(self, project: str, dataset: str, name: str) -> Columns | None:
        path = f"datasets/{quote(dataset, safe='')}/tables/{quote(name, safe='')}"
        try:
            found = self._client.get(project, path, SCHEMA_FIELDS, {}, role=DATA_ROLE)
        except CredentialsRefused:
            raise
        except Refused as error:
            if error.status == 404:
                return None
            if error.status == 401:
                raise
            raise Inconclusive(f"{error.detail.rstrip('. ')}. {error.hint}") from error
        return parse_columns(found.get("schema"))


def _parts(table: str) -> tuple[str, str, str]:
    """Return the project, the dataset and the table of a full name; none can change a path."""
    parts = table.rsplit(".", 2)
    if len(parts) != 3 or not all(parts) or not is_project_id(parts[0]):
        raise Inconclusive(f"{table} is not the full name of a table.")
    return parts[0], parts[1], parts[2]
