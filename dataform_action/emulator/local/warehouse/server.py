"""A client of a BigQuery server that needs no credentials.

https://cloud.google.com/bigquery/docs/reference/rest
"""

import http.client
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from dataform_action.emulator.graph.targets import Target

_POLL_SECONDS = 0.2
_REQUEST_SECONDS = 600.0
_LARGEST_RESPONSE = 100_000_000


class ServerError(Exception):
    """A request that the server refused or did not answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        """Keep the HTTP status; None: there was no response."""
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Job:
    """A job that has ended, with the times of the server; without an error, it succeeded."""

    error: str
    started: float | None
    ended: float | None


@dataclass(frozen=True, slots=True)
class Table:
    """A table or a view in the server."""

    type: str
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class BigQueryServer:
    """A BigQuery server at a URL such as http://127.0.0.1:9050."""

    url: str
    request_seconds: float = _REQUEST_SECONDS
    _path: str = field(init=False)
    _address: str = field(init=False)

    def __post_init__(self) -> None:
        """Raise ValueError for anything but a plain HTTP URL."""
        parts = urlsplit(self.url)
        if parts.scheme != "http" or not parts.hostname or parts.query or parts.username:
            example = "http://127.0.0.1:9050"
            raise ValueError(f"The URL of the BigQuery server must be like {example}: {self.url}")
        object.__setattr__(self, "_address", parts.netloc)
        object.__setattr__(self, "_path", f"{parts.path.rstrip('/')}/bigquery/v2/projects")

    def check(self) -> None:
        """Raise ServerError if the server does not answer."""
        self.call("GET", "my-project/datasets?maxResults=1")

    def run(
        self,
        job: str,
        project: str,
        sql: str,
        location: str,
        labels: Mapping[str, str],
        cancelled: threading.Event,
    ) -> Job:
        """Run a script as a job with this id; return it when it has ended.

        Raise ServerError if the server does not accept it. ``cancelled`` ends the wait.
        """
        body = {
            "jobReference": {"projectId": project, "jobId": job, "location": location},
            "configuration": {
                "labels": dict(labels),
                "query": {"query": sql, "useLegacySql": False},
            },
        }
        data = self.call("POST", f"{project}/jobs", body)
        while data.get("status", {}).get("state") != "DONE" and not cancelled.wait(_POLL_SECONDS):
            query = urlencode({"location": data["jobReference"].get("location", location)})
            data = self.call("GET", f"{project}/jobs/{quote(job, safe='')}?{query}")
        error = data.get("status", {}).get("errorResult", {})
        statistics = data.get("statistics", {})
        return Job(
            error=str(error.get("message") or error.get("reason") or "") if error else "",
            started=_seconds(statistics.get("startTime")),
            ended=_seconds(statistics.get("endTime")),
        )

    def cancel(self, job: str, project: str, location: str) -> None:
        """Cancel a job."""
        query = urlencode({"location": location})
        self.call("POST", f"{project}/jobs/{quote(job, safe='')}/cancel?{query}", {})

    def find_table(self, target: Target) -> Table | None:
        """Return the type and the columns of a table or a view, or None if there is none."""
        data = self.get_table(target)
        if data is None:
            return None
        columns = data.get("schema", {}).get("fields", [])
        return Table(str(data.get("type", "TABLE")), [str(column["name"]) for column in columns])

    def get_table(self, target: Target) -> dict[str, Any] | None:
        """Return the Table resource of a table or a view, or None if there is none."""
        parts = (target.database, "datasets", target.schema, "tables", target.name)
        try:
            return self.call("GET", "/".join(quote(part, safe="") for part in parts))
        except ServerError as error:
            if error.status == 404:
                return None
            raise

    def call(self, method: str, path: str, body: object = None) -> dict[str, Any]:
        """Send JSON to a path inside ``projects``; return the JSON object of the response."""
        content = b"" if body is None else json.dumps(body).encode()
        status, text = self.send(method, path, content)
        try:
            data = json.loads(text or b"{}")
        except ValueError:
            data = None
        if status >= 400 or not isinstance(data, dict):
            raise ServerError(self._describe(method, path, status, data), status)
        return data

    def send(self, method: str, path: str, content: bytes) -> tuple[int, bytes]:
        """Send a request as it is; return the status and the body of the response."""
        connection = http.client.HTTPConnection(self._address, timeout=self.request_seconds)
        try:
            headers = {"Content-Type": "application/json"} if content else {}
            connection.request(method, f"{self._path}/{path}", content or None, headers)
            response = connection.getresponse()
            return response.status, response.read(_LARGEST_RESPONSE)
        except (OSError, http.client.HTTPException) as error:
            reason = str(error) or type(error).__name__
            raise ServerError(f"The BigQuery server at {self.url} fails: {reason}") from error
        finally:
            connection.close()

    def _describe(self, method: str, path: str, status: int, data: object) -> str:
        error = data.get("error") if isinstance(data, dict) else None
        message = error.get("message") if isinstance(error, dict) else None
        if message:
            return f"{message} (HTTP {status} from the BigQuery server)"
        return f"The BigQuery server at {self.url} sent HTTP {status} for {method} {path}"


def _seconds(milliseconds: object) -> float | None:
    return int(milliseconds) / 1000 if isinstance(milliseconds, str) else None
