"""Passes requests for datasets, tables and jobs on to a BigQuery server.

It adds two things that such a server may lack: the filter of datasets by labels, and the number of
rows of a table after an INSERT.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from dataform_action.emulator.bigquery.catalog import has_labels
from dataform_action.emulator.bigquery.errors import BigQueryError, error_response
from dataform_action.emulator.graph.targets import Target
from dataform_action.emulator.http.request import Request
from dataform_action.emulator.http.response import HttpError, Response, json_response
from dataform_action.emulator.local.warehouse.server import BigQueryServer, ServerError

_PROJECTS = "/bigquery/v2/projects/"


class Proxy:
    """Sends requests to one server."""

    def __init__(self, server: BigQueryServer) -> None:
        """Keep the server."""
        self._server = server

    def forward(self, request: Request) -> Response:
        """Send a request, and return the response."""
        path = request.path.removeprefix(_PROJECTS)
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        try:
            match request.method, request.segments[3:]:
                case "GET", (project, "datasets") if query.get("filter"):
                    return json_response(self._list_datasets(project, query))
                case "GET", (project, "datasets", dataset, "tables", table):
                    return json_response(self._get_table(Target(project, dataset, table), path))
            suffix = f"?{request.query}" if request.query else ""
            status, body = self._server.send(request.method, f"{path}{suffix}", request.body)
        except ServerError as error:
            return error_response(HttpError(error.status or 503, str(error)))
        return Response(status, body)

    def find_table(self, target: Target) -> Mapping[str, Any] | None:
        """Return the Table resource of a table or a view, or None if it does not exist.

        Raise BigQueryError if the server does not answer.
        """
        try:
            return self._server.get_table(target)
        except ServerError as error:
            raise BigQueryError(str(error), "backendError") from error

    def _list_datasets(self, project: str, query: dict[str, str]) -> dict[str, object]:
        """List datasets with labels; the list of the server may have no labels."""
        wanted = query.pop("filter")
        home = f"{quote(project, safe='')}/datasets"
        listed = self._server.call("GET", f"{home}?{urlencode(query)}")
        found = []
        for entry in listed.get("datasets", ()):
            name = quote(entry["datasetReference"]["datasetId"], safe="")
            labels = self._server.call("GET", f"{home}/{name}").get("labels") or {}
            if has_labels({"labels": labels}, wanted):
                found.append({**entry, "labels": labels})
        return {**listed, "datasets": found}

    def _get_table(self, target: Target, path: str) -> dict[str, Any]:
        table: dict[str, Any] = self._server.call("GET", path)
        if table.get("type") == "TABLE":
            sql = f"SELECT COUNT(*) FROM `{target}`"  # noqa: S608 (the name of a table that exists)
            body = {"query": sql, "useLegacySql": False}
            project = quote(target.database, safe="")
            counted = self._server.call("POST", f"{project}/queries", body)
            table["numRows"] = counted["rows"][0]["f"][0]["v"]
        return table
