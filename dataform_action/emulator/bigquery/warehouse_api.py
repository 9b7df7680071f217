"""BigQuery's REST API: datasets, tables, and dry runs."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol
from urllib.parse import parse_qs

from dataform_action.emulator.bigquery.catalog import Catalog
from dataform_action.emulator.bigquery.errors import api_error_response, http_error_response
from dataform_action.emulator.bigquery.queries import BigQueryError, DryRuns, FindTable, Resource
from dataform_action.emulator.clock import Clock
from dataform_action.emulator.google.errors import ApiError, check_token
from dataform_action.emulator.google.parameters import Pager
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.http.endpoint import Endpoint, Operation
from dataform_action.emulator.http.request import Request, parse_object
from dataform_action.emulator.http.response import HttpError, Response, json_response

_ROOT = ("bigquery", "v2", "projects")
_DATASET_FIELDS = ("kind", "id", "datasetReference", "labels", "friendlyName", "location")
_TABLE_FIELDS = ("kind", "id", "tableReference", "type", "labels", "view", "creationTime")

_FORWARDED = ("datasets", "queries")
_PAGE_SIZE, _LARGEST_PAGE = 50, 1000

Forward = Callable[[Request], Response]
"""Sends a request to another server, and returns its response."""


class Server(Protocol):
    """Another server that has datasets, tables and jobs."""

    def forward(self, request: Request) -> Response:
        """Send a request, and return the response."""

    def find_table(self, target: Target) -> Resource | None:
        """Return the Table resource of a table or a view."""


@dataclass(slots=True)
class BigQueryWarehouse:
    """Serves the datasets and tables of a catalog, and dry runs.

    With ``forward``, another server has the datasets and the tables, and runs queries;
    ``find_table`` reads its tables for dry runs.
    """

    catalog: Catalog
    dry_runs: DryRuns
    pager: Pager
    forward: Forward | None = None
    find_table: FindTable | None = None
    accept_token: Callable[[str | None], bool] = frozenset[str | None]().__contains__

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        if request.segments[:3] != _ROOT or len(request.segments) < 5:
            return None
        project, *inner = request.segments[3:]
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if (request.method, inner) == ("POST", ["jobs"]):
            return self._endpoint("dryRun", partial(self._insert_job, project, request), request)
        if self.forward is not None and inner[0] in _FORWARDED:
            return self._endpoint("other", partial(self.forward, request), request)
        handle = self._find(request.method, project, inner, query, request)
        return None if handle is None else self._endpoint("other", handle, request)

    def _find(
        self,
        method: str,
        project: str,
        inner: Sequence[str],
        query: Mapping[str, str],
        request: Request,
    ) -> Callable[[], Response] | None:
        catalog = self.catalog
        match method, inner:
            case "GET", ["datasets"]:
                return lambda: json_response(self._list_datasets(project, query, request.path))
            case "POST", ["datasets"]:
                return lambda: json_response(catalog.insert_dataset(project, _body(request)))
            case "GET", ["datasets", dataset]:
                return lambda: json_response(catalog.get_dataset(project, dataset))
            case "DELETE", ["datasets", dataset]:
                contents = query.get("deleteContents") == "true"
                return partial(self._delete_dataset, project, dataset, with_contents=contents)
            case "GET", ["datasets", dataset, "tables"]:
                return lambda: json_response(
                    self._list_tables(project, dataset, query, request.path)
                )
            case "POST", ["datasets", dataset, "tables"]:
                return lambda: json_response(
                    catalog.insert_table(project, dataset, _body(request), self._view_columns)
                )
            case "GET", ["datasets", dataset, "tables", table]:
                return lambda: json_response(catalog.get_table(Target(project, dataset, table)))
            case "DELETE", ["datasets", dataset, "tables", table]:
                return partial(self._delete_table, Target(project, dataset, table))
        return None

    def _endpoint(
        self, operation: Operation, handle: Callable[[], Response], request: Request
    ) -> Endpoint:
        def respond() -> Response:
            try:
                check_token(self.accept_token, request, "bigquery.googleapis.com")
                return handle()
            except ApiError as error:
                return api_error_response(error)
            except BigQueryError as error:
                return Response(error.status, json.dumps(error.render()).encode())
            except HttpError as error:
                return http_error_response(error)

        return Endpoint(operation, respond, http_error_response, b'{"kind": "bigquery#job"}')

    def _insert_job(self, project: str, request: Request) -> Response:
        body = _body(request)
        configuration = body.get("configuration") or {}
        if configuration.get("dryRun") is True:
            return json_response(self._dry_run(project, body, configuration))
        if self.forward is not None:
            return self.forward(request)
        raise BigQueryError("The emulator runs no queries without a BigQuery server: --bigquery")

    def _dry_run(
        self, project: str, body: Mapping[str, Any], configuration: Mapping[str, Any]
    ) -> dict[str, object]:
        query = configuration.get("query") or {}
        if query.get("useLegacySql", True):
            raise BigQueryError("The emulator knows no legacy SQL: set useLegacySql to false")
        dataset = str((query.get("defaultDataset") or {}).get("datasetId", ""))
        default = Target(project, dataset, "")
        result = self.dry_runs.run(str(query.get("query", "")), default, self._tables)
        reference = body.get("jobReference") or {}
        return {
            "kind": "bigquery#job",
            "configuration": {**configuration, "jobType": "QUERY"},
            "jobReference": {"projectId": project, "location": reference.get("location", "US")},
            "statistics": {"creationTime": "0", **result.statistics()},
            "status": {"state": "DONE"},
        }

    @property
    def _tables(self) -> FindTable:
        return self.find_table or self.catalog.find_table

    def _view_columns(self, query: str, default: Target) -> Sequence[Resource]:
        return self.dry_runs.run(query, default, self._tables).columns

    def _delete_dataset(self, project: str, dataset: str, *, with_contents: bool) -> Response:
        self.catalog.delete_dataset(project, dataset, with_contents=with_contents)
        return Response(204, b"")

    def _delete_table(self, target: Target) -> Response:
        self.catalog.delete_table(target)
        return Response(204, b"")

    def _list_datasets(
        self, project: str, query: Mapping[str, str], path: str
    ) -> dict[str, object]:
        wanted = query.get("filter", "")
        found = [
            entry for entry in self.catalog.list_datasets(project) if has_labels(entry, wanted)
        ]
        shown = [_pick(entry, _DATASET_FIELDS) for entry in found]
        return {"kind": "bigquery#datasetList", **self._page("datasets", shown, query, path)}

    def _list_tables(
        self, project: str, dataset: str, query: Mapping[str, str], path: str
    ) -> dict[str, object]:
        found = self.catalog.list_tables(project, dataset)
        shown = [_pick(entry, _TABLE_FIELDS) for entry in found]
        page = self._page("tables", shown, query, path)
        return {"kind": "bigquery#tableList", "totalItems": len(found), **page}

    def _page(
        self, name: str, items: Sequence[Resource], query: Mapping[str, str], path: str
    ) -> dict[str, object]:
        paging = {**query, "pageSize": query.get("maxResults", "")}
        paging.pop("maxResults", None)
        page, token = self.pager.page(items, path, paging)
        return ({name: page} if page else {}) | ({"nextPageToken": token} if token else {})


def make_warehouse_api(
    tables: Mapping[str, Resource], dry_runs: DryRuns, server: Server | None, clock: Clock
) -> BigQueryWarehouse:
    """Make the API with these tables in memory, or with those of a server.

    Raise ValueError if a table is wrong.
    """
    catalog, pager = Catalog(clock), Pager(_PAGE_SIZE, _LARGEST_PAGE)
    catalog.seed(tables)
    if server is None:
        return BigQueryWarehouse(catalog, dry_runs, pager)
    return BigQueryWarehouse(catalog, dry_runs, pager, server.forward, server.find_table)


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


def _pick(resource: Resource, names: Sequence[str]) -> Resource:
    return {name: resource[name] for name in names if name in resource}


def _body(request: Request) -> Mapping[str, Any]:
    return parse_object(request.body or b"{}")
