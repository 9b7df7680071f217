"""A BigQuery server on loopback, from packages that ``make local`` installs."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

_START_SECONDS = 120.0
_STOP_SECONDS = 10.0
_EXTENSIONS = ("icu", "json", "spatial")


class QueryError(Exception):
    """A query that the server refused."""


@contextmanager
def running_server(home: Path) -> Iterator[str]:
    """Run a server until the end of the block; the value is its URL.

    ``home`` is a folder for its files. Its tables are in memory.
    """
    _copy_extensions(home)
    command = [sys.executable, "-m", "bqemulator", "start", "--rest-port", "0", "--grpc-port", "0"]
    process = subprocess.Popen(
        [*command, "--log-format", "json", "--log-level", "info"],
        env={**os.environ, "HOME": str(home), "PYTHONUNBUFFERED": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    listening = _Listening()
    log = threading.Thread(target=listening.read, args=(process,), daemon=True)
    log.start()
    try:
        yield listening.wait()
    finally:
        _stop(process)
        log.join()
        if process.stdout is not None:
            process.stdout.close()


def query(url: str, project: str, sql: str) -> list[list[Any]]:
    """Run SQL; return the rows of its result. Raise QueryError if the server refuses it."""
    root = f"{url}/bigquery/v2/projects/{project}"
    reference = {"projectId": project, "jobId": f"query-{uuid4()}"}
    configuration = {"query": {"query": sql, "useLegacySql": False}}
    job = _call(f"{root}/jobs", {"jobReference": reference, "configuration": configuration})
    error = job["status"].get("errorResult")
    if error is not None:
        raise QueryError(error["message"])
    result = _call(f"{root}/queries/{reference['jobId']}")
    return [[cell["v"] for cell in row["f"]] for row in result.get("rows", ())]


def list_tables(url: str, project: str) -> list[tuple[str, str, int]]:
    """Return the full name, the type and the number of rows of each table and view."""
    root, found = f"{url}/bigquery/v2/projects/{project}/datasets", []
    for dataset in _call(root).get("datasets", ()):
        tables = f"{root}/{dataset['datasetReference']['datasetId']}/tables"
        for table in _call(tables).get("tables", ()):
            parts = table["tableReference"]
            name = ".".join(parts[part] for part in ("projectId", "datasetId", "tableId"))
            # The server does not count inserted rows in the table's own number.
            [[count]] = query(url, project, f"SELECT COUNT(*) FROM `{name}`")  # noqa: S608
            found.append((name, str(table["type"]).lower(), int(count)))
    return sorted(found)


class _Listening:
    """Finds the address in the server's log, and reads the rest of it."""

    def __init__(self) -> None:
        self._found = threading.Event()
        self._address = ""
        self._log: list[str] = []

    def read(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            if self._found.is_set():
                continue
            text = line.decode("utf-8", "replace")
            self._log.append(text)
            with suppress(ValueError):
                entry = json.loads(text)
                if isinstance(entry, dict) and entry.get("event") == "rest.listen":
                    self._address = f"http://{entry['host']}:{entry['port']}"
                    self._found.set()
        self._found.set()

    def wait(self) -> str:
        if not self._found.wait(_START_SECONDS) or not self._address:
            raise SystemExit("The BigQuery server does not start:\n" + "".join(self._log[-20:]))
        return self._address


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _copy_extensions(home: Path) -> None:
    """Copy DuckDB's extensions from their packages: otherwise DuckDB would download them."""
    import duckdb

    [(platform,)] = duckdb.sql("PRAGMA platform").fetchall()
    for name in _EXTENSIONS:
        package = Path(str(files(f"duckdb_extension_{name}")))
        for source in package.glob("extensions/*/*.duckdb_extension"):
            target = home / ".duckdb" / "extensions" / source.parent.name / platform / source.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _call(url: str, body: object = None) -> Any:  # noqa: ANN401
    data = None if body is None else json.dumps(body).encode()
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310
    try:
        with urlopen(request, timeout=_START_SECONDS) as response:  # noqa: S310
            return json.load(response)
    except HTTPError as error:
        raise QueryError(f"HTTP {error.code}: {error.read().decode('utf-8', 'replace')}") from error
