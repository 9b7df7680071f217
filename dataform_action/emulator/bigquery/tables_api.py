"""BigQuery's REST API: datasets, tables, and dry runs."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qs

from dataform_action.emulator.bigquery.catalog import Catalog, has_labels
from dataform_action.emulator.bigquery.errors import BigQueryError, error_response
from dataform_action.emulator.bigquery.queries import DryRuns, FindTable, Resource
from dataform_action.emulator.clock import Clock
from dataform_action.emulator.google.errors import ApiError, check_token
from dataform_action.emulator.google.invocation_spec import Warehouse
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

SIZE_PARAMETER = "maxResults"
"""The parameter with the size of a page."""


@dataclass(slots=True)
class BigQueryTables:
    """Serves the datasets and tables of a catalog, and dry runs.

    With a ``warehouse``, that has the datasets and the tables instead, and runs queries.
    """

    catalog: Catalog
    dry_runs: DryRuns
    pager: Pager
    warehouse: Warehouse | None = None
    accept_token: Callable[[str | None], bool] = frozenset[str | None]().__contains__

    def route(self, request: Request) -> Endpoint | None:
        """Find the endpoint of a request."""
        if request.segments[:3] != _ROOT or len(request.segments) < 5:
            return None
        project, *inner = request.segments[3:]
        query = {name: values[-1] for name, values in parse_qs(request.query).items()}
        if (request.method, inner) == ("POST", ["jobs"]):
            return self._endpoint("dryRun", partial(self._insert_job, project, request), request)
        if self.warehouse is not None and inner[0] in _FORWARDED:
            return self._endpoint("other", partial(self.warehouse.forward, request), request)
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
            except (ApiError, BigQueryError, HttpError) as error:
                return error_response(error)

        return Endpoint(operation, respond, error_response, b'{"kind": "bigquery#job"}')

    def _insert_job(self, project: str, request: Request) -> Response:
        body = _body(request)
        configuration = body.get("configuration") or {}
        if configuration.get("dryRun") is True:
            return json_response(self._dry_run(project, body, configuration))
        if self.warehouse is not None:
            return self.warehouse.forward(request)
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
        return (self.warehouse or self.catalog).find_table

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
        page, token = self.pager.page(items, path, query)
        return ({name: page} if page else {}) | ({"nextPageToken": token} if token else {})


def make_tables_api(
    tables: Mapping[str, Resource], dry_runs: DryRuns, warehouse: Warehouse | None, clock: Clock
) -> BigQueryTables:
    """Make the API with these tables in memory, or with those of a warehouse.

    Raise ValueError if a table is wrong.
    """
    catalog, pager = Catalog(clock), Pager(_PAGE_SIZE, _LARGEST_PAGE, SIZE_PARAMETER)
    catalog.seed(tables)
    return BigQueryTables(catalog, dry_runs, pager, warehouse)


def _pick(resource: Resource, names: Sequence[str]) -> Resource:
    return {name: resource[name] for name in names if name in resource}


def _body(request: Request) -> Mapping[str, Any]:
    return parse_object(request.body or b"{}")
