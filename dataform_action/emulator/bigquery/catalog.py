"""Datasets and tables in memory, as BigQuery shows them."""

import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dataform_action.emulator.bigquery.errors import BigQueryError
from dataform_action.emulator.bigquery.queries import Resource
from dataform_action.emulator.clock import Clock
from dataform_action.emulator.graph.targets import Target

_DATASET = re.compile(r"[A-Za-z0-9_]{1,1024}")
_TABLE = re.compile(r"[^./`\x00-\x1f]{1,1024}")
_LABEL = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_SHORTEST_EXPIRATION_MS = 3_600_000
_LOCATION = "US"

ViewColumns = Callable[[str, Target], Sequence[Resource]]
"""Returns the columns of a view's query; raises BigQueryError if it is not valid."""


@dataclass(slots=True)
class _Dataset:
    resource: dict[str, Any]
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


class Catalog:
    """The datasets of all projects. Its methods raise BigQueryError."""

    def __init__(self, clock: Clock) -> None:
        """Start without datasets."""
        self._clock = clock
        self._lock = threading.RLock()
        self._datasets: dict[tuple[str, str], _Dataset] = {}

    def insert_dataset(self, project: str, body: Mapping[str, Any]) -> Resource:
        """Create a dataset."""
        name = _text(_object(body, "datasetReference"), "datasetId")
        if _DATASET.fullmatch(name) is None:
            rule = "must be alphanumeric (plus underscores) and at most 1024 characters long"
            raise BigQueryError(f'Invalid dataset ID "{name}". Dataset IDs {rule}.')
        _check_labels(body)
        expiration = body.get("defaultTableExpirationMs")
        if expiration is not None and int(expiration) < _SHORTEST_EXPIRATION_MS:
            raise BigQueryError("Default table expiration must be at least 3600000 milliseconds")
        with self._lock:
            if (project, name) in self._datasets:
                raise BigQueryError(f"Already Exists: Dataset {project}:{name}", "duplicate")
            resource = {
                **body,
                "kind": "bigquery#dataset",
                "id": f"{project}:{name}",
                "datasetReference": {"projectId": project, "datasetId": name},
                "location": body.get("location") or _LOCATION,
                **self._times(),
            }
            self._datasets[project, name] = _Dataset(resource)
            return dict(resource)

    def get_dataset(self, project: str, name: str) -> Resource:
        """Return a dataset."""
        with self._lock:
            return dict(self._find(project, name).resource)

    def list_datasets(self, project: str) -> list[Resource]:
        """Return the datasets of a project by name."""
        with self._lock:
            found = [
                entry.resource for (owner, _), entry in self._datasets.items() if owner == project
            ]
        return sorted(found, key=lambda resource: str(resource["id"]))

    def delete_dataset(self, project: str, name: str, *, with_contents: bool) -> None:
        """Delete a dataset, which must be empty unless its contents are deleted as well."""
        with self._lock:
            if self._find(project, name).tables and not with_contents:
                message = f"Dataset {project}:{name} is still in use"
                raise BigQueryError(message, "resourceInUse")
            del self._datasets[project, name]

    def insert_table(
        self, project: str, dataset: str, body: Mapping[str, Any], view_columns: ViewColumns
    ) -> Resource:
        """Create a table with a schema, or a view."""
        name = _text(_object(body, "tableReference"), "tableId")
        if _TABLE.fullmatch(name) is None:
            raise BigQueryError(f'Invalid table ID "{name}".')
        _check_labels(body)
        target = Target(project, dataset, name)
        location = self.get_dataset(project, dataset)["location"]
        kind, columns = "TABLE", _object(body, "schema").get("fields", [])
        if "view" in body:
            query = _text(_object(body, "view"), "query")
            kind, columns = "VIEW", view_columns(query, Target(project, dataset, ""))
        with self._lock:
            tables = self._find(project, dataset).tables
            if name in tables:
                message = f"Already Exists: Table {project}:{dataset}.{name}"
                raise BigQueryError(message, "duplicate")
            tables[name] = {
                "numRows": "0",
                "numBytes": "0",
                **body,
                "kind": "bigquery#table",
                "id": f"{project}:{dataset}.{name}",
                "tableReference": {"projectId": project, "datasetId": dataset, "tableId": name},
                "type": kind,
                "location": location,
                **({"schema": {"fields": list(columns)}} if columns else {}),
                **self._times(),
            }
        return self.get_table(target)

    def get_table(self, target: Target) -> Resource:
        """Return a table or a view."""
        with self._lock:
            tables = self._find(target.database, target.schema).tables
            if target.name not in tables:
                raise _no_table(target)
            return dict(tables[target.name])

    def list_tables(self, project: str, dataset: str) -> list[Resource]:
        """Return the tables and views of a dataset by name."""
        with self._lock:
            tables = dict(self._find(project, dataset).tables)
        return [tables[name] for name in sorted(tables)]

    def delete_table(self, target: Target) -> None:
        """Delete a table or a view."""
        with self._lock:
            tables = self._find(target.database, target.schema).tables
            if tables.pop(target.name, None) is None:
                raise _no_table(target)

    def find_table(self, target: Target) -> Resource | None:
        """Return a table or a view, or None if it does not exist."""
        try:
            return self.get_table(target)
        except BigQueryError:
            return None

    def seed(self, tables: Mapping[str, Mapping[str, Any]]) -> None:
        """Create tables by their full names, with their datasets; raise ValueError if one is wrong.

        Each has the fields of a Table resource. ``location`` is that of its dataset.
        """
        for name, fields in tables.items():
            parts = name.split(".")
            if len(parts) != 3 or not isinstance(fields, Mapping):
                raise ValueError(f"{name}: a table must be like project.dataset.table")
            target = Target(*parts)
            reference = {"datasetReference": {"datasetId": target.schema}}
            body = {"tableReference": {"tableId": target.name}, **fields}
            try:
                if (target.database, target.schema) not in self._datasets:
                    place = {"location": fields.get("location")}
                    self.insert_dataset(target.database, reference | place)
                self.insert_table(target.database, target.schema, body, lambda *_: ())
            except BigQueryError as error:
                raise ValueError(f"{name}: {error}") from error

    def _find(self, project: str, name: str) -> _Dataset:
        found = self._datasets.get((project, name))
        if found is None:
            raise BigQueryError(f"Not found: Dataset {project}:{name}", "notFound")
        return found

    def _times(self) -> dict[str, str]:
        now = str(int(self._clock.now() * 1000))
        return {"creationTime": now, "lastModifiedTime": now}


def load_tables(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """Load tables from a JSON file; raise ValueError or OSError."""
    data = json.loads(path.read_bytes())
    if not isinstance(data, dict):
        raise ValueError('the file must be like {"project.dataset.table": {"schema": …}}')
    return data


def has_labels(dataset: Resource, wanted: str) -> bool:
    """Return whether a dataset matches a filter ``labels.key:value labels.key …``."""
    labels = dataset.get("labels") or {}
    for term in wanted.split():
        name, has_value, value = term.partition(":")
        prefix, _, key = name.partition(".")
        if prefix != "labels" or not key:
            raise BigQueryError(f"Invalid filter: {wanted}")
        if key not in labels or (has_value and labels[key] != value):
            return False
    return True


def _no_table(target: Target) -> BigQueryError:
    name = f"{target.database}:{target.schema}.{target.name}"
    return BigQueryError(f"Not found: Table {name}", "notFound")


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = body.get(name, {})
    if not isinstance(value, Mapping):
        raise BigQueryError(f"Invalid value for {name}: an object is expected")
    return value


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BigQueryError(f"Required parameter is missing: {name}")
    return value


def _check_labels(body: Mapping[str, Any]) -> None:
    for key, value in _object(body, "labels").items():
        if _LABEL.fullmatch(key) is None or _LABEL_VALUE.fullmatch(str(value)) is None:
            raise BigQueryError(f'Label "{key}": "{value}" is not valid')
