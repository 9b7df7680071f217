"""A BigQuery server that follows what a test sets, instead of executing SQL."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


class FakeBigQuery:
    """Its tables, and how its jobs end.

    ``failing`` maps a part of a script to the message of its error. ``held`` is a part of scripts
    that are still running until ``release`` is set or the job is cancelled.
    """

    def __init__(self) -> None:
        self.url = ""
        self.tables: dict[str, dict[str, Any]] = {}
        self.labels: dict[str, dict[str, str]] = {}
        self.failing: dict[str, str] = {}
        self.held = ""
        self.release = threading.Event()
        self.answer: Callable[[], tuple[int, bytes]] | None = None
        self.jobs: dict[str, dict[str, Any]] = {}
        self.cancelled: list[str] = []
        self.started = threading.Event()

    def scripts(self) -> list[str]:
        """Return the scripts that were sent, in order."""
        return [job["configuration"]["query"]["query"] for job in self.jobs.values()]

    def respond(self, method: str, path: str, body: Any) -> tuple[int, bytes]:  # noqa: ANN401
        """Return the status and the body of a response."""
        if self.answer is not None:
            return self.answer()
        status, data = self._respond(method, path.split("/")[5:], body)
        return status, b"" if status == 204 else json.dumps(data).encode()

    def _respond(self, method: str, parts: list[str], body: Any) -> tuple[int, object]:  # noqa: ANN401
        match method, parts:
            case "POST", ["jobs"]:
                self.jobs[body["jobReference"]["jobId"]] = body
                self.started.set()
                return 200, self._job(body)
            case "GET", ["jobs", job]:
                return 200, self._job(self.jobs[job])
            case "POST", ["jobs", job, "cancel"]:
                self.cancelled.append(job)
                return 200, {}
            case "GET", ["datasets"]:
                listed = [{"datasetReference": {"datasetId": name}} for name in self.labels]
                return 200, {"datasets": listed}
            case "GET", ["datasets", dataset]:
                return 200, {"labels": self.labels[dataset]}
            case "DELETE", ["datasets", _]:
                return 204, {}
            case "POST", ["queries"]:
                return 200, {"rows": [{"f": [{"v": "7"}]}], "query": body["query"]}
            case "GET", ["datasets", dataset, "tables", table]:
                found = self.tables.get(f"{dataset}.{table}")
                return (200, found) if found else (404, {"error": {"message": "Not found"}})
        return 500, {}

    def _job(self, job: dict[str, Any]) -> dict[str, object]:
        sql = job["configuration"]["query"]["query"]
        held = self.held and self.held in sql and not self.release.is_set()
        messages = [text for part, text in self.failing.items() if part in sql]
        error = {"errorResult": {"message": messages[0]}} if messages else {}
        return {
            "jobReference": job["jobReference"],
            "status": {"state": "RUNNING"} if held else {"state": "DONE", **error},
            "statistics": {"startTime": "1000000"} | ({} if held else {"endTime": "1002500"}),
        }


@contextmanager
def serving() -> Iterator[FakeBigQuery]:
    """Serve on loopback."""
    fake = FakeBigQuery()

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            path = urlsplit(self.path).path
            status, body = fake.respond(self.command, path, json.loads(content or b"null"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _serve  # noqa: N815 (the names are those of the base class)

        def log_message(self, *arguments: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        fake.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield fake
        finally:
            fake.release.set()
            server.shutdown()
            thread.join()
